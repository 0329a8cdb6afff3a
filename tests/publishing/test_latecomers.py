"""An account, a question or a video that takes its time holds up nobody else."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from releasing import Release, push, release, write_video

from sparkads.contracts.release import TargetState
from store import api_calls, preparing
from store.database import Pool
from tests.conftest import Label, Simulator, until

LINK = "/bc/asset/advertiser/assign/"
QUOTA = "/asset/bind/quota/"
NEVER = 3600.0


@pytest.fixture(autouse=True)
async def as_it_was(simulator: Simulator) -> AsyncIterator[None]:
    yield
    await simulator.post("clock", {"review_seconds": 0, "transcode_seconds": 0})


def soon(seconds: float) -> tuple[datetime, str]:
    """An instant, and how the rows of `push` write it."""
    instant = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
    return instant, instant.astimezone(ZoneInfo("Pacific/Auckland")).strftime("%Y-%m-%dT%H:%M:%S")


async def prepared(run: Release, row_id: str) -> None:
    """Wait until nothing but its instant is missing for a row."""
    query = "SELECT 1 FROM targets WHERE campaign_id = $1 AND row_id = $2 AND ad_group IS NOT NULL"
    await until(lambda: run.db.fetchval(query, run.campaign_id, row_id), f"row {row_id} is prepared")


async def test_an_account_that_cannot_be_shared_for_now_holds_up_no_wave(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.seed_accounts("stuck")
    await label.authorized("ready")
    due, release_at = soon(12)
    rows = [
        push("ready", "@ready", label.ad_account, release_at=release_at),
        push("stuck", "@stuck", label.ad_account),
    ]
    run = await release(label, db, tmp_path, rows)
    await prepared(run, "ready")
    await label.simulator.post("faults", {"rules": [{"path": LINK, "kind": "code", "code": 50000}]})
    await label.simulator.approve("stuck", label.bc_id)
    await label.all_active(["stuck"])

    row = await run.row_reaches("ready", TargetState.PUBLISHED)

    assert row.submitted_at is not None
    assert due <= row.submitted_at < due + timedelta(seconds=3)
    assert (await run.rows())["stuck"].state is TargetState.WAITING
    await label.simulator.post("faults", {"rules": []})
    done = await run.finished()
    assert {row_id: row.state for row_id, row in done.items()} == {
        "ready": TargetState.PUBLISHED,
        "stuck": TargetState.PUBLISHED,
    }
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"ready": 1, "stuck": 1}


async def test_a_video_that_is_transcoded_for_long_holds_up_no_wave_that_was_prepared(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.seed_accounts("late")
    await label.authorized("early")
    due, release_at = soon(10)
    write_video(tmp_path / "slow.mp4", 3)
    rows = [
        push("early", "@early", label.ad_account, release_at=release_at),
        push("late", "@late", label.ad_account, video="slow.mp4"),
    ]
    run = await release(label, db, tmp_path, rows)
    await prepared(run, "early")
    await label.simulator.post("clock", {"transcode_seconds": NEVER})
    await label.simulator.approve("late", label.bc_id)
    await run.row_reaches("late", TargetState.READY)

    row = await run.row_reaches("early", TargetState.PUBLISHED)

    assert row.submitted_at is not None
    assert due <= row.submitted_at < due + timedelta(seconds=3)
    assert (await run.rows())["late"].state is TargetState.READY


async def test_a_video_that_is_transcoded_for_long_holds_up_no_other_of_its_ad_account(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("early", "late", "named")
    first = await release(label, db, tmp_path, [push("first", "@early", label.ad_account)])
    await first.finished()
    group = (await first.ads())["first"][0]["adgroup_id"]
    await label.simulator.post("clock", {"transcode_seconds": 25})
    write_video(tmp_path / "slow.mp4", 3)
    rows = [
        push("late", "@late", label.ad_account, video="slow.mp4"),
        push("named", "@named", label.ad_account, video="slow.mp4", ad_group_id=group),
        push("early", "@early", label.ad_account),
    ]
    run = await release(label, db, tmp_path, rows)

    await run.row_reaches("early", TargetState.PUBLISHED)

    others = {row_id: row.state for row_id, row in (await run.rows()).items() if row_id != "early"}
    assert others == {"late": TargetState.READY, "named": TargetState.READY}

    async def says_so() -> bool:
        status = await label.spark.release_status(run.campaign_id)
        return status.waiting_on == "videos that TikTok transcodes: 1"

    await until(says_so, "it says what it waits for")
    done = await run.finished(within=60)
    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"late": 1, "early": 1}
    assert len([ad for ad in (await label.simulator.get("state"))["ads"] if ad["adgroup_id"] == group]) == 2


async def test_a_row_that_was_left_out_is_come_back_for_although_another_release_saw_its_video_ready(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("late")
    await label.simulator.post("clock", {"transcode_seconds": NEVER})
    write_video(tmp_path / "slow.mp4", 3)
    run = await release(label, db, tmp_path, [push("late", "@late", label.ad_account, video="slow.mp4")])
    uploaded = "SELECT 1 FROM media WHERE advertiser_id = $1"
    await until(lambda: db.fetchval(uploaded, label.ad_account), "the video is uploaded")

    async with db.acquire() as connection:
        # What the other release does, as it looks before this one has seen it.
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE media SET cover_id = 'seen' WHERE advertiser_id = $1", label.ad_account)
        awaited = await preparing.videos_awaited(connection, run.campaign_id, label.ad_account)
        await transaction.rollback()

    assert awaited == 1


async def test_a_row_that_becomes_ready_while_its_shard_waits_for_reviews_is_published_then(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.simulator.post("clock", {"review_seconds": NEVER})
    await label.seed_accounts("late")
    await label.authorized("early")
    rows = [push(handle, f"@{handle}", label.ad_account) for handle in ("early", "late")]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("early", TargetState.IN_REVIEW)

    await label.simulator.approve("late", label.bc_id)

    await run.row_reaches("late", TargetState.IN_REVIEW)
    shards = await db.fetch("SELECT DISTINCT wave, shard FROM targets WHERE campaign_id = $1", run.campaign_id)
    assert len(shards) == 1
    assert (await run.rows())["early"].state is TargetState.IN_REVIEW
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"early": 1, "late": 1}


async def test_what_tiktok_does_not_answer_of_room_stops_no_row_and_the_rest_is_asked_once(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    handles = [f"voice{number}" for number in range(16)]
    await label.authorized(*handles)

    fails = {"path": QUOTA, "kind": "code", "code": 50000, "share": 0.3}
    await label.simulator.post("faults", {"seed": 1, "rules": [fails]})
    run = await release(label, db, tmp_path, [push(handle, f"@{handle}", label.ad_account) for handle in handles])

    done = await run.finished(within=90)

    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    calls = {one.endpoint: one for one in await api_calls.of_campaign(db, run.campaign_id)}["asset/bind/quota/"]
    assert calls.lost > 0
    assert calls.done + calls.lost == len(handles)
    # What was asked for a release is forgotten with it.
    assert not await db.fetchval("SELECT count(*) FROM rooms WHERE campaign_id = $1", run.campaign_id)
