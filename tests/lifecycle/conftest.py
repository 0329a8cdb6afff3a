"""A stack of their own for tests that kill workers."""

from collections.abc import AsyncIterator

import pytest
from mortal_worker import MortalWorker, hasty_temporal

from sparkads.client import SparkAds
from workers.local import Stack


@pytest.fixture(scope="module")
async def hasty(stack: Stack) -> AsyncIterator[tuple[SparkAds, MortalWorker]]:
    """A Temporal server where everything continues as new all the time, and its worker, which may be killed."""
    async with hasty_temporal(stack) as started:
        yield started
