"""Rate limits by tier, in exact sliding windows."""

import asyncio
import time

from simulator_api import ADVERTISER, BC, TOKEN, Api

from simulator.config import Config
from simulator.envelope import ApiError
from simulator.limits import Limiter, Quota, Window

TEXTS = {
    "Too many requests. Please retry in some time.",
    "Too many requests by this developer. Please retry in some time.",
    "Requests made too frequently. Please retry in some time.",
}


def accepted(window: Window, quota: Quota, times: list[float], day: int = 1) -> list[float]:
    taken = []
    for now in times:
        if window.has_room(quota, now, day):
            window.take(now, day)
            taken.append(now)
    return taken


def test_no_window_of_a_second_holds_more_than_the_quota() -> None:
    steps = [number / 10 for number in range(40)]
    taken = accepted(Window(), Quota(3, 1000, 1000), steps)
    assert taken[:4] == [0.0, 0.1, 0.2, 1.0]
    assert all(sum(1 for other in taken if now - 1 < other <= now) <= 3 for now in steps)


def test_a_minute_slides_too_and_refusals_are_not_counted() -> None:
    taken = accepted(Window(), Quota(100, 5, 1000), [float(number) for number in range(125)])
    assert taken == [0, 1, 2, 3, 4, 60, 61, 62, 63, 64, 120, 121, 122, 123, 124]


def test_the_day_starts_anew() -> None:
    window, quota = Window(), Quota(10, 100, 2)
    assert len(accepted(window, quota, [0.0, 100.0, 200.0], day=1)) == 2
    assert len(accepted(window, quota, [300.0], day=2)) == 1


def test_ad_creation_has_a_tighter_limit_of_its_own_per_app() -> None:
    limiter, config = Limiter(), Config(tier="basic")

    def calls(app: str, path: str, number: int) -> int:
        refusals = []
        for _ in range(number):
            try:
                limiter.admit(config, app, path)
            except ApiError as error:
                refusals.append((error.code, error.message))
        assert {code for code, _ in refusals} <= {40100}
        assert {message for _, message in refusals} <= TEXTS
        return number - len(refusals)

    assert calls("one", "/ad/create/", 20) == 5
    assert calls("one", "/ad/get/", 20) == 5
    assert calls("other", "/ad/get/", 20) == 10


async def test_too_many_calls_are_answered_with_http_200_and_40100(api: Api) -> None:
    await api.control("/config", tier="basic")
    answers = await asyncio.gather(*[api.get("/bc/get/") for _ in range(30)])
    refused = [answer for answer in answers if answer.code == 40100]
    assert all(answer.status == 200 and answer.message in TEXTS for answer in refused)
    assert len(refused) >= 10
    report = await api.calls()
    assert report["total"] == 30
    assert report["throttled"] == len(refused)
    assert report["paths"]["/bc/get/"]["throttled"] == len(refused)
    assert 10 < report["peak_per_second"] <= report["peak_per_minute"] == 30


async def test_the_use_of_the_allowed_rate_can_be_computed(api: Api) -> None:
    before = time.monotonic()
    await asyncio.gather(*[api.get("/bc/get/") for _ in range(4)])
    await api.control("/config", tier="basic")
    await asyncio.gather(*[api.get("/bc/get/") for _ in range(30)])
    report = await api.calls()
    counts = report["paths"]["/bc/get/"]
    # The simulator runs on this machine: its monotonic clock is ours.
    assert before <= counts["first_accepted"] < counts["last_accepted"] <= time.monotonic()
    assert counts["accepted"] + counts["throttled"] == counts["calls"] == 34
    assert 10 <= counts["accepted_peak_per_second"] <= counts["accepted_peak_per_minute"] == counts["accepted"]
    assert report["accepted"] == counts["accepted"]


async def test_what_never_reached_the_rate_limit_was_not_accepted(api: Api) -> None:
    await api.as_token(None).get("/bc/get/")
    counts = (await api.calls())["paths"]["/bc/get/"]
    assert (counts["calls"], counts["accepted"], counts["first_accepted"]) == (1, 0, None)


async def test_at_the_allowed_pace_nothing_is_refused(api: Api) -> None:
    await api.control("/config", tier="ultimate")
    started = time.monotonic()
    codes = [(await api.get("/bc/get/")).code for _ in range(50)]
    assert set(codes) == {0}
    if time.monotonic() - started < 0.9:
        assert (await api.get("/bc/get/")).code == 40100


async def test_an_advertisers_limit(api: Api) -> None:
    await api.control("/config", advertiser_qps=1)
    answers = await asyncio.gather(*[api.get("/campaign/get/", advertiser_id=ADVERTISER) for _ in range(3)])
    refused = [answer for answer in answers if answer.code == 40133]
    assert refused
    assert refused[0].message == (
        f"Advertiser ({ADVERTISER})'s QPS (2) reaches QPS limit 1 for current path, request is temporarily restricted."
    )


async def test_a_plain_start_is_basic(api: Api) -> None:
    await api.control("/reset")
    state = await api.state()
    assert state["config"]["tier"] == "basic"
    assert state["business_centers"] == []
    assert (await api.get("/bc/get/")).code == 40105
    await api.control("/seed", business_centers=[{"bc_id": BC, "name": "New", "access_token": TOKEN}])
    centers = await api.get("/bc/get/")
    assert centers.data["list"][0]["user_role"] == "ADMIN"
