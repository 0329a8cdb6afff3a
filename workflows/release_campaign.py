"""
One release campaign: one manifest, all stages.

Who is missing is invited; who approved is shared; what is due is published; everything ends in a report. It knows
counts and instants. Targets, accounts and gates are in Postgres, and the store lets nothing through before its instant.
What goes wrong with a row, an account or an ad account ends or waits there: it is on record, and all else goes on.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeUpdate
from temporalio.exceptions import (
    ActivityError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.leftovers import LeftoverActivities
    from activities.preparing import Prepare, Prepared, PreparingActivities
    from activities.releases import (
        CampaignRef,
        Ended,
        InviteMissing,
        LoadRelease,
        Plan,
        ReleaseActivities,
        SettleAccounts,
    )
    from activities.report import AskForReport, ReportActivities
    from activities.retrying import Retry, RetryingActivities
    from activities.settling import SettlingActivities, Verdict
    from activities.steering import (
        Brake,
        NextTier,
        RecordApproval,
        RemindApprovers,
        RetimeRows,
        SteeringActivities,
    )
    from sparkads import names, search_attributes
    from sparkads.approvals import missing_approvals
    from sparkads.contracts.base import Contract
    from sparkads.contracts.release import (
        AccessChanged,
        Approve,
        Approved,
        AskReport,
        Command,
        OpenTier,
        OutcomeSettled,
        Proceed,
        ReleaseInput,
        ReleasePhase,
        ReleaseResult,
        ReleaseStatus,
        ReportFiles,
        Retime,
        Retimed,
        RetryTargets,
        RowsHeld,
        SettleTarget,
        ShardInput,
        TargetSettled,
        TargetsRetried,
        TargetState,
        Tier,
        Wave,
    )
    from sparkads.errors import describe, from_failure
    from workflows import _calls, _card
    from workflows._messages import Undecodable, command_id, one_value

LOAD_AGAIN = timedelta(seconds=5)
"""Until a manifest that could not be read or judged is tried again; twice as long each time."""

LOOK_AGAIN = timedelta(minutes=5)
"""How often waiting accounts are looked at without a signal, should one ever get lost."""

LOOK_AT_SHARDS = timedelta(seconds=5)
"""How often it is read how far shards are, and what they wait for, while that changes."""

AHEAD = timedelta(seconds=5)
"""
By how much shards start before their instant: at it, each only has to call. To start one costs 50 ms, one after the
other, and it is the store that lets nothing out early.
"""

BRING_AGAIN = timedelta(seconds=15)
"""Until what TikTok could not share is looked at again, twice as long each time; the others go on meanwhile."""

BRING_AT_LEAST = timedelta(minutes=1)
"""And never longer than this: people wait for it."""

MOST_DOUBLINGS = 8
"""Of the pause until an ad account is tried again: far beyond LOOK_AGAIN."""

AD_ACCOUNTS_AT_ONCE = 25
"""Ad accounts that are prepared side by side: as many may be slow before another one has to wait."""

SHARD_AGAIN = timedelta(seconds=30)
"""Until a shard that failed or was terminated is started again; it first settles what the other left open."""

SHARDS_AT_ONCE = 50
"""Children in flight: far below Temporal's limit of 2,000, and more than any rate limit lets work."""

FAILED = (TargetState.REJECTED, TargetState.REFUSED, TargetState.BLOCKED, TargetState.FROZEN, TargetState.STOPPED)


