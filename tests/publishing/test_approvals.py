"""Approvals: nothing goes out before everybody has agreed to exactly this plan; approved is not released."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from releasing import bundle, push

from sparkads.contracts.notification import AskNotifications, NotificationKind
from sparkads.contracts.release import ApprovalStage, Approve, Command, ReleaseInput, Retime, TargetState, Verdict
from sparkads.errors import NotAMember, NotAnApprover, PlanChanged
from store.database import Pool
from tests.conftest import Label, until
from tests.publishing.releasing import Release


async def started(label: Label, db: Pool, folder: Path, *stages: ApprovalStage, **more: Any) -> tuple[Release, str]:
    """A release of one row that waits for approval, and its plan's hash."""
    release = ReleaseInput(
        campaign_id=f"agree-{label.bc_id[-5:]}",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, folder, [push("row", "@kiri", label.ad_account, **more.pop("due", {}))]),
        approvals=stages,
        **more,
    )
    plan = await label.spark.plan_release(release)
    await label.spark.start_release(release.model_copy(update={"plan_hash": plan.hash}))
    run = Release(release.campaign_id, label, db)
    await run.row_reaches("row", TargetState.READY)
    return run, plan.hash


def says(actor: str, stage: str, plan_hash: str, verdict: Verdict = Verdict.APPROVE, reason: str = "") -> Approve:
    return Approve(actor=actor, stage=stage, plan_hash=plan_hash, verdict=verdict, reason=reason)


async def test_nothing_is_made_at_tiktok_before_all_stages_have_agreed(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    artist = ApprovalStage(name="artist", approvers=(label.standard,))
    rights = ApprovalStage(name="rights", approvers=(label.admin, label.operator), quorum=2)
    run, plan = await started(label, db, tmp_path, artist, rights)

    first = await label.spark.approve(run.campaign_id, says(label.standard, "artist", plan))
    second = await label.spark.approve(run.campaign_id, says(label.admin, "rights", plan))

    assert [line.split(" (")[0] for line in first.missing] == ["rights: 0 of 2"]
    assert [line.split(" (")[0] for line in second.missing] == ["rights: 1 of 2"]

    async def shown() -> bool:
        now = await label.spark.release_status(run.campaign_id)
        return now.missing_approvals == second.missing and "approval is missing" in now.attention

    await until(shown, "what is missing")
    world = await label.simulator.get("state")
    assert not [one for one in world["adgroups"] if run.campaign_id in one["adgroup_name"]]

    third = await label.spark.approve(run.campaign_id, says(label.operator, "rights", plan))

    assert third.missing == ()
    assert (await run.finished())["row"].state is TargetState.PUBLISHED
    said = await db.fetch(
        "SELECT actor FROM audit WHERE bc_id = $1 AND action = 'plan approved' ORDER BY number", label.bc_id
    )
    assert [row["actor"] for row in said] == [label.standard, label.admin, label.operator]


async def test_a_no_holds_it_until_the_same_person_says_yes(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    stage = ApprovalStage(name="artist", approvers=(label.standard, label.admin), quorum=1)
    run, plan = await started(label, db, tmp_path, stage)

    no = await label.spark.approve(
        run.campaign_id, says(label.standard, "artist", plan, Verdict.REJECT, "it is the wrong mix")
    )
    yes = await label.spark.approve(run.campaign_id, says(label.admin, "artist", plan))

    assert f"rejected by {label.standard}" in no.missing[0]
    assert f"1 of 1, rejected by {label.standard}" in yes.missing[0]
    assert (await run.rows())["row"].state is TargetState.READY
    assert (await label.spark.approve(run.campaign_id, says(label.standard, "artist", plan))).missing == ()
    assert (await run.finished())["row"].state is TargetState.PUBLISHED


async def test_who_is_no_approver_or_looked_at_something_else_is_refused(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri")
    run, plan = await started(label, db, tmp_path, ApprovalStage(name="artist", approvers=(label.standard, "6999")))

    with pytest.raises(NotAnApprover, match=rf"stages: artist \({label.standard}, 6999\)"):
        await label.spark.approve(run.campaign_id, says(label.admin, "artist", plan))
    with pytest.raises(NotAnApprover):
        await label.spark.approve(run.campaign_id, says(label.standard, "rights", plan))
    with pytest.raises(NotAMember):
        await label.spark.approve(run.campaign_id, says("6999", "artist", plan))
    with pytest.raises(PlanChanged, match=plan):
        await label.spark.approve(run.campaign_id, says(label.standard, "artist", "ab" * 32))
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    await run.finished()


async def test_another_instant_makes_approvals_void(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    soon = datetime.now(UTC) + timedelta(days=5)
    due = {"time_zone": "Etc/UTC", "release_at": f"{soon:%Y-%m-%d %H:%M}"}
    stage = ApprovalStage(name="artist", approvers=(label.standard,))
    run, plan = await started(label, db, tmp_path, stage, due=due)
    assert (await label.spark.approve(run.campaign_id, says(label.standard, "artist", plan))).missing == ()

    later = (soon + timedelta(days=1)).replace(tzinfo=None, second=0, microsecond=0)
    retimed = await label.spark.retime(
        run.campaign_id, Retime(actor=label.operator, reason="mastering", release_at=later)
    )

    assert retimed.plan_hash not in {None, plan}
    with pytest.raises(PlanChanged):
        await label.spark.approve(run.campaign_id, says(label.standard, "artist", plan))

    async def missing() -> tuple[str, ...]:
        return (await label.spark.release_status(run.campaign_id)).missing_approvals

    assert await until(missing, "approval is missing again")
    again = await label.spark.approve(run.campaign_id, says(label.standard, "artist", str(retimed.plan_hash)))
    assert again.missing == ()
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    await run.finished()


async def test_approvers_are_asked_and_told_at_once_after_their_deadline(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri")
    stage = ApprovalStage(name="artist", approvers=(label.standard,))
    deadline = datetime.now(UTC) + timedelta(seconds=8)
    run, _ = await started(label, db, tmp_path, stage, approval_deadline=deadline)

    async def told() -> list[NotificationKind] | None:
        ask = AskNotifications(actor=label.admin, kinds=(NotificationKind.REMINDER, NotificationKind.ATTENTION))
        found = [
            one.kind
            for one in (await label.spark.notifications(label.bc_id, ask)).notifications
            if one.subject == f"campaign {run.campaign_id}"
        ]
        return found if len(found) > 1 else None

    assert await until(told, "asked, and told") == [NotificationKind.REMINDER, NotificationKind.ATTENTION]
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    await run.finished()


async def test_approval_needs_a_plan(label: Label, tmp_path: Path) -> None:
    await label.authorized("kiri")
    release = ReleaseInput(
        campaign_id=f"none-{label.bc_id[-5:]}",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, tmp_path, [push("row", "@kiri", label.ad_account)]),
        approvals=(ApprovalStage(name="artist", approvers=(label.standard,)),),
    )

    await label.spark.start_release(release)
    with pytest.raises(PlanChanged, match="approvers agree to a plan"):
        await label.spark.wait_for_release(release.campaign_id)
