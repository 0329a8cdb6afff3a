"""What the Temporal UI shows of a run: its details card, and the search attributes by which it is found."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from sparkads.contracts.release import Wait


def show(title: str, lines: Mapping[str, object], *, to_do: str = "") -> None:
    """Rewrite the card. It is empty after each continue-as-new, so every run writes it again."""
    body = [f"### {title}", *(f"- **{name}:** {_text(value)}" for name, value in lines.items() if value != "")]
    if to_do:
        body.append(f"\n**To do:** {to_do}")
    workflow.set_current_details("\n".join(body))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return "none" if value is None else str(value)


def settle_rows(campaign_id: str, rows: Sequence[str]) -> str:
    """What a person has to do about rows whose outcome only they can decide; empty if there is none."""
    if not rows:
        return ""
    return (
        f"TikTok said that it made the ads of rows {', '.join(rows)}, and does not list them. Look for them in TikTok "
        f"Ads Manager, then `sparkads target settle {campaign_id} ROW --published AD_ID --because …` or "
        "`--not-published --because …`."
    )


WAITS_SHOWN = 5
"""Reasons to wait that a card names; the status has more."""


def waits(of_rows: Sequence[Wait]) -> list[str]:
    """What rows wait for, a line for each reason, and what to do."""
    lines = []
    for wait in of_rows[:WAITS_SHOWN]:
        more_rows = " …" if wait.rows > len(wait.row_ids) else ""
        lines.append(f"{wait.rows} rows wait ({', '.join(wait.row_ids)}{more_rows}): {wait.reason}")
    more = len(of_rows) - WAITS_SHOWN
    return [*lines, f"and {more} more reasons: see `sparkads campaign status`"] if more > 0 else lines


def changed(*updates: SearchAttributeUpdate[Any]) -> list[SearchAttributeUpdate[Any]]:
    """Those of the updates that are news to the run, each of which is an event; whoever asks sends them."""
    known = {pair.key.name: pair.value for pair in workflow.info().typed_search_attributes}
    return [one for one in updates if known.get(one.key.name) != one.value]
