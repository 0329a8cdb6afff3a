"""Activities of the Request step: who may ask, the QR code, the sweep for scanned accounts, requests on record."""

import io
from datetime import UTC, datetime, timedelta
from typing import Literal

import segno
from pydantic import AwareDatetime
from temporalio import activity

from activities.failures import tiktok_failures
from activities.members import Members, current_run
from activities.platform import Platform
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.base import BlobRef, Contract
from sparkads.contracts.business_center import AccountList, QrCode, ScanOutcome, ScanReport
from sparkads.files import Files
from sparkads.roles import Action, sees_all_accounts
from sparkads.scopes import NewVideos, Scope
from store import access, audit, credentials, releases
from store.access import ListedAccount, Sweep
from store.database import Pool

QUIET_ZONE = 4
"""Modules of white around a QR code that ISO/IEC 18004 asks for."""


class ActorCheck(Contract):
    """Who wants to do what."""

    bc_id: str
    actor: str
    action: Action


class AskQrCode(Contract):
    """The code of a Business Center and scope; `actor` asked for it."""

    bc_id: str
    actor: str
    scope: Scope


class HandlesOf(Contract):
    """Handles to look up in a Business Center."""

    bc_id: str
    handles: tuple[str, ...]


class KnownHandles(Contract):
    """By handle, the asset ids of those that are authorized."""

    authorized: dict[str, str]


class OpenRequest(Contract):
    """An access request to put on record."""

    bc_id: str
    name: str
    handle: str | None
    scope: Scope
    requested_by: str
    opened_at: AwareDatetime
    deadline: AwareDatetime | None


class CloseRequest(Contract):
    """The end of an access request to put on record."""

    bc_id: str
    name: str
    handle: str | None
    outcome: RequestOutcome
    closed_by: str
    asset_id: str | None = None
    reason: str = ""


class Closed(Contract):
    """A request whose end is on record."""

    waiting_campaigns: tuple[str, ...]


class LookForAccount(Contract):
    """An account to find among the authorized ones."""

    bc_id: str
    handle: str | None
    asset_id: str | None


class FoundAccount(Contract):
    """The asset id of an authorized account, or None."""

    asset_id: str | None


class ScanOnRecord(Contract):
    """A scan that changed nothing, to be kept all the same (R9)."""

    bc_id: str
    report: ScanReport
    outcome: ScanOutcome
    request_name: str | None = None


class Remind(Contract):
    """A reminder that is due."""

    bc_id: str
    name: str
    number: int


class SweepAnswer(Contract):
    """What a sweep found, and when to look again."""

    found: Sweep
    seconds_if_awaited: float
    seconds_if_idle: float


