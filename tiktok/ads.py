"""Campaigns, ad groups and Spark Ads of an ad account."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, TypeAlias

from pydantic import Field, PositiveFloat, StringConstraints, model_validator

from tiktok.connection import Call, Caller, Rows, chunks
from tiktok.errors import NOTHING_TO_UPDATE
from tiktok.identities import BC_AUTH_TT
from tiktok.wire import MaybeTime, Received, Sent, SentTime

PAGE: Final = 1000
IDS_IN_FILTER: Final = 100
IDS_IN_STATUS: Final = 20
IDS_IN_REVIEW: Final = 100
CREATIVES_IN_CALL: Final = 20

SPARK_IDENTITIES: Final = frozenset({BC_AUTH_TT, "TT_USER", "AUTH_CODE"})
"""Identity types whose ads are Spark Ads; ads of any other are not."""

NOT_DELETED: Final = "STATUS_NOT_DELETE"

Name = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Id = Annotated[str, StringConstraints(min_length=1)]


class OperationStatus(StrEnum):
    """What an advertiser can set a campaign, ad group or ad to. A deleted one never changes again."""

    ENABLE = "ENABLE"
    DISABLE = "DISABLE"
    DELETE = "DELETE"


class Objective(StrEnum):
    """What a campaign is for."""

    REACH = "REACH"
    TRAFFIC = "TRAFFIC"
    VIDEO_VIEWS = "VIDEO_VIEWS"
    ENGAGEMENT = "ENGAGEMENT"
    LEAD_GENERATION = "LEAD_GENERATION"
    APP_PROMOTION = "APP_PROMOTION"
    WEB_CONVERSIONS = "WEB_CONVERSIONS"
    PRODUCT_SALES = "PRODUCT_SALES"
    RF_REACH = "RF_REACH"
    BRAND_CONSIDERATION = "BRAND_CONSIDERATION"


class BudgetMode(StrEnum):
    """What a budget counts for."""

    INFINITE = "BUDGET_MODE_INFINITE"
    TOTAL = "BUDGET_MODE_TOTAL"
    DAY = "BUDGET_MODE_DAY"
    DYNAMIC_DAILY = "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"


class ReviewStatus(StrEnum):
    """How much of an ad a review let through."""

    ALL_AVAILABLE = "ALL_AVAILABLE"
    PART_AVAILABLE = "PART_AVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"


class NewCampaign(Sent):
    """A campaign to create. `budget` is in the ad account's currency; its minimum depends on that currency."""

    campaign_name: Name
    objective_type: str
    budget_mode: str | None = None
    budget: PositiveFloat | None = None
    budget_optimize_on: bool | None = None
    special_industries: tuple[str, ...] | None = None
    operation_status: Literal["ENABLE", "DISABLE"] = "ENABLE"

    @model_validator(mode="after")
    def _has_its_budget(self) -> Self:
        if self.budget_mode is None and self.objective_type != Objective.RF_REACH:
            raise ValueError(f"budget_mode is required unless the objective is {Objective.RF_REACH}")
        _check_budget(self)
        return self


class NewAdGroup(Sent):
    """An ad group to create.

    `budget`, `bid_price` and `conversion_bid_price` are in the ad account's currency. `dayparting` is a string of
    7 x 48 half hours, 1 for on. TikTok's own checks go further than those made here.
    """

    campaign_id: Id
    adgroup_name: Name
    promotion_type: str | None = None
    placement_type: str = "PLACEMENT_TYPE_NORMAL"
    placements: tuple[str, ...] | None = ("PLACEMENT_TIKTOK",)
    location_ids: tuple[str, ...] = Field(min_length=1)
    budget_mode: str | None = None
    budget: PositiveFloat | None = None
    schedule_type: Literal["SCHEDULE_FROM_NOW", "SCHEDULE_START_END"]
    schedule_start_time: SentTime
    schedule_end_time: SentTime | None = None
    dayparting: Annotated[str, StringConstraints(pattern=r"^[01]{336}$")] | None = None
    optimization_goal: str
    billing_event: str
    bid_type: str | None = None
    bid_price: PositiveFloat | None = None
    conversion_bid_price: PositiveFloat | None = None
    pacing: str = "PACING_MODE_SMOOTH"
    pixel_id: str | None = None
    optimization_event: str | None = None
    comment_disabled: bool | None = None
    share_disabled: bool | None = None
    video_download_disabled: bool | None = None
    operation_status: Literal["ENABLE", "DISABLE"] = "ENABLE"

    @model_validator(mode="after")
    def _has_its_end_and_budget(self) -> Self:
        ends = self.schedule_type == "SCHEDULE_START_END" or self.budget_mode == BudgetMode.TOTAL
        if ends and self.schedule_end_time is None:
            raise ValueError("schedule_end_time is required for SCHEDULE_START_END and for a total budget")
        _check_budget(self)
        return self


