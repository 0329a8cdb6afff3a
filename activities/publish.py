"""
Activities that make ads, exactly once each.

A batch is up to 20 targets of one ad group. In one transaction its gates are checked and its intents written; then one
call is made. What came of it is decided from evidence only:

- an answer with ads: they exist;
- a definite refusal: none exists, but a batch is read back before it is halved, until the offender stands alone;
- "too frequent", or no connection: nothing happened;
- anything else: unknown. The ad group is listed until the token in an ad's name is found, or until the settle window is
  over and the target is ready again. Nothing is ever sent again on a guess.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.campaigns import known_campaign
from activities.failures import RECONNECT_CHECK, tiktok_failures
from activities.gates import gone_accounts, verdict
from activities.heartbeat import heartbeating
from activities.members import Members, current_run
from activities.platform import Platform
from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store import audit, publishing, releases
from store.database import Connection, Pool
from store.members import MemberAccess
from store.publishing import Candidate, Intent, Submitted
from tiktok import (
    Ad,
    AdStatus,
    AuthError,
    Creative,
    IdentityLost,
    PullCreative,
    PushCreative,
    ServerFault,
    Throttled,
    TikTokClient,
    TikTokError,
    UnknownOutcome,
    Unreachable,
)

BATCH = 20
"""Creatives that one ad/create call takes (tiktok ad create)."""

MARGIN = timedelta(seconds=30)
"""Taken off the activity's time-out: the activity stops by itself before the workflow gives it up, so that no call is
made by an activity that somebody else has begun to clean up after."""

RETRY_UNREACHABLE = 5.0
"""Seconds until a server that could not be connected to is tried again."""

LOOK_AGAIN = 1.0
"""Seconds until a shard with nothing to submit asks again: the store's clock may be a little behind the workflow's."""

_APPROVED = {
    AdStatus.DELIVERY_OK,
    AdStatus.PARTIAL_AUDIT_DELIVERY_OK,
    AdStatus.REVIEW_PARTIALLY_APPROVED,
    AdStatus.NOT_START,
    AdStatus.DONE,
    AdStatus.BUDGET_EXCEED,
    AdStatus.BALANCE_EXCEED,
}
_TURNED_DOWN = {
    AdStatus.AUDIT_DENY,
    AdStatus.ADGROUP_AUDIT_DENY,
    AdStatus.ADVERTISER_AUDIT_DENY,
    AdStatus.PARTIAL_AUDIT_NO_DELIVERY,
    AdStatus.TRANSCODING_FAIL,
    AdStatus.MUSIC_AUTHORIZATION_MISSING,
    AdStatus.AD_QUOTA_LIMIT,
    AdStatus.DELETE,
    AdStatus.CAMPAIGN_DELETE,
    AdStatus.ADGROUP_DELETE,
}
_AUTHORIZATION_LOST = {
    AdStatus.ASSET_AUTHORIZATION_LOST,
    AdStatus.ADGROUP_ASSET_AUTHORIZATION_LOST,
    AdStatus.CREATOR_AUTHORIZATION_REVOKED,
}


class ShardRef(Contract):
    """One shard of a release campaign."""

    campaign_id: str
    wave: int
    shard: int


class NextBatch(Contract):
    """Publish the next batch of a shard; `number` tells it apart in the trail."""

    shard: ShardRef
    number: int


class BatchOutcome(Contract):
    """What one batch did. Counts only: the targets are in Postgres."""

    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    left: int
    wait_seconds: float = 0.0
    waiting_for: str = ""


class Settled(Contract):
    """How many intents of a shard are still undecided, and when to look again."""

    open: int
    left: int
    again_seconds: float


class Reviewed(Contract):
    """How many ads of a shard are still in review, and how often to look."""

    open: int
    counts: dict[TargetState, int]
    fast_seconds: float
    slow_seconds: float


class _Batch(Contract):
    """A claimed batch: its intents are written, nothing is called yet."""

    bc_id: str
    advertiser_id: str
    adgroup_id: str
    items: tuple[tuple[str, Candidate], ...]
    """(token, target)"""


class _Verdict(NamedTuple):
    """What exists after a call, by token; everything else of the call was not made."""

    found: dict[str, Ad]
    refusal: TikTokError | None


class _NothingHappened(Exception):
    def __init__(self, reason: str, wait_seconds: float) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class _AnswerLost(Exception):
    pass


class PublishActivities:
    """Needs the store, TikTok and the role check."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        people: Members,
        *,
        settle_window: timedelta,
        review_fast: timedelta,
        review_slow: timedelta,
    ) -> None:
        """
        Share the process's connections.

        Args:
            db: the store.
            platform: TikTok.
            people: the role check.
            settle_window: how long the ad of an unknown outcome is looked for before it counts as not made.
            review_fast: between two looks at fresh ads.
            review_slow: between two looks at ads long in review.
        """
        self._db = db
        self._platform = platform
        self._people = people
        self._settle_window = settle_window
        self._review_fast = review_fast
        self._review_slow = review_slow

    @activity.defn
    async def publish_batch(self, step: NextBatch) -> BatchOutcome:
        """Gate, intend, call once, decide. One attempt: what is left open by a crash is settled from evidence."""
        limit = activity.info().start_to_close_timeout
        async with heartbeating(), asyncio.timeout((limit - MARGIN).total_seconds() if limit else None):
            campaign = await known_campaign(self._db, step.shard.campaign_id)
            operator = await self._people.access(campaign.bc_id, campaign.operator)
            client = await self._platform.client(campaign.bc_id)
            gone = await gone_accounts(self._db, self._platform, campaign.bc_id, operator)
            batch = await self._claim(step, campaign, operator, gone)
            if batch is None:
                return await self._outcome(
                    step.shard, wait_seconds=LOOK_AGAIN, waiting_for="nothing may be submitted: paused, or not due yet"
                )
            return await self._submit(client, step.shard, batch)

    async def _claim(
        self, step: NextBatch, campaign: releases.Campaign, operator: MemberAccess, gone: frozenset[str]
    ) -> _Batch | None:
        """In one transaction: every gate again, at the moment of use (R5), and the intents of those that pass."""
        shard = step.shard
        async with self._db.acquire() as connection, connection.transaction():
            candidates = await publishing.lock_batch(connection, shard.campaign_id, shard.wave, shard.shard, BATCH)
            passed: dict[str, Candidate] = {}
            for candidate in candidates:
                no = verdict(candidate, operator, gone)
                if no is None:
                    passed[secrets.token_hex(8)] = candidate
                else:
                    await self._block(connection, campaign, candidate, *no)
            if not passed:
                return None
            tokens = {candidate.row_id: token for token, candidate in passed.items()}
            await publishing.intend(
                connection, shard.campaign_id, f"{activity.info().workflow_id}/{step.number}", tokens
            )
        first = next(iter(passed.values()))
        return _Batch(
            bc_id=campaign.bc_id,
            advertiser_id=first.advertiser_id,
            adgroup_id=str(first.adgroup_id),
            items=tuple(passed.items()),
        )

    async def _block(
        self,
        connection: Connection,
        campaign: releases.Campaign,
        candidate: Candidate,
        state: TargetState,
        reason: str,
    ) -> None:
        await publishing.set_state(connection, campaign.campaign_id, [(candidate.row_id, state, reason)])
        await audit.write(
            connection,
            bc_id=campaign.bc_id,
            actor=audit.SYSTEM,
            action=f"target {state}",
            subject=f"row {candidate.row_id}",
            reason=reason,
            run=current_run(),
        )

    async def _submit(self, client: TikTokClient, shard: ShardRef, batch: _Batch) -> BatchOutcome:
        accepted = refused = 0
        parts = [batch.items]
        while parts:
            part = parts.pop()
            try:
                verdict = await self._call(client, batch, part)
            except _NothingHappened as nothing:
                await publishing.mark_not_called(self._db, [token for token, _ in part])
                await self._release([part, *parts])
                return await self._outcome(
                    shard,
                    accepted=accepted,
                    refused=refused,
                    wait_seconds=nothing.wait_seconds,
                    waiting_for=str(nothing),
                )
            except _AnswerLost as lost:
                await self._release(parts)
                return await self._unknown(shard, part, str(lost), accepted=accepted, refused=refused)
            accepted += await self._publish(batch, verdict.found)
            missing = tuple(item for item in part if item[0] not in verdict.found)
            await publishing.mark_not_called(self._db, [token for token, _ in missing])
            if len(part) == 1 and missing and verdict.refusal is not None:
                refused += await self._refuse(batch, missing[0], verdict.refusal)
            elif missing:
                middle = (len(missing) + 1) // 2
                parts += [half for half in (missing[middle:], missing[:middle]) if half]
        return await self._outcome(shard, accepted=accepted, refused=refused)

    async def _call(self, client: TikTokClient, batch: _Batch, part: Sequence[tuple[str, Candidate]]) -> _Verdict:
        """
        Call once for a part of a batch, and say what exists now.

        Raises:
            _NothingHappened: TikTok did not take the call.
            _AnswerLost: it may or may not have made the ads.
            ApplicationError: IntentTaken, if somebody else has decided these intents in the meantime.
        """
        tokens = [token for token, _ in part]
        if not await publishing.mark_called(self._db, tokens):
            raise ApplicationError("somebody else has decided these intents", type="IntentTaken", non_retryable=True)
        creatives = [_creative(batch.bc_id, token, candidate) for token, candidate in part]
        try:
            created = await client.ads.create_ads(batch.advertiser_id, batch.adgroup_id, creatives)
        except Throttled as error:
            raise _NothingHappened(str(error), error.retry_after) from error
        except Unreachable as error:
            raise _NothingHappened(str(error), RETRY_UNREACHABLE) from error
        except AuthError as error:
            raise _NothingHappened(str(error), RECONNECT_CHECK.total_seconds()) from error
        except (UnknownOutcome, ServerFault) as error:
            raise _AnswerLost(str(error)) from error
        except TikTokError as refusal:
            # TikTok does not document whether a refused batch may have made some of its ads.
            found = await self._read_back(client, batch, tokens) if len(part) > 1 else {}
            return _Verdict(found, refusal)
        found = _by_token(created.ads, tokens)
        if len(found) < len(part):
            found |= await self._read_back(client, batch, tokens)
        if len(found) < len(part) and len(found) != len(created.ad_ids):
            raise _AnswerLost(f"TikTok says it made {len(created.ad_ids)} ads, and lists {len(found)}")
        return _Verdict(found, None)

    async def _read_back(self, client: TikTokClient, batch: _Batch, tokens: Sequence[str]) -> dict[str, Ad]:
        """Which of these intents have an ad, deleted ones included."""
        try:
            ads = await client.ads.ads(batch.advertiser_id, adgroup_ids=[batch.adgroup_id], include_deleted=True)
        except TikTokError as unread:
            raise _AnswerLost(f"the ad group could not be read back: {unread}") from unread
        return _by_token(ads, tokens)

    async def _publish(self, batch: _Batch, found: dict[str, Ad]) -> int:
        ads = {token: (ad.ad_id, ad.create_time or datetime.now(UTC)) for token, ad in found.items()}
        async with self._db.acquire() as connection, connection.transaction():
            news = await publishing.record_published(connection, ads)
            if news:
                rows = {token: candidate.row_id for token, candidate in batch.items}
                await audit.write(
                    connection,
                    bc_id=batch.bc_id,
                    actor=audit.SYSTEM,
                    action="ads made",
                    subject=f"ad group {batch.adgroup_id}",
                    reason=", ".join(f"{rows[token]}: {ad.ad_id}" for token, ad in found.items() if token in rows),
                    run=current_run(),
                )
        return news

    async def _refuse(self, batch: _Batch, item: tuple[str, Candidate], error: TikTokError) -> int:
        token, candidate = item
        reason = (
            f"R15: TikTok no longer lets @{candidate.handle} be used: {error}"
            if isinstance(error, IdentityLost)
            else f"TikTok refused it: {error}"
        )
        async with self._db.acquire() as connection, connection.transaction():
            await publishing.record_refused(connection, token, reason)
            await audit.write(
                connection,
                bc_id=batch.bc_id,
                actor=audit.SYSTEM,
                action="target refused",
                subject=f"row {candidate.row_id}",
                reason=reason,
                run=current_run(),
            )
        return 1

    async def _release(self, parts: Sequence[Sequence[tuple[str, Candidate]]]) -> None:
        tokens = [token for part in parts for token, _ in part]
        if tokens:
            async with self._db.acquire() as connection, connection.transaction():
                await publishing.record_absent(connection, tokens, "not called")

    async def _unknown(
        self, shard: ShardRef, part: Sequence[tuple[str, Candidate]], reason: str, *, accepted: int, refused: int
    ) -> BatchOutcome:
        rows = [candidate.row_id for _, candidate in part]
        await publishing.mark_unknown(
            self._db, shard.campaign_id, rows, f"the answer was lost ({reason[:200]}); looking for the ad"
        )
        return await self._outcome(shard, accepted=accepted, refused=refused, unknown=len(rows))

    async def _outcome(
        self,
        shard: ShardRef,
        *,
        accepted: int = 0,
        refused: int = 0,
        unknown: int = 0,
        wait_seconds: float = 0.0,
        waiting_for: str = "",
    ) -> BatchOutcome:
        counts = await releases.shard_counts(self._db, shard.campaign_id, shard.wave, shard.shard)
        return BatchOutcome(
            accepted=accepted,
            refused=refused,
            unknown=unknown,
            left=counts.get(TargetState.READY, 0),
            wait_seconds=wait_seconds,
            waiting_for=waiting_for,
        )

    @activity.defn
    async def settle_intents(self, shard: ShardRef) -> Settled:
        """Decide open intents from what TikTok lists: the ad exists, nothing came of it, or it is too early to say."""
        intents = await publishing.open_intents(self._db, shard.campaign_id, shard.wave, shard.shard)
        campaign = await known_campaign(self._db, shard.campaign_id)
        client = await self._platform.client(campaign.bc_id)
        undecided = 0
        for advertiser_id, adgroup_id in sorted({(one.advertiser_id, one.adgroup_id) for one in intents}):
            group = [one for one in intents if one.adgroup_id == adgroup_id]
            with tiktok_failures():
                ads = await client.ads.ads(advertiser_id, adgroup_ids=[adgroup_id], include_deleted=True)
            undecided += await self._settle(campaign, group, _by_token(ads, [one.token for one in group]))
        counts = await releases.shard_counts(self._db, shard.campaign_id, shard.wave, shard.shard)
        return Settled(
            open=undecided,
            left=counts.get(TargetState.READY, 0),
            again_seconds=min(10.0, self._settle_window.total_seconds() / 4),
        )

    async def _settle(self, campaign: releases.Campaign, group: Sequence[Intent], found: dict[str, Ad]) -> int:
        deadline = datetime.now(UTC) - self._settle_window
        absent = [
            one for one in group if one.token not in found and (one.called_at is None or one.called_at < deadline)
        ]
        ads = {token: (ad.ad_id, ad.create_time or datetime.now(UTC)) for token, ad in found.items()}
        async with self._db.acquire() as connection, connection.transaction():
            await publishing.record_published(connection, ads)
            await publishing.record_absent(
                connection, [one.token for one in absent], "no ad carries the token after the settle window"
            )
            for one in group:
                if one.token in found or one in absent:
                    await audit.write(
                        connection,
                        bc_id=campaign.bc_id,
                        actor=audit.SYSTEM,
                        action="unknown outcome settled",
                        subject=f"row {one.row_id}",
                        reason=f"found ad {ads[one.token][0]}" if one.token in ads else "not made; ready again",
                        run=current_run(),
                    )
        rest = [one for one in group if one.token not in found and one not in absent]
        await publishing.mark_unknown(
            self._db,
            campaign.campaign_id,
            [one.row_id for one in rest],
            "the answer was lost; TikTok lists no ad of it yet",
        )
        return len(rest)

    @activity.defn
    async def confirm_ads(self, shard: ShardRef) -> Reviewed:
        """What the review has decided, read for whole ad groups at a time."""
        waiting = await publishing.in_review(self._db, shard.campaign_id, shard.wave, shard.shard)
        campaign = await known_campaign(self._db, shard.campaign_id)
        client = await self._platform.client(campaign.bc_id)
        for advertiser_id in sorted({one.advertiser_id for one in waiting}):
            group = [one for one in waiting if one.advertiser_id == advertiser_id]
            with tiktok_failures():
                ads = await client.ads.ads(
                    advertiser_id, adgroup_ids=sorted({one.adgroup_id for one in group}), include_deleted=True
                )
            await self._confirm(client, campaign, group, {ad.ad_id: ad for ad in ads})
        counts = await releases.shard_counts(self._db, shard.campaign_id, shard.wave, shard.shard)
        return Reviewed(
            open=counts.get(TargetState.IN_REVIEW, 0),
            counts=counts,
            fast_seconds=self._review_fast.total_seconds(),
            slow_seconds=self._review_slow.total_seconds(),
        )

    async def _confirm(
        self, client: TikTokClient, campaign: releases.Campaign, group: Sequence[Submitted], ads: dict[str, Ad]
    ) -> None:
        decided = {one.row_id: _decision(ads.get(one.ad_id)) for one in group}
        denied = [one for one in group if (verdict := decided[one.row_id]) and verdict[0] is TargetState.REJECTED]
        reasons: dict[str, str] = {}
        if denied:
            with tiktok_failures():
                reviews = await client.ads.review_info(denied[0].advertiser_id, [one.ad_id for one in denied])
            reasons = {
                ad_id: "; ".join(reason for info in review.reject_info for reason in info.reasons)
                for ad_id, review in reviews.items()
            }
        async with self._db.acquire() as connection, connection.transaction():
            for one in group:
                verdict = decided[one.row_id]
                if verdict is None:
                    continue
                state, item_id, reason = verdict
                reason = reasons.get(one.ad_id) or reason
                news = await publishing.confirm(
                    connection, campaign.campaign_id, one.row_id, state=state, item_id=item_id, reason=reason
                )
                if news and state is not TargetState.PUBLISHED:
                    await audit.write(
                        connection,
                        bc_id=campaign.bc_id,
                        actor=audit.SYSTEM,
                        action=f"target {state}",
                        subject=f"row {one.row_id}",
                        reason=reason,
                        run=current_run(),
                    )


