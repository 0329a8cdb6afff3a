"""Several things at once, none of which may be given up because of another."""

import asyncio
from collections.abc import Awaitable


async def each_to_its_end(*works: Awaitable[None]) -> None:
    """
    Work side by side; what fails lets the others go on.

    To give up a call that is under way is to not know what it did.

    Raises:
        BaseException: the first failure, in the order of the works.
    """
    for ended in await asyncio.gather(*works, return_exceptions=True):
        if ended is not None:
            raise ended
