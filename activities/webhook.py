"""The webhook: one address that is told everything, by signed POSTs. Its address and secret stay out of every text."""

import hashlib
import hmac
from types import TracebackType
from typing import Final, Self

import aiohttp
from pydantic import SecretStr

from sparkads.contracts.notification import Notification

POST_SECONDS: Final = 10.0
"""For one POST, from the look-up of the name to the status line."""

_REDIRECTS: Final = range(300, 400)
_TAKEN: Final = range(200, 300)


class NotTaken(Exception):
    """The receiver did not take a notification; the text says why, without its address."""


class Webhook:
    """An async context: it holds connections to the receiver."""

    def __init__(self, url: SecretStr, secret: SecretStr | None) -> None:
        """`secret` is the key of the signature; None: not signed."""
        self._url = url
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=POST_SECONDS), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, notification: Notification) -> None:
        """
        Send one notification; it is taken if the answer's status is 2xx. Redirects are not followed.

        Raises:
            NotTaken: any other answer, or none within 10 seconds.
        """
        if self._session is None:
            raise RuntimeError("enter the Webhook before using it")
        body = notification.model_dump_json().encode()
        headers = {"Content-Type": "application/json", "X-Sparkads-Id": str(notification.id)}
        if self._secret is not None:
            key = self._secret.get_secret_value().encode()
            headers["X-Sparkads-Signature"] = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        try:
            async with self._session.post(
                self._url.get_secret_value(), data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except TimeoutError:
            raise NotTaken(f"no answer within {POST_SECONDS:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The error's own text names the address, and that may hold a token.
            raise NotTaken(f"not reached ({type(error).__name__})") from None
        if status in _REDIRECTS:
            raise NotTaken(f"HTTP {status}; redirects are not followed")
        if status not in _TAKEN:
            raise NotTaken(f"HTTP {status}")
