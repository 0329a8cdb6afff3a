"""The simulator's control API: how the demo sets the scene, plays the owners' part, and sees what really exists."""

from typing import Any

import aiohttp


class PretendedTikTok:
    """The world behind the API: nothing here goes through the system that is shown."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        """Use the simulator at `url`."""
        self._url = url
        self._http = http

    async def seed(self, world: dict[str, Any]) -> None:
        """Put people, ad accounts and artists there."""
        await self._post("seed", world)

    async def revoke(self, handle: str, bc_id: str) -> None:
        """The owner takes the consent back in the TikTok app, which tells nobody."""
        await self._post(f"owners/{handle}/revoke", {"bc_id": bc_id})

    async def state(self) -> dict[str, Any]:
        """Everything that exists there."""
        return await self._get("state")

    async def calls(self) -> dict[str, Any]:
        """How often the API was called, and how often that was too often."""
        return await self._get("calls")

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._http.post(f"{self._url}/control/{path}", json=body) as reply:
            reply.raise_for_status()

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._http.get(f"{self._url}/control/{path}") as reply:
            reply.raise_for_status()
            answered: dict[str, Any] = await reply.json()
            return answered
