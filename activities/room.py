"""How many more ads and ad groups TikTok takes, of an identity and in an ad account: asked before any is made."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from activities.judging import Judged, Unanswered, answer
from activities.together import each_to_its_end
from store import preparing
from store.database import Pool
from store.preparing import Unplanned
from tiktok import Quota, TikTokClient

ASKED_AT_ONCE = 4
"""Questions under way: TikTok has one for each identity and ad account, and a release may need a thousand."""

HOLDS = timedelta(minutes=10)
"""How long an answer serves: what we make and plan since then is counted besides."""

CAMPAIGNS_IN_AD_ACCOUNT: Final = 5_000
"""TikTok campaigns that an ad account may have (TikTok help)."""
AD_GROUPS_IN_CAMPAIGN: Final = 999
"""Ad groups that a TikTok campaign may have (TikTok help)."""


async def ad_groups_without(
    client: TikTokClient,
    advertiser_id: str,
    groups: Sequence[Sequence[str]],
    *,
    made: int = 0,
    has_campaign: bool = False,
) -> Judged:
    """
    The rows of ad groups for which an ad account has no room left, the last of them first.

    Over its quota TikTok makes an ad group all the same, switches it off some seconds later, and lets nobody switch it
    on again (tiktok adgroup/quota): so it must not be made. What TikTok does not say limits nothing.

    Args:
        client: TikTok.
        advertiser_id: the ad account.
        groups: the ids of the rows of each ad group that has to be made, in the order of the manifest.
        made: how many ad groups the release's TikTok campaign has there already.
        has_campaign: whether that campaign exists there already.

    Raises:
        TikTokError: what waiting mends.
    """
    judged = Judged()
    every_row = [row_id for row_ids in groups for row_id in row_ids]
    if not every_row:
        return judged
    if not has_campaign:
        count = await answer(client.ads.count_campaigns(advertiser_id))
        if isinstance(count, Unanswered):
            judged.unanswered(f"the number of TikTok campaigns in ad account {advertiser_id}", count, every_row)
        elif count is not None and count >= CAMPAIGNS_IN_AD_ACCOUNT:
            judged.blocked[
                f"TikTok allows {CAMPAIGNS_IN_AD_ACCOUNT} campaigns per ad account; {count} are in {advertiser_id}; "
                "delete campaigns that are over, then release the row again"
            ] += every_row
            return judged
    quota = await answer(client.ads.ad_group_quota(advertiser_id))
    room = None
    if isinstance(quota, Unanswered):
        judged.unanswered(f"how many ad groups ad account {advertiser_id} may have", quota, every_row)
    else:
        room = quota.room
    left = max(0, AD_GROUPS_IN_CAMPAIGN - made)
    if room is not None and not isinstance(quota, Unanswered) and room <= left:
        left = room
        reason = (
            f"TikTok allows {quota.total} active ad groups in ad account {advertiser_id}; {quota.used} are used, and "
            f"{len(groups)} more are needed; switch off ad groups that are over, or write equal places, budgets and "
            "instants into rows so that they share one, then release the row again"
        )
    else:
        reason = (
            f"TikTok allows {AD_GROUPS_IN_CAMPAIGN} ad groups per campaign; {made} are made, and {len(groups)} more "
            "are needed; split the release into two manifests"
        )
    beyond = [row_id for row_ids in groups[left:] for row_id in row_ids]
    if beyond:
        judged.blocked[reason] += beyond
    return judged


class RoomForAds:
    """
    Asks how much room there is, and names the rows that find none: the last of the manifest first.

    Answers are kept as they come, so that an attempt after a failure goes on where the last one was. A question that
    TikTok does not answer stops no row here, and is a risk: what it refuses it for is found when the row is due.
    """

    def __init__(self, db: Pool, *, ads_per_ad_account: int) -> None:
        """Keep the process's connections and TikTok's limit; that of an identity comes with the answer."""
        self._db = db
        self._ads_per_ad_account = ads_per_ad_account

    async def rows_without(
        self, client: TikTokClient, bc_id: str, campaign_id: str, advertiser_id: str, rows: Sequence[Unplanned]
    ) -> Judged:
        """
        The rows of an ad account for which their identities or the ad account have no room left.

        Raises:
            TikTokError: what waiting mends.
        """
        judged = await self._beyond_identities(client, bc_id, campaign_id, advertiser_id, rows)
        stopped = {row_id for row_ids in judged.blocked.values() for row_id in row_ids}
        rest = [row for row in rows if row.row_id not in stopped]
        judged.add(await self._beyond_ad_account(client, campaign_id, advertiser_id, rest))
        return judged

    async def _beyond_identities(
        self, client: TikTokClient, bc_id: str, campaign_id: str, advertiser_id: str, rows: Sequence[Unplanned]
    ) -> Judged:
        by_identity: defaultdict[str, list[Unplanned]] = defaultdict(list)
        for row in rows:
            if row.identity_id is not None:  # a plan has rows whose accounts are not linked yet
                by_identity[row.identity_id].append(row)
        judged = Judged()
        known = await preparing.rooms(self._db, bc_id, campaign_id, advertiser_id, HOLDS)
        slots = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(identity_id: str) -> None:
            async with slots:
                quota = await answer(client.identities.quota(advertiser_id, identity_id))
            if isinstance(quota, Unanswered):
                its_rows = by_identity[identity_id]
                what = f"how many ads @{its_rows[0].handle} may have"
                judged.unanswered(what, quota, [row.row_id for row in its_rows])
                return
            room = _room(quota)
            if room is not None:
                total, used, available = room
                await preparing.put_room(
                    self._db, campaign_id, advertiser_id, identity_id, total=total, used=used, available=available
                )

        missing = [identity_id for identity_id in by_identity if identity_id not in known]
        if missing:
            await each_to_its_end(*map(ask, missing))
            known = await preparing.rooms(self._db, bc_id, campaign_id, advertiser_id, HOLDS)
        for identity_id, its_rows in by_identity.items():
            room = known.get(identity_id)
            left = len(its_rows) if room is None else max(0, room.available - room.planned)
            if room is not None and len(its_rows) > left:
                judged.blocked[
                    f"TikTok allows {room.total} ads per identity; {_taken(room.used, room.planned)} for "
                    f"@{its_rows[0].handle}; delete ads that are over, then release the row again"
                ] += [row.row_id for row in its_rows[left:]]
        return judged

    async def _beyond_ad_account(
        self, client: TikTokClient, campaign_id: str, advertiser_id: str, rows: Sequence[Unplanned]
    ) -> Judged:
        judged = Judged()
        if not rows:
            return judged
        room = await preparing.ad_account_room(self._db, campaign_id, advertiser_id, HOLDS)
        if room is None:
            used = await answer(client.ads.count_spark_ads(advertiser_id))
            if isinstance(used, Unanswered):
                what = f"how many Spark Ads ad account {advertiser_id} has"
                judged.unanswered(what, used, [row.row_id for row in rows])
                return judged
            await preparing.put_ad_account_room(self._db, campaign_id, advertiser_id, used=used)
            room = await preparing.ad_account_room(self._db, campaign_id, advertiser_id, HOLDS)
        left = len(rows) if room is None else max(0, self._ads_per_ad_account - room.used - room.planned)
        if room is not None and len(rows) > left:
            judged.blocked[
                f"TikTok allows {self._ads_per_ad_account} Spark Ads per ad account; "
                f"{_taken(room.used, room.planned)} in {advertiser_id}; delete ads that are over, then release the row "
                "again"
            ] += [row.row_id for row in rows[left:]]
        return judged


def _room(quota: Quota) -> tuple[int, int, int] | None:
    """Total, used and available, each out of the two others where TikTok leaves one out; None: no limit is known."""
    total, used, available = quota.total_quota, quota.used_quota, quota.available_quota
    if available is None:
        return None if total is None or used is None else (total, used, max(0, total - used))
    if total is None:
        total = available + (used or 0)
    return total, total - available if used is None else used, available


def _taken(used: int, planned: int) -> str:
    return f"{used} are used{f' and {planned} more are planned' if planned else ''}"
