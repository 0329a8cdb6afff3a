"""Campaigns, ad groups, ads: rules, review, posts, and what happens when consent ends."""

import asyncio
from typing import Any

import pytest
from simulator_api import ADVERTISER, BC, HANDLE, OTHER_BC, SECOND_ADVERTISER, Api, adgroup_fields, pull, push

from simulator.envelope import LOST_ACCOUNT

CAMPAIGN: dict[str, Any] = {
    "advertiser_id": ADVERTISER,
    "objective_type": "TRAFFIC",
    "campaign_name": "release",
    "budget_mode": "BUDGET_MODE_DAY",
    "budget": 100,
}


async def test_campaign_names_and_request_ids(api: Api) -> None:
    first = await api.post("/campaign/create/", **CAMPAIGN)
    assert first.data["secondary_status"] == "CAMPAIGN_STATUS_ENABLE"
    assert (await api.post("/campaign/create/", **CAMPAIGN)).code == 40002
    assert (await api.post("/campaign/create/", **CAMPAIGN, request_id="17")).code == 0
    assert (await api.post("/campaign/create/", **CAMPAIGN, request_id="17")).code == 40050
    assert (await api.post("/campaign/create/", **CAMPAIGN, request_id="x")).code == 40002
    await api.control("/config", duplicate_request_code=40002)
    assert (await api.post("/campaign/create/", **CAMPAIGN, request_id="17")).code == 40002
    listed = await api.get("/campaign/get/", advertiser_id=ADVERTISER, fields=["campaign_name"])
    assert listed.data["list"] == [{"campaign_name": "release"}] * 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"objective_type": "FAME"}, 40002),
        ({"campaign_name": "hit \U0001f525"}, 40002),
        ({"campaign_name": "歌" * 257}, 40002),
        ({"campaign_name": "歌" * 256}, 0),
        ({"budget": None}, 40002),
        ({"budget": 1}, 51009),
        ({"budget": "100"}, 40002),
        ({"budget_mode": None}, 40002),
    ],
)
async def test_campaign_rules(api: Api, change: dict[str, Any], code: int) -> None:
    assert (await api.post("/campaign/create/", **{**CAMPAIGN, **change})).code == code


@pytest.mark.parametrize(
    "change",
    [
        {"placements": None},
        {"location_ids": None},
        {"budget_mode": None},
        {"schedule_start_time": "tomorrow"},
        {"schedule_start_time": "2020-01-01 00:00:00"},
        {"schedule_type": "SCHEDULE_START_END"},
        {"optimization_goal": "CONVERT"},
        {"bid_type": "BID_TYPE_CUSTOM"},
        {"pacing": None},
        {"dayparting": "101"},
    ],
)
async def test_adgroup_rules(api: Api, change: dict[str, Any]) -> None:
    campaign = await api.post("/campaign/create/", **CAMPAIGN)
    body = {
        **adgroup_fields(),
        "promotion_type": "WEBSITE",
        "budget_mode": "BUDGET_MODE_DYNAMIC_DAILY_BUDGET",
        "campaign_id": campaign.data["campaign_id"],
        "adgroup_name": "group",
    }
    assert (await api.post("/adgroup/create/", **{**body, **change})).code == 40002
    assert (await api.post("/adgroup/create/", **body)).code == 0
    assert (await api.post("/adgroup/create/", **body)).code == 40002, "the name is taken"


