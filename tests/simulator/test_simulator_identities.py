"""Identities of an ad account and their posts."""

from simulator_api import ADVERTISER, BC, HANDLE, OTHER_BC, SECOND_ADVERTISER, Api, pull, push

from simulator.envelope import LOST_ACCOUNT

ZEROS = {"page": 0, "page_size": 0, "total_number": 0, "total_page": 0}


async def test_an_identity_is_seen_only_where_it_is_linked(api: Api) -> None:
    identity = await api.linked()
    query = {"identity_type": "BC_AUTH_TT", "identity_authorized_bc_id": BC}
    here = await api.get("/identity/get/", advertiser_id=ADVERTISER, **query)
    (row,) = here.data["identity_list"]
    assert row["identity_id"] == identity["identity_id"]
    assert (row["username"], row["display_name"]) == (HANDLE, "Ann Official")
    assert row["available_status"] == "AVAILABLE"
    assert here.data["page_info"]["total_number"] == 1
    there = await api.get("/identity/get/", advertiser_id=SECOND_ADVERTISER, **query)
    assert there.data["identity_list"] == []


async def test_page_numbers_are_zero_without_a_type(api: Api) -> None:
    await api.linked()
    answer = await api.get("/identity/get/", advertiser_id=ADVERTISER)
    assert len(answer.data["identity_list"]) == 1
    assert answer.data["page_info"] == ZEROS
    other = await api.get("/identity/get/", advertiser_id=ADVERTISER, identity_type="TT_USER")
    assert other.data["identity_list"] == []


async def test_the_identity_appears_after_link_seconds(api: Api) -> None:
    await api.control("/clock", link_seconds=0.05)
    await api.linked()
    assert (await api.get("/identity/get/", advertiser_id=ADVERTISER)).data["identity_list"] == []
    await api.until(lambda state: state["links"][0]["listed_at"])
    assert len((await api.get("/identity/get/", advertiser_id=ADVERTISER)).data["identity_list"]) == 1


async def test_posts_newest_first_by_cursor(api: Api) -> None:
    posts = [{"text": f"song {number}", "ad_authorized": number != 3} for number in range(45)]
    await api.control("/seed", accounts=[{"handle": "ben", "posts": posts}])
    identity = await api.linked("ben")
    texts: list[str] = []
    cursor = {}
    sizes = []
    while True:
        answer = await api.get("/identity/video/get/", advertiser_id=ADVERTISER, **identity, count=100, **cursor)
        sizes.append(len(answer.data["video_list"]))
        texts += [post["text"] for post in answer.data["video_list"]]
        cursor = {"cursor": answer.data["cursor"]}
        if not answer.data["has_more"]:
            break
    assert sizes == [20, 20, 5]
    assert texts == [f"song {number}" for number in reversed(range(45))]
    authorized = await api.get("/identity/video/get/", advertiser_id=ADVERTISER, **identity)
    assert all(post["auth_info"] for post in authorized.data["video_list"])


async def test_kinds_of_posts(api: Api) -> None:
    identity = {"advertiser_id": ADVERTISER, **await api.linked()}
    videos = await api.get("/identity/video/get/", **identity)
    rows = {post["item_id"][-1]: post for post in videos.data["video_list"]}
    assert set(rows) == {"1", "2", "4", "5"}
    assert rows["2"]["auth_info"] is None
    assert rows["5"]["status"] == "STATUS_ONLY_FRIEND_SEE"
    slides = await api.get("/identity/video/get/", **identity, item_type="CAROUSEL")
    (slide,) = slides.data["video_list"]
    assert slide["video_info"] is None
    assert slide["carousel_info"]["image_info"]
    assert (await api.get("/identity/video/get/", **identity, keyword="x")).code == 40002


async def test_details_of_posts(api: Api) -> None:
    identity = {"advertiser_id": ADVERTISER, **await api.linked()}
    one = await api.get("/identity/video/info/", **identity, item_id="7500000000000000001")
    assert one.data["video_detail"]["text"] == "a song"
    some = await api.get("/identity/video/info/", **identity, item_ids=["7500000000000000001", "1"])
    assert [post["item_id"] for post in some.data["video_details"]] == ["7500000000000000001"]
    await api.control(f"/owners/{HANDLE}", delete_post="7500000000000000001")
    assert (await api.get("/identity/video/info/", **identity, item_id="7500000000000000001")).code == 40002


