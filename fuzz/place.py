"""Where all seeds of a run happen side by side: one stack whose workers call TikTok through the proxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import asyncpg
import av
from pydantic import SecretStr

from fuzz.proxy import Proxy, proxy
from fuzz.world import CLOCK, Material
from sparkads import Scope, SparkAds
from sparkads.scopes import NewVideos
from store import credentials
from store.database import Pool
from workers.local import Stack, local_stack

SWEEP_FAST, SWEEP_SLOW, REVIEW_EVERY, REVIEW_POLL_FAST = 1.0, 4.0, 10.0, 0.5
SETTLE_WINDOW = 4.0

SETTINGS = {
    "SPARKADS_TIKTOK_TIER": "unlimited",
    "SPARKADS_SWEEP_FAST": str(SWEEP_FAST),
    "SPARKADS_SWEEP_SLOW": str(SWEEP_SLOW),
    "SPARKADS_REVIEW_EVERY": str(REVIEW_EVERY),
    "SPARKADS_DRIFT_EVERY": "3600",
    "SPARKADS_REVIEW_POLL_FAST": str(REVIEW_POLL_FAST),
    "SPARKADS_REVIEW_POLL_SLOW": "2",
    "SPARKADS_SETTLE_WINDOW": str(SETTLE_WINDOW),
    "SPARKADS_ACCESS_MAX_AGE": "1",
    "SPARKADS_LOG_LEVEL": "ERROR",
    "SPARKADS_GRACEFUL_SHUTDOWN": "1",
}
"""Real pauses, made short. The settle window is longer than a call that makes something may be late."""

WORKERS = 2
"""So that the activities of one seed that hang do not take the places of another's."""

SCOPE = Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE)


@dataclass(frozen=True)
class Place:
    """A running stack and what is needed to act in it."""

    stack: Stack
    proxy: Proxy
    http: aiohttp.ClientSession
    db: Pool
    spark: SparkAds
    material: Material

    async def control(self, verb: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the simulator's control API."""
        async with self.http.request(verb, f"{self.stack.simulator_url}/control/{path}", json=body) as answer:
            answer.raise_for_status()
            answered: dict[str, Any] = await answer.json()
            return answered

    async def connect(self, bc_id: str, token: str) -> None:
        """Put a Business Center's token on record."""
        await credentials.put(self.db, bc_id, "fuzz", SecretStr(token))

    async def approve(self, handle: str, bc_id: str) -> tuple[str, str]:
        """The owner of an account approves; its asset id and identity id."""
        answer = await self.control("POST", f"owners/{handle}/approve", {"bc_id": bc_id})
        return str(answer["asset_id"]), str(answer["identity_id"])


@asynccontextmanager
async def place(data_dir: Path | None = None) -> AsyncIterator[Place]:
    """
    Start everything, and stop it in the end.

    Args:
        data_dir: where data and logs stay; None: nowhere.
    """
    async with proxy() as between:
        settings = SETTINGS | {"SPARKADS_TIKTOK_BASE_URL": between.url}
        async with (
            local_stack(data_dir, environment=settings) as stack,
            asyncpg.create_pool(stack.database_url, min_size=0, max_size=8) as db,
            aiohttp.ClientSession() as http,
        ):
            for _ in range(WORKERS - 1):
                await stack.add_worker()
            assert stack.simulator_url is not None  # noqa: S101 - it is part of this stack
            between.target = stack.simulator_url
            spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
            made = Place(stack, between, http, db, spark, await _material(spark))
            await made.control("POST", "seed", {"tier": "unlimited", "clock": CLOCK})
            yield made


async def _material(spark: SparkAds) -> Material:
    with TemporaryDirectory() as folder:
        video, cover = Path(folder) / "video.mp4", Path(folder) / "cover.jpg"
        await asyncio.to_thread(_draw, video, "mpeg4", 24)
        await asyncio.to_thread(_draw, cover, "mjpeg", 1)
        return Material(
            video=await spark.files.put_file(video, "video/mp4"), cover=await spark.files.put_file(cover, "image/jpeg")
        )


def _draw(path: Path, codec: str, frames: int) -> None:
    """A grey upright video of a second, or a picture."""
    with av.open(str(path), "w", format=None if codec == "mpeg4" else "image2") as container:
        stream = container.add_stream(codec, rate=24)
        assert isinstance(stream, av.VideoStream)  # noqa: S101 - both codecs are of pictures
        stream.width, stream.height = 540, 960
        stream.pix_fmt = "yuv420p" if codec == "mpeg4" else "yuvj420p"
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame(540, 960, stream.pix_fmt)))
        container.mux(stream.encode())
