"""Who an actor is: asked of TikTok once, however many want to know."""

import asyncio
from collections import Counter
from datetime import timedelta

from activities.members import Members
from activities.platform import Platform
from store.database import Pool
from tests.conftest import Label
from tiktok import TikTok
from workers.local import Stack


async def test_who_asks_at_the_same_moment_gets_the_same_answer(stack: Stack, db: Pool, label: Label) -> None:
    calls: Counter[str] = Counter()
    async with TikTok(
        stack.tiktok_base_url, limiter=None, listener=lambda endpoint, _ending: calls.update([endpoint])
    ) as tiktok:
        members = Members(db, Platform(db, tiktok), max_age=timedelta(minutes=1))

        answers = await asyncio.gather(*(members.access(label.bc_id, label.operator) for _ in range(12)))

    assert len({answer.fetched_at for answer in answers}) == 1
    assert calls == {"bc/member/get/": 1, "bc/asset/get/": 2}
