"""
What must hold whatever TikTok answers: the record and Temporal laid beside what exists at the simulator.

Pure functions of what was gathered, so that a test can show them worlds in which they have to fail.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from fuzz.alterations import Alteration, What
from fuzz.place import SWEEP_FAST
from fuzz.proxy import Call, Hit
from fuzz.workflows_seen import Pending
from fuzz.world import ROWS, Row, Touched, World
from sparkads.contracts.release import FINAL_STATES, TargetState
from store.releases import ReportRow

ON_TIME = timedelta(seconds=15)
"""After its instant, or after its owner's approval: within it an untouched row is out, beside other seeds' releases."""

SAID_WITHIN = 10.0
"""Seconds after the first altered answer after which a row that waits has to say why."""

RECOVERS_WITHIN = 120.0
"""
Seconds after the alterations stop until a release has ended: the longest pauses of the product are a minute
(workflows/_calls.py, RECONNECT_CHECK), and one may lead to another.
"""

_DELETED = ("AD_STATUS_DELETE", "AD_STATUS_ADGROUP_DELETE", "AD_STATUS_CAMPAIGN_DELETE")

READS_A_MINUTE = 60 / SWEEP_FAST + 40
"""
Of one endpoint with the same ids: the quickest steady loop of these settings, and what three rows come to whose
activities are tried again after 1, 2, 4, 8 and 15 seconds, each with a few looks. Undisturbed, a sweep comes to 60, an
endpoint of an ad account to five.
"""

WRITES_A_MINUTE = 30
"""The same of calls that make or change something: three rows, each tried again as often. Undisturbed: three."""

MADE_OF_ONE_CONTENT = 2
"""A file may be uploaded once more, under another name, where its first name is taken and not found."""


class Invariant(StrEnum):
    """What must hold."""

    NO_FAILURE = "1 no workflow and no workflow task fails"
    EMBARGO = "2 no row goes out before its instant"
    PUBLISHED = "2 an untouched row is published once"
    PUNCTUAL = "2 an untouched row goes out at its instant"
    SAYS_WHY = "3 what does not go says why"
    ONCE = "4 nothing is made twice"
    BOUNDED = "5 no call is repeated without end"
    GOES_ON = "6 what can still go goes, and what ended stays so"
    ANSWERS = "7 commands answer"
    NOTHING_ELSE = "8 only what is odd is left out"


@dataclass(frozen=True)
class Violation:
    """Something that must not be."""

    invariant: Invariant
    subject: str
    found: str

    def __str__(self) -> str:
        """One line."""
        return f"[{self.invariant}] {self.subject}: {self.found}"


@dataclass(frozen=True)
class Evidence:
    """
    What is laid side by side of a release.

    Attributes:
        world: of the seed.
        alterations: what was altered.
        hits: the answers that were.
        touched: what they may have harmed.
        touched_by: for each alteration, the same.
        instant: at which rows were due.
        approved: when the late owner approved.
        stopped: when the alterations were stopped, Unix seconds.
        at_stop: the rows on record then.
        said: what the release and its shards said of themselves then.
        record: the rows at the end.
        has_ended: whether the release's workflow has.
        unanswered: commands that were not answered in the end, and how.
        failures: workflows and workflow tasks that failed.
        pending: activities that were tried again and again at the end.
        calls: all calls.
        state: everything at the simulator.
    """

    world: World
    alterations: Sequence[Alteration]
    hits: Sequence[Hit]
    touched: Touched
    touched_by: Sequence[Touched]
    instant: datetime
    approved: datetime
    stopped: float
    at_stop: Sequence[ReportRow]
    said: str
    record: Sequence[ReportRow]
    has_ended: bool
    unanswered: Sequence[str]
    failures: Sequence[str]
    pending: Sequence[Pending]
    calls: Sequence[Call]
    state: Mapping[str, Any] = field(repr=False)

    @cached_property
    def ads(self) -> dict[str, list[Mapping[str, Any]]]:
        """Ads that are not deleted, by row."""
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for ad in self.ours("ads"):
            if ad["secondary_status"] not in _DELETED:
                found[str(ad["ad_name"]).split(" ", 1)[0]].append(ad)
        return dict(found)

    def ours(self, kind: str) -> list[Mapping[str, Any]]:
        """Campaigns, ad groups, ads, videos or images in the seed's ad accounts."""
        return [one for one in self.state[kind] if one["advertiser_id"] in self.world.ad_accounts]

    def by(self, row: Row) -> list[Alteration]:
        """The alterations that may have harmed a row."""
        return [one for one, touched in zip(self.alterations, self.touched_by, strict=True) if touched.has(row)]


