"""The trail takes new lines, and nothing else."""

import asyncpg
import pytest

from store import audit
from store.database import Pool
from tests.conftest import Label

RUN = audit.Run(workflow_id="campaign/trail-test", run_id="run")


async def write(db: Pool, label: Label, reason: str) -> None:
    async with db.acquire() as connection:
        await audit.write(
            connection, bc_id=label.bc_id, actor="6", action="tested", subject="the trail", reason=reason, run=RUN
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE bc_id = '{bc_id}'",
        "DELETE FROM audit WHERE bc_id = '{bc_id}'",
        "TRUNCATE audit",
        "TRUNCATE audit CASCADE",
        """INSERT INTO audit (seq, bc_id, actor, action, subject, workflow_id, run_id) OVERRIDING SYSTEM VALUE
           SELECT seq, bc_id, 'nobody', action, subject, workflow_id, run_id FROM audit WHERE bc_id = '{bc_id}'
           ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'""",
    ],
)
async def test_a_line_is_never_changed_or_removed(label: Label, db: Pool, statement: str) -> None:
    await write(db, label, "a reason")

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await db.execute(statement.format(bc_id=label.bc_id))

    assert await db.fetchval("SELECT actor FROM audit WHERE bc_id = $1", label.bc_id) == "6"


async def test_a_line_goes_with_the_change_that_it_tells_of(label: Label, db: Pool) -> None:
    async with db.acquire() as connection:
        change = connection.transaction()
        await change.start()
        await audit.write(connection, bc_id=label.bc_id, actor="6", action="tested", subject="the trail", run=RUN)
        await change.rollback()

    assert await db.fetchval("SELECT count(*) FROM audit WHERE bc_id = $1", label.bc_id) == 0


async def test_a_campaigns_trail_has_its_shards_and_not_its_namesakes(label: Label, db: Pool) -> None:
    campaign = f"trail_{label.bc_id}"
    namesake = campaign.replace("_", "x")
    for workflow_id in (f"campaign/{campaign}", f"campaign/{campaign}/wave/1/shard/0", f"campaign/{namesake}/wave/1"):
        async with db.acquire() as connection:
            await audit.write(
                connection,
                bc_id=label.bc_id,
                actor="6",
                action="tested",
                subject=workflow_id,
                reason="r" * 10_000,
                run=audit.Run(workflow_id=workflow_id, run_id="run"),
            )

    lines = await audit.of_campaign(db, campaign)

    assert [line.subject for line in lines] == [f"campaign/{campaign}", f"campaign/{campaign}/wave/1/shard/0"]
    assert {len(line.reason) for line in lines} == {500}
