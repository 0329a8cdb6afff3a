"""Planned against real instants, for the report of a release."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from activities.report_picture import middle
from sparkads.contracts.release import TargetState
from store.releases import ReportRow

BAR = 300
"""Width of a bar of delays, in its own units."""


class Delays(NamedTuple):
    """How long after the planned instant something happened."""

    best: timedelta
    median: timedelta
    worst: timedelta


class Bar(NamedTuple):
    """Delays as positions between 0 and BAR."""

    best: float
    median: float
    worst: float


class LanePunctuality(NamedTuple):
    """One territory in one zone, or the whole release."""

    territory: str
    zone: str
    rows: int
    published: int
    submitted: Delays | None
    confirmed: Delays | None
    bar: Bar | None
    """of `confirmed`"""


class Punctuality(NamedTuple):
    """Planned against real instants."""

    lanes: tuple[LanePunctuality, ...]
    """the whole release first; empty if no row has a planned instant"""
    submitted: int
    """rows with a planned instant that TikTok has or had"""
    scale: timedelta
    """the longest confirmation: the end of the bars"""
    unplanned: int
    """rows that were due as soon as possible; they have no instant to be late for"""
    early: tuple[str, ...]
    """ids of rows that TikTok says were submitted before their instant"""


def punctuality(rows: Sequence[ReportRow], started_at: datetime) -> Punctuality:
    """
    Planned against real instants, for each territory and for all.

    A confirmation counts for published rows: the others have no instant at which they went out. A row that is due at
    the very start of the campaign was due as soon as possible.
    """
    planned = [row for row in rows if row.due_at != started_at]
    groups: defaultdict[tuple[str, str], list[ReportRow]] = defaultdict(list)
    for row in planned:
        groups[row.territory, row.time_zone].append(row)
    ordered = sorted(groups.items(), key=lambda item: (min(row.due_at for row in item[1]), item[0]))
    scale = timedelta(seconds=1)
    for row in planned:
        if row.state is TargetState.PUBLISHED and row.confirmed_at is not None:
            scale = max(scale, row.confirmed_at - row.due_at)
    lanes = [_lane_punctuality(territory, zone, group, scale) for (territory, zone), group in ordered]
    return Punctuality(
        lanes=(_lane_punctuality("All", "", planned, scale), *lanes) if planned else (),
        submitted=sum(row.submitted_at is not None for row in planned),
        scale=scale,
        unplanned=len(rows) - len(planned),
        early=tuple(row.row_id for row in planned if row.submitted_at is not None and row.submitted_at < row.due_at),
    )


def _lane_punctuality(territory: str, zone: str, rows: Sequence[ReportRow], scale: timedelta) -> LanePunctuality:
    published = [row for row in rows if row.state is TargetState.PUBLISHED]
    confirmed = _delays([row.confirmed_at - row.due_at for row in published if row.confirmed_at is not None])
    return LanePunctuality(
        territory=territory,
        zone=zone,
        rows=len(rows),
        published=len(published),
        submitted=_delays([row.submitted_at - row.due_at for row in rows if row.submitted_at is not None]),
        confirmed=confirmed,
        bar=Bar(*(round(max(span / scale, 0.0) * (BAR - 10) + 5, 1) for span in confirmed)) if confirmed else None,
    )


def _delays(spans: Sequence[timedelta]) -> Delays | None:
    return Delays(min(spans), middle(spans), max(spans)) if spans else None
