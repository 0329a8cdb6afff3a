"""`sparkads campaign pause|resume|cancel|retime|approve|proceed|retry|takedown`: a hand on a release."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from sparkads import clock
from sparkads.cli import output
from sparkads.cli.connection import NotConfirmed, run, seen
from sparkads.cli.mistakes import Mistakes, collected
from sparkads.cli.options import (
    Actor,
    AsJson,
    Campaign,
    NeededReason,
    Reason,
    Rows,
    Territories,
    Waves,
    described,
)
from sparkads.cli.watch import counts_table
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
    RetryTargets,
    Selection,
    TargetsRetried,
    TargetState,
    Verdict,
)
from sparkads.contracts.takedown import Takedown, TakedownPhase, TakedownStatus
from sparkads.settings import load_settings

_CONFIRM_SECONDS = 10.0
_CANCEL_SECONDS = 5.0
"""A cancellation shows late where ads are in review: not seeing it within this time is no mistake."""

_TAKEDOWN_SECONDS = 60.0
"""A takedown that still waits after this time goes on by itself, and is looked at again."""

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
            RetryTargets, actor=actor or settings.actor, reason=reason, only=selection.model_dump()
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
        command = mistakes.check(Takedown, actor=actor or settings.actor, reason=reason, only=selection.model_dump())

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
