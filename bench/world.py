"""The stack, worker processes, and Business Centers to measure with."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import aiohttp
import asyncpg
from pydantic import SecretStr

from bench.meter import Calls
from demo.video import write_video
from sparkads import Files, MemberGrant, NewVideos, RequestAccess, Scope, Share, SparkAds
from sparkads.contracts.authorization import AdAccountLink
from sparkads.contracts.base import BlobRef
from sparkads.contracts.release import AdTemplate
from store import credentials
from store.database import Pool
from tiktok import TikTok, TikTokClient
from workers.child_process import start_child
from workers.local import Stack, local_stack
from workers.settings import inherited_environment

BC = "7300000000000000001"
ADMIN = "6100000000000000001"
AD_ACCOUNTS_EACH = 4
ADS_PER_AD_GROUP = AdTemplate().ads_per_ad_group

_CHECKOUT = Path(__file__).resolve().parents[1]
_WORKER_STARTS, _WORKER_ENDS = 60.0, 45.0
_SHARES_AT_ONCE = 4

_SETTINGS = {
    "SPARKADS_TIKTOK_TIER": "unlimited",
    "SPARKADS_SWEEP_FAST": "1",
    "SPARKADS_SWEEP_SLOW": "60",
    "SPARKADS_REVIEW_POLL_FAST": "1",
    "SPARKADS_LOG_LEVEL": "ERROR",
}


@dataclass
class Servers:
    """A running stack, with connections to it."""

    stack: Stack
    http: aiohttp.ClientSession
    db: Pool
    spark: SparkAds
    tiktok: TikTok

    async def control(self, verb: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The simulator's control API."""
        async with self.http.request(verb, f"{self.stack.simulator_url}/control/{path}", json=body) as answer:
            answer.raise_for_status()
            answered: dict[str, Any] = await answer.json()
            return answered

    async def seed(self, *, centers: list[dict[str, Any]], handles: list[str]) -> None:
        """Business Centers and TikTok accounts at the pretended TikTok."""
        accounts = [{"handle": handle, "display_name": handle, "time_zone": "Etc/UTC"} for handle in handles]
        await self.control("POST", "seed", {"business_centers": centers, "accounts": accounts})


@dataclass
class World(Servers):
    """What all competitors need to publish."""

    client: TikTokClient
    handles: list[str]
    video: BlobRef
    ad_accounts: dict[str, list[str]]
    """of each competitor; all linked to all TikTok accounts"""

    async def calls(self) -> Calls:
        """What TikTok was called so far."""
        return Calls.of(await self.control("GET", "calls"))


def center(bc_id: str, *, members: list[str], ad_accounts: list[str]) -> dict[str, Any]:
    """A Business Center for `Servers.seed`: the first member is its admin, and has both keys."""
    return {
        "bc_id": bc_id,
        "name": f"Bench {bc_id}",
        "access_token": token_of(bc_id).get_secret_value(),
        "members": [
            {
                "user_id": user_id,
                "user_name": f"Ada {user_id}",
                "user_email": f"{user_id}@example.com",
                "user_role": "STANDARD" if number else "ADMIN",
            }
            for number, user_id in enumerate(members)
        ],
        "ad_accounts": [
            {"advertiser_id": advertiser, "name": advertiser, "roles": {members[0]: "ADMIN"}, "adgroup_quota": 10_000}
            for advertiser in ad_accounts
        ],
    }


def token_of(bc_id: str) -> SecretStr:
    """The access token of a Business Center of `center`."""
    return SecretStr(f"token-{bc_id}")


@asynccontextmanager
async def servers(settings: Mapping[str, str], *, worker: bool = True) -> AsyncIterator[Servers]:
    """A stack with a pretended TikTok that keeps nobody waiting."""
    async with (
        local_stack(None, worker=worker, environment=settings) as stack,
        aiohttp.ClientSession() as http,
        asyncpg.create_pool(stack.database_url, min_size=1, max_size=16) as db,
        TikTok(stack.tiktok_base_url, limiter=None) as tiktok,
    ):
        spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
        running = Servers(stack, http, db, spark, tiktok)
        await running.control("POST", "config", {"tier": "unlimited"})
        yield running


