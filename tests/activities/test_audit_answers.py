"""What the trail answers: to whom, how much of it at once, and as a file that can be checked elsewhere."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.audit_trail import MAX_BYTES, AuditActivities, ReadAudit
from activities.members import Members
from activities.platform import Platform
from sparkads.audit import ChainCheck, Line, start_of
from sparkads.contracts.audit import MAX_LINES, AskAudit, AuditAnswer, AuditOperation, Flaw
from sparkads.files import Files
from store import audit
from store.database import Pool
from tests.conftest import Label
from tiktok import TikTok
from workers.local import Stack

RUN = audit.Run(workflow_id="bc/audit-test", run_id="run")


@pytest.fixture
async def trail(stack: Stack, db: Pool) -> AsyncIterator[AuditActivities]:
    async with TikTok(stack.tiktok_base_url, limiter=None) as tiktok:
        members = Members(db, Platform(db, tiktok), max_age=timedelta(0))
        yield AuditActivities(db, members, Files(stack.object_store))


async def write(db: Pool, label: Label, count: int, reason: str = "because") -> None:
    async with db.acquire() as connection, connection.transaction():
        for number in range(1, count + 1):
            await audit.write(
                connection,
                bc_id=label.bc_id,
                actor=label.operator,
                action="tested",
                subject=f"line {number}",
                reason=reason,
                run=RUN,
            )


async def ask(
    trail: AuditActivities, label: Label, operation: AuditOperation, *, actor: str | None = None, **more: Any
) -> AuditAnswer:
    question = AskAudit(actor=actor or label.admin, operation=operation, **more)
    answer: AuditAnswer = await ActivityEnvironment().run(trail.read_audit, ReadAudit(bc_id=label.bc_id, ask=question))
    return AuditAnswer.model_validate_json(answer.model_dump_json())


@pytest.mark.parametrize("operation", list(AuditOperation))
async def test_only_an_admin_reads_the_trail(
    trail: AuditActivities, label: Label, db: Pool, operation: AuditOperation
) -> None:
    # R3
    await write(db, label, 1)

    with pytest.raises(ApplicationError, match=r"R3: only a BC admin may read the audit trail") as refused:
        await ask(trail, label, operation, actor=label.standard)

    assert refused.value.type == "AdminOnly"
    assert label.admin in str(refused.value)
    (line,) = (await ask(trail, label, AuditOperation.SHOW, action="refused")).lines
    assert (line.actor, line.subject) == (label.standard, "read the audit trail")


async def test_the_newest_lines_are_shown_and_that_there_are_more_is_said(
    trail: AuditActivities, label: Label, db: Pool
) -> None:
    before = datetime.now(UTC)
    await write(db, label, 5)

    some = await ask(trail, label, AuditOperation.SHOW, limit=3)
    assert ([line.number for line in some.lines], some.more) == ([3, 4, 5], True)
    every = await ask(trail, label, AuditOperation.SHOW, limit=5, since=before - timedelta(minutes=1))
    assert ([line.number for line in every.lines], every.more) == ([1, 2, 3, 4, 5], False)
    assert every.lines[0].actor == label.operator
    found = await ask(trail, label, AuditOperation.SHOW, subject="LINE 4", actor_is=label.operator, action="tested")
    assert [line.subject for line in found.lines] == ["line 4"]
    nothing = await ask(trail, label, AuditOperation.SHOW, actor_is=label.standard)
    assert (nothing.lines, nothing.more) == ((), False)


async def test_an_answer_fits_a_message_however_long_the_lines_are(
    trail: AuditActivities, label: Label, db: Pool
) -> None:
    await write(db, label, MAX_LINES, reason="\U0001f3a4" * 500)

    answer = await ask(trail, label, AuditOperation.SHOW, limit=MAX_LINES)

    assert answer.more
    assert answer.lines[-1].number == MAX_LINES
    size = len(answer.model_dump_json().encode())
    assert MAX_BYTES * 0.99 < size < MAX_BYTES * 1.01


async def test_an_export_is_the_whole_trail_and_can_be_checked_without_us(
    trail: AuditActivities, label: Label, db: Pool, stack: Stack
) -> None:
    await write(db, label, 700, reason="one\ntwo \u2028 👩‍🎤")

    answer = await ask(trail, label, AuditOperation.EXPORT, limit=1)

    assert answer.file is not None
    data = await Files(stack.object_store).get(answer.file)
    texts = data.removesuffix(b"\n").split(b"\n")
    check = ChainCheck(label.bc_id, kept_head=answer.head)
    for text in texts:
        check.add(Line.model_validate_json(text))
    assert (check.verdict().broken, check.verdict().lines, check.verdict().head) == (None, 700, answer.head)
    assert answer.count == 700
    verdict = (await ask(trail, label, AuditOperation.VERIFY, kept_head=answer.head)).verdict
    assert verdict == check.verdict()


async def test_a_trail_without_lines_is_whole_and_its_export_is_empty(trail: AuditActivities, label: Label) -> None:
    exported = await ask(trail, label, AuditOperation.EXPORT)
    verdict = (await ask(trail, label, AuditOperation.VERIFY)).verdict

    assert exported.file is not None
    assert (exported.count, exported.head, exported.file.size) == (0, start_of(label.bc_id), 0)
    assert verdict is not None
    assert (verdict.lines, verdict.head, verdict.broken) == (0, start_of(label.bc_id), None)


async def test_a_broken_trail_is_an_answer(trail: AuditActivities, label: Label, db: Pool) -> None:
    await write(db, label, 4)
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        await connection.execute("UPDATE audit SET actor = '6' WHERE bc_id = $1 AND number = 3", label.bc_id)
        await connection.execute("ALTER TABLE audit ENABLE TRIGGER USER")

    verdict = (await ask(trail, label, AuditOperation.VERIFY)).verdict

    assert verdict is not None
    assert verdict.broken is not None
    assert (verdict.lines, verdict.broken.number, verdict.broken.flaw) == (4, 3, Flaw.ALTERED)
    assert (verdict.broken.actor, verdict.broken.action, verdict.broken.subject) == ("6", "tested", "line 3")
