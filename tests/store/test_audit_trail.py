"""The trail takes new lines, and nothing else; and what was done to it all the same is found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from sparkads.audit import Line, hash_of, start_of
from sparkads.contracts.audit import AuditVerdict, BrokenLine, Flaw
from store import audit
from store.database import Connection, Pool
from store.migrate import MIGRATIONS, migrate
from workers.local import Stack

RUN = audit.Run(workflow_id="campaign/trail-test", run_id="run")
ODD = [
    "",
    "plain",
    "3:abc,4:defg,",
    "commas, colons: and ::,, both",
    "two\nlines\r\nand\ta tab",
    "naïve 日本語 👩‍🎤🎶",
    "e\u0301 is not é",
    "\u202e\ufeff\u2028\x01\x7f",
    "'; DROP TABLE audit; --",
    "\U0010ffff",
]

_numbers = count(1)


@pytest.fixture
def bc_id() -> str:
    """A Business Center that no other test knows."""
    return f"7398{next(_numbers):015}"


async def write(db: Pool, bc_id: str, *reasons: str) -> None:
    for reason in reasons:
        async with db.acquire() as connection:
            await audit.write(
                connection, bc_id=bc_id, actor="6", action="tested", subject="the trail", reason=reason, run=RUN
            )


async def lines(db: Pool, bc_id: str) -> list[Line]:
    async with (
        db.acquire() as connection,
        audit.as_of_now(connection),
        aclosing(audit.lines(connection, bc_id)) as stream,
    ):
        return [line async for line in stream]


@asynccontextmanager
async def without_guards(db: Pool) -> AsyncIterator[Connection]:
    """What a superuser can do: nothing that the tables' triggers forbid or compute takes place."""
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        await connection.execute("ALTER TABLE audit_heads DISABLE TRIGGER USER")
        yield connection
        await connection.execute("ALTER TABLE audit ENABLE TRIGGER USER")
        await connection.execute("ALTER TABLE audit_heads ENABLE TRIGGER USER")


async def tamper(db: Pool, bc_id: str, *statements: str) -> None:
    async with without_guards(db) as connection:
        for statement in statements:
            await connection.execute(statement.format(bc_id=bc_id))


async def broken(db: Pool, bc_id: str, *, kept_head: str | None = None) -> BrokenLine:
    verdict = await audit.verify(db, bc_id, kept_head=kept_head)
    assert verdict.broken is not None, verdict
    return verdict.broken


# What it refuses


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE bc_id = '{bc_id}'",
        "UPDATE audit SET number = number + 1 WHERE bc_id = '{bc_id}'",
        "DELETE FROM audit WHERE bc_id = '{bc_id}'",
        "TRUNCATE audit",
        "TRUNCATE audit CASCADE",
        """INSERT INTO audit (seq, bc_id, actor, action, subject, workflow_id, run_id) OVERRIDING SYSTEM VALUE
           SELECT seq, bc_id, 'nobody', action, subject, workflow_id, run_id FROM audit WHERE bc_id = '{bc_id}'
           ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'""",
        "DELETE FROM audit_heads WHERE bc_id = '{bc_id}'",
        "TRUNCATE audit_heads",
        "UPDATE audit_heads SET number = 0 WHERE bc_id = '{bc_id}'",
        "INSERT INTO audit_heads VALUES ('another', 7, now(), 'hash')",
    ],
)
async def test_a_line_is_never_changed_or_removed(bc_id: str, db: Pool, statement: str) -> None:
    await write(db, bc_id, "a reason")

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await db.execute(statement.format(bc_id=bc_id))

    assert await db.fetchval("SELECT actor FROM audit WHERE bc_id = $1", bc_id) == "6"
    assert (await audit.verify(db, bc_id)).broken is None


async def test_a_line_goes_with_the_change_that_it_tells_of(bc_id: str, db: Pool) -> None:
    async with db.acquire() as connection:
        change = connection.transaction()
        await change.start()
        await audit.write(connection, bc_id=bc_id, actor="6", action="tested", subject="the trail", run=RUN)
        await change.rollback()

    assert await db.fetchval("SELECT count(*) FROM audit WHERE bc_id = $1", bc_id) == 0
    assert (await audit.verify(db, bc_id)) == AuditVerdict(lines=0, head=start_of(bc_id))

    await write(db, bc_id, "takes the number that was not used")

    assert [line.number for line in await lines(db, bc_id)] == [1]


