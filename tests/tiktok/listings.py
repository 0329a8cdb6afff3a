"""Every listing of the client: how it is asked for, and a well-formed answer to it."""

import copy
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from tiktok import Rows, TikTokClient

Entry = dict[str, Any]
Path = tuple[str | int, ...]
"""Where something stands in an entry: names of fields, and places in lists."""


@dataclass(frozen=True)
class Listing:
    """
    One listing.

    Attributes:
        name: its endpoint.
        ask: calls it.
        rows: under which name `data` has the list.
        entry: a well-formed entry with this id.
        known_by: where the id stands that nobody can do without; None: there is none.
        is_paged: whether it comes in pages.
    """

    name: str
    ask: Callable[[TikTokClient], Awaitable[Rows[Any]]]
    entry: Callable[[str], Entry]
    known_by: Path | None
    rows: str = "list"
    is_paged: bool = True

    def entries(self, count: int) -> list[Entry]:
        return [self.entry(str(7_400_000_000_000_000_001 + number)) for number in range(count)]

    def data(self, entries: object, **page: Any) -> Entry:
        """What `data` holds when all of these are listed."""
        total = len(entries) if isinstance(entries, list) else 0
        info = {"page": 1, "page_size": 50, "total_number": total, "total_page": 1} | page
        return {self.rows: entries} | ({"page_info": info} if self.is_paged else {}) | {"has_more": False}


def places_of(entry: Any, before: Path = ()) -> Iterator[Path]:
    """Every place in an entry."""
    parts = entry.items() if isinstance(entry, dict) else enumerate(entry) if isinstance(entry, list) else ()
    for name, value in parts:
        yield (*before, name)
        yield from places_of(value, (*before, name))


def changed(entry: Entry, place: Path, change: Callable[[Any], Any]) -> Entry:
    """A copy of an entry with something else at that place."""
    other = copy.deepcopy(entry)
    where: Any = other
    for step in place[:-1]:
        where = where[step]
    where[place[-1]] = change(where[place[-1]])
    return other


def without(entry: Entry, place: Path) -> Entry:
    """A copy of an entry that lacks what is at that place."""
    other = copy.deepcopy(entry)
    where: Any = other
    for step in place[:-1]:
        where = where[step]
    del where[place[-1]]
    return other


def _center(one: str) -> Entry:
    info = {"bc_id": one, "name": "A", "company": "B", "currency": "EUR", "status": "ENABLE", "type": "NORMAL"}
    return {"bc_info": info, "user_role": "ADMIN", "ext_user_role": {"finance_role": None}}


def _member(one: str) -> Entry:
    return {
        "user_id": one,
        "user_name": f"Name {one}",
        "user_email": "n**w@example.com",
        "user_role": "STANDARD",
        "relation_status": "BOUND",
        "advertiser_role": "OPERATOR",
        "ext_user_role": {"finance_role": None},
    }


def _asset(one: str) -> Entry:
    return {
        "asset_type": "TT_ACCOUNT",
        "asset_id": one,
        "asset_name": "Shop One",
        "owner_bc_name": "A",
        "tt_account_roles": ["POST", "LIVE"],
        "tt_asset_handle": "shopone",
        "advertiser_role": "ADMIN",
        "advertiser_status": "STATUS_ENABLE",
        "relation_type": "OWNER_BC",
        "relation_status": "BOUND",
    }


def _identity(one: str) -> Entry:
    return {
        "identity_id": one,
        "identity_type": "BC_AUTH_TT",
        "identity_authorized_bc_id": "2",
        "display_name": "Shop One",
        "username": "shopone",
        "profile_image": "https://example.com/1",
        "available_status": "AVAILABLE",
        "can_pull_video": True,
        "can_push_video": True,
        "can_use_live_ads": False,
        "can_manage_message": False,
        "ads_only_mode": True,
        "is_gpppa": False,
    }


def post(one: str) -> Entry:
    """A post as TikTok's own example for BC_AUTH_TT has it: no type, and nothing of its authorization."""
    return {
        "item_id": one,
        "text": "out now",
        "anchor_list": None,
        "auth_info": None,
        "status": "ITEM_STATUS_HESITATE_RECOMMEND",
        "video_info": {
            "url": "https://example.com/v",
            "poster_url": "https://example.com/p",
            "duration": 8.474,
            "size": 774110,
            "width": 576,
            "height": 1024,
            "bit_rate": 730809,
            "format": "mp4",
            "signature": "ab",
        },
        "carousel_info": {"image_info": [{"image_id": "i", "image_url": "u", "image_height": 9, "image_width": 5}]},
    }


def _video(one: str) -> Entry:
    return {
        "video_id": one,
        "material_id": "m",
        "file_name": "clip.mp4",
        "signature": "ab",
        "size": 9,
        "width": 540,
        "height": 960,
        "duration": 1.5,
        "bit_rate": 1000,
        "format": "mp4",
        "displayable": True,
        "flaw_types": None,
        "create_time": "2020-06-10T07:39:14Z",
        "preview_url_expire_time": "2026-11-22 14:00:00",
    }


def _campaign(one: str) -> Entry:
    return {
        "campaign_id": one,
        "campaign_name": f"Campaign {one}",
        "advertiser_id": "1",
        "objective_type": "TRAFFIC",
        "budget_mode": "BUDGET_MODE_DAY",
        "budget": 50.0,
        "operation_status": "ENABLE",
        "secondary_status": "CAMPAIGN_STATUS_ENABLE",
        "create_time": "2026-11-22 14:00:00",
        "modify_time": "2026-11-22 14:00:00",
    }