async def test_changing_campaigns_and_ad_groups(api: Api) -> None:
    group = await api.adgroup()
    row = (await api.get("/adgroup/get/", advertiser_id=ADVERTISER)).data["list"][0]
    renamed = await api.post(
        "/adgroup/update/", advertiser_id=ADVERTISER, adgroup_id=group, adgroup_name="new", budget=70
    )
    assert (renamed.data["adgroup_name"], renamed.data["budget"]) == ("new", 70)
    campaign = await api.post(
        "/campaign/update/", advertiser_id=ADVERTISER, campaign_id=row["campaign_id"], campaign_name="other"
    )
    assert campaign.data["campaign_name"] == "other"
    too_many = await api.post(
        "/adgroup/status/update/", advertiser_id=ADVERTISER, adgroup_ids=[group] * 21, operation_status="DISABLE"
    )
    assert too_many.code == 40002
    partly = await api.post(
        "/adgroup/status/update/",
        advertiser_id=ADVERTISER,
        adgroup_ids=[group, "1"],
        operation_status="DISABLE",
        allow_partial_success=True,
    )
    assert (partly.code, partly.data["adgroup_ids"]) == (20001, [group])


async def test_pull_uses_a_post(api: Api) -> None:  # R13
    identity = await api.linked()
    group = await api.adgroup()
    answer = await api.create(group, pull(identity, call_to_action="LEARN_MORE", landing_page_url="https://x.example"))
    (row,) = answer.data["creatives"]
    assert (row["tiktok_item_id"], row["video_id"], row["image_ids"]) == ("7500000000000000001", None, [])
    assert row["promotional_music_disabled"] is True
    assert "dark_post_status" not in row
    assert (row["display_name"], row["ad_text"], row["page_id"]) == ("Ann Official", "a song", None)
    assert (row["deeplink"], row["profile_image_url"], row["tracking_pixel_id"]) == ("", "", 0)
    assert "secondary_status" not in row
    assert answer.data["need_audit"] is False
    (ad,) = await api.ads(adgroup_ids=[group])
    assert ad["ad_id"] == answer.data["ad_ids"][0]
    assert ad["secondary_status"] == "AD_STATUS_DELIVERY_OK"


async def test_pull_makes_a_hidden_post_public_unless_ads_only(api: Api) -> None:
    identity = await api.linked()
    assert (await api.create(await api.adgroup(), pull(identity, "7500000000000000005"))).code == 0
    state = await api.state()
    assert state["accounts"][0]["posts"][4]["status"] == "PUBLIC"


@pytest.mark.parametrize(("dark", "visible"), [("ON", "ads_only"), ("OFF", "profile")])
async def test_push_makes_a_post_once_reviewed(api: Api, dark: str, visible: str) -> None:  # R13
    await api.control("/clock", review_seconds=0.05, post_id_seconds=0.05)
    identity = await api.linked()
    media = await api.push_media()
    answer = await api.create(await api.adgroup(), push(identity, media, dark_post_status=dark))
    (row,) = answer.data["creatives"]
    assert "tiktok_item_id" not in row
    assert (row["dark_post_status"], row["branded_content_disabled"]) == (dark, False)
    state = await api.until(lambda state: state["ads"][0]["tiktok_item_id"])
    (ad,), post = state["ads"], state["accounts"][0]["posts"][-1]
    assert (ad["mode"], ad["tiktok_item_id"]) == ("push", post["item_id"])
    assert (post["origin"], post["ad_id"], post["visible"], post["text"]) == ("ad", ad["ad_id"], visible, "out now")
    assert ad["created_at"] < ad["reviewed_at"] == post["published_at"]
    (shown,) = await api.ads()
    assert shown["tiktok_item_id"] == post["item_id"]
    # Neither pausing nor deleting the ad takes the post down.
    await api.post("/ad/status/update/", advertiser_id=ADVERTISER, ad_ids=[ad["ad_id"]], operation_status="DELETE")
    assert (await api.state())["accounts"][0]["posts"][-1]["deleted"] is False


