"""Creative material: videos, images, covers, file names."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from simulator.endpoints.paging import paged
from simulator.endpoints.receiving import Form, Limit, Spool, fetched, received, too_large
from simulator.entities import AdAccount, Image, Upload, Video
from simulator.envelope import ApiError, PascalCase, parameter_error
from simulator.fields import Body, Filter, Id, Query, validated
from simulator.media import Facts, probe_image, probe_video
from simulator.routes import Call, Data, Routes
from simulator.stamps import spaced, zulu

routes = Routes()

VIDEO_LIMIT: Final = Limit(500 * 1024**2)
IMAGE_LIMIT: Final = Limit(50 * 1024**2, 40907)
MOST_PIXELS: Final = 3_686_400
"""Width times height of an image: 1440 x 2560."""
IMAGE_FORMATS: Final = {"jpeg", "png"}
SLIDE_SIZES: Final = {(720, 1280), (640, 640), (1200, 628)}
"""Width and height of the slides of a carousel."""
LONGEST_NAME: Final = 100
SMALLEST_SIDES: Final = (540, 960)
"""Shorter and longer side in pixels below which a video counts as LOW_RESOLUTION; a square one needs the shorter."""
RATIOS: Final = (9 / 16, 16 / 9, 1.0)
RATIO_TOLERANCE: Final = 0.02
COVER_URL_HOURS: Final = 6
PIECE: Final = 20 * 1024**2
"""Bytes that are asked for at a time when a file is sent in pieces."""
FileType = Literal["VIDEO", "IMAGE"]


class UploadForm(BaseModel):
    """Fields of an upload besides the file. Multipart carries text only, so values are read leniently."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    advertiser_id: Id
    file_name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)


class VideoForm(UploadForm):
    """POST /file/video/ad/upload/."""

    upload_type: Literal["UPLOAD_BY_FILE", "UPLOAD_BY_URL", "UPLOAD_BY_FILE_ID", "UPLOAD_BY_VIDEO_ID"] = (
        "UPLOAD_BY_FILE"
    )
    video_signature: str | None = None
    video_url: str | None = None
    file_id: str | None = None
    video_id: str | None = None
    flaw_detect: bool = False
    auto_fix_enabled: bool = False


class ImageForm(UploadForm):
    """POST /file/image/ad/upload/."""

    upload_type: Literal["UPLOAD_BY_FILE", "UPLOAD_BY_URL", "UPLOAD_BY_FILE_ID"]
    image_signature: str | None = None
    image_url: str | None = None
    file_id: str | None = None


@routes.upload("/file/video/ad/upload/")
async def video_upload(call: Call, request: web.Request) -> Data:
    """Take a video by file or URL. Each upload makes a new video, whatever its bytes; the answer is an array."""
    async with received(request, "video_file", VIDEO_LIMIT) as form:
        body = validated(VideoForm, form.values)
        advertiser = call.advertiser(body.advertiser_id)
        _check_name(advertiser, "VIDEO", body.file_name)
        if body.upload_type == "UPLOAD_BY_VIDEO_ID":
            if body.video_id is None or body.video_id not in advertiser.videos:
                raise ApiError(40053, f"The video {body.video_id} is invalid.")
            return [_video(advertiser.videos[body.video_id], call.now)]
        if body.upload_type == "UPLOAD_BY_FILE_ID":
            return [await _keep_video(call, advertiser, body, await _sent_file(advertiser, body.file_id))]
        if body.upload_type == "UPLOAD_BY_FILE":
            spool = _signed_file(form, "video_file", "video_signature", body.video_signature)
            return [await _keep_video(call, advertiser, body, spool)]
    if body.video_url is None:
        raise parameter_error("Missing required field(s): video_url.")
    async with fetched(body.video_url, VIDEO_LIMIT) as spool:
        return [await _keep_video(call, advertiser, body, spool)]


def _signed_file(form: Form, file_field: str, signature_field: str, signature: str | None) -> Spool:
    missing = [
        name for name, absent in ((file_field, form.spool is None), (signature_field, signature is None)) if absent
    ]
    if form.spool is None or signature is None:
        raise parameter_error(f"Missing required field(s): {', '.join(missing)}.")
    if form.spool.digest.hexdigest() != signature.lower():
        raise ApiError(40900, "The file signature does not match the file.")
    return form.spool


