"""How far each account of a release came, from Request to Promote, in words for the report."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from activities.report_causes import OUTCOME_OF, TITLE, Outcome
from store.releases import ReportRow
from store.reports import AccountStages

_REQUEST = {
    "pending": "asked, no answer yet",
    "approved": "asked, approved",
    "declined": "asked, declined",
    "cancelled": "asked, taken back",
    "timed_out": "asked, no answer in time",
}


class Stage(NamedTuple):
    """One stage of one account: done, or what it lacks."""

    words: str
    done: bool = False
    at: datetime | None = None


class AccountLine(NamedTuple):
    """One account across its stages."""

    handle: str
    name: str
    requested: Stage
    approved: Stage
    shared: Stage
    published: int
    rows: int
    others: str
    """the rows that are not published, by outcome"""


def account_lines(accounts: Sequence[AccountStages], rows: Sequence[ReportRow]) -> list[AccountLine]:
    """The accounts in the order of the alphabet."""
    outcomes: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
    for row in rows:
        outcomes[row.handle][OUTCOME_OF[row.state]] += 1
    return [_line(account, outcomes[account.handle]) for account in accounts]


def summary(lines: Sequence[AccountLine]) -> str:
    """How many accounts are through each stage."""
    approved, shared = sum(line.approved.done for line in lines), sum(line.shared.done for line in lines)
    through = sum(line.published == line.rows for line in lines)
    accounts = "1 account" if len(lines) == 1 else f"{len(lines):,} accounts"
    return f"{accounts}: {approved:,} approved, {shared:,} shared, {through:,} with all ads published."


def _line(account: AccountStages, outcomes: Counter[Outcome]) -> AccountLine:
    others = [f"{outcomes[one]:,} {TITLE[one].lower()}" for one in Outcome if outcomes[one]][
        bool(outcomes[Outcome.PUBLISHED]) :
    ]
    return AccountLine(
        handle=account.handle,
        name=account.name or "",
        requested=_requested(account),
        approved=_approved(account),
        shared=_shared(account),
        published=outcomes[Outcome.PUBLISHED],
        rows=outcomes.total(),
        others=", ".join(others),
    )


def _requested(account: AccountStages) -> Stage:
    if account.request_state is not None:
        done = account.request_state in {"pending", "approved"}
        return Stage(_REQUEST[account.request_state], done=done, at=account.requested_at)
    if account.approved_at is not None:
        return Stage("approved without being asked by name", done=True)
    return Stage("not asked")


def _approved(account: AccountStages) -> Stage:
    if account.ended_at is not None:
        return Stage("ended", at=account.ended_at)
    if account.approved_at is not None:
        return Stage("approved", done=True, at=account.approved_at)
    return Stage("not yet")


def _shared(account: AccountStages) -> Stage:
    if account.ended_at is not None:
        return Stage("ended")
    if not account.linked:
        return Stage("not yet")
    linked, wanted = len(account.linked), account.ad_accounts
    words = f"{linked} of {wanted} ad accounts" if wanted > 1 else "with the ad account"
    if account.members:
        words += f", {account.members} member{'' if account.members == 1 else 's'}"
    return Stage(words, done=linked == wanted, at=max(account.linked.values()))