def _check_budget(new: NewCampaign | NewAdGroup) -> None:
    if new.budget_mode not in {None, BudgetMode.INFINITE} and new.budget is None:
        raise ValueError(f"budget is required for {new.budget_mode}")


class _SparkCreative(Sent):
    """What pull and push have in common.

    `identity_authorized_bc_id` is the Business Center that holds the TikTok account, whoever owns the ad account.
    `ad_name` is the only mark of ours that can be found again after an unknown outcome, so it must be told apart.
    """

    ad_name: Name
    identity_type: Literal["BC_AUTH_TT"] = BC_AUTH_TT
    identity_id: Id
    identity_authorized_bc_id: Id
    call_to_action: str | None = None
    landing_page_url: str | None = None
    operation_status: Literal["ENABLE", "DISABLE"] = "ENABLE"


class PullCreative(_SparkCreative):
    """An ad out of a post that exists already, whose caption it uses. `ad_format` must fit the post."""

    tiktok_item_id: Id
    ad_format: Literal["SINGLE_VIDEO", "CAROUSEL_ADS"] = "SINGLE_VIDEO"


class PushCreative(_SparkCreative):
    """An ad video that becomes a post of the TikTok account once the ad has passed review.

    Attributes:
        video_id: A video of the same ad account.
        image_ids: The cover, exactly one, of the video's ratio.
        ad_text: The post's caption, for ever: at most 100 letters, of which Chinese and Japanese ones count double.
        dark_post_status: `ON`: the post shows in ads only; `OFF`: on the profile too. TikTok's default has changed
            once (to `ON`, on 27 January 2026), so there is none here.
    """

    video_id: Id
    image_ids: tuple[Id] = Field(description="one cover")
    ad_text: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    dark_post_status: Literal["ON", "OFF"]
    ad_format: Literal["SINGLE_VIDEO"] = "SINGLE_VIDEO"


Creative: TypeAlias = PullCreative | PushCreative


class Campaign(Received):
    """A campaign. `secondary_status` is what it really does (tiktok/statuses.py)."""

    campaign_id: str
    campaign_name: str = ""
    advertiser_id: str = ""
    objective_type: str = ""
    budget_mode: str = ""
    budget: float | None = None
    operation_status: str = ""
    secondary_status: str = ""
    create_time: MaybeTime = None
    modify_time: MaybeTime = None


class AdGroup(Received):
    """An ad group. `secondary_status` is what it really does (tiktok/statuses.py)."""

    adgroup_id: str
    adgroup_name: str = ""
    campaign_id: str = ""
    advertiser_id: str = ""
    budget_mode: str = ""
    budget: float | None = None
    schedule_type: str = ""
    schedule_start_time: MaybeTime = None
    schedule_end_time: MaybeTime = None
    optimization_goal: str = ""
    billing_event: str = ""
    operation_status: str = ""
    secondary_status: str = ""
    create_time: MaybeTime = None
    modify_time: MaybeTime = None


