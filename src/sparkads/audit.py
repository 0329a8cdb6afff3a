"""
The audit trail as a hash chain: pure, so that an exported trail can be checked where there is no server.

Each Business Center has one chain. A line's hash is the SHA-256 of netstrings (`<octets of UTF-8>:<text>,`) of the hash
before it and of the line's own fields, in the order of `Line`. Postgres computes the same when a line is written
(store/migrations/versions/0003_audit_chain.sql).
"""

import hashlib
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from sparkads.contracts.audit import AuditVerdict, BrokenLine, Flaw


class Line(BaseModel):
    """
    One line as it stands in the record or in an export, whoever wrote it: nothing is bounded, cut or normalised.

    An export has one such object in each line of the file.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    number: int
    at: str
    """UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`."""
    bc_id: str
    actor: str
    action: str
    subject: str
    reason: str
    workflow_id: str
    run_id: str
    hash: str


class Head(NamedTuple):
    """What the record says of the end of a chain."""

    number: int
    hash: str


def start_of(bc_id: str) -> str:
    """What the first line of a Business Center's chain is linked to, and the head of a trail without lines."""
    return hashlib.sha256(f"sparkads audit trail of Business Center {bc_id}".encode()).hexdigest()


def hash_of(previous: str, line: Line, *, number: int | None = None) -> str:
    """The hash that a line has to have behind `previous`; `number` in the place of its own, to try it elsewhere."""
    fields = (
        previous,
        str(line.number if number is None else number),
        line.at,
        line.bc_id,
        line.actor,
        line.action,
        line.subject,
        line.reason,
        line.workflow_id,
        line.run_id,
    )
    digest = hashlib.sha256()
    for field in fields:
        octets = field.encode()
        digest.update(b"%d:%b," % (len(octets), octets))
    return digest.hexdigest()


class ChainCheck:
    """Takes the lines of one trail in their order, and says which is the first that is not as it was recorded."""

    def __init__(self, bc_id: str, *, head: Head | None = None, kept_head: str | None = None) -> None:
        """
        Start before the first line.

        Args:
            bc_id: whose trail it is.
            head: what the record says of the chain's end; None where only lines are at hand, as in an export.
            kept_head: the hash of a last line that was kept elsewhere. It has to be somewhere in the chain; the trail
                may have grown since.
        """
        self._bc_id = bc_id
        self._head = head
        self._kept_head = kept_head
        self._lines = 0
        self._whole = 0
        self._previous = start_of(bc_id)
        self._kept_head_seen = kept_head in {None, self._previous}
        self._broken: BrokenLine | None = None
        self._hash_of_broken = ""

    def add(self, line: Line) -> None:
        """Look at the next line."""
        self._lines += 1
        if self._broken is not None:
            self._look_for_the_due_line(line)
            return
        self._broken = self._flaw_of(line)
        if self._broken is not None:
            self._hash_of_broken = line.hash
            return
        self._whole += 1
        self._previous = line.hash
        self._kept_head_seen = self._kept_head_seen or line.hash == self._kept_head

    def verdict(self) -> AuditVerdict:
        """What was found, after the last line."""
        broken = self._broken
        if broken is None and self._head is not None and self._head.number > self._whole:
            gone = f"from line {self._whole + 1} on lines are gone: the chain's head is line {self._head.number}"
            broken = BrokenLine(number=self._whole + 1, flaw=Flaw.CUT_OFF, text=gone)
        if broken is None and not self._kept_head_seen:
            text = (
                f"no line has the hash {self._kept_head}: the trail was cut off or rewritten after that hash was kept"
            )
            broken = BrokenLine(number=None, flaw=Flaw.REWRITTEN, text=text)
        return AuditVerdict(lines=self._lines, head=self._previous, broken=broken)

    def _flaw_of(self, line: Line) -> BrokenLine | None:
        due, head = self._whole + 1, self._head
        if line.number > due:
            text = f"line {due} is missing: line {line.number} stands in its place"
            return BrokenLine(number=due, flaw=Flaw.MISSING, text=text)
        if line.number < due:
            flaw, text = Flaw.REORDERED, f"line {line.number} stands where line {due} is due"
        elif line.bc_id != self._bc_id:
            flaw, text = Flaw.ALTERED, f"line {due} is said to be of another Business Center than {self._bc_id}"
        elif line.hash != hash_of(self._previous, line):
            # A line that was altered together with its own hash shows at the line behind it.
            or_before = f", or line {due - 1} with its hash" if self._whole else ""
            flaw, text = Flaw.ALTERED, f"line {due} was altered{or_before}: its hash does not fit what it says"
        elif head is not None and due > head.number:
            flaw, text = Flaw.ADDED, f"line {due} was added past the system: the chain's head is line {head.number}"
        elif head is not None and due == head.number and line.hash != head.hash:
            flaw, text = Flaw.ALTERED, f"line {due} was altered: it is the last, and the chain's head has another hash"
        else:
            return None
        return BrokenLine(
            number=line.number,
            flaw=flaw,
            text=text,
            at=line.at[:100],
            actor=line.actor[:100],
            action=line.action[:100],
            subject=line.subject[:500],
        )

    def _look_for_the_due_line(self, line: Line) -> None:
        """Tell lines that changed places from lines that were altered or removed."""
        due = self._whole + 1
        assert self._broken is not None  # noqa: S101 - only asked then
        if self._broken.flaw not in {Flaw.ALTERED, Flaw.MISSING} or line.bc_id != self._bc_id:
            return
        if hash_of(self._previous, line, number=due) in {line.hash, self._hash_of_broken}:
            text = f"line {due} is not in its place: what was recorded as line {due} stands as line {line.number}"
            if line.number == due:
                text = f"line {due} is not in its place: it stands behind later ones"
            self._broken = self._broken.model_copy(update={"flaw": Flaw.REORDERED, "text": text})
