"""Another instant for rows that sleep: later by one of its people, earlier only by two admins."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from releasing import push, release

from sparkads import clock
from sparkads.contracts.release import Command, Retime, Selection, TargetState
from sparkads.errors import AdminOnly, ManifestInvalid, NothingOnRecord, OnlyItsPeople
from store.database import Pool
from tests.conftest import Label

DAY = timedelta(days=1)


def at(moment: datetime) -> dict[str, str]:
    return {"time_zone": "Etc/UTC", "release_at": moment.strftime("%Y-%m-%d %H:%M:%S")}


def wall(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None, microsecond=0)


async def second_admin(label: Label) -> str:
    member = {"user_id": label.standard, "user_name": "Stan", "user_email": "s@example.com", "user_role": "ADMIN"}
    await label.simulator.post("seed", {"business_centers": [{"bc_id": label.bc_id, "members": [member]}]})
    return label.standard


async def test_a_sleeping_release_is_woken_later(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    first = datetime.now(UTC) + timedelta(seconds=10)
    rows = [push("moved", "@kiri", label.ad_account, **at(first))]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("moved", TargetState.READY)
    later = first + timedelta(seconds=4)

    retimed = await label.spark.retime(
        run.campaign_id, Retime(actor=label.operator, reason="mastering", release_at=wall(later))
    )

    assert (retimed.rows, retimed.left_out, retimed.waits_for) == (1, {}, "")
    row = (await run.finished())["moved"]
    assert row.state is TargetState.PUBLISHED
    assert row.due_at == later.replace(microsecond=0)
    (ad,) = (await run.ads())["moved"]
    assert datetime.fromisoformat(ad["created_at"]) >= row.due_at


async def test_each_row_keeps_its_own_zone_and_only_what_was_named_moves(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri")
    day = wall(datetime.now(UTC) + 10 * DAY).replace(hour=0, minute=0, second=0)
    zones = {"nz": ("NZ", "Pacific/Auckland"), "np": ("NP", "Asia/Kathmandu"), "us": ("US", "America/New_York")}
    rows = [
        push(
            name,
            "@kiri",
            label.ad_account,
            territory=territory,
            time_zone=zone,
            release_at=f"{day:%Y-%m-%d %H:%M}",
            video=f"{name}.mp4",
        )
        for name, (territory, zone) in zones.items()
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("us", TargetState.READY)

    only = Selection(territories=("NZ", "NP"))
    command = Retime(actor=label.operator, reason="a week more", only=only, release_at=day + 7 * DAY)
    retimed = await label.spark.retime(run.campaign_id, command, command_id="week")
    again = await label.spark.retime(run.campaign_id, command, command_id="week")

    assert retimed == again
    assert retimed.rows == 2
    due = {name: row.due_at for name, row in (await run.rows()).items()}
    assert due == {
        "nz": clock.instant(day + 7 * DAY, "Pacific/Auckland"),
        "np": clock.instant(day + 7 * DAY, "Asia/Kathmandu"),
        "us": clock.instant(day, "America/New_York"),
    }
    for name in zones:
        await run.row_reaches(name, TargetState.READY)
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    await run.finished()


async def test_earlier_takes_two_admins_who_say_the_same(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    rows = [push("row", "@kiri", label.ad_account, **at(datetime.now(UTC) + 10 * DAY))]
    run = await release(label, db, tmp_path, rows)
    before = await run.row_reaches("row", TargetState.READY)
    lift = Retime(actor=label.admin, reason="it has leaked", release_at=None)

    with pytest.raises(AdminOnly):
        await label.spark.retime(run.campaign_id, lift.model_copy(update={"actor": label.operator}))
    alone = await label.spark.retime(run.campaign_id, lift)
    twice = await label.spark.retime(run.campaign_id, lift)

    assert alone.rows == twice.rows == 0
    assert "a second admin, who sends the same" in alone.waits_for
    assert (await run.rows())["row"].due_at == before.due_at
    assert await run.ads() == {}

    other = await second_admin(label)
    both = await label.spark.retime(run.campaign_id, lift.model_copy(update={"actor": other, "reason": "I agree"}))

    assert both.rows == 1
    assert (await run.finished())["row"].state is TargetState.PUBLISHED
    trail = await db.fetch(
        "SELECT actor, action FROM audit WHERE bc_id = $1 AND action = ANY($2) ORDER BY number",
        label.bc_id,
        ["earlier instant asked for", "release retimed"],
    )
    assert [tuple(row) for row in trail] == [
        (label.admin, "earlier instant asked for"),
        (other, "release retimed"),
    ]


async def test_two_different_wishes_are_not_one(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    rows = [push("row", "@kiri", label.ad_account, **at(datetime.now(UTC) + 10 * DAY))]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("row", TargetState.READY)
    other = await second_admin(label)
    five, six = (wall(datetime.now(UTC) + days * DAY) for days in (5, 6))

    one = await label.spark.retime(run.campaign_id, Retime(actor=label.admin, reason="a", release_at=five))
    two = await label.spark.retime(run.campaign_id, Retime(actor=other, reason="b", release_at=six))

    assert one.waits_for
    assert two.waits_for
    assert (one.rows, two.rows) == (0, 0)
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    await run.finished()


async def test_past_times_unknown_rows_and_bystanders_are_refused_and_what_is_out_is_left(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    await label.authorized("kiri")
    rows = [
        push("out", "@kiri", label.ad_account),
        push("asleep", "@kiri", label.ad_account, video="other.mp4", **at(datetime.now(UTC) + 10 * DAY)),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("out", TargetState.PUBLISHED)
    later = wall(datetime.now(UTC) + 11 * DAY)

    def wish(**more: object) -> Retime:
        return Retime.model_validate({"actor": label.operator, "reason": "x", "release_at": later, **more})

    with pytest.raises(ManifestInvalid, match=r"is in the past for 1 rows; row asleep: it was 2020-01-01"):
        await label.spark.retime(run.campaign_id, wish(release_at="2020-01-01 00:00"))
    with pytest.raises(NothingOnRecord, match="no row nobody"):
        await label.spark.retime(run.campaign_id, wish(only={"rows": ["nobody"]}))
    with pytest.raises(OnlyItsPeople):
        await label.spark.retime(run.campaign_id, wish(actor=label.standard))
    retimed = await label.spark.retime(run.campaign_id, wish())

    assert (retimed.rows, retimed.left_out) == (1, {TargetState.PUBLISHED: 1})
    await label.spark.cancel(run.campaign_id, Command(actor=label.admin))
    await run.finished()
