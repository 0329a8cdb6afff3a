"""The whole stack for all tests: Temporal, PostgreSQL, the simulator and a worker, each a real process."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
import asyncpg
import pytest
from hypothesis import settings
from pydantic import SecretStr
from temporalio.service import RPCError

from sparkads.client import SparkAds
from sparkads.contracts.business_center import AccountLine, RequestAccess, RequestAccessResult
from sparkads.names import business_center_id
from sparkads.scopes import NewVideos, Scope
from store import credentials
from store.database import Pool
from tests.odd_answers import OddAnswers
from workers.local import Stack, local_stack

settings.register_profile("long", max_examples=200)
"""For a night: `pytest tests/lifecycle/test_any_history.py --hypothesis-profile=long`, and others that take it."""

QUICK = {
    "SPARKADS_SWEEP_FAST": "0.2",
    "SPARKADS_SWEEP_SLOW": "0.5",
    "SPARKADS_REVIEW_EVERY": "2",
    "SPARKADS_DRIFT_EVERY": "3600",
    "SPARKADS_REVIEW_POLL_FAST": "0.2",
    "SPARKADS_REVIEW_POLL_SLOW": "1",
    "SPARKADS_SETTLE_WINDOW": "2",
    "SPARKADS_POST_NAMED_WITHIN": "2",
    "SPARKADS_ACCESS_MAX_AGE": "0",
    "SPARKADS_TIKTOK_TIER": "unlimited",
    "SPARKADS_LOG_LEVEL": "WARNING",
}
"""Real time-outs and pauses, made short: what is awaited is a condition, never a time."""

_numbers = count(1001)
"""Of Business Centers and commands; those of examples/pretended-world.json are lower."""


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with local_stack(None, environment=QUICK) as running:
        yield running


@pytest.fixture(scope="session")
async def db(stack: Stack) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(stack.database_url, min_size=1, max_size=5) as pool:
        yield pool


@pytest.fixture(scope="session")
async def spark(stack: Stack) -> SparkAds:
    return await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@dataclass
class Simulator:
    """The simulator's control API."""

    url: str
    http: aiohttp.ClientSession

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self.http.post(f"{self.url}/control/{path}", json=body) as answer:
            text = await answer.text()
            assert answer.status == 200, f"{path}: {answer.status} {text}"
            answered: dict[str, Any] = json.loads(text)
            return answered

    async def get(self, path: str) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/control/{path}") as answer:
            answered: dict[str, Any] = await answer.json()
            return answered

    async def approve(self, handle: str, bc_id: str, **choices: Any) -> str:
        """The owner scans and approves; returns the asset id."""
        answer = await self.post(f"owners/{handle}/approve", {"bc_id": bc_id, **choices})
        return str(answer["asset_id"])

    async def revoke(self, handle: str, bc_id: str) -> None:
        await self.post(f"owners/{handle}/revoke", {"bc_id": bc_id})


async def fresh_simulator(url: str | None, http: aiohttp.ClientSession) -> Simulator:
    """The simulator of a stack, without delays."""
    assert url is not None
    control = Simulator(url, http)
    await control.post("config", {"tier": "unlimited"})
    await control.post(
        "clock",
        {"scan_seconds": 0, "link_seconds": 0, "review_seconds": 0, "post_id_seconds": 0, "transcode_seconds": 0},
    )
    return control


@pytest.fixture
async def simulator(stack: Stack, http: aiohttp.ClientSession) -> AsyncIterator[Simulator]:
    """The simulator, without delays; faults of one test never reach the next."""
    control = await fresh_simulator(stack.simulator_url, http)
    yield control
    await control.post("faults", {"rules": []})


@dataclass
class Label:
    """A Business Center of its own for one test, connected, with an admin, an operator and a spare member."""

    bc_id: str
    admin: str
    operator: str
    standard: str
    ad_account: str
    simulator: Simulator
    spark: SparkAds
    handles: list[str] = field(default_factory=list)

    async def seed_accounts(self, *handles: str, **more: Any) -> None:
        """TikTok accounts with one public, ad-enabled post each."""
        await self.simulator.post(
            "seed",
            {
                "accounts": [
                    {
                        "handle": handle,
                        "display_name": handle.title(),
                        "time_zone": "Pacific/Auckland",
                        "posts": [
                            {"item_id": post_of(handle), "text": "hello", "status": "PUBLIC", "ad_authorized": True}
                        ],
                        **more,
                    }
                    for handle in handles
                ]
            },
        )

    async def request(self, *handles: str, actor: str | None = None, **more: Any) -> RequestAccessResult:
        more.setdefault("scope", Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE))
        command = RequestAccess(command_id=f"c{next(_numbers)}", actor=actor or self.admin, handles=handles, **more)
        return await self.spark.request_access(self.bc_id, command)

    async def authorized(self, *handles: str, **choices: Any) -> list[str]:
        """Request, approve, and wait until it is on record; returns the asset ids."""
        await self.seed_accounts(*handles)
        await self.request(*handles)
        assets = [await self.simulator.approve(handle, self.bc_id, **choices) for handle in handles]
        await self.all_active(handles)
        return assets

    async def all_active(self, handles: Sequence[str]) -> None:
        """Wait until these owners' accounts are authorized on record."""

        async def look() -> bool:
            return set(handles) <= {line.handle for line in await self.accounts() if line.stage == "active"}

        await until(look, f"{handles} authorized")

    async def accounts(self, actor: str | None = None) -> tuple[AccountLine, ...]:
        return (await self.spark.list_accounts(self.bc_id, actor or self.admin)).accounts


