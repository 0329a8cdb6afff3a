"""Campaigns."""

from typing import Any, Final, Literal

from pydantic import Field

from simulator.delivery import campaign_status
from simulator.endpoints.creation import BudgetMode, check_budget, guard_request
from simulator.endpoints.naming import NAME_LENGTH, check_text
from simulator.endpoints.paging import chosen, only, paged, primary_matches
from simulator.entities import AdAccount, Campaign
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Body, Filter, Id, OpenBody, Page1000, StatusChange, Switch
from simulator.routes import Call, Data, Routes
from simulator.stamps import spaced

routes = Routes()

SMALLEST_BUDGET: Final = 50.0
"""In units of the ad account's currency (TikTok help centre, for US dollars)."""

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
    check_budget(body.budget_mode, body.budget, SMALLEST_BUDGET)
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
    campaign = find_campaign(advertiser, body.campaign_id)
    if campaign.deleted:
        raise parameter_error(f"The campaign {body.campaign_id} has been deleted.")
    if body.campaign_name is not None and body.campaign_name != campaign.name:
        check_text("campaign_name", body.campaign_name, NAME_LENGTH)
        if advertiser.campaign_names[body.campaign_name]:
            raise parameter_error("Campaign name already exists. Please use another name.")
    if body.budget is not None:
        check_budget(campaign.fields["budget_mode"], body.budget, SMALLEST_BUDGET)
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
    found = [find_campaign(advertiser, key) for key in body.campaign_ids]
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


def find_campaign(advertiser: AdAccount, campaign_id: str) -> Campaign:
    """A campaign of an ad account, deleted or not.

    Raises:
        ApiError: 40007 when there is none.
    """
    campaign = advertiser.campaigns.get(campaign_id)
    if campaign is None:
        raise ApiError(40007, f"The campaign {campaign_id} does not exist.")
    return campaign
