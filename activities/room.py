"""How many more ads TikTok takes, of an identity and in an ad account: asked before any is made."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
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

Rows = dict[str, list[str]]
"""By reason, the ids of the rows that it stops."""


class RoomForAds:
    """
    Asks how much room there is, and names the rows that find none: the last of the manifest first.

    Answers are kept as they come, so that an attempt after a failure goes on where the last one was. A question that
    TikTok refuses stops no row here: what it refuses it for is found when the row is due.
    """

    def __init__(self, db: Pool, *, ads_per_ad_account: int) -> None:
        """Keep the process's connections and TikTok's limit; that of an identity comes with the answer."""
        self._db = db
        self._ads_per_ad_account = ads_per_ad_account

    async def rows_without(
        self, client: TikTokClient, bc_id: str, campaign_id: str, advertiser_id: str, rows: Sequence[Unplanned]
    ) -> Rows:
        """By reason, the rows of an ad account for which their identities or the ad account have no room left."""
        beyond = await self._beyond_identities(client, bc_id, campaign_id, advertiser_id, rows)
        stopped = {row_id for row_ids in beyond.values() for row_id in row_ids}
        rest = [row for row in rows if row.row_id not in stopped]
        return beyond | await self._beyond_ad_account(client, campaign_id, advertiser_id, rest)

    async def _beyond_identities(
        self, client: TikTokClient, bc_id: str, campaign_id: str, advertiser_id: str, rows: Sequence[Unplanned]
    ) -> Rows:
        by_identity: defaultdict[str, list[Unplanned]] = defaultdict(list)
        for row in rows:
            if row.identity_id is not None:  # a plan has rows whose accounts are not linked yet
                by_identity[row.identity_id].append(row)
        known = await preparing.rooms(self._db, bc_id, campaign_id, advertiser_id, HOLDS)
        slots = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(identity_id: str) -> None:
            try:
                async with slots:
                    with tiktok_failures(passing=DEFINITE_NO):
                        quota = await client.identities.quota(advertiser_id, identity_id)
            except DEFINITE_NO:
                return
            await preparing.put_room(
                self._db,
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
            known = await preparing.rooms(self._db, bc_id, campaign_id, advertiser_id, HOLDS)
        beyond = {}
        for identity_id, its_rows in by_identity.items():
            room = known.get(identity_id)
            left = len(its_rows) if room is None else max(0, room.available - room.planned)
            if room is not None and len(its_rows) > left:
                reason = (
                    f"TikTok allows {room.total} ads per identity; {_taken(room.used, room.planned)} for "
                    f"@{its_rows[0].handle}; delete ads that are over, then release the row again"
                )
                beyond[reason] = [row.row_id for row in its_rows[left:]]
        return beyond

    async def _beyond_ad_account(
        self, client: TikTokClient, campaign_id: str, advertiser_id: str, rows: Sequence[Unplanned]
    ) -> Rows:
        if not rows:
            return {}
        room = await preparing.ad_account_room(self._db, campaign_id, advertiser_id, HOLDS)
        if room is None:
            try:
                with tiktok_failures(passing=DEFINITE_NO):
                    used = await client.ads.count_spark_ads(advertiser_id)
            except DEFINITE_NO:
                return {}
            await preparing.put_ad_account_room(self._db, campaign_id, advertiser_id, used=used)
            room = await preparing.ad_account_room(self._db, campaign_id, advertiser_id, HOLDS)
        left = len(rows) if room is None else max(0, self._ads_per_ad_account - room.used - room.planned)
        if room is None or len(rows) <= left:
            return {}
        reason = (
            f"TikTok allows {self._ads_per_ad_account} Spark Ads per ad account; {_taken(room.used, room.planned)} in "
            f"{advertiser_id}; delete ads that are over, then release the row again"
        )
        return {reason: [row.row_id for row in rows[left:]]}


def _taken(used: int, planned: int) -> str:
    return f"{used} are used{f' and {planned} more are planned' if planned else ''}"
