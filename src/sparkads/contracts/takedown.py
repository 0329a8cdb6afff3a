"""Messages of `TakedownWorkflow`."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import Contract, Name, ShortText, TikTokId
from sparkads.contracts.release import ReportFiles, Selection, TargetState

NAMED = 100
"""Rows that an answer names of each kind; how many there are is said, and the audit trail names them all."""


class Takedown(Contract):
    """A person wants rows of a release gone: what is not out is not published, what is out is taken down."""

    actor: TikTokId
    reason: ShortText = Field(min_length=1)
    only: Selection = Selection()


class TakedownInput(Contract):
    """Start of a takedown."""

    campaign_id: Name
    name: Name = Field(description="tells it from other takedowns of the same release")
    command: Takedown
    bc_id: TikTokId | None = Field(default=None, description="set by the workflow itself when it continues as new")


class TakedownPhase(StrEnum):
    """The steps of a takedown, in order."""

    BEGINNING = "beginning"
    STOPPING_SPEND = "stopping spend"
    DELETING_ADS = "deleting ads"
    WAITING = "waiting"
    """for outcomes that are not known yet, or to try again what TikTok refused"""
    REPORT = "report"
    DONE = "done"


class NotTakenDown(Contract):
    """A row whose ad still exists, and what TikTok says about it."""

    row_id: str
    why: str


class OwnerPost(Contract):
    """A post that a push put on a profile: no API removes it, its owner does, in the TikTok app, after the ad."""

    row_id: str
    handle: str
    item_id: str

    @property
    def link(self) -> str:
        """Where it is to be seen."""
        return f"https://www.tiktok.com/@{self.handle}/video/{self.item_id}"


class TakedownProgress(Contract):
    """Where the rows of a takedown stand, by the record."""

    counts: dict[TargetState, int] = Field(default={})
    spend_stopped: int = Field(default=0, description="rows whose ads were switched off")
    left: int = Field(default=0, description="rows whose ads exist")
    not_yet_known: int = Field(default=0, description="rows that were being submitted; taken down once they are known")
    not_yet_known_rows: tuple[str, ...] = Field(default=(), description="the first 100")
    owner_removes: int = Field(default=0, description="posts that only their owners can remove")
    owner_posts: tuple[OwnerPost, ...] = Field(default=(), description="the first 100")


class TakedownStatus(Contract):
    """Answer to query `status`."""

    campaign_id: Name
    name: Name
    phase: TakedownPhase
    waiting_on: str
    since: AwareDatetime
    progress: TakedownProgress
    failed: int = Field(description="rows whose ads TikTok would not take down")
    failed_rows: tuple[NotTakenDown, ...] = Field(description="the first 100")


class TakedownResult(Contract):
    """How a takedown ended."""

    progress: TakedownProgress
    failed: int
    failed_rows: tuple[NotTakenDown, ...] = Field(description="the first 100; a further takedown tries them again")
    report: ReportFiles = Field(description="of the release, as it stands after this")
