"""
Every named error of sparkads, in one place.

    SparkAdsError
    ├── Refusal                     the system understood and says no; to repeat it changes nothing, unless it says so
    │   ├── NotAMember              the actor is no member of the Business Center
    │   ├── AdminOnly               R2, R3, R10: only a BC admin may do this
    │   ├── OnlyItsPeople           only the starter, the operator or an admin steers a release
    │   ├── RequestClosedAlready    the access request was answered or ended before
    │   ├── AuthorizationEnded      the authorization is over; approve again to start a new one
    │   ├── MissingKeys             R5: the operator lacks one of the two keys
    │   ├── BusinessCenterUnknown   no access token is stored for the Business Center
    │   ├── UnknownPolicy           no policy profile of that name
    │   ├── ManifestInvalid         the manifest has mistakes; all of them are in the text
    │   ├── CampaignExists          a campaign of that id was started with another manifest
    │   ├── PlanChanged             a release would do something else than the plan that was agreed to
    │   ├── NotAnApprover           only the approvers of a stage agree to a release
    │   ├── OutcomeKnown            only a target whose outcome is unknown can be settled by a person
    │   ├── EvidenceAgainst         what TikTok lists contradicts what a person says of a target
    │   ├── NothingOnRecord         the thing named by the command does not exist
    │   ├── EndedByFault            a release's workflow has ended with rows still to go; apply the same file again
    │   ├── AuditBroken             the audit trail is not as it was recorded
    │   ├── Renewing                a workflow is about to start its next run; the client repeats by itself
    │   ├── TikTokRefused           TikTok said no to a call; its own words are in the text
    │   └── TikTokNotUnderstood     TikTok's answer can't be read as far as the command needs it; repeat it later
    └── Unreachable                 a server does not answer, or refuses us; names it and its address

On the wire a refusal is an `ApplicationError` whose `type` is the class name, so a client in any language, and the
Temporal UI, read the same word. Only `refused` and `from_failure` know about that.
"""

from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError

MAX_TEXT = 2000
"""Characters of an error text that enter a history: a text of megabytes would break the 2 MiB payload limit."""


class SparkAdsError(Exception):
    """Base of all named errors."""


class Refusal(SparkAdsError):
    """The system understood, and says no."""

    def __init__(self, text: str) -> None:
        """Bound the text."""
        super().__init__(text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…")


class NotAMember(Refusal):
    """The actor is no member of the Business Center."""


class AdminOnly(Refusal):
    """Only a BC admin may do this (R2, R3, R10)."""


class OnlyItsPeople(Refusal):
    """Only the starter, the operator or a BC admin steers a release."""


class RequestClosedAlready(Refusal):
    """The access request was answered or ended before."""


class AuthorizationEnded(Refusal):
    """The authorization is over."""


class MissingKeys(Refusal):
    """The operator lacks one of the two keys (R5)."""


class BusinessCenterUnknown(Refusal):
    """No access token is stored for the Business Center."""


class UnknownPolicy(Refusal):
    """No policy profile of that name."""


class ManifestInvalid(Refusal):
    """The manifest has mistakes."""


class CampaignExists(Refusal):
    """A campaign of that id was started with another manifest."""


class PlanChanged(Refusal):
    """A release would do something else than the plan that was agreed to."""


class NotAnApprover(Refusal):
    """Only the approvers of a stage agree to a release."""


class OutcomeKnown(Refusal):
    """Only a target whose outcome is unknown can be settled by a person."""


class EvidenceAgainst(Refusal):
    """What TikTok lists contradicts what a person says of a target."""


class NothingOnRecord(Refusal):
    """The thing named by the command does not exist."""


class EndedByFault(Refusal):
    """A release's workflow has ended with rows still to go: it goes on when the same file is applied again."""


class AuditBroken(Refusal):
    """The audit trail is not as it was recorded."""


class Renewing(Refusal):
    """A workflow is about to start its next run and takes no command until then; repeat it in a moment."""


class TikTokRefused(Refusal):
    """TikTok said no to a call."""


class TikTokNotUnderstood(Refusal):
    """What TikTok answers can't be read as far as the command needs it; repeat it later."""


class Unreachable(SparkAdsError):
    """
    A server does not answer, or refuses us.

    Attributes:
        what: which server, as a person names it.
        address: where it was looked for, without a password.
        advice: what to do about it.
    """

    def __init__(self, what: str, address: str, advice: str) -> None:
        """Compose one line."""
        super().__init__(f"{what} cannot be reached at {address}: {advice}")
        self.what = what
        self.address = address
        self.advice = advice


REFUSALS: dict[str, type[Refusal]] = {kind.__name__: kind for kind in Refusal.__subclasses__()}


def refused(refusal: Refusal, *details: Any) -> ApplicationError:
    """Put a refusal on the wire: not retried, named by its class."""
    return ApplicationError(
        str(refusal),
        *details,
        type=type(refusal).__name__,
        non_retryable=True,
        # An answer, not a fault: it belongs in the audit trail, not in the error log.
        category=ApplicationErrorCategory.BENIGN,
    )


def from_failure(failure: BaseException) -> Refusal | None:
    """The refusal at the bottom of a failure that came over the wire, or None if it is something else."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type in REFUSALS:
            return REFUSALS[cause.type](cause.message)
        cause = cause.cause if isinstance(cause, FailureError) else cause.__cause__
    return None


def describe(failure: BaseException) -> str:
    """One bounded line for people, from the innermost cause of a failure."""
    cause = failure
    while isinstance(cause, FailureError) and cause.cause is not None:
        cause = cause.cause
    text = str(cause) or type(cause).__name__
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
