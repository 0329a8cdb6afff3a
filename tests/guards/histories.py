"""Recorded histories as files: one event a line, without what names the machine they were recorded on."""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).parent / "histories"
"""`<workflow>/<what happened>.json`, or `….<patch>.json` if it was recorded behind a patch."""

MAX_BYTES = 200_000
"""Of one file. A path takes a hundred events; more of the same guards nothing."""


def recorded() -> list[Path]:
    """All committed histories."""
    return sorted(FOLDER.glob("*/*.json"))


def load(path: Path) -> WorkflowHistory:
    """A committed history, for the replayer."""
    workflow_id = events(path)[0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    return WorkflowHistory.from_json(workflow_id, path.read_text())


def events(path: Path) -> list[dict[str, Any]]:
    """A committed history's events, as they stand in the file."""
    found: list[dict[str, Any]] = json.loads(path.read_text())["events"]
    return found


def write(path: Path, history: WorkflowHistory) -> int:
    """
    Keep a history; returns how many bytes it takes.

    Raises:
        ValueError: it is too long to be kept.
    """
    lines = [json.dumps(_portable(event), separators=(",", ":")) for event in history.to_json_dict()["events"]]
    text = '{"events":[\n' + ",\n".join(lines) + "\n]}\n"
    if len(text) > MAX_BYTES:
        raise ValueError(f"{path.name}: {len(text)} bytes, {len(lines)} events: make the recorded run shorter")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return len(text)


def _portable(value: Any) -> Any:
    if isinstance(value, list):
        return [_portable(one) for one in value]
    if not isinstance(value, dict):
        return value
    # `pid@host`, and paths of a checkout: the replayer reads neither.
    kept = {name: _portable(one) for name, one in value.items() if name not in {"identity", "stackTrace"}}
    if kept.get("kind") == "TASK_QUEUE_KIND_STICKY":
        kept["name"] = kept["normalName"]
    return kept
