"""How often each release has called TikTok."""

from collections.abc import Mapping
from typing import NamedTuple

from sparkads.contracts.base import Contract
from store.database import Database


class Kind(NamedTuple):
    """Calls that are counted together; `ending` as `tiktok.Ending` has it."""

    campaign_id: str
    endpoint: str
    ending: str


class EndpointCalls(Contract):
    """Calls to one endpoint."""

    endpoint: str
    done: int
    refused: int
    throttled: int
    lost: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.done + self.refused + self.throttled + self.lost


async def add(db: Database, calls: Mapping[Kind, int]) -> None:
    """Add to what was counted before."""
    # Sorted, so that two processes that add to the same rows don't wait for each other.
    await db.executemany(
        """INSERT INTO api_calls AS known (campaign_id, endpoint, ending, calls) VALUES ($1, $2, $3, $4)
           ON CONFLICT (campaign_id, endpoint, ending) DO UPDATE SET calls = known.calls + excluded.calls""",
        [(*kind, calls[kind]) for kind in sorted(calls)],
    )


async def of_campaign(db: Database, campaign_id: str) -> list[EndpointCalls]:
    """Calls of one release by endpoint, the busiest first."""
    rows = await db.fetch(
        """SELECT endpoint,
                  coalesce(sum(calls) FILTER (WHERE ending = 'done'), 0)::bigint AS done,
                  coalesce(sum(calls) FILTER (WHERE ending = 'refused'), 0)::bigint AS refused,
                  coalesce(sum(calls) FILTER (WHERE ending = 'throttled'), 0)::bigint AS throttled,
                  coalesce(sum(calls) FILTER (WHERE ending = 'lost'), 0)::bigint AS lost
           FROM api_calls WHERE campaign_id = $1 GROUP BY endpoint ORDER BY sum(calls) DESC, endpoint""",
        campaign_id,
    )
    return [EndpointCalls(**row) for row in rows]
