"""The wheel, installed as its users do: by pip and over the network, next to a package that is called `workflows`."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.conftest import Label
from tests.wheel.installing import CHECKOUT, Environment, build_wheel, empty_environment, run
from workers.local import Stack

NEIGHBOURS = Path(__file__).with_name("neighbours.txt")


def _pins(folder: Path) -> Path:
    """Our lock as constraints: pip takes none with hashes for what is not in it."""
    pins = folder / "constraints.txt"
    locked = re.findall(r"^([a-z0-9._-]+==[^ ;\\]+)", (CHECKOUT / "requirements.lock").read_text(), re.MULTILINE)
    pins.write_text("\n".join(locked))
    return pins


def _digests(environment: Environment) -> dict[str, str]:
    theirs = sorted((environment.packages / "workflows").rglob("*.py"))
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in theirs}


@pytest.mark.timeout(300)
async def test_the_wheel_lives_next_to_another_workflows_package(stack: Stack, label: Label, tmp_path: Path) -> None:
    await label.seed_accounts("kiri")
    environment = await empty_environment(tmp_path / "venv")
    pins = _pins(tmp_path)
    await environment.pip("install", "--quiet", "--constraint", pins, "--requirement", NEIGHBOURS)
    before = _digests(environment)
    assert before

    await environment.pip("install", "--quiet", "--constraint", pins, await build_wheel(tmp_path))

    await environment.pip("check")
    ran = await environment.back_end(stack, label, "kiri")
    assert Path(ran.json["sparkads"]).is_relative_to(environment.packages)
    assert ran.json["workflows"] == str(environment.packages / "workflows" / "__init__.py")
    assert ran.json["theirs"].startswith("workflows.")
    assert ran.json["ours"] == []
    assert (ran.json["outcome"], ran.json["pending"]) == ("opened", "pending")
    assert ran.json["qr_bytes"] > 0
    shown = await run(environment.folder / "bin" / "sparkads", "--help", environment={"PYTHONPATH": ""})
    assert "Usage" in shown.out
    assert _digests(environment) == before

    await environment.pip("uninstall", "--quiet", "--yes", "sparkads")

    assert _digests(environment) == before
    await run(environment.python, "-I", "-c", "import workflows; workflows.Workflow", environment={"PYTHONPATH": ""})
