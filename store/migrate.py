"""Bring a database to the newest schema. Safe to run at every start, and by several processes at once."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, make_url

MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(database_url: str) -> None:
    """
    Apply the migrations that are missing.

    Raises:
        OSError: the server does not answer.
        asyncpg.PostgresError: it answers, and refuses.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = _for_sqlalchemy(database_url)
    await asyncio.to_thread(command.upgrade, config, "head")


def _for_sqlalchemy(database_url: str) -> URL:
    return make_url(database_url).set(drivername="postgresql+asyncpg")
