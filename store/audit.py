"""The append-only trail: who did what to what, when, why, and in which run; linked by hashes (sparkads/audit.py)."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import datetime
from typing import Any

from sparkads import audit as chain
from sparkads.contracts import audit as messages
from sparkads.contracts.base import Contract
from store.database import Connection, Database, Pool

SYSTEM = "sparkads"
"""The actor of what nobody commanded: a sweep, a deadline, a cascade."""

ROWS_AT_ONCE = 500
"""Rows that a stream of lines holds in memory."""

_LONGEST_NAME = 100
_LONGEST_TEXT = 500
_WORD = 10

# As sparkads.audit.Line has it, with the instant as the hash has it. Somebody may have altered it into one for which
# that form has no words: infinity, or before Christ.
_LINE = """number,
    CASE WHEN at > '0001-01-01+00' AND isfinite(at)
         THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE at::text END AS at,
    bc_id, actor, action, subject, reason, workflow_id, run_id, hash"""


class Run(Contract):
    """The workflow run that a line belongs to."""

    workflow_id: str
    run_id: str


class AuditLine(Contract):
    """One line of the trail, as the report of a release tells it."""

    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    workflow_id: str


async def write(
    connection: Connection, *, bc_id: str, actor: str, action: str, subject: str, reason: str = "", run: Run
) -> None:
    """
    Add a line; call it in the transaction of the change that it tells of, and as late in it as can be.

    Until that transaction ends, no other can add a line for the same Business Center: whoever waits for a lock while it
    holds the chain may wait for somebody who waits for the chain.
    """
    await connection.execute(
        "INSERT INTO audit (bc_id, actor, action, subject, reason, workflow_id, run_id) VALUES ($1,$2,$3,$4,$5,$6,$7)",
        bc_id,
        _storable(actor, _LONGEST_NAME),
        _storable(action, _LONGEST_NAME),
        _storable(subject, _LONGEST_TEXT),
        _storable(reason, _LONGEST_TEXT),
        run.workflow_id,
        run.run_id,
    )


async def write_rows(
    connection: Connection, *, bc_id: str, actor: str, action: str, rows: Iterable[str], reason: str = "", run: Run
) -> None:
    """Add lines about rows of a release, each named: as many lines as that takes, and none for no row."""
    for some in in_lines(rows):
        await write(connection, bc_id=bc_id, actor=actor, action=action, subject=f"rows {some}", reason=reason, run=run)


def in_lines(items: Iterable[str]) -> Iterator[str]:
    """Join items with commas, in as many texts as it takes for each to fit a line whole, behind a word."""
    line = ""
    for item in items:
        if line and len(line) + len(item) + 2 > _LONGEST_TEXT - _WORD:
            yield line
            line = ""
        line = f"{line}, {item}" if line else item
    if line:
        yield line


async def of_campaign(db: Database, campaign_id: str) -> Sequence[AuditLine]:
    """The trail of one release campaign, oldest first."""
    rows = await db.fetch(
        """SELECT at, actor, action, subject, reason, workflow_id FROM audit
           WHERE workflow_id = $1 OR starts_with(workflow_id, $1 || '/') OR starts_with(workflow_id, $2)
           ORDER BY at, number""",
        f"campaign/{campaign_id}",
        f"takedown/{campaign_id}/",
    )
    return [AuditLine(**row) for row in rows]


async def page(
    db: Database,
    bc_id: str,
    *,
    subject: str = "",
    actor: str = "",
    action: str = "",
    since: datetime | None = None,
    limit: int,
) -> list[messages.AuditLine]:
    """
    The newest lines that match, the newest last; an empty filter lets everything through.

    Args:
        db: the store.
        bc_id: whose trail.
        subject: a part of the subject, in upper or lower case.
        actor: exactly this one.
        action: exactly this one.
        since: from this instant on.
        limit: lines at most.
    """
    # Cut, because a line that was altered in the record may be of any length and year, and still has to be shown.
    rows = await db.fetch(
        """SELECT number, least(greatest(at, '0002-01-01+00'), '9998-12-31+00') AS at, bc_id,
                  left(actor, 100) AS actor, left(action, 100) AS action, left(subject, 500) AS subject,
                  left(reason, 500) AS reason, left(workflow_id, 1000) AS workflow_id, left(run_id, 100) AS run_id,
                  left(hash, 64) AS hash
           FROM audit
           WHERE bc_id = $1 AND strpos(lower(subject), lower($2)) > 0 AND $3 IN ('', actor) AND $4 IN ('', action)
                 AND ($5::timestamptz IS NULL OR at >= $5)
           ORDER BY number DESC LIMIT $6""",
        bc_id,
        _storable(subject, _LONGEST_TEXT),
        _storable(actor, _LONGEST_NAME),
        _storable(action, _LONGEST_NAME),
        since,
        limit,
    )
    return [messages.AuditLine(**row) for row in reversed(rows)]


def as_of_now(connection: Connection) -> AbstractAsyncContextManager[Any]:
    """A transaction that sees the trail as it is at its first look, whatever is added meanwhile."""
    return connection.transaction(isolation="repeatable_read", readonly=True)


async def lines(connection: Connection, bc_id: str) -> AsyncGenerator[chain.Line, None]:
    """All lines of a Business Center in their order, a few hundred at a time; needs a transaction around it."""
    async for row in connection.cursor(
        f"SELECT {_LINE} FROM audit WHERE bc_id = $1 ORDER BY number", bc_id, prefetch=ROWS_AT_ONCE
    ):
        yield chain.Line(**row)


async def verify(db: Pool, bc_id: str, *, kept_head: str | None = None) -> messages.AuditVerdict:
    """
    Check the whole trail of a Business Center, line by line and against the head of its chain.

    Args:
        db: the store.
        bc_id: whose trail.
        kept_head: the hash of a last line that was kept elsewhere.
    """
    async with db.acquire() as connection, as_of_now(connection):
        row = await connection.fetchrow("SELECT number, hash FROM audit_heads WHERE bc_id = $1", bc_id)
        head = chain.Head(0, chain.start_of(bc_id)) if row is None else chain.Head(*row)
        check = chain.ChainCheck(bc_id, head=head, kept_head=kept_head)
        async with aclosing(lines(connection, bc_id)) as stream:
            async for line in stream:
                check.add(line)
    return check.verdict()


def _storable(text: str, longest: int) -> str:
    """Text as Postgres takes it, without NUL or half a surrogate pair: no change may fail for the line about it."""
    return text[:longest].replace("\0", "\ufffd").encode(errors="replace").decode()
