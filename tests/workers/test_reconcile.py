"""`python -m workers reconcile`: what somebody terminated goes on from the record, with the same record."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import asyncpg
import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from sparkads import names
from sparkads.client import SparkAds
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import AdAccountLink, AuthorizationStage, MemberGrant, Share
from sparkads.contracts.business_center import RequestAccess, RequestOpened
from sparkads.contracts.release import ReleaseInput, ReleasePhase
from sparkads.manifest import ManifestRow, Mode, ReleaseBundle
from sparkads.scopes import NewVideos, Scope
from store import audit, requests
from store.database import Pool
from tests.conftest import PYTHON, QUICK, Label, Ran, Simulator, make_label, post_of, run_command, stop_sweeping, until
from workers.local import Stack, local_stack

SCOPE = Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE)


@dataclass
class World:
    """A stack of its own: what runs elsewhere must not be found missing here, nor started again."""

    stack: Stack
    db: Pool
    spark: SparkAds
    simulator: Simulator

    async def reconcile(self, *arguments: str) -> Ran:
        return await run_command(
            PYTHON, "-m", "workers", "reconcile", "--json", *arguments, environment=self.stack.environment
        )

    async def terminate(self, workflow_id: str) -> None:
        await self.spark.temporal.get_workflow_handle(workflow_id).terminate("a test of its repair")

    async def run_of(self, workflow_id: str) -> str:
        return (await self.spark.temporal.get_workflow_handle(workflow_id).describe()).run_id

    async def runs(self, workflow_id: str) -> bool:
        return (await self.spark.temporal.get_workflow_handle(workflow_id).describe()).close_time is None

    async def rebuilt(self, bc_id: str) -> list[str]:
        """The subjects of the audit lines about rebuilt workflows."""
        rows = await self.db.fetch(
            "SELECT subject FROM audit WHERE bc_id = $1 AND action = 'workflow rebuilt' ORDER BY number", bc_id
        )
        return [row["subject"] for row in rows]


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    async with (
        local_stack(None, environment=QUICK) as stack,
        asyncpg.create_pool(stack.database_url, min_size=1, max_size=5) as db,
        aiohttp.ClientSession() as http,
    ):
        assert stack.simulator_url is not None
        simulator = Simulator(stack.simulator_url, http)
        await simulator.post("config", {"tier": "unlimited"})
        await simulator.post("clock", {"scan_seconds": 0, "link_seconds": 0})
        spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
        yield World(stack, db, spark, simulator)
        await stop_sweeping()


@pytest.fixture
async def center(world: World) -> Label:
    return await make_label(world.simulator, world.spark, world.db)


def own(label: Label, name: str) -> str:
    """A handle that no other test of this module has."""
    return f"{name}{label.bc_id[-5:]}"


async def request_closes(world: World, label: Label, name: str, state: str) -> None:
    async def look() -> bool:
        row = await world.db.fetchval(
            "SELECT array_agg(state) FROM access_requests WHERE bc_id = $1 AND name = $2", label.bc_id, name
        )
        return bool(row == [state])

    await until(look, f"one request {name}, {state}")


async def slots_become(label: Label, held: int, pending: int) -> None:
    async def look() -> bool:
        status = await label.spark.business_center_status(label.bc_id)
        return (status.held, status.pending) == (held, pending)

    await until(look, f"{held} held, {pending} pending")


def counts(report: Any, kind: str) -> tuple[int, int, int]:
    return report[kind]["running"], report[kind]["started"], report[kind]["would_start"]


def ids(report: Any, kind: str) -> list[str]:
    return [one["workflow_id"] for one in report[kind]["not_running"]]


async def test_a_business_center_goes_on_with_its_policy_and_its_open_requests(world: World, center: Label) -> None:
    # R6: the open requests hold their slots, so a repeated command opens no second one.
    kiri, bodhi = own(center, "kiri"), own(center, "bodhi")
    await center.seed_accounts(kiri, bodhi)
    command = RequestAccess(command_id="first", actor=center.admin, scope=SCOPE, handles=(kiri, bodhi))
    await world.spark.request_access(center.bc_id, command, policy="tiktok-2026")
    await world.terminate(names.business_center_id(center.bc_id))

    ran = await world.reconcile()

    assert (ran.code, ran.err) == (0, "")
    assert ids(ran.json, "business_centers") == [names.business_center_id(center.bc_id)]
    (told,) = ran.json["business_centers"]["not_running"]
    assert told["note"] == "policy tiktok-2026, as its last run had it"
    assert told["run_id"] == await world.run_of(names.business_center_id(center.bc_id))
    assert await world.rebuilt(center.bc_id) == [f"Business Center {center.bc_id}"]
    again = await center.request(kiri, bodhi)
    assert [line.outcome for line in again.requests] == [RequestOpened.ALREADY_OPEN] * 2
    assert (again.slots_used, again.slots) == (2, 800)
    await center.simulator.approve(kiri, center.bc_id)
    await request_closes(world, center, kiri, "approved")
    await slots_become(center, 1, 1)
    verdict = await audit.verify(world.db, center.bc_id)
    assert verdict.broken is None


async def test_a_request_goes_on_with_its_deadline_and_reminders_and_is_answered(world: World, center: Label) -> None:
    kiri = own(center, "kiri")
    await center.seed_accounts(kiri)
    deadline = datetime.now(UTC) + timedelta(days=5)
    await center.request(kiri, deadline=deadline, remind_every_hours=24)
    workflow_id = names.access_request_id(center.bc_id, kiri)
    skipper = TimeSkipper(world.spark.temporal, config=TimeSkippingConfig(enabled=False))
    await skipper.fast_forward(world.spark.temporal.get_workflow_handle(workflow_id), timedelta(hours=25))

    async def reminded() -> bool:
        row = await world.db.fetchval("SELECT reminders_sent FROM access_requests WHERE bc_id = $1", center.bc_id)
        return bool(row == 1)

    await until(reminded, "one reminder on record")
    before = await world.spark.request_status(center.bc_id, kiri)
    await world.terminate(workflow_id)

    ran = await world.reconcile()

    assert ran.code == 0
    assert ids(ran.json, "access_requests") == [workflow_id]
    status = await world.spark.request_status(center.bc_id, kiri)
    assert (status.reminders_sent, status.deadline, status.waiting_since) == (1, deadline, before.waiting_since)
    assert await world.rebuilt(center.bc_id) == [kiri]
    await center.simulator.approve(kiri, center.bc_id)
    await request_closes(world, center, kiri, "approved")
    await slots_become(center, 1, 0)


async def test_a_request_whose_deadline_passed_meanwhile_ends_on_the_same_record(world: World, center: Label) -> None:
    kiri = own(center, "kiri")
    await center.request(kiri, deadline=datetime.now(UTC) + timedelta(hours=1))
    workflow_id = names.access_request_id(center.bc_id, kiri)

    async def on_record() -> Any:
        return await world.db.fetchval("SELECT id FROM access_requests WHERE bc_id = $1", center.bc_id)

    await until(on_record, "the request on record")
    await world.terminate(workflow_id)
    await world.db.execute("UPDATE access_requests SET deadline = now() WHERE bc_id = $1", center.bc_id)
    assert (await world.reconcile()).code == 0
    await request_closes(world, center, kiri, "timed_out")
    await slots_become(center, 0, 0)


async def test_an_authorization_goes_on_with_its_grants_until_its_owner_ends_it(world: World, center: Label) -> None:
    # R10, R15: the same authorization, before and after.
    kiri = own(center, "kiri")
    (asset_id,) = await center.authorized(kiri)
    link = AdAccountLink(advertiser_id=center.ad_account)
    await world.spark.share(
        center.bc_id,
        asset_id,
        Share(actor=center.admin, members=(MemberGrant(user_id=center.operator),), ad_accounts=(link,)),
    )
    before = await world.spark.authorization_status(center.bc_id, asset_id)
    on_record = await world.db.fetch("SELECT id, since FROM authorizations WHERE bc_id = $1", center.bc_id)
    await world.terminate(names.authorization_id(center.bc_id, asset_id))

    ran = await world.reconcile()

    assert ran.code == 0
    assert ids(ran.json, "authorizations") == [names.authorization_id(center.bc_id, asset_id)]
    assert await world.rebuilt(center.bc_id) == [f"account {asset_id}"]

    async def as_before() -> bool:
        return await world.spark.authorization_status(center.bc_id, asset_id) == before

    await until(as_before, "the same status as before")
    shared = await world.spark.share(
        center.bc_id, asset_id, Share(actor=center.admin, members=(MemberGrant(user_id=center.standard),))
    )
    assert not shared.refused
    await center.simulator.revoke(kiri, center.bc_id)

    async def ended() -> Any:
        return await world.db.fetchval(
            "SELECT stage = 'revoked_by_owner' FROM authorizations WHERE bc_id = $1", center.bc_id
        )

    await until(ended, "the revocation on record")
    assert await world.db.fetch("SELECT id, since FROM authorizations WHERE bc_id = $1", center.bc_id) == on_record
    grants = await world.db.fetch(
        "SELECT user_id, ended_at IS NOT NULL AS ended FROM grants WHERE authorization_id = $1 ORDER BY user_id",
        on_record[0]["id"],
    )
    assert [tuple(row) for row in grants] == [(center.operator, True), (center.standard, True)]
    result = await world.spark.temporal.get_workflow_handle(names.authorization_id(center.bc_id, asset_id)).result()
    assert result["stage"] == AuthorizationStage.REVOKED_BY_OWNER


async def test_what_its_owner_did_meanwhile_is_found_when_it_is_rebuilt(world: World, center: Label) -> None:
    # R15: nothing waits for the next of the slow sweeps.
    kiri = own(center, "kiri")
    (asset_id,) = await center.authorized(kiri)
    await world.terminate(names.authorization_id(center.bc_id, asset_id))
    await center.simulator.revoke(kiri, center.bc_id)

    async def missed() -> bool:
        return "reconcile" in (await world.spark.business_center_status(center.bc_id)).last_error

    await until(missed, "the Business Center names the command that repairs it")
    assert (await world.reconcile()).code == 0

    async def ended() -> Any:
        return await world.db.fetchval(
            "SELECT stage = 'revoked_by_owner' FROM authorizations WHERE bc_id = $1", center.bc_id
        )

    await until(ended, "the revocation on record")

    async def no_error() -> bool:
        return not (await world.spark.business_center_status(center.bc_id)).last_error

    await until(no_error, "the error gone")


async def test_what_runs_is_left_alone_and_a_dry_run_starts_nothing(world: World, center: Label) -> None:
    kiri, bodhi = own(center, "kiri"), own(center, "bodhi")
    (asset_id,) = await center.authorized(kiri)
    await center.request(bodhi)
    all_three = [
        names.business_center_id(center.bc_id),
        names.access_request_id(center.bc_id, bodhi),
        names.authorization_id(center.bc_id, asset_id),
    ]
    assert (await world.reconcile()).code == 0
    first_runs = [await world.run_of(one) for one in all_three]
    assert (await world.reconcile("--dry-run")).code == 0

    for one in all_three:
        await world.terminate(one)
    dry = await world.reconcile("--dry-run")
    assert dry.code == 1
    kinds = ("business_centers", "access_requests", "authorizations")
    assert [ids(dry.json, kind) for kind in kinds] == [[one] for one in all_three]
    assert [await world.run_of(one) for one in all_three] == first_runs
    assert not any([await world.runs(one) for one in all_three])

    told = [counts(dry.json, kind) for kind in kinds]
    repaired = await world.reconcile()
    assert repaired.code == 0
    assert [counts(repaired.json, kind) for kind in kinds] == [(running, 1, 0) for running, _, _ in told]
    assert all([await world.runs(one) for one in all_three])
    second_runs = [await world.run_of(one) for one in all_three]
    again = await world.reconcile()
    assert [counts(again.json, kind) for kind in kinds] == [(running + 1, 0, 0) for running, _, _ in told]
    assert [await world.run_of(one) for one in all_three] == second_runs
    assert len(await world.rebuilt(center.bc_id)) == 3

    people = await run_command(PYTHON, "-m", "workers", "reconcile", environment=world.stack.environment)
    assert (people.code, people.err) == (0, "")
    assert "authorizations" in people.out


async def test_a_lost_policy_is_assumed_and_said(world: World, center: Label) -> None:
    command = RequestAccess(command_id="first", actor=center.admin, scope=SCOPE, handles=(own(center, "kiri"),))
    await world.spark.request_access(center.bc_id, command, policy="tiktok-2026")
    workflow_id = names.business_center_id(center.bc_id)

    async def lose() -> None:
        run_id = await world.run_of(workflow_id)
        execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        await world.spark.temporal.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=world.stack.namespace, workflow_execution=execution)
        )

        async def gone() -> bool:
            try:
                await world.run_of(workflow_id)
            except RPCError:
                return True
            return False

        await until(gone, "the run gone from Temporal")

    await lose()
    ran = await world.reconcile()
    (told,) = ran.json["business_centers"]["not_running"]
    assert told["note"] == "policy seed-2023, assumed: Temporal has no last run that says it"
    await lose()
    ran = await world.reconcile("--policy", "tiktok-2026")
    (told,) = ran.json["business_centers"]["not_running"]
    assert told["note"].startswith("policy tiktok-2026, assumed")
    assert (await world.spark.business_center_status(center.bc_id)).policy == "tiktok-2026"


async def test_a_request_that_is_closed_at_that_moment_is_not_started(world: World, center: Label) -> None:
    kiri = own(center, "kiri")
    await center.request(kiri)
    workflow_id = names.access_request_id(center.bc_id, kiri)

    async def on_record() -> Any:
        return await world.db.fetchval("SELECT id FROM access_requests WHERE bc_id = $1", center.bc_id)

    request_id = await until(on_record, "the request on record")
    await world.terminate(workflow_id)
    async with world.db.acquire() as connection:
        async with connection.transaction():
            await requests.close_request(
                connection, request_id, RequestOutcome.CANCELLED, asset_id=None, reason="a moment before"
            )
            reconciling = asyncio.create_task(world.reconcile())

            async def waiting() -> Any:
                return await world.db.fetchval("SELECT true FROM pg_locks WHERE NOT granted LIMIT 1")

            await until(waiting, "it waits for the row")
        ran = await reconciling
    assert ran.code == 0
    assert ids(ran.json, "access_requests") == []
    assert not await world.runs(workflow_id)


async def test_a_release_is_not_started_again_but_told_of(world: World, center: Label) -> None:
    kiri = own(center, "kiri")
    await center.seed_accounts(kiri)
    row = ManifestRow(
        row_id="1",
        mode=Mode.PULL,
        account=kiri,
        ad_account=center.ad_account,
        territory="NZ",
        location_id="2186224",
        time_zone="Etc/UTC",
        release_at=datetime.now(UTC).replace(microsecond=0, tzinfo=None) + timedelta(days=3),
        post_id=post_of(kiri),
        caption="Out now",
        landing_url="https://example.com/song",
        call_to_action="LISTEN_NOW",
        daily_budget=Decimal(50),
    )
    bundle = await world.spark.files.put(ReleaseBundle(rows=(row,)).model_dump_json().encode(), "application/json")
    campaign = await world.spark.start_release(
        ReleaseInput(
            campaign_id="spring", bc_id=center.bc_id, actor=center.admin, operator=center.operator, manifest=bundle
        )
    )

    async def invited() -> bool:
        return (await world.spark.release_status(campaign)).phase is not ReleasePhase.LOADING

    await until(invited, "the release on record")
    running = await world.reconcile()
    assert (running.json["releases"]["running"], running.json["releases"]["problems"]) == (1, [])
    await world.terminate(names.release_campaign_id(campaign))

    ran = await world.reconcile()

    assert ran.code == 0
    (problem,) = ran.json["releases"]["problems"]
    assert problem.startswith(
        f"campaign/spring (Business Center {center.bc_id}) is terminated, with 1 of 1 targets open"
    )
    assert not await world.runs(names.release_campaign_id(campaign))
    # The same id and manifest go on with the record.
    await world.spark.start_release(
        ReleaseInput(
            campaign_id="spring", bc_id=center.bc_id, actor=center.admin, operator=center.operator, manifest=bundle
        )
    )
    assert (await world.reconcile()).json["releases"]["running"] == 1


async def test_wrong_input_ends_it_with_2_and_missing_servers_with_3(world: World) -> None:
    wrong = await world.reconcile("--policy", "yesterday")
    assert (wrong.code, wrong.out, wrong.err.count("\n")) == (2, "", 1)
    assert "seed-2023" in wrong.err
    # Port 1 is reserved, and nobody listens there.
    for name in ("TEMPORAL_ADDRESS", "DATABASE_URL"):
        nowhere = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/x"}
        environment = world.stack.environment | {name: nowhere[name]}
        ran = await run_command(PYTHON, "-m", "workers", "reconcile", environment=environment)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert "127.0.0.1:1" in ran.err


async def test_a_database_without_our_schema_is_named(world: World) -> None:
    await world.db.execute("CREATE DATABASE empty")
    url = world.stack.database_url.replace("/sparkads?", "/empty?", 1)
    ran = await run_command(
        PYTHON, "-m", "workers", "reconcile", environment=world.stack.environment | {"DATABASE_URL": url}
    )
    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert "python -m workers migrate" in ran.err
