"""The local stack comes up whole, and leaves nothing behind however it ends."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from temporalio.client import Client

from tests.conftest import until
from workers.child_process import ChildDied
from workers.local import Stack, local_stack
from workers.settings import inherited_environment

CHECKOUT = Path(__file__).parents[2]


class Running(NamedTuple):
    process: asyncio.subprocess.Process
    addresses: dict[str, Any]


@asynccontextmanager
async def command(data: Path) -> AsyncIterator[Running]:
    """Run `python -m workers local --json` in a session of its own, as a terminal would."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "local", "--json", "--data-dir", str(data)),
        cwd=CHECKOUT,
        env=inherited_environment(),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield Running(process, json.loads(await process.stdout.readline()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def alive(pids: Iterable[int]) -> list[int]:
    def is_alive(pid: int) -> bool:
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        # A zombie is gone, only not fetched by the process that inherited it.
        return status.rpartition(")")[2].split()[0] != "Z"

    return [pid for pid in pids if is_alive(pid)]


async def all_gone(pids: Iterable[int]) -> None:
    async with asyncio.timeout(20):
        while alive(pids):
            await asyncio.sleep(0.02)


def descendants(root: int) -> set[int]:
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, _, rest = status.read_text().partition(" ")
            parents.setdefault(int(rest.rpartition(")")[2].split()[1]), []).append(int(pid))
    found: set[int] = set()
    to_visit = [root]
    while to_visit:
        children = parents.get(to_visit.pop(), [])
        found.update(children)
        to_visit += children
    return found


def interrupt_group(pid: int) -> None:
    os.killpg(pid, signal.SIGINT)  # what Ctrl-C does in a terminal


def terminate(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def interrupt_twice(pid: int) -> None:
    interrupt_group(pid)
    interrupt_group(pid)


@pytest.mark.parametrize("end", [interrupt_group, interrupt_twice, terminate])
async def test_an_orderly_end_leaves_nothing_running(data_dir: Path, end: Callable[[int], None]) -> None:
    async with command(data_dir) as running:
        addresses = running.addresses
        assert set(addresses["processes"]) == {"PostgreSQL", "Temporal", "Simulator", "Worker"}
        pids = descendants(running.process.pid)
        assert pids > set(addresses["processes"].values())
        end(running.process.pid)
        assert await running.process.wait() == 0
        assert alive(pids) == []


async def test_a_killed_parent_leaves_nothing_running(data_dir: Path) -> None:
    async with command(data_dir) as running:
        pids = descendants(running.process.pid)
        running.process.kill()
        await running.process.wait()
        await all_gone(pids)
        # So the data can be used again at once.
        with (data_dir / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.6, 1.5])
async def test_a_start_interrupted_at_any_moment_leaves_nothing_running(data_dir: Path, seconds: float) -> None:
    async def run() -> None:
        async with local_stack(data_dir, simulator=False, worker=False):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run(), seconds)

    async def free() -> bool:
        # Held by the last process that was killed, until it is gone.
        with (data_dir / "lock").open() as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    await until(free, "the lock is free", within=2)


async def test_data_is_kept_and_addresses_answer(data_dir: Path) -> None:
    id_ = "kept"
    for run in (1, 2):
        async with local_stack(data_dir, simulator=False, worker=False) as stack:
            client = await Client.connect(stack.temporal_address, namespace=stack.namespace)
            database = await asyncpg.connect(stack.database_url)
            if run == 1:
                await client.start_workflow("Nobody", id=id_, task_queue="nobody")
                await database.execute("CREATE TABLE kept AS SELECT 1 AS run")
            assert (await client.get_workflow_handle(id_).describe()).id == id_
            assert await database.fetchval("SELECT run FROM kept") == 1
            await database.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", int(stack.temporal_ui.rpartition(":")[2]))
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            assert b" 200 " in await reader.readline()
            writer.close()
            await writer.wait_closed()


async def test_temporary_data_is_removed_also_after_an_error() -> None:
    stacks: list[Stack] = []

    async def fail() -> None:
        async with local_stack(None, simulator=False, worker=False) as stack:
            stacks.append(stack)
            assert alive(stack.processes.values()) == [*stack.processes.values()]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not Path(stacks[0].logs).parent.exists()
    assert alive(stacks[0].processes.values()) == []


async def test_a_second_stack_on_the_same_data_is_refused(data_dir: Path) -> None:
    async with local_stack(data_dir, simulator=False, worker=False):
        refused = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", "local", "--data-dir", str(data_dir)),
            cwd=CHECKOUT,
            env=inherited_environment(),
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await refused.communicate()
        assert refused.returncode == 3
        assert errors.decode().count("\n") == 1
        assert "another local stack runs on" in errors.decode()


async def test_a_child_that_dies_at_start_is_reported_with_its_log() -> None:
    with pytest.raises(ChildDied, match="SPARKADS_LOG_LEVEL") as caught:
        async with local_stack(None, simulator=False, environment={"SPARKADS_LOG_LEVEL": "chatty"}):
            pass
    assert str(caught.value).startswith("Worker ended with exit code 2. The end of ")


async def test_a_child_that_dies_later_is_noticed() -> None:
    async with local_stack(None, simulator=False, worker=False) as stack:
        os.kill(stack.processes["Temporal"], signal.SIGKILL)
        death = await asyncio.wait_for(stack.broken(), 10)
    assert str(death).startswith("Temporal ended with exit code -9. The end of ")


@pytest.mark.parametrize("kill", [False, True], ids=["in order", "killed"])
async def test_servers_can_be_restarted_in_place(*, kill: bool) -> None:
    async with local_stack(None, simulator=False, worker=False, durable=True) as stack:
        client = await Client.connect(stack.temporal_address, namespace=stack.namespace)
        await client.start_workflow("Nobody", id="kept", task_queue="nobody")
        database = await asyncpg.connect(stack.database_url)
        await database.execute("CREATE TABLE kept AS SELECT 1 AS run")
        before = dict(stack.processes)
        breaking = asyncio.create_task(stack.broken())
        for name in ("PostgreSQL", "Temporal"):
            await stack.stop(name, kill=kill)
            await all_gone([before[name]])
            await stack.start(name)
            assert stack.processes[name] != before[name]
        assert database.is_closed()
        database = await asyncpg.connect(stack.database_url)
        assert await database.fetchval("SELECT run FROM kept") == 1
        await database.close()
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"
        # What was done on purpose is no breakdown; what happens afterwards is.
        assert not breaking.done()
        os.kill(stack.processes["Temporal"], signal.SIGKILL)
        assert str(await asyncio.wait_for(breaking, 10)).startswith("Temporal ended with exit code -9.")


async def test_further_workers_come_and_go() -> None:
    async with local_stack(None, simulator=False) as stack:
        assert await stack.add_worker() == "Worker 2"
        first = stack.processes["Worker 2"]
        await stack.stop("Worker 2", kill=True)
        assert alive([first]) == []
        await stack.start("Worker 2")
        assert alive(stack.processes.values()) == [*stack.processes.values()]
        assert len({*stack.processes.values(), first}) == 5
    assert alive(stack.processes.values()) == []


async def test_a_process_that_does_not_start_again_is_reported() -> None:
    async with local_stack(None, simulator=False) as stack:
        await stack.stop("Worker")
        await stack.stop("PostgreSQL")
        with pytest.raises(ChildDied, match="Worker ended with exit code"):
            await stack.start("Worker")
        await stack.start("PostgreSQL")
        await stack.start("Worker")


async def test_a_long_path_works_too(data_dir: Path) -> None:
    data = data_dir / ("long name, " * 12)
    async with local_stack(data, simulator=False, worker=False) as stack:
        database = await asyncpg.connect(stack.database_url)
        assert await database.fetchval("SELECT 1") == 1
        await database.close()
