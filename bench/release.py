"""
What a whole release costs a label: its manifest checked, its plan made, and run from its start to its report.

    make bench ARGS=release
    make bench ARGS="release --rows 1000 --json"
    make bench ARGS="release --only check"
"""

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.campaign import PHASES, Campaign, measure_campaigns
from bench.check import Check, measure_checks
from bench.engine import run_engine
from bench.label import AD_ACCOUNTS
from bench.manifests import VIDEOS
from bench.measured import ENGINE, GROWN_FROM, Measured, Ratio
from bench.planning import Planning, measure_plans
from bench.rival_packages import python_for
from bench.rivals import RIVALS, run_rival
from bench.world import worker_processes, world
from sparkads.manifest import MAX_ROWS

ALL = ("check", "plan", "campaign")
MOST_ACCOUNTS = 200
"""That a Business Center may hold (R6)."""

_MIB = 1024 * 1024
_PLAIN_ACCOUNTS, _PLAIN_IN_FLIGHT = 20, 8
"""As `make bench` has them."""


@dataclass(frozen=True)
class Release:
    """Everything that was measured; what was not is empty."""

    check: Sequence[Check] = ()
    plan: Sequence[Planning] = ()
    campaign: Sequence[Campaign] = ()
    plain: Sequence[Measured] = ()
    """the script and the release of `make bench`, of the largest size"""

    def ratios(self) -> list[Ratio]:
        """What is compared with goals."""
        found = []
        for kind in dict.fromkeys(one.kind for one in self.check):
            these = [one for one in self.check if one.kind == kind]
            found.append(Ratio(f"check, {kind}: seconds at most", max(one.seconds for one in these), 5, at_most=True))
            found += grown(f"check, {kind}: time", {one.rows: one.seconds for one in these})
            found += grown(f"check, {kind}: memory", {one.rows: one.grown_bytes for one in these})
        if self.plan:
            found += [
                Ratio("plan: seconds at most", max(one.seconds for one in self.plan), 15, at_most=True),
                Ratio("plan: MiB of the worker", max(one.memory_bytes for one in self.plan) / _MIB, 200, at_most=True),
                *grown("plan: time", {one.rows: one.seconds for one in self.plan}),
                *grown("plan: memory", {one.rows: one.grown_bytes for one in self.plan}),
            ]
        if self.campaign:
            largest = max(self.campaign, key=lambda one: one.rows)
            events = largest.campaign.events + largest.shards.events
            found += [
                Ratio("release: history events per target", events / largest.rows, 0.3, at_most=True),
                *grown("release: time", {one.rows: one.total_seconds for one in self.campaign}),
                *grown("release: memory", {one.rows: one.grown_bytes for one in self.campaign}),
            ]
        return found

    def beside(self) -> dict[str, float]:
        """Targets a second of the largest release while ads are made, as a share of what the plain bench makes."""
        rate = max(self.campaign, key=lambda one: one.rows).published_a_second if self.plain else 0.0
        return {one.name: rate / one.throughput for one in self.plain}


def grown(name: str, by_rows: Mapping[int, float]) -> list[Ratio]:
    """What a row costs at the largest size against one of about a thousand rows; nothing without two sizes."""
    if len(by_rows) < 2:
        return []
    *smaller, largest = sorted(by_rows)
    base = min(smaller, key=lambda rows: abs(math.log(rows / GROWN_FROM)))
    if not by_rows[base]:
        return []  # so few rows that memory did not grow
    each = by_rows[largest] / largest / (by_rows[base] / base)
    return [Ratio(f"{name} per row at {largest:,} against {base:,}", each, 1.1, at_most=True)]


