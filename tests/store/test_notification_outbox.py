"""The outbox, asked of PostgreSQL itself: it goes with the change, keeps its order, and hands each row to one."""

import asyncio
from datetime import timedelta

import pytest

from sparkads.contracts.notification import NotificationKind
from store import notifications
from store.audit import Run
from store.database import Connection, Pool
from tests.conftest import Label

RUN = Run(workflow_id="request/outbox-test", run_id="run")
LEASE = timedelta(minutes=1)
OVER = timedelta(0)


async def put(
    connection: Connection, bc_id: str, subject: str, kind: NotificationKind = NotificationKind.DRIFT
) -> None:
    await notifications.put(
        connection, bc_id=bc_id, kind=kind, subject=subject, text=f"about {subject}", data={"of": subject}, run=RUN
    )


@pytest.fixture
async def bc_id(label: Label, db: Pool) -> str:
    """A Business Center with three notifications."""
    async with db.acquire() as connection:
        for subject in ("one", "two", "three"):
            await put(connection, label.bc_id, subject)
    return label.bc_id


async def claimed(db: Pool, bc_id: str, lease: timedelta = LEASE) -> notifications.Claim:
    claim = await notifications.undelivered(db, bc_id, lease=lease)
    assert claim is not None
    return claim


async def test_a_notification_goes_with_the_change_that_it_tells_of(label: Label, db: Pool) -> None:
    async with db.acquire() as connection:
        change = connection.transaction()
        await change.start()
        await put(connection, label.bc_id, "lost")
        await change.rollback()
        async with connection.transaction():
            await put(connection, label.bc_id, "s" * 1_000)

    (kept,) = await notifications.newest(db, label.bc_id, kinds=(), limit=10)
    assert (kept.bc_id, kept.kind, kept.subject) == (label.bc_id, NotificationKind.DRIFT, "s" * 200)
    assert kept.data == {"of": "s" * 1_000}
    assert await db.fetchval("SELECT workflow_id FROM notifications WHERE id = $1", kept.id) == RUN.workflow_id


async def test_only_the_first_can_be_claimed_and_by_one(bc_id: str, db: Pool) -> None:
    claims = await asyncio.gather(*(notifications.undelivered(db, bc_id, lease=LEASE) for _ in range(5)))
    (claim,) = [one for one in claims if one is not None]
    assert (claim.notification.subject, claim.attempt) == ("one", 1)

    await notifications.mark_delivered(db, claim.notification.id)
    assert (await claimed(db, bc_id)).notification.subject == "two"
    assert await notifications.waiting(db, bc_id) == (2, "")


async def test_a_failed_one_stays_first_with_its_reason(bc_id: str, db: Pool) -> None:
    await notifications.mark_failed(db, await claimed(db, bc_id), "HTTP 500")
    assert await notifications.waiting(db, bc_id) == (3, "HTTP 500")
    again = await claimed(db, bc_id)
    assert (again.notification.subject, again.attempt) == ("one", 2)
    await notifications.mark_delivered(db, again.notification.id)
    assert await notifications.waiting(db, bc_id) == (2, "")


async def test_who_dies_with_a_claim_holds_nobody_up_for_longer_than_the_lease(bc_id: str, db: Pool) -> None:
    dead = await claimed(db, bc_id, OVER)
    heir = await claimed(db, bc_id)
    assert heir.notification == dead.notification

    # Who was thought dead and was not must not take the heir's claim away, nor undo what it has done.
    await notifications.mark_failed(db, dead, "late")
    assert await notifications.undelivered(db, bc_id, lease=LEASE) is None
    await notifications.mark_delivered(db, heir.notification.id)
    await notifications.mark_failed(db, heir, "later still")
    assert await notifications.waiting(db, bc_id) == (2, "")


async def test_a_claim_does_not_wait_for_a_row_that_is_being_changed(bc_id: str, db: Pool) -> None:
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE notifications SET attempts = 7 WHERE bc_id = $1", bc_id)
        async with asyncio.timeout(5):
            assert await notifications.undelivered(db, bc_id, lease=LEASE) is None
    assert (await claimed(db, bc_id)).attempt == 8


async def test_each_is_logged_once_in_order(bc_id: str, db: Pool) -> None:
    taken = await asyncio.gather(*(notifications.take_unlogged(db, bc_id) for _ in range(3)))
    (lines,) = [one for one in taken if one]
    assert [line.subject for line in lines] == ["one", "two", "three"]

    async with db.acquire() as connection:
        await put(connection, bc_id, "four")
    assert await notifications.mark_logged_delivered(db, bc_id) == 3
    assert [line.subject for line in await notifications.take_unlogged(db, bc_id)] == ["four"]
    assert await notifications.mark_logged_delivered(db, bc_id) == 1
    assert await notifications.waiting(db, bc_id) == (0, "")


async def test_the_newest_are_read_oldest_of_them_first_and_by_kind(bc_id: str, db: Pool) -> None:
    async with db.acquire() as connection:
        await put(connection, bc_id, "four", NotificationKind.REMINDER)

    async def subjects(limit: int, *kinds: NotificationKind) -> list[str]:
        return [one.subject for one in await notifications.newest(db, bc_id, kinds=kinds, limit=limit)]

    assert await subjects(2) == ["three", "four"]
    assert await subjects(2, NotificationKind.DRIFT) == ["two", "three"]
    assert await subjects(9, NotificationKind.DRIFT, NotificationKind.REMINDER) == ["one", "two", "three", "four"]
    assert await subjects(9, NotificationKind.AUTHORIZED) == []
    assert await notifications.newest(db, "1", kinds=(), limit=9) == []
