"""
The whole system on one machine, with nothing installed but this project's virtual environment.

PostgreSQL, Temporal's development server with its web UI, the pretended TikTok and a worker, as child processes of
whoever enters `local_stack`: the tests, the demo, and `python -m workers local`.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from temporalio.client import Client

from sparkads import search_attributes
from store.migrate import migrate
from workers.child_process import Child, ChildDied, StackError, start_child
from workers.local_postgres import STOP, STOP_SECONDS, local_postgres
from workers.search_attributes import register_search_attributes
from workers.settings import Settings, inherited_environment

DYNAMIC_CONFIG = MappingProxyType(
    {
        "frontend.WorkflowTimeSkippingEnabled": "true",  # tests jump over weeks
        "history.enableSignalWithStartFromWorkflow": "true",  # off by default, and a workflow that uses it hangs
        "matching.enableFairness": "true",  # without it, fairness keys do nothing
        "matching.useNewMatcher": "true",
    }
)
"""What Temporal's server needs beyond its defaults: names and JSON values. Worker versioning is on by default."""

NAMESPACE = "default"

_CHECKOUT = Path(__file__).resolve().parents[1]
_LOOPBACK = "127.0.0.1"
_TEMPORAL_PORT, _UI_PORT = 7233, 8233
"""Temporal's usual ports: taken by a stack whose data is kept, if they are free, so that bookmarks keep working."""

_TRIES = 3
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_WORKER_STOP_SECONDS = 45.0
"""More than a worker's own graceful shutdown takes by default."""

_LOCK_SECONDS = 2.0
"""For the processes of a stack that was killed a moment ago to go away."""

_POLL = 0.03


class InUse(StackError):
    """Another stack runs on the same data directory."""


@dataclass(frozen=True)
class Stack:
    """
    Addresses of a running stack.

    Attributes:
        temporal_address: host:port of Temporal's frontend.
        temporal_ui: URL of its web UI.
        namespace: Temporal namespace.
        database_url: PostgreSQL.
        simulator_url: the pretended TikTok, or None.
        tiktok_base_url: what the worker takes for TikTok's API.
        object_store: URL of the store of files.
        logs: directory with a log of each process.
        environment: what a further process needs in its environment to use this stack.
        processes: process ids by name; of workers that were added, too.
    """

    temporal_address: str
    temporal_ui: str
    namespace: str
    database_url: str
    simulator_url: str | None
    tiktok_base_url: str
    object_store: str
    logs: str
    environment: dict[str, str]
    processes: dict[str, int]
    _launch: "_Launch" = field(repr=False)

    async def stop(self, name: str, *, kill: bool = False) -> None:
        """
        Stop one of the processes: in order, or by SIGKILL.

        The data of servers outlives them where it is kept, or the stack is durable.
        """
        await self._launch.parts[name].stop(kill=kill)

    async def start(self, name: str) -> None:
        """
        Start a process again that was stopped, on the same address and data, and wait until it can be used.

        The simulator alone has its world in memory and another port each time.

        Raises:
            ChildDied: it did not start.
        """
        part = self._launch.parts[name]
        await part.start()
        self.processes[name] = part.child.pid

    async def add_worker(self) -> str:
        """
        Start a further worker, and return the name of its process.

        Raises:
            ChildDied: it did not start.
        """
        part = await _worker(self._launch, self.environment)
        self.processes[part.child.name] = part.child.pid
        return part.child.name

    async def broken(self) -> ChildDied:
        """Wait until one of the processes there are now ends without having been told to, and describe it."""
        watching = [asyncio.create_task(part.child.died()) for part in self._launch.parts.values()]
        try:
            done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


