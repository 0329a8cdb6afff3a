"""A simulator alone, on a real port, for the clients that nobody here wrote."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from simulator.app import make_app
from tests.simulator.simulator_api import SEED, Api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    runner = web.AppRunner(make_app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as session:
        api = Api(f"http://127.0.0.1:{runner.addresses[0][1]}", session)
        await api.control("/seed", **SEED)
        # No program here waits: what TikTok takes minutes for is done at once.
        await api.control("/clock", transcode_seconds=0, review_seconds=0, post_id_seconds=0)
        yield api
    await runner.cleanup()
