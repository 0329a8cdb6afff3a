"""`sparkads access …`: the Request step. Ask owners, show the code, follow the answers."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from temporalio.service import RPCError

from sparkads.cli import codes, output
from sparkads.cli.connection import SILENT, NotConfirmed, run, seen
from sparkads.cli.handles import read_handles
from sparkads.cli.mistakes import Mistakes, collected
from sparkads.cli.options import Actor, AsJson, BusinessCenter, NeededReason, Reason, described
from sparkads.client import SparkAds
from sparkads.contracts.access_request import AccessRequestStatus, RequestOutcome
from sparkads.contracts.base import Contract, Name, TikTokId
from sparkads.contracts.business_center import (
    AskCode,
    CancelRequest,
    Decision,
    ListScans,
    QrCode,
    RequestAccess,
    RequestAccessResult,
    RequestLine,
    RequestOpened,
    ScanReport,
)
from sparkads.errors import Refusal, RequestClosedAlready
from sparkads.policy import DEFAULT_PROFILE, PROFILES
from sparkads.scopes import NewVideos, Scope
from sparkads.settings import load_settings

LOOK_EVERY = 2.0
"""Seconds between two looks at open requests; people take minutes."""
LOOKS_AT_ONCE = 8

_CONFIRM_SECONDS = 10.0
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


class _TakenBack(Contract):
    """What became of the cancellation of one request."""

    name: str
    outcome: RequestOutcome | None = None
    error: str = ""
    reason: str = ""


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

    async def ask(spark: SparkAds) -> tuple[RequestAccessResult, list[dict[str, bytes]]]:
        result = await spark.request_access(bc, command, policy=policy)
        fetched = [await codes.fetch(spark, code, pictures=out is not None, url=show_url) for _, code in _codes(result)]
        return result, fetched

    result, fetched = run(settings, ask, files=True)
    written = []
    if out is not None:
        for (name, code), files in zip(_codes(result), fetched, strict=True):
            written += codes.write(out, code, files, name)
    document: dict[str, object] = {
        "bc_id": bc,
        "scope": asked_scope.key,
        "requests": result.requests,
        "slots_used": result.slots_used,
        "slots": result.slots,
        "qr": codes.document(result.qr, fetched[0]),
        "written": written,
    }
    refused = any(line.outcome is RequestOpened.CAP_REACHED for line in result.requests)
    if not as_json:
        output.answer({}, *_pictures(result, fetched, written), as_json=False)
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
        "last comparison": center.last_drift_check,
        "differences to decide": f"{center.open_differences}: sparkads accounts drift {bc}"
        if center.open_differences
        else "",
        "signals that could not be read": center.undecodable_signals or "",
        "the last of them": center.last_undecodable,
        "of TikTok's list of accounts can't be read": center.unread,
        "left out of the last comparison": center.left_out,
        "last error": center.last_error,
    }
    output.answer(center, output.facts(f"Business Center {bc}", lines), as_json=as_json)


@app.command()
@described
def code(
    bc: BusinessCenter,
    *,
    scope: Annotated[list[ScopeWord], typer.Option("--scope", help="The scope it asks for; may be repeated.")],
    renew: Annotated[bool, typer.Option("--renew", help="Make a new one: TikTok does not honour it any more.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write qr.png, qr.svg and qr.txt there.")
    ] = None,
    show_url: Annotated[
        bool, typer.Option("--show-url", help="Print the code's URL; whoever has it can use the code.")
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Show the QR code of a scope again, or renew it. Open requests go on, whichever code their owners scan.

    Examples:
      sparkads access code 7300000000000000001 --scope posts
      sparkads access code 7300000000000000001 --scope posts --scope videos-on-profile --renew --out codes/
      sparkads access code 7300000000000000001 --scope posts --json
    """
    settings = load_settings()
    with collected() as mistakes:
        asked_scope = _scope(scope, mistakes)
        mistakes.check(_Center, bc_id=bc)
        mistakes.folder(out)
        command = mistakes.check(AskCode, actor=actor or settings.actor, scope=asked_scope, renew=renew)

    async def ask(spark: SparkAds) -> tuple[QrCode, dict[str, bytes]]:
        found = await spark.qr_code(bc, command)
        return found, await codes.fetch(spark, found, pictures=out is not None, url=show_url)

    found, files = run(settings, ask, files=True)
    written = codes.write(out, found, files) if out is not None else []
    pictures: list[RenderableType] = [codes.picture(found, files)]
    if "url" in files:
        pictures.append(Text(files["url"].decode()))
    pictures += [Text(f"wrote {path}") for path in written]
    shown = {"bc_id": bc, "scope": asked_scope.key, "qr": codes.document(found, files), "written": written}
    output.answer(shown, *pictures, as_json=as_json)


