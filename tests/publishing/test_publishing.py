"""Promote on the real stack: what is published, what is refused, and by which rule."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from releasing import pull, push, release

from sparkads.contracts.release import TargetState
from store.database import Pool
from tests.conftest import Label, post_of, until


async def test_push_and_pull_are_published_once_each_as_they_were_asked_for(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    # R13: pull uses an existing post, push makes one. R1: the account was authorized and shared before.
    await label.authorized("kiri")
    run = await release(
        label,
        db,
        tmp_path,
        [
            push("profile", "@kiri", label.ad_account),
            push("hidden", "@Kiri", label.ad_account, visibility="ads_only", video="other.mp4", caption="Only in ads"),
            pull("organic", "@kiri", label.ad_account, post_of("kiri")),
        ],
    )

    rows = await run.finished()

    assert {row.state for row in rows.values()} == {TargetState.PUBLISHED}
    ads = await run.ads()
    assert {row_id: len(found) for row_id, found in ads.items()} == {"profile": 1, "hidden": 1, "organic": 1}
    assert rows["organic"].item_id == post_of("kiri")
    world = await label.simulator.get("state")
    posts = {
        post["item_id"]: post["visible"]
        for account in world["accounts"]
        if account["handle"] == "kiri"
        for post in account["posts"]
    }
    assert posts[str(rows["profile"].item_id)] == "profile"
    assert posts[str(rows["hidden"].item_id)] == "ads_only"


async def test_forty_five_targets_take_three_calls(label: Label, db: Pool, tmp_path: Path) -> None:
    handles = ["first", "second", "third"]
    await label.authorized(*handles)
    before = (await label.simulator.get("calls"))["paths"].get("/ad/create/", {"calls": 0})["calls"]

    rows = [
        pull(f"row{number}", f"@{handles[number % 3]}", label.ad_account, post_of(handles[number % 3]))
        for number in range(45)
    ]
    run = await release(label, db, tmp_path, rows)
    done = await run.finished()

    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    assert all(len(found) == 1 for found in (await run.ads()).values())
    after = (await label.simulator.get("calls"))["paths"]["/ad/create/"]["calls"]
    assert after - before == 3


async def test_the_offender_of_a_batch_is_refused_by_name_and_the_rest_goes_through(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("good", "other")
    rows = [pull(f"row{number}", "@good", label.ad_account, post_of("good")) for number in range(6)]
    # R13: whether an owner allows a post in ads is said by no answer but that to the call.
    rows[3] = pull("offender", "@other", label.ad_account, post_of("other"))
    forbidden = {"item_id": post_of("other"), "ad_authorized": False}
    await label.simulator.post("owners/other", {"post": forbidden})

    run = await release(label, db, tmp_path, rows)
    done = await run.finished()

    offender = done.pop("offender")
    assert offender.state is TargetState.REFUSED
    assert "TikTok refused it" in offender.reason
    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    ads = await run.ads()
    assert "offender" not in ads
    assert all(len(found) == 1 for found in ads.values())


async def test_the_review_turns_a_row_down_with_tiktoks_reason(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    run = await release(label, db, tmp_path, [push("bad", "@kiri", label.ad_account, caption="this is banned")])

    row = (await run.finished())["bad"]

    assert row.state is TargetState.REJECTED
    assert row.reason
    assert row.item_id is None


@pytest.mark.parametrize("role", [None, "ANALYST"])
async def test_without_the_ad_account_key_nothing_is_made(
    label: Label, db: Pool, tmp_path: Path, role: str | None
) -> None:
    # R5: a grant on the TikTok account alone is not enough, and an analyst's role is no key.
    await label.authorized("kiri")
    if role is not None:
        await label.simulator.post(
            "seed",
            {
                "business_centers": [
                    {
                        "bc_id": label.bc_id,
                        "ad_accounts": [{"advertiser_id": label.ad_account, "roles": {label.standard: role}}],
                    }
                ]
            },
        )
    run = await release(label, db, tmp_path, [push("row", "@kiri", label.ad_account)], operator=label.standard)

    row = (await run.finished())["row"]

    assert row.state is TargetState.BLOCKED
    assert row.reason.startswith("R5:")
    assert await run.ads() == {}


async def test_an_admin_without_the_ad_account_role_is_blocked_too(label: Label, db: Pool, tmp_path: Path) -> None:
    # R5: for admins too.
    await label.authorized("kiri")
    await label.simulator.post(
        "seed",
        {"business_centers": [{"bc_id": label.bc_id, "ad_accounts": [{"advertiser_id": "7199", "name": "No role"}]}]},
    )
    run = await release(label, db, tmp_path, [push("row", "@kiri", "7199")], operator=label.admin)

    row = (await run.finished())["row"]

    assert row.state is TargetState.BLOCKED
    assert row.reason.startswith("R5:")


async def test_push_through_a_pull_only_authorization_is_refused_when_planned(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    # R7, R13 and domain decision 1: push is a capability of the granted scope.
    await label.authorized("kiri", videos=False)
    run = await release(
        label,
        db,
        tmp_path,
        [push("push", "@kiri", label.ad_account), pull("pull", "@kiri", label.ad_account, post_of("kiri"))],
    )

    rows = await run.finished()

    assert rows["push"].state is TargetState.BLOCKED
    assert rows["push"].reason.startswith("R7:")
    assert rows["pull"].state is TargetState.PUBLISHED


async def test_the_profile_is_out_of_reach_of_an_ads_only_grant(label: Label, db: Pool, tmp_path: Path) -> None:
    # R7: new videos that show through ads only.
    await label.authorized("kiri", ads_only=True)
    run = await release(
        label,
        db,
        tmp_path,
        [
            push("profile", "@kiri", label.ad_account),
            push("hidden", "@kiri", label.ad_account, visibility="ads_only", video="other.mp4"),
        ],
    )

    rows = await run.finished()

    assert rows["profile"].state is TargetState.BLOCKED
    assert rows["profile"].reason.startswith("R7:")
    assert rows["hidden"].state is TargetState.PUBLISHED


async def test_nothing_is_made_before_its_instant(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    wall_time = due.astimezone(ZoneInfo("Pacific/Chatham")).strftime("%Y-%m-%d %H:%M:%S")
    run = await release(
        label,
        db,
        tmp_path,
        [push("row", "@kiri", label.ad_account, time_zone="Pacific/Chatham", release_at=wall_time)],
    )

    row = (await run.finished())["row"]

    assert row.due_at == due
    (ad,) = (await run.ads())["row"]
    assert datetime.fromisoformat(ad["created_at"]) >= due
    assert row.confirmed_at is not None
    assert row.confirmed_at >= due


async def test_a_row_that_waits_for_its_owner_at_its_instant_is_blocked(label: Label, db: Pool, tmp_path: Path) -> None:
    # R1: nothing is promoted before it is approved and shared.
    await label.seed_accounts("silent")
    wall_time = (datetime.now(UTC) + timedelta(seconds=4)).strftime("%Y-%m-%d %H:%M:%S")
    run = await release(
        label, db, tmp_path, [push("row", "@silent", label.ad_account, time_zone="Etc/UTC", release_at=wall_time)]
    )

    row = (await run.finished())["row"]

    assert row.state is TargetState.BLOCKED
    assert row.reason.startswith("R1:")


async def test_who_approves_late_is_published_when_ready(label: Label, db: Pool, tmp_path: Path) -> None:
    # R1, R14: the release invites who is missing, waits, shares, publishes.
    await label.seed_accounts("late")
    run = await release(label, db, tmp_path, [push("row", "@late", label.ad_account)])
    await until(
        lambda: db.fetchval("SELECT 1 FROM access_requests WHERE bc_id = $1", label.bc_id), "the owner was asked"
    )
    await label.simulator.approve("late", label.bc_id)

    row = (await run.finished())["row"]

    assert row.state is TargetState.PUBLISHED
