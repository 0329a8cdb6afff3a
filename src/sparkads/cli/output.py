"""
What the command prints: the one place that decides between JSON and a picture for people.

Answers go to stdout, as exactly one JSON document with `--json`; progress and mistakes go to stderr.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel
from pydantic_core import to_json
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Document = Mapping[str, object] | BaseModel

_WIDTH_OF_A_PIPE = 200
"""Columns where there is no terminal: enough that no cell of a table is broken in a log."""

_STYLE = dict.fromkeys(
    ("opened", "already_open", "already_authorized", "approved", "active", "done", "already", "accepted"), "green"
) | dict.fromkeys(
    (
        *("cap_reached", "declined", "cancelled", "timed_out", "refused", "revoked_by_owner", "removed_by_admin"),
        *("failed", "unclear", "unverified", "flagged"),
    ),
    "red",
)
"""Words of the contracts' outcomes that are good or bad news."""


def stdout() -> Console:
    """Where answers go."""
    return _console(stderr=False)


def stderr() -> Console:
    """Where progress and mistakes go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_PIPE
    return console


def answer(document: Document, *pictures: RenderableType, as_json: bool) -> None:
    """Print the answer of a command: the document, or the pictures of it."""
    if as_json:
        sys.stdout.write(to_json(document, indent=2).decode() + "\n")
        return
    console = stdout()
    for picture in pictures:
        console.print(picture, soft_wrap=isinstance(picture, Text))
    sys.stdout.flush()  # what follows may be a long wait, and a pipe shows nothing before


def say(text: str, *, style: str = "") -> None:
    """One line to a person, beside the answer."""
    stderr().print(Text(printable(text), style=style), soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Lay rows out; cells are shown as they are, never read as markup."""
    grid = Table(title=Text(title), title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        # The first column is what a person copies into the next command.
        grid.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        grid.add_row(*(cell(value) for value in row))
    return grid


def facts(title: str, lines: Mapping[str, object]) -> Table:
    """Lay out what is known about one thing; empty values are left out."""
    grid = Table(
        title=Text(title), title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False
    )
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines.items():
        if value not in (None, "", ()):
            grid.add_row(name, cell(value))
    return grid


def cell(value: object) -> Text:
    """One value as a person reads it."""
    style = ""
    match value:
        case Text():
            return value
        case None:
            text, style = "-", "dim"
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = moment(value)
        case tuple() | list():
            text = ", ".join(str(one) for one in value)
        case StrEnum():
            text, style = value.replace("_", " "), _STYLE.get(value, "")
        case str() if value in _STYLE:
            text, style = value.replace("_", " "), _STYLE[value]
        case _:
            text = str(value)
    return Text(printable(text), style=style)


def moment(value: datetime) -> str:
    """An instant for people."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def printable(text: str) -> str:
    """Text that cannot move the cursor or break the encoding, whoever wrote it."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def progress(*columns: ProgressColumn) -> Progress:
    """A progress bar on stderr; silent where nobody watches."""
    console = stderr()
    shown = columns or (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*shown, console=console, disable=not console.is_terminal)
