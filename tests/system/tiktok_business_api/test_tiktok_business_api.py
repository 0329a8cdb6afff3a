"""TikTok-Business-API, a client that TikTok did not write, carries out a release against the simulator.

It has methods for identities, files, campaigns, ad groups and ads. It has none that works for Business Centers,
members, assets, posts and reviews: they are read through its general `get`, by paths of ours.
"""

from pathlib import Path

import pytest

from tests.simulator.simulator_api import Api, mp4, signature
from tests.small_media import box
from tests.system.foreign_release import check_release, task
from tests.wheel.installing import empty_environment, run

PROGRAM = Path(__file__).with_name("release.py")
LOCK = Path(__file__).with_name("requirements.lock")


@pytest.mark.timeout(300)
async def test_tiktok_business_api(api: Api, tmp_path: Path) -> None:  # R1
    told = await task(api, tmp_path)
    large = tmp_path / "large.mp4"
    large.write_bytes(mp4() + box(b"free", bytes(21 * 1024**2)))
    environment = await empty_environment(tmp_path / "venv")
    await environment.pip("install", "--quiet", "--require-hashes", "--requirement", LOCK)

    # Isolated: the checkout, with a `tiktok` of its own, is nowhere on its path.
    said = (await run(environment.python, "-I", PROGRAM, told, large)).json

    await check_release(api, said)
    assert said["refused"]["code"] == 40105
    assert {key: one["is_approved"] for key, one in said["reviews"].items()} == {
        ad["ad_id"]: True for ad in said["ads"]["list"]
    }
    assert said["large"]["signature"] == signature(large.read_bytes())
    (paused,) = [ad for ad in (await api.state())["ads"] if ad["operation_status"] == "DISABLE"]
    assert said["paused"]["ad_ids"] == [paused["ad_id"]]
