"""A stack of their own for tests that kill workers, and how long hypothesis looks."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings
from mortal_worker import MortalWorker, hasty_temporal

from sparkads.client import SparkAds
from workers.local import Stack

settings.register_profile("long", max_examples=200)
"""For a night: `pytest tests/lifecycle/test_any_history.py --hypothesis-profile=long`."""


@pytest.fixture(scope="module")
async def hasty(stack: Stack) -> AsyncIterator[tuple[SparkAds, MortalWorker]]:
    """A Temporal server where everything continues as new all the time, and its worker, which may be killed."""
    async with hasty_temporal(stack) as started:
        yield started
