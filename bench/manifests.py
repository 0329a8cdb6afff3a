"""Manifests to measure with: rows over accounts, ad accounts and territories, with real video files beside them."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from struct import pack

from demo.video import write_video
from sparkads.manifest import COLUMNS, OPTIONAL

VIDEOS = 50
"""Different videos: an account gets each of them once, so that 200 accounts make 10,000 rows."""

TERRITORIES = (
    ("NZ", "2186224", "Pacific/Auckland"),
    ("AU", "2077456", "Australia/Sydney"),
    ("JP", "1861060", "Asia/Tokyo"),
    ("IN", "1269750", "Asia/Kolkata"),
    ("DE", "2921044", "Europe/Berlin"),
    ("FR", "3017382", "Europe/Paris"),
    ("GB", "2635167", "Europe/London"),
    ("BR", "3469034", "America/Sao_Paulo"),
    ("MX", "3996063", "America/Mexico_City"),
    ("US", "6252001", "America/New_York"),
)
CANARIES = 10
"""One account in so many, in each territory, is of tier 0, which goes out first; the others are of tier 1."""


@dataclass(frozen=True)
class Sheet:
    """
    What a manifest of some size is made of.

    Attributes:
        rows: How many.
        accounts: Handles that they are spread over; of one territory each.
        ad_accounts: That each account's rows are spread over.
        release_at: Wall time in the zone of each row, or `now`.
    """

    rows: int
    accounts: Sequence[str]
    ad_accounts: Sequence[str]
    release_at: str

    def cells(self) -> Iterator[dict[str, str]]:
        """The rows, as text by column."""
        return islice(self._all(), self.rows)

    def _all(self) -> Iterator[dict[str, str]]:
        for video in range(VIDEOS):
            for number, account in enumerate(self.accounts):
                territory, location_id, time_zone = TERRITORIES[number % len(TERRITORIES)]
                yield {
                    "row_id": f"{territory.lower()}-{number}-{video}",
                    "mode": "push",
                    "account": f"@{account}",
                    "ad_account": self.ad_accounts[(number + video) % len(self.ad_accounts)],
                    "territory": territory,
                    "location_id": location_id,
                    "time_zone": time_zone,
                    "release_at": self.release_at,
                    "visibility": "ads_only",
                    "video": f"video-{video}.mp4",
                    "caption": f"Out now {video}",
                    "landing_url": f"https://example.com/song?from={account}",
                    "call_to_action": "LISTEN_NOW",
                    "daily_budget": "50",
                    "tier": "0" if number // len(TERRITORIES) % CANARIES == 0 else "1",
                }


def in_four_weeks() -> str:
    """A wall time that no check finds fault with."""
    return f"{datetime.now(UTC) + timedelta(weeks=4):%Y-%m-%d} 00:00"


def mistaken(rows: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The same rows with a mistake in each, of many kinds; no two rows write the same wrong thing."""
    for number, row in enumerate(rows):
        mistakes = (
            {"time_zone": f"{row['time_zone']}{number}"},
            {"release_at": "2020-01-01 00:00"},
            {"video": f"missing-{number}.mp4"},
            {"caption": row["caption"] * 20},
            {"ad_account": f"7.1E+{number}"},
            {"call_to_action": f"LISTEN_{number}"},
            {"daily_budget": f"fifty {number}"},
            {"row_id": "the-same"},
            {"account": ""},
            {"landing_url": f"example.com/{number}"},
        )
        # The first row is the one whose id the others repeat.
        yield row | ({"row_id": "the-same", "account": ""} if number == 0 else mistakes[number % len(mistakes)])


def write_videos(folder: Path) -> None:
    """The files that rows name: one video that plays, each time with another end, so that no two are the same."""
    first = write_video(folder / "video-0.mp4").read_bytes()
    for number in range(1, VIDEOS):
        content = str(number).encode()
        # A box that players pass over (ISO/IEC 14496-12, 8.1.2).
        (folder / f"video-{number}.mp4").write_bytes(first + pack(">I4s", 8 + len(content), b"free") + content)


def write_csv(path: Path, rows: Iterator[dict[str, str]]) -> None:
    """A manifest as a spreadsheet exports it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        columns = [column for column in COLUMNS if column not in OPTIONAL or column == "tier"]
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def write_yaml(path: Path, rows: Iterator[dict[str, str]]) -> None:
    """The same as YAML, every value in the row itself."""
    with path.open("w", encoding="utf-8") as file:
        file.write("rows:\n")
        for row in rows:
            lines = (f"{column}: {json.dumps(text)}" for column, text in row.items() if text)
            file.write("  - " + "\n    ".join(lines) + "\n")
