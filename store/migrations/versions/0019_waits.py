"""What rows wait for beside their instant, and the ad group of each intent."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    sql = Path(__file__).with_suffix(".sql").read_text()
    driver = op.get_bind().connection.dbapi_connection
    assert driver is not None  # noqa: S101 - alembic hands over an open connection
    driver.run_async(lambda connection: connection.execute(sql))
