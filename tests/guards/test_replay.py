"""Recorded histories still lead today's workflow code to the same commands."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from sparkads.converter import data_converter
from tests.guards import histories
from tests.guards.changed_workflows import WithAnotherActivity, WithAnotherInput, WithAnotherTimer
from tests.guards.fingerprint import ACTIVITIES, fingerprints
from workers.worker import RUNNER, WORKFLOWS

BROKEN = """{name} no longer replays: a run that started before this change would be stuck for good.
Put the change behind workflow.patched("what-changed"), so that this history replays, and record the new path beside it:
python -m tests.guards.record --beside what-changed

{error}"""

APPROVED = histories.FOLDER / "AccessRequestWorkflow" / "approved.json"


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def _replayer(executor: ThreadPoolExecutor, workflows: list[type] = WORKFLOWS) -> Replayer:
    return Replayer(
        workflows=workflows,
        workflow_runner=RUNNER,
        workflow_task_executor=executor,
        data_converter=data_converter,
        namespace="default",
    )


def _name(path: Path) -> str:
    return str(path.relative_to(histories.FOLDER).with_suffix(""))


@pytest.mark.parametrize("path", histories.recorded(), ids=_name)
async def test_a_recorded_run_replays(path: Path, executor: ThreadPoolExecutor) -> None:
    result = await _replayer(executor).replay_workflow(histories.load(path), raise_on_replay_failure=False)

    assert result.replay_failure is None, BROKEN.format(name=_name(path), error=result.replay_failure)


@pytest.mark.parametrize(
    ("changed", "told"),
    [(WithAnotherTimer, "TMPRL1100"), (WithAnotherActivity, "TMPRL1100"), (WithAnotherInput, "Failed decoding")],
)
async def test_a_changed_workflow_is_noticed(changed: type, told: str, executor: ThreadPoolExecutor) -> None:
    result = await _replayer(executor, [changed]).replay_workflow(
        histories.load(APPROVED), raise_on_replay_failure=False
    )

    assert told in str(result.replay_failure)


async def test_a_history_of_another_order_is_noticed(executor: ThreadPoolExecutor) -> None:
    text = APPROVED.read_text()
    swapped = text.replace('"open_request"', '"?"').replace('"close_request"', '"open_request"')
    altered = WorkflowHistory.from_json("altered", swapped.replace('"?"', '"close_request"'))

    result = await _replayer(executor).replay_workflow(altered, raise_on_replay_failure=False)

    assert "open_request" in str(result.replay_failure)


@pytest.mark.parametrize("kind", WORKFLOWS, ids=lambda kind: kind.__name__)
def test_every_message_activity_and_way_out_of_a_workflow_is_recorded(kind: type) -> None:
    definition = workflow._Definition.must_from_class(kind)
    events = [
        event for path in (histories.FOLDER / str(definition.name)).glob("*.json") for event in histories.events(path)
    ]
    attributes = [value for event in events for name, value in event.items() if name.endswith("EventAttributes")]
    commands = [command for handler in fingerprints(kind).values() for command in handler]

    activities = {command.rpartition(".")[2] for command in commands if command.startswith(ACTIVITIES)}
    assert activities == {one["activityType"]["name"] for one in attributes if "activityType" in one}
    signals = {
        one["signalName"] for event in events for one in [event.get("workflowExecutionSignaledEventAttributes")] if one
    }
    assert signals == set(definition.signals)
    updates = {one["acceptedRequest"]["input"]["name"] for one in attributes if "acceptedRequest" in one}
    assert updates == set(definition.updates)
    ends = {event["eventType"] for event in events}
    assert "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW" in ends or "continue_as_new" not in commands
    assert any(one.get("continuedExecutionRunId") for one in attributes) or "continue_as_new" not in commands


@pytest.mark.parametrize("path", histories.recorded(), ids=_name)
def test_a_recorded_run_is_small_and_holds_no_secret(path: Path) -> None:
    assert path.stat().st_size <= histories.MAX_BYTES
    for text in (path.read_text(), *_payloads(histories.events(path))):
        assert "://" not in text, "a URL: whoever has that of a QR code can use it"
        assert "token-" not in text, "an access token, as the tests call them"
        assert str(Path(__file__).parents[2]) not in text


def _payloads(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("data"), str):
            yield base64.b64decode(value["data"]).decode()
        for one in value.values():
            yield from _payloads(one)
    elif isinstance(value, list):
        for one in value:
            yield from _payloads(one)
