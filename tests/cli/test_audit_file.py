"""`sparkads audit verify --file`: an exported trail is checked where there is no server and no setting."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sparkads.audit import Line, hash_of, start_of
from tests.conftest import PYTHON, Ran, run_command

BC = "7300000000000000001"


async def verify(path: Path, *words: str) -> Ran:
    """The command, in a folder where nothing is set up and with an environment that is wrong for any server."""
    environment = {
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "TEMPORAL_CONFIG_FILE": "/dev/null",
        "SPARKADS_OBJECT_STORE": "no URL",
        "SPARKADS_ACTOR": "nobody",
    }
    return await run_command(
        PYTHON, "-m", "sparkads", "audit", "verify", "--file", str(path), *words, environment=environment
    )


def trail(count: int) -> list[dict[str, Any]]:
    previous, lines = start_of(BC), []
    for number in range(1, count + 1):
        line = Line(
            number=number,
            at=f"2027-01-15T05:00:00.{number:06}Z",
            bc_id=BC,
            actor=f"72{number}",
            action="release paused",
            subject=f"campaign midnight-{number}",
            reason="naïve, 日本語\n👩‍🎤 \u2028",
            workflow_id="campaign/midnight",
            run_id="run",
            hash="",
        )
        previous = hash_of(previous, line)
        lines.append(line.model_dump() | {"hash": previous})
    return lines


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines))
    return path


async def test_an_export_that_nobody_touched_is_whole(tmp_path: Path) -> None:
    lines = trail(5)
    path = write(tmp_path / "trail.jsonl", lines)

    said = await verify(path)
    assert (said.code, said.err) == (0, "")
    for text in (f"The audit trail of Business Center {BC} is whole", lines[-1]["hash"]):
        assert text in said.out

    # A head that was kept earlier, when the trail was shorter; typed in capitals.
    document = await verify(path, "--head", lines[2]["hash"].upper(), "--json")
    assert document.code == 0
    assert document.json == {"ok": True, "bc_id": BC, "lines": 5, "head": lines[-1]["hash"], "broken": None}


async def test_a_trail_that_went_through_another_program_is_the_same_trail(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_bytes(b"\r\n".join(json.dumps(line, sort_keys=True).encode() for line in trail(3)))

    assert (await verify(path)).code == 0


def _alter(lines: list[dict[str, Any]]) -> None:
    lines[2]["subject"] = "campaign \x1b[2Jnobody"
    lines[3]["reason"] = "nicer"


def _remove(lines: list[dict[str, Any]]) -> None:
    del lines[2]


def _swap(lines: list[dict[str, Any]]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def _forge(lines: list[dict[str, Any]]) -> None:
    lines.insert(2, lines[2] | {"actor": "forger"})


@pytest.mark.parametrize(
    ("change", "flaw", "text"),
    [
        (
            _alter,
            "altered",
            (
                "line 3 was altered, or line 2 with its hash: its hash does not fit what it says; it says: "
                "2027-01-15T05:00:00.000003Z · 723 · release paused · campaign \ufffd[2Jnobody"
            ),
        ),
        (_remove, "missing", "line 3 is missing: line 4 stands in its place"),
        (_swap, "reordered", "line 3 is not in its place: it stands behind later ones"),
        (_forge, "reordered", "line 3 is not in its place"),
    ],
)
async def test_the_first_line_that_is_not_as_it_was_is_named(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], None], flaw: str, text: str
) -> None:
    lines = trail(5)
    change(lines)
    path = write(tmp_path / "trail.jsonl", lines)

    said = await verify(path)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"AuditBroken: {text}")
    assert said.err.count("\n") == 1

    document = await verify(path, "--json")
    assert document.code == 1
    assert document.json["ok"] is False
    assert (document.json["broken"]["number"], document.json["broken"]["flaw"]) == (3, flaw)
    assert document.json["error"]["type"] == "AuditBroken"
    assert document.json["lines"] == len(lines)


async def test_a_tail_that_was_cut_off_shows_with_the_head_that_was_kept(tmp_path: Path) -> None:
    lines = trail(5)
    path = write(tmp_path / "trail.jsonl", lines[:4])

    assert (await verify(path)).code == 0
    said = await verify(path, "--head", lines[-1]["hash"])
    assert said.code == 1
    assert said.err.startswith(f"AuditBroken: no line has the hash {lines[-1]['hash']}: the trail was cut off or rewri")


async def test_a_file_that_is_no_export_has_all_its_mistakes_listed(tmp_path: Path) -> None:
    lines = trail(7)
    del lines[1]["reason"]
    lines[2]["number"] = "3"
    lines[3]["note"] = "mine"
    path = tmp_path / "trail.jsonl"
    texts = [json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join([*texts[:4], b"", b"[1]", b"{", b'{"subject": "\xff"}', *texts[5:]]))

    said = await verify(path)

    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        "BadInput: 7 mistakes",
        f"  {path}, line 2: reason: Field required",
        f"  {path}, line 3: number: Input should be a valid integer",
        f"  {path}, line 4: note: Extra inputs are not permitted",
        f"  {path}, line 5: no JSON object",
        f"  {path}, line 6: no JSON object",
        f"  {path}, line 7: no JSON object",
        f"  {path}, line 8: no JSON object",
    ]
    document = await verify(path, "--json")
    assert (document.code, len(document.json["error"]["problems"])) == (2, 7)


async def test_a_file_of_something_else_is_not_listed_without_end(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text("row_id,mode\n" * 5000)

    said = await verify(path)

    assert said.code == 2
    assert len(said.err.splitlines()) == 102
    assert "4900 more lines are wrong" in said.err


@pytest.mark.parametrize(
    ("content", "words", "text"),
    [
        (None, (), "No such file or directory"),
        ("", (), "holds no line, so there is nothing to check"),
        ("{}", ("--head", "abc"), "--head 'abc': the 64 hex digits of a head hash are wanted"),
        ("{}", (BC,), "BC and --file: one of the two is wanted"),
    ],
)
async def test_what_cannot_be_checked_is_bad_input(
    tmp_path: Path, content: str | None, words: tuple[str, ...], text: str
) -> None:
    path = tmp_path / "trail.jsonl"
    if content is not None:
        path.write_text(content)

    said = await verify(path, *words)

    assert (said.code, said.out) == (2, "")
    assert text in said.err


async def test_no_trail_at_all_is_bad_input() -> None:
    said = await run_command(PYTHON, "-m", "sparkads", "audit", "verify")

    assert said.code == 2
    assert "name a trail: BC, or --file FILE" in said.err


async def test_a_long_trail_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = write(tmp_path / "trail.jsonl", trail(40_000))
    assert path.stat().st_size > 12_000_000
    script = (
        "import resource, sys\n"
        "from sparkads.cli.audit import _check_file\n"
        "from pathlib import Path\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "_, verdict = _check_file(Path(sys.argv[1]), None)\n"
        "print(verdict.lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )

    said = await run_command(sys.executable, "-c", script, str(path), environment=dict(os.environ))

    assert said.code == 0, said.err
    count, grown_kib = map(int, said.out.split())
    assert count == 40_000
    assert grown_kib < 4 * 1024
