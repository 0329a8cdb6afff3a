"""
What a release would do, before it does anything: reads everything, changes nothing.

The same facts and the same rules as the gates of a release, asked for all rows at once; so every reason that would stop
a row is named, and not only the first.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from temporalio import activity

from activities.ad_accounts import (
    JudgedAdAccounts,
    beyond_ceiling,
    by_advertiser,
    daily_ceiling,
    judge_ad_accounts,
    judge_named_groups,
    judge_places,
)
from activities.failures import tiktok_failures
from activities.gates import blockers, missing_key
from activities.judging import Judged, Unanswered, by_row
from activities.members import Members
from activities.platform import Platform
from activities.posts import MusicKnown, check_posts
from activities.release_bundles import read_bundle
from activities.room import ASKED_AT_ONCE, RoomForAds, ad_groups_without
from activities.together import each_to_its_end
from sparkads import captions, clock
from sparkads.client import SparkAds
from sparkads.contracts.plan import Estimate, Plan, PlanContent, PlannedBudget, PlannedRow, Step
from sparkads.contracts.release import ReleaseInput
from sparkads.errors import ManifestInvalid, NotAMember, NothingOnRecord, refused
from sparkads.files import FileDamaged, Files
from sparkads.manifest import ManifestRow, Mode, Visibility
from sparkads.policy import DEFAULT_PROFILE, PROFILES
from sparkads.roles import Action, Permission, may
from store import planning, requests
from store.ad_group_layout import Layout, Together, lay_out
from store.database import Pool
from store.members import MemberAccess
from store.planning import AccountFacts
from store.preparing import Unplanned
from store.publishing import Candidate
from tiktok import Level, Limits, Rate, Throttled, TikTokClient
from tiktok.ad_accounts import ACCOUNTS_IN_CALL

ADS_IN_A_CALL = 20
"""Creatives that one ad/create takes (tiktok ad create)."""

POSTS_IN_A_CALL = 20
"""Posts that one look at an identity's posts returns."""

CALLS_FOR_AN_UPLOAD = 4
"""Is it there, upload, is it transcoded, which cover."""

