"""The append-only trail: who did what to what, when, why, and in which run."""

from collections.abc import Sequence
from datetime import datetime

from sparkads.contracts.base import Contract
from store.database import Connection, Database

SYSTEM = "sparkads"
"""The actor of what nobody commanded: a sweep, a deadline, a cascade."""


class Run(Contract):
    """The workflow run that a line belongs to."""

    workflow_id: str
    run_id: str


class AuditLine(Contract):
    """One line of the trail."""

    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    workflow_id: str


async def write(
    connection: Connection, *, bc_id: str, actor: str, action: str, subject: str, reason: str = "", run: Run
) -> None:
    """Add a line; call it in the transaction of the change that it tells of."""
    await connection.execute(
        "INSERT INTO audit (bc_id, actor, action, subject, reason, workflow_id, run_id) VALUES ($1,$2,$3,$4,$5,$6,$7)",
        bc_id,
        actor,
        action,
        subject,
        reason[:500],
        run.workflow_id,
        run.run_id,
    )


async def of_campaign(db: Database, campaign_id: str) -> Sequence[AuditLine]:
    """The trail of one release campaign, oldest first."""
    rows = await db.fetch(
        """SELECT at, actor, action, subject, reason, workflow_id FROM audit
           WHERE workflow_id = $1 OR starts_with(workflow_id, $1 || '/') ORDER BY seq""",
        f"campaign/{campaign_id}",
    )
    return [AuditLine(**row) for row in rows]
