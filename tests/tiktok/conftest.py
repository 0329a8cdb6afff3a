"""A simulator as a process of its own, emptied and seeded for each test, and clients of it."""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from pathlib import Path

import aiohttp
import answering_server
import av
import pytest
from answering_server import Server, answering
from pydantic import SecretStr
from tiktok_world import ADVERTISER, BC, OTHER_ADVERTISER, TOKEN, Control, World

from tiktok import Identity, TikTok, TikTokClient, Timeouts

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 540, 960


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


@pytest.fixture
async def control(simulator: str) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as session:
        control = Control(simulator, session)
        await control.post("reset", {})
        yield control


@pytest.fixture
async def world(control: Control) -> World:
    seeded = await control.post(
        "seed",
        {
            "tier": "unlimited",
            "clock": {"review_seconds": 0},
            "business_centers": [
                {
                    "bc_id": BC,
                    "name": "First",
                    "access_token": TOKEN,
                    "members": [
                        {"user_id": World.admin, "user_name": "Ada", "user_role": "ADMIN"},
                        {"user_id": World.standard, "user_name": "Stan", "user_role": "STANDARD"},
                    ],
                    "ad_accounts": [
                        {"advertiser_id": ADVERTISER, "name": "Ads"},
                        {"advertiser_id": OTHER_ADVERTISER, "name": "Other ads"},
                    ],
                }
            ],
            "apps": [{"app_id": "app", "secret": "app-secret", "auth_codes": {"the-code": TOKEN}}],
            "accounts": [
                {
                    "handle": "shopone",
                    "display_name": "Shop One",
                    "posts": [{"text": f"post {number}"} for number in range(45)] + [{"type": "CAROUSEL"}],
                }
            ],
        },
    )
    asset_id = await control.approve("shopone")
    posts = [post["item_id"] for post in seeded["accounts"][0]["posts"]]
    return World(control=control, handle="shopone", asset_id=asset_id, posts=posts)


@pytest.fixture
async def tiktok(simulator: str) -> AsyncIterator[TikTok]:
    async with TikTok(simulator, None, Timeouts(connect=5, read=10, upload=60)) as tiktok:
        yield tiktok


@pytest.fixture
def client(tiktok: TikTok) -> TikTokClient:
    return tiktok.client(SecretStr(TOKEN))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with answering() as server:
        yield server


@pytest.fixture
async def answered_app(server: Server) -> AsyncIterator[TikTok]:
    async with TikTok(server.url, None, Timeouts(connect=5, read=10, upload=60)) as tiktok:
        yield tiktok


@pytest.fixture
def answered(answered_app: TikTok) -> TikTokClient:
    """A client of the server that answers as it is told to."""
    return answered_app.client(SecretStr(answering_server.TOKEN))


@pytest.fixture
async def identity(world: World, client: TikTokClient) -> Identity:
    """The account of the world, linked to its first ad account."""
    await client.business_centers.link(BC, world.asset_id, ADVERTISER)
    (identity,) = await client.identities.list(ADVERTISER, BC)
    return identity


@pytest.fixture(scope="session")
def video_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vertical video of one second."""
    path = tmp_path_factory.mktemp("media") / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, 10)
        for number in range(10):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 20]) * plane.buffer_size)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cover of the video's size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path = tmp_path_factory.mktemp("media") / "cover.png"
    rows = (b"\0" + b"\x40\x80\xc0" * WIDTH) * HEIGHT
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return path
