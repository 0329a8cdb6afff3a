"""
Start again what has to run according to the record, and does not.

Workflows of Business Centers, access requests and authorizations live for as long as what they stand for. Temporal ends
none of them by itself; a person can, and a namespace can be lost. Postgres has what each needs to go on with the same
record: the same since, the same deadline, the same grants.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.starts import Start, authorization_start, request_start
from sparkads import names
from sparkads.contracts.access_request import AccessRequestInput
from sparkads.contracts.authorization import AuthorizationInput
from sparkads.contracts.business_center import BusinessCenterInput, BusinessCenterState, LookNow
from sparkads.contracts.release import FINAL_STATES
from sparkads.errors import Unreachable
from sparkads.policy import DEFAULT_PROFILE, PROFILES
from store import audit, authorizations, rebuilding, requests
from store.database import Connection, Pool
from store.rebuilding import KnownCenter, UnfinishedCampaign
from workers.connections import connect_database, connect_temporal, database_unreachable
from workers.reconcile_report import Kind, NotRunning, Report
from workers.settings import Settings

AT_ONCE = 16
"""Workflows looked at side by side; with fewer connections to the database, as many as there are."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Start:
    """A workflow to start, just as the client or a Business Center starts it, and what is told of it."""

    kind: Kind
    start: Start
    bc_id: str
    subject: str
    note: str = ""


async def reconcile(settings: Settings, *, dry_run: bool, policy: str) -> Report:
    """
    Compare the record with what runs, and start what does not.

    Args:
        settings: where the servers are.
        dry_run: look only.
        policy: profile of Business Centers whose last run Temporal no longer has.

    Raises:
        Unreachable: a server does not answer, or its schema is too old.
        RPCError: Temporal refuses. What was started until then runs; repeating goes on.
    """
    client = await connect_temporal(settings)
    try:
        async with await connect_database(settings) as db:
            with _progress() as progress:
                return await Reconciliation(client, db, dry_run=dry_run, policy=policy, progress=progress).run()
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        advice = "its schema is older than this program; run `python -m workers migrate`"
        raise Unreachable("Our record", settings.database_address, advice) from error
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        raise database_unreachable(settings, error) from error


