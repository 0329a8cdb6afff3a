"""
One shard: a page of targets of one ad account that are due at one instant, published in batches.

History holds counts and the names of rows that wait for a person; the targets, their intents and what became of them
are in Postgres.
"""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.confirming import ConfirmingActivities
    from activities.publish import PublishActivities, PublishShard, ShardRef
    from activities.settling import SettlingActivities
    from sparkads import names, search_attributes
    from sparkads.contracts.release import Command, OutcomeSettled, RowsHeld, ShardInput, ShardResult, TargetState
    from sparkads.errors import describe
    from workflows import _calls, _card
    from workflows._messages import Undecodable, one_value

LOOK_FOR_VERDICT = timedelta(minutes=10)
"""How often rows that wait for a person are looked at without a signal, should one ever get lost."""

LOOK_LESS_OFTEN = 1.5
"""Each look at a review that is not decided makes the next pause this much longer, up to the slow pace."""

AGAIN = timedelta(seconds=1)
LONGEST = timedelta(minutes=5)
"""Until what failed is tried again, twice as long each time: a killed worker is back at once, TikTok may not be."""


@workflow.defn(name=names.PUBLISH_SHARD_WORKFLOW)
class PublishShardWorkflow:
    """
    Id `campaign/{id}/wave/{w}/shard/{n}`. Started by `ReleaseCampaignWorkflow` a little before its instant.

    Signals `pause`, `resume`, `cancel`, `outcome_settled` come from the campaign; what is in flight finishes and is
    recorded. A row that becomes ready while others are in review is published then. Ends when no target is ready, open,
    unknown or in review. Continues as new between two looks when the
    server suggests it.
    """

    @workflow.init
    def __init__(self, start: ShardInput) -> None:
        """Take over from the run before."""
        self._shard = ShardRef(campaign_id=start.campaign_id, wave=start.wave, shard=start.shard)
        self._start = start
        self._parts = start.parts_done
        self._batches = start.batches_done
        self._paused = start.paused
        self._cancelled = False
        self._fair = _calls.fair_to(start.bc_id)
        self._undecodable = Undecodable()
        self._last_error = ""
        self._counts: dict[TargetState, int] = {}
        self._held: tuple[str, ...] = ()
        self._news = False
        self._failed = 0
        self._told = ""

    @workflow.run
    async def run(self, _start: ShardInput) -> ShardResult:
        """Publish until nothing is left, wait for the review, and for a person where one has to decide."""
        await self._settle()
        is_left = True
        while is_left:
            while await self._publish():
                self._renew_if_long()
            is_left = await self._confirm_all()
            if self._held and not is_left:
                await self._wait_for_a_person()
                is_left = True
        self._present("done")
        return self.status()

    async def _publish(self) -> bool:
        """Batch after batch for a while; False when nothing is left, or the campaign was cancelled."""
        await self._wait_while_paused()
        if self._cancelled:
            return False
        self._parts += 1
        self._present("publishing")
        try:
            done = await workflow.execute_activity_method(
                PublishActivities.publish_shard,
                PublishShard(shard=self._shard, number=self._parts),
                summary=f"Publish what is ready, part {self._parts}",
                priority=self._fair,
                **_calls.PUBLISH,
            )
        except ActivityError as error:
            # Never repeated: whether the ads were made is decided from what TikTok lists.
            self._last_error = describe(error)
            left = await self._settle()
            if left:
                await self._pause_after_failure("before it is tried again")
            return left > 0
        self._failed = 0
        self._batches += done.batches
        self._last_error = done.waiting_for if done.left else ""
        if done.unknown:
            return await self._settle() > 0
        if done.left and done.wait_seconds:
            self._present(f"waiting: {done.waiting_for}")
            await self._tell_campaign()
            await workflow.sleep(timedelta(seconds=done.wait_seconds), summary="until TikTok takes calls again")
        return done.left > 0

    async def _settle(self) -> int:
        """Look for evidence until no intent is open but those that a person decides; returns how many are ready."""
        while True:
            settled = await workflow.execute_activity_method(
                SettlingActivities.settle_intents,
                self._shard,
                summary="Settle open outcomes",
                priority=self._fair,
                **_calls.SETTLE,
            )
            self._held = settled.held
            self._last_error = settled.problem or self._last_error
            if settled.open == 0:
                self._failed = 0
                return settled.left
            self._present(f"looking for {settled.open} ads whose answer was lost")
            if settled.problem:
                await self._pause_after_failure("until TikTok can be asked again")
            else:
                await workflow.sleep(timedelta(seconds=settled.again_seconds), summary="until the next look")

    async def _confirm_all(self) -> bool:
        """Until no review is open; True as soon as there is something to publish again."""
        pause = 0.0
        while True:
            reviewed = await workflow.execute_activity_method(
                ConfirmingActivities.confirm_ads,
                self._shard,
                summary="Read the review",
                priority=self._fair,
                **_calls.SETTLE,
            )
            self._counts = reviewed.counts
            if reviewed.left and not self._paused and not self._cancelled:
                return True
            if reviewed.open == 0:
                return False
            self._last_error = reviewed.problem
            self._present(f"{reviewed.open} ads in review")
            pause = min(reviewed.slow_seconds, max(reviewed.fast_seconds, pause * LOOK_LESS_OFTEN))
            await workflow.sleep(timedelta(seconds=pause), summary="until the next look at the review")
            self._renew_if_long()

    async def _pause_after_failure(self, until: str) -> None:
        pause = min(AGAIN * 2 ** min(self._failed, 10), LONGEST)
        self._failed += 1
        await workflow.sleep(pause, summary=until)

    async def _tell_campaign(self) -> None:
        """Let the campaign look: rows wait for something or for somebody, and the record says which and what."""
        if self._told == self._last_error and not self._held:
            return
        self._told = self._last_error
        campaign = workflow.get_external_workflow_handle(names.release_campaign_id(self._start.campaign_id))
        try:
            await campaign.signal(names.ROWS_HELD, RowsHeld(rows=self._held))
        except FailureError:
            # A shard goes on without its campaign; the attributes of this run tell of the rows as well.
            workflow.logger.info("the campaign's workflow has ended")

    async def _wait_for_a_person(self) -> None:
        self._present("waiting for a person")
        await self._tell_campaign()
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._news, timeout=LOOK_FOR_VERDICT, timeout_summary="until a person settles the rows"
            )
        self._news = False
        self._renew_if_long()
        await self._settle()

    async def _wait_while_paused(self) -> None:
        if self._paused and not self._cancelled:
            self._present("paused")
            await workflow.wait_condition(lambda: not self._paused or self._cancelled)

    def _renew_if_long(self) -> None:
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(
                self._start.model_copy(
                    update={"parts_done": self._parts, "batches_done": self._batches, "paused": self._paused}
                ),
                memo={"campaign": self._start.campaign_id},
            )

    @workflow.signal(name=names.PAUSE, description="From the campaign: let no further batch through")
    @one_value
    def pause(self, raw: RawValue) -> None:
        """Stop before the next batch."""
        self._paused = self._undecodable.read(raw, Command, names.PAUSE) is not None or self._paused

    @workflow.signal(name=names.RESUME, description="From the campaign: go on")
    @one_value
    def resume(self, raw: RawValue) -> None:
        """Go on with the next batch."""
        if self._undecodable.read(raw, Command, names.RESUME) is not None:
            self._paused = False

    @workflow.signal(name=names.CANCEL, description="From the campaign: publish nothing more")
    @one_value
    def cancel(self, raw: RawValue) -> None:
        """Publish nothing more; wait for what is in review."""
        self._cancelled = self._undecodable.read(raw, Command, names.CANCEL) is not None or self._cancelled

    @workflow.signal(name=names.OUTCOME_SETTLED, description="From the campaign: a person has decided an outcome")
    @one_value
    def outcome_settled(self, raw: RawValue) -> None:
        """Look at the rows that wait for a person again."""
        self._news = self._undecodable.read(raw, OutcomeSettled, names.OUTCOME_SETTLED) is not None or self._news

    @workflow.query(name=names.STATUS, description="Counts by state, as of the last look")
    def status(self) -> ShardResult:
        """Counts by state."""
        return ShardResult(counts=self._counts)

    def _present(self, doing: str) -> None:
        _card.show(
            f"Wave {self._shard.wave}, shard {self._shard.shard} of campaign {self._shard.campaign_id}",
            {
                "doing": doing,
                "due": self._start.due_at,
                "batches": self._batches,
                "rows that wait for a person": ", ".join(self._held),
                "signals that could not be read": self._undecodable.count or "",
                "last error": self._last_error,
            },
            to_do=_card.settle_rows(self._shard.campaign_id, self._held),
        )
        changed = _card.changed(
            search_attributes.PHASE.value_set(doing.split(":", maxsplit=1)[0][:60]),
            search_attributes.CAMPAIGN.value_set(self._shard.campaign_id),
            search_attributes.WAVE.value_set(str(self._shard.wave)),
            search_attributes.BUSINESS_CENTER.value_set(self._start.bc_id),
            search_attributes.PAUSED.value_set(self._paused),
            search_attributes.ATTENTION.value_set(bool(self._last_error or self._held)),
        )
        if changed:
            workflow.upsert_search_attributes(changed)
