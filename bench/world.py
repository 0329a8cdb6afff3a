"""The stack, Business Centers to measure with, and a meter."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import asyncpg
import psutil
from pydantic import SecretStr

from demo.video import write_video
from sparkads import Files, MemberGrant, NewVideos, RequestAccess, Scope, Share, SparkAds
from sparkads.contracts.authorization import AdAccountLink
from sparkads.contracts.base import BlobRef
from store import credentials
from store.database import Pool
from tiktok import TikTok, TikTokClient
from workers.local import Stack, local_stack

BC = "7300000000000000001"
ADMIN = "6100000000000000001"
AD_ACCOUNTS = [f"71{number:017}" for number in range(4)]

_SETTINGS = {
    "SPARKADS_TIKTOK_TIER": "unlimited",
    "SPARKADS_SWEEP_FAST": "1",
    "SPARKADS_SWEEP_SLOW": "60",
    "SPARKADS_REVIEW_POLL_FAST": "1",
    "SPARKADS_LOG_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Measured:
    """What publishing took: wall time, CPU of all processes but the simulator, calls by kind, history events."""

    targets: int
    seconds: float
    cpu_seconds: float
    create_calls: int
    other_calls: int
    events: int


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
    """What both competitors need to publish."""

    client: TikTokClient
    handles: list[str]
    video: BlobRef

    async def calls(self) -> tuple[int, int]:
        """How many ads/create calls and how many others TikTok has had, media and the sweep apart."""
        paths = (await self.control("GET", "calls"))["paths"]
        create = paths.get("/ad/create/", {"calls": 0})["calls"]
        apart = ("/file/", "/bc/asset/admin/get/", "/ad/create/")
        other = sum(counts["calls"] for path, counts in paths.items() if not path.startswith(apart))
        return create, other

    def cpu(self, *extra: psutil.Process) -> float:
        """CPU seconds so far of worker, Temporal and PostgreSQL, and of processes given."""
        pids = [pid for name, pid in self.stack.processes.items() if name.lower() != "simulator"]
        processes = [process for pid in pids for process in _family(psutil.Process(pid))]
        return sum(sum(process.cpu_times()[:2]) for process in [*processes, *extra])


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


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
            {"advertiser_id": advertiser, "name": advertiser, "roles": {members[0]: "ADMIN"}}
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
async def world(*, accounts: int, delay: float) -> AsyncIterator[World]:
    """A stack with `accounts` TikTok accounts, authorized and shared; TikTok takes `delay` seconds to make ads."""
    handles = [f"bench{number}" for number in range(accounts)]
    async with servers(_SETTINGS) as running:
        with TemporaryDirectory() as folder:
            write_video(Path(folder) / "video.mp4")
            video = await Files(running.stack.object_store).put_file(Path(folder) / "video.mp4", "video/mp4")
        prepared = World(**vars(running), client=running.tiktok.client(token_of(BC)), handles=handles, video=video)
        await running.seed(centers=[center(BC, members=[ADMIN], ad_accounts=AD_ACCOUNTS)], handles=handles)
        await credentials.put(running.db, BC, "Bench", token_of(BC))
        await _authorize(prepared)
        rule = {"path": "/ad/create/", "kind": "delay", "when": "before", "seconds": delay, "share": 1.0}
        await prepared.control("POST", "faults", {"seed": 1, "rules": [rule] if delay else []})
        yield prepared


async def _authorize(prepared: World) -> None:
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
        ad_accounts=tuple(AdAccountLink(advertiser_id=advertiser) for advertiser in AD_ACCOUNTS),
    )
    for asset in assets:
        await prepared.spark.share(BC, asset, share)
