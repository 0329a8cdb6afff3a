"""
`python -m workers`: the application's processes and its deploy steps.

Exit codes: 0 done (also a process that was told to stop by Ctrl-C or SIGTERM); 1 a bug, with a traceback, or
`reconcile --dry-run` has found something that does not run, or the token that `probe` asks with does not work; 2 wrong
settings or arguments; 3 a server cannot be reached, refuses, or does not start.
"""

import asyncio
import dataclasses
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from pydantic import SecretStr
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from sparkads.errors import Unreachable
from sparkads.policy import DEFAULT_PROFILE, PROFILES
from workers.child_process import StackError
from workers.connections import connect_temporal, database_unreachable
from workers.deployment import VersionUnknown, set_current_version
from workers.search_attributes import SearchAttributeConflict, register_search_attributes
from workers.settings import Settings, SettingsError, load_settings, settings_table

NOT_ALL_RUN = 1
TOKEN_REJECTED = 1
WRONG_INPUT = 2
NOT_REACHABLE = 3

app = typer.Typer(
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # A pretty traceback prints local variables, and those can be secrets.
    pretty_exceptions_enable=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def run() -> None:
    """
    Run a worker until Ctrl-C or SIGTERM; running activities then get SPARKADS_GRACEFUL_SHUTDOWN seconds to finish.

    Example: TEMPORAL_ADDRESS=temporal:7233 DATABASE_URL=postgresql://... python -m workers run
    """
    settings = _settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    from workers.worker import run_worker  # noqa: PLC0415 - loads all workflows and activities

    _do(run_worker(settings))


@app.command()
def migrate() -> None:
    """
    Bring the database to the newest schema. A deploy step; safe to repeat.

    Example: DATABASE_URL=postgresql://user:password@host/sparkads python -m workers migrate
    """
    from store.migrate import migrate as migrate_database  # noqa: PLC0415 - Alembic takes a while to load

    settings = _settings()

    async def work() -> None:
        try:
            await migrate_database(settings.database_url)
        except (OSError, asyncpg.PostgresError) as error:
            raise database_unreachable(settings, error) from error

    _do(work())
    typer.echo(f"{settings.database_address} has the newest schema")


@app.command("register-search-attributes")
def register() -> None:
    """
    Add our search attributes to the Temporal namespace, and wait until they can be used. A deploy step; safe to repeat.

    Example: TEMPORAL_ADDRESS=temporal:7233 python -m workers register-search-attributes
    """
    settings = _settings()

    async def work() -> list[str]:
        return await register_search_attributes(await connect_temporal(settings))

    added = _do(work())
    typer.echo(f"added {', '.join(added)}" if added else "all search attributes were there already")


@app.command("set-current-version")
def set_current(
    wait: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds to wait for its first worker.")] = 120,
) -> None:
    """
    Give new work to the build SPARKADS_BUILD_ID. A deploy step, to be run once its workers are started; safe to repeat.

    Without it a worker that has a build id is given no work at all.

    Example: SPARKADS_BUILD_ID=2026-11-22.1 python -m workers set-current-version
    """
    settings = _settings()
    if settings.build_id is None:
        typer.echo("SPARKADS_BUILD_ID is not set: there is no version to make current", err=True)
        raise typer.Exit(WRONG_INPUT)
    version = WorkerDeploymentVersion(deployment_name=settings.deployment_name, build_id=settings.build_id)

    async def work() -> bool:
        return await set_current_version(await connect_temporal(settings), version, patience=timedelta(seconds=wait))

    changed = _do(work())
    typer.echo(f"{version.to_canonical_string()} {'is now' if changed else 'was already'} the current version")


@app.command()
def reconcile(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what does not run; exit code 1 if any.")
    ] = False,
    policy: Annotated[
        str, typer.Option(help="Policy profile of a Business Center whose last run Temporal no longer has.")
    ] = DEFAULT_PROFILE,
    as_json: AsJson = False,
) -> None:
    """
    Start again what is on record and does not run: Business Centers, open access requests, authorizations.

    For when somebody terminated workflows, or a namespace was lost. What runs is left alone; safe to repeat. Releases
    are never started again by this: those that do not run are listed.

    Example: python -m workers reconcile --dry-run
    """
    settings = _settings()
    if policy not in PROFILES:
        typer.echo(f"--policy: there is no profile {policy!r}; known: {', '.join(PROFILES)}", err=True)
        raise typer.Exit(WRONG_INPUT)
    from workers.reconcile import reconcile as compare  # noqa: PLC0415 - one-off
    from workers.reconcile_report import details, picture  # noqa: PLC0415

    report = _do(compare(settings, dry_run=dry_run, policy=policy))
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        console = Console(highlight=False)
        console.print(picture(report))
        for line in details(report):
            console.print(line, soft_wrap=True)
    raise typer.Exit(0 if report.all_run else NOT_ALL_RUN)


@app.command()
def settings(*, as_json: AsJson = False) -> None:
    """
    Show every setting with its variable, value and meaning. Secrets are masked.

    Example: SPARKADS_SWEEP_FAST=5 python -m workers settings
    """
    loaded = _settings()
    if as_json:
        typer.echo(json.dumps(loaded.table(), indent=2))
    else:
        Console().print(settings_table(loaded))