class RequestActivities:
    """Needs the store, TikTok, the role check and the object store."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        members: Members,
        files: Files,
        *,
        qr_lifetime: timedelta,
        sweep_fast: timedelta,
        sweep_slow: timedelta,
        authorization_verb: Literal["GET", "POST"],
    ) -> None:
        """
        Share the process's connections.

        Args:
            db: the store.
            platform: TikTok.
            members: the role check.
            files: the object store.
            qr_lifetime: how long a code is offered before it is issued anew; TikTok documents no lifetime.
            sweep_fast: between two sweeps while somebody is awaited.
            sweep_slow: between two sweeps otherwise.
            authorization_verb: tried first for the code's URL; TikTok's pages disagree about it.
        """
        self._db = db
        self._platform = platform
        self._members = members
        self._files = files
        self._qr_lifetime = qr_lifetime
        self._sweep_fast = sweep_fast
        self._sweep_slow = sweep_slow
        self._verb = authorization_verb

    @activity.defn
    async def check_actor(self, check: ActorCheck) -> None:
        """Let the actor pass, or refuse by name (R2, R3)."""
        await self._members.require(check.bc_id, check.actor, check.action)

    @activity.defn
    async def get_qr_code(self, ask: AskQrCode) -> QrCode:
        """The code of a Business Center and scope: the same for every owner, until its lifetime is over (R8)."""
        now = datetime.now(UTC)
        known = await access.qr_code(self._db, ask.bc_id, ask.scope.key, issued_after=now - self._qr_lifetime)
        if known is not None:
            return known
        client = await self._platform.client(ask.bc_id)
        ads_only = None if ask.scope.new_videos is NewVideos.NO else ask.scope.new_videos is NewVideos.ADS_ONLY
        with tiktok_failures():
            url = await client.business_centers.authorization_url(ask.bc_id, ads_only=ads_only, verb=self._verb)
        name = await credentials.business_center_name(self._db, ask.bc_id)
        png, svg, terminal, plain = await self._draw(url.get_secret_value())
        code = QrCode(
            png=png,
            svg=svg,
            terminal=terminal,
            url=plain,
            text=f"{name} asks you to let it {ask.scope.sentence}. "
            "Log in to the TikTok account you want to authorize, update the app, then scan.",
            issued_at=now,
        )
        await access.put_qr_code(self._db, ask.bc_id, ask.scope.key, code)
        async with self._db.acquire() as connection:
            await audit.write(
                connection,
                bc_id=ask.bc_id,
                actor=ask.actor,
                action="QR code issued",
                subject=f"scope {ask.scope.key}",
                run=current_run(),
            )
        return code

    async def _draw(self, url: str) -> tuple[BlobRef, BlobRef, BlobRef, BlobRef]:
        code = segno.make_qr(url, error="m")
        png, svg, terminal = io.BytesIO(), io.BytesIO(), io.StringIO()
        code.save(png, kind="png", scale=10, border=QUIET_ZONE)
        code.save(svg, kind="svg", scale=10, border=QUIET_ZONE, xmldecl=False)
        code.terminal(terminal, border=QUIET_ZONE, compact=True)
        return (
            await self._files.put(png.getvalue(), "image/png"),
            await self._files.put(svg.getvalue(), "image/svg+xml"),
            await self._files.put(terminal.getvalue().encode(), "text/plain"),
            await self._files.put(url.encode(), "text/plain"),
        )

    @activity.defn
    async def sweep_accounts(self, bc_id: str) -> SweepAnswer:
        """List what TikTok says the Business Center holds; scans and revocations have no other trace."""
        client = await self._platform.client(bc_id)
        with tiktok_failures():
            assets = await client.business_centers.all_assets(bc_id, "TT_ACCOUNT")
        listed = [
            ListedAccount(
                asset_id=asset.asset_id,
                handle=(asset.tt_asset_handle or "").removeprefix("@").lower(),
                name=asset.asset_name,
            )
            for asset in assets
        ]
        async with self._db.acquire() as connection, connection.transaction():
            found = await access.sweep(connection, bc_id, listed)
        return SweepAnswer(
            found=found,
            seconds_if_awaited=self._sweep_fast.total_seconds(),
            seconds_if_idle=self._sweep_slow.total_seconds(),
        )

    @activity.defn
    async def look_up_handles(self, ask: HandlesOf) -> KnownHandles:
        """Which of these handles are authorized already."""
        return KnownHandles(authorized=await access.active_handles(self._db, ask.bc_id, ask.handles))

    @activity.defn
    async def open_request(self, request: OpenRequest) -> None:
        """Put an access request on record."""
        run = current_run()
        async with self._db.acquire() as connection, connection.transaction():
            news = await access.open_request(
                connection,
                request_id=f"{run.workflow_id}/{run.run_id}",
                bc_id=request.bc_id,
                name=request.name,
                handle=request.handle,
                scope=request.scope.key,
                requested_by=request.requested_by,
                opened_at=request.opened_at,
                deadline=request.deadline,
            )
            if news:
                await audit.write(
                    connection,
                    bc_id=request.bc_id,
                    actor=request.requested_by,
                    action="access requested",
                    subject=f"@{request.handle}" if request.handle else f"open invitation {request.name}",
                    reason=f"scope {request.scope.key}",
                    run=run,
                )

    @activity.defn
    async def close_request(self, request: CloseRequest) -> Closed:
        """Put the end of an access request on record, and say which campaigns have waited for it."""
        run = current_run()
        async with self._db.acquire() as connection, connection.transaction():
            news = await access.close_request(
                connection,
                f"{run.workflow_id}/{run.run_id}",
                request.outcome,
                asset_id=request.asset_id,
                reason=request.reason,
            )
            if news:
                await audit.write(
                    connection,
                    bc_id=request.bc_id,
                    actor=request.closed_by or audit.SYSTEM,
                    action=f"request {request.outcome.replace('_', ' ')}",
                    subject=request.name,
                    reason=request.reason,
                    run=run,
                )
        waiting = await releases.campaigns_waiting_for(self._db, request.bc_id, request.handle or "")
        return Closed(waiting_campaigns=tuple(waiting))

    @activity.defn
    async def find_authorized(self, ask: LookForAccount) -> FoundAccount:
        """The authorized account that a scan is about, if there is one."""
        asset_id = await access.active_asset(self._db, ask.bc_id, handle=ask.handle, asset_id=ask.asset_id)
        return FoundAccount(asset_id=asset_id)

    @activity.defn
    async def keep_scan(self, scan: ScanOnRecord) -> None:
        """Keep a scan with its outcome (R9)."""
        await access.record_scan(
            self._db,
            bc_id=scan.bc_id,
            request_name=scan.request_name,
            handle=scan.report.handle,
            asset_id=scan.report.asset_id,
            outcome=scan.outcome,
            reported_by=scan.report.reported_by,
            detail=scan.report.reason,
        )

    @activity.defn
    async def note_reminder(self, reminder: Remind) -> None:
        """Leave a reminder in the trail; whoever sends messages reads it there."""
        async with self._db.acquire() as connection:
            await audit.write(
                connection,
                bc_id=reminder.bc_id,
                actor=audit.SYSTEM,
                action=f"reminder {reminder.number} due",
                subject=reminder.name,
                run=current_run(),
            )

    @activity.defn
    async def list_accounts(self, check: ActorCheck) -> AccountList:
        """All accounts for an admin, the assigned ones for a standard member (R4)."""
        who = await self._members.require(check.bc_id, check.actor, check.action)
        only = None if who.role is not None and sees_all_accounts(who.role) else tuple(who.accounts)
        lines = await access.list_accounts(self._db, check.bc_id, only=only)
        return AccountList(accounts=tuple(lines))
