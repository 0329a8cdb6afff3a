"""Files sent in pieces: begun, sent piece by piece, ended; then known by a `file_id`."""

import asyncio
from tempfile import NamedTemporaryFile
from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from simulator.endpoints.receiving import LONGEST_NAME, VIDEO_LIMIT, Limit, received, signed_file, too_large
from simulator.entities import AdAccount, Upload
from simulator.envelope import PascalCase, parameter_error
from simulator.fields import Body, Id, validated
from simulator.routes import Call, Data, Routes

routes = Routes()

PIECE: Final = 20 * 1024**2
"""Bytes that are asked for at a time."""


class StartUpload(Body):
    """POST /file/start/upload/."""

    advertiser_id: Id
    size: int = Field(ge=1)
    content_type: Literal["image", "video", "music"]
    name: str = Field(default="", max_length=LONGEST_NAME)


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
        piece = signed_file(form, "file", "signature", body.signature)
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
