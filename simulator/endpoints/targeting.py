"""Places to show ads in: lists by level, search by name, and whether an id is good."""

from typing import Any, Final, Literal

from pydantic import Field

from simulator.endpoints.campaigns import Objective
from simulator.endpoints.row_fields import without_nulls
from simulator.envelope import parameter_error
from simulator.fields import Body, Id, Query
from simulator.places import Place, countries, places
from simulator.routes import Call, Data, Routes

routes = Routes()

LevelRange = Literal["ALL", "TO_COUNTRY", "TO_PROVINCE", "TO_CITY", "TO_DISTRICT"]
SEARCHED_REGIONS: Final = {"US", "CA", "BR", "ID", "TH", "VN"}
"""Countries that BATCH_REGION_SEARCH looks into."""
MOST_FOUND: Final = 100


class ToolRegion(Query):
    """GET /tool/region/."""

    advertiser_id: Id
    placements: list[str] = Field(min_length=1)
    objective_type: Objective
    promotion_type: str | None = None
    level_range: LevelRange = "TO_CITY"
    language: str = "en"


@routes.get("/tool/region/", ToolRegion)
def tool_region(call: Call, query: ToolRegion) -> Data:
    """Places that ads of an objective can be shown in; one that is not listed cannot be targeted."""
    call.advertiser(query.advertiser_id)
    available = [
        one
        for one in places().values()
        if one.location_id not in call.world.config.closed_places
        and (one.level == "COUNTRY" or query.level_range != "TO_COUNTRY")
    ]
    names = call.world.config.region_names
    return {
        "region_list": [one.region_code for one in available if one.level == "COUNTRY"],
        "region_info": [
            {
                "location_id": one.location_id,
                "region_code": one.region_code,
                "parent_id": one.parent_id,
                "next_level_ids": [two.location_id for two in available if two.parent_id == one.location_id],
                "area_type": "ADMIN",
                "level": one.level,
                "support_below_18": False,
            }
            | ({"name": one.name} if names else {})
            for one in available
        ],
    }


class SearchRegion(Query):
    """GET /search/region/."""

    advertiser_id: Id
    language: str = "en"


@routes.get("/search/region/", SearchRegion)
def search_region(call: Call, query: SearchRegion) -> Data:
    """All places with names, whatever the objective; nulls are dropped, so a country has no parent."""
    call.advertiser(query.advertiser_id)
    return {
        "region_list": [
            without_nulls(
                {
                    "region_id": one.location_id,
                    "region_name": one.name,
                    "region_level": one.level,
                    "country_code": one.region_code,
                    "parent_id": None if one.level == "COUNTRY" else one.parent_id,
                    "area_type": "ADMIN",
                    "support_below_18": False,
                }
            )
            for one in places().values()
        ]
    }


class TargetingSearch(Body):
    """POST /tool/targeting/search/: a read."""

    advertiser_id: Id
    objective_type: Objective
    promotion_type: str | None = None
    placements: list[str] = Field(min_length=1)
    search_type: Literal["FUZZY_SEARCH", "BATCH_REGION_SEARCH", "BATCH_ZIPCODE_SEARCH"]
    keywords: list[str] = Field(min_length=1, max_length=1_000)
    geo_types: list[str] | None = None
    region_codes: list[str] | None = None


@routes.post("/tool/targeting/search/", TargetingSearch)
def targeting_search(call: Call, body: TargetingSearch) -> Data:
    """Places by name. A fuzzy search takes one word; a batch wants to know in which countries to look."""
    call.advertiser(body.advertiser_id)
    if body.objective_type == "TRAFFIC" and body.promotion_type is None:
        raise parameter_error("Missing required field(s): promotion_type.")
    if body.search_type == "FUZZY_SEARCH" and len(body.keywords) > 1:
        raise parameter_error("Invalid value of 'keywords': FUZZY_SEARCH takes one")
    if body.search_type != "FUZZY_SEARCH":
        if not body.region_codes:
            raise parameter_error("Missing required field(s): region_codes.")
        if unknown := set(body.region_codes) - SEARCHED_REGIONS:
            raise parameter_error(f"Invalid value of 'region_codes': {', '.join(sorted(unknown))}")
    most = MOST_FOUND if body.search_type == "FUZZY_SEARCH" else 5
    found = []
    for keyword in body.keywords:
        hits = [
            one
            for one in places().values()
            if body.search_type != "BATCH_ZIPCODE_SEARCH"
            and keyword.casefold() in one.name.casefold()
            and (not body.geo_types or one.level in body.geo_types)
            and (not body.region_codes or one.region_code in body.region_codes)
        ]
        found += [(keyword, one) for one in hits[:most]]
    return _tags(call, [_tag(call, one, keyword) for keyword, one in found], [one for _, one in found])


class TargetingInfo(Body):
    """POST /tool/targeting/info/: a read, of up to 1,000 ids."""

    advertiser_id: Id
    targeting_ids: list[Id] = Field(min_length=1, max_length=1_000)
    objective_type: Objective
    promotion_type: str | None = None
    placements: list[str] = Field(min_length=1)
    scene: Literal["GEO", "ISP"] = "GEO"


@routes.post("/tool/targeting/info/", TargetingInfo)
def targeting_info(call: Call, body: TargetingInfo) -> Data:
    """Whether location ids can be used, and whose they are."""
    call.advertiser(body.advertiser_id)
    known = [places()[key] for key in body.targeting_ids if key in places()]
    tags = [
        _tag(call, places()[key], None)
        if key in places()
        else {"name": None, "targeting_type": "GEO", "geo": {"geo_id": key}, "status_info": _status("OFFLINE")}
        for key in body.targeting_ids
    ]
    return _tags(call, tags, known)


def _tags(call: Call, tags: list[dict[str, Any]], found: list[Place]) -> Data:
    parents = {one.region_code: countries()[one.region_code] for one in found if one.level == "PROVINCE"}
    return {"targeting_tag_list": tags, "parent_tags": [_tag(call, one, None) for one in parents.values()]}


def _tag(call: Call, place: Place, keyword: str | None) -> dict[str, Any]:
    closed = place.location_id in call.world.config.closed_places
    return {
        "keyword": keyword,
        "name": place.name,
        "targeting_type": "GEO",
        "geo": {
            "geo_id": place.location_id,
            "geo_type": place.level,
            "region_code": place.region_code,
            "parent_id": place.parent_id,
            "description": place.name,
        },
        "status_info": _status("NOT_SUPPORTED" if closed else None),
    }


def _status(reason: Literal["OFFLINE", "NOT_SUPPORTED"] | None) -> dict[str, str | None]:
    return {"status": "ENABLED" if reason is None else "DISABLED", "reason": reason}