@asynccontextmanager
async def worker_processes(
    running: Servers, count: int = 1, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[list[int]]:
    """
    Run workers of a stack that was started without one.

    Args:
        running: the stack.
        count: how many.
        settings: variables that are different from the stack's.

    Yields:
        Their process ids.
    """
    async with AsyncExitStack() as exits:
        workers = []
        for number in range(1, count + 1):
            worker = await start_child(
                f"worker {number}",
                [sys.executable, "-m", "workers", "run"],
                environment=inherited_environment() | running.stack.environment | dict(settings),
                directory=_CHECKOUT,
                log=Path(running.stack.logs) / f"worker-{number}.log",
            )
            exits.push_async_callback(worker.stop, signal.SIGTERM, within=_WORKER_ENDS)
            workers.append(worker)
        for worker in workers:
            await worker.said("worker", within=_WORKER_STARTS)
        yield [worker.pid for worker in workers]


@asynccontextmanager
async def world(names: Sequence[str], *, accounts: int, delay: float = 0.0) -> AsyncIterator[World]:
    """
    A stack with TikTok accounts that are authorized and shared; no worker runs any more.

    Args:
        names: competitors; each gets ad accounts of its own.
        accounts: how many TikTok accounts.
        delay: seconds that TikTok takes to make the ads of a call.
    """
    handles = [f"bench{number}" for number in range(accounts)]
    ad_accounts = {
        name: [f"71{one:08}{number:09}" for number in range(AD_ACCOUNTS_EACH)] for one, name in enumerate(names)
    }
    linked = [advertiser for each in ad_accounts.values() for advertiser in each]
    async with servers(_SETTINGS, worker=False) as running:
        with TemporaryDirectory() as folder:
            write_video(Path(folder) / "video.mp4")
            video = await Files(running.stack.object_store).put_file(Path(folder) / "video.mp4", "video/mp4")
        client = running.tiktok.client(token_of(BC))
        prepared = World(**vars(running), client=client, handles=handles, video=video, ad_accounts=ad_accounts)
        await running.seed(centers=[center(BC, members=[ADMIN], ad_accounts=linked)], handles=handles)
        await credentials.put(running.db, BC, "Bench", token_of(BC))
        async with worker_processes(prepared):
            await _authorize(prepared, linked)
        rule = {"path": "/ad/create/", "kind": "delay", "when": "before", "seconds": delay, "share": 1.0}
        await prepared.control("POST", "faults", {"seed": 1, "rules": [rule] if delay else []})
        yield prepared


async def _authorize(prepared: World, linked: Sequence[str]) -> None:
    command = RequestAccess(
        command_id="bench",
        actor=ADMIN,
        scope=Scope(new_videos=NewVideos.ON_PROFILE),
        handles=tuple(prepared.handles),
    )
    await prepared.spark.request_access(BC, command)
    assets = []
    for handle in prepared.handles:
        answer = await prepared.control("POST", f"owners/{handle}/approve", {"bc_id": BC})
        assets.append(str(answer["asset_id"]))
    while len((await prepared.spark.list_accounts(BC, ADMIN)).accounts) < len(assets):
        await asyncio.sleep(0.1)
    share = Share(
        actor=ADMIN,
        members=(MemberGrant(user_id=ADMIN),),
        ad_accounts=tuple(AdAccountLink(advertiser_id=advertiser) for advertiser in linked),
    )
    slots = asyncio.Semaphore(_SHARES_AT_ONCE)

    async def share_one(asset: str) -> None:
        async with slots:
            await prepared.spark.share(BC, asset, share)

    await asyncio.gather(*map(share_one, assets))