def _creative(bc_id: str, token: str, target: Candidate) -> Creative:
    # The token is the only mark by which the ad can be found again after a lost answer.
    name = f"{target.row_id} {token}"
    if target.mode == "pull":
        return PullCreative(
            ad_name=name,
            identity_id=str(target.identity_id),
            identity_authorized_bc_id=bc_id,
            tiktok_item_id=str(target.pull_item_id),
            ad_format="CAROUSEL_ADS" if target.ad_format == "CAROUSEL_ADS" else "SINGLE_VIDEO",
            call_to_action=target.call_to_action,
            landing_page_url=target.landing_url,
        )
    return PushCreative(
        ad_name=name,
        identity_id=str(target.identity_id),
        identity_authorized_bc_id=bc_id,
        video_id=str(target.video_id),
        image_ids=(str(target.cover_id),),
        ad_text=target.caption,
        dark_post_status="ON" if target.visibility == "ads_only" else "OFF",
        call_to_action=target.call_to_action,
        landing_page_url=target.landing_url,
    )


def _by_token(ads: Sequence[Ad], tokens: Sequence[str]) -> dict[str, Ad]:
    wanted = set(tokens)
    return {token: ad for ad in ads if (token := ad.ad_name.rsplit(" ", 1)[-1]) in wanted}


def _decision(ad: Ad | None) -> tuple[TargetState, str | None, str] | None:
    """What an ad's status means for its target; None while the review goes on. Unknown statuses are waited out."""
    if ad is None:
        return TargetState.REJECTED, None, "TikTok no longer lists the ad"
    status = ad.secondary_status
    if status in _AUTHORIZATION_LOST:
        return TargetState.STOPPED, ad.tiktok_item_id, f"R15: TikTok stopped the ad ({status})"
    if status in _TURNED_DOWN:
        return TargetState.REJECTED, None, f"TikTok's review turned it down ({status})"
    if status in _APPROVED and ad.tiktok_item_id:
        return TargetState.PUBLISHED, ad.tiktok_item_id, ""
    return None
