"""`python -m simulator` as a process."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession
from simulator_api import BC, HANDLE, SEED, TOKEN, Api

ROOT = Path(__file__).resolve().parents[2]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_is_and_leaves_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    process = await start("--port", "0", "--seed", str(seed), "--public-url", "https://phone.example/")
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    try:
        async with ClientSession() as session:
            api = Api(url, session, TOKEN)
            state = await api.state()
            assert state["accounts"][0]["handle"] == HANDLE
            code = await api.get("/bc/asset/account/authorization/", bc_id=BC)
            assert code.data["bc_auth_qr_code"].startswith("https://phone.example/consent/")
    finally:
        process.send_signal(stop)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


async def test_a_bad_seed_is_named(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"colour": "red"}')
    process = await start("--port", "0", "--seed", str(seed))
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"colour" in errors
