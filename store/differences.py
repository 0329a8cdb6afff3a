"""Drift on record: where our record and TikTok differed, and what was done about it."""

from collections.abc import Sequence
from datetime import UTC

from sparkads.contracts.drift import Difference, DifferenceKind, Handling
from store.database import Connection, Database


async def note(
    connection: Connection,
    bc_id: str,
    *,
    kind: DifferenceKind,
    subject: str,
    recorded: str,
    found: str,
    handling: Handling,
) -> bool:
    """Record a difference; False if the same one is flagged already. One that was adopted is settled at once."""
    status = await connection.execute(
        """INSERT INTO differences (bc_id, kind, subject, recorded, found, handling, settled_at)
           VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6 = 'adopted' THEN now() END)
           ON CONFLICT (bc_id, kind, subject) WHERE settled_at IS NULL DO NOTHING""",
        bc_id,
        kind,
        subject,
        recorded,
        found,
        handling,
    )
    return status == "INSERT 0 1"


async def settle_others(connection: Connection, bc_id: str, kind: DifferenceKind, standing: Sequence[str]) -> None:
    """Settle the flagged differences of a kind whose subject is not among those that still stand."""
    await connection.execute(
        """UPDATE differences SET settled_at = now()
           WHERE bc_id = $1 AND kind = $2 AND settled_at IS NULL AND subject <> ALL($3)""",
        bc_id,
        kind,
        list(standing),
    )


async def settle(connection: Connection, bc_id: str, kind: DifferenceKind, subjects: Sequence[str]) -> None:
    """Settle the flagged differences of a kind with these subjects, as far as there are any."""
    await connection.execute(
        """UPDATE differences SET settled_at = now()
           WHERE bc_id = $1 AND kind = $2 AND settled_at IS NULL AND subject = ANY($3)""",
        bc_id,
        kind,
        list(subjects),
    )


async def flagged(db: Database, bc_id: str) -> list[Difference]:
    """What waits for a person's decision, oldest first."""
    rows = await db.fetch(
        """SELECT kind, subject, recorded, found, handling, found_at FROM differences
           WHERE bc_id = $1 AND settled_at IS NULL ORDER BY id""",
        bc_id,
    )
    return [
        Difference(
            **{
                **row,
                "kind": DifferenceKind(row["kind"]),
                "handling": Handling(row["handling"]),
                "found_at": row["found_at"].astimezone(UTC),
            }
        )
        for row in rows
    ]
