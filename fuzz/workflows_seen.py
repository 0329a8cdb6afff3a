"""What Temporal knows of a seed's workflows: which failed, at which tasks, and what their activities wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

_FAILED = {
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT,
    WorkflowExecutionStatus.TERMINATED,
}
_ORDERLY = {
    # An event came in while a task was completed: the server says so by failing the task, and gives it out again.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
}


@dataclass(frozen=True)
class Pending:
    """An activity that has not ended."""

    workflow_id: str
    name: str
    attempt: int
    failure: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.workflow_id}: {self.name}, attempt {self.attempt}: {self.failure}"


class Seen:
    """The workflows of one Business Center and of its release, if it has one."""

    def __init__(self, client: Client, bc_id: str, campaign_id: str) -> None:
        """Nothing is asked yet."""
        self._client = client
        self._bc_id = bc_id
        self._campaign_id = campaign_id

    async def executions(self) -> list[WorkflowExecution]:
        """All runs."""
        campaign = f"campaign/{self._campaign_id}"
        query = (
            f"WorkflowId = 'bc/{self._bc_id}' OR WorkflowId = '{campaign}' OR WorkflowId STARTS_WITH '{campaign}/' "
            f"OR WorkflowId STARTS_WITH 'request/{self._bc_id}/' "
            f"OR WorkflowId STARTS_WITH 'authorization/{self._bc_id}/'"
        )
        return [one async for one in self._client.list_workflows(query)]

    async def failures(self) -> list[str]:
        """Workflows that failed, and workflow tasks that did, with why."""
        found: list[str] = []
        for execution in await self.executions():
            if execution.status in _FAILED:
                found.append(f"{execution.id}: {execution.status.name}: {await self._why(execution)}")
            tasks = [failure async for failure in self._failed_tasks(execution)]
            found += [f"{execution.id}: a workflow task failed: {failure}" for failure in tasks]
        return found

    async def _failed_tasks(self, execution: WorkflowExecution) -> AsyncIterator[str]:
        async for event in self._handle(execution).fetch_history_events():
            if event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                continue
            failed = event.workflow_task_failed_event_attributes
            if failed.cause not in _ORDERLY:
                yield f"{WorkflowTaskFailedCause.Name(failed.cause)}: {failed.failure.message}"

    async def _why(self, execution: WorkflowExecution) -> str:
        events = [event async for event in self._handle(execution).fetch_history_events()]
        failure = events[-1].workflow_execution_failed_event_attributes.failure
        words = []
        while failure.message:
            words.append(f"{failure.application_failure_info.type} {failure.message}".strip())
            failure = failure.cause
        return " <- ".join(words)

    async def is_closed(self, workflow_id: str) -> bool:
        """Whether a workflow has ended, in whatever way."""
        try:
            description = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError:
            return False
        return description.status is not WorkflowExecutionStatus.RUNNING

    async def pending(self) -> list[Pending]:
        """Activities that have failed at least once and will be tried again."""
        found: list[Pending] = []
        for execution in await self._running():
            description = await self._handle(execution).describe()
            found += [
                Pending(execution.id, one.activity_type.name, one.attempt, one.last_failure.message)
                for one in description.raw_description.pending_activities
                if one.last_failure.message
            ]
        return found

    async def cards(self) -> dict[str, str]:
        """What the release's workflows show of themselves, by workflow id."""
        found: dict[str, str] = {}
        for execution in await self._running():
            if execution.id.startswith("campaign/"):
                with suppress(RPCError, TimeoutError):
                    async with asyncio.timeout(5):
                        shown = await self._handle(execution).query("__temporal_workflow_metadata")
                        found[execution.id] = str(shown.get("currentDetails", "")) if isinstance(shown, dict) else ""
        return found

    async def end(self) -> None:
        """Terminate what still runs: it would go on calling."""
        for execution in await self._running():
            with suppress(RPCError):
                await self._handle(execution).terminate("the seed is over")

    async def _running(self) -> list[WorkflowExecution]:
        return [one for one in await self.executions() if one.status is WorkflowExecutionStatus.RUNNING]

    def _handle(self, execution: WorkflowExecution) -> WorkflowHandle[object, object]:
        return self._client.get_workflow_handle(execution.id, run_id=execution.run_id)
