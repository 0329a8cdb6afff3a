"""Images: uploaded, looked up, searched for."""

from typing import Any, Final, Literal

from aiohttp import web
from pydantic import Field

from simulator.endpoints.file_names import check_name
from simulator.endpoints.paging import paged
from simulator.endpoints.receiving import (
    LONGEST_NAME,
    Limit,
    Spool,
    UploadForm,
    fetched,
    look,
    received,
    sent_file,
    signed_file,
)
from simulator.entities import AdAccount, Image
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Filter, Id, Query, validated
from simulator.media import probe_image
from simulator.routes import Call, Data, Routes
from simulator.stamps import zulu

routes = Routes()

IMAGE_LIMIT: Final = Limit(50 * 1024**2, 40907)
MOST_PIXELS: Final = 3_686_400
"""Width times height of an image: 1440 x 2560."""
IMAGE_FORMATS: Final = {"jpeg", "png"}
SLIDE_SIZES: Final = {(720, 1280), (640, 640), (1200, 628)}
"""Width and height of the slides of a carousel."""


class ImageForm(UploadForm):
    """POST /file/image/ad/upload/."""

    upload_type: Literal["UPLOAD_BY_FILE", "UPLOAD_BY_URL", "UPLOAD_BY_FILE_ID"]
    image_signature: str | None = None
    image_url: str | None = None
    file_id: str | None = None


@routes.upload("/file/image/ad/upload/")
async def image_upload(call: Call, request: web.Request) -> Data:
    """Take an image by file or URL; the answer is an object."""
    async with received(request, "image_file", IMAGE_LIMIT) as form:
        body = validated(ImageForm, form.values)
        advertiser = call.advertiser(body.advertiser_id)
        check_name(advertiser, "IMAGE", body.file_name)
        if body.upload_type == "UPLOAD_BY_FILE_ID":
            return await _keep_image(call, advertiser, body, await sent_file(advertiser, body.file_id))
        if body.upload_type == "UPLOAD_BY_FILE":
            spool = signed_file(form, "image_file", "image_signature", body.image_signature)
            return await _keep_image(call, advertiser, body, spool)
    if body.image_url is None:
        raise parameter_error("Missing required field(s): image_url.")
    async with fetched(body.image_url, IMAGE_LIMIT) as spool:
        return await _keep_image(call, advertiser, body, spool)


async def _keep_image(call: Call, advertiser: AdAccount, body: ImageForm, spool: Spool) -> dict[str, Any]:
    facts = await look(probe_image, spool)
    if facts is None:
        raise ApiError(40904, "The image is illegal.")
    if facts.format not in IMAGE_FORMATS:
        raise ApiError(40908, "The type of the image is not supported: it must be JPG, JPEG or PNG.")
    if facts.width * facts.height > MOST_PIXELS:
        raise ApiError(40915, f"The image has too many pixels: at most {MOST_PIXELS} are allowed.")
    check_name(advertiser, "IMAGE", body.file_name)
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
