"""`python -m workers`: what its commands say, and their exit codes."""

import asyncio
import json
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from workers.local import Stack
from workers.settings import inherited_environment

CHECKOUT = Path(__file__).parents[2]


class Ended(NamedTuple):
    code: int | None
    output: str
    errors: str


async def command(*arguments: str, given: str = "", **environment: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", *arguments),
        cwd=CHECKOUT,
        env=inherited_environment() | {"TEMPORAL_CONFIG_FILE": "/dev/null"} | environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(given.encode())
    return Ended(process.returncode, output.decode(), errors.decode())


async def test_settings_are_shown_without_secrets() -> None:
    ended = await command("settings", "--json", DATABASE_URL="postgresql://me:open-sesame@db/x")
    rows = {row["variable"]: row for row in json.loads(ended.output)}
    assert rows["DATABASE_URL"]["value"] == "postgresql://me:********@db/x"
    assert all(row["meaning"] for row in rows.values())
    assert (ended.code, ended.errors) == (0, "")
    table = await command("settings", DATABASE_URL="postgresql://me:open-sesame@db/x")
    assert "SPARKADS_REVIEW_POLL_FAST" in table.output
    assert "sesame" not in table.output


@pytest.mark.parametrize("name", ["run", "migrate", "register-search-attributes", "set-current-version", "connect"])
async def test_wrong_settings_end_every_command_with_2_and_all_problems(name: str) -> None:
    ended = await command(name, SPARKADS_LOG_LEVEL="chatty", SPARKADS_SWEEP_FAST="often", given="code\n")
    assert ended.code == 2
    assert "2 wrong settings" in ended.errors
    assert "SPARKADS_LOG_LEVEL" in ended.errors
    assert "SPARKADS_SWEEP_FAST" in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize("name", ["run", "migrate", "register-search-attributes", "set-current-version"])
async def test_servers_that_are_not_there_end_every_command_with_3_and_one_line(name: str) -> None:
    # Port 1 is reserved, and nobody listens there.
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    ended = await command(name, SPARKADS_BUILD_ID="1", **nowhere)
    assert ended.code == 3
    assert "127.0.0.1:1" in ended.errors
    assert ended.errors.count("\n") == 1


async def test_a_version_needs_a_build_id() -> None:
    ended = await command("set-current-version")
    assert (ended.code, ended.errors.count("\n")) == (2, 1)
    assert "SPARKADS_BUILD_ID" in ended.errors


async def test_deploy_steps_can_be_repeated(servers: Stack) -> None:
    for _ in range(2):
        for step in ("migrate", "register-search-attributes"):
            ended = await command(step, **servers.environment)
            assert (ended.code, ended.errors) == (0, "")


async def test_the_worker_gets_work_once_its_build_is_current(servers: Stack) -> None:
    environment = servers.environment | {"SPARKADS_BUILD_ID": "7.1", "SPARKADS_GRACEFUL_SHUTDOWN": "0"}
    setting = asyncio.create_task(command("set-current-version", **environment))
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "run"),
        cwd=CHECKOUT,
        env=inherited_environment() | environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert worker.stdout is not None
        assert json.loads(await worker.stdout.readline()) == {"worker": "ready"}
        assert await setting == (0, "sparkads.7.1 is now the current version\n", "")
        again = await command("set-current-version", **environment)
        assert again == (0, "sparkads.7.1 was already the current version\n", "")
    finally:
        worker.terminate()
        await worker.communicate()
    assert worker.returncode == 0
