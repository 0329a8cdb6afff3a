"""`sparkads target …`: single rows of a release whose outcome only a person can decide."""

from typing import Annotated

import typer
from rich.text import Text

from sparkads.cli import output
from sparkads.cli.connection import run
from sparkads.cli.mistakes import collected
from sparkads.cli.options import Actor, AsJson, Campaign, described
from sparkads.contracts.base import Contract, Name
from sparkads.contracts.release import SettleTarget
from sparkads.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Single rows of a release: decide an outcome that is unknown.")


class _Named(Contract):
    """What names one release campaign."""

    campaign_id: Name


@app.callback()
def target() -> None:
    """Single rows of a release."""


@app.command()
@described
def settle(
    campaign_id: Campaign,
    row: Annotated[str, typer.Argument(metavar="ROW", help="The row_id of the row in the manifest.")],
    *,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="How it is known; goes on record.")],
    published: Annotated[
        str | None, typer.Option("--published", metavar="AD_ID", help="It was published, as this ad.")
    ] = None,
    not_published: Annotated[
        bool, typer.Option("--not-published", help="It was not published, and may be published again.")
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """
    Decide what became of a row whose outcome is unknown.

    Nearly all unknown outcomes are settled by themselves, from what TikTok lists. Where TikTok said that it made an ad
    and does not list it, look for it in TikTok Ads Manager, and say here what you found. What TikTok's listing
    contradicts is refused.

    Examples:
      sparkads target settle midnight nz-1 --published 1850000000000000001 --because "seen in Ads Manager"
      sparkads target settle midnight nz-1 --not-published --because "TikTok support, ticket 4711"
      sparkads target settle midnight nz-1 --not-published --because "ticket 4711" --json
    """
    settings = load_settings()
    with collected() as mistakes:
        if (published is None) is not not_published:
            mistakes.problems.append("say either --published AD_ID or --not-published")
        mistakes.check(_Named, campaign_id=campaign_id)
        command = mistakes.check(
            SettleTarget, actor=actor or settings.actor, row_id=row, published_ad_id=published, because=because
        )
    settled = run(settings, lambda spark: spark.settle_target(campaign_id, command))
    outcome = "ready again" if settled.ad_id is None else f"published as ad {settled.ad_id}"
    output.answer(settled, Text(f"row {row} is {outcome}"), as_json=as_json)