class Reconciliation:
    """One comparison of the record with what runs."""

    def __init__(
        self,
        client: Client,
        db: Pool,
        *,
        dry_run: bool = False,
        policy: str = DEFAULT_PROFILE,
        progress: Progress | None = None,
    ) -> None:
        """
        Share the process's connections.

        Args:
            client: connected to the namespace of the workflows.
            db: the store.
            dry_run: look only.
            policy: profile of Business Centers whose last run Temporal no longer has.
            progress: where to show how far it is.
        """
        self._client = client
        self._db = db
        self._policy = policy
        self._progress = progress
        self._task = TaskID(0)
        self._look_again: set[str] = set()
        self.report = Report(dry_run)

    async def run(self) -> Report:
        """Go through all kinds; Business Centers first: a command would start one with another policy than it had."""
        await self.business_centers()
        await self.access_requests()
        await self.authorizations()
        await self.releases()
        # Meanwhile owners may have answered or left: those whose workflow was missing can be told now.
        await self._each(sorted(self._look_again), self._look)
        return self.report

    async def business_centers(self) -> None:
        """Business Centers, with their open requests."""
        await self._kind(self.report.business_centers, await rebuilding.business_centers(self._db), self._center)

    async def access_requests(self) -> None:
        """Open access requests."""
        await self._kind(self.report.access_requests, await requests.pending_starts(self._db), self._request)

    async def authorizations(self) -> None:
        """Authorizations that stand."""
        await self._kind(self.report.authorizations, await authorizations.active_starts(self._db), self._authorization)

    async def releases(self) -> None:
        """Releases are only looked at: what was due meanwhile must not go out by itself."""
        unfinished = await rebuilding.unfinished_campaigns(self._db, tuple(FINAL_STATES))
        await self._kind(self.report.releases, unfinished, self._release)

    async def _center(self, center: KnownCenter) -> None:
        kind, workflow_id = self.report.business_centers, names.business_center_id(center.bc_id)
        if not center.connected:
            kind.problems.append(f"{workflow_id}: no access token is stored; run `python -m workers connect`")
        last = await self._describe(workflow_id)
        if _runs(last):
            kind.running += 1
            return
        policy = None if last is None else await self._policy_of(last)
        note = f"policy {policy}, as its last run had it"
        if policy is None:
            policy, note = self._policy, f"policy {self._policy}, assumed: Temporal has no last run that says it"
        if self.report.dry_run:
            kind.not_running.append(NotRunning(workflow_id=workflow_id, note=note))
            return
        async with self._db.acquire() as connection, connection.transaction():
            state = BusinessCenterState(pending=await rebuilding.hold_pending(connection, center.bc_id))
            start = _Start(
                kind,
                Start(
                    names.BUSINESS_CENTER_WORKFLOW,
                    BusinessCenterInput(bc_id=center.bc_id, policy=policy, state=state),
                    workflow_id=workflow_id,
                    summary=f"Business Center {center.bc_id}",
                    memo={"bc": center.bc_id},
                ),
                bc_id=center.bc_id,
                subject=f"Business Center {center.bc_id}",
                note=note,
            )
            await self._start(connection, start)

    async def _policy_of(self, last: WorkflowExecutionDescription) -> str | None:
        """The policy that a closed run was started with; None if its history is gone or says none that we know."""
        handle = self._client.get_workflow_handle(last.id, run_id=last.run_id)
        try:
            first = await anext(handle.fetch_history_events(page_size=1))
            payloads = first.workflow_execution_started_event_attributes.input.payloads
            (start,) = await last.data_converter.decode(payloads, [BusinessCenterInput])
        except (ValueError, StopAsyncIteration):  # started by hand, with something else
            return None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        return start.policy if start.policy in PROFILES else None

    async def _request(self, request: AccessRequestInput) -> None:
        start = _Start(self.report.access_requests, request_start(request), bc_id=request.bc_id, subject=request.name)
        await self._unless_closed(
            start, lambda connection: rebuilding.hold_request(connection, request.request_id or "")
        )

    async def _authorization(self, authorization: AuthorizationInput) -> None:
        start = _Start(
            self.report.authorizations,
            authorization_start(authorization),
            bc_id=authorization.bc_id,
            subject=f"account {authorization.asset_id}",
        )
        await self._unless_closed(
            start, lambda connection: rebuilding.hold_authorization(connection, authorization.authorization_id or "")
        )

    async def _unless_closed(self, start: _Start, hold: Callable[[Connection], Awaitable[bool]]) -> None:
        """Start a workflow that ends some day, unless that is the case since the list was read."""
        if self.report.dry_run and _runs(await self._describe(start.start.workflow_id)):
            start.kind.running += 1
            return
        async with self._db.acquire() as connection, connection.transaction():
            if not await hold(connection):
                return
            if self.report.dry_run:
                start.kind.not_running.append(NotRunning(workflow_id=start.start.workflow_id))
            else:
                await self._start(connection, start)

    async def _release(self, campaign: UnfinishedCampaign) -> None:
        kind, workflow_id = self.report.releases, names.release_campaign_id(campaign.campaign_id)
        last = await self._describe(workflow_id)
        if _runs(last):
            kind.running += 1
            return
        if last is not None and last.status is WorkflowExecutionStatus.COMPLETED:
            return  # since the list was read
        state = "unknown to Temporal" if last is None or last.status is None else last.status.name.lower()
        kind.problems.append(
            f"{workflow_id} (Business Center {campaign.bc_id}) is {state}, with {campaign.left} of {campaign.targets} "
            "targets open. It is not started again by itself: docs/operations.md says how"
        )

    async def _start(self, connection: Connection, start: _Start) -> None:
        """Start a workflow unless it runs, in the transaction that holds its row."""
        run_id = await start.start.once(self._client)
        if run_id is None:
            start.kind.running += 1
            return
        workflow_id = start.start.workflow_id
        await audit.write(
            connection,
            bc_id=start.bc_id,
            actor=audit.SYSTEM,
            action="workflow rebuilt",
            subject=start.subject,
            reason="it did not run" + (f"; {start.note}" if start.note else ""),
            run=audit.Run(workflow_id=workflow_id, run_id=run_id),
        )
        start.kind.not_running.append(NotRunning(workflow_id=workflow_id, run_id=run_id, note=start.note))
        if start.kind is not self.report.business_centers:
            self._look_again.add(start.bc_id)

    async def _look(self, bc_id: str) -> None:
        signal = LookNow(reported_by=audit.SYSTEM, reason="workflows were started again")
        try:
            await self._client.get_workflow_handle(names.business_center_id(bc_id)).signal(names.LOOK, signal)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _describe(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        try:
            return await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _kind(self, kind: Kind, items: Sequence[Item], work: Callable[[Item], Awaitable[None]]) -> None:
        if self._progress is not None:
            self._task = self._progress.add_task(kind.name, total=len(items))
        await self._each(items, work)
        kind.not_running.sort(key=lambda one: one.workflow_id)
        kind.problems.sort()

    async def _each(self, items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
        left = iter(items)

        async def take_turns() -> None:
            for item in left:
                await work(item)
                if self._progress is not None:
                    self._progress.advance(self._task)

        # Unlike a TaskGroup this raises the first failure itself, which is what a person is to read.
        tasks = [asyncio.create_task(take_turns()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _runs(last: WorkflowExecutionDescription | None) -> bool:
    return last is not None and last.close_time is None


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
