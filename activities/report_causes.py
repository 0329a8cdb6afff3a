"""Why a row is where it is, in words for people outside the system, and what to do next: the one place that says so."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from sparkads.contracts.release import TargetState
from store.releases import ReportRow


class Outcome(StrEnum):
    """What a reader tells apart at a glance; several states each. The order is the order of the report."""

    PUBLISHED = "published"
    OPEN = "open"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    ENDED = "ended"
    CANCELLED = "cancelled"


OUTCOME_OF = {
    TargetState.PUBLISHED: Outcome.PUBLISHED,
    TargetState.WAITING: Outcome.OPEN,
    TargetState.READY: Outcome.OPEN,
    TargetState.PAUSED: Outcome.OPEN,
    TargetState.SUBMITTING: Outcome.OPEN,
    TargetState.IN_REVIEW: Outcome.OPEN,
    TargetState.UNKNOWN: Outcome.UNKNOWN,
    TargetState.REFUSED: Outcome.REFUSED,
    TargetState.REJECTED: Outcome.REFUSED,
    TargetState.BLOCKED: Outcome.REFUSED,
    TargetState.FROZEN: Outcome.ENDED,
    TargetState.STOPPED: Outcome.ENDED,
    TargetState.CANCELLED: Outcome.CANCELLED,
    TargetState.TAKEN_DOWN: Outcome.CANCELLED,
}

TITLE = {
    Outcome.PUBLISHED: "Published",
    Outcome.OPEN: "Under way",
    Outcome.UNKNOWN: "Unknown",
    Outcome.REFUSED: "Not accepted",
    Outcome.ENDED: "Authorization ended",
    Outcome.CANCELLED: "Cancelled or taken down",
}

SHOWN_ACCOUNTS = 12
"""Accounts that a cause names; how many more there are is said, and the table has them all."""

SHOWN_REASONS = 4
"""Different reasons that a cause quotes; how many more there are is said, and the table has them all."""


class Cause(NamedTuple):
    """A kind of reason: rows in one of `states` whose reason begins with `prefix`."""

    states: frozenset[TargetState]
    prefix: str
    title: str
    next_step: str


def _cause(states: str, prefix: str, title: str, next_step: str) -> Cause:
    return Cause(frozenset(TargetState(state) for state in states.split()), prefix, title, next_step)


WAITS = Cause(
    frozenset({TargetState.WAITING, TargetState.READY, TargetState.IN_REVIEW}),
    "",
    "Waiting for something that its reason names",
    "Do what the reason names. The rows then go on by themselves: nothing has to be started again.",
)
"""Of rows that wait for something that is neither their instant nor TikTok's review."""

_AGAIN = "Then have these rows tried again (sparkads campaign retry)."
_ANEW = "Then release these rows in a new campaign."
"""What a manifest says of a row does not change in its campaign."""

