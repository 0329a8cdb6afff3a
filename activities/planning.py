"""
What a release would do, before it does anything: reads everything, changes nothing.

The same facts and the same rules as the gates of a release, asked for all rows at once; so every reason that would stop
a row is named, and not only the first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from temporalio import activity

from activities.gates import blockers, missing_key
from activities.members import Members
from activities.platform import Platform
from activities.posts import check_posts
from activities.preparing import missing_ad_groups
from activities.release_bundles import read_bundle
from activities.room import rows_without_room
from sparkads import clock
from sparkads.client import SparkAds
from sparkads.contracts.plan import Estimate, Plan, PlanContent, PlannedBudget, PlannedRow, Step
from sparkads.contracts.release import ReleaseInput
from sparkads.errors import NotAMember, NothingOnRecord, refused
from sparkads.files import Files
from sparkads.manifest import ManifestRow, Mode, Visibility
from sparkads.policy import DEFAULT_PROFILE, PROFILES
from sparkads.roles import Action, Permission, may
from store import planning, requests
from store.database import Pool
from store.members import MemberAccess
from store.planning import AccountFacts
from store.preparing import Unplanned
from store.publishing import Candidate
from tiktok import Limits, Rate, TikTokClient

ADS_IN_A_CALL = 20
"""Creatives that one ad/create takes (tiktok ad create)."""

POSTS_IN_A_CALL = 20
"""Posts that one look at an identity's posts returns."""

CALLS_FOR_AN_UPLOAD = 4
"""Is it there, upload, is it transcoded, which cover."""

CALLS_FOR_A_CONTAINER = 2
"""Is it there, make it: a TikTok campaign or an ad group."""


