"""TikTok's own Python SDK, unchanged but for its host, carries out a release against the simulator.

It has no call for reviews of ads: their status decides.
"""

from pathlib import Path

from tests.conftest import PYTHON
from tests.simulator.simulator_api import Api
from tests.system.foreign_release import check_official, task
from tests.wheel.installing import run

PROGRAM = Path(__file__).with_name("release.py")


async def test_the_official_python_sdk(api: Api, tmp_path: Path) -> None:  # R1
    told = await task(api, tmp_path)

    said = (await run(PYTHON, "-I", PROGRAM, told)).json

    await check_official(api, said)
