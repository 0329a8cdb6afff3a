"""Ads: creation (never idempotent), listing, switches, review results."""

from typing import Any, Final, Literal

from pydantic import Field

from simulator.captions import NAME_LENGTH, check_text
from simulator.delivery import delete_ad, start_review
from simulator.endpoints.ad_rules import Creative, check_creative
from simulator.endpoints.campaigns import Objective
from simulator.endpoints.paging import chosen, paged
from simulator.endpoints.row_fields import AD, check_fields, only, without_nulls
from simulator.entities import Ad, AdAccount, AdGroup, Authorization
from simulator.envelope import ApiError, Partial, parameter_error
from simulator.fields import Body, Filter, Id, OpenBody, Page1000, Query, StatusChange
from simulator.routes import Call, Data, Routes
from simulator.stamps import parse_spaced, spaced
from simulator.statuses import PrimaryStatus, Wanted, ad_status, operation_status

routes = Routes()

EMPTY_AD: Final[dict[str, Any]] = dict.fromkeys(
    (
        "ad_text",
        "ad_texts",
        "app_name",
        "avatar_icon_web_uri",
        "call_to_action",
        "call_to_action_id",
        "card_id",
        "click_tracking_url",
        "creative_type",
        "deeplink_type",
        "impression_tracking_url",
        "item_duet_status",
        "item_stitch_status",
        "music_id",
        "page_id",
        "playable_url",
        "utm_params",
        "video_id",
    )
) | {"deeplink": "", "landing_page_url": "", "profile_image_url": "", "tracking_pixel_id": 0}
"""Documented fields of an ad until they are sent."""


class AdCreate(Body):
    """POST /ad/create/: 1 to 20 creatives for one ad group."""

    advertiser_id: Id
    adgroup_id: Id
    creatives: list[Creative] = Field(min_length=1, max_length=20)


@routes.post("/ad/create/", AdCreate)
def ad_create(call: Call, body: AdCreate) -> Data:
    """Create ads. Every call makes new ones; one bad creative refuses the batch, unless configured otherwise."""
    advertiser = call.working_advertiser(body.advertiser_id)
    adgroup = advertiser.adgroups.get(body.adgroup_id)
    if adgroup is None:
        raise ApiError(40007, f"The ad group {body.adgroup_id} does not exist.")
    if adgroup.deleted or adgroup.campaign.deleted:
        raise parameter_error(f"The ad group {body.adgroup_id} has been deleted.")
    partial = call.world.config.batch_partial == "partial_20001"
    good: list[tuple[Creative, Authorization]] = []
    per_identity: dict[str, int] = {}
    errors: list[dict[str, Any]] = []
    for index, creative in enumerate(body.creatives):
        try:
            authorization = check_creative(call, advertiser, creative)
            asked = per_identity.get(authorization.identity_id, 0) + 1
            _check_room(call, adgroup, advertiser, authorization, batch=len(good) + 1, same_identity=asked)
        except ApiError as error:
            if not partial:
                raise
            errors.append({"index": index, "ad_name": creative.ad_name, "code": error.code, "message": error.message})
            continue
        per_identity[authorization.identity_id] = asked
        good.append((creative, authorization))
    if not good:
        raise ApiError(errors[0]["code"], errors[0]["message"])
    ads = [_create(call, advertiser, adgroup, creative, authorization) for creative, authorization in good]
    data = {
        "ad_ids": [ad.ad_id for ad in ads],
        "creatives": [_echo(ad) for ad in ads] if call.world.config.describe_created else [],
        "need_audit": False,
    }
    if not errors:
        return data
    return Partial(f"{len(errors)} of {len(body.creatives)} ads were not created.", data | {"error_list": errors})


def _check_room(
    call: Call,
    adgroup: AdGroup,
    advertiser: AdAccount,
    authorization: Authorization,
    *,
    batch: int,
    same_identity: int,
) -> None:
    config = call.world.config
    if (
        adgroup.live_ads + batch > config.ads_per_adgroup
        or advertiser.live_ads + batch > config.ads_per_advertiser
        or len(authorization.ads) + same_identity > config.ads_per_identity
    ):
        raise ApiError(config.too_many_ads_code, "The number of ads has reached the upper limit.")