async def test_a_campaigns_trail_has_its_shards_and_not_its_namesakes(bc_id: str, db: Pool) -> None:
    campaign = f"trail_{bc_id}"
    namesake = campaign.replace("_", "x")
    for workflow_id in (f"campaign/{campaign}", f"campaign/{campaign}/wave/1/shard/0", f"campaign/{namesake}/wave/1"):
        async with db.acquire() as connection:
            await audit.write(
                connection,
                bc_id=bc_id,
                actor="6",
                action="tested",
                subject=workflow_id,
                reason="r" * 10_000,
                run=audit.Run(workflow_id=workflow_id, run_id="run"),
            )

    found = await audit.of_campaign(db, campaign)

    assert [line.subject for line in found] == [f"campaign/{campaign}", f"campaign/{campaign}/wave/1/shard/0"]
    assert {len(line.reason) for line in found} == {500}


async def test_no_text_keeps_a_change_from_being_recorded(bc_id: str, db: Pool) -> None:
    async with db.acquire() as connection:
        await audit.write(
            connection,
            bc_id=bc_id,
            actor="6\0",
            action="a" * 101,
            subject="half \ud83d a pair",
            reason="👩‍🎤" * 400,
            run=RUN,
        )

    (line,) = await audit.page(db, bc_id, limit=5)

    assert (line.actor, len(line.action), line.subject, len(line.reason)) == ("6\ufffd", 100, "half ? a pair", 500)


# The chain


async def test_writers_at_once_leave_a_gapless_chain_for_each_business_center(stack: Stack, db: Pool) -> None:
    mine, other = (f"7398{next(_numbers):015}" for _ in range(2))
    turns = 25

    async def change(pool: Pool, place: int) -> None:
        bc_id = (mine, other)[place % 2]
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            for step in range(1 + place % 3):
                await audit.write(
                    connection, bc_id=bc_id, actor=str(place), action="tested", subject=f"step {step}", run=RUN
                )
            if place % 5 == 0:
                await transaction.rollback()
            else:
                await transaction.commit()

    async with asyncpg.create_pool(stack.database_url, min_size=8, max_size=8) as pool:
        await asyncio.gather(*(change(pool, place) for place in range(turns * 4)))

    for place, bc_id in enumerate((mine, other)):
        found = await lines(db, bc_id)
        kept = [one for one in range(turns * 4) if one % 2 == place and one % 5]
        assert [line.number for line in found] == list(range(1, sum(1 + one % 3 for one in kept) + 1))
        assert all(earlier.at <= later.at for earlier, later in pairwise(found))
        # The lines of one transaction stand together: nobody came between them.
        starts = [line.actor for line in found if line.subject == "step 0"]
        assert sorted(starts) == sorted(map(str, kept))
        assert [line.actor for line in found] == [one for one in starts for _ in range(1 + int(one) % 3)]
        assert await audit.verify(db, bc_id) == AuditVerdict(lines=len(found), head=found[-1].hash)


async def test_a_long_change_of_one_business_center_holds_up_no_other(bc_id: str, db: Pool) -> None:
    other = f"7398{next(_numbers):015}"
    async with db.acquire() as connection, connection.transaction():
        await audit.write(connection, bc_id=bc_id, actor="6", action="tested", subject="slow", run=RUN)
        waiting = asyncio.create_task(write(db, bc_id, "waits for its turn"))
        await asyncio.wait_for(write(db, other, "does not"), timeout=5)
        assert not waiting.done()
        # Whoever reads waits for nobody, and sees what is there.
        assert (await audit.verify(db, bc_id)).lines == 0
    await waiting

    found = await lines(db, bc_id)
    assert [(line.number, line.subject) for line in found] == [(1, "slow"), (2, "the trail")]
    assert found[0].at <= found[1].at


