"""What the spectator sees: headings, sentences, progress bars, the QR code, the final table."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from demo import cast
from demo.checks import Check
from demo.midnights import Midnight
from sparkads.contracts.release import TargetState
from sparkads.manifest import ManifestRow
from store.releases import ReportRow

STAGES = ("Request", "Approve", "Share", "Promote")

_COLOURS = {
    TargetState.PUBLISHED: "green",
    TargetState.BLOCKED: "yellow",
    TargetState.FROZEN: "cyan",
}
_HEAD = ("Row", "Account\nad account", "Ad\npost", "Planned\nconfirmed", "Outcome\nkind")
_WIDTHS = (5, 19, 19, 9, 13)
_BAR = 24
"""Characters of a progress bar: it has to share 80 columns with what it counts."""


class Bar(Protocol):
    """Moves a progress bar."""

    def __call__(self, done: int, detail: str = "") -> None:
        """How many are done, and what else there is to say."""


class Screen:
    """A terminal, or a file in its place."""

    def __init__(self, *, as_json: bool) -> None:
        """With `as_json`, standard output is kept free for the one JSON document."""
        self._console = Console(file=sys.stderr if as_json else sys.stdout, highlight=False)

    def title(self, text: str) -> None:
        """What this is."""
        self._console.print(Text(text, style="bold"))

    def stage(self, name: str) -> None:
        """A heading that shows how far the story is."""
        now = STAGES.index(name)
        parts = Text()
        for index, stage in enumerate(STAGES):
            parts.append(" → " if index else "", style="dim")
            if index == now:
                parts.append(f"[{stage}]", style="bold magenta")
            else:
                parts.append(f"✓ {stage}" if index < now else stage, style="green" if index < now else "dim")
        self._console.print()
        self._console.rule(parts, align="left", style="dim")

    def heading(self, text: str) -> None:
        """A heading outside the four stages."""
        self._console.print()
        self._console.rule(Text(text, style="bold"), align="left", style="dim")

    def say(self, text: str, *, style: str = "") -> None:
        """One sentence, or a few."""
        self._console.print(Padding(Text(text, style=style), (0, 0, 0, 2), expand=False))

    def address(self, name: str, place: str) -> None:
        """An address or a path on a line of its own, unbroken, so that it can be clicked or copied."""
        self._console.print(Text.assemble("  ", (f"{name:<17} ", "bold"), place), soft_wrap=True)

    def code(self, drawn: str) -> None:
        """A QR code: dark modules on a light ground, whatever colours the terminal has."""
        self._console.print(
            Padding(Text(drawn.rstrip("\n"), style="white on black", no_wrap=True), (1, 0, 1, 2), expand=False)
        )

    def midnights(self, midnights: Sequence[Midnight], posts: Mapping[str, int]) -> None:
        """What stands for each zone's midnight."""
        table = Table(box=None, padding=(0, 2, 0, 2))
        for column in ("Midnight in", "is staged at", "that is", "rows"):
            table.add_column(column)
        for one in midnights:
            local = one.staged.astimezone(ZoneInfo(one.time_zone))
            table.add_row(
                cast.city(one.time_zone),
                f"{local:%H:%M:%S} there",
                f"{one.staged:%H:%M:%S} UTC",
                str(posts[one.time_zone]),
            )
        self._console.print(table)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Bar]:
        """A progress bar; where nobody watches, its last state is printed."""
        columns = (
            TextColumn("  {task.description:<10}"),
            BarColumn(bar_width=_BAR),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
        )
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(what, total=total, detail="")

            def move(done: int, detail: str = "") -> None:
                bars.update(task, completed=done, detail=detail)

            yield move

    def rows(self, manifest: Sequence[ManifestRow], report: Sequence[ReportRow]) -> None:
        """The final table: two lines for each row, so that whole ids fit into 80 columns; and the reason, if any."""
        kinds = {row.row_id: f"{row.mode} {row.visibility or ''}".replace("_", " ").rstrip() for row in manifest}
        self._row(*(Text(head, style="dim") for head in _HEAD))
        zone = ""
        for line in report:
            if line.time_zone != zone:
                zone = line.time_zone
                self._console.print(Text(f" {cast.city(zone)}", style="bold"))
            confirmed = line.confirmed_at if line.ad_id else None
            self._row(
                Text(line.row_id),
                Text(f"@{line.handle}\n{line.advertiser_id}"),
                Text(f"{line.ad_id or 'no ad'}\n{line.item_id if line.ad_id and line.item_id else '-'}"),
                Text(f"{_clock(line, line.due_at)}\n{_clock(line, confirmed)}"),
                Text.assemble((line.state.value, _COLOURS.get(line.state, "red")), ("\n" + kinds[line.row_id], "dim")),
            )
            if line.reason:
                self._console.print(Padding(Text(line.reason, style="dim"), (0, 0, 0, 9), expand=False))

    def _row(self, *cells: Text) -> None:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=1)
        for width in _WIDTHS:
            line.add_column(width=width, no_wrap=True)
        line.add_row("", *cells)
        self._console.print(line)

    def checks(self, checks: Sequence[Check]) -> None:
        """Each claim with what became of it."""
        for check in checks:
            mark, style = ("✓", "green") if check.holds else ("✗", "bold red")
            self._hanging(Text(mark, style=style), Text(check.claim))
            for difference in check.differences:
                self._hanging(Text(" "), Text(difference, style="red"))

    def _hanging(self, mark: Text, text: Text) -> None:
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_row("  ", mark, text)
        self._console.print(line)


def problem(text: str) -> None:
    """One line on standard error: why the demo could not go on."""
    Console(stderr=True, highlight=False).print(Text(text, style="bold red"), soft_wrap=True)


def shown(path: Path) -> str:
    """A path as short as it can be written from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _clock(line: ReportRow, moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment.astimezone(ZoneInfo(line.time_zone)):%H:%M:%S}"
