"""Whatever a file holds: mistakes with row and column, or rows; never a traceback, never a row that is half good."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from manifest_sheets import NOW, PULL, PUSH, sheet

from sparkads import manifest
from sparkads.manifest import COLUMNS, Manifest
from tests import small_media

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = [*COLUMNS, "problems", "wave", "rows", "defaults", "territories", "<<", "", "NZ", "NO", "*"]
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        sorted(
            {*PUSH.values(), *PULL.values(), "now", "..", "/", "~", "\0", '"', "9999-12-31 23:59", "1e999999", "NaN"}
            | {"-0", "0x1F", "1_000", "no", "NO", "null", "2027-01-15", "0001-01-01", "7.1E+18", "https://", "\ud7ff"}
            | {"https://[", "http://example.com/a.mp4", "file:///etc/passwd", "\u202e", "\ufeff", "9" * 5000, "{", "&a"}
        )
    ),
)
ROWS = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from(list(COLUMNS)), CELLS, max_size=4).map(lambda cells: PUSH | cells),
        st.dictionaries(st.sampled_from(list(COLUMNS)), CELLS, max_size=4).map(lambda cells: PULL | cells),
        st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELLS)),
    ),
    min_size=1,
    max_size=4,
)
SCALARS = st.one_of(CELLS, st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes())
SHAPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dirty")
    (folder / "teaser.mp4").write_bytes(small_media.video())
    return folder


def look(folder: Path, content: bytes, name: str, territories: bytes | None = None) -> Manifest:
    """Read it, and see to what holds for every manifest."""
    (folder / name).write_bytes(content)
    second = None
    if territories is not None:
        second = folder / "territories.csv"
        second.write_bytes(territories)
    found = manifest.read(folder / name, now=NOW, territories=second)
    assert found.problems or found.rows
    lines = 2 + max(one.count(b"\n") + one.count(b"\r") for one in (content, territories or b""))
    for told in (*found.problems, *found.warnings):
        assert 1 <= told.row <= lines
        assert told.column
        assert told.problem
        assert told.advice
        assert len(str(told)) < 3000
    kept = found.only_valid()
    assert kept.rows == found.rows
    assert len({row.row_id for row in found.rows}) == len(found.rows)
    if found.rejects:
        assert found.problems
        manifest.rejects_csv(found)
    return found


@QUICK
@given(
    content=st.one_of(st.binary(max_size=200), st.binary(max_size=99).map(lambda one: ",".join(COLUMNS).encode() + one))
)
@example(content=b'"')
@example(content=b"\xff\xfe")
@example(content=b"sep=;")
@example(content=",".join(COLUMNS).encode() + b'\n"' + b"x" * 200_000)
def test_bytes_of_any_kind(folder: Path, content: bytes) -> None:
    look(folder, content, "any.csv")
    look(folder, content, "any.yaml")


@QUICK
@given(rows=ROWS, second=st.one_of(st.none(), ROWS))
@example(rows=[PUSH | {"cover": "9" * 5000}], second=None)
def test_cells_of_any_kind(folder: Path, rows: list[dict[str, str]], second: list[dict[str, str]] | None) -> None:
    territories = None if second is None else sheet(second).encode("utf-8", "replace")
    look(folder, sheet(rows).encode("utf-8", "replace"), "cells.csv", territories)


@QUICK
@given(data=st.data())
def test_good_sheets_that_were_damaged(folder: Path, data: st.DataObject) -> None:
    name, text = data.draw(st.sampled_from([("cut.csv", sheet([PUSH, PULL])), ("cut.yaml", manifest.template_yaml())]))
    for _ in range(data.draw(st.integers(1, 3))):
        at, until = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        until = min(until, at + 30)
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", text[at:until] * 2, '"', "\n", ";", ": ", "- ", "&a ", "*a", "\t"]))
            + text[until:]
        )
    look(folder, text.encode(), name)


@QUICK
@given(shape=SHAPES)
@example(shape={"rows": [10**400, -0.0, True, None]})
@example(shape={"rows": [{"territory": False, "daily_budget": 10**400, "tier": True, "release_at": 20270115}]})
def test_yaml_of_any_shape(folder: Path, shape: object) -> None:
    for content in (yaml.dump(shape, allow_unicode=True), json.dumps(shape, default=str)):
        look(folder, content.encode("utf-8", "replace"), "shape.yaml")


@QUICK
@given(
    rows=ROWS,
    defaults=st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=4),
    territories=st.dictionaries(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=3)),
)
def test_yaml_of_the_right_shape(
    folder: Path, rows: list[dict[str, str]], defaults: Mapping[str, object], territories: Mapping[str, object]
) -> None:
    document = {"defaults": defaults, "territories": territories, "rows": rows}
    look(folder, yaml.dump(document, allow_unicode=True).encode("utf-8", "replace"), "right.yaml")


@QUICK
@given(rows=ROWS)
@example(rows=[PUSH | {"row_id": "\x85", "account": "\u2028", "territory": "0"}])
def test_both_formats_find_the_same(folder: Path, rows: list[dict[str, str]]) -> None:
    rows = [row for row in rows if any(cell.strip() for cell in row.values())] or [PUSH]
    # Quoted, a line for each row: what is left of YAML is the text.
    lines = "".join(
        f"- {json.dumps({name: cell for name, cell in row.items() if cell}, ensure_ascii=False)}\n" for row in rows
    )
    from_yaml = look(folder, f"rows:\n{lines}".encode("utf-8", "replace"), "same.yaml")
    assume(all(one.column != "file" for one in from_yaml.problems))  # letters that YAML does not take
    from_csv = look(folder, sheet(rows).encode("utf-8", "replace"), "same.csv")
    if not any(letter in cell for row in rows for cell in row.values() for letter in "\r\n"):
        assert from_csv.rows == from_yaml.rows
        told = [[(one.column, one.problem) for one in found.problems] for found in (from_csv, from_yaml)]
        assert sorted(told[0]) == sorted(told[1])
