"""
The picture of a release as geometry: pure functions from rows to coordinates; the page's template writes them down.

Time runs to the right. Each territory and zone has a lane with its local days as bands. A planned instant is a tick; a
row is a mark where TikTok confirmed it, or at its planned instant as long as it is not confirmed. A lane that would be
too full for marks has columns instead, and the picture says so in its notes.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from activities.report_causes import OUTCOME_OF, TITLE, Outcome
from store.releases import ReportRow

MAX_MARKS = 60
"""Rows that a lane shows one by one; above it they become columns."""

MAX_STACK = 10
"""Marks above each other; a lane that needs more becomes columns: it would be as tall as the page."""

MAX_LANES = 40
"""Lanes; the rows of all further territories share one last lane."""

MAX_DAYS = 12
"""Days that the picture may span and still show local midnights."""

MARK = 11.0
"""Distance between the centres of two marks that touch, in units of the picture."""

COLUMN = 10.0
COLUMN_TRACK = 60.0
SMALLEST_PART = 2.0
"""Height of the smallest part of a column: one refused row among thousands stays visible."""

CHARACTER = 6.4
"""Width of a character in a label, about: enough to keep labels apart."""

SHORTEST_SPAN = timedelta(minutes=10)
"""Of the time axis, so that a single instant has a picture."""

_STEPS = (
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 28, 91, 364)),
)
_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
"""A Monday, from which ticks are counted."""


@dataclass(frozen=True)
class Layout:
    """Measures of a picture, in its own units."""

    name: str
    width: float
    left: float
    right: float
    header: float
    """height of a line with the lane's name above its track; 0: the name stands at its left"""
    tick_room: float
    """between two ticks of the time axis, at least"""

    @property
    def end(self) -> float:
        """Where time ends."""
        return self.width - self.right


WIDE = Layout(name="wide", width=1120, left=172, right=124, header=0, tick_room=96)
NARROW = Layout(name="narrow", width=380, left=4, right=4, header=26, tick_room=84)


class Tick(NamedTuple):
    """A time on the axis."""

    x: float
    label: str
    day: str
    """empty if it is the day of the tick before"""
    anchor: str


class Instant(NamedTuple):
    """A planned instant or a local midnight in a lane."""

    x: float
    label: str
    """empty if there is no room for it"""
    label_x: float
    anchor: str
    planned: bool


class Band(NamedTuple):
    """A local day."""

    x: float
    width: float
    odd: bool


class Mark(NamedTuple):
    """A row."""

    x: float
    y: float
    outcome: Outcome
    planned_x: float
    text: str


class Part(NamedTuple):
    """The rows of one outcome in a column."""

    y: float
    height: float
    outcome: Outcome


class Column(NamedTuple):
    """Rows of a stretch of time."""

    x: float
    width: float
    parts: tuple[Part, ...]
    text: str


@dataclass(frozen=True)
class Lane:
    """One territory in one zone."""

    territory: str
    zone: str
    rows: int
    published: int
    median: str
    """from planned to confirmed, of the published rows; empty if there are none"""
    top: float
    track_top: float
    track_height: float
    bands: tuple[Band, ...]
    instants: tuple[Instant, ...]
    marks: tuple[Mark, ...]
    columns: tuple[Column, ...]
    tallest: int
    """rows of the tallest column; 0: the lane has marks"""

    @property
    def track_bottom(self) -> float:
        """Lower edge of the track."""
        return self.track_top + self.track_height

    @property
    def label_y(self) -> float:
        """Base line of the labels above the track."""
        return self.track_top - 5


@dataclass(frozen=True)
class Picture:
    """Everything that is drawn."""

    layout: Layout
    height: float
    axis_y: float
    ticks: tuple[Tick, ...]
    lanes: tuple[Lane, ...]
    now_x: float | None
    """when the report was written; None: outside of the picture"""
    outcomes: tuple[Outcome, ...]
    """those that occur"""
    notes: tuple[str, ...]
    """what was put together or left out"""
    description: str


class _Key(NamedTuple):
    territory: str
    zone: str


class _Scale(NamedTuple):
    start: datetime
    end: datetime
    left: float
    right: float

    def x(self, moment: datetime) -> float:
        share = (moment - self.start) / (self.end - self.start)
        return round(self.left + share * (self.right - self.left), 1)


