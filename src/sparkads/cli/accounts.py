"""`sparkads accounts …`: the Share step. List authorized accounts, give and take their use, end authorizations."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from sparkads.cli import output
from sparkads.cli.chosen_accounts import ChosenAccounts, check_accounts, not_authorized
from sparkads.cli.connection import NotConfirmed, run, seen
from sparkads.cli.mistakes import collected
from sparkads.cli.options import (
    Actor,
    AdAccounts,
    AsJson,
    Asset,
    BusinessCenter,
    Members,
    NeededReason,
    Reason,
    described,
)
from sparkads.client import SparkAds
from sparkads.contracts.authorization import (
    NOT_DONE,
    AuthorizationStage,
    AuthorizationStatus,
    EndAuthorization,
    PairOutcome,
    Share,
    ShareResult,
    Unshare,
)
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import AccountLine, ListAccounts, LookNow
from sparkads.contracts.drift import AskDrift, Handling
from sparkads.errors import AuthorizationEnded, Refusal
from sparkads.roles import AdAccountRole, Permission
from sparkads.settings import ClientSettings, load_settings

_CONFIRM_SECONDS = 10.0

Assets = Annotated[
    list[str] | None, typer.Argument(metavar="ACCOUNTS", help="TikTok accounts: handles with @, or asset ids.")
]
Everything = Annotated[bool, typer.Option("--all", help="Every TikTok account that is authorized now.")]

app = typer.Typer(no_args_is_help=True, help="Share: give members and ad accounts the use of TikTok accounts.")


class Pair(Contract):
    """One account and one member or ad account of a command, and what became of it."""

    asset_id: str
    subject: str
    outcome: PairOutcome
    error: str = ""
    reason: str = ""


@app.command("list")
@described
def list_accounts(bc: BusinessCenter, *, actor: Actor = None, as_json: AsJson = False) -> None:
    """
    List the TikTok accounts of a Business Center: all for an admin, the assigned ones for a standard member.

    Each with its stage, since when, and whom it waits for. An admin also sees the owners who were asked and have not
    answered yet.

    Examples:
      sparkads accounts list 7300000000000000001
      sparkads accounts list 7300000000000000001 --as 7200000000000000001 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        check_accounts(mistakes, bc, [])
        command = mistakes.check(ListAccounts, actor=actor or settings.actor)
    found = run(settings, lambda spark: spark.list_accounts(bc, command.actor))
    rows: list[tuple[object, ...]] = [
        (
            line.asset_id,
            f"@{line.handle}" if line.handle else line.name,
            line.stage,
            _scope(line),
            line.since,
            f"{len(line.members)} members, {len(line.ad_accounts)} ad accounts",
            line.waiting_for or "nobody",
        )
        for line in found.accounts
    ]
    rows += [
        (
            None,
            f"@{one.handle}" if one.handle else one.name,
            "requested",
            one.scope,
            one.since,
            None,
            "the owner to answer",
        )
        for one in found.awaited
    ]
    columns = ("Asset", "Account", "Stage", "Scope", "Since", "Shared with", "Waiting for")
    title = f"{len(found.accounts)} TikTok accounts" + (f", {len(found.awaited)} requested" if found.awaited else "")
    output.answer(found, output.table(title, columns, rows), as_json=as_json)


def _asked(scope: str) -> str:
    words = {"videos:ads_only": "videos in ads only", "videos:on_profile": "videos on profile"}
    return ", ".join(words.get(part, part) for part in scope.split("+"))


def _scope(line: AccountLine) -> str:
    """What was granted, as far as TikTok shows it; before the account is linked, what was asked for."""
    if line.can_pull is None:
        return f"asked: {_asked(line.scope_asked)}" if line.scope_asked else "not known before it is linked"
    videos = "" if not line.can_push else "videos in ads only" if line.ads_only else "videos on profile"
    return ", ".join(part for part in ("posts" if line.can_pull else "", videos) if part) or "nothing"


