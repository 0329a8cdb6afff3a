"""Locks that outlive a transaction, for work that calls TikTok while nobody else may do the same."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from store.database import Connection, Pool


@asynccontextmanager
async def alone(db: Pool, key: str) -> AsyncIterator["Connection | None"]:
    """
    Hold a lock that all processes of the database share, for as long as the context lasts or this process lives.

    Yields:
        The connection that holds it; None if somebody else does.
    """
    async with db.acquire() as connection:
        with _certain(connection):
            held = await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key)
        if not held:
            yield None
            return
        try:
            yield connection
        finally:
            with _certain(connection):
                await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)


@contextmanager
def _certain(connection: Connection) -> Iterator[None]:
    """End a connection of which nobody knows whether it holds a lock: the pool hands it on as it is, lock and all."""
    try:
        yield
    except BaseException:
        connection.terminate()
        raise
