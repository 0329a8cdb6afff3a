"""Uploads with real media bytes."""

import re

import pytest
from aiohttp import ClientSession, web
from simulator_api import ADVERTISER, Answer, Api, mp4, png, pull, push, signature

VIDEO = "/file/video/ad/upload/"
IMAGE = "/file/image/ad/upload/"


def video_form(**fields: str) -> dict[str, str]:
    return {
        "advertiser_id": ADVERTISER,
        "upload_type": "UPLOAD_BY_FILE",
        "video_signature": signature(mp4()),
        "file_name": "clip.mp4",
        **fields,
    }


async def test_a_video_is_measured_and_answered_in_an_array(api: Api) -> None:
    answer = await api.upload(VIDEO, video_form(), "video_file", mp4())
    (video,) = answer.data
    assert (video["width"], video["height"], video["duration"], video["format"]) == (720, 1280, 1.0, "mp4")
    assert (video["size"], video["signature"]) == (len(mp4()), signature(mp4()))
    assert (video["flaw_types"], video["fix_task_id"], video["displayable"]) == (None, None, True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", video["preview_url_expire_time"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", video["create_time"])
    known = await api.get("/file/video/ad/info/", advertiser_id=ADVERTISER, video_ids=[video["video_id"], "gone"])
    assert [one["video_id"] for one in known.data["list"]] == [video["video_id"]]


async def test_every_upload_is_a_new_video_but_names_are_unique(api: Api) -> None:
    first = await api.upload(VIDEO, video_form(), "video_file", mp4())
    taken = await api.upload(VIDEO, video_form(), "video_file", mp4())
    assert taken.code == 40911
    second = await api.upload(VIDEO, video_form(file_name="again.mp4"), "video_file", mp4())
    assert first.data[0]["video_id"] != second.data[0]["video_id"]
    check = await api.get("/file/name/check/", advertiser_id=ADVERTISER, file_name="clip.mp4", file_type="VIDEO")
    assert check.data == {"duplicate": True, "duplicate_material_id": first.data[0]["material_id"]}
    files = [{"file_name": name, "file_type": "VIDEO"} for name in ("again.mp4", "free.mp4")]
    checks = await api.get("/file/name/check/", advertiser_id=ADVERTISER, files=files)
    assert [one["duplicate"] for one in checks.data["batch_results"]] == [True, False]


async def test_a_search_lists_the_same_content_once_under_its_first_name(api: Api) -> None:
    first = (await api.upload(VIDEO, video_form(), "video_file", mp4())).data[0]
    second = (await api.upload(VIDEO, video_form(file_name="again.mp4"), "video_file", mp4())).data[0]
    other = mp4(1280, 720)
    form = video_form(file_name="other.mp4", video_signature=signature(other))
    third = (await api.upload(VIDEO, form, "video_file", other)).data[0]

    async def found(**filtering: object) -> list[str]:
        answer = await api.get("/file/video/ad/search/", advertiser_id=ADVERTISER, filtering=filtering)
        return [one["video_id"] for one in answer.data["list"]]

    assert await found() == [third["video_id"], first["video_id"]]
    assert await found(video_name="AGAIN") == [first["video_id"]]
    assert await found(material_ids=[second["material_id"]]) == [first["video_id"]]
    assert await found(video_ids=[second["video_id"]]) == [second["video_id"]]
    assert await found(video_name="nothing") == []


