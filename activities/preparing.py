"""
Everything that has to exist at TikTok before the first ad of a release is made.

Posts are looked at, files are uploaded, room for ads is asked for, TikTok campaigns and ad groups are made or found.
What can't work is taken out by name here, before its instant, and every row is looked at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio import activity

from activities.ad_accounts import beyond_ceiling, daily_ceiling, judge_ad_accounts, missing_ad_groups
from activities.believing import ASKED_TWICE_AFTER, believed
from activities.campaigns import known_campaign
from activities.failures import DEFINITE_NO
from activities.gates import NO_RIGHTS
from activities.judging import Judged
from activities.lost_answers import found_or_made, made_once
from activities.media import Uploads
from activities.members import current_run
from activities.platform import Platform
from activities.posts import MusicKnown, check_posts
from activities.room import RoomForAds, ad_groups_without
from activities.together import each_to_its_end
from activities.waits import AGAIN, Waiting, keep_waits, tell_of_end, waiting_for
from sparkads.contracts.base import Contract
from sparkads.contracts.release import AdTemplate, DailyBudget, DailyCeiling, TargetState
from sparkads.files import Files
from store import audit, media, preparing, publishing
from store.database import Pool
from store.preparing import Unplanned
from store.publishing import AdGroup
from store.releases import Campaign
from tiktok import AdGroup as TikTokAdGroup
from tiktok import Campaign as TikTokCampaign
from tiktok import (
    InvalidRequest,
    NewAdGroup,
    NewCampaign,
    ServerFault,
    TikTokClient,
    TikTokError,
)

ACCOUNTS_AT_ONCE = 4
"""TikTok accounts whose posts are looked at side by side, in each ad account."""

POSTS_HOLD = timedelta(minutes=10)
"""How long a look at a post serves further attempts; afterwards the review keeps looking at it (review.py)."""

T = TypeVar("T")


class Prepare(Contract):
    """What to make for the rows of one ad account before their instant."""

    campaign_id: str
    advertiser_id: str
    template: AdTemplate
    ceilings: tuple[DailyCeiling, ...] = ()


class Prepared(Contract):
    """What is left to wait for before everything that has to exist does."""

    transcoding: int = 0
    """videos that TikTok still transcodes; rows that use them have no ad group yet"""
    left: int = 0
    """rows for which something is missing; each says what"""
    again_seconds: float = AGAIN


class PreparingActivities:
    """Needs the store, TikTok and the object store."""

    def __init__(self, db: Pool, platform: Platform, files: Files, room: RoomForAds) -> None:
        """Share the process's connections."""
        self._db = db
        self._room = room
        self._platform = platform
        self._uploads = Uploads(db, files)

    @activity.defn
    async def prepare_ad_account(self, prepare: Prepare) -> Prepared:
        """
        Posts checked, files uploaded, a TikTok campaign and ad groups made, for the ready rows of one ad account.

        A definite no ends the rows that it was said of. What may pass, they wait for, and say so. Neither holds up any
        other row, nor does a video that TikTok transcodes for long: its rows are left out. All that was found out or
        made is on record at once, so that a further attempt goes on from there.
        """
        campaign = await known_campaign(self._db, prepare.campaign_id)
        client = await self._platform.client(campaign.bc_id)
        return await _AdAccount(self._db, client, campaign, prepare, self._uploads, self._room).prepare()


