"""`sparkads campaign …`: the Promote step. Check a manifest, start a release, watch, brake and report it."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.text import Text

from sparkads import manifest as manifests
from sparkads.cli import manifest as manifest_commands
from sparkads.cli import output, steering
from sparkads.cli.connection import run
from sparkads.cli.manifest import GivenManifest, ManifestFile, OnlyValid, TerritorySheet
from sparkads.cli.mistakes import Mistakes, collected
from sparkads.cli.options import Actor, AsJson, Campaign, OutFolder, described
from sparkads.cli.plan import pictures, write_page
from sparkads.cli.watch import counts_table, picture, watch
from sparkads.client import SparkAds
from sparkads.contracts.base import BlobRef, Contract, Name
from sparkads.contracts.plan import Plan, PlanContent
from sparkads.contracts.release import (
    ApprovalStage,
    AskReport,
    DailyCeiling,
    HealthGate,
    LatePolicy,
    ReleaseInput,
    ReleasePhase,
    ReleaseResult,
    ReleaseStatus,
    ReportFiles,
    TargetState,
)
from sparkads.files import Files
from sparkads.manifest import Manifest
from sparkads.settings import ClientSettings, load_settings
from sparkads.web_files import WebFile

_UNWRITTEN = BlobRef(sha256="0" * 64, size=0)
"""Stands for the manifest while the other arguments are checked, before anything is uploaded."""

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

Hold = Annotated[
    float,
    typer.Option("--hold", metavar="MINUTES", help="Between two tiers, before health is judged."),
]
WorstShare = Annotated[
    float, typer.Option("--worst-share", metavar="PERCENT", help="Of a tier's ads that may fail before it stops.")
]
Late = Annotated[LatePolicy, typer.Option("--late", help="What becomes of rows whose instant passes during a pause.")]
Approvals = Annotated[
    list[str] | None,
    typer.Option(
        "--approval",
        metavar="STAGE=USER_ID,…[:QUORUM]",
        help="Who has to agree before anything goes out; may be repeated. Without a quorum all of them.",
    ),
]
Ceilings = Annotated[
    list[str] | None,
    typer.Option(
        "--ceiling",
        metavar="AD_ACCOUNT=AMOUNT",
        help="What an ad account may spend a day on the release, in its currency; rows beyond it are blocked.",
    ),
]
ApproveBy = Annotated[
    str | None, typer.Option("--approve-by", metavar="TIME", help="After it approvers are told at once: ISO 8601.")
]

app = typer.Typer(no_args_is_help=True, help="Promote: release campaigns, from a manifest to a report.")
app.add_typer(manifest_commands.app)
app.add_typer(steering.app)


class _Named(Contract):
    """What names one release campaign."""

    campaign_id: Name


@dataclass(frozen=True)
class _Asked:
    """A release as it was asked for on the command line; its files are not in the object store yet."""

    settings: ClientSettings
    manifest: Manifest
    without_files: ReleaseInput
    rejects: Path | None
    """Where rows with mistakes are, if it goes on without them."""

    def agreed_to(self, plan_hash: str) -> "_Asked":
        return replace(self, without_files=self.without_files.model_copy(update={"plan_hash": plan_hash}))

    async def release(self, spark: SparkAds) -> ReleaseInput:
        """What a release is started with, once its files are uploaded."""
        bundle = await _upload(self.manifest, spark.files.url)
        return self.without_files.model_copy(update={"manifest": bundle})


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
    hold: Hold = 15,
    worst_share: WorstShare = 5,
    late: Late = LatePolicy.PUBLISH,
    approval: Approvals = None,
    approve_by: ApproveBy = None,
    ceiling: Ceilings = None,
    territories: TerritorySheet = None,
    only_valid: OnlyValid = False,
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
    settings = _Settings(
        bc,
        operator,
        campaign_id,
        roster,
        request_deadline,
        hold,
        worst_share,
        late,
        approval,
        approve_by,
        ceiling,
        actor,
    )
    asked = _asked(GivenManifest(file, territories, only_valid), settings)
    planned, content = run(asked.settings, lambda spark: _plan(spark, asked), files=True, long=True)
    if page is not None:
        write_page(page, planned, content)
        output.say(f"wrote {page}")
    follow = f"apply it: sparkads campaign apply {file} … --plan {planned.hash}"
    output.answer(
        {**planned.model_dump(), "content": content, "rejects": asked.rejects},
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
    hold: Hold = 15,
    worst_share: WorstShare = 5,
    late: Late = LatePolicy.PUBLISH,
    approval: Approvals = None,
    approve_by: ApproveBy = None,
    ceiling: Ceilings = None,
    territories: TerritorySheet = None,
    only_valid: OnlyValid = False,
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
    manifest changes nothing, but for a campaign that ended through a fault: it goes on where it was. With --watch the
    exit code is 1 if a row was not published.

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
        settings = _Settings(
            bc,
            operator,
            campaign_id,
            roster,
            request_deadline,
            hold,
            worst_share,
            late,
            approval,
            approve_by,
            ceiling,
            actor,
        )
        asked = _asked(GivenManifest(file, territories, only_valid), settings, plan_hash, mistakes)
    if plan_hash is None and not yes:
        planned, content = run(asked.settings, lambda spark: _plan(spark, asked), files=True, long=True)
        output.answer(planned, *pictures(planned, content), as_json=False)
        typer.confirm("Start it?", abort=True)
        asked = asked.agreed_to(planned.hash)

    async def begin(spark: SparkAds) -> tuple[ReleaseInput, ReleaseStatus]:
        complete = await asked.release(spark)
        await spark.start_release(complete)
        return complete, await spark.release_loaded(complete.campaign_id)

    started, now = run(asked.settings, begin, files=True, long=True)
    rows = len(asked.manifest.rows)
    document: dict[str, object] = {
        "campaign_id": started.campaign_id,
        "bc_id": bc,
        "rows": rows,
        "manifest": started.manifest,
        "plan": started.plan_hash,
        "rejects": asked.rejects,
        "phase": now.phase,
        "attention": now.attention,
    }
    is_loading = now.phase is ReleasePhase.LOADING
    words = f"campaign {started.campaign_id}: {rows} rows, {'not on record yet' if is_loading else 'started'}"
    if now.attention:
        words += f"; {now.attention}"
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


class _Settings(NamedTuple):
    """What is said of a release beside its manifest, as it was typed."""

    bc: str
    operator: str
    campaign_id: str | None
    roster: list[str] | None
    request_deadline: str | None
    hold: float
    worst_share: float
    late: LatePolicy
    approvals: list[str] | None
    approve_by: str | None
    ceilings: list[str] | None
    actor: str | None


def _asked(
    given: GivenManifest, typed: _Settings, plan_hash: str | None = None, found: Mistakes | None = None
) -> _Asked:
    settings = load_settings()
    manifest = given.read()
    with collected() as mistakes:
        mistakes.problems += [*(found.problems if found else ()), *manifest.problems]
        release = mistakes.check(
            ReleaseInput,
            campaign_id=typed.campaign_id or given.file.stem,
            bc_id=typed.bc,
            actor=typed.actor or settings.actor,
            operator=typed.operator,
            manifest=_UNWRITTEN,
            roster=tuple(typed.roster or ()),
            request_deadline=mistakes.moment(typed.request_deadline, "--request-deadline"),
            gate=mistakes.check(HealthGate, hold_seconds=typed.hold * 60, worst_share=typed.worst_share / 100),
            late=typed.late,
            approvals=tuple(_stage(one, mistakes) for one in typed.approvals or ()),
            approval_deadline=mistakes.moment(typed.approve_by, "--approve-by"),
            daily_ceilings=tuple(_ceiling(one, mistakes) for one in typed.ceilings or ()),
            plan_hash=plan_hash,
        )
    return _Asked(settings, manifest, release, given.leave_behind(manifest))


def _stage(text: str, mistakes: Mistakes) -> ApprovalStage:
    name, _, rest = text.partition("=")
    people, _, quorum = rest.partition(":")
    approvers = tuple(one.strip() for one in people.split(",") if one.strip())
    return mistakes.check(
        ApprovalStage, name=name.strip(), approvers=approvers, quorum=quorum.strip() or len(set(approvers)) or 1
    )


def _ceiling(text: str, mistakes: Mistakes) -> DailyCeiling:
    ad_account, _, amount = text.partition("=")
    return mistakes.check(DailyCeiling, ad_account=ad_account.strip(), amount=amount.strip())


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
