"""The entrance: one `TikTok` per process and developer app, one cheap `TikTokClient` per token."""

from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr

from tiktok.ad_accounts import AdAccounts
from tiktok.ads import Ads
from tiktok.business_centers import BusinessCenters
from tiktok.connection import Caller, Connection, Listener, Timeouts
from tiktok.files import Files
from tiktok.identities import Identities
from tiktok.limiter import Limiter
from tiktok.oauth import OAuth, TokenAccess

_TIMEOUTS: Final = Timeouts()


class TikTok:
    """TikTok's API for Business v1.3 as one developer app sees it: one HTTP session, one limiter, many tokens.

    ```python
    async with TikTok("https://business-api.tiktok.com", Limiter(BASIC, turns)) as tiktok:
        client = tiktok.client(token)
        for center in await client.business_centers.list():
            ...
    ```

    Attributes:
        oauth: Turns auth codes into tokens.

    Args:
        base_url: Scheme and host of the API, e.g. `tiktok.PRODUCTION`.
        limiter: Keeps the app's tier, together with all others that call for it. None: nobody is held up, which only
            a pretended TikTok bears.
        timeouts: How long to wait for TikTok.
        listener: Hears of every call.
    """

    def __init__(
        self,
        base_url: str,
        limiter: Limiter | None,
        timeouts: Timeouts = _TIMEOUTS,
        *,
        listener: Listener | None = None,
    ) -> None:
        self._connection = Connection(base_url, limiter=limiter, timeouts=timeouts, listener=listener)
        self.oauth = OAuth(Caller(self._connection, None))

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    def client(self, token: SecretStr, *, urgent: bool = True) -> "TikTokClient":
        """The API with the rights of one token; `urgent` if a person waits for what is called."""
        return TikTokClient(Caller(self._connection, token, urgent=urgent))

    def caller(self, token: SecretStr) -> Caller:
        """Calls with the rights of one token whose answers are seen as they are (workers/probe.py)."""
        return Caller(self._connection, token)


class TikTokClient:
    """The API with the rights of one token.

    Attributes:
        business_centers: Members, assets, links, and the URL that owners approve at.
        identities: TikTok accounts as ad accounts see them, and their posts.
        files: Videos, covers and images.
        ad_accounts: The state, currency and reach of ad accounts.
        ads: Campaigns, ad groups, ads and their review.
        oauth: What the token is good for.
    """

    def __init__(self, caller: Caller) -> None:
        self.business_centers = BusinessCenters(caller)
        self.identities = Identities(caller)
        self.files = Files(caller)
        self.ad_accounts = AdAccounts(caller)
        self.ads = Ads(caller)
        self.oauth = TokenAccess(caller)
