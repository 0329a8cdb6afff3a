"""One stack of servers for all tests of this folder; tests that need one of their own start it."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from workers.local import Stack, local_stack
from workers.settings import PREFIX, inherited_environment


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Stack]:
    async with local_stack(None, simulator=False, worker=False) as stack:
        yield stack


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """
    A directory for a stack's data.

    Not pytest's own: as root, PostgreSQL runs as another user, and every pytest that starts shuts all others out of it.
    """
    with tempfile.TemporaryDirectory(prefix="sparkads-test-") as directory:
        yield Path(directory)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing is set for us or for Temporal."""
    for name in ("DATABASE_URL", *(name for name in inherited_environment() if name.startswith(PREFIX))):
        monkeypatch.delenv(name, raising=False)
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    return monkeypatch