@app.command()
@described
def cancel(
    bc: BusinessCenter,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAMES", help="Names of requests: the handles without @.")
    ] = None,
    *,
    from_file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Handles, one a line or in the first CSV column.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open requests of the Business Center.")] = False,
    reason: NeededReason,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Take open requests back; only an admin may. Their slots are free again.

    Prints an outcome for each request. The exit code is 1 if one of them was not taken back.

    Examples:
      sparkads access cancel 7300000000000000001 artist --reason "left the label"
      sparkads access cancel 7300000000000000001 --from roster.csv --reason "the tour is off"
      sparkads access cancel 7300000000000000001 --all --reason "asked by mistake" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        wanted = list(names or [])
        if from_file is not None:
            found, problems = read_handles(from_file)
            wanted += found
            mistakes.problems += problems
        if bool(wanted) == everything and not mistakes.problems:
            mistakes.problems.append("name the requests, or say --all")
        mistakes.check(_Center, bc_id=bc)
        person = actor or settings.actor
        for name in wanted or ["-"]:
            mistakes.check(CancelRequest, name=_bare(name), actor=person, reason=reason)

    async def take_back(spark: SparkAds) -> list[_TakenBack]:
        named = list(dict.fromkeys(_bare(name) for name in wanted))
        if everything:
            named = [line.name for line in (await spark.list_accounts(bc, str(person))).awaited]
        with output.progress() as bar:
            task = bar.add_task("requests taken back", total=len(named))
            at_once = asyncio.Semaphore(LOOKS_AT_ONCE)

            async def one(name: str) -> _TakenBack:
                async with at_once:
                    command = CancelRequest(name=name, actor=str(person), reason=reason)
                    taken = await _take_back(spark, bc, command)
                    bar.advance(task)
                    return taken

            return list(await asyncio.gather(*map(one, named)))

    requests = run(settings, take_back)
    refused = [one for one in requests if one.error]
    rows = [(one.name, one.outcome, f"{one.error}: {one.reason}" if one.error else "") for one in requests]
    title = f"{len(requests) - len(refused)} taken back, {len(refused)} not"
    picture = output.table(title, ("Request", "Outcome", "Why not"), rows)
    output.answer({"requests": requests, "refused": len(refused)}, picture, as_json=as_json)
    raise typer.Exit(1 if refused else 0)


async def _take_back(spark: SparkAds, bc: str, command: CancelRequest) -> _TakenBack:
    """What refuses one request says nothing about the next."""
    try:
        request = await _cancelled(spark, bc, command)
    except (Refusal, NotConfirmed) as refusal:
        return _TakenBack(name=command.name, error=type(refusal).__name__, reason=str(refusal))
    return _TakenBack(name=command.name, outcome=request.outcome)


async def _cancelled(spark: SparkAds, bc: str, command: CancelRequest) -> AccessRequestStatus:
    """Send the cancellation and see what it did: a signal has no answer of its own."""
    before = await spark.request_status(bc, command.name)
    if before.outcome is not RequestOutcome.PENDING:
        raise RequestClosedAlready(f"the request {command.name} was {_words(before.outcome)} before")
    await spark.cancel_request(bc, command)
    request = await seen(
        lambda: spark.request_status(bc, command.name),
        lambda now: now.outcome is not RequestOutcome.PENDING or now.last_error != before.last_error,
        within=_CONFIRM_SECONDS,
    )
    if request.outcome is RequestOutcome.PENDING:
        because = request.last_error or f"R2: is {command.actor} an admin?"
        raise NotConfirmed(f"the request {command.name} is still open: {because}")
    if request.outcome is not RequestOutcome.CANCELLED:
        raise RequestClosedAlready(f"the request {command.name} was {_words(request.outcome)} in the meantime")
    return request


