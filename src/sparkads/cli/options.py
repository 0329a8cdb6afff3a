"""Options that several commands share, and how a command's help is written."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., Any])

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Actor = Annotated[
    str | None,
    typer.Option("--as", metavar="USER_ID", help="User id of the member who acts. Default: SPARKADS_ACTOR."),
]
BusinessCenter = Annotated[str, typer.Argument(metavar="BC", help="Id of the Business Center.")]
Asset = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="The TikTok account: its handle with @, or its asset id.")
]
Campaign = Annotated[str, typer.Argument(metavar="ID", help="Id of the release campaign.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.")]
NeededReason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.", show_default=False)]
Members = Annotated[list[str] | None, typer.Option("--member", metavar="USER_ID", help="A member; may be repeated.")]
AdAccounts = Annotated[
    list[str] | None, typer.Option("--ad-account", metavar="ID", help="An ad account; may be repeated.")
]
Rows = Annotated[list[str] | None, typer.Option("--row", metavar="ROW", help="Only this row; may be repeated.")]
Territories = Annotated[
    list[str] | None, typer.Option("--territory", metavar="T", help="Only rows of this territory; may be repeated.")
]
Waves = Annotated[
    list[int] | None, typer.Option("--wave", metavar="N", help="Only rows of this wave; may be repeated.")
]
OutFolder = Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Folder to write to.")]


def described(command: Command) -> Command:
    """Let a command's docstring flow, and the examples in it keep their lines: Typer would do neither."""
    prose, examples, lines = inspect.cleandoc(command.__doc__ or "").partition("Examples:\n")
    flowing = [" ".join(paragraph.split()) for paragraph in prose.strip().split("\n\n")]
    command.__doc__ = "\n\n".join([*flowing, f"\b\n{examples}{lines}"])
    return command
