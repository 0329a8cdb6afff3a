"""The stack, a Business Center with shared accounts, and a meter."""

import asyncio
from collections.abc import AsyncIterator
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
from tiktok import UNLIMITED, TikTok, TikTokClient
from workers.local import Stack, local_stack

BC = "7300000000000000001"
ADMIN = "6100000000000000001"
AD_ACCOUNTS = [f"71{number:017}" for number in range(4)]
TOKEN = SecretStr("bench-token")

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
class World:
    """Everything that both competitors need."""

    stack: Stack
    http: aiohttp.ClientSession
    db: Pool
    spark: SparkAds
    client: TikTokClient
    handles: list[str]
    video: BlobRef

    async def control(self, verb: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The simulator's control API."""
        async with self.http.request(verb, f"{self.stack.simulator_url}/control/{path}", json=body) as answer:
            answer.raise_for_status()
            answered: dict[str, Any] = await answer.json()
            return answered

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


@asynccontextmanager
async def world(*, accounts: int, delay: float) -> AsyncIterator[World]:
    """A stack with `accounts` TikTok accounts, authorized and shared; TikTok takes `delay` seconds to make ads."""
    handles = [f"bench{number}" for number in range(accounts)]
    async with (
        local_stack(None, environment=_SETTINGS) as stack,
        aiohttp.ClientSession() as http,
        asyncpg.create_pool(stack.database_url, min_size=1, max_size=8) as db,
        TikTok(stack.tiktok_base_url, limits=UNLIMITED) as tiktok,
    ):
        spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
        with TemporaryDirectory() as folder:
            write_video(Path(folder) / "video.mp4")
            video = await Files(stack.object_store).put_file(Path(folder) / "video.mp4", "video/mp4")
        prepared = World(stack, http, db, spark, tiktok.client(TOKEN), handles, video)
        await _seed(prepared)
        await _authorize(prepared)
        rule = {"path": "/ad/create/", "kind": "delay", "when": "before", "seconds": delay, "share": 1.0}
        await prepared.control("POST", "faults", {"seed": 1, "rules": [rule] if delay else []})
        yield prepared


async def _seed(prepared: World) -> None:
    await prepared.control("POST", "config", {"tier": "unlimited"})
    await prepared.control(
        "POST",
        "seed",
        {
            "business_centers": [
                {
                    "bc_id": BC,
                    "name": "Bench",
                    "access_token": TOKEN.get_secret_value(),
                    "members": [
                        {"user_id": ADMIN, "user_name": "Ada", "user_email": "ada@example.com", "user_role": "ADMIN"}
                    ],
                    "ad_accounts": [
                        {"advertiser_id": advertiser, "name": advertiser[-1], "roles": {ADMIN: "ADMIN"}}
                        for advertiser in AD_ACCOUNTS
                    ],
                }
            ],
            "accounts": [
                {"handle": handle, "display_name": handle, "time_zone": "Etc/UTC"} for handle in prepared.handles
            ],
        },
    )
    await credentials.put(prepared.db, BC, "Bench", TOKEN)


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