@workflow.defn(name=names.RELEASE_CAMPAIGN_WORKFLOW)
class ReleaseCampaignWorkflow:
    """
    Id `campaign/{campaign_id}`. Started by a person or a service; ends with a report.

    Signals `pause`, `resume`, `cancel` (its starter, its operator or an admin) reach every shard; `access_changed`
    comes from access requests. Update `report` writes the report as it stands, `settle_target` takes a person's word
    for an outcome that is unknown, `retime` gives rows another instant, `approve` and `proceed` let it go, `retry` lets
    rows that failed go through all gates again: the client starts a release that has ended again for it. Continues as
    new when the server suggests it and no shard runs.
    """

    @workflow.init
    def __init__(self, release: ReleaseInput) -> None:
        """Start loading, or go on where the run before stopped."""
        self._release = release
        self._ref = CampaignRef(campaign_id=release.campaign_id)
        self._fair = _calls.fair_to(release.bc_id)
        self._phase = ReleasePhase.LOADING
        self._waiting_on = "its manifest"
        self._since = workflow.now()
        self._plan = Plan(waves=(), counts={})
        self._seen = self._plan
        self._pause = LOOK_AT_SHARDS
        self._shards: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._bringing: asyncio.Task[None] | None = None
        self._look_at_accounts = True
        self._not_shared = ""
        self._shared_in_vain = 0
        self._bring_again_at: datetime | None = None
        self._news = False
        self._moved = False
        self._paused = release.resumed_paused
        self._cancelled = False
        self._tier_out_at = release.resumed_tier_out_at
        self._unhealthy = ""
        self._to_invite = release.resumed_to_invite or not release.resumed
        self._inviting: asyncio.Task[None] | None = None
        self._invite_again_at: datetime | None = None
        self._invited_in_vain = 0
        self._not_invited = ""
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._prepare_at: dict[str, datetime] = {}
        self._prepared_in_vain: dict[str, int] = {}
        self._transcoding: dict[str, int] = {}
        self._retried_by = release.resumed_retried_by
        self._reminders = release.resumed_reminders
        self._told_overdue = release.resumed_told_overdue
        self._braked = False
        self._undecodable = Undecodable()
        self._last_error = ""
        self._is_loaded = release.resumed
        self._loading_waits_for = ""
        self._is_over_by_fault = False

    @workflow.run
    async def run(self, release: ReleaseInput) -> ReleaseResult:
        """Load, then bring accounts to ready and, beside that, waves out until nothing is left; report."""
        try:
            if not release.resumed:
                await self._load()
            return await self._until_nothing_is_left()
        except FailureError as fault:
            if not is_cancelled_exception(fault):
                await self._end_by_fault(fault)
            raise

    async def _until_nothing_is_left(self) -> ReleaseResult:
        while True:
            while await self._something_is_left():
                self._invite_owners()
                self._bring_accounts_along()
                self._prepare_ad_accounts()
                await self._ask_for_approval()
                await self._judge_tier()
                self._release_due_waves()
                await self._wait_for_news()
                await self._renew_if_long()
            await self._accounts_are_brought()
            # A retry under way may bring rows back, now or while the end is written down.
            await workflow.wait_condition(workflow.all_handlers_finished)
            if not self._news:
                result = await self._finish()
                if not self._news:
                    return result

    async def _load(self) -> None:
        """Put it on record; what keeps it from that for now is told, and tried again."""
        self._enter(ReleasePhase.LOADING, "its manifest")
        pause = LOAD_AGAIN
        while True:
            loaded = await workflow.execute_activity_method(
                ReleaseActivities.load_release,
                LoadRelease(release=self._release, started_at=workflow.info().start_time),
                summary="Check and record the manifest",
                **_calls.LOOK,
            )
            self._loading_waits_for = loaded.waits_for
            self._present()
            if not loaded.waits_for:
                self._is_loaded = True
                return
            await workflow.sleep(pause, summary="until its manifest is read again")
            pause = min(pause * 2, LOOK_AGAIN)

    async def _end_by_fault(self, fault: FailureError) -> None:
        """Say that it has ended, and how it goes on: what it promised before does not hold any more."""
        self._last_error = describe(fault)
        self._is_over_by_fault = True
        self._enter(ReleasePhase.FAILED, "a person")
        if self._is_loaded:
            await workflow.execute_activity_method(
                ReleaseActivities.record_end_by_fault,
                Ended(campaign_id=self._release.campaign_id, bc_id=self._release.bc_id, why=self._last_error),
                summary="Tell people that it has ended",
                **_calls.RECORD,
            )

    def _invite_owners(self) -> None:
        """Beside everything else: owners who can't be asked for now hold up nobody who has answered."""
        is_due = self._invite_again_at is None or workflow.now() >= self._invite_again_at
        if self._to_invite and is_due and self._inviting is None and not self._cancelled:
            self._inviting = asyncio.create_task(self._invite())

    async def _invite(self) -> None:
        retried_by = self._retried_by
        self._enter_unless_promoting(ReleasePhase.REQUEST, "owners")
        try:
            invited = await workflow.execute_activity_method(
                ReleaseActivities.invite_missing,
                InviteMissing(
                    campaign_id=self._release.campaign_id,
                    actor=self._release.actor,
                    deadline=self._release.request_deadline,
                    retried_by=retried_by,
                ),
                summary="Ask the owners who are missing",
                priority=self._fair,
                **_calls.BULK,
            )
            self._not_invited = invited.problem
        except ActivityError as error:
            self._not_invited = f"owners can't be asked: {describe(error)}"
        finally:
            self._inviting = None
            self._moved = True
        self._invited_in_vain = self._invited_in_vain + 1 if self._not_invited else 0
        if self._not_invited:
            self._invite_again_at = _try_again_at(self._invited_in_vain)
        else:
            self._look_at_accounts = True  # what owners have answered before counts now
            # A retry that came meanwhile has owners of its own to ask.
            self._to_invite, self._invite_again_at = self._retried_by != retried_by, None

    async def _something_is_left(self) -> bool:
        self._news = self._moved = False
        self._plan = await workflow.execute_activity_method(
            ReleaseActivities.read_plan, self._ref, summary="Read where it stands", **_calls.RECORD
        )
        if not self._braked:
            # A run that goes on with the record finds there what was commanded before it.
            self._paused = self._plan.paused
            self._cancelled = self._plan.cancelled
        self._present()
        return bool(self._plan.waves or self._shards)

    def _bring_accounts_along(self) -> None:
        """Beside everything else: an account that takes its time holds up no wave of others."""
        if self._bringing is not None and self._bringing.done():
            self._bringing = None
        if self._bringing is None and self._look_at_accounts and not self._cancelled:
            self._look_at_accounts, self._bring_again_at = False, None
            if self._is_waiting:
                self._bringing = asyncio.create_task(self._bring_accounts_to_ready())

    async def _bring_accounts_to_ready(self) -> None:
        """Share who has arrived, and open the gates of their rows."""
        try:
            await self._settle_accounts()
        except ActivityError as error:
            self._not_shared = f"accounts can't be brought along: {describe(error)}"
            self._bring_again_at = workflow.now() + LOOK_AGAIN
        finally:
            self._moved = True

    @property
    def _is_waiting(self) -> bool:
        return any(wave.waiting for wave in self._plan.waves)

    async def _accounts_are_brought(self) -> None:
        if self._bringing is not None:
            await self._bringing
            self._bringing = None
        await workflow.wait_condition(lambda: not self._preparing and self._inviting is None)

    def _prepare_ad_accounts(self) -> None:
        """Each by itself, beside everything else: an ad account that TikTok does not answer for holds up no other."""
        # Not even to TikTok goes what nobody has agreed to.
        if self._missing or self._cancelled:
            return
        for ad_account in self._plan.to_prepare:
            is_due = workflow.now() >= self._prepare_at.get(ad_account, workflow.now())
            if is_due and ad_account not in self._preparing and len(self._preparing) < AD_ACCOUNTS_AT_ONCE:
                self._preparing[ad_account] = asyncio.create_task(self._prepare(ad_account))

    async def _prepare(self, ad_account: str) -> None:
        """Make what has to exist before the instant of its rows; what is not ready yet is tried again."""
        self._prepare_at.pop(ad_account, None)
        self._enter_unless_promoting(ReleasePhase.PREPARE, "videos and ad groups")
        try:
            prepared = await workflow.execute_activity_method(
                PreparingActivities.prepare_ad_account,
                Prepare(
                    campaign_id=self._release.campaign_id,
                    advertiser_id=ad_account,
                    template=self._release.template,
                    ceilings=self._release.daily_ceilings,
                ),
                summary=f"Prepare ad account {ad_account}: videos, ad groups",
                priority=self._fair,
                **_calls.BULK,
            )
        except ActivityError as error:
            self._last_error = f"ad account {ad_account} can't be prepared: {describe(error)}"
            self._prepare_at[ad_account] = workflow.now() + LOOK_AGAIN
        else:
            self._transcoding[ad_account] = prepared.transcoding
            if prepared.left:
                self._prepare_at[ad_account] = workflow.now() + self._until_prepared_again(ad_account, prepared)
            else:
                self._prepared_in_vain.pop(ad_account, None)
        finally:
            del self._preparing[ad_account]
            self._moved = True

    def _until_prepared_again(self, ad_account: str, prepared: Prepared) -> timedelta:
        """Longer each time: a video is transcoded in minutes; what else is missing may be so for days."""
        tries = self._prepared_in_vain.get(ad_account, 0)
        self._prepared_in_vain[ad_account] = tries + 1
        pause = timedelta(seconds=prepared.again_seconds * 2 ** min(tries, MOST_DOUBLINGS))
        return min(pause, BRING_AGAIN if prepared.transcoding else LOOK_AGAIN)

    async def _settle_accounts(self) -> None:
        self._enter_unless_promoting(ReleasePhase.SHARE, "accounts to be shared")
        settled = await workflow.execute_activity_method(
            ReleaseActivities.settle_accounts,
            SettleAccounts(
                campaign_id=self._release.campaign_id,
                actor=self._release.actor,
                operator=self._release.operator,
                roster=self._release.roster,
                inviting=self._to_invite,
            ),
            summary="Share accounts that have arrived",
            priority=self._fair,
            **_calls.BULK,
        )
        self._not_shared = settled.problem
        self._shared_in_vain = self._shared_in_vain + 1 if settled.problem else 0
        if settled.problem:
            self._bring_again_at = _try_again_at(self._shared_in_vain)

    async def _ask_for_approval(self) -> None:
        """Remind those who have not agreed: as often as the release says, and at once after their deadline."""
        if not self._missing:
            return
        if self._next_reminder() > workflow.now():
            return
        deadline = self._release.approval_deadline
        self._told_overdue = deadline is not None and workflow.now() >= deadline
        await workflow.execute_activity_method(
            SteeringActivities.remind_approvers,
            RemindApprovers(
                campaign_id=self._release.campaign_id,
                missing=self._missing,
                overdue=self._told_overdue,
            ),
            summary="Remind approvers",
            **_calls.RECORD,
        )
        every = timedelta(hours=self._release.remind_approvers_every_hours)
        self._reminders = (workflow.now() - self._asked_at) // every + 1

    def _next_reminder(self) -> datetime:
        """The first one asks; the deadline is one between the regular ones."""
        regular = self._asked_at + self._reminders * timedelta(hours=self._release.remind_approvers_every_hours)
        deadline = self._release.approval_deadline
        return regular if deadline is None or self._told_overdue else min(regular, deadline)

    @property
    def _asked_at(self) -> datetime:
        return self._release.resumed_asked_at or workflow.info().start_time

    async def _judge_tier(self) -> None:
        """Let the next tier go once the one before has gone out, was given its time, and is healthy."""
        gone = [tier for tier in self._plan.tiers if tier.number <= self._plan.open_tier]
        if self._is_last_tier() or any(tier.to_go for tier in gone):
            self._tier_out_at = None
            return
        if self._cancelled or self._paused or self._unhealthy:
            return
        if (self._bringing is not None or self._preparing) and not gone[-1].submitted:
            self._tier_out_at = None  # its rows may be about to go
            return
        self._tier_out_at = self._tier_out_at or workflow.now()
        if workflow.now() < self._tier_out_at + self._hold:
            return
        health, is_healthy = self._health_of(gone[-1])
        if is_healthy:
            await self._open_next_tier(None, health)
        else:
            self._unhealthy = health
            self._present()

    def _health_of(self, tier: Tier) -> tuple[str, bool]:
        if not tier.submitted:
            return f"tier {tier.number}: none of its {tier.targets} rows went out", False
        worst = self._release.gate.worst_share
        health = f"tier {tier.number}: {tier.failed} of {tier.submitted} ads failed; {worst:.0%} may"
        return health, tier.failed <= worst * tier.submitted

    def _is_last_tier(self) -> bool:
        return all(tier.number <= self._plan.open_tier for tier in self._plan.tiers)

    @property
    def _hold(self) -> timedelta:
        return timedelta(seconds=self._release.gate.hold_seconds)

    async def _open_next_tier(self, by: Proceed | None, why: str) -> OpenTier:
        opened = await workflow.execute_activity_method(
            SteeringActivities.open_next_tier,
            NextTier(campaign_id=self._release.campaign_id, by=by, why=why),
            summary="Let the next tier go" if by is None else f"Let the next tier go, says {by.actor}",
            **_calls.RECORD,
        )
        self._tier_out_at, self._unhealthy = None, ""
        self._news = True
        return opened

    def _release_due_waves(self) -> None:
        if self._missing:
            return
        for wave in self._plan.waves:
            if wave.due_at - AHEAD > workflow.now() or wave.tier > self._plan.open_tier:
                continue
            for shard in wave.shards:
                if (wave.number, shard) not in self._shards and len(self._shards) < SHARDS_AT_ONCE:
                    task = asyncio.create_task(self._run_shard(wave, shard))
                    self._shards[wave.number, shard] = task

    async def _run_shard(self, wave: Wave, shard: int) -> None:
        try:
            await workflow.execute_child_workflow(
                names.PUBLISH_SHARD_WORKFLOW,
                ShardInput(
                    campaign_id=self._release.campaign_id,
                    bc_id=self._release.bc_id,
                    wave=wave.number,
                    shard=shard,
                    due_at=wave.due_at,
                    paused=self._paused,
                ),
                id=names.publish_shard_id(self._release.campaign_id, wave.number, shard),
                # What is in flight is finished and recorded, whatever becomes of the campaign's own workflow.
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"Wave {wave.number}, shard {shard}: publish and confirm",
            )
        except (ChildWorkflowError, WorkflowAlreadyStartedError) as error:
            self._last_error = f"wave {wave.number}, shard {shard}: {describe(error)}"
            self._present()
            await workflow.sleep(SHARD_AGAIN, summary="before the shard is started again")
        finally:
            # A shard that failed or was terminated must not hold its place for ever.
            self._shards.pop((wave.number, shard), None)
            self._moved = True

    async def _wait_for_news(self) -> None:
        if not self._plan.waves and not self._shards:
            return
        self._say_what_it_waits_for()
        something_to_do = min(self._moments_to_come(), default=workflow.now() + LOOK_AGAIN)
        wake_at = something_to_do
        if self._shards or self._bringing is not None or self._preparing or self._inviting is not None:
            wake_at = min(wake_at, workflow.now() + self._between_looks())
        try:
            await workflow.wait_condition(
                lambda: self._news or self._moved,
                timeout=max(wake_at - workflow.now(), timedelta(milliseconds=1)),
                timeout_summary="until the next wave",
            )
        except TimeoutError:
            self._look_at_accounts = self._look_at_accounts or workflow.now() >= something_to_do
        else:
            self._look_at_accounts = self._look_at_accounts or self._news

    def _say_what_it_waits_for(self) -> None:
        if self._shards:
            self._enter(ReleasePhase.PROMOTE, f"{len(self._shards)} shards")
        elif self._bringing is not None or self._preparing or self._inviting is not None:
            return  # they say themselves what they are at
        elif sum(self._transcoding.values()):
            self._enter(ReleasePhase.PREPARE, f"videos that TikTok transcodes: {sum(self._transcoding.values())}")
        elif self._plan.to_prepare and self._plan.waits and not self._missing:
            self._enter(ReleasePhase.PREPARE, "what rows say they wait for")
        elif self._missing:
            self._enter(ReleasePhase.APPROVE, "approvers")
        elif self._unhealthy:
            self._enter(ReleasePhase.PROMOTE, "a person: a tier is not healthy")
        elif self._tier_out_at is not None:
            self._enter(ReleasePhase.PROMOTE, "the hold after a tier")
        elif self._next_due() is not None:
            self._enter(ReleasePhase.PROMOTE, "the release instant")
        elif self._is_waiting:
            self._enter(ReleasePhase.REQUEST, "owners")

    def _moments_to_come(self) -> list[datetime]:
        """When there is something to do without a signal."""
        due = [wave.due_at for wave in self._plan.waves]
        moments = [moment for instant in due for moment in (instant - AHEAD, instant) if moment > workflow.now()]
        if self._is_waiting and not self._cancelled:
            moments.append(workflow.now() + LOOK_AGAIN)
        if self._bring_again_at is not None and self._bringing is None and not self._cancelled:
            moments.append(self._bring_again_at)
        if self._invite_again_at is not None and self._inviting is None and not self._cancelled:
            moments.append(self._invite_again_at)
        if not (self._missing or self._cancelled):
            again = [self._prepare_at[one] for one in self._plan.to_prepare if one in self._prepare_at]
            moments += [moment for moment in again if moment > workflow.now()]
        if self._missing:
            moments.append(self._next_reminder())
        if self._tier_out_at is not None and not (self._unhealthy or self._paused or self._cancelled):
            moments.append(self._tier_out_at + self._hold)
        return moments

    def _between_looks(self) -> timedelta:
        """While others work it looks how far they are: often as long as something moves, seldom in a long review."""
        moved, self._seen = self._seen != self._plan, self._plan
        self._pause = LOOK_AT_SHARDS if moved else min(self._pause * 2, LOOK_AGAIN)
        return self._pause

    async def _renew_if_long(self) -> None:
        busy = self._shards or self._preparing or self._bringing is not None or self._inviting is not None
        if not workflow.info().is_continue_as_new_suggested() or busy:
            return
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            self._release.model_copy(
                update={
                    "resumed": True,
                    "resumed_paused": self._paused,
                    "resumed_tier_out_at": self._tier_out_at,
                    "resumed_asked_at": self._asked_at,
                    "resumed_reminders": self._reminders,
                    "resumed_told_overdue": self._told_overdue,
                    "resumed_to_invite": self._to_invite,
                    "resumed_retried_by": self._retried_by,
                }
            ),
            memo={"bc": self._release.bc_id},
        )

    async def _finish(self) -> ReleaseResult:
        self._enter(ReleasePhase.REPORT, "its report")
        await self._remove_leftovers()
        await workflow.execute_activity_method(
            ReleaseActivities.finish_release, self._ref, summary="Record the end", **_calls.RECORD
        )
        files = await self._write_report()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._enter(ReleasePhase.CANCELLED if self._cancelled else ReleasePhase.DONE, "nobody")
        return ReleaseResult(counts=self._plan.counts, report=files)

    async def _remove_leftovers(self) -> None:
        """Leave nothing half-made at TikTok; what can't be removed is named, and keeps nobody waiting."""
        try:
            leftovers = await workflow.execute_activity_method(
                LeftoverActivities.remove_leftovers,
                self._ref,
                summary="Remove what was made and never used",
                priority=self._fair,
                **_calls.TIDY,
            )
        except ActivityError as error:
            self._last_error = f"unused ad groups are left at TikTok: {describe(error)}"
            return
        if leftovers.failed:
            self._last_error = f"unused ad groups are left at TikTok: {'; '.join(leftovers.failed)}"

    async def _write_report(self) -> ReportFiles:
        return await workflow.execute_activity_method(
            ReportActivities.write_report,
            AskForReport(campaign_id=self._release.campaign_id),
            summary="Write the report",
            **_calls.LOOK,
        )

    @workflow.update(name=names.REPORT, description="Write the report as it stands now")
    async def report(self, _ask: AskReport) -> ReportFiles:
        """The report so far, as files."""
        return await self._write_report()

    @report.validator
    def _one_question(self, _ask: AskReport) -> None:
        """Refuse a call with no question, or several: in the handler that would stop the workflow."""

    @workflow.update(
        name=names.SETTLE_TARGET,
        description="Decide an unknown outcome: {actor, row_id, published_ad_id or null, because}",
    )
    async def settle_target(self, command: SettleTarget) -> TargetSettled:
        """Take a person's word for what became of a target, as far as TikTok does not say otherwise."""
        settled = await workflow.execute_activity_method(
            SettlingActivities.settle_by_person,
            Verdict(campaign_id=self._release.campaign_id, command=command),
            summary=f"Settle row {command.row_id} on the word of {command.actor}",
            **_calls.ANSWER,
        )
        await self._signal_shard(
            settled.wave, settled.shard, names.OUTCOME_SETTLED, OutcomeSettled(row_id=settled.row_id)
        )
        self._news = True
        return settled

    @workflow.update(
        name=names.RETRY,
        description="Let what failed or was blocked go again: {actor, reason, only: {rows, territories, waves}}",
    )
    async def retry(self, command: RetryTargets) -> TargetsRetried:
        """Rows that were refused, blocked or frozen wait for their gates again; a published one never does."""
        retried = await workflow.execute_activity_method(
            RetryingActivities.retry_targets,
            Retry(campaign_id=self._release.campaign_id, command_id=command_id(), command=command),
            summary=f"Retry rows for {command.actor}",
            **_calls.ANSWER,
        )
        self._news = True  # also if none goes again: an ad that was found may have become its row's
        if retried.taken:
            self._to_invite, self._retried_by = True, command_id()
            self._invite_again_at = None
            self._prepare_at.clear()
            self._prepared_in_vain.clear()
        return retried

    @retry.validator
    def _one_retry(self, command: RetryTargets) -> None:
        """Refuse a call with no command, or several: in the handler that would stop the workflow."""

    @settle_target.validator
    def _one_verdict(self, command: SettleTarget) -> None:
        """Refuse a call with no verdict, or several: in the handler that would stop the workflow."""

    @workflow.update(name=names.RETIME, description="Another instant: {actor, reason, only, release_at or null: now}")
    async def retime(self, command: Retime) -> Retimed:
        """Rows that are not submitted go out at another instant; earlier takes two admins."""
        retimed = await workflow.execute_activity_method(
            SteeringActivities.retime_rows,
            RetimeRows(
                campaign_id=self._release.campaign_id,
                command=command,
                command_id=command_id(),
                needs_approval=bool(self._release.approvals),
            ),
            summary=f"Other instants, says {command.actor}",
            **_calls.ANSWER,
        )
        self._news = True
        return retimed

    @retime.validator
    def _one_retime(self, command: Retime) -> None:
        """Refuse a call with no command, or several: in the handler that would stop the workflow."""

    @workflow.update(name=names.APPROVE, description="Agree or not: {actor, stage, plan_hash, verdict, reason}")
    async def approve(self, command: Approve) -> Approved:
        """Take an approver's word; the last missing one lets the release go."""
        approved = await workflow.execute_activity_method(
            SteeringActivities.record_approval,
            RecordApproval(campaign_id=self._release.campaign_id, command=command, stages=self._release.approvals),
            summary=f"{command.verdict.capitalize()} stage {command.stage}, says {command.actor}",
            **_calls.ANSWER,
        )
        self._news = True
        return approved

    @approve.validator
    def _one_approval(self, command: Approve) -> None:
        """Refuse a call with no command, or several: in the handler that would stop the workflow."""

    @workflow.update(name=names.PROCEED, description="Let the next tier go: {actor, reason}")
    async def proceed(self, command: Proceed) -> OpenTier:
        """Let the next tier go, whatever the health of the one before."""
        return await self._open_next_tier(command, command.reason)

    @proceed.validator
    def _one_proceed(self, command: Proceed) -> None:
        """Refuse a call with no command, or several: in the handler that would stop the workflow."""

    @workflow.signal(name=names.PAUSE, description="Let no further batch through: {actor, reason, only}")
    @one_value
    async def pause(self, raw: RawValue) -> None:
        """What is in flight finishes and is recorded."""
        await self._brake(raw, names.PAUSE, paused=True)

    @workflow.signal(name=names.RESUME, description="Go on: {actor, reason, only, late}")
    @one_value
    async def resume(self, raw: RawValue) -> None:
        """Go on; what became due in the meantime is published now, skipped, or asked about."""
        await self._brake(raw, names.RESUME, paused=False)

    @workflow.signal(name=names.CANCEL, description="Publish nothing more: {actor, reason, only}")
    @one_value
    async def cancel(self, raw: RawValue) -> None:
        """Whatever was not submitted is cancelled; ads that exist stay as they are."""
        await self._brake(raw, names.CANCEL, paused=False, cancelled=True)

    async def _brake(self, raw: RawValue, action: str, *, paused: bool, cancelled: bool = False) -> None:
        command = self._undecodable.read(raw, Command, action)
        if command is None:
            self._present()
            return
        paused = paused if command.only.is_all else self._paused
        cancelled = (cancelled and command.only.is_all) or self._cancelled
        try:
            await workflow.execute_activity_method(
                SteeringActivities.set_brake,
                Brake(
                    campaign_id=self._release.campaign_id,
                    command=command,
                    action=action,
                    paused=paused,
                    cancelled=cancelled,
                    late=self._release.late,
                ),
                summary=f"{action.capitalize()} by {command.actor}",
                **_calls.LOOK,
            )
        except ActivityError as error:
            if from_failure(error) is None:
                raise
            self._last_error = describe(error)
            self._present()
            return
        self._braked = True
        self._paused, self._cancelled = paused, cancelled
        self._news = True
        if command.only.is_all:
            for wave, shard in list(self._shards):
                await self._signal_shard(wave, shard, action, command)
        self._present()

    async def _signal_shard(self, wave: int, shard: int, signal: str, message: Contract) -> None:
        handle = workflow.get_external_workflow_handle(names.publish_shard_id(self._release.campaign_id, wave, shard))
        try:
            await handle.signal(signal, message)
        except FailureError:
            workflow.logger.info("the shard has ended", extra={"wave": wave, "shard": shard})

    @workflow.signal(name=names.ACCESS_CHANGED, description="An account it waits for was authorized, or will not be")
    @one_value
    def access_changed(self, raw: RawValue) -> None:
        """Look at the accounts again."""
        if self._undecodable.read(raw, AccessChanged, names.ACCESS_CHANGED) is not None:
            self._news = True

    @workflow.signal(name=names.ROWS_HELD, description="From a shard: rows wait for a person")
    @one_value
    def rows_held(self, raw: RawValue) -> None:
        """Read where it stands again, so that it shows which rows."""
        if self._undecodable.read(raw, RowsHeld, names.ROWS_HELD) is not None:
            self._news = True

    @workflow.query(name=names.STATUS, description="Phase, counts, next instant, what to do")
    def status(self) -> ReleaseStatus:
        """Where the release stands."""
        return ReleaseStatus(
            campaign_id=self._release.campaign_id,
            phase=self._phase,
            waiting_on=self._waiting_on,
            since=self._since,
            counts=self._plan.counts,
            waves=self._plan.waves[:50],
            next_due=None if self._is_over_by_fault else self._next_due(),
            paused=self._paused,
            tiers=self._plan.tiers,
            territories=self._plan.territories,
            open_tier=self._plan.open_tier,
            plan_hash=self._plan.plan_hash,
            missing_approvals=self._missing,
            waits=self._plan.waits,
            attention=self._attention(),
            last_error=self._error,
            undecodable_signals=self._undecodable.count,
        )

    @property
    def _missing(self) -> tuple[str, ...]:
        return () if self._cancelled else missing_approvals(self._release.approvals, self._plan.approvals)

    def _tiers_line(self) -> str:
        if len(self._plan.tiers) < 2:  # noqa: PLR2004 - one tier is all there is
            return ""
        return "; ".join(
            f"{tier.number}: {tier.submitted} of {tier.targets} submitted, {tier.failed} failed"
            + ("" if tier.number <= self._plan.open_tier else " (held back)")
            for tier in self._plan.tiers
        )

    def _next_due(self) -> datetime | None:
        return next((wave.due_at for wave in self._plan.waves if wave.due_at > workflow.now()), None)

    @property
    def _error(self) -> str:
        return self._last_error or self._not_shared or self._not_invited

    def _attention(self) -> str:
        """The first thing that a person has to look at; empty if there is none."""
        return next(self._attentions(), "")

    def _attentions(self) -> Iterator[str]:
        if self._is_over_by_fault:
            again = "apply the same file again and it goes on where it was" if self._is_loaded else "then apply again"
            yield f"it has ended, and nothing goes out: {self._last_error}; mend that, {again}"
        if self._loading_waits_for:
            yield f"it is not on record yet: {self._loading_waits_for}"
        if self._paused:
            yield "paused: resume or cancel it"
        if self._missing:
            yield f"approval is missing: {'; '.join(self._missing)}"
        if self._unhealthy:
            yield f"{self._unhealthy}: look at them, then `sparkads campaign proceed`, or cancel it"
        held = self._plan.counts.get(TargetState.PAUSED, 0)
        if held:
            yield f"{held} rows are paused: resume or cancel them"
        unknown = self._plan.counts.get(TargetState.UNKNOWN, 0)
        if unknown:
            rows = ", ".join(self._plan.unknown)
            yield (
                f"{unknown} outcomes are unknown: {rows}{' …' if unknown > len(self._plan.unknown) else ''}. They are "
                "being looked for; what their shard says waits for a person is settled by `sparkads target settle`"
            )
        if self._plan.waits:
            yield "; ".join(_card.waits(self._plan.waits))
        if self._error:
            yield "see the last error"

    def _enter(self, phase: ReleasePhase, waiting_on: str) -> None:
        if (phase, waiting_on) != (self._phase, self._waiting_on):
            self._phase, self._waiting_on, self._since = phase, waiting_on, workflow.now()
        self._present()

    def _enter_unless_promoting(self, phase: ReleasePhase, waiting_on: str) -> None:
        if not self._shards:
            self._enter(phase, waiting_on)

    def _present(self) -> None:
        counts = self._plan.counts
        next_due = self._next_due()
        published = counts.get(TargetState.PUBLISHED, 0)
        failed = sum(counts.get(state, 0) for state in FAILED)
        _card.show(
            f"Release {self._release.campaign_id}: {self._phase}",
            {
                "waiting for": self._waiting_on,
                "since": self._since,
                "next wave": next_due or "none",
                "tiers": self._tiers_line(),
                "targets": ", ".join(f"{count} {state}" for state, count in sorted(counts.items())),
                "shards running": len(self._shards) or "",
                "paused": "yes" if self._paused else "",
                "rows that wait for something": sum(wait.rows for wait in self._plan.waits) or "",
                "signals that could not be read": self._undecodable.count or "",
                "last error": self._error,
            },
            to_do=self._attention(),
        )
        pairs: list[SearchAttributeUpdate[Any]] = [
            search_attributes.PHASE.value_set(self._phase.value),
            search_attributes.BUSINESS_CENTER.value_set(self._release.bc_id),
            search_attributes.CAMPAIGN.value_set(self._release.campaign_id),
            search_attributes.WAITING_ON.value_set(self._waiting_on),
            search_attributes.ATTENTION.value_set(bool(self._attention())),
            search_attributes.PAUSED.value_set(self._paused),
            search_attributes.TARGETS.value_set(sum(counts.values())),
            search_attributes.PUBLISHED.value_set(published),
            search_attributes.FAILED.value_set(failed),
        ]
        if next_due is not None:
            pairs.append(search_attributes.RELEASE_AT.value_set(next_due))
        changed = _card.changed(*pairs)
        if changed:
            workflow.upsert_search_attributes(changed)


def _try_again_at(in_vain: int) -> datetime:
    """When owners are asked, or accounts shared, once more that could not be `in_vain` times in a row."""
    pause: timedelta = BRING_AGAIN * 2 ** min(in_vain - 1, MOST_DOUBLINGS)
    return workflow.now() + min(pause, BRING_AT_LEAST)
