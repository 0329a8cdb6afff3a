"""The report of a release: its words, its picture and its files, as pure functions of rows."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from time import monotonic
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.report_accounts import account_lines
from activities.report_causes import CAUSES, OUTCOME_OF, Outcome, cause_of, failures
from activities.report_content import ReleaseReport
from activities.report_csv import STAGES, as_csv
from activities.report_page import as_html
from activities.report_picture import MAX_LANES, MAX_MARKS, MAX_STACK, NARROW, WIDE, Layout, Picture, draw, duration
from activities.report_punctuality import BAR, punctuality
from sparkads.contracts.release import TargetState
from store.api_calls import EndpointCalls
from store.audit import AuditLine
from store.releases import ReportRow
from store.reports import AccountStages

STARTED = datetime(2027, 1, 12, 9, 30, 12, 345678, tzinfo=UTC)
WRITTEN = datetime(2027, 1, 20, 8, tzinfo=UTC)
PLACES = (
    ("NZ", "Pacific/Auckland"),
    ("JP", "Asia/Tokyo"),
    ("DE", "Europe/Berlin"),
    ("GB", "Europe/London"),
    ("US", "America/New_York"),
    ("US", "America/Los_Angeles"),
)
VOID = frozenset(("meta", "link", "br", "col", "img", "input", "hr"))


def target(
    number: int,
    place: tuple[str, str] = PLACES[0],
    state: TargetState = TargetState.PUBLISHED,
    *,
    delay: timedelta | None = timedelta(minutes=2),
    due_at: datetime | None = None,
    **more: object,
) -> ReportRow:
    territory, zone = place
    due = due_at or datetime(2027, 1, 15, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return ReportRow.model_validate(
        {
            "row_number": number,
            "row_id": f"{territory.lower()}-{number}",
            "mode": "push",
            "handle": f"artist.{number}",
            "advertiser_id": "7100000000000000001",
            "territory": territory,
            "time_zone": zone,
            "state": state,
            "reason": "",
            "wave": 1,
            "due_at": due,
            "submitted_at": None if delay is None else due + timedelta(seconds=3),
            "confirmed_at": None if delay is None else due + delay,
            "ad_id": None if delay is None else f"{1790000000000000000 + number}",
            "item_id": None if delay is None else f"{7480000000000000000 + number}",
        }
        | more
    )


def account(handle: str, **more: object) -> AccountStages:
    return AccountStages.model_validate(
        {
            "handle": handle,
            "name": None,
            "requested_at": STARTED,
            "request_state": "approved",
            "answered_at": STARTED + timedelta(hours=1),
            "approved_at": STARTED + timedelta(hours=1),
            "ended_at": None,
            "members": 0,
            "linked": {"7100000000000000001": STARTED + timedelta(hours=2)},
            "ad_accounts": 1,
        }
        | more
    )


def report(rows: Sequence[ReportRow], **more: object) -> ReleaseReport:
    return ReleaseReport.model_validate(
        {
            "campaign_id": "midnight",
            "business_center": "Kauri Records",
            "started_by": "7200000000000000001",
            "operator": "7200000000000000002",
            "started_at": STARTED,
            "written_at": WRITTEN,
            "counts": Counter(row.state for row in rows),
            "rows": rows,
            "accounts": [account(row.handle) for row in {row.handle: row for row in rows}.values()],
            "approved": True,
            "plan_hash": None,
            "approvals": [],
            "calls": [],
            "names": {},
            "trail": [
                AuditLine(
                    at=STARTED,
                    actor="7200000000000000001",
                    action="release started",
                    subject="campaign midnight",
                    reason=f"{len(rows)} targets",
                    workflow_id="campaign/midnight",
                )
            ],
        }
        | more
    )


class Page(HTMLParser):
    """What a browser would see: checks that tags are balanced, collects what tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.row_ids: list[str] = []
        self.numbers: dict[str, str] = {}
        self.text: list[str] = []
        self._next: dict[str, str | None] = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._next = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "data-row" in self._next:
            self.row_ids.append(data)
        if outcome := self._next.get("data-outcome"):
            self.numbers[outcome] = data
        self._next = {}
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


