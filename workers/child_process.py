"""
Processes of a local stack, owned by this one: none of them outlives it.

- They run in sessions of their own, so that a Ctrl-C in the terminal reaches this process alone, which then stops them
  in order.
- On Linux the kernel ends them when this process dies, however it dies (PR_SET_PDEATHSIG). Elsewhere a SIGKILL of this
  process leaves them behind; there is nothing like it on macOS.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_TAIL_LINES = 15
_CHUNK = 65_536

T = TypeVar("T")


class StackError(Exception):
    """A local stack cannot be started; the text says why and what to do."""


class ChildDied(StackError):
    """The process `name` ended by itself, or was not ready in time. `code` is its exit code, None while it runs."""

    def __init__(self, name: str, what: str, log: Path, code: int | None) -> None:
        self.name = name
        self.code = code
        tail = "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        super().__init__(f"{name} {what}. The end of {log}:\n{tail or '  (empty)'}")


class Child:
    """One process, made and started by `start_child`; it can be stopped and started again."""

    def __init__(self, name: str, spawn: Callable[[], Awaitable[asyncio.subprocess.Process]], log: Path) -> None:
        self.name = name
        self.log = log
        self._spawn = spawn
        self._wanted = asyncio.Event()
        self._process: asyncio.subprocess.Process
        self._lines: asyncio.Queue[str] | None = None
        self._reader: asyncio.Task[None]

    async def start(self) -> None:
        """Start the process, the first time or after `stop`."""
        self._process = await self._spawn()
        self._lines = asyncio.Queue()
        self._reader = asyncio.create_task(self._read(self._process), name=f"output of {self.name}")
        self._wanted.set()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def said(self, key: str, *, within: float) -> Any:
        """
        Wait for a line of output that is a JSON object with `key`, and give its value.

        Raises:
            ChildDied: the process ended first, or `within` seconds passed.
        """

        def has_key(line: str) -> bool:
            try:
                return key in json.loads(line)
            except (ValueError, TypeError):
                return False

        return json.loads(await self.printed(has_key, within=within))[key]

    async def printed(self, wanted: Callable[[str], bool], *, within: float) -> str:
        """
        Wait for a line of output; what is printed afterwards goes to the log alone.

        Raises:
            ChildDied: the process ended first, or `within` seconds passed.
        """
        line = await self.before_death(self._line(wanted), within=within)
        self._lines = None
        return line

    async def before_death(self, condition: Awaitable[T], *, within: float) -> T:
        """
        Wait for a condition that the process is to bring about.

        Raises:
            ChildDied: the process ended first, or `within` seconds passed.
        """
        waiting = asyncio.ensure_future(condition)
        ending = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({waiting, ending}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            if ending.done():
                raise self._died()
            raise ChildDied(self.name, f"was not ready within {within:g} s", self.log, None)
        finally:
            for task in (waiting, ending):
                task.cancel()
            await asyncio.gather(waiting, ending, return_exceptions=True)

    async def died(self) -> ChildDied:
        """Wait until the process ends by itself, and describe it. One that was told to stop has not died."""
        while True:
            await self._wanted.wait()
            process = self._process
            await process.wait()
            if self._wanted.is_set() and process is self._process:
                return self._died()

    async def stop(self, sign: signal.Signals, *, within: float) -> None:
        """End the process: by `sign`, and by SIGKILL if it is still there after `within` seconds."""
        self._wanted.clear()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(sign)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), within)
        finally:
            # Also when this is cancelled: nothing may be left behind.
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            await self._reader

    def _died(self) -> ChildDied:
        code = self._process.returncode
        return ChildDied(self.name, f"ended with exit code {code}", self.log, code)

    async def _line(self, wanted: Callable[[str], bool]) -> str:
        assert self._lines is not None  # noqa: S101 - one line is waited for, once
        while not wanted(line := await self._lines.get()):
            pass
        return line

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        # Until the process closes its output: a full pipe would stop it.
        assert process.stdout is not None  # noqa: S101 - start_child asked for a pipe
        rest = b""
        with self.log.open("ab", buffering=0) as log:
            while chunk := await process.stdout.read(_CHUNK):
                log.write(chunk)
                if self._lines is not None:
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        self._lines.put_nowait(line.decode(errors="replace"))


async def start_child(
    name: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    directory: Path,
    log: Path,
    keep_open: Sequence[int] = (),
    user: int | None = None,
    group: int | None = None,
    orphaned: signal.Signals = signal.SIGKILL,
) -> Child:
    """
    Start a process that ends with this one.

    Linux ends it when the *thread* that called this ends: call it from one that lives as long as the process should.

    Args:
        name: as messages call it.
        command: program and arguments.
        environment: all of it; nothing is inherited.
        directory: its working directory.
        log: file to which its output is added.
        keep_open: file descriptors it is to hold as long as it runs.
        user: user id to run as; needs root.
        group: group id to run as; needs root.
        orphaned: signal it gets when this process dies.
    """

    async def spawn() -> asyncio.subprocess.Process:
        with _appending(log) as errors:
            return await asyncio.create_subprocess_exec(
                *map(str, command),
                env=environment,
                cwd=directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                pass_fds=keep_open,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                start_new_session=True,
                preexec_fn=_tie_to_this_process(orphaned),
            )

    child = Child(name, spawn, log)
    await child.start()
    return child


def _appending(log: Path) -> IO[bytes]:
    return log.open("ab")


def _tie_to_this_process(orphaned: signal.Signals) -> Callable[[], None] | None:
    if (libc := _LIBC) is None:
        return None
    parent = os.getpid()

    def tie() -> None:
        # Runs in the child after the change of user, which would clear it, and before exec, which keeps it.
        libc.prctl(_PR_SET_PDEATHSIG, orphaned.value)
        if os.getppid() != parent:
            os._exit(1)

    return tie
