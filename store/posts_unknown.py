"""Videos that were published while TikTok had not named their post: found later, by their ads."""

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store.database import Connection, Database


class PostUnknown(Contract):
    """A published target without its post."""

    campaign_id: str
    row_id: str
    advertiser_id: str
    ad_id: str


async def waiting(db: Database, bc_id: str) -> list[PostUnknown]:
    """Those that were confirmed within the last 7 days: what TikTok has not named by then, it won't."""
    rows = await db.fetch(
        """SELECT campaign_id, row_id, advertiser_id, ad_id FROM targets
           WHERE bc_id = $1 AND mode = 'push' AND state = $2 AND item_id IS NULL AND ad_id IS NOT NULL
             AND confirmed_at > now() - interval '7 days' ORDER BY advertiser_id, ad_id""",
        bc_id,
        TargetState.PUBLISHED,
    )
    return [PostUnknown(**row) for row in rows]


async def record(connection: Connection, target: PostUnknown, item_id: str) -> bool:
    """Record the post of a target; False if it is known by now, or the target is no longer published."""
    status = await connection.execute(
        """UPDATE targets SET item_id = $3
           WHERE campaign_id = $1 AND row_id = $2 AND ad_id = $4 AND state = $5 AND item_id IS NULL""",
        target.campaign_id,
        target.row_id,
        item_id,
        target.ad_id,
        TargetState.PUBLISHED,
    )
    return status == "UPDATE 1"
