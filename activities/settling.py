"""
Deciding outcomes that are unknown, from evidence: what TikTok lists, or what a person has seen.

An ad that carries an intent's token exists; one that no clean look has found by the end of the settle window was not
made, and its target is ready again. Where TikTok said that it made an ad and does not list it, that silence is no
evidence: such a row waits for a person.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.campaigns import known_campaign, require_its_people
from activities.failures import tiktok_failures
from activities.members import Members, current_run
from activities.platform import Platform
from activities.publish import ShardRef
from activities.tokens import by_token, is_deleted, is_evidence, made_ads, token_of
from sparkads import names
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.release import SettleTarget, TargetSettled
from sparkads.errors import EvidenceAgainst, NothingOnRecord, OutcomeKnown, refused
from store import audit, intents, notifications, releases
from store.database import Connection, Pool
from store.intents import Intent, Stray, UnknownTarget
from tiktok import Ad, OperationStatus, Rows, TikTokClient, TikTokError

OFTEN = 4.0
"""Looks within one settle window."""
SELDOM = 10.0
"""Seconds between two looks at most."""


class Settled(Contract):
    """What is still undecided in a shard, and when to look again."""

    open: int
    """to be looked for again"""
    held: tuple[str, ...]
    """rows that wait for a person, the first few"""
    left: int
    """targets that are ready"""
    again_seconds: float
    problem: str = ""
    """why TikTok's ads could not be read; what is open stays so"""


class Verdict(Contract):
    """What a person says of a target of a campaign."""

    campaign_id: str
    command: SettleTarget


