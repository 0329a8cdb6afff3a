"""
Activities that make ads, exactly once each.

A batch is up to 20 targets of one ad group. One statement asks the gates of the store and writes its intents; those of
TikTok are asked of what it returns, and then one call is made. What came of it is decided from evidence only:

- an answer with ads: they exist;
- a definite refusal: none exists, as far as the ad group lists none: it is read back before a batch is halved, and
  before the one that is left counts as refused;
- "not now": the same, but the offender waits and is tried again;
- "no room": its rows are given a further ad group;
- "too frequent", or no connection: nothing happened;
- anything else: unknown. Settling (settling.py) decides, and nothing is ever sent again on a guess.
"""

import asyncio
import math
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.campaigns import known_campaign
from activities.failures import SAID_OF_A_QUESTION
from activities.gates import gone_accounts, missing_key, verdict
from activities.members import Members, current_run
from activities.platform import Platform
from activities.together import each_to_its_end
from activities.tokens import ad_name, by_token, is_evidence, made_ads
from activities.waits import Waiting, keep_waits, waiting_for
from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store import audit, intents, publishing, releases
from store.database import Pool
from store.intents import Page
from store.members import MemberAccess
from store.publishing import Candidate
from tiktok import (
    Ad,
    AuthError,
    Conflict,
    Creative,
    FetchFailed,
    IdentityLost,
    LimitReached,
    NotReady,
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

LANES = 3
"""
Calls that a shard has under way at once: while TikTok answers one, the next batch is claimed. A worker that is killed
leaves as many batches to be settled from evidence, so there are few.
"""
ROWS_A_LANE = 170
"""A large shard has a call under way for as many of its rows, as far as there are spare lanes."""
SPARE_LANES = 30
"""
In one process, for all its large shards. With three workers full of shards, a batch then waits two minutes for its turn
in TikTok's lowest tier, which the activity's time-out allows.
"""

WORK_FOR = 30.0
"""Seconds after which an activity begins no further batch, so that its workflow shows how far it is."""

WORK_AT_MOST = 80.0
"""
Seconds after which it begins none even if most of them were spent in waiting for a turn: all shards of a release wait
for the same moment, and to start again right then would let turns go by. A further wait for a minute still fits.
"""

OPERATOR_HOLDS = 1.0
"""Seconds for which what is known of the operator serves further batches. The store looks at the rest for each."""

MARGIN = timedelta(seconds=30)
"""Taken off the activity's time-out: the activity stops by itself before the workflow gives it up, so that no call is
made by an activity that somebody else has begun to clean up after."""

ANSWER_IN_WINDOW = 0.5
"""The part of the settle window after which a call's answer counts as lost: a call has to be over, one way or the
other, long before its ad counts as not made."""
ANSWER_AT_MOST = 35.0
"""Seconds, however long the window is."""

CLAIM_AT_MOST = 1.0
"""Seconds that claiming the right to call may take. A process that slept for longer, on a machine that was suspended
say, does not call: what it claimed may have been decided meanwhile."""

RETRY_UNREACHABLE = 5.0
"""Seconds until a server that could not be connected to is tried again."""

NOT_NOW = (Conflict, NotReady, FetchFailed)
"""Refusals that say nothing of the creative: something is under way at TikTok, and the same may be taken later."""

NOT_NOW_AGAIN = 10.0
"""Seconds until rows that were refused so are tried again."""

SHORT_WAIT = 5.0
"""Seconds that an activity waits by itself for TikTok to take calls again; a longer wait is the workflow's to show."""

NEAR = 10.0
"""Seconds before its instant for which an activity waits by itself; the workflow starts it as many before, or fewer."""

EARLY = 2.0
"""
Seconds by which the next part starts before TikTok takes calls again: a workflow's timer is late, a turn is not.
"""

LOOK_AGAIN = 1.0
"""Seconds until a shard with nothing to submit asks again: the store's clock may be a little behind the workflow's."""
NOTHING_MAY = "nothing may be submitted: paused, or not due yet"
"""What a shard says that it waits for, when the store lets none of its rows through."""


class ShardRef(Contract):
    """One shard of a release campaign."""

    campaign_id: str
    wave: int
    shard: int


class PublishShard(Contract):
    """Publish what is ready in a shard, batch by batch; `number` tells this part of the work apart in the record."""

    shard: ShardRef
    number: int


class Published(Contract):
    """What was done. Counts only: the targets are in Postgres."""

    batches: int = 0
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    left: int
    wait_seconds: float = 0.0
    waiting_for: str = ""


class _Batch(NamedTuple):
    """A claimed batch: its intents are written, nothing is called yet."""

    bc_id: str
    ad_group: int
    advertiser_id: str
    adgroup_id: str
    targets: Mapping[str, Candidate]
    """by token"""


class _Verdict(NamedTuple):
    """What exists after a call, by token; everything else of the call was not made."""

    found: dict[str, Ad]
    refusal: TikTokError | None


class _NothingHappened(Exception):
    """TikTok did not take a call, or it was not made; `waiting`: what its rows say they wait for, if anything."""

    def __init__(self, reason: str, wait_seconds: float, waiting: Waiting | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.waiting = waiting


class _AnswerLost(Exception):
    pass


class _Tally:
    """What one activity has done so far, and why it stops."""

    def __init__(self) -> None:
        self.batches = self.accepted = self.refused = self.unknown = 0
        self.wait_seconds = 0.0
        self.waiting_for = ""


class _Work:
    """One activity's work on a shard, as its lanes share it."""

    def __init__(
        self, step: PublishShard, campaign: releases.Campaign, client: TikTokClient, pages: Sequence[Page]
    ) -> None:
        self.step = step
        self.campaign = campaign
        self.client = client
        self.done = _Tally()
        self._pages = deque(pages)
        self._now = asyncio.get_running_loop().time
        self._began_at = self._now()
        self._stop_at = self._began_at + WORK_FOR
        self._stopped = False
        self.postponed: dict[str, Waiting] = {}
        """by row, what is not tried again by this activity"""
        self._operator: tuple[MemberAccess, float] | None = None
        self._is_sure = False
        self._asking = asyncio.Lock()

    def next_page(self) -> Page | None:
        """What to claim next; None when it is time to stop."""
        if self._stopped or self._now() >= self._stop_at or not self._pages:
            return None
        return self._pages.popleft()

    def put_back(self, page: Page) -> None:
        """Rows that nothing has happened to are next."""
        self._pages.appendleft(page)

    def stop(self) -> None:
        """Let no lane begin a further batch."""
        self._stopped = True

    def waited(self, seconds: float) -> None:
        """A batch took so long: time spent in waiting for a turn is not time worked."""
        if seconds > SHORT_WAIT:
            self._stop_at = min(self._stop_at + seconds, self._began_at + WORK_AT_MOST)

    async def operator(
        self, ask: Callable[[str, str], Awaitable[MemberAccess]], *, surely: bool = False
    ) -> MemberAccess:
        """
        What is known of the operator, asked again when it is too old.

        Args:
            ask: asks.
            surely: whether only an answer that was asked for surely will do.
        """
        async with self._asking:
            if self._operator is None or self._now() >= self._operator[1] or (surely and not self._is_sure):
                known = await ask(self.campaign.bc_id, self.campaign.operator)
                self._operator = known, self._now() + OPERATOR_HOLDS
                self._is_sure = surely
            return self._operator[0]


class PublishActivities:
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
        self._spare_lanes = SPARE_LANES
        self._answer_within = min(ANSWER_AT_MOST, settle_window.total_seconds() * ANSWER_IN_WINDOW)

    @activity.defn
    async def publish_shard(self, step: PublishShard) -> Published:
        """Gate, intend, call once, decide, batch after batch. One attempt: a crash is settled from evidence."""
        limit = activity.info().start_to_close_timeout
        async with asyncio.timeout((limit - MARGIN).total_seconds() if limit else None):
            campaign = await known_campaign(self._db, step.shard.campaign_id)
            client = await self._platform.client(campaign.bc_id)
            where = step.shard.campaign_id, step.shard.wave, step.shard.shard
            try:
                await self._people.access(campaign.bc_id, campaign.operator)  # at the instant, it is known
            except ApplicationError as error:
                return await self._not_now(campaign, step, error)
            await self._until_due(step.shard)
            pages = await intents.ready_pages(self._db, *where, BATCH)
            work = _Work(step, campaign, client, pages)
            with self._lanes(pages) as lanes:
                await each_to_its_end(*(self._lane(work) for _ in range(lanes)))
            await keep_waits(self._db, campaign, work.postponed)
            left = await intents.ready_rows(self._db, *where)
        if work.postponed and not work.done.waiting_for:
            first = next(iter(work.postponed.values()))
            work.done.wait_seconds, work.done.waiting_for = first.again_seconds, first.reason
        if not work.done.batches and not work.done.waiting_for:
            work.done.wait_seconds, work.done.waiting_for = LOOK_AGAIN, NOTHING_MAY
        return Published(left=left, **vars(work.done))

    async def _not_now(self, campaign: releases.Campaign, step: PublishShard, error: ApplicationError) -> Published:
        """Who the operator is can't be asked for now: nothing is published, and the rows say why."""
        if error.non_retryable and error.type not in SAID_OF_A_QUESTION:
            raise error
        again = error.next_retry_delay.total_seconds() if error.next_retry_delay else NOT_NOW_AGAIN
        where = step.shard.campaign_id, step.shard.wave, step.shard.shard
        pages = await intents.ready_pages(self._db, *where, BATCH)
        waiting = Waiting(error.message, again, needs_person=error.type == "AccessTokenRejected")
        await keep_waits(self._db, campaign, {row_id: waiting for page in pages for row_id in page.row_ids})
        return Published(left=sum(len(page.row_ids) for page in pages), wait_seconds=again, waiting_for=error.message)

    async def _until_due(self, shard: ShardRef) -> None:
        """Wait here for an instant that is near: a shard starts a little before it."""
        while (seconds := await intents.seconds_until_due(self._db, shard.campaign_id, shard.wave, shard.shard)) > 0:
            if seconds > NEAR:
                return
            await asyncio.sleep(seconds)

    @contextmanager
    def _lanes(self, pages: Sequence[Page]) -> Iterator[int]:
        """How many calls to have under way; spare lanes are given back in the end."""
        wanted = math.ceil(sum(len(page.row_ids) for page in pages) / ROWS_A_LANE) - LANES
        spare = max(0, min(wanted, self._spare_lanes))
        self._spare_lanes -= spare
        try:
            yield min(len(pages), LANES + spare)
        finally:
            self._spare_lanes += spare

    async def _lane(self, work: _Work) -> None:
        """Batch after batch, until nothing is left, it is time to stop, or another lane had to."""
        clock = asyncio.get_running_loop().time
        try:
            while (page := work.next_page()) is not None:
                batch = await self._claim(work, page)
                if batch is None:
                    continue
                work.done.batches += 1
                submitting_since = clock()
                if not await self._submit(work, batch):
                    work.stop()
                work.waited(clock() - submitting_since)
        except BaseException:
            work.stop()
            raise

    async def _claim(self, work: _Work, page: Page) -> _Batch | None:
        """Every gate again, at the moment of use (R5): intents of those that pass; None if none does."""
        shard, campaign = work.step.shard, work.campaign
        operator = await work.operator(self._people.access)
        tokens = {row_id: secrets.token_hex(8) for row_id in page.row_ids}
        claimed = await intents.claim(
            self._db,
            campaign.campaign_id,
            shard.wave,
            shard.shard,
            page.ad_group,
            tokens,
            batch=f"{activity.info().workflow_id}/{work.step.number}",
        )
        if any(missing_key(candidate, operator) for candidate in claimed):
            operator = await work.operator(self._people.access_now, surely=True)
        gone = await gone_accounts(self._platform, campaign.bc_id, operator, claimed)
        passed: dict[str, Candidate] = {}
        for candidate in claimed:
            no = verdict(candidate, operator, gone)
            if no is None:
                passed[tokens[candidate.row_id]] = candidate
            else:
                await self._bar(campaign.bc_id, tokens[candidate.row_id], candidate, *no)
        if not passed:
            return None
        first = next(iter(passed.values()))
        return _Batch(campaign.bc_id, page.ad_group, first.advertiser_id, str(first.adgroup_id), passed)

    async def _bar(self, bc_id: str, token: str, candidate: Candidate, state: TargetState, reason: str) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            if await intents.record_barred(connection, token, state, reason):
                await audit.write(
                    connection,
                    bc_id=bc_id,
                    actor=audit.SYSTEM,
                    action=f"target {state}",
                    subject=f"row {candidate.row_id}",
                    reason=reason,
                    run=current_run(),
                )

    async def _submit(self, work: _Work, batch: _Batch) -> bool:
        """Call until each target of a batch is decided or unknown; whether to go on with the next batch."""
        parts: list[Sequence[str]] = [tuple(batch.targets)]
        while parts:
            part = parts.pop()
            try:
                verdict = await self._call(work.client, batch, part)
            except _NothingHappened as nothing:
                await intents.mark_not_called(self._db, part)
                await self._release([part, *parts])
                return await self._wait(work, batch, [part, *parts], nothing)
            except _AnswerLost as lost:
                await self._release(parts)
                await intents.mark_unknown(
                    self._db,
                    work.campaign.campaign_id,
                    [batch.targets[token].row_id for token in part],
                    f"the answer was lost ({str(lost)[:200]}); looking for the ad",
                )
                work.done.unknown += len(part)
                return False
            work.done.accepted += await self._publish(batch, verdict.found)
            for token in verdict.found:
                work.postponed.pop(batch.targets[token].row_id, None)
            missing = tuple(token for token in part if token not in verdict.found)
            if missing:
                await intents.mark_not_called(self._db, missing)
            parts += await self._judge(work, batch, missing, verdict.refusal, alone=len(part) == 1)
        return True

    async def _wait(
        self, work: _Work, batch: _Batch, parts: Sequence[Sequence[str]], nothing: _NothingHappened
    ) -> bool:
        """TikTok takes no call for now: try again soon, or leave a longer wait to the workflow, which shows it."""
        left = [batch.targets[token].row_id for tokens in parts for token in tokens]
        if nothing.waiting is not None:
            work.postponed |= dict.fromkeys(left, nothing.waiting)
        if nothing.wait_seconds <= SHORT_WAIT:
            await asyncio.sleep(nothing.wait_seconds)
            work.put_back(Page(ad_group=batch.ad_group, row_ids=tuple(left)))
            return True
        work.done.wait_seconds, work.done.waiting_for = nothing.wait_seconds - EARLY, str(nothing)
        return False

    async def _judge(
        self, work: _Work, batch: _Batch, missing: Sequence[str], refusal: TikTokError | None, *, alone: bool
    ) -> list[Sequence[str]]:
        """What becomes of those that a call did not make; returns what to call for again, in halves."""
        if not missing:
            return []
        if isinstance(refusal, LimitReached) and await self._move_on(batch, missing):
            await self._release([missing])
            return []
        if alone and refusal is not None:
            await self._judge_alone(work, batch, missing[0], refusal)
            return []
        middle = (len(missing) + 1) // 2
        return [half for half in (missing[middle:], missing[:middle]) if half]

    async def _judge_alone(self, work: _Work, batch: _Batch, token: str, refusal: TikTokError) -> None:
        """What TikTok says of one creative is a verdict on it, or a word to wait."""
        if isinstance(refusal, NOT_NOW):
            await self._release([(token,)])
            reason = f"TikTok is not ready for the row: {refusal}; it is tried again"
            work.postponed[batch.targets[token].row_id] = Waiting(reason, NOT_NOW_AGAIN, needs_person=False)
            return
        work.done.refused += await self._refuse(batch, token, refusal)

    async def _move_on(self, batch: _Batch, tokens: Sequence[str]) -> bool:
        """
        Take rows out of an ad group that TikTok says is full, so that they are given a further one.

        Which limit it means is not said. Where the ad group holds no ad of ours it is not this one, and an ad group
        that a row names is a person's: then TikTok's word is a refusal of the row.
        """
        row_ids = [batch.targets[token].row_id for token in tokens]
        async with self._db.acquire() as connection, connection.transaction():
            return await publishing.leave_ad_group(connection, batch.ad_group, row_ids)

    async def _call(self, client: TikTokClient, batch: _Batch, tokens: Sequence[str]) -> _Verdict:
        """
        Call once for a part of a batch, and say what exists now.

        Raises:
            _NothingHappened: TikTok did not take the call, or it was not made.
            _AnswerLost: it may or may not have made the ads.
        """
        creatives = [_creative(batch.bc_id, token, batch.targets[token]) for token in tokens]
        try:
            created = await client.ads.create_ads(
                batch.advertiser_id,
                batch.adgroup_id,
                creatives,
                just_before=lambda: self._claim_call(tokens),
                within=self._answer_within,
            )
        except Throttled as error:
            raise _NothingHappened(str(error), error.retry_after) from error
        except Unreachable as error:
            waiting = waiting_for(error, batch.advertiser_id)
            raise _NothingHappened(str(error), RETRY_UNREACHABLE, waiting) from error
        except AuthError as error:
            waiting = waiting_for(error, batch.advertiser_id)
            raise _NothingHappened(waiting.reason, waiting.again_seconds, waiting) from error
        except (UnknownOutcome, ServerFault) as error:
            raise _AnswerLost(str(error)) from error
        except TikTokError as refusal:
            # TikTok does not document whether a refused batch may have made some of its ads, and operators have seen
            # it refuse a single one that it made ("You no longer have access to the TikTok account ...").
            return _Verdict(await self._read_back(client, batch, tokens), refusal)
        found = by_token(created.ads, tokens)
        if len(found) < len(tokens):
            found |= await self._read_back(client, batch, tokens)
        if len(found) < len(tokens) and len(found) != len(created.ad_ids):
            await self._publish(batch, found)
            rest = [token for token in tokens if token not in found]
            await intents.mark_contradicted(self._db, rest)
            raise _AnswerLost(f"TikTok says it made {len(created.ad_ids)} ads, and lists {len(found)}")
        return _Verdict(found, None)

    async def _claim_call(self, tokens: Sequence[str]) -> None:
        """The last thing before the call: from here on its outcome counts as unknown."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        if not await intents.mark_called(self._db, tokens):
            raise _NothingHappened("a gate has closed, or somebody else has decided", 0.0)
        if clock() - asked_at > CLAIM_AT_MOST:
            raise _NothingHappened("this process was asleep", 0.0)

    async def _read_back(self, client: TikTokClient, batch: _Batch, tokens: Sequence[str]) -> dict[str, Ad]:
        """Which of these intents have an ad, deleted ones included."""
        try:
            ads = await client.ads.ads(batch.advertiser_id, adgroup_ids=[batch.adgroup_id], include_deleted=True)
        except TikTokError as unread:
            raise _AnswerLost(f"the ad group could not be read back: {unread}") from unread
        found = by_token(ads, tokens)
        if len(found) < len(tokens) and not is_evidence(ads):
            raise _AnswerLost("the ad group could be read back only in part")
        return found

    async def _publish(self, batch: _Batch, found: Mapping[str, Ad]) -> int:
        return await intents.record_made(
            self._db, made_ads(found), bc_id=batch.bc_id, adgroup_id=batch.adgroup_id, run=current_run()
        )

    async def _refuse(self, batch: _Batch, token: str, error: TikTokError) -> int:
        candidate = batch.targets[token]
        reason = (
            f"R15: TikTok no longer lets @{candidate.handle} be used: {error}"
            if isinstance(error, IdentityLost)
            else f"TikTok refused it: {error}"
        )
        async with self._db.acquire() as connection, connection.transaction():
            if not await intents.record_refused(connection, token, reason):
                return 0
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

    async def _release(self, parts: Sequence[Sequence[str]]) -> None:
        tokens = [token for part in parts for token in part]
        if tokens:
            async with self._db.acquire() as connection, connection.transaction():
                await intents.record_absent(connection, tokens, "not called")


def _creative(bc_id: str, token: str, target: Candidate) -> Creative:
    name = ad_name(target.row_id, token)
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
