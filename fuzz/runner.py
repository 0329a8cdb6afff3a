"""Seeds, several at a time, on one stack."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterable

from fuzz import center, release
from fuzz.outcome import Outcome
from fuzz.place import Place
from fuzz.verdict import Invariant, Violation

LONGEST = 420.0
"""Seconds that one seed may take, whatever happens in it."""

CENTERS = 5
"""Every so many seeds one is about a whole Business Center; the others are about releases."""


async def outcomes(place: Place, seeds: Iterable[int], *, parallel: int) -> AsyncIterator[Outcome]:
    """What came of each seed, as they end."""
    slots = asyncio.Semaphore(parallel)

    async def one(seed: int) -> Outcome:
        async with slots:
            return await run(place, seed)

    for ended in asyncio.as_completed([asyncio.create_task(one(seed)) for seed in seeds]):
        yield await ended


async def run(place: Place, seed: int) -> Outcome:
    """One seed. A run that can't be finished is one that does not hold, with what went wrong."""
    is_center = seed % CENTERS == 0
    try:
        async with asyncio.timeout(LONGEST):
            return await (center.run(seed, place) if is_center else release.run(seed, place))
    except Exception as error:  # noqa: BLE001 - one seed's trouble must not end the others
        found = f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}"
        violation = Violation(Invariant.ANSWERS, "the run could not be finished", found)
        return Outcome(seed, "center" if is_center else "release", (), (), (violation,))
