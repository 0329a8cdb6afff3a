"""Tell Temporal that a running activity lives, so that its worker's death is noticed in seconds and not in minutes."""

import asyncio
from contextlib import suppress
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

EVERY = 2.0
"""Seconds between two heartbeats: five of them fit into the heartbeat time-out of the workflows."""


class Heartbeats(Interceptor):
    """Sends heartbeats for every activity that has a heartbeat time-out; short ones are over before the first."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Put the heart around the activity."""
        return _Beating(next)


class _Beating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        """A cancellation that a heartbeat brings back ends the activity."""
        if activity.info().heartbeat_timeout is None:
            return await super().execute_activity(input)
        beating = asyncio.create_task(_beat())
        try:
            return await super().execute_activity(input)
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating


async def _beat() -> None:
    while True:
        await asyncio.sleep(EVERY)
        # With what an attempt before has left for the next one.
        activity.heartbeat(*activity.info().heartbeat_details)
