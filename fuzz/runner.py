"""Seeds, several at a time, on one stack."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Sequence

from fuzz import center, release
from fuzz.outcome import Outcome
from fuzz.place import Place
from fuzz.verdict import Invariant, Violation
from fuzz.world import World

LONGEST = 420.0
"""Seconds that one seed may take, whatever happens in it."""

CENTERS = 5
"""Every so many seeds one is about a whole Business Center; the others are about releases."""

_WITHOUT_EXCUSE = {Invariant.NO_FAILURE, Invariant.EMBARGO, Invariant.ONCE, Invariant.BOUNDED}


async def outcomes(place: Place, seeds: Sequence[int], *, parallel: int) -> AsyncIterator[Outcome]:
    """
    What came of each seed, as they end.

    One in which rows were late, and nothing happened that has no excuse, is run again with nothing beside it, and that
    counts: a machine that is too busy for so many at a time is late with everything.
    """
    late: list[int] = []
    async for outcome in _side_by_side(place, [World(seed) for seed in seeds], parallel):
        found = {one.invariant for one in outcome.violations}
        if parallel > 1 and Invariant.PUNCTUAL in found and not found & _WITHOUT_EXCUSE:
            late.append(outcome.seed)
        else:
            yield outcome
    async for outcome in _side_by_side(place, [World(seed, again=1) for seed in late], 1):
        yield outcome


async def _side_by_side(place: Place, worlds: Sequence[World], parallel: int) -> AsyncIterator[Outcome]:
    slots = asyncio.Semaphore(parallel)

    async def one(world: World) -> Outcome:
        async with slots:
            return await _run(place, world)

    for ended in asyncio.as_completed([asyncio.create_task(one(world)) for world in worlds]):
        yield await ended


async def _run(place: Place, world: World) -> Outcome:
    """One seed. A run that can't be finished is one that does not hold, with what went wrong."""
    is_center = world.seed % CENTERS == 0
    try:
        async with asyncio.timeout(LONGEST):
            return await (center.run(world, place) if is_center else release.run(world, place))
    except Exception as error:  # noqa: BLE001 - one seed's trouble must not end the others
        found = f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}"
        violation = Violation(Invariant.ANSWERS, "the run could not be finished", found)
        return Outcome(world.seed, "center" if is_center else "release", (), (), (violation,))
