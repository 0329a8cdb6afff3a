"""The whole lifecycle: credentials, access, releases, publishing, audit."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text()
    # SQLAlchemy prepares what it executes, and a prepared statement holds one command: asyncpg takes the whole file.
    driver = op.get_bind().connection.dbapi_connection
    assert driver is not None  # noqa: S101 - alembic hands over an open connection
    driver.run_async(lambda connection: connection.execute(sql))