def main(arguments: Sequence[str]) -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench release", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument(
        "--rows", type=int, action="append", help="of the manifest; repeated (default 200, 1000, 10000)"
    )
    parser.add_argument("--accounts", type=int, default=MOST_ACCOUNTS, help="TikTok accounts (default 200)")
    parser.add_argument("--only", choices=ALL, help="measure one of them")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args(arguments)
    if not 2 <= chosen.accounts <= MOST_ACCOUNTS:
        parser.error(f"--accounts: 2 to {MOST_ACCOUNTS}")
    sizes = sorted(set(chosen.rows or [200, GROWN_FROM, MAX_ROWS]))
    each, most = len(AD_ACCOUNTS), min(MAX_ROWS, chosen.accounts * VIDEOS)
    if any(not each <= size <= most or size % each for size in sizes):
        parser.error(f"--rows: a multiple of {each}, up to {most:,}: an account gets each of {VIDEOS} videos once")
    wanted = (chosen.only,) if chosen.only else ALL
    measured = _measure(sizes, chosen.accounts, wanted)
    if chosen.json:
        json.dump(_document(measured), sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(measured)


def _measure(sizes: Sequence[int], accounts: int, wanted: Sequence[str]) -> Release:
    return Release(
        check=measure_checks(sizes, accounts) if "check" in wanted else (),
        plan=asyncio.run(measure_plans(sizes, accounts)) if "plan" in wanted else (),
        campaign=asyncio.run(measure_campaigns(sizes, accounts)) if "campaign" in wanted else (),
        plain=asyncio.run(_plain(sizes[-1])) if "campaign" in wanted else (),
    )


async def _plain(targets: int) -> list[Measured]:
    """What `make bench` measures: rows of accounts that are shared, with nothing left to do before their instant."""
    script = RIVALS[0]
    async with world([script.name, ENGINE], accounts=_PLAIN_ACCOUNTS) as prepared:
        python = await python_for(script.packages)
        measured = [await run_rival(prepared, script, targets, in_flight=_PLAIN_IN_FLIGHT, python=python)]
        async with worker_processes(prepared) as workers:
            measured.append(await run_engine(prepared, targets, workers))
    return measured


def _document(measured: Release) -> dict[str, Any]:
    return {
        "check": [asdict(one) | {"row_bytes": one.row_bytes} for one in measured.check],
        "plan": [asdict(one) | {"row_bytes": one.row_bytes} for one in measured.plan],
        "campaign": [asdict(one) | {"total_seconds": one.total_seconds} for one in measured.campaign],
        "plain": [asdict(one) for one in measured.plain],
        "ratios": {one.name: one.value for one in measured.ratios()},
        "of the plain bench": measured.beside(),
    }


def _print(measured: Release) -> None:
    console = Console(highlight=False)
    if measured.check:
        console.print(_check_table(measured.check))
    if measured.plan:
        console.print(_plan_table(measured.plan))
    if measured.campaign:
        console.print(_campaign_table(measured.campaign))
    for one in measured.ratios():
        mark = "" if one.met else "  MISSED"
        console.print(f"  {one.value:7.3f}  {one.name} (goal: at most {one.goal:g}){mark}")
    for name, share in measured.beside().items():
        console.print(f"  {share:7.3f}  targets a second while ads are made, against {name} in the plain bench")


def _check_table(checks: Sequence[Check]) -> Table:
    table = Table("check", "rows", "file", "seconds", "memory", "a row", title_justify="left")
    for one in checks:
        sizes = (f"{one.file_bytes / _MIB:.1f} MiB", f"{one.seconds:.2f}", f"{one.memory_bytes / _MIB:.0f} MiB")
        table.add_row(one.kind, f"{one.rows:,}", *sizes, f"{one.row_bytes:,.0f} bytes")
    return table


def _plan_table(plans: Sequence[Planning]) -> Table:
    table = Table("plan", "seconds", "calls", "plan file", "history", "worker", "a row", title_justify="left")
    for one in plans:
        table.add_row(
            f"{one.rows:,} rows",
            f"{one.seconds:.2f}",
            f"{one.calls:,}",
            f"{one.plan_bytes / _MIB:.1f} MiB",
            f"{one.history_bytes:,} bytes",
            f"{one.memory_bytes / _MIB:.0f} MiB",
            f"{one.row_bytes:,.0f} bytes",
        )
    return table


def _campaign_table(campaigns: Sequence[Campaign]) -> Table:
    table = Table("release", *(f"{one.rows:,} rows" for one in campaigns), title_justify="left")
    for phase in PHASES:
        table.add_row(f"seconds: {phase}", *(f"{one.seconds[phase]:.1f}" for one in campaigns))
    for name, cells in (
        ("seconds: all", [f"{one.total_seconds:.1f}" for one in campaigns]),
        ("targets a second: while ads are made", [f"{one.published_a_second:,.0f}" for one in campaigns]),
        ("targets a second: all", [f"{one.rows / one.total_seconds:,.0f}" for one in campaigns]),
        ("calls for each target", [f"{one.calls / one.rows:.2f}" for one in campaigns]),
        ("  of these ad/create", [f"{one.create_calls / one.rows:.3f}" for one in campaigns]),
        ("CPU for each target, ms", [f"{one.cpu_seconds / one.rows * 1e3:.1f}" for one in campaigns]),
        ("worker memory, grown, MiB", [f"{one.grown_bytes / _MIB:.0f}" for one in campaigns]),
        ("history of the campaign: events", [f"{one.campaign.events:,}" for one in campaigns]),
        ("history of the campaign: bytes", [f"{one.campaign.total_bytes:,}" for one in campaigns]),
        ("shards", [f"{one.shards.workflows:,}" for one in campaigns]),
        ("histories of shards: events", [f"{one.shards.events:,}" for one in campaigns]),
        ("histories of shards: bytes", [f"{one.shards.total_bytes:,}" for one in campaigns]),
        ("  of the largest", [f"{one.shards.most_bytes:,}" for one in campaigns]),
        (
            "largest event of all, bytes",
            [f"{max(one.campaign.event_bytes, one.shards.event_bytes):,}" for one in campaigns],
        ),
        *(
            (f"report.{name}, MiB", [f"{one.report_bytes[name] / _MIB:.1f}" for one in campaigns])
            for name in campaigns[0].report_bytes
        ),
    ):
        table.add_row(name, *cells)
    return table