def _ad_group(one: str) -> Entry:
    return {
        "adgroup_id": one,
        "adgroup_name": f"Group {one}",
        "campaign_id": "3",
        "advertiser_id": "1",
        "budget_mode": "BUDGET_MODE_DAY",
        "budget": 50.0,
        "schedule_type": "SCHEDULE_FROM_NOW",
        "schedule_start_time": "2026-11-22 14:00:00",
        "schedule_end_time": "2036-11-22 14:00:00",
        "operation_status": "ENABLE",
        "secondary_status": "ADGROUP_STATUS_DELIVERY_OK",
    }


def ad(one: str) -> Entry:
    """An ad as `ad/get` lists it."""
    return {
        "ad_id": one,
        "ad_name": f"row {one}",
        "adgroup_id": "5",
        "campaign_id": "3",
        "advertiser_id": "1",
        "identity_type": "BC_AUTH_TT",
        "identity_id": "i",
        "identity_authorized_bc_id": "2",
        "display_name": "Shop One",
        "ad_format": "SINGLE_VIDEO",
        "video_id": "v",
        "image_ids": ["c"],
        "tiktok_item_id": "7",
        "ad_text": "out now",
        "call_to_action": "LEARN_MORE",
        "dark_post_status": "ON",
        "tracking_pixel_id": 0,
        "operation_status": "ENABLE",
        "secondary_status": "AD_STATUS_DELIVERY_OK",
        "create_time": "2026-11-22 14:00:00",
        "modify_time": "2026-11-22 14:00:00",
    }


def _account(one: str) -> Entry:
    return {
        "advertiser_id": one,
        "name": "Ads",
        "advertiser_name": "Ads",
        "status": "STATUS_ENABLE",
        "currency": "EUR",
        "timezone": "Etc/GMT+8",
        "display_timezone": "America/Los_Angeles",
        "balance": 12.5,
        "owner_bc_id": "2",
        "rejection_reason": "",
        "ads_only_mode": False,
        "create_time": 1600000000,
    }


def _place(one: str) -> Entry:
    return {
        "name": "Japan",
        "keyword": "Japan",
        "geo": {"geo_id": one, "geo_type": "COUNTRY", "region_code": "JP"},
        "status_info": {"status": "ENABLED", "reason": "NONE"},
    }


def _partner(one: str) -> Entry:
    return {"bc_id": one, "bc_name": "Shop"}


def _cover(one: str) -> Entry:
    return {"id": one, "url": "https://example.com/c", "width": 540, "height": 960}


LISTINGS = (
    Listing("bc/get/", lambda client: client.business_centers.list(), _center, ("bc_info", "bc_id")),
    Listing("bc/member/get/", lambda client: client.business_centers.members("2"), _member, None),
    Listing("bc/asset/admin/get/", lambda client: client.business_centers.all_assets("2", "A"), _asset, ("asset_id",)),
    Listing("bc/asset/get/", lambda client: client.business_centers.assets_of("2", "A", "9"), _asset, ("asset_id",)),
    Listing("bc/asset/member/get/", lambda client: client.business_centers.asset_members("2", "1"), _member, None),
    Listing("bc/partner/get/", lambda client: client.business_centers.partners("2"), _partner, ("bc_id",)),
    Listing(
        "bc/partner/asset/get/",
        lambda client: client.business_centers.partner_assets("2", "3", shared="SHARED"),
        _asset,
        ("asset_id",),
    ),
    Listing(
        "bc/asset/partner/get/",
        lambda client: client.business_centers.asset_partners("2", "ADVERTISER", "1"),
        _partner,
        ("bc_id",),
    ),
    Listing(
        "bc/asset/advertiser/assigned/",
        lambda client: client.business_centers.linked_advertisers("2", "8"),
        _account,
        ("advertiser_id",),
    ),
    Listing(
        "identity/get/",
        lambda client: client.identities.list("1", "2"),
        _identity,
        ("identity_id",),
        rows="identity_list",
    ),
    Listing(
        "identity/video/get/",
        lambda client: client.identities.posts("1", "i", "2"),
        post,
        ("item_id",),
        rows="video_list",
        is_paged=False,
    ),
    Listing(
        "file/video/ad/info/",
        lambda client: client.files.video_info("1", ["v"]),
        _video,
        ("video_id",),
        is_paged=False,
    ),
    Listing(
        "file/video/suggestcover/",
        lambda client: client.files.suggest_covers("1", "v"),
        _cover,
        ("id",),
        is_paged=False,
    ),
    Listing("campaign/get/", lambda client: client.ads.campaigns("1"), _campaign, ("campaign_id",)),
    Listing("adgroup/get/", lambda client: client.ads.ad_groups("1"), _ad_group, ("adgroup_id",)),
    Listing("ad/get/", lambda client: client.ads.ads("1"), ad, ("ad_id",)),
    Listing(
        "advertiser/info/",
        lambda client: client.ad_accounts.info(["1"]),
        _account,
        ("advertiser_id",),
        is_paged=False,
    ),
    Listing(
        "tool/targeting/info/",
        lambda client: client.ad_accounts.places("1", ["6"], objective_type="REACH", promotion_type="WEBSITE"),
        _place,
        None,
        rows="targeting_tag_list",
        is_paged=False,
    ),
    Listing(
        "oauth2/advertiser/get/",
        lambda client: client.oauth.advertisers("app", SecretStr("app-secret")),
        _account,
        ("advertiser_id",),
        is_paged=False,
    ),
)
