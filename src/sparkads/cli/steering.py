"""`sparkads campaign pause|resume|cancel|retime|approve|proceed`: a hand on a release that is under way."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.text import Text

from sparkads import clock
from sparkads.cli import output
from sparkads.cli.connection import NotConfirmed, run, seen
from sparkads.cli.mistakes import Mistakes, collected
from sparkads.cli.options import Actor, AsJson, Campaign, NeededReason, Reason, described
from sparkads.client import SparkAds
from sparkads.contracts.base import Contract, Name
from sparkads.contracts.release import (
    NOT_SUBMITTED,
    Approve,
    Command,
    LatePolicy,
    Proceed,
    ReleasePhase,
    ReleaseStatus,
    Retime,
    Selection,
    TargetState,
    Verdict,
)
from sparkads.settings import load_settings

_CONFIRM_SECONDS = 10.0
_CANCEL_SECONDS = 5.0
"""A cancellation shows late where ads are in review: not seeing it within this time is no mistake."""

Rows = Annotated[list[str] | None, typer.Option("--row", metavar="ROW", help="Only this row; may be repeated.")]
Territories = Annotated[
    list[str] | None, typer.Option("--territory", metavar="XX", help="Only rows of this territory; may be repeated.")
]
Waves = Annotated[
    list[int] | None, typer.Option("--wave", metavar="N", help="Only rows of this wave; may be repeated.")
]

app = typer.Typer()


class _Named(Contract):
    """What names one release campaign."""

    campaign_id: Name


@app.command()
@described
def pause(
    campaign_id: Campaign,
    *,
    row: Rows = None,
    territory: Territories = None,
    wave: Waves = None,
    reason: Reason = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Let no further batch through; what is in flight finishes. Its starter, its operator or an admin may.

    With --row, --territory or --wave only those rows are held back; several kinds narrow each other down.

    Examples:
      sparkads campaign pause midnight --reason "wrong cover"
      sparkads campaign pause midnight --territory DE --territory AT --reason "cleared tomorrow"
      sparkads campaign pause midnight --reason "wrong cover" --json
    """
    asked = _Asked(campaign_id, actor, reason, row, territory, wave)
    _steer(asked, SparkAds.pause, "paused", _is_paused(asked), as_json=as_json)


