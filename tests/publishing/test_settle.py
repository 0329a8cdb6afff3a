"""Outcomes that nobody can know from here: a row waits for a person, whom TikTok may contradict. And late ads."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from releasing import Release, pull, push, release
from temporalio.api.sdk.v1 import WorkflowMetadata

from sparkads import names
from sparkads.contracts.notification import AskNotifications, NotificationKind
from sparkads.contracts.release import Command, Selection, SettleTarget, TargetState
from sparkads.errors import EvidenceAgainst, NothingOnRecord, OnlyItsPeople, OutcomeKnown
from sparkads.search_attributes import PHASE
from store.database import Pool
from tests.conftest import PYTHON, Label, Simulator, post_of, run_command, until
from tiktok import PullCreative, TikTok
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


IN_A_YEAR = {"release_at": f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%d} 00:00"}


async def test_neither_is_an_ad_that_is_another_ones(label: Label, db: Pool, tmp_path: Path) -> None:
    run, ad_id = await held(label, db, tmp_path, listed_after=LATER)
    await label.authorized("two")
    other = await release(
        label, db, tmp_path, [pull(name, f"@{name}", label.ad_account, post_of(name)) for name in ("one", "two")]
    )
    await other.finished()
    ((ours,),), ads = (await run.ads()).values(), await other.ads()
    ((one,), (two,)) = ads["one"], ads["two"]

    elsewhere = await by_hand(label, one["adgroup_id"], one["identity_id"], post_of("one"))
    with pytest.raises(EvidenceAgainst, match=f"{elsewhere} is in another ad group than row row"):
        await label.spark.settle_target(run.campaign_id, word(label, published_ad_id=elsewhere))
    somebodys = await by_hand(label, ours["adgroup_id"], two["identity_id"], post_of("two"))
    with pytest.raises(EvidenceAgainst, match=f"{somebodys} is of another TikTok account than row row"):
        await label.spark.settle_target(run.campaign_id, word(label, published_ad_id=somebodys))

    await until(lambda: listed(label, ad_id), "TikTok lists the ad")
    await label.spark.settle_target(run.campaign_id, word(label, published_ad_id=ad_id))
    await run.finished()


async def by_hand(label: Label, adgroup_id: str, identity_id: str, item_id: str) -> str:
    """An ad that somebody makes in Ads Manager; its id."""
    creative = PullCreative(
        ad_name="by hand",
        identity_id=identity_id,
        identity_authorized_bc_id=label.bc_id,
        tiktok_item_id=item_id,
        call_to_action="LISTEN_NOW",
        landing_page_url="https://example.com/song",
    )
    async with TikTok(label.simulator.url, limiter=None) as tiktok:
        ads = tiktok.client(SecretStr(f"token-{int(label.bc_id[2:])}")).ads
        return (await ads.create_ads(label.ad_account, adgroup_id, [creative])).ad_ids[0]


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


async def test_a_late_ad_of_a_row_that_has_no_other_is_its_ad(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("held", "again")
    await label.simulator.post("clock", {"ad_list_seconds": LATER, "review_seconds": LATER})
    await label.simulator.post(
        "faults", {"seed": 1, "rules": [{"path": CREATE, "kind": "drop", "when": "after", "times": 1}]}
    )
    run = await release(label, db, tmp_path, [push(name, f"@{name}", label.ad_account) for name in ("held", "again")])
    await until(lambda: called(db, run), "the first call is made")
    # Both count as not made, and only one of them is published again.
    await label.spark.pause(run.campaign_id, Command(actor=label.operator))
    await run.row_reaches("held", TargetState.READY)
    await label.spark.cancel(run.campaign_id, Command(actor=label.operator, only=Selection(rows=("held",))))
    await run.row_reaches("held", TargetState.CANCELLED)
    await label.simulator.post("clock", {"ad_list_seconds": 0})
    await label.spark.resume(run.campaign_id, Command(actor=label.operator))

    rows = await run.finished(within=60)

    ads = await run.ads()
    assert {row_id: (row.state, row.ad_id) for row_id, row in rows.items()} == {
        row_id: (TargetState.PUBLISHED, *(ad["ad_id"] for ad in ads[row_id] if ad["operation_status"] == "ENABLE"))
        for row_id in ("held", "again")
    }
    assert {row_id: len(made) for row_id, made in ads.items()} == {"held": 1, "again": 2}
    late = await db.fetchval("SELECT reason FROM audit WHERE bc_id = $1 AND action = 'ad found late'", label.bc_id)
    assert late == f"ad {rows['held'].ad_id} was made after all"


async def called(db: Pool, run: Release) -> bool:
    """Whether TikTok is called for ads of a release, or was, and nobody knows yet what came of it."""
    query = "SELECT count(*) FROM intents WHERE campaign_id = $1 AND state = 'called'"
    return bool(await db.fetchval(query, run.campaign_id))


async def test_a_second_ad_that_turns_up_late_is_switched_off(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("one")
    # Listed long after the settle window: the row counts as not made, and is published again.
    await label.simulator.post("clock", {"ad_list_seconds": LATER, "review_seconds": LATER})
    rules = [{"path": CREATE, "kind": "drop", "when": "after", "times": 1}]
    await label.simulator.post("faults", {"seed": 1, "rules": rules})

    run = await release(label, db, tmp_path, [push("row", "@one", label.ad_account)])
    await until(lambda: called(db, run), "the first call is made")
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