@app.command()
@described
def scan(
    bc: BusinessCenter,
    handle: Annotated[str, typer.Argument(metavar="HANDLE", help="The account that scanned.")],
    *,
    declined: Annotated[bool, typer.Option("--declined", help="The owner declined.")] = False,
    outdated_app: Annotated[bool, typer.Option("--outdated-app", help="Their TikTok app is too old.")] = False,
    expired_code: Annotated[
        bool, typer.Option("--expired-code", help="TikTok did not honour the code; the next one is made anew.")
    ] = False,
    reason: Reason = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Report that an owner scanned the code, so that it is looked at now and not at the next sweep.

    TikTok is asked before an approval counts. A refusal leaves no trace there, so your report of it counts. What became
    of it: sparkads access scans.

    Examples:
      sparkads access scan 7300000000000000001 @artist
      sparkads access scan 7300000000000000001 @artist --declined --reason "wants a fee" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        told = {Decision.DECLINED: declined, Decision.OUTDATED_APP: outdated_app, Decision.EXPIRED_CODE: expired_code}
        said = [decision for decision, is_so in told.items() if is_so]
        if len(said) > 1:
            mistakes.problems.append("--declined, --outdated-app, --expired-code: say one of them")
        decision = said[0] if said else Decision.APPROVED
        person = actor or settings.actor
        report = mistakes.check(ScanReport, handle=handle, decision=decision, reported_by=person or "", reason=reason)
        if person is None:
            mistakes.problems.append("say who you are: --as USER_ID, or SPARKADS_ACTOR")
    run(settings, lambda spark: spark.report_scan(bc, report))
    document = {"bc_id": bc, "handle": report.handle, "decision": report.decision, "sent": True}
    follow = f"reported; see what came of it: sparkads access status {bc} {report.handle}"
    output.answer(document, Text(follow), as_json=as_json)


@app.command()
@described
def scans(
    bc: BusinessCenter,
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="At most so many.")] = 50,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Show what became of every scan, newest last; only an admin may.

    Examples:
      sparkads access scans 7300000000000000001
      sparkads access scans 7300000000000000001 --limit 500 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        command = mistakes.check(ListScans, actor=actor or settings.actor, limit=limit)
    found = run(settings, lambda spark: spark.list_scans(bc, command))
    rows = [
        (
            one.at,
            f"@{one.handle}" if one.handle else one.asset_id,
            one.outcome,
            one.request_name,
            one.reported_by,
            one.detail,
        )
        for one in found.scans
    ]
    columns = ("When", "Account", "Outcome", "Request", "Reported by", "Detail")
    output.answer(found, output.table(f"{len(rows)} scans", columns, rows), as_json=as_json)


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


def _codes(result: RequestAccessResult) -> list[tuple[str, QrCode]]:
    """The codes to show, each with its file name: one for all, or one for each request."""
    own = [(f"qr-{line.name}", line.qr) for line in result.requests if line.qr is not None]
    return own or [("qr", result.qr)]


def _pictures(
    result: RequestAccessResult, fetched: Sequence[dict[str, bytes]], written: Sequence[str]
) -> list[RenderableType]:
    counts = Counter(line.outcome for line in result.requests)
    title = ", ".join(f"{count} {_words(outcome)}" for outcome, count in counts.items())
    rows = [(_account(line), line.outcome, _NEXT[line.outcome]) for line in result.requests]
    pictures: list[RenderableType] = [
        output.table(f"Access requests: {title}", ("Account", "Outcome", "Next"), rows),
        Text(f"{result.slots_used} of {result.slots} slots used"),
    ]
    for (name, code), files in zip(_codes(result), fetched, strict=True):
        if name != "qr":
            pictures.append(Text(f"for the owner of @{name.removeprefix('qr-')} alone:"))
        pictures.append(codes.picture(code, files))
        if "url" in files:
            pictures.append(Text(files["url"].decode()))
    pictures += [Text(f"wrote {path}") for path in written]
    return pictures


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
