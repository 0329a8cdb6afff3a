"""Plan, then apply: everything is read, nothing is changed, and what was agreed to is what is started."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sparkads.contracts.plan import Plan, PlanContent, Step
from sparkads.contracts.release import ReleaseInput, TargetState
from sparkads.errors import NotAMember, PlanChanged
from store import releases
from store.database import Pool
from tests.conftest import Label, post_of
from tests.publishing.releasing import Release, bundle, pull, push

LATER = {"release_at": f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d} 00:00"}


async def asked(label: Label, folder: Path, rows: list[dict[str, str]], **more: Any) -> ReleaseInput:
    more = {"campaign_id": f"plan-{label.bc_id[-5:]}", "actor": label.admin, "operator": label.operator} | more
    return ReleaseInput(bc_id=label.bc_id, manifest=await bundle(label, folder, rows), **more)


async def planned(label: Label, release: ReleaseInput) -> tuple[Plan, PlanContent]:
    plan = await label.spark.plan_release(release)
    return plan, await label.spark.planned(plan)


async def world(label: Label) -> dict[str, Any]:
    """All that exists at TikTok, whenever it is asked."""
    return {name: what for name, what in (await label.simulator.get("state")).items() if name != "now"}


async def test_every_step_and_every_blocker_of_each_row_at_once(label: Label, tmp_path: Path) -> None:
    # R1, R5
    await label.authorized("kiri", "bodhi")
    await label.seed_accounts("lumi")
    other = label.ad_account.replace("71", "70", 1)
    release = await asked(
        label,
        tmp_path,
        [
            push("ask", "@lumi", label.ad_account, **LATER),
            pull("share", "@bodhi", label.ad_account, post_of("bodhi"), **LATER),
            pull("wrong", "@lumi", other, post_of("lumi"), **LATER),
        ],
    )

    plan, content = await planned(label, release)

    rows = {row.row_id: row for row in content.rows}
    assert (plan.rows, plan.blocked, content.invitations) == (3, 1, ("lumi",))
    assert (rows["ask"].step, rows["ask"].waits_for, rows["ask"].blockers) == (Step.REQUEST, "@lumi to approve", ())
    assert "nobody can time" in rows["ask"].risks[0]
    assert (rows["share"].step, rows["share"].waits_for, rows["share"].blockers) == (Step.SHARE, "", ())
    assert [blocker[:2] for blocker in rows["wrong"].blockers] == ["R5"]
    assert (plan.estimate.slots_used, plan.estimate.slots_needed) == (2, 1)


async def test_planning_changes_nothing(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    release = await asked(label, tmp_path, [push("row", "@kiri", label.ad_account, **LATER)])
    before = await world(label)

    first, _ = await planned(label, release)
    second, _ = await planned(label, release)

    assert first.hash == second.hash
    assert await world(label) == before
    assert await releases.get(db, release.campaign_id) is None
    assert await db.fetchval("SELECT count(*) FROM targets WHERE bc_id = $1", label.bc_id) == 0


async def test_what_was_agreed_to_is_started(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    release = await asked(label, tmp_path, [pull("row", "@kiri", label.ad_account, post_of("kiri"))])
    plan, _ = await planned(label, release)

    await label.spark.start_release(release.model_copy(update={"plan_hash": plan.hash}))

    rows = await Release(release.campaign_id, label, db).finished()
    assert rows["row"].state is TargetState.PUBLISHED


async def test_a_world_that_has_changed_is_refused_and_says_what_has(label: Label, db: Pool, tmp_path: Path) -> None:
    (asset,) = await label.authorized("kiri")
    rows = [
        pull("row", "@kiri", label.ad_account, post_of("kiri"), **LATER),
        push("same", "@bodhi", label.ad_account, **LATER),
    ]
    await label.seed_accounts("bodhi")
    release = await asked(label, tmp_path, rows)
    plan, _ = await planned(label, release)
    await label.simulator.revoke("kiri", label.bc_id)
    await label.spark.temporal.get_workflow_handle(f"authorization/{label.bc_id}/{asset}").result()

    await label.spark.start_release(release.model_copy(update={"plan_hash": plan.hash}))
    with pytest.raises(PlanChanged) as refusal:
        await label.spark.wait_for_release(release.campaign_id)

    text = str(refusal.value)
    assert "row row: next step was share, is request" in text
    assert "row same" not in text
    assert "plan it again" in text
    assert await releases.get(db, release.campaign_id) is None


async def test_another_manifest_or_setting_is_another_plan(label: Label, tmp_path: Path) -> None:
    await label.authorized("kiri")
    release = await asked(label, tmp_path, [pull("row", "@kiri", label.ad_account, post_of("kiri"), **LATER)])
    plan, _ = await planned(label, release)
    dearer = await asked(
        label,
        tmp_path,
        [pull("row", "@kiri", label.ad_account, post_of("kiri"), **LATER, daily_budget="500")],
        operator=label.admin,
        plan_hash=plan.hash,
    )

    await label.spark.start_release(dearer)
    with pytest.raises(PlanChanged, match=r"operator was .*, is .*; manifest was"):
        await label.spark.wait_for_release(release.campaign_id)


async def test_a_plan_that_nobody_has_made_is_refused(label: Label, tmp_path: Path) -> None:
    await label.authorized("kiri")
    rows = [pull("row", "@kiri", label.ad_account, post_of("kiri"), **LATER)]
    release = await asked(label, tmp_path, rows, plan_hash="ab" * 32)

    await label.spark.start_release(release)
    with pytest.raises(PlanChanged, match="there is no plan abababababab"):
        await label.spark.wait_for_release(release.campaign_id)


async def test_a_stranger_may_not_even_look(label: Label, tmp_path: Path) -> None:
    # R5
    await label.authorized("kiri")
    rows = [pull("row", "@kiri", label.ad_account, post_of("kiri"), **LATER)]
    with pytest.raises(NotAMember):
        await label.spark.plan_release(await asked(label, tmp_path, rows, actor="6999"))


async def test_more_owners_than_slots_are_blocked_by_name(label: Label, tmp_path: Path) -> None:
    # R6
    handles = [f"artist{number}" for number in range(201)]
    await label.seed_accounts(*handles)
    rows = [push(handle, f"@{handle}", label.ad_account, **LATER) for handle in handles]
    release = await asked(label, tmp_path, rows)

    plan, content = await planned(label, release)

    assert [row.row_id for row in content.rows if row.blockers] == ["artist99"]
    assert (plan.estimate.slots, plan.estimate.slots_needed) == (200, 201)
    assert content.budgets[0].ad_groups == 4
    assert content.budgets[0].daily == 4 * 50 * Decimal("1.25")
    assert plan.estimate.calls["make ads"] == 4 * 3


def test_the_hash_is_of_what_is_written(tmp_path: Path) -> None:
    release = ReleaseInput.model_validate(
        {
            "campaign_id": "one",
            "bc_id": "73",
            "actor": "61",
            "operator": "62",
            "manifest": {"sha256": "0" * 64, "size": 1},
        }
    )
    content = PlanContent(release=release, invitations=(), rows=(), budgets=())
    again = PlanContent.model_validate_json(content.as_bytes())
    assert again.hash == content.hash
    assert list(again.changes_since(content)) == []
    other = content.model_copy(update={"release": release.model_copy(update={"operator": "63"})})
    assert list(other.changes_since(content)) == ["operator was 62, is 63"]