CAUSES = (
    _cause(
        "unknown",
        "",
        "TikTok's answer was lost",
        "Do not publish these by hand: the ads may exist, and would be made twice. The system keeps looking for them "
        "at TikTok and decides by what it finds.",
    ),
    _cause(
        "blocked",
        "R1",
        "Access was not in place when the row was due",
        f"Get the owner's approval of the access request, and have the account shared with the ad account. {_AGAIN}",
    ),
    _cause(
        "blocked",
        "R5",
        "The operator lacked a key",
        "An admin of the Business Center gives the operator what the reason names: permission for Spark Ads on the "
        f"TikTok account, or the role Operator or Admin on the ad account. {_AGAIN}",
    ),
    _cause(
        "blocked",
        "R6",
        "The Business Center has no free account slot",
        f"End an authorization that is no longer used, or take back an open request. Ask the owner. {_AGAIN}",
    ),
    _cause(
        "blocked",
        "R7",
        "The owner's consent does not cover this use",
        f"Ask the owner again, with a scope that includes what the reason names. {_AGAIN}",
    ),
    _cause(
        "blocked",
        "R11",
        "The account could not be shared with the ad account",
        f"Settle in Business Center what the reason names. {_AGAIN}",
    ),
    _cause(
        "blocked",
        "rights",
        "The rights did not cover the instant",
        f"If the rights are cleared, correct rights_from and rights_until. {_ANEW}",
    ),
    _cause(
        "blocked",
        "budget: a daily budget",
        "TikTok takes no such daily budget",
        f"Correct it as the reason says: what TikTok takes depends on the currency of the ad account. {_ANEW}",
    ),
    _cause(
        "blocked",
        "ad account",
        "The ad account could not be used for this",
        f"Do what the reason names. {_AGAIN} Or release them through another ad account in a new campaign.",
    ),
    _cause(
        "blocked",
        "TikTok allows",
        "TikTok had no room for more",
        f"Delete ads, or switch off ad groups, that are over: the reason says of what there are too many. {_AGAIN}",
    ),
    _cause(
        "blocked",
        "budget",
        "The ad account's daily ceiling was reached",
        f"Raise the ceiling, or lower daily budgets. {_ANEW}",
    ),
    _cause("blocked", "", "Stopped by a rule of the system", f"Settle what the reason names. {_AGAIN}"),
    _cause(
        "refused",
        "TikTok refused the video",
        "TikTok refused the video",
        f"Export the video again by TikTok's rules for ad videos. {_ANEW}",
    ),
    _cause(
        "refused",
        "R15",
        "TikTok no longer let the account be used",
        f"Ask the owner whether access was ended on purpose. If it was not, ask for it again. {_AGAIN}",
    ),
    _cause(
        "refused",
        "TikTok refused the cover",
        "TikTok refused the cover",
        f"Take a JPG or PNG of the video's shape, of at most 50 MB. {_ANEW}",
    ),
    _cause(
        "refused",
        "TikTok refused the ad group",
        "TikTok refused the ad group of these rows",
        f"Correct what TikTok names: a budget, a place, or the number of active ad groups. {_AGAIN}",
    ),
    _cause(
        "refused",
        "TikTok refused ad account",
        "TikTok refused the ad account",
        f"See to it in TikTok Ads Manager, or release the rows through another ad account. {_AGAIN}",
    ),
    _cause(
        "refused",
        "",
        "TikTok refused to make the ad",
        f"Correct what TikTok names; its support can look up the request number. {_ANEW}",
    ),
    _cause(
        "rejected",
        "its ad is deleted",
        "The ad was deleted at TikTok",
        f"Somebody has deleted it in TikTok Ads Manager, or TikTok has. If it is still wanted: {_ANEW.lower()}",
    ),
    _cause(
        "rejected",
        "",
        "TikTok's review turned the ad down",
        f"Change what the review names, or appeal in TikTok Ads Manager. {_ANEW}",
    ),
    _cause(
        "frozen",
        "",
        "The owner's authorization ended before publishing",
        f"Nothing of these rows went out. To go on, the owner authorizes the Business Center again. {_AGAIN}",
    ),
    _cause(
        "stopped",
        "R15: the authorization ended; TikTok answered",
        "The authorization ended, and TikTok did not confirm the stop",
        "Look into TikTok Ads Manager now and switch the ads off by hand if they still run.",
    ),
    _cause(
        "stopped",
        "",
        "The owner's authorization ended while the ad was live",
        "The ads no longer run. Posts that are on the profile stay there: only the owner can remove them.",
    ),
    _cause(
        "taken_down",
        "",
        "Taken down after publishing",
        "The ads are deleted. Posts that are on the profile stay there: only the owner can remove them.",
    ),
    _cause("cancelled", "taken down", "Taken down before publishing", "Nothing of these rows went out."),
    _cause("cancelled", "", "The campaign was cancelled", "Nothing of these rows went out, and nothing will."),
    _cause(
        "waiting",
        "",
        "Waiting for the owner, or for the account to be shared",
        "Remind the owner to approve the access request in the TikTok app.",
    ),
    _cause(
        "paused",
        "its instant has passed",
        "Held back: its instant passed during a pause",
        "Resume the row with --late publish, or cancel it.",
    ),
    _cause("paused", "", "Held back by a person", "Resume the row, or cancel it."),
    _cause("ready", "", "Ready, waiting for the planned instant", "Nothing to do."),
    _cause("submitting", "", "Being submitted to TikTok", "Nothing to do."),
    _cause("in_review", "", "In TikTok's review", "Nothing to do: TikTok decides."),
)
"""In the order of the report. The first that fits counts; each state's last has no prefix, so that one always fits.

The prefixes are those with which the activities and the store begin their reasons."""


class Failures(NamedTuple):
    """The rows of one cause."""

    cause: Cause
    outcome: Outcome
    rows: int
    accounts: tuple[str, ...]
    """handles, the first SHOWN_ACCOUNTS"""
    more_accounts: int
    reasons: tuple[tuple[str, int], ...]
    """with how many rows; the most frequent SHOWN_REASONS"""
    more_reasons: int


def cause_of(row: ReportRow) -> Cause:
    """The cause of a row that is not published."""
    if row.waits:
        return WAITS
    for cause in CAUSES:
        if row.state in cause.states and _begins(row.reason, cause.prefix):
            return cause
    raise LookupError(f"no cause is known of state {row.state}")


def _begins(reason: str, prefix: str) -> bool:
    # R1 is not R15.
    return reason.startswith(prefix) and not (prefix[-1:].isdigit() and reason[len(prefix) :][:1].isdigit())


def failures(rows: Iterable[ReportRow]) -> list[Failures]:
    """Everything that is not published, by cause: what waits for somebody first, then in the order of CAUSES."""
    by_cause: defaultdict[Cause, list[ReportRow]] = defaultdict(list)
    for row in rows:
        if row.state is not TargetState.PUBLISHED:
            by_cause[cause_of(row)].append(row)
    return [_failures(cause, by_cause[cause]) for cause in (WAITS, *CAUSES) if cause in by_cause]


def _failures(cause: Cause, rows: list[ReportRow]) -> Failures:
    accounts = tuple(dict.fromkeys(row.handle for row in rows))
    reasons = Counter(row.reason for row in rows if row.reason)
    return Failures(
        cause=cause,
        outcome=OUTCOME_OF[rows[0].state],
        rows=len(rows),
        accounts=accounts[:SHOWN_ACCOUNTS],
        more_accounts=max(0, len(accounts) - SHOWN_ACCOUNTS),
        reasons=tuple(reasons.most_common(SHOWN_REASONS)),
        more_reasons=max(0, len(reasons) - SHOWN_REASONS),
    )