@asynccontextmanager
async def local_stack(
    data_dir: Path | None,
    *,
    simulator: bool = True,
    worker: bool = True,
    durable: bool = False,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Stack]:
    """
    Run the stack until the context is left, however it is left.

    As root, directories above the data and above the virtual environment are made passable (o+x), since PostgreSQL
    runs as `nobody`.

    Args:
        data_dir: where data and logs are kept between runs; None: in a temporary directory, removed at the end.
        simulator: whether to run the pretended TikTok.
        worker: whether to run a worker (`python -m workers run`).
        durable: whether data survives that a server is killed and started again, as it does where it is kept.
        environment: further variables for the simulator, the worker and `Stack.environment`.

    Raises:
        InUse: another stack runs on `data_dir`.
        ChildDied: a process did not start; with the end of its log.
        StackError: something is missing on this machine.
    """
    async with AsyncExitStack() as exits:
        keep = data_dir is not None
        data = _data_directory(data_dir)
        if not keep:
            exits.push_async_callback(asyncio.to_thread, shutil.rmtree, data, ignore_errors=True)
        logs, objects = data / "logs", data / "objects"
        for directory in (logs, objects):
            directory.mkdir(parents=True, exist_ok=True)
        lock = await exits.enter_async_context(_locked(data))
        launch = _Launch(exits, logs, lock)

        database, temporal, pretended = await _together(
            _postgres(launch, data, keep=keep, durable=durable),
            _temporal(launch, data, keep=keep, durable=keep or durable),
            _simulator(launch, environment) if simulator else _nothing(),
        )
        addresses = {
            "DATABASE_URL": database,
            "TEMPORAL_ADDRESS": temporal.address,
            "TEMPORAL_NAMESPACE": NAMESPACE,
            # A developer's own profile may point to Temporal Cloud, with a key and certificates.
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "SPARKADS_OBJECT_STORE": objects.as_uri(),
            "SPARKADS_TIKTOK_BASE_URL": _real_tiktok() if pretended is None else pretended,
        }
        complete = addresses | dict(environment)
        if worker:
            await _worker(launch, complete)
        yield Stack(
            temporal_address=temporal.address,
            temporal_ui=temporal.ui,
            namespace=NAMESPACE,
            database_url=database,
            simulator_url=pretended,
            tiktok_base_url=complete["SPARKADS_TIKTOK_BASE_URL"],
            object_store=complete["SPARKADS_OBJECT_STORE"],
            logs=str(logs),
            environment=complete,
            processes={name: part.child.pid for name, part in launch.parts.items()},
            _launch=launch,
        )


def _data_directory(wanted: Path | None) -> Path:
    return Path(tempfile.mkdtemp(prefix="sparkads-")) if wanted is None else wanted.expanduser().resolve()


@dataclass(frozen=True)
class _Part:
    """One process of a stack: how to know that it can be used, and how it is told to stop."""

    child: Child
    ready: Callable[[], Awaitable[object]]
    sign: signal.Signals
    within: float

    async def start(self) -> None:
        tries_left = _TRIES
        while True:
            tries_left -= 1
            await self.child.start()
            try:
                await self.ready()
            except ChildDied as death:
                await self.stop(kill=True)
                # Somebody may have taken a port of it in the meantime; it may be given back as quickly.
                if death.code is None or not tries_left:
                    raise
            else:
                return

    async def stop(self, *, kill: bool = False) -> None:
        await self.child.stop(signal.SIGKILL if kill else self.sign, within=self.within)


class _Launch:
    """Starts the processes of one stack, and has each stopped when the stack ends."""

    def __init__(self, exits: AsyncExitStack, logs: Path, lock: int) -> None:
        self.exits = exits
        self.logs = logs
        self.lock = lock
        self.parts: dict[str, _Part] = {}

    async def start(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        *,
        ready: Callable[[Child], Awaitable[object]],
        sign: signal.Signals,
        within: float,
    ) -> _Part:
        child = await start_child(
            name,
            command,
            environment=environment,
            directory=_CHECKOUT,
            log=self.logs / f"{name.lower().replace(' ', '-')}.log",
            keep_open=[self.lock],
        )
        self.exits.push_async_callback(child.stop, sign, within=within)
        part = _Part(child, lambda: ready(child), sign, within)
        await part.ready()
        self.parts[name] = part
        return part


@dataclass(frozen=True)
class _Temporal:
    address: str
    ui: str


async def _postgres(launch: _Launch, data: Path, *, keep: bool, durable: bool) -> str:
    server = await launch.exits.enter_async_context(
        local_postgres(
            data / "postgres",
            log=launch.logs / "postgresql.log",
            keep=keep,
            durable=durable,
            keep_open=[launch.lock],
        )
    )
    launch.parts[server.process.name] = _Part(server.process, server.ready, STOP, STOP_SECONDS)
    await migrate(server.url)
    return server.url


async def _temporal(launch: _Launch, data: Path, *, keep: bool, durable: bool) -> _Temporal:
    wanted = (_TEMPORAL_PORT, _UI_PORT) if keep else (0, 0)
    # A port that was free may be taken a moment later, by another stack most likely; the server chooses further ports
    # for its parts in the same way, and ends when it loses one. So it gets more than one try, with other ports.
    for tries_left in reversed(range(_TRIES)):
        try:
            return await _temporal_on(launch, data, *_ports(*wanted), durable=durable)
        except ChildDied as death:
            if death.code is None or not tries_left:
                raise
        wanted = (0, 0)
    raise AssertionError  # the last try returns or raises


