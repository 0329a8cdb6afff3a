"""
One Business Center, for ever: its access requests, its sweep, its cap.

It knows accounts and scopes, not members and grants. It must never wait for one account: everything about an account
happens in that account's own workflow.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.audit_trail import AuditActivities, ReadAudit
    from activities.notifications import ListNotifications, NotificationActivities
    from activities.people import PeopleActivities, ReadPeople
    from activities.qr_codes import AskQrCodes, QrCodeActivities, QrCodes
    from activities.requests import (
        ActorCheck,
        AskScans,
        BeginCommand,
        HandlesOf,
        KeepAnswer,
        LookForRequests,
        ReportedScan,
        RequestActivities,
        ScanOnRecord,
    )
    from activities.review import Review, ReviewActivities, Reviewed
    from activities.starts import NewAuthorizations, NewRequests, StartActivities
    from activities.sweep import SweepActivities, SweepAnswer
    from sparkads import names, search_attributes
    from sparkads.contracts.access_request import AccessRequestInput, CancelAccessRequest
    from sparkads.contracts.audit import AskAudit, AuditAnswer
    from sparkads.contracts.authorization import AccountLost, AuthorizationInput, PartnerShared
    from sparkads.contracts.business_center import (
        BY_SWEEP,
        AccountList,
        AskCode,
        BusinessCenterInput,
        BusinessCenterState,
        BusinessCenterStatus,
        CancelRequest,
        Decision,
        ListAccounts,
        ListScans,
        LookNow,
        PendingRequest,
        QrCode,
        RequestAccess,
        RequestAccessResult,
        RequestClosed,
        RequestLine,
        RequestOpened,
        ScanList,
        ScanOutcome,
        ScanReport,
    )
    from sparkads.contracts.drift import LEFT_OUT, AskDrift, DriftReport, Handling
    from sparkads.contracts.notification import AskNotifications, Notifications
    from sparkads.contracts.people import AskPeople, People
    from sparkads.contracts.release import AccessChanged
    from sparkads.errors import UnknownPolicy, describe, refused
    from sparkads.policy import PROFILES
    from sparkads.roles import Action
    from workflows import _calls, _card
    from workflows._messages import Renewal, Undecodable, command_id, one_value

FIRST_SWEEP_AGAIN = timedelta(seconds=30)
"""Until the first sweep has said how often to look, sweeps and reviews."""

RECORDED_WITHIN = timedelta(minutes=1)
"""After an account was first listed: it is on record by then, or TikTok does not list it any more."""

FIRST_SWEEP_WITHIN = timedelta(minutes=5)
"""How long a command waits for the first sweep, which counts what is held."""

SHOWN_AT_MOST = 5
"""Things left out of a comparison that the card names; `status` has more."""

REPORTS_AT_ONCE = 100
"""Reported scans that are verified side by side, and closed requests that are looked up together; Temporal takes 2,000
pending activities of a workflow."""


@workflow.defn(name=names.BUSINESS_CENTER_WORKFLOW)
class BusinessCenterWorkflow:
    """
    Id `bc/{bc_id}`. Started by the first command; never ends.

    Update `request_access` opens requests, holds the cap (R6) and answers with the QR code, which `qr_code` shows
    again or renews; `list_accounts` answers by role (R4); `list_scans`, `list_people`, `list_notifications`,
    `check_drift` and `audit` answer admins. Signals `scan`, `cancel_request` and `look` are taken at any time, in any
    number.

    Beside its sweep for new and lost accounts it reviews, less often, what can be done with those it has. Continues as
    new when the server suggests it, after its handlers have finished; upgrades to the newest worker by itself.
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
        self._last_review = start.state.last_review
        self._last_drift_check = start.state.last_drift_check
        self._open_differences = start.state.open_differences
        self._unread = start.state.unread
        self._left_out = start.state.left_out
        self._lasting = start.state.lasting
        self._review_now = False
        self._is_reviewing = True
        self._swept = False
        self._between_reviews = self._between_drift_checks = FIRST_SWEEP_AGAIN
        self._renewal = Renewal()
        # A run after the first has taken them over with its state.
        self._recalled = start.state.last_sweep is not None
        self._appearing: dict[str, datetime] = {}
        self._closed: list[str] = []
        self._freeing = asyncio.Lock()
        # Guards the count of slots: two commands must not both see the last free one while an activity runs.
        self._cap_lock = asyncio.Lock()
        # Two first commands must not both have a code made: there is one per scope (R8).
        self._code_lock = asyncio.Lock()

    @workflow.run
    async def run(self, _start: BusinessCenterInput) -> None:
        """Sweep, wait, sweep again; and review beside it."""
        self._refuse_without_policy()
        if not self._recalled:
            await self._recall_requests()
        reviews = asyncio.create_task(self._keep_reviewing())
        while not workflow.info().is_continue_as_new_suggested():
            await self._sweep()
            await self._wait_for_next_sweep()
        # One that is under way begins anew in the next run: it may take minutes, and commands wait for the next run.
        self._is_reviewing = False
        reviews.cancel()
        # It has its last word first: whatever it did after the end of the run would make that end impossible.
        await asyncio.gather(reviews, return_exceptions=True)
        await self._renewal.drain()
        workflow.continue_as_new(self._start.model_copy(update={"state": self._state()}), memo={"bc": self._bc_id})

    async def _recall_requests(self) -> None:
        """A first run may not be the first ever: a run before may have been terminated (R6)."""
        known = await workflow.execute_activity_method(
            RequestActivities.recall_requests, self._bc_id, summary="Open requests on record", **_calls.RECORD
        )
        self._pending |= {one.name: one for one in known.requests}
        self._recalled = True

    async def _sweep(self) -> None:
        reports, self._reports = self._reports, []
        self._look_now = False
        try:
            answer: SweepAnswer = await workflow.execute_activity_method(
                SweepActivities.sweep_accounts, self._bc_id, summary="List TikTok accounts", **_calls.SWEEP
            )
        except ActivityError as error:
            self._last_error = describe(error)
            self._reports = reports + self._reports
            self._present()
            return
        self._last_error = ""
        self._swept = True
        self._last_sweep = workflow.now()
        self._held = answer.found.held
        self._unread = answer.unread
        self._awaited_pause = timedelta(seconds=answer.seconds_if_awaited)
        self._idle_pause = timedelta(seconds=answer.seconds_if_idle)
        self._between_reviews = timedelta(seconds=answer.seconds_between_reviews)
        self._between_drift_checks = timedelta(seconds=answer.seconds_between_drift_checks)
        appeared = {account.asset_id: account.handle for account in answer.found.appeared}
        await asyncio.gather(
            self._authorize(answer),
            *(self._report_loss(asset_id) for asset_id in answer.found.lost),
            *(self._report_answer(name) for name in answer.found.answered),
        )
        for start in range(0, len(reports), REPORTS_AT_ONCE):
            batch = reports[start : start + REPORTS_AT_ONCE]
            await asyncio.gather(*(self._settle_report(report, appeared) for report in batch))
        if answer.untold:
            await self._tell_people(answer.untold)
        self._present()

    async def _tell_people(self, events: int) -> None:
        try:
            await workflow.execute_activity_method(
                NotificationActivities.deliver_notifications,
                self._bc_id,
                summary=f"Tell of {events} events",
                **_calls.TELL,
            )
        except ActivityError as error:
            # What is in the outbox is delivered after the next sweep.
            self._last_error = describe(error)

    async def _keep_reviewing(self) -> None:
        # A cancelled activity or signal ends as a failure of its own, which is caught where others are.
        while self._is_reviewing:
            await workflow.wait_condition(lambda: self._swept)
            due = (self._last_review or workflow.now()) + self._between_reviews
            if due > workflow.now():
                try:
                    await workflow.wait_condition(
                        lambda: self._review_now, timeout=due - workflow.now(), timeout_summary="until the next review"
                    )
                except TimeoutError:
                    workflow.logger.debug("review is due")
            if not self._is_reviewing:
                return
            last = self._last_drift_check
            permissions = self._review_now or last is None or last + self._between_drift_checks <= workflow.now()
            self._review_now = False
            before, self._last_review = self._last_review, workflow.now()
            try:
                await self._review(permissions=permissions)
            except ActivityError as error:
                if not self._is_reviewing:
                    self._last_review = before
                    return
                self._last_error = describe(error)
            self._present()

    async def _review(self, *, permissions: bool) -> None:
        reviewed = await workflow.execute_activity_method(
            ReviewActivities.review_accounts,
            Review(bc_id=self._bc_id, permissions=permissions),
            summary="Compare accounts, links and permissions" if permissions else "Compare accounts and links",
            **_calls.REVIEW,
        )
        await self._pass_on(reviewed, permissions=permissions)

    async def _pass_on(self, reviewed: Reviewed, *, permissions: bool) -> None:
        """Let those go on who have waited for what a review has found."""
        self._last_review = workflow.now()
        if permissions:
            self._last_drift_check = workflow.now()
        flagged = [one for one in reviewed.report.differences if one.handling is Handling.FLAGGED]
        self._open_differences = sum(one.kind not in LEFT_OUT for one in flagged)
        self._left_out, self._lasting = reviewed.left_out, reviewed.lasting
        for ready in reviewed.partners_ready:
            authorization = names.authorization_id(self._bc_id, ready.asset_id)
            await self._tell(
                authorization, names.PARTNER_SHARED, PartnerShared(advertiser_ids=ready.advertiser_ids[:200])
            )
        for campaign in reviewed.campaigns:
            await self._tell(names.release_campaign_id(campaign), names.ACCESS_CHANGED, AccessChanged())

    async def _tell(self, workflow_id: str, signal: str, message: PartnerShared | AccessChanged) -> None:
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(signal, message)
        except FailureError:
            workflow.logger.info("nobody to tell", extra={"workflow": workflow_id})

    def _request_answered_by(self, handle: str, name: str) -> str | None:
        # Anyone may call themselves anything: the display name counts only where TikTok shows no handle.
        known_as = handle or name.removeprefix("@").lower()
        for request in self._pending.values():
            if request.handle == known_as:
                return request.name
        return next((request.name for request in self._pending.values() if request.handle is None), None)

    async def _authorize(self, answer: SweepAnswer) -> None:
        # A sweep may see one again before its own first step is on record: it runs already, then.
        new = tuple(
            AuthorizationInput(
                bc_id=self._bc_id,
                asset_id=account.asset_id,
                request_name=self._request_answered_by(account.handle, account.name),
            )
            for account in answer.found.appeared
        )
        self._appearing |= {one.request_name: workflow.now() for one in new if one.request_name is not None}
        if new:
            await workflow.execute_activity_method(
                StartActivities.start_authorizations,
                NewAuthorizations(authorizations=new),
                summary=f"Authorize {len(new)} accounts",
                **_calls.RECORD,
            )

    async def _report_loss(self, asset_id: str) -> None:
        handle = workflow.get_external_workflow_handle(names.authorization_id(self._bc_id, asset_id))
        try:
            await handle.signal(names.LOST, AccountLost(seen_at=workflow.now()))
        except FailureError as error:
            self._last_error = (
                f"the authorization of account {asset_id} is on record and does not run ({describe(error)}); "
                "start it again: python -m workers reconcile"
            )

    async def _report_answer(self, name: str) -> None:
        """Tell a request whose account was authorized without it, or whose handle TikTok showed only later."""
        handle = workflow.get_external_workflow_handle(names.access_request_id(self._bc_id, name))
        pending = self._pending.get(name)
        try:
            await handle.signal(names.SCAN, ScanReport(handle=pending and pending.handle, reported_by=BY_SWEEP))
        except FailureError:
            workflow.logger.info("request has its answer already", extra={"request": name})

    async def _settle_report(self, report: ScanReport, appeared: dict[str, str]) -> None:
        """A report counts once TikTok confirms it; what leaves no trace there is passed on to whoever waits for it."""
        if report.decision is not Decision.APPROVED:
            # An open invitation is not answered by one who declines: others have the code as well.
            waiting = (one.name for one in self._pending.values() if one.handle and one.handle == report.handle)
            name = next(waiting, None)
            if name is None or not await self._signal_request(name, names.SCAN, report):
                await self._keep_refusal(report)
        elif report.asset_id in appeared or (report.handle and report.handle in appeared.values()):
            return  # recorded as accepted by the authorization itself
        else:
            await workflow.execute_activity_method(
                RequestActivities.verify_scan,
                ReportedScan(bc_id=self._bc_id, report=report),
                summary="Verify a reported scan",
                **_calls.RECORD,
            )

    async def _keep_refusal(self, report: ScanReport) -> None:
        try:
            may = await workflow.execute_activity_method(
                RequestActivities.is_allowed,
                ActorCheck(bc_id=self._bc_id, actor=report.reported_by, action=Action.REPORT_SCAN),
                summary="Was it reported by a member?",
                **_calls.ASIDE,
            )
        except ActivityError as error:
            # The sweep goes on without an answer; the next one asks again.
            self._last_error = describe(error)
            self._reports.append(report)
            return
        outcome = ScanOutcome(report.decision.value) if may.allowed else ScanOutcome.UNVERIFIED
        await self._keep_scan(report, outcome)

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
        begun = await workflow.execute_activity_method(
            RequestActivities.begin_command,
            BeginCommand(bc_id=self._bc_id, actor=command.actor, action=Action.REQUEST_ACCESS, command_id=command_id()),
            summary="Only an admin may request access",
            **_calls.ANSWER,
        )
        if begun.answer is not None:
            return begun.answer
        codes = await self._get_codes(command)
        async with self._cap_lock:
            await self._first_sweep_done()
            known = await workflow.execute_activity_method(
                RequestActivities.look_up_handles,
                HandlesOf(bc_id=self._bc_id, handles=command.handles, awaited=self._awaited_near_the_cap(command)),
                summary="Who is authorized already",
                **_calls.ANSWER,
            )
            # A request that is answered and not closed yet has its account among those held: one slot, not two.
            # Accounts that a sweep has just found may not be on record yet.
            found = {name for name, at in self._appearing.items() if workflow.now() - at < RECORDED_WITHIN}
            answered = self._pending.keys() & (found | set(known.answered))
            used = self._held + len(self._pending) - len(answered)
            lines = self._reserve(command, known.authorized, used, codes)
            used += sum(line.outcome is RequestOpened.OPENED for line in lines)
            await self._open(command, [line for line in lines if line.outcome is RequestOpened.OPENED])
        self._present()
        answer = RequestAccessResult(qr=codes.code, requests=tuple(lines), slots_used=used, slots=self._slots)
        await workflow.execute_activity_method(
            RequestActivities.keep_answer,
            KeepAnswer(bc_id=self._bc_id, command_id=command_id(), answer=answer),
            summary="Keep the answer for a repeat",
            **_calls.ANSWER,
        )
        return answer

    @request_access.validator
    def _one_request(self, command: RequestAccess) -> None:  # noqa: ARG002 - a validator takes what its update takes
        """Refuse a call with no command, or several: in the handler that would stop the workflow."""
        self._refuse_without_policy()
        self._renewal.refuse_command()

    async def _get_codes(self, command: RequestAccess) -> QrCodes:
        async with self._code_lock:
            return await workflow.execute_activity_method(
                QrCodeActivities.get_qr_codes,
                AskQrCodes(
                    bc_id=self._bc_id,
                    actor=command.actor,
                    scope=command.scope,
                    request_names=tuple(_request_name(command, handle) for handle in _handles(command)),
                ),
                summary=f"QR code for {command.scope.key}",
                **_calls.ANSWER,
            )

    @workflow.update(name=names.QR_CODE, description="The QR code of a scope, again or anew: {actor, scope, renew}")
    async def qr_code(self, command: AskCode) -> QrCode:
        """The code for those who are under way (R8); only an admin may."""
        async with self._code_lock:
            codes = await workflow.execute_activity_method(
                QrCodeActivities.get_qr_codes,
                AskQrCodes(bc_id=self._bc_id, actor=command.actor, scope=command.scope, renew=command.renew),
                summary=f"{'New QR' if command.renew else 'QR'} code for {command.scope.key}",
                **_calls.ANSWER,
            )
        return codes.code

    @qr_code.validator
    def _one_code(self, command: AskCode) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._renewal.refuse_command()

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

    def _awaited_near_the_cap(self, command: RequestAccess) -> tuple[str, ...]:
        """Whose slots have to be counted with care; nobody's while there is room for all."""
        room = self._slots - self._held - len(self._pending)
        return () if room >= len(_handles(command)) else tuple(self._pending)

    def _reserve(
        self, command: RequestAccess, authorized: dict[str, str], used: int, codes: QrCodes
    ) -> list[RequestLine]:
        lines = []
        for handle in _handles(command):
            name = _request_name(command, handle)
            asset_id = authorized.get(handle or "")
            if asset_id is not None:
                outcome = RequestOpened.ALREADY_AUTHORIZED
            elif name in self._pending:
                outcome = RequestOpened.ALREADY_OPEN
            elif used >= self._slots:
                outcome = RequestOpened.CAP_REACHED
            else:
                outcome = RequestOpened.OPENED
                used += 1
                self._pending[name] = PendingRequest(name=name, handle=handle, scope=command.scope)
                self._look_now = True
            code = codes.by_request.get(name)
            lines.append(RequestLine(name=name, handle=handle, outcome=outcome, asset_id=asset_id, qr=code))
        return lines

    async def _open(self, command: RequestAccess, lines: Sequence[RequestLine]) -> None:
        new = tuple(
            AccessRequestInput(
                bc_id=self._bc_id,
                name=line.name,
                handle=line.handle,
                scope=command.scope,
                requested_by=command.actor,
                opened_at=workflow.now(),
                deadline=command.deadline,
                remind_every_hours=command.remind_every_hours,
            )
            for line in lines
        )
        if new:
            await workflow.execute_activity_method(
                StartActivities.start_requests,
                NewRequests(requests=new),
                summary=f"Open {len(new)} requests",
                # Their slots are reserved: to give up here would keep them for nobody.
                **_calls.RECORD,
            )

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
    def _may_list_accounts(self, command: ListAccounts) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._renewal.refuse_command()

    @workflow.update(name=names.LIST_SCANS, description="What became of every scan, for admins")
    async def list_scans(self, command: ListScans) -> ScanList:
        """The newest scans and their outcomes (R9)."""
        return await workflow.execute_activity_method(
            RequestActivities.list_scans,
            AskScans(bc_id=self._bc_id, ask=command),
            summary="List scans",
            **_calls.ANSWER,
        )

    @list_scans.validator
    def _may_list_scans(self, command: ListScans) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._renewal.refuse_command()

    @workflow.update(name=names.LIST_PEOPLE, description="Members and partners as TikTok lists them, for admins")
    async def list_people(self, command: AskPeople) -> People:
        """Who is in the Business Center (R2, R3)."""
        return await workflow.execute_activity_method(
            PeopleActivities.list_people,
            ReadPeople(bc_id=self._bc_id, ask=command),
            summary="List members and partners",
            **_calls.ANSWER,
        )

    @list_people.validator
    def _may_list_people(self, command: AskPeople) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._renewal.refuse_command()

    @workflow.update(name=names.LIST_NOTIFICATIONS, description="What people were told, for admins")
    async def list_notifications(self, command: AskNotifications) -> Notifications:
        """The newest notifications, with their texts."""
        return await workflow.execute_activity_method(
            NotificationActivities.list_notifications,
            ListNotifications(bc_id=self._bc_id, ask=command),
            summary="List notifications",
            **_calls.ANSWER,
        )

    @list_notifications.validator
    def _may_list_notifications(self, command: AskNotifications) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._renewal.refuse_command()

    @workflow.update(name=names.AUDIT, description="Show, export or verify the audit trail, for admins")
    async def audit(self, command: AskAudit) -> AuditAnswer:
        """Answer from the hash-linked trail."""
        return await workflow.execute_activity_method(
            AuditActivities.read_audit,
            ReadAudit(bc_id=self._bc_id, ask=command),
            summary="Read the audit trail",
            **_calls.ANSWER,
        )

    @audit.validator
    def _may_audit(self, command: AskAudit) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._renewal.refuse_command()

    @workflow.update(name=names.CHECK_DRIFT, description="Compare our record with TikTok now, for admins")
    async def check_drift(self, command: AskDrift) -> DriftReport:
        """Where our record and TikTok differ, by name, and what was done about it."""
        await workflow.execute_activity_method(
            RequestActivities.check_actor,
            ActorCheck(bc_id=self._bc_id, actor=command.actor, action=Action.CHECK_DRIFT),
            summary="Only an admin may compare",
            **_calls.ANSWER,
        )
        await self._first_sweep_done()
        reviewed = await workflow.execute_activity_method(
            ReviewActivities.review_accounts,
            Review(bc_id=self._bc_id, permissions=True),
            summary="Compare accounts, links and permissions",
            **_calls.ANSWER_LONG,
        )
        await self._pass_on(reviewed, permissions=True)
        self._present()
        return reviewed.report

    @check_drift.validator
    def _may_check_drift(self, command: AskDrift) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._renewal.refuse_command()

    @workflow.signal(name=names.SCAN, description="An owner scanned the code: {handle, decision, reported_by}")
    @one_value
    def scan(self, raw: RawValue) -> None:
        """Take a report; the next sweep, which starts at once, verifies it."""
        report = self._undecodable.read(raw, ScanReport, names.SCAN)
        if report is not None:
            self._reports.append(report)
            self._look_now = True
        self._present()

    @workflow.signal(name=names.LOOK, description="Something has changed at TikTok, look now: {reported_by, reason}")
    @one_value
    def look(self, raw: RawValue) -> None:
        """Sweep and review at once: an owner has narrowed a scope, a partner has shared, somebody was given access."""
        report = self._undecodable.read(raw, LookNow, names.LOOK)
        if report is not None:
            self._look_now = self._review_now = True
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

    async def _signal_request(self, name: str, signal: str, message: CancelAccessRequest | ScanReport) -> bool:
        handle = workflow.get_external_workflow_handle(names.access_request_id(self._bc_id, name))
        try:
            await handle.signal(signal, message)
        except FailureError:
            self._pending.pop(name, None)
            self._last_error = f"{signal}: there is no open request {name}"
            return False
        return True

    @workflow.signal(name=names.REQUEST_CLOSED, description="From an access request: its slot is free")
    @one_value
    async def request_closed(self, raw: RawValue) -> None:
        """Free the slot, if the record says so; an approved account counts as held from the next sweep on (R6)."""
        closed = self._undecodable.read(raw, RequestClosed, names.REQUEST_CLOSED)
        if closed is not None:
            self._closed.append(closed.name)
            await self._free_slots()
        self._present()

    async def _free_slots(self) -> None:
        """Two hundred requests may close at once: whoever looks them up takes along those that come meanwhile."""
        if self._freeing.locked():
            return
        async with self._freeing:
            await workflow.wait_condition(lambda: self._recalled)
            while self._closed:
                closed, self._closed = self._closed[:REPORTS_AT_ONCE], self._closed[REPORTS_AT_ONCE:]
                still_open = await workflow.execute_activity_method(
                    RequestActivities.find_open_requests,
                    LookForRequests(bc_id=self._bc_id, names=tuple(closed)),
                    summary="Which requests are closed on record",
                    **_calls.RECORD,
                )
                for name in closed:
                    if name not in still_open.names:
                        self._pending.pop(name, None)
                        self._appearing.pop(name, None)

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
            last_drift_check=self._last_drift_check,
            open_differences=self._open_differences,
            unread=self._unread,
            left_out=self._left_out,
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
            last_review=self._last_review,
            last_drift_check=self._last_drift_check,
            open_differences=self._open_differences,
            unread=self._unread,
            left_out=self._left_out,
            lasting=self._lasting,
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
                "last comparison with TikTok": self._last_drift_check or "",
                "differences that wait for a person": self._open_differences or "",
                "signals that could not be read": self._undecodable.count or "",
                "last of them": self._undecodable.last,
                "of TikTok's list of accounts can't be read": self._unread,
                "left out of the last comparison": "; ".join(self._left_out[:SHOWN_AT_MOST]),
                "last error": self._last_error,
            },
            to_do=self._to_do(),
        )
        changed = _card.changed(
            search_attributes.PHASE.value_set("waiting for scans" if self._pending else "watching"),
            search_attributes.BUSINESS_CENTER.value_set(self._bc_id),
            search_attributes.WAITING_ON.value_set(waiting),
            search_attributes.ATTENTION.value_set(bool(self._to_do())),
        )
        if changed:
            workflow.upsert_search_attributes(changed)

    def _to_do(self) -> str:
        if self._last_error:
            return "see the last error; pending activities name their reason"
        if self._open_differences:
            return f"decide about {self._open_differences} differences: sparkads accounts drift {self._bc_id}"
        if self._unread:
            return "see the accounts in Business Center: TikTok's list can't be read in full; until then none is gone"
        if self._lasting:
            return f"see why TikTok does not tell of {len(self._lasting)} things, left out above"
        return ""


def _handles(command: RequestAccess) -> tuple[str | None, ...]:
    return tuple(dict.fromkeys(command.handles)) or (None,)


def _request_name(command: RequestAccess, handle: str | None) -> str:
    return handle or f"open-{command.command_id}"[:64]
