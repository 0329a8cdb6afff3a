"""What makes a second ad impossible, asked of PostgreSQL itself."""

import asyncio
import contextlib
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from sparkads.contracts.release import TargetState
from sparkads.manifest import ManifestRow, Mode
from store import audit, intents, publishing, releases
from store.database import Database, Pool
from store.releases import Campaign
from tests.conftest import Label

ZONE = "Pacific/Auckland"


def pulled(label: Label, number: int, **more: Any) -> ManifestRow:
    """A row that pulls a post of the label's only account, as soon as possible."""
    return ManifestRow(
        **{
            "row_id": f"row{number}",
            "mode": Mode.PULL,
            "account": "kiri",
            "ad_account": label.ad_account,
            "territory": "NZ",
            "location_id": "2186224",
            "time_zone": "Etc/UTC",
            "release_at": None,
            "post_id": "74",
            "landing_url": "https://example.com",
            "call_to_action": "LISTEN_NOW",
            "daily_budget": Decimal(50),
            **more,
        }
    )


def started(label: Label, campaign_id: str) -> Campaign:
    return Campaign(
        campaign_id=campaign_id,
        bc_id=label.bc_id,
        started_by=label.admin,
        operator=label.operator,
        manifest_sha256="0" * 64,
        started_at=datetime.now(UTC),
        paused=False,
        cancelled=False,
    )


async def campaign(
    label: Label, db: Pool, *, due_in: timedelta = -timedelta(seconds=1), rows: int = 3, prefix: str = "row"
) -> str:
    """A campaign on record with rows that are ready, in one ad group; returns its id."""
    campaign_id = f"intents-{label.bc_id}"
    due_at = datetime.now(UTC) + due_in
    wall_time = due_at.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
    targets = [
        pulled(label, number, row_id=f"{prefix}{number}", time_zone=ZONE, release_at=wall_time)
        for number in range(rows)
    ]
    await authorize(label, db)
    async with db.acquire() as connection, connection.transaction():
        await releases.create(connection, started(label, campaign_id), targets)
        await publishing.set_ready(
            connection, campaign_id, await publishing.waiting_candidates(connection, campaign_id, "kiri")
        )
        await publishing.plan_ad_groups(
            connection, campaign_id, label.ad_account, capacity=100, ceiling=None, worst_day=Decimal(1)
        )
        await make_ad_groups(connection, campaign_id)
    return campaign_id


async def make_ad_groups(db: Database, campaign_id: str) -> None:
    """As if TikTok had made them."""
    await db.execute("UPDATE ad_groups SET adgroup_id = 'g' || id WHERE campaign_id = $1", campaign_id)


async def authorize(label: Label, db: Pool) -> None:
    """The account of all rows, authorized and linked to the ad account."""
    await db.execute(
        "INSERT INTO accounts (bc_id, asset_id, handle, name) VALUES ($1, '74', 'kiri', 'Kiri')", label.bc_id
    )
    await db.execute(
        "INSERT INTO authorizations (id, bc_id, asset_id, stage, since) VALUES ($1, $1, '74', 'active', now())",
        label.bc_id,
    )
    await db.execute(
        """INSERT INTO links (authorization_id, advertiser_id, identity_id, can_push, can_pull, ads_only, linked_by)
           VALUES ($1, $2, 'i', true, true, false, 'ada')""",
        label.bc_id,
        label.ad_account,
    )


class _GivenBack(Exception):
    pass


async def taken(db: Pool, campaign_id: str) -> list[str]:
    """The rows that may be submitted now; given back at once."""
    rows: list[str] = []
    with contextlib.suppress(_GivenBack):
        async with db.acquire() as connection, connection.transaction():
            for page in await intents.ready_pages(connection, campaign_id, 1, 1, 20):
                rows += await intend(connection, campaign_id, {row: secrets.token_hex(8) for row in page.row_ids})
            raise _GivenBack
    return rows


async def intend(db: Database, campaign_id: str, tokens: dict[str, str]) -> list[str]:
    """Claim rows of `campaign`, `{row_id: token}`; returns those that may be submitted."""
    ad_group: int = await db.fetchval(
        "SELECT min(ad_group) FROM targets WHERE campaign_id = $1 AND row_id = ANY($2)", campaign_id, list(tokens)
    )
    return [one.row_id for one in await intents.claim(db, campaign_id, 1, 1, ad_group, tokens, batch="batch")]


