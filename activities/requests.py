"""Activities of the Request step: who may ask, requests and scans on record, and the list of accounts."""

from typing import Self

from pydantic import AwareDatetime
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.members import Members, current_run
from sparkads.contracts.access_request import AccessRequestInput, AccessRequestResult, RequestOutcome
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import (
    AccountList,
    ListScans,
    PendingRequest,
    RequestAccessResult,
    ScanList,
    ScanOutcome,
    ScanReport,
)
from sparkads.contracts.notification import NotificationKind
from sparkads.errors import from_failure
from sparkads.roles import Action, sees_all_accounts
from sparkads.scopes import Scope
from store import audit, authorizations, commands, credentials, notifications, releases, requests
from store.database import Connection, Pool


class ActorCheck(Contract):
    """Who wants to do what."""

    bc_id: str
    actor: str
    action: Action


class HandlesOf(Contract):
    """Handles to look up in a Business Center."""

    bc_id: str
    handles: tuple[str, ...]
    awaited: tuple[str, ...] = ()
    """names of requests that hold a slot"""


class KnownHandles(Contract):
    """By handle, the asset ids of those that are authorized; and which of the requests have their account already."""

    authorized: dict[str, str]
    answered: tuple[str, ...] = ()


class OpenRequest(Contract):
    """An access request to put on record."""

    bc_id: str
    name: str
    handle: str | None
    scope: Scope
    requested_by: str
    opened_at: AwareDatetime
    deadline: AwareDatetime | None
    remind_every_hours: float | None
    request_id: str

    @classmethod
    def of(cls, request: AccessRequestInput, request_id: str) -> Self:
        """What a request's workflow was started with, under its id on record."""
        known = request.model_dump(include=set(cls.model_fields))
        return cls(**known | {"request_id": request_id})


class CloseRequest(Contract):
    """The end of an access request to put on record."""

    bc_id: str
    request_id: str
    name: str
    handle: str | None
    result: AccessRequestResult
    closed_by: str


class Closed(Contract):
    """A request whose end is on record, and the campaigns that have waited for it."""

    result: AccessRequestResult
    waiting_campaigns: tuple[str, ...]


class AnswerRequest(Contract):
    """An access request whose owner is said to have approved."""

    bc_id: str
    request_id: str
    name: str
    handle: str | None
    approved_handle: str | None
    approved_asset_id: str | None


class Answered(Contract):
    """How the request was closed; None while no such account is authorized."""

    closed: Closed | None


class OpenRequests(Contract):
    """The access requests of a Business Center that wait for an answer."""

    requests: tuple[PendingRequest, ...]


class LookForRequests(Contract):
    """Access requests to find among the open ones."""

    bc_id: str
    names: tuple[str, ...]


class RequestNames(Contract):
    """Names of access requests."""

    names: tuple[str, ...]


class ReportedScan(Contract):
    """A reported approval of an account that the sweep has not just found."""

    bc_id: str
    report: ScanReport


class ScanOnRecord(Contract):
    """A scan that changed nothing, to be kept all the same (R9)."""

    bc_id: str
    report: ScanReport
    outcome: ScanOutcome
    request_name: str | None = None


class Remind(Contract):
    """A reminder that is due."""

    bc_id: str
    request_id: str
    name: str
    handle: str | None
    scope: Scope
    opened_at: AwareDatetime
    deadline: AwareDatetime | None
    number: int


class BeginCommand(Contract):
    """A command to a Business Center: may the actor, and has this very command run before?"""

    bc_id: str
    actor: str
    action: Action
    command_id: str


class Begun(Contract):
    """What the command answered when it ran before, or None."""

    answer: RequestAccessResult | None = None


class KeepAnswer(Contract):
    """What a command of a Business Center answered, so that a repeat gets the same."""

    bc_id: str
    command_id: str
    answer: RequestAccessResult


class Allowed(Contract):
    """Whether somebody may do something; a no is on record."""

    allowed: bool


class AskScans(Contract):
    """The newest scans of a Business Center."""

    bc_id: str
    ask: ListScans


async def put_on_record(db: Pool, request: OpenRequest) -> None:
    """Keep that somebody is asked, with a line in the audit trail; nothing if this very request is on record."""
    async with db.acquire() as connection, connection.transaction():
        news = await requests.open_request(
            connection,
            request_id=request.request_id,
            bc_id=request.bc_id,
            name=request.name,
            handle=request.handle,
            scope=request.scope.key,
            requested_by=request.requested_by,
            opened_at=request.opened_at,
            deadline=request.deadline,
            remind_every_hours=request.remind_every_hours,
        )
        if news:
            await audit.write(
                connection,
                bc_id=request.bc_id,
                actor=request.requested_by,
                action="access requested",
                subject=f"@{request.handle}" if request.handle else f"open invitation {request.name}",
                reason=f"scope {request.scope.key}",
                run=current_run(),
            )


