"""Messages as an outsider sends them: the `temporal` command line and JSON, nothing of ours."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access_record import request_ends, request_states, scan_kept, trail

from sparkads import names
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import MemberGrant, Share
from sparkads.contracts.business_center import ScanOutcome
from store import credentials
from store.database import Pool
from tests.conftest import PYTHON, Label, Ran, run_command, until
from workers.local import Stack

TEMPORAL = str(Path(PYTHON).parent / "temporal")


class CommandLine:
    """`temporal`, pointed at the stack."""

    def __init__(self, stack: Stack) -> None:
        self._address = stack.temporal_address

    async def __call__(self, *arguments: str) -> Ran:
        return await run_command(
            TEMPORAL, *arguments, "--address", self._address, environment={"TEMPORAL_CONFIG_FILE": os.devnull}
        )

    async def signal(self, workflow_id: str, name: str, *more: str) -> None:
        ran = await self("workflow", "signal", "--workflow-id", workflow_id, "--name", name, *more)
        assert ran.code == 0, ran.err

    async def status(self, workflow_id: str) -> dict[str, Any]:
        ran = await self("workflow", "query", "--workflow-id", workflow_id, "--name", "status", "--output", "json")
        assert ran.code == 0, ran.err
        (status,) = ran.json["queryResult"]
        assert isinstance(status, dict)
        return status

    async def update(self, workflow_id: str, name: str, *bodies: str) -> Ran:
        inputs = [part for body in bodies for part in ("--input", body)]
        return await self(
            "workflow", "update", "execute", "--workflow-id", workflow_id, "--name", name, "--output", "json", *inputs
        )


@pytest.fixture
def temporal(stack: Stack) -> CommandLine:
    return CommandLine(stack)


async def test_a_whole_request_by_command_line(label: Label, db: Pool, temporal: CommandLine) -> None:
    await label.seed_accounts("kiri")
    workflow_id = f"bc/{label.bc_id}"
    started = await temporal(
        *("workflow", "start", "--type", "BusinessCenterWorkflow", "--task-queue", "sparkads"),
        *("--workflow-id", workflow_id, "--input", json.dumps({"bc_id": label.bc_id})),
    )
    assert started.code == 0, started.err

    command = {
        "command_id": "by-hand",
        "actor": label.admin,
        "scope": {"existing_posts": True, "new_videos": "ads_only"},
        "handles": ["@Kiri"],
    }
    answer = await temporal.update(workflow_id, "request_access", json.dumps(command))

    assert answer.code == 0, answer.err
    result = answer.json["result"]
    assert result["requests"] == [{"name": "kiri", "handle": "kiri", "outcome": "opened", "asset_id": None, "qr": None}]
    assert "asks you to let it use existing posts in ads" in result["qr"]["text"]
    await temporal.signal(workflow_id, "scan", "--input", '{"handle": "kiri", "reported_by": "a shell"}')
    await scan_kept(db, label, "kiri", ScanOutcome.UNVERIFIED)
    await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    status = await temporal.status(workflow_id)
    assert (status["bc_id"], status["policy"], status["slots"]) == (label.bc_id, "seed-2023", 200)
    assert status["undecodable_signals"] == 0


@pytest.mark.parametrize(
    ("actor", "refusal"), [("standard", "AdminOnly"), ("stranger", "NotAMember")], ids=["AdminOnly", "NotAMember"]
)
async def test_a_raw_command_is_refused_by_name(
    label: Label, db: Pool, temporal: CommandLine, actor: str, refusal: str
) -> None:
    # R2: whoever speaks to Temporal directly goes through the same check.
    await label.accounts()
    user_id = {"standard": label.standard, "stranger": "6999"}[actor]
    command = {"command_id": "raw", "actor": user_id, "scope": {}, "handles": ["kiri"]}

    answer = await temporal.update(f"bc/{label.bc_id}", "request_access", json.dumps(command))

    assert answer.code != 0
    assert refusal in answer.err + answer.out
    assert "R2:" in answer.err + answer.out
    assert len(await trail(db, label, "refused")) == 1


NOT_SCANS = {
    "a wrong type": ("--input", '{"handle": 12, "decision": "maybe"}'),
    "a bare text": ("--input", '"kiri scanned it"'),
    "plain text": ("--input", "kiri scanned it", "--input-meta", "encoding=text/plain"),
    "bytes": (
        "--input",
        base64.b64encode(bytes(range(128, 200))).decode(),
        "--input-base64",
        "--input-meta",
        "encoding=binary/plain",
    ),
    "nothing": (),
    "two of them": ("--input", '{"handle": "kiri"}', "--input", '{"handle": "moana"}'),
    "null": ("--input", "null"),
    "a list": ("--input", '[{"handle": "kiri"}]'),
}


async def test_signals_that_cannot_be_read_are_counted_shown_and_do_no_harm(
    label: Label, db: Pool, temporal: CommandLine
) -> None:
    await label.seed_accounts("kiri")
    await label.request("kiri")
    workflow_id = f"bc/{label.bc_id}"

    for count, arguments in enumerate(NOT_SCANS.values(), start=1):
        await temporal.signal(workflow_id, "scan", *arguments)

        status = await label.spark.business_center_status(label.bc_id)
        assert status.undecodable_signals == count, arguments
        assert status.last_undecodable.startswith("scan: ")
        if count == 1:
            assert "handle: Input should be a valid string" in status.last_undecodable
            assert "decision: Input should be 'approved'" in status.last_undecodable

    await temporal.signal(workflow_id, "cancel_request")
    assert (await temporal.status(workflow_id))["last_undecodable"].startswith("cancel_request: ")
    await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    assert (await label.request("moana")).requests


async def test_requests_and_authorizations_count_them_too(label: Label, db: Pool) -> None:
    (asset_id,) = await label.authorized("kiri")
    await label.request("moana")
    await until(lambda: request_states(db, label), "the request on record")
    for workflow_id, signals in {
        names.access_request_id(label.bc_id, "moana"): [names.SCAN, names.CANCEL],
        names.authorization_id(label.bc_id, asset_id): [names.CANCEL, names.LOST],
    }.items():
        handle = label.spark.temporal.get_workflow_handle(workflow_id)
        for signal in signals:
            await handle.signal(signal)
            await handle.signal(signal, "what?")
            await handle.signal(signal, args=[{"actor": label.admin}, {"actor": label.admin}])
        status = await handle.query(names.STATUS)
        assert status["undecodable_signals"] == 6
        assert status["last_undecodable"].startswith(signals[-1])

    assert [line.stage for line in await label.accounts()] == ["active"]
    assert (await request_states(db, label))["moana"] == "pending"


@pytest.mark.parametrize("bodies", [(), ("{}", "{}"), ('"kiri"',), ('{"actor": "me"}',)], ids=str)
async def test_updates_that_cannot_be_read_are_refused_and_do_no_harm(
    label: Label, temporal: CommandLine, bodies: tuple[str, ...]
) -> None:
    (asset_id,) = await label.authorized("kiri")

    for workflow_id, update in [
        (f"bc/{label.bc_id}", "request_access"),
        (f"bc/{label.bc_id}", "list_accounts"),
        (f"authorization/{label.bc_id}/{asset_id}", "share"),
        (f"authorization/{label.bc_id}/{asset_id}", "unshare"),
    ]:
        answer = await temporal.update(workflow_id, update, *bodies)
        assert answer.code != 0, update
        assert answer.err

    assert len(await label.accounts()) == 1
    command = Share(actor=label.admin, members=(MemberGrant(user_id=label.operator),))
    assert not (await label.spark.share(label.bc_id, asset_id, command)).refused


async def test_no_secret_is_in_any_history(label: Label, db: Pool, temporal: CommandLine, stack: Stack) -> None:
    await label.seed_accounts("kiri")
    code = (await label.request("kiri", "moana")).qr
    asset_id = await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    await label.spark.share(
        label.bc_id, asset_id, Share(actor=label.admin, members=(MemberGrant(user_id=label.operator),))
    )
    token = await credentials.token(db, label.bc_id)
    assert token is not None
    url = (await label.spark.files.get(code.url)).decode()
    secrets = {token.get_secret_value(), url, url.rpartition("/")[2]}

    for workflow_id in (
        f"bc/{label.bc_id}",
        f"request/{label.bc_id}/kiri",
        f"request/{label.bc_id}/moana",
        f"authorization/{label.bc_id}/{asset_id}",
    ):
        shown = await temporal("workflow", "show", "--workflow-id", workflow_id, "--output", "json")
        assert shown.code == 0, shown.err
        texts = list(_texts(shown.json))
        assert any(label.bc_id in text for text in texts)
        assert not [text for text in texts if any(f'"{secret}"' in f'"{text}"' for secret in secrets)]
        assert not [text for text in texts if url in text]
    worker_log = (Path(stack.logs) / "worker.log").read_text()
    assert url not in worker_log


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, and what is written in base64."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value
        try:
            yield base64.b64decode(value, validate=True).decode()
        except ValueError:
            return
