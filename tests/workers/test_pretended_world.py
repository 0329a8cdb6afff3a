"""The world of `make up`: what the README tells a newcomer to type works as it stands."""

import re
from pathlib import Path

from tests.conftest import PYTHON, Simulator, run_command, until
from workers.local import Stack
from workers.pretended_world import settle

README = (Path(__file__).parents[2] / "README.md").read_text()


def command(beginning: str) -> list[str]:
    """A command of the README, as words."""
    found = re.search(rf"^sparkads ({beginning}[^#\n]*)", README, re.MULTILINE)
    assert found, beginning
    return found[1].split()


async def test_the_commands_of_the_readme_work_in_it(stack: Stack, simulator: Simulator) -> None:
    assert stack.simulator_url is not None
    await settle(stack.simulator_url, stack.database_url)
    actor = re.search(r"SPARKADS_ACTOR=(\d+)", README)
    assert actor
    environment = stack.environment | {"SPARKADS_ACTOR": actor[1]}

    async def sparkads(*words: str) -> dict[str, object]:
        ran = await run_command(PYTHON, "-m", "sparkads", *words, "--json", environment=environment)
        assert ran.code == 0, ran.out + ran.err
        answered: dict[str, object] = ran.json
        return answered

    asked = await sparkads(*command("access request"))
    url = str(asked["qr"]["url"])  # type: ignore[index]
    await simulator.post("owners/kiri/approve", {"url": url})

    async def authorized() -> bool:
        return bool((await sparkads(*command("accounts list")))["accounts"])

    await until(authorized, "kiri is authorized")
    shared = await sparkads(*command("accounts share"))
    assert shared["refused"] == 0
    told = await sparkads(*command("notices"))
    assert [one["kind"] for one in told["notifications"]] == ["authorized"]  # type: ignore[attr-defined]
