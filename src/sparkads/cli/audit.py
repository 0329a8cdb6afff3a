"""`sparkads audit …`: read the trail of who did what, take it along as a file, and check that nobody has changed it."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.text import Text

from sparkads.audit import ChainCheck, Line
from sparkads.cli import output
from sparkads.cli.connection import run
from sparkads.cli.mistakes import BadInput, collected
from sparkads.cli.options import Actor, AsJson, BusinessCenter, described
from sparkads.client import SparkAds
from sparkads.contracts.audit import MAX_LINES, AskAudit, AuditOperation, AuditVerdict, Hash
from sparkads.contracts.base import Contract, TikTokId
from sparkads.errors import AuditBroken, NothingOnRecord
from sparkads.settings import load_settings

MOST_PROBLEMS = 100
"""Mistakes of a file that are listed; a file that is no export at all has one in each of its lines."""

KeptHead = Annotated[
    str | None,
    typer.Option("--head", metavar="HASH", help="A head hash that you kept elsewhere; the trail may have grown since."),
]

app = typer.Typer(no_args_is_help=True, help="Audit: who did what, when and why, in a trail that shows its changes.")


class _Center(Contract):
    """What names one Business Center."""

    bc_id: TikTokId


class _Kept(Contract):
    """What an export is held against."""

    kept_head: Hash | None


@app.command()
@described
def show(
    bc: BusinessCenter,
    *,
    subject: Annotated[str, typer.Option("--subject", metavar="TEXT", help="Lines with this in their subject.")] = "",
    actor_is: Annotated[str, typer.Option("--actor-is", metavar="ID", help="Lines of this actor.")] = "",
    action: Annotated[
        str, typer.Option("--action", metavar="TEXT", help="Lines of this action, as the table spells it.")
    ] = "",
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="From then on: ISO 8601; without an offset in this machine's time zone."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help=f"Lines at most, up to {MAX_LINES}.")] = 50,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Show the newest lines of a Business Center's audit trail that match, the newest last; only an admin may.

    Examples:
      sparkads audit show 7300000000000000001
      sparkads audit show 7300000000000000001 --subject midnight --since "2027-01-15 00:00" --limit 500
      sparkads audit show 7300000000000000001 --action refused --actor-is 7200000000000000002 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        ask = mistakes.check(
            AskAudit,
            actor=actor or settings.actor,
            operation=AuditOperation.SHOW,
            subject=subject,
            actor_is=actor_is,
            action=action,
            since=mistakes.moment(since, "--since", to_come=False),
            limit=limit,
        )
    found = run(settings, lambda spark: spark.audit(bc, ask))
    rows = [(line.number, line.at, line.actor, line.action, line.subject, line.reason) for line in found.lines]
    title = f"{len(rows)} lines of the audit trail of Business Center {bc}"
    if found.more:
        title += "; older ones match as well"
    columns = ("Number", "When", "Who", "What", "Subject", "Reason")
    output.answer(
        {"bc_id": bc, "lines": found.lines, "more": found.more}, output.table(title, columns, rows), as_json=as_json
    )


@app.command()
@described
def export(
    bc: BusinessCenter,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", dir_okay=False, help="File to write: JSON Lines.")],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Write the whole audit trail of a Business Center to a file, one JSON object a line; only an admin may.

    Prints the head hash. Keep it where nobody who can change the trail can change it: with it, `sparkads audit verify`
    also notices a trail that was cut off or written anew. A file that is there already is left alone.

    Examples:
      sparkads audit export 7300000000000000001 --out trail-2027-01.jsonl
      sparkads audit export 7300000000000000001 --out trail-2027-01.jsonl --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        ask = mistakes.check(AskAudit, actor=actor or settings.actor, operation=AuditOperation.EXPORT)
        if out.exists():
            mistakes.problems.append(f"--out {str(out)!r}: is there already, and an earlier export is worth keeping")
        mistakes.folder(out.parent)

    async def fetch(spark: SparkAds) -> tuple[int, str]:
        answered = await spark.audit(bc, ask)
        if answered.file is None or answered.head is None:
            raise NothingOnRecord("the worker answered without an export: is it of another release?")
        part = out.with_name(f"{out.name}.part")
        try:
            await spark.files.get_file(answered.file, part)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
        return answered.count, answered.head

    count, head = run(settings, fetch, files=True)
    picture = output.facts(
        f"Audit trail of Business Center {bc}", {"lines": str(count), "written to": str(out), "head hash": head}
    )
    advice = Text("Keep the head hash elsewhere: it tells a trail that was rewritten from this one.", style="dim")
    document = {"bc_id": bc, "lines": count, "head": head, "written": str(out)}
    output.answer(document, picture, advice, as_json=as_json)


@app.command()
@described
def verify(
    bc: Annotated[str | None, typer.Argument(metavar="BC", help="Id of the Business Center.")] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", help="Check an exported trail instead; needs no server and no settings."
        ),
    ] = None,
    head: KeptHead = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Check that no line of an audit trail was altered, removed, added or moved.

    The trail of a Business Center, which only an admin may check, or a file made by `sparkads audit export`, which
    anybody may. The exit code is 1 if the trail is broken, and the first line that is not as it was recorded is named.

    Examples:
      sparkads audit verify 7300000000000000001
      sparkads audit verify --file trail-2027-01.jsonl
      sparkads audit verify --file trail-2027-01.jsonl --head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --json
    """  # noqa: E501 - an example is one line
    kept_head = head.strip().lower() if head is not None else None
    if file is not None:
        with collected() as mistakes:
            if bc is not None:
                mistakes.problems.append("BC and --file: one of the two is wanted")
            mistakes.check(_Kept, kept_head=kept_head)
        owner, verdict = _check_file(file, kept_head)
    else:
        owner, verdict = _check_record(bc, kept_head, actor)
    _tell(owner, verdict, kept_head, as_json=as_json)


