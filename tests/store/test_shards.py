"""How a release's rows are put into shards: in the order of their ad groups, not in that of the manifest."""

from test_intents import pulled, started

from store import releases
from store.database import Pool
from store.releases import SHARD_SIZE
from tests.conftest import Label

PLACES = ("2186224", "6252001")


async def test_rows_of_one_place_share_shards_however_the_manifest_mixes_them(label: Label, db: Pool) -> None:
    campaign_id = f"shards-{label.bc_id}"
    rows = [
        pulled(label, number, post_id=str(number), location_id=PLACES[number % 2]) for number in range(2 * SHARD_SIZE)
    ]

    async with db.acquire() as connection, connection.transaction():
        await releases.create(connection, started(label, campaign_id), rows)

    shards = await db.fetch(
        """SELECT shard, count(*) AS rows, array_agg(DISTINCT location_id) AS places FROM targets
           WHERE campaign_id = $1 GROUP BY shard ORDER BY shard""",
        campaign_id,
    )
    assert [tuple(shard) for shard in shards] == [(1, SHARD_SIZE, ["2186224"]), (2, SHARD_SIZE, ["6252001"])]
    report = await releases.report_rows(db, campaign_id)
    assert [row.row_id for row in report] == [row.row_id for row in rows]
