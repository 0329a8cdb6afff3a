"""The details card of a run in the Temporal UI: what it waits for, since when, what is next, and what to do."""

from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio import workflow


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
