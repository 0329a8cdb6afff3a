"""What workflows are called, take and call: by the names of `sparkads.names`, described, and served by a worker."""

import ast
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.worker import Worker

from sparkads import names
from sparkads.converter import data_converter
from store.database import Pool
from tests.guards.fingerprint import ACTIVITIES, Module
from tiktok import TikTok
from workers.local import Stack
from workers.settings import Settings
from workers.worker import WORKFLOWS, make_workers
from workflows import _calls

FOLDER = Path(__file__).parents[2] / "workflows"
SUMMARY = {
    "wait_condition with timeout": "timeout_summary",
    "sleep": "summary",
    "start_child_workflow": "static_summary",
    "execute_child_workflow": "static_summary",
}
"""What an operation is called in the Temporal UI; activities have a `summary`."""

MESSAGES = {
    names.BUSINESS_CENTER_WORKFLOW: {
        "signals": {names.SCAN, names.CANCEL_REQUEST, names.REQUEST_CLOSED, names.LOOK},
        "updates": {
            names.REQUEST_ACCESS,
            names.QR_CODE,
            names.LIST_ACCOUNTS,
            names.LIST_SCANS,
            names.LIST_PEOPLE,
            names.LIST_NOTIFICATIONS,
            names.CHECK_DRIFT,
            names.AUDIT,
        },
        "queries": {names.STATUS},
    },
    names.ACCESS_REQUEST_WORKFLOW: {
        "signals": {names.SCAN, names.CANCEL},
        "updates": set(),
        "queries": {names.STATUS},
    },
    names.AUTHORIZATION_WORKFLOW: {
        "signals": {names.CANCEL, names.LOST, names.PARTNER_SHARED},
        "updates": {names.SHARE, names.UNSHARE},
        "queries": {names.STATUS},
    },
    names.RELEASE_CAMPAIGN_WORKFLOW: {
        "signals": {names.PAUSE, names.RESUME, names.CANCEL, names.ACCESS_CHANGED, names.ROWS_HELD},
        "updates": {
            names.REPORT,
            names.SETTLE_TARGET,
            names.RETIME,
            names.APPROVE,
            names.PROCEED,
            names.RETRY,
        },
        "queries": {names.STATUS},
    },
    names.PLAN_RELEASE_WORKFLOW: {"signals": set(), "updates": set(), "queries": set()},
    names.WRITE_REPORT_WORKFLOW: {"signals": set(), "updates": set(), "queries": set()},
    names.TAKEDOWN_WORKFLOW: {"signals": set(), "updates": set(), "queries": {names.STATUS}},
    names.PUBLISH_SHARD_WORKFLOW: {
        "signals": {names.PAUSE, names.RESUME, names.CANCEL, names.OUTCOME_SETTLED},
        "updates": set(),
        "queries": {names.STATUS},
    },
    names.PLAN_RELEASE_WORKFLOW: {"signals": set(), "updates": set(), "queries": set()},
}
"""The public contract: what is taken away here is taken from every client in every language."""


class Called(NamedTuple):
    """One call in a workflow module that issues a command."""

    path: Path
    name: str
    node: ast.Call

    def __str__(self) -> str:
        return f"{self.path.name}:{self.node.lineno}"

    @property
    def options(self) -> set[str]:
        return {one.arg for one in self.node.keywords if one.arg}

    @property
    def activity(self) -> str:
        """The name of the activity it refers to."""
        kind, method = ast.unparse(self.node.args[0]).split(".")
        reference = getattr(getattr(importlib.import_module(f"workflows.{self.path.stem}"), kind), method)
        return str(activity._Definition.must_from_callable(reference).name)

    @property
    def queue(self) -> str:
        """The task queue that its timing, the one `**` of a call, sends an activity to."""
        (timing,) = [one.value for one in self.node.keywords if one.arg is None]
        assert isinstance(timing, ast.Attribute)
        assert "task_queue" not in self.options
        return str(getattr(_calls, timing.attr).get("task_queue", names.TASK_QUEUE))


