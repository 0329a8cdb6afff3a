"""Files before the first ad: once per ad account and content, as approved, and refused by name."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from releasing import Release, push, release, write_video

from sparkads.contracts.release import TargetState
from store.database import Pool
from tests import small_media
from tests.conftest import Label, until

UPLOAD = "/file/video/ad/upload/"
IMAGE = "/file/image/ad/upload/"
ONLY = 1


def write_cover(path: Path, width: int = 540, height: int = 960) -> None:
    """A real png of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x40\x80\xc0" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


async def videos_of(label: Label) -> list[dict[str, object]]:
    """The videos in the label's ad account."""
    return [
        video for video in (await label.simulator.get("state"))["videos"] if video["advertiser_id"] == label.ad_account
    ]


async def fault(label: Label, path: str, **rule: object) -> None:
    """Let a fault hit the next call of a path."""
    await label.simulator.post("faults", {"seed": 1, "rules": [{"path": path, "times": 1, **rule}]})


async def published(run: Release) -> None:
    """Every row has exactly one ad."""
    rows = await run.finished(within=60)
    assert {row.state for row in rows.values()} == {TargetState.PUBLISHED}, rows
    assert {row_id: len(found) for row_id, found in (await run.ads()).items()} == dict.fromkeys(rows, 1)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[str]:
    """A web server with the test's files."""
    app = web.Application()
    app.router.add_static("/", tmp_path)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_video_and_a_cover_are_taken_from_their_addresses(
    label: Label, db: Pool, tmp_path: Path, shelf: str
) -> None:
    await label.authorized("kiri", "ari")
    write_video(tmp_path / "song.mp4", 1)
    write_cover(tmp_path / "face.png")
    video, cover = f"{shelf}/song.mp4?signature=s3cret", f"{shelf}/face.png"
    rows = [
        push("own", "@kiri", label.ad_account, video=video, cover=cover),
        push("first", "@ari", label.ad_account, video=video),
    ]
    run = await release(label, db, tmp_path, rows)

    await published(run)

    assert len(await videos_of(label)) == ONLY
    images = await db.fetch("SELECT image_id FROM images WHERE advertiser_id = $1", label.ad_account)
    assert len(images) == ONLY
    assert "s3cret" not in str(await db.fetch("SELECT * FROM targets WHERE campaign_id = $1", run.campaign_id))


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param({"kind": "drop", "when": "after"}, id="connection lost after the effect"),
        pytest.param({"kind": "code", "code": 50002, "when": "after"}, id="50002 after the effect"),
        pytest.param({"kind": "code", "code": 50002, "when": "before"}, id="50002 before the effect"),
    ],
)
@pytest.mark.parametrize("path", [UPLOAD, IMAGE, "/campaign/create/", "/adgroup/create/"])
async def test_what_a_lost_answer_made_is_found_and_not_made_again(
    label: Label, db: Pool, tmp_path: Path, path: str, lost: dict[str, object]
) -> None:
    await label.authorized("kiri")
    write_cover(tmp_path / "face.png")
    await fault(label, path, **lost)
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, cover="face.png")])

    await published(run)

    world = await label.simulator.get("state")
    made = {
        kind: sum(one["advertiser_id"] == label.ad_account for one in world[kind])
        for kind in ("videos", "campaigns", "adgroups", "images")
    }
    assert made == {"videos": 1, "campaigns": 1, "adgroups": 1, "images": 1}


async def test_many_rows_of_one_video_ask_for_its_cover_once(label: Label, db: Pool, tmp_path: Path) -> None:
    handles = [f"choir{number}" for number in range(12)]
    await label.authorized(*handles)
    path = "/file/video/suggestcover/"
    before = (await label.simulator.get("calls"))["paths"].get(path, {"calls": 0})["calls"]

    run = await release(label, db, tmp_path, [push(handle, f"@{handle}", label.ad_account) for handle in handles])
    await run.finished()

    assert (await label.simulator.get("calls"))["paths"][path]["calls"] == before + 1


