"""A release campaign as it happens: a live picture on a terminal, a line for each change elsewhere."""

import asyncio
from collections import deque
from datetime import UTC, datetime
from time import monotonic

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
from sparkads.contracts.release import FINAL_STATES, NOT_SUBMITTED, ReleaseResult, ReleaseStatus, TargetState

LOOK_EVERY = 1.0
"""Seconds between two looks."""

PACE_OVER = 60.0
"""Seconds over which the pace is measured."""

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


class _Pace:
    """How fast targets are submitted, over the last while."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def line(self, status: ReleaseStatus) -> str:
        """Rate and time left of what is not submitted; empty while nothing moves."""
        now = monotonic()
        left = sum(status.counts.get(state, 0) for state in (*NOT_SUBMITTED, TargetState.SUBMITTING))
        self._seen.append((now, left))
        while now - self._seen[0][0] > PACE_OVER:
            self._seen.popleft()
        before, then = self._seen[0]
        if left >= then:
            return ""
        rate = (then - left) / (now - before)
        return f"{rate * 60:.0f} a minute; at that pace {_span(left / rate)} are left"


class _View:
    """What is on the screen."""

    def __init__(self) -> None:
        self._pace = _Pace()
        self._console = output.stderr()
        self.live = Live(console=self._console, auto_refresh=False, transient=True)
        self._last_line = ""

    def show(self, status: ReleaseStatus) -> None:
        if self._console.is_terminal:
            self.live.update(picture(status, self._pace.line(status)), refresh=True)
        else:
            to_do = f"; to do: {status.attention}" if status.attention else ""
            counts = _counts(status.counts) or "no targets yet"
            self._line(f"{status.phase}: {counts}; waiting for {status.waiting_on}{to_do}")

    def lost(self) -> None:
        if self._console.is_terminal:
            self.live.update(Text("Temporal does not answer; trying again", style="yellow"), refresh=True)
        else:
            self._line("Temporal does not answer; trying again")

    def _line(self, text: str) -> None:
        if text != self._last_line:
            self._last_line = text
            output.say(text)


def picture(status: ReleaseStatus, pace: str = "") -> RenderableType:
    """Where a campaign stands, for people."""
    total = sum(status.counts.values())
    final = sum(count for state, count in status.counts.items() if state in FINAL_STATES)
    lines: dict[str, object] = {
        "phase": Text(status.phase.value + (" (paused)" if status.paused else ""), style="bold"),
        "waiting for": status.waiting_on,
        "since": status.since,
        "next wave": _next(status.next_due),
        "finished": f"{final} of {total}",
        "pace": pace,
        "plan to approve": status.plan_hash if status.missing_approvals else "",
        "to do": Text(output.printable(status.attention), style="yellow") if status.attention else "",
        "last error": Text(output.printable(status.last_error), style="red") if status.last_error else "",
        "signals that could not be read": status.undecodable_signals or "",
    }
    parts: list[RenderableType] = [output.facts(f"Release campaign {status.campaign_id}", lines)]
    if total:
        parts += [Padding(ProgressBar(total=total, completed=final, width=60), 0), counts_table(status.counts)]
    if status.waits:
        waits = [(one.rows, ", ".join(one.row_ids), one.since, output.printable(one.reason)) for one in status.waits]
        parts.append(output.table("Rows that wait for something", ("Rows", "Which", "Since", "For what"), waits))
    if len(status.territories) > 1:
        parts.append(_territories(status))
    if len(status.tiers) > 1:
        tiers = [
            (one.number, one.targets, one.submitted, one.failed, "" if one.number <= status.open_tier else "held back")
            for one in status.tiers
        ]
        parts.append(output.table("Tiers", ("Tier", "Targets", "Submitted", "Failed", ""), tiers))
    if status.waves:
        waves = [(wave.number, wave.tier, wave.due_at, wave.targets, wave.shards) for wave in status.waves]
        parts.append(output.table("Waves to come", ("Wave", "Tier", "Due", "Targets", "Shards"), waves))
    return Group(*parts)


def _territories(status: ReleaseStatus) -> Table:
    grid = Table(title="Territories", title_justify="left", title_style="bold")
    for name in ("Territory", "", "Published", "Failed", "Targets", "Next due"):
        grid.add_column(name)
    for one in status.territories:
        bar = ProgressBar(total=one.targets, completed=one.published + one.failed, width=20)
        failed = Text(str(one.failed), style="red" if one.failed else "dim")
        due = "" if one.next_due is None else output.moment(one.next_due)
        grid.add_row(one.territory, bar, str(one.published), failed, str(one.targets), due)
    return grid


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
    return f"{output.moment(due)}, in {_span((due - datetime.now(UTC)).total_seconds())}"


def _span(seconds: float) -> str:
    days, rest = divmod(max(0, round(seconds)), 86_400)
    left = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{f'{days} d ' if days else ''}{left}"
