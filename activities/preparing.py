"""
Everything that has to exist at TikTok before the first ad of a release is made.

Posts are looked at, files are uploaded, room for ads is asked for, TikTok campaigns and ad groups are made or found.
What can't work is taken out by name here, before its instant, and every row is looked at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from temporalio import activity

from activities.campaigns import known_campaign
from activities.failures import DEFINITE_NO, tiktok_failures
from activities.gates import NO_RIGHTS
from activities.lost_answers import found_or_made, made_once
from activities.media import Uploads
from activities.members import current_run
from activities.platform import Platform
from activities.posts import check_posts
from activities.room import RoomForAds
from activities.together import each_to_its_end
from sparkads.contracts.base import Contract
from sparkads.contracts.release import AdTemplate, DailyCeiling, TargetState
from sparkads.files import Files
from store import audit, preparing, publishing
from store.database import Pool
from store.preparing import Unplanned
from store.publishing import AdGroup
from store.releases import Campaign
from tiktok import AdGroup as TikTokAdGroup
from tiktok import Campaign as TikTokCampaign
from tiktok import NewAdGroup, NewCampaign, TikTokClient

ACCOUNTS_AT_ONCE = 4
"""TikTok accounts whose posts are looked at side by side, in each ad account."""

POSTS_HOLD = timedelta(minutes=10)
"""How long a look at a post serves further attempts; afterwards the review keeps looking at it (review.py)."""

T = TypeVar("T")


class Prepare(Contract):
    """Uploads and ad groups to make before the instant."""

    campaign_id: str
    template: AdTemplate
    ceilings: tuple[DailyCeiling, ...] = ()


class Prepared(Contract):
    """What is left to wait for before everything that has to exist does."""

    transcoding: int
    """videos that TikTok still transcodes; rows that use them have no ad group yet"""


class PreparingActivities:
    """Needs the store, TikTok and the object store."""

    def __init__(self, db: Pool, platform: Platform, files: Files, room: RoomForAds) -> None:
        """Share the process's connections."""
        self._db = db
        self._room = room
        self._platform = platform
        self._uploads = Uploads(db, files)

    @activity.defn
    async def prepare_ad_accounts(self, prepare: Prepare) -> Prepared:
        """
        Posts checked, files uploaded, TikTok campaigns and ad groups made, for every target that is ready.

        Each ad account by itself: a question about one that TikTok does not answer holds up no other. Nor does a video
        that it transcodes for long hold up the rows of others: they are left out, and told of. All that was found out
        or made is on record at once, so that a further attempt goes on from there.
        """
        campaign = await known_campaign(self._db, prepare.campaign_id)
        client = await self._platform.client(campaign.bc_id)
        music: dict[str, bool] = {}

        async def prepare_one(advertiser_id: str) -> None:
            await self._check_posts(client, campaign, advertiser_id, music)
            await self._uploads.bring(client, campaign, advertiser_id)
            named = await self._find_named_groups(client, campaign, advertiser_id)
            await self._check_room(client, campaign, advertiser_id)
            await self._use_named_groups(campaign, advertiser_id, named)
            await self._make_ad_groups(client, prepare, campaign, advertiser_id)

        await each_to_its_end(*map(prepare_one, await publishing.ad_accounts(self._db, campaign.campaign_id)))
        return Prepared(transcoding=await preparing.videos_awaited(self._db, campaign.campaign_id))

    async def _check_posts(
        self, client: TikTokClient, campaign: Campaign, advertiser_id: str, music: dict[str, bool]
    ) -> None:
        by_account: defaultdict[str, list[Unplanned]] = defaultdict(list)
        for row in await preparing.unseen_pulls(self._db, campaign.campaign_id, advertiser_id, POSTS_HOLD):
            by_account[row.handle].append(row)
        slots = asyncio.Semaphore(ACCOUNTS_AT_ONCE)

        async def check(rows: Sequence[Unplanned]) -> None:
            async with slots:
                findings = await check_posts(client, campaign.bc_id, rows, music)
            for reason, row_ids in findings.blocked.items():
                await self._stop(campaign, row_ids, TargetState.BLOCKED, reason)
            async with self._db.acquire() as connection, connection.transaction():
                await preparing.posts_seen(
                    connection, campaign.campaign_id, [row.row_id for row in rows], findings.formats
                )

        await each_to_its_end(*map(check, by_account.values()))

    async def _find_named_groups(self, client: TikTokClient, campaign: Campaign, advertiser_id: str) -> frozenset[str]:
        """The ad groups that rows name and that are there; rows whose ad group is not are refused."""
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for row in await preparing.unplanned(self._db, campaign.campaign_id, advertiser_id):
            if row.named_adgroup_id is not None:
                wanted[row.named_adgroup_id].append(row.row_id)
        missing = await missing_ad_groups(client, advertiser_id, wanted)
        for adgroup_id, reason in missing.items():
            await self._stop(campaign, wanted[adgroup_id], TargetState.REFUSED, reason)
        return frozenset(wanted.keys() - missing.keys())

    async def _use_named_groups(self, campaign: Campaign, advertiser_id: str, named: frozenset[str]) -> None:
        for adgroup_id in named:
            async with self._db.acquire() as connection, connection.transaction():
                await preparing.use_named_group(connection, campaign.campaign_id, advertiser_id, adgroup_id)

    async def _check_room(self, client: TikTokClient, campaign: Campaign, advertiser_id: str) -> None:
        """Block the rows for which there is no room left, the last of the manifest first."""
        rows = await preparing.unplanned(self._db, campaign.campaign_id, advertiser_id)
        full = await self._room.rows_without(client, campaign.bc_id, campaign.campaign_id, advertiser_id, rows)
        for reason, row_ids in full.items():
            await self._stop(campaign, row_ids, TargetState.BLOCKED, reason)

    async def _stop(self, campaign: Campaign, row_ids: Sequence[str], state: TargetState, reason: str) -> None:
        if not row_ids:
            return
        async with self._db.acquire() as connection, connection.transaction():
            stopped = await preparing.stop_ready(connection, campaign.campaign_id, row_ids, state, reason)
            await audit.write_rows(
                connection,
                bc_id=campaign.bc_id,
                actor=audit.SYSTEM,
                action=f"targets {state}",
                rows=stopped,
                reason=reason,
                run=current_run(),
            )

    async def _make_ad_groups(
        self, client: TikTokClient, prepare: Prepare, campaign: Campaign, advertiser_id: str
    ) -> None:
        ceiling = daily_ceiling(prepare.ceilings, advertiser_id)
        async with self._db.acquire() as connection, connection.transaction():
            beyond = await publishing.plan_ad_groups(
                connection,
                prepare.campaign_id,
                advertiser_id,
                capacity=prepare.template.ads_per_ad_group,
                ceiling=ceiling,
            )
        await self._stop(campaign, beyond, TargetState.BLOCKED, beyond_ceiling(advertiser_id, ceiling))
        groups = await publishing.ad_groups_to_make(self._db, prepare.campaign_id, advertiser_id)
        if groups:
            tiktok_campaign_id = await self._tiktok_campaign(client, prepare, advertiser_id)
            with tiktok_failures():
                listed = await client.ads.ad_groups(advertiser_id, campaign_ids=[tiktok_campaign_id])
            there = {one.adgroup_name: one for one in listed}
            for group in groups:
                if group.ends_at is not None and group.ends_at <= datetime.now(UTC):
                    # TikTok takes no end in the past.
                    rows = await preparing.rows_of_group(self._db, group.id)
                    await self._stop(campaign, rows, TargetState.BLOCKED, NO_RIGHTS)
                    continue
                made = there.get(group.name) or await self._ad_group(
                    client, prepare.template, tiktok_campaign_id, group
                )
                await publishing.put_ad_group(self._db, group.id, made.adgroup_id)

    async def _tiktok_campaign(self, client: TikTokClient, prepare: Prepare, advertiser_id: str) -> str:
        """Our TikTok campaign in an ad account."""
        known = await publishing.tiktok_campaign(self._db, prepare.campaign_id, advertiser_id)
        if known is not None:
            return known
        name = f"sparkads {prepare.campaign_id}"

        async def find() -> TikTokCampaign | None:
            return _first(await client.ads.campaigns(advertiser_id, name=name))

        async def make() -> TikTokCampaign:
            new = NewCampaign(
                campaign_name=name,
                objective_type=prepare.template.objective_type,
                budget_mode="BUDGET_MODE_INFINITE",
            )
            return await client.ads.create_campaign(advertiser_id, new)

        with tiktok_failures():
            campaign = await found_or_made(find, make)
        await publishing.put_tiktok_campaign(self._db, prepare.campaign_id, advertiser_id, campaign.campaign_id)
        return campaign.campaign_id

    async def _ad_group(
        self, client: TikTokClient, template: AdTemplate, tiktok_campaign_id: str, group: AdGroup
    ) -> TikTokAdGroup:
        async def find() -> TikTokAdGroup | None:
            return _first(
                await client.ads.ad_groups(group.advertiser_id, campaign_ids=[tiktok_campaign_id], name=group.name)
            )

        async def make() -> TikTokAdGroup:
            new = NewAdGroup(
                campaign_id=tiktok_campaign_id,
                adgroup_name=group.name,
                promotion_type=template.promotion_type,
                placement_type="PLACEMENT_TYPE_NORMAL",
                placements=("PLACEMENT_TIKTOK",),
                location_ids=(group.location_id,),
                budget_mode="BUDGET_MODE_DAY",
                budget=float(group.daily_budget),
                schedule_type="SCHEDULE_FROM_NOW" if group.ends_at is None else "SCHEDULE_START_END",
                schedule_start_time=max(group.starts_at, datetime.now(UTC)),
                schedule_end_time=group.ends_at,
                optimization_goal=template.optimization_goal,
                billing_event=template.billing_event,
                bid_type="BID_TYPE_NO_BID",
                pacing=template.pacing,
            )
            return await client.ads.create_ad_group(group.advertiser_id, new)

        with tiktok_failures():
            return await made_once(find, make)


