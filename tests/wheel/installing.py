"""Building the wheel, and installing it where nothing else of ours is."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import PYTHON, Label, Ran, run_command
from workers.local import Stack

CHECKOUT = Path(__file__).parents[2]
BACK_END = Path(__file__).with_name("back_end.py")


async def run(*command: str | Path, environment: dict[str, str] | None = None) -> Ran:
    """Run a command that has to go well."""
    ran = await run_command(*map(str, command), environment=environment)
    assert ran.code == 0, f"{' '.join(map(str, command))}\n{ran.out}\n{ran.err}"
    return ran


async def build_wheel(folder: Path) -> Path:
    """Build with what the virtual environment has, without the network."""
    await run(PYTHON, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT)
    (wheel,) = folder.glob("*.whl")  # noqa: ASYNC240 - one look into a folder of one file
    return wheel


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        return self.folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

    async def pip(self, *words: str | Path) -> Ran:
        """Run this project's pip on it."""
        return await run(
            *(PYTHON, "-m", "pip", "--python", self.python, "--disable-pip-version-check", "--no-input", *words),
            environment={"PYTHONPATH": ""},
        )

    async def back_end(self, stack: Stack, label: Label, handle: str, *, also: Path | None = None) -> Ran:
        """Run the back-end service against a stack; `also` is a further folder of packages."""
        return await run(
            # From its own folder: the checkout is nowhere on its path.
            *(self.python, BACK_END, stack.temporal_address, stack.object_store, label.bc_id, label.admin, handle),
            environment={"PYTHONPATH": str(also or "")},
        )


async def empty_environment(folder: Path) -> Environment:
    """A virtual environment with nothing in it."""
    await run(PYTHON, "-m", "venv", "--without-pip", folder)
    return Environment(folder)
