"""What a release may spend a day through an ad account: planned, said, and kept."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from releasing import bundle, push, release

from sparkads.contracts.release import DailyCeiling, ReleaseInput, TargetState
from store.database import Pool
from tests.conftest import Label


def rows_of(label: Label) -> list[dict[str, str]]:
    return [
        push("nz", "@kiri", label.ad_account, daily_budget="50"),
        push("au", "@bodhi", label.ad_account, daily_budget="60", location_id="2077456", territory="AU"),
        push("nz-2", "@lumi", label.ad_account, daily_budget="50"),
    ]


async def test_rows_beyond_the_ceiling_are_planned_as_blocked_and_are_blocked(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri", "bodhi", "lumi")
    ceilings: dict[str, Any] = {"daily_ceilings": (DailyCeiling(ad_account=label.ad_account, amount=100),)}
    asked = ReleaseInput(
        campaign_id=f"ceiling-{label.bc_id[-5:]}",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, tmp_path, rows_of(label)),
        **ceilings,
    )

    content = await label.spark.planned(await label.spark.plan_release(asked))
    run = await release(label, db, tmp_path, rows_of(label), **ceilings)
    found = await run.finished()

    # Both rows of New Zealand share an ad group, and so its budget; Australia's is the one too many.
    reason = (
        f"budget: ad account {label.ad_account} would spend more than its ceiling of 100 NZD on a day, on which TikTok "
        "may spend 125% of each daily budget"
    )
    assert {row.row_id: row.blockers for row in content.rows} == {"nz": (), "nz-2": (), "au": (reason,)} or {
        row.row_id: row.blockers for row in content.rows
    } == {"nz": (reason,), "nz-2": (reason,), "au": ()}
    assert {row_id for row_id, row in found.items() if row.state is TargetState.BLOCKED} == {
        row.row_id for row in content.rows if row.blockers
    }
    (budget,) = content.budgets
    assert (budget.ceiling, budget.daily <= 100) == (100, True)
    world = await label.simulator.get("state")
    spent = [one["budget"] for one in world["adgroups"] if one["advertiser_id"] == label.ad_account]
    assert sum(spent) * Decimal("1.25") <= 100


async def test_an_ad_account_has_one_ceiling(label: Label, tmp_path: Path) -> None:
    twice = (DailyCeiling(ad_account="71", amount=1), DailyCeiling(ad_account="71", amount=2))
    manifest = await bundle(label, tmp_path, rows_of(label))
    with pytest.raises(ValidationError, match="ad account 71 has more than one ceiling"):
        ReleaseInput(campaign_id="c", bc_id="73", actor="61", operator="62", manifest=manifest, daily_ceilings=twice)