async def test_postgres_and_python_agree_on_every_hash(bc_id: str, db: Pool) -> None:
    async with db.acquire() as connection:
        for text in ODD:
            for actor, action, subject, reason in ((text, "", "", ""), ("", text, text, ""), ("6", "x", "", text)):
                await audit.write(
                    connection,
                    bc_id=bc_id,
                    actor=actor,
                    action=action,
                    subject=subject,
                    reason=reason,
                    run=audit.Run(workflow_id=text, run_id=text),
                )

    found = await lines(db, bc_id)

    assert len(found) == 3 * len(ODD)
    assert {line.reason for line in found} == set(ODD)
    for before, line in pairwise(found):
        assert line.hash == hash_of(before.hash, line)
    assert found[0].hash == hash_of(start_of(bc_id), found[0])
    assert start_of(bc_id) == await db.fetchval("SELECT audit_start($1)", bc_id)
    assert (await audit.verify(db, bc_id)).broken is None


async def test_a_clock_that_is_put_back_makes_no_line_older_than_the_one_before(bc_id: str, db: Pool) -> None:
    await write(db, bc_id, "now")
    ahead = datetime.now(UTC) + timedelta(hours=1)
    async with without_guards(db) as connection:
        await connection.execute("UPDATE audit_heads SET at = $2 WHERE bc_id = $1", bc_id, ahead)

    await write(db, bc_id, "later")

    assert (await audit.page(db, bc_id, limit=1))[0].at == ahead


# What was done to it all the same

ADD_A_LINE = """INSERT INTO audit (bc_id, number, at, actor, action, subject, workflow_id, run_id, hash)
                VALUES ('{bc_id}', 9, now(), 'forger', 'forged', 'a line', 'w', 'r', repeat('0', 64))"""
ADD_A_FITTING_LINE = """WITH forged AS (
        SELECT audit AS line, hash AS previous FROM audit WHERE bc_id = '{bc_id}' AND number = 8
    ), line AS (
        SELECT jsonb_populate_record((line), '{{"number": 9, "actor": "forger"}}') AS new, previous FROM forged
    )
    INSERT INTO audit (bc_id, number, at, actor, action, subject, reason, workflow_id, run_id, hash)
    SELECT (new).bc_id, (new).number, (new).at, (new).actor, (new).action, (new).subject, (new).reason,
           (new).workflow_id, (new).run_id, audit_hash(previous, new) FROM line"""
MAKE_ROOM = [
    "UPDATE audit SET number = -number WHERE bc_id = '{bc_id}' AND number >= 4",
    "UPDATE audit SET number = 1 - number WHERE bc_id = '{bc_id}' AND number < 0",
    ADD_A_LINE.replace("9", "4"),
    "UPDATE audit_heads SET number = 9 WHERE bc_id = '{bc_id}'",
]
SWAP_NUMBERS = [
    "UPDATE audit SET number = 99 WHERE bc_id = '{bc_id}' AND number = 4",
    "UPDATE audit SET number = 4 WHERE bc_id = '{bc_id}' AND number = 6",
    "UPDATE audit SET number = 6 WHERE bc_id = '{bc_id}' AND number = 99",
]
SWAP_WORDS = """UPDATE audit AS one SET at = two.at, reason = two.reason FROM audit AS two
                WHERE one.bc_id = '{bc_id}' AND two.bc_id = '{bc_id}' AND one.number IN (4, 6)
                      AND two.number = 10 - one.number"""
REHASH = """UPDATE audit AS line SET hash = audit_hash(before.hash, line) FROM audit AS before
            WHERE line.bc_id = '{bc_id}' AND before.bc_id = '{bc_id}' AND line.number = %d
                  AND before.number = line.number - 1"""