CALLS_FOR_ROOM = 3
"""In an ad account: how many Spark Ads, campaigns, active ad groups it has; its ads may take more."""

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
        room: RoomForAds,
        client: SparkAds,
        tier: str,
        limits: Limits | None,
    ) -> None:
        """Share the process's connections; `limits` are those of the tier, which the workers keep."""
        self._db = db
        self._platform = platform
        self._people = people
        self._files = files
        self._room = room
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
        try:
            rows = (await read_bundle(self._files, release.manifest)).rows
        except FileDamaged as error:
            raise refused(ManifestInvalid(str(error))) from error
        client = await self._platform.client(release.bc_id)
        pairs = {(row.account, row.ad_account) for row in rows}
        facts = {
            (one.handle, one.advertiser_id): one for one in await planning.account_facts(self._db, release.bc_id, pairs)
        }
        invitations = sorted({handle for (handle, _), one in facts.items() if one.asset_id is None})
        slots = await self._slots(release.bc_id, invitations)
        beyond_cap = frozenset(slots.beyond_cap)
        now = datetime.now(UTC)
        declined = await self._declined(release.bc_id, invitations)
        view = _View(release, starter, operator, slots, beyond_cap, declined)
        steps = {row.row_id: _next_step(view, row, facts[row.account, row.ad_account]) for row in rows}
        with tiktok_failures():
            found = await self._found_at_tiktok(client, release, _unplanned(rows, facts, now))
            stopped = {row_id for row_ids in found.blocked.values() for row_id in row_ids}
            stopped |= {row.row_id for row in rows if steps[row.row_id].reasons or _caption_problems(row)}
            layouts = _layouts([row for row in rows if row.row_id not in stopped], release, now)
            numbers = {row.row_id: number for number, row in enumerate(rows)}
            for ad_account, layout in layouts.items():
                groups = _in_order(layout, numbers)
                found.add(await self._beyond_limits(client, release, ad_account, layout, groups, found.currencies))
        blocked, risks = by_row(found.blocked), by_row(found.risks)
        content = PlanContent(
            release=release.model_copy(update={"plan_hash": None}),
            invitations=tuple(invitations),
            rows=tuple(
                _planned_row(
                    view,
                    row,
                    steps[row.row_id],
                    facts[row.account, row.ad_account].identity_id,
                    found=(*_caption_problems(row), *blocked.get(row.row_id, ())),
                    risks=risks.get(row.row_id, ()),
                )
                for row in rows
            ),
            budgets=tuple(
                PlannedBudget(
                    ad_account=ad_account,
                    currency=found.currencies.get(ad_account, ""),
                    ad_groups=len(layout.pages),
                    daily=layout.daily,
                    worst_day=release.template.worst_day,
                    ceiling=daily_ceiling(release.daily_ceilings, ad_account),
                )
                for ad_account, layout in layouts.items()
            ),
        )
        uploaded = await planning.uploaded(self._db, sorted({row.ad_account for row in rows}))
        creates = _create_calls([row for row in rows if row.row_id not in stopped], layouts, now)
        calls = _calls(rows, layouts, uploaded) | {"make ads": creates.total()}
        return Planned(content, self._estimate(slots, calls, busiest=max(creates.values(), default=0)))

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
        self, client: TikTokClient, release: ReleaseInput, rows: Sequence[Unplanned]
    ) -> JudgedAdAccounts:
        """What TikTok says against rows, and for which of them it is silent; each ad account by itself."""
        judged = await judge_ad_accounts(client, rows)
        music: MusicKnown = {}
        slots = asyncio.Semaphore(ASKED_AT_ONCE)
        by_ad_account = by_advertiser(rows)
        found = {advertiser_id: Judged() for advertiser_id in by_ad_account}

        async def look(advertiser_id: str, its_rows: Sequence[Unplanned]) -> None:
            async with slots:
                try:
                    await self._look(client, release, advertiser_id, its_rows, music, found[advertiser_id])
                except Throttled as error:
                    if error.level is Level.APP:
                        raise
                    # One that is throttled by itself holds up the plan of no other.
                    why = Unanswered(error.code, error.message)
                    row_ids = [row.row_id for row in its_rows]
                    found[advertiser_id].unanswered(f"ad account {advertiser_id}", why, row_ids)

        await each_to_its_end(*(look(*one) for one in by_ad_account.items()))
        for one in found.values():
            judged.add(one)
        return judged

    async def _look(
        self,
        client: TikTokClient,
        release: ReleaseInput,
        advertiser_id: str,
        rows: Sequence[Unplanned],
        music: MusicKnown,
        found: Judged,
    ) -> None:
        found.add(await check_posts(client, release.bc_id, rows, music))
        found.add(await judge_places(client, advertiser_id, rows, release.template))
        found.add(await judge_named_groups(client, advertiser_id, rows))
        found.add(await self._room.rows_without(client, release.bc_id, release.campaign_id, advertiser_id, rows))

    async def _beyond_limits(
        self,
        client: TikTokClient,
        release: ReleaseInput,
        ad_account: str,
        layout: Layout,
        groups: Sequence[Sequence[str]],
        currencies: Mapping[str, str],
    ) -> Judged:
        """Rows that the ceiling of their ad account leaves out, and those for whose ad groups TikTok has no room."""
        try:
            judged = await ad_groups_without(client, ad_account, groups)
        except Throttled as error:
            if error.level is Level.APP:
                raise
            judged = Judged()
            every_row = (row_id for row_ids in groups for row_id in row_ids)
            judged.unanswered(f"ad account {ad_account}", Unanswered(error.code, error.message), every_row)
        if layout.beyond:
            ceiling = daily_ceiling(release.daily_ceilings, ad_account)
            currency = currencies.get(ad_account, "")
            reason = beyond_ceiling(ad_account, ceiling, worst_day=release.template.worst_day, currency=currency)
            judged.blocked[reason] += layout.beyond
        return judged

    def _estimate(self, slots: "_Slots", calls: dict[str, int], *, busiest: int) -> Estimate:
        before = sum(count for what, count in calls.items() if what != "make ads")
        return Estimate(
            slots=slots.total,
            slots_used=slots.used,
            slots_needed=slots.needed,
            calls=calls,
            tier=self._tier,
            prepare_seconds=_seconds(before, self._limits.app if self._limits else None),
            publish_seconds=_seconds(busiest, self._limits.paths["ad/create/"] if self._limits else None),
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


class _NextStep(NamedTuple):
    """The step a row has still to take, whose turn that is, and what would stop it."""

    step: Step
    waits_for: str
    reasons: list[str]


def _planned_row(
    view: _View,
    row: ManifestRow,
    next_step: _NextStep,
    identity_id: str | None,
    *,
    found: Sequence[str],
    risks: Sequence[str],
) -> PlannedRow:
    due_at = None if row.release_at is None else row.due_at(datetime.now(UTC))
    return PlannedRow(
        row_id=row.row_id,
        mode=row.mode,
        account=row.account,
        ad_account=row.ad_account,
        territory=row.territory,
        due_at=due_at,
        local=clock.NOW if due_at is None else clock.in_zone(due_at, row.time_zone),
        step=next_step.step,
        waits_for=next_step.waits_for,
        identity_id=identity_id,
        ad_group_id=row.ad_group_id,
        blockers=(*next_step.reasons, *found),
        risks=(*_risks(view, row, next_step.step), *risks),
    )


def _caption_problems(row: ManifestRow) -> list[str]:
    """Why TikTok would refuse the caption: a manifest that a program made was not checked."""
    problems = captions.problems(row.caption) if row.mode is Mode.PUSH else ()
    return [f"caption: it {problem}; {advice}" for problem, advice in problems]


def _unplanned(
    rows: Iterable[ManifestRow], facts: Mapping[tuple[str, str], AccountFacts], now: datetime
) -> list[Unplanned]:
    """Rows as they will be on record once they are ready."""
    return [
        Unplanned(
            row_id=row.row_id,
            handle=row.account,
            advertiser_id=row.ad_account,
            identity_id=facts[row.account, row.ad_account].identity_id,
            pull_item_id=row.post_id,
            named_adgroup_id=row.ad_group_id,
            territory=row.territory,
            location_id=row.location_id,
            daily_budget=row.daily_budget,
            visibility=row.visibility,
            due_at=row.due_at(now),
            rights_until=row.rights()[1],
        )
        for row in rows
    ]


def _next_step(view: _View, row: ManifestRow, facts: AccountFacts) -> _NextStep:
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
        return _NextStep(Step.REQUEST, f"@{row.account} to approve", [*reasons, *([key] if key else [])])
    shared = facts.identity_id is not None and missing_key(candidate, view.operator) is None
    if shared or not may_share:
        missing = list(blockers(candidate, view.operator))
        return _NextStep(Step.PROMOTE if shared else Step.SHARE, "" if shared else "an admin to share it", missing)
    ahead = [one for one in blockers(candidate, with_grant) if facts.identity_id or not one.startswith("R1:")]
    return _NextStep(Step.SHARE, "", ahead)


def _candidate(row: ManifestRow, facts: AccountFacts) -> Candidate:
    now = datetime.now(UTC)
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
        due_at=row.due_at(now),
        has_rights=row.has_rights_at(row.due_at(now)),
        pull_item_id=row.post_id,
        caption=row.caption,
        landing_url=row.landing_url,
        call_to_action=row.call_to_action,
    )