async def _sent_file(advertiser: AdAccount, file_id: str | None) -> Spool:
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


class StartUpload(Body):
    """POST /file/start/upload/."""

    advertiser_id: Id
    size: int = Field(ge=1)
    content_type: Literal["image", "video", "music"]
    name: str = Field(default="file", min_length=1, max_length=LONGEST_NAME)


@routes.post("/file/start/upload/", StartUpload)
def start_upload(call: Call, body: StartUpload) -> Data:
    """Begin to send a file in pieces; says which bytes come first."""
    advertiser = call.advertiser(body.advertiser_id)
    if body.size > VIDEO_LIMIT.largest:
        raise too_large(VIDEO_LIMIT)
    upload = Upload(name=body.name, size=body.size, file=NamedTemporaryFile(prefix="pieces-"))  # noqa: SIM115 - kept
    upload_id = call.world.ids.short()
    advertiser.uploads[upload_id] = upload
    piece = _next_piece(upload)
    if call.world.config.upload_start_case == "pascal":
        return PascalCase(
            {"UploadId": upload_id, "StartOffset": piece["start_offset"], "EndOffset": piece["end_offset"]}
        )
    return {"upload_id": upload_id, **piece}


def _next_piece(upload: Upload) -> dict[str, int]:
    return {"start_offset": upload.received, "end_offset": min(upload.size, upload.received + PIECE)}


def _upload(advertiser: AdAccount, upload_id: str) -> Upload:
    upload = advertiser.uploads.get(upload_id)
    if upload is None:
        raise parameter_error(f"Invalid value of 'upload_id': the upload {upload_id} does not exist or has expired")
    return upload


