"""What a run costs: CPU and memory of processes, growth of PostgreSQL, calls that TikTok has had."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from store.database import Pool

_SAMPLE = 0.1
"""Seconds between two looks at memory."""


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU that processes have used so far, with their children, also those that have ended."""
    parents = [psutil.Process(pid) for pid in pids]
    return sum(
        sum(process.cpu_times()[:4]) for parent in parents for process in (parent, *parent.children(recursive=True))
    )


async def database_bytes(db: Pool) -> int:
    """Size of all databases of the server."""
    size: int = await db.fetchval("SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn")
    return size


@dataclass(frozen=True)
class Calls:
    """Calls that TikTok has had."""

    create: int
    other: int
    """media and the sweep apart"""
    last_create_at: float
    """when it took the last ad/create, by the clock of `time.monotonic`"""

    @classmethod
    def of(cls, report: dict[str, Any]) -> "Calls":
        """From the simulator's counters."""
        apart = ("/file/", "/bc/asset/admin/get/", "/ad/create/")
        create = report["paths"].get("/ad/create/", {})
        other = sum(counts["calls"] for path, counts in report["paths"].items() if not path.startswith(apart))
        return cls(create.get("calls", 0), other, create.get("last_at") or 0.0)


@dataclass
class Memory:
    """Memory of processes together, in bytes: at first and at most."""

    first: int
    most: int

    @property
    def grown(self) -> int:
        """From the first look to the highest."""
        return self.most - self.first


@asynccontextmanager
async def memory(pids: Sequence[int]) -> AsyncIterator[Memory]:
    """Watch memory as long as the context lasts."""
    processes = [psutil.Process(pid) for pid in pids]

    def resident() -> int:
        return sum(process.memory_info().rss for process in processes)

    watched = Memory(resident(), resident())

    async def watch() -> None:
        while True:
            await asyncio.sleep(_SAMPLE)
            watched.most = max(watched.most, resident())

    watching = asyncio.create_task(watch())
    try:
        yield watched
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def monotonic() -> float:
    """The clock that the simulator's counters go by; one for all processes of a machine."""
    return time.monotonic()
