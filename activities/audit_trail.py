"""The activity that reads the audit trail: shows it, exports it, checks it."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio import activity

from activities.members import Members
from sparkads.audit import start_of
from sparkads.contracts.audit import AskAudit, AuditAnswer, AuditOperation
from sparkads.contracts.base import Contract
from sparkads.files import Files
from sparkads.roles import Action
from store import audit
from store.database import Pool

MAX_BYTES = 600_000
"""Of lines in one answer: it enters a history twice, and Temporal takes no payload of more than 2 MiB."""


class ReadAudit(Contract):
    """What somebody wants of a Business Center's trail."""

    bc_id: str
    ask: AskAudit


class AuditActivities:
    """Needs the store, the role check and the object store."""

    def __init__(self, db: Pool, members: Members, files: Files) -> None:
        """Share the process's connections."""
        self._db = db
        self._members = members
        self._files = files

    @activity.defn
    async def read_audit(self, read: ReadAudit) -> AuditAnswer:
        """
        Show the newest lines that match, export all of them as a file, or check them all (R3: for admins).

        Raises:
            ApplicationError: NotAMember or AdminOnly.
        """
        await self._members.require(read.bc_id, read.ask.actor, Action.READ_AUDIT)
        match read.ask.operation:
            case AuditOperation.SHOW:
                return await self._show(read.bc_id, read.ask)
            case AuditOperation.EXPORT:
                return await self._export(read.bc_id)
            case AuditOperation.VERIFY:
                verdict = await audit.verify(self._db, read.bc_id, kept_head=read.ask.kept_head)
                return AuditAnswer(verdict=verdict)

    async def _show(self, bc_id: str, ask: AskAudit) -> AuditAnswer:
        found = await audit.page(
            self._db,
            bc_id,
            subject=ask.subject,
            actor=ask.actor_is,
            action=ask.action,
            since=ask.since,
            limit=ask.limit + 1,
        )
        shown, size = len(found), 0
        for place, line in enumerate(reversed(found)):
            size += len(line.model_dump_json().encode())
            if place == ask.limit or size > MAX_BYTES:
                shown = place
                break
        return AuditAnswer(lines=tuple(found[len(found) - shown :]), more=shown < len(found))

    async def _export(self, bc_id: str) -> AuditAnswer:
        count, head = 0, start_of(bc_id)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "audit.jsonl"
            with await asyncio.to_thread(path.open, "w", encoding="utf-8", newline="\n") as file:
                async with (
                    self._db.acquire() as connection,
                    audit.as_of_now(connection),
                    aclosing(audit.lines(connection, bc_id)) as stream,
                ):
                    async for line in stream:
                        file.write(line.model_dump_json() + "\n")
                        count, head = count + 1, line.hash
            return AuditAnswer(file=await self._files.put_file(path, "application/x-ndjson"), count=count, head=head)
