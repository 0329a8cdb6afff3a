"""TikTok's own JavaScript SDK, unchanged but for its host, carries out a release against the simulator.

It has no call for reviews of ads: their status decides.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import run_command
from tests.simulator.simulator_api import MEMBER, Api
from tests.system.foreign_release import check_business_center, check_identity, check_release, task

PROGRAM = Path(__file__).parent


@pytest.mark.timeout(300)
async def test_the_official_javascript_sdk(api: Api, tmp_path: Path) -> None:  # R1
    told = await task(api, tmp_path)
    # Node looks for packages beside the program, and the checkout stays as it is.
    program = shutil.copytree(PROGRAM, tmp_path / "program", ignore=shutil.ignore_patterns("*.py", "node_modules"))
    installed = await run_command("npm", "ci", "--prefix", str(program))
    assert installed.code == 0, installed.err

    ran = await run_command("node", str(program / "release.js"), str(told))

    assert ran.code == 0, ran.err
    said = ran.json
    check_business_center(said)
    check_identity(said, json.loads(told.read_text())["identity_id"])
    await check_release(api, said)
    assert said["library"]["list"][0]["signature"] == said["video"]["signature"]
    assert said["created"]["ad_ids"] == [ad["ad_id"] for ad in said["created"]["creatives"]]
    assert "40105" in said["refused"]
    (grant,) = (await api.state())["member_grants"]
    assert (grant["user_id"], grant["tt_account_roles"]) == (MEMBER, ["POST"])