@app.command()
def connect(
    *,
    token: Annotated[
        bool, typer.Option("--token", help="An access token is given, not an authorization code.")
    ] = False,
) -> None:
    """
    Connect the Business Centers of a TikTok user: exchange the code that TikTok sent after the user authorized the app.

    The code (or, with --token, an access token) is asked for, or read from standard input: arguments can be seen by
    other users of the machine.

    Example: echo "$AUTH_CODE" | python -m workers connect
    """
    settings = _settings()
    from sparkads.errors import SparkAdsError  # noqa: PLC0415 - one-off
    from tiktok import TikTokError  # noqa: PLC0415
    from workers.connect import connect_app  # noqa: PLC0415

    name = "Access token" if token else "Authorization code"
    given = typer.prompt(name, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    secret = SecretStr(given)
    try:
        code = _do(connect_app(settings, auth_code=None if token else secret, token=secret if token else None))
    except SparkAdsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None
    except TikTokError as error:
        typer.echo(f"TikTok refuses or does not answer: {error}", err=True)
        raise typer.Exit(NOT_REACHABLE) from None
    raise typer.Exit(code)


@app.command()
def probe(
    bc: Annotated[str, typer.Argument(metavar="BC", help="Id of a connected Business Center.")],
    *,
    answers: Annotated[
        Path | None,
        typer.Option(help="File for all that TikTok answers, masked. Default: probe-TIME.jsonl, here."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Ask TikTok what public sources leave open: what each answer means, and which setting follows. Changes nothing.

    About 50 calls, two a second at most. It stops where the token does not work, with exit code 1.

    Example: python -m workers probe 7300000000000000001 --answers first-reads.jsonl
    """
    settings = _settings()
    from sparkads.errors import SparkAdsError  # noqa: PLC0415 - one-off
    from tiktok import TikTokError  # noqa: PLC0415
    from workers.probe import default_file, picture, probe_business_center  # noqa: PLC0415
    from workers.probes import ALL  # noqa: PLC0415
    from workers.probes.answers import Probe  # noqa: PLC0415

    path = answers or default_file()
    try:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=len(ALL))

            def show(number: int, asked: Probe) -> None:
                bar.update(task, completed=number - 1, description=asked.asks)

            report = _do(probe_business_center(settings, bc, path, show))
    except SparkAdsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None
    except TikTokError as error:
        typer.echo(f"TikTok does not answer: {error}; what it did answer is in {path}", err=True)
        raise typer.Exit(NOT_REACHABLE) from None
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        Console(highlight=False).print(picture(report))
        typer.echo(f"all that TikTok answered, with ids and words masked: {report.answers}")
    if not report.token_works:
        typer.echo(f"TikTok does not take the token of {bc}: run python -m workers connect, then probe again", err=True)
        raise typer.Exit(TOKEN_REJECTED)


@app.command()
def local(
    *,
    as_json: AsJson = False,
    data_dir: Annotated[Path, typer.Option(help="Where data and logs are kept between runs.")] = Path(".local"),
    simulator: Annotated[bool, typer.Option(help="Pretend TikTok, or use the real one.")] = True,
) -> None:
    """
    Run the whole system on this machine until Ctrl-C: PostgreSQL, Temporal with its UI, a pretended TikTok, a worker.

    With --json, one line with all addresses is printed when everything is ready. Nothing is left running afterwards.

    Example: python -m workers local --data-dir /tmp/sparkads
    """
    _settings()
    _do(_serve(data_dir, simulator=simulator, as_json=as_json))


async def _serve(data_dir: Path, *, simulator: bool, as_json: bool) -> None:
    from workers.local import Stack, local_stack  # noqa: PLC0415 - its servers are no dependency of production
    from workers.pretended_world import settle  # noqa: PLC0415

    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs is in a task
    stopping = False

    def stop() -> None:
        # Once: a second Ctrl-C must not cut short the orderly end, which has time-outs of its own.
        nonlocal stopping
        if not stopping:
            stopping = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop)

    def show(stack: Stack) -> None:
        if as_json:
            shown = {one.name: getattr(stack, one.name) for one in dataclasses.fields(stack) if one.repr}
            print(json.dumps(shown), flush=True)  # noqa: T201 - this is the command's output
        else:
            Console().print(_addresses(stack))

    try:
        async with local_stack(data_dir, simulator=simulator) as stack:
            if stack.simulator_url is not None:
                await settle(stack.simulator_url, stack.database_url)
            show(stack)
            raise await stack.broken()
    except asyncio.CancelledError:
        if not stopping:
            raise


def _addresses(stack: Any) -> Table:
    from workers.pretended_world import HINT  # noqa: PLC0415 - as above

    table = Table(title="sparkads runs here; Ctrl-C stops it", title_justify="left", show_header=False)
    table.add_row("Temporal UI", stack.temporal_ui)
    table.add_row("Temporal", f"{stack.temporal_address}, namespace {stack.namespace}")
    table.add_row("PostgreSQL", stack.database_url)
    if stack.simulator_url is not None:
        table.add_row("Pretended TikTok", f"{stack.simulator_url}; a QR code's address is its consent page")
        table.add_row("Who lives there", HINT)
    else:
        table.add_row("TikTok", stack.tiktok_base_url)
    table.add_row("Files", stack.object_store)
    table.add_row("Logs", stack.logs)
    return table


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None


def _do(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except (Unreachable, VersionUnknown, SearchAttributeConflict, StackError) as error:
        typer.echo(str(error), err=True)
    except RPCError as error:
        typer.echo(f"Temporal refuses: {' '.join(error.message.split())}", err=True)
    raise typer.Exit(NOT_REACHABLE)


def main() -> None:
    """Run the command line and end the process."""
    code: Any = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by returning: with Python 3.11, Temporal's native threads now and then abort a process that tears its
    # interpreter down (temporalio/sdk-python#300), and a deploy step must not fail after it has succeeded.
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