class PlanningActivities:
    """Needs all that a release needs, to read it."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        people: Members,
        files: Files,
        client: SparkAds,
        tier: str,
        limits: Limits | None,
    ) -> None:
        """Share the process's connections; `limits` are those of the tier, which the workers keep."""
        self._db = db
        self._platform = platform
        self._people = people
        self._files = files
        self._client = client
        self._tier = tier
        self._limits = limits

    @activity.defn
    async def plan_release(self, release: ReleaseInput) -> Plan:
        """Plan a release, and keep the plan in the object store under its hash."""
        planned = await self.plan(release)
        content = await self._files.put(planned.content.as_bytes(), "application/json")
        return Plan(
            hash=planned.content.hash,
            content=content,
            rows=len(planned.content.rows),
            blocked=planned.content.blocked,
            estimate=planned.estimate,
        )

    async def plan(self, release: ReleaseInput) -> "Planned":
        """
        Plan a release.

        Raises:
            ApplicationError: NotAMember, ManifestInvalid, BusinessCenterUnknown.
        """
        starter = await self._people.require(release.bc_id, release.actor, Action.RUN_RELEASE)
        operator = await self._people.access(release.bc_id, release.operator)
        if operator.role is None:
            raise refused(NotAMember(f"operator {release.operator} is no member of Business Center {release.bc_id}"))
        rows = (await read_bundle(self._files, release.manifest)).rows
        client = await self._platform.client(release.bc_id)
        pairs = {(row.account, row.ad_account) for row in rows}
        facts = {
            (one.handle, one.advertiser_id): one for one in await planning.account_facts(self._db, release.bc_id, pairs)
        }
        invitations = sorted({handle for (handle, _), one in facts.items() if one.asset_id is None})
        slots = await self._slots(release.bc_id, invitations)
        beyond_cap = frozenset(slots.beyond_cap)
        found = await self._found_at_tiktok(client, release.bc_id, rows, facts)
        declined = await self._declined(release.bc_id, invitations)
        view = _View(release, starter, operator, slots, beyond_cap, declined, found)
        content = PlanContent(
            release=release.model_copy(update={"plan_hash": None}),
            invitations=tuple(invitations),
            rows=tuple(_row(view, row, facts[row.account, row.ad_account]) for row in rows),
            budgets=tuple(_budgets(rows, release.template.ads_per_ad_group)),
        )
        uploaded = await planning.uploaded(self._db, sorted({row.ad_account for row in rows}))
        calls = _calls(rows, release.template.ads_per_ad_group, uploaded)
        return Planned(content, self._estimate(rows, release, slots, calls))

    async def _slots(self, bc_id: str, invitations: Sequence[str]) -> "_Slots":
        try:
            policy = (await self._client.business_center_status(bc_id)).policy
        except NothingOnRecord:  # its workflow starts with the first command
            policy = DEFAULT_PROFILE
        total = PROFILES[policy].accounts_per_business_center
        used = await planning.slots_held(self._db, bc_id)
        awaited = await planning.awaited_handles(self._db, bc_id, invitations)
        needed = [handle for handle in invitations if handle not in awaited]
        return _Slots(total, used, len(needed), tuple(needed[max(0, total - used) :]))

    async def _declined(self, bc_id: str, invitations: Sequence[str]) -> dict[str, str]:
        """By handle, how the last request ended, where that was no yes."""
        states = {handle: await requests.last_request_state(self._db, bc_id, handle) for handle in invitations}
        return {
            handle: state.replace("_", " ")
            for handle, state in states.items()
            if state is not None and state not in {"pending", "approved"}
        }

    async def _found_at_tiktok(
        self,
        client: TikTokClient,
        bc_id: str,
        rows: Sequence[ManifestRow],
        facts: dict[tuple[str, str], AccountFacts],
    ) -> dict[str, list[str]]:
        """By row, what TikTok says against it: posts, room for ads, ad groups that it names."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        unplanned = [
            Unplanned(
                row_id=row.row_id,
                handle=row.account,
                advertiser_id=row.ad_account,
                identity_id=facts[row.account, row.ad_account].identity_id,
                pull_item_id=row.post_id,
                named_adgroup_id=row.ad_group_id,
            )
            for row in rows
        ]
        reasons = [(await check_posts(client, bc_id, unplanned)).blocked]
        by_ad_account: defaultdict[str, list[Unplanned]] = defaultdict(list)
        for one in unplanned:
            by_ad_account[one.advertiser_id].append(one)
        for advertiser_id, its_rows in by_ad_account.items():
            reasons.append(await rows_without_room(self._db, client, bc_id, advertiser_id, its_rows))
            wanted: defaultdict[str, list[str]] = defaultdict(list)
            for one in its_rows:
                if one.named_adgroup_id is not None:
                    wanted[one.named_adgroup_id].append(one.row_id)
            if wanted:
                missing = await missing_ad_groups(client, advertiser_id, wanted)
                reasons.append({reason: wanted[adgroup_id] for adgroup_id, reason in missing.items()})
        for by_reason in reasons:
            for reason, row_ids in by_reason.items():
                for row_id in row_ids:
                    found[row_id].append(reason)
        return found

    def _estimate(
        self, rows: Sequence[ManifestRow], release: ReleaseInput, slots: "_Slots", calls: dict[str, int]
    ) -> Estimate:
        now = datetime.now(UTC)
        by_instant: defaultdict[datetime, list[ManifestRow]] = defaultdict(list)
        for row in rows:
            by_instant[row.due_at(now)].append(row)
        busiest = max(by_instant.values(), key=len)
        creates = _create_calls(busiest, release.template.ads_per_ad_group)
        before = sum(count for what, count in calls.items() if what != "make ads")
        return Estimate(
            slots=slots.total,
            slots_used=slots.used,
            slots_needed=slots.needed,
            calls=calls,
            tier=self._tier,
            prepare_seconds=_seconds(before, self._limits.app if self._limits else None),
            publish_seconds=_seconds(creates, self._limits.paths["ad/create/"] if self._limits else None),
        )


class Planned(NamedTuple):
    """A plan, and what it would cost."""

    content: PlanContent
    estimate: Estimate


class _Slots(NamedTuple):
    total: int
    used: int
    needed: int
    beyond_cap: tuple[str, ...]


class _View(NamedTuple):
    """All that a row is judged by."""

    release: ReleaseInput
    starter: MemberAccess
    operator: MemberAccess
    slots: _Slots
    beyond_cap: frozenset[str]
    declined: dict[str, str]
    found: dict[str, list[str]]


def _row(view: _View, row: ManifestRow, facts: AccountFacts) -> PlannedRow:
    step, waits_for, reasons = _next_step(view, row, facts)
    due_at = None if row.release_at is None else row.due_at(datetime.now(UTC))
    return PlannedRow(
        row_id=row.row_id,
        mode=row.mode,
        account=row.account,
        ad_account=row.ad_account,
        territory=row.territory,
        due_at=due_at,
        local=clock.NOW if due_at is None else clock.in_zone(due_at, row.time_zone),
        step=step,
        waits_for=waits_for,
        identity_id=facts.identity_id,
        blockers=(*reasons, *view.found.get(row.row_id, ())),
        risks=tuple(_risks(view, row, step)),
    )


def _next_step(view: _View, row: ManifestRow, facts: AccountFacts) -> tuple[Step, str, list[str]]:
    """The step a row has still to take, whose turn that is, and what would stop it."""
    may_share = may(view.starter.role, Action.SHARE)
    candidate = _candidate(row, facts)
    # What the release itself will give is not missing: an admin's release shares what it needs (R3).
    with_grant = view.operator.model_copy(
        update={"accounts": {**view.operator.accounts, facts.asset_id or "": (Permission.SPARK,)}}
    )
    if facts.asset_id is None:
        reasons = [] if may_share else [f"R2: only an admin may ask @{row.account}; {view.starter.user_id} is none"]
        if row.account in view.beyond_cap:
            reasons.append(f"R6: all {view.slots.total} account slots of the Business Center are taken")
        key = missing_key(candidate, with_grant)
        return Step.REQUEST, f"@{row.account} to approve", [*reasons, *([key] if key else [])]
    shared = facts.identity_id is not None and missing_key(candidate, view.operator) is None
    if shared or not may_share:
        missing = list(blockers(candidate, view.operator))
        return (Step.PROMOTE if shared else Step.SHARE), ("" if shared else "an admin to share it"), missing
    ahead = [one for one in blockers(candidate, with_grant) if facts.identity_id or not one.startswith("R1:")]
    return Step.SHARE, "", ahead


def _candidate(row: ManifestRow, facts: AccountFacts) -> Candidate:
    return Candidate(
        row_id=row.row_id,
        mode=row.mode,
        handle=row.account,
        asset_id=facts.asset_id,
        authorized=facts.asset_id is not None,
        advertiser_id=row.ad_account,
        identity_id=facts.identity_id,
        can_push=facts.can_push,
        can_pull=facts.can_pull,
        ads_only=facts.ads_only,
        problem=facts.problem,
        visibility=row.visibility,
        due_at=row.due_at(datetime.now(UTC)),
        pull_item_id=row.post_id,
        caption=row.caption,
        landing_url=row.landing_url,
        call_to_action=row.call_to_action,
    )


def _risks(view: _View, row: ManifestRow, step: Step) -> Iterator[str]:
    if row.mode is Mode.PUSH and row.visibility is Visibility.PROFILE:
        yield "the post appears on the profile when TikTok's review passes, which nobody can time"
    if step is Step.REQUEST and row.account in view.declined:
        yield f"the last request to @{row.account} was {view.declined[row.account]}"


def _ad_groups(rows: Sequence[ManifestRow], capacity: int) -> dict[tuple[str, object, Decimal, datetime], list[int]]:
    """How many ads go into each of the ad groups that are made; one place, one budget and one instant each."""
    now = datetime.now(UTC)
    ads = Counter(
        (row.ad_account, row.location_id, row.daily_budget, row.due_at(now)) for row in rows if row.ad_group_id is None
    )
    return {key: [min(capacity, count - start) for start in range(0, count, capacity)] for key, count in ads.items()}


def _budgets(rows: Sequence[ManifestRow], capacity: int) -> Iterator[PlannedBudget]:
    groups: Counter[str] = Counter()
    daily: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (ad_account, _, budget, _), pages in _ad_groups(rows, capacity).items():
        groups[ad_account] += len(pages)
        daily[ad_account] += budget * len(pages)
    for ad_account in sorted(groups):
        yield PlannedBudget(ad_account=ad_account, ad_groups=groups[ad_account], daily=daily[ad_account])


def _create_calls(rows: Sequence[ManifestRow], capacity: int) -> int:
    named = Counter(row.ad_group_id for row in rows if row.ad_group_id is not None)
    pages = [ads for group in _ad_groups(rows, capacity).values() for ads in group]
    return sum(-(-ads // ADS_IN_A_CALL) for ads in [*pages, *named.values()])


def _calls(rows: Sequence[ManifestRow], capacity: int, uploaded: set[tuple[str, str]]) -> dict[str, int]:
    videos = {(row.ad_account, row.video.sha256) for row in rows if row.video is not None} - uploaded
    pulls = Counter((row.ad_account, row.account) for row in rows if row.post_id is not None)
    posts = sum(-(-count // POSTS_IN_A_CALL) for count in pulls.values())
    containers = sum(len(pages) for pages in _ad_groups(rows, capacity).values())
    containers += len({row.ad_account for row in rows if row.ad_group_id is None})
    return {
        "look at posts and their music": posts + len({row.post_id for row in rows if row.post_id is not None}),
        "ask for room": len({(row.ad_account, row.account) for row in rows}),
        "upload videos": CALLS_FOR_AN_UPLOAD * len(videos),
        "make campaigns and ad groups": CALLS_FOR_A_CONTAINER * containers,
        "make ads": _create_calls(rows, capacity),
    }


def _seconds(calls: int, rate: Rate | None) -> float:
    """How long so many calls take at a rate, as early as it allows."""
    if rate is None:
        return 0.0
    if rate.minute is not None and calls > rate.minute:
        full, rest = divmod(calls - 1, rate.minute)
        return 60.0 * full + rest / rate.second
    return max(0, calls - 1) / rate.second
