"""Budgets by currency, budget modes, schedules, the quota of active ad groups, and other limits."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from simulator_api import ADVERTISER, Answer, Api, adgroup_fields, pull

from simulator.budgets import RATIOS, WHOLE

DYNAMIC = "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"


async def group(api: Api, campaign: str, **fields: Any) -> Answer:
    body = {**adgroup_fields(), "adgroup_name": f"group {fields}"[:200], "campaign_id": campaign, **fields}
    return await api.post("/adgroup/create/", **body)


@pytest.mark.parametrize(
    ("currency", "smallest"),
    [("USD", 20), ("PLN", 80), ("PHP", 1_000), ("JPY", 2_000), ("KRW", 20_000), ("IDR", 200_000)],
)
async def test_the_smallest_daily_budget_by_currency(api: Api, currency: str, smallest: float) -> None:
    await api.control(f"/advertisers/{ADVERTISER}", currency=currency)
    campaign = await api.campaign()
    assert (await group(api, campaign, budget=smallest - 1)).code == 51009
    refused = await group(api, campaign, budget=smallest)
    assert (refused.code, refused.message) == (
        51009,
        f"The budget is too small: it must be more than {smallest:g} {currency}.",
    )
    assert (await group(api, campaign, budget=smallest + 1)).code == 0
    await api.control("/config", budget_minimum="at_least", budget_word=False)
    assert (await group(api, campaign, budget=smallest)).code == 0
    silent = await group(api, campaign, budget=smallest - 1)
    assert (silent.code, "budget" in silent.message) == (51009, False)
    assert (await group(api, campaign, budget=10_000_000 * RATIOS[currency])).code == 40002
    assert (await group(api, campaign, budget=10_000_000 * RATIOS[currency] - 1)).code == 0


@pytest.mark.parametrize(
    ("currency", "budget", "code"),
    [("JPY", 3_000.5, 40002), ("TWD", 300.5, 40002), ("EUR", 30.55, 0), ("EUR", 30.555, 40002), ("ZWL", 1, 0)],
)
async def test_decimals_and_unknown_currencies(api: Api, currency: str, budget: float, code: int) -> None:
    await api.control(f"/advertisers/{ADVERTISER}", currency=currency)
    assert (await group(api, await api.campaign(), budget=budget)).code == code


def test_currencies_without_decimals_have_a_ratio() -> None:
    assert RATIOS.keys() > WHOLE


async def test_lifetime_budgets_last_for_the_days_scheduled(api: Api) -> None:
    four_days = {"schedule_start_time": "2027-03-01 00:00:00", "schedule_end_time": "2027-03-05 00:00:00"}
    total = {"schedule_type": "SCHEDULE_START_END", "budget_mode": "BUDGET_MODE_TOTAL", **four_days}
    campaign = await api.campaign()
    assert (await group(api, campaign, **total, budget=79)).code == 51009
    made = await group(api, campaign, **total, budget=81)
    assert made.code == 0
    change = {"advertiser_id": ADVERTISER, "adgroup_id": made.data["adgroup_id"]}
    assert (await api.post("/adgroup/update/", **change, budget=79)).code == 51009
    assert (await api.post("/adgroup/update/", **change, placements=["PLACEMENT_PANGLE"])).code == 40002
    campaign_total = {"budget_mode": "BUDGET_MODE_TOTAL", "objective_type": "REACH", "campaign_name": "total"}
    assert (await api.post("/campaign/create/", advertiser_id=ADVERTISER, **campaign_total, budget=50)).code == 51009
    assert (await api.post("/campaign/create/", advertiser_id=ADVERTISER, **campaign_total, budget=51)).code == 0


@pytest.mark.parametrize(
    ("objective", "mode", "switch"),
    [
        ("TRAFFIC", "BUDGET_MODE_DAY", "day_budget"),
        ("WEB_CONVERSIONS", "BUDGET_MODE_DAY", "day_budget"),
        ("REACH", DYNAMIC, "dynamic_budget"),
        ("VIDEO_VIEWS", DYNAMIC, "dynamic_budget"),
    ],
)
async def test_daily_budgets_by_objective(api: Api, objective: str, mode: str, switch: str) -> None:
    campaign = await api.campaign(objective_type=objective)
    wanted = {"promotion_type": "WEBSITE", "budget_mode": mode}
    refused = await group(api, campaign, **wanted)
    assert refused.code == 40002
    assert "'budget_mode'" in refused.message
    other = DYNAMIC if mode == "BUDGET_MODE_DAY" else "BUDGET_MODE_DAY"
    assert (await group(api, campaign, promotion_type="WEBSITE", budget_mode=other)).code == 0
    await api.control("/config", **{switch: "accept"})
    assert (await group(api, campaign, **wanted)).code == 0


async def test_modes_that_do_not_go_together(api: Api) -> None:
    campaign = await api.campaign()
    assert (await group(api, campaign, budget_mode="BUDGET_MODE_INFINITE")).code == 40002
    assert (await group(api, campaign, budget_mode="BUDGET_MODE_TOTAL", budget=900)).code == 40002
    later = {
        "schedule_type": "SCHEDULE_START_END",
        "schedule_start_time": "2027-03-01 00:00:00",
        "schedule_end_time": "2027-03-05 00:00:00",
        "budget_mode": "BUDGET_MODE_TOTAL",
        "budget": 900,
    }
    daily = await api.campaign("daily", objective_type="TRAFFIC", budget_mode="BUDGET_MODE_DAY", budget=100)
    assert (await group(api, daily, promotion_type="WEBSITE", **later)).code == 40002
    assert (await group(api, campaign, **later)).code == 0
    for fields in (
        {"budget_mode": DYNAMIC},
        {"budget_mode": "BUDGET_MODE_INFINITE", "budget_optimize_on": True},
        {"budget_mode": "BUDGET_MODE_DAY"},
    ):
        body = {"advertiser_id": ADVERTISER, "objective_type": "REACH", "campaign_name": "bad", "budget": 100}
        assert (await api.post("/campaign/create/", **body, **fields)).code == 40002
    assert (await group(api, campaign, bid_type="BID_TYPE_CUSTOM", bid_price=50)).code == 40002


async def test_a_campaign_that_shares_out_its_budget(api: Api) -> None:
    campaign = await api.campaign(budget_mode=DYNAMIC, budget=100, budget_optimize_on=True)
    made = await group(api, campaign, budget_mode="BUDGET_MODE_DAY", budget=1)
    assert (made.data["budget_mode"], made.data["budget"]) == ("BUDGET_MODE_INFINITE", 0)


async def test_an_ad_group_without_an_end_ends_in_ten_years(api: Api) -> None:
    start = f"{datetime.now(UTC):%Y}-12-31 10:00:00"
    made = await group(api, await api.campaign(), schedule_start_time=start)
    assert made.data["schedule_end_time"] == f"{datetime.now(UTC).year + 10}-12-31 10:00:00"
    assert made.data["placement_type"] == "PLACEMENT_TYPE_NORMAL"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"schedule_start_time": "2028-01-02 00:00:00"}, "schedule_start_time"),
        (
            {"schedule_type": "SCHEDULE_START_END", "schedule_end_time": "2038-01-02 00:00:00"},
            "schedule_end_time",
        ),
        ({"location_ids": ["12345"]}, "12345 is not available"),
        ({"location_ids": ["6252001", "5279468"]}, "5279468 lies in 6252001"),
        ({"location_ids": ["6252001"] * 3_001}, "at most 3000"),
        ({"optimization_goal": "VIDEO_VIEW"}, "optimization_goal"),
    ],
)
async def test_schedules_and_places(api: Api, change: dict[str, Any], text: str) -> None:
    campaign = await api.campaign()
    refused = await group(api, campaign, **change)
    assert refused.code == 40002
    assert text in refused.message
    await api.control("/config", closed_places=["2186224"])
    assert (await group(api, campaign, location_ids=["2186224"])).code == 40002
    assert (await group(api, campaign, location_ids=["6252001", "2186224"])).code == 40002
    await api.control("/config", closed_places=[])
    assert (await group(api, campaign, location_ids=["6252001", "2186224"])).code == 0


async def test_one_active_ad_group_too_many_is_made_and_switched_off(api: Api) -> None:
    await api.control("/clock", quota_seconds=1)
    await api.control(f"/advertisers/{ADVERTISER}", adgroup_quota=1)
    identity, first, second = await api.linked(), await api.adgroup("one"), await api.adgroup("two")
    quota = await api.get("/adgroup/quota/", advertiser_id=ADVERTISER)
    assert quota.data == {"total_adgroup_quota": 1, "used_adgroup_quota": 2}
    assert (await api.create(second, pull(identity))).code == 0
    state = await api.until(lambda state: state["adgroups"][1]["operation_status"] == "DISABLE")
    assert [one["secondary_status"] for one in state["adgroups"]] == [
        "ADGROUP_STATUS_CREATE",
        "ADGROUP_STATUS_ADGROUP_QUOTA_LIMIT",
    ]
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_AD_QUOTA_LIMIT"
    await api.control("/config", quota_shown_as="AD_STATUS_ADGROUP_DISABLE")
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_ADGROUP_DISABLE"
    change = {"advertiser_id": ADVERTISER}
    await api.post("/adgroup/status/update/", **change, adgroup_ids=[first], operation_status="DELETE")
    quota = await api.get("/adgroup/quota/", advertiser_id=ADVERTISER)
    assert quota.data["used_adgroup_quota"] == 0
    enabled = await api.post("/adgroup/status/update/", **change, adgroup_ids=[second], operation_status="ENABLE")
    assert (enabled.code, "quota" in enabled.message) == (40002, True)


async def test_an_ad_group_that_is_off_takes_no_quota_until_it_is_on(api: Api) -> None:
    await api.control("/clock", quota_seconds=0)
    await api.control(f"/advertisers/{ADVERTISER}", adgroup_quota=1)
    await api.adgroup("one")
    off = await api.adgroup("two", operation_status="DISABLE")
    assert (await api.get("/adgroup/quota/", advertiser_id=ADVERTISER)).data["used_adgroup_quota"] == 1
    enable = {"advertiser_id": ADVERTISER, "adgroup_ids": [off], "operation_status": "ENABLE"}
    assert (await api.post("/adgroup/status/update/", **enable)).code == 0
    state = await api.state()
    assert state["adgroups"][1]["secondary_status"] == "ADGROUP_STATUS_ADGROUP_QUOTA_LIMIT"


async def test_numbers_of_things(api: Api) -> None:
    await api.control("/config", campaigns_per_advertiser=2, adgroups_per_campaign=1)
    first, second = await api.campaign("one"), await api.campaign("two")
    third = {"objective_type": "REACH", "budget_mode": "BUDGET_MODE_INFINITE", "campaign_name": "three"}
    assert (await api.post("/campaign/create/", advertiser_id=ADVERTISER, **third)).code == 40002
    delete = {"advertiser_id": ADVERTISER, "campaign_ids": [second], "operation_status": "DELETE"}
    await api.post("/campaign/status/update/", **delete)
    assert (await api.post("/campaign/create/", advertiser_id=ADVERTISER, **third)).code == 0
    assert (await group(api, first, budget=60)).code == 0
    assert (await group(api, first, budget=61)).code == 40002


async def test_the_51st_ad_of_an_ad_group(api: Api) -> None:
    identity, adgroup_id = await api.linked(), await api.adgroup()
    made = await asyncio.gather(*[api.create(adgroup_id, *[pull(identity)] * 10) for _ in range(5)])
    assert {one.code for one in made} == {0}
    assert (await api.create(adgroup_id, pull(identity))).code == 40502
    await api.control("/config", too_many_ads_code=40002)
    assert (await api.create(adgroup_id, pull(identity))).code == 40002
