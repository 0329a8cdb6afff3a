"""The manifest: every mistake at once, with row, column and what to do; and whatever spreadsheets write is read."""

import csv
import io
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sparkads import manifest
from sparkads.files import Files
from sparkads.manifest import COLUMNS, Manifest, Mode, ReleaseBundle, Visibility
from tests import small_media

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

PUSH = {
    "row_id": "nz-1",
    "mode": "push",
    "account": "@artist",
    "ad_account": "7100000000000000001",
    "territory": "NZ",
    "location_id": "2186224",
    "time_zone": "Pacific/Auckland",
    "release_at": "2027-01-15 00:00",
    "visibility": "profile",
    "video": "teaser.mp4",
    "post_id": "",
    "caption": "Out now",
    "landing_url": "https://example.com/song",
    "call_to_action": "LISTEN_NOW",
    "daily_budget": "50.00",
    "cover": "",
    "ad_group_id": "",
    "tier": "",
    "rights_from": "",
    "rights_until": "",
}
PULL = PUSH | {
    "row_id": "us-1",
    "mode": "pull",
    "visibility": "",
    "video": "",
    "caption": "",
    "post_id": "7400000000000000001",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    return tmp_path


def sheet(rows: Iterable[dict[str, str]], *, delimiter: str = ",", end: str = "\n") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(COLUMNS), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(folder: Path, content: str | bytes) -> Manifest:
    path = folder / "release.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return manifest.read(path, now=NOW)


def found(read_manifest: Manifest) -> list[tuple[int, str]]:
    return [(problem.row, problem.column) for problem in read_manifest.problems]


def test_ten_different_mistakes_are_all_found_with_row_and_column(folder: Path) -> None:
    rows = [
        PUSH | {"account": "not a handle"},
        PUSH | {"row_id": "a", "time_zone": "Pacific/Aukland"},
        PUSH | {"row_id": "b", "release_at": "2026-01-01 00:00", "account": "@bb"},
        PUSH | {"row_id": "c", "visibility": "", "account": "@cc"},
        PUSH | {"row_id": "d", "video": "missing.mp4"},
        PULL | {"row_id": "e", "post_id": ""},
        PULL | {"row_id": "f", "landing_url": "http://example.com"},
        PULL | {"row_id": "g", "call_to_action": "LISTEN NOW"},
        PULL | {"row_id": "h", "daily_budget": "fifty"},
        PULL | {"row_id": "h"},
    ]
    read_manifest = read(folder, sheet(rows))

    assert found(read_manifest) == [
        (2, "account"),
        (3, "time_zone"),
        (4, "release_at"),
        (5, "visibility"),
        (6, "video"),
        (7, "post_id"),
        (8, "landing_url"),
        (9, "call_to_action"),
        (10, "daily_budget"),
        (11, "row_id"),
    ]
    assert read_manifest.rows == ()
    advice = {problem.column: problem.advice for problem in read_manifest.problems}
    assert advice["time_zone"].endswith("did you mean Pacific/Auckland?")
    assert advice["call_to_action"] == "did you mean LISTEN_NOW?"
    assert advice["release_at"].startswith("it was 2026-01-01 00:00:00 Pacific/Auckland (")
    assert str(folder / "missing.mp4") in advice["video"]
    assert all(problem.problem and problem.advice for problem in read_manifest.problems)


def test_ten_mistakes_in_one_row_are_all_found(folder: Path) -> None:
    row = PUSH | {
        "row_id": "no spaces",
        "account": "@",
        "ad_account": "\u0667\u0661",  # digits, and not those of an id
        "territory": "New Zealand",
        "location_id": "Auckland",
        "time_zone": "NZT",
        "release_at": "midnight",
        "visibility": "both",
        "video": "",
        "post_id": "1",
        "caption": "🎵",
        "landing_url": "example.com",
        "call_to_action": "",
        "daily_budget": "0",
        "cover": "face.gif",
        "ad_group_id": "the first",
        "tier": "gold",
        "rights_from": "2027",
        "rights_until": "31.12.2027",
    }
    assert {column for _, column in found(read(folder, sheet([row])))} == set(COLUMNS) - {"mode"}
    assert found(read(folder, sheet([PUSH | {"mode": "Push"}]))) == [(2, "mode")]


def test_a_manifest_without_mistakes_is_read_in_order(folder: Path) -> None:
    read_manifest = read(folder, sheet([PUSH, PULL | {"account": "Artist.Two", "release_at": "NOW"}]))

    assert read_manifest.problems == ()
    push, pull = read_manifest.rows
    assert (push.mode, push.visibility, push.account) == (Mode.PUSH, Visibility.PROFILE, "artist")
    assert push.due_at(NOW) == datetime(2027, 1, 14, 11, 0, tzinfo=UTC)
    assert (pull.mode, pull.visibility, pull.account, pull.release_at) == (Mode.PULL, None, "artist.two", None)
    assert pull.due_at(NOW) == NOW
    assert read_manifest.videos == {"nz-1": folder / "teaser.mp4"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_spreadsheets_write_is_read(folder: Path, delimiter: str, end: str, mark: str) -> None:
    caption = f"One, two; three{end}and a line"
    read_manifest = read(folder, mark + sheet([PUSH | {"caption": caption}, PULL], delimiter=delimiter, end=end))
    assert read_manifest.problems == ()
    assert read_manifest.rows[0].caption == caption
    assert len(read_manifest.rows) == 2


def test_rows_are_counted_where_they_begin(folder: Path) -> None:
    rows = [PUSH | {"caption": "two\nlines"}, PULL | {"post_id": "x"}]
    assert found(read(folder, sheet(rows))) == [(4, "post_id")]
    spaced = sheet(rows).replace("\nus-1", "\n\n,,\nus-1")
    assert found(read(folder, spaced)) == [(6, "post_id")]  # empty rows count, and are no mistake


def test_the_header_is_checked_before_the_rows(folder: Path) -> None:
    text = sheet([PUSH | {"account": "not a handle"}])
    header = text.replace("caption", "captoin", 1).replace("territory", "mode", 1)
    problems = {(problem.column, problem.problem): problem.advice for problem in read(folder, header).problems}
    assert problems == {
        ("captoin", "is no column of a manifest"): "did you mean caption?",
        ("mode", "stands there twice"): "keep one of them",
        ("caption", "is missing"): f"add it: {COLUMNS['caption']}",
        ("territory", "is missing"): f"add it: {COLUMNS['territory']}",
    }
    assert {problem.row for problem in read(folder, header).problems} == {1}
    shuffled = ",".join(name.upper() for name in reversed(COLUMNS)) + "\n" + ",".join(reversed(PUSH.values()))
    assert read(folder, shuffled).problems == ()
    short = [PUSH, PULL]
    columns = [name for name in COLUMNS if name not in manifest.OPTIONAL]
    lines = [",".join(columns), *(",".join(row[name] for name in columns) for row in short)]
    assert read(folder, "\n".join(lines)).problems == ()


def test_the_same_post_twice_on_an_account_is_a_mistake(folder: Path) -> None:
    (folder / "sub").mkdir()
    rows = [PUSH, PUSH | {"row_id": "b", "account": "ARTIST", "video": "sub/../teaser.mp4"}]
    assert found(read(folder, sheet(rows))) == [(3, "account")]
    # One post in several territories, and one video on several accounts, are what releases are made of.
    several = [PULL, PULL | {"row_id": "ca", "territory": "CA"}, PUSH, PUSH | {"row_id": "b", "account": "@other"}]
    assert read(folder, sheet(several)).problems == ()


def test_a_visibility_is_never_guessed_and_a_pull_carries_none(folder: Path) -> None:
    # Decision 6 of the domain; R13.
    assert found(read(folder, sheet([PUSH | {"visibility": ""}]))) == [(2, "visibility")]
    carried = PULL | {"visibility": "profile", "caption": "x", "video": "teaser.mp4"}
    assert found(read(folder, sheet([carried]))) == [(2, "video"), (2, "caption"), (2, "visibility")]


@pytest.mark.parametrize(
    ("zone", "release_at", "now"),
    [
        # 00:00 is skipped and counts as 01:00: it is ahead until then.
        ("Africa/Cairo", "2027-04-30 00:00", "2027-04-29T22:00:00+00:00"),
        # 02:30 occurs twice: the first counts.
        ("Europe/Berlin", "2027-10-31 02:30", "2027-10-31T00:30:00+00:00"),
    ],
)
def test_clock_changes_decide_what_is_past(folder: Path, zone: str, release_at: str, now: str) -> None:
    path = folder / "release.csv"
    path.write_text(sheet([PUSH | {"time_zone": zone, "release_at": release_at}]))
    moment = datetime.fromisoformat(now)
    assert manifest.read(path, now=moment).problems == ()
    late = manifest.read(path, now=moment + timedelta(seconds=1))
    assert found(late) == [(2, "release_at")]
    assert late.problems[0].problem == "is in the past"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("release_at", "9999-12-31 23:59"),
        ("release_at", "0001-01-01 00:00"),
        ("landing_url", "https://example.com/" + "x" * 2000),
        ("video", "a\0b.mp4"),
        ("video", "x" * 5000 + ".mp4"),
        ("video", "."),
        ("video", "loop.mp4"),
        ("video", "notes.txt"),
        ("video", "empty.mp4"),
        ("caption", "x" * 101),
        ("caption", "star ⭐"),
        ("daily_budget", "NaN"),
        ("daily_budget", "-1"),
        ("daily_budget", "50,00"),
        ("daily_budget", "Infinity"),
    ],
)
def test_odd_values_are_mistakes_and_no_crash(folder: Path, column: str, value: str) -> None:
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    (folder / "notes.txt").write_text("x")
    (folder / "empty.mp4").touch()
    zone = "America/Los_Angeles" if value.startswith("9999") else "Asia/Kathmandu"
    assert found(read(folder, sheet([PUSH | {"time_zone": zone, column: value}]))) == [(2, column)]


