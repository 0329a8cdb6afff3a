"""
Files by content hash, through an object store.

Manifests and videos never travel in a Temporal payload: a client puts them here and sends the hash; a worker, which may
sit on another machine, reads and checks them. The store is a local folder by default (`file:///…`), or S3, GCS or
Azure by URL.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import ObjectStore, from_url

from sparkads.contracts.base import BlobRef
from sparkads.errors import SparkAdsError
from sparkads.web_files import WebFile, WebFileUnreadable, stream

_CHUNK = 8 * 1024 * 1024


class FileDamaged(SparkAdsError):
    """A file in the object store is missing, or is not what its name says."""


class Files:
    """The object store of one deployment; clients and workers must name the same one."""

    def __init__(self, url: str) -> None:
        """Open the store at `url`; a local folder is made if it is not there."""
        self.url = url
        if url.startswith("file://"):
            Path(url.removeprefix("file://")).mkdir(parents=True, exist_ok=True)
        self._store: ObjectStore = from_url(url)

    async def put(self, data: bytes, media_type: str = "application/octet-stream") -> BlobRef:
        """Store bytes under their hash; the same bytes are stored once."""
        ref = BlobRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)
        if not await self._has(ref):
            await obstore.put_async(self._store, ref.key, data)
        return ref

    async def put_file(self, path: Path, media_type: str = "application/octet-stream") -> BlobRef:
        """Store a file of any size under its hash; reads it in chunks."""
        ref = await asyncio.to_thread(_describe, path, media_type)
        if not await self._has(ref):
            await obstore.put_async(self._store, ref.key, path, chunk_size=_CHUNK)
        return ref

    async def put_web_file(
        self, file: WebFile, *, largest: int, media_type: str = "application/octet-stream"
    ) -> BlobRef:
        """
        Stream a file from its address into the store; it is hashed on the way and never held as a whole.

        Args:
            file: where it is.
            largest: bytes that it may have.
            media_type: what it is said to be.

        Raises:
            WebFileUnreadable: the address does not deliver it, or too much; says which, without its query.
        """
        incoming = f"incoming/{uuid4().hex}"
        digest, size = hashlib.sha256(), 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in stream(file, largest):
                digest.update(piece)
                size += len(piece)
                yield piece

        try:
            await obstore.put_async(
                self._store, incoming, counted(), use_multipart=True, chunk_size=_CHUNK, max_concurrency=2
            )
        except WebFileUnreadable as error:
            raise WebFileUnreadable(f"{file} {error}") from None
        ref = BlobRef(sha256=digest.hexdigest(), size=size, media_type=media_type)
        if await self._has(ref):
            await obstore.delete_async(self._store, incoming)
        else:
            await obstore.rename_async(self._store, incoming, ref.key)
        return ref

    async def get(self, ref: BlobRef) -> bytes:
        """
        Read a small file.

        Raises:
            FileDamaged: it is missing, or its content does not match its hash.
        """
        try:
            result = await obstore.get_async(self._store, ref.key)
        except (NotFoundError, FileNotFoundError) as error:
            raise FileDamaged(self._missing(ref)) from error
        data = bytes(await result.bytes_async())
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise FileDamaged(f"{ref.key} in {self.url} is not what its name says: put the file again")
        return data

    async def get_file(self, ref: BlobRef, path: Path) -> str:
        """
        Copy a file of any size to `path` and return its MD5 as hex, which TikTok asks for.

        Raises:
            FileDamaged: it is missing, or its content does not match its hash.
        """
        try:
            result = await obstore.get_async(self._store, ref.key)
        except (NotFoundError, FileNotFoundError) as error:
            raise FileDamaged(self._missing(ref)) from error
        sha256 = hashlib.sha256()
        md5 = hashlib.md5(usedforsecurity=False)
        with path.open("wb") as copy:
            async for chunk in result.stream(min_chunk_size=_CHUNK):
                sha256.update(chunk)
                md5.update(chunk)
                copy.write(chunk)
        if sha256.hexdigest() != ref.sha256:
            raise FileDamaged(f"{ref.key} in {self.url} is not what its name says: put the file again")
        return md5.hexdigest()

    async def _has(self, ref: BlobRef) -> bool:
        try:
            meta = await obstore.head_async(self._store, ref.key)
        except (NotFoundError, FileNotFoundError):
            return False
        return meta["size"] == ref.size

    def _missing(self, ref: BlobRef) -> str:
        return f"{ref.key} is not in {self.url}: client and workers must name the same SPARKADS_OBJECT_STORE"


def _describe(path: Path, media_type: str) -> BlobRef:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return BlobRef(sha256=digest.hexdigest(), size=path.stat().st_size, media_type=media_type)
