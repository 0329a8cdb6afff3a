"""`sparkads campaign template|schema|check`, and how a manifest is given to plan and apply, before any server."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sparkads import manifest
from sparkads.cli import app
from tests import small_media
from tests.conftest import Ran

BC, ADMIN = "7300000000000000001", "7200000000000000001"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a video, and no Temporal anywhere."""
    monkeypatch.delenv("SPARKADS_ACTOR", raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("SPARKADS_OBJECT_STORE", (tmp_path / "objects").as_uri())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    return tmp_path


def run(*words: object) -> Ran:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return Ran(result.exit_code, result.stdout, result.stderr)


def write(path: Path, *changes: dict[str, str]) -> Path:
    push, pull = csv.DictReader(manifest.template().splitlines())
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(manifest.COLUMNS))
        writer.writeheader()
        writer.writerows(
            (pull if "post_id" in one else push) | {"row_id": f"r{n}"} | one for n, one in enumerate(changes)
        )
    return path


def test_the_yaml_template_can_be_checked(folder: Path) -> None:
    path = folder / "new.yaml"
    path.write_text(run("campaign", "template", "--yaml").out)
    assert path.read_text() == manifest.template_yaml()
    checked = run("campaign", "check", path)
    assert checked.code == 0
    assert "1 warning" in checked.out
    assert "2 rows" in checked.out
    assert run("campaign", "template", "--json").json["yaml"] == path.read_text()


def test_the_schema_is_printed_whole() -> None:
    assert json.loads(run("campaign", "schema").out) == manifest.schema()
    assert run("campaign", "schema", "--json").json == manifest.schema()


def test_mistakes_and_warnings_are_shown_together(folder: Path) -> None:
    path = write(folder / "one.csv", {"visibility": "profile"}, {"visibility": "ads_only", "account": "a b"})
    shown = run("campaign", "check", path)
    assert shown.code == 2
    assert "1 mistake; nothing was started" in shown.out
    assert "1 warning" in shown.out
    document = run("campaign", "check", path, "--json").json
    assert (document["ok"], document["rows"], document["rejected"]) == (False, 1, 1)
    assert [(one["row"], one["column"]) for one in document["problems"]] == [(3, "account")]
    assert [(one["row"], one["column"]) for one in document["warnings"]] == [(2, "visibility")]


def test_only_valid_shows_what_would_go_on(folder: Path) -> None:
    path = write(folder / "one.csv", {}, {"account": "a b"})
    shown = run("campaign", "check", path, "--only-valid")
    assert shown.code == 0
    assert "1 mistake; 1 row would stay behind" in shown.out
    assert "1 row " in shown.out
    document = run("campaign", "check", path, "--only-valid", "--json").json
    assert (document["ok"], document["rows"], document["rejected"]) == (True, 1, 1)
    assert [(one["row"], one["column"]) for one in document["problems"]] == [(3, "account")]
    assert not list(folder.glob("*.rejects*"))  # a check writes nothing

    nothing = run("campaign", "check", write(folder / "two.csv", {"account": "a b"}), "--only-valid")
    assert nothing.code == 2


def test_territories_come_from_a_second_sheet(folder: Path) -> None:
    path = write(folder / "one.csv", {"time_zone": "", "location_id": ""})
    sheet = folder / "territories.csv"
    sheet.write_text("territory;time_zone;location_id\n*;;6252001\nNZ;Pacific/Chatham;\n")
    assert run("campaign", "check", path).code == 2
    checked = run("campaign", "check", path, "--territories", sheet)
    assert checked.code == 0
    assert "Pacific/Chatham" in checked.out
    missing = run("campaign", "check", path, "--territories", folder / "none.csv")
    assert (missing.code, missing.err) == (2, f"BadInput: {folder / 'none.csv'}: No such file or directory\n")


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
def test_rows_are_left_behind_only_when_asked_and_never_silently(folder: Path, command: tuple[str, ...]) -> None:
    path = write(folder / "one.csv", {}, {"account": "a b"})
    words = ("campaign", *command, path, "--bc", BC, "--operator", ADMIN, "--as", ADMIN)
    refused = run(*words)
    assert refused.code == 2
    assert "row 3, account: 'a b'" in refused.err
    assert not list(folder.glob("*.rejects*"))

    wrong = run(*words, "--only-valid", "--approve-by", "yesterday")
    assert wrong.code == 2
    assert "row 3" not in wrong.err
    assert not list(folder.glob("*.rejects*"))

    unreachable = run(*words, "--only-valid")  # so far everything is as it should be
    assert unreachable.code == 3
    rejects = folder / "one.rejects.csv"
    assert f"1 row left behind, with the reasons: {rejects}" in unreachable.err
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["row_id"], row["account"], row["time_zone"]) == ("r1", "a b", "Pacific/Auckland")
    assert row["problems"].startswith("row 3, account: 'a b' is no TikTok handle")

    # Again: the same file. After somebody has begun to mend it: another one.
    run(*words, "--only-valid")
    assert list(folder.glob("*.rejects*")) == [rejects]
    rejects.write_text("mended")
    run(*words, "--only-valid")
    assert {one.name for one in folder.glob("*.rejects*")} == {"one.rejects.csv", "one.rejects-2.csv"}
    assert rejects.read_text() == "mended"