class _AdAccount:
    """The rows of a release that pay with one ad account, and why some of them can't go on for now."""

    def __init__(
        self,
        db: Pool,
        client: TikTokClient,
        campaign: Campaign,
        prepare: Prepare,
        uploads: Uploads,
        room: RoomForAds,
    ) -> None:
        self._db = db
        self._client = client
        self._campaign = campaign
        self._prepare = prepare
        self._advertiser_id = prepare.advertiser_id
        self._uploads = uploads
        self._room = room
        self._waiting: dict[str, Waiting] = {}

    async def prepare(self) -> Prepared:
        await self._each_step()
        left = await preparing.unprepared(self._db, self._campaign.campaign_id, self._advertiser_id)
        ready = await preparing.prepared(self._db, self._campaign.campaign_id, self._advertiser_id)
        waiting = {row_id: self._waiting[row_id] for row_id in left if row_id in self._waiting}
        await keep_waits(self._db, self._campaign, waiting, over=[*left, *ready])
        return Prepared(
            transcoding=await preparing.videos_awaited(self._db, self._campaign.campaign_id, self._advertiser_id),
            left=len(left),
            again_seconds=min((one.again_seconds for one in waiting.values()), default=AGAIN),
        )

    async def _each_step(self) -> None:
        try:
            await believed(self._steps)
        except DEFINITE_NO as no:
            # Said of the ad account as a whole: no ad group of its own can be made in it.
            rows = await preparing.unprepared(self._db, self._campaign.campaign_id, self._advertiser_id)
            await self._stop(rows, TargetState.REFUSED, f"TikTok refused ad account {self._advertiser_id}: {no}")
        except TikTokError as error:
            rows = await preparing.unprepared(self._db, self._campaign.campaign_id, self._advertiser_id)
            self._wait(rows, waiting_for(error, self._advertiser_id))

    async def _steps(self) -> None:
        await self._check_ad_account()
        await self._check_posts()
        for files in await self._uploads.bring(self._client, self._campaign, self._advertiser_id):
            rows = await media.rows_with_files(self._db, self._campaign.campaign_id, self._advertiser_id, files.hashes)
            self._wait(rows, files.waiting)
        named = await self._find_named_groups()
        await self._check_room()
        await self._use_named_groups(named)
        await self._make_ad_groups()

    def _wait(self, row_ids: Iterable[str], waiting: Waiting) -> None:
        for row_id in row_ids:
            self._waiting.setdefault(row_id, waiting)

    async def _check_ad_account(self) -> None:
        """Block the rows that an ad account in this state, or with this currency, can't have."""
        rows = await preparing.unplanned(self._db, self._campaign.campaign_id, self._advertiser_id)
        if rows:
            await self._block(await judge_ad_accounts(self._client, rows))

    async def _block(self, judged: Judged) -> None:
        for reason, row_ids in judged.blocked.items():
            await self._stop(row_ids, TargetState.BLOCKED, reason)

    async def _check_posts(self) -> None:
        by_account: defaultdict[str, list[Unplanned]] = defaultdict(list)
        for row in await preparing.unseen_pulls(self._db, self._campaign.campaign_id, self._advertiser_id, POSTS_HOLD):
            by_account[row.handle].append(row)
        slots = asyncio.Semaphore(ACCOUNTS_AT_ONCE)
        music: MusicKnown = {}

        async def check(rows: Sequence[Unplanned]) -> None:
            async with slots:
                findings = await check_posts(self._client, self._campaign.bc_id, rows, music)
            for reason, row_ids in findings.blocked.items():
                await self._stop(row_ids, TargetState.BLOCKED, reason)
            async with self._db.acquire() as connection, connection.transaction():
                await preparing.posts_seen(
                    connection, self._campaign.campaign_id, [row.row_id for row in rows], findings.formats
                )

        await each_to_its_end(*map(check, by_account.values()))

    async def _find_named_groups(self) -> frozenset[str]:
        """The ad groups that rows name and that are there; rows whose ad group is not are refused."""
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for row in await preparing.unplanned(self._db, self._campaign.campaign_id, self._advertiser_id):
            if row.named_adgroup_id is not None:
                wanted[row.named_adgroup_id].append(row.row_id)
        if not wanted:
            return frozenset()
        try:
            missing = await unusable_ad_groups(self._client, self._advertiser_id, wanted)
        except TikTokError as error:
            for row_ids in wanted.values():
                self._wait(row_ids, waiting_for(error, self._advertiser_id))
            return frozenset()
        for adgroup_id, reason in missing.items():
            await self._stop(wanted[adgroup_id], TargetState.REFUSED, reason)
        return frozenset(wanted.keys() - missing.keys())

    async def _use_named_groups(self, named: frozenset[str]) -> None:
        for adgroup_id in named:
            async with self._db.acquire() as connection, connection.transaction():
                await preparing.use_named_group(connection, self._campaign.campaign_id, self._advertiser_id, adgroup_id)

    async def _check_room(self) -> None:
        """Block the rows for which there is no room left, the last of the manifest first."""
        rows = await preparing.unplanned(self._db, self._campaign.campaign_id, self._advertiser_id)
        campaign = self._campaign
        await self._block(
            await self._room.rows_without(self._client, campaign.bc_id, campaign.campaign_id, self._advertiser_id, rows)
        )

    async def _stop(self, row_ids: Sequence[str], state: TargetState, reason: str) -> None:
        if not row_ids:
            return
        async with self._db.acquire() as connection, connection.transaction():
            stopped = await preparing.stop_ready(connection, self._campaign.campaign_id, row_ids, state, reason)
            await tell_of_end(connection, self._campaign, stopped, state, reason)
            await audit.write_rows(
                connection,
                bc_id=self._campaign.bc_id,
                actor=audit.SYSTEM,
                action=f"targets {state}",
                rows=stopped,
                reason=reason,
                run=current_run(),
            )

    async def _make_ad_groups(self) -> None:
        ceiling = daily_ceiling(self._prepare.ceilings, self._advertiser_id)
        async with self._db.acquire() as connection, connection.transaction():
            beyond = await publishing.plan_ad_groups(
                connection,
                self._prepare.campaign_id,
                self._advertiser_id,
                capacity=self._prepare.template.ads_per_ad_group,
                ceiling=ceiling,
                worst_day=self._prepare.template.worst_day,
            )
        reason = beyond_ceiling(self._advertiser_id, ceiling, worst_day=self._prepare.template.worst_day)
        await self._stop(beyond, TargetState.BLOCKED, reason)
        await self._check_room_for_ad_groups()
        groups = await publishing.ad_groups_to_make(self._db, self._prepare.campaign_id, self._advertiser_id)
        if not groups:
            return
        tiktok_campaign_id = await self._tiktok_campaign()
        listed = await self._client.ads.ad_groups(self._advertiser_id, campaign_ids=[tiktok_campaign_id])
        there = {one.adgroup_name: one.adgroup_id for one in listed}
        refused = [group for group in groups if await self._make_ad_group(tiktok_campaign_id, group, there) is not None]
        if refused:
            await asyncio.sleep(ASKED_TWICE_AFTER)
        for group in refused:
            no = await self._make_ad_group(tiktok_campaign_id, group, there)
            if no is not None:
                reason = f"TikTok refused the ad group of these rows in ad account {self._advertiser_id}: {no}"
                await self._stop(await preparing.rows_of_group(self._db, group.id), TargetState.REFUSED, reason)

    async def _make_ad_group(
        self, tiktok_campaign_id: str, group: AdGroup, there: Mapping[str, str]
    ) -> TikTokError | None:
        """Make one ad group, if it is not there; returns TikTok's definite no, if it says one."""
        if group.ends_at is not None and group.ends_at <= datetime.now(UTC):
            # TikTok takes no end in the past.
            rows = await preparing.rows_of_group(self._db, group.id)
            await self._stop(rows, TargetState.BLOCKED, NO_RIGHTS)
            return None
        try:
            adgroup_id = there.get(group.name) or (await self._ad_group(tiktok_campaign_id, group)).adgroup_id
        except DEFINITE_NO as no:
            return no
        await publishing.put_ad_group(self._db, group.id, adgroup_id)
        return None

    async def _check_room_for_ad_groups(self) -> None:
        """One that TikTok has no room for must not be made: it would make it, switch it off, and never on again."""
        campaign_id = self._prepare.campaign_id
        await self._block(
            await ad_groups_without(
                self._client,
                self._advertiser_id,
                await preparing.rows_of_groups_to_make(self._db, campaign_id, self._advertiser_id),
                made=await publishing.ad_groups_made(self._db, campaign_id, self._advertiser_id),
                has_campaign=await publishing.tiktok_campaign(self._db, campaign_id, self._advertiser_id) is not None,
            )
        )

    async def _tiktok_campaign(self) -> str:
        """Our TikTok campaign in the ad account."""
        known = await publishing.tiktok_campaign(self._db, self._prepare.campaign_id, self._advertiser_id)
        if known is not None:
            return known
        name = f"sparkads {self._prepare.campaign_id}"

        async def find() -> TikTokCampaign | None:
            return _first(await self._client.ads.campaigns(self._advertiser_id, name=name))

        async def make() -> TikTokCampaign:
            new = NewCampaign(
                campaign_name=name,
                objective_type=self._prepare.template.objective_type,
                budget_mode="BUDGET_MODE_INFINITE",
            )
            return await self._client.ads.create_campaign(self._advertiser_id, new)

        campaign = await found_or_made(find, make)
        await publishing.put_tiktok_campaign(
            self._db, self._prepare.campaign_id, self._advertiser_id, campaign.campaign_id
        )
        return campaign.campaign_id

    async def _ad_group(self, tiktok_campaign_id: str, group: AdGroup) -> TikTokAdGroup:
        """One ad group; where TikTok wants the other mode of a daily budget, in that one."""
        wanted = self._prepare.template.daily_budget_mode
        try:
            return await self._ad_group_of(tiktok_campaign_id, group, wanted)
        except InvalidRequest as no:
            # Its pages contradict each other about which mode an objective wants, and the words alone name the field.
            if "budget_mode" not in no.message:
                raise
        other = DailyBudget.DAY if wanted is DailyBudget.DYNAMIC else DailyBudget.DYNAMIC
        return await self._ad_group_of(tiktok_campaign_id, group, other)

    async def _ad_group_of(self, tiktok_campaign_id: str, group: AdGroup, budget_mode: str) -> TikTokAdGroup:
        template = self._prepare.template

        async def find() -> TikTokAdGroup | None:
            return _first(
                await self._client.ads.ad_groups(
                    group.advertiser_id, campaign_ids=[tiktok_campaign_id], name=group.name
                )
            )

        async def make() -> TikTokAdGroup:
            new = NewAdGroup(
                campaign_id=tiktok_campaign_id,
                adgroup_name=group.name,
                promotion_type=template.promotion_type,
                placement_type="PLACEMENT_TYPE_NORMAL",
                placements=("PLACEMENT_TIKTOK",),
                location_ids=(group.location_id,),
                budget_mode=budget_mode,
                budget=float(group.daily_budget),
                schedule_type="SCHEDULE_FROM_NOW" if group.ends_at is None else "SCHEDULE_START_END",
                schedule_start_time=max(group.starts_at, datetime.now(UTC)),
                schedule_end_time=group.ends_at,
                optimization_goal=template.optimization_goal,
                billing_event=template.billing_event,
                bid_type="BID_TYPE_NO_BID",
                pacing=template.pacing,
            )
            return await self._client.ads.create_ad_group(group.advertiser_id, new)

        return await made_once(find, make)


async def unusable_ad_groups(client: TikTokClient, advertiser_id: str, wanted: Iterable[str]) -> dict[str, str]:
    """
    Why each of these ad groups can't be used, for those that can't.

    Raises:
        TikTokError: it is not known.
    """
    wanted = frozenset(wanted)
    try:
        listed = await client.ads.ad_groups(advertiser_id, ids=wanted)
    except DEFINITE_NO as error:
        return {adgroup_id: f"ad group {adgroup_id} can't be looked up: {error}" for adgroup_id in wanted}
    if not listed.is_complete:
        raise ServerFault(f"answer not understood: {'; '.join(listed.left_out[:3])}", path="adgroup/get/")
    return missing_ad_groups(advertiser_id, wanted, listed)


def _first(found: Iterable[T]) -> T | None:
    return next(iter(found), None)