def daily_ceiling(ceilings: Iterable[DailyCeiling], advertiser_id: str) -> Decimal | None:
    """What an ad account may spend a day on a release; None: anything."""
    return next((one.amount for one in ceilings if one.ad_account == advertiser_id), None)


def beyond_ceiling(advertiser_id: str, ceiling: Decimal | None) -> str:
    """Why a row is left out."""
    return f"budget: ad account {advertiser_id} would spend more than its ceiling of {ceiling} a day"


async def missing_ad_groups(client: TikTokClient, advertiser_id: str, wanted: Iterable[str]) -> dict[str, str]:
    """Why each of these ad groups can't be used, for those that can't."""
    wanted, listed = frozenset(wanted), list[TikTokAdGroup]()
    reason = f"is not in ad account {advertiser_id}, or is deleted"
    try:
        with tiktok_failures(passing=DEFINITE_NO):
            listed = await client.ads.ad_groups(advertiser_id, ids=wanted)
    except DEFINITE_NO as error:
        reason = f"can't be looked up: {error}"
    # A campaign that is deleted takes its ad groups with it; their status says so.
    there = {one.adgroup_id for one in listed if not one.secondary_status.endswith("_DELETE")}
    return {adgroup_id: f"ad group {adgroup_id} {reason}" for adgroup_id in wanted - there}


def _first(found: Iterable[T]) -> T | None:
    return next(iter(found), None)
