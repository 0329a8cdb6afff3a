"""Campaigns and ad groups."""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeVar

from pydantic import Field

from simulator.delivery import adgroup_status, campaign_status
from simulator.endpoints.naming import check_text
from simulator.endpoints.paging import paged
from simulator.entities import AdAccount, AdGroup, Campaign
from simulator.envelope import ApiError, Partial, parameter_error
from simulator.fields import Body, Filter, Id, OpenBody, Page1000, StatusChange, Switch
from simulator.routes import Call, Data, Routes
from simulator.stamps import parse_spaced, spaced

routes = Routes()
T = TypeVar("T")

REQUEST_WINDOW: Final = 10.0
"""Seconds in which a `request_id` can succeed only once."""
LATEST_START: Final = 12 * 3600.0
"""An ad group may start this many seconds in the past."""
SMALLEST_CAMPAIGN_BUDGET: Final = 50.0
SMALLEST_ADGROUP_BUDGET: Final = 20.0
"""Smallest budgets in units of the ad account's currency (TikTok help centre, for US dollars)."""
NAME_LENGTH: Final = 512

Objective = Literal[
    "REACH",
    "TRAFFIC",
    "VIDEO_VIEWS",
    "ENGAGEMENT",
    "LEAD_GENERATION",
    "APP_PROMOTION",
    "WEB_CONVERSIONS",
    "PRODUCT_SALES",
    "RF_REACH",
    "BRAND_CONSIDERATION",
]
BudgetMode = Literal["BUDGET_MODE_INFINITE", "BUDGET_MODE_TOTAL", "BUDGET_MODE_DAY", "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"]
WITHOUT_PROMOTION: Final = {"REACH", "VIDEO_VIEWS", "ENGAGEMENT"}
"""Objectives whose ad groups need no promotion type."""


def guard_request(call: Call, advertiser: AdAccount, kind: str, request_id: str | None) -> str | None:
    """The key under which a successful creation is remembered.

    Raises:
        ApiError: when the same `request_id` succeeded within the last 10 seconds, or is no int64.
    """
    if request_id is None:
        return None
    if not request_id.isascii() or not request_id.isdigit() or int(request_id) >= 2**63:
        raise parameter_error("Invalid value of 'request_id': it must be a string of an int64")
    key = f"{kind}/{request_id}"
    recent = advertiser.recent_requests
    for old in [name for name, at in recent.items() if call.now - at >= REQUEST_WINDOW]:
        del recent[old]
    if key in recent:
        raise ApiError(call.world.config.duplicate_request_code, "Duplicated request. Please try again later.")
    return key


def check_budget(mode: str | None, budget: float | None, smallest: float) -> None:
    """Whether a budget fits its mode.

    Raises:
        ApiError: 40002 when it is missing, 51009 when it is too small.
    """
    if mode is None or mode == "BUDGET_MODE_INFINITE":
        return
    if budget is None:
        raise parameter_error("Missing required field(s): budget.")
    if budget < smallest:
        raise ApiError(51009, f"The budget is below the minimum of {smallest:g}.")


class CampaignCreate(OpenBody):
    """POST /campaign/create/."""

    advertiser_id: Id
    objective_type: Objective
    campaign_name: str = Field(min_length=1)
    budget_mode: BudgetMode | None = None
    budget: float | None = Field(default=None, ge=0)
    budget_optimize_on: bool = False
    request_id: Id | None = None
    operation_status: Switch = "ENABLE"


@routes.post("/campaign/create/", CampaignCreate)
def campaign_create(call: Call, body: CampaignCreate) -> Data:
    """Create a campaign. A name in use is refused, unless a new `request_id` is sent with it."""
    advertiser = call.session.advertiser(body.advertiser_id)
    check_text("campaign_name", body.campaign_name, NAME_LENGTH)
    if body.budget_mode is None and body.objective_type != "RF_REACH":
        raise parameter_error("Missing required field(s): budget_mode.")
    check_budget(body.budget_mode, body.budget, SMALLEST_CAMPAIGN_BUDGET)
    key = guard_request(call, advertiser, "campaign", body.request_id)
    if key is None and advertiser.campaign_names[body.campaign_name]:
        raise parameter_error("Campaign name already exists. Please use another name.")
    campaign = Campaign(
        campaign_id=call.world.ids.short(),
        name=body.campaign_name,
        fields=body.model_dump(exclude={"request_id", "operation_status", "campaign_name"}),
        operation_status=body.operation_status,
        created_at=call.now,
        modified_at=call.now,
    )
    advertiser.campaigns[campaign.campaign_id] = campaign
    advertiser.campaign_names[campaign.name] += 1
    if key is not None:
        advertiser.recent_requests[key] = call.now
    return campaign_row(campaign)


