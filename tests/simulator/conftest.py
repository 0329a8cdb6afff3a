"""One simulator on a real port for all its tests, emptied and seeded before each."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from simulator_api import SEED, Api

from simulator.app import make_app


@pytest.fixture(scope="session")
async def simulator_url() -> AsyncIterator[str]:
    runner = web.AppRunner(make_app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def api(simulator_url: str) -> AsyncIterator[Api]:
    async with ClientSession() as session:
        api = Api(simulator_url, session)
        await api.control("/reset")
        await api.control("/seed", **SEED)
        yield api
