"""One stack of servers for all tests of this folder; tests that need one of their own start it."""

from collections.abc import AsyncIterator

import pytest

from workers.local import Stack, local_stack
from workers.settings import PREFIX, inherited_environment


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Stack]:
    async with local_stack(None, simulator=False, worker=False) as stack:
        yield stack


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing is set for us or for Temporal."""
    for name in ("DATABASE_URL", *(name for name in inherited_environment() if name.startswith(PREFIX))):
        monkeypatch.delenv(name, raising=False)
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    return monkeypatch