async def test_an_ad_is_listed_later_than_it_is_made(api: Api) -> None:
    identity, group = await api.linked(), await api.adgroup()
    await api.control("/clock", ad_list_seconds=3600)
    hidden = await api.create(group, pull(identity))
    await api.control("/clock", ad_list_seconds=0.2)
    await api.create(group, pull(identity))
    ids = [ad["ad_id"] for ad in (await api.state())["ads"]]
    assert hidden.data["ad_ids"] == ids[:1]
    assert ids[0] not in {ad["ad_id"] for ad in await api.ads()}
    while not await api.ads():
        await asyncio.sleep(0.02)
    assert [ad["ad_id"] for ad in await api.ads()] == ids[1:]
    # One that is known by its id can be switched all the same.
    switched = await api.post("/ad/status/update/", advertiser_id=ADVERTISER, ad_ids=ids, operation_status="DISABLE")
    assert switched.code == 0


async def test_a_disabled_ad_is_reviewed_and_waits(api: Api) -> None:
    identity = await api.linked()
    answer = await api.create(await api.adgroup(), pull(identity, operation_status="DISABLE"))
    state = await api.until(lambda state: state["ads"][0]["reviewed_at"])
    (ad,) = state["ads"]
    assert (ad["secondary_status"], ad["enabled_at"]) == ("AD_STATUS_DISABLE", None)
    ids = answer.data["ad_ids"]
    review = await api.get("/ad/review_info/", advertiser_id=ADVERTISER, ad_ids=ids)
    assert review.data["ad_review_map"][ids[0]]["is_approved"] is True
    await api.post("/ad/status/update/", advertiser_id=ADVERTISER, ad_ids=ids, operation_status="ENABLE")
    (ad,) = (await api.state())["ads"]
    assert ad["secondary_status"] == "AD_STATUS_DELIVERY_OK"
    assert ad["created_at"] < ad["enabled_at"]


async def test_review_refuses_seeded_words(api: Api) -> None:
    await api.control("/config", deny_words=["Forbidden"])
    identity = await api.linked()
    media = await api.push_media()
    answer = await api.create(await api.adgroup(), push(identity, media, ad_text="a forbidden thing"))
    state = await api.until(lambda state: state["ads"][0]["reviewed_at"])
    assert state["ads"][0]["secondary_status"] == "AD_STATUS_AUDIT_DENY"
    assert all(post["origin"] == "organic" for post in state["accounts"][0]["posts"]), "nothing was published"
    ids = answer.data["ad_ids"]
    review = await api.get("/ad/review_info/", advertiser_id=ADVERTISER, ad_ids=ids)
    verdict = review.data["ad_review_map"][ids[0]]
    assert (verdict["is_approved"], verdict["review_status"]) == (False, "UNAVAILABLE")
    assert verdict["reject_info"][0]["reasons"] == [
        "The ad text contains wording that is not allowed: Forbidden",
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"identity_authorized_bc_id": OTHER_BC}, LOST_ACCOUNT),
        ({"identity_id": "unknown"}, LOST_ACCOUNT),
        ({"identity_authorized_bc_id": None}, "Missing required field(s): identity_authorized_bc_id."),
        ({"ad_format": "CAROUSEL_ADS"}, "only photo posts can be delivered as carousel"),
        ({"tiktok_item_id": "7500000000000000003"}, "a photo post can only be delivered as carousel"),
        ({"tiktok_item_id": "7500000000000000002"}, "is not authorized for ads"),
        ({"tiktok_item_id": "7599999999999999999"}, "is not available"),
        ({"dark_post_status": "ON"}, "dark_post_status"),
        ({"video_id": "v1"}, "cannot be combined"),
        ({"call_to_action": None}, "Missing required field(s): call_to_action."),
        ({"ad_name": "x" * 513}, "ad_name"),
        ({"identity_type": "CUSTOMIZED_USER"}, "CUSTOMIZED_USER"),
    ],
)
async def test_pull_refusals(api: Api, change: dict[str, Any], text: str) -> None:
    identity = await api.linked()
    answer = await api.create(await api.adgroup(), pull(identity) | change)
    assert answer.code == 40002
    assert text in answer.message
    assert (await api.state())["ads"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ad_text": ""}, 40002),
        ({"ad_text": "x" * 101}, 40002),
        ({"ad_text": "fire \U0001f525"}, 40002),
        ({"image_ids": []}, 40002),
        ({"image_ids": ["nothing"]}, 40905),
        ({"video_id": None}, 40002),
        ({"video_id": "nothing"}, 40053),
        ({"dark_post_status": "MAYBE"}, 40002),
        ({"ad_name": None}, 40002),
    ],
)
async def test_push_refusals(api: Api, change: dict[str, Any], code: int) -> None:
    identity = await api.linked()
    media = await api.push_media()
    assert (await api.create(await api.adgroup(), push(identity, media) | change)).code == code


