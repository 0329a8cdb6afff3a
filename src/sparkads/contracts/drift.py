"""Drift: where what we recorded and what TikTok says differ, by name, and what was done about it."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import Contract, TikTokId


class DifferenceKind(StrEnum):
    """What differs."""

    GRANT_GONE = "grant_gone"
    """we recorded a member's permission that TikTok does not list"""
    GRANT_CHANGED = "grant_changed"
    """a member's permissions are others than we recorded"""
    GRANT_BY_HAND = "grant_by_hand"
    """TikTok lists a permission that we never gave"""
    LINK_GONE = "link_gone"
    """we recorded a link to an ad account that TikTok does not list"""
    LINK_BY_HAND = "link_by_hand"
    """TikTok lists a link that we never made"""
    IDENTITY_UNCLEAR = "identity_unclear"
    """an identity in an ad account that may be one of several TikTok accounts"""
    NOT_RUNNING = "not_running"
    """an authorization is on record, and its workflow does not run"""
    NOT_ANSWERED = "not_answered"
    """TikTok answers nothing about it, or refuses the question: it is left out, and taken neither for there nor gone"""
    NOT_UNDERSTOOD = "not_understood"
    """a list of TikTok that can't be read in full, or a state that has no meaning here"""


LEFT_OUT = frozenset({DifferenceKind.NOT_ANSWERED, DifferenceKind.NOT_UNDERSTOOD})
"""What could not be compared; it is flagged as long as it lasts, and goes by itself."""


class Handling(StrEnum):
    """What was done about a difference. Nothing is ever overwritten at TikTok."""

    ADOPTED = "adopted"
    """our record now says what TikTok says"""
    FLAGGED = "flagged"
    """a person has to decide"""


class Difference(Contract):
    """One difference."""

    kind: DifferenceKind
    subject: str
    recorded: str
    found: str
    handling: Handling
    found_at: AwareDatetime


class AskDrift(Contract):
    """Update `check_drift`: compare now."""

    actor: TikTokId


class DriftReport(Contract):
    """Answer to `check_drift`: what this comparison found, and what was flagged earlier and still stands."""

    checked_at: AwareDatetime
    accounts: int = Field(description="TikTok accounts compared")
    links: int
    grants: int
    differences: tuple[Difference, ...]
    more: int = Field(default=0, description="differences that did not fit into this answer; all are on record")
