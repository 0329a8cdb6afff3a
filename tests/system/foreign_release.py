"""One release that each client nobody here wrote carries out: what its program is told, and what has to come of it.

A program reads its task from a JSON file and prints, as JSON, what its client got. Links between TikTok accounts and ad
accounts are made beforehand: none of these clients has that call.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.simulator.simulator_api import ADVERTISER, BC, HANDLE, MEMBER, TOKEN, Api, mp4, png, signature

POST = "7500000000000000001"
PHOTO_POST = "7500000000000000003"
CALL = {"call_to_action": "LEARN_MORE", "landing_page_url": "https://label.example/song"}


async def task(api: Api, folder: Path) -> Path:
    """Link an account and write down what a program needs to know, in TikTok's own words where it has some."""
    await api.linked()
    video, cover = folder / "song.mp4", folder / "cover.png"
    video.write_bytes(mp4())
    cover.write_bytes(png())
    told = folder / "task.json"
    told.write_text(
        json.dumps(
            {
                "url": api.url,
                "token": TOKEN,
                "bc_id": BC,
                "advertiser_id": ADVERTISER,
                "user_id": MEMBER,
                "item_id": POST,
                "video": str(video),
                "cover": str(cover),
                "campaign": {
                    "objective_type": "TRAFFIC",
                    "campaign_name": "release",
                    "budget_mode": "BUDGET_MODE_INFINITE",
                },
                "adgroup": {
                    "adgroup_name": "release of the song",
                    "promotion_type": "WEBSITE",
                    "placement_type": "PLACEMENT_TYPE_NORMAL",
                    "placements": ["PLACEMENT_TIKTOK"],
                    "location_ids": ["6252001"],
                    "budget_mode": "BUDGET_MODE_DYNAMIC_DAILY_BUDGET",
                    "budget": 50,
                    "schedule_type": "SCHEDULE_FROM_NOW",
                    "schedule_start_time": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
                    "optimization_goal": "CLICK",
                    "billing_event": "CPC",
                    "bid_type": "BID_TYPE_NO_BID",
                    "pacing": "PACING_MODE_SMOOTH",
                },
                # Without an identity: each client finds it.
                "pull": {"ad_name": "pull", "ad_format": "SINGLE_VIDEO", "tiktok_item_id": POST, **CALL},
                "photos": {"ad_name": "photos", "ad_format": "CAROUSEL_ADS", "tiktok_item_id": PHOTO_POST, **CALL},
                "push": {
                    "ad_name": "push",
                    "ad_format": "SINGLE_VIDEO",
                    "ad_text": "out now",
                    "dark_post_status": "OFF",
                    **CALL,
                },
            }
        )
    )
    return told


async def check_release(api: Api, said: dict[str, Any]) -> None:
    """What a client read, and what it put up: as it was told, and as it is."""
    state = await api.state()
    _check_business_center(said)
    _check_identity(state, said)
    _check_files(state, said)
    _check_ads(state, said)


async def check_official(api: Api, said: dict[str, Any]) -> None:
    """The same, and what TikTok's own SDKs do besides: a member's access, and several ads at once."""
    await check_release(api, said)
    assert said["library"]["list"][0]["signature"] == said["video"]["signature"]
    assert said["created"]["ad_ids"] == [ad["ad_id"] for ad in said["created"]["creatives"]]
    assert "40105" in said["refused"]
    (grant,) = (await api.state())["member_grants"]
    assert (grant["user_id"], grant["tt_account_roles"]) == (MEMBER, ["POST"])


def _check_business_center(said: dict[str, Any]) -> None:
    (center,) = said["centers"]["list"]
    assert (center["bc_info"]["bc_id"], center["user_role"]) == (BC, "ADMIN")
    members = said["members"]["list"]
    assert {one["user_name"] for one in members if one["relation_status"] == "BOUND"} == {"Ada", "Bob"}
    assert [one["relation_status"] for one in members].count("PENDING") == 1
    (asset,) = said["assets"]["list"]
    assert (asset["asset_type"], asset["tt_asset_handle"]) == ("TT_ACCOUNT", HANDLE)


def _check_identity(state: dict[str, Any], said: dict[str, Any]) -> None:
    (link,), (identity,) = state["links"], said["identities"]["identity_list"]
    assert (identity["identity_id"], identity["identity_type"]) == (link["identity_id"], "BC_AUTH_TT")
    assert (identity["can_pull_video"], identity["can_push_video"]) == (True, True)
    assert (said["post"]["item_id"], said["post"]["text"]) == (POST, "a song")


def _check_files(state: dict[str, Any], said: dict[str, Any]) -> None:
    (video,) = [one for one in state["videos"] if one["file_name"] == "song.mp4"]
    (cover,) = state["images"]
    assert video["signature"] == signature(mp4())
    assert (cover["file_name"], cover["signature"]) == ("cover.png", signature(png()))
    assert (said["video"]["video_id"], said["cover"]["image_id"]) == (video["video_id"], cover["image_id"])


def _check_ads(state: dict[str, Any], said: dict[str, Any]) -> None:
    (campaign,), (adgroup,) = state["campaigns"], state["adgroups"]
    assert (said["campaign"]["campaign_id"], campaign["campaign_name"]) == (campaign["campaign_id"], "release")
    assert (said["adgroup"]["adgroup_id"], adgroup["budget"]) == (adgroup["adgroup_id"], 50)
    ads = {ad["ad_name"]: ad for ad in state["ads"]}
    assert sorted(ads) == ["photos", "pull", "push"]
    assert (ads["pull"]["tiktok_item_id"], ads["photos"]["tiktok_item_id"]) == (POST, PHOTO_POST)
    assert ads["push"]["video_id"] == said["video"]["video_id"]
    # The post that review let out, on the profile as asked.
    (pushed,) = [post for post in state["accounts"][0]["posts"] if post["item_id"] == ads["push"]["tiktok_item_id"]]
    assert (pushed["text"], pushed["visible"]) == ("out now", "profile")
    shown = {ad["ad_name"]: ad for ad in said["ads"]["list"]}
    for name, ad in ads.items():
        assert shown[name]["ad_id"] == ad["ad_id"]
        assert shown[name]["secondary_status"] == "AD_STATUS_DELIVERY_OK"
        assert shown[name]["tiktok_item_id"] == ad["tiktok_item_id"]