def test_a_stray_quote_hides_no_mistake_above_it(folder: Path) -> None:
    text = sheet([PUSH | {"account": "not a handle"}]) + 'us-1,"pull" oops,@x\n'
    problems = read(folder, text).problems
    assert [(problem.row, problem.column) for problem in problems] == [(2, "account"), (3, "file")]
    assert "no valid CSV" in problems[1].problem


@pytest.mark.parametrize(
    ("content", "row", "problem"),
    [
        (b"", 1, "is missing"),
        (",".join(COLUMNS).encode(), 1, "has no row"),
        ("row_id\n".encode("utf-16"), 1, "is not UTF-8"),
        (b"row_id\n\xe4\n", 2, "is not UTF-8"),
    ],
)
def test_files_that_are_no_manifest_say_so(folder: Path, content: bytes, row: int, problem: str) -> None:
    first = read(folder, content).problems[0]
    assert (first.row, first.problem) == (row, problem)


def test_too_many_rows_are_one_mistake(folder: Path) -> None:
    rows = [PULL | {"row_id": f"r{number}"} for number in range(manifest.MAX_ROWS + 3)]
    assert found(read(folder, sheet(rows))) == [(manifest.MAX_ROWS + 2, "file")]


def test_the_template_needs_only_its_video(tmp_path: Path) -> None:
    path = tmp_path / "template.csv"
    path.write_text(manifest.template())
    assert [(problem.row, problem.column) for problem in manifest.read(path).problems] == [(2, "video")]
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    assert manifest.read(path).problems == ()


