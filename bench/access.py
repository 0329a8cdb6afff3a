"""
What years of access cost: idle authorizations, two hundred scans at once, calls to TikTok of sweeps and reviews.

    make bench ARGS=access
    make bench ARGS="access --full"
    make bench ARGS="access --only scans --json"
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.api_calls import Calls, measure_calls
from bench.idle import CACHED, Idle, measure_idle
from bench.scans import Scans, measure_scans

ALL = ("idle", "scans", "calls")


def main(arguments: Sequence[str]) -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench access", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--idle", type=int, default=2_000, help=f"idle authorizations, above {CACHED} (default 2000)")
    parser.add_argument("--owners", type=int, default=200, help="owners who scan at once, at most 200 (default 200)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of scans (default 3)")
    parser.add_argument("--full", action="store_true", help="10,000 idle authorizations, and all sizes of the calls")
    parser.add_argument("--only", choices=ALL, help="measure one of them")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args(arguments)
    if chosen.idle <= CACHED:
        parser.error(f"--idle: more than {CACHED} are wanted, which the worker's cache holds")
    measured = asyncio.run(_measure(chosen))
    if chosen.json:
        json.dump(_document(**measured), sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(**measured)


async def _measure(chosen: argparse.Namespace) -> dict[str, Any]:
    wanted = (chosen.only,) if chosen.only else ALL
    both = {"ad_accounts": (1, 4), "members": (5, 20)}
    few = {"ad_accounts": (4,), "members": (5,)}
    return {
        "idle": await measure_idle(10_000 if chosen.full else chosen.idle) if "idle" in wanted else None,
        "scans": await measure_scans(chosen.owners, chosen.rounds) if "scans" in wanted else [],
        "calls": await measure_calls((1, 50, 200), **(both if chosen.full else few)) if "calls" in wanted else [],
    }


def _document(idle: Idle | None, scans: list[Scans], calls: list[Calls]) -> dict[str, Any]:
    return {
        "idle": idle and asdict(idle) | {"worker_kib_each": idle.worker_kib_each},
        "scans": [asdict(one) for one in scans],
        "calls": [asdict(one) for one in calls],
    }


def _print(idle: Idle | None, scans: list[Scans], calls: list[Calls]) -> None:
    console = Console(highlight=False)
    if idle:
        console.print(_idle_table(idle))
    if scans:
        console.print(_scans_table(scans))
    if calls:
        console.print(_calls_table(calls))


def _idle_table(idle: Idle) -> Table:
    table = Table("", "measured", "goal", title=f"{idle.authorizations:,} idle authorizations", title_justify="left")
    count = idle.authorizations
    for name, value, goal in (
        ("worker memory each, beyond its cache", f"{idle.worker_kib_each:.1f} KiB", "≤ 20 KiB"),
        ("worker memory: empty", f"{idle.worker_empty_mib:.0f} MiB", ""),
        (f"worker memory: {CACHED:,} run, its cache is full", f"{idle.worker_cache_full_mib:.0f} MiB", ""),
        (f"worker memory: {count:,} run", f"{idle.worker_all_mib:.0f} MiB", ""),
        ("worker memory: restarted", f"{idle.worker_restarted_mib:.0f} MiB", ""),
        ("restart to the first answer, worker told to stop", f"{idle.answer_after_stop_seconds:.1f} s", "≤ 5 s"),
        ("restart to the first answer, worker killed", f"{idle.answer_after_kill_seconds:.1f} s", ""),
        ("Temporal server, each (all in memory)", f"{idle.temporal_kib_each:.1f} KiB", ""),
        ("PostgreSQL on disk, each", f"{idle.database_kib_each:.1f} KiB", ""),
        (f"{count - CACHED:,} started again from the record", f"{idle.rebuilt_seconds:.0f} s", ""),
        ("until each waits again, further", f"{idle.settled_seconds:.0f} s", ""),
        (f"{count:,} found running", f"{idle.looked_at_seconds:.0f} s", ""),
    ):
        table.add_row(name, value, goal)
    return table


def _scans_table(scans: list[Scans]) -> Table:
    title = f"{scans[0].owners} scans at once; goal: all authorized within 10 s"
    table = Table("round", "authorized", "requests closed", "floor", "ratio", title=title, title_justify="left")
    for number, one in enumerate(scans, start=1):
        table.add_row(str(number), *_row(one.authorized_seconds, one.answered_seconds, one.floor_seconds))
    middle = [
        statistics.median(getattr(one, name) for one in scans)
        for name in ("authorized_seconds", "answered_seconds", "floor_seconds")
    ]
    table.add_row("median", *_row(*middle))
    return table


def _row(authorized: float, answered: float, floor: float) -> tuple[str, ...]:
    return f"{authorized:.2f} s", f"{answered:.2f} s", f"{floor:.3f} s", f"{authorized / floor:.0f} x"


def _calls_table(calls: list[Calls]) -> Table:
    table = Table(
        *("accounts", "ad accounts", "members", "sweep", "review", "review with permissions"),
        title="Calls to TikTok",
        title_justify="left",
    )
    for one in calls:
        table.add_row(*(str(value) for value in asdict(one).values()))
    return table
