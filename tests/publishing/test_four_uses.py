"""R14: the four uses, each end to end, from its manifest in examples/four-uses/ and by the client's own `release`."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from releasing import Release

from demo.midnights import Midnight, first_second_after, write_manifest
from sparkads import clock, manifest
from sparkads.client import SparkAds
from sparkads.contracts.release import HealthGate, TargetState
from sparkads.manifest import ManifestRow
from store import credentials
from store.database import Pool
from tests.conftest import Label, Simulator, stop_sweeping

EXAMPLES = Path(__file__).parents[2] / "examples"
FOUR_USES = EXAMPLES / "four-uses"
WORLD = json.loads((FOUR_USES / "world.json").read_text())
BRAND, AGENCY_1, AGENCY_2, AGENCY_3, LABEL = WORLD["business_centers"]
APART = timedelta(seconds=0.5)
"""Between two midnights, in place of hours."""


@pytest.fixture
async def uses(spark: SparkAds, simulator: Simulator, db: Pool, tmp_path: Path) -> AsyncIterator["Uses"]:
    await simulator.post("seed", WORLD)
    for center in WORLD["business_centers"]:
        await credentials.put(db, center["bc_id"], center["name"], SecretStr(center["access_token"]))
    shutil.copy(EXAMPLES / "harbour-lights.mp4", tmp_path)
    folder = tmp_path / "four-uses"
    folder.mkdir()
    yield Uses(spark, simulator, db, folder)
    await stop_sweeping()


class Uses:
    """The made-up world of the examples, whose owners approve when they are asked."""

    def __init__(self, spark: SparkAds, simulator: Simulator, db: Pool, folder: Path) -> None:
        self.spark = spark
        self.simulator = simulator
        self.db = db
        self._folder = folder

    async def release(self, center: dict[str, Any], example: str) -> Release:
        """Every owner in an example approves; then it is released, its midnights moved to some seconds from now."""
        admin = center["members"][0]["user_id"]
        label = Label(
            bc_id=center["bc_id"],
            admin=admin,
            operator=admin,
            standard="",
            ad_account=center["ad_accounts"][0]["advertiser_id"],
            simulator=self.simulator,
            spark=self.spark,
        )
        rows = manifest.read(FOUR_USES / example).rows
        handles = sorted({row.account for row in rows})
        await label.request(*handles)
        for handle in handles:
            await self.simulator.approve(handle, label.bc_id)
        await label.all_active(handles)
        file = write_manifest(self._folder / example, _soon(rows, 5 + 0.3 * len(handles)), FOUR_USES / example)
        run = Release(f"uses-{file.stem}", label, self.db)
        await self.spark.release(
            file,
            campaign_id=run.campaign_id,
            bc_id=label.bc_id,
            actor=admin,
            operator=admin,
            gate=HealthGate(hold_seconds=1),
        )
        return run


def _soon(rows: tuple[ManifestRow, ...], ahead: float) -> list[Midnight]:
    """The zones' midnights in their order."""
    first = first_second_after(datetime.now(UTC) + timedelta(seconds=ahead))
    real = {row.time_zone: clock.instant(row.release_at, row.time_zone) for row in rows if row.release_at is not None}
    ordered = sorted(real.items(), key=lambda one: one[1])
    return [
        Midnight(zone, moment, (first + number * APART).replace(microsecond=0))
        for number, (zone, moment) in enumerate(ordered)
    ]


async def test_a_brand_promotes_posts_of_its_own_account(uses: Uses) -> None:
    # R14 (a): in-house, pull.
    run = await uses.release(BRAND, "own-account.csv")

    assert {row.state for row in (await run.finished()).values()} == {TargetState.PUBLISHED}


async def test_several_agencies_promote_posts_of_the_same_creators(uses: Uses) -> None:
    # R14 (b), R6: an account may authorize any number of Business Centers, each with its own consent.
    agencies = {"agency-1.csv": AGENCY_1, "agency-2.csv": AGENCY_2, "agency-3.csv": AGENCY_3}
    runs = await asyncio.gather(*(uses.release(center, example) for example, center in agencies.items()))

    finished = await asyncio.gather(*(run.finished() for run in runs))

    assert {row.state for rows in finished for row in rows.values()} == {TargetState.PUBLISHED}
    # One agency's end is not another's.
    await uses.simulator.revoke("mara.runs", AGENCY_1["bc_id"])
    assert len(await runs[1].label.accounts()) == 3


async def test_a_label_pushes_a_video_at_midnight_in_24_time_zones(uses: Uses) -> None:
    # R14 (c): each zone at its own instant, a canary of two before all others.
    run = await uses.release(LABEL, "label-push.csv")

    done = await run.finished(within=60)

    assert len(done) == 24
    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    assert len({row.item_id for row in done.values()}) == 24
    for row_id, ads in (await run.ads()).items():
        assert len(ads) == 1
        assert datetime.fromisoformat(ads[0]["created_at"]) >= done[row_id].due_at


async def test_headquarters_push_one_video_to_regional_accounts(uses: Uses) -> None:
    # R14 (d): one video, uploaded once for each ad account, with a caption per region.
    run = await uses.release(BRAND, "regions.csv")

    done = await run.finished()

    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    world = await uses.simulator.get("state")
    videos = [video for video in world["videos"] if video["advertiser_id"] == run.label.ad_account]
    assert len(videos) == 1
    posts = {post["item_id"]: post["text"] for account in world["accounts"] for post in account["posts"]}
    captions = {row_id: posts[row.item_id or ""] for row_id, row in done.items()}
    assert captions["jp"] == "新しいローストが登場"
    assert len(set(captions.values())) == 5
