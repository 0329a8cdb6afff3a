"""TikTok's own JavaScript SDK, unchanged but for its host, carries out a release against the simulator.

It has no call for reviews of ads: their status decides.
"""

import shutil
from pathlib import Path

import pytest

from tests.simulator.simulator_api import Api
from tests.system.foreign_release import check_official, task
from tests.wheel.installing import run

FOLDER = Path(__file__).parent
FILES = ("release.js", "package.json", "package-lock.json", ".npmrc")


@pytest.mark.timeout(300)
async def test_the_official_javascript_sdk(api: Api, tmp_path: Path) -> None:  # R1
    told = await task(api, tmp_path)
    # Node.js looks for packages beside the program, and the checkout stays as it is.
    program = tmp_path / "program"
    program.mkdir()
    for name in FILES:
        shutil.copy(FOLDER / name, program)
    await run("npm", "ci", "--prefix", program)

    said = (await run("node", program / "release.js", told)).json

    await check_official(api, said)
