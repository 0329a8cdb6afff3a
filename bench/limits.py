"""
How much of TikTok's allowed rate a release uses, at every tier, and how soon after its instant it begins.

The pretended TikTok keeps a tier's limits and counts; the workers are set to the same tier.

    make bench ARGS=limits
    make bench ARGS="limits --quick"
    make bench ARGS="limits --tier basic --workers 3 --json"
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.engine import prepare_release, publish
from bench.measured import ENGINE
from bench.world import World, worker_processes, world

BATCH = 20
DUE_AT_ONCE = 200
"""Targets whose punctuality is measured."""

_CREATE = "/ad/create/"


@dataclass(frozen=True)
class Allowed:
    """
    Calls to ad/create that a tier allows in any second and in any minute: TikTok's published table.

    Attributes:
        calls: What a run makes: a tenth more than a minute allows, and whole ad groups of 100.
        quick: The same for a run that ends before the minute is full.
    """

    second: int
    minute: int
    calls: int
    quick: int


TIERS = {
    "basic": Allowed(5, 150, calls=180, quick=60),
    "advanced": Allowed(10, 200, calls=240, quick=100),
    "premium": Allowed(10, 300, calls=340, quick=100),
    "ultimate": Allowed(15, 300, calls=340, quick=120),
}


@dataclass(frozen=True)
class Share:
    """
    One run with limits kept.

    Attributes:
        tier: Of the app, for TikTok and for the workers.
        workers: How many processes.
        accepted: Calls to ad/create that TikTok took.
        seconds: Between the first and the last of them.
        most: Calls that any schedule could have had accepted in that time.
        throttled: Calls to any endpoint that TikTok refused as too frequent, from the start of the release.
    """

    tier: str
    workers: int
    accepted: int
    seconds: float
    most: int
    throttled: int

    @property
    def used(self) -> float:
        """The share of the allowed rate that was used."""
        return self.accepted / self.most


@dataclass(frozen=True)
class Punctuality:
    """
    Seconds from the planned instant until TikTok had made an ad, of targets that were due at once.

    `possible` is the earliest that the limits let the last one be made.
    """

    tier: str
    targets: int
    first: float
    median: float
    last: float
    possible: float


def most_accepted(allowed: Allowed, seconds: float) -> int:
    """The most calls that a schedule can have had accepted in `seconds`: as many as fit, as early as they fit.

    A window is full for exactly a second, or a minute, after the call that filled it: 5 calls may be made at once, and
    5 more one second later.
    """
    made: list[float] = []
    while True:
        moment = _next(allowed, made)
        if moment > seconds:
            return len(made)
        made.append(moment)


def earliest(allowed: Allowed, calls: int) -> float:
    """Seconds after which the last of `calls` can be made, the first being made at once."""
    made: list[float] = []
    while len(made) < calls:
        made.append(_next(allowed, made))
    return made[-1]


def _next(allowed: Allowed, made: Sequence[float]) -> float:
    moments = [0.0]
    for limit, window in ((allowed.second, 1.0), (allowed.minute, 60.0)):
        if len(made) >= limit:
            moments.append(made[-limit] + window)
    return max(moments)


def main(arguments: Sequence[str]) -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench limits", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--tier", action="append", choices=TIERS, help="measure only this one; may be repeated")
    parser.add_argument("--workers", type=int, action="append", help="worker processes; repeated (default 1 and 3)")
    parser.add_argument("--quick", action="store_true", help="end before the allowance of a minute is used up")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args(arguments)
    tiers = chosen.tier or list(TIERS)
    shares, late = asyncio.run(_measure(tiers, chosen.workers or [1, 3], quick=chosen.quick))
    if chosen.json:
        document = {
            "limits": [asdict(one) | {"used": one.used} for one in shares],
            "punctuality": asdict(late),
        }
        json.dump(document, sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(shares, late)


async def _measure(tiers: Sequence[str], workers: Sequence[int], *, quick: bool) -> tuple[list[Share], Punctuality]:
    shares = []
    for tier in tiers:
        for count in workers:
            shares.append(await _share(tier, count, quick=quick))
            # It takes minutes altogether.
            print(f"{tier}, {count} workers: {shares[-1].used:.1%} used", file=sys.stderr)
    # At the tightest of them.
    return shares, await _punctuality(tiers[0])


async def _share(tier: str, workers: int, *, quick: bool) -> Share:
    allowed = TIERS[tier]
    targets = (allowed.quick if quick else allowed.calls) * BATCH
    async with world([ENGINE], accounts=20) as prepared:
        report, _ = await _publish_at_tier(prepared, tier, workers, targets)
    create = report["paths"][_CREATE]
    seconds = create["last_at"] - create["first_at"]
    return Share(
        tier, workers, create["accepted"], seconds, most_accepted(allowed, seconds), throttled=report["throttled"]
    )


async def _punctuality(tier: str) -> Punctuality:
    async with world([ENGINE], accounts=20) as prepared:
        _, planned = await _publish_at_tier(prepared, tier, 1, DUE_AT_ONCE)
        ads = (await prepared.control("GET", "state"))["ads"]
    late = sorted((datetime.fromisoformat(ad["created_at"]) - planned).total_seconds() for ad in ads)
    possible = earliest(TIERS[tier], DUE_AT_ONCE // BATCH)
    return Punctuality(tier, len(late), late[0], statistics.median(late), late[-1], possible)


async def _publish_at_tier(prepared: World, tier: str, workers: int, targets: int) -> tuple[dict[str, Any], datetime]:
    """The simulator's counters after a release, and its instant."""
    await prepared.control("POST", "config", {"tier": tier})
    before = (await prepared.control("GET", "calls"))["throttled"]
    async with worker_processes(prepared, workers, {"SPARKADS_TIKTOK_TIER": tier}):
        release = await prepare_release(prepared, targets)
        await publish(prepared, release, targets)
    report = await prepared.control("GET", "calls")
    return report | {"throttled": report["throttled"] - before}, release.planned


def _print(shares: Sequence[Share], late: Punctuality) -> None:
    console = Console(highlight=False)
    title = "Calls to ad/create against the most that the limits allow (goals: at least 97%, none refused)"
    table = Table(
        "tier", "workers", "taken", "seconds", "allowed", "used", "refused", title=title, title_justify="left"
    )
    for one in shares:
        figures = f"{one.accepted:,}", f"{one.seconds:.2f}", f"{one.most:,}", f"{one.used:.1%}", str(one.throttled)
        table.add_row(one.tier, str(one.workers), *figures)
    console.print(table)
    console.print(
        f"{late.targets} targets due at once, tier {late.tier}: TikTok has made the first {late.first:.2f} s after "
        f"the instant, half of them after {late.median:.2f} s (goal: at most 5), the last after {late.last:.2f} s; "
        f"the limits allow {late.possible:.2f} s."
    )