class PieceForm(BaseModel):
    """Fields of POST /file/transfer/upload/ besides the piece."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    advertiser_id: Id
    upload_id: str
    signature: str
    start_offset: int = Field(ge=0)


@routes.upload("/file/transfer/upload/")
async def transfer_upload(call: Call, request: web.Request) -> Data:
    """Take the next piece of a file; says which bytes come after it, none if it was the last."""
    async with received(request, "file", Limit(PIECE)) as form:
        body = validated(PieceForm, form.values)
        upload = _upload(call.advertiser(body.advertiser_id), body.upload_id)
        piece = _signed_file(form, "file", "signature", body.signature)
        wanted = _next_piece(upload)
        if (body.start_offset, body.start_offset + piece.size) != (wanted["start_offset"], wanted["end_offset"]):
            raise parameter_error(
                f"Invalid value of 'start_offset': bytes {upload.received} to {wanted['end_offset']} are next"
            )
        upload.file.write(await asyncio.to_thread(piece.path.read_bytes))
        upload.file.flush()
        upload.received += piece.size
        return _next_piece(upload)


class FinishUpload(Body):
    """POST /file/finish/upload/."""

    advertiser_id: Id
    upload_id: Id


@routes.post("/file/finish/upload/", FinishUpload)
def finish_upload(call: Call, body: FinishUpload) -> Data:
    """End an upload in pieces. The file can be used by its id for a day; here as long as the simulator runs."""
    upload = _upload(call.advertiser(body.advertiser_id), body.upload_id)
    if upload.received < upload.size:
        raise parameter_error(f"The upload is not complete: {upload.received} of {upload.size} bytes were sent.")
    upload.file_id = upload.file_id or call.world.ids.short()
    return {"file_id": upload.file_id, "size": upload.size, "file_name": upload.name}


def _check_name(advertiser: AdAccount, kind: FileType, name: str | None) -> None:
    if name is not None and (kind, name) in advertiser.file_names:
        raise ApiError(40911, "Duplicated material name. Please use another file name.")


async def _look(probe: Callable[[Path], Facts | None], spool: Spool) -> Facts | None:
    return await asyncio.to_thread(probe, spool.path)


async def _keep_video(call: Call, advertiser: AdAccount, body: VideoForm, spool: Spool) -> dict[str, Any]:
    facts = await _look(probe_video, spool)
    if facts is None:
        raise parameter_error("Invalid value of 'video_file': the file is no video of a supported format")
    flaws = _flaws(facts) if body.flaw_detect else None
    if flaws and body.auto_fix_enabled:
        return {"fix_task_id": call.world.ids.short(), "flaw_types": flaws}
    if flaws:
        raise parameter_error(f"The video has flaws: {', '.join(flaws)}.")
    _check_name(advertiser, "VIDEO", body.file_name)
    now = call.world.settle()
    material_id = call.world.ids.long("73")
    video = Video(
        video_id=f"v10033g50000{call.world.ids.short()}",
        material_id=material_id,
        file_name=body.file_name or f"{material_id}_{spool.name or 'video'}"[:LONGEST_NAME],
        signature=spool.digest.hexdigest(),
        size=spool.size,
        width=facts.width,
        height=facts.height,
        duration=facts.duration,
        bit_rate=facts.bit_rate,
        format=facts.format,
        flaw_types=flaws,
        created_at=now,
        ready_at=now + call.world.delays.transcode_seconds,
    )
    advertiser.videos[video.video_id] = video
    advertiser.file_names["VIDEO", video.file_name] = video.material_id
    return _video(video, now)


def _flaws(facts: Facts) -> list[str]:
    flaws = []
    shorter, longer = sorted((facts.width, facts.height))
    if shorter < SMALLEST_SIDES[0] or shorter < longer < SMALLEST_SIDES[1]:
        flaws.append("LOW_RESOLUTION")
    ratio = facts.width / facts.height
    if all(abs(ratio - good) > RATIO_TOLERANCE * good for good in RATIOS):
        flaws.append("ILLEGAL_VIDEO_SIZE")
    return flaws


def _video(video: Video, now: float) -> dict[str, Any]:
    return {
        "video_id": video.video_id,
        "material_id": video.material_id,
        "file_name": video.file_name,
        "signature": video.signature,
        "size": video.size,
        "width": video.width,
        "height": video.height,
        "duration": video.duration,
        "bit_rate": video.bit_rate,
        "format": video.format,
        "video_cover_url": "",
        "preview_url": "",
        "preview_url_expire_time": spaced(now + COVER_URL_HOURS * 3600),
        "allowed_placements": ["PLACEMENT_TIKTOK", "PLACEMENT_PANGLE"],
        "displayable": now >= video.ready_at,
        "allow_download": True,
        "create_time": zulu(video.created_at),
        "modify_time": zulu(max(video.created_at, min(now, video.ready_at))),
        "fix_task_id": None,
        "flaw_types": video.flaw_types,
    }


@routes.upload("/file/image/ad/upload/")
async def image_upload(call: Call, request: web.Request) -> Data:
    """Take an image by file or URL; the answer is an object."""
    async with received(request, "image_file", IMAGE_LIMIT) as form:
        body = validated(ImageForm, form.values)
        advertiser = call.advertiser(body.advertiser_id)
        _check_name(advertiser, "IMAGE", body.file_name)
        if body.upload_type == "UPLOAD_BY_FILE_ID":
            return await _keep_image(call, advertiser, body, await _sent_file(advertiser, body.file_id))
        if body.upload_type == "UPLOAD_BY_FILE":
            spool = _signed_file(form, "image_file", "image_signature", body.image_signature)
            return await _keep_image(call, advertiser, body, spool)
    if body.image_url is None:
        raise parameter_error("Missing required field(s): image_url.")
    async with fetched(body.image_url, IMAGE_LIMIT) as spool:
        return await _keep_image(call, advertiser, body, spool)


async def _keep_image(call: Call, advertiser: AdAccount, body: ImageForm, spool: Spool) -> dict[str, Any]:
    facts = await _look(probe_image, spool)
    if facts is None:
        raise ApiError(40904, "The image is illegal.")
    if facts.format not in IMAGE_FORMATS:
        raise ApiError(40908, "The type of the image is not supported: it must be JPG, JPEG or PNG.")
    if facts.width * facts.height > MOST_PIXELS:
        raise ApiError(40915, f"The image has too many pixels: at most {MOST_PIXELS} are allowed.")
    _check_name(advertiser, "IMAGE", body.file_name)
    image = Image(
        image_id=f"ad-site-i18n/{call.world.ids.long('73')}",
        material_id=call.world.ids.long("73"),
        file_name=body.file_name or "",
        signature=spool.digest.hexdigest(),
        size=spool.size,
        width=facts.width,
        height=facts.height,
        format=facts.format,
        created_at=call.world.settle(),
    )
    image.file_name = image.file_name or f"{image.material_id}_{spool.name or 'image'}"[:LONGEST_NAME]
    advertiser.images[image.image_id] = image
    advertiser.file_names["IMAGE", image.file_name] = image.material_id
    return _image(call, image)


def _image(call: Call, image: Image) -> dict[str, Any]:
    details = {
        "is_carousel_usable": (image.width, image.height) in SLIDE_SIZES,
        "create_time": zulu(image.created_at),
        "modify_time": zulu(image.created_at),
    }
    complete = call.world.settle() >= image.created_at + call.world.delays.image_seconds
    return {
        "image_id": image.image_id,
        "material_id": image.material_id,
        "image_url": "",
        "file_name": image.file_name,
        "signature": image.signature,
        "size": image.size,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "displayable": True,
        **(details if complete else {}),
    }


class ImageInfo(Query):
    """GET /file/image/ad/info/: at most 100 ids."""

    advertiser_id: Id
    image_ids: list[Id] = Field(min_length=1, max_length=100)


@routes.get("/file/image/ad/info/", ImageInfo)
def image_info(call: Call, query: ImageInfo) -> Data:
    """Details of images; one that is not in the library refuses them all."""
    images = call.advertiser(query.advertiser_id).images
    for key in query.image_ids:
        if key not in images or not (images[key].file_name or call.world.config.covers_in_library):
            raise ApiError(40001, "Insufficient permissions")
    return {"list": [_image(call, images[key]) for key in query.image_ids]}


class ImageFilter(Filter):
    """Filtering of images."""

    image_ids: list[Id] | None = Field(default=None, max_length=100)
    material_ids: list[Id] | None = Field(default=None, max_length=100)
    width: int | None = None
    height: int | None = None
    displayable: bool | None = None


class ImageSearch(Query):
    """GET /file/image/ad/search/: 1 to 100 rows, 20 by default."""

    advertiser_id: Id
    filtering: ImageFilter = ImageFilter()
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=20, ge=1, le=100)


@routes.get("/file/image/ad/search/", ImageSearch)
def image_search(call: Call, query: ImageSearch) -> Data:
    """Uploaded images of an ad account, newest first."""
    wanted = query.filtering
    rows = [
        image
        for image in reversed(call.advertiser(query.advertiser_id).images.values())
        if image.file_name
        and (wanted.image_ids is None or image.image_id in wanted.image_ids)
        and (wanted.material_ids is None or image.material_id in wanted.material_ids)
        and wanted.width in {None, image.width}
        and wanted.height in {None, image.height}
        and wanted.displayable is not False
    ]
    return paged(rows, query.page, query.page_size, lambda image: _image(call, image))


class VideoInfo(Query):
    """GET /file/video/ad/info/: at most 60 ids."""

    advertiser_id: Id
    video_ids: list[Id] = Field(min_length=1, max_length=60)


@routes.get("/file/video/ad/info/", VideoInfo)
def video_info(call: Call, query: VideoInfo) -> Data:
    """Details of videos; unknown ids are left out silently."""
    videos = call.advertiser(query.advertiser_id).videos
    return {"list": [_video(videos[key], call.now) for key in query.video_ids if key in videos]}


class VideoFilter(Filter):
    """Filtering of videos."""

    video_ids: list[Id] | None = Field(default=None, max_length=100)
    material_ids: list[Id] | None = Field(default=None, max_length=20)
    video_name: str | None = None


class VideoSearch(Query):
    """GET /file/video/ad/search/: 1 to 100 rows, 20 by default."""

    advertiser_id: Id
    filtering: VideoFilter = VideoFilter()
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=20, ge=1, le=100)


@routes.get("/file/video/ad/search/", VideoSearch)
def video_search(call: Call, query: VideoSearch) -> Data:
    """Videos of an ad account, newest first.

    Without ids, content that was uploaded more than once is listed once, as its first upload, whatever the name or the
    material that was asked for.
    """
    advertiser = call.advertiser(query.advertiser_id)
    wanted = query.filtering
    rows = [
        video
        for video in reversed(advertiser.videos.values())
        if (wanted.video_ids is None or video.video_id in wanted.video_ids)
        and (wanted.material_ids is None or video.material_id in wanted.material_ids)
        and (wanted.video_name is None or wanted.video_name.casefold() in video.file_name.casefold())
    ]
    if wanted.video_ids is None:
        first: dict[str, Video] = {}
        for video in advertiser.videos.values():
            first.setdefault(video.signature, video)
        rows = [first[key] for key in dict.fromkeys(video.signature for video in rows)]
    return paged(rows, query.page, query.page_size, lambda video: _video(video, call.now))


class SuggestCover(Query):
    """GET /file/video/suggestcover/."""

    advertiser_id: Id
    video_id: Id
    poster_number: int = Field(default=10, ge=1, le=10)


@routes.get("/file/video/suggestcover/", SuggestCover)
def suggest_cover(call: Call, query: SuggestCover) -> Data:
    """Covers of a video; each id can be used as an image id of the same ad account."""
    advertiser = call.advertiser(query.advertiser_id)
    video = advertiser.videos.get(query.video_id)
    if video is None:
        raise ApiError(40053, f"The video {query.video_id} is invalid.")
    if call.now < video.ready_at:
        early = call.world.config.early_covers
        if early == "empty":
            return {"list": []}
        raise ApiError(early, "Insufficient permissions for some videos")
    covers = []
    for number, (width, height) in enumerate(_cover_sizes(call, video, query.poster_number)):
        image_id = f"tos-cover/{video.video_id}/{number}"
        advertiser.images[image_id] = Image(
            image_id=image_id,
            material_id=video.material_id,
            file_name="",
            signature="",
            size=0,
            width=width,
            height=height,
            format="jpeg",
            created_at=call.now,
        )
        covers.append({"id": image_id, "url": "", "width": width, "height": height})
    return {"list": covers}


def _cover_sizes(call: Call, video: Video, number: int) -> list[tuple[int, int]]:
    """Width and height of each cover that is suggested."""
    fitting, other = (video.width, video.height), (video.height, video.width)
    if video.width == video.height:
        other = (video.width, video.height * 2)
    match call.world.config.suggested_covers:
        case "all":
            return [fitting] * number
        case "other_first":
            return [other] * (number // 2) + [fitting] * (number - number // 2)
        case "fewer":
            return [fitting]
        case "none":
            return []


class FileName(Filter):
    """One name to look up."""

    file_name: str = Field(min_length=1, max_length=LONGEST_NAME)
    file_type: FileType


class NameCheck(Query):
    """GET /file/name/check/: one name, or up to 20 in `files`."""

    advertiser_id: Id
    file_name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    file_type: FileType | None = None
    files: list[FileName] | None = Field(default=None, min_length=1, max_length=20)


@routes.get("/file/name/check/", NameCheck)
def name_check(call: Call, query: NameCheck) -> Data:
    """Whether names are taken, and by which material."""
    names = call.advertiser(query.advertiser_id).file_names

    def check(name: str, kind: FileType) -> dict[str, Any]:
        material_id = names.get((kind, name))
        found = {"duplicate": material_id is not None}
        return found if material_id is None else {**found, "duplicate_material_id": material_id}

    if query.files is not None:
        return {
            "batch_results": [
                {"file_name": one.file_name, "file_type": one.file_type, **check(one.file_name, one.file_type)}
                for one in query.files
            ]
        }
    if query.file_name is None or query.file_type is None:
        raise parameter_error("Missing required field(s): file_name, file_type.")
    return check(query.file_name, query.file_type)
