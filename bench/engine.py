"""The engine: the same targets as a release campaign, from its instant until the last review is read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from temporalio.client import WorkflowExecutionStatus

from bench.measured import ENGINE, Measured
from bench.meter import cpu_seconds, database_bytes, memory, monotonic
from bench.world import ADMIN, BC, World
from sparkads import ReleaseInput
from sparkads.contracts.release import Command, ReleasePhase, TargetState
from sparkads.manifest import ManifestRow, Mode, ReleaseBundle, Visibility
from store import releases
from workflows.release_campaign import AHEAD

_LEAD = timedelta(seconds=10)
_LEAD_EACH = timedelta(milliseconds=10)
"""Time for uploads, gates and ad groups before the instant, for each target; doubled where it was not enough."""

_READY_BEFORE = AHEAD + timedelta(seconds=1)
"""How long before its instant a release must have nothing left to do but to start its shards."""

_LOOK_AGAIN = 0.2
"""Seconds between two looks at the record."""


@dataclass(frozen=True)
class Prepared:
    """A release with nothing left to do before its instant."""

    campaign_id: str
    planned: datetime


async def run_engine(world: World, targets: int, workers: Sequence[int]) -> Measured:
    """Publish `targets` pushes as a release, and wait for their review."""
    pids = [*workers, world.stack.processes["Temporal"], world.stack.processes["PostgreSQL"]]
    size, cpu = await database_bytes(world.db), cpu_seconds(pids)
    at_first = await world.calls()
    async with memory(workers) as watched:
        release = await prepare_release(world, targets)
        calls, cpu_at_rest = await world.calls(), cpu_seconds(pids)
        await asyncio.sleep((release.planned - AHEAD - datetime.now(UTC)).total_seconds())
        cpu_at_start = cpu_seconds(pids)
        await asyncio.sleep((release.planned - datetime.now(UTC)).total_seconds())
        started = monotonic() - (datetime.now(UTC) - release.planned).total_seconds()
        await _confirmed(world, release)
        cpu_confirmed = cpu_seconds(pids)
        await publish(world, release, targets)
        cpu_ended = cpu_seconds(pids)
    called = await world.calls()
    rows = await releases.report_rows(world.db, release.campaign_id)
    events, history = await _histories(world, release.campaign_id)
    return Measured(
        name=ENGINE,
        targets=targets,
        seconds=called.last_create_at - started,
        confirmed_seconds=(max(row.confirmed_at for row in rows if row.confirmed_at) - release.planned).total_seconds(),
        cpu_seconds=cpu_confirmed - cpu_at_start,
        cpu_seconds_before=cpu_at_rest - cpu,
        cpu_seconds_after=cpu_ended - cpu_confirmed,
        create_calls=called.create - calls.create,
        other_calls=called.other - calls.other,
        calls_before=calls.other - at_first.other,
        database_bytes=await database_bytes(world.db) - size,
        history_bytes=history,
        events=events,
        memory_bytes=watched.grown,
    )


async def prepare_release(world: World, targets: int) -> Prepared:
    """Start a release, and wait until its instant is all that it waits for."""
    lead = _LEAD + targets * _LEAD_EACH
    for attempt in range(1, 5):
        campaign_id = f"bench-{targets}-{attempt}"
        planned = (datetime.now(UTC) + lead).replace(microsecond=0)
        bundle = ReleaseBundle(rows=_rows(world, targets, planned))
        stored = await world.spark.files.put(bundle.model_dump_json().encode(), "application/json")
        await world.spark.start_release(
            ReleaseInput(campaign_id=campaign_id, bc_id=BC, actor=ADMIN, operator=ADMIN, manifest=stored)
        )
        while datetime.now(UTC) < planned - _READY_BEFORE:
            status = await world.spark.release_status(campaign_id)
            if status.phase is ReleasePhase.PROMOTE and status.counts == {TargetState.READY: targets}:
                return Prepared(campaign_id, planned)
            await asyncio.sleep(0.2)
        await world.spark.cancel(campaign_id, Command(actor=ADMIN, reason="not ready in time"))
        lead *= 2
    raise RuntimeError(f"the release was not ready within {lead / 2}")


async def _confirmed(world: World, release: Prepared) -> None:
    """Wait until the review of all targets is on record; the question ends at the first that is not."""
    open_rows = "SELECT EXISTS (SELECT FROM targets WHERE campaign_id = $1 AND state <> 'published')"
    while await world.db.fetchval(open_rows, release.campaign_id):
        await asyncio.sleep(_LOOK_AGAIN)


async def publish(world: World, release: Prepared, targets: int) -> None:
    """Wait for the end of a release; everything must be published."""
    result = await world.spark.wait_for_release(release.campaign_id)
    if result.counts != {TargetState.PUBLISHED: targets}:
        raise RuntimeError(f"not everything was published: {result.counts}")


def _rows(world: World, targets: int, planned: datetime) -> tuple[ManifestRow, ...]:
    advertisers = world.ad_accounts[ENGINE]
    return tuple(
        ManifestRow(
            row_id=str(number),
            mode=Mode.PUSH,
            account=world.handles[number // len(advertisers) % len(world.handles)],
            ad_account=advertisers[number % len(advertisers)],
            territory="NZ",
            location_id="2186224",
            time_zone="Etc/UTC",
            release_at=planned.replace(tzinfo=None),
            visibility=Visibility.ADS_ONLY,
            video=world.video,
            caption="Out now",
            landing_url="https://example.com/song",
            call_to_action="LISTEN_NOW",
            daily_budget=Decimal(50),
        )
        for number in range(targets)
    )


async def _histories(world: World, campaign_id: str) -> tuple[int, int]:
    """Events, and bytes of history, of all workflows of a campaign."""
    temporal, query = world.spark.temporal, f'SparkCampaign = "{campaign_id}"'
    # Temporal's list is a little behind its workflows.
    while True:
        runs = [run async for run in temporal.list_workflows(query)]
        if runs and all(run.status is not WorkflowExecutionStatus.RUNNING for run in runs):
            break
        await asyncio.sleep(0.2)
    described = [await temporal.get_workflow_handle(run.id, run_id=run.run_id).describe() for run in runs]
    return (
        sum(one.history_length for one in described),
        sum(one.raw_description.workflow_execution_info.history_size_bytes for one in described),
    )
