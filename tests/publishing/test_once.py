"""Exactly once: answers that are lost, calls that are refused for the moment, workers that die."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr
from releasing import Release, bundle, pull, push, release

from sparkads.client import SparkAds
from sparkads.contracts.release import ReleaseInput, TargetState
from store import credentials
from store.database import Pool
from tests.conftest import QUICK, Label, Simulator, post_of, until
from workers.local import local_stack

CREATE = "/ad/create/"


async def _twelve(label: Label, db: Pool, folder: Path) -> Release:
    """Twelve targets on two accounts: one call."""
    await label.authorized("one", "two")
    rows = [push("row0", "@one", label.ad_account), push("row1", "@two", label.ad_account)]
    rows += [pull(f"row{number}", "@one", label.ad_account, post_of("one")) for number in range(2, 12)]
    return await release(label, db, folder, rows)


async def _each_exactly_once(run: Release) -> None:
    rows = await run.finished(within=60)
    assert {row.state for row in rows.values()} == {TargetState.PUBLISHED}, rows
    ads = await run.ads()
    assert {row_id: len(found) for row_id, found in ads.items()} == dict.fromkeys(rows, 1)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "drop", "when": "after", "times": 1}, id="connection lost after the effect"),
        pytest.param({"kind": "drop", "when": "before", "times": 1}, id="connection lost before the effect"),
        pytest.param({"kind": "code", "code": 50000, "when": "after", "times": 1}, id="50000 after the effect"),
        pytest.param(
            {"kind": "code", "code": 50002, "when": "before", "times": 2}, id="50002 before the effect, twice"
        ),
        pytest.param({"kind": "http", "status": 500, "when": "after", "times": 1}, id="HTTP 500 after the effect"),
        pytest.param({"kind": "throttle", "code": 40100, "times": 2}, id="throttled twice"),
    ],
)
async def test_whatever_happens_to_the_answer_each_row_is_published_once(
    label: Label, db: Pool, tmp_path: Path, fault: dict[str, object]
) -> None:
    await label.simulator.post("faults", {"seed": 1, "rules": [{"path": CREATE, **fault}]})

    await _each_exactly_once(await _twelve(label, db, tmp_path))


async def test_a_lost_answer_is_settled_from_evidence_and_told(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.simulator.post(
        "faults", {"seed": 1, "rules": [{"path": CREATE, "kind": "drop", "when": "after", "times": 1}]}
    )
    run = await _twelve(label, db, tmp_path)
    await run.finished(within=60)

    told = await db.fetch(
        "SELECT subject, reason FROM audit WHERE bc_id = $1 AND action = 'unknown outcome settled'", label.bc_id
    )

    assert len(told) == 12
    assert all(row["reason"].startswith("found ad ") for row in told)
    calls = (await label.simulator.get("calls"))["paths"]
    assert calls[CREATE]["calls"] >= 1


async def test_throttling_changes_nothing_but_the_time(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.simulator.post(
        "faults", {"seed": 1, "rules": [{"path": CREATE, "kind": "throttle", "code": 40133, "times": 3}]}
    )
    run = await _twelve(label, db, tmp_path)

    await _each_exactly_once(run)

    states = await db.fetch(
        "SELECT state, count(*) FROM intents WHERE campaign_id = $1 GROUP BY state", run.campaign_id
    )
    assert dict(states)["published"] == 12


async def test_the_same_start_twice_is_one_release(label: Label, db: Pool, tmp_path: Path) -> None:
    run = await _twelve(label, db, tmp_path)
    await _each_exactly_once(run)
    described = await label.spark.temporal.get_workflow_handle(f"campaign/{run.campaign_id}").describe()

    rows = [push("row0", "@one", label.ad_account)]
    with pytest.raises(Exception, match="another manifest"):
        await _start_again(label, run, rows, tmp_path)

    again = await label.spark.temporal.get_workflow_handle(f"campaign/{run.campaign_id}").describe()
    assert again.run_id == described.run_id


async def _start_again(label: Label, run: Release, rows: list[dict[str, str]], folder: Path) -> None:
    await label.spark.start_release(
        ReleaseInput(
            campaign_id=run.campaign_id,
            bc_id=label.bc_id,
            actor=label.admin,
            operator=label.operator,
            manifest=await bundle(label, folder, rows),
        )
    )


async def test_a_worker_killed_in_the_middle_of_a_call_publishes_nothing_twice(tmp_path: Path) -> None:
    """SIGKILL while ad/create is under way; another worker takes over, and finds out what happened."""
    async with local_stack(None, worker=False, environment=QUICK) as stack:
        assert stack.simulator_url is not None
        async with (
            aiohttp.ClientSession() as session,
            asyncpg.create_pool(stack.database_url, min_size=1, max_size=4) as db,
        ):
            simulator = Simulator(stack.simulator_url, session)
            label = await _label_of(stack.temporal_address, stack.object_store, simulator, db)
            first = await _start_worker(stack.environment)
            await simulator.post(
                "faults",
                {"seed": 1, "rules": [{"path": CREATE, "kind": "delay", "when": "after", "seconds": 3, "times": 1}]},
            )
            run = await _twelve(label, db, tmp_path)
            await until(
                lambda: db.fetchval("SELECT count(*) = 12 FROM intents WHERE state = 'called'"), "the call is under way"
            )
            os.kill(first.pid, signal.SIGKILL)
            await first.wait()

            second = await _start_worker(stack.environment)
            try:
                await _each_exactly_once_within(run, 100)
            finally:
                second.terminate()
                await second.wait()


async def _each_exactly_once_within(run: Release, seconds: float) -> None:
    rows = await run.finished(within=seconds)
    assert {row.state for row in rows.values()} == {TargetState.PUBLISHED}
    assert {row_id: len(found) for row_id, found in (await run.ads()).items()} == dict.fromkeys(rows, 1)


async def _label_of(address: str, object_store: str, simulator: Simulator, db: Pool) -> Label:
    await simulator.post("config", {"tier": "unlimited"})
    label = Label(
        bc_id="7300000000000009999",
        admin="6100000000000009999",
        operator="6200000000000009999",
        standard="6300000000000009999",
        ad_account="7100000000000009999",
        simulator=simulator,
        spark=await SparkAds.connect(address, object_store=object_store),
    )
    people = [(label.admin, "ADMIN"), (label.operator, "STANDARD")]
    await simulator.post(
        "seed",
        {
            "business_centers": [
                {
                    "bc_id": label.bc_id,
                    "name": "Label",
                    "access_token": "token-9999",
                    "members": [
                        {
                            "user_id": user_id,
                            "user_name": role.title(),
                            "user_email": "a@example.com",
                            "user_role": role,
                        }
                        for user_id, role in people
                    ],
                    "ad_accounts": [
                        {"advertiser_id": label.ad_account, "name": "NZ", "roles": {label.operator: "OPERATOR"}}
                    ],
                }
            ]
        },
    )
    await credentials.put(db, label.bc_id, "Label", SecretStr("token-9999"))
    return label


async def _start_worker(environment: dict[str, str]) -> asyncio.subprocess.Process:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers", "run", env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    line = await worker.stdout.readline()
    assert b"ready" in line
    return worker
