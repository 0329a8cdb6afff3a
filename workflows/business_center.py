"""
One Business Center, for ever: its access requests, its sweep, its cap.

It knows accounts and scopes, not members and grants. It must never wait for one account: everything about an account
happens in that account's own workflow.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.requests import (
        ActorCheck,
        AskQrCode,
        HandlesOf,
        LookForAccount,
        RequestActivities,
        ScanOnRecord,
        SweepAnswer,
    )
    from sparkads import names, search_attributes
    from sparkads.contracts.access_request import AccessRequestInput, CancelAccessRequest
    from sparkads.contracts.authorization import AccountLost, AuthorizationInput
    from sparkads.contracts.business_center import (
        BY_SWEEP,
        AccountList,
        BusinessCenterInput,
        BusinessCenterState,
        BusinessCenterStatus,
        CancelRequest,
        Decision,
        ListAccounts,
        PendingRequest,
        RequestAccess,
        RequestAccessResult,
        RequestClosed,
        RequestLine,
        RequestOpened,
        ScanOutcome,
        ScanReport,
    )
    from sparkads.errors import UnknownPolicy, describe, refused
    from sparkads.policy import PROFILES
    from sparkads.roles import Action
    from workflows import _calls, _card
    from workflows._messages import Undecodable, one_value

FIRST_SWEEP_AGAIN = timedelta(seconds=30)
"""Until the first sweep has said how often to look."""

FIRST_SWEEP_WITHIN = timedelta(minutes=5)
"""How long a command waits for the first sweep, which counts what is held."""

REPORTS_AT_ONCE = 100
"""Reported scans that are verified side by side; Temporal takes 2,000 pending activities of a workflow."""


@workflow.defn(name=names.BUSINESS_CENTER_WORKFLOW)
class BusinessCenterWorkflow:
    """
    Id `bc/{bc_id}`. Started by the first command; never ends.

    Update `request_access` opens requests, holds the cap (R6) and answers with the QR code; update `list_accounts`
    answers by role (R4). Signals `scan` and `cancel_request` are taken at any time, in any number. Continues as new
    when the server suggests it, after its handlers have finished; upgrades to the newest worker by itself.
    """

    @workflow.init
    def __init__(self, start: BusinessCenterInput) -> None:
        """Take over the state of the run before."""
        self._start = start
        self._bc_id = start.bc_id
        self._profile = PROFILES.get(start.policy)
        self._pending = dict(start.state.pending)
        self._held = start.state.held
        self._undecodable = Undecodable(start.state.undecodable, start.state.last_undecodable)
        self._last_sweep = start.state.last_sweep
        self._next_sweep: datetime | None = None
        self._last_error = start.state.last_error
        self._reports = list(start.state.reports)
        self._look_now = False
        self._awaited_pause = self._idle_pause = FIRST_SWEEP_AGAIN
        # Guards the count of slots: two commands must not both see the last free one while an activity runs.
        self._cap_lock = asyncio.Lock()
        # Two first commands must not both have a code made: there is one per scope (R8).
        self._code_lock = asyncio.Lock()

    @workflow.run
    async def run(self, _start: BusinessCenterInput) -> None:
        """Sweep, wait, sweep again."""
        self._refuse_without_policy()
        while not workflow.info().is_continue_as_new_suggested():
            await self._sweep()
            await self._wait_for_next_sweep()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self._start.model_copy(update={"state": self._state()}), memo={"bc": self._bc_id})

    async def _sweep(self) -> None:
        reports, self._reports = self._reports, []
        self._look_now = False
        try:
            answer: SweepAnswer = await workflow.execute_activity_method(
                RequestActivities.sweep_accounts, self._bc_id, summary="List TikTok accounts", **_calls.SWEEP
            )
        except ActivityError as error:
            self._last_error = describe(error)
            self._reports = reports + self._reports
            self._present()
            return
        self._last_error = ""
        self._last_sweep = workflow.now()
        self._held = answer.found.held
        self._awaited_pause = timedelta(seconds=answer.seconds_if_awaited)
        self._idle_pause = timedelta(seconds=answer.seconds_if_idle)
        appeared = {account.asset_id: account.handle for account in answer.found.appeared}
        await asyncio.gather(
            *(
                self._authorize(account.asset_id, self._request_answered_by(account.handle, account.name))
                for account in answer.found.appeared
            ),
            *(self._report_loss(asset_id) for asset_id in answer.found.lost),
            *(self._report_answer(name) for name in answer.found.answered),
        )
        for start in range(0, len(reports), REPORTS_AT_ONCE):
            batch = reports[start : start + REPORTS_AT_ONCE]
            await asyncio.gather(*(self._settle_report(report, appeared) for report in batch))
        self._present()

    def _request_answered_by(self, handle: str, name: str) -> str | None:
        # Anyone may call themselves anything: the display name counts only where TikTok shows no handle.
        known_as = handle or name.removeprefix("@").lower()
        for request in self._pending.values():
            if request.handle == known_as:
                return request.name
        return next((request.name for request in self._pending.values() if request.handle is None), None)

    async def _authorize(self, asset_id: str, request_name: str | None) -> None:
        try:
            await workflow.start_child_workflow(
                names.AUTHORIZATION_WORKFLOW,
                AuthorizationInput(bc_id=self._bc_id, asset_id=asset_id, request_name=request_name),
                id=names.authorization_id(self._bc_id, asset_id),
                # An authorization outlives every run of this workflow.
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"TikTok account {asset_id} in Business Center {self._bc_id}",
            )
        except WorkflowAlreadyStartedError:
            # Seen by the sweep before its own first step was recorded.
            workflow.logger.info("authorization runs already", extra={"asset_id": asset_id})

    async def _report_loss(self, asset_id: str) -> None:
        handle = workflow.get_external_workflow_handle(names.authorization_id(self._bc_id, asset_id))
        try:
            await handle.signal(names.LOST, AccountLost(seen_at=workflow.now()))
        except FailureError as error:
            self._last_error = f"authorization of account {asset_id} is on record but does not run: {describe(error)}"

    async def _report_answer(self, name: str) -> None:
        """Tell a request whose account was authorized without it, or whose handle TikTok showed only later."""
        handle = workflow.get_external_workflow_handle(names.access_request_id(self._bc_id, name))
        pending = self._pending.get(name)
        try:
            await handle.signal(names.SCAN, ScanReport(handle=pending and pending.handle, reported_by=BY_SWEEP))
        except FailureError:
            workflow.logger.info("request has its answer already", extra={"request": name})

    async def _settle_report(self, report: ScanReport, appeared: dict[str, str]) -> None:
        """A report counts once TikTok confirms it; a refusal leaves no trace there, so it is passed on."""
        if report.decision is Decision.DECLINED:
            name = next((one.name for one in self._pending.values() if one.handle == report.handle), None)
            if name is not None:
                await self._signal_request(name, names.SCAN, report)
                return
            await self._keep_scan(report, ScanOutcome.DECLINED)
        elif report.decision is Decision.OUTDATED_APP:
            await self._keep_scan(report, ScanOutcome.OUTDATED_APP)
        elif report.asset_id in appeared or (report.handle and report.handle in appeared.values()):
            return  # recorded as accepted by the authorization itself
        else:
            known = await workflow.execute_activity_method(
                RequestActivities.find_authorized,
                LookForAccount(bc_id=self._bc_id, handle=report.handle, asset_id=report.asset_id),
                summary="Verify a reported scan",
                **_calls.RECORD,
            )
            await self._keep_scan(report, ScanOutcome.DUPLICATE if known.asset_id else ScanOutcome.UNVERIFIED)

    async def _keep_scan(self, report: ScanReport, outcome: ScanOutcome) -> None:
        await workflow.execute_activity_method(
            RequestActivities.keep_scan,
            ScanOnRecord(bc_id=self._bc_id, report=report, outcome=outcome),
            summary=f"Scan: {outcome.value.replace('_', ' ')}",
            **_calls.RECORD,
        )

    async def _wait_for_next_sweep(self) -> None:
        pause = self._awaited_pause if self._pending else self._idle_pause
        self._next_sweep = workflow.now() + pause
        try:
            # One more person awaited, or a report, and the next look is due at once.
            await workflow.wait_condition(lambda: self._look_now, timeout=pause, timeout_summary="until the next sweep")
        except TimeoutError:
            return

    @workflow.update(name=names.REQUEST_ACCESS, description="Ask owners for access; answers with the QR code")
    async def request_access(self, command: RequestAccess) -> RequestAccessResult:
        """Open a request for each handle, as long as the cap has room (R2, R6, R8)."""
        check = ActorCheck(bc_id=self._bc_id, actor=command.actor, action=Action.REQUEST_ACCESS)
        await workflow.execute_activity_method(
            RequestActivities.check_actor, check, summary="Only an admin may request access", **_calls.ANSWER
        )
        async with self._code_lock:
            code = await workflow.execute_activity_method(
                RequestActivities.get_qr_code,
                AskQrCode(bc_id=self._bc_id, actor=command.actor, scope=command.scope),
                summary=f"QR code for {command.scope.key}",
                **_calls.ANSWER,
            )
        async with self._cap_lock:
            await self._first_sweep_done()
            known = await workflow.execute_activity_method(
                RequestActivities.look_up_handles,
                HandlesOf(bc_id=self._bc_id, handles=command.handles),
                summary="Who is authorized already",
                **_calls.ANSWER,
            )
            lines = self._reserve(command, known.authorized)
            await asyncio.gather(*(self._open(command, line) for line in lines if line.outcome is RequestOpened.OPENED))
        self._present()
        return RequestAccessResult(
            qr=code, requests=tuple(lines), slots_used=self._held + len(self._pending), slots=self._slots
        )

    @request_access.validator
    def _one_request(self, command: RequestAccess) -> None:  # noqa: ARG002 - a validator takes what its update takes
        """Refuse a call with no command, or several: in the handler that would stop the workflow."""
        self._refuse_without_policy()

    def _refuse_without_policy(self) -> None:
        if self._profile is None:
            raise refused(UnknownPolicy(f"no policy profile {self._start.policy!r}; known: {', '.join(PROFILES)}"))

    async def _first_sweep_done(self) -> None:
        # Nobody knows before it how many accounts are held, and the cap counts them (R6).
        try:
            await workflow.wait_condition(
                lambda: self._last_sweep is not None,
                timeout=FIRST_SWEEP_WITHIN,
                timeout_summary="until the first sweep has counted",
            )
        except TimeoutError:
            problem = self._last_error or "no answer yet"
            raise ApplicationError(
                f"the accounts of Business Center {self._bc_id} could not be counted: {problem}",
                type="TikTokUnreachable",
            ) from None

    def _reserve(self, command: RequestAccess, authorized: dict[str, str]) -> list[RequestLine]:
        lines = []
        handles: tuple[str | None, ...] = tuple(dict.fromkeys(command.handles)) or (None,)
        for handle in handles:
            name = handle or f"open-{command.command_id}"[:64]
            asset_id = authorized.get(handle or "")
            if asset_id is not None:
                outcome = RequestOpened.ALREADY_AUTHORIZED
            elif name in self._pending:
                outcome = RequestOpened.ALREADY_OPEN
            elif self._held + len(self._pending) >= self._slots:
                outcome = RequestOpened.CAP_REACHED
            else:
                outcome = RequestOpened.OPENED
                self._pending[name] = PendingRequest(name=name, handle=handle, scope=command.scope)
                self._look_now = True
            lines.append(RequestLine(name=name, handle=handle, outcome=outcome, asset_id=asset_id))
        return lines

    async def _open(self, command: RequestAccess, line: RequestLine) -> None:
        request = AccessRequestInput(
            bc_id=self._bc_id,
            name=line.name,
            handle=line.handle,
            scope=command.scope,
            requested_by=command.actor,
            opened_at=workflow.now(),
            deadline=command.deadline,
            remind_every_hours=command.remind_every_hours,
        )
        try:
            await workflow.start_child_workflow(
                names.ACCESS_REQUEST_WORKFLOW,
                request,
                id=names.access_request_id(self._bc_id, line.name),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"Access request in Business Center {self._bc_id}, scope {command.scope.key}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("request runs already", extra={"request": line.name})

    @workflow.update(name=names.LIST_ACCOUNTS, description="All accounts for an admin, the assigned ones otherwise")
    async def list_accounts(self, command: ListAccounts) -> AccountList:
        """Answer by role (R4)."""
        return await workflow.execute_activity_method(
            RequestActivities.list_accounts,
            ActorCheck(bc_id=self._bc_id, actor=command.actor, action=Action.SEE_ACCOUNTS),
            summary="List accounts",
            **_calls.ANSWER,
        )

    @list_accounts.validator
    def _one_question(self, command: ListAccounts) -> None:
        """Refuse a call with no question, or several: in the handler that would stop the workflow."""

    @workflow.signal(name=names.SCAN, description="An owner scanned the code: {handle, decision, reported_by}")
    @one_value
    def scan(self, raw: RawValue) -> None:
        """Take a report; the next sweep, which starts at once, verifies it."""
        report = self._undecodable.read(raw, ScanReport, names.SCAN)
        if report is not None:
            self._reports.append(report)
            self._look_now = True
        self._present()

    @workflow.signal(name=names.CANCEL_REQUEST, description="Take an access request back: {name, actor, reason}")
    @one_value
    async def cancel_request(self, raw: RawValue) -> None:
        """Pass the command on to the request, which checks the actor."""
        command = self._undecodable.read(raw, CancelRequest, names.CANCEL_REQUEST)
        if command is not None:
            message = CancelAccessRequest(actor=command.actor, reason=command.reason)
            await self._signal_request(command.name, names.CANCEL, message)
        self._present()

    async def _signal_request(self, name: str, signal: str, message: CancelAccessRequest | ScanReport) -> None:
        handle = workflow.get_external_workflow_handle(names.access_request_id(self._bc_id, name))
        try:
            await handle.signal(signal, message)
        except FailureError:
            self._pending.pop(name, None)
            self._last_error = f"{signal}: there is no open request {name}"

    @workflow.signal(name=names.REQUEST_CLOSED, description="From an access request: its slot is free")
    @one_value
    def request_closed(self, raw: RawValue) -> None:
        """Free the slot; an approved account counts among the held ones from the next sweep on."""
        closed = self._undecodable.read(raw, RequestClosed, names.REQUEST_CLOSED)
        if closed is not None:
            self._pending.pop(closed.name, None)
        self._present()

    @workflow.query(name=names.STATUS, description="Slots, open requests, last and next sweep")
    def status(self) -> BusinessCenterStatus:
        """Names no accounts: `list_accounts` knows who asks (R4)."""
        return BusinessCenterStatus(
            bc_id=self._bc_id,
            policy=self._start.policy,
            held=self._held,
            pending=len(self._pending),
            slots=self._slots,
            waiting_for=tuple(self._pending)[:20],
            undecodable_signals=self._undecodable.count,
            last_undecodable=self._undecodable.last,
            last_sweep=self._last_sweep,
            next_sweep=self._next_sweep,
            last_error=self._last_error,
        )

    @property
    def _slots(self) -> int:
        return self._profile.accounts_per_business_center if self._profile else 0

    def _state(self) -> BusinessCenterState:
        return BusinessCenterState(
            pending=self._pending,
            held=self._held,
            undecodable=self._undecodable.count,
            last_undecodable=self._undecodable.last,
            last_sweep=self._last_sweep,
            last_error=self._last_error,
            reports=tuple(self._reports),
        )

    def _present(self) -> None:
        waiting = f"{len(self._pending)} owners" if self._pending else "nobody"
        _card.show(
            f"Business Center {self._bc_id}",
            {
                "accounts": f"{self._held} held, {len(self._pending)} requested, {self._slots} slots",
                "policy": self._start.policy,
                "waiting for": waiting,
                "last sweep": self._last_sweep,
                "signals that could not be read": self._undecodable.count or "",
                "last of them": self._undecodable.last,
                "last error": self._last_error,
            },
            to_do=self._last_error and "see the last error; pending activities name their reason",
        )
        workflow.upsert_search_attributes(
            [
                search_attributes.PHASE.value_set("waiting for scans" if self._pending else "watching"),
                search_attributes.BUSINESS_CENTER.value_set(self._bc_id),
                search_attributes.WAITING_ON.value_set(waiting),
                search_attributes.ATTENTION.value_set(bool(self._last_error)),
            ]
        )