class Ad(Received):
    """An ad. `secondary_status` is what it really does (tiktok/statuses.py).

    `video_id` is `None` for pull. `tiktok_item_id` is there at once for pull, and for push when the ad has passed
    review, because only then is the post published; operators have seen approved pushes that never named it.
    `dark_post_status` comes for push only.
    """

    ad_id: str
    ad_name: str = ""
    adgroup_id: str = ""
    campaign_id: str = ""
    advertiser_id: str = ""
    identity_type: str = ""
    identity_id: str = ""
    identity_authorized_bc_id: str | None = None
    display_name: str = ""
    ad_format: str = ""
    video_id: str | None = None
    image_ids: tuple[str, ...] = ()
    tiktok_item_id: str | None = None
    ad_text: str = ""
    call_to_action: str | None = None
    landing_page_url: str | None = None
    dark_post_status: str | None = None
    operation_status: str = ""
    secondary_status: str = ""
    create_time: MaybeTime = None
    modify_time: MaybeTime = None


class CreatedAds(NamedTuple):
    """What became of a call that created ads.

    Attributes:
        ads: The ads TikTok described in its answer.
        ad_ids: The ids of all ads it says it created.
        partial: Fewer ads came of it than were asked for; list the ad group to see which.
    """

    ads: tuple[Ad, ...]
    ad_ids: tuple[str, ...]
    partial: bool


class _Created(Received):
    ad_ids: tuple[str, ...] | None = None


class RejectInfo(Received):
    """Why a review turned something down."""

    reasons: tuple[str, ...] = ()
    suggestion: str = ""


class AdGroupQuota(Received):
    """How many active ad groups an ad account may have, and has; None where TikTok does not say.

    Over the quota TikTok makes an ad group all the same, switches it off some seconds later, and lets nobody switch it
    on again (tiktok adgroup/quota/).
    """

    total: int | None = Field(None, validation_alias="total_adgroup_quota")
    used: int | None = Field(None, validation_alias="used_adgroup_quota")

    @property
    def room(self) -> int | None:
        """How many more ad groups can be active; None: not known."""
        return None if self.total is None or self.used is None else max(0, self.total - self.used)


class AdReview(Received):
    """What review says of an ad. For reasons only: it was seen to say "approved" of ads that were still in review."""

    ad_id: str = ""
    is_approved: bool | None = None
    review_status: str = ""
    reject_info: tuple[RejectInfo, ...] = ()
    appeal_status: str = ""
    last_audit_time: MaybeTime = None


class _AdReviews(Received):
    # Not `dict[str, AdReview]`: one entry that can't be read must not hide the others.
    ad_review_map: dict[str, Any] = Field(default_factory=dict)

    def by_ad(self) -> dict[str, AdReview]:
        return {key: AdReview.model_validate(one) for key, one in self.ad_review_map.items() if isinstance(one, dict)}


def _guard(request_id: str | None) -> dict[str, str]:
    return {} if request_id is None else {"request_id": request_id}