def post_of(handle: str) -> str:
    """The id of the post that `seed_accounts` gives to an account."""
    return "74" + str(sum(ord(letter) * 31**place for place, letter in enumerate(handle)))[:15].rjust(15, "0")


@pytest.fixture
async def label(simulator: Simulator, spark: SparkAds, db: Pool) -> AsyncIterator[Label]:
    yield await make_label(simulator, spark, db)
    await stop_sweeping()


@pytest.fixture(scope="session")
async def odd_stack() -> AsyncIterator[tuple[Stack, OddAnswers]]:
    """A further stack, whose worker sees TikTok through `OddAnswers`; started by the first test that wants it."""
    async with (
        OddAnswers().serving() as odd,
        local_stack(None, environment={**QUICK, "SPARKADS_TIKTOK_BASE_URL": odd.url}) as running,
    ):
        odd.target = str(running.simulator_url)
        yield running, odd


@pytest.fixture
async def odd_answers(odd_stack: tuple[Stack, OddAnswers]) -> AsyncIterator[OddAnswers]:
    """What stands between worker and simulator there; rules of one test never reach the next."""
    odd = odd_stack[1]
    odd.clear()
    yield odd
    odd.clear()


@pytest.fixture(scope="session")
async def odd_db(odd_stack: tuple[Stack, OddAnswers]) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(odd_stack[0].database_url, min_size=1, max_size=5) as pool:
        yield pool


@pytest.fixture(scope="session")
async def odd_spark(odd_stack: tuple[Stack, OddAnswers]) -> SparkAds:
    running = odd_stack[0]
    return await SparkAds.connect(running.temporal_address, object_store=running.object_store)


@pytest.fixture
async def odd_label(
    odd_stack: tuple[Stack, OddAnswers],
    odd_answers: OddAnswers,
    odd_spark: SparkAds,
    odd_db: Pool,
    http: aiohttp.ClientSession,
) -> AsyncIterator[Label]:
    """A Business Center of its own, seen through `odd_answers`."""
    simulator = await fresh_simulator(odd_stack[0].simulator_url, http)
    yield await make_label(simulator, odd_spark, odd_db)
    odd_answers.clear()
    await stop_sweeping()
    await simulator.post("faults", {"rules": []})


_labels: list[Label] = []


async def stop_sweeping() -> None:
    """End the Business Centers of a test: each would go on looking for scans several times a second."""
    while _labels:
        label = _labels.pop()
        # Most have one; a test of refusals may have started none, or seen it end.
        with contextlib.suppress(RPCError):
            await label.spark.temporal.get_workflow_handle(business_center_id(label.bc_id)).terminate(
                "the test is over"
            )


async def make_label(simulator: Simulator, spark: SparkAds, db: Pool) -> Label:
    """A Business Center that no other test knows."""
    number = next(_numbers)
    label = Label(
        bc_id=f"73{number:017}",
        admin=f"61{number:017}",
        operator=f"62{number:017}",
        standard=f"63{number:017}",
        ad_account=f"71{number:017}",
        simulator=simulator,
        spark=spark,
    )
    members = [
        (label.admin, "Ada", "ADMIN"),
        (label.operator, "Otto", "STANDARD"),
        (label.standard, "Stan", "STANDARD"),
    ]
    await simulator.post(
        "seed",
        {
            "business_centers": [
                {
                    "bc_id": label.bc_id,
                    "name": f"Label {number}",
                    "access_token": f"token-{number}",
                    "members": [
                        {"user_id": user_id, "user_name": name, "user_email": f"{name}@example.com", "user_role": role}
                        for user_id, name, role in members
                    ],
                    "ad_accounts": [
                        {
                            "advertiser_id": label.ad_account,
                            "name": "NZ",
                            "currency": "NZD",
                            "timezone": "Pacific/Auckland",
                            "roles": {label.operator: "OPERATOR", label.admin: "ADMIN"},
                        }
                    ],
                }
            ]
        },
    )
    await credentials.put(db, label.bc_id, f"Label {number}", SecretStr(f"token-{number}"))
    _labels.append(label)
    return label


async def until(condition: Callable[[], Awaitable[Any]], what: str, within: float = 30.0) -> Any:
    """Wait for a condition and return its value; looks often, and fails with what was waited for."""
    try:
        async with asyncio.timeout(within):
            while not (value := await condition()):
                await asyncio.sleep(0.05)
            return value
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s: {what}") from None


@dataclass
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def run_command(*command: str, environment: dict[str, str] | None = None) -> Ran:
    """Run a program of the checkout's virtual environment as its user would."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


PYTHON = sys.executable