def campaign_row(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the API shows it."""
    return {
        **campaign.fields,
        "campaign_id": campaign.campaign_id,
        "campaign_name": campaign.name,
        "campaign_type": campaign.fields.get("campaign_type", "REGULAR_CAMPAIGN"),
        "operation_status": campaign.operation_status,
        "secondary_status": campaign_status(campaign),
        "create_time": spaced(campaign.created_at),
        "modify_time": spaced(campaign.modified_at),
        "is_new_structure": True,
    }


class CampaignFilter(Filter):
    """Filtering of campaigns."""

    campaign_ids: list[Id] | None = Field(default=None, max_length=100)
    campaign_name: str | None = None
    primary_status: str = "STATUS_NOT_DELETE"
    secondary_status: str | None = None
    objective_type: Objective | None = None


class CampaignGet(Page1000):
    """GET /campaign/get/."""

    advertiser_id: Id
    fields: list[str] | None = None
    filtering: CampaignFilter = CampaignFilter()


@routes.get("/campaign/get/", CampaignGet)
def campaign_get(call: Call, query: CampaignGet) -> Data:
    """Campaigns of an ad account, newest first."""
    advertiser = call.session.advertiser(query.advertiser_id)
    wanted = query.filtering
    rows = [
        one
        for one in chosen(advertiser.campaigns, wanted.campaign_ids)
        if (wanted.campaign_name is None or wanted.campaign_name.casefold() in one.name.casefold())
        and wanted.objective_type in {None, one.fields["objective_type"]}
        and wanted.secondary_status in {None, campaign_status(one)}
        and primary_matches(wanted.primary_status, campaign_status(one))
    ]
    return paged(rows, query.page, query.page_size, lambda one: only(campaign_row(one), query.fields))


class CampaignUpdate(OpenBody):
    """POST /campaign/update/."""

    advertiser_id: Id
    campaign_id: Id
    campaign_name: str | None = Field(default=None, min_length=1)
    budget: float | None = Field(default=None, ge=0)


@routes.post("/campaign/update/", CampaignUpdate)
def campaign_update(call: Call, body: CampaignUpdate) -> Data:
    """Change a campaign."""
    advertiser = call.session.advertiser(body.advertiser_id)
    campaign = _campaign(advertiser, body.campaign_id)
    if campaign.deleted:
        raise parameter_error(f"The campaign {body.campaign_id} has been deleted.")
    if body.campaign_name is not None and body.campaign_name != campaign.name:
        check_text("campaign_name", body.campaign_name, NAME_LENGTH)
        if advertiser.campaign_names[body.campaign_name]:
            raise parameter_error("Campaign name already exists. Please use another name.")
    if body.budget is not None:
        check_budget(campaign.fields["budget_mode"], body.budget, SMALLEST_CAMPAIGN_BUDGET)
    if body.campaign_name is not None:
        advertiser.campaign_names[campaign.name] -= 1
        campaign.name = body.campaign_name
        advertiser.campaign_names[campaign.name] += 1
    changes = body.model_dump(exclude={"advertiser_id", "campaign_id", "campaign_name"}, exclude_unset=True)
    campaign.fields.update(changes)
    campaign.modified_at = call.now
    return campaign_row(campaign)


class CampaignStatusUpdate(Body):
    """POST /campaign/status/update/: 1 to 20 ids."""

    advertiser_id: Id
    campaign_ids: list[Id] = Field(min_length=1, max_length=20)
    operation_status: StatusChange


@routes.post("/campaign/status/update/", CampaignStatusUpdate)
def campaign_status_update(call: Call, body: CampaignStatusUpdate) -> Data:
    """Enable, disable or delete campaigns; all or none."""
    advertiser = call.session.advertiser(body.advertiser_id)
    found = [_campaign(advertiser, key) for key in body.campaign_ids]
    for campaign in found:
        if campaign.deleted:
            raise parameter_error(f"The campaign {campaign.campaign_id} has been deleted.")
    for campaign in found:
        campaign.modified_at = call.now
        if body.operation_status == "DELETE":
            campaign.deleted = True
            advertiser.campaign_names[campaign.name] -= 1
        else:
            campaign.operation_status = body.operation_status
    return {
        "campaign_ids": body.campaign_ids,
        "status": body.operation_status,
        "campaign_list": [{"campaign_id": key, "status": body.operation_status} for key in body.campaign_ids],
    }


def _campaign(advertiser: AdAccount, campaign_id: str) -> Campaign:
    campaign = advertiser.campaigns.get(campaign_id)
    if campaign is None:
        raise ApiError(40007, f"The campaign {campaign_id} does not exist.")
    return campaign


class AdGroupCreate(OpenBody):
    """POST /adgroup/create/."""

    advertiser_id: Id
    campaign_id: Id
    adgroup_name: str = Field(min_length=1)
    request_id: Id | None = None
    promotion_type: str | None = None
    placement_type: Literal["PLACEMENT_TYPE_AUTOMATIC", "PLACEMENT_TYPE_NORMAL"] = "PLACEMENT_TYPE_AUTOMATIC"
    placements: list[str] | None = None
    location_ids: list[Id] | None = None
    zipcode_ids: list[Id] | None = None
    budget_mode: BudgetMode | None = None
    budget: float | None = Field(default=None, ge=0)
    schedule_type: Literal["SCHEDULE_FROM_NOW", "SCHEDULE_START_END"]
    schedule_start_time: str
    schedule_end_time: str | None = None
    optimization_goal: str = Field(min_length=1)
    billing_event: Literal["CPC", "CPM", "CPV", "OCPM", "OCPC", "GD"]
    bid_type: Literal["BID_TYPE_NO_BID", "BID_TYPE_CUSTOM"] | None = None
    bid_price: float | None = None
    conversion_bid_price: float | None = None
    pacing: Literal["PACING_MODE_SMOOTH", "PACING_MODE_FAST"]
    pixel_id: Id | None = None
    dayparting: str | None = Field(default=None, pattern=r"^([01]{336})?$")
    operation_status: Switch = "ENABLE"


@routes.post("/adgroup/create/", AdGroupCreate)
def adgroup_create(call: Call, body: AdGroupCreate) -> Data:
    """Create an ad group. Names are unique within their campaign, as campaign names are within the ad account."""
    advertiser = call.session.advertiser(body.advertiser_id)
    campaign = _campaign(advertiser, body.campaign_id)
    if campaign.deleted:
        raise parameter_error(f"The campaign {body.campaign_id} has been deleted.")
    starts_at, ends_at = _check_adgroup(call, campaign, body)
    key = guard_request(call, advertiser, "adgroup", body.request_id)
    if key is None and campaign.adgroup_names[body.adgroup_name]:
        raise parameter_error("Ad group name already exists. Please use another name.")
    adgroup = AdGroup(
        adgroup_id=call.world.ids.short(),
        name=body.adgroup_name,
        campaign=campaign,
        fields=body.model_dump(exclude={"request_id", "operation_status", "adgroup_name"}),
        operation_status=body.operation_status,
        starts_at=starts_at,
        ends_at=ends_at,
        created_at=call.now,
        modified_at=call.now,
    )
    campaign.adgroups[adgroup.adgroup_id] = adgroup
    campaign.adgroup_names[adgroup.name] += 1
    advertiser.adgroups[adgroup.adgroup_id] = adgroup
    if key is not None:
        advertiser.recent_requests[key] = call.now
    return adgroup_row(adgroup, call.now)


def _check_adgroup(call: Call, campaign: Campaign, body: AdGroupCreate) -> tuple[float, float | None]:
    check_text("adgroup_name", body.adgroup_name, NAME_LENGTH)
    missing = [
        name
        for name, absent in {
            "promotion_type": body.promotion_type is None
            and campaign.fields["objective_type"] not in WITHOUT_PROMOTION,
            "placements": body.placement_type == "PLACEMENT_TYPE_NORMAL" and not body.placements,
            "location_ids": not body.location_ids and not body.zipcode_ids,
            "budget_mode": body.budget_mode is None and not campaign.fields["budget_optimize_on"],
            "pixel_id": body.optimization_goal in {"CONVERT", "VALUE"} and body.pixel_id is None,
            "bid_price": body.bid_type == "BID_TYPE_CUSTOM"
            and body.bid_price is None
            and body.conversion_bid_price is None,
            "schedule_end_time": body.schedule_end_time is None
            and (body.schedule_type == "SCHEDULE_START_END" or body.budget_mode == "BUDGET_MODE_TOTAL"),
        }.items()
        if absent
    ]
    if missing:
        raise parameter_error(f"Missing required field(s): {', '.join(missing)}.")
    if not campaign.fields["budget_optimize_on"]:
        check_budget(body.budget_mode, body.budget, SMALLEST_ADGROUP_BUDGET)
    starts_at = _instant("schedule_start_time", body.schedule_start_time)
    if starts_at < call.now - LATEST_START:
        raise parameter_error("Invalid value of 'schedule_start_time': more than 12 hours in the past")
    ends_at = None
    if body.schedule_end_time is not None:
        ends_at = _instant("schedule_end_time", body.schedule_end_time)
        if ends_at <= starts_at:
            raise parameter_error("Invalid value of 'schedule_end_time': not after schedule_start_time")
    return starts_at, ends_at


def _instant(field: str, text: str) -> float:
    try:
        return parse_spaced(text)
    except ValueError:
        raise parameter_error(f"Invalid value of '{field}': correct is YYYY-MM-DD HH:MM:SS in UTC") from None


def adgroup_row(adgroup: AdGroup, now: float) -> dict[str, Any]:
    """An ad group as the API shows it."""
    return {
        **adgroup.fields,
        "adgroup_id": adgroup.adgroup_id,
        "adgroup_name": adgroup.name,
        "campaign_name": adgroup.campaign.name,
        "operation_status": adgroup.operation_status,
        "secondary_status": adgroup_status(adgroup, now),
        "create_time": spaced(adgroup.created_at),
        "modify_time": spaced(adgroup.modified_at),
        "is_new_structure": True,
    }


class AdGroupFilter(Filter):
    """Filtering of ad groups."""

    campaign_ids: list[Id] | None = Field(default=None, max_length=100)
    adgroup_ids: list[Id] | None = Field(default=None, max_length=100)
    adgroup_name: str | None = None
    primary_status: str = "STATUS_NOT_DELETE"
    secondary_status: str | None = None


class AdGroupGet(Page1000):
    """GET /adgroup/get/."""

    advertiser_id: Id
    fields: list[str] | None = None
    filtering: AdGroupFilter = AdGroupFilter()


@routes.get("/adgroup/get/", AdGroupGet)
def adgroup_get(call: Call, query: AdGroupGet) -> Data:
    """Ad groups of an ad account, newest first."""
    advertiser = call.session.advertiser(query.advertiser_id)
    wanted, now = query.filtering, call.now
    campaigns = set(wanted.campaign_ids) if wanted.campaign_ids is not None else None
    rows = [
        one
        for one in chosen(advertiser.adgroups, wanted.adgroup_ids)
        if (campaigns is None or one.campaign.campaign_id in campaigns)
        and (wanted.adgroup_name is None or wanted.adgroup_name.casefold() in one.name.casefold())
        and wanted.secondary_status in {None, adgroup_status(one, now)}
        and primary_matches(wanted.primary_status, adgroup_status(one, now))
    ]
    return paged(rows, query.page, query.page_size, lambda one: only(adgroup_row(one, now), query.fields))


class AdGroupUpdate(OpenBody):
    """POST /adgroup/update/."""

    advertiser_id: Id
    adgroup_id: Id
    adgroup_name: str | None = Field(default=None, min_length=1)
    budget: float | None = Field(default=None, ge=0)
    schedule_start_time: str | None = None
    schedule_end_time: str | None = None


@routes.post("/adgroup/update/", AdGroupUpdate)
def adgroup_update(call: Call, body: AdGroupUpdate) -> Data:
    """Change an ad group."""
    advertiser = call.session.advertiser(body.advertiser_id)
    adgroup = _adgroup(advertiser, body.adgroup_id)
    if adgroup.deleted:
        raise parameter_error(f"The ad group {body.adgroup_id} has been deleted.")
    names = adgroup.campaign.adgroup_names
    if body.adgroup_name is not None and body.adgroup_name != adgroup.name:
        check_text("adgroup_name", body.adgroup_name, NAME_LENGTH)
        if names[body.adgroup_name]:
            raise parameter_error("Ad group name already exists. Please use another name.")
    if body.budget is not None:
        check_budget(adgroup.fields["budget_mode"], body.budget, SMALLEST_ADGROUP_BUDGET)
    starts_at, ends_at = adgroup.starts_at, adgroup.ends_at
    if body.schedule_start_time is not None:
        starts_at = _instant("schedule_start_time", body.schedule_start_time)
    if body.schedule_end_time is not None:
        ends_at = _instant("schedule_end_time", body.schedule_end_time)
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise parameter_error("Invalid value of 'schedule_end_time': not after schedule_start_time")
    adgroup.starts_at, adgroup.ends_at = starts_at, ends_at
    if body.adgroup_name is not None:
        names[adgroup.name] -= 1
        adgroup.name = body.adgroup_name
        names[adgroup.name] += 1
    changes = body.model_dump(exclude={"advertiser_id", "adgroup_id", "adgroup_name"}, exclude_unset=True)
    adgroup.fields.update(changes)
    adgroup.modified_at = call.now
    return adgroup_row(adgroup, call.now)


class AdGroupStatusUpdate(Body):
    """POST /adgroup/status/update/: 1 to 20 ids."""

    advertiser_id: Id
    adgroup_ids: list[Id] = Field(min_length=1, max_length=20)
    operation_status: StatusChange
    allow_partial_success: bool = False


@routes.post("/adgroup/status/update/", AdGroupStatusUpdate)
def adgroup_status_update(call: Call, body: AdGroupStatusUpdate) -> Data:
    """Enable, disable or delete ad groups; with `allow_partial_success`, those that can be."""
    advertiser = call.session.advertiser(body.advertiser_id)
    changed: list[str] = []
    errors: list[dict[str, str]] = []
    for key in body.adgroup_ids:
        found = advertiser.adgroups.get(key)
        if found is not None and not found.deleted:
            changed.append(key)
        else:
            state = "does not exist" if found is None else "has been deleted"
            errors.append({"adgroup_id": key, "error_message": f"The ad group {key} {state}."})
    if errors and not (body.allow_partial_success and changed):
        code = 40002 if errors[0]["adgroup_id"] in advertiser.adgroups else 40007
        raise ApiError(code, errors[0]["error_message"])
    for key in changed:
        adgroup = advertiser.adgroups[key]
        adgroup.modified_at = call.now
        if body.operation_status == "DELETE":
            adgroup.deleted = True
            adgroup.campaign.adgroup_names[adgroup.name] -= 1
        else:
            adgroup.operation_status = body.operation_status
    data = {"adgroup_ids": changed, "status": body.operation_status, "error_list": errors}
    return Partial("Partial success.", data) if errors else data


def _adgroup(advertiser: AdAccount, adgroup_id: str) -> AdGroup:
    adgroup = advertiser.adgroups.get(adgroup_id)
    if adgroup is None:
        raise ApiError(40007, f"The ad group {adgroup_id} does not exist.")
    return adgroup


def primary_matches(primary: str, secondary: str) -> bool:
    """Whether a campaign's or ad group's secondary status is among those a primary status selects.

    Raises:
        ApiError: 40002 for an unknown primary status.
    """
    deleted = secondary.endswith("_DELETE")
    disabled = secondary.endswith("_DISABLE")
    delivering = secondary.endswith(("_STATUS_ENABLE", "_DELIVERY_OK"))
    done = secondary.endswith("_DONE")
    selected = {
        "STATUS_ALL": True,
        "STATUS_NOT_DELETE": not deleted,
        "STATUS_DELETE": deleted,
        "STATUS_DISABLE": disabled,
        "STATUS_DELIVERY_OK": delivering,
        "STATUS_TIME_DONE": done,
        "STATUS_FROZEN": False,
        "STATUS_NOT_DELIVERY": not (deleted or disabled or delivering or done),
    }.get(primary)
    if selected is None:
        raise parameter_error(f"Invalid value of 'filtering.primary_status': {primary}")
    return selected


def chosen(records: dict[str, T], ids: Iterable[str] | None) -> Iterable[T]:
    """The named records, or all of them newest first."""
    if ids is None:
        return reversed(records.values())
    return (records[key] for key in dict.fromkeys(ids) if key in records)


def only(row: dict[str, Any], fields: list[str] | None) -> dict[str, Any]:
    """The wanted fields of a row; all without a wish."""
    return row if fields is None else {name: row[name] for name in fields if name in row}
