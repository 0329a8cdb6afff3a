"""Taking rows down: while a release runs and after its end, with outcomes that nobody knows, and what is left over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from releasing import Release, pull, push, release

from sparkads import names
from sparkads.contracts.notification import AskNotifications, NotificationKind
from sparkads.contracts.release import Command, Selection, SettleTarget, TargetState
from sparkads.contracts.takedown import Takedown, TakedownPhase, TakedownResult, TakedownStatus
from sparkads.errors import NothingOnRecord, OnlyItsPeople
from store.database import Pool
from tests.conftest import PYTHON, Label, Simulator, post_of, run_command, until
from workers.local import Stack

STATUS = "/ad/status/update/"


def _soon(seconds: float) -> dict[str, str]:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"time_zone": "Etc/UTC", "release_at": moment.strftime("%Y-%m-%d %H:%M:%S")}


def _gone(label: Label, **more: Any) -> Takedown:
    return Takedown(**({"actor": label.operator, "reason": "wrong master"} | more))


async def taken_down(run: Release, command: Takedown) -> TakedownResult:
    name = await run.label.spark.takedown(run.campaign_id, command)
    return await run.label.spark.wait_for_takedown(run.campaign_id, name)


async def deleted_ads(run: Release) -> dict[str, bool]:
    """By row, whether all its ads are deleted."""
    return {row: all(_is_deleted(ad) for ad in ads) for row, ads in (await run.ads()).items()}


def _is_deleted(one: dict[str, Any]) -> bool:
    return str(one["secondary_status"]).endswith("_DELETE")


async def test_after_its_end_ads_are_switched_off_then_deleted_and_posts_are_listed(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    await label.authorized("kiri")
    rows = [
        push("push", "@kiri", label.ad_account),
        push("dark", "@kiri", label.ad_account, visibility="ads_only", video="dark.mp4"),
        pull("pull", "@kiri", label.ad_account, post_of("kiri")),
        pull("stays", "@kiri", label.ad_account, post_of("kiri"), territory="AU", location_id="2077456"),
    ]
    run = await release(label, db, tmp_path, rows)
    item_id = (await run.finished())["push"].item_id

    done = await taken_down(run, _gone(label, only=Selection(territories=("NZ",))))

    assert done.failed == 0
    assert done.progress.counts == {TargetState.TAKEN_DOWN: 3}
    assert [(post.row_id, post.item_id) for post in done.progress.owner_posts] == [("push", item_id)]
    after = await run.rows()
    assert {row_id: row.state for row_id, row in after.items()} == {
        "push": TargetState.TAKEN_DOWN,
        "dark": TargetState.TAKEN_DOWN,
        "pull": TargetState.TAKEN_DOWN,
        "stays": TargetState.PUBLISHED,
    }
    assert await deleted_ads(run) == {"push": True, "dark": True, "pull": True, "stays": False}
    told = await label.spark.notifications(
        label.bc_id, AskNotifications(actor=label.admin, kinds=(NotificationKind.ATTENTION,))
    )
    assert any(f"/video/{item_id} (row push)" in one.text for one in told.notifications)
    lines = await db.fetch(
        "SELECT action, reason FROM audit WHERE bc_id = $1 AND workflow_id LIKE 'takedown/%' ORDER BY number",
        label.bc_id,
    )
    actions = [line["action"] for line in lines]
    # Spend first.
    assert max(i for i, one in enumerate(actions) if one == "ads switched off") < actions.index("ads deleted")
    assert [line["reason"] for line in lines if line["action"] == "posts left to their owners"] == [
        f"push: @kiri {item_id}"
    ]


async def test_while_it_runs_nothing_new_goes_out_and_the_rest_goes_on(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    rows = [
        pull("out", "@kiri", label.ad_account, post_of("kiri")),
        push("waits", "@kiri", label.ad_account, **_soon(3600)),
        push("later", "@kiri", label.ad_account, video="later.mp4", **_soon(12)),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("out", TargetState.PUBLISHED)
    await run.row_reaches("later", TargetState.READY)

    done = await taken_down(run, _gone(label, only=Selection(rows=("out", "waits"))))

    assert done.progress.counts == {TargetState.TAKEN_DOWN: 1, TargetState.CANCELLED: 1}
    finished = await run.finished()
    assert finished["later"].state is TargetState.PUBLISHED
    assert finished["waits"].state is TargetState.CANCELLED
    assert finished["waits"].reason == "taken down: wrong master"
    assert await deleted_ads(run) == {"out": True, "later": False}


async def test_an_ad_in_review_is_taken_down_and_stays_so(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    await label.authorized("kiri")
    await simulator.post("clock", {"review_seconds": 3})
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account)])
    await run.row_reaches("row", TargetState.IN_REVIEW)

    done = await taken_down(run, _gone(label))

    assert done.progress.counts == {TargetState.TAKEN_DOWN: 1}
    # Nothing was posted, so there is nothing for its owner to remove.
    assert done.progress.owner_removes == 0
    assert (await run.finished())["row"].state is TargetState.TAKEN_DOWN
    assert await deleted_ads(run) == {"row": True}


async def test_an_unknown_outcome_is_waited_for_and_taken_down(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    await label.authorized("kiri")
    await simulator.post("clock", {"ad_list_seconds": 3600})
    await simulator.post("config", {"describe_created": False})
    try:
        run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account)])
        await run.row_reaches("row", TargetState.UNKNOWN)
        name = await label.spark.takedown(run.campaign_id, _gone(label))

        async def waits() -> TakedownStatus | None:
            status = await label.spark.takedown_status(run.campaign_id, name)
            return status if status.phase is TakedownPhase.WAITING else None

        status = await until(waits, "it waits for the outcome")
        assert status.progress.not_yet_known_rows == ("row",)
    finally:
        await simulator.post("clock", {"ad_list_seconds": 0})
        await simulator.post("config", {"describe_created": True})
    ((ad,),) = (await run.ads()).values()
    assert ad["operation_status"] == "ENABLE"
    await label.spark.settle_target(
        run.campaign_id,
        SettleTarget(actor=label.admin, row_id="row", because="support says so"),
    )

    done = await label.spark.wait_for_takedown(run.campaign_id, name)

    # Nothing is published in its place.
    assert done.progress.counts == {TargetState.CANCELLED: 1}
    assert (await run.finished())["row"].reason == "taken down before it was published"
    assert {row: len(ads) for row, ads in (await run.ads()).items()} == {"row": 1}


async def test_what_tiktok_refuses_is_named_and_taken_down_by_the_next_takedown(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    await label.authorized("kiri")
    rows = [pull(f"row{number}", "@kiri", label.ad_account, post_of("kiri")) for number in range(3)]
    run = await release(label, db, tmp_path, rows)
    await run.finished()
    gone = (await run.ads())["row1"][0]["ad_id"]
    await _at_tiktok(label, gone, "DELETE")
    await simulator.post(
        "faults", {"seed": 1, "rules": [{"path": STATUS, "kind": "code", "code": 40002, "message": "not this one"}]}
    )

    refused = await taken_down(run, _gone(label))

    # An ad that somebody has deleted by hand is down already.
    assert refused.progress.counts == {TargetState.PUBLISHED: 2, TargetState.TAKEN_DOWN: 1}
    assert {one.row_id for one in refused.failed_rows} == {"row0", "row2"}
    assert all("not this one" in one.why for one in refused.failed_rows)

    await simulator.post("faults", {"rules": []})
    assert (await taken_down(run, _gone(label))).progress.counts == {TargetState.TAKEN_DOWN: 3}


async def _at_tiktok(label: Label, ad_id: str, status: str) -> None:
    url = f"{label.simulator.url}/open_api/v1.3{STATUS}"
    body = {"advertiser_id": label.ad_account, "ad_ids": [ad_id], "operation_status": status}
    headers = {"Access-Token": f"token-{int(label.bc_id[2:])}"}
    async with label.simulator.http.post(url, json=body, headers=headers) as answer:
        assert (await answer.json())["code"] == 0


async def test_only_its_people_may_and_a_repeated_command_runs_once(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [pull("row", "@kiri", label.ad_account, post_of("kiri"))])
    await run.finished()
    spark = label.spark

    with pytest.raises(OnlyItsPeople):
        await taken_down(run, _gone(label, actor=label.standard))
    with pytest.raises(NothingOnRecord):
        await taken_down(Release("no-such-release", label, db), _gone(label))
    assert await deleted_ads(run) == {"row": False}

    first, second = [await spark.takedown(run.campaign_id, _gone(label), command_id="once") for _ in range(2)]
    assert first == second
    await spark.wait_for_takedown(run.campaign_id, first)
    assert await spark.takedown(run.campaign_id, _gone(label), command_id="once") == first
    begun = await db.fetchval("SELECT count(*) FROM audit WHERE bc_id = $1 AND action = 'takedown begun'", label.bc_id)
    assert begun == 1


async def test_a_cancelled_release_leaves_no_empty_ad_groups(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    await label.authorized("kiri")
    rows = [
        pull("now", "@kiri", label.ad_account, post_of("kiri")),
        push("later", "@kiri", label.ad_account, **_soon(3600)),
    ]
    used = await release(label, db, tmp_path, rows)
    await used.row_reaches("now", TargetState.PUBLISHED)
    unused = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(3600))])
    for run, row in ((used, "later"), (unused, "row")):
        await run.row_reaches(row, TargetState.READY)
        await until(lambda run=run: _groups(run), "ad groups are made")  # type: ignore[misc]  # bound at once
        await label.spark.cancel(run.campaign_id, Command(actor=label.admin, reason="moved"))
        await run.finished()

    assert [one["adgroup_name"].split()[2:4] for one in await _groups(used)] == [["wave", "1"]]
    assert await _groups(unused) == []
    names_left = {one["campaign_name"] for one in (await simulator.get("state"))["campaigns"] if not _is_deleted(one)}
    assert f"sparkads {used.campaign_id}" in names_left
    assert f"sparkads {unused.campaign_id}" not in names_left
    lines = await db.fetch(
        "SELECT workflow_id FROM audit WHERE bc_id = $1 AND action = 'unused ad groups removed'", label.bc_id
    )
    assert {line["workflow_id"] for line in lines} == {
        names.release_campaign_id(run.campaign_id) for run in (used, unused)
    }


async def _groups(run: Release) -> list[dict[str, Any]]:
    world = await run.label.simulator.get("state")
    prefix = f"sparkads {run.campaign_id} "
    return [one for one in world["adgroups"] if one["adgroup_name"].startswith(prefix) and not _is_deleted(one)]


async def test_what_cannot_be_removed_keeps_no_release_from_its_end(
    label: Label, db: Pool, tmp_path: Path, simulator: Simulator
) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account, **_soon(3600))])
    await until(lambda: _groups(run), "ad groups are made")
    rule = {"path": "/adgroup/status/update/", "kind": "code", "code": 40002, "message": "not yours"}
    await simulator.post("faults", {"seed": 1, "rules": [rule]})

    await label.spark.cancel(run.campaign_id, Command(actor=label.admin, reason="moved"))

    assert (await run.finished())["row"].state is TargetState.CANCELLED
    assert "not yours" in (await label.spark.release_status(run.campaign_id)).last_error
    reason = await db.fetchval(
        "SELECT reason FROM audit WHERE bc_id = $1 AND action = 'unused left at TikTok'", label.bc_id
    )
    assert "not yours" in reason


async def test_from_the_command_line(label: Label, db: Pool, tmp_path: Path, stack: Stack) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account)])
    await run.finished()
    environment = {**stack.environment, "SPARKADS_ACTOR": label.admin}
    takedown = (PYTHON, "-m", "sparkads", "campaign", "takedown", run.campaign_id)

    unsaid = await run_command(*takedown, environment=environment)
    done = await run_command(*takedown, "--reason", "wrong master", "--wave", "1", "--json", environment=environment)

    assert [one.code for one in (unsaid, done)] == [2, 0], done.err
    assert done.json["progress"]["counts"] == {"taken_down": 1}
    assert done.json["links"]["row"].startswith("https://www.tiktok.com/@kiri/video/")
