"""
One authorized TikTok account, until its owner or an admin ends it.

Nothing here ends an authorization by time (R10). It knows grants and links, not campaigns: the cascade of its end (R15)
reaches targets and ads through the store.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.authorizations import AccountOf, AuthorizationActivities, EndOnRecord, OpenAuthorization
    from activities.notifications import NotificationActivities
    from activities.requests import ActorCheck, RequestActivities
    from activities.sharing import DueGrants, PartnerReady, ShareAccount, SharingActivities, UnshareAccount
    from sparkads import names, search_attributes
    from sparkads.contracts.authorization import (
        AccountLost,
        AuthorizationInput,
        AuthorizationResult,
        AuthorizationStage,
        AuthorizationStatus,
        EndAuthorization,
        PairOutcome,
        PartnerShared,
        Share,
        ShareResult,
        Unshare,
    )
    from sparkads.contracts.business_center import BY_SWEEP, ScanReport
    from sparkads.contracts.release import AccessChanged
    from sparkads.errors import AuthorizationEnded, describe, from_failure, refused
    from sparkads.roles import Action
    from workflows import _calls, _card
    from workflows._messages import Renewal, Undecodable, command_id, one_value

MAINTENANCE = timedelta(days=30)
"""An idle run is renewed this often, so that none depends on code that is years old. It ends nothing (R10)."""


@workflow.defn(name=names.AUTHORIZATION_WORKFLOW)
class AuthorizationWorkflow:
    """
    Id `authorization/{bc_id}/{asset_id}`. Started by the sweep that first finds the account.

    Updates `share` and `unshare` (admins, R3); signal `cancel` (an admin, R10) and signal `lost` (the sweep) end it,
    each checked before it counts; signal `partner_shared` (the review) lets a share go on that waited for a partner. A
    timer ends grants that were given until a moment, never the authorization (R10). Continues as new when the server
    suggests it and every 30 days; upgrades to the newest worker by itself. Approving again later starts a new run with
    a record of its own.
    """

    @workflow.init
    def __init__(self, start: AuthorizationInput) -> None:
        """Take over from the run before."""
        self._start = start
        self._stage = AuthorizationStage.ACTIVE
        self._since: datetime | None = start.authorized_at
        self._members: tuple[str, ...] = ()
        self._ad_accounts: tuple[str, ...] = ()
        self._waiting_for = ""
        self._unclear = dict(start.unclear)
        self._next_grant_ends: datetime | None = None
        self._timer_moved = False
        self._undecodable = Undecodable(start.undecodable, start.last_undecodable)
        self._losses: list[AccountLost] = []
        self._partners_ready: list[PartnerShared] = []
        self._renewal = Renewal()
        self._cancels: list[EndAuthorization] = []
        self._last_error = ""
        # Two commands on one account run one after the other: each reads what is shared before it writes.
        self._sharing = asyncio.Lock()

    @workflow.run
    async def run(self, _start: AuthorizationInput) -> AuthorizationResult:
        """Put it on record, serve commands for as long as it lasts, and clean up after its end."""
        if self._since is None:
            await self._open()
        else:
            await self._read_shares()
        end = await self._wait_for_end()
        self._stage = end.stage
        await workflow.wait_condition(workflow.all_handlers_finished)
        return await self._cascade(end)

    @property
    def _authorization_id(self) -> str:
        own = f"{workflow.info().workflow_id}/{workflow.info().first_execution_run_id}"
        return self._start.authorization_id or own

    @property
    def _account(self) -> AccountOf:
        return AccountOf(bc_id=self._start.bc_id, asset_id=self._start.asset_id)

    async def _open(self) -> None:
        opened = await workflow.execute_activity_method(
            AuthorizationActivities.open_authorization,
            OpenAuthorization(
                bc_id=self._start.bc_id,
                asset_id=self._start.asset_id,
                authorization_id=self._authorization_id,
                request_name=self._start.request_name,
            ),
            summary="Record the authorization",
            **_calls.RECORD,
        )
        self._since = opened.since
        for campaign in opened.waiting_campaigns:
            await self._tell(names.release_campaign_id(campaign), names.ACCESS_CHANGED, AccessChanged())
        if self._start.request_name is not None:
            request = names.access_request_id(self._start.bc_id, self._start.request_name)
            report = ScanReport(handle=opened.handle or None, asset_id=self._start.asset_id, reported_by=BY_SWEEP)
            await self._tell(request, names.SCAN, report)

    async def _tell(self, workflow_id: str, signal: str, message: AccessChanged | ScanReport) -> None:
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(signal, message)
        except FailureError:
            # Who has ended needs no answer.
            workflow.logger.info("nobody to tell", extra={"workflow": workflow_id})

    async def _wait_for_end(self) -> EndOnRecord:
        renew_at = workflow.now() + MAINTENANCE
        while True:
            self._present()
            self._timer_moved = False
            wake_at = min(renew_at, self._next_grant_ends or renew_at)
            try:
                await workflow.wait_condition(
                    lambda: (
                        bool(self._losses or self._cancels or self._partners_ready)
                        or self._timer_moved
                        or workflow.info().is_continue_as_new_suggested()
                    ),
                    timeout=max(wake_at - workflow.now(), timedelta(seconds=1)),
                    timeout_summary="maintenance; ends nothing" if wake_at == renew_at else "until a grant ends",
                )
            except TimeoutError:
                workflow.logger.debug("a timer is over")
            cancels, self._cancels = self._cancels, []
            for command in cancels:
                if await self._may_end(command):
                    return self._end(AuthorizationStage.REMOVED_BY_ADMIN, command.actor, command.reason)
            if self._losses:
                self._losses.clear()
                if not await self._still_listed():
                    return self._end(AuthorizationStage.REVOKED_BY_OWNER, "owner", "TikTok no longer lists the account")
            if self._partners_ready:
                await self._link_partner_accounts()
            if self._next_grant_ends is not None and self._next_grant_ends <= workflow.now():
                await self._end_due_grants()
            if workflow.info().is_continue_as_new_suggested() or workflow.now() >= renew_at:
                await self._renew()

    async def _link_partner_accounts(self) -> None:
        ready = dict.fromkeys(one for signal in self._partners_ready for one in signal.advertiser_ids)
        self._partners_ready.clear()
        async with self._sharing:
            result = await workflow.execute_activity_method(
                SharingActivities.link_partner_accounts,
                PartnerReady(
                    bc_id=self._start.bc_id,
                    asset_id=self._start.asset_id,
                    authorization_id=self._authorization_id,
                    advertiser_ids=tuple(ready),
                ),
                summary=f"Link to {len(ready)} ad accounts of partners",
                **_calls.LOOK,
            )
            self._note(result)
            await self._read_shares()
        for campaign in await self._waiting_campaigns():
            await self._tell(names.release_campaign_id(campaign), names.ACCESS_CHANGED, AccessChanged())

    async def _waiting_campaigns(self) -> tuple[str, ...]:
        return await workflow.execute_activity_method(
            AuthorizationActivities.waiting_campaigns,
            self._account,
            summary="Which releases wait for the account",
            **_calls.RECORD,
        )

    async def _end_due_grants(self) -> None:
        async with self._sharing:
            await workflow.execute_activity_method(
                SharingActivities.end_due_grants,
                DueGrants(
                    bc_id=self._start.bc_id,
                    asset_id=self._start.asset_id,
                    authorization_id=self._authorization_id,
                    now=workflow.now(),
                ),
                summary="Take back the grants whose time is over",
                **_calls.LOOK,
            )
            await self._read_shares()

    async def _renew(self) -> None:
        await self._renewal.drain()
        if self._losses or self._cancels or self._partners_ready:
            self._renewal.reopen()
            return
        workflow.continue_as_new(
            self._start.model_copy(
                update={
                    "authorized_at": self._since,
                    "authorization_id": self._authorization_id,
                    "undecodable": self._undecodable.count,
                    "last_undecodable": self._undecodable.last,
                    "unclear": self._unclear,
                }
            ),
            memo={"bc": self._start.bc_id, "account": self._start.asset_id},
        )

    def _end(self, stage: AuthorizationStage, ended_by: str, reason: str) -> EndOnRecord:
        return EndOnRecord(
            authorization_id=self._authorization_id,
            bc_id=self._start.bc_id,
            asset_id=self._start.asset_id,
            stage=stage,
            ended_by=ended_by,
            reason=reason,
        )

    async def _may_end(self, command: EndAuthorization) -> bool:
        try:
            await workflow.execute_activity_method(
                RequestActivities.check_actor,
                ActorCheck(bc_id=self._start.bc_id, actor=command.actor, action=Action.END_AUTHORIZATION),
                summary="Only an admin may end an authorization",
                **_calls.ANSWER,
            )
        except ActivityError as error:
            if from_failure(error) is None:
                # Nobody knows; it is asked again, and a loss or a partner does not wait for it for ever.
                self._cancels.append(command)
            self._last_error = describe(error)
            return False
        return True

    async def _still_listed(self) -> bool:
        return await workflow.execute_activity_method(
            AuthorizationActivities.still_listed, self._account, summary="Is it really gone?", **_calls.LOOK
        )

    async def _cascade(self, end: EndOnRecord) -> AuthorizationResult:
        """All that hangs on the authorization ends, whatever it takes; everything else goes on (R15)."""
        self._present()
        ended = await workflow.execute_activity_method(
            AuthorizationActivities.end_authorization, end, summary="End grants, freeze targets", **_calls.RECORD
        )
        for campaign in ended.campaigns:
            await self._tell(names.release_campaign_id(campaign), names.ACCESS_CHANGED, AccessChanged())
        stopped = await workflow.execute_activity_method(
            AuthorizationActivities.stop_live_ads, self._account, summary="Stop live ads", **_calls.LOOK
        )
        if end.stage is AuthorizationStage.REMOVED_BY_ADMIN:
            await workflow.execute_activity_method(
                AuthorizationActivities.remove_account,
                self._account,
                summary="Remove the account at TikTok",
                **_calls.LOOK,
            )
        await self._tell_people()
        return AuthorizationResult(
            stage=end.stage,
            reason=end.reason,
            grants_ended=ended.grants,
            links_removed=ended.links,
            targets_frozen=ended.targets_frozen,
            ads_stopped=stopped,
        )

    async def _tell_people(self) -> None:
        try:
            await workflow.execute_activity_method(
                NotificationActivities.deliver_notifications,
                self._start.bc_id,
                summary="Tell that it has ended",
                **_calls.TELL,
            )
        except ActivityError as error:
            # What is in the outbox is delivered by the Business Center's next sweep.
            self._last_error = describe(error)

    @workflow.update(name=names.SHARE, description="Give members and ad accounts the use of the account")
    async def share(self, command: Share) -> ShareResult:
        """An outcome for each pair; a repeat changes nothing (R3, R11)."""
        async with self._sharing:
            result = await workflow.execute_activity_method(
                SharingActivities.share_account,
                ShareAccount(
                    bc_id=self._start.bc_id,
                    asset_id=self._start.asset_id,
                    authorization_id=self._authorization_id,
                    command=command,
                    command_id=command_id(),
                ),
                summary=f"Share with {len(command.members)} members, {len(command.ad_accounts)} ad accounts",
                **_calls.ANSWER,
            )
            self._note(result)
            await self._read_shares()
        return result

    def _note(self, result: ShareResult) -> None:
        """Remember which of its identities only a person can tell."""
        for pair in result.pairs:
            if pair.outcome is PairOutcome.UNCLEAR:
                self._unclear[pair.subject] = pair.reason
            elif pair.outcome is not PairOutcome.FAILED:
                self._unclear.pop(pair.subject, None)

    @share.validator
    def _share_only_while_active(self, command: Share) -> None:  # noqa: ARG002 - a validator takes what its update takes
        self._refuse_after_end()

    @workflow.update(name=names.UNSHARE, description="Take the use of the account back")
    async def unshare(self, command: Unshare) -> ShareResult:
        """An outcome for each pair; a repeat changes nothing (R3, R11)."""
        async with self._sharing:
            result = await workflow.execute_activity_method(
                SharingActivities.unshare_account,
                UnshareAccount(
                    bc_id=self._start.bc_id,
                    asset_id=self._start.asset_id,
                    authorization_id=self._authorization_id,
                    command=command,
                    command_id=command_id(),
                ),
                summary=f"Unshare from {len(command.members)} members, {len(command.ad_accounts)} ad accounts",
                **_calls.ANSWER,
            )
            self._note(result)
            await self._read_shares()
        return result

    @unshare.validator
    def _unshare_only_while_active(self, command: Unshare) -> None:  # noqa: ARG002 - as above
        self._refuse_after_end()

    def _refuse_after_end(self) -> None:
        if self._stage is not AuthorizationStage.ACTIVE:
            raise refused(
                AuthorizationEnded(
                    f"R1: account {self._start.asset_id} is {self._stage.replace('_', ' ')}; "
                    "nothing is shared before its owner approves again"
                )
            )
        self._renewal.refuse_command()

    @workflow.signal(name=names.CANCEL, description="End the authorization: {actor, reason}")
    @one_value
    def cancel(self, raw: RawValue) -> None:
        """Take a cancellation; the actor is checked before it counts (R10)."""
        command = self._undecodable.read(raw, EndAuthorization, names.CANCEL)
        if command is not None:
            self._cancels.append(command)
        self._present()

    @workflow.signal(name=names.LOST, description="From the sweep: TikTok no longer lists the account")
    @one_value
    def lost(self, raw: RawValue) -> None:
        """Take a report of the account's loss; TikTok is asked before it counts."""
        report = self._undecodable.read(raw, AccountLost, names.LOST)
        if report is not None:
            self._losses.append(report)

    @workflow.signal(name=names.PARTNER_SHARED, description="From the review: a partner has shared its ad accounts")
    @one_value
    def partner_shared(self, raw: RawValue) -> None:
        """Go on with links that waited for a partner; TikTok refuses them if it is not so."""
        ready = self._undecodable.read(raw, PartnerShared, names.PARTNER_SHARED)
        if ready is not None:
            self._partners_ready.append(ready)

    @workflow.query(name=names.STATUS, description="Stage, since when, shared with whom")
    def status(self) -> AuthorizationStatus:
        """Where the authorization stands."""
        return AuthorizationStatus(
            bc_id=self._start.bc_id,
            asset_id=self._start.asset_id,
            stage=self._stage,
            since=self._since,
            members=self._members,
            ad_accounts=self._ad_accounts,
            undecodable_signals=self._undecodable.count,
            last_undecodable=self._undecodable.last,
            last_error=self._last_error,
            waiting_for=self._waits_for(),
            next_grant_ends=self._next_grant_ends,
        )

    def _waits_for(self) -> str:
        if self._stage is not AuthorizationStage.ACTIVE:
            return ""
        parts = [f"a person to say which identity it is in {where}: {what}" for where, what in self._unclear.items()]
        if self._waiting_for:
            parts.append(self._waiting_for)
        if not self._members and not self._ad_accounts and not parts:
            parts.append("an admin to share it")
        return "; ".join(parts)

    async def _read_shares(self) -> None:
        shared = await workflow.execute_activity_method(
            SharingActivities.read_shares, self._authorization_id, summary="Read who may use it", **_calls.RECORD
        )
        self._members, self._ad_accounts = shared.members, shared.ad_accounts
        self._timer_moved = self._timer_moved or shared.next_end != self._next_grant_ends
        self._waiting_for, self._next_grant_ends = shared.waiting_for, shared.next_end
        self._present()

    def _present(self) -> None:
        active = self._stage is AuthorizationStage.ACTIVE
        _card.show(
            f"TikTok account {self._start.asset_id}: {self._stage.replace('_', ' ')}",
            {
                "since": self._since,
                "shared with": f"{len(self._members)} members, {len(self._ad_accounts)} ad accounts",
                "next grant ends": (self._next_grant_ends or "") if active else "",
                "waiting for": self._waits_for(),
                "ends": "only when its owner or an admin says so" if active else "",
                "signals that could not be read": self._undecodable.count or "",
                "last error": self._last_error,
            },
            to_do="say which identity it is: sparkads accounts share … --identity" if active and self._unclear else "",
        )
        changed = _card.changed(
            search_attributes.PHASE.value_set(self._stage.value),
            search_attributes.BUSINESS_CENTER.value_set(self._start.bc_id),
            search_attributes.ACCOUNT.value_set(self._start.asset_id),
            search_attributes.WAITING_ON.value_set(self._waiting_on()),
            search_attributes.ATTENTION.value_set(active and bool(self._unclear)),
        )
        if changed:
            workflow.upsert_search_attributes(changed)

    def _waiting_on(self) -> str:
        if self._stage is not AuthorizationStage.ACTIVE:
            return "nobody"
        if self._unclear:
            return "person"
        if self._waiting_for:
            return "partner"
        return "nobody" if self._members or self._ad_accounts else "admin"
