"""Who lives in the pretended TikTok of `make up`: examples/pretended-world.json, connected, so that commands work."""

from pathlib import Path

import aiohttp
import asyncpg
from pydantic import SecretStr

from store import credentials

WORLD = Path(__file__).resolve().parents[1] / "examples" / "pretended-world.json"

HINT = (
    "Business Center 7300000000000000001: admin Ada 6100000000000000001, operator Otto 6100000000000000002; owners "
    "@kiri @bodhi @lumi @tama @northbound (examples/pretended-world.json)"
)


async def settle(simulator_url: str, database_url: str) -> None:
    """Put the world into the simulator, which forgets it when it stops, and its access tokens into the store."""
    url = f"{simulator_url}/control/seed"
    async with aiohttp.ClientSession() as http, http.post(url, data=WORLD.read_bytes()) as answer:
        answer.raise_for_status()
        seeded = await answer.json()
    connection = await asyncpg.connect(database_url)
    try:
        for center in seeded["business_centers"]:
            token = SecretStr(center["access_token"])
            await credentials.put(connection, center["bc_id"], center["name"], token)
    finally:
        await connection.close()
