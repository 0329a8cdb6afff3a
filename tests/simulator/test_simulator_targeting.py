"""Places: listed, searched for by name, checked by id."""

from typing import Any

from simulator_api import ADVERTISER, Api

SCOPE: dict[str, Any] = {
    "advertiser_id": ADVERTISER,
    "objective_type": "TRAFFIC",
    "promotion_type": "WEBSITE",
    "placements": ["PLACEMENT_TIKTOK"],
}
USED_IN_EXAMPLES = {"NZ": "2186224", "US": "6252001", "JP": "1861060", "DE": "2921044", "GB": "2635167"}


async def test_countries_by_code(api: Api) -> None:
    answer = await api.get("/tool/region/", **SCOPE, level_range="TO_COUNTRY")
    found = {one["region_code"]: one for one in answer.data["region_info"]}
    assert {code: found[code]["location_id"] for code in USED_IN_EXAMPLES} == USED_IN_EXAMPLES
    assert set(answer.data["region_list"]) == found.keys()
    assert {one["level"] for one in found.values()} == {"COUNTRY"}
    assert (found["US"]["parent_id"], found["US"]["area_type"], "name" in found["US"]) == ("0", "ADMIN", False)
    await api.control("/config", region_names=True, closed_places=["6252001"])
    deeper = await api.get("/tool/region/", **SCOPE)
    rows = {one["location_id"]: one for one in deeper.data["region_info"]}
    assert "6252001" not in rows
    assert (rows["5279468"]["level"], rows["5279468"]["name"]) == ("PROVINCE", "Wisconsin")
    assert "2193733" in rows["2186224"]["next_level_ids"]
    assert (await api.get("/tool/region/", advertiser_id=ADVERTISER)).code == 40002


async def test_regions_with_names_drop_nulls(api: Api) -> None:
    answer = await api.get("/search/region/", advertiser_id=ADVERTISER)
    rows = {one["region_id"]: one for one in answer.data["region_list"]}
    assert rows["1861060"]["region_name"] == "Japan"
    assert "parent_id" not in rows["1861060"]
    assert rows["5279468"]["parent_id"] == "6252001"


async def test_places_by_name(api: Api) -> None:
    async def found(**body: Any) -> list[str]:
        answer = await api.post("/tool/targeting/search/", **{**SCOPE, **body})
        assert answer.code == 0, answer
        return [one["geo"]["geo_id"] for one in answer.data["targeting_tag_list"]]

    assert "2186224" in await found(search_type="FUZZY_SEARCH", keywords=["zealand"])
    wisconsin = {"search_type": "BATCH_REGION_SEARCH", "keywords": ["Wisconsin"], "region_codes": ["US"]}
    assert await found(**wisconsin) == ["5279468"]
    for wrong in (
        {"search_type": "FUZZY_SEARCH", "keywords": ["a", "b"]},
        {**wisconsin, "region_codes": ["NZ"]},
        {"search_type": "BATCH_REGION_SEARCH", "keywords": ["Wisconsin"]},
        {**wisconsin, "promotion_type": None},
    ):
        assert (await api.post("/tool/targeting/search/", **{**SCOPE, **wrong})).code == 40002


async def test_whether_a_location_id_is_good(api: Api) -> None:
    await api.control("/config", closed_places=["1814991"])
    answer = await api.post("/tool/targeting/info/", **SCOPE, targeting_ids=["2186224", "1814991", "5", "5279468"])
    rows = answer.data["targeting_tag_list"]
    assert [(one["name"], one["status_info"]["status"], one["status_info"]["reason"]) for one in rows] == [
        ("New Zealand", "ENABLED", None),
        ("China", "DISABLED", "NOT_SUPPORTED"),
        (None, "DISABLED", "OFFLINE"),
        ("Wisconsin", "ENABLED", None),
    ]
    assert [one["name"] for one in answer.data["parent_tags"]] == ["United States"]
    assert (await api.post("/tool/targeting/info/", **SCOPE, targeting_ids=["1"] * 1_001)).code == 40002