def violations(evidence: Evidence) -> list[Violation]:
    """Everything that does not hold."""
    return [
        *(Violation(Invariant.NO_FAILURE, *one.split(": ", 1)) for one in evidence.failures),
        *(found for row in ROWS if evidence.record for found in _row(evidence, row)),
        *_twins(evidence),
        *too_often(evidence.calls),
        *_end(evidence),
        *(Violation(Invariant.ANSWERS, *one.split(": ", 1)) for one in evidence.unanswered),
    ]


def _row(evidence: Evidence, row: Row) -> Iterable[Violation]:
    line = next((one for one in evidence.record if one.row_id == row.row_id), None)
    before = next((one for one in evidence.at_stop if one.row_id == row.row_id), None)
    subject = f"row {row.row_id}"
    if line is None:
        yield Violation(Invariant.GOES_ON, subject, "is not on record")
        return
    ads = evidence.ads.get(row.row_id, [])
    if not evidence.touched.has(row):
        yield from _untouched(evidence, row, line, ads)
    else:
        yield from _touched(evidence, row, line, before)
    live = [ad for ad in ads if ad["operation_status"] != "DISABLE"]
    if len(live) > 1:
        yield Violation(Invariant.ONCE, subject, f"{len(live)} live ads: {_named(live)}")
    if line.state is TargetState.PUBLISHED and not live:
        yield Violation(Invariant.ONCE, subject, f"published on record, and no live ad: {_named(ads)}")
    posts = _posts(evidence, ads)
    if len(posts) > 1:
        yield Violation(Invariant.ONCE, subject, f"{len(posts)} posts: {', '.join(posts)}")
    if live and line.state in FINAL_STATES - {TargetState.PUBLISHED}:
        yield Violation(Invariant.ONCE, subject, f"{line.state} ({line.reason}), and its ad is live: {_named(live)}")
    for ad in ads:
        if datetime.fromisoformat(ad["created_at"]) < line.due_at:
            yield Violation(Invariant.EMBARGO, subject, f"due {line.due_at}, and an ad was made at {ad['created_at']}")


def _untouched(evidence: Evidence, row: Row, line: ReportRow, ads: Sequence[Mapping[str, Any]]) -> Iterable[Violation]:
    subject = f"row {row.row_id}"
    if line.state is not TargetState.PUBLISHED or len(ads) != 1:
        found = f"{line.state} ({line.reason}), {len(ads)} ads"
        yield Violation(Invariant.PUBLISHED, subject, found)
        return
    due = evidence.approved if row.is_now else evidence.instant
    late = datetime.fromisoformat(ads[0]["created_at"]) - due
    if late > ON_TIME:
        yield Violation(Invariant.PUNCTUAL, subject, f"published {late.total_seconds():.0f} s late")


def _touched(evidence: Evidence, row: Row, line: ReportRow, before: ReportRow | None) -> Iterable[Violation]:
    subject, by = f"row {row.row_id}", evidence.by(row)
    if line.state in FINAL_STATES - {TargetState.PUBLISHED} and not line.reason:
        yield Violation(Invariant.SAYS_WHY, subject, f"{line.state}, and no reason")
    if before is None:
        return
    if before.state not in FINAL_STATES and not before.reason and not evidence.said and _had_time(evidence, by):
        yield Violation(Invariant.SAYS_WHY, subject, f"{before.state}, and nothing says why")
    if before.state in FINAL_STATES and line.state is not before.state:
        yield Violation(
            Invariant.GOES_ON, subject, f"was {before.state} ({before.reason}), is {line.state} ({line.reason})"
        )
    if line.state not in FINAL_STATES - {TargetState.PUBLISHED}:
        return
    if all(one.passes for one in by):
        yield Violation(Invariant.GOES_ON, subject, f"ended by what passes: {line.state} ({line.reason})")
    elif all(one.what is What.CODE for one in by) and not any(_is_quoted(one, line.reason) for one in by):
        yield Violation(Invariant.SAYS_WHY, subject, f"{line.state} ({line.reason}): not what TikTok said")