async def test_what_is_refused(api: Api) -> None:
    wrong = await api.upload(VIDEO, video_form(video_signature="0" * 32), "video_file", mp4())
    assert wrong.code == 40900
    missing = await api.upload(VIDEO, video_form(), "other", mp4())
    assert missing.message == "Missing required field(s): video_file."
    text = b"no video at all" * 100
    assert (await api.upload(VIDEO, video_form(video_signature=signature(text)), "video_file", text)).code == 40002
    small = mp4(360, 360)
    form = video_form(video_signature=signature(small), flaw_detect="true")
    flawed = await api.upload(VIDEO, form, "video_file", small)
    assert flawed.message == "The video has flaws: LOW_RESOLUTION."
    assert (await api.upload(VIDEO, video_form(upload_type="UPLOAD_BY_VIDEO_ID"))).code == 40053
    form["auto_fix_enabled"] = "true"
    (fix,) = (await api.upload(VIDEO, form, "video_file", small)).data
    assert (fix["flaw_types"], "video_id" in fix) == (["LOW_RESOLUTION"], False)
    assert (await api.upload(VIDEO, video_form(advertiser_id="1"), "video_file", mp4())).code == 40001
    assert (await api.state())["videos"] == []


async def test_a_file_is_sent_in_pieces(api: Api) -> None:
    content = mp4() + bytes(21 * 1024**2)
    start = {"advertiser_id": ADVERTISER, "size": len(content), "content_type": "video", "name": "long.mp4"}
    started = (await api.post("/file/start/upload/", **start)).data
    assert (started["start_offset"], started["end_offset"]) == (0, 20 * 1024**2)
    upload = {"advertiser_id": ADVERTISER, "upload_id": started["upload_id"]}
    assert "not complete" in (await api.post("/file/finish/upload/", **upload)).message

    async def send(start: int, end: int, **more: str) -> Answer:
        piece = content[start:end]
        form = {**upload, "start_offset": str(start), "signature": signature(piece), **more}
        return await api.upload("/file/transfer/upload/", form, "file", piece)

    assert (await send(0, 20 * 1024**2, signature="0" * 32)).code == 40900
    assert "are next" in (await send(5, 10)).message
    following = (await send(0, 20 * 1024**2)).data
    assert following == {"start_offset": 20 * 1024**2, "end_offset": len(content)}
    last = (await send(following["start_offset"], following["end_offset"])).data
    assert last["start_offset"] == last["end_offset"]
    file_id = (await api.post("/file/finish/upload/", **upload)).data["file_id"]

    by_id = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_FILE_ID", "file_name": "long.mp4"}
    (video,) = (await api.post(VIDEO, **by_id, file_id=file_id)).data
    assert (video["size"], video["signature"]) == (len(content), signature(content))
    assert (await api.post(VIDEO, **by_id, file_id=file_id)).code == 40911
    by_id["file_name"] = "other.mp4"
    assert "does not exist" in (await api.post(VIDEO, **by_id, file_id="1")).message
    assert (await api.post(VIDEO, **by_id)).message == "Missing required field(s): file_id."
    too_large = start | {"size": 500 * 1024**2 + 1}
    assert "too large" in (await api.post("/file/start/upload/", **too_large)).message
    assert "does not exist" in (await api.post("/file/finish/upload/", **upload | {"upload_id": "1"})).message


async def test_images_are_searched_for_by_material(api: Api) -> None:
    form = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_FILE", "image_signature": signature(png())}
    image = (await api.upload(IMAGE, form | {"file_name": "a.png"}, "image_file", png())).data
    await api.upload(IMAGE, form | {"file_name": "b.png"}, "image_file", png())
    found = await api.get(
        "/file/image/ad/search/", advertiser_id=ADVERTISER, filtering={"material_ids": [image["material_id"]]}
    )
    assert found.data["list"] == [image]
    everything = await api.get("/file/image/ad/search/", advertiser_id=ADVERTISER)
    assert [one["file_name"] for one in everything.data["list"]] == ["b.png", "a.png"]


