"""
One release campaign: one manifest, all stages.

Who is missing is invited; who approved is shared; what is due is published; everything ends in a report. It knows
counts and instants. Targets, accounts and gates are in Postgres, and the store lets nothing through before its instant.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.leftovers import LeftoverActivities
    from activities.preparing import Prepare, PreparingActivities
    from activities.releases import (
        Brake,
        CampaignRef,
        InviteMissing,
        LoadRelease,
        Plan,
        ReleaseActivities,
        SettleAccounts,
    )
    from activities.report import AskForReport, ReportActivities
    from activities.retrying import Retry, RetryingActivities
    from activities.settling import SettlingActivities, Verdict
    from sparkads import names, search_attributes
    from sparkads.contracts.base import Contract
    from sparkads.contracts.release import (
        AccessChanged,
        AskReport,
        Command,
        OutcomeSettled,
        ReleaseInput,
        ReleasePhase,
        ReleaseResult,
        ReleaseStatus,
        ReportFiles,
        RetryTargets,
        RowsHeld,
        SettleTarget,
        ShardInput,
        TargetSettled,
        TargetsRetried,
        TargetState,
        Wave,
    )
    from sparkads.errors import describe, from_failure
    from workflows import _calls, _card
    from workflows._messages import Undecodable, command_id, one_value

LOOK_AGAIN = timedelta(minutes=5)
"""How often waiting accounts are looked at without a signal, should one ever get lost."""

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
    for an outcome that is unknown, `retry` lets rows that failed go through all gates again: the client starts a
    release that has ended again for it. Continues as new when the server suggests it and no shard runs.
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
        self._shards: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._news = False
        self._paused = release.resumed_paused
        self._cancelled = False
        self._braked = False
        self._undecodable = Undecodable()
        self._last_error = ""

    @workflow.run
    async def run(self, release: ReleaseInput) -> ReleaseResult:
        """Load, invite, then bring accounts to ready and waves out until nothing is left; report."""
        if not release.resumed:
            await self._load()
            await self._invite()
        while True:
            while await self._something_is_left():
                await self._bring_accounts_to_ready()
                self._release_due_waves()
                await self._wait_for_news()
                await self._renew_if_long()
            # A retry under way may bring rows back, now or while the end is written down.
            await workflow.wait_condition(workflow.all_handlers_finished)
            if not self._news:
                result = await self._finish()
                if not self._news:
                    return result

    async def _load(self) -> None:
        self._enter(ReleasePhase.LOADING, "its manifest")
        await workflow.execute_activity_method(
            ReleaseActivities.load_release,
            LoadRelease(release=self._release, started_at=workflow.info().start_time),
            summary="Check and record the manifest",
            **_calls.LOOK,
        )

    async def _invite(self) -> None:
        self._enter(ReleasePhase.REQUEST, "owners")
        await workflow.execute_activity_method(
            ReleaseActivities.invite_missing,
            InviteMissing(
                campaign_id=self._release.campaign_id,
                actor=self._release.actor,
                deadline=self._release.request_deadline,
            ),
            summary="Ask the owners who are missing",
            priority=self._fair,
            **_calls.BULK,
        )

    async def _something_is_left(self) -> bool:
        self._news = False
        await self._read_plan()
        return bool(self._plan.waves or self._shards)

    async def _read_plan(self) -> None:
        self._plan = await workflow.execute_activity_method(
            ReleaseActivities.read_plan, self._ref, summary="Read where it stands", **_calls.RECORD
        )
        if not self._braked:
            # A run that goes on with the record finds there what was commanded before it.
            self._paused = self._plan.paused
            self._cancelled = self._plan.cancelled
        self._present()

    async def _bring_accounts_to_ready(self) -> None:
        """Share who has arrived, open the gates of their rows, and make what has to exist before the instant."""
        if self._cancelled or not any(wave.waiting for wave in self._plan.waves):
            return
        self._enter(ReleasePhase.SHARE, "accounts to be shared")
        await workflow.execute_activity_method(
            ReleaseActivities.settle_accounts,
            SettleAccounts(
                campaign_id=self._release.campaign_id,
                actor=self._release.actor,
                operator=self._release.operator,
                roster=self._release.roster,
            ),
            summary="Share accounts that have arrived",
            priority=self._fair,
            **_calls.BULK,
        )
        self._enter(ReleasePhase.PREPARE, "videos and ad groups")
        await workflow.execute_activity_method(
            PreparingActivities.prepare_ad_accounts,
            Prepare(campaign_id=self._release.campaign_id, template=self._release.template),
            summary="Upload videos, make ad groups",
            priority=self._fair,
            **_calls.BULK,
        )
        await self._read_plan()

    def _release_due_waves(self) -> None:
        for wave in self._plan.waves:
            if wave.due_at > workflow.now():
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
            self._news = True

    async def _wait_for_news(self) -> None:
        if not self._plan.waves and not self._shards:
            return
        waiting = any(wave.waiting for wave in self._plan.waves)
        due = [wave.due_at for wave in self._plan.waves if wave.due_at > workflow.now()]
        pauses = [moment - workflow.now() for moment in due[:1]]
        if waiting and not self._cancelled:
            pauses.append(LOOK_AGAIN)
        if self._shards:
            self._enter(ReleasePhase.PROMOTE, f"{len(self._shards)} shards")
        elif due:
            self._enter(ReleasePhase.PROMOTE, "the release instant")
        elif waiting:
            self._enter(ReleasePhase.REQUEST, "owners")
        try:
            await workflow.wait_condition(
                lambda: self._news, timeout=min(pauses) if pauses else LOOK_AGAIN, timeout_summary="until the next wave"
            )
        except TimeoutError:
            return

    async def _renew_if_long(self) -> None:
        if not workflow.info().is_continue_as_new_suggested() or self._shards:
            return
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            self._release.model_copy(update={"resumed": True, "resumed_paused": self._paused}),
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
        description="Let what failed or was blocked go again: {actor, reason, selection: {rows, territories, waves}}",
    )
    async def retry(self, command: RetryTargets) -> TargetsRetried:
        """Rows that were refused, blocked or frozen wait for their gates again; a published one never does."""
        retried = await workflow.execute_activity_method(
            RetryingActivities.retry_targets,
            Retry(campaign_id=self._release.campaign_id, command_id=command_id(), command=command),
            summary=f"Retry rows for {command.actor}",
            **_calls.ANSWER,
        )
        self._news = self._news or retried.taken > 0
        return retried

    @retry.validator
    def _one_retry(self, command: RetryTargets) -> None:
        """Refuse a call with no command, or several: in the handler that would stop the workflow."""

    @settle_target.validator
    def _one_verdict(self, command: SettleTarget) -> None:
        """Refuse a call with no verdict, or several: in the handler that would stop the workflow."""

    @workflow.signal(name=names.PAUSE, description="Let no further batch through: {actor, reason}")
    @one_value
    async def pause(self, raw: RawValue) -> None:
        """What is in flight finishes and is recorded."""
        await self._brake(raw, names.PAUSE, paused=True)

    @workflow.signal(name=names.RESUME, description="Go on: {actor, reason}")
    @one_value
    async def resume(self, raw: RawValue) -> None:
        """Go on; what became due in the meantime is published now."""
        await self._brake(raw, names.RESUME, paused=False)

    @workflow.signal(name=names.CANCEL, description="Publish nothing more: {actor, reason}")
    @one_value
    async def cancel(self, raw: RawValue) -> None:
        """Whatever was not submitted is cancelled; ads that exist stay as they are."""
        await self._brake(raw, names.CANCEL, paused=False, cancelled=True)

    async def _brake(self, raw: RawValue, action: str, *, paused: bool, cancelled: bool = False) -> None:
        command = self._undecodable.read(raw, Command, action)
        if command is None:
            self._present()
            return
        try:
            await workflow.execute_activity_method(
                ReleaseActivities.set_brake,
                Brake(
                    campaign_id=self._release.campaign_id,
                    command=command,
                    action=action,
                    paused=paused,
                    cancelled=cancelled or self._cancelled,
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
        self._paused = paused
        self._cancelled = cancelled or self._cancelled
        self._news = True
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
            next_due=self._next_due(),
            paused=self._paused,
            attention=self._attention(),
            last_error=self._last_error,
            undecodable_signals=self._undecodable.count,
        )

    def _next_due(self) -> datetime | None:
        return next((wave.due_at for wave in self._plan.waves if wave.due_at > workflow.now()), None)

    def _attention(self) -> str:
        if self._paused:
            return "paused: resume or cancel it"
        unknown = self._plan.counts.get(TargetState.UNKNOWN, 0)
        if unknown:
            rows = ", ".join(self._plan.unknown)
            return (
                f"{unknown} outcomes are unknown: {rows}{' …' if unknown > len(self._plan.unknown) else ''}. They are "
                "being looked for; what their shard says waits for a person is settled by `sparkads target settle`"
            )
        return self._last_error and "see the last error"

    def _enter(self, phase: ReleasePhase, waiting_on: str) -> None:
        if (phase, waiting_on) != (self._phase, self._waiting_on):
            self._phase, self._waiting_on, self._since = phase, waiting_on, workflow.now()
        self._present()

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
                "targets": ", ".join(f"{count} {state}" for state, count in sorted(counts.items())),
                "shards running": len(self._shards) or "",
                "paused": "yes" if self._paused else "",
                "signals that could not be read": self._undecodable.count or "",
                "last error": self._last_error,
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