async def test_ads_only_forbids_the_profile(api: Api) -> None:  # R7
    identity = await api.linked(ads_only=True)
    media = await api.push_media()
    group = await api.adgroup()
    assert (await api.create(group, push(identity, media, dark_post_status="OFF"))).code == 40002
    assert (await api.create(group, push(identity, media, dark_post_status="ON"))).code == 0
    # An ad account can forbid it, too; and without a word the platform's default is ON.
    await api.linked(ads_only=False)
    await api.control("/seed", business_centers=[{"bc_id": BC, "ad_accounts": [ads_only_account()]}])
    assert (await api.create(group, push(identity, media, dark_post_status="OFF"))).code == 40002
    silent = await api.create(group, push(identity, media, dark_post_status=None))
    assert silent.data["creatives"][0]["dark_post_status"] == "ON"


def ads_only_account() -> dict[str, Any]:
    return {"advertiser_id": ADVERTISER, "ads_only_mode": True}


async def test_push_needs_the_owners_consent_to_publish(api: Api) -> None:  # R7
    identity = await api.linked(videos=False)
    media = await api.push_media()
    assert (await api.create(await api.adgroup(), push(identity, media))).code == 40002


async def test_creating_is_not_idempotent(api: Api) -> None:
    identity = await api.linked()
    group = await api.adgroup()
    first, second = await api.create(group, pull(identity)), await api.create(group, pull(identity))
    assert first.data["ad_ids"] != second.data["ad_ids"]
    assert len(await api.ads()) == 2


async def test_one_bad_creative_refuses_the_batch(api: Api) -> None:
    identity = await api.linked()
    group = await api.adgroup()
    batch = [pull(identity, ad_name="good"), pull(identity, "1", ad_name="bad"), pull(identity, ad_name="fine")]
    assert (await api.create(group, *batch)).code == 40002
    assert await api.ads() == []
    await api.control("/config", batch_partial="partial_20001")
    partly = await api.create(group, *batch)
    assert partly.code == 20001
    assert [row["ad_name"] for row in partly.data["creatives"]] == ["good", "fine"]
    assert [(one["index"], one["code"]) for one in partly.data["error_list"]] == [(1, 40002)]
    assert (await api.create(group, batch[1])).code == 40002, "nothing to be partial about"
    assert (await api.create(group, *[pull(identity)] * 21)).code == 40002
    assert (await api.create(group)).code == 40002


async def test_ads_of_an_ad_group_are_limited(api: Api) -> None:
    await api.control("/config", ads_per_adgroup=3)
    identity = await api.linked()
    group = await api.adgroup()
    assert (await api.create(group, *[pull(identity)] * 2)).code == 0
    assert (await api.create(group, *[pull(identity)] * 2)).code == 40502
    assert (await api.create(group, pull(identity))).code == 0
    assert (await api.create(group, pull(identity))).code == 40502


