"""Videos and covers: what their headers say is compared with what TikTok takes, before anything is started."""

import shutil
from contextlib import suppress
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_sheets import PUSH, places, read, sheet

from demo.video import write_video
from sparkads.manifest import Manifest
from sparkads.manifest.image_header import NoPicture, look_into_picture
from sparkads.manifest.video_header import NoVideo, Video, look_into_video
from tests import small_media
from tests.small_media import TURNED, box, jpeg, movie_header, png, track, video

EXAMPLE = Path(__file__).parents[2] / "examples" / "harbour-lights.mp4"
FTYP = box(b"ftyp", b"qt  ", bytes(4))


def check(folder: Path, *, cover: str = "", name: str = "teaser.mp4") -> Manifest:
    return read(folder, sheet([PUSH | {"video": name, "cover": cover}]))


def header(folder: Path, content: bytes) -> Video:
    path = folder / "one.mp4"
    path.write_bytes(content)
    return look_into_video(path)


def test_real_videos_are_measured(tmp_path: Path) -> None:
    written = look_into_video(write_video(tmp_path / "video.mp4"))
    assert (written.width, written.height) == (540, 960)
    assert written.seconds is not None
    assert 1 < written.seconds < 60
    shutil.copy(EXAMPLE, tmp_path / "teaser.mp4")
    checked = check(tmp_path)
    assert (checked.problems, checked.warnings) == ((), ())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(FTYP + box(b"moov", movie_header(15), track(1080, 1920)) + box(b"mdat"), id="moov first"),
        pytest.param(
            FTYP + box(b"mdat", bytes(999)) + box(b"moov", movie_header(15), track(1080, 1920)), id="moov last"
        ),
        pytest.param(
            box(b"wide") + box(b"mdat", bytes(99), large=True) + box(b"moov", track(1080, 1920), movie_header(15)),
            id="64-bit size, no ftyp",
        ),
        pytest.param(
            FTYP + box(b"moov", movie_header(15, wide=True), track(1080, 1920, wide=True), large=True), id="version 1"
        ),
        pytest.param(FTYP + box(b"moov", movie_header(15), track(1920, 1080, matrix=TURNED)), id="turned"),
        pytest.param(
            FTYP + box(b"moov", movie_header(15), track(600, 600), track(1080, 1920), track(0, 0, kind=b"soun")),
            id="with a cover and a sound",
        ),
        pytest.param(
            FTYP + box(b"moov", movie_header(0), track(1080, 1920), box(b"mvex", box(b"mehd", pack(">4xI", 15_000)))),
            id="in fragments",
        ),
        pytest.param(
            FTYP + box(b"moov", movie_header(15), track(1080, 1920)) + pack(">I4s", 0, b"mdat") + bytes(99),
            id="the last box is open",
        ),
        pytest.param(video()[:-15] + b"moving pictures" + bytes(3), id="a little more at the end"),
        pytest.param(
            FTYP + box(b"moov", movie_header(15), track(1080, 1920)) + b"some words of a recorder",
            id="no box at the end",
        ),
    ],
)
def test_a_header_is_found_wherever_it_is(tmp_path: Path, content: bytes) -> None:
    measured = header(tmp_path, content)
    assert (measured.seconds, measured.width, measured.height) == (15, 1080, 1920)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"moving pictures", "is no MP4, MOV, MPEG or AVI inside"),
        (b"<!doctype html><title>Sign in", "is no MP4, MOV, MPEG or AVI inside"),
        (b"\x1a\x45\xdf\xa3 webm", "is no MP4, MOV, MPEG or AVI inside"),
        (b"\0", "is no MP4, MOV, MPEG or AVI inside"),
        (FTYP, "has no header (moov)"),
        (FTYP + box(b"mdat", bytes(9)), "has no header (moov)"),
        (video()[:-1], "is cut off"),
        (video()[:200], "is cut off"),
        (FTYP + box(b"moov", movie_header(15)), "has no picture"),
        (FTYP + box(b"moov", movie_header(15), track(0, 0, kind=b"soun")), "has no picture"),
        (FTYP + box(b"moov", track(1080, 1920)), "lasts no time"),
        (video(seconds=0), "lasts no time"),
        (FTYP + box(b"moov", box(b"mvhd", bytes(3)), track(1080, 1920)), "has a damaged header"),
        (FTYP + bytes(8) + bytes(200_000), "has no header (moov)"),
        (FTYP + pack(">I4s", 8, b"free") * 30_000, "has a damaged header"),
    ],
)
def test_what_tiktok_would_refuse_is_a_mistake(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "teaser.mp4").write_bytes(content)
    checked = check(tmp_path)
    assert places(checked.problems) == [(2, "video")]
    assert checked.problems[0].problem.startswith(problem)
    assert checked.problems[0].advice