class _Spot(NamedTuple):
    x: float
    row: ReportRow


def draw(rows: Sequence[ReportRow], *, written_at: datetime, layout: Layout) -> Picture:
    """
    Lay out the picture of a release.

    Args:
        rows: all targets, at least one.
        written_at: drawn as a line if it lies within the release.
        layout: the measures.

    Raises:
        ValueError: there is no row.
    """
    if not rows:
        raise ValueError("a release without rows has no picture")
    start, end = _span(rows)
    scale = _Scale(start, end, layout.left, layout.end)
    lanes_of = _lanes(rows)
    top = axis_height = 40.0
    lanes = []
    for key, group in lanes_of:
        lane = _lane(key, group, scale, layout, top)
        lanes.append(lane)
        top = lane.track_bottom + 14
    outcomes = {OUTCOME_OF[row.state] for row in rows}
    return Picture(
        layout=layout,
        height=top,
        axis_y=axis_height - 14,
        ticks=_ticks(scale, layout),
        lanes=tuple(lanes),
        now_x=scale.x(written_at) if start <= written_at <= end else None,
        outcomes=tuple(outcome for outcome in Outcome if outcome in outcomes),
        notes=tuple(_notes(rows, lanes, scale)),
        description=_description(rows, start, end, len(lanes)),
    )


def duration(span: timedelta) -> str:
    """A time span for people, in its two largest units; `-` if it is negative."""
    seconds = round(abs(span.total_seconds()))
    sign = "-" if span < timedelta(0) and seconds else ""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    for large, large_unit, small, small_unit in (
        (days, "d", hour, "h"),
        (hours, "h", minute, "min"),
        (minutes, "min", second, "s"),
    ):
        if large:
            return f"{sign}{large:,} {large_unit}" + (f" {small} {small_unit}" if small else "")
    return f"{sign}{second} s"


def middle(spans: Iterable[timedelta]) -> timedelta:
    """
    The median.

    Raises:
        statistics.StatisticsError: there is none, because there is no span.
    """
    return timedelta(seconds=median(span.total_seconds() for span in spans))


def _shown_at(row: ReportRow) -> datetime:
    return row.confirmed_at or row.due_at


def _span(rows: Iterable[ReportRow]) -> tuple[datetime, datetime]:
    moments = [moment for row in rows for moment in (row.due_at, _shown_at(row))]
    first, last = min(moments), max(moments)
    margin = max((last - first) * 0.025, (SHORTEST_SPAN - (last - first)) / 2)
    return first - margin, last + margin


def _lanes(rows: Iterable[ReportRow]) -> list[tuple[_Key, list[ReportRow]]]:
    """Earliest first; what does not fit into MAX_LANES shares a last lane, without a zone of its own."""
    groups: defaultdict[_Key, list[ReportRow]] = defaultdict(list)
    for row in rows:
        groups[_Key(row.territory, row.time_zone)].append(row)
    ordered = sorted(groups.items(), key=lambda item: (min(row.due_at for row in item[1]), item[0]))
    if len(ordered) <= MAX_LANES:
        return ordered
    rest = ordered[MAX_LANES - 1 :]
    together = [row for _, group in rest for row in group]
    return [*ordered[: MAX_LANES - 1], (_Key(f"{len(rest)} more", "UTC"), together)]


