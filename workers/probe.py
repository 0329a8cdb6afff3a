"""
`python -m workers probe`: first reads on a real connection.

Asks the questions of workers/probes/ one after the other, keeps every answer in a file with ids and words
masked, and says what each means and which setting follows. A refusal is a finding like any other; only a token that
does not work ends the asking.
"""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from textwrap import shorten
from types import TracebackType
from typing import Any, Final, Self

from rich.table import Table

from sparkads.errors import BusinessCenterUnknown, SparkAdsError
from store import credentials
from tiktok import ServerFault, Throttled, TikTokError, UnknownOutcome, Unreachable
from tiktok.connection import Call, Caller
from workers import probes
from workers.connections import connect_database, connect_tiktok
from workers.masking import Masks
from workers.probes.answers import Answers, App, Finding, Json, Probe, Said
from workers.settings import Settings

PACE: Final = 0.55
"""Seconds between the starts of two calls: never more than two a second, whatever the app's tier lets through."""

LOST_IN_A_ROW: Final = 3
"""Calls without an answer after which TikTok counts as not reachable: each may take half a minute."""

_LONGEST_CELL: Final = 200
"""Characters of an answer in the table; the data has all of it."""

_NO_TOKEN: Final = frozenset({40104, 40105})
_LOST: Final = (ServerFault, UnknownOutcome)
_NOT_AS_KNOWN: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of reading an answer that has another form than any page says: a finding, and no end."""

_THROTTLED: Final = Finding(
    "too many calls at this moment",
    note="other software may use the same developer app; see that SPARKADS_TIKTOK_TIER is the app's, and probe again",
)
_UNREADABLE: Final = Finding("TikTok's side failed, or its answer can't be read", note="probe again later")
_NOT_READ: Final = Finding(
    "it came in a form that is not known",
    answered="see the file",
    note="report it to the project, with its masked line",
)
_TOKEN_BAD: Final = Finding(
    "the token does not work: it was revoked, or is none", note="python -m workers connect, then probe again"
)

Progress = Callable[[int, Probe], None]
"""Is told before each question: its number, and what it is."""


class AnswersNotWritten(SparkAdsError):
    """The file for TikTok's answers can't be written."""


class Outcome(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """TikTok said no, which is a finding too"""
    LOST = "lost"
    """no answer that can be read"""
    NOT_ASKED = "not_asked"
    """there is nothing to ask it about, or the token did not work"""


@dataclass(frozen=True)
class Line:
    """One question, what was answered, and what follows."""

    number: int
    probe: Probe
    outcome: Outcome
    finding: Finding
    codes: tuple[int | None, ...] = ()
    """of each call: 0, TikTok's code of a refusal, or None where none came"""

    def document(self) -> Json:
        """As data; the names stay the same."""
        return {
            "number": self.number,
            "name": self.probe.name,
            "verb": self.probe.verb,
            "path": self.probe.path,
            "asks": self.probe.asks,
            "outcome": self.outcome,
            "codes": list(self.codes),
            "answered": self.finding.answered,
            "means": self.finding.means,
            "settings": dict(self.finding.settings),
            "note": self.finding.note,
        }


@dataclass
class Report:
    """What was found out. `answers` is the file with all that TikTok answered."""

    bc_id: str
    answers: Path
    lines: list[Line] = field(default_factory=list)
    token_works: bool = True

    @property
    def settings(self) -> dict[str, str]:
        """Every setting that follows."""
        return {name: value for line in self.lines for name, value in line.finding.settings.items()}

    def document(self) -> Json:
        """As data."""
        return {
            "bc_id": self.bc_id,
            "token_works": self.token_works,
            "calls": sum(len(line.codes) for line in self.lines),
            "answers": str(self.answers),
            "settings": self.settings,
            "probes": [line.document() for line in self.lines],
        }


