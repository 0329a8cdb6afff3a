"""What the simulator is seeded with, and the handle on its control API."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

BC = "7300000000000000001"
ADVERTISER = "7000000000000000001"
OTHER_ADVERTISER = "7000000000000000002"
TOKEN = "token-of-the-first-center"


class Control:
    """The simulator's control API."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._session.post(f"{self.url}/control/{path}", json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def get(self, path: str) -> Any:
        async with self._session.get(f"{self.url}/control/{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def fault(self, path: str, kind: str, **rule: Any) -> None:
        """Let a fault hit the next call of `path`, and none thereafter."""
        rules = [{"path": path, "kind": kind, "times": 1, **rule}]
        await self.post("faults", {"rules": rules})

    async def approve(self, handle: str, **scan: Any) -> str:
        """The owner approves for the first Business Center; the asset id."""
        answer = await self.post(f"owners/{handle}/approve", {"bc_id": BC, **scan})
        assert answer["outcome"] == "approved", answer
        return str(answer["asset_id"])


@dataclass
class World:
    """What a test starts with: a Business Center, two ad accounts, one TikTok account with 45 posts, approved."""

    control: Control
    handle: str
    asset_id: str
    admin: str = "7200000000000000001"
    standard: str = "7200000000000000002"
    posts: list[str] = field(default_factory=list)


def md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def size_of(path: Path) -> int:
    return path.stat().st_size
