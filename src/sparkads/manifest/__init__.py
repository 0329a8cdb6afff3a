"""
The manifest: a label's spreadsheet, one row for each post.

`read` finds every mistake at once, each with its row, its column, what was read and what to do. `bundle` puts the rows
and the files that they name into the object store, by content; only a manifest without a mistake can be bundled. A
file is a path beside the manifest or an address: `read` asks an address what it has, `bundle` downloads it.
"""

from sparkads.captions import MAX_CAPTION
from sparkads.manifest.bundling import bundle
from sparkads.manifest.columns import CALLS_TO_ACTION, COLUMNS, MAX_ROWS, MAX_TIER, MAX_URL, OPTIONAL
from sparkads.manifest.media import (
    COVER_SUFFIXES,
    LOOKS_AT_ONCE,
    MAX_COVER_BYTES,
    MAX_VIDEO_BYTES,
    MAX_VIDEO_SECONDS,
    VIDEO_SUFFIXES,
)
from sparkads.manifest.reading import MAX_FILE_BYTES, read
from sparkads.manifest.rejects import rejects_csv
from sparkads.manifest.rows import (
    Manifest,
    ManifestRow,
    Mode,
    Problem,
    Reject,
    ReleaseBundle,
    Source,
    Visibility,
)
from sparkads.manifest.schema import schema
from sparkads.manifest.template import template, template_yaml

__all__ = [
    "CALLS_TO_ACTION",
    "COLUMNS",
    "COVER_SUFFIXES",
    "LOOKS_AT_ONCE",
    "MAX_CAPTION",
    "MAX_COVER_BYTES",
    "MAX_FILE_BYTES",
    "MAX_ROWS",
    "MAX_TIER",
    "MAX_URL",
    "MAX_VIDEO_BYTES",
    "MAX_VIDEO_SECONDS",
    "OPTIONAL",
    "VIDEO_SUFFIXES",
    "Manifest",
    "ManifestRow",
    "Mode",
    "Problem",
    "Reject",
    "ReleaseBundle",
    "Source",
    "Visibility",
    "bundle",
    "read",
    "rejects_csv",
    "schema",
    "template",
    "template_yaml",
]