@pytest.mark.parametrize(("width", "height"), [(1080, 1920), (1920, 1080), (720, 720), (608, 1080), (576, 1022)])
def test_shapes_that_tiktok_takes(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "teaser.mp4").write_bytes(video(width, height, 60))
    checked = check(tmp_path)
    assert (checked.problems, checked.warnings) == ((), ())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"RIFF\0\0\0\0AVI LIST", "is AVI, whose length and shape were not measured"),
        (b"\0\0\1\xba\x44", "is MPEG, whose length and shape were not measured"),
        (FTYP + box(b"moov", movie_header(9), track(0, 0)), "is MP4, whose shape were not measured"),
        (FTYP + box(b"moov", movie_header(0), track(540, 960), box(b"mvex")), "does not say how long it is"),
        (video(480, 854), "is small, 480 x 854 pixels"),
        (video(600, 600), "is small, 600 x 600 pixels"),
        (video(seconds=4.4), "lasts 0:04 minutes"),
        (video(seconds=61), "lasts 1:01 minutes"),
        (video(seconds=600.6), "lasts 10:01 minutes"),
        (video(1080, 1350), "is 1080 x 1350 pixels"),
        (video(1920, 800), "is 1920 x 800 pixels"),
    ],
)
def test_what_is_not_known_or_not_good_is_a_warning_once(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "teaser.mp4").write_bytes(content)
    rows = [PUSH, PUSH | {"row_id": "b", "account": "@other"}]
    checked = read(tmp_path, sheet(rows))
    assert checked.problems == ()
    assert [(one.row, one.column, one.problem) for one in checked.warnings] == [(2, "video", problem)]


@pytest.mark.parametrize("content", [png(), jpeg()])
def test_a_cover_has_the_shape_of_its_video(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "teaser.mp4").write_bytes(video(540, 960))
    (tmp_path / "face.jpg").write_bytes(content)
    assert check(tmp_path, cover="face.jpg").problems == ()
    (tmp_path / "teaser.mp4").write_bytes(video(1920, 1080))
    problems = check(tmp_path, cover="face.jpg").problems
    assert [(one.column, one.problem) for one in problems] == [
        ("cover", "is 1080 x 1920 pixels, the video 1920 x 1080")
    ]
    (tmp_path / "teaser.mp4").write_bytes(b"RIFF\0\0\0\0AVI LIST")
    assert check(tmp_path, cover="face.jpg").problems == ()  # nothing to compare it with


@pytest.mark.parametrize(
    ("width", "height", "problem"),
    [
        (1440, 2560, None),
        (1080, 1893, None),
        (1080, 1790, "is 1080 x 1790 pixels, the video 1080 x 1920"),
        (1920, 1080, "is 1920 x 1080 pixels, the video 1080 x 1920"),
        (2160, 3840, "is 2160 x 3840, 8,294,400 pixels"),
    ],
)
def test_a_cover_is_no_larger_than_tiktok_takes(tmp_path: Path, width: int, height: int, problem: str | None) -> None:
    (tmp_path / "teaser.mp4").write_bytes(video())
    (tmp_path / "face.png").write_bytes(png(width, height))
    problems = check(tmp_path, cover="face.png").problems
    assert [(one.row, one.column, one.problem) for one in problems] == ([(2, "cover", problem)] if problem else [])


def test_a_cover_has_fifty_megabytes_at_most(tmp_path: Path) -> None:
    (tmp_path / "teaser.mp4").write_bytes(video())
    with (tmp_path / "face.png").open("wb") as file:
        file.write(png())
        file.truncate(50 * 1024 * 1024 + 1)
    (problem,) = check(tmp_path, cover="face.png").problems
    assert (problem.column, problem.problem, problem.advice) == ("cover", "has 50.0 MB", "TikTok takes 50 MB")


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a",
        png()[:20],
        png(0, 0),
        jpeg()[:-12],
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\0\1junkjunk",
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8" + b"\xff\x01" * 5000,
    ],
)
def test_what_is_no_picture_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "teaser.mp4").write_bytes(video())
    (tmp_path / "face.png").write_bytes(content)
    assert places(check(tmp_path, cover="face.png").problems) == [(2, "cover")]


def test_names_are_found_as_a_mac_spells_them(tmp_path: Path) -> None:
    (tmp_path / "Caf\u0065\u0301.mp4").write_bytes(video())
    assert check(tmp_path, name="Caf\u00e9.mp4").problems == ()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headers") / "file"


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_headers_are_told_and_never_a_traceback(scratch: Path, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([video(), png(), jpeg(), video()[::-1], small_media.video(content=b"\xff" * 64)]))
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    scratch.write_bytes(damaged)
    for look, told in ((look_into_video, NoVideo), (look_into_picture, NoPicture)):
        with suppress(told):
            look(scratch)
