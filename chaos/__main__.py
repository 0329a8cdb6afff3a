"""
Publish a release while workers are killed, servers restarted and TikTok's answers lost; then judge what is there.

    make chaos
    make chaos ARGS="--targets 400 --accounts 40 --seed 11"
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chaos import misfortunes, world
from chaos.runner import Counts, Outcome, Watch, run
from sparkads.contracts.release import FINAL_STATES

PATIENCE = 600.0
"""Seconds after the storm, and some for each target, until a release that has not ended never will."""


def main() -> int:
    """Read the arguments, run, print; 0 if everything holds, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=(__doc__ or "").strip().split("\n\n", 1)[0])
    parser.add_argument("--targets", type=int, default=2000, help="rows of the release (default 2000)")
    parser.add_argument("--accounts", type=int, default=200, help="TikTok accounts, 6 to 200 (default 200)")
    parser.add_argument("--seed", type=int, default=7, help="what everything is drawn from (default 7)")
    parser.add_argument("--data-dir", type=Path, help="keep data and logs here; by default they are removed")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args()
    if not world.FEWEST_ACCOUNTS <= chosen.accounts <= world.MOST_ACCOUNTS:
        parser.error(f"--accounts: {world.FEWEST_ACCOUNTS} to {world.MOST_ACCOUNTS} are wanted")
    if chosen.targets < 1:
        parser.error("--targets: at least 1 is wanted")
    storm = misfortunes.storm_for(chosen.targets)
    drawn = world.draw(
        chosen.seed,
        targets=chosen.targets,
        accounts=chosen.accounts,
        soonest=world.sharing_takes(chosen.accounts) + storm.owners * 0.5,
    )
    console = Console(file=sys.stderr if chosen.json else sys.stdout, highlight=False)
    with _bar(console, chosen.targets) as watch:
        outcome = asyncio.run(
            run(drawn, storm, watch, patience=PATIENCE + chosen.targets * 0.2, data_dir=chosen.data_dir)
        )
    _show(console, outcome)
    if not outcome.is_good:
        console.print(
            f"Again: make chaos ARGS='--targets {chosen.targets} --accounts {chosen.accounts} --seed {chosen.seed}'"
        )
    if chosen.json:
        json.dump(_document(chosen.seed, outcome), sys.stdout)
        sys.stdout.write("\n")
    return 0 if outcome.is_good else 1


@contextmanager
def _bar(console: Console, targets: int) -> Iterator[Watch]:
    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("final", total=targets)

        def watch(counts: Counts, news: str) -> None:
            if counts:
                final = sum(count for state, count in counts.items() if state in FINAL_STATES)
                progress.update(task, completed=final, description=news or "final")
            elif console.is_terminal:
                progress.console.print(f"  {news}", style="dim")

        yield watch


def _show(console: Console, outcome: Outcome) -> None:
    console.print(", ".join(f"{count} {state}" for state, count in sorted(outcome.counts.items())))
    console.print(", ".join(f"{what}: {count}" for what, count in sorted(outcome.happened.items())))
    console.print(
        f"{outcome.faults['calls']} calls to TikTok, {outcome.faults['throttled']} refused as too frequent; "
        f"{outcome.seconds:.0f} s"
    )
    in_storm, ads = outcome.evidence.in_storm
    console.print(f"{in_storm} of {ads} ads were made while all this happened")
    if not outcome.evidence.is_meaningful:
        console.print("  ✗ that is too little for the run to say anything", style="red")
    for violation in outcome.violations:
        console.print(f"  ✗ {violation}", style="red", markup=False)
    for state, rows in sorted(outcome.unexplained.items()):
        console.print(
            f"  ✗ the trail does not tell the fate of {len(rows)} {state} rows: {', '.join(rows)}", style="red"
        )
    wrong = len(outcome.violations) + sum(map(len, outcome.unexplained.values()))
    if wrong or outcome.is_good:
        console.print(f"{wrong} things do not hold." if wrong else "Everything holds.")


def _document(seed: int, outcome: Outcome) -> dict[str, object]:
    return {
        "seed": seed,
        "good": outcome.is_good,
        "seconds": outcome.seconds,
        "counts": outcome.counts,
        "happened": outcome.happened,
        "calls": outcome.faults,
        "ads_in_storm": outcome.evidence.in_storm,
        "violations": [asdict(violation) for violation in outcome.violations],
        "unexplained": outcome.unexplained,
    }


if __name__ == "__main__":
    sys.exit(main())
