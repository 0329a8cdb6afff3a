"""Every cell of who may do what, when: the declaration (sparkads.permissions) against the real system."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, product
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
from access_record import change_member, request_ends, roles_at_tiktok, settled, share
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest

from activities.gates import blocker
from sparkads import names
from sparkads.client import SparkAds
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.audit import AskAudit, AuditOperation
from sparkads.contracts.authorization import (
    AuthorizationStage,
    EndAuthorization,
    MemberGrant,
    PairOutcome,
    Share,
    Unshare,
)
from sparkads.contracts.base import BlobRef
from sparkads.contracts.business_center import (
    AskCode,
    CancelRequest,
    Decision,
    ListScans,
    RequestAccess,
    RequestOpened,
    ScanOutcome,
    ScanReport,
)
from sparkads.contracts.drift import AskDrift
from sparkads.contracts.notification import AskNotifications
from sparkads.contracts.people import AskPeople
from sparkads.contracts.plan import Plan
from sparkads.contracts.release import (
    Approve,
    Proceed,
    ReleaseInput,
    Retime,
    Retimed,
    RetryTargets,
    SettleTarget,
    TargetState,
)
from sparkads.contracts.release import Command as SteeringCommand
from sparkads.contracts.takedown import Takedown, TakedownResult
from sparkads.errors import AdminOnly, NotAMember, NotAnApprover, NothingOnRecord, OnlyItsPeople, Refusal
from sparkads.permissions import (
    COMMANDS,
    NEED_NO_RIGHT,
    AccountState,
    Cell,
    CenterState,
    Command,
    Outcome,
    ReleaseState,
    State,
    Who,
    cells,
)
from sparkads.roles import AD_ACCOUNT_KEY, RULE_OF_ACTION, TIKTOK_ACCOUNT_KEY, AdAccountRole, BcRole, Permission
from sparkads.scopes import NewVideos, Scope
from store import members, releases
from store.database import Pool
from store.publishing import Candidate
from tests.conftest import PYTHON, Label, Simulator, make_label, post_of, run_command, stop_sweeping, until
from tests.publishing.releasing import bundle, pull
from workers.local import Stack

STRANGER = "6999"
WITHIN = 10.0
"""Seconds that the refusal of a signal may take."""

SCOPE = Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE)
ALL = list(cells())
IN_A_YEAR = {"time_zone": "Etc/UTC", "release_at": f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%d %H:%M:%S}"}

AUTHORIZED = (AccountState.AUTHORIZED, AccountState.SHARED, AccountState.REVOKED, AccountState.REMOVED)
CLOSED = {
    AccountState.TIMED_OUT: RequestOutcome.TIMED_OUT,
    AccountState.DECLINED: RequestOutcome.DECLINED,
    AccountState.TAKEN_BACK: RequestOutcome.CANCELLED,
}

ENDING = (names.CANCEL, names.TAKEDOWN)
"""Commands after which a release has nothing left to do."""

_numbers = count(1)


@dataclass(frozen=True)
class Target:
    """What a cell acts on: an account, a Business Center, or a release."""

    bc_id: str
    handle: str = ""
    asset_id: str = "1234567890"
    campaign_id: str = ""


@dataclass
class World:
    """One Business Center with somebody of each kind and something in each state."""

    label: Label
    db: Pool
    people: Mapping[Who, str]
    manifest: BlobRef
    targets: dict[tuple[State, str], Target] = field(default_factory=dict)

    @property
    def spark(self) -> SparkAds:
        return self.label.spark

    def target(self, cell: Cell) -> Target:
        """Its own where the cell changes it, so that each cell finds what it was promised; else the common one."""
        return self.targets.get((cell.state, own(cell))) or self.targets[cell.state, whose(cell)]

    async def refusals(self, after: int) -> list[tuple[str, str, str]]:
        rows = await self.db.fetch(
            """SELECT actor, subject, reason FROM audit
               WHERE bc_id = $1 AND action = 'refused' AND number > $2 ORDER BY number""",
            self.label.bc_id,
            after,
        )
        return [tuple(row) for row in rows]

    async def lines(self) -> int:
        last = await self.db.fetchval("SELECT max(number) FROM audit WHERE bc_id = $1", self.label.bc_id)
        return int(last or 0)

    async def as_it_is(self, target: Target) -> Any:
        """All that a command could change of a target: on record, and at TikTok."""
        if target.campaign_id:
            rows = await releases.report_rows(self.db, target.campaign_id)
            return await releases.get(self.db, target.campaign_id), [(row.row_id, row.state) for row in rows]
        shared = """SELECT {} FROM {} s JOIN authorizations a ON a.id = s.authorization_id
                    WHERE bc_id = $1 AND asset_id = $2 AND s.ended_at IS NULL"""
        what = {
            "SELECT id, state FROM access_requests WHERE bc_id = $1 AND handle = $2 ORDER BY id": target.handle,
            "SELECT id, stage FROM authorizations WHERE bc_id = $1 AND asset_id = $2 ORDER BY id": target.asset_id,
            shared.format("user_id, permissions, until", "grants"): target.asset_id,
            shared.format("advertiser_id, identity_id", "links"): target.asset_id,
        }
        found = [
            [dict(row) for row in await self.db.fetch(query, target.bc_id, value)] for query, value in what.items()
        ]
        world = await self.label.simulator.get("state")
        (center,) = [one for one in world["business_centers"] if one["bc_id"] == self.label.bc_id]
        found.append([one for one in center["accounts"] if one["asset_id"] == target.asset_id])
        found.append([one for one in world["member_grants"] if one["asset_id"] == target.asset_id])
        return found


def _wall_time(**later: float) -> datetime:
    return (datetime.now(UTC) + timedelta(**later)).replace(tzinfo=None, microsecond=0)


def own(cell: Cell) -> str:
    return f"{cell.command.key}, {cell.who}"


def whose(cell: Cell) -> str:
    """The release that somebody has started before they left is theirs; everything else is everybody's."""
    return Who.LEFT if cell.who is Who.LEFT and cell.state in {ReleaseState.RUNNING, ReleaseState.PAUSED} else ""


