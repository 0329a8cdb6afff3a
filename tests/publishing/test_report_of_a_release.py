"""The report of a real release: accounts across their stages, calls by TikTok's own count, approvals, names."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from releasing import Release, bundle, push, release

from sparkads.contracts.release import ApprovalStage, Approve, ReleaseInput, ReportFiles, TargetState, Verdict
from sparkads.contracts.takedown import Takedown
from store.database import Pool
from tests.conftest import Label, until

CREATE = "/ad/create/"


async def read(label: Label, files: ReportFiles) -> dict[str, Any]:
    """A report as its JSON has it."""
    document: dict[str, Any] = json.loads(await label.spark.files.get(files.json_file))
    return document


async def calls_at_tiktok(label: Label, path: str) -> tuple[int, int]:
    """Calls that have arrived, and how many of them were throttled."""
    tally = (await label.simulator.get("calls"))["paths"].get(path, {"calls": 0, "throttled": 0})
    return tally["calls"], tally["throttled"]


async def test_it_tells_accounts_calls_approvals_and_names(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.seed_accounts("silent")
    await label.authorized("kiri")
    await label.request("silent")
    before = await calls_at_tiktok(label, CREATE)
    await label.simulator.post("faults", {"rules": [{"path": CREATE, "kind": "throttle", "times": 1}]})
    # The plan, the start and the approval come before.
    due = datetime.now(UTC) + timedelta(seconds=15)
    rows = [
        push("good", "@kiri", label.ad_account),
        push("refused", "@kiri", label.ad_account, video="bad.mp4", caption="a banned word"),
        push("missing", "@silent", label.ad_account, time_zone="Etc/UTC", release_at=f"{due:%Y-%m-%d %H:%M:%S}"),
    ]
    asked = ReleaseInput(
        campaign_id=f"told-{label.bc_id[-5:]}",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, tmp_path, rows),
        approvals=(ApprovalStage(name="artist", approvers=(label.standard,)),),
    )
    plan = await label.spark.plan_release(asked)
    await label.spark.start_release(asked.model_copy(update={"plan_hash": plan.hash}))
    run = Release(asked.campaign_id, label, db)
    await run.row_reaches("good", TargetState.READY)
    early = await read(label, await label.spark.report(run.campaign_id, label.operator))
    said = Approve(
        actor=label.standard, stage="artist", plan_hash=plan.hash, verdict=Verdict.APPROVE, reason="it is the right mix"
    )
    await label.spark.approve(run.campaign_id, said)
    await run.finished()

    files = await label.spark.report(run.campaign_id, label.operator)
    report = await read(label, files)

    assert (early["approved"], report["approved"]) == (False, True)
    assert [(one["stage"], one["actor"], one["reason"]) for one in report["approvals"]] == [
        ("artist", label.standard, "it is the right mix")
    ]
    kiri, silent = report["accounts"]
    assert (kiri["handle"], kiri["request_state"], list(kiri["linked"])) == ("kiri", "approved", [label.ad_account])
    assert kiri["requested_at"] < kiri["approved_at"] < kiri["linked"][label.ad_account]
    assert (silent["handle"], silent["request_state"], silent["approved_at"]) == ("silent", "pending", None)
    arrived, throttled = (now - then for now, then in zip(await calls_at_tiktok(label, CREATE), before, strict=True))
    (create,) = [one for one in report["calls"] if f"/{one['endpoint']}" == CREATE]
    assert create["throttled"] == throttled == 1
    assert create["done"] + create["refused"] + create["throttled"] + create["lost"] == arrived
    assert report["names"] == {
        label.admin: "Ada",
        label.operator: "Otto",
        label.standard: "Stan",
        label.ad_account: "NZ",
    }
    page = (await label.spark.files.get(files.html)).decode()
    assert "2 accounts: 1 approved, 1 shared, 0 with all ads published." in page
    assert f"{sum(sum(v for v in one.values() if isinstance(v, int)) for one in report['calls'])} calls" in page
    assert "Stan" in page


async def test_after_a_takedown_it_is_told_again(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account)])
    await run.finished()
    before = await read(label, await label.spark.report(run.campaign_id, label.operator))

    name = await label.spark.takedown(run.campaign_id, Takedown(actor=label.admin, reason="a sample is not cleared"))
    done = await label.spark.wait_for_takedown(run.campaign_id, name)

    async def told() -> bool:
        return await label.spark.report(run.campaign_id, label.operator) == done.report

    await until(told, "the new report")
    after = await read(label, done.report)
    assert (before["rows"][0]["state"], after["rows"][0]["state"]) == ("published", "taken_down")
    assert "a sample is not cleared" in " ".join(line["reason"] for line in after["trail"])
