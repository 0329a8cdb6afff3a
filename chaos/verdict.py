"""
What must hold at the end: the record and the trail laid beside what exists at TikTok (`GET /control/state`).

Pure functions of what was gathered, so that a test can show them worlds in which they have to fail.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from chaos.world import Row, World, expected
from sparkads.contracts.release import FINAL_STATES, TargetState
from sparkads.manifest import Visibility
from store.releases import ReportRow

MEANINGFUL = 0.5
"""Share of the ads that have to be made while misfortunes happen."""
_WORD = re.compile(r"[A-Za-z0-9._-]+")
_SEEN = {Visibility.PROFILE: "profile", Visibility.ADS_ONLY: "ads_only"}
_DELETED = ("AD_STATUS_DELETE", "AD_STATUS_ADGROUP_DELETE", "AD_STATUS_CAMPAIGN_DELETE")


@dataclass(frozen=True)
class TrailLine:
    """One line of the audit trail."""

    action: str
    subject: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """
    What is laid side by side.

    Attributes:
        world: what was wanted, and what owners did.
        started: instant from which due rows count.
        storm: when the first and the last misfortune may have happened.
        record: the rows on our record.
        ad_groups: TikTok's ids of the ad groups on our record, with how many rows each has.
        campaigns: TikTok's ids of the TikTok campaigns on our record.
        trail: the audit trail.
        chain_flaw: what is wrong with the trail's chain, or empty.
        state: everything at TikTok.
    """

    world: World
    started: datetime
    storm: tuple[datetime, datetime]
    record: Sequence[ReportRow]
    ad_groups: Mapping[str, int]
    campaigns: frozenset[str]
    trail: Sequence[TrailLine]
    chain_flaw: str
    state: Mapping[str, Any]

    @cached_property
    def ads(self) -> dict[str, list[Mapping[str, Any]]]:
        """Ads that are not deleted, by the row that their name begins with."""
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for ad in self.state["ads"]:
            if ad["secondary_status"] not in _DELETED:
                found[str(ad["ad_name"]).split(" ", 1)[0]].append(ad)
        return dict(found)

    @cached_property
    def in_storm(self) -> tuple[int, int]:
        """How many ads were made while misfortunes happened, of how many."""
        first, last = self.storm
        made = [datetime.fromisoformat(ad["created_at"]) for ads in self.ads.values() for ad in ads]
        return sum(first <= one <= last for one in made), len(made)

    @property
    def is_meaningful(self) -> bool:
        """Whether enough was published under misfortune. A small run on a busy machine may come to it too late."""
        in_storm, ads = self.in_storm
        return in_storm >= ads * MEANINGFUL

    @cached_property
    def posts(self) -> dict[str, list[Mapping[str, Any]]]:
        """Posts that ads made, by ad."""
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for account in self.state["accounts"]:
            for post in account["posts"]:
                if post["ad_id"]:
                    found[post["ad_id"]].append(post)
        return dict(found)


@dataclass(frozen=True)
class Violation:
    """Something that must not be: of which row or thing, what was expected, what was found."""

    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.subject}: expected {self.expected}; found {self.found}"


def violations(evidence: Evidence) -> list[Violation]:
    """Everything that does not hold, rows first; what the trail does not tell is apart (`unexplained`)."""
    return [
        *(found for row in evidence.world.rows for found in _row(evidence, row)),
        *_strangers(evidence),
        *_twins(evidence),
        *_orphans(evidence),
        *_chain(evidence),
    ]


def _row(evidence: Evidence, row: Row) -> Iterable[Violation]:
    line = next((one for one in evidence.record if one.row_id == row.row_id), None)
    ads = evidence.ads.get(row.row_id, [])
    wanted = expected(row, ads)
    subject = f"row {row.row_id} (@{row.handle}, {row.owner})"
    if line is None:
        yield Violation(subject, "on record", "no such row")
        return
    found = f"{line.state}{f' ({line.reason})' if line.reason else ''}, {len(ads)} ads {_named(ads)}".rstrip()
    if line.state not in FINAL_STATES:
        yield Violation(subject, f"a final state: {wanted}", found)
    elif line.state not in wanted.states or len(ads) != wanted.ads:
        yield Violation(subject, str(wanted), found)
    elif wanted.ads:
        yield from _ad(evidence, row, line, ads[0], wanted.ad_status)
    if line.state is not TargetState.PUBLISHED and line.state in FINAL_STATES and not line.reason:
        yield Violation(subject, f"a reason for {line.state}", "none")


def _ad(evidence: Evidence, row: Row, line: ReportRow, ad: Mapping[str, Any], status: str) -> Iterable[Violation]:
    due = evidence.started + timedelta(seconds=row.due or 0)
    posts = evidence.posts.get(ad["ad_id"], [])
    made = 1 if ad["review"] == "APPROVED" else 0
    wanted: dict[str, tuple[Any, Any]] = {
        "status": (status, ad["secondary_status"]),
        "ad id on record": (ad["ad_id"], line.ad_id),
        "TikTok account": (row.handle, ad["handle"]),
        "ad account": (row.advertiser_id, ad["advertiser_id"]),
        "caption": (row.caption, ad["caption"]),
        "posts": (made, len(posts)),
    }
    if posts:
        wanted["visibility"] = (_SEEN[row.visibility], posts[0]["visible"])
    if line.state is TargetState.PUBLISHED:
        wanted["post on record"] = (ad["tiktok_item_id"], line.item_id)
    for what, (right, found) in wanted.items():
        if right != found:
            yield Violation(f"row {row.row_id}: {what} of ad {ad['ad_id']}", str(right), str(found))
    if datetime.fromisoformat(ad["created_at"]) < due:
        yield Violation(f"row {row.row_id}: ad {ad['ad_id']}", f"made at {due} or later", f"made at {ad['created_at']}")


def _named(ads: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{ad['ad_id']} in ad group {ad['adgroup_id']} {ad['secondary_status']}" for ad in ads)


def _strangers(evidence: Evidence) -> Iterable[Violation]:
    for row_id, ads in evidence.ads.items():
        if row_id not in evidence.world.row:
            yield Violation(f"ads named {row_id}", "a row of the release", _named(ads))


def _twins(evidence: Evidence) -> Iterable[Violation]:
    state = evidence.state
    names = {
        "TikTok campaign": [(one["advertiser_id"], one["campaign_name"]) for one in state["campaigns"]],
        "ad group": [(one["campaign_id"], one["adgroup_name"]) for one in state["adgroups"]],
        "video name": [(one["advertiser_id"], one["file_name"]) for one in state["videos"]],
        "video content": [(one["advertiser_id"], one["signature"]) for one in state["videos"]],
        "ad name": [(one["advertiser_id"], one["ad_name"]) for one in state["ads"]],
    }
    for what, found in names.items():
        for (where, name), count in Counter(found).items():
            if count > 1:
                yield Violation(f"{what} {name} in {where}", "once", f"{count} times")


def _orphans(evidence: Evidence) -> Iterable[Violation]:
    groups = {one["adgroup_id"]: one["adgroup_name"] for one in evidence.state["adgroups"]}
    for adgroup_id, name in groups.items():
        if adgroup_id not in evidence.ad_groups:
            yield Violation(f"ad group {adgroup_id} ({name})", "on record", "no record of it")
        elif not evidence.ad_groups[adgroup_id]:
            yield Violation(f"ad group {adgroup_id} ({name})", "rows that are laid out in it", "none")
    campaigns = {one["campaign_id"]: one["campaign_name"] for one in evidence.state["campaigns"]}
    for campaign_id, name in campaigns.items():
        if campaign_id not in evidence.campaigns:
            yield Violation(f"TikTok campaign {campaign_id} ({name})", "on record", "no record of it")
    for missing in sorted((set(evidence.ad_groups) - set(groups)) | (evidence.campaigns - set(campaigns))):
        yield Violation(f"id {missing} on record", "a TikTok campaign or ad group", "no such thing at TikTok")


def _chain(evidence: Evidence) -> Iterable[Violation]:
    if evidence.chain_flaw:
        yield Violation("the audit trail", "a chain without a flaw", evidence.chain_flaw)


def unexplained(evidence: Evidence) -> dict[TargetState, list[str]]:
    """
    Rows whose fate no line of the trail tells, by state.

    A row with an ad needs a line with the row and the ad; one that did not come out as published, a line about the row
    whose action or reason is more than that an ad was made, found or not found.
    """
    lines: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for line in evidence.trail:
        words = frozenset(_WORD.findall(f"{line.subject} {line.reason}"))
        for word in words & evidence.world.row.keys():
            lines[word].append((line.action, words))
    found: dict[TargetState, list[str]] = defaultdict(list)
    for row in evidence.record:
        told = lines[row.row_id]
        has_ad = row.ad_id is None or any(row.ad_id in words for _, words in told)
        has_end = row.state is TargetState.PUBLISHED or any(action not in _ONLY_ADS for action, _ in told)
        if not (has_ad and has_end):
            found[row.state].append(row.row_id)
    return dict(found)


_ONLY_ADS = frozenset({"ads made", "unknown outcome settled"})