class RequestActivities:
    """Needs the store and the role check."""

    def __init__(self, db: Pool, members: Members) -> None:
        """Share the process's connections."""
        self._db = db
        self._members = members

    @activity.defn
    async def check_actor(self, check: ActorCheck) -> None:
        """Let the actor pass, or refuse by name (R2, R3)."""
        await self._members.require(check.bc_id, check.actor, check.action)

    @activity.defn
    async def begin_command(self, command: BeginCommand) -> Begun:
        """Let the actor pass, or refuse by name (R2); and say what a repeated command answered the first time."""
        await self._members.require(command.bc_id, command.actor, command.action)
        return Begun(answer=await commands.answer(self._db, command.bc_id, command.command_id, RequestAccessResult))

    @activity.defn
    async def keep_answer(self, kept: KeepAnswer) -> None:
        """Remember what a command answered."""
        async with self._db.acquire() as connection, connection.transaction():
            await commands.keep(connection, kept.bc_id, kept.command_id, kept.answer)

    @activity.defn
    async def is_allowed(self, check: ActorCheck) -> Allowed:
        """Whether the actor may; for what was reported and has nobody to refuse it to."""
        try:
            await self._members.require(check.bc_id, check.actor, check.action)
        except ApplicationError as error:
            if from_failure(error) is None:
                raise
            return Allowed(allowed=False)
        return Allowed(allowed=True)

    @activity.defn
    async def look_up_handles(self, ask: HandlesOf) -> KnownHandles:
        """Which of these handles are authorized already, and which requests have been answered by an account."""
        return KnownHandles(
            authorized=await authorizations.active_handles(self._db, ask.bc_id, ask.handles),
            answered=tuple(await authorizations.answered_requests(self._db, ask.bc_id, ask.awaited)),
        )

    @activity.defn
    async def open_request(self, request: OpenRequest) -> None:
        """Put an access request on record, unless whoever started it has."""
        await put_on_record(self._db, request)

    @activity.defn
    async def close_request(self, request: CloseRequest) -> Closed:
        """Put the end of an access request on record, and say which campaigns have waited for it."""
        return await self._close(request)

    @activity.defn
    async def answer_request(self, request: AnswerRequest) -> Answered:
        """Close a request as approved if the account is authorized: a report alone counts for nothing (R9)."""
        # A repeat finds what it has closed, whatever became of the account since.
        asset_id = await requests.approved_asset(self._db, request.request_id) or await authorizations.active_asset(
            self._db, request.bc_id, handle=request.approved_handle, asset_id=request.approved_asset_id
        )
        if asset_id is None:
            return Answered(closed=None)
        approved = CloseRequest(
            bc_id=request.bc_id,
            request_id=request.request_id,
            name=request.name,
            handle=request.handle,
            result=AccessRequestResult(outcome=RequestOutcome.APPROVED, asset_id=asset_id),
            closed_by="owner",
        )
        return Answered(closed=await self._close(approved))

    async def _close(self, request: CloseRequest) -> Closed:
        result = request.result
        async with self._db.acquire() as connection, connection.transaction():
            news = await requests.close_request(
                connection, request.request_id, result.outcome, asset_id=result.asset_id, reason=result.reason
            )
            if news:
                await audit.write(
                    connection,
                    bc_id=request.bc_id,
                    actor=request.closed_by or audit.SYSTEM,
                    action=f"request {result.outcome.replace('_', ' ')}",
                    subject=request.name,
                    reason=result.reason,
                    run=current_run(),
                )
        waiting = await releases.campaigns_waiting_for(self._db, request.bc_id, request.handle or "")
        return Closed(result=result, waiting_campaigns=tuple(waiting))

    @activity.defn
    async def recall_requests(self, bc_id: str) -> OpenRequests:
        """The open requests on record: a Business Center whose workflow was terminated must not forget their slots."""
        lines = await requests.awaited(self._db, bc_id)
        return OpenRequests(
            requests=tuple(
                PendingRequest(name=line.name, handle=line.handle, scope=Scope.from_key(line.scope)) for line in lines
            )
        )

    @activity.defn
    async def find_open_requests(self, ask: LookForRequests) -> RequestNames:
        """Which of these requests wait for an answer: none frees its slot before it is closed on record (R6)."""
        return RequestNames(names=tuple(await requests.open_names(self._db, ask.bc_id, ask.names)))

    @activity.defn
    async def verify_scan(self, scan: ReportedScan) -> None:
        """Keep a reported approval: a duplicate if the account is authorized, unverified if TikTok does not list it."""
        report = scan.report
        known = await authorizations.active_asset(self._db, scan.bc_id, handle=report.handle, asset_id=report.asset_id)
        outcome = ScanOutcome.DUPLICATE if known else ScanOutcome.UNVERIFIED
        await self._keep(ScanOnRecord(bc_id=scan.bc_id, report=report, outcome=outcome))

    @activity.defn
    async def keep_scan(self, scan: ScanOnRecord) -> None:
        """Keep a scan with its outcome (R9)."""
        await self._keep(scan)

    async def _keep(self, scan: ScanOnRecord) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            if scan.outcome is ScanOutcome.EXPIRED_CODE:
                await self._retire_code(connection, scan)
            await requests.record_scan(
                connection,
                bc_id=scan.bc_id,
                request_name=scan.request_name,
                handle=scan.report.handle,
                asset_id=scan.report.asset_id,
                outcome=scan.outcome,
                reported_by=scan.report.reported_by,
                detail=scan.report.reason,
                source=f"{activity.info().workflow_run_id}/{activity.info().activity_id}",
                run=current_run(),
            )

    async def _retire_code(self, connection: Connection, scan: ScanOnRecord) -> None:
        if not await requests.retire_qr_codes(connection, scan.bc_id, scan.request_name):
            return  # known already: the next code is new in any case
        who = f"@{scan.report.handle}" if scan.report.handle else "an owner"
        await notifications.put(
            connection,
            bc_id=scan.bc_id,
            kind=NotificationKind.ATTENTION,
            subject=f"request {scan.request_name}" if scan.request_name else "QR code",
            text=f"TikTok did not honour the code that {who} scanned. The next one that is asked for is new (sparkads "
            f"access code {scan.bc_id} --scope …): send it to those who have not answered yet. Their requests go on.",
            data={"request": scan.request_name, "handle": scan.report.handle},
            run=current_run(),
        )

    @activity.defn
    async def note_reminder(self, reminder: Remind) -> None:
        """Tell whoever sends messages that a reminder is due, with its text ready to send."""
        async with self._db.acquire() as connection, connection.transaction():
            if not await requests.count_reminder(connection, reminder.request_id, reminder.number):
                return
            name = await credentials.business_center_name(connection, reminder.bc_id)
            await notifications.put(
                connection,
                bc_id=reminder.bc_id,
                kind=NotificationKind.REMINDER,
                subject=f"request {reminder.name}",
                text=_reminder(reminder, name),
                data={"request": reminder.name, "handle": reminder.handle, "number": reminder.number},
                run=current_run(),
            )
            await audit.write(
                connection,
                bc_id=reminder.bc_id,
                actor=audit.SYSTEM,
                action=f"reminder {reminder.number} due",
                subject=reminder.name,
                run=current_run(),
            )

    @activity.defn
    async def list_scans(self, ask: AskScans) -> ScanList:
        """What became of the newest scans (R9); for admins."""
        await self._members.require(ask.bc_id, ask.ask.actor, Action.SEE_SCANS)
        return ScanList(scans=tuple(await requests.scans(self._db, ask.bc_id, ask.ask.limit)))

    @activity.defn
    async def list_accounts(self, check: ActorCheck) -> AccountList:
        """All accounts for an admin, the assigned ones for a standard member (R4)."""
        who = await self._members.require(check.bc_id, check.actor, check.action)
        if who.role is None or not sees_all_accounts(who.role):
            lines = await authorizations.list_accounts(self._db, check.bc_id, only=tuple(who.accounts))
            return AccountList(accounts=tuple(lines))
        lines = await authorizations.list_accounts(self._db, check.bc_id, only=None)
        return AccountList(accounts=tuple(lines), awaited=tuple(await requests.awaited(self._db, check.bc_id)))


def _reminder(reminder: Remind, name: str) -> str:
    hello = f"Hello @{reminder.handle}" if reminder.handle else "Hello"
    account = f"@{reminder.handle}" if reminder.handle else "your account"
    until = f" The request ends on {reminder.deadline:%Y-%m-%d %H:%M} UTC." if reminder.deadline else ""
    return (
        f"{hello}, on {reminder.opened_at:%Y-%m-%d} {name} asked you to let it {reminder.scope.sentence}. "
        f"Please update the TikTok app, log in to {account}, scan the code that comes with this message, and approve."
        f"{until} If you would rather not, say so, and we won't ask again."
    )
