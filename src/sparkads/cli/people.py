"""`sparkads people`: who is in a Business Center, and which partners share with it, as TikTok says now."""

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from sparkads.cli import output
from sparkads.cli.connection import run
from sparkads.cli.mistakes import collected
from sparkads.cli.options import Actor, AsJson, BusinessCenter, described
from sparkads.contracts.base import Contract, TikTokId
from sparkads.contracts.people import AskPeople
from sparkads.settings import load_settings


class _Center(Contract):
    bc_id: TikTokId


@described
def people(
    bc: BusinessCenter,
    member: Annotated[
        str | None, typer.Argument(metavar="USER_ID", help="A member: what they may use is shown, too.")
    ] = None,
    *,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Show members with their roles, and partners with what they share, as TikTok lists them now; only an admin may.

    Examples:
      sparkads people 7300000000000000001
      sparkads people 7300000000000000001 7200000000000000002 --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        ask = mistakes.check(AskPeople, actor=actor or settings.actor, member=member)
    found = run(settings, lambda spark: spark.people(bc, ask))
    pictures: list[RenderableType] = [
        output.table(
            f"{len(found.people)} members",
            ("User id", "Name", "Role", "TikTok accounts"),
            [(one.user_id, one.name, one.role, one.accounts) for one in found.people],
        )
    ]
    if found.partners:
        shared = [
            (one.bc_id, one.name, [f"{account.advertiser_id} ({account.name})" for account in one.ad_accounts])
            for one in found.partners
        ]
        pictures.append(output.table(f"{len(shared)} partners", ("Partner", "Name", "Shares ad accounts"), shared))
    if found.use is not None:
        uses = [(key, "ad account", role) for key, role in found.use.ad_accounts.items()]
        uses += [(key, "TikTok account", ", ".join(given)) for key, given in found.use.accounts.items()]
        pictures.append(output.table(f"What {member} may use", ("Id", "What", "As"), uses))
    if found.left_out:
        pictures.append(Text("Left out: " + "; ".join(found.left_out)))
    output.answer(found, *pictures, as_json=as_json)
