"""How many calls a tier lets anybody make, which the measured share is a share of."""

import pytest

from bench.limits import TIERS, Allowed, earliest, most_accepted
from simulator.config import Config
from simulator.limits import PATHS, Quota, Window

BASIC = TIERS["basic"]


def test_the_tiers_are_those_that_the_simulator_keeps() -> None:
    kept = PATHS["/ad/create/"]

    assert {tier: (one.second, one.minute) for tier, one in TIERS.items()} == {
        tier: (quota.per_second, quota.per_minute) for tier, quota in kept.items()
    }
    assert set(Config.model_json_schema()["properties"]["tier"]["enum"]) == {*TIERS, "unlimited"}


@pytest.mark.parametrize("tier", TIERS)
def test_a_run_fills_the_minute_and_a_quick_one_does_not(tier: str) -> None:
    allowed = TIERS[tier]

    assert allowed.quick < allowed.minute < allowed.calls
    # Four ad accounts, ad groups of 100: every call is full, every second is used up.
    assert allowed.calls * 20 % 400 == allowed.quick * 20 % 400 == 0


@pytest.mark.parametrize(
    ("seconds", "most"),
    [(0, 5), (0.99, 5), (1, 10), (28.5, 145), (29, 150), (59.9, 150), (60, 155), (61, 160), (89, 300), (119.5, 300)],
)
def test_a_full_second_and_a_full_minute_hold_everybody_up(seconds: float, most: int) -> None:
    assert most_accepted(BASIC, seconds) == most


@pytest.mark.parametrize(("calls", "seconds"), [(1, 0), (5, 0), (6, 1), (10, 1), (150, 29), (151, 60), (160, 61)])
def test_the_earliest_last_call(calls: int, seconds: float) -> None:
    assert earliest(BASIC, calls) == seconds


@pytest.mark.parametrize("allowed", [Allowed(3, 7, 8, 6), Allowed(1, 100, 101, 2)])
def test_the_simulator_takes_that_schedule_and_not_a_call_more(allowed: Allowed) -> None:
    quota, window = Quota(allowed.second, allowed.minute, 1_000_000), Window()
    taken: list[float] = []
    for tick in range(1_300):
        moment = tick / 10
        while window.has_room(quota, moment, day=0):
            window.take(moment, day=0)
            taken.append(moment)

    assert len(taken) == most_accepted(allowed, 129.9)
    assert taken[-1] == earliest(allowed, len(taken))
