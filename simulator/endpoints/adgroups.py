"""Ad groups."""

from typing import Any, Final, Literal

from pydantic import Field

from simulator.delivery import adgroup_status
from simulator.endpoints.campaigns import find_campaign
from simulator.endpoints.creation import BudgetMode, check_budget, guard_request
from simulator.endpoints.naming import NAME_LENGTH, check_text
from simulator.endpoints.paging import chosen, only, paged, primary_matches
from simulator.entities import AdAccount, AdGroup, Campaign
from simulator.envelope import ApiError, Partial, parameter_error
from simulator.fields import Body, Filter, Id, OpenBody, Page1000, StatusChange, Switch
from simulator.routes import Call, Data, Routes
from simulator.stamps import parse_spaced, spaced

routes = Routes()

LATEST_START: Final = 12 * 3600.0
"""An ad group may start this many seconds in the past."""
SMALLEST_BUDGET: Final = 20.0
"""In units of the ad account's currency (TikTok help centre, for US dollars)."""
WITHOUT_PROMOTION: Final = {"REACH", "VIDEO_VIEWS", "ENGAGEMENT"}
"""Objectives whose ad groups need no promotion type."""


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
    campaign = find_campaign(advertiser, body.campaign_id)
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
        check_budget(body.budget_mode, body.budget, SMALLEST_BUDGET)
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
        check_budget(adgroup.fields["budget_mode"], body.budget, SMALLEST_BUDGET)
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
