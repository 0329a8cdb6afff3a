"""Ad groups."""

from typing import Any, Final, Literal

from pydantic import Field

from simulator.budgets import BudgetMode, check_adgroup_mode, check_amount
from simulator.captions import NAME_LENGTH, check_text
from simulator.endpoints.campaigns import find_campaign
from simulator.endpoints.creation import guard_request
from simulator.endpoints.paging import chosen, paged
from simulator.endpoints.row_fields import ADGROUP, check_fields, only, without_nulls
from simulator.entities import AdAccount, AdGroup, Campaign
from simulator.envelope import ApiError, Partial, parameter_error
from simulator.fields import Body, Filter, Id, OpenBody, Page1000, Query, StatusChange, Switch
from simulator.places import overlapping, places
from simulator.quota import active_adgroups, enabled
from simulator.routes import Call, Data, Routes
from simulator.stamps import parse_spaced, spaced, years_after
from simulator.statuses import PrimaryStatus, Wanted, adgroup_status, operation_status

routes = Routes()

LATEST_START: Final = 12 * 3600.0
"""An ad group may start this many seconds in the past."""
LAST_START: Final = parse_spaced("2028-01-01 00:00:00")
LAST_END: Final = parse_spaced("2038-01-01 00:00:00")
YEARS_WITHOUT_END: Final = 10
"""SCHEDULE_FROM_NOW ends so many years after it starts."""
MOST_PLACES: Final = 3_000
DAY: Final = 86_400.0
WITHOUT_PROMOTION: Final = {"REACH", "VIDEO_VIEWS", "ENGAGEMENT"}
"""Objectives whose ad groups need no promotion type."""


