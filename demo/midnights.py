"""
The example's midnights, moved to a few seconds from now.

Nobody waits 21 hours for a demo. Each zone's midnight becomes a wall time of that zone, with seconds, a little ahead of
now; the order of the zones and the proportions between them stay. From there on nothing knows that it is a demo.
"""

import csv
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sparkads import clock
from sparkads.manifest import ManifestRow

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "midnight-release.csv"

SPAN = timedelta(seconds=12)
"""From the first midnight to the last."""


class Midnight(NamedTuple):
    """One zone's midnight as it is written, and the instant that stands for it."""

    time_zone: str
    real: datetime
    staged: datetime


def first_second_after(moment: datetime) -> datetime:
    """Manifests have whole seconds."""
    return moment.replace(microsecond=0) + timedelta(seconds=1)


def staged_midnights(rows: Sequence[ManifestRow], first: datetime) -> list[Midnight]:
    """The zones' midnights in their order; the first of them becomes `first`, the last `SPAN` later."""
    real = {row.time_zone: clock.instant(row.release_at, row.time_zone) for row in rows if row.release_at is not None}
    earliest, latest = min(real.values()), max(real.values())
    scale = SPAN / (latest - earliest)
    return [
        Midnight(zone, moment, first + timedelta(seconds=math.ceil((moment - earliest).total_seconds() * scale)))
        for zone, moment in sorted(real.items(), key=lambda one: one[1])
    ]


def write_manifest(path: Path, midnights: Sequence[Midnight], example: Path = EXAMPLE) -> Path:
    """A copy of the example whose wall times are the staged ones; nothing else is changed."""
    walls = {one.time_zone: f"{one.staged.astimezone(ZoneInfo(one.time_zone)):%Y-%m-%d %H:%M:%S}" for one in midnights}
    with example.open(encoding="utf-8", newline="") as source, path.open("w", encoding="utf-8", newline="") as copy:
        reader = csv.DictReader(source)
        writer = csv.DictWriter(copy, reader.fieldnames or [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "release_at": walls[row["time_zone"]]} for row in reader)
    return path


def before_everything() -> datetime:
    """A present from which the example's midnights lie ahead, in whatever year the demo runs."""
    return datetime(2026, 1, 1, tzinfo=UTC)
