"""Rows that were taken down, as PostgreSQL keeps them: nothing is called for them, and nothing brings them back."""

from datetime import UTC, datetime
from decimal import Decimal

from test_intents import campaign, intend, make_ad_groups, taken

from sparkads.contracts.release import Selection, TargetState
from store import authorizations, intents, publishing, releases, retries, takedowns
from store.authorizations import LiveAd
from store.database import Pool
from tests.conftest import Label

EVERYTHING = Selection()


async def withdraw(db: Pool, campaign_id: str, selection: Selection = EVERYTHING) -> list[str]:
    async with db.acquire() as connection, connection.transaction():
        return await takedowns.withdraw(connection, campaign_id, selection, "taken down: wrong master")


async def test_what_was_not_submitted_is_cancelled_by_row_territory_and_wave(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)

    assert await withdraw(db, campaign_id, Selection(territories=("AU",))) == []
    assert await withdraw(db, campaign_id, Selection(waves=(2,))) == []
    assert await withdraw(db, campaign_id, Selection(rows=("row1", "row2"), territories=("NZ",), waves=(1,))) == [
        "row1",
        "row2",
    ]

    assert await taken(db, campaign_id) == ["row0"]


async def test_an_open_intent_gives_no_right_to_call_any_more_and_ends_cancelled(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    tokens = {row: f"{row}{label.bc_id}" for row in ("row0", "row1")}
    await intend(db, campaign_id, tokens)
    assert await withdraw(db, campaign_id, Selection(rows=("row0",))) == []

    assert not await intents.mark_called(db, list(tokens.values()))
    async with db.acquire() as connection, connection.transaction():
        await intents.record_absent(connection, list(tokens.values()), "not called")

    states = {row.row_id: row.state for row in await releases.report_rows(db, campaign_id)}
    assert states == {"row0": TargetState.CANCELLED, "row1": TargetState.READY, "row2": TargetState.READY}


async def test_neither_the_review_nor_the_end_of_an_authorization_brings_a_row_back(label: Label, db: Pool) -> None:
    # R15
    campaign_id = await campaign(label, db)
    token = f"a{label.bc_id}"
    await intend(db, campaign_id, {"row0": token})
    await intents.mark_called(db, [token])
    async with db.acquire() as connection, connection.transaction():
        await intents.record_published(connection, {token: ("71", datetime.now(UTC))})
    await withdraw(db, campaign_id)
    async with db.acquire() as connection, connection.transaction():
        assert await takedowns.mark_taken_down(connection, campaign_id, {"row0": "74"}, "taken down") == ["row0"]
        assert await takedowns.mark_taken_down(connection, campaign_id, {"row0": None}, "again") == []

        assert await intents.confirm(connection, campaign_id, [("row0", TargetState.PUBLISHED, "75", "")]) == []
        ad = LiveAd(campaign_id=campaign_id, row_id="row0", advertiser_id=label.ad_account, ad_id="71")
        await authorizations.mark_stopped(connection, [ad], "R15: late")
        # Its ad existed: a retry would publish it twice.
        assert await retries.take(connection, campaign_id, EVERYTHING) == []

    (row,) = [row for row in await releases.report_rows(db, campaign_id) if row.row_id == "row0"]
    assert (row.state, row.item_id, row.reason) == (TargetState.TAKEN_DOWN, "74", "taken down")


async def test_a_row_with_an_ad_is_never_retried_whatever_its_state_says(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    tokens = {row: f"{row}{label.bc_id}" for row in ("row0", "row1")}
    await intend(db, campaign_id, tokens)
    await intents.mark_called(db, list(tokens.values()))
    async with db.acquire() as connection, connection.transaction():
        await intents.record_published(connection, {tokens["row0"]: ("71", datetime.now(UTC))})
        await intents.record_refused(connection, tokens["row1"], "no")
        await connection.execute("UPDATE targets SET state = 'refused' WHERE campaign_id = $1", campaign_id)

        assert await retries.take(connection, campaign_id, Selection(rows=("row0", "row1"))) == ["row1"]
        # Another intent is possible where the first came to nothing.
        waiting = await publishing.waiting_candidates(connection, campaign_id, "kiri")
        await publishing.set_ready(connection, campaign_id, waiting)
        await publishing.plan_ad_groups(
            connection, campaign_id, label.ad_account, capacity=100, ceiling=None, worst_day=Decimal(1)
        )
        await make_ad_groups(connection, campaign_id)
        assert await intend(connection, campaign_id, {"row1": f"b{label.bc_id}"}) == ["row1"]


async def test_a_release_with_rows_under_way_is_not_finished(label: Label, db: Pool) -> None:
    campaign_id = await campaign(label, db)
    async with db.acquire() as connection, connection.transaction():
        assert not await releases.finish(connection, campaign_id)
        await takedowns.withdraw(connection, campaign_id, EVERYTHING, "taken down")
        assert await releases.finish(connection, campaign_id)
