"""
Files behind an address, such as a link that a label's asset store has signed.

An address may hold a password or a signature, so no text that is made here shows more of it than scheme, host and path.
"""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import HTTPStore
from pydantic import Field, SecretStr

from sparkads.contracts.base import Contract
from sparkads.errors import SparkAdsError

LOOK_SECONDS = 20
"""How long a look at an address may take."""

DOWNLOAD_SECONDS = 2 * 60 * 60
"""How long a download may take: 500 MB at half a megabit per second."""

_CONNECT_SECONDS = 10
_CHUNK = 1024 * 1024
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_STATUS = re.compile(r"status code: ([1-5][0-9]{2})")
_WITHOUT_QUERY = re.compile(r"[?#].*|(?<=://)[^/@]*@", re.DOTALL)


class WebFileUnreadable(SparkAdsError):
    """An address does not deliver the file that it should."""


class WebFile(Contract):
    """A file behind an http(s) address."""

    url: SecretStr
    size: int | None = Field(default=None, description="bytes, as the server said when it was looked at")

    def __str__(self) -> str:
        """Scheme, host and path."""
        return shown(self.url.get_secret_value())


def is_address(text: str) -> bool:
    """Whether a cell holds an address, and not a path."""
    return bool(_ADDRESS.match(text))


def shown(address: str) -> str:
    """An address without user, password, query and fragment; works for what is no valid address, too."""
    return _WITHOUT_QUERY.sub("", address)


def web_file(address: str) -> WebFile:
    """
    The file behind an address.

    Raises:
        WebFileUnreadable: only https is taken, and http on this machine.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise WebFileUnreadable("is no valid address; write it in full") from None
    if not host or any(ord(letter) <= ord(" ") for letter in address):
        raise WebFileUnreadable("is no valid address; write it in full")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise WebFileUnreadable(f"is not taken by {parts.scheme}; write an https address")
    return WebFile(url=SecretStr(address))


def look(file: WebFile, largest: int) -> WebFile:
    """
    Ask for a file without downloading it, and say how large it is.

    Args:
        file: what to look at.
        largest: bytes that it may have.

    Raises:
        WebFileUnreadable: `problem; advice`, without the address.
    """
    try:
        answer = obstore.get(_store(file, LOOK_SECONDS), "")
    except (BaseError, OSError, ValueError) as error:
        raise _unreadable(error) from None
    return _checked(file, answer.meta["size"], answer.attributes, largest)


async def stream(file: WebFile, largest: int) -> AsyncIterator[bytes]:
    """
    Download a file, piece by piece.

    Raises:
        WebFileUnreadable: as of `look`; also if it breaks off, or is longer than was said.
    """
    size = 0
    try:
        answer = await obstore.get_async(_store(file, DOWNLOAD_SECONDS), "")
        _checked(file, answer.meta["size"], answer.attributes, largest)
        async for piece in answer.stream(min_chunk_size=_CHUNK):
            size += len(piece)
            if size > largest:
                raise _too_large(size, largest)
            yield bytes(piece)
    except (BaseError, OSError, ValueError) as error:
        raise _unreadable(error) from None


def _checked(file: WebFile, size: int, attributes: Mapping[str, str], largest: int) -> WebFile:
    media_type = str(attributes.get("Content-Type", "")).partition(";")[0]
    if media_type.lower().startswith("text/"):
        raise WebFileUnreadable(f"is {media_type}, a page and no file; write the address of the file")
    if size == 0:
        raise WebFileUnreadable("is an empty file; export it again")
    if size > largest:
        raise _too_large(size, largest)
    return file.model_copy(update={"size": size})


def _too_large(size: int, largest: int) -> WebFileUnreadable:
    return WebFileUnreadable(f"has {size / 1024**2:,.0f} MB; TikTok takes {largest // 1024**2} MB")


def _unreadable(error: Exception) -> WebFileUnreadable:
    # Not quoted: the texts of errors hold the whole address, and pages that servers answer with.
    status = _STATUS.search(str(error))
    if status is not None:
        return WebFileUnreadable(f"cannot be read: HTTP {status[1]}; see whether the address is right and still valid")
    if "MissingContentLength" in str(error):
        return WebFileUnreadable("does not say how long it is; its server must send Content-Length")
    return WebFileUnreadable("cannot be read: no complete answer; see whether its server can be reached from here")


def _store(file: WebFile, seconds: int) -> HTTPStore:
    address = file.url.get_secret_value()
    # Redirects are followed, and from https never to http.
    return HTTPStore(
        address,
        client_options={
            "allow_http": address.lower().startswith("http://"),
            "timeout": timedelta(seconds=seconds),
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=LOOK_SECONDS)},
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
