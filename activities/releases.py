"""Activities of a release campaign: load it, invite, share, brake, and read where it stands."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

import asyncpg
from pydantic import AwareDatetime, Field, ValidationError
from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.campaigns import known_campaign
from activities.failures import SAID_OF_A_QUESTION, tiktok_failures
from activities.gates import blocker, gone_accounts, missing_key
from activities.members import Members, current_run
from activities.planning import PlanningActivities
from activities.platform import Platform
from activities.release_bundles import read_bundle
from activities.waits import Waiting, keep_waits
from sparkads import clock
from sparkads.client import SparkAds
from sparkads.contracts.authorization import NOT_DONE, AdAccountLink, MemberGrant, PairOutcome, Share, ShareResult
from sparkads.contracts.base import BlobRef, Contract
from sparkads.contracts.business_center import RequestAccess, RequestOpened
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.plan import SHOWN_CHANGES, PlanContent
from sparkads.contracts.release import ReleaseInput, TargetState, TerritoryProgress, Tier, Verdict, Wait, Wave
from sparkads.errors import (
    CampaignExists,
    ManifestInvalid,
    NotAMember,
    PlanChanged,
    Refusal,
    TikTokNotUnderstood,
    TikTokRefused,
    describe,
    refused,
)
from sparkads.files import FileDamaged, Files
from sparkads.roles import Action, Permission, may
from sparkads.scopes import NewVideos, Scope
from store import audit, notifications, preparing, publishing, releases, requests, steering, waits
from store.database import Connection, Pool
from store.releases import WaitingAccount

SHARES_AT_ONCE = 8
"""Accounts shared at a time: few enough that a person's command passes between them."""

INVITED_WITHIN = 15.0
"""Seconds within which the Business Center has to ask owners; TikTok may keep it waiting for a code."""

SHARED_WITHIN = 10.0
"""Seconds that one account may keep the others waiting. TikTok goes on being asked for it; it is looked at again."""

LOOK_AT_GATES = 2.0
"""Seconds between two looks whether a part of what an account is shared with is done: its rows there go on."""

LATE_BY = timedelta(minutes=5)
"""How far in the past a wall time may lie when a release is loaded: it was still ahead when it was checked."""


_FOR_NOW = (TikTokRefused, TikTokNotUnderstood)
"""Refusals of a command that are said of a question about people: no verdict on the account that it was about."""


class LoadRelease(Contract):
    """A release to put on record; `started_at` is the workflow's, so that a repeat computes the same instants."""

    release: ReleaseInput
    started_at: AwareDatetime


class Loaded(Contract):
    """Whether a release is on record."""

    waits_for: str = ""
    """why it can't be put there for now, and what to do; empty: it is"""


class CampaignRef(Contract):
    """One release campaign."""

    campaign_id: str


class SettleAccounts(Contract):
    """Share what has arrived."""

    campaign_id: str
    actor: str
    operator: str
    roster: tuple[str, ...]
    inviting: bool = False
    """owners are still to be asked: what one said before is no answer to that"""


class Invited(Contract):
    """Whether all owners were asked."""

    problem: str = ""
    """why some could not be, for now"""


class Settled(Contract):
    """What came of it."""

    problem: str = ""
    """why accounts could not be shared for now; empty: all were that could be"""


class InviteMissing(Contract):
    """Ask the owners who have not authorized yet."""

    campaign_id: str
    actor: str
    deadline: AwareDatetime | None
    retried_by: str = Field(default="", description="the command of a retry: who has said no is asked once more")


class Plan(Contract):
    """Where a release stands."""

    waves: tuple[Wave, ...]
    counts: dict[TargetState, int]
    unknown: tuple[str, ...] = ()
    """rows whose outcome is unknown, the first few"""
    territories: tuple[TerritoryProgress, ...] = ()
    tiers: tuple[Tier, ...] = ()
    open_tier: int = 1
    plan_hash: str | None = None
    approvals: dict[str, dict[str, Verdict]] = Field(default_factory=dict)
    """by stage and approver, what was said of that plan"""
    paused: bool = False
    cancelled: bool = False
    to_prepare: tuple[str, ...] = ()
    """ad accounts for whose ready rows something has still to be made at TikTok"""
    waits: tuple[Wait, ...] = ()


