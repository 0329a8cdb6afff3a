"""A server that is not there is one clear line, not a traceback."""

import asyncio
import socket
from urllib.request import urlopen

import pytest

from sparkads.errors import Unreachable
from workers.connections import connect_database, connect_temporal
from workers.local import Stack
from workers.settings import Settings, load_settings


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def settings_for(environment: pytest.MonkeyPatch, stack: Stack, **more: str) -> Settings:
    for name, value in (stack.environment | more).items():
        environment.setenv(name, value)
    return load_settings()


async def test_both_servers_are_reached(clean_environment: pytest.MonkeyPatch, servers: Stack) -> None:
    settings = settings_for(clean_environment, servers, SPARKADS_DATABASE_POOL_SIZE="2")
    client = await connect_temporal(settings)
    assert await client.service_client.check_health()
    pool = await connect_database(settings)
    assert await pool.fetchval("SELECT current_database()") == "sparkads"
    assert pool.get_max_size() == 2
    await pool.close()


async def test_metrics_are_served_where_asked_for(clean_environment: pytest.MonkeyPatch, servers: Stack) -> None:
    address = f"127.0.0.1:{free_port()}"
    settings = settings_for(clean_environment, servers, SPARKADS_METRICS_ADDRESS=address)
    client = await connect_temporal(settings, metrics=True)
    await client.count_workflows()

    def read() -> str:
        with urlopen(f"http://{address}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    assert "temporal_request" in await asyncio.to_thread(read)


async def test_no_temporal(clean_environment: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_port()}"
    clean_environment.setenv("TEMPORAL_ADDRESS", address)
    with pytest.raises(Unreachable) as caught:
        await connect_temporal(load_settings())
    assert str(caught.value).startswith(f"Temporal cannot be reached at {address}: ")
    assert "\n" not in str(caught.value)


async def test_no_postgres(clean_environment: pytest.MonkeyPatch) -> None:
    port = free_port()
    clean_environment.setenv("DATABASE_URL", f"postgresql://me:open-sesame@127.0.0.1:{port}/x")
    with pytest.raises(Unreachable) as caught:
        await connect_database(load_settings())
    text = str(caught.value)
    assert text.startswith(
        f"PostgreSQL cannot be reached at postgresql://me:********@127.0.0.1:{port}/x: is it running?"
    )
    assert "sesame" not in text
    assert "\n" not in text


async def test_no_such_database(clean_environment: pytest.MonkeyPatch, servers: Stack) -> None:
    clean_environment.setenv("DATABASE_URL", servers.database_url.replace("/sparkads?", "/absent?"))
    with pytest.raises(Unreachable, match="no database of that name"):
        await connect_database(load_settings())


async def test_no_such_namespace(clean_environment: pytest.MonkeyPatch, servers: Stack) -> None:
    settings = settings_for(clean_environment, servers, TEMPORAL_NAMESPACE="absent")
    with pytest.raises(Unreachable, match=r"Namespace absent cannot be reached at .*TEMPORAL_NAMESPACE"):
        await connect_temporal(settings)


async def test_a_metrics_address_that_is_taken(clean_environment: pytest.MonkeyPatch, servers: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = settings_for(clean_environment, servers, SPARKADS_METRICS_ADDRESS=address)
        with pytest.raises(Unreachable, match=f"metrics endpoint cannot be reached at {address}"):
            await connect_temporal(settings, metrics=True)
