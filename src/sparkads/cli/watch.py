"""A release campaign as it happens: a live picture on a terminal, a line for each change elsewhere."""

import asyncio
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from temporalio.service import RPCError

from sparkads.cli import output
from sparkads.cli.connection import SILENT
from sparkads.client import SparkAds
from sparkads.contracts.release import FINAL_STATES, ReleaseResult, ReleaseStatus, TargetState

LOOK_EVERY = 1.0
"""Seconds between two looks."""

_STYLE = {TargetState.PUBLISHED: "green", TargetState.UNKNOWN: "yellow"} | {
    state: "red" for state in FINAL_STATES if state is not TargetState.PUBLISHED
}


async def watch(spark: SparkAds, campaign_id: str) -> ReleaseResult:
    """
    Show a campaign until its end, whatever the connection does in the meantime.

    Raises:
        Refusal: why the campaign was refused as a whole; NothingOnRecord if there is none.
    """
    end = asyncio.create_task(_end(spark, campaign_id))
    view = _View()
    try:
        with view.live:
            while not end.done():
                try:
                    view.show(await spark.release_status(campaign_id))
                except RPCError as error:
                    if error.status not in SILENT:
                        raise
                    view.lost()
                await asyncio.wait([end], timeout=LOOK_EVERY)
            result = end.result()
            view.show(await spark.release_status(campaign_id))
            return result
    finally:
        end.cancel()


async def _end(spark: SparkAds, campaign_id: str) -> ReleaseResult:
    while True:
        try:
            return await spark.wait_for_release(campaign_id)
        except RPCError as error:
            if error.status not in SILENT:
                raise
        await asyncio.sleep(LOOK_EVERY)


class _View:
    """What is on the screen."""

    def __init__(self) -> None:
        self._console = output.stderr()
        self.live = Live(console=self._console, auto_refresh=False, transient=True)
        self._last_line = ""

    def show(self, status: ReleaseStatus) -> None:
        if self._console.is_terminal:
            self.live.update(picture(status), refresh=True)
        else:
            self._line(f"{status.phase}: {_counts(status.counts) or 'no targets yet'}; waiting for {status.waiting_on}")

    def lost(self) -> None:
        if self._console.is_terminal:
            self.live.update(Text("Temporal does not answer; trying again", style="yellow"), refresh=True)
        else:
            self._line("Temporal does not answer; trying again")

    def _line(self, text: str) -> None:
        if text != self._last_line:
            self._last_line = text
            output.say(text)


def picture(status: ReleaseStatus) -> RenderableType:
    """Where a campaign stands, for people."""
    total = sum(status.counts.values())
    final = sum(count for state, count in status.counts.items() if state in FINAL_STATES)
    lines: dict[str, object] = {
        "phase": Text(status.phase.value + (" (paused)" if status.paused else ""), style="bold"),
        "waiting for": status.waiting_on,
        "since": status.since,
        "next wave": _next(status.next_due),
        "finished": f"{final} of {total}",
        "to do": Text(output.printable(status.attention), style="yellow") if status.attention else "",
        "last error": Text(output.printable(status.last_error), style="red") if status.last_error else "",
        "signals that could not be read": status.undecodable_signals or "",
    }
    parts: list[RenderableType] = [output.facts(f"Release campaign {status.campaign_id}", lines)]
    if total:
        parts += [Padding(ProgressBar(total=total, completed=final, width=60), 0), counts_table(status.counts)]
    if status.waves:
        waves = [(wave.number, wave.due_at, wave.targets, wave.shards) for wave in status.waves]
        parts.append(output.table("Waves to come", ("Wave", "Due", "Targets", "Shards"), waves))
    return Group(*parts)


def counts_table(counts: dict[TargetState, int]) -> Table:
    """Targets by state, in the order of a target's life."""
    rows = [
        (Text(state.value.replace("_", " "), style=_STYLE.get(state, "")), counts[state])
        for state in TargetState
        if counts.get(state)
    ]
    return output.table("Targets", ("State", "Count"), rows)


def _counts(counts: dict[TargetState, int]) -> str:
    return ", ".join(f"{counts[state]} {state.value.replace('_', ' ')}" for state in TargetState if counts.get(state))


def _next(due: datetime | None) -> str:
    if due is None:
        return ""
    seconds = max(0, round((due - datetime.now(UTC)).total_seconds()))
    days, rest = divmod(seconds, 86_400)
    left = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{output.moment(due)}, in {f'{days} d ' if days else ''}{left}"
