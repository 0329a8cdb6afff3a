"""
TikTok's errors as activity failures: the type is the reason that the Temporal UI shows beside a pending activity.

    RateLimited          TikTok said "too frequent": nothing happened, tried again when the window has passed
    TikTokUnreachable    no connection: nothing happened, tried again
    TikTokFault          TikTok's side failed on something that may be repeated
    TikTokNotReady       still being made: a link, a transcoding
    AccessTokenRejected  the stored token does not work: tried again every minute, a person has to connect again
    TikTokRefused        a definite no, never tried again

Only for calls that may be repeated. The one that may not, making ads, is handled where it is made (publish.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from sparkads.errors import TikTokNotUnderstood, TikTokRefused, refused
from tiktok import (
    AuthError,
    Conflict,
    FetchFailed,
    InvalidRequest,
    NoPermission,
    NotFound,
    NotReady,
    ServerFault,
    Throttled,
    TikTokError,
    UnknownOutcome,
    Unreachable,
)

RECONNECT_CHECK = timedelta(minutes=1)
"""How often a call with a rejected token is tried again: soon after somebody connects, without hammering."""


ASKED_AGAIN = timedelta(minutes=10)
"""How often a step that has to happen is tried again after a definite no: as soon as a person has mended it."""


DEFINITE_NO = (InvalidRequest, NoPermission, NotFound)
"""TikTok's refusals of a question, for those who can go on without the answer."""


SAID_OF_A_QUESTION = frozenset({TikTokRefused.__name__, TikTokNotUnderstood.__name__})
"""Types of failures that are said of a question and not of what depends on its answer: a release waits for that."""


@contextmanager
def insisting() -> Iterator[None]:
    """
    For steps that have to happen, whatever it takes: a definite no is a reason to wait, not to give up.

    What it is about can be mended by a person: a token that was withdrawn, an admin who was demoted. Meanwhile the
    Temporal UI shows the pending activity with TikTok's words; giving up would fail a workflow that lives for years.
    """
    try:
        yield
    except ApplicationError as error:
        if not error.non_retryable:
            raise
        raise ApplicationError(error.message, type=error.type, next_retry_delay=ASKED_AGAIN) from error


@contextmanager
def tiktok_failures(*, passing: type[TikTokError] | tuple[type[TikTokError], ...] = ()) -> Iterator[None]:
    """Turn errors of the TikTok client into named activity failures; those of kind `passing` are the caller's."""
    try:
        yield
    except TikTokError as error:
        if isinstance(error, passing):
            raise
        raise _failure(error) from error


def _failure(error: TikTokError) -> ApplicationError:
    match error:
        case Throttled():
            return ApplicationError(
                str(error), type="RateLimited", next_retry_delay=timedelta(seconds=error.retry_after)
            )
        case Unreachable():
            return ApplicationError(str(error), type="TikTokUnreachable")
        case AuthError():
            return ApplicationError(
                f"{error}; connect the Business Center again: python -m workers connect",
                type="AccessTokenRejected",
                next_retry_delay=RECONNECT_CHECK,
            )
        case NotReady() | FetchFailed():
            return ApplicationError(str(error), type="TikTokNotReady")
        case ServerFault() | UnknownOutcome() | Conflict():
            return ApplicationError(str(error), type="TikTokFault")
        case _:
            return refused(TikTokRefused(str(error)))