def changing(kind: type[State]) -> list[Cell]:
    return [cell for cell in ALL if isinstance(cell.state, kind) and cell.answer is Outcome.DONE]


# The world


@pytest.fixture(scope="module")
async def world(
    stack: Stack, spark: SparkAds, db: Pool, http: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    assert stack.simulator_url is not None
    simulator = Simulator(stack.simulator_url, http)
    await simulator.post("config", {"tier": "unlimited"})
    await simulator.post("clock", {"scan_seconds": 0, "link_seconds": 0, "review_seconds": 0, "post_id_seconds": 0})
    label = await make_label(simulator, spark, db)
    people = {
        Who.ADMIN: label.admin,
        Who.STANDARD: label.standard,
        Who.OPERATOR: label.operator,
        Who.STARTER: label.admin.replace("61", "64", 1),
        Who.LEFT: label.admin.replace("61", "65", 1),
        Who.INVITED: label.admin.replace("61", "66", 1),
        Who.STRANGER: STRANGER,
    }
    # Starting shares, which takes an admin; whoever started it stays its starter as a standard member.
    invited = {"user_role": "ADMIN", "relation_status": "PENDING"}
    await seed_members(
        label,
        {people[Who.STARTER]: {"user_role": "ADMIN"}, people[Who.LEFT]: {"user_role": "ADMIN"}}
        | {people[Who.INVITED]: invited},
    )
    handle = f"stage{label.bc_id[-4:]}"
    await label.authorized(handle)
    rows = [pull("row", f"@{handle}", label.ad_account, post_of(handle), **IN_A_YEAR)]
    manifest = await bundle(label, tmp_path_factory.mktemp("release"), rows)
    made = World(label, db, people, manifest)
    made.targets[CenterState.CONNECTED, ""] = Target(label.bc_id)
    made.targets[CenterState.NEVER_CONNECTED, ""] = Target(label.bc_id.replace("73", "79", 1))
    made.targets[ReleaseState.NONE, ""] = Target(label.bc_id, campaign_id=f"never-{label.bc_id[-4:]}")
    await make_accounts(made)
    await make_releases(made)
    await change_member(label, people[Who.STARTER], user_role="STANDARD")
    await change_member(label, people[Who.LEFT], removed=True)
    yield made
    await end_releases(made)
    await stop_sweeping()


async def seed_members(label: Label, people: Mapping[str, Mapping[str, str]]) -> None:
    seeds = [
        {"user_id": user_id, "user_name": f"Person {user_id}", "user_email": f"{user_id}@example.com", **more}
        for user_id, more in people.items()
    ]
    await label.simulator.post("seed", {"business_centers": [{"bc_id": label.bc_id, "members": seeds}]})


async def make_accounts(world: World) -> None:
    """An account in each state, and another for each cell that changes it; all of them brought there at once."""
    wanted = [(state, "") for state in AccountState] + [(cell.state, own(cell)) for cell in changing(AccountState)]
    by_state: dict[AccountState, list[str]] = {state: [] for state in AccountState}
    handles = {}
    for number, (state, whose) in enumerate(wanted):
        handle = f"{state.name[:9].lower()}.{number}x{world.label.bc_id[-4:]}"
        by_state[AccountState(state)].append(handle)
        handles[state, whose] = handle
    await world.label.seed_accounts(*handles.values())
    await ask_owners(world, by_state)
    assets = await authorize(world, [handle for state in AUTHORIZED for handle in by_state[state]])
    for handle in by_state[AccountState.SHARED]:
        assert not (await share(world.label, assets[handle], world.label.standard)).refused
    await end_authorizations(world, by_state, assets)
    for where, handle in handles.items():
        world.targets[where] = Target(world.label.bc_id, handle, assets.get(handle, f"5{next(_numbers):018}"))


async def ask_owners(world: World, by_state: Mapping[AccountState, list[str]]) -> None:
    label = world.label
    await label.request(*by_state[AccountState.TIMED_OUT], deadline=datetime.now(UTC) + timedelta(seconds=1))
    asked = (AccountState.REQUESTED, AccountState.DECLINED, AccountState.TAKEN_BACK, *AUTHORIZED)
    await label.request(*(handle for state in asked for handle in by_state[state]))
    for handle in by_state[AccountState.DECLINED]:
        report = ScanReport(handle=handle, decision=Decision.DECLINED, reported_by=label.admin)
        await world.spark.report_scan(label.bc_id, report)
    for handle in by_state[AccountState.TAKEN_BACK]:
        await world.spark.cancel_request(label.bc_id, CancelRequest(name=handle, actor=label.admin))
    for state, outcome in CLOSED.items():
        for handle in by_state[state]:
            await request_ends(world.db, label, handle, outcome)


async def authorize(world: World, handles: list[str]) -> dict[str, str]:
    assets = {handle: await world.label.simulator.approve(handle, world.label.bc_id) for handle in handles}

    async def all_authorized() -> bool:
        lines = await world.label.accounts()
        return {line.asset_id for line in lines if line.stage == AuthorizationStage.ACTIVE} >= set(assets.values())

    await until(all_authorized, "all accounts authorized")
    return assets


async def end_authorizations(
    world: World, by_state: Mapping[AccountState, list[str]], assets: Mapping[str, str]
) -> None:
    label = world.label
    for handle in by_state[AccountState.REVOKED]:
        await label.simulator.revoke(handle, label.bc_id)
    for handle in by_state[AccountState.REMOVED]:
        await world.spark.end_authorization(label.bc_id, assets[handle], EndAuthorization(actor=label.admin))
    for handle in by_state[AccountState.REVOKED] + by_state[AccountState.REMOVED]:
        await world.spark.temporal.get_workflow_handle(names.authorization_id(label.bc_id, assets[handle])).result()


async def make_releases(world: World) -> None:
    """Releases that wait for an instant far away: common ones, those of somebody who left, one for each end."""
    starter, left = world.people[Who.STARTER], world.people[Who.LEFT]
    wanted: list[tuple[ReleaseState, str, str]] = [(state, "", starter) for state in ReleaseState][1:]
    wanted += [(ReleaseState.RUNNING, Who.LEFT, left), (ReleaseState.PAUSED, Who.LEFT, left)]
    wanted += [(cell.state, own(cell), starter) for cell in changing(ReleaseState) if cell.command.name in ENDING]

    async def make(state: ReleaseState, whose: str, actor: str) -> None:
        campaign_id = f"cell-{next(_numbers)}-{world.label.bc_id[-4:]}"
        target = Target(world.label.bc_id, campaign_id=campaign_id)
        await start(world, actor, target)
        await until(lambda: ready(world, campaign_id), f"{campaign_id} ready", 60)
        if state is ReleaseState.PAUSED:
            await world.spark.pause(campaign_id, SteeringCommand(actor=world.label.admin))
            await until(lambda: flag(world, campaign_id, "paused"), f"{campaign_id} paused")
        if state is ReleaseState.OVER:
            await world.spark.cancel(campaign_id, SteeringCommand(actor=world.label.admin))
            await world.spark.wait_for_release(campaign_id)
        world.targets[state, whose] = target

    await asyncio.gather(*(make(*one) for one in wanted))


async def start(world: World, actor: str, target: Target) -> str:
    return await world.spark.start_release(release_of(world, actor, target))


async def plan(world: World, actor: str, target: Target) -> Plan:
    return await world.spark.plan_release(release_of(world, actor, target))


def release_of(world: World, actor: str, target: Target) -> ReleaseInput:
    return ReleaseInput(
        campaign_id=target.campaign_id,
        bc_id=target.bc_id,
        actor=actor,
        operator=world.label.operator,
        manifest=world.manifest,
    )


async def take_down(world: World, actor: str, target: Target) -> TakedownResult:
    name = await world.spark.takedown(target.campaign_id, Takedown(actor=actor, reason="a cell"))
    return await world.spark.wait_for_takedown(target.campaign_id, name)


async def ready(world: World, campaign_id: str) -> bool:
    return set(await releases.counts(world.db, campaign_id)) == {TargetState.READY}


async def flag(world: World, campaign_id: str, name: str) -> bool:
    campaign = await releases.get(world.db, campaign_id)
    return campaign is not None and bool(getattr(campaign, name))


async def end_releases(world: World) -> None:
    running = [
        target.campaign_id
        for (state, _), target in world.targets.items()
        if isinstance(state, ReleaseState)
        and target.campaign_id
        and not await flag(world, target.campaign_id, "cancelled")
    ]
    for campaign_id in running:
        if await releases.get(world.db, campaign_id) is not None:
            # One whose rows were taken down has ended.
            with contextlib.suppress(NothingOnRecord):
                await world.spark.cancel(campaign_id, SteeringCommand(actor=world.label.admin))
            await world.spark.wait_for_release(campaign_id)


# How each command is sent

Send = Callable[[World, str, Target], Awaitable[Any]]


def _report(decision: Decision) -> Send:
    return lambda world, actor, target: world.spark.report_scan(
        target.bc_id, ScanReport(handle=target.handle, decision=decision, reported_by=actor)
    )


SEND: dict[str, Send] = {
    "BusinessCenter request_access": lambda world, actor, target: world.spark.request_access(
        target.bc_id,
        RequestAccess(command_id=f"cell{next(_numbers)}", actor=actor, scope=SCOPE, handles=(target.handle,)),
    ),
    "BusinessCenter cancel_request": lambda world, actor, target: world.spark.cancel_request(
        target.bc_id, CancelRequest(name=target.handle, actor=actor)
    ),
    "BusinessCenter qr_code": lambda world, actor, target: world.spark.qr_code(
        target.bc_id, AskCode(actor=actor, scope=SCOPE)
    ),
    "BusinessCenter scan declined": _report(Decision.DECLINED),
    "BusinessCenter scan approved": _report(Decision.APPROVED),
    "BusinessCenter list_scans": lambda world, actor, target: world.spark.list_scans(
        target.bc_id, ListScans(actor=actor)
    ),
    "BusinessCenter list_accounts": lambda world, actor, target: world.spark.list_accounts(target.bc_id, actor),
    "Authorization share": lambda world, actor, target: world.spark.share(
        target.bc_id, target.asset_id, Share(actor=actor, members=(MemberGrant(user_id=world.label.standard),))
    ),
    "Authorization unshare": lambda world, actor, target: world.spark.unshare(
        target.bc_id, target.asset_id, Unshare(actor=actor, members=(world.label.standard,))
    ),
    "Authorization cancel": lambda world, actor, target: world.spark.end_authorization(
        target.bc_id, target.asset_id, EndAuthorization(actor=actor)
    ),
    "BusinessCenter list_people": lambda world, actor, target: world.spark.people(target.bc_id, AskPeople(actor=actor)),
    "BusinessCenter check_drift": lambda world, actor, target: world.spark.check_drift(
        target.bc_id, AskDrift(actor=actor)
    ),
    "BusinessCenter audit": lambda world, actor, target: world.spark.audit(
        target.bc_id, AskAudit(actor=actor, operation=AuditOperation.SHOW)
    ),
    "BusinessCenter list_notifications": lambda world, actor, target: world.spark.notifications(
        target.bc_id, AskNotifications(actor=actor)
    ),
    "PlanRelease start": plan,
    "ReleaseCampaign start": start,
    "ReleaseCampaign pause": lambda world, actor, target: world.spark.pause(
        target.campaign_id, SteeringCommand(actor=actor)
    ),
    "ReleaseCampaign resume": lambda world, actor, target: world.spark.resume(
        target.campaign_id, SteeringCommand(actor=actor)
    ),
    "ReleaseCampaign cancel": lambda world, actor, target: world.spark.cancel(
        target.campaign_id, SteeringCommand(actor=actor)
    ),
    "ReleaseCampaign retime earlier": lambda world, actor, target: world.spark.retime(
        target.campaign_id, Retime(actor=actor, reason="a cell", release_at=None)
    ),
    "ReleaseCampaign retime later": lambda world, actor, target: world.spark.retime(
        target.campaign_id,
        # TikTok takes no start after 2027, so minutes tell one from the other.
        Retime(actor=actor, reason="a cell", release_at=_wall_time(days=310, minutes=next(_numbers))),
    ),
    "ReleaseCampaign proceed": lambda world, actor, target: world.spark.proceed(
        target.campaign_id, Proceed(actor=actor, reason="a cell")
    ),
    "ReleaseCampaign approve": lambda world, actor, target: world.spark.approve(
        target.campaign_id, Approve(actor=actor, stage="artist", plan_hash="ab" * 32)
    ),
    "ReleaseCampaign settle_target": lambda world, actor, target: world.spark.settle_target(
        target.campaign_id, SettleTarget(actor=actor, row_id="row", because="a cell")
    ),
    "ReleaseCampaign retry": lambda world, actor, target: world.spark.retry(
        target.campaign_id, RetryTargets(actor=actor, reason="a cell")
    ),
    "Takedown takedown": take_down,
}


def test_every_command_is_tried() -> None:
    assert set(SEND) == {command.key for command in COMMANDS}


# What has to be so after a command that was not refused


async def request_opened(world: World, target: Target, answer: Any) -> None:
    assert [line.outcome for line in answer.requests] == [RequestOpened.OPENED]
    await request_ends(world.db, world.label, target.handle, RequestOutcome.PENDING)


async def request_cancelled(world: World, target: Target, _: Any) -> None:
    await request_ends(world.db, world.label, target.handle, RequestOutcome.CANCELLED)


async def request_declined(world: World, target: Target, _: Any) -> None:
    await request_ends(world.db, world.label, target.handle, RequestOutcome.DECLINED)


async def member_has_it(world: World, target: Target, answer: Any) -> None:
    assert [pair.outcome for pair in answer.pairs] == [PairOutcome.DONE]
    assert await roles_at_tiktok(world.label, target.asset_id) == {world.label.standard: ["POST"]}


async def member_lost_it(world: World, target: Target, answer: Any) -> None:
    assert [pair.outcome for pair in answer.pairs] == [PairOutcome.DONE]
    assert await roles_at_tiktok(world.label, target.asset_id) == {}


async def authorization_over(world: World, target: Target, _: Any) -> None:
    handle = world.spark.temporal.get_workflow_handle(names.authorization_id(target.bc_id, target.asset_id))
    assert (await handle.result())["stage"] == AuthorizationStage.REMOVED_BY_ADMIN


async def answered(world: World, target: Target, answer: Any) -> None:
    """Something that was asked of a Business Center in which much has happened."""
    assert any(len(value) > 0 for value in vars(answer).values() if hasattr(value, "__len__")) or answer.accounts > 0


async def release_planned(world: World, target: Target, answer: Plan) -> None:
    """Everything is read, and nothing is changed."""
    assert answer.rows == 1
    assert await releases.get(world.db, target.campaign_id) is None


async def release_started(world: World, target: Target, _: Any) -> None:
    # R5: whoever is a member runs Spark Ads with both keys, admin or not.
    async def rows() -> list[tuple[TargetState, str]]:
        found = await releases.report_rows(world.db, target.campaign_id)
        return [(row.state, row.reason) for row in found if row.state is not TargetState.WAITING]

    assert await until(rows, f"{target.campaign_id} at its gate") == [(TargetState.READY, "")]
    await world.spark.cancel(target.campaign_id, SteeringCommand(actor=world.label.admin))
    await world.spark.wait_for_release(target.campaign_id)


async def release_paused(world: World, target: Target, _: Any) -> None:
    await until(lambda: flag(world, target.campaign_id, "paused"), "paused")
    await world.spark.resume(target.campaign_id, SteeringCommand(actor=world.label.admin))

    async def goes_on() -> bool:
        return not await flag(world, target.campaign_id, "paused")

    await until(goes_on, "resumed")


async def release_resumed(world: World, target: Target, _: Any) -> None:
    async def goes_on() -> bool:
        return not await flag(world, target.campaign_id, "paused")

    await until(goes_on, "resumed")
    await world.spark.pause(target.campaign_id, SteeringCommand(actor=world.label.admin))
    await until(lambda: flag(world, target.campaign_id, "paused"), "paused again")


async def release_retimed(world: World, target: Target, answer: Retimed) -> None:
    assert (answer.rows, answer.waits_for) == (1, "")
    await until(lambda: ready(world, target.campaign_id), "through its gates again")


async def release_waits_for_another_admin(world: World, target: Target, answer: Retimed) -> None:
    assert (answer.rows, "a second admin" in answer.waits_for) == (0, True)
    assert await ready(world, target.campaign_id)


async def release_cancelled(world: World, target: Target, _: Any) -> None:
    await world.spark.wait_for_release(target.campaign_id)
    assert set(await releases.counts(world.db, target.campaign_id)) == {TargetState.CANCELLED}


async def release_taken_down(world: World, target: Target, answer: TakedownResult) -> None:
    assert answer.failed == 0
    await world.spark.wait_for_release(target.campaign_id)
    assert set(await releases.counts(world.db, target.campaign_id)) == {TargetState.CANCELLED}


DONE: dict[str, Callable[[World, Target, Any], Awaitable[None]]] = {
    "BusinessCenter request_access": request_opened,
    "BusinessCenter cancel_request": request_cancelled,
    "BusinessCenter qr_code": answered,
    "BusinessCenter scan declined": request_declined,
    "BusinessCenter list_scans": answered,
    "Authorization share": member_has_it,
    "Authorization unshare": member_lost_it,
    "Authorization cancel": authorization_over,
    "BusinessCenter list_people": answered,
    "BusinessCenter check_drift": answered,
    "BusinessCenter audit": answered,
    "BusinessCenter list_notifications": answered,
    "PlanRelease start": release_planned,
    "ReleaseCampaign start": release_started,
    "ReleaseCampaign pause": release_paused,
    "ReleaseCampaign resume": release_resumed,
    "ReleaseCampaign cancel": release_cancelled,
    "ReleaseCampaign retime earlier": release_waits_for_another_admin,
    "ReleaseCampaign retime later": release_retimed,
    "Takedown takedown": release_taken_down,
}


# The cells


@pytest.mark.parametrize("cell", ALL, ids=lambda cell: f"{cell.command.key}, {cell.who}, {cell.state}")
async def test_a_cell(cell: Cell, world: World) -> None:
    # R1, R2, R3, R4, R5, R9, R10
    target, actor = world.target(cell), world.people[cell.who]
    if cell.state is ReleaseState.NONE:
        target = Target(target.bc_id, campaign_id=f"{target.campaign_id}-{next(_numbers)}")
    attempt = Attempt(world, cell, actor, target, await world.lines())
    if cell.answer is Outcome.DONE:
        answer = await attempt.send()
        await DONE[cell.command.key](world, target, answer)
        assert await world.refusals(attempt.lines) == []
        return
    before = await world.as_it_is(target)
    await CHECK.get(cell.answer, Attempt.is_refused)(attempt)
    assert await world.as_it_is(target) == before


@dataclass
class Attempt:
    """A command on its way, and how to tell what became of it."""

    world: World
    cell: Cell
    actor: str
    target: Target
    lines: int

    async def send(self) -> Any:
        return await SEND[self.cell.command.key](self.world, self.actor, self.target)

    async def send_and_wait(self) -> None:
        """An update waits for its answer; a release is refused once it runs."""
        await self.send()
        await self.world.spark.wait_for_release(self.target.campaign_id)

    async def is_refused(self) -> None:
        """By name, with the rule, whom to ask, and a line in the trail if there is somebody who could write one."""
        refusal = self.cell.answer
        assert isinstance(refusal, type)
        assert issubclass(refusal, Refusal)
        if refusal in PERSONAL:
            await self.is_refused_to(refusal)
        elif self.cell.command.name == names.CANCEL_REQUEST:
            await self.finds_no_request()
        else:
            with pytest.raises(refusal) as raised:
                await self.send()
            assert type(raised.value) is refusal
            assert await self.world.refusals(self.lines) == []

    async def is_refused_to(self, refusal: type[Refusal]) -> None:
        if self.cell.command.kind == "signal":
            await self.send()
            await self.is_shown(await self.has_left_a_line(refusal))
            return
        with pytest.raises(refusal) as raised:
            await self.send_and_wait()
        assert type(raised.value) is refusal
        assert str(raised.value) == await self.has_left_a_line(refusal)

    async def has_left_a_line(self, refusal: Any) -> str:
        """One line in the trail; returns its text, which names the rule and whom to ask."""
        found = await until(lambda: self.world.refusals(self.lines), "the refusal in the trail", WITHIN)
        ((actor, subject, text),) = found
        assert actor == self.actor
        assert self.actor in text
        assert PERSONAL[refusal] in text
        assert f"Ada ({self.world.label.admin})" in text
        action = self.cell.command.action
        assert action is not None
        if refusal in {OnlyItsPeople, NotAnApprover}:
            assert subject == self.cell.command.name
        else:
            assert subject == action
            assert text.startswith(f"{RULE_OF_ACTION[action]}: ")
        return str(text)

    async def is_shown(self, text: str) -> None:
        """A signal has no answer: whoever sent it reads the refusal where they sent it."""
        match self.cell.command.key:
            case "BusinessCenter scan declined":
                await self.is_kept(ScanOutcome.UNVERIFIED)
                return
            case "BusinessCenter cancel_request":
                ask: Callable[[], Awaitable[Any]] = lambda: self.world.spark.request_status(  # noqa: E731 - as below
                    self.target.bc_id, self.target.handle
                )
            case "Authorization cancel":
                ask = lambda: self.world.spark.authorization_status(self.target.bc_id, self.target.asset_id)  # noqa: E731
            case _:
                ask = lambda: self.world.spark.release_status(self.target.campaign_id)  # noqa: E731 - one call each

        async def shown() -> bool:
            return text in (await ask()).last_error

        await until(shown, f"shown: {text}")

    async def finds_no_request(self) -> None:
        """The Business Center has passed it on, and nobody was there."""
        request = names.access_request_id(self.target.bc_id, self.target.handle)
        center = self.world.spark.temporal.get_workflow_handle(names.business_center_id(self.target.bc_id))
        run_id = (await center.describe()).run_id
        before = await self.failed_signals(request, run_id)
        await self.send()

        async def failed() -> bool:
            # In the next run, if one has just started.
            return bool(
                await self.failed_signals(request, run_id) - before or await self.failed_signals(request) - before
            )

        await until(failed, f"{request} not found", WITHIN)

    async def failed_signals(self, workflow_id: str, run_id: str = "") -> set[int]:
        """Ids of the events of a Business Center which say that a signal found no such workflow, among the newest."""
        temporal = self.world.spark.temporal
        newest = await temporal.workflow_service.get_workflow_execution_history_reverse(
            GetWorkflowExecutionHistoryReverseRequest(
                namespace=temporal.namespace,
                execution=WorkflowExecution(workflow_id=names.business_center_id(self.target.bc_id), run_id=run_id),
                maximum_page_size=200,
            )
        )
        failed = [
            (event.event_id, event.signal_external_workflow_execution_failed_event_attributes.workflow_execution)
            for event in newest.history.events
            if event.event_type == EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED
        ]
        return {event_id for event_id, execution in failed if execution.workflow_id == workflow_id}

    async def has_nothing_to_do(self) -> None:
        answer = await self.send()
        match self.cell.command.name:
            case names.REQUEST_ACCESS:
                assert [line.outcome for line in answer.requests] in (
                    [RequestOpened.ALREADY_OPEN],
                    [RequestOpened.ALREADY_AUTHORIZED],
                )
            case names.PROCEED:
                assert answer.number == 1  # the only tier
            case names.SHARE | names.UNSHARE:
                assert [pair.outcome for pair in answer.pairs] == [PairOutcome.ALREADY]
            case name:

                async def on_record() -> bool:
                    return bool(
                        await self.world.db.fetchval(
                            "SELECT 1 FROM audit WHERE bc_id = $1 AND number > $2 AND actor = $3 AND action = $4",
                            self.target.bc_id,
                            self.lines,
                            self.actor,
                            f"release {name}",
                        )
                    )

                await until(on_record, f"{name} on record")
        assert await self.world.refusals(self.lines) == []

    async def is_named(self) -> bool:
        answer = await self.send()
        assert await self.world.refusals(self.lines) == []
        return self.target.handle in {line.handle for line in (*answer.accounts, *answer.awaited)}

    async def is_listed(self) -> None:
        assert await self.is_named()

    async def is_left_out(self) -> None:
        assert not await self.is_named()

    async def is_kept_and_no_more(self) -> None:
        await self.send()
        if self.cell.command.about == "declined":
            await self.is_kept(ScanOutcome.DECLINED)
        elif self.cell.state in {AccountState.AUTHORIZED, AccountState.SHARED}:
            await self.is_kept(ScanOutcome.DUPLICATE)
        else:
            await self.is_kept(ScanOutcome.UNVERIFIED)
        assert await self.world.refusals(self.lines) == []

    async def is_kept(self, outcome: ScanOutcome) -> None:
        async def kept() -> bool:
            return bool(
                await self.world.db.fetchval(
                    """SELECT 1 FROM audit WHERE bc_id = $1 AND number > $2 AND action = $3 AND actor = $4
                       AND subject = $5""",
                    self.target.bc_id,
                    self.lines,
                    f"scan {outcome.value.replace('_', ' ')}",
                    self.actor,
                    f"@{self.target.handle}",
                )
            )

        await until(kept, f"a scan of {self.target.handle} kept as {outcome}")


PERSONAL: Mapping[type[Refusal], str] = {
    AdminOnly: "only a BC admin may",
    NotAMember: "is no member",
    OnlyItsPeople: "may not",
    NotAnApprover: "does not approve",
}
"""Refusals for who somebody is, and the words that tell them apart where a signal leaves no error class."""

CHECK: Mapping[Any, Callable[[Attempt], Awaitable[None]]] = {
    Outcome.NOTHING_TO_DO: Attempt.has_nothing_to_do,
    Outcome.SHOWN: Attempt.is_listed,
    Outcome.LEFT_OUT: Attempt.is_left_out,
    Outcome.KEPT: Attempt.is_kept_and_no_more,
}


# The two keys


@dataclass(frozen=True)
class Keys:
    """What a member holds: a role in the Business Center, a permission on the account, a role on the ad account."""

    role: BcRole
    permission: Permission | None
    ad_account_role: AdAccountRole | None


KEYS = [Keys(*keys) for keys in product(BcRole, TIKTOK_ACCOUNT_KEY, AD_ACCOUNT_KEY)]


@dataclass
class KeyRing:
    """An account, an ad account, and a member for each set of keys."""

    asset_id: str
    ad_account: str
    holders: dict[Keys, str]


@pytest.fixture(scope="module")
async def key_ring(world: World) -> KeyRing:
    label = world.label
    holders = {keys: f"{int(label.admin) + 10**18 + number}" for number, keys in enumerate(KEYS)}
    await seed_members(label, {user_id: {"user_role": keys.role} for keys, user_id in holders.items()})
    roles = {user_id: keys.ad_account_role for keys, user_id in holders.items() if keys.ad_account_role}
    ad_accounts = [{"advertiser_id": label.ad_account, "roles": roles}]
    await label.simulator.post("seed", {"business_centers": [{"bc_id": label.bc_id, "ad_accounts": ad_accounts}]})
    (asset_id,) = await label.authorized(f"keys{label.bc_id[-4:]}")
    grants = [
        MemberGrant(user_id=user_id, permissions=(keys.permission,))
        for keys, user_id in holders.items()
        if keys.permission
    ]
    answer = await world.spark.share(label.bc_id, asset_id, Share(actor=label.admin, members=tuple(grants)))
    assert not answer.refused
    return KeyRing(asset_id, label.ad_account, holders)


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: f"{keys.role}, {keys.permission}, {keys.ad_account_role}")
async def test_a_spark_ad_needs_both_keys(keys: Keys, world: World, key_ring: KeyRing) -> None:
    # R5: as TikTok says now, and for admins too.
    user_id, asked_at = key_ring.holders[keys], datetime.now(UTC)
    ask = AskPeople(actor=world.label.admin, member=user_id)
    use = (await world.spark.people(world.label.bc_id, ask)).use
    assert use is not None
    assert use.ad_accounts.get(key_ring.ad_account) == keys.ad_account_role
    assert use.accounts.get(key_ring.asset_id) == (None if keys.permission is None else (keys.permission,))
    read = await members.get(world.db, world.label.bc_id, user_id, not_before=asked_at)
    assert read is not None
    assert read.role is keys.role

    reason = blocker(row_of(key_ring), read)

    first, second = TIKTOK_ACCOUNT_KEY[keys.permission], AD_ACCOUNT_KEY[keys.ad_account_role]
    if first and second:
        assert reason is None
    else:
        assert reason is not None
        assert reason.startswith(f"R5: operator {user_id} lacks ")
        assert ("permission on the TikTok account" in reason) is not first
        assert ("role OPERATOR or ADMIN on the ad account" in reason) is not second


