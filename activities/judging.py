"""What TikTok's answers mean for rows: reasons that stop them, risks, and questions that it leaves unanswered."""

from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from activities.failures import DEFINITE_NO
from tiktok import AuthError, Throttled, TikTokError, Unreachable

T = TypeVar("T")

WAIT = (Throttled, AuthError, Unreachable)
"""Failures that are said of no ad account and no row: whoever asks has to ask again later."""

Reasons = defaultdict[str, list[str]]
"""By reason, the ids of the rows that it is said of."""


@dataclass
class Judged:
    """
    What was found out about rows.

    Attributes:
        blocked: by reason, rows that can't become ads.
        risks: by reason, rows that may turn out otherwise than somebody expects.
    """

    blocked: Reasons = field(default_factory=lambda: defaultdict(list))
    risks: Reasons = field(default_factory=lambda: defaultdict(list))

    def add(self, more: "Judged") -> None:
        """Take in what else was found out."""
        for mine, theirs in ((self.blocked, more.blocked), (self.risks, more.risks)):
            for reason, row_ids in theirs.items():
                mine[reason] += row_ids

    def unanswered(self, what: str, why: "Unanswered", row_ids: Iterable[str]) -> None:
        """Say of rows that TikTok did not answer a question about them, which is no reason to stop them."""
        self.risks[f"{what} could not be asked: {why}"] += row_ids


def by_row(reasons: Reasons) -> dict[str, list[str]]:
    """The reasons of each row, in the order in which they were found."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for reason, row_ids in reasons.items():
        for row_id in row_ids:
            found[row_id].append(reason)
    return found


class Unanswered(NamedTuple):
    """
    Why TikTok did not answer a question.

    It names no request, so that asking again for a plan gives the same plan.
    """

    code: int | None
    message: str
    may_pass: bool = False
    """whether it was no refusal: asked again, TikTok may answer"""

    def __str__(self) -> str:
        """One line."""
        return f"TikTok {self.code}: {self.message}" if self.code is not None else self.message


async def answer(question: Awaitable[T]) -> T | Unanswered:
    """
    TikTok's answer to a question about one ad account, identity or post, or why there is none.

    Raises:
        TikTokError: of the kinds in `WAIT`.
    """
    try:
        return await question
    except WAIT:
        raise
    except TikTokError as error:
        return Unanswered(error.code, error.message, may_pass=not isinstance(error, DEFINITE_NO))
