"""How many more ads TikTok takes of an identity in an ad account, asked before any is made."""

from collections import defaultdict
from collections.abc import Iterable

from activities.failures import DEFINITE_NO, tiktok_failures
from store import preparing
from store.database import Pool
from store.preparing import Unplanned
from tiktok import TikTokClient


async def rows_without_room(
    db: Pool, client: TikTokClient, bc_id: str, advertiser_id: str, rows: Iterable[Unplanned]
) -> dict[str, list[str]]:
    """By reason, the rows for which their identities have no room left: the last of the manifest first."""
    by_identity: defaultdict[str, list[Unplanned]] = defaultdict(list)
    for row in rows:
        if row.identity_id is not None:
            by_identity[row.identity_id].append(row)
    found = {}
    for identity_id, its_rows in by_identity.items():
        try:
            with tiktok_failures(passing=DEFINITE_NO):
                quota = await client.identities.quota(advertiser_id, identity_id)
        except DEFINITE_NO:
            continue  # the identity is gone: the gate finds that when the row is due
        planned = await preparing.ads_planned(db, bc_id, advertiser_id, identity_id)
        room = max(0, quota.available_quota - planned)
        if len(its_rows) > room:
            reason = (
                f"TikTok allows {quota.total_quota} ads per identity; {quota.used_quota} are used"
                f"{f' and {planned} more are planned' if planned else ''} for @{its_rows[0].handle}; "
                "delete ads that are over, then release the row again"
            )
            found[reason] = [row.row_id for row in its_rows[room:]]
    return found
