"""Messages of the audit trail: update `audit` of `BusinessCenterWorkflow`."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from sparkads.contracts.base import BlobRef, Contract, ShortText, TikTokId

MAX_LINES = 500
"""Lines in one answer: it has to fit into a message, and there is the export."""

ShortName = Annotated[str, Field(max_length=100)]
"""Who or what: an id, the words of an action."""

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 as hex."""


class AuditOperation(StrEnum):
    """What to do with the trail."""

    SHOW = "show"
    EXPORT = "export"
    VERIFY = "verify"


class AskAudit(Contract):
    """Update `audit`: read the trail of a Business Center; only an admin may."""

    actor: TikTokId
    operation: AuditOperation
    subject: ShortText = Field(default="", description="show: a part of the subject, in upper or lower case")
    actor_is: ShortName = Field(default="", description="show: lines of this actor")
    action: ShortName = Field(default="", description="show: lines of this action")
    since: AwareDatetime | None = Field(default=None, description="show: lines from this instant on")
    limit: int = Field(default=50, ge=1, le=MAX_LINES, description="show: the newest of the lines that match")
    kept_head: Hash | None = Field(default=None, description="verify: a head hash that was kept elsewhere")


class AuditLine(Contract):
    """One line of the trail; texts that are longer than that, which none of ours is, are cut."""

    number: int = Field(description="from 1, without gaps, for each Business Center")
    at: AwareDatetime
    bc_id: TikTokId
    actor: ShortName
    action: ShortName
    subject: ShortText
    reason: ShortText
    workflow_id: str = Field(max_length=1000)
    run_id: ShortName
    hash: str = Field(max_length=64, description="SHA-256 as hex, over this line and the hash of the one before")


class Flaw(StrEnum):
    """What is wrong with a trail."""

    ALTERED = "altered"
    MISSING = "missing"
    REORDERED = "reordered"
    CUT_OFF = "cut_off"
    """the head of the chain says that there are more lines"""
    ADDED = "added"
    """the head of the chain does not know of this line"""
    REWRITTEN = "rewritten"
    """whole in itself, but not the trail that a head hash was kept of"""


class BrokenLine(Contract):
    """The first line of a trail that is not as it was recorded."""

    number: int | None = Field(description="None: a rewritten trail does not say where it was changed")
    flaw: Flaw
    text: ShortText = Field(description="what is wrong, in words")
    at: ShortName = Field(default="", description="as it stands now; empty, as the next three, for a line that is gone")
    actor: ShortName = ""
    action: ShortName = ""
    subject: ShortText = ""


class AuditVerdict(Contract):
    """What the check of a trail found."""

    lines: int = Field(ge=0, description="that are there")
    head: Hash = Field(description="hash of the last line up to which the trail is whole")
    broken: BrokenLine | None = None


class AuditAnswer(Contract):
    """Answer to `audit`: what belongs to the operation, the rest has its default."""

    lines: tuple[AuditLine, ...] = Field(default=(), max_length=MAX_LINES, description="show: the newest last")
    more: bool = Field(default=False, description="show: older lines match as well")
    file: BlobRef | None = Field(default=None, description="export: JSON Lines, a line of the trail in each")
    count: int = Field(default=0, ge=0, description="export: lines in the file")
    head: Hash | None = Field(default=None, description="export: hash of the last line")
    verdict: AuditVerdict | None = Field(default=None, description="verify")