def _is_quoted(alteration: Alteration, reason: str) -> bool:
    assert alteration.code is not None  # noqa: S101 - it is a code
    words = alteration.message.split("{")[0]
    return str(alteration.code.number) in reason or (bool(words) and words[:60] in reason)


def _had_time(evidence: Evidence, by: Sequence[Alteration]) -> bool:
    """Whether something was altered for so long that a row that waits for it has to say so."""
    for number, alteration in enumerate(evidence.alterations):
        hits = [hit.at for hit in evidence.hits if hit.number == number]
        if alteration in by and alteration.times is None and hits and min(hits) < evidence.stopped - SAID_WITHIN:
            return True
    return False


def _posts(evidence: Evidence, ads: Sequence[Mapping[str, Any]]) -> list[str]:
    made_by = {ad["ad_id"] for ad in ads}
    return [
        post["item_id"]
        for account in evidence.state["accounts"]
        for post in account["posts"]
        if post["ad_id"] in made_by and not post["deleted"]
    ]


def _named(ads: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{ad['ad_id']} {ad['secondary_status']}" for ad in ads) or "none"


def _twins(evidence: Evidence) -> Iterable[Violation]:
    deleted = "_DELETE"
    names = {
        "TikTok campaign": [
            (one["advertiser_id"], one["campaign_name"])
            for one in evidence.ours("campaigns")
            if not one["secondary_status"].endswith(deleted)
        ],
        "ad group": [
            (one["campaign_id"], one["adgroup_name"])
            for one in evidence.ours("adgroups")
            if not one["secondary_status"].endswith(deleted)
        ],
        "ad name": [(one["adgroup_id"], one["ad_name"]) for one in evidence.ours("ads")],
    }
    for what, found in names.items():
        for (where, name), count in Counter(found).items():
            if count > 1:
                yield Violation(Invariant.ONCE, f"{what} {name} in {where}", f"{count} times")
    for what in ("videos", "images"):
        for (where, signature), count in Counter(
            (one["advertiser_id"], one["signature"]) for one in evidence.ours(what)
        ).items():
            if count > MADE_OF_ONE_CONTENT:
                yield Violation(Invariant.ONCE, f"{what} of content {signature} in {where}", f"{count} times")


def too_often(calls: Sequence[Call]) -> Iterable[Violation]:
    """Endpoints that were called more often in some minute than the pauses of these settings explain."""
    of: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for call in calls:
        of[call.verb, call.endpoint, call.subject].append(call.at)
    for (verb, endpoint, subject), at in of.items():
        most = busiest_minute(at)
        allowed = READS_A_MINUTE if verb == "GET" else WRITES_A_MINUTE
        if most > allowed:
            found = f"{most} calls in a minute; {allowed:.0f} may be"
            yield Violation(Invariant.BOUNDED, f"{endpoint} about {subject}", found)


def busiest_minute(at: Sequence[float]) -> int:
    """The most calls in any 60 seconds."""
    most = first = 0
    ordered = sorted(at)
    for last, moment in enumerate(ordered):
        while ordered[first] < moment - 60:
            first += 1
        most = max(most, last - first + 1)
    return most


def _end(evidence: Evidence) -> Iterable[Violation]:
    if not evidence.record:
        yield Violation(Invariant.GOES_ON, "the release", "is not on record")
    if not evidence.at_stop and not evidence.said and _had_time(evidence, evidence.alterations):
        yield Violation(
            Invariant.SAYS_WHY, "the release", "is not on record when the alterations stop; nothing says why"
        )
    if not evidence.has_ended:
        waiting = "; ".join(map(str, evidence.pending)) or "no activity has failed"
        found = f"has not ended {RECOVERS_WITHIN:.0f} s after the last alteration: {evidence.said} | {waiting}"
        yield Violation(Invariant.GOES_ON, "the release", found)
    for line in evidence.record:
        if line.state not in FINAL_STATES:
            found = f"{line.state} ({line.reason or 'no reason'}) at the end"
            yield Violation(Invariant.GOES_ON, f"row {line.row_id}", found)
