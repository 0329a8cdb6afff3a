"""How many more ads TikTok takes of an identity in an ad account, asked before any is made."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from activities.failures import DEFINITE_NO, tiktok_failures
from activities.together import each_to_its_end
from store import preparing
from store.database import Pool
from store.preparing import Unplanned
from tiktok import TikTokClient

ASKED_AT_ONCE = 4
"""Questions under way: TikTok has one for each identity and ad account, and a release may need a thousand."""

HOLDS = timedelta(minutes=10)
"""How long an answer serves: what we make and plan since then is counted besides."""


async def rows_without_room(
    db: Pool, client: TikTokClient, bc_id: str, campaign_id: str, advertiser_id: str, rows: Iterable[Unplanned]
) -> dict[str, list[str]]:
    """
    By reason, the rows for which their identities have no room left: the last of the manifest first.

    Answers are kept as they come, so that an attempt after a failure goes on where the last one was.
    """
    by_identity: defaultdict[str, list[Unplanned]] = defaultdict(list)
    for row in rows:
        if row.identity_id is not None:
            by_identity[row.identity_id].append(row)
    known = await preparing.rooms(db, bc_id, campaign_id, advertiser_id, HOLDS)
    slots = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(identity_id: str) -> None:
        try:
            async with slots:
                with tiktok_failures(passing=DEFINITE_NO):
                    quota = await client.identities.quota(advertiser_id, identity_id)
        except DEFINITE_NO:
            return  # the identity is gone: the gate finds that when the row is due
        await preparing.put_room(
            db,
            campaign_id,
            advertiser_id,
            identity_id,
            total=quota.total_quota,
            used=quota.used_quota,
            available=quota.available_quota,
        )

    missing = [identity_id for identity_id in by_identity if identity_id not in known]
    if missing:
        await each_to_its_end(*map(ask, missing))
        known = await preparing.rooms(db, bc_id, campaign_id, advertiser_id, HOLDS)
    found = {}
    for identity_id, its_rows in by_identity.items():
        room = known.get(identity_id)
        left = len(its_rows) if room is None else max(0, room.available - room.planned)
        if room is not None and len(its_rows) > left:
            reason = (
                f"TikTok allows {room.total} ads per identity; {room.used} are used"
                f"{f' and {room.planned} more are planned' if room.planned else ''} for @{its_rows[0].handle}; "
                "delete ads that are over, then release the row again"
            )
            found[reason] = [row.row_id for row in its_rows[left:]]
    return found
