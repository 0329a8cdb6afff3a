"""
Publish the same targets twice against the same simulator: once with sparkads, once with a plain script.

The script is the floor: asyncio, the same batches, the same intents in Postgres, and nothing else. It does not survive
a crash, keeps no embargo, checks no role and knows no unknown outcome. What the engine costs beyond it is the price of
that.

    make bench
    make bench ARGS="--targets 2000 --delay 0.05 --json"

What access costs is measured by `make bench ARGS=access` (bench/access.py).
"""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench import access
from bench.engine import run_engine
from bench.floor import run_floor
from bench.world import Measured, world


def main() -> None:
    """Read the arguments, measure, print."""
    if sys.argv[1:2] == ["access"]:
        access.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__.split("\n\n", 1)[0],
        epilog="`python -m bench access` measures what access costs.",
    )
    parser.add_argument("--targets", type=int, default=400, help="targets to publish (default 400)")
    parser.add_argument("--accounts", type=int, default=20, help="TikTok accounts they are spread over (default 20)")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that TikTok takes for a call (default 0.05)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args()
    floor, engine = asyncio.run(_measure(chosen.targets, chosen.accounts, chosen.delay))
    if chosen.json:
        json.dump({"floor": asdict(floor), "engine": asdict(engine), "ratios": _ratios(floor, engine)}, sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(floor, engine)


async def _measure(targets: int, accounts: int, delay: float) -> tuple[Measured, Measured]:
    async with world(accounts=accounts, delay=delay) as prepared:
        floor = await run_floor(prepared, targets)
        engine = await run_engine(prepared, targets)
    return floor, engine


def _ratios(floor: Measured, engine: Measured) -> dict[str, float]:
    return {
        "throughput against the floor (goal: at least 0.85)": floor.seconds / engine.seconds,
        "CPU against the floor (goal: at most 3)": engine.cpu_seconds / floor.cpu_seconds,
        "create calls per target (goal: at most 0.055)": engine.create_calls / engine.targets,
        "other calls per target (goal: at most 0.05)": engine.other_calls / engine.targets,
        "history events per target (goal: at most 0.3)": engine.events / engine.targets,
    }


def _print(floor: Measured, engine: Measured) -> None:
    console = Console()
    table = Table("", "floor", "engine", title=f"{engine.targets} targets")
    for name in ("seconds", "cpu_seconds", "create_calls", "other_calls", "events"):
        shown = [f"{getattr(one, name):,.2f}".removesuffix(".00") for one in (floor, engine)]
        table.add_row(name.replace("_", " "), *shown)
    console.print(table)
    for name, ratio in _ratios(floor, engine).items():
        console.print(f"  {ratio:6.3f}  {name}")


if __name__ == "__main__":
    main()
