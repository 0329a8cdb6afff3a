"""Tell Temporal that a long activity lives, so that its worker's death is noticed in seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity

EVERY = 2.0
"""Seconds between two heartbeats: five of them fit into the shortest heartbeat time-out of the workflows."""


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Send heartbeats while the body runs; a cancellation that one of them brings back ends the body."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(EVERY)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
