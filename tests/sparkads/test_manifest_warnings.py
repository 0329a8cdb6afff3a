"""Warnings, rights windows, rejected rows, and what spreadsheets leave in their exports."""

import csv
import io
from pathlib import Path

import pytest
from manifest_sheets import NOW, PULL, PUSH, places, read, sheet

from sparkads import manifest
from sparkads.manifest import COLUMNS
from tests import small_media


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("teaser.mp4", "other.mp4"):
        (tmp_path / name).write_bytes(small_media.video(content=name.encode()))
    return tmp_path


def pushes(*changes: dict[str, str]) -> str:
    return sheet(
        PUSH | {"row_id": f"r{number}", "account": f"@a{number}"} | change for number, change in enumerate(changes)
    )


# Warnings


def test_a_manifest_may_be_without_warnings(folder: Path) -> None:
    assert read(folder, sheet([PUSH, PULL])).warnings == ()


def test_two_captions_for_one_video_in_a_territory_are_told_once(folder: Path) -> None:
    told = read(folder, pushes({}, {"caption": "Out today"}, {"caption": "x"}, {"territory": "DE", "caption": "Jetzt"}))
    assert told.problems == ()
    assert [(one.row, one.column, one.read) for one in told.warnings] == [(3, "caption", "Out today")]
    assert told.warnings[0].problem == "is not the caption of row 2, for the same video in NZ"


def test_posts_at_the_same_instant_on_an_account_are_told_once(folder: Path) -> None:
    same = {"account": "@ARTIST"}
    told = read(
        folder,
        pushes(
            same,
            same | {"account": "artist", "video": "other.mp4", "caption": "More"},
            # The same instant on another clock.
            {"account": "@b", "time_zone": "Asia/Tokyo", "release_at": "2027-01-14 20:00"} | same,
            {"release_at": "2027-01-16 00:00"},
        ),
    )
    assert [(one.row, one.column) for one in told.warnings] == [(3, "account")]
    assert told.warnings[0].problem == "gets 3 posts at the same instant, the first in row 2"


@pytest.mark.parametrize(
    ("zone", "release_at", "problem", "becomes"),
    [
        ("Africa/Cairo", "2027-04-30 00:00", "is skipped", "it becomes 2027-04-30 01:00:00 Africa/Cairo"),
        ("Australia/Lord_Howe", "2027-10-03 02:15", "is skipped", "it becomes 2027-10-03 02:45:00 Australia/Lord_Howe"),
        ("Pacific/Chatham", "2027-09-26 03:00", "is skipped", "it becomes 2027-09-26 04:00:00 Pacific/Chatham"),
        (
            "Europe/Berlin",
            "2027-10-31 02:30",
            "occurs twice",
            "the first counts: 2027-10-31 02:30:00 Europe/Berlin (00:30",
        ),
        ("Australia/Lord_Howe", "2027-04-04 01:45", "occurs twice", "the first counts: 2027-04-04 01:45:00"),
    ],
)
def test_what_becomes_of_a_time_in_a_clock_change_is_told(
    folder: Path, zone: str, release_at: str, problem: str, becomes: str
) -> None:
    change = {"time_zone": zone, "release_at": release_at}
    told = read(folder, pushes(change, change))
    assert told.problems == ()
    assert places(told.warnings) == [(2, "release_at")]
    assert told.warnings[0].problem == f"{problem} when the clocks of {zone} change"
    assert told.warnings[0].advice.startswith(becomes)


def test_posts_on_profiles_are_told_once_with_their_number(folder: Path) -> None:
    told = read(folder, pushes({}, {"visibility": "profile"}, {"visibility": "profile"}))
    assert [(one.row, one.column) for one in told.warnings] == [(3, "visibility")]
    assert told.warnings[0].problem == "in 2 rows: the post appears when TikTok's review passes"