def _create(
    call: Call, advertiser: AdAccount, adgroup: AdGroup, creative: Creative, authorization: Authorization
) -> Ad:
    world, now = call.world, call.now
    account = authorization.account
    ad_id = world.ids.short()
    pulled = account.posts[creative.tiktok_item_id] if creative.tiktok_item_id is not None else None
    caption = (creative.ad_text or "") if pulled is None else pulled.text
    fields = {
        **EMPTY_AD,
        **creative.model_dump(exclude={"operation_status", "tiktok_item_id", "dark_post_status"}, exclude_none=True),
        "ad_text": caption,
        "advertiser_id": advertiser.advertiser_id,
        "campaign_id": adgroup.campaign.campaign_id,
        "adgroup_id": adgroup.adgroup_id,
        "ad_id": ad_id,
        "image_ids": creative.image_ids or [],
        "display_name": account.display_name,
        "is_aco": False,
        "is_new_structure": True,
        "create_time": spaced(now),
    }
    if pulled is None:
        fields["dark_post_status"] = creative.dark_post_status or "ON"
        fields["branded_content_disabled"] = False
    ad = Ad(
        ad_id=ad_id,
        name=creative.ad_name or f"Ad {spaced(now)} {ad_id}",
        account=account,
        authorization=authorization,
        adgroup=adgroup,
        advertiser=advertiser,
        mode="push" if pulled is None else "pull",
        caption=caption,
        fields=fields,
        operation_status=creative.operation_status,
        created_at=now,
        listed_at=now + world.delays.ad_list_seconds,
        modified_at=now,
        enabled_at=now if creative.operation_status == "ENABLE" else None,
        post=pulled,
        tiktok_item_id=creative.tiktok_item_id,
    )
    if pulled is not None and not authorization.ads_only:
        pulled.status = "PUBLIC"
    adgroup.ads[ad_id] = ad
    adgroup.live_ads += 1
    advertiser.ads[ad_id] = ad
    advertiser.live_ads += 1
    authorization.ads[ad_id] = ad
    start_review(world, ad, now)
    return ad


def ad_row(call: Call, ad: Ad) -> dict[str, Any]:
    """An ad as `ad/get` shows it."""
    row = _echo(ad)
    row.setdefault("tiktok_item_id", ad.tiktok_item_id)
    return row | {"secondary_status": ad_status(call.world, ad, call.now)}


def _echo(ad: Ad) -> dict[str, Any]:
    """An ad as writes describe it: without its status, and a push without its post."""
    row = {
        **ad.fields,
        "ad_name": ad.name,
        "campaign_name": ad.adgroup.campaign.name,
        "adgroup_name": ad.adgroup.name,
        "operation_status": operation_status(ad),
        "modify_time": spaced(ad.modified_at),
    }
    return row | {"tiktok_item_id": ad.tiktok_item_id} if ad.mode == "pull" else row


class AdFilter(Filter):
    """Filtering of ads: at most 100 ids of a kind."""

    campaign_ids: list[Id] | None = Field(default=None, max_length=100)
    adgroup_ids: list[Id] | None = Field(default=None, max_length=100)
    ad_ids: list[Id] | None = Field(default=None, max_length=100)
    primary_status: PrimaryStatus | None = None
    secondary_status: str | None = None
    objective_type: Objective | None = None
    creation_filter_start_time: str | None = None
    creation_filter_end_time: str | None = None
    modified_after: str | None = None


class AdGet(Page1000):
    """GET /ad/get/."""

    advertiser_id: Id
    fields: list[str] | None = None
    filtering: AdFilter = AdFilter()
    exclude_field_types_in_response: list[Literal["NULL_FIELD"]] = Field(default_factory=list)


