"""
Activities of a takedown: nothing new goes out, spend is stopped, then the ads are deleted, and what is left is told.

Only ads that the record knows by their id, or that carry the token of one of our intents, are touched. Each call may be
repeated: what is switched off or deleted already is left alone, and what can't be done is named row by row and holds up
no other: it is tried again if that may pass, and given up after some tries if TikTok refuses it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from temporalio import activity

from activities.campaigns import known_campaign, require_its_people
from activities.failures import DEFINITE_NO
from activities.members import Members, current_run
from activities.platform import Platform
from activities.tokens import is_deleted, token_of
from sparkads import names
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.release import Selection, TargetState
from sparkads.contracts.takedown import NAMED, NotTakenDown, Takedown, TakedownProgress
from store import audit, notifications, releases, takedowns
from store.database import Pool
from store.takedowns import GroupOfAds, RowWithAd
from tiktok import Ad, AuthError, OperationStatus, ServerFault, Throttled, TikTokClient, TikTokError, Unreachable
from tiktok.ads import IDS_IN_STATUS
from tiktok.connection import chunks


class BeginTakedown(Contract):
    """Who takes down what."""

    campaign_id: str
    command: Takedown


class Begun(Contract):
    """A takedown that is allowed; nothing new goes out for its rows any more."""

    bc_id: str
    cancelled: int


class TakedownStep(Contract):
    """Rows that a takedown works on, and who wants them gone."""

    campaign_id: str
    only: Selection
    actor: str


class Stepped(Contract):
    """What one step could not do."""

    failed: int
    """rows that TikTok refuses to take down"""
    failed_rows: tuple[NotTakenDown, ...]
    """the first 100"""
    later: int = 0
    """rows that it did not answer about"""
    later_because: str = ""
    """for one of them"""


class FinishTakedown(Contract):
    """A takedown that has done what it can."""

    campaign_id: str
    command: Takedown
    failed: int
    failed_rows: tuple[NotTakenDown, ...]


@dataclass(frozen=True)
class _Group:
    """An ad group with rows to take down, as TikTok lists it."""

    advertiser_id: str
    rows: Sequence[RowWithAd]
    ads: Mapping[str, Ad]
    row_of: Mapping[str, str]
    """by ad id, listed or not"""


class TakedownActivities:
    """Needs the store, TikTok and the role check."""

    def __init__(self, db: Pool, platform: Platform, people: Members) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform
        self._people = people

    @activity.defn
    async def begin_takedown(self, begin: BeginTakedown) -> Begun:
        """
        Cancel what was not submitted, and see to it that nothing of the rows goes out from now on.

        Raises:
            ApplicationError: NothingOnRecord, NotAMember or OnlyItsPeople.
        """
        command = begin.command
        campaign = await known_campaign(self._db, begin.campaign_id)
        await require_its_people(self._people, campaign, command.actor, names.TAKEDOWN)
        async with self._db.acquire() as connection, connection.transaction():
            cancelled = await takedowns.withdraw(
                connection, begin.campaign_id, command.only, f"taken down: {command.reason}"
            )
            await audit.write_rows(
                connection,
                bc_id=campaign.bc_id,
                actor=command.actor,
                action="targets cancelled",
                rows=cancelled,
                reason=command.reason,
                run=current_run(),
            )
            await audit.write(
                connection,
                bc_id=campaign.bc_id,
                actor=command.actor,
                action="takedown begun",
                subject=f"campaign {begin.campaign_id}",
                reason=command.reason,
                run=current_run(),
            )
        return Begun(bc_id=campaign.bc_id, cancelled=len(cancelled))

    @activity.defn
    async def stop_spend(self, step: TakedownStep) -> Stepped:
        """Switch the ads off, ad group by ad group; those that run without being on record with their row, too."""
        return await self._each_group(step, OperationStatus.DISABLE)

    @activity.defn
    async def delete_ads(self, step: TakedownStep) -> Stepped:
        """Delete the ads, ad group by ad group."""
        return await self._each_group(step, OperationStatus.DELETE)

    @activity.defn
    async def look_at_takedown(self, step: TakedownStep) -> TakedownProgress:
        """Where the rows stand, by the record."""
        return await takedowns.progress(self._db, step.campaign_id, step.only)

    @activity.defn
    async def finish_takedown(self, done: FinishTakedown) -> TakedownProgress:
        """Write down what became of it, and tell people what only an owner can remove and what TikTok refused."""
        campaign = await known_campaign(self._db, done.campaign_id)
        selection = done.command.only
        progress = await takedowns.progress(self._db, done.campaign_id, selection)
        posts = await takedowns.owner_posts(self._db, done.campaign_id, selection)
        text = f"Campaign {done.campaign_id}: the ads of {progress.counts.get(TargetState.TAKEN_DOWN, 0)} "
        text += "rows are deleted. "
        if done.failed:
            text += f"TikTok would not take down {done.failed}: "
            text += "; ".join(f"row {one.row_id}: {one.why}" for one in done.failed_rows[:10]) + ". "
        if posts:
            text += f"{len(posts)} posts stay on profiles until their owners delete them in the TikTok app: "
            text += ", ".join(f"{post.link} (row {post.row_id})" for post in posts)
        async with self._db.acquire() as connection, connection.transaction():
            if posts or done.failed:
                await notifications.put(
                    connection,
                    bc_id=campaign.bc_id,
                    kind=NotificationKind.ATTENTION,
                    subject=f"campaign {done.campaign_id}",
                    text=text,
                    data={"campaign_id": done.campaign_id, "posts": len(posts), "failed": done.failed},
                    run=current_run(),
                )
            for lines in audit.in_lines(f"{post.row_id}: @{post.handle} {post.item_id}" for post in posts):
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=audit.SYSTEM,
                    action="posts left to their owners",
                    subject=f"campaign {done.campaign_id}",
                    reason=lines,
                    run=current_run(),
                )
            for one in done.failed_rows:
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=audit.SYSTEM,
                    action="ad not taken down",
                    subject=f"row {one.row_id}",
                    reason=one.why,
                    run=current_run(),
                )
            await audit.write(
                connection,
                bc_id=campaign.bc_id,
                actor=audit.SYSTEM,
                action="takedown finished",
                subject=f"campaign {done.campaign_id}",
                reason=", ".join(f"{count} {state}" for state, count in sorted(progress.counts.items())),
                run=current_run(),
            )
        return progress

    async def _each_group(self, step: TakedownStep, status: OperationStatus) -> Stepped:
        campaign = await known_campaign(self._db, step.campaign_id)
        spending = status is OperationStatus.DISABLE
        left = await takedowns.groups_left(self._db, step.campaign_id, step.only, spending=spending)
        failed: dict[str, TikTokError] = {}
        client = await self._platform.client(campaign.bc_id) if left else None
        for group in left:
            assert client is not None  # noqa: S101 - there is one where there is a group
            rows = await takedowns.rows_of_group(self._db, step.campaign_id, step.only, group, spending=spending)
            try:
                listed = await self._list(client, group, rows)
            except TikTokError as error:
                failed |= dict.fromkeys((row.row_id for row in rows), error)
                continue
            not_set = await self._set(client, listed, status)
            failed |= not_set
            done = [row.row_id for row in rows if row.row_id not in not_set]
            if spending:
                await self._record_stopped(campaign, step, group, done)
            else:
                await self._record_deleted(client, campaign, step, group, rows, done)
        refused = {row_id: str(error) for row_id, error in failed.items() if isinstance(error, DEFINITE_NO)}
        later = [str(error) for row_id, error in failed.items() if row_id not in refused]
        shown = list(refused.items())[:NAMED]
        return Stepped(
            failed=len(refused),
            failed_rows=tuple(NotTakenDown(row_id=row_id, why=why[:500]) for row_id, why in shown),
            later=len(later),
            later_because=later[0] if later else "",
        )

    async def _list(self, client: TikTokClient, group: GroupOfAds, rows: Sequence[RowWithAd]) -> _Group:
        listed = await client.ads.ads(group.advertiser_id, adgroup_ids=[group.adgroup_id], include_deleted=True)
        row_of = {row.ad_id: row.row_id for row in rows}
        if not listed.is_complete or any(not ad.ad_name and ad.ad_id not in row_of for ad in listed):
            # One of ours may be among what can't be read: nothing is gone as long as that is so.
            raise ServerFault("the ads of the ad group can be read only in part", path="ad/get/")
        by_token = {token: row.row_id for row in rows for token in row.tokens}
        row_of |= {ad.ad_id: by_token[token_of(ad)] for ad in listed if token_of(ad) in by_token}
        return _Group(group.advertiser_id, rows, {ad.ad_id: ad for ad in listed}, row_of)

    async def _set(self, client: TikTokClient, group: _Group, status: OperationStatus) -> dict[str, TikTokError]:
        """Set all ads of the rows that are not so yet; the rows for which it could not be done, and why."""

        def is_so(ad: Ad | None) -> bool:
            return ad is not None and (is_deleted(ad) or ad.operation_status == status)

        failed: dict[str, TikTokError] = {}
        to_set = [ad_id for ad_id in group.row_of if not is_so(group.ads.get(ad_id))]
        for batch in chunks(to_set, IDS_IN_STATUS):
            try:
                await self._set_some(client, group.advertiser_id, batch, status)
            except TikTokError as error:
                failed |= await self._set_one_by_one(client, group, batch, status, error)
        return failed

    async def _set_one_by_one(
        self, client: TikTokClient, group: _Group, batch: Sequence[str], status: OperationStatus, why: TikTokError
    ) -> dict[str, TikTokError]:
        """
        The offender of a batch is told from the others.

        Whether TikTok sets all or none of a batch is not documented, nor whether it may answer with code 20001; to set
        what is set already changes nothing. Where the token or the rate is what it minds, no other call is made.
        """
        if len(batch) == 1 or isinstance(why, (AuthError, Throttled, Unreachable)):
            return {group.row_of[ad_id]: why for ad_id in batch}
        failed: dict[str, TikTokError] = {}
        for ad_id in batch:
            try:
                await self._set_some(client, group.advertiser_id, [ad_id], status)
            except TikTokError as error:
                failed[group.row_of[ad_id]] = error
        return failed

    async def _set_some(
        self, client: TikTokClient, advertiser_id: str, ad_ids: Iterable[str], status: OperationStatus
    ) -> None:
        await client.ads.set_ad_status(advertiser_id, ad_ids, status)

    async def _record_stopped(
        self, campaign: releases.Campaign, step: TakedownStep, group: GroupOfAds, row_ids: Sequence[str]
    ) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            await audit.write_rows(
                connection,
                bc_id=campaign.bc_id,
                actor=step.actor,
                action="ads switched off",
                rows=await takedowns.mark_spend_stopped(connection, campaign.campaign_id, row_ids),
                reason=f"ad group {group.adgroup_id}",
                run=current_run(),
            )

    async def _record_deleted(
        self,
        client: TikTokClient,
        campaign: releases.Campaign,
        step: TakedownStep,
        group: GroupOfAds,
        rows: Sequence[RowWithAd],
        row_ids: Sequence[str],
    ) -> None:
        if not row_ids:
            return
        # Once more: a post that came out of a push in the last moment is the owner's to remove.
        try:
            listed = await self._list(client, group, rows)
        except TikTokError:
            listed = _Group(group.advertiser_id, rows, {}, {})
        posts: dict[str, str | None] = dict.fromkeys(row_ids)
        for ad in listed.ads.values():
            row_id = listed.row_of.get(ad.ad_id)
            if row_id in posts and ad.tiktok_item_id:
                posts[row_id] = ad.tiktok_item_id
        async with self._db.acquire() as connection, connection.transaction():
            await audit.write_rows(
                connection,
                bc_id=campaign.bc_id,
                actor=step.actor,
                action="ads deleted",
                rows=await takedowns.mark_taken_down(
                    connection, campaign.campaign_id, posts, f"taken down by {step.actor}"
                ),
                reason=f"ad group {group.adgroup_id}",
                run=current_run(),
            )
