"""Videos: uploaded, looked up, searched for, and the covers that are suggested for them."""

from typing import Any, Final, Literal

from aiohttp import web
from pydantic import Field

from simulator.endpoints.file_names import check_name
from simulator.endpoints.paging import paged
from simulator.endpoints.receiving import (
    LONGEST_NAME,
    VIDEO_LIMIT,
    Spool,
    UploadForm,
    fetched,
    look,
    received,
    sent_file,
    signed_file,
)
from simulator.entities import AdAccount, Image, Video
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Filter, Id, Query, validated
from simulator.media import Facts, probe_video
from simulator.routes import Call, Data, Routes
from simulator.stamps import spaced, zulu

routes = Routes()

SMALLEST_SIDES: Final = (540, 960)
"""Shorter and longer side in pixels below which a video counts as LOW_RESOLUTION; a square one needs the shorter."""
RATIOS: Final = (9 / 16, 16 / 9, 1.0)
RATIO_TOLERANCE: Final = 0.02
COVER_URL_HOURS: Final = 6


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


@routes.upload("/file/video/ad/upload/")
async def video_upload(call: Call, request: web.Request) -> Data:
    """Take a video by file or URL. Each upload makes a new video, whatever its bytes; the answer is an array."""
    async with received(request, "video_file", VIDEO_LIMIT) as form:
        body = validated(VideoForm, form.values)
        advertiser = call.advertiser(body.advertiser_id)
        check_name(advertiser, "VIDEO", body.file_name)
        if body.upload_type == "UPLOAD_BY_VIDEO_ID":
            if body.video_id is None or body.video_id not in advertiser.videos:
                raise ApiError(40053, f"The video {body.video_id} is invalid.")
            return [_video(advertiser.videos[body.video_id], call.now)]
        if body.upload_type == "UPLOAD_BY_FILE_ID":
            return [await _keep_video(call, advertiser, body, await sent_file(advertiser, body.file_id))]
        if body.upload_type == "UPLOAD_BY_FILE":
            spool = signed_file(form, "video_file", "video_signature", body.video_signature)
            return [await _keep_video(call, advertiser, body, spool)]
    if body.video_url is None:
        raise parameter_error("Missing required field(s): video_url.")
    async with fetched(body.video_url, VIDEO_LIMIT) as spool:
        return [await _keep_video(call, advertiser, body, spool)]


async def _keep_video(call: Call, advertiser: AdAccount, body: VideoForm, spool: Spool) -> dict[str, Any]:
    facts = await look(probe_video, spool)
    if facts is None:
        raise parameter_error("Invalid value of 'video_file': the file is no video of a supported format")
    flaws = _flaws(facts) if body.flaw_detect else None
    if flaws and body.auto_fix_enabled:
        return {"fix_task_id": call.world.ids.short(), "flaw_types": flaws}
    if flaws:
        raise parameter_error(f"The video has flaws: {', '.join(flaws)}.")
    check_name(advertiser, "VIDEO", body.file_name)
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
