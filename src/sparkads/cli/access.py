"""`sparkads access …`: the Request step. Ask owners, show the code, follow the answers."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from temporalio.service import RPCError

from sparkads.cli import output
from sparkads.cli.connection import SILENT, NotConfirmed, run, seen
from sparkads.cli.handles import read_handles
from sparkads.cli.mistakes import Mistakes, collected
from sparkads.cli.options import Actor, AsJson, BusinessCenter, NeededReason, Reason, described
from sparkads.client import SparkAds
from sparkads.contracts.access_request import AccessRequestStatus, RequestOutcome
from sparkads.contracts.base import Contract, Name, TikTokId
from sparkads.contracts.business_center import (
    CancelRequest,
    Decision,
    QrCode,
    RequestAccess,
    RequestAccessResult,
    RequestLine,
    RequestOpened,
    ScanReport,
)
from sparkads.errors import RequestClosedAlready
from sparkads.policy import DEFAULT_PROFILE, PROFILES
from sparkads.scopes import NewVideos, Scope
from sparkads.settings import load_settings

LOOK_EVERY = 2.0
"""Seconds between two looks at open requests; people take minutes."""
LOOKS_AT_ONCE = 8

_CONFIRM_SECONDS = 10.0
_QUIET_ZONE_STYLE = "rgb(255,255,255) on rgb(0,0,0)"
"""The code is drawn in blocks of white: on a light terminal it would be inverted, which many readers don't read."""

_NEXT = {
    RequestOpened.OPENED: "send the owner the code",
    RequestOpened.ALREADY_OPEN: "the owner has not answered yet",
    RequestOpened.ALREADY_AUTHORIZED: "share it: sparkads accounts share",
    RequestOpened.CAP_REACHED: "R6: no slot is free; end an authorization or cancel a request",
}

app = typer.Typer(no_args_is_help=True, help="Request: ask owners for access to their TikTok accounts.")


class ScopeWord(StrEnum):
    """A part of a scope (R7), as typed."""

    POSTS = "posts"
    VIDEOS_ADS_ONLY = "videos-ads-only"
    VIDEOS_ON_PROFILE = "videos-on-profile"
    LIVE = "live"


class _Request(Contract):
    """What names one request."""

    bc_id: TikTokId
    name: Name


class _Center(Contract):
    """What names one Business Center."""

    bc_id: TikTokId


