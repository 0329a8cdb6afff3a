"""The report of a release campaign, as it stands: one HTML file that needs no network, a CSV and a JSON."""

import asyncio
import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from temporalio import activity

from activities.campaigns import known_campaign
from activities.report_causes import OUTCOME_OF, TITLE, Outcome, failures
from activities.report_picture import NARROW, WIDE, draw, duration, middle
from sparkads.contracts.base import Contract
from sparkads.contracts.release import ReportFiles, TargetState
from sparkads.files import Files
from store import audit, credentials, releases
from store.audit import AuditLine
from store.database import Pool
from store.releases import ReportRow

PART = 250
"""Rows of one table on the page: a browser lays out only the tables in view, so that 10,000 rows open at once."""

BAR = 300
"""Width of a bar of delays, in its own units."""

_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])")
"""Places in a text where a spreadsheet would begin to read a formula."""


class AskForReport(Contract):
    """One release campaign."""

    campaign_id: str


class ReleaseReport(Contract):
    """What a report says, in all its forms."""

    campaign_id: str
    business_center: str
    started_by: str
    operator: str
    started_at: datetime
    written_at: datetime
    counts: dict[TargetState, int]
    rows: tuple[ReportRow, ...]
    trail: tuple[AuditLine, ...]


class ReportActivities:
    """Needs the store and the object store."""

    def __init__(self, db: Pool, files: Files) -> None:
        """Share the process's connections."""
        self._db = db
        self._files = files

    @activity.defn
    async def write_report(self, ask: AskForReport) -> ReportFiles:
        """Read everything once, and put the three files into the object store."""
        campaign = await known_campaign(self._db, ask.campaign_id)
        rows = await releases.report_rows(self._db, ask.campaign_id)
        report = ReleaseReport(
            campaign_id=campaign.campaign_id,
            business_center=await credentials.business_center_name(self._db, campaign.bc_id),
            started_by=campaign.started_by,
            operator=campaign.operator,
            started_at=campaign.started_at,
            written_at=datetime.now(UTC),
            counts=dict(Counter(row.state for row in rows)),
            rows=tuple(rows),
            trail=tuple(await audit.of_campaign(self._db, ask.campaign_id)),
        )
        # 10,000 rows take a second or two to write, in which the worker's other activities go on.
        html = await asyncio.to_thread(as_html, report)
        return ReportFiles(
            html=await self._files.put(html.encode(), "text/html"),
            csv=await self._files.put(as_csv(report).encode(), "text/csv"),
            json_file=await self._files.put(report.model_dump_json(indent=2).encode(), "application/json"),
        )


def as_csv(report: ReleaseReport) -> str:
    """
    One line for each target, with the columns of `ReportRow`.

    No cell can be run as a formula by a spreadsheet: a text that begins with one of `= + - @` (also in full width), a
    tab or a line break gets an apostrophe in front, as OWASP advises against CSV injection; so does one that would
    begin a cell for a spreadsheet that splits at semicolons, tabs or line breaks inside the text. A program that reads
    the file back and needs the exact text of such a cell takes it from the JSON.
    """
    out = io.StringIO()
    # Python quotes a lone carriage return only when it quotes everything; unquoted, it would end the line.
    writer = csv.DictWriter(out, fieldnames=list(ReportRow.model_fields), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    for row in report.rows:
        cells = row.model_dump(mode="json")
        writer.writerow({name: _inert(cell) if isinstance(cell, str) else cell for name, cell in cells.items()})
    return out.getvalue()


def _inert(text: str) -> str:
    return _FORMULA.sub("'", text)


def as_html(report: ReleaseReport) -> str:
    """
    One page, complete in itself: no script, no network.

    Every text that came from outside is escaped, and the page forbids its browser to load or run anything.
    """
    environment = Environment(
        loader=PackageLoader("activities"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"utc": _utc, "parts": _parts, "duration": duration, "count": _count}
    pictures = [draw(report.rows, written_at=report.written_at, layout=layout) for layout in (WIDE, NARROW)]
    return environment.get_template("report.html.j2").render(
        report=report,
        total=len(report.rows),
        part_size=PART,
        bar_width=BAR,
        headline=_headline(report),
        tallies=_tallies(report.counts),
        titles=TITLE,
        pictures=pictures,
        punctuality=punctuality(report.rows, report.started_at),
        failures=failures(report.rows),
        lines=[_line(row, report.started_at) for row in report.rows],
    )


class Tally(NamedTuple):
    """How many rows have one outcome."""

    outcome: Outcome
    title: str
    rows: int
    breakdown: str
    """by state, if the outcome has several"""


def _tallies(counts: dict[TargetState, int]) -> list[Tally]:
    """The outcomes that occur, and those whose absence is good news or bad."""
    tallies = []
    for outcome, title in TITLE.items():
        states = {state: counts[state] for state, of in OUTCOME_OF.items() if of is outcome and counts.get(state)}
        if states or outcome not in {Outcome.OPEN, Outcome.CANCELLED}:
            several = sum(of is outcome for of in OUTCOME_OF.values()) > 1
            told = ", ".join(f"{number:,} {_words(state)}" for state, number in states.items()) if several else ""
            tallies.append(Tally(outcome, title, sum(states.values()), told))
    return tallies


def _words(state: TargetState) -> str:
    return state.replace("_", " ")


def _headline(report: ReleaseReport) -> str:
    total, published = len(report.rows), report.counts.get(TargetState.PUBLISHED, 0)
    under_way = sum(number for state, number in report.counts.items() if OUTCOME_OF[state] is Outcome.OPEN)
    if published == total:
        return "The ad is published." if total == 1 else f"All {total:,} ads are published."
    told = f"{published:,} of {total:,} ads {'is' if published == 1 else 'are'} published."
    return f"{told} {under_way:,} {'is' if under_way == 1 else 'are'} still under way." if under_way else told


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


class Line(NamedTuple):
    """A row of the big table, as it reads."""

    row: ReportRow
    outcome: Outcome
    state: str
    planned: str
    """local wall time"""
    as_soon_as_possible: bool
    confirmed: str
    """local wall time; empty as long as TikTok has not confirmed"""
    after: str
    """from the planned instant to the confirmation"""


def _line(row: ReportRow, started_at: datetime) -> Line:
    zone = ZoneInfo(row.time_zone)
    return Line(
        row=row,
        outcome=OUTCOME_OF[row.state],
        state=_words(row.state),
        planned=f"{row.due_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        as_soon_as_possible=row.due_at == started_at,
        confirmed=f"{row.confirmed_at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if row.confirmed_at else "",
        after=duration(row.confirmed_at - row.due_at) if row.confirmed_at else "",
    )


def _count(number: int) -> str:
    return f"{number:,}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _parts(lines: Sequence[object]) -> Iterable[tuple[int, Sequence[object]]]:
    """Pieces of a long table, each with the number of its first line."""
    return [(start + 1, lines[start : start + PART]) for start in range(0, len(lines), PART)]