def test_an_id_that_a_spreadsheet_has_rounded_is_told(folder: Path) -> None:
    told = read(folder, sheet([PULL | {"post_id": "7400000000000000000"}]))
    assert (told.problems, places(told.warnings)) == ((), [(2, "post_id")])
    for number in ("7.4E+18", "7,4E+18", "7400000000000000000.0"):
        problem = read(folder, sheet([PULL | {"post_id": number}])).problems[0]
        assert (problem.column, problem.problem) == ("post_id", "is no post id")
        assert problem.advice.startswith("a spreadsheet has made a number of it")


def test_warnings_are_found_beside_mistakes(folder: Path) -> None:
    told = read(folder, pushes({"visibility": "profile", "daily_budget": "50,00"}))
    assert places(told.problems) == [(2, "daily_budget")]
    assert told.problems[0].advice == "write 50.00"
    assert places(told.warnings) == [(2, "visibility")]


# Rights


@pytest.mark.parametrize(
    ("rights_from", "rights_until", "problem"),
    [
        ("", "", ""),
        ("2027-01-15", "2027-01-15", ""),  # from the beginning of the first day to the end of the last
        ("2027-01-15 00:00", "2027-01-15 00:01", ""),
        ("2027-01-16", "", "is before the row's rights begin"),
        ("2027-01-15 00:01", "", "is before the row's rights begin"),
        ("", "2027-01-14", "is after the row's rights have ended"),
        ("", "2027-01-15 00:00", "is after the row's rights have ended"),
    ],
)
def test_a_row_is_due_within_its_rights(folder: Path, rights_from: str, rights_until: str, problem: str) -> None:
    told = read(folder, pushes({"rights_from": rights_from, "rights_until": rights_until}))
    assert [(one.row, one.column, one.problem) for one in told.problems] == (
        [(2, "release_at", problem)] if problem else []
    )


def test_rights_are_those_of_the_row_s_own_clock(folder: Path) -> None:
    # NOW is 2026-11-22 12:00 UTC: in Auckland the next day has begun.
    now = {"release_at": "now", "rights_from": "2026-11-23"}
    told = read(folder, pushes(now, now | {"time_zone": "Europe/London"}))
    assert [(one.row, one.problem) for one in told.problems] == [(3, "is before the row's rights begin")]
    (row,) = told.rows
    assert row.has_rights_at(NOW)
    assert str(row.rights_from) == "2026-11-23 00:00:00"
    assert row.rights_until is None


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"rights_from": "soon"}, "rights_from"),
        ({"rights_until": "31.12.2027"}, "rights_until"),
        ({"rights_until": "2027-02-30"}, "rights_until"),
        ({"rights_until": "9999-12-31"}, "rights_until"),
        ({"rights_from": "0001-01-01"}, "rights_until"),
        ({"rights_from": "2027-03-01", "rights_until": "2027-02-01"}, "rights_until"),
    ],
)
def test_odd_rights_are_mistakes(folder: Path, cells: dict[str, str], column: str) -> None:
    assert places(read(folder, pushes(cells)).problems) == [(2, column)]


# Rows left behind


def test_good_rows_go_on_only_when_asked_and_the_others_keep_their_cells(folder: Path) -> None:
    rows = [PUSH | {"row_id": "bad", "account": "a b", "caption": "one,\ntwo"}, PULL, PULL | {"row_id": "us 2"}]
    columns = [*reversed([name for name in COLUMNS if name != "cover"])]
    whole = read(folder, sheet(rows, columns))
    assert places(whole.problems) == [(2, "account"), (5, "row_id")]

    kept = whole.only_valid()
    assert kept.problems == ()
    assert [row.row_id for row in kept.rows] == ["us-1"]
    rejected = list(csv.DictReader(io.StringIO(manifest.rejects_csv(kept), newline="")))
    assert list(rejected[0]) == [*columns, "problems"]
    assert [{name: row[name] for name in columns} for row in rejected] == [
        {name: row[name] for name in columns} for row in (rows[0], rows[2])
    ]
    assert "row 2, account: 'a b' is no TikTok handle" in rejected[0]["problems"]

    # Mended in the file of rejects itself, which is a manifest as any other.
    mended = manifest.rejects_csv(kept).replace("a b", "@ab").replace("us 2", "us-2")
    assert [row.row_id for row in read(folder, mended).rows] == ["bad", "us-2"]


