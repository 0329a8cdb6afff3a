"""Identities of an ad account and their posts."""

import pytest
from simulator_api import ADVERTISER, BC, HANDLE, OTHER_BC, SECOND_ADVERTISER, Answer, Api, pull, push

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


async def test_kinds_of_posts(api: Api) -> None:
    identity = {"advertiser_id": ADVERTISER, **await api.linked()}
    videos = await api.get("/identity/video/get/", **identity)
    rows = {post["item_id"][-1]: post for post in videos.data["video_list"]}
    assert set(rows) == {"1", "2", "4", "5"}
    for row in rows.values():
        assert (row["auth_info"], row["anchor_list"]) == (None, None)
        assert not {"item_type", "carousel_info"} & row.keys()
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
    await api.control("/config", empty_details=True)
    one = await api.get("/identity/video/info/", **identity, item_id="7500000000000000001")
    assert (one.data["video_detail"]["text"], one.data["video_details"]) == ("a song", [])
    await api.control(f"/owners/{HANDLE}", delete_post="7500000000000000001")
    gone = await api.get("/identity/video/info/", **identity, item_id="7500000000000000001")
    assert gone.code == 40000
    assert "valid item" in gone.message


async def test_a_photo_post_is_found_as_carousel_only(api: Api) -> None:
    identity = {"advertiser_id": ADVERTISER, **await api.linked()}
    photo = "7500000000000000003"
    assert (await api.get("/identity/video/info/", **identity, item_id=photo)).code == 40000
    assert (await api.get("/identity/video/info/", **identity, item_ids=[photo])).data["video_details"] == []
    as_carousel = await api.get("/identity/video/info/", **identity, item_id=photo, item_type="CAROUSEL")
    detail = as_carousel.data["video_detail"]
    assert (detail["video_info"], detail["carousel_info"]["image_info"][0]["image_width"]) == (None, 720)
    many = await api.get("/identity/video/info/", **identity, item_ids=[photo], item_type="CAROUSEL")
    assert [(post["item_id"], post["item_type"]) for post in many.data["video_details"]] == [(photo, "CAROUSEL")]
    await api.control("/config", details_say_type=False)
    unsaid = await api.get("/identity/video/info/", **identity, item_ids=[photo], item_type="CAROUSEL")
    assert ["item_type" in post for post in unsaid.data["video_details"]] == [False]


async def test_whether_the_music_of_a_post_is_cleared(api: Api) -> None:  # R13
    song = {"title": "Blue", "author": "Ann"}
    posts = [
        {"item_id": "7511", "text": "a", "music": song},
        {"item_id": "7512", "text": "b", "music": song, "music_authorized": False},
        {"item_id": "7513", "text": "c", "music": None},
    ]
    await api.control("/seed", accounts=[{"handle": HANDLE, "posts": posts}])
    linked = await api.linked()
    use = {"locations": ["2186224"], "start_time": "2027-01-01 00:00:00", "end_time": "2027-02-01 00:00:00"}
    identity = {"advertiser_id": ADVERTISER, **linked}

    async def ask(item_id: str, **other: object) -> Answer:
        return await api.get("/identity/music/authorization/", **identity, **{**use, **other}, item_id=item_id)

    def cleared(answer: Answer) -> tuple[str, list[tuple[str, str, str]]]:
        (one,) = answer.data["music_authorization"]
        songs = one["authorization_infos"]
        return one["music_status"], [(song["title"], song["author"], song["authorization_type"]) for song in songs]

    assert cleared(await ask("7511")) == ("WITH_FULL_AUTHORIZATION", [("Blue", "Ann", "AUTHORIZED")])
    assert cleared(await ask("7512")) == ("AUTHORIZATION_MISSING", [("Blue", "Ann", "NOT_AUTHORIZED")])
    assert cleared(await ask("7513")) == ("WITHOUT_SONG_ID", [])
    assert (await ask("1")).code == 40000
    silent = await api.get("/identity/music/authorization/", **identity, item_id="7511")
    assert (silent.code, silent.message) == (40002, "Missing required field(s): locations, start_time, end_time.")
    for wrong in ({"locations": ["5"]}, {"start_time": "2027-01-01"}, {"end_time": "2026-12-01 00:00:00"}):
        assert (await ask("7511", **wrong)).code == 40002
    # Whoever promotes such a post all the same has an ad that does not run.
    await api.create(await api.adgroup(), pull(linked, "7512"))
    assert [ad["secondary_status"] for ad in await api.ads()] == ["AD_STATUS_MUSIC_AUTHORIZATION_MISSING"]