@routes.get("/ad/get/", AdGet)
def ad_get(call: Call, query: AdGet) -> Data:
    """Ads of an ad account that are listed by now, newest first. Deleted ones are shown only when asked for."""
    advertiser = call.advertiser(query.advertiser_id)
    wanted, now = query.filtering, call.now
    check_fields(query.fields, AD)
    status = Wanted("AD", wanted.primary_status, wanted.secondary_status, "STATUS_NOT_DELETE")
    since = _moment("creation_filter_start_time", wanted.creation_filter_start_time)
    until = _moment("creation_filter_end_time", wanted.creation_filter_end_time)
    modified_after = _moment("modified_after", wanted.modified_after)
    rows = [
        ad
        for ad in _candidates(advertiser, wanted)
        if ad.listed_at <= now
        and status.takes(ad_status(call.world, ad, now))
        and wanted.objective_type in {None, ad.adgroup.campaign.fields["objective_type"]}
        and (since is None or ad.created_at >= since)
        and (until is None or ad.created_at <= until)
        and (modified_after is None or ad.modified_at >= modified_after)
    ]
    lean = bool(query.exclude_field_types_in_response)

    def shape(ad: Ad) -> dict[str, Any]:
        row = only(ad_row(call, ad), query.fields)
        return without_nulls(row) if lean else row

    return paged(rows, query.page, query.page_size, shape)


def _candidates(advertiser: AdAccount, wanted: AdFilter) -> list[Ad]:
    """Ads by the narrowest index the filter allows, newest first."""
    adgroups = set(wanted.adgroup_ids) if wanted.adgroup_ids is not None else None
    campaigns = set(wanted.campaign_ids) if wanted.campaign_ids is not None else None
    if wanted.ad_ids is not None:
        found = list(chosen(advertiser.ads, wanted.ad_ids))
    elif adgroups is not None:
        found = [
            ad
            for key in sorted(adgroups, reverse=True)
            if key in advertiser.adgroups
            for ad in reversed(advertiser.adgroups[key].ads.values())
        ]
    elif campaigns is not None:
        found = [
            ad
            for key in sorted(campaigns, reverse=True)
            if key in advertiser.campaigns
            for adgroup in reversed(advertiser.campaigns[key].adgroups.values())
            for ad in reversed(adgroup.ads.values())
        ]
    else:
        return list(reversed(advertiser.ads.values()))
    return [
        ad
        for ad in found
        if (adgroups is None or ad.adgroup.adgroup_id in adgroups)
        and (campaigns is None or ad.adgroup.campaign.campaign_id in campaigns)
    ]