@app.command()
@described
def resume(
    campaign_id: Campaign,
    *,
    row: Rows = None,
    territory: Territories = None,
    wave: Waves = None,
    late: Annotated[
        LatePolicy | None,
        typer.Option("--late", help="What becomes of rows whose instant has passed; else as the release says."),
    ] = None,
    reason: Reason = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Go on after a pause. What became due in the meantime is published now, skipped, or asked about.

    Examples:
      sparkads campaign resume midnight
      sparkads campaign resume midnight --territory DE --late publish
      sparkads campaign resume midnight --reason "cover is right" --json
    """
    asked = _Asked(campaign_id, actor, reason, row, territory, wave, late)
    _steer(asked, SparkAds.resume, "resumed", _is_resumed(asked), as_json=as_json)


@app.command()
@described
def cancel(
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
    Publish nothing more of it; ads that exist stay as they are.

    Examples:
      sparkads campaign cancel midnight --reason "release is moved"
      sparkads campaign cancel midnight --row nz-1 --reason "the artist has left"
      sparkads campaign cancel midnight --reason "release is moved" --json
    """
    asked = _Asked(campaign_id, actor, reason, row, territory, wave)

    def cancelled(now: ReleaseStatus) -> bool:
        over = now.phase in {ReleasePhase.REPORT, ReleasePhase.CANCELLED, ReleasePhase.DONE}
        return over or TargetState.CANCELLED in now.counts

    _steer(asked, SparkAds.cancel, "cancelled", cancelled, within=_CANCEL_SECONDS, as_json=as_json)


@app.command()
@described
def retime(
    campaign_id: Campaign,
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Wall time YYYY-MM-DD HH:MM in each row's own zone, or now.")
    ],
    reason: NeededReason,
    row: Rows = None,
    territory: Territories = None,
    wave: Waves = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Give rows that are not submitted another instant. Approvals are void then.

    An earlier instant is the end of an embargo: two admins have to say the same; the first answer says so, and nothing
    is changed before the second.

    Examples:
      sparkads campaign retime midnight --to "2027-01-22 00:00" --reason "mastering"
      sparkads campaign retime midnight --to now --territory NZ --reason "leaked" --as 6100000000000000001
      sparkads campaign retime midnight --to "2027-01-22 00:00" --reason "mastering" --json
    """
    asked = _Asked(campaign_id, actor, reason, row, territory, wave)
    with collected() as mistakes:
        command = mistakes.check(
            Retime,
            actor=asked.actor,
            reason=reason,
            only=asked.only(mistakes),
            release_at=_wall_time(to, mistakes),
        )
    retimed = run(load_settings(), lambda spark: spark.retime(campaign_id, command))
    lines = [Text(f"{retimed.rows} rows have another instant")]
    if retimed.waits_for:
        lines = [Text(f"nothing is changed yet; it waits for {retimed.waits_for}", style="yellow")]
    if retimed.left_out:
        states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in retimed.left_out.items())
        lines.append(Text(f"left out: {states}"))
    if retimed.plan_hash is not None and retimed.rows:
        lines.append(Text(f"approvers have to agree to {retimed.plan_hash}", style="dim"))
    output.answer(retimed, *lines, as_json=as_json)


@app.command()
@described
def approve(
    campaign_id: Campaign,
    *,
    stage: Annotated[str, typer.Option("--stage", metavar="NAME", help="The stage that you approve for.")],
    plan_hash: Annotated[str, typer.Option("--plan", metavar="HASH", help="The plan that you have looked at.")],
    reject: Annotated[bool, typer.Option("--reject", help="Say no; nothing goes out until you say yes.")] = False,
    reason: Reason = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Agree to a release, or reject it, as an approver of one of its stages.

    It is the plan of that hash that you agree to: any change to what would be done makes it void.

    Examples:
      sparkads campaign approve midnight --stage rights --plan 4f5e… --as 6100000000000000004
      sparkads campaign approve midnight --stage artist --plan 4f5e… --reject --reason "wrong mix" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Named, campaign_id=campaign_id)
        command = mistakes.check(
            Approve,
            actor=actor or settings.actor,
            stage=stage,
            plan_hash=plan_hash,
            verdict=Verdict.REJECT if reject else Verdict.APPROVE,
            reason=reason,
        )
    approved = run(settings, lambda spark: spark.approve(campaign_id, command))
    lines = [Text(f"still missing: {one}") for one in approved.missing]
    output.answer(approved, *(lines or [Text("everybody has agreed")]), as_json=as_json)


@app.command()
@described
def proceed(campaign_id: Campaign, *, reason: NeededReason, actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Let the next tier of a release go, whatever the health of the one before, without waiting for the hold to end.

    Examples:
      sparkads campaign proceed midnight --reason "the two failures are old accounts"
      sparkads campaign proceed midnight --reason "the two failures are old accounts" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Named, campaign_id=campaign_id)
        command = mistakes.check(Proceed, actor=actor or settings.actor, reason=reason)
    opened = run(settings, lambda spark: spark.proceed(campaign_id, command))
    output.answer(opened, Text(f"tiers up to {opened.number} may go"), as_json=as_json)


class _Asked:
    """A command to a release, as it was typed."""

    def __init__(
        self,
        campaign_id: str,
        actor: str | None,
        reason: str,
        rows: list[str] | None,
        territories: list[str] | None,
        waves: list[int] | None,
        late: LatePolicy | None = None,
    ) -> None:
        self.campaign_id = campaign_id
        self.actor = actor or load_settings().actor
        self._reason = reason
        self._rows, self._territories, self._waves = rows or (), territories or (), waves or ()
        self._late = late

    @property
    def is_all(self) -> bool:
        return not (self._rows or self._territories or self._waves)

    def only(self, mistakes: Mistakes) -> Selection:
        mistakes.check(_Named, campaign_id=self.campaign_id)
        return mistakes.check(
            Selection,
            rows=tuple(self._rows),
            territories=tuple(one.upper() for one in self._territories),
            waves=tuple(self._waves),
        )

    def command(self) -> Command:
        with collected() as mistakes:
            return mistakes.check(
                Command, actor=self.actor, reason=self._reason, only=self.only(mistakes), late=self._late
            )


def _is_paused(asked: _Asked) -> Callable[[ReleaseStatus], bool]:
    return lambda now: now.paused if asked.is_all else TargetState.PAUSED in now.counts


def _is_resumed(asked: _Asked) -> Callable[[ReleaseStatus], bool]:
    if asked.is_all:
        return lambda now: not now.paused
    return lambda now: any(now.counts.get(state) for state in NOT_SUBMITTED if state is not TargetState.PAUSED)


def _wall_time(text: str, mistakes: Mistakes) -> object:
    if text.strip().lower() == clock.NOW:
        return None
    try:
        return clock.parse_wall_time(text)
    except ValueError as error:
        mistakes.problems.append(f"--to {text!r}: {error}")
        return None


def _steer(
    asked: _Asked,
    send: Callable[[SparkAds, str, Command], Coroutine[Any, Any, None]],
    word: str,
    done: Callable[[ReleaseStatus], bool],
    *,
    within: float = _CONFIRM_SECONDS,
    as_json: bool,
) -> None:
    """Send a signal, and look for what it did: the campaign checks who sent it, and a signal has no answer."""
    campaign_id, command = asked.campaign_id, asked.command()

    async def steer(spark: SparkAds) -> tuple[ReleaseStatus, ReleaseStatus]:
        before = await spark.release_status(campaign_id)
        await send(spark, campaign_id, command)
        after = await seen(
            lambda: spark.release_status(campaign_id),
            lambda now: done(now) or now.last_error != before.last_error,
            within=within,
        )
        return before, after

    before, after = run(load_settings(), steer)
    confirmed = done(after)
    if not confirmed and (after.last_error != before.last_error or word != "cancelled"):
        because = after.last_error or f"is {command.actor} its starter, its operator or an admin?"
        raise NotConfirmed(f"campaign {campaign_id} is not {word}: {because}")
    what = f"campaign {campaign_id}" if asked.is_all else f"what was chosen of campaign {campaign_id}"
    words = f"{what} is {word}" if confirmed else "sent; ads in review are waited for"
    document = {"campaign_id": campaign_id, "confirmed": confirmed, "status": after}
    output.answer(document, Text(words), as_json=as_json)