def _check_record(bc: str | None, kept_head: str | None, actor: str | None) -> tuple[str, AuditVerdict]:
    if bc is None:
        raise BadInput(["name a trail: BC, or --file FILE"])
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        ask = mistakes.check(
            AskAudit, actor=actor or settings.actor, operation=AuditOperation.VERIFY, kept_head=kept_head
        )
    verdict = run(settings, lambda spark: spark.audit(bc, ask)).verdict
    if verdict is None:
        raise NothingOnRecord("the worker answered without a verdict: is it of another release?")
    return bc, verdict


def _check_file(path: Path, kept_head: str | None) -> tuple[str, AuditVerdict]:
    """
    Check an export line by line, however long it is; returns whose trail it is as well.

    Raises:
        BadInput: lines that are none of an export, all of them; or there is no line at all.
    """
    check: ChainCheck | None = None
    owner, wrong = "", 0
    problems: list[str] = []
    with path.open("rb") as file:
        for place, text in enumerate(file, start=1):
            try:
                line = Line.model_validate_json(text)
            except ValidationError as error:
                wrong += 1
                if wrong <= MOST_PROBLEMS:
                    problems.append(f"{path}, line {place}: {_what_is_wrong(error)}")
                continue
            if check is None:
                owner, check = line.bc_id, ChainCheck(line.bc_id, kept_head=kept_head)
            check.add(line)
    if wrong > MOST_PROBLEMS:
        problems.append(f"{path}: {wrong - MOST_PROBLEMS} more lines are wrong")
    if wrong or check is None:
        raise BadInput(problems or [f"{path}: holds no line, so there is nothing to check"])
    return owner, check.verdict()


def _what_is_wrong(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" if detail["loc"] else "no JSON object"
        for detail in details
    )


def _tell(owner: str, verdict: AuditVerdict, kept_head: str | None, *, as_json: bool) -> None:
    """
    Say what was found.

    Raises:
        AuditBroken: it is broken, and a person reads it; a program gets the document and the exit code.
    """
    broken = verdict.broken
    document: dict[str, object] = {"ok": broken is None, "bc_id": owner, **verdict.model_dump(mode="json")}
    if broken is None:
        what = {"lines": str(verdict.lines), "head hash": verdict.head, "kept head hash": kept_head and "is in it"}
        pictures = [output.facts(f"The audit trail of Business Center {owner} is whole", what)]
        output.answer(document, *pictures, as_json=as_json)
        return
    stands = [text for text in (broken.at, broken.actor, broken.action, broken.subject) if text]
    text = f"{broken.text}; it says: {' · '.join(stands)}" if stands else broken.text
    refusal = AuditBroken(text)
    if not as_json:
        raise refusal
    output.answer(document | {"error": {"type": type(refusal).__name__, "message": text}}, as_json=True)
    raise typer.Exit(1)