def _moment(field: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse_spaced(text)
    except ValueError:
        raise parameter_error(f"Invalid value of 'filtering.{field}': correct is YYYY-MM-DD HH:MM:SS") from None


class AdChange(OpenBody):
    """One ad of /ad/update/."""

    ad_id: Id
    ad_name: str | None = None
    ad_text: str | None = None
    tiktok_item_id: Id | None = None
    video_id: Id | None = None


class AdUpdate(Body):
    """POST /ad/update/."""

    advertiser_id: Id
    adgroup_id: Id
    patch_update: bool = False
    creatives: list[AdChange] = Field(min_length=1, max_length=20)


@routes.post("/ad/update/", AdUpdate)
def ad_update(call: Call, body: AdUpdate) -> Data:
    """Change ads. What a post shows cannot change any more; anything but the name is reviewed again."""
    advertiser = call.advertiser(body.advertiser_id)
    found = []
    for change in body.creatives:
        ad = _ad(advertiser, change.ad_id)
        if ad.adgroup.adgroup_id != body.adgroup_id:
            raise ApiError(40007, f"The ad {change.ad_id} does not exist.")
        _require_alive(ad)
        if change.ad_text is not None and change.ad_text != ad.caption:
            raise parameter_error("Invalid value of 'ad_text': the caption of a post cannot be changed")
        if change.tiktok_item_id not in {None, ad.tiktok_item_id} or change.video_id not in {
            None,
            ad.fields["video_id"],
        }:
            raise parameter_error("The post or the video of a Spark Ad cannot be changed.")
        if change.ad_name:
            check_text(call.world.config, "ad_name", change.ad_name, NAME_LENGTH)
        found.append((ad, change))
    for ad, change in found:
        if change.ad_name:
            ad.name = change.ad_name
        further = change.model_dump(
            exclude={"ad_id", "ad_name", "ad_text", "tiktok_item_id", "video_id", "operation_status"},
            exclude_unset=True,
        )
        changes = {name: value for name, value in further.items() if ad.fields.get(name) != value}
        ad.fields.update(changes)
        ad.modified_at = call.now
        if changes and not ad.lost:
            ad.review = "REAUDIT"
            start_review(call.world, ad, call.now)
    return {
        "ad_ids": [ad.ad_id for ad, _ in found],
        "creatives": [_echo(ad) for ad, _ in found],
        "need_audit": False,
    }


class AdStatusUpdate(Body):
    """POST /ad/status/update/: 1 to 20 ids."""

    advertiser_id: Id
    ad_ids: list[Id] = Field(min_length=1, max_length=20)
    operation_status: StatusChange


@routes.post("/ad/status/update/", AdStatusUpdate)
def ad_status_update(call: Call, body: AdStatusUpdate) -> Data:
    """Enable, disable or delete ads; all or none. A deleted ad cannot change again."""
    advertiser = call.advertiser(body.advertiser_id)
    found = [_ad(advertiser, key) for key in body.ad_ids]
    for ad in found:
        _require_alive(ad)
    for ad in found:
        if body.operation_status == "DELETE":
            delete_ad(ad, call.now)
            continue
        if body.operation_status == "ENABLE" and ad.operation_status != "ENABLE":
            ad.enabled_at = call.now
        ad.operation_status = body.operation_status
        ad.modified_at = call.now
    return {"ad_ids": body.ad_ids, "status": body.operation_status}


def _ad(advertiser: AdAccount, ad_id: str) -> Ad:
    ad = advertiser.ads.get(ad_id)
    if ad is None:
        raise ApiError(40007, f"The ad {ad_id} does not exist.")
    return ad


def _require_alive(ad: Ad) -> None:
    if ad.deleted or ad.adgroup.deleted or ad.adgroup.campaign.deleted:
        raise parameter_error(f"The ad {ad.ad_id} has been deleted and cannot be changed.")


class ReviewInfo(Query):
    """GET /ad/review_info/: 1 to 100 ids."""

    advertiser_id: Id
    ad_ids: list[Id] = Field(min_length=1, max_length=100)
    lang: str | None = None


@routes.get("/ad/review_info/", ReviewInfo)
def review_info(call: Call, query: ReviewInfo) -> Data:
    """Review results by ad id. They are no verdict: an ad that is still in review can be approved here."""
    advertiser, early = call.advertiser(query.advertiser_id), call.world.config.early_approval
    return {"ad_review_map": {key: _review(_ad(advertiser, key), early=early) for key in query.ad_ids}}


def _review(ad: Ad, *, early: bool) -> dict[str, Any]:
    approved = ad.review == "APPROVED" or (early and ad.review != "DENIED")
    rejected = (
        []
        if ad.deny_reason is None
        else [
            {
                "reasons": [ad.deny_reason],
                "suggestion": "Change the wording and create the ad again.",
                "content_info": {"content_type": "MODE_STRING", "text_content": ad.caption},
            }
        ]
    )
    return {
        "ad_id": ad.ad_id,
        "is_approved": approved,
        "review_status": "ALL_AVAILABLE" if approved else "UNAVAILABLE",
        "reject_info": rejected,
        "appeal_status": None,
        "forbidden_placements": [],
        "forbidden_locations": [],
        "forbidden_ages": [],
        "forbidden_operation_systems": [],
        "last_audit_time": None,
    }
