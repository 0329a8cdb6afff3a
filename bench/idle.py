"""Thousands of authorizations of which nothing is asked: what each costs, and how soon a new worker answers."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.world import ADMIN, Servers, center, servers, token_of
from sparkads import Share
from sparkads.search_attributes import PHASE
from store import credentials
from workers.child_process import Child, start_child
from workers.reconcile import Reconciliation
from workers.settings import inherited_environment

CACHED = 1000
"""Workflows that a worker keeps in memory: the SDK's default."""

_CENTERS = 50
_KIB, _MIB = 1024, 1024 * 1024
_SETTINGS = {"SPARKADS_TIKTOK_TIER": "unlimited", "SPARKADS_LOG_LEVEL": "ERROR"}
_CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Idle:
    """What idle authorizations cost."""

    authorizations: int
    rebuilt_seconds: float
    """to start all but the first thousand again from the record, those that run looked at, too"""
    settled_seconds: float
    """from then until each has read its grants and waits"""
    looked_at_seconds: float
    """to go through all when all run"""
    worker_empty_mib: float
    worker_cache_full_mib: float
    worker_all_mib: float
    worker_restarted_mib: float
    """after a restart, when two of them have answered"""
    temporal_kib_each: float
    """memory of the development server, which keeps all data there"""
    database_kib_each: float
    answer_after_stop_seconds: float
    """from the start of a new worker, its predecessor told to stop, to the answer of a command"""
    answer_after_kill_seconds: float
    """the same, its predecessor killed"""

    @property
    def worker_kib_each(self) -> float:
        """Memory of the worker for each authorization beyond those that its cache holds."""
        more = self.worker_all_mib - self.worker_cache_full_mib
        return more * _MIB / _KIB / (self.authorizations - CACHED)


async def measure_idle(authorizations: int) -> Idle:
    """Put authorizations on record, start them from there, and let them be. No Business Center runs, so none sweeps."""
    async with servers(_SETTINGS, worker=False) as running:
        async with _worker(running, "first") as worker:
            empty = _resident(worker.pid)
            await _put_on_record(running, 0, CACHED)
            await Reconciliation(running.spark.temporal, running.db).authorizations()
            await _settled(running, worker, CACHED)
            cache_full = _resident(worker.pid)
            temporal = _resident(running.stack.processes["Temporal"])
            database = await _database_size(running)
            await _put_on_record(running, CACHED, authorizations)
            started = time.perf_counter()
            await Reconciliation(running.spark.temporal, running.db).authorizations()
            rebuilt = time.perf_counter()
            await _settled(running, worker, authorizations)
            settled = time.perf_counter()
            everything = _resident(worker.pid)
            temporal = _resident(running.stack.processes["Temporal"]) - temporal
            database = await _database_size(running) - database
            again = Reconciliation(running.spark.temporal, running.db)
            looking = time.perf_counter()
            await again.authorizations()
            looked = time.perf_counter() - looking
            assert again.report.authorizations.running == authorizations
            # One that the worker holds in its cache: the server would like that worker to answer.
            cached = authorizations - 1
            await _share(running, cached)
        after_stop, restarted = await _answer(running, cached, "second")
        async with _worker(running, "third") as worker:
            await _share(running, cached)
            psutil.Process(worker.pid).kill()
        after_kill, _ = await _answer(running, cached, "fourth")
    beyond = authorizations - CACHED
    return Idle(
        authorizations=authorizations,
        rebuilt_seconds=rebuilt - started,
        settled_seconds=settled - rebuilt,
        looked_at_seconds=looked,
        worker_empty_mib=empty / _MIB,
        worker_cache_full_mib=cache_full / _MIB,
        worker_all_mib=everything / _MIB,
        worker_restarted_mib=restarted / _MIB,
        temporal_kib_each=temporal / _KIB / beyond,
        database_kib_each=database / _KIB / beyond,
        answer_after_stop_seconds=after_stop,
        answer_after_kill_seconds=after_kill,
    )


@asynccontextmanager
async def _worker(running: Servers, name: str, *, ready: bool = True) -> AsyncIterator[Child]:
    worker = await start_child(
        f"the {name} worker",
        [sys.executable, "-m", "workers", "run"],
        environment=inherited_environment() | running.stack.environment,
        directory=_CHECKOUT,
        log=Path(running.stack.logs) / f"{name}-worker.log",
    )
    try:
        if ready:
            await worker.said("worker", within=60)
        yield worker
    finally:
        await worker.stop(signal.SIGTERM, within=45)


async def _answer(running: Servers, number: int, name: str) -> tuple[float, int]:
    """Seconds from the start of a worker until it has answered a command, and its memory then."""
    started = time.perf_counter()
    async with _worker(running, name, ready=False) as worker:
        await _share(running, number)
        seconds = time.perf_counter() - started
        # And one that no worker has held for long.
        await running.spark.authorization_status(_center_of(0), _account(0))
        return seconds, _resident(worker.pid)


async def _share(running: Servers, number: int) -> None:
    """A command that gives nobody anything: the actor is checked, the record is read."""
    await running.spark.share(_center_of(number), _account(number), Share(actor=ADMIN))


async def _put_on_record(running: Servers, first: int, end: int) -> None:
    numbers, now = range(first, end), datetime.now(UTC)
    if first == 0:
        ids = [_center_of(number) for number in range(_CENTERS)]
        await running.seed(
            centers=[center(bc_id, members=[ADMIN], ad_accounts=[]) for bc_id in ids],
            handles=[],
        )
        for bc_id in ids:
            await credentials.put(running.db, bc_id, "Bench", token_of(bc_id))
    async with running.db.acquire() as connection, connection.transaction():
        await connection.copy_records_to_table(
            "accounts",
            records=[(_center_of(number), _account(number), f"idle{number}", f"Idle {number}") for number in numbers],
            columns=["bc_id", "asset_id", "handle", "name"],
        )
        await connection.copy_records_to_table(
            "authorizations",
            records=[(f"idle/{number}", _center_of(number), _account(number), "active", now) for number in numbers],
            columns=["id", "bc_id", "asset_id", "stage", "since"],
        )


async def _settled(running: Servers, worker: Child, authorizations: int) -> None:
    """Wait until each has shown that it stands, and the worker has nothing more to do."""
    read = f'WorkflowType = "AuthorizationWorkflow" AND {PHASE.name} = "active"'
    while (await running.spark.temporal.count_workflows(read)).count < authorizations:
        await asyncio.sleep(0.2)
    process = psutil.Process(worker.pid)
    process.cpu_percent()
    await asyncio.sleep(1)
    while process.cpu_percent() > 5:
        await asyncio.sleep(1)


async def _database_size(running: Servers) -> int:
    size: int = await running.db.fetchval("SELECT pg_database_size(current_database())")
    return size


def _resident(pid: int) -> int:
    size: int = psutil.Process(pid).memory_info().rss
    return size


def _center_of(number: int) -> str:
    return f"75{number % _CENTERS:017}"


def _account(number: int) -> str:
    return f"76{number:017}"