async def test_whether_the_music_of_a_post_is_cleared(api: Api) -> None:
    posts = [{"item_id": "7511", "text": "a"}, {"item_id": "7512", "text": "b", "music_authorized": False}]
    await api.control("/seed", accounts=[{"handle": HANDLE, "posts": posts}])
    identity = {"advertiser_id": ADVERTISER, **await api.linked()}
    for item_id, cleared in (("7511", True), ("7512", False)):
        answer = await api.get("/identity/music/authorization/", **identity, item_id=item_id)
        assert answer.data == {"item_id": item_id, "music_info": {"is_authorized": cleared}}
    assert (await api.get("/identity/music/authorization/", **identity, item_id="1")).code == 40002


async def test_the_wrong_business_center_loses_the_account(api: Api) -> None:
    identity = {"advertiser_id": ADVERTISER, **await api.linked()}
    wrong = await api.get("/identity/video/get/", **{**identity, "identity_authorized_bc_id": OTHER_BC})
    assert (wrong.code, wrong.message) == (40002, LOST_ACCOUNT)
    assert (await api.get("/identity/info/", **{**identity, "identity_id": "x"})).message == LOST_ACCOUNT


async def test_private_banned_and_political_accounts(api: Api) -> None:
    identity = await api.linked()
    group = await api.adgroup()
    for change, status in (
        ({"is_private": True}, "IS_PRIVATE_ACCOUNT"),
        ({"is_private": False, "is_banned": True}, "NO_VALID_BIND_ACCOUNT"),
        ({"is_banned": False, "is_gpppa": True}, "AVAILABLE"),
    ):
        await api.control(f"/owners/{HANDLE}", **change)
        answer = await api.get("/identity/info/", advertiser_id=ADVERTISER, **identity)
        assert answer.data["identity_info"]["available_status"] == status
        assert (await api.create(group, pull(identity))).code == 40002
    assert answer.data["identity_info"]["is_gpppa"] is True
    await api.control(f"/owners/{HANDLE}", is_gpppa=False)
    assert (await api.create(group, pull(identity))).code == 0


async def test_a_renamed_account_keeps_its_identity(api: Api) -> None:
    identity = await api.linked()
    await api.control(f"/owners/{HANDLE}", handle="ann.music")
    answer = await api.get("/identity/info/", advertiser_id=ADVERTISER, **identity)
    assert answer.data["identity_info"]["username"] == "ann.music"
    await api.control("/config", show_handles=False)
    assets = await api.get("/bc/asset/admin/get/", bc_id=BC, asset_type="TT_ACCOUNT")
    assert "tt_asset_handle" not in assets.data["list"][0]


async def test_who_may_only_publish_sees_only_what_was_published(api: Api) -> None:
    identity = await api.linked(posts=False, videos=True)
    media = await api.push_media()
    group = await api.adgroup()
    assert (await api.create(group, pull(identity))).code == 40002
    assert (await api.create(group, push(identity, media))).code == 0
    await api.until(lambda state: state["ads"][0]["tiktok_item_id"])
    answer = await api.get("/identity/video/get/", advertiser_id=ADVERTISER, **identity)
    assert [post["text"] for post in answer.data["video_list"]] == ["out now"]
    hidden = await api.get("/identity/video/get/", advertiser_id=ADVERTISER, **identity, exclude_adsonly=True)
    assert hidden.data["video_list"] == []


async def test_quota_of_an_identity(api: Api) -> None:
    identity = await api.linked()
    await api.control("/config", ads_per_identity=1)
    group = await api.adgroup()
    made = await api.create(group, pull(identity))
    query = {"advertiser_id": ADVERTISER, "asset_id": identity["identity_id"], "asset_type": "IDENTITY"}
    full = await api.get("/asset/bind/quota/", **query)
    assert full.data == {"total_quota": 1, "used_quota": 1, "available_quota": 0}
    assert (await api.create(group, pull(identity))).code == 40502
    await api.post(
        "/ad/status/update/", advertiser_id=ADVERTISER, ad_ids=made.data["ad_ids"], operation_status="DELETE"
    )
    assert (await api.create(group, pull(identity))).code == 0
