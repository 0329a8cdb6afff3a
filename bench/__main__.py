"""
Publish the same targets with everybody against the same simulator, side by side in one run.

A plain script without durability, DBOS, Celery, and sparkads: the same client of TikTok's API, the same batches of 20,
the same intents in Postgres, one after the other on one machine.

    make bench
    make bench ARGS="--targets 200 --targets 2000 --targets 10000"
    make bench ARGS="--targets 2000 --workers 3 --json"
    make bench ARGS="--targets 2000 --picture docs/pictures/publishing.svg"

How much of TikTok's rate limits is used: `make bench ARGS=limits` (bench/limits.py). What access costs: `make bench
ARGS=access` (bench/access.py). What a whole release costs: `make bench ARGS=release` (bench/release.py).
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import access, limits, release
from bench.engine import run_engine
from bench.measured import ENGINE, Measured, Ratio, growth, ratios
from bench.picture import draw
from bench.rival_packages import NotInstallable, python_for
from bench.rivals import RIVALS, run_rival
from bench.world import AD_ACCOUNTS_EACH, worker_processes, world
from sparkads.manifest import MAX_ROWS

FEWEST_ACCOUNTS = 4
"""TikTok lets an account have 10,000 ads: what four competitors make of the largest manifest, over four accounts."""
MOST_ACCOUNTS = 200
"""That a Business Center may hold (R6)."""


def main() -> None:
    """Read the arguments, measure, print."""
    parts = {"access": access.main, "limits": limits.main, "release": release.main}
    if sys.argv[1:2] and sys.argv[1] in parts:
        parts[sys.argv[1]](sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__.split("\n\n", 1)[0],
        epilog="`python -m bench limits`: how much of the rate limits is used; `python -m bench access`: access; "
        "`python -m bench release`: a whole release.",
    )
    parser.add_argument(
        "--targets", type=int, action="append", help="targets to publish; may be repeated (default 400)"
    )
    parser.add_argument("--accounts", type=int, default=20, help="TikTok accounts they are spread over (default 20)")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that TikTok takes for a call (default 0.05)")
    parser.add_argument(
        "--in-flight", type=int, default=8, help="calls that each of the others has under way at most (default 8)"
    )
    parser.add_argument("--workers", type=int, default=1, help="worker processes of sparkads (default 1)")
    parser.add_argument("--picture", type=Path, help="draw the largest run as an SVG")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args()
    sizes = sorted(set(chosen.targets or [400]))
    if any(size < AD_ACCOUNTS_EACH or size % AD_ACCOUNTS_EACH or size > MAX_ROWS for size in sizes):
        parser.error(f"--targets: a multiple of {AD_ACCOUNTS_EACH}, up to {MAX_ROWS:,}")
    if not FEWEST_ACCOUNTS <= chosen.accounts <= MOST_ACCOUNTS:
        parser.error(f"--accounts: {FEWEST_ACCOUNTS} to {MOST_ACCOUNTS}")
    if min(chosen.workers, chosen.in_flight) < 1:
        parser.error("--workers, --in-flight: at least 1")
    runs, missing = asyncio.run(_measure(sizes, chosen))
    if chosen.picture:
        largest = [one for one in runs if one.targets == sizes[-1]]
        chosen.picture.write_text(draw(largest, delay=chosen.delay, on=datetime.now(UTC).date()))
    if chosen.json:
        json.dump(_document(sizes, runs, missing), sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(sizes, runs, missing)


async def _measure(sizes: Sequence[int], chosen: argparse.Namespace) -> tuple[list[Measured], dict[str, str]]:
    """All runs, and by name who could not run, and why."""
    pythons: dict[str, str] = {}
    missing: dict[str, str] = {}
    for rival in RIVALS:
        try:
            pythons[rival.name] = await python_for(rival.packages)
        except NotInstallable as error:
            missing[rival.name] = str(error)
    runs = []
    for size in sizes:
        # A world for each size, so that none works with what another has left.
        async with world([*pythons, ENGINE], accounts=chosen.accounts, delay=chosen.delay) as prepared:
            runs += [
                _told(await run_rival(prepared, rival, size, in_flight=chosen.in_flight, python=pythons[rival.name]))
                for rival in RIVALS
                if rival.name in pythons
            ]
            async with worker_processes(prepared, chosen.workers) as pids:
                runs.append(_told(await run_engine(prepared, size, pids)))
    return runs, missing


def _told(run: Measured) -> Measured:
    """Say how far it is: large runs take minutes."""
    print(f"{run.targets:,} targets, {run.name}: {run.throughput:,.0f} a second", file=sys.stderr)
    return run


def _document(sizes: Sequence[int], runs: Sequence[Measured], missing: dict[str, str]) -> dict[str, object]:
    return {
        "runs": [asdict(one) for one in runs],
        "ratios": {size: _values(ratios(one for one in runs if one.targets == size)) for size in sizes},
        "growth": _values(growth(runs)),
        "not measured": missing,
    }


def _values(found: Sequence[Ratio]) -> dict[str, float]:
    return {one.name: one.value for one in found}


def _print(sizes: Sequence[int], runs: Sequence[Measured], missing: dict[str, str]) -> None:
    console = Console(highlight=False)
    for size in sizes:
        here = [one for one in runs if one.targets == size]
        console.print(_table(here))
        _print_ratios(console, ratios(here))
    _print_ratios(console, growth(runs))
    for name, reason in missing.items():
        console.print(f"{name}: not measured, its packages cannot be installed: {reason}", markup=False)


def _table(runs: Sequence[Measured]) -> Table:
    title = f"{runs[0].targets:,} targets"
    table = Table("", *(one.name for one in runs), title=title, title_justify="left")
    for name, cells in (
        ("targets a second, until the last ad is made", [f"{one.throughput:,.0f}" for one in runs]),
        ("seconds, until the last ad is made", [f"{one.seconds:.2f}" for one in runs]),
        ("seconds, until its review is on record", [f"{one.confirmed_seconds:.2f}" for one in runs]),
        ("CPU for each target, ms", [f"{one.cpu_ms:.2f}" for one in runs]),
        ("  before the instant: rows, gates, uploads", [_shown(one.cpu_seconds_before * 1e3, one) for one in runs]),
        ("  after the review: the report", [_shown(one.cpu_seconds_after * 1e3, one) for one in runs]),
        ("calls to ad/create for each target", [f"{one.create_calls / one.targets:.4f}" for one in runs]),
        ("other calls for each target", [f"{one.other_calls / one.targets:.4f}" for one in runs]),
        ("  before the instant: roles, room, ad groups", [_shown(one.calls_before, one, places=4) for one in runs]),
        ("history events for each target", [_shown(one.events, one) for one in runs]),
        ("growth of PostgreSQL for each target, bytes", [f"{one.database_bytes / one.targets:,.0f}" for one in runs]),
        ("history for each target, bytes", [_shown(one.history_bytes, one, places=0) for one in runs]),
    ):
        table.add_row(name, *cells)
    return table


def _shown(value: float, run: Measured, places: int = 2) -> str:
    """A figure for each target that only the engine has."""
    return f"{value / run.targets:,.{places}f}" if value else "-"


def _print_ratios(console: Console, found: Sequence[Ratio]) -> None:
    for one in found:
        bound = "at most" if one.at_most else "at least"
        mark = "" if one.met else "  MISSED"
        console.print(f"  {one.value:7.3f}  {one.name} (goal: {bound} {one.goal:g}){mark}")


if __name__ == "__main__":
    main()