class Ads:
    """Endpoints under `campaign/`, `adgroup/` and `ad/`.

    Creating campaigns and ad groups is guarded by `request_id` for 10 seconds only, creating ads not at all: after
    an `UnknownOutcome` list before creating again.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create_campaign(
        self, advertiser_id: str, campaign: NewCampaign, request_id: str | None = None
    ) -> Campaign:
        """Create a campaign.

        Args:
            advertiser_id: The ad account.
            campaign: What to create.
            request_id: An int64 as a string; the same within 10 seconds creates nothing, another one lets a name be
                used twice. Without one, a name that is taken is refused for good.

        Raises:
            DuplicateRequest: The same `request_id` within 10 seconds.
        """
        body = {**campaign.body(), "advertiser_id": advertiser_id, **_guard(request_id)}
        return (await self._caller.post("campaign/create/", body)).parse(Campaign)

    async def campaigns(
        self, advertiser_id: str, *, ids: Iterable[str] | None = None, name: str | None = None
    ) -> Rows[Campaign]:
        """Campaigns that are not deleted.

        Args:
            advertiser_id: The ad account.
            ids: Only these; 100 a call.
            name: Only those of exactly this name.
        """
        found: Rows[Campaign] = Rows()
        for some in _chunked({"campaign_ids": ids}):
            # What is listed without a status is not documented for campaigns, so it is said.
            params = _filtered(advertiser_id, {**some, "campaign_name": name, "primary_status": NOT_DELETED})
            found.add(await self._caller.all_pages("campaign/get/", params, Campaign, page_size=PAGE))
        return found if name is None else found.only(lambda campaign: campaign.campaign_name, name)

    async def count_campaigns(self, advertiser_id: str) -> int | None:
        """How many campaigns that are not deleted an ad account has; None if TikTok does not say."""
        return await self._caller.count("campaign/get/", _filtered(advertiser_id, {"primary_status": NOT_DELETED}))

    async def set_campaign_status(self, advertiser_id: str, ids: Iterable[str], status: str) -> None:
        """Enable, disable or delete campaigns (`OperationStatus`), 20 a call."""
        await self._set_status("campaign", advertiser_id, ids, status)

    async def create_ad_group(self, advertiser_id: str, ad_group: NewAdGroup, request_id: str | None = None) -> AdGroup:
        """Create an ad group; `request_id` and errors as of `create_campaign`."""
        body = {**ad_group.body(), "advertiser_id": advertiser_id, **_guard(request_id)}
        return (await self._caller.post("adgroup/create/", body)).parse(AdGroup)

    async def ad_groups(
        self,
        advertiser_id: str,
        *,
        ids: Iterable[str] | None = None,
        campaign_ids: Iterable[str] | None = None,
        name: str | None = None,
    ) -> Rows[AdGroup]:
        """Ad groups that are not deleted.

        Args:
            advertiser_id: The ad account.
            ids: Only these; 100 a call.
            campaign_ids: Only those of these campaigns; 100 a call.
            name: Only those of exactly this name.
        """
        found: Rows[AdGroup] = Rows()
        for some in _chunked({"adgroup_ids": ids, "campaign_ids": campaign_ids}):
            params = _filtered(advertiser_id, {**some, "adgroup_name": name})
            found.add(await self._caller.all_pages("adgroup/get/", params, AdGroup, page_size=PAGE))
        return found if name is None else found.only(lambda group: group.adgroup_name, name)

    async def ad_group_quota(self, advertiser_id: str) -> AdGroupQuota:
        """How many active ad groups the ad account may have, and has."""
        return (await self._caller.get("adgroup/quota/", {"advertiser_id": advertiser_id})).parse(AdGroupQuota)

    async def set_ad_group_status(self, advertiser_id: str, ids: Iterable[str], status: str) -> None:
        """Enable, disable or delete ad groups (`OperationStatus`), 20 a call."""
        await self._set_status("adgroup", advertiser_id, ids, status)

    async def create_ads(
        self,
        advertiser_id: str,
        adgroup_id: str,
        creatives: Sequence[Creative],
        *,
        just_before: Callable[[], Awaitable[None]] | None = None,
        within: float | None = None,
    ) -> CreatedAds:
        """Create 1 to 20 ads in one ad group.

        There is no key that makes this repeatable.

        Args:
            advertiser_id: The ad account.
            adgroup_id: The ad group.
            creatives: What to make.
            just_before: Done between the wait for the rate limit and the call; what it raises stops the call.
            within: Seconds after which the answer counts as lost, in place of the usual time-out.

        Raises:
            ValueError: Not 1 to 20 creatives.
            IdentityLost: An identity is not usable in this ad account through the Business Center named.
            InvalidRequest: A creative is refused. TikTok does not document batches that fail in part other than by
                code 20001 (`partial`); a refusal is taken to be of the whole batch.
        """
        if not 1 <= len(creatives) <= CREATIVES_IN_CALL:
            raise ValueError(f"1 to {CREATIVES_IN_CALL} creatives a call, not {len(creatives)}")
        body = {
            "advertiser_id": advertiser_id,
            "adgroup_id": adgroup_id,
            "creatives": [creative.body() for creative in creatives],
        }
        answer = await self._caller.call(
            Call(
                verb="POST",
                path="ad/create/",
                write=True,
                body=body,
                partial=True,
                just_before=just_before,
                within=within,
            )
        )
        said, described = answer.parse(_Created), answer.rows("creatives", Ad)
        ids = said.ad_ids or tuple(ad.ad_id for ad in described)
        is_all_there_is = said.ad_ids is not None or described.is_complete
        if len(ids) < len(creatives) and not is_all_there_is:
            raise answer.fault("answer not understood: it can't be read which ads were made")
        if not ids and not answer.partial:
            raise answer.fault("answer not understood: no ad in it")
        is_part = answer.partial or len(ids) < len(creatives)
        return CreatedAds(ads=tuple(described), ad_ids=ids, partial=is_part)

    async def ads(
        self,
        advertiser_id: str,
        *,
        adgroup_ids: Iterable[str] | None = None,
        ad_ids: Iterable[str] | None = None,
        include_deleted: bool = False,
    ) -> Rows[Ad]:
        """Ads, 1000 a page.

        Args:
            advertiser_id: The ad account.
            adgroup_ids: Only those of these ad groups; 100 a call.
            ad_ids: Only these; 100 a call.
            include_deleted: Also those deleted themselves or with their ad group or campaign.
        """
        found: Rows[Ad] = Rows()
        status = "STATUS_ALL" if include_deleted else None
        for some in _chunked({"adgroup_ids": adgroup_ids, "ad_ids": ad_ids}):
            params = _filtered(advertiser_id, {**some, "primary_status": status})
            found.add(await self._caller.all_pages("ad/get/", params, Ad, page_size=PAGE))
        return found

    async def count_spark_ads(self, advertiser_id: str) -> int:
        """How many Spark Ads an ad account has, deleted ones not counted; 1000 a call: no filter tells them apart."""
        params = {"advertiser_id": advertiser_id, "fields": ["ad_id", "identity_type"]}
        pages = self._caller.pages("ad/get/", params, Ad, page_size=PAGE)
        return sum([len([ad for ad in page if ad.identity_type in SPARK_IDENTITIES]) async for page in pages])

    async def set_ad_status(self, advertiser_id: str, ad_ids: Iterable[str], status: str) -> None:
        """Enable, disable or delete ads (`OperationStatus`), 20 a call. Pushed posts outlive their ads."""
        await self._set_status("ad", advertiser_id, ad_ids, status)

    async def review_info(self, advertiser_id: str, ad_ids: Iterable[str]) -> dict[str, AdReview]:
        """What review says, by ad id; 100 a call."""
        found: dict[str, AdReview] = {}
        for ids in chunks(ad_ids, IDS_IN_REVIEW):
            answer = await self._caller.get("ad/review_info/", {"advertiser_id": advertiser_id, "ad_ids": ids})
            found |= answer.parse(_AdReviews).by_ad()
        return found

    async def _set_status(self, kind: str, advertiser_id: str, ids: Iterable[str], status: str) -> None:
        for some in chunks(ids, IDS_IN_STATUS):
            body = {"advertiser_id": advertiser_id, f"{kind}_ids": some, "operation_status": status}
            path = f"{kind}/status/update/"
            await self._caller.call(
                Call(verb="POST", path=path, write=True, body=body, harmless=frozenset({NOTHING_TO_UPDATE}))
            )


def _chunked(filters: dict[str, Iterable[str] | None]) -> list[dict[str, list[str]]]:
    """Cut id filters so that each holds at most 100 ids; several filters are combined, each part with each.

    A filter of no ids selects nothing and so needs no call; TikTok takes an empty list for no filter at all.
    """
    combined: list[dict[str, list[str]]] = [{}]
    for name, ids in filters.items():
        if ids is not None:
            parts = list(chunks(ids, IDS_IN_FILTER))
            combined = [{**others, name: part} for others in combined for part in parts]
    return combined


def _filtered(advertiser_id: str, filters: dict[str, Any]) -> dict[str, Any]:
    filtering = {name: value for name, value in filters.items() if value is not None}
    return {"advertiser_id": advertiser_id, "filtering": filtering or None}
