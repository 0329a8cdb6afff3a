"""Room for ads, of identities and in ad accounts: asked before the first ad is made."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from releasing import bundle, calls_so_far, delete, pull, push, release

from sparkads.client import SparkAds
from sparkads.contracts.release import Command, ReleaseInput, RetryTargets, TargetState
from store.database import Pool
from tests.conftest import QUICK, Label, Simulator, make_label, post_of, until
from workers.local import local_stack

LIMIT = 3


async def test_rows_beyond_the_room_of_an_identity_are_blocked(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    await label.simulator.post("config", {"ads_per_identity": LIMIT})
    try:
        first = await release(label, db, tmp_path, [pull("row0", "@kiri", label.ad_account, post_of("kiri"))])
        assert (await first.finished())["row0"].state is TargetState.PUBLISHED
        before = await calls_so_far(label)
        rows = [pull(f"row{number}", "@kiri", label.ad_account, post_of("kiri")) for number in range(1, 5)]
        run = await release(label, db, tmp_path, rows)
        done = await run.finished()
        after = await calls_so_far(label)
    finally:
        await label.simulator.post("config", {"ads_per_identity": 10_000})

    states = {row_id: row.state for row_id, row in done.items()}
    assert states == {
        "row1": TargetState.PUBLISHED,
        "row2": TargetState.PUBLISHED,
        "row3": TargetState.BLOCKED,
        "row4": TargetState.BLOCKED,
    }
    assert done["row4"].reason == (
        "TikTok allows 3 ads per identity; 1 are used for @kiri; delete ads that are over, then release the row again"
    )
    assert after["/asset/bind/quota/"] - before["/asset/bind/quota/"] == 1
    assert after["/ad/create/"] - before["/ad/create/"] == 1


@pytest.fixture
async def small() -> AsyncIterator[tuple[Label, Pool]]:
    """A label whose worker knows that an ad account takes three Spark Ads, as TikTok would with its ten thousand."""
    async with (
        local_stack(None, environment=QUICK | {"SPARKADS_ADS_PER_AD_ACCOUNT": str(LIMIT)}) as stack,
        asyncpg.create_pool(stack.database_url, min_size=1, max_size=5) as db,
        aiohttp.ClientSession() as http,
    ):
        simulator = Simulator(str(stack.simulator_url), http)
        await simulator.post("config", {"tier": "unlimited", "ads_per_advertiser": LIMIT})
        await simulator.post(
            "clock", dict.fromkeys(("scan_seconds", "link_seconds", "review_seconds", "transcode_seconds"), 0)
        )
        spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
        yield await make_label(simulator, spark, db), db


async def test_rows_beyond_the_room_of_an_ad_account_are_blocked_and_go_once_there_is_some(
    small: tuple[Label, Pool], tmp_path: Path
) -> None:
    label, db = small
    await label.authorized("kiri", "bodhi")
    first = await release(label, db, tmp_path, [push("row0", "@kiri", label.ad_account)])
    assert (await first.finished())["row0"].state is TargetState.PUBLISHED
    owners = enumerate(["@kiri", "@bodhi"] * 2, start=1)
    rows = [push(f"row{number}", owner, label.ad_account, video=f"{number}.mp4") for number, owner in owners]
    reason = (
        f"TikTok allows 3 Spark Ads per ad account; 1 are used in {label.ad_account}; "
        "delete ads that are over, then release the row again"
    )
    asked = ReleaseInput(
        campaign_id="planned",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, tmp_path, rows),
    )
    plan = await label.spark.planned(await label.spark.plan_release(asked))
    before = await calls_so_far(label)

    run = await release(label, db, tmp_path, rows)
    done = await run.finished()

    assert {row.row_id: row.blockers for row in plan.rows} == {
        "row1": (),
        "row2": (),
        "row3": (reason,),
        "row4": (reason,),
    }
    assert {row_id: row.state for row_id, row in done.items()} == {
        "row1": TargetState.PUBLISHED,
        "row2": TargetState.PUBLISHED,
        "row3": TargetState.BLOCKED,
        "row4": TargetState.BLOCKED,
    }
    assert (done["row3"].reason, done["row4"].reason) == (reason, reason)
    # None was sent to TikTok to be refused, which would have taken a call for all and one for each.
    assert (await calls_so_far(label))["/ad/create/"] - before["/ad/create/"] <= len(("row1", "row2"))

    (over,) = (await first.ads())["row0"]
    await delete(label, "ad", over["ad_id"])
    again = RetryTargets(actor=label.operator, reason="an old ad is gone")
    assert (await label.spark.retry(run.campaign_id, again)).taken == 2

    done = await run.finished()
    assert (done["row3"].state, done["row4"].state) == (TargetState.PUBLISHED, TargetState.BLOCKED)
    assert "; 2 are used in " in done["row4"].reason


async def test_what_another_release_will_make_takes_its_room_already(small: tuple[Label, Pool], tmp_path: Path) -> None:
    label, db = small
    await label.authorized("kiri", "bodhi")
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d} 00:00"
    later = [push(f"later{owner}", f"@{owner}", label.ad_account, release_at=tomorrow) for owner in ("kiri", "bodhi")]
    waiting = await release(label, db, tmp_path, later)

    async def laid_out() -> bool:
        placed = "SELECT count(*) FROM targets WHERE campaign_id = $1 AND ad_group IS NOT NULL"
        return bool(await db.fetchval(placed, waiting.campaign_id) == len(later))

    await until(laid_out, "both rows of tomorrow in an ad group")

    rows = [pull(f"now{number}", "@kiri", label.ad_account, post_of("kiri")) for number in range(2)]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()
    assert (done["now0"].state, done["now1"].state) == (TargetState.PUBLISHED, TargetState.BLOCKED)
    assert "; 0 are used and 2 more are planned in " in done["now1"].reason
    await label.spark.cancel(waiting.campaign_id, Command(actor=label.operator, reason="the test is over"))
    assert {row.state for row in (await waiting.finished()).values()} == {TargetState.CANCELLED}
