"""The command's tree, and its exit codes: the one place where an error becomes a code and a text."""

import sys
from collections.abc import Sequence
from traceback import format_exception
from typing import Any

import typer
from rich.text import Text
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from typer.core import TyperGroup

from sparkads.cli import access, accounts, audit, campaign, notices, output, people, target
from sparkads.cli.connection import Interrupted
from sparkads.cli.mistakes import BadInput
from sparkads.errors import Refusal, SparkAdsError, Unreachable, describe
from sparkads.files import FileDamaged
from sparkads.manifest import Problem
from sparkads.settings import WrongSettings, debugging

REFUSED = 1
BAD_INPUT = 2
NOT_REACHABLE = 3
BUG = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""Typer's own: a wrong option. Its module was renamed between versions; this way to it was not."""


class Commands(TyperGroup):
    """The root of the tree: catches what its commands raise."""

    def main(self, args: Sequence[str] | None = None, *positional: Any, **options: Any) -> Any:
        """Run one command, and end with its exit code."""
        words = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in words
        if as_json:
            # Typer prints wrong options by itself, in a frame; a program gets the error document that all errors have.
            options["standalone_mode"] = False
        try:
            code = super().main(words, *positional, **options)
        except UsageError as error:
            _report("BadInput", " ".join(getattr(error, "format_message", error.__str__)().split()), (), as_json=True)
            code = BAD_INPUT
        except Exception as error:  # noqa: BLE001 - the last place before the terminal: no traceback reaches it
            code = _end(error, as_json=as_json)
        sys.exit(code if isinstance(code, int) else 0)


def _end(error: Exception, *, as_json: bool) -> int:
    if debugging():
        sys.stderr.write("".join(format_exception(error)))
    kind, text, code = type(error).__name__, str(error), BUG
    problems: tuple[str | Problem, ...] = ()
    match error:
        case BadInput() | WrongSettings():
            problems, code = tuple(error.problems), BAD_INPUT
        case Unreachable() | FileDamaged():
            code = NOT_REACHABLE
        case Interrupted():
            code = INTERRUPTED
        case WorkflowUpdateFailedError() | WorkflowFailureError():
            kind, text, code = "Failed", describe(error.cause), REFUSED
        case Refusal() | SparkAdsError():
            code = REFUSED
        case OSError(filename=str() as name):
            kind, text, code = "BadInput", f"{name}: {error.strerror}", BAD_INPUT
        case _:
            text = f"{text or 'no text'} (a bug in sparkads; SPARKADS_DEBUG=1 shows where)"
    _report(kind, text, problems, as_json=as_json)
    return code


def _report(kind: str, text: str, problems: tuple[str | Problem, ...], *, as_json: bool) -> None:
    if as_json:
        error: dict[str, object] = {"type": kind, "message": output.printable(text)}
        if problems:
            error["problems"] = [output.printable(one) if isinstance(one, str) else one for one in problems]
        output.answer({"error": error}, as_json=True)
        return
    if kind == "WrongSettings":
        text = "wrong settings"
    console = output.stderr()
    line = Text.assemble((kind, "bold red"), ": ", output.printable(text))
    console.print(line, soft_wrap=True)
    for problem in problems:
        console.print(Text(f"  {output.printable(str(problem))}"), soft_wrap=True)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    # A pretty traceback prints local variables, and those can be secrets.
    pretty_exceptions_enable=False,
    help="""
    TikTok Spark Ads through Business Center: request, approve, share, promote.

    \b
    Every command takes --json and then prints exactly one JSON document on stdout.
    Progress goes to stderr. --as USER_ID (or SPARKADS_ACTOR) says who acts.

    \b
    Exit codes:
      0    done
      1    refused by a rule, wholly or in part; the error has a name
      2    bad input; all mistakes are listed and nothing was started
      3    Temporal, its workers or the object store not reachable
      70   a bug; SPARKADS_DEBUG=1 shows the traceback
      130  Ctrl-C

    \b
    Settings:
      TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ... or temporal.toml
      SPARKADS_OBJECT_STORE   the same URL as the workers'
      SPARKADS_ACTOR          user id of the member who acts

    \b
    Examples:
      sparkads access request 7300000000000000001 @artist --scope posts
      sparkads accounts list 7300000000000000001 --json
      sparkads campaign apply midnight.csv --bc 7300000000000000001 --operator 7200000000000000002 --watch
    """,
)
app.add_typer(access.app, name="access")
app.add_typer(accounts.app, name="accounts")
app.add_typer(campaign.app, name="campaign")
app.add_typer(target.app, name="target")
app.add_typer(audit.app, name="audit")
app.command("notices")(notices.notices)
app.command("people")(people.people)
