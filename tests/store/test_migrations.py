"""Migrations run at every start, and by several processes at once."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from store.database import Pool
from store.migrate import migrate
from tests.conftest import PYTHON, run_command
from workers.local import Stack


@pytest.fixture
async def empty_database(stack: Stack, db: Pool) -> AsyncIterator[str]:
    """A database of its own, without a schema."""
    await db.execute("CREATE DATABASE migration_test")
    yield urlunsplit(urlsplit(stack.database_url)._replace(path="/migration_test"))
    await db.execute("DROP DATABASE migration_test WITH (FORCE)")


async def schema(url: str) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            """SELECT table_name, column_name, data_type FROM information_schema.columns
               WHERE table_schema = 'public' ORDER BY 1, 2"""
        )
    finally:
        await connection.close()
    return [tuple(row) for row in rows]


async def test_two_processes_may_migrate_at_once_and_again(stack: Stack, empty_database: str) -> None:
    command = (PYTHON, "-m", "workers", "migrate")
    environment = stack.environment | {"DATABASE_URL": empty_database}
    ran = await asyncio.gather(*(run_command(*command, environment=environment) for _ in range(2)))
    assert [one.code for one in ran] == [0, 0], [one.err for one in ran]

    once = await schema(empty_database)
    assert once == await schema(stack.database_url)
    await migrate(empty_database)
    assert await schema(empty_database) == once


async def test_what_is_on_record_survives_a_repeat(stack: Stack, db: Pool) -> None:
    await db.execute("INSERT INTO credentials (bc_id, bc_name, access_token) VALUES ('migration', 'Label', 'secret')")

    await migrate(stack.database_url)

    assert await db.fetchval("SELECT bc_name FROM credentials WHERE bc_id = 'migration'") == "Label"


async def test_a_server_that_does_not_answer_is_an_oserror() -> None:
    with pytest.raises(OSError, match=r"Connect call failed|refused"):
        await migrate("postgresql://postgres@127.0.0.1:1/sparkads")
