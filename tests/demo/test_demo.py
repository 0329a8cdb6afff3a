"""`python -m demo` as its reader runs it: one process, from nothing to the checked report."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from demo.midnights import EXAMPLE
from demo.phone import scan

CHECKOUT = Path(__file__).resolve().parents[2]


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def descendants(process: int) -> set[int]:
    """Process ids of all that a process has started, and of what those have started."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    unseen = [process]
    while unseen:
        news = children.get(unseen.pop(), [])
        found.update(news)
        unseen += news
    return found


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.timeout(120)
def test_the_whole_lifecycle_runs_and_holds_its_claims(tmp_path: Path) -> None:  # R1 R2 R5 R7 R8 R13 R14 R15
    demo = start(tmp_path, "--json")
    out, story = demo.communicate(timeout=110)

    assert demo.returncode == 0, story
    told = json.loads(out)
    assert told["ok"]
    assert len(told["checks"]) == 13
    assert [check["differences"] for check in told["checks"]] == [[]] * 13
    assert Counter(row["state"] for row in told["rows"]) == {"published": 18, "blocked": 2, "frozen": 2}
    assert {row["handle"] for row in told["rows"] if row["state"] == "blocked"} == {"dez.monroe"}
    assert {row["handle"] for row in told["rows"] if row["state"] == "frozen"} == {"june.arcade"}
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        assert [row["row_id"] for row in told["rows"]] == [row["row_id"] for row in csv.DictReader(file)]
    assert told["tiktok_calls"]["throttled"] == 0
    assert all(Path(file).stat().st_size for file in told["files"].values())
    code = scan(Path(told["files"]["qr_png"]))
    assert code.startswith("http://127.0.0.1:")
    for text in (out, story):
        assert code not in text
    assert "AdminOnly: R2" in story
    assert "squeezed into 12 s" in story


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reached", ["Temporal UI", "[Share]"])
def test_ctrl_c_leaves_nothing_running(tmp_path: Path, reached: str) -> None:
    demo = start(tmp_path)
    assert demo.stdout is not None
    assert demo.stderr is not None
    with demo.stdout, demo.stderr:
        assert any(reached in line for line in demo.stdout)
        started = descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read() + demo.stderr.read()

    assert demo.wait(timeout=30) == 130
    assert len(started) > 3
    assert [process for process in started if alive(process)] == []
    assert "Traceback" not in rest


def test_a_server_that_does_not_start_is_one_line(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "SPARKADS_QR_LIFETIME": "soon"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert demo.returncode == 3
    assert len(demo.stderr.splitlines()) == 1
    assert "SPARKADS_QR_LIFETIME" in demo.stderr
