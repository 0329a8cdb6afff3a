"""The demo as a process: servers up, the story told, servers down, an exit code; whatever happens in between."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from traceback import format_exception

from demo import cast
from demo.screen import Screen, problem, shown
from demo.story import Ending, WentWrong, tell
from sparkads.errors import SparkAdsError
from workers.child_process import StackError
from workers.local import Stack, local_stack

DIFFERS = 1
NOT_STARTED = 3
SIGNALLED = 128

QUICK = {
    "SPARKADS_SWEEP_FAST": "1",
    "SPARKADS_SWEEP_SLOW": "1",
    "SPARKADS_REVIEW_POLL_FAST": "1",
    "SPARKADS_REVIEW_POLL_SLOW": "1",
    "SPARKADS_TIKTOK_TIER": "basic",
    # All of it runs on this one machine, where calls take as long as the others let them.
    "SPARKADS_TIKTOK_MARGIN": "0.3",
    "SPARKADS_LOG_LEVEL": "WARNING",
    "SPARKADS_GRACEFUL_SHUTDOWN": "2",
    # A build id from the reader's environment would leave the worker without work: nobody makes its build current.
    "SPARKADS_BUILD_ID": "",
}
"""Shorter pauses than in production; TikTok's limits are the real ones of its basic tier."""


def play(*, keep: bool, as_json: bool) -> int:
    """Play the demo, and return the exit code of its process."""
    try:
        return asyncio.run(_until_told_to_stop(keep=keep, as_json=as_json))
    except (StackError, SparkAdsError, WentWrong, OSError) as error:
        problem(f"The demo cannot go on: {_one_line(error)}")
        return NOT_STARTED if isinstance(error, StackError) else DIFFERS
    except Exception as error:  # noqa: BLE001 - the last place before the terminal: no traceback reaches it
        if os.environ.get("SPARKADS_DEBUG") == "1":
            problem("".join(format_exception(error)))
        problem(f"The demo ended with {type(error).__name__}: {_one_line(error)}; SPARKADS_DEBUG=1 shows where")
        return DIFFERS


async def _until_told_to_stop(*, keep: bool, as_json: bool) -> int:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs is in a task
    told: list[signal.Signals] = []

    def stop(sign: signal.Signals) -> None:
        # Once: a second Ctrl-C must not cut short the orderly end, which has time-outs of its own.
        if not told:
            told.append(sign)
            task.cancel()

    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop, sign)
    try:
        return await _play(Screen(as_json=as_json), keep=keep, as_json=as_json)
    except asyncio.CancelledError:
        if not told:
            raise
        return SIGNALLED + told[0]


async def _play(screen: Screen, *, keep: bool, as_json: bool) -> int:
    started = time.monotonic()
    folder = Path.cwd() / ".local" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    screen.title(f"{cast.LABEL} releases “{cast.SONG}” at midnight, everywhere")
    screen.say("Temporal, PostgreSQL and every HTTP call are real. TikTok is pretended, the label is made up.")
    async with local_stack(None, environment=QUICK) as stack:
        screen.address("Temporal UI", stack.temporal_ui)
        ending = await _while_it_runs(stack, screen, folder)
        seconds = time.monotonic() - started
        screen.heading("Done" if ending.is_good else "Not as it should be")
        screen.say(
            f"{sum(check.holds for check in ending.checks)} of {len(ending.checks)} claims hold; {seconds:.0f} s."
        )
        screen.address("Report", shown(Path(ending.files["report_html"])))
        screen.address("QR code", shown(Path(ending.files["qr_png"])))
        if as_json:
            print(_document(ending, stack, seconds), flush=True)
        if keep:
            _show_addresses(screen, stack)
            raise await stack.broken()
        screen.say("The servers stop now; --keep leaves them up (make demo ARGS=--keep).", style="dim")
    return 0 if ending.is_good else DIFFERS


async def _while_it_runs(stack: Stack, screen: Screen, folder: Path) -> Ending:
    """The story, cut short if one of the servers ends by itself."""
    story = asyncio.create_task(tell(stack, screen, folder))
    broken = asyncio.create_task(stack.broken())
    try:
        await asyncio.wait({story, broken}, return_when=asyncio.FIRST_COMPLETED)
        if not story.done():
            raise broken.result()
        return story.result()
    finally:
        for task in (story, broken):
            task.cancel()
        await asyncio.gather(story, broken, return_exceptions=True)


def _show_addresses(screen: Screen, stack: Stack) -> None:
    screen.heading("Everything stays up until Ctrl-C")
    screen.address("Temporal UI", stack.temporal_ui)
    screen.address("Temporal", f"{stack.temporal_address}, namespace {stack.namespace}")
    screen.address("PostgreSQL", stack.database_url)
    screen.address("Pretended TikTok", f"{stack.simulator_url}/control/state")
    screen.address("Files", stack.object_store)
    screen.address("Logs", stack.logs)


def _document(ending: Ending, stack: Stack, seconds: float) -> str:
    return json.dumps(
        {
            "ok": ending.is_good,
            "seconds": round(seconds, 1),
            "rows": [row.model_dump(mode="json") for row in ending.rows],
            "checks": [
                {"claim": check.claim, "ok": check.holds, "differences": list(check.differences)}
                for check in ending.checks
            ],
            "files": dict(ending.files),
            "tiktok_calls": {name: value for name, value in ending.calls.items() if name != "paths"},
            "addresses": {
                "temporal_ui": stack.temporal_ui,
                "temporal": stack.temporal_address,
                "database": stack.database_url,
                "tiktok": stack.tiktok_base_url,
                "object_store": stack.object_store,
            },
        },
        indent=2,
        ensure_ascii=False,
    )


def _one_line(error: BaseException) -> str:
    """A failed server's text ends in its log: what it is, and the log's last line, say enough."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if len(lines) < 2 else f"{lines[0]} {lines[-1]}"  # noqa: PLR2004 - first and last
