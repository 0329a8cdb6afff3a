"""A release from its start until its report is written, through all stages, as a label would run it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from bench.label import SETTINGS, Label, found
from bench.meter import cpu_seconds, memory, monotonic
from bench.planning import calls_of
from bench.world import Servers, servers, worker_processes
from sparkads import clock, names
from sparkads.contracts.release import ReportFiles, TargetState
from store import releases

PHASES = ("load", "share", "prepare", "publish", "confirm", "report")
_LAST_OF = {"load": "invite_missing", "share": "settle_accounts", "prepare": "prepare_ad_account"}
"""The activity that a phase ends with."""


@dataclass(frozen=True)
class Histories:
    """
    What Temporal keeps of some workflows.

    Attributes:
        workflows: How many.
        events: Of all of them.
        total_bytes: Of all of them.
        most_bytes: Of the largest.
        event_bytes: Of the largest single event: the server takes 2 MiB.
    """

    workflows: int
    events: int
    total_bytes: int
    most_bytes: int
    event_bytes: int


@dataclass(frozen=True)
class Campaign:
    """
    One release, all of it published.

    Attributes:
        rows: Of its manifest.
        accounts: TikTok accounts, authorized and not shared when it starts.
        seconds: By phase, each from the end of the one before: `load` begins with the start, `publish` ends when TikTok
            has made the last ad, `confirm` with the last review on record, `report` with the workflow.
        calls: To TikTok, of all kinds.
        create_calls: Of these to ad/create.
        cpu_seconds: Of worker, Temporal and PostgreSQL.
        grown_bytes: By how much the worker's memory has grown at most.
        campaign: History of the campaign's workflow.
        shards: Histories of its shards.
        report_bytes: By file.
    """

    rows: int
    accounts: int
    seconds: dict[str, float]
    calls: int
    create_calls: int
    cpu_seconds: float
    grown_bytes: int
    campaign: Histories
    shards: Histories
    report_bytes: dict[str, int]

    @property
    def total_seconds(self) -> float:
        """From the start to the end."""
        return sum(self.seconds.values())

    @property
    def published_a_second(self) -> float:
        """Targets a second while ads are made."""
        return self.rows / self.seconds["publish"]


def phases(started: datetime, ends: dict[str, datetime]) -> dict[str, float]:
    """Seconds of each phase, from the end of the one before; one that ended before that took none."""
    seconds = {}
    for phase in PHASES:
        seconds[phase] = max(timedelta(0), ends[phase] - started).total_seconds()
        started = max(started, ends[phase])
    return seconds


async def measure_campaigns(sizes: Sequence[int], accounts: int) -> list[Campaign]:
    """A release of each size, each in a stack of its own: none works with what another has left."""
    measured = []
    for rows in sizes:
        async with servers(SETTINGS, worker=False) as running:
            label = await found(running, accounts)
            async with worker_processes(running):
                await label.authorize(label.handles)
            async with worker_processes(running) as workers:
                measured.append(await _measured(label, rows, workers))
    return measured


async def _measured(label: Label, rows: int, workers: Sequence[int]) -> Campaign:
    running, spark = label.running, label.running.spark
    asked = label.release(f"release-{rows}", await label.bring(rows, clock.NOW))
    pids = [*workers, running.stack.processes["Temporal"], running.stack.processes["PostgreSQL"]]
    async with memory(workers) as watched:
        calls, cpu = await calls_of(running), cpu_seconds(pids)
        await spark.start_release(asked)
        result = await spark.wait_for_release(asked.campaign_id)
        cpu = cpu_seconds(pids) - cpu
    if result.counts != {TargetState.PUBLISHED: rows}:
        raise RuntimeError(f"not everything was published: {result.counts}")
    handle = spark.temporal.get_workflow_handle(names.release_campaign_id(asked.campaign_id))
    started, ends = await _ends(handle)
    create = (await running.control("GET", "calls"))["paths"]["/ad/create/"]
    ends["publish"] = datetime.now(UTC) - timedelta(seconds=monotonic() - create["last_accepted"])
    confirmed = [row.confirmed_at for row in await releases.report_rows(running.db, asked.campaign_id)]
    ends["confirm"] = max(moment for moment in confirmed if moment is not None)
    shards = await _shards(running, asked.campaign_id)
    return Campaign(
        rows=rows,
        accounts=len(label.handles),
        seconds=phases(started, ends),
        calls=await calls_of(running) - calls,
        create_calls=create["calls"],
        cpu_seconds=cpu,
        grown_bytes=watched.grown,
        campaign=await _histories([handle]),
        shards=await _histories(shards),
        report_bytes=_sizes(result.report),
    )


async def _ends(handle: WorkflowHandle[object, object]) -> tuple[datetime, dict[str, datetime]]:
    """When a campaign started, and when each phase ended that its own history tells of."""
    activities: dict[int, str] = {}
    last: dict[str, datetime] = {}
    moments = []
    async for event in handle.fetch_history_events():
        moment = event.event_time.ToDatetime(tzinfo=UTC)
        moments.append(moment)
        if event.HasField("activity_task_scheduled_event_attributes"):
            activities[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
        elif event.HasField("activity_task_completed_event_attributes"):
            last[activities[event.activity_task_completed_event_attributes.scheduled_event_id]] = moment
    return moments[0], {phase: last[activity] for phase, activity in _LAST_OF.items()} | {"report": moments[-1]}


async def _shards(running: Servers, campaign_id: str) -> list[WorkflowHandle[object, object]]:
    """The runs of a campaign's shards. Temporal's list is a little behind its workflows."""
    query = f"SparkCampaign = '{campaign_id}' AND WorkflowType = '{names.PUBLISH_SHARD_WORKFLOW}'"
    while True:
        runs = [run async for run in running.spark.temporal.list_workflows(query)]
        if runs and all(run.status is not WorkflowExecutionStatus.RUNNING for run in runs):
            return [running.spark.temporal.get_workflow_handle(run.id, run_id=run.run_id) for run in runs]
        await asyncio.sleep(0.2)


async def _histories(handles: Sequence[WorkflowHandle[object, object]]) -> Histories:
    described = [(await handle.describe()).raw_description.workflow_execution_info for handle in handles]
    events = [[event.ByteSize() async for event in handle.fetch_history_events()] for handle in handles]
    sizes = [one.history_size_bytes for one in described]
    return Histories(len(handles), sum(map(len, events)), sum(sizes), max(sizes), max(map(max, events)))


def _sizes(report: ReportFiles) -> dict[str, int]:
    return {"html": report.html.size, "csv": report.csv.size, "json": report.json_file.size}
