"""`sparkads notices`: what people were told, with texts to copy and send on."""

from typing import Annotated

import typer
from rich.text import Text

from sparkads.cli import output
from sparkads.cli.connection import run
from sparkads.cli.mistakes import collected
from sparkads.cli.options import Actor, AsJson, BusinessCenter, described
from sparkads.contracts.base import Contract, TikTokId
from sparkads.contracts.notification import AskNotifications, Notification, NotificationKind, Notifications
from sparkads.settings import load_settings


class _Center(Contract):
    bc_id: TikTokId


@described
def notices(
    bc: BusinessCenter,
    *,
    kind: Annotated[
        list[NotificationKind] | None, typer.Option("--kind", help="Only these; may be repeated. Default: all.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200, help="At most so many.")] = 50,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Show what people were told, newest last, each text in full; only an admin may.

    A reminder's text is made to be copied and sent to the owner of the account.

    Examples:
      sparkads notices 7300000000000000001
      sparkads notices 7300000000000000001 --kind reminder --limit 10
      sparkads notices 7300000000000000001 --kind attention --kind drift --json
    """
    settings = load_settings()
    with collected() as mistakes:
        mistakes.check(_Center, bc_id=bc)
        ask = mistakes.check(AskNotifications, actor=actor or settings.actor, limit=limit, kinds=tuple(kind or ()))
    found = run(settings, lambda spark: spark.notifications(bc, ask))
    output.answer(found, *map(_picture, found.notifications), _summary(found), as_json=as_json)


def _picture(one: Notification) -> Text:
    """A heading, then the text on lines of its own: it is copied from here."""
    heading = f"{output.moment(one.at)}  {one.kind.value.replace('_', ' ')}  {one.subject}"
    return Text.assemble((output.printable(heading), "bold"), "\n", output.printable(one.text), "\n")


def _summary(found: Notifications) -> Text:
    shown = len(found.notifications)
    line = f"{shown} notification{'' if shown == 1 else 's'}; {found.undelivered} not delivered yet"
    return Text(output.printable(f"{line}: {found.last_error}" if found.last_error else line), style="dim")
