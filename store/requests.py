"""The Request step on record: QR codes, access requests, and every scan with its outcome."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sparkads.contracts.access_request import AccessRequestInput, RequestOutcome
from sparkads.contracts.business_center import AwaitedLine, QrCode, ScanLine, ScanOutcome
from sparkads.scopes import Scope
from store.audit import Run, write
from store.database import Connection, Database


async def qr_code(
    db: Database, bc_id: str, scope: str, request_name: str = "", *, issued_after: datetime
) -> QrCode | None:
    """The code of a Business Center and scope, or of one request, if one was issued after that time (R8)."""
    code = await db.fetchval(
        "SELECT code FROM qr_codes WHERE bc_id = $1 AND scope = $2 AND request_name = $3 AND issued_at > $4",
        bc_id,
        scope,
        request_name,
        issued_after,
    )
    return None if code is None else QrCode.model_validate_json(code)


async def put_qr_code(db: Database, bc_id: str, scope: str, code: QrCode, request_name: str = "") -> None:
    """Remember a code as the newest of its Business Center and scope, or of one request."""
    await db.execute(
        """INSERT INTO qr_codes (bc_id, scope, request_name, code, issued_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (bc_id, scope, request_name) DO UPDATE SET code = $4, issued_at = $5""",
        bc_id,
        scope,
        request_name,
        code.model_dump_json(),
        code.issued_at,
    )


async def retire_qr_codes(db: Database, bc_id: str, request_name: str | None) -> int:
    """Offer the code of a request's scope no longer, or all codes; owners who have it may still use it at TikTok."""
    status = await db.execute(
        """DELETE FROM qr_codes WHERE bc_id = $1 AND ($2::text IS NULL OR scope IN (
               SELECT scope FROM access_requests WHERE bc_id = $1 AND name = $2 AND state = 'pending'))""",
        bc_id,
        request_name,
    )
    return int(status.rsplit(" ", 1)[-1])


async def open_request(
    connection: Connection,
    *,
    request_id: str,
    bc_id: str,
    name: str,
    handle: str | None,
    scope: str,
    requested_by: str,
    opened_at: datetime,
    deadline: datetime | None,
    remind_every_hours: float | None = None,
) -> bool:
    """
    Record an access request; False if this very request, or a later one of its name that waits, is on record already.

    An earlier one of the same name that waits belongs to a workflow that was terminated: two never run at once. A later
    one was opened while whoever records this one was held up.
    """
    await connection.execute(
        """UPDATE access_requests SET state = 'cancelled', closed_at = now(),
                                      reason = 'its workflow was terminated before an answer'
           WHERE bc_id = $1 AND name = $2 AND state = 'pending' AND id <> $3 AND opened_at < $4""",
        bc_id,
        name,
        request_id,
        opened_at,
    )
    status = await connection.execute(
        """INSERT INTO access_requests
               (id, bc_id, name, handle, scope, state, requested_by, opened_at, deadline, remind_every_hours)
           VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9) ON CONFLICT DO NOTHING""",
        request_id,
        bc_id,
        name,
        handle,
        scope,
        requested_by,
        opened_at,
        deadline,
        remind_every_hours,
    )
    return status == "INSERT 0 1"


async def close_request(
    connection: Connection, request_id: str, outcome: RequestOutcome, *, asset_id: str | None, reason: str
) -> bool:
    """Record how a request ended; False if it had ended before."""
    status = await connection.execute(
        """UPDATE access_requests SET state = $2, asset_id = $3, reason = $4, closed_at = now()
           WHERE id = $1 AND state = 'pending'""",
        request_id,
        outcome,
        asset_id,
        reason,
    )
    return status == "UPDATE 1"


async def opened_at(db: Database, bc_id: str, names: Sequence[str], moment: datetime) -> set[str]:
    """Which of these requests are on record as opened at that moment, whatever became of them since."""
    rows = await db.fetch(
        "SELECT name FROM access_requests WHERE bc_id = $1 AND name = ANY($2) AND opened_at = $3",
        bc_id,
        list(names),
        moment,
    )
    return {row["name"] for row in rows}


async def approved_asset(db: Database, request_id: str) -> str | None:
    """The account whose owner has answered a request, if that is how it ended."""
    found: str | None = await db.fetchval(
        "SELECT asset_id FROM access_requests WHERE id = $1 AND state = 'approved'", request_id
    )
    return found


async def count_reminder(db: Database, request_id: str, number: int) -> bool:
    """Record that a reminder was sent; False if it is on record already."""
    status = await db.execute(
        "UPDATE access_requests SET reminders_sent = $2 WHERE id = $1 AND reminders_sent < $2", request_id, number
    )
    return status == "UPDATE 1"


async def awaited(db: Database, bc_id: str) -> list[AwaitedLine]:
    """The open requests of a Business Center, oldest first."""
    rows = await db.fetch(
        """SELECT name, handle, scope, opened_at AS since, deadline, reminders_sent FROM access_requests
           WHERE bc_id = $1 AND state = 'pending' ORDER BY opened_at, name""",
        bc_id,
    )
    return [AwaitedLine(**{**row, "since": row["since"].astimezone(UTC)}) for row in rows]


async def pending_starts(db: Database) -> list[AccessRequestInput]:
    """What the workflows of all open requests are started with, if they have to be started again."""
    rows = await db.fetch(
        """SELECT id AS request_id, bc_id, name, handle, scope, requested_by, opened_at, deadline, remind_every_hours,
                  reminders_sent FROM access_requests WHERE state = 'pending' ORDER BY bc_id, name"""
    )
    return [AccessRequestInput(**{**row, "scope": Scope.from_key(row["scope"])}) for row in rows]


async def open_names(db: Database, bc_id: str, names: Sequence[str]) -> list[str]:
    """Those of the names whose requests wait for an answer."""
    rows = await db.fetch(
        "SELECT name FROM access_requests WHERE bc_id = $1 AND name = ANY($2) AND state = 'pending' ORDER BY 1",
        bc_id,
        list(names),
    )
    return [row["name"] for row in rows]


async def last_request_state(db: Database, bc_id: str, handle: str) -> RequestOutcome | None:
    """How the newest request for a handle stands, or None if it was never asked for."""
    state = await db.fetchval(
        "SELECT state FROM access_requests WHERE bc_id = $1 AND handle = $2 ORDER BY opened_at DESC LIMIT 1",
        bc_id,
        handle,
    )
    return None if state is None else RequestOutcome(state)


async def record_scan(
    connection: Connection,
    *,
    bc_id: str,
    request_name: str | None,
    handle: str | None,
    asset_id: str | None,
    outcome: ScanOutcome,
    reported_by: str,
    detail: str = "",
    source: str | None = None,
    run: Run,
) -> bool:
    """
    Keep a scan, whatever became of it, and tell of it in the trail (R9).

    Args:
        connection: the one with the transaction.
        bc_id: the Business Center.
        request_name: the request that it is weighed for, if any.
        handle: the account, if it was named.
        asset_id: the account, if it is known.
        outcome: what became of it.
        reported_by: who says so.
        detail: why.
        source: what names this report, so that a repeat keeps it once; None where the caller sees to that.
        run: the workflow run that keeps it.

    Returns:
        Whether it is news.
    """
    status = await connection.execute(
        """INSERT INTO scans (bc_id, request_name, handle, asset_id, outcome, reported_by, detail, source)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (source) DO NOTHING""",
        bc_id,
        request_name,
        handle,
        asset_id,
        outcome,
        reported_by,
        detail,
        source,
    )
    if status != "INSERT 0 1":
        return False
    await write(
        connection,
        bc_id=bc_id,
        actor=reported_by or "unknown",
        action=f"scan {outcome.value.replace('_', ' ')}",
        subject=f"@{handle}" if handle else f"account {asset_id or 'unknown'}",
        reason=detail,
        run=run,
    )
    return True


async def scans(db: Database, bc_id: str, limit: int) -> Sequence[ScanLine]:
    """The newest scans of a Business Center, oldest of them first."""
    rows = await db.fetch(
        """SELECT * FROM (
               SELECT id, at, coalesce(handle, '') AS handle, coalesce(asset_id, '') AS asset_id,
                      coalesce(request_name, '') AS request_name, outcome, reported_by, detail
               FROM scans WHERE bc_id = $1 ORDER BY id DESC LIMIT $2) newest ORDER BY id""",
        bc_id,
        limit,
    )
    return [ScanLine(**{**row, "at": row["at"].astimezone(UTC)}) for row in rows]
