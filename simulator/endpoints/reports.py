"""Reports. Nothing is ever really shown, so an ad that delivers has zeros, and one that never did has no row."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.envelope import parameter_error
from simulator.fields import Id, Page1000, QueryBool
from simulator.routes import Call, Data, Routes
from simulator.statuses import ad_status, selects

routes = Routes()

ID_DIMENSIONS = {
    "AUCTION_AD": "ad_id",
    "AUCTION_ADGROUP": "adgroup_id",
    "AUCTION_CAMPAIGN": "campaign_id",
    "AUCTION_ADVERTISER": "advertiser_id",
}


class ReportGet(Page1000):
    """GET /report/integrated/get/, as far as basic reports go."""

    advertiser_id: Id
    report_type: Literal["BASIC", "AUDIENCE", "PLAYABLE_MATERIAL", "CATALOG", "BC", "TT_SHOP"]
    data_level: Literal["AUCTION_AD", "AUCTION_ADGROUP", "AUCTION_CAMPAIGN", "AUCTION_ADVERTISER"] = "AUCTION_AD"
    dimensions: list[str] = Field(min_length=1)
    metrics: list[str] = Field(default_factory=lambda: ["spend", "impressions"])
    start_date: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d$")
    end_date: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d$")
    query_lifetime: QueryBool = False


@routes.get("/report/integrated/get/", ReportGet)
def report(call: Call, query: ReportGet) -> Data:
    """Metrics as text, one row for each thing that delivers."""
    advertiser = call.advertiser(query.advertiser_id)
    dimension = ID_DIMENSIONS[query.data_level]
    if dimension not in query.dimensions:
        raise parameter_error(f"Invalid value of 'dimensions': {query.data_level} needs {dimension}")
    if not query.query_lifetime and (query.start_date is None or query.end_date is None):
        raise parameter_error("Missing required field(s): start_date, end_date.")
    keys: dict[str, None] = {}
    for ad in advertiser.ads.values():
        if selects("AD", "STATUS_DELIVERY_OK", ad_status(call.world, ad, call.now)):
            keys[str(ad.fields[dimension])] = None

    def row(key: str) -> dict[str, Any]:
        return {"dimensions": {dimension: key}, "metrics": dict.fromkeys(query.metrics, "0")}

    return paged(list(keys), query.page, query.page_size, row)