async def test_deleted_ads_are_hidden_and_cannot_change(api: Api) -> None:
    identity = await api.linked()
    group = await api.adgroup()
    ids = (await api.create(group, pull(identity), pull(identity))).data["ad_ids"]
    change = {"advertiser_id": ADVERTISER, "ad_ids": ids[:1]}
    assert (await api.post("/ad/status/update/", **change, operation_status="DELETE")).code == 0
    assert (await api.post("/ad/status/update/", **change, operation_status="ENABLE")).code == 40002
    gone = await api.post("/ad/status/update/", **{**change, "ad_ids": ["1"]}, operation_status="ENABLE")
    assert (gone.code, gone.message) == (40007, "The ad 1 does not exist.")
    assert [ad["ad_id"] for ad in await api.ads()] == ids[1:]
    assert [ad["ad_id"] for ad in await api.ads(primary_status="STATUS_DELETE")] == ids[:1]
    assert len(await api.ads(primary_status="STATUS_ALL")) == 2


async def test_filters_of_ads(api: Api) -> None:
    identity = await api.linked()
    first, second = await api.adgroup("one"), await api.adgroup("two")
    await api.create(first, pull(identity), pull(identity, operation_status="DISABLE"))
    await api.create(second, pull(identity))
    await api.until(lambda state: all(ad["reviewed_at"] for ad in state["ads"]))
    assert len(await api.ads(adgroup_ids=[first])) == 2
    assert len(await api.ads(secondary_status="AD_STATUS_DELIVERY_OK")) == 2
    assert len(await api.ads(primary_status="STATUS_DISABLE")) == 1
    assert (len(await api.ads(objective_type="REACH")), await api.ads(objective_type="TRAFFIC")) == (3, [])
    assert len(await api.ads(modified_after="2020-01-01 00:00:00")) == 3
    assert await api.ads(modified_after="2099-01-01 00:00:00") == []
    refused = await api.get(
        "/ad/get/",
        advertiser_id=ADVERTISER,
        filtering={"secondary_status": "AD_STATUS_ASSET_AUTHORIZATION_LOST"},
    )
    assert refused.code == 40002
    lean = await api.get(
        "/ad/get/", advertiser_id=ADVERTISER, exclude_field_types_in_response=["NULL_FIELD"], page_size=1
    )
    assert None not in lean.data["list"][0].values()
    assert lean.data["page_info"] == {"page": 1, "page_size": 1, "total_number": 3, "total_page": 3}


async def test_switching_off_what_is_above(api: Api) -> None:
    identity = await api.linked()
    group = await api.adgroup()
    await api.create(group, pull(identity))
    change = {"advertiser_id": ADVERTISER, "adgroup_ids": [group]}
    await api.post("/adgroup/status/update/", **change, operation_status="DISABLE")
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_ADGROUP_DISABLE"
    await api.post("/adgroup/status/update/", **change, operation_status="DELETE")
    assert await api.ads() == []
    assert (await api.create(group, pull(identity))).code == 40002


async def test_an_ad_group_starts_and_ends_on_schedule(api: Api) -> None:
    identity = await api.linked()
    later = {"schedule_start_time": "2027-12-01 00:00:00", "schedule_end_time": "2028-02-01 00:00:00"}
    group = await api.adgroup(schedule_type="SCHEDULE_START_END", **later)
    await api.create(group, pull(identity))
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_NOT_START"
    await api.control("/clock", ahead_seconds=4 * 365 * 86_400)
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_DONE"


