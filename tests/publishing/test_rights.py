"""Rights by row: nothing goes out before they begin or after they end, and an ad group ends with them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from releasing import bundle, pull, push, release

from sparkads.contracts.plan import PlannedRow
from sparkads.contracts.release import ReleaseInput, Retime, TargetState
from sparkads.errors import ManifestInvalid
from store.database import Pool
from tests.conftest import Label, post_of, until

DAY = timedelta(days=1)


def wall(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def at(moment: datetime) -> dict[str, str]:
    return {"time_zone": "Etc/UTC", "release_at": wall(moment)}


async def test_rights_that_ended_while_a_row_waited_block_it(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.seed_accounts("kiri")
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    now = {"time_zone": "Etc/UTC", "release_at": "now"}
    rows = [
        pull("ended", "@kiri", label.ad_account, post_of("kiri"), **now, rights_until=wall(end)),
        push("kept", "@kiri", label.ad_account, **now, rights_until=wall(end + DAY)),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.row_reaches("ended", TargetState.WAITING)

    async def ended() -> bool:
        return datetime.now(UTC) > end

    await until(ended, "the rights have ended")
    await label.simulator.approve("kiri", label.bc_id)

    found = await run.finished()
    assert (found["ended"].state, found["ended"].reason[:6]) == (TargetState.BLOCKED, "rights")
    assert found["kept"].state is TargetState.PUBLISHED
    assert list(await run.ads()) == ["kept"]


async def test_an_ad_group_ends_with_the_rights_of_its_rows(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri", "bodhi", "lumi")
    rows = [
        push("short", "@kiri", label.ad_account, rights_until="2031-03-01"),
        push("as-short", "@bodhi", label.ad_account, rights_until="2031-03-02 00:00"),
        push("for-ever", "@lumi", label.ad_account),
    ]
    run = await release(label, db, tmp_path, rows)
    await run.finished()

    ads = {row_id: ad["adgroup_id"] for row_id, (ad,) in (await run.ads()).items()}
    world = await label.simulator.get("state")
    ends = {one["adgroup_id"]: one["ends_at"] and datetime.fromisoformat(one["ends_at"]) for one in world["adgroups"]}
    assert ads["short"] == ads["as-short"]
    # The rows' clock is Auckland's: 13 hours ahead in March.
    assert ends[ads["short"]] == datetime(2031, 3, 1, 11, tzinfo=UTC)
    # Without an end TikTok sets one, ten years after the start.
    assert ends[ads["for-ever"]] > datetime.now(UTC) + 9 * 365 * DAY


async def test_a_release_is_not_moved_out_of_its_rights(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    due = datetime.now(UTC) + 2 * DAY
    until_then = f"{due + DAY:%Y-%m-%d}"
    run = await release(
        label, db, tmp_path, [push("row", "@kiri", label.ad_account, **at(due), rights_until=until_then)]
    )
    await run.row_reaches("row", TargetState.READY)

    later = (due + 2 * DAY).replace(tzinfo=None, microsecond=0)
    with pytest.raises(ManifestInvalid, match="is outside of the rights of 1 rows; row row: it would be"):
        await label.spark.retime(run.campaign_id, Retime(actor=label.operator, reason="later", release_at=later))

    assert (await run.rows())["row"].due_at == due.replace(microsecond=0)


async def test_a_plan_says_what_the_end_of_rights_does_not_end(label: Label, tmp_path: Path) -> None:
    await label.authorized("kiri")
    due = datetime.now(UTC) + 2 * DAY
    rights = {"rights_until": f"{due + DAY:%Y-%m-%d}"} | at(due)
    rows = [
        push("profile", "@kiri", label.ad_account, **rights),
        push(
            "ads", "@kiri", label.ad_account, **rights, visibility="ads_only", video="b.mp4", ad_group_id="1700000001"
        ),
    ]
    asked = ReleaseInput(
        campaign_id="rights",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, tmp_path, rows),
    )
    content = await label.spark.planned(await label.spark.plan_release(asked))

    planned: dict[str, PlannedRow] = {row.row_id: row for row in content.rows}
    assert "the post stays on the profile when the rights end: only its owner can remove it" in planned["profile"].risks
    assert planned["ads"].risks == ("the ad group is your own: see to it that it ends with the rights",)
