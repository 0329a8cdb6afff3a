"""Outcomes that nobody can know from here: a row waits for a person, whom TikTok may contradict. And late ads."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from releasing import Release, pull, push, release
from temporalio.api.sdk.v1 import WorkflowMetadata

from sparkads import names
from sparkads.contracts.notification import AskNotifications, NotificationKind
from sparkads.contracts.release import SettleTarget, TargetState
from sparkads.errors import EvidenceAgainst, NothingOnRecord, OnlyItsPeople, OutcomeKnown
from sparkads.search_attributes import PHASE
from store.database import Pool
from tests.conftest import PYTHON, Label, Simulator, post_of, run_command, until
from workers.local import Stack

CREATE = "/ad/create/"
LATER = 10.0
"""Seconds: well after the settle window of the tests."""


@pytest.fixture(autouse=True)
async def lists_again(simulator: Simulator) -> AsyncIterator[None]:
    yield
    await simulator.post("config", {"describe_created": True})
    await simulator.post("clock", {"ad_list_seconds": 0})


async def held(label: Label, db: Pool, folder: Path, *, listed_after: float) -> tuple[Release, str]:
    """A release of one row whose ad TikTok says that it has made and does not list for long; and that ad's id."""
    await label.authorized("one")
    await label.simulator.post("config", {"describe_created": False})
    await label.simulator.post("clock", {"ad_list_seconds": listed_after})
    run = await release(label, db, folder, [push("row", "@one", label.ad_account)])
    await until(lambda: phase_is(run, "waiting for a person"), "the row is held")
    await label.simulator.post("config", {"describe_created": True})
    await label.simulator.post("clock", {"ad_list_seconds": 0})
    ((ad,),) = (await run.ads()).values()
    return run, str(ad["ad_id"])


async def listed(label: Label, ad_id: str) -> bool:
    """Whether TikTok lists an ad by now."""
    query = {"advertiser_id": label.ad_account, "filtering": json.dumps({"ad_ids": [ad_id]})}
    headers = {"Access-Token": f"token-{int(label.bc_id[2:])}"}
    url = f"{label.simulator.url}/open_api/v1.3/ad/get/"
    async with label.simulator.http.get(url, params=query, headers=headers) as answer:
        return bool((await answer.json())["data"]["list"])


async def phase_is(run: Release, phase: str) -> bool:
    found = await shard_of(run)
    return found is not None and found.search_attributes.get(PHASE.name) == [phase]


async def shard_of(run: Release) -> Any:
    shard = names.publish_shard_id(run.campaign_id, 1, 1)
    async for one in run.label.spark.temporal.list_workflows(f'WorkflowId = "{shard}"'):
        return await run.label.spark.temporal.get_workflow_handle(one.id).describe()
    return None


def word(label: Label, **more: Any) -> SettleTarget:
    return SettleTarget(**({"actor": label.admin, "row_id": "row", "because": "seen in Ads Manager"} | more))


async def test_a_row_that_tiktok_contradicts_itself_about_waits_for_a_person(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    run, ad_id = await held(label, db, tmp_path, listed_after=LATER)
    spark = label.spark

    row = (await run.rows())["row"]
    assert row.state is TargetState.UNKNOWN
    assert "look for it in TikTok Ads Manager" in row.reason

    async def told() -> bool:
        return "outcomes are unknown: row." in (await spark.release_status(run.campaign_id)).attention

    await until(told, "the campaign names the row")
    shard = spark.temporal.get_workflow_handle(names.publish_shard_id(run.campaign_id, 1, 1))
    card = (await shard.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)).current_details
    assert "**rows that wait for a person:** row" in card
    assert f"sparkads target settle {run.campaign_id} ROW --published AD_ID" in card

    await until(lambda: listed(label, ad_id), "TikTok lists the ad")
    # Nobody can say any more that there is none.
    with pytest.raises(EvidenceAgainst, match=ad_id):
        await spark.settle_target(run.campaign_id, word(label))
    with pytest.raises(EvidenceAgainst, match=ad_id):
        await spark.settle_target(run.campaign_id, word(label, published_ad_id="18"))
    with pytest.raises(OnlyItsPeople):
        await spark.settle_target(run.campaign_id, word(label, actor=label.standard, published_ad_id=ad_id))
    with pytest.raises(NothingOnRecord, match="no row nobody"):
        await spark.settle_target(run.campaign_id, word(label, row_id="nobody"))

    settled = await spark.settle_target(run.campaign_id, word(label, published_ad_id=ad_id))

    assert settled.ad_id == ad_id
    rows = await run.finished()
    assert (rows["row"].state, rows["row"].ad_id) == (TargetState.PUBLISHED, ad_id)
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"row": 1}
    line = await db.fetchrow(
        "SELECT reason FROM audit WHERE bc_id = $1 AND actor = $2 AND action = 'unknown outcome settled'",
        label.bc_id,
        label.admin,
    )
    assert line is not None
    assert line["reason"] == f"ad {ad_id}: seen in Ads Manager"