def row_of(key_ring: KeyRing) -> Candidate:
    return Candidate.model_validate(
        {
            "row_id": "row",
            "mode": "pull",
            "handle": "keys",
            "asset_id": key_ring.asset_id,
            "authorized": True,
            "advertiser_id": key_ring.ad_account,
            "identity_id": "identity",
            "can_pull": True,
            "visibility": None,
            "due_at": "2026-01-01T00:00:00Z",
            "pull_item_id": "74",
            "caption": "",
            "landing_url": "",
            "call_to_action": "",
        }
    )


# An independent client: the `temporal` command and JSON, nothing of ours

RAW: dict[str, tuple[State, str]] = {
    "BusinessCenter request_access": (
        AccountState.UNKNOWN,
        '{"command_id": "raw", "actor": "ACTOR", "scope": {}, "handles": ["@HANDLE"]}',
    ),
    "BusinessCenter cancel_request": (AccountState.REQUESTED, '{"name": "HANDLE", "actor": "ACTOR"}'),
    "BusinessCenter qr_code": (CenterState.CONNECTED, '{"actor": "ACTOR", "scope": {}}'),
    "BusinessCenter scan declined": (
        AccountState.DECLINED,
        '{"handle": "HANDLE", "decision": "declined", "reported_by": "ACTOR"}',
    ),
    "BusinessCenter scan approved": (AccountState.REQUESTED, '{"handle": "HANDLE", "reported_by": "ACTOR"}'),
    "BusinessCenter list_scans": (CenterState.CONNECTED, '{"actor": "ACTOR"}'),
    "BusinessCenter list_accounts": (AccountState.AUTHORIZED, '{"actor": "ACTOR"}'),
    "Authorization share": (AccountState.SHARED, '{"actor": "ACTOR", "members": [{"user_id": "ACTOR"}]}'),
    "Authorization unshare": (AccountState.SHARED, '{"actor": "ACTOR", "members": ["ACTOR"]}'),
    "Authorization cancel": (AccountState.SHARED, '{"actor": "ACTOR", "reason": "by hand"}'),
    "BusinessCenter list_people": (CenterState.CONNECTED, '{"actor": "ACTOR"}'),
    "BusinessCenter check_drift": (CenterState.CONNECTED, '{"actor": "ACTOR"}'),
    "BusinessCenter audit": (CenterState.CONNECTED, '{"actor": "ACTOR", "operation": "show"}'),
    "BusinessCenter list_notifications": (CenterState.CONNECTED, '{"actor": "ACTOR"}'),
    "ReleaseCampaign pause": (ReleaseState.RUNNING, '{"actor": "ACTOR"}'),
    "ReleaseCampaign resume": (ReleaseState.PAUSED, '{"actor": "ACTOR"}'),
    "ReleaseCampaign cancel": (ReleaseState.RUNNING, '{"actor": "ACTOR"}'),
    "ReleaseCampaign retime earlier": (
        ReleaseState.RUNNING,
        '{"actor": "ACTOR", "reason": "by hand", "release_at": null}',
    ),
    "ReleaseCampaign retime later": (
        ReleaseState.RUNNING,
        '{"actor": "ACTOR", "reason": "by hand", "release_at": "2200-01-01T00:00:00"}',
    ),
    "ReleaseCampaign proceed": (ReleaseState.RUNNING, '{"actor": "ACTOR", "reason": "by hand"}'),
    "ReleaseCampaign approve": (
        ReleaseState.RUNNING,
        '{"actor": "ACTOR", "stage": "artist", "plan_hash": "' + "ab" * 32 + '"}',
    ),
    "ReleaseCampaign settle_target": (
        ReleaseState.RUNNING,
        '{"actor": "ACTOR", "row_id": "row", "because": "by hand"}',
    ),
    "ReleaseCampaign retry": (ReleaseState.RUNNING, '{"actor": "ACTOR", "reason": "by hand"}'),
}


