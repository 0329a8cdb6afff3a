"""Calls to TikTok by release: none is counted twice, none is lost while the store is away."""

from collections import Counter

from store import api_calls
from store.api_calls import EndpointCalls, Kind
from store.database import Pool
from workers.call_counts import CallCounts

CAMPAIGN = "counted-calls"


async def test_what_could_not_be_written_is_written_with_what_comes_next(db: Pool) -> None:
    counts = CallCounts(db)
    await db.execute("ALTER TABLE api_calls RENAME TO api_calls_away")
    try:
        await counts.write(Counter({Kind(CAMPAIGN, "ad/create/", "done"): 2}))
    finally:
        await db.execute("ALTER TABLE api_calls_away RENAME TO api_calls")
    assert await api_calls.of_campaign(db, CAMPAIGN) == []

    await counts.write(Counter({Kind(CAMPAIGN, "ad/create/", "throttled"): 1}))
    await counts.write(Counter({Kind(CAMPAIGN, "ad/create/", "done"): 3, Kind(CAMPAIGN, "ad/get/", "lost"): 1}))
    await counts.write(Counter())

    assert await api_calls.of_campaign(db, CAMPAIGN) == [
        EndpointCalls(endpoint="ad/create/", done=5, refused=0, throttled=1, lost=0),
        EndpointCalls(endpoint="ad/get/", done=0, refused=0, throttled=0, lost=1),
    ]