class SettlingActivities:
    """Needs the store, TikTok and the role check."""

    def __init__(self, db: Pool, platform: Platform, people: Members, *, settle_window: timedelta) -> None:
        """
        Share the process's connections.

        Args:
            db: the store.
            platform: TikTok.
            people: the role check.
            settle_window: how long the ad of an unknown outcome is looked for before it counts as not made.
        """
        self._db = db
        self._platform = platform
        self._people = people
        self._settle_window = settle_window

    @activity.defn
    async def settle_intents(self, shard: ShardRef) -> Settled:
        """Decide open intents from what TikTok lists: the ad exists, nothing came of it, or it is too early to say."""
        found = await intents.open_intents(self._db, shard.campaign_id, shard.wave, shard.shard)
        undecided: list[Intent] = []
        problem = ""
        if found:
            campaign = await known_campaign(self._db, shard.campaign_id)
            client = await self._platform.client(campaign.bc_id)
            for advertiser_id in sorted({one.advertiser_id for one in found}):
                of_account = [one for one in found if one.advertiser_id == advertiser_id]
                groups = sorted({one.adgroup_id for one in of_account})
                looked_at = datetime.now(UTC)
                try:
                    ads = await client.ads.ads(advertiser_id, adgroup_ids=groups, include_deleted=True)
                except TikTokError as error:
                    undecided += of_account
                    problem = f"the ads of ad account {advertiser_id} can't be read: {error}"
                    row_ids = [one.row_id for one in of_account]
                    await intents.mark_unknown(
                        self._db, campaign.campaign_id, row_ids, f"the answer was lost, and {problem}"
                    )
                    continue
                undecided += await self._settle(campaign, of_account, ads, looked_at)
                try:
                    await account_for_strays(self._db, client, campaign, advertiser_id, ads)
                except TikTokError as error:
                    problem = f"a second ad in ad account {advertiser_id} can't be switched off: {error}"
        held = [one.row_id for one in undecided if self._is_held(one, datetime.now(UTC))]
        return Settled(
            open=len(undecided) - len(held),
            held=tuple(held[: releases.NAMED]),
            left=await intents.ready_rows(self._db, shard.campaign_id, shard.wave, shard.shard),
            again_seconds=min(SELDOM, self._settle_window.total_seconds() / OFTEN),
            problem=problem,
        )

    async def _settle(
        self, campaign: releases.Campaign, group: Sequence[Intent], ads: Rows[Ad], looked_at: datetime
    ) -> list[Intent]:
        found = by_token(ads, [one.token for one in group])
        absent = [
            one.token
            for one in group
            if one.token not in found and self._is_absent(one, looked_at, clean_look=is_evidence(ads))
        ]
        rows = {one.token: one.row_id for one in group}
        async with self._db.acquire() as connection, connection.transaction():
            made = await intents.record_published(connection, made_ads(found))
            not_made = await intents.record_absent(
                connection, absent, "no ad carries the token after the settle window"
            )
            for token in (*made, *not_made):
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=audit.SYSTEM,
                    action="unknown outcome settled",
                    subject=f"row {rows[token]}",
                    reason=f"found ad {found[token].ad_id}" if token in found else "not made; ready again",
                    run=current_run(),
                )
        rest = [one for one in group if one.token not in found and one.token not in absent]
        for held in (False, True):
            row_ids = [one.row_id for one in rest if self._is_held(one, looked_at) is held]
            why = (
                "TikTok said that it made the ad, and does not list it: look for it in TikTok Ads Manager, then "
                f"sparkads target settle {campaign.campaign_id} ROW"
                if held
                else "the answer was lost; TikTok lists no ad of it yet"
            )
            await intents.mark_unknown(self._db, campaign.campaign_id, row_ids, why)
        return rest

    def _is_over(self, intent: Intent, now: datetime) -> bool:
        return intent.called_at is not None and intent.called_at < now - self._settle_window

    def _is_absent(self, intent: Intent, now: datetime, *, clean_look: bool) -> bool:
        if intent.called_at is None:
            return True
        return clean_look and self._is_over(intent, now) and not intent.contradicted

    def _is_held(self, intent: Intent, now: datetime) -> bool:
        return intent.contradicted and self._is_over(intent, now)

    @activity.defn
    async def settle_by_person(self, verdict: Verdict) -> TargetSettled:
        """
        Decide one unknown outcome on a person's word, as far as TikTok does not say otherwise.

        Raises:
            ApplicationError: OnlyItsPeople, NothingOnRecord, OutcomeKnown or EvidenceAgainst.
        """
        command = verdict.command
        campaign = await known_campaign(self._db, verdict.campaign_id)
        await require_its_people(self._people, campaign, command.actor, names.SETTLE_TARGET)
        target = await intents.unknown_target(self._db, verdict.campaign_id, command.row_id)
        if target is None:
            raise refused(await self._why_not(verdict.campaign_id, command.row_id))
        client = await self._platform.client(campaign.bc_id)
        made = await self._evidence(client, target, command)
        async with self._db.acquire() as connection, connection.transaction():
            if made is not None:
                news = await intents.record_published(connection, made_ads({target.token: made}))
            else:
                news = await intents.record_absent(connection, [target.token], f"{command.actor}: {command.because}")
            if not news:
                raise refused(OutcomeKnown(f"row {command.row_id} was settled by somebody else just now"))
            await audit.write(
                connection,
                bc_id=campaign.bc_id,
                actor=command.actor,
                action="unknown outcome settled",
                subject=f"row {command.row_id}",
                reason=f"{f'ad {made.ad_id}' if made else 'not published; ready again'}: {command.because}",
                run=current_run(),
            )
        return TargetSettled(row_id=command.row_id, wave=target.wave, shard=target.shard, ad_id=made and made.ad_id)

    async def _why_not(self, campaign_id: str, row_id: str) -> NothingOnRecord | OutcomeKnown:
        state = await releases.state_of(self._db, campaign_id, row_id)
        if state is None:
            return NothingOnRecord(f"campaign {campaign_id} has no row {row_id}")
        return OutcomeKnown(f"row {row_id} is {state.replace('_', ' ')}; only an unknown outcome can be settled")

    async def _evidence(self, client: TikTokClient, target: UnknownTarget, command: SettleTarget) -> Ad | None:
        """The ad that a person means; None if none was made. Refuses what TikTok contradicts."""
        with tiktok_failures():
            listed = await client.ads.ads(target.advertiser_id, adgroup_ids=[target.adgroup_id], include_deleted=True)
        ours = by_token(listed, [target.token]).get(target.token)
        if ours is not None and ours.ad_id != command.published_ad_id:
            raise refused(EvidenceAgainst(f"TikTok lists ad {ours.ad_id} of row {command.row_id}: it is published"))
        if command.published_ad_id is None:
            if not is_evidence(listed):
                raise refused(EvidenceAgainst("TikTok's list of ads can be read only in part now; say it again later"))
            return None
        with tiktok_failures():
            named = await client.ads.ads(target.advertiser_id, ad_ids=[command.published_ad_id], include_deleted=True)
        if not named:
            raise refused(
                EvidenceAgainst(f"ad account {target.advertiser_id} has no ad {command.published_ad_id} at TikTok")
            )
        ad = named[0]
        taken_by = await intents.row_of_ad(self._db, ad.adgroup_id, ad.ad_id)
        if taken_by is not None:
            raise refused(EvidenceAgainst(f"ad {ad.ad_id} is that of {taken_by}"))
        if ad.adgroup_id != target.adgroup_id:
            raise refused(EvidenceAgainst(f"ad {ad.ad_id} is in another ad group than row {command.row_id}"))
        if ad.identity_id != target.identity_id:
            raise refused(EvidenceAgainst(f"ad {ad.ad_id} is of another TikTok account than row {command.row_id}"))
        return ad


