"""
The typed client for back-end services: start, command and watch the workflows of sparkads.

    client = await SparkAds.connect("localhost:7233", object_store="s3://bucket/prefix")
    campaign = await client.start_release(release)
    print((await client.release_status(campaign)).counts)

A refusal arrives as its named error (`sparkads.errors`). Commands carry an id of their own: repeating one with the same
id does not run it twice.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from sparkads import manifest, names, search_attributes
from sparkads.contracts.access_request import AccessRequestStatus
from sparkads.contracts.audit import AskAudit, AuditAnswer
from sparkads.contracts.authorization import AuthorizationStatus, EndAuthorization, Share, ShareResult, Unshare
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import (
    AccountList,
    AskCode,
    BusinessCenterInput,
    BusinessCenterStatus,
    CancelRequest,
    ListAccounts,
    ListScans,
    LookNow,
    QrCode,
    RequestAccess,
    RequestAccessResult,
    ScanList,
    ScanReport,
)
from sparkads.contracts.drift import AskDrift, DriftReport
from sparkads.contracts.notification import AskNotifications, Notifications
from sparkads.contracts.people import AskPeople, People
from sparkads.contracts.plan import Plan, PlanContent
from sparkads.contracts.release import (
    RELEASE_SETTINGS,
    Approve,
    Approved,
    AskReport,
    Command,
    OpenTier,
    Proceed,
    ReleaseInput,
    ReleasePhase,
    ReleaseResult,
    ReleaseStatus,
    ReportFiles,
    Retime,
    Retimed,
    RetryTargets,
    SettleTarget,
    TargetSettled,
    TargetsRetried,
    WriteReportInput,
)
from sparkads.contracts.takedown import Takedown, TakedownInput, TakedownResult, TakedownStatus
from sparkads.converter import data_converter
from sparkads.errors import (
    CampaignExists,
    EndedByFault,
    ManifestInvalid,
    NothingOnRecord,
    Renewing,
    Unreachable,
    describe,
    from_failure,
)
from sparkads.files import Files

UPDATES_AT_ONCE = 8
"""Updates that this client keeps in flight. A workflow takes ten at a time and the server refuses the rest."""

_PASSING = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.FAILED_PRECONDITION,  # a query of a run so new that its first task is not scheduled yet
}
_ENDED_BY_FAULT = {
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.TIMED_OUT,
}
"""Releases that did not come to their end; a command starts them again from the record."""

_LOADED_WITHIN = timedelta(seconds=20)
"""How long the start of a release is watched until it is on record."""
_LOOK_EVERY = 0.3
"""Seconds between two looks at that."""

_ATTEMPTS = 6
"""Tries of a command that the server could not take; with the pauses between them about 15 seconds."""

_RENEWALS = 20
"""Tries of a command whose workflow is about to start its next run, which waits for the commands under way."""

Answer = TypeVar("Answer")


class SparkAds:
    """A connection to Temporal, and the object store that the workers use as well."""

    def __init__(self, temporal: Client, files: Files) -> None:
        """Use an existing client; it needs `sparkads.converter.data_converter`."""
        self.temporal = temporal
        self.files = files
        self._updates = asyncio.Semaphore(UPDATES_AT_ONCE)

    @classmethod
    async def connect(cls, address: str, *, object_store: str, namespace: str = "default", **options: Any) -> Self:
        """
        Connect to Temporal at `host:port`; further options are those of `temporalio.client.Client.connect`.

        Raises:
            Unreachable: nothing answers there.
        """
        try:
            temporal = await Client.connect(address, namespace=namespace, data_converter=data_converter, **options)
        except RuntimeError as error:
            raise Unreachable("Temporal", address, "is it running? See TEMPORAL_ADDRESS") from error
        return cls(temporal, Files(object_store))

    # Request

    async def request_access(
        self, bc_id: str, command: RequestAccess, *, policy: str | None = None
    ) -> RequestAccessResult:
        """
        Ask owners for access (R2, R6, R7, R8). Starts the Business Center's workflow if it does not run yet.

        Raises:
            Refusal: AdminOnly, NotAMember, BusinessCenterUnknown, TikTokRefused.
        """
        return await self._with_business_center(bc_id, names.REQUEST_ACCESS, command, RequestAccessResult, policy)

    async def list_accounts(self, bc_id: str, actor: str) -> AccountList:
        """
        All accounts for an admin, the assigned ones for a standard member (R4).

        Raises:
            Refusal: NotAMember, BusinessCenterUnknown.
        """
        return await self._with_business_center(bc_id, names.LIST_ACCOUNTS, ListAccounts(actor=actor), AccountList)

    async def qr_code(self, bc_id: str, command: AskCode) -> QrCode:
        """
        The QR code of a scope again, for those who are under way; or a new one, if TikTok stopped honouring it (R8).

        Raises:
            Refusal: AdminOnly, NotAMember, BusinessCenterUnknown, TikTokRefused.
        """
        return await self._with_business_center(bc_id, names.QR_CODE, command, QrCode)

    async def list_scans(self, bc_id: str, command: ListScans) -> ScanList:
        """
        What became of the newest scans, for admins (R9).

        Raises:
            Refusal: AdminOnly, NotAMember, BusinessCenterUnknown.
        """
        return await self._with_business_center(bc_id, names.LIST_SCANS, command, ScanList)

    async def people(self, bc_id: str, ask: AskPeople) -> People:
        """
        Members with their roles and partners with what they share, as TikTok lists them now; for admins.

        Raises:
            Refusal: AdminOnly, NotAMember, BusinessCenterUnknown, TikTokRefused.
        """
        return await self._with_business_center(bc_id, names.LIST_PEOPLE, ask, People)

    async def check_drift(self, bc_id: str, ask: AskDrift) -> DriftReport:
        """
        Compare our record with TikTok now: where they differ, by name, and what was done about it; for admins.

        Raises:
            Refusal: AdminOnly, NotAMember, BusinessCenterUnknown, TikTokRefused.
        """
        return await self._with_business_center(bc_id, names.CHECK_DRIFT, ask, DriftReport)

    async def look(self, bc_id: str, report: LookNow) -> None:
        """Say that something has changed at TikTok, so that it is looked at now and not at the next sweep."""
        await self._signal(names.business_center_id(bc_id), names.LOOK, report)

    async def business_center_status(self, bc_id: str) -> BusinessCenterStatus:
        """Slots, open requests, last and next sweep."""
        return await self._query(names.business_center_id(bc_id), BusinessCenterStatus)

    async def report_scan(self, bc_id: str, report: ScanReport) -> None:
        """Say that an owner scanned, or declined; TikTok is asked before an approval counts (R9)."""
        await self._signal(names.business_center_id(bc_id), names.SCAN, report)

    async def cancel_request(self, bc_id: str, command: CancelRequest) -> None:
        """Take an access request back (R2)."""
        await self._signal(names.business_center_id(bc_id), names.CANCEL_REQUEST, command)

    async def request_status(self, bc_id: str, name: str) -> AccessRequestStatus:
        """Where one access request stands."""
        subject = f"the access request {name} of Business Center {bc_id}"
        return await self._query(names.access_request_id(bc_id, name), AccessRequestStatus, subject)

    async def notifications(self, bc_id: str, ask: AskNotifications) -> Notifications:
        """
        What people were told, for admins (R2).

        Raises:
            Refusal: AdminOnly, NotAMember, BusinessCenterUnknown.
        """
        return await self._with_business_center(bc_id, names.LIST_NOTIFICATIONS, ask, Notifications)

    # Share

    async def share(self, bc_id: str, asset_id: str, command: Share, *, command_id: str | None = None) -> ShareResult:
        """
        Give members and ad accounts the use of an account (R3, R11); an outcome for each.

        Raises:
            Refusal: AdminOnly, NotAMember, AuthorizationEnded, NothingOnRecord.
        """
        workflow_id = names.authorization_id(bc_id, asset_id)
        subject = _authorization(bc_id, asset_id)
        return await self._update(workflow_id, names.SHARE, command, ShareResult, command_id, subject)

    async def unshare(
        self, bc_id: str, asset_id: str, command: Unshare, *, command_id: str | None = None
    ) -> ShareResult:
        """
        Take the use of an account back; an outcome for each.

        Raises:
            Refusal: AdminOnly, NotAMember, AuthorizationEnded, NothingOnRecord.
        """
        workflow_id = names.authorization_id(bc_id, asset_id)
        subject = _authorization(bc_id, asset_id)
        return await self._update(workflow_id, names.UNSHARE, command, ShareResult, command_id, subject)

    async def end_authorization(self, bc_id: str, asset_id: str, command: EndAuthorization) -> None:
        """End an authorization (R10, R15); the actor is checked by the workflow."""
        workflow_id, subject = names.authorization_id(bc_id, asset_id), _authorization(bc_id, asset_id)
        await self._signal(workflow_id, names.CANCEL, command, subject)

    async def authorization_status(self, bc_id: str, asset_id: str) -> AuthorizationStatus:
        """Where one authorization stands."""
        workflow_id, subject = names.authorization_id(bc_id, asset_id), _authorization(bc_id, asset_id)
        return await self._query(workflow_id, AuthorizationStatus, subject)

    # Promote

    async def release(
        self,
        file: Path,
        *,
        campaign_id: str,
        bc_id: str,
        actor: str,
        operator: str,
        plan_hash: str | None = None,
        **more: Any,
    ) -> Plan:
        """
        Check a manifest, upload its files, plan the release and start it as planned; the same id starts it once.

        Args:
            file: the manifest; its videos are looked for beside it.
            campaign_id: the release's id.
            bc_id: the Business Center.
            actor: who starts it.
            operator: who runs the ads: needs both keys (R5).
            plan_hash: of the plan that was agreed to; without it the plan of this moment is started.
            more: further fields of `ReleaseInput`.

        Raises:
            ManifestInvalid: with every mistake; nothing was uploaded.
            Refusal: as of `plan_release` and `start_release`. That the plan has changed is said by `wait_for_release`.
        """
        read = await asyncio.to_thread(manifest.read, file)
        if read.problems:
            raise ManifestInvalid("; ".join(str(problem) for problem in read.problems))
        asked = ReleaseInput(
            campaign_id=campaign_id,
            bc_id=bc_id,
            actor=actor,
            operator=operator,
            manifest=await manifest.bundle(read, self.files),
            **more,
        )
        plan = await self.plan_release(asked)
        await self.start_release(asked.model_copy(update={"plan_hash": plan_hash or plan.hash}))
        return plan

    async def plan_release(self, release: ReleaseInput) -> Plan:
        """
        What a release would do; changes nothing.

        Raises:
            Refusal: NotAMember, ManifestInvalid, BusinessCenterUnknown.
        """
        asked = hashlib.sha256(release.model_dump_json().encode()).hexdigest()
        workflow_id = names.plan_release_id(release.campaign_id, asked)

        async def once() -> Plan:
            handle: WorkflowHandle[Any, Plan] = await self.temporal.start_workflow(
                names.PLAN_RELEASE_WORKFLOW,
                release,
                id=workflow_id,
                task_queue=names.TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                result_type=Plan,
                static_summary=f"Plan of a release in BC {release.bc_id}, manifest {release.manifest.sha256[:12]}",
            )
            return await handle.result()

        return await self._named(once, f"the plan of campaign {release.campaign_id}")

    async def planned(self, plan: Plan) -> PlanContent:
        """
        A plan row by row, from the object store.

        Raises:
            FileDamaged: it is not there; client and workers must name the same object store.
        """
        return PlanContent.model_validate_json(await self.files.get(plan.content))

    async def start_release(self, release: ReleaseInput) -> str:
        """
        Start a release campaign and return its id; starting it again as it was started changes nothing.

        Raises:
            Refusal: CampaignExists, if the id was used before for something else.
        """
        handle = self.temporal.get_workflow_handle(names.release_campaign_id(release.campaign_id))
        try:
            await self._patiently(
                lambda: self.temporal.start_workflow(
                    names.RELEASE_CAMPAIGN_WORKFLOW,
                    release,
                    id=handle.id,
                    task_queue=names.TASK_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    static_summary=_summary(release),
                )
            )
        except WorkflowAlreadyStartedError as error:
            known = await self._started_with(handle)
            others = [name for name in RELEASE_SETTINGS if getattr(known, name) != getattr(release, name)]
            if others:
                raise CampaignExists(
                    f"campaign {release.campaign_id} was started with another {', '.join(others)}; choose another "
                    "campaign id, or start it as it was"
                ) from error
        return release.campaign_id

    async def _started_with(self, handle: WorkflowHandle[Any, Any]) -> ReleaseInput:
        first = await anext(handle.fetch_history_events(page_size=1))
        payloads = first.workflow_execution_started_event_attributes.input.payloads
        release: ReleaseInput
        (release,) = await self.temporal.data_converter.decode(payloads, [ReleaseInput])
        return release

    async def release_status(self, campaign_id: str) -> ReleaseStatus:
        """
        Phase, counts, next instant, what to do.

        What a workflow that was terminated promised last does not hold any more, and it can't say so itself.
        """
        workflow_id = names.release_campaign_id(campaign_id)
        status = await self._query(workflow_id, ReleaseStatus)
        description = await self.temporal.get_workflow_handle(workflow_id).describe()
        if description.status not in _ENDED_BY_FAULT or status.phase is ReleasePhase.FAILED:
            return status
        how = description.status.name.lower().replace("_", " ") if description.status else "over"
        return status.model_copy(
            update={
                "phase": ReleasePhase.FAILED,
                "waiting_on": "a person",
                "next_due": None,
                "attention": f"its workflow was {how}, and nothing goes out; apply the same file again and it goes on "
                "where it was",
            }
        )

    async def release_loaded(self, campaign_id: str, *, within: timedelta = _LOADED_WITHIN) -> ReleaseStatus:
        """
        Wait until a release that was just started is on record, or says why it can't be for now; where it stands.

        Raises:
            Refusal: why it was refused as a whole, for example ManifestInvalid.
        """
        give_up_at = asyncio.get_running_loop().time() + within.total_seconds()
        while True:
            status = await self.release_status(campaign_id)
            if status.phase is ReleasePhase.FAILED:
                await self.wait_for_release(campaign_id)
            is_told = status.phase is not ReleasePhase.LOADING or status.attention
            if is_told or asyncio.get_running_loop().time() > give_up_at:
                return status
            await asyncio.sleep(_LOOK_EVERY)

    async def wait_for_release(self, campaign_id: str) -> ReleaseResult:
        """
        Wait for the end of a release campaign.

        Raises:
            Refusal: why it was refused as a whole, for example ManifestInvalid; EndedByFault if it did not come to its
                end.
        """
        handle: WorkflowHandle[Any, ReleaseResult] = self.temporal.get_workflow_handle(
            names.release_campaign_id(campaign_id), result_type=ReleaseResult
        )
        try:
            return await self._named(handle.result, f"campaign {campaign_id}")
        except WorkflowFailureError as error:
            raise EndedByFault(
                f"campaign {campaign_id} has ended with rows still to go: {describe(error)}; apply the same file "
                "again, and it goes on where it was"
            ) from error

    async def pause(self, campaign_id: str, command: Command) -> None:
        """Let no further batch through; what is in flight finishes."""
        await self._steer(campaign_id, names.PAUSE, command)

    async def resume(self, campaign_id: str, command: Command) -> None:
        """Go on."""
        await self._steer(campaign_id, names.RESUME, command)

    async def cancel(self, campaign_id: str, command: Command) -> None:
        """Publish nothing more; ads that exist stay as they are."""
        await self._steer(campaign_id, names.CANCEL, command)

    async def _steer(self, campaign_id: str, signal: str, command: Command) -> None:
        """A signal; a release that did not come to its end is started again for it, from the record."""
        workflow_id = names.release_campaign_id(campaign_id)
        handle = self.temporal.get_workflow_handle(workflow_id)
        description = await self._named(handle.describe, f"campaign {campaign_id}")
        if description.status not in _ENDED_BY_FAULT:
            await self._signal(workflow_id, signal, command)
            return
        release = await self._started_with(handle)
        await self._patiently(
            lambda: self.temporal.start_workflow(
                names.RELEASE_CAMPAIGN_WORKFLOW,
                _resumed(release),
                id=workflow_id,
                task_queue=names.TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal=signal,
                start_signal_args=[command],
                static_summary=_summary(release),
            )
        )

    async def retime(self, campaign_id: str, command: Retime, *, command_id: str | None = None) -> Retimed:
        """
        Give rows that are not submitted another instant; an earlier one takes two admins who say the same.

        Raises:
            Refusal: OnlyItsPeople, AdminOnly, NotAMember, NothingOnRecord, or ManifestInvalid for a time in the past.
        """
        workflow_id = names.release_campaign_id(campaign_id)
        return await self._update(workflow_id, names.RETIME, command, Retimed, command_id)

    async def approve(self, campaign_id: str, command: Approve) -> Approved:
        """
        Agree to a release as an approver of one of its stages, or reject it; what is still missing.

        Raises:
            Refusal: NotAnApprover, PlanChanged, NotAMember, NothingOnRecord.
        """
        return await self._update(names.release_campaign_id(campaign_id), names.APPROVE, command, Approved, None)

    async def proceed(self, campaign_id: str, command: Proceed) -> OpenTier:
        """
        Let the next tier of a release go, whatever the health of the one before.

        Raises:
            Refusal: OnlyItsPeople, NotAMember, NothingOnRecord.
        """
        return await self._update(names.release_campaign_id(campaign_id), names.PROCEED, command, OpenTier, None)

    async def settle_target(self, campaign_id: str, command: SettleTarget) -> TargetSettled:
        """
        Decide what became of a target whose outcome is unknown.

        Raises:
            Refusal: OnlyItsPeople, NotAMember, NothingOnRecord, OutcomeKnown, or EvidenceAgainst if TikTok lists
                something else.
        """
        workflow_id = names.release_campaign_id(campaign_id)
        return await self._update(workflow_id, names.SETTLE_TARGET, command, TargetSettled, None)

    async def retry(self, campaign_id: str, command: RetryTargets, *, command_id: str | None = None) -> TargetsRetried:
        """
        Let rows that were refused, blocked or frozen go through all gates again; also of a campaign that has ended.

        Raises:
            Refusal: NothingOnRecord, NotAMember, OnlyItsPeople.
        """
        update_id = command_id or uuid4().hex
        handle = self.temporal.get_workflow_handle(names.release_campaign_id(campaign_id))

        async def once() -> TargetsRetried:
            release = await self._started_with(handle)
            retried: TargetsRetried = await self.temporal.execute_update_with_start_workflow(
                names.RETRY,
                command,
                id=update_id,
                result_type=TargetsRetried,
                start_workflow_operation=WithStartWorkflowOperation(
                    names.RELEASE_CAMPAIGN_WORKFLOW,
                    _resumed(release),
                    id=handle.id,
                    task_queue=names.TASK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary=_summary(release),
                ),
            )
            return retried

        async with self._updates:
            return await self._named(once, f"campaign {campaign_id}")

    async def takedown(self, campaign_id: str, command: Takedown, *, command_id: str | None = None) -> str:
        """
        Begin to take rows down: nothing new goes out, spend is stopped, ads are deleted; also after the end.

        Returns:
            The takedown's name, for `takedown_status` and `wait_for_takedown`, which raises if it is refused. The same
            command id starts it once.
        """
        name = hashlib.sha256((command_id or uuid4().hex).encode()).hexdigest()[:12]
        try:
            await self._patiently(
                lambda: self.temporal.start_workflow(
                    names.TAKEDOWN_WORKFLOW,
                    TakedownInput(campaign_id=campaign_id, name=name, command=command),
                    id=names.takedown_id(campaign_id, name),
                    task_queue=names.TASK_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=f"Takedown in release {campaign_id}",
                )
            )
        except WorkflowAlreadyStartedError:
            return name
        return name

    async def takedown_status(self, campaign_id: str, name: str) -> TakedownStatus:
        """Counts, what is left, what TikTok refused, what only owners can remove."""
        subject = f"takedown {name} of campaign {campaign_id}"
        return await self._query(names.takedown_id(campaign_id, name), TakedownStatus, subject)

    async def wait_for_takedown(self, campaign_id: str, name: str) -> TakedownResult:
        """
        Wait for the end of a takedown; as long as outcomes are unknown, that is until they are known.

        Raises:
            Refusal: NothingOnRecord, NotAMember, OnlyItsPeople.
        """
        handle: WorkflowHandle[Any, TakedownResult] = self.temporal.get_workflow_handle(
            names.takedown_id(campaign_id, name), result_type=TakedownResult
        )
        return await self._named(handle.result, f"takedown {name} of campaign {campaign_id}")

    async def report(self, campaign_id: str, actor: str) -> ReportFiles:
        """
        The report of a release campaign: as it stands, or the last one if it has come to its end.

        The last one is that of its end, or of the last takedown that ended after it.

        Raises:
            Refusal: NothingOnRecord.
        """
        workflow_id = names.release_campaign_id(campaign_id)
        description = await self._named(self.temporal.get_workflow_handle(workflow_id).describe, workflow_id)
        if description.status in _ENDED_BY_FAULT:
            return await self._report_from_record(campaign_id, actor)
        if description.close_time is not None:
            takedown = await self._last_takedown(campaign_id, since=description.close_time)
            return (takedown or await self.wait_for_release(campaign_id)).report
        return await self._update(workflow_id, names.REPORT, AskReport(actor=actor), ReportFiles, None)

    async def _report_from_record(self, campaign_id: str, actor: str) -> ReportFiles:
        ask = WriteReportInput(campaign_id=campaign_id, actor=actor)

        async def once() -> ReportFiles:
            files: ReportFiles = await self.temporal.execute_workflow(
                names.WRITE_REPORT_WORKFLOW,
                ask,
                id=names.write_report_id(campaign_id, uuid4().hex[:12]),
                task_queue=names.TASK_QUEUE,
                result_type=ReportFiles,
                static_summary=f"Report of release {campaign_id}",
            )
            return files

        return await self._named(once, f"campaign {campaign_id}")

    async def _last_takedown(self, campaign_id: str, *, since: datetime) -> TakedownResult | None:
        ended = [
            one
            async for one in self.temporal.list_workflows(
                f"WorkflowType = '{names.TAKEDOWN_WORKFLOW}' AND ExecutionStatus = 'Completed'"
                f" AND {search_attributes.CAMPAIGN.name} = '{campaign_id}' AND CloseTime > '{since.isoformat()}'"
            )
        ]
        if not ended:
            return None
        last = max(ended, key=lambda one: one.close_time or since)
        handle: WorkflowHandle[Any, TakedownResult] = self.temporal.get_workflow_handle(
            last.id, run_id=last.run_id, result_type=TakedownResult
        )
        return await self._named(handle.result, last.id)

    # Audit

    async def audit(self, bc_id: str, ask: AskAudit) -> AuditAnswer:
        """
        Show, export or verify the audit trail of a Business Center; only an admin may (R3).

        A broken trail is an answer, not an error: see `AuditAnswer.verdict`.

        Raises:
            Refusal: AdminOnly, NotAMember, BusinessCenterUnknown.
        """
        return await self._with_business_center(bc_id, names.AUDIT, ask, AuditAnswer)

    # How commands travel

    async def _with_business_center(
        self, bc_id: str, update: str, command: Contract, answer: type[Answer], policy: str | None = None
    ) -> Answer:
        start = BusinessCenterInput(bc_id=bc_id) if policy is None else BusinessCenterInput(bc_id=bc_id, policy=policy)
        update_id = uuid4().hex

        def once() -> Awaitable[Answer]:
            return self.temporal.execute_update_with_start_workflow(
                update,
                command,
                id=update_id,
                result_type=answer,
                start_workflow_operation=WithStartWorkflowOperation(
                    names.BUSINESS_CENTER_WORKFLOW,
                    start,
                    id=names.business_center_id(bc_id),
                    task_queue=names.TASK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary=f"Business Center {bc_id}",
                ),
            )

        async with self._updates:
            return await self._named(once, f"Business Center {bc_id}")

    async def _update(
        self,
        workflow_id: str,
        update: str,
        command: Contract,
        answer: type[Answer],
        command_id: str | None,
        subject: str = "",
    ) -> Answer:
        handle = self.temporal.get_workflow_handle(workflow_id)
        update_id = command_id or uuid4().hex
        async with self._updates:
            return await self._named(
                lambda: handle.execute_update(update, command, id=update_id, result_type=answer),
                subject or workflow_id,
            )

    async def _signal(self, workflow_id: str, signal: str, message: Contract, subject: str = "") -> None:
        handle = self.temporal.get_workflow_handle(workflow_id)
        await self._named(lambda: handle.signal(signal, message), subject or workflow_id)

    async def _query(self, workflow_id: str, answer: type[Answer], subject: str = "") -> Answer:
        handle = self.temporal.get_workflow_handle(workflow_id)
        return await self._named(lambda: handle.query(names.STATUS, result_type=answer), subject or workflow_id)

    async def _named(self, call: Callable[[], Awaitable[Answer]], subject: str) -> Answer:
        """Raise refusals as their named errors; a workflow that renews itself is asked again."""
        for attempt in range(_RENEWALS):
            try:
                return await self._patiently(call)
            except (WorkflowUpdateFailedError, WorkflowFailureError) as error:
                refusal = from_failure(error)
                if refusal is None:
                    raise
                if not isinstance(refusal, Renewing) or attempt == _RENEWALS - 1:
                    raise refusal from error
            except WorkflowQueryFailedError as error:
                raise NothingOnRecord(f"{subject} does not answer: {error}") from error
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    raise NothingOnRecord(f"{subject} does not exist, or has ended") from error
                raise
            await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
        raise AssertionError("unreachable")

    async def _patiently(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Try again what the server could not take; the command's id keeps it from running twice."""
        for attempt in range(_ATTEMPTS):
            try:
                return await call()
            except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
                task = asyncio.current_task()
                if isinstance(error.__cause__, asyncio.CancelledError) or (task is not None and task.cancelling()):
                    # The SDK dresses our caller's own cancellation up as an error that could pass.
                    raise asyncio.CancelledError from None
                passing = not isinstance(error, RPCError) or error.status in _PASSING
                if not passing or attempt == _ATTEMPTS - 1:
                    raise
            await asyncio.sleep(0.5 * 2**attempt)
        raise AssertionError("unreachable")


def _resumed(release: ReleaseInput) -> ReleaseInput:
    """What starts a release again that is on record."""
    return release.model_copy(update={"resumed": True, "resumed_paused": False, "resumed_to_invite": False})


def _summary(release: ReleaseInput) -> str:
    return f"Release in BC {release.bc_id}, manifest {release.manifest.sha256[:12]}"


def _authorization(bc_id: str, asset_id: str) -> str:
    return f"an authorization of account {asset_id} for Business Center {bc_id}"
