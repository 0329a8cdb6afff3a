"""
What rows wait for, said where people look: on the row, on its release, and in a notice.

A failure of TikTok's that may pass is no end of a row. It is kept at the row, in TikTok's words and with what to do,
until it has passed; everything else goes on meanwhile.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from pydantic import JsonValue

from activities.failures import RECONNECT_CHECK
from activities.members import current_run
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.release import TargetState
from store import notifications, waits
from store.database import Connection, Pool
from store.releases import NAMED, Campaign
from tiktok import AuthError, Conflict, NotReady, Throttled, TikTokError, Unreachable

PATIENCE = timedelta(minutes=2)
"""How long something that may pass by itself may last before people are told."""

AGAIN = 5.0
"""Seconds until what failed is tried again for the first time; whoever tries makes it longer each time."""


class Waiting(NamedTuple):
    """Why something can't be done for now."""

    reason: str
    again_seconds: float = AGAIN
    needs_person: bool = True
    """whether it goes on only once somebody has done something"""


def waiting_for(error: TikTokError, ad_account: str) -> Waiting:
    """What a failure of TikTok's means for rows that pay with an ad account: it may pass, so they wait."""
    match error:
        case AuthError():
            reason = f"TikTok rejects the access token: {error}; connect it again: python -m workers connect"
            return Waiting(reason, RECONNECT_CHECK.total_seconds())
        case Throttled():
            return Waiting(f"TikTok takes no calls for now: {error}", error.retry_after, needs_person=False)
        case Unreachable():
            return Waiting(str(error), needs_person=False)
        case NotReady() | Conflict():
            return Waiting(f"TikTok is not ready for ad account {ad_account}: {error}", needs_person=False)
        case _:
            reason = (
                f"TikTok fails on ad account {ad_account}: {error}; it is asked again. If it lasts, see TikTok's "
                "status page, or quote the request to its support"
            )
            return Waiting(reason, needs_person=False)


async def keep_waits(db: Pool, campaign: Campaign, waiting: Mapping[str, Waiting], *, over: Sequence[str] = ()) -> None:
    """
    Say what rows wait for, `{row_id: why}`, and that others do not wait any more; tell people of what is news.

    A notice names the first few rows of each reason.
    """
    if not waiting and not over:
        return
    async with db.acquire() as connection, connection.transaction():
        await waits.over(connection, campaign.campaign_id, [row_id for row_id in over if row_id not in waiting])
        for needs_person in (True, False):
            some = [(row_id, one.reason) for row_id, one in waiting.items() if one.needs_person is needs_person]
            patience = timedelta(0) if needs_person else PATIENCE
            news = await waits.say(connection, campaign.campaign_id, some, patience=patience)
            await _tell(connection, campaign, news)


async def tell_of_end(
    connection: Connection, campaign: Campaign, row_ids: Sequence[str], state: TargetState, reason: str
) -> None:
    """Tell people of rows that end before they have gone out: before their instant there is time to do something."""
    if not row_ids:
        return
    text = (
        f"{len(row_ids)} rows of campaign {campaign.campaign_id} are {state} ({_few(row_ids)}): {reason}. All others "
        f"go on. Once that is mended: sparkads campaign retry {campaign.campaign_id}"
    )
    await _put_notice(connection, campaign, text, {"rows": len(row_ids), "state": state})


async def _tell(connection: Connection, campaign: Campaign, news: Sequence[tuple[str, str]]) -> None:
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for row_id, reason in news:
        by_reason[reason].append(row_id)
    for reason, row_ids in by_reason.items():
        text = (
            f"{len(row_ids)} rows of campaign {campaign.campaign_id} wait ({_few(row_ids)}): {reason}. All others go "
            "on."
        )
        await _put_notice(connection, campaign, text, {"rows": len(row_ids)})


async def _put_notice(connection: Connection, campaign: Campaign, text: str, data: Mapping[str, JsonValue]) -> None:
    await notifications.put(
        connection,
        bc_id=campaign.bc_id,
        kind=NotificationKind.ATTENTION,
        subject=f"campaign {campaign.campaign_id}",
        text=text,
        data={"campaign_id": campaign.campaign_id, **data},
        run=current_run(),
    )


def _few(row_ids: Sequence[str]) -> str:
    return f"{', '.join(row_ids[:NAMED])}{' …' if len(row_ids) > NAMED else ''}"