async def test_a_bundle_carries_rows_and_videos_by_content(folder: Path, tmp_path: Path) -> None:
    (folder / "copy.mp4").write_bytes(small_media.video())
    read_manifest = read(folder, sheet([PUSH, PUSH | {"row_id": "b", "account": "@b2", "video": "copy.mp4"}, PULL]))
    files = Files((tmp_path / "objects").as_uri())

    ref = await manifest.bundle(read_manifest, files)

    carried = ReleaseBundle.model_validate_json(await files.get(ref))
    first, second, pull = carried.rows
    assert first.video is not None
    assert first.video == second.video
    assert await files.get(first.video) == small_media.video()
    assert pull.video is None
    assert await manifest.bundle(read_manifest, files) == ref
    with pytest.raises(ValueError, match="problems"):
        await manifest.bundle(read(folder, sheet([PUSH | {"mode": "x"}])), files)


def test_a_video_that_may_not_be_read_is_a_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    assert found(read(folder, sheet([PUSH]))) == [(2, "video")]


EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    "name", ["midnight-release.csv", *(one.name for one in (EXAMPLES / "four-uses").glob("*.csv"))]
)
def test_the_examples_have_no_mistake(name: str) -> None:
    (path,) = EXAMPLES.rglob(name)
    assert manifest.read(path, now=NOW).problems == ()


def test_a_column_of_something_else_is_told_of_in_every_row(folder: Path) -> None:
    rows = [PULL | {"row_id": f"r{number}", "time_zone": f"Pacific/Aukland {number}"} for number in range(150)]
    problems = read(folder, sheet(rows)).problems

    assert [(problem.column, problem.problem) for problem in problems] == [("time_zone", "is unknown")] * 150
    assert "did you mean Pacific/Auckland?" in problems[0].advice
    assert "write one like Pacific/Auckland" in problems[-1].advice
