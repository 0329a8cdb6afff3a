"""Sheets for the tests of manifests: two good rows, and how they are written and read."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sparkads import manifest
from sparkads.manifest import COLUMNS, Manifest, Problem

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

PUSH = dict.fromkeys(COLUMNS, "") | {
    "row_id": "nz-1",
    "mode": "push",
    "account": "@artist",
    "ad_account": "7100000000000000001",
    "territory": "NZ",
    "location_id": "2186224",
    "time_zone": "Pacific/Auckland",
    "release_at": "2027-01-15 00:00",
    "visibility": "ads_only",
    "video": "teaser.mp4",
    "caption": "Out now",
    "landing_url": "https://example.com/song",
    "call_to_action": "LISTEN_NOW",
    "daily_budget": "50.00",
}
PULL = PUSH | {
    "row_id": "us-1",
    "mode": "pull",
    "visibility": "",
    "video": "",
    "caption": "",
    "post_id": "7400000000000000001",
}


def sheet(rows: Iterable[Mapping[str, str]], columns: Iterable[str] = COLUMNS) -> str:
    """Rows as CSV; columns that a row lacks are empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns), restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(folder: Path, content: str | bytes, *, name: str = "release.csv", territories: str | None = None) -> Manifest:
    """Write a manifest, and read it."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    second = None
    if territories is not None:
        second = folder / "territories.csv"
        second.write_text(territories)
    return manifest.read(path, now=NOW, territories=second)


def places(problems: Iterable[Problem]) -> list[tuple[int, str]]:
    """Row and column of each."""
    return [(problem.row, problem.column) for problem in problems]