class AdGroupCreate(OpenBody):
    """POST /adgroup/create/."""

    advertiser_id: Id
    campaign_id: Id
    adgroup_name: str = Field(min_length=1)
    request_id: Id | None = None
    promotion_type: str | None = None
    placement_type: Literal["PLACEMENT_TYPE_AUTOMATIC", "PLACEMENT_TYPE_NORMAL"] = "PLACEMENT_TYPE_NORMAL"
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
    advertiser = call.working_advertiser(body.advertiser_id)
    campaign = find_campaign(advertiser, body.campaign_id)
    if campaign.deleted:
        raise parameter_error(f"The campaign {body.campaign_id} has been deleted.")
    starts_at, ends_at = _check_adgroup(call, advertiser, campaign, body)
    most = call.world.config.adgroups_per_campaign
    if sum(not one.deleted for one in campaign.adgroups.values()) >= most:
        raise parameter_error(f"The campaign has {most} ad groups: no more are possible.")
    key = guard_request(call, advertiser, "adgroup", body.request_id)
    if key is None and campaign.adgroup_names[body.adgroup_name]:
        raise parameter_error("Ad group name already exists. Please use another name.")
    adgroup = AdGroup(
        adgroup_id=call.world.ids.short(),
        name=body.adgroup_name,
        campaign=campaign,
        fields=body.model_dump(exclude={"request_id", "operation_status", "adgroup_name"})
        | {"schedule_end_time": spaced(ends_at)}
        | (SHARED_BUDGET if campaign.fields["budget_optimize_on"] else {}),
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
    if adgroup.operation_status == "ENABLE":
        enabled(call.world, advertiser, adgroup, call.now)
    return adgroup_row(call, advertiser, adgroup)


SHARED_BUDGET: Final = {"budget_mode": "BUDGET_MODE_INFINITE", "budget": 0.0}
"""What an ad group shows for a budget of its own when the campaign shares out one."""


def _check_adgroup(call: Call, advertiser: AdAccount, campaign: Campaign, body: AdGroupCreate) -> tuple[float, float]:
    config = call.world.config
    check_text(config, "adgroup_name", body.adgroup_name, NAME_LENGTH)
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
    if body.optimization_goal == "VIDEO_VIEW":
        raise parameter_error("Invalid value of 'optimization_goal': VIDEO_VIEW is no longer supported")
    _check_places(call, [*(body.location_ids or [])], [*(body.zipcode_ids or [])])
    starts_at, ends_at = _check_schedule(call, body)
    if not campaign.fields["budget_optimize_on"]:
        mode = body.budget_mode or ""
        check_adgroup_mode(
            config, campaign.fields["objective_type"], campaign.fields["budget_mode"], mode, body.schedule_type
        )
        days = max(1.0, (ends_at - starts_at) / DAY)
        check_amount(config, "adgroup", advertiser.currency, mode, body.budget, days)
        for name, price in (("bid_price", body.bid_price), ("conversion_bid_price", body.conversion_bid_price)):
            if price is not None and body.budget is not None and price >= body.budget:
                raise parameter_error(f"Invalid value of '{name}': it must be below the budget")
    return starts_at, ends_at


def _check_places(call: Call, location_ids: list[str], zipcode_ids: list[str]) -> None:
    if len(location_ids) + len(zipcode_ids) > MOST_PLACES:
        raise parameter_error(f"Invalid value of 'location_ids': at most {MOST_PLACES} places are allowed")
    for key in location_ids:
        if key not in places() or key in call.world.config.closed_places:
            raise parameter_error(f"Invalid value of 'location_ids': the location {key} is not available")
    inner = overlapping(location_ids)
    if inner is not None:
        raise parameter_error(f"Invalid value of 'location_ids': {inner.location_id} lies in {inner.parent_id}")


def _check_schedule(call: Call, body: AdGroupCreate) -> tuple[float, float]:
    starts_at = _instant("schedule_start_time", body.schedule_start_time)
    if starts_at < call.now - LATEST_START:
        raise parameter_error("Invalid value of 'schedule_start_time': more than 12 hours in the past")
    if starts_at > LAST_START:
        raise parameter_error("Invalid value of 'schedule_start_time': after 2028-01-01")
    if body.schedule_type == "SCHEDULE_FROM_NOW" or body.schedule_end_time is None:
        return starts_at, years_after(starts_at, YEARS_WITHOUT_END)
    ends_at = _instant("schedule_end_time", body.schedule_end_time)
    if ends_at <= starts_at:
        raise parameter_error("Invalid value of 'schedule_end_time': not after schedule_start_time")
    if ends_at > LAST_END:
        raise parameter_error("Invalid value of 'schedule_end_time': after 2038-01-01")
    return starts_at, ends_at


def _instant(field: str, text: str) -> float:
    try:
        return parse_spaced(text)
    except ValueError:
        raise parameter_error(f"Invalid value of '{field}': correct is YYYY-MM-DD HH:MM:SS in UTC") from None


def adgroup_row(call: Call, advertiser: AdAccount, adgroup: AdGroup) -> dict[str, Any]:
    """An ad group as the API shows it."""
    return {
        **adgroup.fields,
        "adgroup_id": adgroup.adgroup_id,
        "adgroup_name": adgroup.name,
        "campaign_name": adgroup.campaign.name,
        "operation_status": operation_status(adgroup),
        "secondary_status": adgroup_status(call.world, advertiser, adgroup, call.now),
        "create_time": spaced(adgroup.created_at),
        "modify_time": spaced(adgroup.modified_at),
        "is_new_structure": True,
    }


class AdGroupFilter(Filter):
    """Filtering of ad groups."""

    campaign_ids: list[Id] | None = Field(default=None, max_length=100)
    adgroup_ids: list[Id] | None = Field(default=None, max_length=100)
    adgroup_name: str | None = None
    primary_status: PrimaryStatus | None = None
    secondary_status: str | None = None


class AdGroupGet(Page1000):
    """GET /adgroup/get/."""

    advertiser_id: Id
    fields: list[str] | None = None
    filtering: AdGroupFilter = AdGroupFilter()
    exclude_field_types_in_response: list[Literal["NULL_FIELD"]] = Field(default_factory=list)


@routes.get("/adgroup/get/", AdGroupGet)
def adgroup_get(call: Call, query: AdGroupGet) -> Data:
    """Ad groups of an ad account, newest first."""
    advertiser = call.advertiser(query.advertiser_id)
    check_fields(query.fields, ADGROUP)
    wanted = query.filtering
    status = Wanted("ADGROUP", wanted.primary_status, wanted.secondary_status, "STATUS_NOT_DELETE")
    campaigns = set(wanted.campaign_ids) if wanted.campaign_ids is not None else None
    rows = [
        one
        for one in chosen(advertiser.adgroups, wanted.adgroup_ids)
        if (campaigns is None or one.campaign.campaign_id in campaigns)
        and (wanted.adgroup_name is None or wanted.adgroup_name.casefold() in one.name.casefold())
        and status.takes(adgroup_status(call.world, advertiser, one, call.now))
    ]
    lean = bool(query.exclude_field_types_in_response)

    def shape(adgroup: AdGroup) -> dict[str, Any]:
        row = only(adgroup_row(call, advertiser, adgroup), query.fields)
        return without_nulls(row) if lean else row

    return paged(rows, query.page, query.page_size, shape)


class AdGroupUpdate(OpenBody):
    """POST /adgroup/update/."""

    advertiser_id: Id
    adgroup_id: Id
    adgroup_name: str | None = Field(default=None, min_length=1)
    budget: float | None = Field(default=None, ge=0)
    schedule_start_time: str | None = None
    schedule_end_time: str | None = None
    placement_type: str | None = None
    placements: list[str] | None = None


@routes.post("/adgroup/update/", AdGroupUpdate)
def adgroup_update(call: Call, body: AdGroupUpdate) -> Data:
    """Change an ad group."""
    advertiser = call.advertiser(body.advertiser_id)
    adgroup = _adgroup(advertiser, body.adgroup_id)
    if adgroup.deleted:
        raise parameter_error(f"The ad group {body.adgroup_id} has been deleted.")
    _check_unchanged(adgroup, body)
    names = adgroup.campaign.adgroup_names
    if body.adgroup_name is not None and body.adgroup_name != adgroup.name:
        check_text(call.world.config, "adgroup_name", body.adgroup_name, NAME_LENGTH)
        if names[body.adgroup_name]:
            raise parameter_error("Ad group name already exists. Please use another name.")
    if body.budget is not None:
        days = max(1.0, (adgroup.ends_at - adgroup.starts_at) / DAY)
        mode = adgroup.fields["budget_mode"]
        check_amount(call.world.config, "adgroup", advertiser.currency, mode, body.budget, days)
    starts_at, ends_at = adgroup.starts_at, adgroup.ends_at
    if body.schedule_start_time is not None:
        starts_at = _instant("schedule_start_time", body.schedule_start_time)
    if body.schedule_end_time is not None:
        ends_at = _instant("schedule_end_time", body.schedule_end_time)
    if ends_at <= starts_at:
        raise parameter_error("Invalid value of 'schedule_end_time': not after schedule_start_time")
    adgroup.starts_at, adgroup.ends_at = starts_at, ends_at
    if body.adgroup_name is not None:
        names[adgroup.name] -= 1
        adgroup.name = body.adgroup_name
        names[adgroup.name] += 1
    changes = body.model_dump(exclude={"advertiser_id", "adgroup_id", "adgroup_name"}, exclude_unset=True)
    adgroup.fields.update(changes)
    adgroup.modified_at = call.now
    return adgroup_row(call, advertiser, adgroup)


def _check_unchanged(adgroup: AdGroup, body: AdGroupUpdate) -> None:
    for name, value in (("placement_type", body.placement_type), ("placements", body.placements)):
        if value is not None and value != adgroup.fields[name]:
            raise parameter_error(f"Invalid value of '{name}': it cannot be changed")


class AdGroupStatusUpdate(Body):
    """POST /adgroup/status/update/: 1 to 20 ids."""

    advertiser_id: Id
    adgroup_ids: list[Id] = Field(min_length=1, max_length=20)
    operation_status: StatusChange
    allow_partial_success: bool = False


@routes.post("/adgroup/status/update/", AdGroupStatusUpdate)
def adgroup_status_update(call: Call, body: AdGroupStatusUpdate) -> Data:
    """Enable, disable or delete ad groups; with `allow_partial_success`, those that can be."""
    advertiser = call.advertiser(body.advertiser_id)
    changed: list[str] = []
    errors: list[dict[str, str]] = []
    for key in body.adgroup_ids:
        why_not = _why_not(advertiser.adgroups.get(key), body.operation_status)
        if why_not is None:
            changed.append(key)
        else:
            errors.append({"adgroup_id": key, "error_message": f"The ad group {key} {why_not}."})
    if errors and not (body.allow_partial_success and changed):
        code = 40002 if errors[0]["adgroup_id"] in advertiser.adgroups else 40007
        raise ApiError(code, errors[0]["error_message"])
    for key in changed:
        adgroup = advertiser.adgroups[key]
        adgroup.modified_at = call.now
        if body.operation_status == "DELETE":
            adgroup.deleted = True
            adgroup.campaign.adgroup_names[adgroup.name] -= 1
        elif body.operation_status == "DISABLE":
            adgroup.operation_status = "DISABLE"
        elif adgroup.operation_status == "DISABLE":
            adgroup.operation_status = "ENABLE"
            enabled(call.world, advertiser, adgroup, call.now)
    data = {"adgroup_ids": changed, "status": body.operation_status, "error_list": errors}
    return Partial("Partial success.", data) if errors else data


def _why_not(adgroup: AdGroup | None, wanted: StatusChange) -> str | None:
    """Why an ad group cannot be switched so, or None."""
    if adgroup is None:
        return "does not exist"
    if adgroup.deleted:
        return "has been deleted"
    if wanted == "ENABLE" and adgroup.over_quota:
        return "is beyond the quota of active ad groups and cannot be enabled"
    if wanted == "ENABLE" and operation_status(adgroup) == "FROZEN":
        return "is frozen and cannot be enabled"
    return None


class AdGroupQuota(Query):
    """GET /adgroup/quota/."""

    advertiser_id: Id


@routes.get("/adgroup/quota/", AdGroupQuota)
def adgroup_quota(call: Call, query: AdGroupQuota) -> Data:
    """How many ad groups may be active in an ad account, and how many are."""
    advertiser = call.advertiser(query.advertiser_id)
    return {
        "total_adgroup_quota": advertiser.adgroup_quota,
        "used_adgroup_quota": active_adgroups(advertiser, call.now),
    }


def _adgroup(advertiser: AdAccount, adgroup_id: str) -> AdGroup:
    adgroup = advertiser.adgroups.get(adgroup_id)
    if adgroup is None:
        raise ApiError(40007, f"The ad group {adgroup_id} does not exist.")
    return adgroup
