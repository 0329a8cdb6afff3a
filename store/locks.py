"""Locks that outlive a transaction, for work that calls TikTok while nobody else may do the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from store.database import Connection, Pool


@asynccontextmanager
async def alone(db: Pool, key: str) -> AsyncIterator["Connection | None"]:
    """
    Hold a lock that all processes of the database share, for as long as the context lasts or this process lives.

    Yields:
        The connection that holds it; None if somebody else does.
    """
    async with db.acquire() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key):
            yield None
            return
        try:
            yield connection
        finally:
            try:
                await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)
            except BaseException:
                # The pool hands connections on as they are; with this one, it would hand on the lock.
                connection.terminate()
                raise