async def account_for_strays(
    db: Pool, client: TikTokClient, campaign: releases.Campaign, advertiser_id: str, ads: Sequence[Ad]
) -> None:
    """
    See to ads that exist although their intents were decided without them: TikTok made them later than it may.

    The ad of a target that has no other is its ad. A second one is switched off, and people are told: nothing may be
    posted twice, and where that has happened, nobody has to find it by chance.

    Raises:
        TikTokError: one could not be switched off.
    """
    running = {
        token_of(ad): ad.ad_id for ad in ads if ad.operation_status != OperationStatus.DISABLE and not is_deleted(ad)
    }
    found = await intents.strays(db, running)
    by_id = {ad.ad_id: ad for ad in ads}
    for stray in found:
        if stray.has_another or stray.withdrawn:
            await _switch_off(db, client, campaign, advertiser_id, stray)
            continue
        async with db.acquire() as connection, connection.transaction():
            if not await intents.adopt(connection, stray.token):
                continue
            await intents.record_published(connection, made_ads({stray.token: by_id[stray.ad_id]}))
            await _tell(connection, campaign, stray, "ad found late", f"ad {stray.ad_id} was made after all")


async def _switch_off(
    db: Pool, client: TikTokClient, campaign: releases.Campaign, advertiser_id: str, stray: Stray
) -> None:
    await client.ads.set_ad_status(advertiser_id, [stray.ad_id], OperationStatus.DISABLE)
    why = "has another" if stray.has_another else "was taken down"
    what = f"TikTok made ad {stray.ad_id} after all, and row {stray.row_id} {why}: it was switched off"
    async with db.acquire() as connection, connection.transaction():
        await notifications.put(
            connection,
            bc_id=campaign.bc_id,
            kind=NotificationKind.ATTENTION,
            subject=f"campaign {campaign.campaign_id}",
            text=f"{what}. If it was pushed, its post exists; only the account's owner can remove that.",
            data={"campaign_id": campaign.campaign_id, "row_id": stray.row_id, "ad_id": stray.ad_id},
            run=current_run(),
        )
        await _tell(connection, campaign, stray, "second ad switched off", what)


async def _tell(connection: Connection, campaign: releases.Campaign, stray: Stray, action: str, reason: str) -> None:
    await audit.write(
        connection,
        bc_id=campaign.bc_id,
        actor=audit.SYSTEM,
        action=action,
        subject=f"row {stray.row_id}",
        reason=reason,
        run=current_run(),
    )
