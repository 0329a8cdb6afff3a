"""The QR code of a Business Center and scope: the same each time it is asked for, as long as it is honoured (R8)."""

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Literal

import segno
from pydantic import Field
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import tiktok_failures
from activities.members import Members, current_run
from activities.platform import Platform
from sparkads.contracts.base import BlobRef, Contract
from sparkads.contracts.business_center import QrCode
from sparkads.files import Files
from sparkads.roles import Action
from sparkads.scopes import NewVideos, Scope
from store import audit, credentials, requests
from store.database import Pool

QUIET_ZONE = 4
"""Modules of white around a QR code that ISO/IEC 18004 asks for."""


_URL = re.compile(r"https?://\S{1,2000}")
"""Short enough for a QR code."""


class AskQrCodes(Contract):
    """The code of a Business Center and scope, for these requests; `renew` makes a new one in any case."""

    bc_id: str
    actor: str
    scope: Scope
    request_names: tuple[str, ...] = Field(default=(), max_length=800)
    renew: bool = False


class QrCodes(Contract):
    """The code of a scope; where TikTok lets a code serve one owner only, one for each request instead."""

    code: QrCode
    by_request: dict[str, QrCode] = Field(default_factory=dict)


class QrCodeActivities:
    """Needs the store, TikTok, the role check and the object store."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        members: Members,
        files: Files,
        *,
        lifetime: timedelta,
        reusable: bool,
        verb: Literal["GET", "POST"],
    ) -> None:
        """
        Share the process's connections.

        Args:
            db: the store.
            platform: TikTok.
            members: the role check.
            files: the object store.
            lifetime: how long a code is offered before it is issued anew; TikTok documents no lifetime.
            reusable: whether one code serves several owners (R8); TikTok documents that neither.
            verb: tried first for the code's URL; TikTok's pages disagree about it.
        """
        self._db = db
        self._platform = platform
        self._members = members
        self._files = files
        self._lifetime = lifetime
        self._reusable = reusable
        self._verb = verb

    @activity.defn
    async def get_qr_codes(self, ask: AskQrCodes) -> QrCodes:
        """
        The code of a scope, the same for every owner until its lifetime is over or it is renewed (R8).

        Owners who are under way with an older code are not lost: TikTok decides for how long it takes that one, and
        whoever it authorizes is found by the sweep, whichever code brought them.
        """
        await self._members.require(ask.bc_id, ask.actor, Action.REQUEST_ACCESS)
        if self._reusable or not ask.request_names:
            return QrCodes(code=await self._code(ask, ""))
        codes = {name: await self._code(ask, name) for name in ask.request_names}
        return QrCodes(code=next(iter(codes.values())), by_request=codes)

    async def _code(self, ask: AskQrCodes, request_name: str) -> QrCode:
        now = datetime.now(UTC)
        known = await requests.qr_code(
            self._db, ask.bc_id, ask.scope.key, request_name, issued_after=now - self._lifetime
        )
        if known is not None and not ask.renew:
            return known
        client = await self._platform.client(ask.bc_id)
        ads_only = None if ask.scope.new_videos is NewVideos.NO else ask.scope.new_videos is NewVideos.ADS_ONLY
        with tiktok_failures():
            url = await client.business_centers.authorization_url(ask.bc_id, ads_only=ads_only, verb=self._verb)
        if not _URL.fullmatch(url.get_secret_value()):
            raise ApplicationError("TikTok's answer has no URL to draw a QR code of", type="TikTokFault")
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
        async with self._db.acquire() as connection, connection.transaction():
            await requests.put_qr_code(connection, ask.bc_id, ask.scope.key, code, request_name)
            await audit.write(
                connection,
                bc_id=ask.bc_id,
                actor=ask.actor,
                action="QR code renewed" if ask.renew else "QR code issued",
                subject=f"scope {ask.scope.key}" + (f", request {request_name}" if request_name else ""),
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
