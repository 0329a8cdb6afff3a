"""When a row is due, and when it may be: release_at and the rights window, as wall times in the row's zone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sparkads import clock
from sparkads.manifest.filling import Row

MOST_GUESSES = 100
"""Different unknown zones whose nearest name is looked for: more are a column of something else."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Times(NamedTuple):
    """
    What a row says about time.

    Attributes:
        release_at: wall time; None: now, or not readable.
        due_at: its instant; None: not known.
        rights_from: wall time; None: always had.
        rights_until: wall time, the first without rights; None: for ever.
    """

    release_at: datetime | None = None
    due_at: datetime | None = None
    rights_from: datetime | None = None
    rights_until: datetime | None = None


class TimeChecker:
    """Checks the times of rows at one present."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._zones: dict[str, str | None] = {}
        self._guesses = 0
        self._changes: set[tuple[str, datetime]] = set()

    def check(self, row: Row) -> Times:
        """Read a row's times, and note what is wrong with them."""
        zone = row["time_zone"]
        if zone not in self._zones:
            self._zones[zone] = clock.zone_problem(zone, nearest=self._guesses < MOST_GUESSES)
            self._guesses += self._zones[zone] is not None
        problem = self._zones[zone]
        if problem is not None:
            row.wrong("time_zone", "is unknown", problem)
        release_at, due_at = self._release_at(row, None if problem is not None else zone)
        times = Times(
            release_at,
            due_at,
            _right(row, "rights_from", lambda day: day),
            _right(row, "rights_until", lambda day: day + timedelta(days=1)),
        )
        if problem is None:
            _check_rights(row, times)
        return times

    def _release_at(self, row: Row, zone: str | None) -> tuple[datetime | None, datetime | None]:
        text = row["release_at"]
        if text.lower() == clock.NOW:
            return None, self._now
        try:
            wall_time = clock.parse_wall_time(text)
        except ValueError as error:
            row.wrong("release_at", "is no wall time", str(error))
            return None, None
        if zone is None:
            return wall_time, None
        try:
            due_at = clock.instant(wall_time, zone)
            if due_at < self._now:
                advice = f"it was {clock.in_zone(due_at, zone)}; write a later time, or now"
                row.wrong("release_at", "is in the past", advice)
            elif (zone, wall_time) not in self._changes:
                self._changes.add((zone, wall_time))
                _warn_of_clock_change(row, wall_time, due_at, zone)
        except OverflowError:
            row.wrong("release_at", "is out of all calendars", "write a year of this century")
            return wall_time, None
        return wall_time, due_at


def _warn_of_clock_change(row: Row, wall_time: datetime, due_at: datetime, zone: str) -> None:
    """Say what becomes of a wall time that the clocks of a zone skip or show twice."""
    becomes = clock.in_zone(due_at, zone)
    if due_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) != wall_time:
        row.warn("release_at", f"is skipped when the clocks of {zone} change", f"it becomes {becomes}")
    elif wall_time.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC) != due_at:
        row.warn("release_at", f"occurs twice when the clocks of {zone} change", f"the first counts: {becomes}")


def _right(row: Row, column: str, whole: Callable[[datetime], datetime]) -> datetime | None:
    text = row[column]
    if not text:
        return None
    try:
        return whole(clock.parse_wall_time(f"{text} 00:00")) if _DAY.fullmatch(text) else clock.parse_wall_time(text)
    except (ValueError, OverflowError):
        row.wrong(column, "is no day", "write YYYY-MM-DD, or a wall time YYYY-MM-DD HH:MM")
        return None


def _check_rights(row: Row, times: Times) -> None:
    zone = row["time_zone"]
    try:
        begin = None if times.rights_from is None else clock.instant(times.rights_from, zone)
        end = None if times.rights_until is None else clock.instant(times.rights_until, zone)
    except OverflowError:
        row.wrong("rights_until", "is out of all calendars", "write years of this century")
        return
    if begin is not None and end is not None and begin >= end:
        row.wrong("rights_until", "is before the rights begin", f"they begin at {clock.in_zone(begin, zone)}")
    elif times.due_at is not None and begin is not None and times.due_at < begin:
        advice = f"they begin at {clock.in_zone(begin, zone)}; write a later time, or correct rights_from"
        row.wrong("release_at", "is before the row's rights begin", advice)
    elif times.due_at is not None and end is not None and times.due_at >= end:
        advice = f"they end at {clock.in_zone(end, zone)}; write an earlier time, or correct rights_until"
        row.wrong("release_at", "is after the row's rights have ended", advice)