def _risks(view: _View, row: ManifestRow, step: Step) -> Iterator[str]:
    if row.mode is Mode.PUSH and row.visibility is Visibility.PROFILE:
        yield "the post appears on the profile when TikTok's review passes, which nobody can time"
    if row.rights_until is not None and row.visibility is Visibility.PROFILE:
        yield "the post stays on the profile when the rights end: only its owner can remove it"
    if row.rights_until is not None and row.ad_group_id is not None:
        yield "the ad group is your own: see to it that it ends with the rights"
    if step is Step.REQUEST and row.account in view.declined:
        yield f"the last request to @{row.account} was {view.declined[row.account]}"


def _layouts(rows: Sequence[ManifestRow], release: ReleaseInput, now: datetime) -> dict[str, Layout]:
    """By ad account, the ad groups that are made."""
    waves = {one: number for number, one in enumerate(sorted({(row.tier, row.due_at(now)) for row in rows}), start=1)}
    by_ad_account: defaultdict[str, list[tuple[str, Together]]] = defaultdict(list)
    for row in rows:
        if row.ad_group_id is None:
            due_at, (_, rights_until) = row.due_at(now), row.rights()
            together = Together(waves[row.tier, due_at], due_at, row.location_id, row.daily_budget, rights_until)
            by_ad_account[row.ad_account].append((row.row_id, together))
    return {
        ad_account: lay_out(
            by_ad_account[ad_account],
            capacity=release.template.ads_per_ad_group,
            ceiling=daily_ceiling(release.daily_ceilings, ad_account),
            worst_day=release.template.worst_day,
        )
        for ad_account in sorted(by_ad_account)
    }


