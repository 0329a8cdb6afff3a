"""Pause, resume, cancel, and what the end of an authorization does to a release (R15)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from releasing import Release, pull, push, release
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.gates import gone_accounts, verdict
from activities.members import Members
from activities.platform import Platform
from sparkads import names
from sparkads.contracts.authorization import EndAuthorization
from sparkads.contracts.release import Command, LatePolicy, Selection, TargetState
from sparkads.search_attributes import PHASE
from store.database import Pool
from store.publishing import CANDIDATE, Candidate
from tests.conftest import Label, post_of, until
from tiktok import TikTok
from workers.local import Stack


def _soon(seconds: float) -> dict[str, str]:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"time_zone": "Etc/UTC", "release_at": moment.strftime("%Y-%m-%d %H:%M:%S")}


async def test_a_pause_holds_what_is_due_and_a_resume_lets_it_go(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(10))])
    await run.row_reaches("row", TargetState.READY)

    await label.spark.pause(run.campaign_id, Command(actor=label.operator, reason="wrong cover"))
    await until(lambda: _is_paused(label, run.campaign_id), "paused")
    await until(
        lambda: db.fetchval(
            "SELECT due_at < now() - interval '1 s' FROM targets WHERE campaign_id = $1", run.campaign_id
        ),
        "it was due",
    )
    assert await run.ads() == {}
    assert (await run.rows())["row"].state is TargetState.READY

    await label.spark.resume(run.campaign_id, Command(actor=label.operator))
    assert (await run.finished())["row"].state is TargetState.PUBLISHED


async def test_a_shard_stands_ready_before_its_instant_and_claims_nothing_until_then(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(12))])

    row = (await run.finished())["row"]

    assert row.state is TargetState.PUBLISHED
    shard = label.spark.temporal.get_workflow_handle(names.publish_shard_id(run.campaign_id, 1, 1))
    assert (await shard.describe()).start_time < row.due_at
    claimed_at = await db.fetchval("SELECT min(created_at) FROM intents WHERE campaign_id = $1", run.campaign_id)
    assert claimed_at >= row.due_at


async def test_a_shard_that_stands_ready_lets_nothing_out_once_it_is_paused(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(12))])
    shard = label.spark.temporal.get_workflow_handle(names.publish_shard_id(run.campaign_id, 1, 1))
    await until(lambda: _waits_for_its_instant(shard), "the shard waits for its instant")

    await label.spark.pause(run.campaign_id, Command(actor=label.operator, reason="wrong cover"))
    await until(lambda: _has_phase(shard, "paused"), "the shard has found nothing to publish")

    assert await run.ads() == {}
    await label.spark.resume(run.campaign_id, Command(actor=label.operator))
    assert (await run.finished())["row"].state is TargetState.PUBLISHED


async def _waits_for_its_instant(shard: WorkflowHandle[Any, Any]) -> bool:
    try:
        running = (await shard.describe()).raw_description.pending_activities
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return any(one.activity_type.name == "publish_shard" for one in running)


async def _has_phase(shard: WorkflowHandle[Any, Any], phase: str) -> bool:
    return (await shard.describe()).typed_search_attributes.get(PHASE) == phase


async def _is_paused(label: Label, campaign_id: str) -> bool:
    return (await label.spark.release_status(campaign_id)).paused


async def test_a_cancel_leaves_nothing_that_was_not_submitted(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    rows = [
        pull("now", "@kiri", label.ad_account, post_of("kiri")),
        push("later", "@kiri", label.ad_account, **_soon(3600)),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("now", TargetState.PUBLISHED)

    await label.spark.cancel(run.campaign_id, Command(actor=label.admin, reason="the date has moved"))

    done = await run.finished()
    assert done["now"].state is TargetState.PUBLISHED
    assert done["later"].state is TargetState.CANCELLED
    assert "the date has moved" in done["later"].reason
    assert list(await run.ads()) == ["now"]


async def test_a_territory_a_row_or_a_wave_can_be_held_back_alone(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    later = _soon(3600)
    rows = [
        push("nz", "@kiri", label.ad_account, **later),
        push("de", "@kiri", label.ad_account, territory="DE", video="de.mp4", **later),
        push("at", "@kiri", label.ad_account, territory="AT", video="at.mp4", **later),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("at", TargetState.READY)
    europe = Selection(territories=("DE", "AT"))

    await label.spark.pause(run.campaign_id, Command(actor=label.operator, reason="rights", only=europe))
    await run.row_reaches("de", TargetState.PAUSED)
    held = await run.row_reaches("at", TargetState.PAUSED)
    await label.spark.resume(run.campaign_id, Command(actor=label.operator, only=Selection(rows=("de",))))
    await run.row_reaches("de", TargetState.READY)
    await label.spark.cancel(
        run.campaign_id, Command(actor=label.operator, reason="no rights", only=Selection(rows=("at",)))
    )
    gone = await run.row_reaches("at", TargetState.CANCELLED)

    assert (held.reason, gone.reason) == ("paused: rights", "cancelled: no rights")
    assert (await run.rows())["nz"].state is TargetState.READY
    assert not (await label.spark.release_status(run.campaign_id)).paused
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    assert (await run.finished())["nz"].state is TargetState.CANCELLED


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        (LatePolicy.PUBLISH, TargetState.PUBLISHED),
        (LatePolicy.SKIP, TargetState.BLOCKED),
        (LatePolicy.ASK, TargetState.PAUSED),
    ],
)
async def test_what_becomes_of_late_rows_is_said_by_the_release(
    label: Label, db: Pool, tmp_path: Path, policy: LatePolicy, state: TargetState
) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(60))], late=policy)
    await run.row_reaches("row", TargetState.READY)
    await label.spark.pause(run.campaign_id, Command(actor=label.operator, only=Selection(rows=("row",))))
    await run.row_reaches("row", TargetState.PAUSED)
    # As if the pause had lasted for an hour.
    await db.execute("UPDATE targets SET due_at = due_at - interval '1 hour' WHERE campaign_id = $1", run.campaign_id)

    await label.spark.resume(run.campaign_id, Command(actor=label.operator))

    if policy is LatePolicy.ASK:
        asked = await until(lambda: _reason(run), "it asks")
        assert "resume it with --late publish" in asked
        await label.spark.resume(run.campaign_id, Command(actor=label.operator, late=LatePolicy.PUBLISH))
        state = TargetState.PUBLISHED
    row = (await run.finished())["row"]
    assert row.state is state
    assert ("late rows are skipped" in row.reason) is (policy is LatePolicy.SKIP)


async def _reason(run: Release) -> str:
    reason = (await run.rows())["row"].reason
    return reason if "instant has passed" in reason else ""


async def test_a_bystander_cannot_pull_the_brake(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(3600))])
    await run.row_reaches("row", TargetState.READY)

    await label.spark.cancel(run.campaign_id, Command(actor=label.standard, reason="no business of mine"))

    async def refusal() -> str:
        return (await label.spark.release_status(run.campaign_id)).last_error

    text = await until(refusal, "the refusal is shown")
    assert label.standard in text
    assert (await run.rows())["row"].state is TargetState.READY
    assert await db.fetchval("SELECT count(*) FROM audit WHERE bc_id = $1 AND action = 'refused'", label.bc_id) == 1
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    await run.finished()


async def test_when_an_owner_revokes_waiting_rows_freeze_live_ads_stop_and_the_rest_goes_on(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    # R15
    await label.authorized("leaves", "stays")
    rows = [
        pull("live", "@leaves", label.ad_account, post_of("leaves")),
        push("waiting", "@leaves", label.ad_account, **_soon(12)),
        push("untouched", "@stays", label.ad_account, **_soon(12)),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("live", TargetState.PUBLISHED)
    await run.row_reaches("waiting", TargetState.READY)

    await label.simulator.revoke("leaves", label.bc_id)

    done = await run.finished()
    assert done["waiting"].state is TargetState.FROZEN
    assert done["waiting"].reason.startswith("R15:")
    assert done["live"].state is TargetState.STOPPED
    assert done["untouched"].state is TargetState.PUBLISHED
    ads = await run.ads()
    assert "waiting" not in ads
    assert ads["live"][0]["operation_status"] == "DISABLE"


async def test_a_revocation_is_told_from_a_missing_key_also_when_the_target_was_read_before_it(
    label: Label, db: Pool, tmp_path: Path, stack: Stack
) -> None:
    # R15, not R5: between the claim of a target and the question to TikTok its whole authorization may end.
    await label.authorized("leaves")
    run = await release(label, db, tmp_path, [push("row", "@leaves", label.ad_account, **_soon(600))])
    await run.row_reaches("row", TargetState.READY)
    read_before = Candidate(**await db.fetchrow(CANDIDATE + "WHERE t.campaign_id = $1", run.campaign_id))
    await label.simulator.revoke("leaves", label.bc_id)
    await run.row_reaches("row", TargetState.FROZEN)

    async with TikTok(stack.tiktok_base_url, limiter=None) as tiktok:
        platform = Platform(db, tiktok)
        operator = await Members(db, platform, max_age=timedelta(0)).access_now(label.bc_id, label.operator)
        gone = await gone_accounts(platform, label.bc_id, operator, [read_before])

    no = verdict(read_before, operator, gone)
    assert no == (TargetState.FROZEN, "R15: TikTok no longer lists @leaves; its authorization has ended")


async def test_when_an_admin_removes_an_account_the_same_happens(label: Label, db: Pool, tmp_path: Path) -> None:
    # R10, R15
    (asset,) = await label.authorized("goes")
    run = await release(label, db, tmp_path, [push("row", "@goes", label.ad_account, **_soon(20))])
    await run.row_reaches("row", TargetState.READY)

    await label.spark.end_authorization(
        label.bc_id, asset, EndAuthorization(actor=label.admin, reason="contract ended")
    )

    assert (await run.finished())["row"].state is TargetState.FROZEN
    assert await run.ads() == {}


async def test_an_operator_who_lost_a_key_is_stopped_at_the_moment_of_use(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    # R5: checked when planned, and again at the moment of use.
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(10))])
    await run.row_reaches("row", TargetState.READY)

    await label.simulator.post(f"members/{label.operator}", {"bc_id": label.bc_id, "removed": True})

    row = (await run.finished())["row"]
    assert row.state is TargetState.BLOCKED
    assert row.reason.startswith("R5:")
    assert await run.ads() == {}
