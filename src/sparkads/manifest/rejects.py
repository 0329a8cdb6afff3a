"""Rows that were left behind, as a CSV that a person mends and hands in again."""

import csv
import io

from sparkads.manifest.columns import COLUMNS, PROBLEMS
from sparkads.manifest.rows import Manifest


def rejects_csv(manifest: Manifest) -> str:
    """The rejected rows: their cells as they stood there, and in the column `problems` why."""
    columns = [name for name in manifest.columns or COLUMNS if name != PROBLEMS]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, PROBLEMS])
    for reject in manifest.rejects:
        reasons = "\n".join(map(str, reject.problems))
        writer.writerow([*(reject.cells.get(name, "") for name in columns), reasons])
    return out.getvalue()