@pytest.mark.parametrize(("taken", "codes"), [("ids", (0, 40002)), ("codes", (40002, 0)), ("both", (0, 0))])
async def test_places_of_music_by_id_or_by_country(api: Api, taken: str, codes: tuple[int, int]) -> None:
    identity = {"advertiser_id": ADVERTISER, **await api.linked(), "item_id": "7500000000000000001"}
    times = {"start_time": "2027-01-01 00:00:00", "end_time": "2027-02-01 00:00:00"}
    await api.control("/config", music_locations=taken)
    for places, code in zip((["2186224"], ["NZ"]), codes, strict=True):
        answer = await api.get("/identity/music/authorization/", **identity, **times, locations=places)
        assert answer.code == code


@pytest.mark.parametrize(
    ("swapped", "status"), [(False, "STATUS_ONLY_FRIEND_SEE"), (True, "ITEM_STATUS_ONLY_AUTHOR_SEE")]
)
async def test_who_sees_a_post_by_both_readings(api: Api, swapped: bool, status: str) -> None:  # noqa: FBT001 - a reading
    await api.control("/config", swapped_details=swapped)
    identity = {"advertiser_id": ADVERTISER, **await api.linked()}
    some = await api.get("/identity/video/info/", **identity, item_ids=["7500000000000000005", "7500000000000000001"])
    assert [post["status"] for post in some.data["video_details"]] == [status, "ITEM_STATUS_HESITATE_RECOMMEND"]
    one = await api.get("/identity/video/info/", **identity, item_id="7500000000000000005")
    assert one.data["video_detail"]["status"] == "STATUS_ONLY_FRIEND_SEE"


async def test_posts_that_are_not_public(api: Api) -> None:
    identity, group = await api.linked(ads_only=True), await api.adgroup()
    friends = "7500000000000000005"
    assert (await api.create(group, pull(identity, friends))).code == 0
    await api.control("/config", private_posts="refuse")
    refused = await api.create(group, pull(identity, friends))
    assert "is not public" in refused.message
    assert (await api.create(group, pull(identity))).code == 0


async def test_identities_without_naming_the_business_center(api: Api) -> None:
    await api.linked()
    query = {"advertiser_id": ADVERTISER, "identity_type": "BC_AUTH_TT"}
    refused = await api.get("/identity/get/", **query)
    assert refused.message == "Missing required field(s): identity_authorized_bc_id."
    for reading, found in (("empty", 0), ("list", 1)):
        await api.control("/config", identity_without_bc=reading)
        answer = await api.get("/identity/get/", **query)
        assert (len(answer.data["identity_list"]), answer.data["page_info"]) == (found, ZEROS)
    await api.control("/config", identity_page_info="zeros", handle_field="user_name")
    named = await api.get("/identity/get/", **query, identity_authorized_bc_id=BC)
    (row,) = named.data["identity_list"]
    assert (row["user_name"], "username" in row, named.data["page_info"]) == (HANDLE, False, ZEROS)


async def test_an_identity_can_be_made_up_but_is_no_spark_ad(api: Api) -> None:
    scope = {"advertiser_id": ADVERTISER}
    made = await api.post("/identity/create/", **scope, display_name="The Label")
    assert (await api.post("/identity/create/", **scope, display_name="x" * 101)).code == 40002
    query = {**scope, "identity_type": "CUSTOMIZED_USER"}
    listed = await api.get("/identity/get/", **query, filtering={"keyword": "label"})
    (row,) = listed.data["identity_list"]
    assert (row["identity_id"], row["identity_authorized_bc_id"]) == (made.data["identity_id"], None)
    assert "can_push_video" not in row
    identity = {"identity_type": "CUSTOMIZED_USER", "identity_id": made.data["identity_id"]}
    assert (await api.create(await api.adgroup(), pull(identity))).code == 40002
    assert (await api.post("/identity/delete/", **scope, **identity)).code == 0
    assert (await api.post("/identity/delete/", **scope, **identity)).code == 40002
    assert (await api.get("/identity/get/", **query)).data["identity_list"] == []


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
    for status in ("SCOPE_UNAVAILABLE", "NOT_BUSINESS_ACCOUNT"):
        await api.control(f"/owners/{HANDLE}", available_status=status)
        answer = await api.get("/identity/info/", advertiser_id=ADVERTISER, **identity)
        assert answer.data["identity_info"]["available_status"] == status
        assert status in (await api.create(group, pull(identity))).message
    await api.control(f"/owners/{HANDLE}", available_status="AVAILABLE")
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