class Refused(Exception):
    """The command line has failed, and says why."""


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.kind != "start"], ids=lambda one: one.key)
async def test_an_independent_client_is_answered_alike(command: Command, world: World, stack: Stack) -> None:
    # R2, R3, R5, R9, R10: the role check is behind the message, so no client goes around it.
    state, body = RAW[command.key]
    cell = Cell(command, Who.STANDARD, state)
    target, actor = world.target(cell), world.people[cell.who]
    attempt = Attempt(world, cell, actor, target, await world.lines())
    before = await world.as_it_is(target)
    body = body.replace("ACTOR", actor).replace("HANDLE", target.handle)

    if command.kind == "signal":
        await by_hand(stack, command, target, body)
        match cell.answer:
            case Outcome.KEPT:
                declined = command.about == "declined"
                await attempt.is_kept(ScanOutcome.DECLINED if declined else ScanOutcome.UNVERIFIED)
            case refusal:
                await attempt.has_left_a_line(refusal)
    elif isinstance(cell.answer, type):
        with pytest.raises(Refused) as refused:
            await by_hand(stack, command, target, body)
        assert cell.answer.__name__ in str(refused.value)
        text = await attempt.has_left_a_line(cell.answer)
        assert text.split(";")[0] in str(refused.value)
    else:
        answer = await by_hand(stack, command, target, body)
        assert cell.answer is Outcome.LEFT_OUT
        assert target.handle not in answer
        assert await world.refusals(attempt.lines) == []
    assert await world.as_it_is(target) == before


