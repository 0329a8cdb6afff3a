"""Videos and images of an ad account.

Every upload makes a new id, and none is recognised by its content. What makes one repeatable is its name: names are
unique per ad account, so a name made from the content finds again what an upload of unknown outcome left. A search may
show it under another name: of several videos of one content TikTok lists one (file/video/ad/search).
"""

import asyncio
import hashlib
import io
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

import aiohttp
from pydantic import AliasChoices, Field

from tiktok.connection import Answer, Call, Caller, Rows, chunks
from tiktok.errors import InvalidRequest, NotReady
from tiktok.wire import MaybeTime, Received

VIDEO_INFO: Final = 60
SEARCH_PAGE: Final = 100
COVERS: Final = 10

LARGE_FILE: Final = 64 * 1024**2
"""Bytes above which a video is sent in pieces, as TikTok asks for: one lost connection then costs one piece."""


class FileType(StrEnum):
    """Kinds of files whose names are told apart."""

    VIDEO = "VIDEO"
    IMAGE = "IMAGE"


class Video(Received):
    """A video of an ad account.

    `duration` is in seconds, `size` in bytes, `signature` the MD5 in hex. Cover and preview URLs live for 6 hours.
    """

    video_id: str
    material_id: str = ""
    file_name: str = ""
    signature: str = ""
    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    bit_rate: float | None = None
    format: str = ""
    video_cover_url: str | None = None
    preview_url: str | None = None
    preview_url_expire_time: MaybeTime = None
    displayable: bool | None = None
    create_time: MaybeTime = None
    modify_time: MaybeTime = None


class Cover(Received):
    """A frame that TikTok proposes as cover. Its `id` can be used as an image id; the URL lives for an hour."""

    id: str
    url: str = ""
    width: int | None = None
    height: int | None = None


class Image(Received):
    """An image of an ad account. `size` is in bytes, `signature` the MD5 in hex."""

    image_id: str
    material_id: str = ""
    file_name: str = ""
    signature: str = ""
    size: int | None = None
    width: int | None = None
    height: int | None = None
    format: str = ""
    image_url: str | None = None
    displayable: bool | None = None
    create_time: MaybeTime = None
    modify_time: MaybeTime = None


class _NameCheck(Received):
    # Required: a name of which nothing is said is not free.
    duplicate: bool
    duplicate_material_id: str | None = None


# TikTok's page of file/start/upload shows its answer in PascalCase, and its table and the other pages do not.
class _Started(Received):
    upload_id: str = Field(validation_alias=AliasChoices("upload_id", "UploadId"))


class _Piece(Received):
    """The bytes that TikTok wants next: from `start_offset` to before `end_offset`; none if they are the same."""

    start_offset: int = Field(validation_alias=AliasChoices("start_offset", "StartOffset"))
    end_offset: int = Field(validation_alias=AliasChoices("end_offset", "EndOffset"))


class _Finished(Received):
    file_id: str = Field(validation_alias=AliasChoices("file_id", "FileId"))


class _Flawed(Received):
    flaw_types: tuple[str, ...] = ()


