"""Files behind addresses: looked at by `read`, downloaded by `bundle`, and shown without their secrets."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import ClassVar

import pytest
from test_manifest import NOW, PULL, PUSH

from sparkads import manifest
from sparkads.files import Files
from sparkads.manifest import COLUMNS, Manifest, ReleaseBundle
from sparkads.web_files import WebFile, WebFileUnreadable, look, shown, web_file
from tests import small_media

MEGABYTE = 1024 * 1024
VIDEO = small_media.video(content=b"moving pictures" * 100_000)


ANSWERS: dict[str, tuple[int | None, str, bytes]] = {
    "/song.mp4": (len(VIDEO), "video/mp4", VIDEO),
    "/face.png": (len(VIDEO), "image/png", VIDEO),
    "/page": (5, "text/html; charset=utf-8", b"<html"),
    "/huge.mp4": (501 * MEGABYTE, "video/mp4", VIDEO),
    "/empty.mp4": (0, "video/mp4", b""),
    "/endless.mp4": (None, "video/mp4", VIDEO),
    "/broken.mp4": (len(VIDEO) + 1, "video/mp4", VIDEO),
}
"""By path: Content-Length, Content-Type and body."""


class Shelf(BaseHTTPRequestHandler):
    """Files, and odd answers."""

    asked: ClassVar[list[str]] = []
    hung_up: ClassVar[Event] = Event()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if path in ANSWERS:
            self._answer(200, *ANSWERS[path])
        elif path == "/moved.mp4":
            self.send_response(302)
            self.send_header("Location", "/song.mp4?signature=s3cret")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/long.mp4":
            self._answer(200, 400 * MEGABYTE, "video/mp4", b"")
            try:
                for _ in range(400):
                    self.wfile.write(bytes(MEGABYTE))
            except OSError:
                self.hung_up.set()
        else:
            self._answer(int(path[1:4]), 12, "text/plain", b"s3cret words")

    def _answer(self, status: int, size: int | None, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if size is not None:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        with suppress(OSError):  # who has seen enough hangs up
            self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def shelf() -> Iterator[str]:
    Shelf.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://user:pa55word@127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files((tmp_path / "objects").as_uri())


def read(folder: Path, *rows: dict[str, str]) -> Manifest:
    with (folder / "release.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS))
        writer.writeheader()
        writer.writerows(rows)
    return manifest.read(folder / "release.csv", now=NOW)


def test_what_an_address_cannot_deliver_is_a_mistake_like_any_other(tmp_path: Path, shelf: str) -> None:
    bad = {
        f"{shelf}/404.mp4?signature=s3cret": "cannot be read: HTTP 404",
        f"{shelf}/403.mp4": "cannot be read: HTTP 403",
        f"{shelf}/page": "is text/html, a page and no file",
        f"{shelf}/huge.mp4": "has 501 MB",
        f"{shelf}/empty.mp4": "is an empty file",
        f"{shelf}/endless.mp4": "does not say how long it is",
        "http://127.0.0.1:9/song.mp4": "cannot be read: no complete answer",
        "http://example.com/song.mp4?signature=s3cret": "is not taken by http",
        "ftp://example.com/song.mp4": "is not taken by ftp",
        "https://": "is no valid address",
        "https://[::1": "is no valid address",
    }
    rows = [PUSH | {"row_id": f"r{number}", "video": address} for number, address in enumerate(bad)]
    problems = read(tmp_path, *rows, PUSH | {"row_id": "c", "video": f"{shelf}/song.mp4", "cover": f"{shelf}/page"})

    assert [(one.row, one.column) for one in problems.problems] == [
        *((line, "video") for line in range(2, 2 + len(bad))),
        (2 + len(bad), "cover"),
    ]
    told = [one.problem for one in problems.problems[:-1]]
    assert told == list(bad.values())
    text = "\n".join(map(str, problems.problems))
    assert "s3cret" not in text
    assert "pa55word" not in text
    assert shelf.replace("user:pa55word@", "") + "/404.mp4" in text


def test_a_pull_that_carries_an_address_shows_no_secret(tmp_path: Path, shelf: str) -> None:
    problems = read(tmp_path, PULL | {"video": f"{shelf}/song.mp4?signature=s3cret"}).problems
    assert [one.column for one in problems] == ["video"]
    assert "s3cret" not in str(problems[0])


def test_an_address_is_asked_once_however_many_rows_name_it(tmp_path: Path, shelf: str) -> None:
    rows = [PUSH | {"row_id": f"r{n}", "account": f"@artist{n}", "video": f"{shelf}/song.mp4"} for n in range(5)]
    checked = read(tmp_path, *rows)
    assert checked.problems == ()
    assert Shelf.asked == ["/song.mp4"]
    assert len(checked.sources) == 1
    twice = read(tmp_path, rows[0], rows[0] | {"row_id": "again"})
    assert [(one.row, one.column) for one in twice.problems] == [(3, "account")]


async def test_a_bundle_streams_files_into_the_store(tmp_path: Path, shelf: str, files: Files) -> None:
    (tmp_path / "teaser.mp4").write_bytes(VIDEO)
    rows = [
        PUSH | {"row_id": "a", "video": f"{shelf}/moved.mp4", "cover": f"{shelf}/face.png"},
        PUSH | {"row_id": "b", "account": "@b2", "ad_group_id": "71"},
        PULL,
    ]
    checked = read(tmp_path, *rows)
    assert checked.problems == ()

    ref = await manifest.bundle(checked, files)

    content = await files.get(ref)
    first, second, pull = ReleaseBundle.model_validate_json(content).rows
    assert first.video is not None
    assert first.video == second.video
    assert await files.get(first.video) == VIDEO
    assert first.cover is not None
    assert (second.cover, second.ad_group_id, pull.video) == (None, "71", None)
    assert b"127.0.0.1" not in content
    assert "s3cret" not in repr(checked)
    assert "pa55word" not in repr(checked) + checked.model_dump_json()
    assert sorted(path.name for path in (tmp_path / "objects").iterdir() if any(path.iterdir())) == ["sha256"]


@pytest.mark.parametrize(
    ("path", "largest", "problem"),
    [
        ("/broken.mp4", 500 * MEGABYTE, "cannot be read: no complete answer"),
        ("/song.mp4", MEGABYTE, "has 1 MB; TikTok takes 1 MB"),
        ("/404.mp4", MEGABYTE, "HTTP 404"),
    ],
)
async def test_what_fails_while_it_streams_leaves_nothing_behind(
    tmp_path: Path, shelf: str, files: Files, path: str, largest: int, problem: str
) -> None:
    with pytest.raises(WebFileUnreadable) as failed:
        await files.put_web_file(web_file(f"{shelf}{path}?signature=s3cret"), largest=largest)

    assert problem in str(failed.value)
    assert path in str(failed.value)
    assert "s3cret" not in str(failed.value)
    assert [one for one in (tmp_path / "objects").rglob("*") if one.is_file()] == []


def test_a_look_downloads_nothing_whole(shelf: str) -> None:
    assert look(web_file(f"{shelf}/long.mp4"), 500 * MEGABYTE).size == 400 * MEGABYTE
    assert Shelf.hung_up.wait(10)


def test_what_is_shown_of_an_address() -> None:
    assert shown("https://user:pw@example.com:8443/a/b.mp4?x=1#y") == "https://example.com:8443/a/b.mp4"
    assert str(WebFile(url="https://example.com/a?b")) == "https://example.com/a"
    assert shown("teaser.mp4") == "teaser.mp4"