CALLS = [
    Called(path, name, node) for path in sorted(FOLDER.glob("*.py")) for name, node in Module(path.read_text()).calls()
]
ACTIVITY_CALLS = [call for call in CALLS if call.name.startswith(ACTIVITIES)]
CHILD_CALLS = [call for call in CALLS if call.name.endswith("child_workflow")]


def test_the_workflows_are_those_of_the_contract() -> None:
    assert {workflow._Definition.must_from_class(kind).name for kind in WORKFLOWS} == set(MESSAGES)


@pytest.mark.parametrize("kind", WORKFLOWS, ids=lambda kind: kind.__name__)
def test_a_workflow_takes_the_messages_of_the_contract(kind: type) -> None:
    definition = workflow._Definition.must_from_class(kind)

    taken = {part: set(getattr(definition, part)) for part in ("signals", "updates", "queries")}

    assert taken == MESSAGES[str(definition.name)]


@pytest.mark.parametrize("kind", WORKFLOWS, ids=lambda kind: kind.__name__)
def test_every_message_is_described_and_safe_to_get_wrong(kind: type) -> None:
    definition = workflow._Definition.must_from_class(kind)

    described = {
        **{name: one.description for name, one in definition.signals.items()},
        **{name: one.description for name, one in definition.updates.items()},
        **{name: one.description for name, one in definition.queries.items()},
    }
    assert all(described.values()), described
    for name, signal in definition.signals.items():
        # Decoded by hand: what the SDK can't decode it drops, and a second value would fail the task for ever.
        assert signal.arg_types == [RawValue], f"{name} takes no RawValue"
        assert hasattr(signal.fn, "__wrapped__"), f"{name} is not @one_value"
    for name, update in definition.updates.items():
        # Without a validator, a call with no value raises in the handler, which fails the task for ever.
        assert update.validator is not None, f"{name} has no validator"
        for model in (*(update.arg_types or ()), update.ret_type):
            assert isinstance(model, type), name
            assert issubclass(model, BaseModel), f"{name}: {model} is no contract"


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_the_temporal_ui_can_say_what_goes_on(call: Called) -> None:
    wanted = "summary" if call in ACTIVITY_CALLS else SUMMARY.get(call.name)

    assert wanted is None or wanted in call.options, f"{call.name} without {wanted}="


@pytest.fixture(scope="module")
async def workers(stack: Stack, db: Pool) -> AsyncIterator[dict[str, Worker]]:
    """The workers as they are built for production, by task queue; they poll nothing."""
    client = await Client.connect(stack.temporal_address, data_converter=data_converter)
    settings = Settings(object_store=stack.object_store, tiktok_base_url=stack.tiktok_base_url)
    async with TikTok(stack.tiktok_base_url, limiter=None) as tiktok:
        yield {worker.task_queue: worker for worker in make_workers(settings, client, db, tiktok)}


def _activities(worker: Worker) -> set[str]:
    return {str(activity._Definition.must_from_callable(one).name) for one in worker.config()["activities"]}


@pytest.mark.parametrize("call", ACTIVITY_CALLS, ids=str)
async def test_a_worker_serves_what_a_workflow_calls(call: Called, workers: dict[str, Worker]) -> None:
    served = _activities(workers[call.queue])

    assert call.activity in served, f"nobody serves {call.activity} on {call.queue}: it would wait for ever"


async def test_no_worker_serves_what_nobody_calls(workers: dict[str, Worker]) -> None:
    called = {(call.queue, call.activity) for call in ACTIVITY_CALLS}

    assert {(queue, one) for queue, worker in workers.items() for one in _activities(worker)} == called


async def test_a_worker_runs_every_workflow(workers: dict[str, Worker]) -> None:
    running = workers[names.TASK_QUEUE].config()["workflows"]

    assert {workflow._Definition.must_from_class(kind).name for kind in running} == set(MESSAGES)


@pytest.mark.parametrize("call", CHILD_CALLS, ids=str)
def test_a_child_is_a_workflow_of_the_worker_that_starts_it(call: Called) -> None:
    assert "task_queue" not in call.options
    started = call.node.args[0]
    assert isinstance(started, ast.Attribute)
    assert getattr(names, started.attr) in MESSAGES
