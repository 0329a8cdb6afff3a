"""Examples to begin with: one push and one pull, as a CSV, and as a YAML that explains itself."""

import csv
import io
from datetime import UTC, datetime, timedelta

from sparkads.manifest.columns import COLUMNS


def template() -> str:
    """An example as CSV: the header, one push and one pull. A CSV has no comments: the YAML explains the columns."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(COLUMNS), restval="", lineterminator="\n")
    writer.writeheader()
    release_at = _release_at()
    both = {
        "release_at": release_at,
        "landing_url": "https://example.com/song",
        "call_to_action": "LISTEN_NOW",
    }
    push = {
        "row_id": "nz-1",
        "mode": "push",
        "account": "@artist",
        "ad_account": "7100000000000000001",
        "territory": "NZ",
        "location_id": "2186224",
        "time_zone": "Pacific/Auckland",
        "visibility": "profile",
        "video": "teaser.mp4",
        "caption": "Out now",
        "daily_budget": "50",
    }
    pull = {
        "row_id": "us-1",
        "mode": "pull",
        "account": "@artist.two",
        "ad_account": "7100000000000000002",
        "territory": "US",
        "location_id": "6252001",
        "time_zone": "America/New_York",
        "post_id": "7400000000000000001",
        "daily_budget": "80",
    }
    writer.writerows([push | both, pull | both])
    return out.getvalue()


def template_yaml() -> str:
    """The same as YAML, every column with its meaning; what repeats stands in defaults and territories."""
    columns = "\n".join(f"#   {name:<15} {meaning}" for name, meaning in COLUMNS.items())
    return f"""\
# A release manifest: one row for each post.
#
# A row takes what it does not say itself from its territory, and what that does not say either from defaults. Only
# row_id, account, territory, visibility and post_id are always said by the row (a territory also by defaults).
# Check it with: sparkads campaign check release.yaml
#
# Columns:
{columns}

defaults:
  release_at: {_release_at()}  # the wall clock of each row's zone: midnight everywhere
  landing_url: https://example.com/song
  call_to_action: LISTEN_NOW
  caption: Out now
  video: teaser.mp4  # looked for beside this file

territories:
  NZ:
    location_id: 2186224
    time_zone: Pacific/Auckland
    ad_account: 7100000000000000001
    daily_budget: 50
  US:
    location_id: 6252001
    time_zone: America/New_York
    ad_account: 7100000000000000002
    daily_budget: 80
    rights_until: {datetime.now(UTC) + timedelta(weeks=30):%Y-%m-%d}  # the whole of that day still counts

rows:
  - row_id: nz-1
    mode: push  # the video becomes a post of the account
    account: "@artist"
    territory: NZ
    visibility: profile  # or ads_only: never guessed
  - row_id: us-1
    mode: pull  # a post that exists already; caption and video are its own
    account: "@artist.two"
    territory: US
    post_id: 7400000000000000001
"""


def _release_at() -> str:
    return f"{datetime.now(UTC) + timedelta(weeks=4):%Y-%m-%d} 00:00"
