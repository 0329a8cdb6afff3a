"""Receiving files: streamed from a multipart body or fetched from a URL into a temporary file, never into memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile, _TemporaryFileWrapper
from typing import Final

from aiohttp import BodyPartReader, ClientError, ClientSession, ClientTimeout, web
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from simulator.entities import AdAccount
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Id
from simulator.media import Facts

CHUNK: Final = 256 * 1024
LONGEST_FIELD: Final = 64 * 1024
FETCH_SECONDS: Final = 60.0
LONGEST_NAME: Final = 100
"""Characters of a file's name."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest size of a file, in bytes, and the code that refuses a larger one."""

    largest: int
    code: int = 40002


VIDEO_LIMIT: Final = Limit(500 * 1024**2)


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


class UploadForm(BaseModel):
    """Fields of an upload besides the file. Multipart carries text only, so values are read leniently."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    advertiser_id: Id
    file_name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)


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


def signed_file(form: Form, file_field: str, signature_field: str, signature: str | None) -> Spool:
    """The file of a form, whose MD5 was sent along.

    Raises:
        ApiError: 40002 when either is missing, 40900 when they do not match.
    """
    missing = [
        name for name, absent in ((file_field, form.spool is None), (signature_field, signature is None)) if absent
    ]
    if form.spool is None or signature is None:
        raise parameter_error(f"Missing required field(s): {', '.join(missing)}.")
    if form.spool.digest.hexdigest() != signature.lower():
        raise ApiError(40900, "The file signature does not match the file.")
    return form.spool


async def sent_file(advertiser: AdAccount, file_id: str | None) -> Spool:
    """A file that was sent in pieces before.

    Raises:
        ApiError: 40002 when there is none of this id.
    """
    if file_id is None:
        raise parameter_error("Missing required field(s): file_id.")
    upload = next((one for one in advertiser.uploads.values() if one.file_id == file_id), None)
    if upload is None:
        raise parameter_error(f"Invalid value of 'file_id': the file {file_id} does not exist or has expired")
    spool = Spool(upload.file, VIDEO_LIMIT, name=upload.name, size=upload.size)
    spool.digest = await asyncio.to_thread(_md5, spool.path)
    return spool


def _md5(path: Path) -> "hashlib._Hash":
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))


async def look(probe: Callable[[Path], Facts | None], spool: Spool) -> Facts | None:
    """What a file says of itself; reading it takes a while."""
    return await asyncio.to_thread(probe, spool.path)