def test_nothing_goes_on_without_what_could_not_be_read(folder: Path) -> None:
    stray = read(folder, sheet([PULL]) + 'us-2,"pull" oops,@x\n').only_valid()
    assert places(stray.problems) == [(3, "file")]
    nothing = read(folder, sheet([PULL | {"post_id": ""}])).only_valid()
    assert places(nothing.problems) == [(2, "post_id")]
    assert places(read(folder, "row_id\n").only_valid().problems)[0] == (1, "mode")


# What spreadsheets leave in their exports


def test_dirt_around_the_table_is_no_mistake(folder: Path) -> None:
    names = list(COLUMNS)
    spoken = {
        "row_id": "“Row\u00a0ID”",
        "landing_url": " Landing-URL ",
        "caption": "CAPTION\u200b",
        "time_zone": "Time  zone",
    }
    text = sheet([PUSH, PULL]).replace(",".join(names), ",".join(spoken.get(name, name) for name in names))
    lines = text.splitlines()
    dirty = "\r\n".join(["sep=,", ",,", lines[0] + ",,,", lines[1] + ",,,", lines[2].rstrip(","), ",,,,,", "", ""])
    read_manifest = read(folder, b"\xef\xbb\xbf" + dirty.encode())
    assert read_manifest.problems == ()
    assert [row.row_id for row in read_manifest.rows] == ["nz-1", "us-1"]
    assert read_manifest.rows[1].post_id == PULL["post_id"]
    wrong = dirty.replace("us-1", "us 1")
    assert places(read(folder, wrong).problems) == [(5, "row_id")]


def test_invisible_letters_are_taken_out_of_all_but_words(folder: Path) -> None:
    dirty = {
        "row_id": "\u00a0nz-1\u200b",
        "account": "\u202a@artist\u202c",
        "ad_account": "7100000000000000001\u00a0",
        "caption": "\u00a0Ça y est\u00a0! \u0645\u06cc\u200c\u062e ",
        "landing_url": "\ufeffhttps://example.com/song",
        "release_at": "2027-01-15\u00a000:00",
    }
    (row,) = read(folder, sheet([PUSH | dirty])).rows
    assert (row.row_id, row.account) == ("nz-1", "artist")
    assert row.caption == "Ça y est\u00a0! \u0645\u06cc\u200c\u062e"
    assert row.landing_url == "https://example.com/song"


def test_cells_beyond_the_header_are_a_mistake_of_their_row_alone(folder: Path) -> None:
    text = sheet([PULL, PULL | {"row_id": "b"}]).rstrip("\n") + ",stray\n"
    told = read(folder, text)
    assert places(told.problems) == [(3, "row")]
    assert [row.row_id for row in told.only_valid().rows] == ["us-1"]


@pytest.mark.parametrize("content", [b"PK\x03\x04 a workbook", b"\xd0\xcf\x11\xe0 an old one"])
def test_a_workbook_is_told_by_its_name(folder: Path, content: bytes) -> None:
    assert read(folder, content, name="release.xlsx").problems[0].problem == "is a workbook"


def test_names_that_others_use_are_hinted_at(folder: Path) -> None:
    told = read(folder, sheet([PUSH]).replace("tier", "wave", 1).replace("call_to_action", "CTA", 1)).problems
    assert {one.column: one.advice for one in told if one.problem == "is no column of a manifest"} == {
        "wave": "did you mean tier?",
        "cta": "did you mean call_to_action?",
    }
