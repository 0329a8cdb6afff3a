"""Access for years: what TikTok says of accounts and people, time-boxed grants, partners, drift, handled commands."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text()
    driver = op.get_bind().connection.dbapi_connection
    assert driver is not None  # noqa: S101 - alembic hands over an open connection
    driver.run_async(lambda connection: connection.execute(sql))
