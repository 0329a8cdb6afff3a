"""What is compared with goals, from figures that are made up."""

from dataclasses import replace

import pytest

from bench.batch import Batch, Group, Work
from bench.measured import ENGINE, FLOOR, Measured, Ratio, growth, ratios
from bench.meter import Calls

RUN = Measured(
    name=ENGINE,
    targets=1_000,
    seconds=2.0,
    confirmed_seconds=4.0,
    cpu_seconds=3.0,
    cpu_seconds_before=1.0,
    cpu_seconds_after=0.5,
    calls_before=1,
    create_calls=50,
    other_calls=40,
    database_bytes=2_000_000,
    history_bytes=100_000,
    events=200,
    memory_bytes=10_000_000,
)
SCRIPT = replace(RUN, name=FLOOR, seconds=1.0, cpu_seconds=1.5)


def test_a_run_is_told_for_each_target() -> None:
    assert RUN.throughput == 500
    assert RUN.cpu_ms == 3


def test_the_engine_is_compared_with_the_plain_script_whoever_else_ran() -> None:
    found = ratios([SCRIPT, replace(RUN, name="DBOS", seconds=9.0), RUN])

    assert [one.value for one in found] == [0.5, 2.0, 0.05, 0.04, 0.2]
    assert [one.met for one in found] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("value", "at_most", "met"), [(1.0, True, True), (1.01, True, False), (1.0, False, True), (0.99, False, False)]
)
def test_a_goal_itself_is_good_enough(value: float, *, at_most: bool, met: bool) -> None:
    assert Ratio("some", value, 1.0, at_most=at_most).met is met


def test_growth_is_from_about_a_thousand_to_the_largest() -> None:
    small = replace(RUN, targets=200, seconds=0.1, memory_bytes=1)
    largest = replace(RUN, targets=10_000, seconds=40.0, memory_bytes=50_000_000)

    time, memory = growth([largest, SCRIPT, small, RUN])

    assert "10,000 against 1,000" in time.name
    assert time.value == pytest.approx(2.0)
    assert memory.value == pytest.approx(0.5)
    assert (time.met, memory.met) == (False, True)


def test_one_size_does_not_grow() -> None:
    assert growth([SCRIPT, RUN]) == []


def test_media_and_the_sweep_are_apart_from_other_calls() -> None:
    report = {
        "paths": {
            "/ad/create/": {"calls": 5, "last_accepted": 12.5},
            "/ad/get/": {"calls": 3},
            "/adgroup/create/": {"calls": 2},
            "/file/video/ad/upload/": {"calls": 4},
            "/bc/asset/admin/get/": {"calls": 9},
        }
    }

    assert Calls.of(report) == Calls(create=5, other=5, last_create_at=12.5)


def test_batches_hold_twenty_and_take_ad_accounts_in_turn() -> None:
    groups = [
        Group(advertiser, adgroup, "v", "c", ["i"], size)
        for advertiser, adgroup, size in (("1", "a", 40), ("1", "b", 15), ("2", "c", 20))
    ]
    work = Work("intents", "7", "http://x", "t", "postgresql:///x", "postgresql:///y", "redis://z", 8, groups)

    assert work.batches() == [Batch(0, 0, 20), Batch(2, 0, 20), Batch(0, 20, 20), Batch(1, 0, 15)]
    assert work.targets == 75
