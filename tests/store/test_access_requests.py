"""Access requests on record."""

from datetime import UTC, datetime

from store import requests
from store.database import Pool


async def _open(db: Pool, request_id: str, bc_id: str, opened_at: datetime | None = None) -> bool:
    async with db.acquire() as connection, connection.transaction():
        return await requests.open_request(
            connection,
            request_id=request_id,
            bc_id=bc_id,
            name="kiri",
            handle="kiri",
            scope="posts",
            requested_by="61",
            opened_at=opened_at or datetime.now(UTC),
            deadline=None,
        )


async def test_a_request_takes_the_place_of_one_whose_workflow_was_terminated(db: Pool) -> None:
    # R6: the slot of the one that nobody will ever close is not lost, and the new request is not refused.
    assert await _open(db, "request/7399/kiri/first-run", "7399")
    assert await _open(db, "request/7399/kiri/second-run", "7399")
    assert not await _open(db, "request/7399/kiri/second-run", "7399")

    states = await db.fetch("SELECT id, state FROM access_requests WHERE bc_id = '7399' ORDER BY id")

    assert [row["state"] for row in states] == ["cancelled", "pending"]


async def test_whoever_was_held_up_takes_no_place_of_a_later_request(db: Pool) -> None:
    # R6: two of a name never run at once, but the record of the first may be written when the second waits already.
    early = datetime.now(UTC)
    assert await _open(db, "request/7398/kiri/second-run", "7398")
    assert not await _open(db, "request/7398/kiri/first-run", "7398", early)

    assert await db.fetchval(
        "SELECT array_agg(id) FROM access_requests WHERE bc_id = '7398' AND state = 'pending'"
    ) == ["request/7398/kiri/second-run"]