def _lane(key: _Key, rows: Sequence[ReportRow], scale: _Scale, layout: Layout, top: float) -> Lane:
    zone = ZoneInfo(key.zone)
    track_top = top + layout.header + 16
    spots = sorted(
        (_Spot(scale.x(_shown_at(row)), row) for row in rows), key=lambda spot: (spot.x, spot.row.row_number)
    )
    levels = _swarm([spot.x for spot in spots]) if len(spots) <= MAX_MARKS else None
    marks: tuple[Mark, ...] = ()
    columns: tuple[Column, ...] = ()
    tallest = 0
    if levels is not None and max(levels) < MAX_STACK:
        track_height = max(30.0, (max(levels) + 1) * MARK + 9)
        centre = track_top + track_height / 2
        even = max(levels) % 2 * MARK / 2
        marks = tuple(
            Mark(
                x=spot.x,
                y=round(centre + _offset(level) - even, 1),
                outcome=OUTCOME_OF[spot.row.state],
                planned_x=scale.x(spot.row.due_at),
                text=_mark_text(spot.row),
            )
            for spot, level in zip(spots, levels, strict=True)
        )
    else:
        track_height = COLUMN_TRACK
        columns, tallest = _columns(spots, scale, track_top, track_height)
    midnights = _midnights(scale, zone)
    published = [row for row in rows if OUTCOME_OF[row.state] is Outcome.PUBLISHED]
    delays = [row.confirmed_at - row.due_at for row in published if row.confirmed_at is not None]
    return Lane(
        territory=key.territory,
        zone=key.zone,
        rows=len(rows),
        published=len(published),
        median=duration(middle(delays)) if delays else "",
        top=top,
        track_top=track_top,
        track_height=track_height,
        bands=_bands(scale, midnights),
        instants=_instants({row.due_at for row in rows}, midnights, zone, scale),
        marks=marks,
        columns=columns,
        tallest=tallest,
    )


def _swarm(xs: Sequence[float]) -> list[int]:
    """For ascending positions, the lowest level for each at which it touches no other."""
    ends: list[float] = []
    levels = []
    for x in xs:
        level = next((number for number, end in enumerate(ends) if x - end >= MARK), len(ends))
        ends[level : level + 1] = [x]
        levels.append(level)
    return levels


def _offset(level: int) -> float:
    """Levels lie around the middle: 0, then one below, one above, and so on."""
    return (level + 1) // 2 * MARK * (1 if level % 2 else -1)


def _mark_text(row: ReportRow) -> str:
    zone = ZoneInfo(row.time_zone)
    told = f"{row.row_id}, @{row.handle}: {row.state.replace('_', ' ')}; planned {row.due_at.astimezone(zone):%H:%M:%S}"
    if row.confirmed_at is None:
        return f"{told}, not confirmed"
    after = duration(row.confirmed_at - row.due_at)
    return f"{told}, confirmed {row.confirmed_at.astimezone(zone):%H:%M:%S} ({after} after)"


def _columns(spots: Sequence[_Spot], scale: _Scale, top: float, height: float) -> tuple[tuple[Column, ...], int]:
    # Columns begin at planned instants: one across a tick would look as if something had happened before it.
    ticks = sorted({scale.left, *(scale.x(spot.row.due_at) for spot in spots)})
    bins: defaultdict[tuple[int, int], Counter[Outcome]] = defaultdict(Counter)
    for spot in spots:
        tick = bisect_right(ticks, spot.x) - 1
        bins[tick, int((spot.x - ticks[tick]) // COLUMN)][OUTCOME_OF[spot.row.state]] += 1
    tallest = max(counts.total() for counts in bins.values())
    columns = []
    for (tick, number), counts in sorted(bins.items()):
        y = top + height
        parts = []
        for outcome in (outcome for outcome in Outcome if counts[outcome]):
            part = max(SMALLEST_PART, counts[outcome] / tallest * (height - 6 - SMALLEST_PART * len(Outcome)))
            y -= part
            parts.append(Part(y=round(y, 1), height=round(part, 1), outcome=outcome))
        text = ", ".join(f"{counts[part.outcome]:,} {TITLE[part.outcome].lower()}" for part in parts)
        x = ticks[tick] + number * COLUMN
        end = min(x + COLUMN, *ticks[tick + 1 : tick + 2], scale.right)
        columns.append(Column(x=round(x, 1), width=round(max(end - x - 1, 1.0), 1), parts=tuple(parts), text=text))
    return tuple(columns), tallest


def _midnights(scale: _Scale, zone: ZoneInfo) -> list[datetime]:
    """The local midnights in the picture, as instants; none if it spans too many days."""
    if scale.end - scale.start > timedelta(days=MAX_DAYS):
        return []
    day = scale.start.astimezone(zone).date()
    found = []
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)) < scale.end:
        if midnight > scale.start:
            found.append(midnight)
        day += timedelta(days=1)
    return found


def _bands(scale: _Scale, midnights: Sequence[datetime]) -> tuple[Band, ...]:
    edges = [scale.left, *(scale.x(midnight) for midnight in midnights), scale.right]
    return tuple(
        Band(x=left, width=round(right - left, 1), odd=number % 2 == 1)
        for number, (left, right) in enumerate(pairwise(edges))
    )


