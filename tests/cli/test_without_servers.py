"""What the `sparkads` command does before it needs a server, or when there is none."""

import csv
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sparkads import manifest
from sparkads.cli import app
from sparkads.settings import WrongSettings, load_settings
from tests import small_media
from tests.conftest import PYTHON, Ran, run_command

BC, ASSET, ADMIN = "7300000000000000001", "7400000000000000001", "7200000000000000001"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing set for us, and no Temporal anywhere."""
    for name in ("SPARKADS_OBJECT_STORE", "SPARKADS_ACTOR", "SPARKADS_DEBUG", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def run(*words: object) -> Ran:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return Ran(result.exit_code, result.stdout, result.stderr)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path
        return
    for name, child in children.items():
        yield from commands(child, (*path, name))


ALL = sorted(commands(get_command(app)))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_of_every_command_has_examples_and_names_json(path: tuple[str, ...]) -> None:
    helped = run(*path, "--help")
    assert helped.code == 0
    assert "--json" in helped.out
    text = get_command(app)
    for word in path:
        text = text.commands[word]  # type: ignore[attr-defined]  # a group, as long as there are words
    _, _, examples = str(text.help).partition("Examples:\n")
    lines = [line.strip() for line in examples.splitlines()]
    assert len(lines) >= 2
    assert all(line.startswith(f"sparkads {' '.join(path)}") for line in lines)
    assert any("--json" in line for line in lines)


def test_the_help_says_the_exit_codes() -> None:
    helped = run("--help")
    for code in ("0 ", "1 ", "2 ", "3 ", "70 ", "130 "):
        assert f"\n   {code}" in helped.out


# Manifests


def write(path: Path, *changes: dict[str, str]) -> Path:
    rows = list(csv.DictReader(manifest.template().splitlines()))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(manifest.COLUMNS))
        writer.writeheader()
        writer.writerows(rows[number % 2] | {"row_id": f"r{number}"} | change for number, change in enumerate(changes))
    (path.parent / "teaser.mp4").write_bytes(small_media.video())
    return path


def test_the_template_can_be_checked(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text(run("campaign", "template").out)
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())

    checked = run("campaign", "check", path)
    assert checked.code == 0
    assert "2 rows" in checked.out
    assert "Pacific/Auckland" in checked.out
    document = run("campaign", "check", path, "--json").json
    assert (document["ok"], document["rows"]) == (True, 2)
    assert [(line["territory"], line["pushes"], line["pulls"]) for line in document["summary"]] == [
        ("NZ", 1, 0),
        ("US", 0, 1),
    ]
    assert run("campaign", "template", "--json").json["csv"] == path.read_text()


def test_every_mistake_of_a_manifest_is_shown_and_nothing_is_started(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bad name.csv",
        {"account": "[bold]nobody[/bold]"},
        {"post_id": "x"},
        {"territory": "nz", "caption": "\x1b[2Jcleared"},
    )
    checked = run("campaign", "check", path)
    assert checked.code == 2
    assert "3 mistakes" in checked.out
    assert "[bold]nobody[/bold]" in checked.out  # shown as it is, not as markup
    document = run("campaign", "check", path, "--json")
    assert document.code == 2
    assert [(problem["row"], problem["column"]) for problem in document.json["problems"]] == [
        (2, "account"),
        (3, "post_id"),
        (4, "territory"),
    ]
    # Starting it: the mistakes of the manifest and of the arguments together, before Temporal is even looked for.
    started = run(
        "campaign", "apply", path, "--yes", "--bc", "label", "--operator", ADMIN, "--request-deadline", "2020-01-01"
    )
    assert started.code == 2
    assert started.out == ""
    for text in (
        "7 mistakes",
        "row 2, account: '[bold]nobody[/bold]' is no TikTok handle",
        "row 3, post_id",
        "row 4, territory",
        "BC 'label'",
        "the campaign's id 'bad name'",
        "--as USER_ID, or SPARKADS_ACTOR",
        "--request-deadline '2020-01-01': is in the past",
    ):
        assert text in started.err
    error = run(
        "campaign", "apply", path, "--yes", "--bc", BC, "--operator", ADMIN, "--as", ADMIN, "--id", "x", "--json"
    )
    assert error.code == 2
    assert error.json["error"]["type"] == "BadInput"
    assert error.json["error"]["problems"][0]["advice"] == "write it like @artist"


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing.csv"
    checked = run("campaign", "check", missing)
    assert (checked.code, checked.out) == (2, "")
    assert checked.err == f"BadInput: {missing}: No such file or directory\n"
    assert run("campaign", "check", tmp_path, "--json").json["error"]["type"] == "BadInput"


def test_what_a_manifest_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", {"account": "\x1b]0;title\x07\x1b[2J"})
    for shown in (run("campaign", "check", path), run("campaign", "check", path, "--json")):
        assert shown.code == 2
        assert "\x1b" not in shown.out


# Bad input


def test_all_mistakes_of_a_request_are_named_at_once(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_bytes(b"\xef\xbb\xbfHandle;Name\r\n@good;A\r\n\r\nnot good;B\r\n@a/b;C\r\n")
    asked = run(
        *("access", "request", "label", "no handle", "--from", roster, "--policy", "today", "--deadline", "soon"),
        *("--scope", "videos-ads-only", "--scope", "videos-on-profile", "--remind-every", "0", "--as", "me"),
        "--json",
    )
    assert asked.code == 2
    problems = "\n".join(asked.json["error"]["problems"])
    for text in (
        "roster.csv, line 4: 'not good' is no TikTok handle",
        "roster.csv, line 5: '@a/b' is no TikTok handle",
        "--policy 'today': known are seed-2023",
        "exclude each other",
        "BC 'label'",
        "HANDLES 'no handle'",
        "--deadline 'soon': ISO 8601 is wanted",
        "--remind-every",
        "--as 'me'",
    ):
        assert text in problems
    assert len(asked.json["error"]["problems"]) == 9


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "has no handle in it"), (b"@ok\n\xff\n", "line 2: is not UTF-8"), (None, "No such file or directory")],
)
def test_files_that_hold_no_handles_say_so(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "handles.txt"
    if content is not None:
        path.write_bytes(content)
    asked = run("access", "request", BC, "--from", path, "--scope", "posts", "--as", ADMIN)
    assert asked.code == 2
    assert problem in asked.err


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (("accounts", "share", BC, "x", "y", "--as", ADMIN), ["ACCOUNT 'x'", "ACCOUNT 'y'", "name somebody"]),
        (("accounts", "share", BC, ASSET, "--member", "ada"), ["--member 'ada'", "say who you are"]),
        (("accounts", "unshare", BC, ASSET, "--ad-account", "x", "--as", "1"), ["--ad-account 'x'"]),
        (("accounts", "share", BC, "--member", "1", "--as", "1"), ["name the accounts, or say --all"]),
        (
            ("accounts", "share", BC, "@artist", "--ad-account", "1", "--until", "then", "--as", "1"),
            ["--until: is for members", "--until 'then'"],
        ),
        (
            ("accounts", "share", BC, "@artist", "--member", "1", "--partner", "us", "--identity", "x", "--as", "1"),
            ["--partner, --identity: are about ad accounts"],
        ),
        (("accounts", "status", BC, "@artist"), ["say who you are"]),
        (("access", "cancel", BC, "--reason", "r", "--as", "1"), ["name the requests, or say --all"]),
        (
            ("access", "cancel", BC, "artist", "--all", "--reason", "r", "--as", "1"),
            ["name the requests, or say --all"],
        ),
        (("access", "scan", BC, "artist", "--declined", "--expired-code", "--as", "1"), ["say one of them"]),
        (("access", "code", "x", "--scope", "posts"), ["BC 'x'", "say who you are"]),
        (("people", "x", "y"), ["BC 'x'", "USER_ID 'y'", "say who you are"]),
        (("accounts", "end", "x", ASSET, "--reason", "r" * 501, "--as", "1"), ["BC 'x'", "--reason"]),
        (("accounts", "list", BC), ["say who you are"]),
        (("access", "cancel", BC, "a b", "--reason", "", "--as", "1"), ["NAME 'a b'"]),
        (("access", "scan", BC, "a b"), ["HANDLE 'a b'", "say who you are"]),
        (("campaign", "status", "a/b"), ["the campaign's id 'a/b'"]),
        (("campaign", "pause", "a/b"), ["the campaign's id 'a/b'", "say who you are"]),
    ],
)
def test_wrong_arguments_are_all_named(words: tuple[str, ...], problems: list[str]) -> None:
    wrong = run(*words)
    assert (wrong.code, wrong.out) == (2, "")
    for problem in problems:
        assert problem in wrong.err
    assert len(run(*words, "--json").json["error"]["problems"]) == len(problems)


@pytest.mark.parametrize(
    "words",
    [("accounts", "list"), ("access", "request", BC), ("campaign", "nothing"), ("access", "status", BC, "--no")],
)
def test_wrong_usage_is_an_error_document_too(words: tuple[str, ...]) -> None:
    assert run(*words).code == 2
    wrong = run(*words, "--json")
    assert (wrong.code, wrong.json["error"]["type"], wrong.err) == (2, "BadInput", "")


# Settings


def test_all_wrong_settings_are_named_at_once(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text("[profile.default\n")
    environment.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    environment.setenv("SPARKADS_OBJECT_STORE", "ftp://user:secret@host/x?token=abc")
    environment.setenv("SPARKADS_ACTOR", "ada")
    wrong = run("accounts", "list", BC)
    assert wrong.code == 2
    assert wrong.err.count("\n") == 4
    for variable in ("TEMPORAL_*", "SPARKADS_OBJECT_STORE", "SPARKADS_ACTOR"):
        assert variable in wrong.err
    assert "secret" not in wrong.err
    assert "abc" not in wrong.err


@pytest.mark.parametrize("value", ["objects", "s3://", "file://host/x", "file:relative", "memory:///"])
def test_a_store_that_workers_cannot_share_is_refused(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("SPARKADS_OBJECT_STORE", value)
    with pytest.raises(WrongSettings, match="SPARKADS_OBJECT_STORE"):
        load_settings()


def test_defaults_are_those_of_a_local_stack(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv("TEMPORAL_ADDRESS")
    environment.setenv("SPARKADS_ACTOR", "")  # as good as not set
    settings = load_settings()
    assert (settings.temporal_address, settings.temporal.namespace) == ("localhost:7233", "default")
    assert settings.object_store == (tmp_path / ".local/objects").as_uri()
    assert settings.actor is None


# No server


async def test_no_temporal_is_one_line_with_its_address() -> None:
    began = time.monotonic()
    plain = await run_command(PYTHON, "-m", "sparkads", "accounts", "list", BC, "--as", ADMIN)
    assert time.monotonic() - began < 10
    assert (plain.code, plain.out) == (3, "")
    assert plain.err == "Unreachable: Temporal cannot be reached at 127.0.0.1:1: is it running? See TEMPORAL_ADDRESS\n"
    document = await run_command(PYTHON, "-m", "sparkads", "campaign", "status", "midnight", "--json")
    assert (document.code, document.json["error"]["type"], document.err) == (3, "Unreachable", "")


def test_a_server_that_says_nothing_is_given_up_within_seconds(environment: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        environment.setenv("TEMPORAL_ADDRESS", address)
        began = time.monotonic()
        gone = run("access", "status", BC)
        assert time.monotonic() - began < 20
    assert gone.code == 3
    assert address in gone.err
    assert gone.err.count("\n") == 1


async def test_a_bug_is_one_line_and_a_traceback_only_on_demand() -> None:
    script = (
        "import sys, sparkads.manifest as m\n"
        "m.template = lambda: 1 / 0\n"
        "from sparkads.cli import main\n"
        "sys.argv = ['sparkads', 'campaign', 'template']\n"
        "main()\n"
    )
    plain = await run_command(PYTHON, "-c", script)
    assert plain.code == 70
    assert plain.err.count("\n") == 1
    assert "SPARKADS_DEBUG=1" in plain.err
    loud = await run_command(PYTHON, "-c", script, environment={"SPARKADS_DEBUG": "1"})
    assert loud.code == 70
    assert "Traceback" in loud.err


async def test_a_reader_that_goes_away_is_no_crash() -> None:
    gone = await run_command("bash", "-c", f"set -o pipefail; {PYTHON} -m sparkads campaign template --json | true")
    assert "Traceback" not in gone.err
    assert gone.code in {0, 1}