@pytest.mark.parametrize(
    ("statements", "flaw", "number"),
    [
        pytest.param(
            ["UPDATE audit SET reason = 'nicer' WHERE bc_id = '{bc_id}' AND number = 4"], Flaw.ALTERED, 4, id="a word"
        ),
        pytest.param(
            ["UPDATE audit SET at = at + interval '1 microsecond' WHERE bc_id = '{bc_id}' AND number = 1"],
            Flaw.ALTERED,
            1,
            id="an instant",
        ),
        pytest.param(
            ["UPDATE audit SET at = 'infinity' WHERE bc_id = '{bc_id}' AND number = 4"],
            Flaw.ALTERED,
            4,
            id="no instant",
        ),
        pytest.param(
            ["UPDATE audit SET at = (at::text || ' BC')::timestamptz WHERE bc_id = '{bc_id}' AND number = 4"],
            Flaw.ALTERED,
            4,
            id="an era",
        ),
        pytest.param(
            ["UPDATE audit SET actor = subject, subject = repeat('x', 99999) WHERE bc_id = '{bc_id}' AND number = 4"],
            Flaw.ALTERED,
            4,
            id="a very long word",
        ),
        pytest.param(
            ["UPDATE audit SET actor = 'x' || actor, action = 'x' WHERE bc_id = '{bc_id}' AND number IN (4, 6)"],
            Flaw.ALTERED,
            4,
            id="the first of two",
        ),
        # A line and its own hash fit then; the line behind it does not.
        pytest.param(
            ["UPDATE audit SET reason = 'nicer' WHERE bc_id = '{bc_id}' AND number = 4", REHASH % 4],
            Flaw.ALTERED,
            5,
            id="a word with its hash",
        ),
        pytest.param(
            ["UPDATE audit SET reason = 'nicer' WHERE bc_id = '{bc_id}' AND number = 8", REHASH % 8],
            Flaw.ALTERED,
            8,
            id="the last line with its hash",
        ),
        pytest.param(
            ["DELETE FROM audit WHERE bc_id = '{bc_id}' AND number = 1"], Flaw.MISSING, 1, id="the first gone"
        ),
        pytest.param(["DELETE FROM audit WHERE bc_id = '{bc_id}' AND number = 4"], Flaw.MISSING, 4, id="one gone"),
        pytest.param(
            [
                "DELETE FROM audit WHERE bc_id = '{bc_id}' AND number = 4",
                "UPDATE audit SET number = -number WHERE bc_id = '{bc_id}' AND number > 4",
                "UPDATE audit SET number = -1 - number WHERE bc_id = '{bc_id}' AND number < 0",
                "UPDATE audit_heads SET number = 7 WHERE bc_id = '{bc_id}'",
            ],
            Flaw.ALTERED,
            4,
            id="one gone and the rest numbered anew",
        ),
        pytest.param(["DELETE FROM audit WHERE bc_id = '{bc_id}' AND number > 6"], Flaw.CUT_OFF, 7, id="the tail gone"),
        pytest.param(["DELETE FROM audit WHERE bc_id = '{bc_id}'"], Flaw.CUT_OFF, 1, id="all gone"),
        pytest.param(["DELETE FROM audit_heads WHERE bc_id = '{bc_id}'"], Flaw.ADDED, 1, id="the head gone"),
        pytest.param(SWAP_NUMBERS, Flaw.REORDERED, 4, id="two lines swapped"),
        pytest.param([SWAP_WORDS], Flaw.REORDERED, 4, id="what two lines say swapped"),
        pytest.param([ADD_A_LINE], Flaw.ALTERED, 9, id="a line added"),
        pytest.param([ADD_A_FITTING_LINE], Flaw.ADDED, 9, id="a line added that fits"),
        pytest.param(MAKE_ROOM, Flaw.REORDERED, 4, id="a line put in between"),
        pytest.param([ADD_A_LINE.replace("9", "0")], Flaw.REORDERED, 0, id="a line put in front"),
        pytest.param(
            ["UPDATE audit SET bc_id = bc_id || '0' WHERE bc_id = '{bc_id}' AND number = 4"],
            Flaw.MISSING,
            4,
            id="one given to another Business Center",
        ),
    ],
)
async def test_what_a_superuser_does_is_found(
    bc_id: str, db: Pool, statements: list[str], flaw: Flaw, number: int
) -> None:
    await write(db, bc_id, *(f"reason {place}" for place in range(1, 9)))

    await tamper(db, bc_id, *statements)

    found = await broken(db, bc_id)
    assert (found.flaw, found.number) == (flaw, number), found.text
    if flaw in {Flaw.MISSING, Flaw.CUT_OFF}:
        assert (found.at, found.actor) == ("", "")
    else:
        assert found.at
        assert found.actor


async def test_a_trail_that_was_written_anew_is_told_by_a_head_that_was_kept(bc_id: str, db: Pool) -> None:
    await write(db, bc_id, *(f"reason {place}" for place in range(1, 9)))
    kept = (await audit.verify(db, bc_id)).head
    await write(db, bc_id, "it has grown since")
    assert (await audit.verify(db, bc_id, kept_head=kept)).broken is None

    await tamper(
        db,
        bc_id,
        "UPDATE audit SET reason = 'nicer' WHERE bc_id = '{bc_id}' AND number = 4",
        *(REHASH % number for number in range(4, 10)),
        "UPDATE audit_heads SET hash = audit.hash FROM audit "
        "WHERE audit_heads.bc_id = '{bc_id}' AND audit.bc_id = '{bc_id}' AND audit.number = 9",
    )

    assert (await audit.verify(db, bc_id)).broken is None
    found = await broken(db, bc_id, kept_head=kept)
    assert (found.flaw, found.number) == (Flaw.REWRITTEN, None)
    assert kept in found.text