def _instants(
    planned: Iterable[datetime], midnights: Sequence[datetime], zone: ZoneInfo, scale: _Scale
) -> tuple[Instant, ...]:
    """Planned instants first: where labels would touch, the later one goes without; so does a midnight at a tick."""
    due = sorted(set(planned))
    planned_xs = {scale.x(moment) for moment in due}
    moments = [(moment, True) for moment in due] + [(moment, False) for moment in midnights if moment not in due]
    taken: list[tuple[float, float]] = []
    drawn: dict[int, Instant] = {}
    for moment, is_planned in moments:
        x = scale.x(moment)
        if round(x) in drawn:
            continue
        local = moment.astimezone(zone)
        label = f"{local:%a} {local.day} {local:%b}" + (f", {_clock(local)}" if is_planned else "")
        width = len(label) * CHARACTER
        # A label stands to the right of its line, or to the left where the picture ends.
        anchor, low = ("start", x + 3) if x + 3 + width <= scale.right else ("end", x - 3 - width)
        astray = not is_planned and any(low - CHARACTER < other < low + width + CHARACTER for other in planned_xs)
        if astray or any(low < end + CHARACTER and start - CHARACTER < low + width for start, end in taken):
            label = ""
        else:
            taken.append((low, low + width))
        label_x = round(x + 3 if anchor == "start" else x - 3, 1)
        drawn[round(x)] = Instant(x=x, label=label, label_x=label_x, anchor=anchor, planned=is_planned)
    return tuple(sorted(drawn.values()))


def _clock(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _ticks(scale: _Scale, layout: Layout) -> tuple[Tick, ...]:
    span = scale.end - scale.start
    most = max(1.0, (scale.right - scale.left) / layout.tick_room)
    step = next((step for step in _STEPS if span / step <= most), span)
    moment = _EPOCH + math.ceil((scale.start - _EPOCH) / step) * step
    ticks: list[Tick] = []
    day = ""
    while moment <= scale.end:
        today = f"{moment:%a} {moment.day} {moment:%b}"
        x = scale.x(moment)
        half = len(today) * CHARACTER / 2
        anchor = "start" if x < half else "end" if x > layout.width - half else "middle"
        ticks.append(Tick(x=x, label=f"{moment:%H:%M}", day=today if today != day else "", anchor=anchor))
        day, moment = today, moment + step
    return tuple(ticks)


def _notes(rows: Sequence[ReportRow], lanes: Sequence[Lane], scale: _Scale) -> Iterable[str]:
    full = [lane for lane in lanes if lane.columns]
    if full:
        stretch = (scale.end - scale.start) * (COLUMN / (scale.right - scale.left))
        named = ", ".join(f"{lane.territory} {lane.zone} ({lane.rows:,} ads)" for lane in full)
        where = "in every lane" if len(full) == len(lanes) else f"in {named}"
        yield (
            f"Where the ads are too many for a mark each, they are put together in columns of {duration(stretch)}: "
            f"{where}. A column's height compares with the others of its lane; the tallest of all stands for "
            f"{max(lane.tallest for lane in full):,} ads."
        )
    territories = {(row.territory, row.time_zone) for row in rows}
    if len(territories) > len(lanes):
        yield (
            f"{len(territories) - MAX_LANES + 1} of {len(territories)} territories and zones share the last lane, in "
            "UTC; the table has them one by one."
        )
    if scale.end - scale.start > timedelta(days=MAX_DAYS):
        yield f"The release spans more than {MAX_DAYS} days: local midnights are left out."
    unlabelled = sum(instant.planned and not instant.label for lane in lanes for instant in lane.instants)
    if unlabelled:
        yield f"{unlabelled:,} ticks have no label, for lack of room; the table has every planned instant."


def _description(rows: Sequence[ReportRow], start: datetime, end: datetime, lanes: int) -> str:
    counts = Counter(OUTCOME_OF[row.state] for row in rows)
    told = ", ".join(f"{counts[outcome]:,} {TITLE[outcome].lower()}" for outcome in Outcome if counts[outcome])
    return (
        f"Time from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC in {lanes} lanes, one for each territory and "
        f"zone. {len(rows):,} ads: {told}. The tables below say the same, row by row."
    )
