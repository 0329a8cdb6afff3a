"""What a release would do, for a terminal and as a page."""

import io
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from sparkads import budgets
from sparkads.cli import output
from sparkads.contracts.plan import Plan, PlanContent, PlannedBudget, PlannedRow, Step

SHOWN = 50
"""Rows of a kind that a terminal shows; the page has all."""

NAMED = 5
"""Owners that are named."""

_PAGE_WIDTH = 180
"""Columns of the page."""

_STEPS = {
    Step.REQUEST: "ask the owner, share, publish",
    Step.SHARE: "share, publish",
    Step.PROMOTE: "publish",
}


def pictures(plan: Plan, content: PlanContent, *, shown: int = SHOWN) -> list[RenderableType]:
    """The plan for people: what happens when, what stops rows, what it costs."""
    parts: list[RenderableType] = [_facts(plan, content), _instants(content)]
    blocked = [row for row in content.rows if row.blockers]
    if blocked:
        cells = [(row.row_id, f"@{row.account}", row.ad_account, "\n".join(row.blockers)) for row in blocked[:shown]]
        title = f"{len(blocked)} rows would not be published{_rest(blocked, shown)}"
        parts.append(output.table(title, ("Row", "Account", "Ad account", "Because"), cells))
    waiting = [row for row in content.rows if row.waits_for and not row.blockers]
    if waiting:
        turns = Counter((row.waits_for, row.step) for row in waiting)
        theirs = [(who, _STEPS[step], count) for (who, step), count in turns.most_common(shown)]
        parts.append(output.table(f"{len(waiting)} rows wait for somebody", ("Whose turn", "Then", "Rows"), theirs))
    risks = Counter(risk for row in content.rows for risk in row.risks)
    if risks:
        parts.append(output.table("Risks", ("Rows", "What"), [(count, risk) for risk, count in risks.most_common()]))
    parts.append(_spend(content.budgets))
    return parts


def write_page(path: Path, plan: Plan, content: PlanContent) -> None:
    """The plan as one HTML file, with every row."""
    console = Console(record=True, file=io.StringIO(), width=_PAGE_WIDTH, highlight=False)
    for part in pictures(plan, content, shown=len(content.rows)):
        console.print(part, "")
    cells = [
        (row.row_id, row.mode, f"@{row.account}", row.ad_account, row.territory, row.local, _what(row))
        for row in content.rows
    ]
    columns = ("Row", "Mode", "Account", "Ad account", "Territory", "When", "What happens")
    console.print(output.table("All rows", columns, cells))
    path.write_text(console.export_html(), encoding="utf-8")


def _facts(plan: Plan, content: PlanContent) -> RenderableType:
    estimate = plan.estimate
    calls = sum(estimate.calls.values())
    lines = {
        "rows": f"{plan.rows}, of which {plan.blocked} would not be published" if plan.blocked else plan.rows,
        "owners to ask": f"{len(content.invitations)} {_named(content.invitations)}" if content.invitations else "",
        "account slots": f"{estimate.slots_used} of {estimate.slots} taken, {estimate.slots_needed} more needed (R6)",
        "calls to TikTok": f"{calls}: " + ", ".join(f"{count} to {what}" for what, count in estimate.calls.items()),
        "time": f"about {_span(estimate.prepare_seconds)} before the first instant, and "
        f"{_span(estimate.publish_seconds)} from the busiest instant to its last ad, at the limits of tier "
        f"{estimate.tier}",
        "hash": plan.hash,
    }
    return output.facts(f"Plan of release {content.release.campaign_id}", lines)


def _spend(planned: Sequence[PlannedBudget]) -> RenderableType:
    cells = [
        (
            one.ad_account,
            one.ad_groups,
            budgets.shown(one.daily, one.currency),
            "none" if one.ceiling is None else budgets.shown(one.ceiling, one.currency),
        )
        for one in planned
    ]
    worst = max((one.worst_day for one in planned), default=Decimal(1))
    counted = f": {worst:.0%} of the daily budgets, which TikTok may spend on one day" if worst > 1 else ""
    return output.table(f"A day's spend at most{counted}", ("Ad account", "Ad groups", "Spend", "Ceiling"), cells)


def _instants(content: PlanContent) -> RenderableType:
    lines = Counter((row.due_at, row.local, row.territory, row.step) for row in content.rows if not row.blockers)
    ordered = sorted(lines.items(), key=lambda item: (item[0][0] is not None, str(item[0][0]), item[0][2]))
    cells = [(local, territory, _STEPS[step], count) for (_, local, territory, step), count in ordered]
    return output.table("What happens", ("When", "Territory", "What", "Rows"), cells)


def _what(row: PlannedRow) -> Text:
    if row.blockers:
        return Text("\n".join(row.blockers), style="red")
    return Text(_STEPS[row.step] + (f"; waits for {row.waits_for}" if row.waits_for else ""))


def _rest(rows: list[PlannedRow], shown: int) -> str:
    return f"; the first {shown}" if len(rows) > shown else ""


def _named(handles: tuple[str, ...]) -> str:
    few = ", ".join(f"@{handle}" for handle in handles[:NAMED])
    return f"({few}{', …' if len(handles) > NAMED else ''})"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
