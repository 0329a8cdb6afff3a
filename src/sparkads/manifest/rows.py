"""What a manifest is once it is read: rows, mistakes and warnings, and the bundle that a release starts with."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from pydantic import Field

from sparkads import clock
from sparkads.captions import MAX_CAPTION
from sparkads.contracts.base import BlobRef, Contract, Handle, Name, TikTokId
from sparkads.manifest.columns import MAX_ROWS, MAX_TIER, MAX_URL
from sparkads.web_files import WebFile

Source: TypeAlias = Path | WebFile
"""Where a file that a row names is."""


class Mode(StrEnum):
    """How a target becomes an ad (R13)."""

    PUSH = "push"
    PULL = "pull"


class Visibility(StrEnum):
    """Where a pushed post is seen. Always said, never guessed (domain decision 6)."""

    ADS_ONLY = "ads_only"
    PROFILE = "profile"


class ManifestRow(Contract):
    """One target: one creative, on one TikTok account, through one ad account."""

    row_id: Name
    mode: Mode
    account: Handle
    ad_account: TikTokId
    territory: str = Field(pattern=r"^[A-Z]{2}$")
    location_id: TikTokId
    time_zone: str
    release_at: datetime | None = Field(description="wall time in time_zone; None: now")
    visibility: Visibility | None = None
    video: BlobRef | None = None
    post_id: TikTokId | None = None
    caption: str = Field(default="", max_length=MAX_CAPTION)
    landing_url: str = Field(max_length=MAX_URL)
    call_to_action: str
    daily_budget: Decimal = Field(gt=0)
    cover: BlobRef | None = Field(default=None, description="None: the first frame that TikTok proposes")
    ad_group_id: TikTokId | None = Field(default=None, description="None: an ad group is made")
    tier: int = Field(default=1, ge=0, le=MAX_TIER, description="tiers go out one after the other; 0 is the canary")
    rights_from: datetime | None = Field(default=None, description="wall time in time_zone; None: always had")
    rights_until: datetime | None = Field(
        default=None, description="wall time in time_zone, the first without rights; None: for ever"
    )

    def due_at(self, now: datetime) -> datetime:
        """The instant at which the row is due; `now` if the row says so."""
        return now if self.release_at is None else clock.instant(self.release_at, self.time_zone)

    def rights(self) -> tuple[datetime | None, datetime | None]:
        """The instants at which the row's rights begin and end; None: always had, for ever."""
        begin, end = (
            None if wall_time is None else clock.instant(wall_time, self.time_zone)
            for wall_time in (self.rights_from, self.rights_until)
        )
        return begin, end

    def has_rights_at(self, moment: datetime) -> bool:
        """Whether an instant lies within the row's rights window."""
        begin, end = self.rights()
        return (begin is None or begin <= moment) and (end is None or moment < end)


class ReleaseBundle(Contract):
    """A manifest without mistakes, with its videos by content: what a release is started with."""

    rows: tuple[ManifestRow, ...] = Field(min_length=1, max_length=MAX_ROWS)


class Problem(Contract):
    """One mistake in a manifest, or one warning."""

    row: int = Field(description="line of the file; 1 is the first, in a CSV the header")
    column: str
    read: str = Field(description="what stands there")
    problem: str
    advice: str = Field(description="what to do")

    def __str__(self) -> str:
        """One line for a terminal or a log."""
        shown = f" {self.read!r}" if self.read else ""
        return f"row {self.row}, {self.column}:{shown} {self.problem}; {self.advice}"


class Reject(Contract):
    """A row with mistakes."""

    row: int = Field(description="line of the file at which it begins")
    # Not shown: an address in it may be signed.
    cells: dict[str, str] = Field(repr=False, exclude=True, description="by column: what stands in the row itself")
    problems: tuple[Problem, ...] = Field(min_length=1)


class Manifest(Contract):
    """What was read: rows in order, and every mistake. Rows with a mistake are in `rejects` and not in `rows`."""

    rows: tuple[ManifestRow, ...]
    videos: dict[str, Source] = Field(description="by row id: the video of each push")
    covers: dict[str, Source] = Field(default_factory=dict, description="by row id: the covers that rows name")
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = Field(default=(), description="what need not be changed, and should be known")
    rejects: tuple[Reject, ...] = ()
    columns: tuple[str, ...] | None = Field(default=None, description="of a CSV, as its header names them")

    @property
    def sources(self) -> frozenset[Source]:
        """Every file that rows name, each once."""
        return frozenset((*self.videos.values(), *self.covers.values()))

    def only_valid(self) -> "Manifest":
        """
        The good rows without the bad ones.

        Mistakes that are not those of single rows stay: what else the file holds is not known then. So do all if no row
        is good.
        """
        if not self.rows:
            return self
        of_rows = {problem for reject in self.rejects for problem in reject.problems}
        return self.model_copy(update={"problems": tuple(one for one in self.problems if one not in of_rows)})
