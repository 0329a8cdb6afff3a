"""How the rows that one ad account pays for are laid out in ad groups, and which of them its ceiling leaves out."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class Together(NamedTuple):
    """What the ads of one ad group have in common: its place, budget and schedule are theirs."""

    wave: int
    due_at: datetime
    location_id: str
    daily_budget: Decimal
    rights_until: datetime | None
    """None: the ad group has no end"""


class Page(NamedTuple):
    """One ad group, and the rows in it."""

    of: Together
    row_ids: list[str]


class Layout(NamedTuple):
    """
    Ad groups of one ad account.

    Attributes:
        pages: in the order in which they are due.
        beyond: rows that would take it above its ceiling, those that are due last.
        daily: what the pages spend on a day at most, and what is spent besides.
    """

    pages: list[Page]
    beyond: list[str]
    daily: Decimal


def lay_out(
    rows: Iterable[tuple[str, Together]],
    *,
    capacity: int,
    ceiling: Decimal | None,
    worst_day: Decimal = Decimal(1),
    spent: Decimal = Decimal(0),
) -> Layout:
    """
    Lay rows out: the fewest ad groups, full ones first.

    Args:
        rows: each with its id, in the order of the manifest.
        capacity: ads that an ad group takes.
        ceiling: what the ad account may spend on a day on the release, in its currency; None: anything.
        worst_day: what TikTok may spend on one day, times a daily budget.
        spent: the daily budgets of its other ad groups of the release.
    """
    by_kind: dict[Together, list[str]] = {}
    for row_id, together in rows:
        by_kind.setdefault(together, []).append(row_id)
    layout = Layout([], [], spent * worst_day)
    for of in sorted(by_kind, key=lambda one: (one.wave, one.location_id, one.daily_budget)):
        row_ids = by_kind[of]
        for start in range(0, len(row_ids), capacity):
            page = row_ids[start : start + capacity]
            daily = layout.daily + of.daily_budget * worst_day
            if ceiling is not None and daily > ceiling:
                layout.beyond.extend(page)
            else:
                layout.pages.append(Page(of, page))
                layout = layout._replace(daily=daily)
    return layout
