"""Receiving files: streamed from a multipart body or fetched from a URL into a temporary file, never into memory."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile, _TemporaryFileWrapper
from typing import Final

from aiohttp import BodyPartReader, ClientError, ClientSession, ClientTimeout, web
from pydantic_core import from_json

from simulator.envelope import ApiError, parameter_error

CHUNK: Final = 256 * 1024
LONGEST_FIELD: Final = 64 * 1024
FETCH_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest size of a file, in bytes, and the code that refuses a larger one."""

    largest: int
    code: int = 40002


def too_large(limit: Limit) -> ApiError:
    """The refusal of a larger file."""
    return ApiError(limit.code, f"The file is too large: at most {limit.largest // 1024**2} MB are allowed.")


@dataclass(slots=True)
class Spool:
    """A received file on disk with what was counted on the way."""

    file: "_TemporaryFileWrapper[bytes]"
    limit: "Limit"
    name: str = ""
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    @property
    def path(self) -> Path:
        """Where the bytes are."""
        return Path(self.file.name)

    def write(self, chunk: bytes) -> None:
        """Take a chunk.

        Raises:
            ApiError: when the file grows too large.
        """
        self.size += len(chunk)
        if self.size > self.limit.largest:
            raise too_large(self.limit)
        self.digest.update(chunk)
        self.file.write(chunk)

    def complete(self) -> None:
        """Make the bytes readable by path."""
        self.file.flush()


@dataclass(slots=True)
class Form:
    """Fields of an upload request, and its file if one came along."""

    values: dict[str, object]
    spool: Spool | None


@asynccontextmanager
async def received(request: web.Request, file_field: str, limit: Limit) -> AsyncIterator[Form]:
    """Read an upload request, JSON or multipart; the file is gone when the block ends.

    Raises:
        ApiError: 40002 when the body cannot be read.
    """
    with NamedTemporaryFile(prefix="upload-") as file:
        if request.content_type != "multipart/form-data":
            yield Form(await _json_values(request), None)
            return
        values: dict[str, object] = {}
        spool: Spool | None = None
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or part.name is None:
                    continue
                if part.name == file_field:
                    spool = Spool(file, limit, name=part.filename or "")
                    while chunk := await part.read_chunk(CHUNK):
                        spool.write(chunk)
                    spool.complete()
                elif part.filename is not None:
                    await part.release()
                else:
                    values[part.name] = await _text(part)
        except ValueError:
            raise parameter_error("The multipart body cannot be read.") from None
        yield Form(values, spool)


async def _text(part: BodyPartReader) -> str:
    raw = b""
    while chunk := await part.read_chunk(LONGEST_FIELD):
        raw += chunk
        if len(raw) > LONGEST_FIELD:
            raise parameter_error(f"Invalid value of '{part.name}': too long")
    return raw.decode()


async def _json_values(request: web.Request) -> dict[str, object]:
    try:
        values = from_json(await request.read() or b"{}")
    except ValueError:
        raise parameter_error("The body is not valid JSON.") from None
    if not isinstance(values, dict):
        raise parameter_error("The body must be a JSON object.")
    return values


@asynccontextmanager
async def fetched(url: str, limit: Limit) -> AsyncIterator[Spool]:
    """Fetch a file; it is gone when the block ends.

    Raises:
        ApiError: 40902 when the address does not deliver a file.
    """
    with NamedTemporaryFile(prefix="fetch-") as file:
        spool = Spool(file, limit, name=url.rpartition("/")[2].partition("?")[0])
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=FETCH_SECONDS)) as session,
                session.get(url) as response,
            ):
                if response.status >= web.HTTPBadRequest.status_code or response.content_type.startswith("text/"):
                    raise ApiError(40902, "Failed to fetch the file from the URL.")
                async for chunk in response.content.iter_chunked(CHUNK):
                    spool.write(chunk)
        except (ClientError, TimeoutError, ValueError):
            raise ApiError(40902, "Failed to fetch the file from the URL.") from None
        spool.complete()
        yield spool