async def test_upload_by_url(api: Api) -> None:
    async def video(_: web.Request) -> web.Response:
        return web.Response(body=mp4(), content_type="video/mp4")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/clip.mp4", video), web.get("/page", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    body = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_URL"}
    try:
        fetched = await api.post(VIDEO, **body, video_url=f"{base}/clip.mp4")
        assert fetched.data[0]["signature"] == signature(mp4())
        for bad in (f"{base}/missing", f"{base}/page", "nonsense"):
            assert (await api.post(VIDEO, **body, video_url=bad)).code == 40902
    finally:
        await runner.cleanup()
    assert (await api.post(VIDEO, **body, video_url=f"{base}/clip.mp4")).code == 40902
    assert (await api.post(VIDEO, **body)).message == "Missing required field(s): video_url."


async def test_a_file_beyond_the_limit_is_refused_while_it_streams(api: Api) -> None:
    limit = 50 * 1024**2

    async def endless() -> object:
        while True:
            yield b"\0" * 1024**2

    boundary = "frontier"

    async def body() -> object:
        yield (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image_file"; filename="huge.png"\r\n\r\n'
        ).encode()
        sent = 0
        async for chunk in endless():
            yield chunk
            sent += len(chunk)
            if sent > limit + 1024**2:
                break
        yield f"\r\n--{boundary}--\r\n".encode()

    headers = {**api.headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    async with (
        ClientSession() as session,
        session.post(f"{api.url}/open_api/v1.3{IMAGE}", data=body(), headers=headers) as response,
    ):
        answer = await response.json()
    assert answer["code"] == 40907
    assert answer["message"] == "The file is too large: at most 50 MB are allowed."


async def test_transcoding_holds_a_video_back(api: Api) -> None:
    await api.control("/clock", transcode_seconds=1)
    identity = await api.linked()
    group = await api.adgroup()
    video_id = await api.video()
    covers = {"advertiser_id": ADVERTISER, "video_id": video_id, "poster_number": 3}
    early = await api.get("/file/video/suggestcover/", **covers)
    assert (early.code, early.message) == (40001, "Insufficient permissions for some videos")
    await api.control("/config", early_covers=40002)
    assert (await api.get("/file/video/suggestcover/", **covers)).code == 40002
    await api.control("/config", early_covers="empty")
    assert (await api.get("/file/video/suggestcover/", **covers)).data["list"] == []
    media = {"video_id": video_id, "image_ids": ["any"], "ad_format": "SINGLE_VIDEO"}
    assert (await api.create(group, push(identity, media))).code == 40901
    await api.until(lambda state: state["videos"][0]["ready_at"] <= state["now"])
    ready = await api.get("/file/video/suggestcover/", **covers)
    assert [(one["width"], one["height"]) for one in ready.data["list"]] == [(720, 1280)] * 3
    media["image_ids"] = [ready.data["list"][0]["id"]]
    assert (await api.create(group, push(identity, media))).code == 0


async def test_images_are_answered_as_an_object(api: Api) -> None:
    form = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_FILE", "image_signature": signature(png())}
    answer = await api.upload(IMAGE, form, "image_file", png())
    assert (answer.data["width"], answer.data["height"], answer.data["format"]) == (720, 1280, "png")
    form["image_signature"] = signature(b"text")
    assert (await api.upload(IMAGE, form, "image_file", b"text")).code == 40904


async def test_covers_and_slides_have_their_sizes(api: Api) -> None:
    async def image(width: int, height: int) -> str:
        content = png(width, height)
        form = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_FILE", "image_signature": signature(content)}
        answer = await api.upload(IMAGE, form, "image_file", content)
        return str(answer.data["image_id"])

    identity = await api.linked()
    group = await api.adgroup()
    video_id = await api.video()
    square, tall, odd = await image(640, 640), await image(1080, 1920), await image(600, 600)
    video = {"ad_format": "SINGLE_VIDEO", "video_id": video_id}
    refused = await api.create(group, push(identity, {**video, "image_ids": [square]}))
    assert (refused.code, refused.message) == (40002, "Unsupported image size")
    assert (await api.create(group, push(identity, {**video, "image_ids": [tall]}))).code == 0
    slides = {"ad_format": "CAROUSEL_ADS"}
    refused = await api.create(group, push(identity, {**slides, "image_ids": [square, odd]}))
    assert "image size is not supported" in refused.message
    assert (await api.create(group, push(identity, {**slides, "image_ids": [square, square]}))).code == 0
    pulled = pull(identity, "7500000000000000003", ad_format="CAROUSEL_ADS")
    assert (await api.create(group, pulled)).code == 0


async def upload_image(api: Api, content: bytes, **fields: str) -> Answer:
    form = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_FILE", "image_signature": signature(content)}
    return await api.upload(IMAGE, form | fields, "image_file", content)


@pytest.mark.parametrize(("size", "code"), [((1440, 2560), 0), ((2400, 1256), 0), ((3600, 1256), 40915)])
async def test_images_have_a_number_of_pixels(api: Api, size: tuple[int, int], code: int) -> None:
    assert (await upload_image(api, png(*size))).code == code


async def test_images_need_their_upload_type_and_are_looked_up(api: Api) -> None:
    content = png()
    form = {"advertiser_id": ADVERTISER, "image_signature": signature(content)}
    untyped = await api.upload(IMAGE, form, "image_file", content)
    assert untyped.message == "Missing required field(s): upload_type."
    await api.control("/clock", image_seconds=0.3)
    image = (await upload_image(api, content)).data
    assert not {"is_carousel_usable", "create_time", "modify_time"} & image.keys()

    async def info(*image_ids: str) -> Answer:
        return await api.get("/file/image/ad/info/", advertiser_id=ADVERTISER, image_ids=list(image_ids))

    await api.control("/clock", image_seconds=0)
    (row,) = (await info(image["image_id"])).data["list"]
    assert row["is_carousel_usable"] is True
    cover = (await api.push_media())["image_ids"][0]
    for unknown in ("nothing", cover):
        refused = await info(image["image_id"], unknown)
        assert (refused.code, refused.message) == (40001, "Insufficient permissions")
    await api.control("/config", covers_in_library=True)
    assert (await info(cover)).code == 0


@pytest.mark.parametrize(
    ("which", "sizes"),
    [
        ("all", [(720, 1280)] * 4),
        ("other_first", [(1280, 720)] * 2 + [(720, 1280)] * 2),
        ("fewer", [(720, 1280)]),
        ("none", []),
    ],
)
async def test_suggested_covers(api: Api, which: str, sizes: list[tuple[int, int]]) -> None:
    await api.control("/config", suggested_covers=which)
    identity, group, video_id = await api.linked(), await api.adgroup(), await api.video()
    query = {"advertiser_id": ADVERTISER, "video_id": video_id, "poster_number": 4}
    covers = (await api.get("/file/video/suggestcover/", **query)).data["list"]
    assert [(one["width"], one["height"]) for one in covers] == sizes
    for cover in covers:
        media = {"video_id": video_id, "image_ids": [cover["id"]], "ad_format": "SINGLE_VIDEO"}
        fits = (cover["width"], cover["height"]) == (720, 1280)
        assert (await api.create(group, push(identity, media))).code == (0 if fits else 40002)


async def test_the_example_of_file_start_upload_is_spelt_otherwise(api: Api) -> None:
    await api.control("/config", upload_start_case="pascal")
    start = {"advertiser_id": ADVERTISER, "size": 9, "content_type": "music"}
    answer = await api.post("/file/start/upload/", **start)
    assert answer.body["Code"] == 0
    assert (answer.body["Data"]["StartOffset"], answer.body["Data"]["EndOffset"]) == (0, 9)
    assert answer.body["Data"]["UploadId"]


async def test_a_video_can_be_uploaded_by_its_own_id(api: Api) -> None:
    video_id = await api.video()
    form = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_VIDEO_ID", "video_id": video_id}
    assert [one["video_id"] for one in (await api.post(VIDEO, **form)).data] == [video_id]
