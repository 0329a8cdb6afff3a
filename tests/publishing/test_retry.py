"""Retrying what failed or was blocked: through all gates again, never before its instant, never twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from releasing import Release, pull, push, release

from sparkads.contracts.business_center import CancelRequest
from sparkads.contracts.release import Command, RetryTargets, Selection, TargetState
from sparkads.errors import NothingOnRecord, OnlyItsPeople
from store.database import Pool
from tests.conftest import PYTHON, Label, Simulator, post_of, run_command, until
from workers.local import Stack

CREATE = "/ad/create/"


def _soon(seconds: float) -> dict[str, str]:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"time_zone": "Etc/UTC", "release_at": moment.strftime("%Y-%m-%d %H:%M:%S")}


def again(label: Label, **more: Any) -> RetryTargets:
    return RetryTargets(**({"actor": label.operator, "reason": "mended"} | more))


async def refused(label: Label, db: Pool, folder: Path) -> Release:
    """A release that has ended: TikTok refused one row, the other one is published."""
    await label.authorized("kiri", "bodhi")
    rows = [
        pull("bad", "@bodhi", label.ad_account, post_of("bodhi")),
        pull("good", "@kiri", label.ad_account, post_of("kiri")),
    ]
    # The call for both, then that for the first of them alone.
    rule = {"path": CREATE, "kind": "code", "code": 40002, "message": "no", "times": 2}
    await label.simulator.post("faults", {"seed": 1, "rules": [rule]})
    run = await release(label, db, folder, rows)
    found = await run.finished()
    assert [found[row].state for row in ("good", "bad")] == [TargetState.PUBLISHED, TargetState.REFUSED]
    await label.simulator.post("faults", {"rules": []})
    return run


async def test_a_release_that_has_ended_goes_on_with_what_was_refused(label: Label, db: Pool, tmp_path: Path) -> None:
    run = await refused(label, db, tmp_path)
    before = (await run.rows())["good"]

    retried = await label.spark.retry(run.campaign_id, again(label), command_id="once")

    assert retried.rows == ("bad",)
    assert [(one.row_id, one.why) for one in retried.left_out_rows] == [("good", "it is published")]
    rows = await run.finished()
    assert rows["bad"].state is TargetState.PUBLISHED
    assert rows["good"] == before
    assert {row: len(ads) for row, ads in (await run.ads()).items()} == {"good": 1, "bad": 1}
    # A repeat gets the first answer, after the end too, and starts nothing.
    assert await label.spark.retry(run.campaign_id, again(label), command_id="once") == retried
    assert (await run.finished())["bad"] == rows["bad"]
    assert await db.fetchval("SELECT finished_at FROM campaigns WHERE campaign_id = $1", run.campaign_id) is not None


async def test_a_blocked_row_goes_once_its_gate_is_open_and_not_before_its_instant(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri")
    await _role(label, "ANALYST")
    rows = [
        pull("late", "@kiri", label.ad_account, post_of("kiri"), **_soon(4)),
        pull("later", "@kiri", label.ad_account, post_of("kiri"), **_soon(14)),
    ]
    run = await release(label, db, tmp_path, rows)
    found = await run.finished()
    assert {row.state for row in found.values()} == {TargetState.BLOCKED}
    # Still blocked, by name, as long as the key is missing.
    await until(lambda: _is_due(db, run, "late"), "its instant is past")
    assert (await label.spark.retry(run.campaign_id, again(label))).taken == 2
    blocked = await run.finished()
    assert all(row.reason.startswith("R5:") for row in blocked.values())

    await _role(label, "OPERATOR")
    assert (await label.spark.retry(run.campaign_id, again(label))).taken == 2

    done = await run.finished()
    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    for row in done.values():
        assert row.due_at == found[row.row_id].due_at
        made_at = await db.fetchval(
            "SELECT called_at FROM intents WHERE campaign_id = $1 AND row_id = $2", run.campaign_id, row.row_id
        )
        assert made_at >= row.due_at


async def _role(label: Label, role: str) -> None:
    ad_account = {"advertiser_id": label.ad_account, "roles": {label.operator: role}}
    await label.simulator.post("seed", {"business_centers": [{"bc_id": label.bc_id, "ad_accounts": [ad_account]}]})


async def _is_due(db: Pool, run: Release, row_id: str) -> bool:
    found: bool = await db.fetchval(
        "SELECT due_at < now() FROM targets WHERE campaign_id = $1 AND row_id = $2", run.campaign_id, row_id
    )
    return found


async def test_a_frozen_row_goes_once_its_owner_has_authorized_again(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    # R15
    await label.authorized("kiri")
    rows = [
        pull("frozen", "@kiri", label.ad_account, post_of("kiri"), **_soon(3600)),
        pull("never", "@kiri", label.ad_account, post_of("kiri"), **_soon(7200)),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("frozen", TargetState.READY)
    await simulator.revoke("kiri", label.bc_id)
    await run.row_reaches("frozen", TargetState.FROZEN)
    await run.finished()
    await label.request("kiri")
    await simulator.approve("kiri", label.bc_id)

    chosen = Selection(rows=("frozen", "nobody"), waves=(1,))
    retried = await label.spark.retry(run.campaign_id, again(label, only=chosen))

    assert (retried.taken, retried.left_out) == (1, 1)
    assert (retried.left_out_rows[0].row_id, retried.left_out_rows[0].state) == ("nobody", None)
    await run.row_reaches("frozen", TargetState.READY)
    assert (await run.rows())["never"].state is TargetState.FROZEN
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin, reason="over"))
    await run.finished()
    # Nothing of a cancelled campaign goes out again.
    late = await label.spark.retry(run.campaign_id, again(label))
    assert late.taken == 0
    assert {one.row_id: one.why for one in late.left_out_rows} == {
        "frozen": "it was cancelled",
        "never": "the campaign was cancelled; release it in a new one",
    }


async def test_an_owner_whose_request_was_taken_back_is_asked_again(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    # R1, R9
    await label.seed_accounts("kiri", "bodhi")
    rows = [push(name, f"@{name}", label.ad_account) for name in ("kiri", "bodhi")]
    run = await release(label, db, tmp_path, rows, request_deadline=datetime.now(UTC) + timedelta(seconds=10))

    async def both_are_asked() -> bool:
        states = await db.fetch("SELECT 1 FROM access_requests WHERE bc_id = $1 AND state = 'pending'", label.bc_id)
        return len(states) == 2

    await until(both_are_asked, "both owners are asked")
    await label.spark.cancel_request(label.bc_id, CancelRequest(actor=label.admin, name="kiri"))
    found = await run.finished()
    assert {name: row.reason.rsplit(" was ", 1)[-1] for name, row in found.items()} == {
        "kiri": "cancelled",
        "bodhi": "timed out",
    }

    assert (await label.spark.retry(run.campaign_id, again(label))).taken == 2
    await until(both_are_asked, "both owners are asked again")
    for name in ("kiri", "bodhi"):
        await simulator.approve(name, label.bc_id)
    assert {row.state for row in (await run.finished()).values()} == {TargetState.PUBLISHED}


async def test_a_rejected_row_has_an_ad_and_is_left_out_by_name(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, caption="banned words")])
    await run.finished()

    retried = await label.spark.retry(run.campaign_id, again(label))

    assert retried.taken == 0
    (left,) = retried.left_out_rows
    assert left.state is TargetState.REJECTED
    assert "its ad" in left.why


async def test_only_its_people_may(label: Label, db: Pool, tmp_path: Path) -> None:
    run = await refused(label, db, tmp_path)

    with pytest.raises(OnlyItsPeople):
        await label.spark.retry(run.campaign_id, again(label, actor=label.standard))
    with pytest.raises(NothingOnRecord):
        await label.spark.retry("no-such-release", again(label))
    assert (await run.rows())["bad"].state is TargetState.REFUSED


async def test_a_release_that_was_terminated_is_started_again_from_the_record(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri", "bodhi")
    rows = [
        pull("bad", "@bodhi", label.ad_account, post_of("bodhi")),
        pull("later", "@kiri", label.ad_account, post_of("kiri"), **_soon(3600)),
    ]
    rule = {"path": CREATE, "kind": "code", "code": 40002, "message": "no", "times": 1}
    await label.simulator.post("faults", {"seed": 1, "rules": [rule]})
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("bad", TargetState.REFUSED)
    await label.spark.temporal.get_workflow_handle(f"campaign/{run.campaign_id}").terminate("by hand")

    assert (await label.spark.retry(run.campaign_id, again(label))).rows == ("bad",)

    await run.row_reaches("bad", TargetState.PUBLISHED)
    await run.row_reaches("later", TargetState.READY)


async def test_from_the_command_line(label: Label, db: Pool, tmp_path: Path, stack: Stack) -> None:
    run = await refused(label, db, tmp_path)
    environment = {**stack.environment, "SPARKADS_ACTOR": label.admin}
    retry = (PYTHON, "-m", "sparkads", "campaign", "retry", run.campaign_id, "--reason", "mended")

    wrong = await run_command(*retry, "--row", "no/row", environment=environment)
    done = await run_command(*retry, "--territory", "NZ", "--row", "bad", "--json", environment=environment)

    assert [one.code for one in (wrong, done)] == [2, 0], done.err
    assert "--row" in wrong.err
    assert done.json["rows"] == ["bad"]
    assert (await run.finished())["bad"].state is TargetState.PUBLISHED
