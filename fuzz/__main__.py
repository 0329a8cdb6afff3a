"""
Publish releases, and run Business Centers, while TikTok's answers are made odd by seed; judge each.

    make fuzz-answers
    make fuzz-answers ARGS="--seeds 1-300 --parallel 6"
    make fuzz-answers ARGS="--seed 17"
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from fuzz.outcome import Outcome
from fuzz.place import place
from fuzz.runner import outcomes


def main() -> int:
    """Read the arguments, run, print; 0 if all seeds hold, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=(__doc__ or "").strip().split("\n\n", 1)[0])
    parser.add_argument("--seeds", type=_seeds, default=range(1, 376), help="such as 1-300 or 3,5,8 (default 1-375)")
    parser.add_argument("--seed", type=int, help="one seed, with all that was altered and found")
    parser.add_argument("--parallel", type=int, default=6, help="seeds at a time (default 6)")
    parser.add_argument("--data-dir", type=Path, help="keep data and logs here; by default they are removed")
    chosen = parser.parse_args()
    seeds = chosen.seeds if chosen.seed is None else [chosen.seed]
    console = Console(highlight=False, soft_wrap=True)
    return asyncio.run(_run(console, seeds, chosen.parallel, chosen.data_dir, in_full=chosen.seed is not None))


def _seeds(text: str) -> Sequence[int]:
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: 1-300 or 3,5,8 is wanted") from None
    return found


async def _run(console: Console, seeds: Sequence[int], parallel: int, data_dir: Path | None, *, in_full: bool) -> int:
    began, bad = time.monotonic(), list[Outcome]()
    altered: Counter[str] = Counter()
    done = 0
    asyncio.get_running_loop().set_exception_handler(_without_what_was_given_up)
    async with place(data_dir) as there:
        async for outcome in outcomes(there, seeds, parallel=parallel):
            done += 1
            altered["altered" if outcome.hits else "nothing was altered"] += 1
            if in_full or not outcome.is_good:
                show(console, outcome)
            if not outcome.is_good:
                bad.append(outcome)
            console.print(
                f"{done} of {len(seeds)}: seed {outcome.seed} {'holds' if outcome.is_good else 'FAILS'} "
                f"({outcome.seconds:.0f} s, {sum(n for n, _ in outcome.calls.values())} calls); {len(bad)} fail",
                style="dim" if outcome.is_good else "red",
            )
    seconds = time.monotonic() - began
    console.print(f"{len(seeds)} seeds in {seconds:.0f} s; {', '.join(f'{n} {what}' for what, n in altered.items())}")
    if not bad:
        console.print("Everything holds.")
        return 0
    for invariant, count in Counter(one.invariant for outcome in bad for one in outcome.violations).most_common():
        console.print(f"  {count:4} violations of: {invariant}")
    console.print(f"{len(bad)} seeds fail: {','.join(str(one.seed) for one in sorted(bad, key=lambda one: one.seed))}")
    return 1


def _without_what_was_given_up(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A command that is not answered is given up; Temporal's client leaves a future behind that says so."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


def show(console: Console, outcome: Outcome) -> None:
    """All about one seed."""
    console.rule(f"seed {outcome.seed} ({outcome.kind})")
    for title, lines in (
        ("altered", outcome.alterations),
        ("answers that were", outcome.hits),
        ("does not hold", tuple(map(str, outcome.violations))),
        ("rows when the alterations stopped", outcome.at_stop),
        ("it said", (outcome.said,) if outcome.said else ()),
        ("rows at the end", outcome.rows),
        ("activities that fail", outcome.pending),
        ("calls", (", ".join(f"{one} {n} ({most}/min)" for one, (n, most) in sorted(outcome.calls.items())),)),
    ):
        if lines:
            console.print(f"{title}:")
            for line in lines:
                console.print(f"  {line}", markup=False)
    console.print(f"again: make fuzz-answers ARGS='--seed {outcome.seed}'")


if __name__ == "__main__":
    sys.exit(main())