# Reading


async def test_a_page_has_the_newest_lines_that_match(bc_id: str, db: Pool) -> None:
    async with db.acquire() as connection:
        for number in range(1, 7):
            await audit.write(
                connection,
                bc_id=bc_id,
                actor=str(number % 2),
                action="refused" if number % 3 == 0 else "tested",
                subject=f"campaign Midnight_{number}",
                run=RUN,
            )
    third = (await lines(db, bc_id))[2].at

    async def numbers(**filters: object) -> list[int]:
        return [line.number for line in await audit.page(db, bc_id, **{"limit": 10, **filters})]  # type: ignore[arg-type]  # filters by name

    assert await numbers() == [1, 2, 3, 4, 5, 6]
    assert await numbers(limit=2) == [5, 6]
    assert await numbers(actor="1") == [1, 3, 5]
    assert await numbers(action="refused") == [3, 6]
    assert await numbers(action="refuse") == []
    assert await numbers(subject="midnight_") == [1, 2, 3, 4, 5, 6]
    assert await numbers(subject="%") == []
    assert await numbers(subject="\0") == []
    assert await numbers(since=datetime.fromisoformat(third)) == [3, 4, 5, 6]
    assert await numbers(actor="1", action="refused", subject="3") == [3]


@pytest.mark.parametrize("instant", ["infinity", "-infinity", "0044-03-15 BC", "200000-01-01"])
async def test_a_line_is_shown_whatever_it_was_altered_to(bc_id: str, db: Pool, instant: str) -> None:
    await write(db, bc_id, "a reason")
    await tamper(
        db,
        bc_id,
        "UPDATE audit SET subject = repeat('x', 100000), run_id = repeat('y', 5000), hash = repeat('z', 100) "
        "WHERE bc_id = '{bc_id}'",
        f"UPDATE audit SET at = '{instant}' WHERE bc_id = '{{bc_id}}'",
    )

    (line,) = await audit.page(db, bc_id, limit=10)

    assert (len(line.subject), len(line.run_id), len(line.hash)) == (500, 100, 64)
    assert (await broken(db, bc_id)).number == 1


# Lines that were there before


@pytest.fixture
async def old_database(stack: Stack, db: Pool) -> AsyncIterator[str]:
    """A database as the first release left it."""
    await db.execute("CREATE DATABASE chain_test")
    url = urlunsplit(urlsplit(stack.database_url)._replace(path="/chain_test"))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute((Path(MIGRATIONS) / "versions" / "0001_lifecycle.sql").read_text())
        await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        await connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    finally:
        await connection.close()
    yield url
    await db.execute("DROP DATABASE chain_test WITH (FORCE)")


async def test_lines_from_before_the_chain_are_chained_in_their_order(old_database: str) -> None:
    async with asyncpg.create_pool(old_database, min_size=1, max_size=2) as pool:
        await pool.executemany(
            """INSERT INTO audit (at, bc_id, actor, action, subject, reason, workflow_id, run_id)
               VALUES ($1, $2, '6', 'tested', 'the trail', $3, 'w', 'r')""",
            # Transactions that began earlier could write later: an instant may be older than the one before.
            [
                (datetime(2027, 1, 1, tzinfo=UTC) - timedelta(microseconds=place), str(7 + place % 2), text)
                for place, text in enumerate(ODD * 2)
            ],
        )

        await migrate(old_database)

        for bc_id in ("7", "8"):
            await write(pool, bc_id, "after it")
            found = await lines(pool, bc_id)
            assert [line.reason for line in found] == [*ODD[int(bc_id) - 7 :: 2], *ODD[int(bc_id) - 7 :: 2], "after it"]
            assert await audit.verify(pool, bc_id) == AuditVerdict(lines=len(ODD) + 1, head=found[-1].hash)
        assert (await audit.verify(pool, "9")).lines == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await pool.execute("DELETE FROM audit")
