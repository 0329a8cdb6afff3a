"""When the review of ads is read: not before it can have decided anything."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.confirming import ConfirmingActivities
from activities.platform import Platform
from activities.publish import ShardRef
from store import intents
from store.database import Pool
from tests.conftest import Label
from tests.store.test_intents import campaign, intend
from tiktok import Ending, TikTok
from workers.local import Stack


@pytest.fixture
def called() -> list[str]:
    """The endpoints that were called."""
    return []


@pytest.fixture
async def tiktok(stack: Stack, called: list[str]) -> AsyncIterator[TikTok]:
    def listen(endpoint: str, _ending: Ending) -> None:
        called.append(endpoint)

    async with TikTok(stack.tiktok_base_url, limiter=None, listener=listen) as opened:
        yield opened


@pytest.mark.parametrize(
    ("age", "looks"), [pytest.param(0, [], id="fresh"), pytest.param(61, ["ad/get/"], id="a minute old")]
)
async def test_ads_are_looked_at_once_they_are_as_old_as_the_fast_pace(
    label: Label, db: Pool, tiktok: TikTok, called: list[str], age: int, looks: list[str]
) -> None:
    campaign_id = await campaign(label, db)
    ads = {f"{row}{label.bc_id}": (str(row), datetime.now(UTC)) for row in range(3)}
    await intend(db, campaign_id, {f"row{row}": token for row, token in enumerate(ads)})
    async with db.acquire() as connection, connection.transaction():
        await intents.record_published(connection, ads)
    # The youngest of them counts, by the database's clock.
    await db.execute(
        """UPDATE intents SET decided_at = now() - make_interval(secs => CASE row_id WHEN 'row0' THEN $2 ELSE 900 END)
           WHERE campaign_id = $1""",
        campaign_id,
        age,
    )
    confirming = ConfirmingActivities(
        db,
        Platform(db, tiktok),
        settle_window=timedelta(hours=1),
        post_named_within=timedelta(hours=1),
        review_fast=timedelta(minutes=1),
        review_slow=timedelta(minutes=5),
    )

    reviewed = await ActivityEnvironment().run(
        confirming.confirm_ads, ShardRef(campaign_id=campaign_id, wave=1, shard=1)
    )

    assert called == looks
    assert (reviewed.open, reviewed.fast_seconds) == (3, 60)