async def test_what_was_not_published_is_published_once(label: Label, db: Pool, tmp_path: Path) -> None:
    run, ad_id = await held(label, db, tmp_path, listed_after=3600)

    settled = await label.spark.settle_target(run.campaign_id, word(label, because="TikTok support says so"))

    assert settled.ad_id is None
    rows = await run.finished()
    assert rows["row"].state is TargetState.PUBLISHED
    assert rows["row"].ad_id != ad_id
    # The one that TikTok never listed, and the one that it was published as then.
    assert {ad["ad_id"] for ad in (await run.ads())["row"]} == {ad_id, rows["row"].ad_id}


async def test_a_published_row_is_no_matter_of_opinion(label: Label, db: Pool, tmp_path: Path) -> None:
    run, ad_id = await held(label, db, tmp_path, listed_after=LATER)
    other = await release(
        label,
        db,
        tmp_path,
        [push("first", "@one", label.ad_account), pull("later", "@one", label.ad_account, post_of("one"), **IN_A_YEAR)],
    )
    await other.row_reaches("first", TargetState.PUBLISHED)

    with pytest.raises(OutcomeKnown, match="row first is published"):
        await label.spark.settle_target(other.campaign_id, word(label, row_id="first"))
    with pytest.raises(EvidenceAgainst, match="has no ad 18"):
        await label.spark.settle_target(run.campaign_id, word(label, published_ad_id="18"))
    published = (await other.rows())["first"].ad_id
    with pytest.raises(EvidenceAgainst, match=f"is that of {other.campaign_id}/first"):
        await label.spark.settle_target(run.campaign_id, word(label, published_ad_id=published))
    await until(lambda: listed(label, ad_id), "TikTok lists the ad")
    await label.spark.settle_target(run.campaign_id, word(label, published_ad_id=ad_id))
    await run.finished()


IN_A_YEAR = {"release_at": "2027-11-01 00:00"}


async def test_from_the_command_line(label: Label, db: Pool, tmp_path: Path, stack: Stack) -> None:
    run, ad_id = await held(label, db, tmp_path, listed_after=LATER)
    await until(lambda: listed(label, ad_id), "TikTok lists the ad")
    environment = {**stack.environment, "SPARKADS_ACTOR": label.admin}
    settle = (PYTHON, "-m", "sparkads", "target", "settle", run.campaign_id, "row")

    unsaid = await run_command(*settle, "--because", "so", environment=environment)
    both = await run_command(
        *settle, "--because", "so", "--published", ad_id, "--not-published", environment=environment
    )
    wrong = await run_command(*settle, "--because", "so", "--published", "x", environment=environment)
    done = await run_command(*settle, "--because", "seen", "--published", ad_id, "--json", environment=environment)

    assert [one.code for one in (unsaid, both, wrong, done)] == [2, 2, 2, 0], done.err
    assert "either --published AD_ID or --not-published" in unsaid.err
    assert "--published" in wrong.err
    assert done.json["ad_id"] == ad_id
    assert (await run.finished())["row"].state is TargetState.PUBLISHED


async def test_a_second_ad_that_turns_up_late_is_switched_off(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("one")
    # Listed long after the settle window: the row counts as not made, and is published again.
    await label.simulator.post("clock", {"ad_list_seconds": LATER, "review_seconds": LATER})
    rules = [{"path": CREATE, "kind": "drop", "when": "after", "times": 1}]
    await label.simulator.post("faults", {"seed": 1, "rules": rules})

    run = await release(label, db, tmp_path, [push("row", "@one", label.ad_account)])
    await until(
        lambda: db.fetchval(
            "SELECT count(*) FROM intents WHERE campaign_id = $1 AND state = 'called'", run.campaign_id
        ),
        "the first call is made",
    )
    await label.simulator.post("clock", {"ad_list_seconds": 0})
    rows = await run.finished(within=60)

    assert rows["row"].state is TargetState.PUBLISHED
    ads = (await run.ads())["row"]
    assert len(ads) == 2
    running = [ad["ad_id"] for ad in ads if ad["operation_status"] == "ENABLE"]
    assert running == [rows["row"].ad_id]
    told = await label.spark.notifications(
        label.bc_id, AskNotifications(actor=label.admin, kinds=(NotificationKind.ATTENTION,))
    )
    assert any("was switched off" in one.text for one in told.notifications)
