"""Reads a manifest from its file, CSV or YAML by its suffix: one model and one check for both."""

from datetime import UTC, datetime
from pathlib import Path

from sparkads.manifest.checking import check
from sparkads.manifest.read_csv import read_csv, read_territories
from sparkads.manifest.read_yaml import read_yaml
from sparkads.manifest.rows import Manifest, Problem
from sparkads.manifest.sheet import Sheet, of_file

YAML_SUFFIXES = (".yaml", ".yml")
MAX_FILE_BYTES = 64 * 1024 * 1024
"""The largest manifest with the longest of texts has half of it."""
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How Excel's and Numbers' own files begin."""


def read(path: Path, *, now: datetime | None = None, territories: Path | None = None) -> Manifest:
    """
    Read a manifest and find every mistake in it.

    Waits for the servers of the addresses in it: where that would hold others up, call it in a thread.

    Args:
        path: CSV as spreadsheets write it (UTF-8 with or without BOM; comma, semicolon or tab; quoted newlines), or
            YAML (.yaml, .yml); videos are looked for relative to its folder.
        now: times before it are mistakes; the present by default.
        territories: for a CSV, a second one: what rows of a territory fall back on. A YAML has it in itself.

    Raises:
        OSError: a file cannot be read.
    """
    sheet = _sheet(path, territories)
    return check(sheet, path.parent, now or datetime.now(UTC))


def _sheet(path: Path, territories: Path | None) -> Sheet:
    text = _text(path)
    if isinstance(text, Problem):
        return Sheet(problems=[text])
    if path.suffix.lower() in YAML_SUFFIXES:
        if territories is None:
            return read_yaml(text)
        told = of_file(1, "has its territories in itself", "write them below `territories:`, without --territories")
        return Sheet(problems=[told])
    fallbacks = Sheet()
    if territories is not None:
        more = _text(territories)
        if isinstance(more, Problem):
            return Sheet(problems=[more.model_copy(update={"column": "territories"})])
        fallbacks = read_territories(more)
    return read_csv(text, fallbacks)


def _text(path: Path) -> str | Problem:
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        return of_file(1, f"has more than {MAX_FILE_BYTES // 1024 // 1024} MB", "name the manifest, not a video")
    if raw.startswith(_WORKBOOKS):
        return of_file(1, "is a workbook", "save the sheet as CSV UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return of_file(raw[: error.start].count(b"\n") + 1, "is not UTF-8", "save the sheet as CSV UTF-8")