@app.command()
@described
def share(
    bc: BusinessCenter,
    assets: Assets = None,
    *,
    everything: Everything = False,
    member: Members = None,
    permission: Annotated[
        list[Permission] | None,
        typer.Option("--permission", help="What the members may run; may be repeated. Default: spark."),
    ] = None,
    ad_account: AdAccounts = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="When the members' permission removes itself; ISO 8601."),
    ] = None,
    partner: Annotated[
        str | None,
        typer.Option("--partner", metavar="BC", help="The ad accounts are this partner's; waits until it shares them."),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option("--identity", metavar="ID", help="Which identity it is, where several have the same name."),
    ] = None,
    member_role: Annotated[
        AdAccountRole | None,
        typer.Option("--member-role", help="Role of the members on the ad accounts. Default: stays as it is."),
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Give members the use of accounts, and link the accounts to ad accounts; only an admin may.

    Prints an outcome for each pair. What is shared already stays shared. The exit code is 1 if a pair was refused.

    A TikTok account cannot be given to a partner directly: with --partner, its ad account is waited for, which the
    partner's people share with this Business Center by hand, and then linked.

    Examples:
      sparkads accounts share 7300000000000000001 @artist @band --member 7200000000000000002
      sparkads accounts share 7300000000000000001 --all --member 7200000000000000002 --until 2027-01-31
      sparkads accounts share 7300000000000000001 7400000000000000001 --ad-account 7000000000000000044 --partner 7300000000000000009
      sparkads accounts share 7300000000000000001 7400000000000000001 7400000000000000002 --member 7200000000000000002 --ad-account 7000000000000000011 --member-role OPERATOR
      sparkads accounts share 7300000000000000001 7400000000000000001 --member 7200000000000000002 --permission spark --permission live --json
    """  # noqa: E501 - an example is one line
    settings = load_settings()
    permissions = tuple(permission or [Permission.SPARK])
    with collected() as mistakes:
        check_accounts(mistakes, bc, assets, everything=everything)
        if not member and not ad_account:
            mistakes.problems.append("name somebody: --member USER_ID or --ad-account ID")
        if until is not None and not member:
            mistakes.problems.append("--until: is for members; name them with --member")
        if (partner or identity) and not ad_account:
            mistakes.problems.append("--partner, --identity: are about ad accounts; name them with --ad-account")
        ends = mistakes.moment(until, "--until")
        command = mistakes.check(
            Share,
            actor=actor or settings.actor,
            members=tuple({"user_id": one, "permissions": permissions, "until": ends} for one in member or ()),
            ad_accounts=tuple(
                {"advertiser_id": one, "member_role": member_role, "partner_id": partner, "identity_id": identity}
                for one in ad_account or ()
            ),
        )
    which = ChosenAccounts(bc, command.actor, assets)
    _for_each(settings, which, lambda spark, asset: spark.share(bc, asset, command), "shared", as_json=as_json)


@app.command()
@described
def unshare(
    bc: BusinessCenter,
    assets: Assets = None,
    *,
    everything: Everything = False,
    member: Members = None,
    ad_account: AdAccounts = None,
    reason: Reason = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Take the use of accounts back from members and ad accounts; only an admin may.

    Prints an outcome for each pair. The exit code is 1 if a pair was refused.

    Examples:
      sparkads accounts unshare 7300000000000000001 7400000000000000001 --member 7200000000000000002
      sparkads accounts unshare 7300000000000000001 7400000000000000001 --ad-account 7000000000000000011 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        check_accounts(mistakes, bc, assets, everything=everything)
        if not member and not ad_account:
            mistakes.problems.append("name somebody: --member USER_ID or --ad-account ID")
        command = mistakes.check(
            Unshare,
            actor=actor or settings.actor,
            members=tuple(member or ()),
            ad_accounts=tuple(ad_account or ()),
            reason=reason,
        )
    which = ChosenAccounts(bc, command.actor, assets)
    _for_each(settings, which, lambda spark, asset: spark.unshare(bc, asset, command), "taken back", as_json=as_json)


@app.command()
@described
def end(
    bc: BusinessCenter, asset: Asset, *, reason: NeededReason, actor: Actor = None, as_json: AsJson = False
) -> None:
    """
    End an authorization; only an admin may. Grants end, targets not submitted are frozen, live ads are stopped.

    Examples:
      sparkads accounts end 7300000000000000001 7400000000000000001 --reason "contract is over"
      sparkads accounts end 7300000000000000001 7400000000000000001 --reason "contract is over" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        check_accounts(mistakes, bc, [asset])
        command = mistakes.check(EndAuthorization, actor=actor or settings.actor, reason=reason)

    async def finish(spark: SparkAds) -> AuthorizationStatus:
        asset_id = await ChosenAccounts(bc, command.actor, [asset]).only(spark)
        before = await spark.authorization_status(bc, asset_id)
        if before.stage is not AuthorizationStage.ACTIVE:
            raise AuthorizationEnded(f"account {asset} is {before.stage.value.replace('_', ' ')} already")
        await spark.end_authorization(bc, asset_id, command)
        return await seen(
            lambda: spark.authorization_status(bc, asset_id),
            lambda now: now.stage is not AuthorizationStage.ACTIVE or now.last_error != before.last_error,
            within=_CONFIRM_SECONDS,
        )

    standing = run(settings, finish)
    if standing.stage is AuthorizationStage.ACTIVE:
        because = standing.last_error or f"R10: is {command.actor} an admin?"
        raise NotConfirmed(f"the authorization of account {asset} goes on: {because}")
    output.answer(standing, _facts(standing), as_json=as_json)


@app.command()
@described
def status(bc: BusinessCenter, asset: Asset, *, actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Show where an authorization stands, and with whom the account is shared.

    Examples:
      sparkads accounts status 7300000000000000001 7400000000000000001
      sparkads accounts status 7300000000000000001 7400000000000000001 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        check_accounts(mistakes, bc, [asset])
        person = actor or settings.actor
        if person is None and asset.startswith("@"):
            mistakes.problems.append("say who you are: --as USER_ID, or SPARKADS_ACTOR; a handle is looked up for you")

    async def look_at(spark: SparkAds) -> AuthorizationStatus:
        return await spark.authorization_status(bc, await ChosenAccounts(bc, person or "", [asset]).only(spark))

    standing = run(settings, look_at)
    output.answer(standing, _facts(standing), as_json=as_json)


@app.command()
@described
def drift(bc: BusinessCenter, *, actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Compare our record with TikTok now: accounts, links, permissions; only an admin may.

    What was changed in Business Center by hand is adopted into our record, or flagged where a person has to decide. The
    exit code is 1 if something is flagged.

    Examples:
      sparkads accounts drift 7300000000000000001
      sparkads accounts drift 7300000000000000001 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        check_accounts(mistakes, bc, [])
        command = mistakes.check(AskDrift, actor=actor or settings.actor)
    report = run(settings, lambda spark: spark.check_drift(bc, command))
    rows = [
        (one.kind.value.replace("_", " "), one.subject, one.recorded, one.found, one.handling)
        for one in report.differences
    ]
    compared = f"{report.accounts} accounts, {report.links} links and {report.grants} permissions compared"
    pictures: list[RenderableType] = [Text(f"{compared}: {len(rows) + report.more} differences")]
    if rows:
        pictures.append(output.table("Differences", ("What", "Where", "We had", "TikTok says", "Handling"), rows))
    if report.more:
        pictures.append(
            Text(f"and {report.more} more, all in the audit trail: sparkads audit show {bc} --action drift")
        )
    output.answer(report, *pictures, as_json=as_json)
    raise typer.Exit(1 if any(one.handling is Handling.FLAGGED for one in report.differences) else 0)


@app.command()
@described
def look(bc: BusinessCenter, *, reason: Reason = "", actor: Actor = None, as_json: AsJson = False) -> None:
    """
    Say that something has changed at TikTok, so that it is looked at now and not at the next sweep.

    Examples:
      sparkads accounts look 7300000000000000001 --reason "@artist has revoked"
      sparkads accounts look 7300000000000000001 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        check_accounts(mistakes, bc, [])
        message = mistakes.check(LookNow, reported_by=actor or settings.actor or "", reason=reason)
    run(settings, lambda spark: spark.look(bc, message))
    follow = f"looking; see what came of it: sparkads accounts list {bc}, sparkads notices {bc}"
    output.answer({"bc_id": bc, "sent": True}, Text(follow), as_json=as_json)


def _for_each(
    settings: ClientSettings,
    which: ChosenAccounts,
    command: Callable[[SparkAds, str], Awaitable[ShareResult]],
    done: str,
    *,
    as_json: bool,
) -> None:
    """One command for each account; the outcome of each pair, and an exit code of 1 if one was refused."""

    async def work(spark: SparkAds) -> list[Pair]:
        wanted = await which.asset_ids(spark)
        with output.progress() as bar:
            task = bar.add_task(f"accounts {done}", total=len(wanted))

            async def one(word: str, asset: str | None) -> list[Pair]:
                try:
                    if asset is None:
                        raise not_authorized(word, which.bc_id)
                    result = await command(spark, asset)
                except Refusal as refusal:
                    # What refuses the command for one account says nothing about the next.
                    name, text = type(refusal).__name__, str(refusal)
                    return [Pair(asset_id=word, subject="all", outcome=PairOutcome.REFUSED, error=name, reason=text)]
                finally:
                    bar.advance(task)
                return [Pair(asset_id=asset, **pair.model_dump()) for pair in result.pairs]

            return [pair for pairs in await asyncio.gather(*(one(*each) for each in wanted)) for pair in pairs]

    pairs = run(settings, work)
    refused = [pair for pair in pairs if pair.outcome in NOT_DONE]
    waiting = sum(pair.outcome is PairOutcome.WAITING for pair in pairs)
    rows = [
        (pair.asset_id, pair.subject, pair.outcome, f"{pair.error}: {pair.reason}" if pair.error else pair.reason)
        for pair in pairs
    ]
    title = f"{len(pairs) - len(refused) - waiting} {done}, {len(refused)} refused"
    if waiting:
        title += f", {waiting} waiting for a partner"
    picture = output.table(title, ("Account", "With", "Outcome", "Reason"), rows)
    output.answer({"pairs": pairs, "refused": len(refused)}, picture, as_json=as_json)
    raise typer.Exit(1 if refused else 0)


def _facts(standing: AuthorizationStatus) -> Table:
    lines: dict[str, object] = {
        "stage": standing.stage.value,
        "since": standing.since,
        "members": standing.members or "none",
        "ad accounts": standing.ad_accounts or "none",
        "next permission ends": standing.next_grant_ends,
        "waiting for": standing.waiting_for,
        "signals that could not be read": standing.undecodable_signals or "",
        "last error": standing.last_error,
    }
    return output.facts(f"TikTok account {standing.asset_id} in Business Center {standing.bc_id}", lines)