async def test_a_target_has_one_live_intent_at_most(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    assert await intend(db, campaign_id, {"row0": f"a{label.bc_id}"}) == ["row0"]
    await ready_all_the_same(db, campaign_id)

    with pytest.raises(asyncpg.UniqueViolationError, match="one_live_intent"):
        await intend(db, campaign_id, {"row1": f"b{label.bc_id}", "row0": f"c{label.bc_id}"})

    # All or nothing: the row beside it has none, either.
    assert await db.fetchval("SELECT count(*) FROM intents WHERE campaign_id = $1", campaign_id) == 1
    assert await releases.state_of(db, campaign_id, "row1") is TargetState.READY


async def ready_all_the_same(db: Pool, campaign_id: str) -> None:
    """Whatever brings it about: rows with an intent say that they are ready."""
    await db.execute("UPDATE targets SET state = 'ready' WHERE campaign_id = $1", campaign_id)


@pytest.mark.parametrize("state", ["called", "published"])
async def test_nor_while_it_is_called_for_nor_after_it_is_published(label: Label, db: Pool, state: str) -> None:
    campaign_id = await campaign(label, db)
    token = f"a{label.bc_id}"
    await intend(db, campaign_id, {"row0": token})
    assert await intents.mark_called(db, [token])
    if state == "published":
        async with db.acquire() as connection, connection.transaction():
            assert await intents.record_published(connection, {token: ("71", datetime.now(UTC))}) == [token]
    await ready_all_the_same(db, campaign_id)

    with pytest.raises(asyncpg.UniqueViolationError):
        await intend(db, campaign_id, {"row0": f"b{label.bc_id}"})


async def test_ads_that_a_call_made_are_in_the_trail_once_however_long_their_rows_are_named(
    label: Label, db: Pool
) -> None:
    prefix = "a" * 62
    campaign_id = await campaign(label, db, rows=20, prefix=prefix)
    tokens = {f"{prefix}{number}": f"{number}-{label.bc_id}" for number in range(20)}
    made = {token: (f"18{number:017}", datetime.now(UTC)) for number, token in enumerate(tokens.values())}
    await intend(db, campaign_id, tokens)
    run = audit.Run(workflow_id=f"campaign/{campaign_id}/wave/1/shard/1", run_id="run")

    async def recorded(ads: dict[str, tuple[str, datetime]]) -> int:
        return await intents.record_made(db, ads, bc_id=label.bc_id, adgroup_id="17", run=run)

    assert await recorded(dict(list(made.items())[:1])) == 1
    assert await recorded(made) == 19
    assert await recorded(made) == 0
    assert await recorded({}) == 0

    assert await releases.counts(db, campaign_id) == {TargetState.IN_REVIEW: 20}
    lines = await audit.of_campaign(db, campaign_id)
    assert {(line.actor, line.action, line.subject) for line in lines} == {("sparkads", "ads made", "ad group 17")}
    assert max(len(line.reason) for line in lines) <= 500
    told = [one for line in lines for one in line.reason.split(", ")]
    assert sorted(told) == sorted(f"{row_id}: {made[token][0]}" for row_id, token in tokens.items())


async def test_what_was_found_absent_may_be_tried_again(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    token = f"a{label.bc_id}"
    await intend(db, campaign_id, {"row0": token})
    await intents.mark_called(db, [token])
    async with db.acquire() as connection, connection.transaction():
        await intents.record_absent(connection, [token], "not in the ad group")

    await intend(db, campaign_id, {"row0": f"b{label.bc_id}"})

    assert not await intents.mark_called(db, [token]), "the old intent gives no right to call any more"


async def test_one_of_many_callers_gets_through(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    tokens = [f"{row}{label.bc_id}" for row in range(3)]
    await intend(db, campaign_id, dict(zip(("row0", "row1", "row2"), tokens, strict=True)))

    answers = await asyncio.gather(*(intents.mark_called(db, tokens) for _ in range(5)))

    assert sorted(answers) == [False, False, False, False, True]


async def test_a_batch_that_is_not_whole_any_more_is_not_called_for(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    tokens = [f"{row}{label.bc_id}" for row in range(2)]
    await intend(db, campaign_id, dict(zip(("row0", "row1"), tokens, strict=True)))
    assert await intents.mark_called(db, tokens[:1])

    assert not await intents.mark_called(db, tokens)

    states = await db.fetch("SELECT state FROM intents WHERE campaign_id = $1 ORDER BY token", campaign_id)
    assert [row["state"] for row in states] == ["called", "intended"]


async def test_an_ad_is_recorded_once(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    token = f"a{label.bc_id}"
    await intend(db, campaign_id, {"row0": token})
    await intents.mark_called(db, [token])
    async with db.acquire() as connection, connection.transaction():
        assert await intents.record_published(connection, {token: ("71", datetime.now(UTC))}) == [token]
        assert await intents.record_published(connection, {token: ("72", datetime.now(UTC))}) == []
        await intents.record_absent(connection, [token], "a late look")
        await intents.record_refused(connection, token, "a late answer")

    row = await db.fetchrow("SELECT state, ad_id FROM targets WHERE campaign_id = $1 AND row_id = 'row0'", campaign_id)
    assert row is not None
    assert (row["state"], row["ad_id"]) == (TargetState.IN_REVIEW, "71")


async def test_no_row_is_given_before_its_instant_by_the_databases_clock(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db, due_in=timedelta(hours=1))
    assert await taken(db, campaign_id) == []

    # now(), unlike clock_timestamp(), is the same for all three rows.
    await db.execute(
        "UPDATE targets SET due_at = now() + interval '300 milliseconds' WHERE campaign_id = $1", campaign_id
    )
    while not (rows := await taken(db, campaign_id)):
        assert await db.fetchval(
            "SELECT clock_timestamp() < min(due_at) + interval '5 seconds' FROM targets WHERE campaign_id = $1",
            campaign_id,
        )
    assert await db.fetchval("SELECT clock_timestamp() >= max(due_at) FROM targets WHERE campaign_id = $1", campaign_id)
    assert rows == ["row0", "row1", "row2"]


async def test_a_long_transaction_does_not_stop_the_databases_clock(label: Label, db: Pool) -> None:
    # now() would be the start of the transaction: a row that became due in it would be missed.
    campaign_id = await campaign(label, db, due_in=timedelta(hours=1))
    async with db.acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE targets SET due_at = now() + interval '1 millisecond' WHERE campaign_id = $1", campaign_id
        )
        await connection.execute("SELECT pg_sleep(0.01)")

        assert len(await intend(connection, campaign_id, {f"row{row}": f"{row}{label.bc_id}" for row in range(3)})) == 3


@pytest.mark.parametrize(("paused", "cancelled"), [(True, False), (False, True), (True, True)])
async def test_no_row_is_given_while_paused_or_cancelled(
    label: Label, db: Pool, *, paused: bool, cancelled: bool
) -> None:
    campaign_id = await campaign(label, db)
    await releases.set_flags(db, campaign_id, paused=paused, cancelled=cancelled)
    assert await taken(db, campaign_id) == []

    await releases.set_flags(db, campaign_id, paused=False, cancelled=False)
    assert await taken(db, campaign_id) == ["row0", "row1", "row2"]


async def test_two_claims_at_once_never_share_a_row(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db, rows=5)

    async with db.acquire() as one, db.acquire() as two, one.transaction(), two.transaction():
        first = await intend(one, campaign_id, {f"row{row}": f"a{row}{label.bc_id}" for row in range(3)})
        second = await intend(two, campaign_id, {f"row{row}": f"b{row}{label.bc_id}" for row in range(5)})

    assert first == ["row0", "row1", "row2"]
    assert second == ["row3", "row4"]


@pytest.mark.parametrize(
    "moved", ["wave = 2", "shard = 2", "ad_group = NULL", "state = 'paused'", "tier = 2", "due_at = now() + '1 hour'"]
)
async def test_a_row_that_has_moved_since_the_page_was_read_is_left_out(label: Label, db: Pool, moved: str) -> None:
    campaign_id = await campaign(label, db)
    (page,) = await intents.ready_pages(db, campaign_id, 1, 1, 20)
    await db.execute(f"UPDATE targets SET {moved} WHERE campaign_id = $1 AND row_id = 'row1'", campaign_id)

    claimed = await intents.claim(
        db, campaign_id, 1, 1, page.ad_group, {row: f"{row}{label.bc_id}" for row in page.row_ids}, batch="batch"
    )

    assert [one.row_id for one in claimed] == ["row0", "row2"]
    assert await db.fetchval("SELECT count(*) FROM intents WHERE campaign_id = $1", campaign_id) == 2


async def test_pages_are_of_one_ad_group_each_and_in_the_manifests_order(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db, rows=7)
    other = await db.fetchval(
        """INSERT INTO ad_groups
               (campaign_id, advertiser_id, location_id, daily_budget, number, name, starts_at, adgroup_id)
           VALUES ($1, $2, '1', 1, 2, 'other', now(), '18') RETURNING id""",
        campaign_id,
        label.ad_account,
    )
    await db.execute(
        "UPDATE targets SET ad_group = $2 WHERE campaign_id = $1 AND row_id IN ('row0', 'row5')", campaign_id, other
    )

    pages = await intents.ready_pages(db, campaign_id, 1, 1, 3)

    assert [page.row_ids for page in pages] == [("row1", "row2", "row3"), ("row4", "row6"), ("row0", "row5")]


async def test_no_row_is_given_before_its_ad_group_is_made(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    await db.execute("UPDATE ad_groups SET adgroup_id = NULL WHERE campaign_id = $1", campaign_id)

    assert await intents.ready_pages(db, campaign_id, 1, 1, 20) == []
    assert await intents.ready_rows(db, campaign_id, 1, 1) == 0
    assert await intend(db, campaign_id, {"row0": f"a{label.bc_id}"}) == []
    assert [wave.shards for wave in await releases.plan(db, campaign_id)] == [()]

    await make_ad_groups(db, campaign_id)

    assert await intents.ready_rows(db, campaign_id, 1, 1) == 3
    assert [wave.shards for wave in await releases.plan(db, campaign_id)] == [(1,)]


@pytest.mark.parametrize("state", [TargetState.BLOCKED, TargetState.FROZEN])
async def test_a_row_that_a_gate_bars_has_no_intent_left(label: Label, db: Pool, state: TargetState) -> None:
    # R5, R15
    campaign_id = await campaign(label, db)
    token = f"a{label.bc_id}"
    await intend(db, campaign_id, {"row0": token})

    async with db.acquire() as connection, connection.transaction():
        assert await intents.record_barred(connection, token, state, "R5: no key")
        assert not await intents.record_barred(connection, token, state, "once more")

    assert not await intents.mark_called(db, [token])
    row = await db.fetchrow("SELECT state, reason FROM targets WHERE campaign_id = $1 AND row_id = 'row0'", campaign_id)
    assert row is not None
    assert (row["state"], row["reason"]) == (state, "R5: no key")
    assert not await db.fetchval("SELECT bool_or(live) FROM intents WHERE campaign_id = $1", campaign_id)


async def test_a_row_with_an_open_intent_is_given_to_nobody(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    await intend(db, campaign_id, {"row1": f"a{label.bc_id}"})

    assert await taken(db, campaign_id) == ["row0", "row2"]


@pytest.mark.parametrize(
    "closes",
    [
        pytest.param("UPDATE campaigns SET paused = true WHERE bc_id = $1", id="paused"),
        pytest.param("UPDATE campaigns SET cancelled = true WHERE bc_id = $1", id="cancelled"),
        pytest.param("UPDATE links SET ended_at = now() WHERE authorization_id = $1", id="unlinked"),
        pytest.param(
            "UPDATE authorizations SET stage = 'revoked_by_owner', ended_at = now() WHERE bc_id = $1", id="revoked"
        ),
    ],
)
async def test_a_gate_that_closes_while_a_batch_waits_for_its_turn_stops_it(
    label: Label, db: Pool, closes: str
) -> None:
    # R5, R10, R15
    campaign_id = await campaign(label, db)
    await intend(db, campaign_id, {"row0": f"a{label.bc_id}"})
    await db.execute(closes, label.bc_id)

    assert not await intents.mark_called(db, [f"a{label.bc_id}"])


async def test_what_came_to_nothing_after_a_cancellation_is_cancelled(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    await intend(db, campaign_id, {"row0": f"a{label.bc_id}"})
    await releases.set_flags(db, campaign_id, paused=False, cancelled=True)

    async with db.acquire() as connection, connection.transaction():
        assert await intents.record_absent(connection, [f"a{label.bc_id}"], "not called") == [f"a{label.bc_id}"]

    assert await releases.state_of(db, campaign_id, "row0") is TargetState.CANCELLED


async def test_an_ad_that_comes_late_is_its_targets_if_it_has_no_other(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    late, other = f"a{label.bc_id}", f"b{label.bc_id}"
    for token, row_id in ((late, "row0"), (other, "row1")):
        await intend(db, campaign_id, {row_id: token})
        async with db.acquire() as connection, connection.transaction():
            await intents.record_absent(connection, [token], "not listed")
    await intend(db, campaign_id, {"row1": f"c{label.bc_id}"})

    found = await intents.strays(db, {late: "71", other: "72", f"c{label.bc_id}": "73", "nobody's": "74"})

    assert [(one.row_id, one.ad_id, one.has_another) for one in found] == [("row0", "71", False), ("row1", "72", True)]
    async with db.acquire() as connection, connection.transaction():
        assert await intents.adopt(connection, late)
        assert not await intents.adopt(connection, other)
        assert await intents.record_published(connection, {late: ("71", datetime.now(UTC))}) == [late]
    assert await releases.state_of(db, campaign_id, "row0") is TargetState.IN_REVIEW