WORKFLOW_IDS: dict[str, Callable[[Target], str]] = {
    names.BUSINESS_CENTER_WORKFLOW: lambda target: f"bc/{target.bc_id}",
    names.AUTHORIZATION_WORKFLOW: lambda target: f"authorization/{target.bc_id}/{target.asset_id}",
    names.RELEASE_CAMPAIGN_WORKFLOW: lambda target: f"campaign/{target.campaign_id}",
}


async def by_hand(stack: Stack, command: Command, target: Target, body: str) -> str:
    send = ["signal"] if command.kind == "signal" else ["update", "execute", "--output", "json"]
    ran = await run_command(
        *(str(Path(PYTHON).parent / "temporal"), "workflow", *send, "--address", stack.temporal_address),
        *("--workflow-id", WORKFLOW_IDS[command.sent_to](target), "--name", command.name, "--input", body),
        environment={"TEMPORAL_CONFIG_FILE": os.devnull},
    )
    if ran.code != 0:
        raise Refused(ran.err + ran.out)
    return ran.out


NO_RIGHT: dict[tuple[str, str], tuple[State, str]] = {
    (names.BUSINESS_CENTER_WORKFLOW, names.LOOK): (AccountState.REQUESTED, '{"reported_by": "somebody"}'),
    (names.BUSINESS_CENTER_WORKFLOW, names.REQUEST_CLOSED): (AccountState.REQUESTED, '{"name": "HANDLE"}'),
    (names.AUTHORIZATION_WORKFLOW, names.LOST): (AccountState.SHARED, '{"seen_at": "2026-01-01T00:00:00Z"}'),
    (names.AUTHORIZATION_WORKFLOW, names.PARTNER_SHARED): (AccountState.SHARED, '{"advertiser_ids": ["ADVERTISER"]}'),
    (names.RELEASE_CAMPAIGN_WORKFLOW, names.ACCESS_CHANGED): (ReleaseState.RUNNING, "{}"),
    (names.RELEASE_CAMPAIGN_WORKFLOW, names.ROWS_HELD): (ReleaseState.RUNNING, '{"rows": ["row"]}'),
    (names.RELEASE_CAMPAIGN_WORKFLOW, names.REPORT): (ReleaseState.RUNNING, '{"actor": "6999"}'),
}


@pytest.mark.parametrize("message", NEED_NO_RIGHT, ids=" ".join)
async def test_a_message_that_needs_no_right_changes_nothing(
    message: tuple[str, str], world: World, stack: Stack
) -> None:
    # R6, R10, domain decision 5: nothing counts because somebody says so.
    workflow_type, name = message
    state, body = NO_RIGHT[message]
    target = world.targets[state, ""]
    kind: Literal["update", "signal"] = "update" if name == names.REPORT else "signal"
    body = body.replace("HANDLE", target.handle).replace("ADVERTISER", world.label.ad_account)

    async def now() -> Any:
        status = await world.spark.business_center_status(world.label.bc_id)
        return await world.as_it_is(target), status.waiting_for, status.undecodable_signals

    before = await now()
    await by_hand(stack, Command(name, workflow_type, kind, None, {}), target, body)

    async def calm() -> bool:
        return await now() == before

    await settled(calm, world.label)
