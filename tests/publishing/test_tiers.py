"""Tiers: a canary first, a hold, a look at its health; a release that is not well halts by itself."""

from itertools import pairwise
from pathlib import Path

import pytest
from releasing import pull, push, release

from sparkads.contracts.release import Command, HealthGate, Proceed, ReleaseStatus, TargetState
from sparkads.errors import OnlyItsPeople
from store.database import Pool
from tests.conftest import Label, post_of, until
from tests.publishing.releasing import Release

QUICK = HealthGate(hold_seconds=1, worst_share=0.5)
LONG = HealthGate(hold_seconds=3600, worst_share=0.5)
MISSING = "7499999999999999999"
"""No post has this id; the row that pulls it is blocked by its gate, which says nothing of a tier's health."""


async def status(run: Release) -> ReleaseStatus:
    return await run.label.spark.release_status(run.campaign_id)


async def attention(run: Release) -> str:
    return (await status(run)).attention


async def test_a_tier_goes_when_the_one_before_was_healthy(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri", "bodhi")
    rows = [
        push("second", "@bodhi", label.ad_account, tier="1"),
        pull("canary", "@kiri", label.ad_account, post_of("kiri"), tier="0"),
        push("third", "@kiri", label.ad_account, tier="2"),
    ]
    run = await release(label, db, tmp_path, rows, gate=QUICK)

    done = await run.finished()

    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    submitted = [moment for name in ("canary", "second", "third") if (moment := done[name].submitted_at)]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(submitted)]
    assert len(gaps) == 2
    assert all(gap >= QUICK.hold_seconds for gap in gaps)
    trail = await db.fetch(
        "SELECT actor, subject, reason FROM audit WHERE bc_id = $1 AND action = 'tier released' ORDER BY number",
        label.bc_id,
    )
    assert [row["subject"][-6:] for row in trail] == ["tier 1", "tier 2"]
    assert trail[0]["reason"].startswith("tier 0: 0 of 1 ads failed")


async def test_a_sick_canary_stops_the_release_until_a_person_says_so(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri", "bodhi")
    await label.simulator.post(
        "faults",
        {
            "seed": 1,
            "rules": [{"kind": "code", "path": "/ad/create/", "code": 40002, "message": "no such text", "times": 1}],
        },
    )
    rows = [
        push("canary", "@kiri", label.ad_account, tier="0"),
        push("rest", "@bodhi", label.ad_account, tier="1"),
    ]
    run = await release(label, db, tmp_path, rows, gate=QUICK)
    await run.row_reaches("canary", TargetState.REFUSED)

    text = await until(lambda: attention(run), "it asks for a person")

    assert "tier 0: 1 of 1 ads failed; 50% may" in text
    assert "sparkads campaign proceed" in text
    assert (await run.rows())["rest"].state is TargetState.READY
    with pytest.raises(OnlyItsPeople):
        await label.spark.proceed(run.campaign_id, Proceed(actor=label.standard, reason="let me"))
    opened = await label.spark.proceed(run.campaign_id, Proceed(actor=label.operator, reason="its text was wrong"))
    assert opened.number == 1
    done = await run.finished()
    assert done["rest"].state is TargetState.PUBLISHED


async def test_a_canary_that_never_went_out_says_nothing(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    rows = [
        pull("canary", "@kiri", label.ad_account, MISSING, tier="0"),
        push("rest", "@kiri", label.ad_account, tier="1"),
    ]
    run = await release(label, db, tmp_path, rows, gate=QUICK)
    await run.row_reaches("canary", TargetState.BLOCKED)

    text = await until(lambda: attention(run), "it asks for a person")

    assert "none of its 1 rows went out" in text
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin, reason="over"))
    assert (await run.finished())["rest"].state is TargetState.CANCELLED


async def test_the_hold_can_be_ended_and_a_pause_stops_it(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri", "bodhi")
    rows = [
        push("canary", "@kiri", label.ad_account, tier="0"),
        push("rest", "@bodhi", label.ad_account, tier="1"),
    ]
    run = await release(label, db, tmp_path, rows, gate=LONG)
    await run.row_reaches("canary", TargetState.PUBLISHED)

    async def holds() -> bool:
        return (await status(run)).waiting_on == "the hold after a tier"

    await until(holds, "the hold")
    assert (await run.rows())["rest"].state is TargetState.READY
    now = await status(run)
    assert [(tier.number, tier.to_go, tier.submitted) for tier in now.tiers] == [(0, 0, 1), (1, 1, 0)]
    assert now.open_tier == 0

    await label.spark.proceed(run.campaign_id, Proceed(actor=label.operator, reason="it looks good"))

    assert (await run.finished())["rest"].state is TargetState.PUBLISHED
