"""Reading a manifest: seconds and memory, in a process that does nothing else."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.manifests import Sheet, in_four_weeks, mistaken, write_csv, write_videos, write_yaml

_AD_ACCOUNTS = [f"71{number:017}" for number in range(4)]


@dataclass(frozen=True)
class Check:
    """
    One manifest that was read.

    Attributes:
        kind: CSV, YAML, or a CSV in which every row has a mistake.
        rows: How many it has.
        file_bytes: Of the manifest itself.
        seconds: That reading it took.
        memory_bytes: The most that the process had.
        grown_bytes: By how much that is more than before it read.
    """

    kind: str
    rows: int
    file_bytes: int
    seconds: float
    memory_bytes: int
    grown_bytes: int

    @property
    def row_bytes(self) -> float:
        """Memory for each row."""
        return self.grown_bytes / self.rows


def measure_checks(sizes: Sequence[int], accounts: int) -> list[Check]:
    """Every kind of manifest in every size, one process each."""
    measured = []
    with TemporaryDirectory(prefix="sparkads-") as name:
        folder = Path(name)
        write_videos(folder)
        for size in sizes:
            handles = [f"check{number}" for number in range(accounts)]
            sheet = Sheet(size, handles, _AD_ACCOUNTS, in_four_weeks())
            write_csv(folder / "good.csv", sheet.cells())
            write_yaml(folder / "good.yaml", sheet.cells())
            write_csv(folder / "bad.csv", mistaken(sheet.cells()))
            measured += [
                _measured("CSV", size, folder / "good.csv", bad=0),
                _measured("YAML", size, folder / "good.yaml", bad=0),
                _measured("CSV, all rows wrong", size, folder / "bad.csv", bad=size),
            ]
    return measured


def _measured(kind: str, rows: int, path: Path, *, bad: int) -> Check:
    command = [sys.executable, "-m", "bench.one_check", str(path)]
    said = json.loads(subprocess.check_output(command))  # noqa: S603 - a module of ours
    if (said["good"], said["bad"]) != (rows - bad, bad):
        raise RuntimeError(f"{kind}: {said['good']:,} good and {said['bad']:,} bad rows were found in {rows:,}")
    return Check(kind, rows, path.stat().st_size, said["seconds"], said["most"], said["most"] - said["before"])
