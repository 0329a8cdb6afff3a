"""`sparkads campaign …`: the Promote step. Check a manifest, start a release, watch, brake and report it."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.text import Text

from sparkads import clock
from sparkads import manifest as manifests
from sparkads.cli import output
from sparkads.cli.connection import NotConfirmed, run, seen
from sparkads.cli.mistakes import Mistakes, collected
from sparkads.cli.options import (
    Actor,
    AsJson,
    Campaign,
    NeededReason,
    OutFolder,
    Reason,
    Rows,
    Territories,
    Waves,
    described,
)
from sparkads.cli.plan import pictures, write_page
from sparkads.cli.watch import counts_table, picture, watch
from sparkads.client import SparkAds
from sparkads.contracts.base import BlobRef, Contract, Name
from sparkads.contracts.plan import Plan, PlanContent
from sparkads.contracts.release import (
    AskReport,
    Command,
    ReleaseInput,
    ReleasePhase,
    ReleaseResult,
    ReleaseStatus,
    ReportFiles,
    RetryTargets,
    Selection,
    TargetsRetried,
    TargetState,
)
from sparkads.contracts.takedown import Takedown, TakedownPhase, TakedownStatus
from sparkads.files import Files
from sparkads.manifest import Manifest, Mode, Problem
from sparkads.settings import ClientSettings, load_settings
from sparkads.web_files import WebFile

_CONFIRM_SECONDS = 10.0
_CANCEL_SECONDS = 5.0
"""A cancellation shows late where ads are in review: not seeing it within this time is no mistake."""

_TAKEDOWN_SECONDS = 60.0
"""A takedown that still waits after this time goes on by itself, and is looked at again."""

_UNWRITTEN = BlobRef(sha256="0" * 64, size=0)
"""Stands for the manifest while the other arguments are checked, before anything is uploaded."""

ManifestFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The manifest, a CSV; videos are looked for relative to it.")
]

InBusinessCenter = Annotated[str, typer.Option("--bc", metavar="BC", help="Id of the Business Center.")]
Operator = Annotated[
    str, typer.Option("--operator", metavar="USER_ID", help="Who runs the ads: needs both keys, admins too.")
]
CampaignId = Annotated[
    str | None, typer.Option("--id", metavar="NAME", help="Id of the campaign. Default: the file's name.")
]
Roster = Annotated[
    list[str] | None,
    typer.Option("--roster", metavar="USER_ID", help="A further member to share with; may be repeated."),
]
RequestDeadline = Annotated[
    str | None,
    typer.Option(
        "--request-deadline",
        metavar="TIME",
        help="Of invitations that this release sends: ISO 8601; without an offset in this machine's time zone.",
    ),
]

app = typer.Typer(no_args_is_help=True, help="Promote: release campaigns, from a manifest to a report.")


class _Named(Contract):
    """What names one release campaign."""

    campaign_id: Name


@dataclass(frozen=True)
class _Asked:
    """A release as it was asked for on the command line; its files are not in the object store yet."""

    settings: ClientSettings
    manifest: Manifest
    without_files: ReleaseInput

    def agreed_to(self, plan_hash: str) -> "_Asked":
        return replace(self, without_files=self.without_files.model_copy(update={"plan_hash": plan_hash}))

    async def release(self, spark: SparkAds) -> ReleaseInput:
        """What a release is started with, once its files are uploaded."""
        bundle = await _upload(self.manifest, spark.files.url)
        return self.without_files.model_copy(update={"manifest": bundle})


class InstantLine(Contract):
    """Rows of a manifest that are due together, in one territory."""

    due_at: datetime | None
    """None: now."""
    local: str
    territory: str
    pushes: int
    pulls: int


@app.command()
@described
def template(*, as_json: AsJson = False) -> None:
    """
    Print an example manifest, with one push and one pull.

    Examples:
      sparkads campaign template > midnight.csv
      sparkads campaign template --json
    """
    text = manifests.template()
    output.answer({"columns": manifests.COLUMNS, "csv": text}, Text(text.rstrip("\n")), as_json=as_json)


@app.command()
@described
def check(file: ManifestFile, *, as_json: AsJson = False) -> None:
    """
    Check a manifest without starting anything: every mistake with its row and column, or a summary.

    Examples:
      sparkads campaign check midnight.csv
      sparkads campaign check midnight.csv --json
    """
    manifest = manifests.read(file)
    if manifest.problems:
        document = {"file": str(file), "ok": False, "problems": manifest.problems}
        output.answer(document, _problems(manifest.problems), as_json=as_json)
        raise typer.Exit(2)
    summary = _summary(manifest)
    document = {"file": str(file), "ok": True, "rows": len(manifest.rows), "summary": summary}
    output.answer(document, *_summary_pictures(manifest, summary), as_json=as_json)


@app.command()
@described
def plan(
    file: ManifestFile,
    *,
    bc: InBusinessCenter,
    operator: Operator,
    campaign_id: CampaignId = None,
    roster: Roster = None,
    request_deadline: RequestDeadline = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", dir_okay=False, help="Write it as an HTML page, too.")
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Show what a release would do, and change nothing: row by row, with every reason that would stop one.

    The last line has the plan's hash. `campaign apply` takes it, and refuses to start if anything that matters has
    changed since, saying what.

    Examples:
      sparkads campaign plan midnight.csv --bc 7300000000000000001 --operator 7200000000000000002
      sparkads campaign plan midnight.csv --bc 7300000000000000001 --operator 7200000000000000002 --page plan.html
      sparkads campaign plan midnight.csv --bc 7300000000000000001 --operator 7200000000000000002 --json
    """
    asked = _asked(file, bc, operator, campaign_id, roster, request_deadline, actor)
    planned, content = run(asked.settings, lambda spark: _plan(spark, asked), files=True, long=True)
    if page is not None:
        write_page(page, planned, content)
        output.say(f"wrote {page}")
    follow = f"apply it: sparkads campaign apply {file} … --plan {planned.hash}"
    output.answer(
        {**planned.model_dump(), "content": content},
        *pictures(planned, content),
        Text(follow, style="dim"),
        as_json=as_json,
    )


