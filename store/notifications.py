"""The outbox: what people are told, written with the change that it tells of, delivered afterwards, never lost."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

import asyncpg
from pydantic import JsonValue

from sparkads.contracts.base import Contract
from sparkads.contracts.notification import Notification, NotificationKind
from store.audit import Run
from store.database import Connection, Database

SUBJECT_LIMIT = 200
TEXT_LIMIT = 4_000
ERROR_LIMIT = 500

_COLUMNS = "id, bc_id, at, kind, subject, text, data"


class Claim(Contract):
    """A notification that its holder alone may deliver, until the lease is over."""

    notification: Notification
    attempt: int
    """Counts from 1; a later claim of the same notification has a higher one."""


async def put(
    connection: Connection,
    *,
    bc_id: str,
    kind: NotificationKind,
    subject: str,
    text: str,
    data: Mapping[str, JsonValue],
    run: Run,
) -> None:
    """
    Tell people something; call it in the transaction of the change that it tells of.

    Ids follow the order in which notifications are put; of two transactions at the same time, either may come first.

    Args:
        connection: the one with the transaction.
        bc_id: the Business Center.
        kind: what it is about.
        subject: in a few words; cut at 200 characters.
        text: for people; cut at 4,000 characters. No secrets: it is logged.
        data: for programs. Ids and states, never a list that grows.
        run: the workflow run that it belongs to.
    """
    await connection.execute(
        """INSERT INTO notifications (bc_id, kind, subject, text, data, workflow_id, run_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        bc_id,
        kind,
        subject[:SUBJECT_LIMIT],
        text[:TEXT_LIMIT],
        json.dumps(dict(data)),
        run.workflow_id,
        run.run_id,
    )


async def take_unlogged(db: Database, bc_id: str) -> Sequence[Notification]:
    """Notifications that are in no log yet, in order; each is handed out once."""
    rows = await db.fetch(
        f"""UPDATE notifications SET logged_at = now() WHERE bc_id = $1 AND logged_at IS NULL
            RETURNING {_COLUMNS}""",
        bc_id,
    )
    return sorted((_notification(row) for row in rows), key=lambda one: one.id)


async def undelivered(db: Database, bc_id: str, *, lease: timedelta) -> Claim | None:
    """
    Claim the first undelivered notification of a Business Center; None if there is none, or somebody else holds it.

    Only the first can be claimed, so that order is kept however many deliver at the same time.

    Args:
        db: the store.
        bc_id: the Business Center.
        lease: how long nobody else gets it. Longer than a delivery takes: then two never deliver it at once.
    """
    row = await db.fetchrow(
        f"""WITH head AS (SELECT id FROM notifications WHERE bc_id = $1 AND delivered_at IS NULL ORDER BY id LIMIT 1),
                 free AS (SELECT id FROM notifications
                          WHERE id = (SELECT id FROM head) AND delivered_at IS NULL
                                AND (claimed_until IS NULL OR claimed_until <= now())
                          FOR UPDATE SKIP LOCKED)
            UPDATE notifications SET claimed_until = now() + $2, attempts = attempts + 1
            WHERE id = (SELECT id FROM free) RETURNING {_COLUMNS}, attempts""",
        bc_id,
        lease,
    )
    return None if row is None else Claim(notification=_notification(row), attempt=row["attempts"])


async def mark_delivered(db: Database, notification_id: int) -> None:
    """Take a notification off the list."""
    await db.execute(
        """UPDATE notifications SET delivered_at = now(), claimed_until = NULL, last_error = ''
           WHERE id = $1 AND delivered_at IS NULL""",
        notification_id,
    )


async def mark_logged_delivered(db: Database, bc_id: str) -> int:
    """Take all that is in the log off the list, where the log is all it had to reach; how many that were."""
    status = await db.execute(
        """UPDATE notifications SET delivered_at = now(), claimed_until = NULL, last_error = ''
           WHERE bc_id = $1 AND logged_at IS NOT NULL AND delivered_at IS NULL""",
        bc_id,
    )
    return int(status.rsplit(" ", 1)[-1])


async def mark_failed(db: Database, claim: Claim, error: str) -> None:
    """Give a claimed notification back with the reason; without effect if somebody else has claimed it since."""
    await db.execute(
        """UPDATE notifications SET claimed_until = NULL, last_error = $3
           WHERE id = $1 AND attempts = $2 AND delivered_at IS NULL""",
        claim.notification.id,
        claim.attempt,
        error[:ERROR_LIMIT],
    )


async def waiting(db: Database, bc_id: str) -> tuple[int, str]:
    """How many notifications of a Business Center are undelivered, and the last error of the first of them."""
    row = await db.fetchrow(
        """SELECT count(*) AS waiting, (array_agg(last_error ORDER BY id))[1] AS error FROM notifications
           WHERE bc_id = $1 AND delivered_at IS NULL""",
        bc_id,
    )
    return (0, "") if row is None else (row["waiting"], row["error"] or "")


async def newest(db: Database, bc_id: str, *, kinds: Sequence[NotificationKind], limit: int) -> list[Notification]:
    """The newest notifications of some kinds, or of all kinds if none is named; oldest of them first."""
    rows = await db.fetch(
        f"""SELECT {_COLUMNS} FROM notifications WHERE bc_id = $1 AND ($2::text[] = '{{}}' OR kind = ANY ($2))
            ORDER BY id DESC LIMIT $3""",
        bc_id,
        list(kinds),
        limit,
    )
    return [_notification(row) for row in reversed(rows)]


def _notification(row: asyncpg.Record) -> Notification:
    return Notification(
        id=row["id"],
        bc_id=row["bc_id"],
        at=row["at"],
        kind=row["kind"],
        subject=row["subject"],
        text=row["text"],
        data=json.loads(row["data"]),
    )
