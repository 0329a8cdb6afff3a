"""Campaigns."""

from typing import Any, Literal

from pydantic import Field

from simulator.budgets import BudgetMode, check_amount, check_campaign_mode
from simulator.captions import NAME_LENGTH, check_text
from simulator.endpoints.creation import guard_request
from simulator.endpoints.paging import chosen, paged
from simulator.endpoints.row_fields import CAMPAIGN, check_fields, only, without_nulls
from simulator.entities import AdAccount, Campaign
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Body, Filter, Id, OpenBody, Page1000, StatusChange, Switch
from simulator.routes import Call, Data, Routes
from simulator.stamps import spaced
from simulator.statuses import PrimaryStatus, Wanted, campaign_status

routes = Routes()

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
    advertiser, config = call.working_advertiser(body.advertiser_id), call.world.config
    check_text(config, "campaign_name", body.campaign_name, NAME_LENGTH)
    check_campaign_mode(config, body.objective_type, body.budget_mode, optimized=body.budget_optimize_on)
    check_amount(config, "campaign", advertiser.currency, body.budget_mode, body.budget)
    if sum(not one.deleted for one in advertiser.campaigns.values()) >= config.campaigns_per_advertiser:
        raise parameter_error(f"The ad account has {config.campaigns_per_advertiser} campaigns: no more are possible.")
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
    return campaign_row(advertiser, campaign)


def campaign_row(advertiser: AdAccount, campaign: Campaign) -> dict[str, Any]:
    """A campaign as the API shows it."""
    return {
        **campaign.fields,
        "campaign_id": campaign.campaign_id,
        "campaign_name": campaign.name,
        "campaign_type": campaign.fields.get("campaign_type", "REGULAR_CAMPAIGN"),
        "operation_status": campaign.operation_status,
        "secondary_status": campaign_status(advertiser, campaign),
        "create_time": spaced(campaign.created_at),
        "modify_time": spaced(campaign.modified_at),
        "is_new_structure": True,
    }


class CampaignFilter(Filter):
    """Filtering of campaigns."""

    campaign_ids: list[Id] | None = Field(default=None, max_length=100)
    campaign_name: str | None = None
    primary_status: PrimaryStatus | None = None
    secondary_status: str | None = None
    objective_type: Objective | None = None


class CampaignGet(Page1000):
    """GET /campaign/get/."""

    advertiser_id: Id
    fields: list[str] | None = None
    filtering: CampaignFilter = CampaignFilter()
    exclude_field_types_in_response: list[Literal["NULL_FIELD"]] = Field(default_factory=list)


@routes.get("/campaign/get/", CampaignGet)
def campaign_get(call: Call, query: CampaignGet) -> Data:
    """Campaigns of an ad account, newest first; deleted ones too, unless the caller says otherwise."""
    advertiser = call.advertiser(query.advertiser_id)
    check_fields(query.fields, CAMPAIGN)
    wanted = query.filtering
    default: PrimaryStatus = "STATUS_ALL" if call.world.config.unstated_campaigns == "all" else "STATUS_NOT_DELETE"
    status = Wanted("CAMPAIGN", wanted.primary_status, wanted.secondary_status, default)
    rows = [
        one
        for one in chosen(advertiser.campaigns, wanted.campaign_ids)
        if (wanted.campaign_name is None or wanted.campaign_name.casefold() in one.name.casefold())
        and wanted.objective_type in {None, one.fields["objective_type"]}
        and status.takes(campaign_status(advertiser, one))
    ]
    lean = bool(query.exclude_field_types_in_response)

    def shape(campaign: Campaign) -> dict[str, Any]:
        row = only(campaign_row(advertiser, campaign), query.fields)
        return without_nulls(row) if lean else row

    return paged(rows, query.page, query.page_size, shape)


class CampaignUpdate(OpenBody):
    """POST /campaign/update/."""

    advertiser_id: Id
    campaign_id: Id
    campaign_name: str | None = Field(default=None, min_length=1)
    budget: float | None = Field(default=None, ge=0)


@routes.post("/campaign/update/", CampaignUpdate)
def campaign_update(call: Call, body: CampaignUpdate) -> Data:
    """Change a campaign."""
    advertiser = call.advertiser(body.advertiser_id)
    campaign = find_campaign(advertiser, body.campaign_id)
    if campaign.deleted:
        raise parameter_error(f"The campaign {body.campaign_id} has been deleted.")
    if body.campaign_name is not None and body.campaign_name != campaign.name:
        check_text(call.world.config, "campaign_name", body.campaign_name, NAME_LENGTH)
        if advertiser.campaign_names[body.campaign_name]:
            raise parameter_error("Campaign name already exists. Please use another name.")
    if body.budget is not None:
        mode = campaign.fields["budget_mode"]
        check_amount(call.world.config, "campaign", advertiser.currency, mode, body.budget)
    if body.campaign_name is not None:
        advertiser.campaign_names[campaign.name] -= 1
        campaign.name = body.campaign_name
        advertiser.campaign_names[campaign.name] += 1
    changes = body.model_dump(exclude={"advertiser_id", "campaign_id", "campaign_name"}, exclude_unset=True)
    campaign.fields.update(changes)
    campaign.modified_at = call.now
    return campaign_row(advertiser, campaign)


class CampaignStatusUpdate(Body):
    """POST /campaign/status/update/: 1 to 20 ids."""

    advertiser_id: Id
    campaign_ids: list[Id] = Field(min_length=1, max_length=20)
    operation_status: StatusChange


@routes.post("/campaign/status/update/", CampaignStatusUpdate)
def campaign_status_update(call: Call, body: CampaignStatusUpdate) -> Data:
    """Enable, disable or delete campaigns; all or none."""
    advertiser = call.advertiser(body.advertiser_id)
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
