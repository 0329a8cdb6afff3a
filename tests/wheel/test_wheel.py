"""The wheel holds the client and nothing that gets into anybody's way."""

import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.conftest import Label
from tests.wheel.installing import Environment, build_wheel, empty_environment
from workers.local import Stack

THEIRS = {
    "workflows/__init__.py": "class Workflow:\n    '''Of somebody else.'''\n",
    "workflows/steps.py": "STEPS = ()\n",
    "workers/__init__.py": "",
}
"""Packages of others that are called as folders of this checkout are: two that can be installed from the registry."""


@pytest.fixture(scope="module")
async def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
async def environment(tmp_path: Path) -> Environment:
    """A virtual environment in which somebody else's packages are installed."""
    environment = await empty_environment(tmp_path / "venv")
    for name, text in THEIRS.items():
        file = environment.packages / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return environment


def _description(wheel: Path) -> str:
    name, version, *_ = wheel.name.split("-")
    return f"{name}-{version}.dist-info"


async def test_it_holds_one_package_and_its_description(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = archive.namelist()

    assert {name.split("/")[0] for name in held} == {"sparkads", _description(wheel)}
    assert "sparkads/py.typed" in held
    sources = Path(__file__).parents[2] / "src"
    wanted = {
        str(path.relative_to(sources)) for path in sources.glob("sparkads/**/*") if path.suffix in {".py", ".typed"}
    }
    assert {name for name in held if name.startswith("sparkads/")} == wanted


async def test_it_asks_for_what_a_client_needs_and_no_server(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{_description(wheel)}/METADATA").decode()
        commands = archive.read(f"{_description(wheel)}/entry_points.txt").decode()

    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert any("temporalio" in line for line in needed)
    assert not [line for line in needed for server in ("asyncpg", "aiohttp", "sqlalchemy", "alembic") if server in line]
    assert "sparkads = sparkads.cli:main" in commands


async def test_a_service_next_to_packages_of_the_same_names_drives_a_real_workflow(
    wheel: Path, environment: Environment, stack: Stack, label: Label
) -> None:
    await label.seed_accounts("kiri")
    await environment.pip("install", "--quiet", "--no-deps", "--no-index", wheel)

    # Dependencies come from this project's environment; as a folder on the path, its link to the checkout is not read.
    ran = await environment.back_end(stack, label, "kiri", also=Path(sysconfig.get_path("purelib")))

    assert Path(ran.json["sparkads"]).is_relative_to(environment.packages)
    assert ran.json["workflows"] == str(environment.packages / "workflows" / "__init__.py")
    assert ran.json["ours"] == []
    assert (ran.json["outcome"], ran.json["pending"]) == ("opened", "pending")
    assert ran.json["qr_bytes"] > 0
    _untouched(environment)

    await environment.pip("uninstall", "--quiet", "--yes", "sparkads")

    assert not (environment.packages / "sparkads").exists()
    _untouched(environment)


def _untouched(environment: Environment) -> None:
    for name, text in THEIRS.items():
        assert (environment.packages / name).read_text() == text
