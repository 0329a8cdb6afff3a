"""Locks that outlive a transaction, on the connections of a pool that hands them on as they are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from store.database import Pool
from store.locks import alone
from tests.conftest import Label, until
from workers.connections import connect_database
from workers.local import Stack
from workers.settings import load_settings


@pytest.fixture
async def workers_pool(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    """The pool of a worker, with one connection."""
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SPARKADS_DATABASE_POOL_SIZE", "1")
    async with await connect_database(load_settings()) as pool:
        yield pool


async def is_free(db: Pool, key: str) -> bool:
    async with alone(db, key) as lock:
        return lock is not None


async def test_one_has_it_at_a_time(label: Label, db: Pool, workers_pool: Pool) -> None:
    async with alone(workers_pool, label.bc_id) as lock:
        assert lock is not None
        assert not await is_free(db, label.bc_id)
        assert await is_free(db, f"another {label.bc_id}")

    assert await is_free(db, label.bc_id)


async def test_it_is_given_up_with_whoever_fails(label: Label, db: Pool, workers_pool: Pool) -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        async with alone(workers_pool, label.bc_id):
            raise RuntimeError("in the middle")

    assert await is_free(db, label.bc_id)


@pytest.mark.parametrize("turns", [1, 2, 3, 4, 5])
async def test_and_with_whoever_is_cancelled_while_taking_it(
    label: Label, db: Pool, workers_pool: Pool, turns: int
) -> None:
    taking = asyncio.create_task(is_free(workers_pool, label.bc_id))
    for _ in range(turns):
        await asyncio.sleep(0)
    taking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await taking

    await until(lambda: is_free(db, label.bc_id), "the lock is free")
    assert await is_free(workers_pool, label.bc_id), "the pool has another connection"


async def test_and_with_whoever_is_cancelled_even_while_giving_it_up(
    label: Label, db: Pool, workers_pool: Pool
) -> None:
    has_it = asyncio.Event()

    async def hold() -> None:
        async with alone(workers_pool, label.bc_id):
            has_it.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await has_it.wait()
    holding.cancel()
    await asyncio.sleep(0)  # it is giving up the lock now
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding

    await until(lambda: is_free(db, label.bc_id), "PostgreSQL has noticed that the connection is gone")
    assert await is_free(workers_pool, label.bc_id), "the pool has another connection"