async def test_two_releases_at_once_upload_a_file_once(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri", "ari")
    before = (await label.simulator.get("calls"))["paths"][UPLOAD]["calls"]
    await fault(label, UPLOAD, kind="delay", when="before", seconds=2)
    write_video(tmp_path / "video.mp4", 1)
    runs = []
    for handle in ("kiri", "ari"):
        folder = tmp_path / handle
        folder.mkdir()
        (folder / "video.mp4").write_bytes((tmp_path / "video.mp4").read_bytes())
        runs.append(await release(label, db, folder, [push("row", f"@{handle}", label.ad_account)]))

    await asyncio.gather(*(published(run) for run in runs))

    assert len(await videos_of(label)) == ONLY
    assert (await label.simulator.get("calls"))["paths"][UPLOAD]["calls"] == before + 1


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        pytest.param({"code": 40916, "message": "The video content is not allowed."}, "40916", id="content"),
        pytest.param({"code": 40002, "message": "The file is too large."}, "too large", id="size"),
    ],
)
async def test_a_refused_video_is_named_on_every_row_before_any_ad_is_made(
    label: Label, db: Pool, tmp_path: Path, refusal: dict[str, object], words: str
) -> None:
    await label.authorized("kiri", "ari", "tama")
    await fault(label, UPLOAD, kind="code", when="before", **refusal)
    rows = [push("one", "@kiri", label.ad_account), push("two", "@ari", label.ad_account)]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()

    for row in done.values():
        assert row.state is TargetState.REFUSED
        assert row.reason.startswith("TikTok refused the video: TikTok")
        assert words in row.reason
    assert await run.ads() == {}
    lines = await db.fetch("SELECT subject FROM audit WHERE bc_id = $1 AND action = 'video refused'", label.bc_id)
    assert [line["subject"] for line in lines] == ["rows one, two"]


async def test_flaws_and_odd_covers_refuse_only_their_own_rows(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri", "ari", "tama")
    # What a look at their headers does not find.
    (tmp_path / "broken.avi").write_bytes(b"RIFF\0\0\0\0AVI no moving pictures")
    (tmp_path / "broken.png").write_bytes(small_media.png())
    rows = [
        push("video", "@kiri", label.ad_account, video="broken.avi"),
        push("cover", "@ari", label.ad_account, cover="broken.png"),
        push("good", "@tama", label.ad_account),
    ]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()

    assert {row_id: row.state for row_id, row in done.items()} == {
        "video": TargetState.REFUSED,
        "cover": TargetState.REFUSED,
        "good": TargetState.PUBLISHED,
    }
    assert done["video"].reason.startswith("TikTok refused the video:")
    assert done["cover"].reason.startswith("TikTok refused the cover:")


async def test_a_cover_of_another_shape_refuses_its_rows_before_any_ad_is_made(
    label: Label, db: Pool, tmp_path: Path, shelf: str
) -> None:
    await label.authorized("kiri", "ari", "tama")
    write_video(tmp_path / "song.mp4", 1)
    write_cover(tmp_path / "wide.png", 960, 540)
    write_cover(tmp_path / "face.png")
    # At an address, a file's shape is only known once TikTok has it.
    video, wide, face = (f"{shelf}/{name}" for name in ("song.mp4", "wide.png", "face.png"))
    rows = [
        push("wide", "@kiri", label.ad_account, video=video, cover=wide),
        push("like", "@ari", label.ad_account, video=video, cover=face),
        push("none", "@tama", label.ad_account, video=video),
    ]
    before = (await label.simulator.get("calls"))["paths"].get("/ad/create/", {"calls": 0})["calls"]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()

    assert {row_id: row.state for row_id, row in done.items()} == {
        "wide": TargetState.REFUSED,
        "like": TargetState.PUBLISHED,
        "none": TargetState.PUBLISHED,
    }
    assert done["wide"].reason == (
        "the cover is 960 x 540 pixels, the video 540 x 960; TikTok wants the shape of the video"
    )
    lines = await db.fetch("SELECT subject FROM audit WHERE bc_id = $1 AND action = 'cover refused'", label.bc_id)
    assert [line["subject"] for line in lines] == ["rows wide"]
    # No batch was refused, and halved, because of it.
    assert (await label.simulator.get("calls"))["paths"]["/ad/create/"]["calls"] == before + 1


async def test_a_file_that_arrives_damaged_is_sent_once_more(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    damaged = {"kind": "code", "code": 40900, "message": "The file signature does not match the file."}
    await fault(label, UPLOAD, when="before", **damaged)
    await published(await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account)]))

    rules = [{"path": UPLOAD, "when": "before", "times": 2, **damaged}]
    await label.simulator.post("faults", {"seed": 1, "rules": rules})
    write_video(tmp_path / "other.mp4", 3)
    again = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, video="other.mp4")])
    row = (await again.finished())["row"]
    assert row.state is TargetState.REFUSED
    assert "40900" in row.reason


async def test_transcoding_is_waited_for_and_given_up_in_the_end(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    await label.simulator.post("clock", {"transcode_seconds": 2})
    await published(await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account)]))

    await label.simulator.post("clock", {"transcode_seconds": 3600})
    write_video(tmp_path / "other.mp4", 3)
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, video="other.mp4")])
    waiting = "SELECT 1 FROM media WHERE advertiser_id = $1 AND cover_id IS NULL"
    await until(lambda: db.fetchval(waiting, label.ad_account), "the video is uploaded")
    await db.execute(
        "UPDATE media SET uploaded_at = now() - interval '31 minutes' WHERE advertiser_id = $1", label.ad_account
    )

    row = (await run.finished())["row"]

    assert row.state is TargetState.REFUSED
    assert row.reason == ("TikTok has not prepared the video within 30 minutes; export it again and release the row")
