"""YAML, and what a row falls back on: its territory, then the defaults; the same rule in both formats."""

import json
from pathlib import Path
from typing import ClassVar

import jsonschema
import pytest
import yaml
from manifest_sheets import PULL, PUSH, places, read, sheet

from sparkads import manifest
from sparkads.manifest import COLUMNS
from tests import small_media

DEFAULTS = """\
defaults:
  ad_account: 7100000000000000001
  release_at: 2027-01-15 00:00
  landing_url: https://example.com/song
  call_to_action: LISTEN_NOW
  daily_budget: 50.00
  caption: Out now
  video: teaser.mp4
"""
TERRITORIES = """\
territories:
  NZ: {location_id: 2186224, time_zone: Pacific/Auckland, caption: Kia ora}
  NO: {location_id: 3144096, time_zone: Europe/Oslo, rights_until: 2027-06-30}
"""
ROWS = """\
rows:
  - {row_id: nz, mode: push, account: "@a.a", territory: NZ, visibility: profile}
  - {row_id: no, mode: push, account: "@b.b", territory: NO, visibility: ads_only}
  - {row_id: own, mode: push, account: "@c.c", territory: NO, visibility: ads_only, caption: Ute nå, daily_budget: 0070}
  - {row_id: pull, mode: pull, account: "@d.d", territory: NO, post_id: 0740}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    return tmp_path


def test_a_row_comes_before_its_territory_and_that_before_the_defaults(folder: Path) -> None:
    read_manifest = read(folder, ROWS + TERRITORIES + DEFAULTS, name="release.yaml")

    assert read_manifest.problems == ()
    rows = {row.row_id: row for row in read_manifest.rows}
    assert {name: row.caption for name, row in rows.items()} == {
        "nz": "Kia ora",
        "no": "Out now",
        "own": "Ute nå",
        "pull": "",  # what a pull cannot carry does not reach it
    }
    assert (rows["no"].territory, rows["no"].time_zone) == ("NO", "Europe/Oslo")  # NO is Norway
    assert rows["pull"].post_id == "0740"
    assert rows["own"].daily_budget == 70
    assert [str(row.rights_until) for row in read_manifest.rows] == ["None", *["2027-07-01 00:00:00"] * 3]


def test_a_csv_and_its_sheet_of_territories_say_the_same(folder: Path) -> None:
    from_yaml = read(folder, DEFAULTS + TERRITORIES + ROWS, name="release.yml")
    columns = ["row_id", "mode", "account", "territory", "visibility", "post_id", "caption", "daily_budget"]
    rows = [
        {"row_id": "nz", "mode": "push", "account": "@a.a", "territory": "NZ", "visibility": "profile"},
        {"row_id": "no", "mode": "push", "account": "@b.b", "territory": "NO", "visibility": "ads_only"},
        {"row_id": "own", "mode": "push", "account": "@c.c", "territory": "NO", "visibility": "ads_only"}
        | {"caption": "Ute nå", "daily_budget": "0070"},
        {"row_id": "pull", "mode": "pull", "account": "@d.d", "territory": "NO", "post_id": "0740"},
    ]
    parsed = yaml.load(DEFAULTS + TERRITORIES, Loader=yaml.BaseLoader)  # noqa: S506 - makes nothing but text
    lines = [{"territory": "*", **parsed["defaults"]}]
    lines += [{"territory": code, **cells} for code, cells in parsed["territories"].items()]
    territories = sheet(lines, ["territory", *sorted({name for line in lines for name in line} - {"territory"})])
    from_csv = read(folder, sheet(rows, columns), territories=territories)

    assert from_csv.problems == ()
    assert from_csv.rows == from_yaml.rows
    assert from_csv.videos == from_yaml.videos


def test_a_mistake_in_a_fallback_is_told_once_and_where_it_stands(folder: Path) -> None:
    text = (DEFAULTS + TERRITORIES + ROWS).replace("Europe/Oslo", "Europe/Olso").replace("50.00", "fifty")
    read_manifest = read(folder, text, name="release.yaml")

    assert places(read_manifest.problems) == [(6, "defaults.daily_budget"), (11, "territories.NO.time_zone")]
    assert read_manifest.problems[1].read == "Europe/Olso"
    assert {reject.row: len(reject.problems) for reject in read_manifest.rejects} == {13: 1, 14: 2, 15: 1, 16: 2}

    told = read(folder, sheet([PUSH | {"time_zone": ""}]), territories="territory,time_zone\n\nNZ,Nowhere\n")
    assert places(told.problems) == [(3, "territories.NZ.time_zone")]


def test_what_is_said_in_each_row_has_no_fallback(folder: Path) -> None:
    # Decision 6 of the domain: a visibility is never guessed.
    text = "defaults:\n  visibility: profile\n  captoin: x\nterritories:\n  NZ:\n    territory: DE\n" + ROWS
    problems = read(folder, text, name="release.yaml").problems
    assert places(problems)[:3] == [
        (2, "defaults.visibility"),
        (3, "defaults.captoin"),
        (6, "territories.NZ.territory"),
    ]
    assert problems[1].advice == "did you mean caption?"
    told = read(folder, sheet([PUSH]), territories="territory,row_id,wave\nNZ,a,1\n").problems
    assert [(one.row, one.column, one.advice) for one in told] == [
        (1, "territories.wave", "did you mean tier?"),
    ]
    told = read(folder, sheet([PUSH]), territories="territory;row_id\nNZ;a\n*;\nnz;\nNZ;b\n").problems
    assert places(told) == [
        (2, "territories.NZ.row_id"),
        (4, "territories.territory"),
        (5, "territories.territory"),
    ]


def test_columns_that_only_a_fallback_has_need_not_be_in_the_sheet(folder: Path) -> None:
    few = [name for name in COLUMNS if name not in {"location_id", "caption"}]
    told = read(folder, sheet([PUSH, PULL], few), territories="territory,location_id\nNZ,1\n").problems
    assert places(told) == [(1, "caption")]
    told = read(folder, sheet([PUSH | {"territory": "DE"}], few), territories="territory,location_id,caption\nNZ,1,x\n")
    assert places(told.problems) == [(2, "location_id"), (2, "caption")]
    assert places(told.warnings) == [(2, "territories.NZ")]  # nobody is there


def test_a_yaml_has_its_territories_in_itself(folder: Path) -> None:
    told = read(folder, ROWS, name="release.yaml", territories="territory\n")
    assert places(told.problems) == [(1, "file")]


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", (1, "file"), "is no manifest"),
        ("# nothing\n", (2, "file"), "is no manifest"),
        ("- row\n", (1, "file"), "is no manifest"),
        ("rows:\n", (1, "file"), "has no row"),
        ("defaults: {}\n", (1, "rows"), "is missing"),
        ("rows: nz\n", (1, "rows"), "is no list"),
        ("rows: []\nwaves: []\n", (2, "waves"), "is no part of a manifest"),
        ("rows: []\nrows: []\n", (2, "rows"), "stands there twice"),
        ("rows:\n- nz\n", (2, "row"), "is no row"),
        ("rows:\n- [nz]\n", (2, "row"), "is no row"),
        ("rows:\n- row_id: nz\n  row_id: de\n", (3, "row_id"), "stands in line 2 too"),
        ("rows:\n- row_id: nz\n  account:\n    name: x\n", (4, "account"), "is no single value"),
        ("rows:\n- row_id: nz\n  handle: x\n", (3, "handle"), "is no column of a manifest"),
        ("rows:\n- ? [a, b]\n  : c\n", (2, "row"), "is no name"),
        ("rows:\n- &a {row_id: nz}\n- *a\n", (2, "row"), "has an anchor"),
        ("rows:\n- row_id: &id nz\n- row_id: *id\n", (2, "row_id"), "has an anchor"),
        ("rows:\n- <<: {row_id: x}\n", (2, "row"), "is no name"),
        ("rows:\n- row_id: !!python/object:os.system x\n", (2, "row_id"), "has a tag"),
        ("rows:\n- row_id: !!binary aGVsbG8=\n", (2, "row_id"), "has a tag"),
        ("rows: []\n---\nrows: []\n", (2, "file"), "holds a second document"),
        ("rows:\n  - row_id: a\n - b\n", (3, "file"), "is no valid YAML"),
        ("rows:\n\t- a\n", (2, "file"), "is no valid YAML"),
        ("rows: []\nterritories: {New Zealand: {}}\n", (2, "territories.New Zealand"), "is no territory"),
        ("rows: []\nterritories: {NZ: {}, NZ: {}}\n", (2, "territories.NZ"), "stands in line 2 too"),
        ("rows: []\nterritories: {NZ: 1}\n", (2, "territories.NZ"), "is no list of names and values"),
        ("rows: []\ndefaults: none\n", (2, "defaults"), "is no list of names and values"),
        ("rows: [" * 3 + "\x01", (1, "file"), "has a character that YAML does not take"),
    ],
)
def test_what_is_no_manifest_in_yaml_says_where(folder: Path, text: str, place: tuple[int, str], problem: str) -> None:
    problems = read(folder, text, name="release.yaml").problems
    assert problem in [one.problem.partition(":")[0] for one in problems if (one.row, one.column) == place]


def test_no_bomb_grows(folder: Path) -> None:
    laughs = "rows:\n- &a {row_id: x}\n" + "".join(
        f"- &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
    )
    assert places(read(folder, laughs, name="bomb.yaml").problems)[0] == (2, "row")
    deep = read(folder, "rows: " + "[" * 100_000, name="deep.yaml").problems
    assert {one.column for one in deep} <= {"rows", "row", "file"}
    assert deep


def test_a_value_that_holds_an_address_is_shown_without_its_signature(folder: Path) -> None:
    text = 'rows:\n- row_id: x\n  video: &v "https://example.com/a.mp4?signature=s3cret"\n'
    read_manifest = read(folder, text, name="release.yaml")
    assert "s3cret" not in str(read_manifest.problems)
    text = "rows:\n- {row_id: x, video: 'https://example.invalid/a.mp4?signature=s3cret'}\n"
    assert "s3cret" not in repr(read(folder, text, name="release.yaml"))


# The template and the schema


def test_the_commented_template_needs_only_its_video(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(manifest.template_yaml())
    assert [(one.column, one.read) for one in manifest.read(path).problems] == [("defaults.video", "teaser.mp4")]
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    filled = manifest.read(path)
    assert filled.problems == ()
    as_csv = tmp_path / "template.csv"
    as_csv.write_text(manifest.template())
    same = manifest.read(as_csv).rows
    assert [row.model_copy(update={"rights_until": None}) for row in filled.rows] == list(same)
    assert all(f"#   {name} " in path.read_text() for name in COLUMNS)


def test_the_published_schema_is_up_to_date() -> None:
    published = Path(__file__).parents[2] / "docs/manifest.schema.json"
    assert json.loads(published.read_text()) == manifest.schema(), (
        "sparkads campaign schema > docs/manifest.schema.json"
    )


class Core(yaml.SafeLoader):
    """YAML 1.2, as editors read it: no dates, and no `NO` that is false."""

    yaml_implicit_resolvers: ClassVar = {
        letter: [one for one in resolvers if one[0].rpartition(":")[2] in {"int", "float", "null"}]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@pytest.mark.parametrize("loader", [yaml.BaseLoader, Core])
def test_the_schema_takes_what_the_check_takes(loader: type[yaml.BaseLoader]) -> None:
    jsonschema.Draft202012Validator.check_schema(manifest.schema())
    judge = jsonschema.Draft202012Validator(manifest.schema())
    for text in (manifest.template_yaml(), DEFAULTS + TERRITORIES + ROWS):
        assert list(judge.iter_errors(yaml.load(text, Loader=loader))) == []  # noqa: S506 - makes text and numbers


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"rows": []},
        {"rows": [{"row_id": "a"}]},
        {"rows": [{"row_id": "a", "account": "@aa", "wave": 1}]},
        {"rows": [{"row_id": "a", "account": "@aa", "tier": 100}]},
        {"rows": [{"row_id": "a", "account": "@aa", "daily_budget": 0}]},
        {"rows": [{"row_id": "a", "account": "@aa", "call_to_action": "LISTEN NOW"}]},
        {"rows": [{"row_id": "a", "account": "@aa"}], "defaults": {"visibility": "profile"}},
        {"rows": [{"row_id": "a", "account": "@aa"}], "territories": {"nz": {}}},
    ],
)
def test_the_schema_refuses_what_the_check_refuses(document: object) -> None:
    assert list(jsonschema.Draft202012Validator(manifest.schema()).iter_errors(document))
