"""
One takedown: rows of a release are wanted gone, while it runs or after it has ended.

It knows counts and the first hundred names. The rows, and how far each is, are in Postgres; so a takedown that was
interrupted, or a further one for the same rows, goes on where it stopped.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.report import AskForReport, ReportActivities
    from activities.takedowns import BeginTakedown, FinishTakedown, Stepped, TakedownActivities, TakedownStep
    from sparkads import names, search_attributes
    from sparkads.contracts.release import RowsHeld
    from sparkads.contracts.takedown import (
        TakedownInput,
        TakedownPhase,
        TakedownProgress,
        TakedownResult,
        TakedownStatus,
    )
    from workflows import _calls, _card

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=10)
LOOK_LESS_OFTEN = 1.5
"""Between two looks at outcomes that are not known yet; each makes the next pause this much longer."""

ON_CARD = 20
"""Rows that the details card names of each kind; `status` names more, and the trail all."""

TRIES = 5
"""Times that TikTok may refuse to take ads down before the takedown ends and names them."""


@workflow.defn(name=names.TAKEDOWN_WORKFLOW)
class TakedownWorkflow:
    """
    Id `takedown/{campaign_id}/{name}`. Started by a person or a service; ends with the release's new report.

    What was not submitted is cancelled; spend is stopped, then ads are deleted. Rows whose outcome is not known yet are
    waited for, and taken down once it is. Continues as new between two looks when the server suggests it.
    """

    @workflow.init
    def __init__(self, start: TakedownInput) -> None:
        """Begin, or go on where the run before stopped."""
        self._start = start
        self._bc_id = start.bc_id or ""
        self._step = TakedownStep(campaign_id=start.campaign_id, only=start.command.only, actor=start.command.actor)
        self._phase = TakedownPhase.BEGINNING
        self._waiting_on = "its rows"
        self._since = workflow.now()
        self._progress = TakedownProgress()
        self._failed = Stepped(failed=0, failed_rows=())

    @workflow.run
    async def run(self, _start: TakedownInput) -> TakedownResult:
        """Let nothing new out, then clear what is out until nothing is left or TikTok keeps refusing."""
        if not self._bc_id:
            await self._begin()
        pause, refusals = FIRST_PAUSE, 0
        while True:
            await self._look()
            if self._progress.left:
                await self._clear()
                # What TikTok does not answer about may pass; only its refusals are counted.
                refusals = refusals + 1 if self._failed.failed and not self._failed.later else 0
            if not self._progress.not_yet_known and (not self._progress.left or refusals >= TRIES):
                break
            self._enter(TakedownPhase.WAITING, self._what_is_left())
            await workflow.sleep(pause, summary="until the next look at what is left")
            pause = min(LONGEST_PAUSE, pause * LOOK_LESS_OFTEN)
            self._renew_if_long()
        return await self._finish()

    async def _begin(self) -> None:
        self._present()
        begun = await workflow.execute_activity_method(
            TakedownActivities.begin_takedown,
            BeginTakedown(campaign_id=self._start.campaign_id, command=self._start.command),
            summary=f"Let nothing new out, for {self._start.command.actor}",
            **_calls.ANSWER,
        )
        self._bc_id = begun.bc_id
        if begun.cancelled:
            await self._tell_campaign()

    async def _look(self) -> None:
        self._progress = await workflow.execute_activity_method(
            TakedownActivities.look_at_takedown, self._step, summary="Read where the rows stand", **_calls.RECORD
        )
        self._present()

    async def _clear(self) -> None:
        """Spend first: all ads are switched off before any is deleted."""
        self._enter(TakedownPhase.STOPPING_SPEND, "TikTok")
        stopped = await workflow.execute_activity_method(
            TakedownActivities.stop_spend,
            self._step,
            summary="Switch the ads off",
            priority=_calls.fair_to(self._bc_id),
            **_calls.BULK,
        )
        self._enter(TakedownPhase.DELETING_ADS, "TikTok")
        deleted = await workflow.execute_activity_method(
            TakedownActivities.delete_ads,
            self._step,
            summary="Delete the ads",
            priority=_calls.fair_to(self._bc_id),
            **_calls.BULK,
        )
        # What could not be switched off and is deleted now is no failure; what could not be deleted is.
        self._failed = deleted
        if stopped.failed and not deleted.failed:
            workflow.logger.info("ads that could not be switched off were deleted", extra={"rows": stopped.failed})
        await self._look()

    async def _finish(self) -> TakedownResult:
        self._progress = await workflow.execute_activity_method(
            TakedownActivities.finish_takedown,
            FinishTakedown(
                campaign_id=self._start.campaign_id,
                command=self._start.command,
                failed=self._failed.failed,
                failed_rows=self._failed.failed_rows,
            ),
            summary="Tell what is left",
            **_calls.RECORD,
        )
        await self._tell_campaign()
        self._enter(TakedownPhase.REPORT, "its report")
        report = await workflow.execute_activity_method(
            ReportActivities.write_report,
            AskForReport(campaign_id=self._start.campaign_id),
            summary="Write the release's report again",
            **_calls.LOOK,
        )
        self._enter(TakedownPhase.DONE, "nobody")
        return TakedownResult(
            progress=self._progress, failed=self._failed.failed, failed_rows=self._failed.failed_rows, report=report
        )

    async def _tell_campaign(self) -> None:
        campaign = workflow.get_external_workflow_handle(names.release_campaign_id(self._start.campaign_id))
        try:
            await campaign.signal(names.ROWS_HELD, RowsHeld(rows=()))
        except FailureError:
            workflow.logger.info("the campaign has ended")

    def _renew_if_long(self) -> None:
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(
                self._start.model_copy(update={"bc_id": self._bc_id}), memo={"campaign": self._start.campaign_id}
            )

    @workflow.query(name=names.STATUS, description="Counts, what is left, what only owners can remove")
    def status(self) -> TakedownStatus:
        """Where the takedown stands."""
        return TakedownStatus(
            campaign_id=self._start.campaign_id,
            name=self._start.name,
            phase=self._phase,
            waiting_on=self._waiting_on,
            since=self._since,
            progress=self._progress,
            failed=self._failed.failed,
            failed_rows=self._failed.failed_rows,
        )

    def _what_is_left(self) -> str:
        if self._progress.not_yet_known:
            return f"{self._progress.not_yet_known} outcomes that are not known yet"
        return f"TikTok, to take down {self._progress.left} ads"

    def _enter(self, phase: TakedownPhase, waiting_on: str) -> None:
        if (phase, waiting_on) != (self._phase, self._waiting_on):
            self._phase, self._waiting_on, self._since = phase, waiting_on, workflow.now()
        self._present()

    def _to_do(self) -> str:
        words = []
        if self._progress.not_yet_known:
            words.append(_some("not yet known", self._progress.not_yet_known, self._progress.not_yet_known_rows))
        if self._failed.failed:
            rows = [f"{one.row_id} ({one.why[:200]})" for one in self._failed.failed_rows[:10]]
            words.append(_some("TikTok refuses", self._failed.failed, rows))
        if self._failed.later:
            words.append(f"{self._failed.later} rows are tried again: {self._failed.later_because[:300]}")
        if self._progress.owner_removes:
            posts = [f"{post.item_id} of @{post.handle} (row {post.row_id})" for post in self._progress.owner_posts]
            words.append(_some("only their owners can remove the posts", self._progress.owner_removes, posts))
        return "; ".join(words)

    def _present(self) -> None:
        counts = self._progress.counts
        _card.show(
            f"Takedown in release {self._start.campaign_id}: {self._phase}",
            {
                "because": self._start.command.reason,
                "by": self._start.command.actor,
                "waiting for": self._waiting_on,
                "since": self._since,
                "rows": ", ".join(f"{count} {state}" for state, count in sorted(counts.items())),
                "switched off": self._progress.spend_stopped,
                "left": self._progress.left,
            },
            to_do=self._to_do(),
        )
        changed = _card.changed(
            search_attributes.PHASE.value_set(self._phase.value),
            search_attributes.CAMPAIGN.value_set(self._start.campaign_id),
            search_attributes.WAITING_ON.value_set(self._waiting_on),
            search_attributes.ATTENTION.value_set(bool(self._to_do())),
        )
        if self._bc_id:
            changed += _card.changed(search_attributes.BUSINESS_CENTER.value_set(self._bc_id))
        if changed:
            workflow.upsert_search_attributes(changed)


def _some(what: str, count: int, named: tuple[str, ...] | list[str]) -> str:
    shown = named[:ON_CARD]
    return f"{what}: {', '.join(shown)}{' …' if count > len(shown) else ''}"
