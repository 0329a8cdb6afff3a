"""
What a listing of TikTok proves.

That something is listed is told by its entry. That it is not is evidence only where everything that TikTok listed could
be read; and an answer without any entry, which TikTok's own pages show where there should be some, counts only if a
second one says the same.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import tiktok_failures
from sparkads.errors import TikTokNotUnderstood, refused
from tiktok import Asset, Rows, TikTokClient
from tiktok.wire import Received

R = TypeVar("R", bound=Received)

ACCOUNT_LIST = "the list of TikTok accounts"
"""As a difference names it, as long as it can't be read in full."""

_SHOWN = 3


async def twice_if_empty(read: Callable[[], Awaitable[Rows[R]]]) -> Rows[R]:
    """Read a listing whose emptiness would take something away: once more, if nothing is there."""
    found = await read()
    if found:
        return found
    again = await read()
    return again or Rows((), [*found.left_out, *again.left_out])


async def tiktok_accounts(client: TikTokClient, bc_id: str) -> Rows[Asset]:
    """
    The TikTok accounts of a Business Center, for whoever wants to know whether one is gone.

    Raises:
        ApplicationError: as of `tiktok_failures`.
    """
    with tiktok_failures():
        return await twice_if_empty(lambda: client.business_centers.all_assets(bc_id, "TT_ACCOUNT"))


def what_is_missing(rows: Rows[R]) -> str:
    """What of a listing could not be read, for people; empty if everything could."""
    more = len(rows.left_out) - _SHOWN
    return "; ".join(rows.left_out[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


TRIES = 4
"""Times that a list is read before whoever needs it is told that it can't be: some seven seconds."""


def unreadable(what: str, rows: Rows[R]) -> ApplicationError:
    """
    The failure of an activity that needs to know that something is not listed.

    It is tried again, and after some tries refused by name: a person waits for the answer.
    """
    text = f"TikTok's list of {what} can't be read in full: {what_is_missing(rows) or 'it is empty'}"
    if activity.in_activity() and activity.info().attempt >= TRIES:
        return refused(TikTokNotUnderstood(f"{text}; repeat the command later"))
    return ApplicationError(text, type="TikTokListUnreadable")
