"""The page of a release's report: one HTML file that loads nothing and runs nothing."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from activities.report_accounts import account_lines, summary
from activities.report_causes import OUTCOME_OF, TITLE, Outcome, failures
from activities.report_content import ReleaseReport
from activities.report_picture import NARROW, WIDE, draw, duration
from activities.report_punctuality import BAR, punctuality
from sparkads.contracts.release import TargetState
from store.releases import ReportRow

PART = 250
"""Rows of one table on the page: a browser lays out only the tables in view, so that 10,000 rows open at once."""


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
    accounts = account_lines(report.accounts, report.rows)
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
        accounts=accounts,
        accounts_summary=summary(accounts),
        approval=_approval(report),
        calls=_calls(report),
        lines=[_line(row, report.started_at) for row in report.rows],
    )


def _approval(report: ReleaseReport) -> str:
    if report.plan_hash is None and not report.approvals:
        return "Nobody was asked to agree to this release before it went out."
    if report.approved:
        return "Everybody who was asked has agreed to the plan in force."
    return "Not everybody who was asked has agreed to the plan in force: nothing of it goes out before."


def _calls(report: ReleaseReport) -> str:
    total = sum(one.total for one in report.calls)
    told = f"{total:,} call{'' if total == 1 else 's'} to TikTok"
    parts = [
        f"{number:,} {words}"
        for number, words in (
            (sum(one.refused for one in report.calls), "refused"),
            (sum(one.throttled for one in report.calls), "held back by TikTok's rate limits"),
            (sum(one.lost for one in report.calls), "without an answer"),
        )
        if number
    ]
    if parts:
        return f"{told}; of these {', '.join(parts)}."
    return f"{told}, all of them answered and done." if total else f"{told}."


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
