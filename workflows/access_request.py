"""
One access request: somebody was asked, and has not answered yet.

It ends with an answer, a cancellation or a deadline; the authorization that may follow has a workflow of its own, and
no deadline.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.requests import (
        ActorCheck,
        AnswerRequest,
        Closed,
        CloseRequest,
        OpenRequest,
        Remind,
        RequestActivities,
        ScanOnRecord,
    )
    from sparkads import names, search_attributes
    from sparkads.contracts.access_request import (
        AccessRequestInput,
        AccessRequestResult,
        AccessRequestStatus,
        CancelAccessRequest,
        RequestOutcome,
    )
    from sparkads.contracts.business_center import BY_SWEEP, Decision, RequestClosed, ScanOutcome, ScanReport
    from sparkads.contracts.release import AccessChanged
    from sparkads.errors import describe, from_failure
    from sparkads.roles import Action
    from workflows import _calls, _card
    from workflows._messages import Undecodable, one_value

MAINTENANCE = timedelta(days=30)
"""A run that waits is renewed this often, so that none depends on code that is years old. It ends nothing."""


@workflow.defn(name=names.ACCESS_REQUEST_WORKFLOW)
class AccessRequestWorkflow:
    """
    Id `request/{bc_id}/{name}`. Started by `BusinessCenterWorkflow`, which has reserved its slot (R6).

    Signal `scan` answers it, signal `cancel` (by an admin) takes it back. Durable timers remind and, where a deadline
    was set, end it. Continues as new when the server suggests it and every 30 days; upgrades to the newest worker by
    itself.
    """

    @workflow.init
    def __init__(self, request: AccessRequestInput) -> None:
        """Wait for nothing yet."""
        self._request = request
        self._outcome = RequestOutcome.PENDING
        self._reminders = request.reminders_sent
        self._undecodable = Undecodable(request.undecodable, request.last_undecodable)
        self._scans: list[ScanReport] = []
        self._cancels: list[CancelAccessRequest] = []
        self._last_scan = request.last_scan
        self._last_error = ""

    @workflow.run
    async def run(self, request: AccessRequestInput) -> AccessRequestResult:
        """Put it on record, wait for an answer that is on record, tell who waits."""
        if request.request_id is None:
            await self._open()
        closed = await self._wait_for_answer()
        self._outcome = closed.result.outcome
        self._present()
        await self._tell(
            names.business_center_id(request.bc_id), names.REQUEST_CLOSED, RequestClosed(name=request.name)
        )
        # Scans that came together with the answer: the Business Center verifies and keeps them (R9).
        for report in self._scans:
            if report.reported_by != BY_SWEEP:
                await self._tell(names.business_center_id(request.bc_id), names.SCAN, report)
        for campaign in closed.waiting_campaigns:
            await self._tell(names.release_campaign_id(campaign), names.ACCESS_CHANGED, AccessChanged())
        await workflow.wait_condition(workflow.all_handlers_finished)
        return closed.result

    @property
    def _request_id(self) -> str:
        request = self._request
        return request.request_id or names.access_request_on_record(
            request.bc_id, request.name, workflow.info().first_execution_run_id
        )

    async def _open(self) -> None:
        await workflow.execute_activity_method(
            RequestActivities.open_request,
            OpenRequest.of(self._request, self._request_id),
            summary="Record the request",
            **_calls.RECORD,
        )

    async def _wait_for_answer(self) -> Closed:
        renew_at = workflow.now() + MAINTENANCE
        while True:
            self._present()
            wake_at = min(moment for moment in (renew_at, self._request.deadline, self._next_reminder()) if moment)
            try:
                await workflow.wait_condition(
                    lambda: bool(self._scans or self._cancels) or workflow.info().is_continue_as_new_suggested(),
                    timeout=max(wake_at - workflow.now(), timedelta(0)),
                    timeout_summary="maintenance; ends nothing" if wake_at == renew_at else "deadline or next reminder",
                )
            except TimeoutError:
                if self._request.deadline is not None and workflow.now() >= self._request.deadline:
                    reason = f"no answer before {self._request.deadline:%Y-%m-%d %H:%M:%S} UTC"
                    return await self._close(RequestOutcome.TIMED_OUT, reason, closed_by="")
                if wake_at != renew_at:
                    await self._remind()
            while self._scans:
                closed = await self._weigh(self._scans.pop(0))
                if closed is not None:
                    return closed
            while self._cancels:
                command = self._cancels.pop(0)
                if await self._may_cancel(command):
                    return await self._close(RequestOutcome.CANCELLED, command.reason, closed_by=command.actor)
            if workflow.info().is_continue_as_new_suggested() or workflow.now() >= renew_at:
                await self._renew()

    async def _renew(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._scans or self._cancels:
            return
        workflow.continue_as_new(
            self._request.model_copy(
                update={
                    "request_id": self._request_id,
                    "reminders_sent": self._reminders,
                    "undecodable": self._undecodable.count,
                    "last_undecodable": self._undecodable.last,
                    "last_scan": self._last_scan,
                }
            ),
            memo={"bc": self._request.bc_id},
        )

    def _next_reminder(self) -> datetime | None:
        if self._request.remind_every_hours is None:
            return None
        return self._request.opened_at + (self._reminders + 1) * timedelta(hours=self._request.remind_every_hours)

    async def _remind(self) -> None:
        # One is enough, also after a time in which nobody worked: it says which of them it is.
        every = timedelta(hours=self._request.remind_every_hours or 1)
        self._reminders = max(self._reminders + 1, (workflow.now() - self._request.opened_at) // every)
        await workflow.execute_activity_method(
            RequestActivities.note_reminder,
            Remind(
                **self._request.model_dump(include={"bc_id", "name", "handle", "scope", "opened_at", "deadline"}),
                request_id=self._request_id,
                number=self._reminders,
            ),
            summary=f"Reminder {self._reminders}",
            **_calls.RECORD,
        )

    async def _close(self, outcome: RequestOutcome, reason: str, *, closed_by: str) -> Closed:
        return await workflow.execute_activity_method(
            RequestActivities.close_request,
            CloseRequest(
                bc_id=self._request.bc_id,
                request_id=self._request_id,
                name=self._request.name,
                handle=self._request.handle,
                result=AccessRequestResult(outcome=outcome, reason=reason),
                closed_by=closed_by,
            ),
            summary=f"Record the outcome: {outcome}",
            **_calls.RECORD,
        )

    async def _weigh(self, report: ScanReport) -> Closed | None:
        """How a scan has closed this request; None if it goes on waiting (R9)."""
        expected = self._request.handle
        if expected is not None and report.handle is not None and report.handle != expected:
            await self._keep_scan(report, ScanOutcome.UNEXPECTED_ACCOUNT)
            return None
        if report.decision is not Decision.APPROVED:
            return await self._weigh_refusal(report)
        answered = await workflow.execute_activity_method(
            RequestActivities.answer_request,
            AnswerRequest(
                bc_id=self._request.bc_id,
                request_id=self._request_id,
                name=self._request.name,
                handle=expected,
                approved_handle=expected or report.handle,
                approved_asset_id=report.asset_id,
            ),
            summary="Verify the scan, record the outcome",
            **_calls.RECORD,
        )
        if answered.closed is not None:
            return answered.closed
        # Only a sweep can verify it; the Business Center looks at once.
        await self._tell(names.business_center_id(self._request.bc_id), names.SCAN, report)
        self._last_scan = "reported, and not listed by TikTok yet"
        return None

    async def _weigh_refusal(self, report: ScanReport) -> Closed | None:
        """
        What leaves no trace at TikTok counts if a member says so.

        One who declines an open invitation speaks for themselves only: others have the code as well.
        """
        may = await workflow.execute_activity_method(
            RequestActivities.is_allowed,
            ActorCheck(bc_id=self._request.bc_id, actor=report.reported_by, action=Action.REPORT_SCAN),
            summary="Was it reported by a member?",
            **_calls.LOOK,
        )
        if not may.allowed:
            await self._keep_scan(report, ScanOutcome.UNVERIFIED)
            return None
        await self._keep_scan(report, ScanOutcome(report.decision.value))
        if report.decision is Decision.DECLINED and self._request.handle is not None:
            return await self._close(RequestOutcome.DECLINED, report.reason, closed_by=report.reported_by)
        return None

    async def _keep_scan(self, report: ScanReport, outcome: ScanOutcome) -> None:
        self._last_scan = outcome.value
        await workflow.execute_activity_method(
            RequestActivities.keep_scan,
            ScanOnRecord(bc_id=self._request.bc_id, report=report, outcome=outcome, request_name=self._request.name),
            summary=f"Scan: {outcome.value.replace('_', ' ')}",
            **_calls.RECORD,
        )

    async def _may_cancel(self, command: CancelAccessRequest) -> bool:
        try:
            await workflow.execute_activity_method(
                RequestActivities.check_actor,
                ActorCheck(bc_id=self._request.bc_id, actor=command.actor, action=Action.REQUEST_ACCESS),
                summary="Only an admin may take a request back",
                **_calls.LOOK,
            )
        except ActivityError as error:
            if from_failure(error) is None:
                raise
            self._last_error = describe(error)
            return False
        return True

    async def _tell(self, workflow_id: str, signal: str, message: RequestClosed | ScanReport | AccessChanged) -> None:
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(signal, message)
        except FailureError:
            # Who is not there any more needs no answer.
            workflow.logger.info("nobody to tell", extra={"workflow": workflow_id})

    @workflow.signal(name=names.SCAN, description="The owner scanned: {handle, decision, reported_by, reason}")
    @one_value
    def scan(self, raw: RawValue) -> None:
        """Take a report of the owner's answer."""
        report = self._undecodable.read(raw, ScanReport, names.SCAN)
        if report is not None:
            self._scans.append(report)
        self._present()

    @workflow.signal(name=names.CANCEL, description="Take the request back: {actor, reason}")
    @one_value
    def cancel(self, raw: RawValue) -> None:
        """Take a cancellation; the actor is checked before it counts (R2)."""
        command = self._undecodable.read(raw, CancelAccessRequest, names.CANCEL)
        if command is not None:
            self._cancels.append(command)
        self._present()

    @workflow.query(name=names.STATUS, description="Outcome so far, since when, until when")
    def status(self) -> AccessRequestStatus:
        """Where the request stands."""
        return AccessRequestStatus(
            name=self._request.name,
            handle=self._request.handle,
            outcome=self._outcome,
            waiting_since=self._request.opened_at,
            deadline=self._request.deadline,
            reminders_sent=self._reminders,
            undecodable_signals=self._undecodable.count,
            last_undecodable=self._undecodable.last,
            last_scan=self._last_scan,
            last_error=self._last_error,
        )

    def _present(self) -> None:
        pending = self._outcome is RequestOutcome.PENDING
        _card.show(
            f"Access request in Business Center {self._request.bc_id}: {self._outcome}",
            {
                "waiting for": "the owner to scan and approve" if pending else "",
                "since": self._request.opened_at,
                "scope": self._request.scope.key,
                "next reminder": self._next_reminder() if pending and self._request.remind_every_hours else "",
                "deadline": self._request.deadline or "none",
                "last scan": self._last_scan,
                "signals that could not be read": self._undecodable.count or "",
                "last error": self._last_error,
            },
            to_do="send the owner the QR code" if pending else "",
        )
        changed = _card.changed(
            search_attributes.PHASE.value_set(f"request {self._outcome}"),
            search_attributes.BUSINESS_CENTER.value_set(self._request.bc_id),
            search_attributes.WAITING_ON.value_set("owner" if pending else "nobody"),
        )
        if changed:
            workflow.upsert_search_attributes(changed)