class Files:
    """Endpoints under `file/`.

    Uploads raise `DuplicateName` if the name is taken, `InvalidRequest` with code 40900 if the MD5 does not fit, and
    `UnknownOutcome` if the file may or may not have arrived: look for its name then.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def upload_video(self, advertiser_id: str, path: Path, *, md5: str, file_name: str) -> Video:
        """Upload a video, streamed from disk.

        TikTok is asked to refuse a video with flaws (resolution, ratio, length) rather than to take it. It may go on
        transcoding for a while; until then the video can't be used (`NotReady`).

        Args:
            advertiser_id: The ad account.
            path: An mp4, mov, mpeg or avi file of at most 500 MB, 9:16, 16:9 or 1:1.
            md5: MD5 of the file, in hex.
            file_name: 1 to 100 characters, unique in the ad account.

        Raises:
            OSError: The file can't be read.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        if size <= LARGE_FILE:
            return _only_video(await self._upload("video", advertiser_id, path, md5, file_name))
        body = {
            "advertiser_id": advertiser_id,
            "upload_type": "UPLOAD_BY_FILE_ID",
            "file_id": await self._send_in_pieces(advertiser_id, path, size, file_name),
            "file_name": file_name,
            "flaw_detect": True,
        }
        call = Call(verb="POST", path="file/video/ad/upload/", write=True, body=body, slow=True)
        return _only_video(await self._caller.call(call))

    async def _send_in_pieces(self, advertiser_id: str, path: Path, size: int, name: str) -> str:
        """Send a file piece by piece; returns the id by which it can be used for 24 hours."""
        body = {"advertiser_id": advertiser_id, "size": size, "content_type": "video", "name": name}
        # No write: what is sent is forgotten after a day unless a video is made of it, so all of it may be repeated.
        started = await self._caller.call(Call(verb="POST", path="file/start/upload/", write=False, body=body))
        upload = {"advertiser_id": advertiser_id, "upload_id": started.parse(_Started).upload_id}
        piece, done = started.parse(_Piece), 0
        file = await asyncio.to_thread(path.open, "rb")
        with file:
            while done < size:
                if piece.start_offset != done or not done < piece.end_offset <= size:
                    raise started.fault(f"asks for bytes {piece.start_offset} to {piece.end_offset} after {done}")
                done = piece.end_offset
                piece = await self._send_piece(upload, file, piece)
        finished = await self._caller.call(Call(verb="POST", path="file/finish/upload/", write=False, body=upload))
        return finished.parse(_Finished).file_id

    async def _send_piece(self, upload: dict[str, Any], file: BinaryIO, piece: _Piece) -> _Piece:
        data, signature = await asyncio.to_thread(_read_piece, file, piece)
        form = aiohttp.FormData()
        for name, value in upload.items():
            form.add_field(name, value)
        form.add_field("signature", signature)
        form.add_field("start_offset", str(piece.start_offset))
        form.add_field("file", io.BytesIO(data), filename="piece", content_type="application/octet-stream")
        call = Call(verb="POST", path="file/transfer/upload/", write=False, form=form, slow=True)
        return (await self._caller.call(call)).parse(_Piece)

    async def upload_video_by_url(self, advertiser_id: str, url: str, *, file_name: str) -> Video:
        """Have TikTok download a video.

        Args:
            advertiser_id: The ad account.
            url: Where TikTok can download it without a login; best below 10 MB.
            file_name: 1 to 100 characters, unique in the ad account.

        Raises:
            FetchFailed: TikTok could not download it.
        """
        body = {
            "advertiser_id": advertiser_id,
            "upload_type": "UPLOAD_BY_URL",
            "video_url": url,
            "file_name": file_name,
        }
        call = Call(verb="POST", path="file/video/ad/upload/", write=True, body=body, slow=True)
        return _only_video(await self._caller.call(call))

    async def video_info(self, advertiser_id: str, video_ids: Iterable[str]) -> Rows[Video]:
        """Several videos, 60 a call; TikTok leaves out ids that it can't use, which need not be deleted."""
        found: Rows[Video] = Rows()
        for ids in chunks(video_ids, VIDEO_INFO):
            answer = await self._caller.get("file/video/ad/info/", {"advertiser_id": advertiser_id, "video_ids": ids})
            found.add(answer.rows("list", Video))
        return found

    async def find_video(self, advertiser_id: str, file_name: str, md5: str | None = None) -> Video | None:
        """The video of exactly that name, or of that content under another name; None if there is none.

        Args:
            advertiser_id: The ad account.
            file_name: Its name.
            md5: MD5 of its content in hex, if it is known.
        """
        # Whether the server's filter compares exactly or by part is not documented.
        found = await self._video_among({"video_name": file_name}, advertiser_id, file_name, md5)
        if found is not None:
            return found
        known = await self._name(advertiser_id, file_name, FileType.VIDEO)
        if not known.duplicate or known.duplicate_material_id is None:
            return None
        material = known.duplicate_material_id
        return await self._video_among({"material_ids": [material]}, advertiser_id, file_name, md5, material)

    async def _video_among(
        self,
        filtering: dict[str, Any],
        advertiser_id: str,
        file_name: str,
        md5: str | None,
        material_id: str | None = None,
    ) -> Video | None:
        params = {"advertiser_id": advertiser_id, "filtering": filtering}
        async for page in self._caller.pages("file/video/ad/search/", params, Video, page_size=SEARCH_PAGE):
            for video in page:
                is_content = md5 is not None and video.signature.lower() == md5.lower()
                is_material = material_id is not None and video.material_id == material_id
                if video.file_name == file_name or is_content or is_material:
                    return video
        return None

    async def suggest_covers(self, advertiser_id: str, video_id: str) -> Rows[Cover]:
        """Up to 10 frames of a video to choose a cover from; TikTok has them half a minute to five after the upload.

        Raises:
            NotReady: The video is still transcoding.
        """
        path = "file/video/suggestcover/"
        params = {"advertiser_id": advertiser_id, "video_id": video_id, "poster_number": COVERS}
        answer = await self._caller.get(path, params)
        covers = answer.rows("list", Cover)
        if not covers and answer.data.get("list"):
            raise answer.fault("answer not understood: no cover in it can be read")
        if not covers:
            raise NotReady("no cover is proposed yet", path=path)
        return covers

    async def upload_image(self, advertiser_id: str, path: Path, *, md5: str, file_name: str) -> Image:
        """Upload an image, streamed from disk in pieces; arguments as of `upload_video`.

        Raises:
            OSError: The file can't be read.
        """
        return (await self._upload("image", advertiser_id, path, md5, file_name)).parse(Image)

    async def find_image(self, advertiser_id: str, file_name: str) -> Image | None:
        """The image of exactly that name, if there is one."""
        known = await self._name(advertiser_id, file_name, FileType.IMAGE)
        if not known.duplicate or known.duplicate_material_id is None:
            return None
        # Images can't be searched for by name, only by the material that the name belongs to.
        wanted = {"advertiser_id": advertiser_id, "filtering": {"material_ids": [known.duplicate_material_id]}}
        async for page in self._caller.pages("file/image/ad/search/", wanted, Image, page_size=SEARCH_PAGE):
            for image in page:
                if image.material_id == known.duplicate_material_id:
                    return image
        return None

    async def name_is_taken(self, advertiser_id: str, file_name: str, file_type: str) -> bool:
        """Whether the ad account has a file of that name and type (`FileType`)."""
        return (await self._name(advertiser_id, file_name, file_type)).duplicate

    async def _name(self, advertiser_id: str, file_name: str, file_type: str) -> _NameCheck:
        params = {"advertiser_id": advertiser_id, "file_name": file_name, "file_type": file_type}
        return (await self._caller.get("file/name/check/", params)).parse(_NameCheck)

    async def _upload(self, kind: str, advertiser_id: str, path: Path, md5: str, file_name: str) -> Answer:
        file = await asyncio.to_thread(path.open, "rb")
        with file:
            form = aiohttp.FormData()
            form.add_field("advertiser_id", advertiser_id)
            form.add_field("upload_type", "UPLOAD_BY_FILE")
            form.add_field("file_name", file_name)
            form.add_field(f"{kind}_signature", md5)
            if kind == "video":
                form.add_field("flaw_detect", "true")
            form.add_field(f"{kind}_file", file, filename=file_name, content_type="application/octet-stream")
            call = Call(verb="POST", path=f"file/{kind}/ad/upload/", write=True, form=form, slow=True)
            return await self._caller.call(call)


def _only_video(answer: Answer) -> Video:
    videos = answer.rows("list", Video)
    if videos:
        return videos[0]
    flaws = [flaw for one in answer.rows("list", _Flawed) for flaw in one.flaw_types]
    if flaws:
        raise InvalidRequest(f"the video has flaws: {', '.join(flaws)}", path=answer.call.path)
    raise answer.fault("answer not understood: no video in it")


def _read_piece(file: BinaryIO, piece: _Piece) -> tuple[bytes, str]:
    """The bytes, and their MD5 in hex."""
    file.seek(piece.start_offset)
    data = file.read(piece.end_offset - piece.start_offset)
    return data, hashlib.md5(data, usedforsecurity=False).hexdigest()
