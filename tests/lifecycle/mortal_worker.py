"""A Temporal server that suggests early to continue as new, and a worker process that can be killed."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from sparkads import search_attributes
from sparkads.client import SparkAds
from sparkads.converter import data_converter
from sparkads.files import Files
from tests.conftest import PYTHON
from workers.child_process import Child, start_child
from workers.local import DYNAMIC_CONFIG, Stack
from workers.settings import inherited_environment

_EVENTS = 100
_READY_WITHIN = 60.0
_STOPPED_WITHIN = 45.0


class MortalWorker:
    """`python -m workers run` on a stack's database, for another Temporal server."""

    def __init__(self, temporal: Client, environment: dict[str, str], log: Path) -> None:
        self._temporal = temporal
        self._environment = environment
        self._log = log
        self._child: Child | None = None
        self._killed: set[str] = set()
        self.deaths = 0

    async def start(self) -> None:
        self._child = await start_child(
            "Worker",
            [PYTHON, "-m", "workers", "run"],
            environment=self._environment,
            directory=Path(__file__).parents[2],
            log=self._log,
        )
        await self._child.said("worker", within=_READY_WITHIN)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process: SIGTERM lets activities finish, SIGKILL does not."""
        if self._child is None:
            return
        child, self._child = self._child, None
        if how is signal.SIGKILL:
            self._killed.add(f"{child.pid}@")
            self.deaths += 1
        await child.stop(how, within=_STOPPED_WITHIN)

    async def restart(self, how: signal.Signals) -> None:
        await self.stop(how)
        await self.start()

    async def bury_activities(self) -> None:
        """
        Have the server notice now which activities a killed process took with it, so that they are tried again.

        It notices when they time out, after up to two minutes: an attempt that was given up looks the same then.
        """
        while True:
            if self._killed:
                async for one in self._temporal.list_workflows("ExecutionStatus = 'Running'"):
                    with contextlib.suppress(RPCError):  # it has ended or gone on meanwhile
                        await self._bury(one.id, one.run_id)
            await asyncio.sleep(1)

    async def _bury(self, workflow_id: str, run_id: str) -> None:
        described = await self._temporal.get_workflow_handle(workflow_id, run_id=run_id).describe()
        for pending in described.raw_description.pending_activities:
            started = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            if started and any(pending.last_worker_identity.startswith(process) for process in self._killed):
                lost = self._temporal.get_async_activity_handle(
                    workflow_id=workflow_id, run_id=run_id, activity_id=pending.activity_id
                )
                await lost.fail(ApplicationError("its worker was killed", type="WorkerKilled"))


@asynccontextmanager
async def hasty_temporal(stack: Stack) -> AsyncIterator[tuple[SparkAds, MortalWorker]]:
    """A server that suggests to continue as new after few events, and a worker on the stack's database."""
    config = DYNAMIC_CONFIG | {"limit.historyCount.suggestContinueAsNew": str(_EVENTS)}
    async with await WorkflowEnvironment.start_local(
        data_converter=data_converter,
        dev_server_existing_path=PYTHON.replace("python", "temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=[
            *(f"--dynamic-config-value={name}={value}" for name, value in config.items()),
            *(f"--search-attribute={key.name}={key.indexed_value_type.name.title()}" for key in search_attributes.ALL),
        ],
    ) as server:
        address = server.client.service_client.config.target_host
        environment = inherited_environment() | stack.environment | {"TEMPORAL_ADDRESS": address}
        worker = MortalWorker(server.client, environment, Path(stack.logs) / f"mortal-worker-{address[-5:]}.log")
        await worker.start()
        burying = asyncio.create_task(worker.bury_activities())
        try:
            yield SparkAds(server.client, Files(stack.object_store)), worker
        finally:
            burying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await burying
            await worker.stop()


async def end_all(temporal: Client) -> None:
    """Terminate whatever runs: a Business Center would go on sweeping."""
    async for one in temporal.list_workflows("ExecutionStatus = 'Running'"):
        with contextlib.suppress(RPCError):
            await temporal.get_workflow_handle(one.id).terminate("the test is over")