@app.command()
@described
def request(
    bc: BusinessCenter,
    handles: Annotated[
        list[str] | None,
        typer.Argument(metavar="HANDLES", help="TikTok handles. None: an open invitation to whoever has the code."),
    ] = None,
    *,
    scope: Annotated[list[ScopeWord], typer.Option("--scope", help="What to ask for; may be repeated.")],
    from_file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Handles, one a line or in the first CSV column.")
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option("--deadline", metavar="TIME", help="ISO 8601; without an offset in this machine's time zone."),
    ] = None,
    remind_every: Annotated[
        float | None, typer.Option("--remind-every", metavar="HOURS", help="Put a reminder on record.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="NAME",
            help=f"Numbers of the platform: {', '.join(PROFILES)}. Counts at a Business Center's first command only. "
            f"Default: {DEFAULT_PROFILE}.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write qr.png, qr.svg and qr.txt there.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all owners have answered.")] = False,
    show_url: Annotated[
        bool, typer.Option("--show-url", help="Print the code's URL; whoever has it can use the code.")
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Ask owners for access, and show the QR code that they scan.

    One code serves every owner who is asked for the same scope. The outcome of each handle is listed; 1 is the exit
    code if a handle got no slot or, with --wait, did not approve.

    Examples:
      sparkads access request 7300000000000000001 @artist @band --scope posts
      sparkads access request 7300000000000000001 --from roster.csv --scope posts --scope videos-on-profile --wait
      sparkads access request 7300000000000000001 @artist --scope posts --deadline "2027-01-15 18:00" --out codes/
      sparkads access request 7300000000000000001 @artist --scope posts --json
    """
    settings = load_settings()
    with collected() as mistakes:
        asked = list(handles or [])
        if from_file is not None:
            found, problems = read_handles(from_file)
            asked += found
            mistakes.problems += problems
        if policy is not None and policy not in PROFILES:
            mistakes.problems.append(f"--policy {policy!r}: known are {', '.join(PROFILES)}")
        asked_scope = _scope(scope, mistakes)
        mistakes.check(_Center, bc_id=bc)
        mistakes.folder(out)
        command = mistakes.check(
            RequestAccess,
            # Says what is asked for, so that asking again shows the same open invitation and takes no second slot.
            command_id=asked_scope.key.replace(":", ".").replace("+", "-"),
            actor=actor or settings.actor,
            scope=asked_scope,
            handles=tuple(asked),
            deadline=mistakes.moment(deadline, "--deadline"),
            remind_every_hours=remind_every,
        )

    async def ask(spark: SparkAds) -> tuple[RequestAccessResult, dict[str, bytes]]:
        result = await spark.request_access(bc, command, policy=policy)
        wanted = {"terminal": result.qr.terminal}
        if out is not None:
            wanted |= {"png": result.qr.png, "svg": result.qr.svg}
        if show_url:
            wanted |= {"url": result.qr.url}
        return result, {name: await spark.files.get(ref) for name, ref in wanted.items()}

    result, pictures = run(settings, ask, files=True)
    written = _write_code(out, result.qr, pictures) if out is not None else []
    url = pictures["url"].decode() if show_url else None
    document: dict[str, object] = {
        "bc_id": bc,
        "scope": asked_scope.key,
        "requests": result.requests,
        "slots_used": result.slots_used,
        "slots": result.slots,
        "qr": {"text": result.qr.text, "issued_at": result.qr.issued_at, "png": result.qr.png, "svg": result.qr.svg}
        | ({"url": url} if url is not None else {}),
        "written": written,
    }
    refused = any(line.outcome is RequestOpened.CAP_REACHED for line in result.requests)
    if not as_json:
        output.answer({}, *_pictures(result, pictures["terminal"].decode(), url, written), as_json=False)
    if wait:
        waiting = [
            line.name for line in result.requests if line.outcome in {RequestOpened.OPENED, RequestOpened.ALREADY_OPEN}
        ]
        answers = run(
            settings,
            lambda spark: _wait_for_answers(spark, bc, waiting),
            long=True,
            on_interrupt=f"no longer waiting; the requests stay open: sparkads access status {bc}",
        )
        document["answers"] = answers
        refused = refused or any(answer.outcome is not RequestOutcome.APPROVED for answer in answers)
        if not as_json:
            output.answer({}, _answers(answers), as_json=False)
    if as_json:
        output.answer(document, as_json=True)
    raise typer.Exit(1 if refused else 0)


@app.command()
@described
def status(
    bc: BusinessCenter,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Name of a request: the handle without @.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """
    Show a Business Center's slots and open requests, or where one request stands.

    Examples:
      sparkads access status 7300000000000000001
      sparkads access status 7300000000000000001 artist --json
    """
    settings = load_settings()
    if name is not None:
        with collected() as mistakes:
            one = mistakes.check(_Request, bc_id=bc, name=_bare(name))
        request = run(settings, lambda spark: spark.request_status(one.bc_id, one.name))
        output.answer(request, _request_facts(request), as_json=as_json)
        return
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
    center = run(settings, lambda spark: spark.business_center_status(bc))
    lines: dict[str, object] = {
        "slots used": f"{center.held + center.pending} of {center.slots} (policy {center.policy})",
        "accounts held": center.held,
        "open requests": center.pending,
        "waiting for": center.waiting_for,
        "last look at TikTok": center.last_sweep,
        "next look": center.next_sweep,
        "signals that could not be read": center.undecodable_signals or "",
        "the last of them": center.last_undecodable,
        "last error": center.last_error,
    }
    output.answer(center, output.facts(f"Business Center {bc}", lines), as_json=as_json)


@app.command()
@described
def cancel(
    bc: BusinessCenter,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the request: the handle without @.")],
    *,
    reason: NeededReason,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Take an open request back; only an admin may. Its slot is free again.

    Examples:
      sparkads access cancel 7300000000000000001 artist --reason "left the label"
      sparkads access cancel 7300000000000000001 artist --reason "asked by mistake" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        command = mistakes.check(CancelRequest, name=_bare(name), actor=actor or settings.actor, reason=reason)

    async def take_back(spark: SparkAds) -> AccessRequestStatus:
        before = await spark.request_status(bc, command.name)
        if before.outcome is not RequestOutcome.PENDING:
            raise RequestClosedAlready(f"the request {command.name} was {_words(before.outcome)} before")
        await spark.cancel_request(bc, command)
        return await seen(
            lambda: spark.request_status(bc, command.name),
            lambda request: request.outcome is not RequestOutcome.PENDING or request.last_error != before.last_error,
            within=_CONFIRM_SECONDS,
        )

    request = run(settings, take_back)
    if request.outcome is RequestOutcome.PENDING:
        because = request.last_error or f"R2: is {command.actor} an admin?"
        raise NotConfirmed(f"the request {command.name} is still open: {because}")
    if request.outcome is not RequestOutcome.CANCELLED:
        raise RequestClosedAlready(f"the request {command.name} was {_words(request.outcome)} in the meantime")
    output.answer(request, _request_facts(request), as_json=as_json)


@app.command()
@described
def scan(
    bc: BusinessCenter,
    handle: Annotated[str, typer.Argument(metavar="HANDLE", help="The account that scanned.")],
    *,
    declined: Annotated[bool, typer.Option("--declined", help="The owner declined.")] = False,
    reason: Reason = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Report that an owner scanned the code, so that it is looked at now and not at the next sweep.

    TikTok is asked before an approval counts. A refusal leaves no trace there, so your report of it counts.

    Examples:
      sparkads access scan 7300000000000000001 @artist
      sparkads access scan 7300000000000000001 @artist --declined --reason "wants a fee" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        decision = Decision.DECLINED if declined else Decision.APPROVED
        person = actor or settings.actor
        report = mistakes.check(ScanReport, handle=handle, decision=decision, reported_by=person or "", reason=reason)
        if person is None:
            mistakes.problems.append("say who you are: --as USER_ID, or SPARKADS_ACTOR")
    run(settings, lambda spark: spark.report_scan(bc, report))
    document = {"bc_id": bc, "handle": report.handle, "decision": report.decision, "sent": True}
    follow = f"reported; see what came of it: sparkads access status {bc} {report.handle}"
    output.answer(document, Text(follow), as_json=as_json)


def _scope(words: Sequence[ScopeWord], mistakes: Mistakes) -> Scope:
    if ScopeWord.VIDEOS_ADS_ONLY in words and ScopeWord.VIDEOS_ON_PROFILE in words:
        mistakes.problems.append("--scope: videos-ads-only and videos-on-profile exclude each other; say one of them")
    new_videos = NewVideos.NO
    if ScopeWord.VIDEOS_ADS_ONLY in words:
        new_videos = NewVideos.ADS_ONLY
    if ScopeWord.VIDEOS_ON_PROFILE in words:
        new_videos = NewVideos.ON_PROFILE
    return Scope(existing_posts=ScopeWord.POSTS in words, new_videos=new_videos, live=ScopeWord.LIVE in words)


def _bare(name: str) -> str:
    return name.removeprefix("@").lower()


def _words(outcome: StrEnum) -> str:
    return outcome.value.replace("_", " ")


def _account(line: RequestLine) -> str:
    return f"@{line.handle}" if line.handle else f"open invitation {line.name}"


def _write_code(folder: Path, code: QrCode, pictures: dict[str, bytes]) -> list[str]:
    content = {"qr.png": pictures["png"], "qr.svg": pictures["svg"], "qr.txt": f"{code.text}\n".encode()}
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in content]


def _pictures(
    result: RequestAccessResult, blocks: str, url: str | None, written: Sequence[str]
) -> list[RenderableType]:
    counts = Counter(line.outcome for line in result.requests)
    title = ", ".join(f"{count} {_words(outcome)}" for outcome, count in counts.items())
    rows = [(_account(line), line.outcome, _NEXT[line.outcome]) for line in result.requests]
    pictures: list[RenderableType] = [
        output.table(f"Access requests: {title}", ("Account", "Outcome", "Next"), rows),
        Text(f"{result.slots_used} of {result.slots} slots used"),
        _beside(blocks, result.qr.text),
    ]
    if url is not None:
        pictures.append(Text(url))
    pictures += [Text(f"wrote {path}") for path in written]
    return pictures


def _beside(blocks: str, text: str) -> RenderableType:
    lines = blocks.rstrip("\n").split("\n")
    width = max(len(line) for line in lines)
    console = output.stdout()
    code = Text("\n".join(line.ljust(width) for line in lines), style=_QUIET_ZONE_STYLE, no_wrap=True)
    if console.width < width:
        return Text(f"This terminal is too narrow for the code ({width} columns); use --out DIR.\n{text}")
    words = Text(output.printable(text))
    if console.width < width + 30:
        return Group(code, words)
    grid = Table.grid(padding=(0, 3))
    grid.add_column(no_wrap=True, width=width)
    grid.add_column(vertical="middle", max_width=60)
    grid.add_row(code, words)
    return grid


def _request_facts(request: AccessRequestStatus) -> Table:
    lines: dict[str, object] = {
        "account": f"@{request.handle}" if request.handle else "whoever has the code",
        "outcome": request.outcome.value,
        "asked": request.waiting_since,
        "deadline": request.deadline or "none",
        "reminders": request.reminders_sent or "",
        "last scan": request.last_scan,
        "signals that could not be read": request.undecodable_signals or "",
    }
    return output.facts(f"Access request {request.name}", lines)


def _answers(answers: Sequence[AccessRequestStatus]) -> Table:
    rows = [(f"@{one.handle}" if one.handle else one.name, one.outcome.value, one.last_scan) for one in answers]
    return output.table("Answers", ("Account", "Outcome", "Last scan"), rows)


async def _wait_for_answers(spark: SparkAds, bc: str, waiting: Sequence[str]) -> list[AccessRequestStatus]:
    answered: dict[str, AccessRequestStatus] = {}
    at_once = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def look(name: str) -> None:
        async with at_once:
            try:
                request = await spark.request_status(bc, name)
            except RPCError as error:
                if error.status not in SILENT:
                    raise
                return  # an outage ends no waiting for people
        if request.outcome is not RequestOutcome.PENDING:
            answered[name] = request
            bar.update(task, completed=len(answered))
            output.say(f"{name}: {_words(request.outcome)}")

    with output.progress() as bar:
        task = bar.add_task("owners who have answered", total=len(waiting))
        while True:
            await asyncio.gather(*(look(name) for name in waiting if name not in answered))
            if len(answered) == len(waiting):
                return [answered[name] for name in waiting]
            await asyncio.sleep(LOOK_EVERY)
