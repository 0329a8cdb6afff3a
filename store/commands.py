"""Commands that ran, by their id, so that a repeat gets the first answer and changes nothing."""

from typing import TypeVar

from sparkads.contracts.base import Contract
from store.database import Connection, Database

KEPT = 200
"""
Answers kept for each owner of commands, which is an authorization or a Business Center.

A client gives up repeating a command long before so many others have run.
"""

Answer = TypeVar("Answer", bound=Contract)


async def answer(db: Database, owner: str, command_id: str, shape: type[Answer]) -> Answer | None:
    """What a command answered when it ran, or None if it never did."""
    known = await db.fetchval(
        "SELECT answer FROM handled_commands WHERE owner = $1 AND command_id = $2", owner, command_id
    )
    return None if known is None else shape.model_validate_json(known)


async def keep(connection: Connection, owner: str, command_id: str, given: Contract) -> None:
    """Remember an answer, and forget the oldest ones of its owner."""
    await connection.execute(
        """INSERT INTO handled_commands (owner, command_id, answer) VALUES ($1, $2, $3)
           ON CONFLICT (owner, command_id) DO NOTHING""",
        owner,
        command_id,
        given.model_dump_json(),
    )
    await connection.execute(
        """DELETE FROM handled_commands WHERE owner = $1 AND command_id IN (
               SELECT command_id FROM handled_commands WHERE owner = $1
               ORDER BY handled_at DESC, command_id OFFSET $2)""",
        owner,
        KEPT,
    )