class Ended(Contract):
    """A release whose workflow ends through a fault, with rows still to go."""

    campaign_id: str
    bc_id: str
    why: str


class ReleaseActivities:
    """Needs the store, TikTok, the role check, the object store, and a client to command other workflows."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        people: Members,
        files: Files,
        client: SparkAds,
        planning: PlanningActivities,
    ) -> None:
        """Share the process's connections."""
        self._planning = planning
        self._db = db
        self._platform = platform
        self._people = people
        self._files = files
        self._client = client

    @activity.defn
    async def load_release(self, load: LoadRelease) -> Loaded:
        """
        Put a release on record as a whole, or refuse it as a whole; what may pass is waited for, and told.

        Raises:
            ApplicationError: NotAMember, ManifestInvalid, PlanChanged, CampaignExists, BusinessCenterUnknown.
        """
        try:
            await self._load(load)
        except FileDamaged as error:
            return Loaded(waits_for=f"its manifest can't be read: {error}")
        except ApplicationError as error:
            # What TikTok refuses here is a question about people: no verdict on the release.
            if error.non_retryable and error.type not in SAID_OF_A_QUESTION:
                raise
            return Loaded(waits_for=error.message)
        return Loaded()

    async def _load(self, load: LoadRelease) -> None:
        release = load.release
        await self._people.require(release.bc_id, release.actor, Action.RUN_RELEASE)
        operator = await self._people.access(release.bc_id, release.operator)
        if operator.role is None:
            raise refused(NotAMember(f"operator {release.operator} is no member of Business Center {release.bc_id}"))
        rows = (await read_bundle(self._files, release.manifest)).rows
        is_known = await releases.get(self._db, release.campaign_id) is not None
        late = [
            f"row {row.row_id}: release_at was {clock.in_zone(row.due_at(load.started_at), row.time_zone)}"
            for row in rows
            if row.due_at(load.started_at) < load.started_at - LATE_BY
        ]
        if late and not is_known:
            raise refused(ManifestInvalid(f"{len(late)} rows are due in the past; " + "; ".join(late[:10])))
        if release.approvals and release.plan_hash is None:
            raise refused(PlanChanged("approvers agree to a plan: plan the release, and start it with the plan's hash"))
        if release.plan_hash is not None and not is_known:
            await self._require_plan(release, release.plan_hash)
        campaign = releases.Campaign(
            campaign_id=release.campaign_id,
            bc_id=release.bc_id,
            started_by=release.actor,
            operator=release.operator,
            manifest_sha256=release.manifest.sha256,
            started_at=load.started_at,
            paused=False,
            cancelled=False,
            approved=not release.approvals,
            plan_hash=release.plan_hash,
        )
        try:
            async with self._db.acquire() as connection, connection.transaction():
                news = await releases.create(connection, campaign, rows)
                if news:
                    await audit.write(
                        connection,
                        bc_id=release.bc_id,
                        actor=release.actor,
                        action="release started",
                        subject=f"campaign {release.campaign_id}",
                        reason=f"{len(rows)} targets, manifest {release.manifest.sha256[:12]}",
                        run=current_run(),
                    )
            await releases.count_for_plans(self._db)
        except asyncpg.UniqueViolationError as error:
            raise refused(
                CampaignExists(
                    f"campaign {release.campaign_id} was started with another manifest; choose another campaign id"
                )
            ) from error

    async def _require_plan(self, release: ReleaseInput, agreed: str) -> None:
        """Refuse a release that would do something else than what was agreed to, and say what."""
        now = (await self._planning.plan(release)).content
        if now.hash == agreed:
            return
        again = f"plan it again (it would be {now.hash[:12]} now), look at it, and apply that"
        try:
            before = PlanContent.model_validate_json(await self._files.get(BlobRef(sha256=agreed, size=0)))
        except (FileDamaged, ValidationError):
            raise refused(PlanChanged(f"there is no plan {agreed[:12]} in the object store; {again}")) from None
        changes = list(now.changes_since(before))
        more = f"; and {len(changes) - SHOWN_CHANGES} more" if len(changes) > SHOWN_CHANGES else ""
        raise refused(
            PlanChanged(f"plan {agreed[:12]} no longer holds; {'; '.join(changes[:SHOWN_CHANGES])}{more}; {again}")
        )

    @activity.defn
    async def invite_missing(self, invite: InviteMissing) -> Invited:
        """
        Ask every owner whose account rows wait for; one command for each scope (R2, R6, R7, R8).

        Owners who can't be asked for now are asked by a further attempt: the command is the same, and done once.
        """
        campaign = await known_campaign(self._db, invite.campaign_id)
        by_scope: dict[Scope, list[WaitingAccount]] = {}
        for account in await releases.waiting_accounts(self._db, invite.campaign_id):
            if account.asset_id is None:
                by_scope.setdefault(_scope(account), []).append(account)
        problem = ""
        for scope, accounts in by_scope.items():
            try:
                async with asyncio.timeout(INVITED_WITHIN):
                    await self._invite(campaign, invite, scope, accounts)
            except (TimeoutError, WorkflowUpdateFailedError, RPCError, *_FOR_NOW) as error:
                problem = f"owners can't be asked for now: {describe(error) or 'the Business Center does not answer'}"
                why = Waiting(f"{problem}; see its workflow, bc/{campaign.bc_id}", needs_person=False)
                for account in accounts:
                    rows = await publishing.waiting_candidates(self._db, invite.campaign_id, account.handle)
                    await keep_waits(self._db, campaign, {row.row_id: why for row in rows})
            else:
                for account in accounts:
                    rows = await publishing.waiting_candidates(self._db, invite.campaign_id, account.handle)
                    await keep_waits(self._db, campaign, {}, over=[row.row_id for row in rows])
        return Invited(problem=problem)

    async def _invite(
        self, campaign: releases.Campaign, invite: InviteMissing, scope: Scope, accounts: Sequence[WaitingAccount]
    ) -> None:
        dues = [account.last_due_at for account in accounts]
        latest = max((due for due in dues if due is not None), default=None) if None not in dues else None
        asked = f"{invite.campaign_id}/{scope.key}/{invite.retried_by}"
        deadline = invite.deadline or latest
        command = RequestAccess(
            command_id=f"{invite.campaign_id[:40]}-{hashlib.sha256(asked.encode()).hexdigest()[:16]}",
            actor=invite.actor,
            scope=scope,
            handles=tuple(account.handle for account in accounts),
            deadline=deadline if deadline and deadline > datetime.now(UTC) else None,
        )
        try:
            result = await self._client.request_access(campaign.bc_id, command)
        except _FOR_NOW:
            raise
        except Refusal as refusal:
            for account in accounts:
                await self._block_account(campaign, account.handle, str(refusal))
            return
        for line in result.requests:
            if line.outcome is RequestOpened.CAP_REACHED and line.handle is not None:
                reason = f"R6: all {result.slots} account slots of the Business Center are taken"
                await self._block_account(campaign, line.handle, reason)

    @activity.defn
    async def settle_accounts(self, settle: SettleAccounts) -> Settled:
        """
        Share the accounts that have arrived, then let their rows through the gate, or block them by name.

        An account that TikTok does not let be shared for now is no failure: the rows of others go on.
        """
        campaign = await known_campaign(self._db, settle.campaign_id)
        waiting = await releases.waiting_accounts(self._db, settle.campaign_id)
        arrived = [account for account in waiting if account.asset_id is not None]
        slots = asyncio.Semaphore(SHARES_AT_ONCE)

        slow: set[str] = set()

        async def share(account: WaitingAccount) -> None:
            async with slots:
                if slow.intersection(account.advertiser_ids):
                    # Its ad account keeps others waiting already: they go first, and it is tried again later.
                    raise ApplicationError(f"@{account.handle} is to be shared after others", type="NotShared")
                sharing = asyncio.create_task(self._share(campaign, settle, account))
                problem = await self._shared_in_time(campaign, account, sharing)
                if problem is None:
                    slow.update(account.advertiser_ids)
                    problem = f"@{account.handle} is still being shared"
            # One by one, so that what is done stays done whatever happens to the others; and where one of its ad
            # accounts keeps it waiting, its rows in the others go on.
            await self._open_gates(campaign, account.handle, block=not problem)
            if problem:
                raise ApplicationError(problem, type="NotShared")

        arrived = _by_turns(arrived)
        outcomes = await asyncio.gather(*map(share, arrived), return_exceptions=True)
        shared = {one.handle for one, outcome in zip(arrived, outcomes, strict=True) if outcome is None}
        for account in waiting:
            if account.asset_id is None and not settle.inviting:
                await self._block_if_answered(campaign, account)
        late = "R1: the account was not authorized and shared when the row was due"
        async with self._db.acquire() as connection, connection.transaction():
            # What could not be shared for now, though it was authorized in time, is published late rather than never.
            being_shared = [one.handle for one in arrived if one.handle not in shared]
            rows = await releases.block_late(connection, settle.campaign_id, late, leave_out=being_shared)
            await self._tell_blocked(connection, campaign, late, rows)
        failed = {
            account.handle: describe(_for_now(outcome))
            for account, outcome in zip(arrived, outcomes, strict=True)
            if outcome is not None
        }
        for handle, problem in failed.items():
            rows_of = await publishing.waiting_candidates(self._db, settle.campaign_id, handle)
            why = Waiting(f"@{handle} can't be shared for now: {problem}; it is tried again", needs_person=False)
            await keep_waits(self._db, campaign, {row.row_id: why for row in rows_of})
        problems = list(failed.values())
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return Settled(problem=f"{problems[0]}{more}" if problems else "")

    async def _shared_in_time(
        self, campaign: releases.Campaign, account: WaitingAccount, sharing: asyncio.Task[str]
    ) -> str | None:
        """What a sharing under way comes to; None if that takes too long. Its rows go on as their gates open."""
        give_up_at = asyncio.get_running_loop().time() + SHARED_WITHIN
        try:
            while asyncio.get_running_loop().time() < give_up_at:
                await asyncio.wait([sharing], timeout=LOOK_AT_GATES)
                if sharing.done():
                    return sharing.result()
                await self._open_gates(campaign, account.handle, block=False)
            return None
        finally:
            sharing.cancel()

    async def _share(self, campaign: releases.Campaign, settle: SettleAccounts, account: WaitingAccount) -> str:
        """Share an account as its rows need it; returns what could not be done for now, if anything."""
        who = await self._people.access(campaign.bc_id, settle.actor)
        if not may(who.role, Action.SHARE):
            return ""  # R5: with both keys anybody runs a release; the gate names the one that is missing
        people = dict.fromkeys((settle.operator, *settle.roster))
        command = Share(
            actor=settle.actor,
            members=tuple(MemberGrant(user_id=user_id, permissions=(Permission.SPARK,)) for user_id in people),
            ad_accounts=tuple(AdAccountLink(advertiser_id=advertiser) for advertiser in account.advertiser_ids),
        )
        # A further attempt is a further command: to share what is shared changes nothing, and the same command would
        # be answered with what the first attempt could not do.
        info = activity.info()
        command_id = f"{info.workflow_run_id}-{info.activity_id}-{info.attempt}-{account.asset_id}"
        try:
            result = await self._client.share(campaign.bc_id, str(account.asset_id), command, command_id=command_id)
        except _FOR_NOW as error:
            return str(error)
        except Refusal as refusal:
            await self._block_account(campaign, account.handle, str(refusal))
            return ""
        return await self._block_refused(campaign, settle.operator, account, result)

    async def _block_refused(
        self, campaign: releases.Campaign, operator: str, account: WaitingAccount, result: ShareResult
    ) -> str:
        """Block the rows that a refused pair concerns, in TikTok's words; returns what only failed for now."""
        for_now = ""
        for pair in result.pairs:
            if pair.outcome is PairOutcome.FAILED:
                for_now = f"@{account.handle}: {pair.subject}: {pair.reason}"
            elif pair.outcome in NOT_DONE and pair.subject.startswith("ad account"):
                if await self._is_gone(campaign, account):
                    return ""  # R15: its rows are frozen with its authorization, as soon as the sweep has seen it
                reason, ad_account = f"R11: {pair.subject}: {pair.reason}", pair.subject.removeprefix("ad account ")
                await self._block_account(campaign, account.handle, reason, ad_account)
            elif pair.outcome in NOT_DONE and pair.subject == f"member {operator}":
                await self._block_account(campaign, account.handle, f"R11: {pair.subject}: {pair.reason}")
        return for_now

    async def _is_gone(self, campaign: releases.Campaign, account: WaitingAccount) -> bool:
        client = await self._platform.client(campaign.bc_id)
        with tiktok_failures():
            listed = await client.business_centers.all_assets(campaign.bc_id, "TT_ACCOUNT")
        return all(asset.asset_id != account.asset_id for asset in listed)

    async def _block_if_answered(self, campaign: releases.Campaign, account: WaitingAccount) -> None:
        state = await requests.last_request_state(self._db, campaign.bc_id, account.handle)
        if state is not None and state not in {"pending", "approved"}:
            reason = f"R1: the access request for @{account.handle} was {state.replace('_', ' ')}"
            await self._block_account(campaign, account.handle, reason)

    async def _block_account(
        self, campaign: releases.Campaign, handle: str, reason: str, ad_account: str | None = None
    ) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            rows = await releases.block_account(connection, campaign.campaign_id, handle, reason, ad_account)
            await self._tell_blocked(connection, campaign, reason, rows)

    async def _tell_blocked(
        self, connection: Connection, campaign: releases.Campaign, reason: str, rows: Sequence[str]
    ) -> None:
        await audit.write_rows(
            connection,
            bc_id=campaign.bc_id,
            actor=audit.SYSTEM,
            action="targets blocked",
            rows=rows,
            reason=reason,
            run=current_run(),
        )

    async def _open_gates(self, campaign: releases.Campaign, handle: str, *, block: bool) -> None:
        """
        Let the rows of an account that was just shared through, or block them by name.

        `block`: False while the sharing is not over: what does not pass yet may do so in a moment.
        """
        operator = await self._people.access(campaign.bc_id, campaign.operator)
        candidates = await publishing.waiting_candidates(self._db, campaign.campaign_id, handle)
        gone: frozenset[str] = frozenset()
        if block:
            # Whoever is about to be blocked for good is asked about anew.
            if any(missing_key(candidate, operator) for candidate in candidates):
                operator = await self._people.access_now(campaign.bc_id, campaign.operator)
            gone = await gone_accounts(self._platform, campaign.bc_id, operator, candidates)
        ready, blocked = [], []
        for candidate in candidates:
            if candidate.asset_id in gone:
                continue
            reason = blocker(candidate, operator)
            if reason is None:
                ready.append(candidate)
            elif block:
                blocked.append((candidate.row_id, reason))
        async with self._db.acquire() as connection, connection.transaction():
            await publishing.set_ready(connection, campaign.campaign_id, ready)
            by_reason: dict[str, list[str]] = {}
            for row_id, reason in await publishing.block_waiting(connection, campaign.campaign_id, blocked):
                by_reason.setdefault(reason, []).append(row_id)
            for reason, rows in by_reason.items():
                await self._tell_blocked(connection, campaign, reason, rows)

    @activity.defn
    async def read_plan(self, ref: CampaignRef) -> Plan:
        """Where the release stands."""
        campaign = await known_campaign(self._db, ref.campaign_id)
        said = await steering.approvals(self._db, ref.campaign_id, campaign.plan_hash or "")
        return Plan(
            territories=tuple(await releases.territories(self._db, ref.campaign_id)),
            tiers=tuple(await steering.tiers(self._db, ref.campaign_id)),
            open_tier=campaign.open_tier,
            plan_hash=campaign.plan_hash,
            approvals=said,
            waves=tuple(await releases.plan(self._db, ref.campaign_id)),
            counts=await releases.counts(self._db, ref.campaign_id),
            unknown=tuple(await releases.unknown_rows(self._db, ref.campaign_id)),
            paused=campaign.paused,
            cancelled=campaign.cancelled,
            to_prepare=tuple(await preparing.to_prepare(self._db, ref.campaign_id)),
            waits=tuple(await waits.of_campaign(self._db, ref.campaign_id)),
        )

    @activity.defn
    async def record_end_by_fault(self, ended: Ended) -> None:
        """Tell people that a release has ended with rows still to go, and how it goes on."""
        async with self._db.acquire() as connection, connection.transaction():
            await audit.write(
                connection,
                bc_id=ended.bc_id,
                actor=audit.SYSTEM,
                action="release ended by a fault",
                subject=f"campaign {ended.campaign_id}",
                reason=ended.why,
                run=current_run(),
            )
            await notifications.put(
                connection,
                bc_id=ended.bc_id,
                kind=NotificationKind.ATTENTION,
                subject=f"campaign {ended.campaign_id}",
                text=f"Release {ended.campaign_id} has ended through a fault, with rows still to go: {ended.why}. "
                "Nothing goes out meanwhile. Once that is mended, apply the same file again: it goes on where it was.",
                data={"campaign_id": ended.campaign_id},
                run=current_run(),
            )

    @activity.defn
    async def finish_release(self, ref: CampaignRef) -> None:
        """Record that nothing is left to do."""
        campaign = await known_campaign(self._db, ref.campaign_id)
        counts = await releases.counts(self._db, ref.campaign_id)
        async with self._db.acquire() as connection, connection.transaction():
            if await releases.finish(connection, ref.campaign_id):
                await preparing.forget_rooms(connection, ref.campaign_id)
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=audit.SYSTEM,
                    action="release finished",
                    subject=f"campaign {ref.campaign_id}",
                    reason=json.dumps(counts),
                    run=current_run(),
                )


def _for_now(outcome: BaseException) -> BaseException:
    """A failure to share one account, which is tried again; raises what is no failure of TikTok's or of a command."""
    if isinstance(outcome, (ApplicationError, WorkflowUpdateFailedError, RPCError)):
        return outcome
    raise outcome


def _by_turns(accounts: Sequence[WaitingAccount]) -> list[WaitingAccount]:
    """Accounts of one ad account after the other: one ad account that is slow is met once, and not eight times."""
    by_ad_accounts: defaultdict[tuple[str, ...], list[WaitingAccount]] = defaultdict(list)
    for account in accounts:
        by_ad_accounts[account.advertiser_ids].append(account)
    turns = zip_longest(*by_ad_accounts.values())
    return [account for turn in turns for account in turn if account is not None]


def _scope(account: WaitingAccount) -> Scope:
    """The least that the rows of an account need."""
    if not account.needs_push:
        new_videos = NewVideos.NO
    else:
        new_videos = NewVideos.ON_PROFILE if account.on_profile else NewVideos.ADS_ONLY
    return Scope(existing_posts=account.needs_posts or not account.needs_push, new_videos=new_videos)
