"""Connect Business Centers: find out what an access token is good for, and keep it."""

from pydantic import SecretStr
from rich.console import Console

from sparkads.errors import SparkAdsError
from store import credentials
from workers.connections import connect_database, connect_tiktok
from workers.settings import Settings


class NothingToConnect(SparkAdsError):
    """The token works, and is no admin of any Business Center."""


async def connect_token(settings: Settings, token: SecretStr) -> list[tuple[str, str]]:
    """
    Keep an access token for every Business Center that its user is an admin of; returns their ids and names.

    Raises:
        NothingToConnect: there is none.
        TikTokError: TikTok does not take the token, or does not answer.
        Unreachable: Postgres does not answer.
    """
    async with await connect_database(settings) as db:
        async with connect_tiktok(settings, db) as tiktok:
            centers = await tiktok.client(token).business_centers.list()
        ours = [center for center in centers if center.user_role == "ADMIN"]
        if not ours:
            raise NothingToConnect(
                "the token's user is no admin of any Business Center: ask to be made one, then authorize the app again"
            )
        for center in ours:
            await credentials.put(db, center.bc_id, center.name, token)
    return [(center.bc_id, center.name) for center in ours]


async def connect_app(settings: Settings, *, auth_code: SecretStr | None, token: SecretStr | None) -> int:
    """Exchange an auth code, or take a token as it is, and say what was connected; returns the exit code."""
    if token is None and auth_code is not None:
        if settings.tiktok_app_id is None or settings.tiktok_app_secret is None:
            raise NothingToConnect("an auth code needs SPARKADS_TIKTOK_APP_ID and SPARKADS_TIKTOK_APP_SECRET")
        # The code can be used once: what is needed to keep the token has to be there first.
        async with await connect_database(settings) as db, connect_tiktok(settings, db) as tiktok:
            answer = await tiktok.oauth.exchange(settings.tiktok_app_id, settings.tiktok_app_secret, auth_code)
        token = answer.access_token
    if token is None:
        raise NothingToConnect("give a token or an auth code")
    console = Console()
    for bc_id, name in await connect_token(settings, token):
        console.print(f"connected [bold]{name}[/bold] ({bc_id})")
    return 0
