"""What watching a Business Center costs in calls to TikTok, as accounts, ad accounts and members grow."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.platform import Platform
from activities.review import Review, ReviewActivities
from activities.sweep import SweepActivities
from bench.world import ADMIN, Servers, center, servers, token_of
from sparkads import Share
from sparkads.contracts.authorization import AdAccountLink, MemberGrant
from sparkads.contracts.business_center import LookNow
from sparkads.names import business_center_id
from store import credentials

_SETTINGS = {
    "SPARKADS_TIKTOK_TIER": "unlimited",
    "SPARKADS_SWEEP_FAST": "3600",
    "SPARKADS_SWEEP_SLOW": "3600",
    "SPARKADS_LOG_LEVEL": "ERROR",
}
_numbers = count()


@dataclass(frozen=True)
class Calls:
    """Calls of one sweep and one review of a Business Center in which nothing has changed."""

    accounts: int
    ad_accounts: int
    members: int
    sweep: int
    review: int
    """identities and links"""
    review_with_permissions: int
    """the seldom one, which compares the permissions of every member, too"""


async def measure_calls(
    accounts: tuple[int, ...], ad_accounts: tuple[int, ...], members: tuple[int, ...]
) -> list[Calls]:
    """Every account is linked to every ad account, and shared with every member."""
    async with servers(_SETTINGS) as running:
        return [
            await _count(running, held, linked, people)
            for linked in ad_accounts
            for people in members
            for held in accounts
        ]


async def _count(running: Servers, accounts: int, ad_accounts: int, members: int) -> Calls:
    number = next(_numbers)
    bc_id = f"78{number:017}"
    advertisers = [f"79{number:013}{one:04}" for one in range(ad_accounts)]
    people = [ADMIN, *(f"62{number:013}{one:04}" for one in range(1, members))]
    handles = [f"calls{number}.{one}" for one in range(accounts)]
    await running.seed(centers=[center(bc_id, members=people, ad_accounts=advertisers)], handles=handles)
    await credentials.put(running.db, bc_id, "Bench", token_of(bc_id))
    await _share_all(running, bc_id, handles, advertisers, people)
    await running.spark.temporal.get_workflow_handle(business_center_id(bc_id)).terminate("counted without it")
    await _silence(running)

    platform, anything = Platform(running.db, running.tiktok), timedelta(hours=1)
    sweep = SweepActivities(
        running.db, platform, fast=anything, slow=anything, review_every=anything, drift_every=anything
    )
    review = ReviewActivities(running.db, platform)
    return Calls(
        accounts,
        ad_accounts,
        members,
        sweep=await _calls_of(running, sweep.sweep_accounts, bc_id),
        review=await _calls_of(running, review.review_accounts, Review(bc_id=bc_id, permissions=False)),
        review_with_permissions=await _calls_of(running, review.review_accounts, Review(bc_id=bc_id, permissions=True)),
    )


async def _share_all(
    running: Servers, bc_id: str, handles: list[str], advertisers: list[str], people: list[str]
) -> None:
    await running.spark.list_accounts(bc_id, ADMIN)
    assets = [
        str((await running.control("POST", f"owners/{handle}/approve", {"bc_id": bc_id}))["asset_id"])
        for handle in handles
    ]
    await running.spark.look(bc_id, LookNow(reported_by=ADMIN))
    while len((await running.spark.list_accounts(bc_id, ADMIN)).accounts) < len(assets):
        await asyncio.sleep(0.2)
    command = Share(
        actor=ADMIN,
        members=tuple(MemberGrant(user_id=user_id) for user_id in people),
        ad_accounts=tuple(AdAccountLink(advertiser_id=advertiser) for advertiser in advertisers),
    )
    answers = await asyncio.gather(*(running.spark.share(bc_id, asset, command) for asset in assets))
    assert not any(answer.refused for answer in answers)


async def _calls_of(running: Servers, activity: Callable[..., Awaitable[Any]], argument: Any) -> int:
    before = await _total(running)
    await ActivityEnvironment().run(activity, argument)
    return await _total(running) - before


async def _silence(running: Servers) -> None:
    """An activity of the Business Center that has just ended may be under way."""
    before = -1
    while (now := await _total(running)) != before:
        before = now
        await asyncio.sleep(1)


async def _total(running: Servers) -> int:
    total: int = (await running.control("GET", "calls"))["total"]
    return total
