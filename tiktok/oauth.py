"""Getting a token, and what it is good for."""

from pydantic import SecretStr

from tiktok.connection import Call, Caller, Rows
from tiktok.wire import Received


class Token(Received):
    """A long-term token: it lasts until the app or the user revokes it.

    `scope` holds what was granted, which may be less than what was asked; no `advertiser_ids` is a legal answer.
    """

    access_token: SecretStr
    advertiser_ids: tuple[str, ...] = ()
    scope: tuple[int, ...] = ()


class AuthorizedAdvertiser(Received):
    """An ad account that the user gave the app access to."""

    advertiser_id: str
    advertiser_name: str = ""


class OAuth:
    """Endpoints under `oauth2/` that need no token."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def exchange(self, app_id: str, secret: SecretStr, auth_code: SecretStr) -> Token:
        """Turn the auth code that TikTok's authorization page redirected with into a token.

        The code lives for an hour and works once; after an `UnknownOutcome` it may be spent.

        Raises:
            AuthError: The code is used, expired or cancelled, or app and secret do not fit.
        """
        body = {
            "app_id": app_id,
            "secret": secret.get_secret_value(),
            "auth_code": auth_code.get_secret_value(),
        }
        secrets = (secret, auth_code)
        call = Call(verb="POST", path="oauth2/access_token/", write=True, body=body, secrets=secrets)
        answer = await self._caller.call(call)
        return answer.parse(Token)


class TokenAccess:
    """Endpoints under `oauth2/` that tell what a token is good for."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def advertisers(self, app_id: str, secret: SecretStr) -> Rows[AuthorizedAdvertiser]:
        """All ad accounts that the token opens."""
        params = {"app_id": app_id, "secret": secret.get_secret_value()}
        call = Call(verb="GET", path="oauth2/advertiser/get/", write=False, params=params, secrets=(secret,))
        answer = await self._caller.call(call)
        return answer.rows("list", AuthorizedAdvertiser)