async def _temporal_on(launch: _Launch, data: Path, port: int, ui_port: int, *, durable: bool) -> _Temporal:
    command = [_temporal_binary(), "server", "start-dev", "--log-level", "error"]
    command += ["--ip", _LOOPBACK, "--port", str(port), "--ui-port", str(ui_port)]
    command += [f"--dynamic-config-value={name}={value}" for name, value in DYNAMIC_CONFIG.items()]
    command += [
        f"--search-attribute={key.name}={key.indexed_value_type.name.title().replace('_', '')}"
        for key in search_attributes.ALL
    ]
    if durable:
        command += ["--db-filename", str(data / "temporal.db")]
    address = f"{_LOOPBACK}:{port}"

    async def ready(server: Child) -> None:
        # What it prints once all its ports are open. An answer on the port alone could be another server's.
        await server.printed(lambda line: line.startswith("Temporal Server:"), within=_START_SECONDS)
        await server.before_death(_answers(address), within=_START_SECONDS)

    # Data in memory needs no orderly end, which takes more than a second.
    sign = signal.SIGTERM if durable else signal.SIGKILL
    await launch.start("Temporal", command, _bare_environment(data), ready=ready, sign=sign, within=_STOP_SECONDS)
    return _Temporal(address, f"http://{_LOOPBACK}:{ui_port}")


async def _answers(address: str) -> None:
    while True:
        try:
            client = await Client.connect(address, namespace=NAMESPACE)
        except RuntimeError:
            await asyncio.sleep(_POLL)
        else:
            break
    await register_search_attributes(client)


async def _simulator(launch: _Launch, environment: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "simulator", "--host", _LOOPBACK, "--port", "0"]
    variables = inherited_environment() | dict(environment)
    url = ""

    async def ready(child: Child) -> None:
        nonlocal url
        url = str(await child.said("url", within=_START_SECONDS)).rstrip("/")

    await launch.start("Simulator", command, variables, ready=ready, sign=signal.SIGTERM, within=_STOP_SECONDS)
    return url


async def _worker(launch: _Launch, environment: Mapping[str, str]) -> _Part:
    workers = sum(name.startswith("Worker") for name in launch.parts)
    return await launch.start(
        f"Worker {workers + 1}" if workers else "Worker",
        [sys.executable, "-m", "workers", "run"],
        inherited_environment() | dict(environment),
        ready=lambda child: child.said("worker", within=_START_SECONDS),
        sign=signal.SIGTERM,
        within=_WORKER_STOP_SECONDS,
    )


async def _nothing() -> None:
    return None


async def _together(*starts: Coroutine[Any, Any, Any]) -> list[Any]:
    # Unlike a TaskGroup it raises the first failure itself, which is what a person is to read.
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _locked(data: Path) -> AsyncIterator[int]:
    # The children hold the descriptor too: the lock is free only when the last process of the stack is gone, also
    # after this one was killed.
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(int(_LOCK_SECONDS / _POLL)):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(_POLL)
        else:
            raise InUse(f"another local stack runs on {data}; stop it, or take another --data-dir")
        yield descriptor
    finally:
        os.close(descriptor)


def _ports(*wanted: int) -> list[int]:
    """Find free ports: the wanted ones where they are free, any others for those that are not."""
    with contextlib.ExitStack() as open_sockets:
        return [_port(open_sockets, port) for port in wanted]


def _port(open_sockets: contextlib.ExitStack, wanted: int) -> int:
    listener = open_sockets.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, wanted))
    except OSError:
        listener.bind((_LOOPBACK, 0))
    return int(listener.getsockname()[1])


def _temporal_binary() -> str:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackError("there is no `temporal` command; install this project's extra `local`")
    return found


def _bare_environment(home: Path) -> dict[str, str]:
    # Away from the user's ~/.config/temporalio, which may hold a profile for Temporal Cloud.
    return {"HOME": str(home), "PATH": os.defpath, "TEMPORAL_CONFIG_FILE": os.devnull}


def _real_tiktok() -> str:
    default: str = Settings.model_fields["tiktok_base_url"].default
    return inherited_environment().get("SPARKADS_TIKTOK_BASE_URL", default)
