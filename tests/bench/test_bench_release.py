"""What is measured of a release: the arithmetic, the manifests, and one tiny round of everything."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.campaign import Campaign, Histories, measure_campaigns, phases
from bench.check import Check, measure_checks
from bench.label import AD_ACCOUNTS
from bench.manifests import VIDEOS, Sheet, in_four_weeks, mistaken, write_csv, write_videos, write_yaml
from bench.measured import FLOOR, Measured
from bench.planning import Planning, measure_plans
from bench.release import Release, grown
from sparkads import manifest
from sparkads.manifest import MAX_ROWS

STARTED = datetime(2027, 1, 15, tzinfo=UTC)
MIB = 1024 * 1024
HISTORIES = Histories(workflows=1, events=100, total_bytes=20_000, most_bytes=20_000, event_bytes=900)
SECONDS = {"load": 1.0, "share": 40.0, "prepare": 12.0, "publish": 10.0, "confirm": 5.0, "report": 2.0}
CAMPAIGN = Campaign(10_000, 200, SECONDS, 5_000, 560, 100.0, 150 * MIB, HISTORIES, HISTORIES, {"html": 1})


def test_a_phase_lasts_from_the_end_of_the_one_before() -> None:
    ends = {"load": 1.5, "share": 3, "prepare": 2, "publish": 8, "confirm": 8, "report": 9}

    found = phases(STARTED, {phase: STARTED + timedelta(seconds=end) for phase, end in ends.items()})

    assert found == {"load": 1.5, "share": 1.5, "prepare": 0, "publish": 5, "confirm": 0, "report": 1}
    assert sum(found.values()) == ends["report"]


@pytest.mark.parametrize(
    ("by_rows", "name", "value"),
    [
        ({200: 0.1, 1_000: 1.0, 10_000: 12.0}, "time per row at 10,000 against 1,000", 1.2),
        ({10_000: 3.0, 400: 0.12}, "time per row at 10,000 against 400", 1.0),
    ],
)
def test_growth_is_what_a_row_costs_against_a_thousand(by_rows: dict[int, float], name: str, value: float) -> None:
    (found,) = grown("time", by_rows)

    assert (found.name, found.value) == (name, pytest.approx(value))
    assert found.met is (value <= 1.1)


@pytest.mark.parametrize("by_rows", [{}, {1_000: 2.0}, {8: 0.0, 1_000: 2.0}])
def test_no_growth_without_two_sizes(by_rows: dict[int, float]) -> None:
    assert grown("memory", by_rows) == []


def test_what_is_compared_with_goals() -> None:
    measured = Release(
        check=[Check("CSV", 1_000, 1, 0.5, 70 * MIB, 5 * MIB), Check("CSV", 10_000, 1, 6.0, 120 * MIB, 50 * MIB)],
        plan=[Planning(10_000, 0, 3.0, 404, 3 * MIB, 4_000, 190 * MIB, 80 * MIB)],
        campaign=[CAMPAIGN, replace(CAMPAIGN, rows=1_000)],
        plain=[Measured(FLOOR, 10_000, 5.0, 6.0, 1.0, 0.0, 0.0, 500, 10, 0, 1, 1, 1, 1)],
    )

    assert {one.name: (pytest.approx(one.value), one.met) for one in measured.ratios()} == {
        "check, CSV: seconds at most": (6.0, False),
        "check, CSV: time per row at 10,000 against 1,000": (1.2, False),
        "check, CSV: memory per row at 10,000 against 1,000": (1.0, True),
        "plan: seconds at most": (3.0, True),
        "plan: MiB of the worker": (190.0, True),
        "release: history events per target": (0.02, True),
        "release: time per row at 10,000 against 1,000": (0.1, True),
        "release: memory per row at 10,000 against 1,000": (0.1, True),
    }
    assert measured.beside() == {FLOOR: 0.5}
    assert Release().ratios() == []
    assert Release().beside() == {}


def test_the_largest_manifest_is_spread_over_everything() -> None:
    accounts = [f"artist{number}" for number in range(200)]
    rows = list(Sheet(MAX_ROWS, accounts, AD_ACCOUNTS, "now").cells())

    assert len({row["row_id"] for row in rows}) == len({(row["account"], row["video"]) for row in rows}) == MAX_ROWS
    assert set(Counter(row["ad_account"] for row in rows).values()) == {MAX_ROWS // len(AD_ACCOUNTS)}
    assert Counter((row["territory"], row["tier"]) for row in rows if row["tier"] == "0").keys() == {
        (row["territory"], "0") for row in rows
    }
    assert len({(row["account"], row["territory"]) for row in rows}) == len(accounts)


def test_good_manifests_are_good_and_bad_ones_are_bad(tmp_path: Path) -> None:
    sheet = Sheet(2 * VIDEOS, ["one", "two"], AD_ACCOUNTS, in_four_weeks())
    write_videos(tmp_path)
    write_csv(tmp_path / "good.csv", sheet.cells())
    write_yaml(tmp_path / "good.yaml", sheet.cells())
    write_csv(tmp_path / "bad.csv", mistaken(sheet.cells()))
    good, same, bad = (manifest.read(tmp_path / name) for name in ("good.csv", "good.yaml", "bad.csv"))

    assert (len(good.rows), good.problems) == (sheet.rows, ())
    assert (same.rows, same.problems) == (good.rows, ())
    assert len({path.read_bytes() for path in tmp_path.glob("*.mp4")}) == VIDEOS
    assert (len(bad.rows), len(bad.rejects)) == (0, sheet.rows)
    assert len({(problem.column, problem.problem) for problem in bad.problems}) >= 10


def test_checks_are_measured_in_processes_of_their_own() -> None:
    found = measure_checks([8], 4)

    assert [(one.kind, one.rows) for one in found] == [("CSV", 8), ("YAML", 8), ("CSV, all rows wrong", 8)]
    assert all(one.seconds > 0 and one.memory_bytes > one.grown_bytes > 0 for one in found)


async def test_a_plan_and_a_release_are_measured() -> None:
    (plan,) = await measure_plans([8], 2)
    (campaign,) = await measure_campaigns([8], 2)

    assert (plan.blocked, plan.rows) == (0, 8)
    assert plan.calls > 0 < plan.plan_bytes
    assert campaign.seconds.keys() == SECONDS.keys()
    assert campaign.total_seconds > campaign.seconds["publish"] > 0
    assert campaign.calls > campaign.create_calls >= len(AD_ACCOUNTS)
    # An account that is ready later goes out in a further run.
    assert campaign.shards.workflows >= len(AD_ACCOUNTS)
    assert campaign.shards.most_bytes < campaign.shards.total_bytes
    assert campaign.campaign.events > 10
    assert campaign.report_bytes.keys() == {"html", "csv", "json"}