async def test_changing_an_ad_reviews_it_again_but_never_its_caption(api: Api) -> None:
    identity = await api.linked()
    media = await api.push_media()
    group = await api.adgroup()
    ad_id = (await api.create(group, push(identity, media))).data["ad_ids"][0]
    await api.until(lambda state: state["ads"][0]["tiktok_item_id"])
    await api.control("/clock", review_seconds=60)
    change = {"advertiser_id": ADVERTISER, "adgroup_id": group, "patch_update": True}
    caption = await api.post("/ad/update/", **change, creatives=[{"ad_id": ad_id, "ad_text": "other"}])
    assert caption.code == 40002
    renamed = await api.post("/ad/update/", **change, creatives=[{"ad_id": ad_id, "ad_name": "new"}])
    assert renamed.data["creatives"][0]["ad_name"] == "new"
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_DELIVERY_OK"
    changed = await api.post("/ad/update/", **change, creatives=[{"ad_id": ad_id, "call_to_action": "SHOP_NOW"}])
    assert changed.code == 0
    (shown,) = await api.ads()
    assert (shown["secondary_status"], shown["call_to_action"]) == ("AD_STATUS_REAUDIT", "SHOP_NOW")


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("owner", "AD_STATUS_CREATOR_AUTHORIZATION_REVOKED"),
        ("admin", "AD_STATUS_ASSET_AUTHORIZATION_LOST"),
        ("unlink", "AD_STATUS_ASSET_AUTHORIZATION_LOST"),
    ],
)
async def test_when_consent_ends_ads_stop_and_posts_stay(api: Api, ending: str, status: str) -> None:  # R10, R15
    identity = await api.linked()
    media = await api.push_media()
    group = await api.adgroup()
    await api.create(group, push(identity, media), pull(identity))
    state = await api.until(lambda state: state["ads"][0]["tiktok_item_id"])
    asset_id = state["accounts"][0]["asset_id"]
    await api.control("/clock", review_seconds=60)
    await api.create(group, push(identity, media))
    if ending == "owner":
        await api.control(f"/owners/{HANDLE}/revoke", bc_id=BC)
    elif ending == "admin":
        answer = await api.post("/bc/asset/admin/delete/", bc_id=BC, asset_ids=[asset_id], asset_type="TT_ACCOUNT")
        assert answer.code == 0
    else:
        link = {"bc_id": BC, "asset_id": asset_id, "asset_type": "TT_ACCOUNT", "advertiser_id": ADVERTISER}
        assert (await api.post("/bc/asset/advertiser/unassign/", **link)).code == 0
    assert [ad["secondary_status"] for ad in await api.ads()] == [status] * 3
    assert len(await api.ads(primary_status="STATUS_NOT_DELIVERY")) == 3
    assert (await api.get("/identity/get/", advertiser_id=ADVERTISER)).data["identity_list"] == []
    assert (await api.create(group, pull(identity))).message == LOST_ACCOUNT
    posts = [post for post in (await api.state())["accounts"][0]["posts"] if post["origin"] == "ad"]
    assert len(posts) == 1
    assert posts[0]["deleted"] is False
    held = await api.get("/bc/asset/admin/get/", bc_id=BC, asset_type="TT_ACCOUNT")
    assert len(held.data["list"]) == (1 if ending == "unlink" else 0)
    # A new consent gives the same identity.
    assert (await api.linked())["identity_id"] == identity["identity_id"]


async def test_a_deleted_post_stops_its_ad(api: Api) -> None:
    identity = await api.linked()
    await api.create(await api.adgroup(), pull(identity))
    await api.control(f"/owners/{HANDLE}", delete_post="7500000000000000001")
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_ASSET_AUTHORIZATION_LOST"


async def test_links_are_per_ad_account(api: Api) -> None:
    identity = await api.linked(advertiser_id=SECOND_ADVERTISER)
    assert (await api.create(await api.adgroup(), pull(identity))).message == LOST_ACCOUNT


async def test_created_ads_can_be_named_without_being_described(api: Api) -> None:
    identity, adgroup_id = await api.linked(), await api.adgroup()
    await api.control("/config", describe_created=False)
    await api.control("/clock", ad_list_seconds=3600)

    created = await api.create(adgroup_id, pull(identity))

    assert created.code == 0
    assert len(created.data["ad_ids"]) == 1
    assert created.data["creatives"] == []
    assert await api.ads() == []
    await api.control("/config", describe_created=True)
    described = await api.create(adgroup_id, pull(identity))
    assert [one["ad_id"] for one in described.data["creatives"]] == described.data["ad_ids"]
