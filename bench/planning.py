"""Planning a release: half of its accounts authorized and shared, half not even asked."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.label import SETTINGS, Label, found
from bench.manifests import in_four_weeks
from bench.meter import memory
from bench.world import Servers, servers, worker_processes


@dataclass(frozen=True)
class Planning:
    """
    One plan.

    Attributes:
        rows: Of the manifest.
        blocked: Rows that would not be published; none should be.
        seconds: From the question to the answer.
        calls: To TikTok.
        plan_bytes: Of the plan, in the object store.
        history_bytes: Of its workflow.
        memory_bytes: The most that the worker had.
        grown_bytes: By how much that is more than before.
    """

    rows: int
    blocked: int
    seconds: float
    calls: int
    plan_bytes: int
    history_bytes: int
    memory_bytes: int
    grown_bytes: int

    @property
    def row_bytes(self) -> float:
        """Memory of the worker for each row."""
        return self.grown_bytes / self.rows


async def measure_plans(sizes: Sequence[int], accounts: int) -> list[Planning]:
    """Plan every size in one Business Center, each with a worker that has planned nothing before."""
    measured = []
    async with servers(SETTINGS, worker=False) as running:
        label = await found(running, accounts)
        async with worker_processes(running):
            await label.share(await label.authorize(label.handles[: accounts // 2]))
        for rows in sizes:
            async with worker_processes(running) as workers:
                measured.append(await _measured(label, rows, workers))
    return measured


async def _measured(label: Label, rows: int, workers: Sequence[int]) -> Planning:
    running = label.running
    asked = label.release(f"plan-{rows}", await label.bring(rows, in_four_weeks()))
    async with memory(workers) as watched:
        calls, started = await calls_of(running), time.perf_counter()
        plan = await running.spark.plan_release(asked)
        seconds = time.perf_counter() - started
        calls = await calls_of(running) - calls
    run = await anext(running.spark.temporal.list_workflows(f'SparkCampaign = "plan-{rows}"'))
    described = await running.spark.temporal.get_workflow_handle(run.id).describe()
    return Planning(
        rows=rows,
        blocked=plan.blocked,
        seconds=seconds,
        calls=calls,
        plan_bytes=plan.content.size,
        history_bytes=described.raw_description.workflow_execution_info.history_size_bytes,
        memory_bytes=watched.most,
        grown_bytes=watched.grown,
    )


async def calls_of(running: Servers) -> int:
    """Calls that TikTok has had so far, of all kinds."""
    paths = (await running.control("GET", "calls"))["paths"]
    return sum(counts["calls"] for counts in paths.values())