@app.command()
@described
def apply(
    file: ManifestFile,
    *,
    bc: InBusinessCenter,
    operator: Operator,
    campaign_id: CampaignId = None,
    roster: Roster = None,
    request_deadline: RequestDeadline = None,
    plan_hash: Annotated[
        str | None, typer.Option("--plan", metavar="HASH", help="The plan that was looked at; refused if it changed.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Start without looking at a plan first.")] = False,
    watch_it: Annotated[bool, typer.Option("--watch", help="Show it until its end.")] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Start a release campaign from a manifest, as planned.

    Without --plan the plan is made and shown now, and you are asked; --yes starts without one. The manifest is checked
    first: with a mistake in it nothing is uploaded and nothing is started. Starting again with the same id and the same
    manifest changes nothing. With --watch the exit code is 1 if a row was not published.

    Examples:
      sparkads campaign apply midnight.csv --bc 7300000000000000001 --operator 7200000000000000002 --plan 4f5e…
      sparkads campaign apply midnight.csv --bc 7300000000000000001 --operator 7200000000000000002 --id single-2 --watch
      sparkads campaign apply midnight.csv --bc 7300000000000000001 --operator 7200000000000000002 --yes --json
    """
    with collected() as mistakes:
        if plan_hash is not None and yes:
            mistakes.problems.append("say either --plan HASH or --yes")
        if plan_hash is None and not yes and (as_json or not sys.stdin.isatty()):
            mistakes.problems.append(
                "say --plan HASH, as `sparkads campaign plan` prints it, or --yes: nobody can be asked"
            )
        asked = _asked(file, bc, operator, campaign_id, roster, request_deadline, actor, plan_hash, mistakes)
    if plan_hash is None and not yes:
        planned, content = run(asked.settings, lambda spark: _plan(spark, asked), files=True, long=True)
        output.answer(planned, *pictures(planned, content), as_json=False)
        typer.confirm("Start it?", abort=True)
        asked = asked.agreed_to(planned.hash)

    async def begin(spark: SparkAds) -> ReleaseInput:
        complete = await asked.release(spark)
        await spark.start_release(complete)
        return complete

    started = run(asked.settings, begin, files=True, long=True)
    rows = len(asked.manifest.rows)
    document: dict[str, object] = {
        "campaign_id": started.campaign_id,
        "bc_id": bc,
        "rows": rows,
        "manifest": started.manifest,
        "plan": started.plan_hash,
    }
    words = f"started campaign {started.campaign_id}: {rows} rows"
    if not watch_it:
        follow = f"watch it: sparkads campaign watch {started.campaign_id}"
        output.answer(document, Text(words), Text(follow, style="dim"), as_json=as_json)
        return
    output.say(words)
    _watch(started.campaign_id, document, as_json=as_json)


@app.command()
@described
def status(campaign_id: Campaign, *, as_json: AsJson = False) -> None:
    """
    Show where a campaign stands: phase, targets by state, next instant, what to do.

    Examples:
      sparkads campaign status midnight
      sparkads campaign status midnight --json
    """
    named = _named(campaign_id)
    found = run(load_settings(), lambda spark: spark.release_status(named))
    output.answer(found, picture(found), as_json=as_json)


@app.command("watch")
@described
def watch_campaign(campaign_id: Campaign, *, as_json: AsJson = False) -> None:
    """
    Show a campaign live until its end. Ctrl-C stops the watching, not the campaign.

    The exit code is 1 if a row was not published.

    Examples:
      sparkads campaign watch midnight
      sparkads campaign watch midnight --json
    """
    named = _named(campaign_id)
    _watch(named, {"campaign_id": named}, as_json=as_json)


@app.command()
@described
def pause(campaign_id: Campaign, *, reason: Reason = "", actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Let no further batch through; what is in flight finishes. Its starter, its operator or an admin may.

    Examples:
      sparkads campaign pause midnight --reason "wrong cover"
      sparkads campaign pause midnight --reason "wrong cover" --json
    """
    _steer(
        campaign_id, actor, reason, SparkAds.pause, "paused", lambda now: now.paused, _CONFIRM_SECONDS, as_json=as_json
    )


@app.command()
@described
def resume(campaign_id: Campaign, *, reason: Reason = "", actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Go on after a pause; what became due in the meantime is published now.

    Examples:
      sparkads campaign resume midnight
      sparkads campaign resume midnight --reason "cover is right" --json
    """
    _steer(
        campaign_id,
        actor,
        reason,
        SparkAds.resume,
        "resumed",
        lambda now: not now.paused,
        _CONFIRM_SECONDS,
        as_json=as_json,
    )


@app.command()
@described
def cancel(campaign_id: Campaign, *, reason: NeededReason, actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Publish nothing more; ads that exist stay as they are.

    Examples:
      sparkads campaign cancel midnight --reason "release is moved"
      sparkads campaign cancel midnight --reason "release is moved" --json
    """

    def cancelled(now: ReleaseStatus) -> bool:
        over = now.phase in {ReleasePhase.REPORT, ReleasePhase.CANCELLED, ReleasePhase.DONE}
        return over or TargetState.CANCELLED in now.counts

    _steer(campaign_id, actor, reason, SparkAds.cancel, "cancelled", cancelled, _CANCEL_SECONDS, as_json=as_json)


@app.command()
@described
def retry(
    campaign_id: Campaign,
    *,
    reason: NeededReason,
    row: Rows = None,
    territory: Territories = None,
    wave: Waves = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Let what was refused, blocked or frozen go again, through all gates; also of a campaign that has ended.

    What is past its instant goes as soon as possible, nothing before it. Nothing that has an ad is made twice; the
    answer says row by row what was left out and why. An owner who declined, or never answered, is asked anew with
    `sparkads access request` first.

    Examples:
      sparkads campaign retry midnight --reason "operator has the role now"
      sparkads campaign retry midnight --reason "new cover" --row nz-1 --row nz-2
      sparkads campaign retry midnight --reason "operator has the role now" --territory NZ --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Named, campaign_id=campaign_id)
        selection = mistakes.check(Selection, rows=row or (), territories=territory or (), waves=wave or ())
        command = mistakes.check(
            RetryTargets, actor=actor or settings.actor, reason=reason, selection=selection.model_dump()
        )
    retried: TargetsRetried = run(settings, lambda spark: spark.retry(campaign_id, command))
    parts: list[RenderableType] = [Text(f"{retried.taken} rows go again, {retried.left_out} are left out")]
    if retried.left_out:
        lines = [(one.row_id, one.state or "none", one.why) for one in retried.left_out_rows]
        parts.append(output.table(f"Left out, the first {len(lines)}", ("Row", "State", "Why"), lines))
    output.answer(retried, *parts, as_json=as_json)


@app.command()
@described
def takedown(
    campaign_id: Campaign,
    *,
    reason: NeededReason,
    row: Rows = None,
    territory: Territories = None,
    wave: Waves = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Take rows down, out or not: nothing new is published, spend is stopped, ads are deleted. All rows if none is named.

    It works while the campaign runs and after its end. Posts that a push has put on a profile are listed: only their
    owners can remove them. The exit code is 1 if an ad is left.

    Examples:
      sparkads campaign takedown midnight --reason "wrong master"
      sparkads campaign takedown midnight --reason "no rights there" --territory NZ
      sparkads campaign takedown midnight --reason "wrong master" --row nz-1 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Named, campaign_id=campaign_id)
        selection = mistakes.check(Selection, rows=row or (), territories=territory or (), waves=wave or ())
        command = mistakes.check(
            Takedown, actor=actor or settings.actor, reason=reason, selection=selection.model_dump()
        )

    async def take_down(spark: SparkAds) -> TakedownStatus:
        name = await spark.takedown(campaign_id, command)
        with suppress(TimeoutError):
            async with asyncio.timeout(_TAKEDOWN_SECONDS):
                await spark.wait_for_takedown(campaign_id, name)
        return await spark.takedown_status(campaign_id, name)

    found = run(settings, take_down, long=True)
    progress = found.progress
    words = f"takedown {found.name} of campaign {campaign_id} is {found.phase}"
    if found.phase is not TakedownPhase.DONE:
        words += f", for {found.waiting_on}; it goes on by itself, and the Temporal UI shows how far it is"
    parts: list[RenderableType] = [Text(words), counts_table(progress.counts)]
    if found.failed:
        refused = [(one.row_id, one.why) for one in found.failed_rows]
        parts.append(output.table(f"{found.failed} rows that TikTok would not take down", ("Row", "Why"), refused))
    if progress.owner_removes:
        posts = [(post.row_id, f"@{post.handle}", post.item_id, post.link) for post in progress.owner_posts]
        title = f"{progress.owner_removes} posts that only their owners can remove, in the TikTok app"
        parts.append(output.table(title, ("Row", "Account", "Post", "Link"), posts))
    document = {**found.model_dump(), "links": {post.row_id: post.link for post in progress.owner_posts}}
    output.answer(document, *parts, as_json=as_json)
    raise typer.Exit(1 if progress.left or progress.not_yet_known else 0)


@app.command()
@described
def report(campaign_id: Campaign, *, out: OutFolder, actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Write a campaign's report as report.html, report.csv and report.json: as it stands, or the last one.

    Examples:
      sparkads campaign report midnight --out reports/
      sparkads campaign report midnight --out reports/ --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.folder(out)
        mistakes.check(_Named, campaign_id=campaign_id)
        ask = mistakes.check(AskReport, actor=actor or settings.actor)

    async def fetch(spark: SparkAds) -> dict[str, bytes]:
        files: ReportFiles = await spark.report(campaign_id, ask.actor)
        wanted = {"report.html": files.html, "report.csv": files.csv, "report.json": files.json_file}
        return {name: await spark.files.get(ref) for name, ref in wanted.items()}

    content = run(settings, fetch, files=True)
    for name, data in content.items():
        (out / name).write_bytes(data)
    written = [str(out / name) for name in content]
    output.answer(
        {"campaign_id": campaign_id, "written": written}, *(Text(f"wrote {path}") for path in written), as_json=as_json
    )


def _asked(
    file: Path,
    bc: str,
    operator: str,
    campaign_id: str | None,
    roster: list[str] | None,
    request_deadline: str | None,
    actor: str | None,
    plan_hash: str | None = None,
    found: Mistakes | None = None,
) -> _Asked:
    settings = load_settings()
    manifest = manifests.read(file)
    with collected() as mistakes:
        mistakes.problems += [*(found.problems if found else ()), *manifest.problems]
        release = mistakes.check(
            ReleaseInput,
            campaign_id=campaign_id or file.stem,
            bc_id=bc,
            actor=actor or settings.actor,
            operator=operator,
            manifest=_UNWRITTEN,
            roster=tuple(roster or ()),
            request_deadline=mistakes.moment(request_deadline, "--request-deadline"),
            plan_hash=plan_hash,
        )
    return _Asked(settings, manifest, release)


async def _plan(spark: SparkAds, asked: _Asked) -> tuple[Plan, PlanContent]:
    plan = await spark.plan_release(await asked.release(spark))
    return plan, await spark.planned(plan)


def _named(campaign_id: str) -> str:
    with collected() as mistakes:
        return mistakes.check(_Named, campaign_id=campaign_id).campaign_id


def _watch(campaign_id: str, document: dict[str, object], *, as_json: bool) -> None:
    result: ReleaseResult = run(
        load_settings(),
        lambda spark: watch(spark, campaign_id),
        long=True,
        on_interrupt=f"no longer watching; the campaign goes on: sparkads campaign watch {campaign_id}",
    )
    missed = sum(count for state, count in result.counts.items() if state is not TargetState.PUBLISHED)
    follow = f"its report: sparkads campaign report {campaign_id} --out DIR"
    output.answer(
        document | {"counts": result.counts, "report": result.report, "not_published": missed},
        counts_table(result.counts),
        Text(follow, style="dim"),
        as_json=as_json,
    )
    raise typer.Exit(1 if missed else 0)


def _steer(
    campaign_id: str,
    actor: str | None,
    reason: str,
    send: Callable[[SparkAds, str, Command], Coroutine[Any, Any, None]],
    word: str,
    done: Callable[[ReleaseStatus], bool],
    within: float,
    *,
    as_json: bool,
) -> None:
    """Send a signal, and look for what it did: the campaign checks who sent it, and a signal has no answer."""
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Named, campaign_id=campaign_id)
        command = mistakes.check(Command, actor=actor or settings.actor, reason=reason)

    async def steer(spark: SparkAds) -> tuple[ReleaseStatus, ReleaseStatus]:
        before = await spark.release_status(campaign_id)
        await send(spark, campaign_id, command)
        after = await seen(
            lambda: spark.release_status(campaign_id),
            lambda now: done(now) or now.last_error != before.last_error,
            within=within,
        )
        return before, after

    before, after = run(settings, steer)
    confirmed = done(after)
    if not confirmed and (after.last_error != before.last_error or word != "cancelled"):
        because = after.last_error or f"is {command.actor} its starter, its operator or an admin?"
        raise NotConfirmed(f"campaign {campaign_id} is not {word}: {because}")
    words = f"campaign {campaign_id} is {word}" if confirmed else "sent; ads in review are waited for"
    document = {"campaign_id": campaign_id, "confirmed": confirmed, "status": after}
    output.answer(document, Text(words), as_json=as_json)


class _ShownFiles(Files):
    """An object store whose uploads move a progress bar."""

    def __init__(self, url: str, bar: Progress, task: TaskID) -> None:
        super().__init__(url)
        self._bar, self._task = bar, task

    async def put_file(self, path: Path, media_type: str = "application/octet-stream") -> BlobRef:
        self._bar.update(self._task, description=f"upload {path.name}")
        ref = await super().put_file(path, media_type)
        self._bar.advance(self._task, ref.size)
        return ref

    async def put_web_file(
        self, file: WebFile, *, largest: int, media_type: str = "application/octet-stream"
    ) -> BlobRef:
        self._bar.update(self._task, description=f"download {file}")
        ref = await super().put_web_file(file, largest=largest, media_type=media_type)
        self._bar.advance(self._task, ref.size)
        return ref


async def _upload(manifest: Manifest, object_store: str) -> BlobRef:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with output.progress(*columns) as bar:
        sizes = (one.stat().st_size if isinstance(one, Path) else one.size or 0 for one in manifest.sources)
        total = sum(sizes)
        task = bar.add_task("upload", total=total)
        return await manifests.bundle(manifest, _ShownFiles(object_store, bar, task))


def _problems(problems: tuple[Problem, ...]) -> RenderableType:
    rows = [(one.row, one.column, one.read, one.problem, one.advice) for one in problems]
    title = "1 mistake" if len(rows) == 1 else f"{len(rows)} mistakes"
    return output.table(f"{title}; nothing was started", ("Row", "Column", "Read", "Problem", "What to do"), rows)


def _summary(manifest: Manifest) -> list[InstantLine]:
    now = datetime.now(UTC)
    modes: dict[tuple[datetime | None, str, str], Counter[Mode]] = {}
    for row in manifest.rows:
        due = None if row.release_at is None else row.due_at(now)
        local = clock.NOW if due is None else clock.in_zone(due, row.time_zone)
        modes.setdefault((due, local, row.territory), Counter())[row.mode] += 1
    lines = [
        InstantLine(due_at=due, local=local, territory=territory, pushes=count[Mode.PUSH], pulls=count[Mode.PULL])
        for (due, local, territory), count in modes.items()
    ]
    return sorted(lines, key=lambda line: (line.due_at or now, line.territory, line.local))


def _summary_pictures(manifest: Manifest, summary: list[InstantLine]) -> list[RenderableType]:
    rows = [(line.due_at or clock.NOW, line.local, line.territory, line.pushes, line.pulls) for line in summary]
    accounts, files = len({row.account for row in manifest.rows}), len(manifest.sources)
    return [
        output.table(f"{len(manifest.rows)} rows", ("Instant", "Local", "Territory", "Pushes", "Pulls"), rows),
        Text(f"no mistakes; TikTok accounts: {accounts}, files to upload: {files}"),
    ]