def seen(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


def mixed(number_of_rows: int = 22) -> list[ReportRow]:
    states = [*TargetState]
    rows = []
    for number in range(1, number_of_rows + 1):
        state = states[number % len(states)] if number % 3 == 0 else TargetState.PUBLISHED
        delay = timedelta(seconds=30 * number) if state is TargetState.PUBLISHED else None
        rows.append(target(number, PLACES[number % 6], state, delay=delay))
    return rows


# --- causes


@pytest.mark.parametrize("state", [state for state in TargetState if state is not TargetState.PUBLISHED])
def test_every_state_but_published_has_a_cause_and_a_next_step(state: TargetState) -> None:
    cause = cause_of(target(1, state=state, reason="something nobody has foreseen"))
    assert cause.title
    assert cause.next_step
    assert cause in CAUSES
    assert state in OUTCOME_OF


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        ("blocked", "R1: @artist has not authorized the Business Center", "owner's approval"),  # R1
        ("blocked", "R5: operator 72 lacks a grant", "An admin of the Business Center gives"),  # R5
        ("blocked", "R6: all 200 account slots of the Business Center are taken", "no longer used"),  # R6
        ("blocked", "R7: the scope that @artist granted does not include new videos", "scope"),  # R7
        ("blocked", "R11: ad account 71: no such asset", "Settle in Business Center"),  # R11
        ("blocked", "budget: a daily budget of 50 JPY is too low: TikTok takes", "currency of the ad account"),
        ("blocked", "budget: ad account 71 would spend more than its ceiling", "Raise the ceiling"),
        ("blocked", "ad account 71 is suspended (STATUS_LIMIT)", "through another ad account"),
        ("blocked", "TikTok allows 2 active ad groups in ad account 71", "switch off ad groups"),
        ("refused", "R15: TikTok no longer lets @artist be used: gone", "on purpose"),  # R15
        ("refused", "TikTok refused the video: too short", "Export the video again"),
        ("refused", "TikTok refused it: TikTok 40002: bad text", "Correct what TikTok names"),
        ("rejected", "music", "appeal"),
        ("frozen", "R15: the authorization ended (revoked by owner) before", "Nothing of these rows went out"),  # R15
        ("stopped", "R15: the authorization ended; the ad was stopped", "no longer run"),  # R15
        (
            "stopped",
            "R15: the authorization ended; TikTok answered to the stop: no",
            "by hand if they still run",
        ),  # R15
        ("unknown", "the answer was lost", "Do not publish these by hand"),
    ],
)
def test_a_reason_leads_to_its_next_step(state: str, reason: str, says: str) -> None:
    assert says in cause_of(target(1, state=TargetState(state), reason=reason)).next_step


def test_rules_whose_numbers_begin_alike_are_told_apart() -> None:
    r1 = cause_of(target(1, state=TargetState.BLOCKED, reason="R1: not authorized"))  # R1
    r11 = cause_of(target(1, state=TargetState.BLOCKED, reason="R11: ad account 71"))  # R11
    r15 = cause_of(target(1, state=TargetState.BLOCKED, reason="R15: ended"))  # R15
    assert (r1.prefix, r11.prefix, r15.prefix) == ("R1", "R11", "")


def test_failures_count_every_row_that_is_not_published_and_say_what_is_left_out() -> None:
    rows = mixed(60) + [
        target(100 + number, state=TargetState.BLOCKED, delay=None, reason=f"R5: operator {number} lacks a key")
        for number in range(30)
    ]
    groups = failures(rows)
    assert sum(group.rows for group in groups) == sum(row.state is not TargetState.PUBLISHED for row in rows)
    keys = next(group for group in groups if group.cause.prefix == "R5")
    assert (len(keys.accounts), keys.more_accounts) == (12, 18)
    assert (len(keys.reasons), keys.more_reasons) == (4, 26)
    assert "18 more accounts" in as_html(report(rows))
    assert "26 more reasons" in as_html(report(rows))


# --- punctuality


def test_punctuality_is_measured_against_the_planned_instant() -> None:
    rows = [target(number, delay=timedelta(minutes=minutes)) for number, minutes in enumerate((1, 2, 9), start=1)]
    found = punctuality([*rows, target(4, PLACES[1], TargetState.REJECTED, delay=timedelta(days=3))], STARTED)
    whole, nz, jp = sorted(found.lanes, key=lambda lane: ("All", "NZ", "JP").index(lane.territory))
    assert nz.confirmed == (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=9))
    assert nz.submitted == (timedelta(seconds=3),) * 3
    assert whole.confirmed == nz.confirmed, "a rejected ad never went out"
    assert (jp.confirmed, jp.published, jp.rows) == (None, 0, 1)
    assert found.scale == timedelta(minutes=9)
    assert nz.bar is not None
    assert 0 < nz.bar.best < nz.bar.median < nz.bar.worst < BAR
    assert found.early == ()