class Record:
    """
    The file of raw answers: one JSON object a line, masked, written as they come.

    Only its owner can read it: what is masked is still about somebody's business.

    Raises:
        AnswersNotWritten: it can't be.
    """

    def __init__(self, path: Path) -> None:
        """Begin the file anew."""
        self.path = path
        self.masks = Masks()
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise AnswersNotWritten(f"--answers {path}: {error.strerror}") from error
        self._file = os.fdopen(file, "w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, probe: Probe, said: Said) -> None:
        """Keep what TikTok said."""
        # First what names things: a refusal's words are masked by what was seen before.
        params = self.masks.data({name: one for name, one in said.params.items() if name != "secret"})
        data = self.masks.data(said.data)
        error = said.error
        line: Json = {"at": said.asked_at.isoformat(timespec="milliseconds"), "name": probe.name}
        line |= {"verb": probe.verb, "path": probe.path, "params": params}
        if error is None:
            line |= {"code": 0, "data": data}
        else:
            # The request's own id is TikTok's, and what its support asks for.
            line |= {"code": error.code, "message": self.masks.text(error.message), "request_id": error.request_id}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


def default_file() -> Path:
    """Where the answers go if nobody says."""
    return Path(f"probe-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")


async def probe_business_center(settings: Settings, bc_id: str, path: Path, progress: Progress) -> Report:
    """
    Ask everything about a connected Business Center.

    Raises:
        BusinessCenterUnknown: it was never connected.
        AnswersNotWritten: the file of answers can't be written.
        sparkads.errors.Unreachable: PostgreSQL does not answer.
        tiktok.Unreachable: TikTok does not answer.
    """
    app_id, secret = settings.tiktok_app_id, settings.tiktok_app_secret
    app = None if app_id is None or secret is None else App(app_id, secret)
    async with await connect_database(settings) as db, connect_tiktok(settings, db) as tiktok:
        token = await credentials.token(db, bc_id)
        if token is None:
            raise BusinessCenterUnknown(f"Business Center {bc_id} is not connected: run python -m workers connect")
        with Record(path) as record:
            return await ask_all(tiktok.caller(token), Answers(bc_id, app), record, progress)


async def ask_all(
    caller: Caller, answers: Answers, record: Record, progress: Progress, *, pace: float = PACE
) -> Report:
    """Ask one question after the other; see `probe_business_center`."""
    report = Report(answers.bc_id, record.path)
    asking = _Asking(caller, answers, record, pace)
    for number, probe in enumerate(probes.ALL, start=1):
        progress(number, probe)
        params, why = _question(probe, answers) if report.token_works else ((), "the token does not work")
        if not params:
            report.lines.append(Line(number, probe, Outcome.NOT_ASKED, Finding("not asked", answered=why)))
            continue
        said = answers.by_probe[probe.name] = await asking.ask(probe, params)
        report.token_works = not any(_says_token_is_bad(one) for one in said)
        report.lines.append(_line(number, probe, said, answers, record.masks))
    return report


class _Asking:
    """Keeps the pace, and the file."""

    def __init__(self, caller: Caller, answers: Answers, record: Record, pace: float) -> None:
        self._caller = caller
        self._secrets = () if answers.app is None else (answers.app.secret,)
        self._record = record
        self._pace = pace
        self._next_at = 0.0
        self._lost = 0

    async def ask(self, probe: Probe, params: Sequence[Json]) -> list[Said]:
        """Every call of a question; after a token that does not work, no more."""
        said: list[Said] = []
        for one in params:
            said.append(await self._ask(probe, one))
            self._record.write(probe, said[-1])
            if _says_token_is_bad(said[-1]):
                break
        return said

    async def _ask(self, probe: Probe, params: Json) -> Said:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._next_at - loop.time())
        self._next_at, asked_at = loop.time() + self._pace, datetime.now(UTC)
        # Nothing here changes anything, so an answer that is lost leaves nothing open.
        content: dict[str, Any] = {"params" if probe.verb == "GET" else "body": params}
        call = Call(verb=probe.verb, path=probe.path, write=False, secrets=self._secrets, **content)
        try:
            answer = await self._caller.call(call)
        except Unreachable:
            raise
        except TikTokError as error:
            self._lost = self._lost + 1 if isinstance(error, _LOST) else 0
            if self._lost == LOST_IN_A_ROW:
                message = f"{LOST_IN_A_ROW} calls in a row came to nothing, the last one: {error.message}"
                raise Unreachable(message, path=probe.path) from error
            return Said(params, asked_at, error=error)
        self._lost = 0
        return Said(params, asked_at, data=answer.data)


def _question(probe: Probe, answers: Answers) -> tuple[Sequence[Json], str]:
    """What to ask with, or why it can't be asked."""
    try:
        return probe.params(answers), probe.needs
    except _NOT_AS_KNOWN:
        return (), "what it would be about came in a form that is not known; see the file"


def _read(probe: Probe, answers: Answers, said: Sequence[Said]) -> tuple[Outcome, Finding]:
    try:
        return Outcome.ANSWERED, probe.read(answers, said)
    except _NOT_AS_KNOWN:
        return Outcome.LOST, _NOT_READ


def _says_token_is_bad(said: Said) -> bool:
    return said.error is not None and said.error.code in _NO_TOKEN


def _line(number: int, probe: Probe, said: Sequence[Said], answers: Answers, masks: Masks) -> Line:
    errors = [one.error for one in said if one.error is not None]
    answered = [one for one in said if one.error is None]
    codes = tuple(0 if one.error is None else one.error.code for one in said)
    words = "; ".join(dict.fromkeys(f"refused, {_code(error)}{masks.text(error.message)}" for error in errors))
    if any(_says_token_is_bad(one) for one in said):
        outcome, finding = Outcome.REFUSED, _TOKEN_BAD
    elif answered:
        outcome, finding = _read(probe, answers, answered)
    elif any(isinstance(error, Throttled) for error in errors):
        outcome, finding = Outcome.REFUSED, _THROTTLED
    elif any(isinstance(error, _LOST) for error in errors):
        outcome, finding = Outcome.LOST, _UNREADABLE
    else:
        outcome, finding = Outcome.REFUSED, probe.refused
    shown = "; ".join(part for part in (finding.answered if answered else "", words) if part)
    return Line(number, probe, outcome, replace(finding, answered=shown), codes)


def _code(error: TikTokError) -> str:
    return "" if error.code is None else f"{error.code}: "


def picture(report: Report) -> Table:
    """Lay the findings out for a terminal."""
    table = Table(title=f"What TikTok answers for Business Center {report.bc_id}", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("Asked", overflow="fold")
    table.add_column("Answered", overflow="fold")
    table.add_column("Means", overflow="fold")
    table.add_column("So set this, or know", overflow="fold")
    asked = [line for line in report.lines if report.token_works or line.outcome is not Outcome.NOT_ASKED]
    for line in asked:
        follows = [f"{name}={value}" for name, value in line.finding.settings.items()]
        follows += [line.finding.note] if line.finding.note else []
        style = {Outcome.NOT_ASKED: "dim", Outcome.LOST: "red"}.get(line.outcome)
        table.add_row(
            str(line.number),
            line.probe.asks,
            shorten(line.finding.answered, _LONGEST_CELL, placeholder=" …"),
            line.finding.means,
            "\n".join(follows) or "nothing to set",
            style=style,
        )
    return table
