"""How a release's rows are put into shards: in the order of their ad groups, not in that of the manifest."""

from datetime import UTC, datetime
from decimal import Decimal

from sparkads.manifest import ManifestRow, Mode
from store import releases
from store.database import Pool
from store.releases import SHARD_SIZE, Campaign
from tests.conftest import Label


async def test_rows_of_one_place_share_shards_however_the_manifest_mixes_them(label: Label, db: Pool) -> None:
    campaign_id = f"shards-{label.bc_id}"
    rows = [
        ManifestRow(
            row_id=f"row{number}",
            mode=Mode.PULL,
            account="kiri",
            ad_account=label.ad_account,
            territory="NZ",
            location_id=("2186224", "6252001")[number % 2],
            time_zone="Etc/UTC",
            release_at=None,
            post_id=str(number),
            landing_url="https://example.com",
            call_to_action="LISTEN_NOW",
            daily_budget=Decimal(50),
        )
        for number in range(2 * SHARD_SIZE)
    ]
    campaign = Campaign(
        campaign_id=campaign_id,
        bc_id=label.bc_id,
        started_by=label.admin,
        operator=label.operator,
        manifest_sha256="0" * 64,
        started_at=datetime.now(UTC),
        paused=False,
        cancelled=False,
    )

    async with db.acquire() as connection, connection.transaction():
        await releases.create(connection, campaign, rows)

    shards = await db.fetch(
        """SELECT shard, count(*) AS rows, array_agg(DISTINCT location_id) AS places FROM targets
           WHERE campaign_id = $1 GROUP BY shard ORDER BY shard""",
        campaign_id,
    )
    assert [tuple(shard) for shard in shards] == [(1, SHARD_SIZE, ["2186224"]), (2, SHARD_SIZE, ["6252001"])]
    report = await releases.report_rows(db, campaign_id)
    assert [row.row_id for row in report] == [row.row_id for row in rows]