def test_a_submission_before_its_instant_is_shouted_out() -> None:
    rows = [target(1), target(2, submitted_at=datetime(2027, 1, 14, 10, 59, 59, tzinfo=UTC))]
    assert punctuality(rows, STARTED).early == ("nz-2",)
    assert "reached TikTok before their planned instant" in as_html(report(rows))
    assert "No ad was submitted before its planned instant" in as_html(report(rows[:1]))


def test_rows_due_as_soon_as_possible_are_not_late() -> None:
    rows = [target(1), target(2, due_at=STARTED, delay=timedelta(days=2))]
    found = punctuality(rows, STARTED)
    assert found.unplanned == 1
    assert found.scale == timedelta(minutes=2)
    assert "Not counted here: 1 due as soon as possible" in as_html(report(rows))
    assert punctuality(rows[1:], STARTED).lanes == ()
    assert "no planned instant to compare with" in as_html(report(rows[1:]))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (130, "2 min 10 s"),
        (3600, "1 h"),
        (11520, "3 h 12 min"),
        (90061, "1 d 1 h"),
        (-5, "-5 s"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


# --- the picture


def check(picture: Picture, rows: Sequence[ReportRow]) -> None:
    """What holds for every picture."""
    left, right = picture.layout.left, picture.layout.end
    assert sum(lane.rows for lane in picture.lanes) == len(rows)
    assert len(picture.lanes) <= MAX_LANES
    for lane in picture.lanes:
        assert bool(lane.marks) != bool(lane.columns)
        assert not lane.marks or len(lane.marks) == lane.rows
        assert lane.rows <= MAX_MARKS or lane.columns
        assert lane.bands[0].x == left
        assert sum(band.width for band in lane.bands) == pytest.approx(right - left, abs=0.5)
        for mark in lane.marks:
            assert left <= mark.x <= right
            assert lane.track_top < mark.y < lane.track_bottom
        for column in lane.columns:
            assert left <= column.x
            assert column.x + column.width <= right + 1
            assert all(lane.track_top <= part.y for part in column.parts)
            assert column.parts[0].y + column.parts[0].height == pytest.approx(lane.track_bottom, abs=0.2)
        labels = sorted(
            (one.label_x, one.label_x + 6.4 * len(one.label))
            if one.anchor == "start"
            else (one.label_x - 6.4 * len(one.label), one.label_x)
            for one in lane.instants
            if one.label
        )
        assert all(before[1] <= after[0] for before, after in pairwise(labels)), "labels never lie on each other"
    assert all(0 <= tick.x <= picture.layout.width for tick in picture.ticks)
    assert all(above.track_bottom < below.top for above, below in pairwise(picture.lanes))


@pytest.mark.parametrize("layout", [WIDE, NARROW])
@given(
    rows=st.lists(
        st.builds(
            lambda place, state, due, delay: (place, state, due, delay),
            st.sampled_from(PLACES),
            st.sampled_from([*TargetState]),
            st.datetimes(datetime(2027, 3, 1), datetime(2027, 4, 20), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive by hypothesis' contract
            st.none() | st.timedeltas(timedelta(seconds=-30), timedelta(days=2)),
        ),
        min_size=1,
        max_size=80,
    )
)
def test_any_release_has_a_picture_in_which_every_row_is_somewhere(
    layout: Layout, rows: list[tuple[tuple[str, str], TargetState, datetime, timedelta | None]]
) -> None:
    targets = [
        target(number, place, state, due_at=due, delay=delay)
        for number, (place, state, due, delay) in enumerate(rows, start=1)
    ]
    check(draw(targets, written_at=WRITTEN, layout=layout), targets)


def test_lanes_follow_midnight_around_the_world() -> None:
    rows = [target(number, place) for number, place in enumerate(reversed(PLACES), start=1)]
    picture = draw(rows, written_at=WRITTEN, layout=WIDE)
    assert [(lane.territory, lane.zone) for lane in picture.lanes] == list(PLACES)
    for lane in picture.lanes:
        planned = next(instant for instant in lane.instants if instant.planned)
        assert planned.label == "Fri 15 Jan, 00:00"
        assert planned.x in {band.x for band in lane.bands}, "a planned midnight is where the local day begins"
        assert lane.marks[0].planned_x == planned.x < lane.marks[0].x
        assert lane.median == "2 min"


def test_a_row_without_confirmation_stands_at_its_planned_instant() -> None:
    rows = [target(1, state=TargetState.BLOCKED, delay=None), target(2, delay=timedelta(hours=3))]
    lane = draw(rows, written_at=WRITTEN, layout=WIDE).lanes[0]
    blocked = next(mark for mark in lane.marks if mark.outcome is Outcome.REFUSED)
    assert blocked.x == blocked.planned_x
    assert "not confirmed" in blocked.text


def test_marks_never_touch_each_other() -> None:
    rows = [target(number, delay=timedelta(minutes=number)) for number in range(1, 41)]
    marks = draw(rows, written_at=WRITTEN, layout=WIDE).lanes[0].marks
    assert len(marks) == 40
    spots = [(mark.x, mark.y) for mark in marks]
    for number, (x, y) in enumerate(spots):
        assert all(abs(x - other) >= 10.9 or abs(y - above) >= 10.9 for other, above in spots[:number])


@pytest.mark.parametrize("rows", [MAX_MARKS + 1, MAX_STACK + 1])
def test_a_full_lane_becomes_columns_and_the_picture_says_so(rows: int) -> None:
    spread = timedelta(minutes=20) if rows > MAX_MARKS else timedelta(0)
    targets = [target(number, delay=spread * number) for number in range(rows)]
    picture = draw([*targets, target(900, PLACES[1])], written_at=WRITTEN, layout=WIDE)
    lane, single = picture.lanes
    assert single.marks
    assert lane.columns
    assert f"NZ Pacific/Auckland ({rows} ads)" in " ".join(picture.notes)
    counted = sum(int(number) for column in lane.columns for number in re.findall(r"\d+", column.text))
    assert counted == rows


def test_a_column_never_begins_before_the_planned_instant_of_its_rows() -> None:
    rows = [target(number, PLACES[number % 2], delay=timedelta(seconds=number)) for number in range(400)]
    for layout in (WIDE, NARROW):
        for lane in draw(rows, written_at=WRITTEN, layout=layout).lanes:
            planned = next(instant.x for instant in lane.instants if instant.planned)
            assert lane.columns[0].x >= planned


def test_one_failure_among_thousands_stays_visible() -> None:
    rows = [target(number) for number in range(3000)] + [target(3000, state=TargetState.REFUSED, delay=None)]
    lane = draw(rows, written_at=WRITTEN, layout=WIDE).lanes[0]
    parts = [part for column in lane.columns for part in column.parts if part.outcome is Outcome.REFUSED]
    assert [part.height for part in parts] == [2.0]


def test_too_many_territories_share_a_last_lane_and_the_picture_says_so() -> None:
    codes = [first + second for first in "ABCDEFG" for second in "ABCDEFGHIJ"]
    rows = [target(number, (code, "Europe/Berlin")) for number, code in enumerate(codes)]
    picture = draw(rows, written_at=WRITTEN, layout=WIDE)
    check(picture, rows)
    assert picture.lanes[-1].rows == len(codes) - MAX_LANES + 1
    assert f"{len(codes) - MAX_LANES + 1} of {len(codes)} territories" in " ".join(picture.notes)


def test_planned_instants_without_room_for_a_label_are_counted() -> None:
    start = datetime(2027, 1, 15, tzinfo=UTC)
    rows = [target(number, due_at=start + timedelta(minutes=number)) for number in range(30)]
    picture = draw(rows, written_at=WRITTEN, layout=NARROW)
    silent = sum(instant.planned and not instant.label for instant in picture.lanes[0].instants)
    assert silent
    assert f"{silent} ticks have no label" in " ".join(picture.notes)


def test_midnights_follow_a_clock_change() -> None:
    zone = ("US", "America/New_York")
    rows = [
        target(1, zone, due_at=datetime(2027, 3, 13, 17, tzinfo=UTC), delay=None),
        target(2, zone, due_at=datetime(2027, 3, 16, 17, tzinfo=UTC), delay=None),
    ]
    lane = draw(rows, written_at=WRITTEN, layout=WIDE).lanes[0]
    midnights = [instant.x for instant in lane.instants if not instant.planned]
    first, second, third = (after - before for before, after in pairwise([*midnights, lane.instants[-1].x]))
    assert len(midnights) == 3
    assert first == pytest.approx(second * 23 / 24, abs=0.2), "the day of the change has 23 hours"
    assert third > 0


def test_long_releases_leave_midnights_out_and_say_so() -> None:
    rows = [target(1), target(2, due_at=datetime(2027, 3, 15, tzinfo=UTC))]
    picture = draw(rows, written_at=WRITTEN, layout=WIDE)
    assert all(instant.planned for instant in picture.lanes[0].instants)
    assert "local midnights are left out" in " ".join(picture.notes)
    assert picture.now_x is not None


def test_nothing_has_no_picture() -> None:
    with pytest.raises(ValueError, match="without rows"):
        draw([], written_at=WRITTEN, layout=WIDE)


# --- the page


def test_the_page_has_every_row_and_its_numbers_are_the_rows() -> None:
    rows = mixed()
    page = Page(as_html(report(rows)))
    assert page.row_ids == [row.row_id for row in rows]
    counted = Counter(OUTCOME_OF[row.state] for row in rows)
    shown = {outcome: int(number.replace(",", "")) for outcome, number in page.numbers.items()}
    assert {outcome: number for outcome, number in shown.items() if number} == counted
    assert sum(shown.values()) == len(rows)
    text = seen(page)
    published = sum(row.state is TargetState.PUBLISHED for row in rows)
    assert f"{published} of 22 ads are published." in text
    for row in rows:
        assert all(one in text for one in (f"@{row.handle}", row.advertiser_id, row.ad_id or "", row.item_id or ""))
    assert "2027-01-15 00:00:00" in text
    assert "2027-01-14 11:00:00" in text
    assert all(
        part in text for part in ("Kauri Records", "7200000000000000001", "release started", "campaign/midnight")
    )


@pytest.mark.parametrize("state", list(TargetState))
def test_a_release_of_one_row_in_any_state_has_a_page(state: TargetState) -> None:
    done = timedelta(minutes=1) if state is TargetState.PUBLISHED else None
    page = Page(as_html(report([target(1, state=state, delay=done, reason="why")])))
    assert page.row_ids == ["nz-1"]
    assert ("The ad is published." in seen(page)) is (state is TargetState.PUBLISHED)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    html = as_html(report(mixed()))
    page = Page(html)
    assert not page.tags.keys() & {"script", "img", "iframe", "object", "embed", "video", "audio", "base", "form"}
    assert not [(tag, name) for tag, name, _ in page.attributes if name.startswith("on") or name == "src"]
    hrefs = {value for _, name, value in page.attributes if name.endswith("href")}
    assert hrefs
    assert all(href.startswith("#") or href == "data:," for href in hrefs)
    assert not re.search(r"https?:|//\w|url\(|@import|@font-face", html)
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes


def test_links_within_the_page_lead_somewhere_and_ids_are_unique() -> None:
    page = Page(as_html(report(mixed())))
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    wanted = {value[1:] for _, name, value in page.attributes if name == "href" and value.startswith("#")}
    wanted |= {one for _, name, value in page.attributes if name == "aria-labelledby" for one in value.split()}
    assert wanted <= set(ids)


def test_the_page_can_be_read_without_eyes_on_it() -> None:
    page = Page(as_html(report(mixed())))
    assert page.tags["table"] == page.tags["caption"] >= 3
    headings = [value for tag, name, value in page.attributes if tag == "th" and name == "scope"]
    assert len(headings) == page.tags["th"]
    assert page.tags["desc"] == 2
    assert [value for tag, name, value in page.attributes if tag == "html" and name == "lang"] == ["en"]
    # Every drawing either has a name or is said to be decoration.
    drawings = [name for tag, name, _ in page.attributes if tag == "svg" and name in {"aria-labelledby", "aria-hidden"}]
    assert len(drawings) == page.tags["svg"]


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_are_told_apart_from_the_paper_in_light_and_dark() -> None:
    # WCAG 2.2, 1.4.3: text needs a contrast of 4.5 to 1.
    themes = re.findall(r":root \{(.*?)\}", as_html(report([target(1)])), re.DOTALL)
    assert len(themes) == 3
    for theme in themes:
        colours = {
            name: value if len(value) == 7 else "#" + "".join(digit * 2 for digit in value[1:])
            for name, value in re.findall(r"--([\w-]+): (#\w+);", theme)
        }
        paper = _luminance(colours["paper"])
        for name in ("ink", "soft", *Outcome):
            light, dark = sorted((paper, _luminance(colours[name])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{name} in {theme}"


def test_hostile_text_stays_text() -> None:
    evil = "<script>alert(1)</script><img src=http://evil.example onerror=alert(2)>\"' {{ 7*7 }} "
    evil += "\u202e\u05e9\u05dc\u05d5\u05dd"
    rows = [
        target(1, state=TargetState.REFUSED, delay=None, handle=evil, reason=f"TikTok refused it: {evil}"),
        target(2, state=TargetState.REJECTED, reason="W" * 480, row_id="</td></table>" + "r" * 50),
        target(3, state=TargetState.CANCELLED, delay=None, ad_id=evil, item_id=evil, advertiser_id=evil, mode=evil),
    ]
    line = AuditLine(at=STARTED, actor=evil, action=evil, subject=evil, reason=evil, workflow_id=evil)
    html = as_html(
        report(rows, business_center=evil, started_by=evil, operator=evil, campaign_id=f"</title>{evil}", trail=[line])
    )
    page = Page(html)
    assert "<script" not in html
    assert "<img" not in html
    assert not page.tags.keys() & {"script", "img"}
    assert page.row_ids == ["nz-1", rows[1].row_id, "nz-3"]
    assert "{{ 7*7 }}" in seen(page)
    assert "49" not in page.numbers.values()


@pytest.mark.parametrize(
    ("known", "requested", "approved", "shared"),
    [
        ({}, "asked, approved", "approved", "with the ad account"),
        ({"members": 2}, "asked, approved", "approved", "with the ad account, 2 members"),
        ({"ad_accounts": 3}, "asked, approved", "approved", "1 of 3 ad accounts"),
        ({"linked": {}}, "asked, approved", "approved", "not yet"),
        ({"request_state": None, "requested_at": None}, "approved without being asked by name", "approved", "with the"),
        ({"ended_at": WRITTEN}, "asked, approved", "ended", "ended"),
        ({"request_state": "pending", "approved_at": None, "linked": {}}, "asked, no answer yet", "not yet", "not yet"),
        ({"request_state": "declined", "approved_at": None, "linked": {}}, "asked, declined", "not yet", "not yet"),
        ({"request_state": None, "approved_at": None, "linked": {}}, "not asked", "not yet", "not yet"),
    ],
)
def test_each_account_is_shown_across_its_stages(
    known: dict[str, object], requested: str, approved: str, shared: str
) -> None:
    one = account("artist", **known)
    (line,) = account_lines([one], [target(1, handle="artist"), target(2, handle="artist", state="refused")])
    assert (line.requested.words, line.approved.words) == (requested, approved)
    assert line.shared.words.startswith(shared)
    assert (line.published, line.rows, line.others) == (1, 2, "1 not accepted")
    text = seen(Page(as_html(report([target(1, handle="artist")], accounts=[one]))))
    assert f"1 account: {int(approved == 'approved')} approved" in text
    assert requested in text


def test_people_and_ad_accounts_have_their_names_beside_their_ids() -> None:
    names = {"7200000000000000001": "Ada <Admin>", "7100000000000000001": "Kauri NZ"}
    text = seen(Page(as_html(report([target(1)], names=names))))
    assert "Ada <Admin> 7200000000000000001" in text
    assert "Kauri NZ 7100000000000000001" in text
    assert "Operated by 7200000000000000002" in text


def test_approvals_are_told_with_the_plan_that_they_are_for() -> None:
    said = {"stage": "rights", "actor": "7200000000000000003", "at": STARTED}
    approvals = [
        said | {"plan_hash": "a" * 64, "verdict": "reject", "reason": "wrong mix"},
        said | {"plan_hash": "b" * 64, "verdict": "approve", "reason": "now it is right"},
    ]
    agreed = seen(Page(as_html(report([target(1)], approvals=approvals, plan_hash="b" * 64))))
    open_still = seen(Page(as_html(report([target(1)], approvals=[], plan_hash="b" * 64, approved=False))))
    nobody = seen(Page(as_html(report([target(1)]))))
    assert "wrong mix plan aaaaaaaaaaaa, replaced since" in agreed
    assert "now it is right plan bbbbbbbbbbbb, in force" in agreed
    assert "Everybody who was asked has agreed" in agreed
    assert "Not everybody who was asked has agreed" in open_still
    assert "Nobody was asked to agree" in nobody


def test_calls_to_tiktok_are_told_by_endpoint_and_ending() -> None:
    create = EndpointCalls(endpoint="ad/create/", done=1_200, refused=3, throttled=2, lost=0)
    read = EndpointCalls(endpoint="ad/get/", done=40, refused=0, throttled=0, lost=0)
    text = seen(Page(as_html(report([target(1)], calls=[create, read]))))
    quiet = seen(Page(as_html(report([target(1)], calls=[read]))))
    assert "1,245 calls to TikTok; of these 3 refused, 2 held back by TikTok's rate limits." in text
    assert "ad/create/ 1,205 1,200 3 2 0" in text
    assert "40 calls to TikTok, all of them answered and done." in quiet


def test_ten_thousand_rows_stay_light_and_lose_none() -> None:
    rows = [
        target(
            number,
            PLACES[number % 6],
            TargetState.PUBLISHED if number % 50 else TargetState.REFUSED,
            handle=f"artist.{number % 200}",
        )
        for number in range(1, 10_001)
    ]
    began = monotonic()
    html = as_html(report(rows))
    assert monotonic() - began < 15
    assert len(html.encode()) < 7_000_000
    page = Page(html)
    assert page.row_ids == [row.row_id for row in rows]
    assert page.numbers["published"] == "9,800"
    assert page.tags["use"] < 50, "the picture is put together"
    assert "Rows 9,751 to 10,000 of 10,000" in seen(page)
    assert "in every lane" in seen(page)


# --- the spreadsheet


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_spreadsheet_has_every_row_and_column() -> None:
    rows = mixed()
    read = cells(as_csv(report(rows)))
    assert [line["row_id"] for line in read] == [row.row_id for row in rows]
    assert list(read[0]) == [*ReportRow.model_fields, *STAGES]
    assert read[0]["handle"] == "artist.1"
    assert read[0]["confirmed_at"] == "2027-01-14T15:00:30Z"
    assert read[0]["linked_at"] == "2027-01-12T11:30:12.345678Z"


def test_the_spreadsheet_says_how_far_an_account_came_in_each_ad_account() -> None:
    rows = [target(1, handle="artist"), target(2, handle="artist", advertiser_id="7100000000000000002")]
    asked = account("artist", approved_at=None, request_state="pending", answered_at=None)
    read = cells(as_csv(report(rows, accounts=[account("artist", ad_accounts=2)])))
    waiting = cells(as_csv(report(rows[:1], accounts=[asked])))[0]
    assert [bool(line["linked_at"]) for line in read] == [True, False]
    assert (bool(waiting["requested_at"]), waiting["approved_at"]) == (True, "")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_is_a_formula(begin: str) -> None:
    formula = f"{begin}HYPERLINK(1)"
    read = cells(as_csv(report([target(1, handle=formula, row_id=formula, reason=f"no; {formula}\n{formula}")])))[0]
    assert read["handle"] == read["row_id"] == f"'{formula}"
    # A spreadsheet that splits at semicolons or at lines sees the rest of the text as a cell of its own.
    for piece in re.split(r"[;\t\r\n]", read["reason"]):
        assert not piece.strip(" ").startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20"))


def test_ordinary_text_is_left_as_it_is() -> None:
    reason = "R15: TikTok no longer lets @artist-1 be used: TikTok 40002: a+b=c; see 'ads'"
    read = cells(as_csv(report([target(1, reason=reason, confirmed_at=None)])))[0]
    assert read["reason"] == reason
    assert read["ad_id"] == "1790000000000000001"
    assert read["confirmed_at"] == ""


def test_the_exact_text_is_in_the_json() -> None:
    written = report([target(1, handle="=1+1")])
    assert json.loads(written.model_dump_json())["rows"][0]["handle"] == "=1+1"