def _in_order(layout: Layout, numbers: Mapping[str, int]) -> list[list[str]]:
    """The rows of each ad group, those that stand first in the manifest in front."""
    return sorted((page.row_ids for page in layout.pages), key=lambda row_ids: numbers[row_ids[0]])


def _create_calls(rows: Sequence[ManifestRow], layouts: Mapping[str, Layout], now: datetime) -> Counter[datetime]:
    """By instant, how many calls make its ads."""
    named = Counter((row.due_at(now), row.ad_group_id) for row in rows if row.ad_group_id is not None)
    calls = Counter[datetime]()
    for layout in layouts.values():
        for page in layout.pages:
            calls[page.of.due_at] += -(-len(page.row_ids) // ADS_IN_A_CALL)
    for (due_at, _), ads in named.items():
        calls[due_at] += -(-ads // ADS_IN_A_CALL)
    return calls


def _calls(
    rows: Sequence[ManifestRow], layouts: Mapping[str, Layout], uploaded: set[tuple[str, str]]
) -> dict[str, int]:
    videos = {(row.ad_account, row.video.sha256) for row in rows if row.video is not None} - uploaded
    pulls = Counter((row.ad_account, row.account) for row in rows if row.post_id is not None)
    posts = sum(-(-count // POSTS_IN_A_CALL) for count in pulls.values())
    containers = sum(len(layout.pages) for layout in layouts.values()) + len(layouts)
    ad_accounts = len({row.ad_account for row in rows})
    music = {(row.post_id, row.location_id, row.territory) for row in rows if row.post_id is not None}
    return {
        "look at posts and their music": posts + len(music),
        "ask for ad accounts and places": -(-ad_accounts // ACCOUNTS_IN_CALL) + ad_accounts,
        "ask for room": len({(row.ad_account, row.account) for row in rows}) + CALLS_FOR_ROOM * ad_accounts,
        "upload videos": CALLS_FOR_AN_UPLOAD * len(videos),
        "make campaigns and ad groups": CALLS_FOR_A_CONTAINER * containers,
    }


def _seconds(calls: int, rate: Rate | None) -> float:
    """How long so many calls take at a rate, as early as it allows."""
    if rate is None:
        return 0.0
    if rate.minute is not None and calls > rate.minute:
        full, rest = divmod(calls - 1, rate.minute)
        return 60.0 * full + rest / rate.second
    return max(0, calls - 1) / rate.second
