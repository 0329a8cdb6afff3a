"""R10: an authorization is left running for years; people and owners come and go, and no timer ends it."""

from datetime import timedelta

from access_record import (
    authorization_ends,
    authorizations,
    change_member,
    end,
    own_name,
    request_ends,
    request_id,
    request_states,
    share,
    skip,
    trail,
)

from sparkads import names
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import AuthorizationStage
from sparkads.contracts.notification import AskNotifications, NotificationKind
from store.database import Pool
from tests.conftest import Label, until

A_YEAR = timedelta(days=365)
ACTIVE = AuthorizationStage.ACTIVE
REVOKED = AuthorizationStage.REVOKED_BY_OWNER
REMOVED = AuthorizationStage.REMOVED_BY_ADMIN


async def a_year_passes(label: Label, asset_id: str) -> None:
    workflow_id = names.authorization_id(label.bc_id, asset_id)
    before = await label.spark.authorization_status(label.bc_id, asset_id)

    await skip(label, workflow_id, A_YEAR)

    after = await label.spark.authorization_status(label.bc_id, asset_id)
    assert (after.stage, after.since, after.members) == (ACTIVE, before.since, before.members)


async def test_three_years_with_a_role_change_two_revocations_and_new_approvals(label: Label, db: Pool) -> None:
    # R10, R15, R3
    handle = own_name(label, "years")
    (asset_id,) = await label.authorized(handle)
    await share(label, asset_id, label.operator, label.standard)
    await a_year_passes(label, asset_id)

    # A new admin takes over, the old one may no longer share.
    await change_member(label, label.standard, user_role="ADMIN")
    await change_member(label, label.admin, user_role="STANDARD")
    old, label.admin = label.admin, label.standard
    await end(label, asset_id, actor=old, reason="I was the admin")

    async def refused() -> bool:
        return old in (await label.spark.authorization_status(label.bc_id, asset_id)).last_error

    await until(refused, "the old admin is refused")
    await a_year_passes(label, asset_id)

    await label.simulator.revoke(handle, label.bc_id)
    await authorization_ends(db, label, asset_id, REVOKED)
    assert await label.authorized(handle) == [asset_id]
    # Approving again gives no old grant back.
    assert (await label.spark.authorization_status(label.bc_id, asset_id)).members == ()
    await share(label, asset_id, label.operator)
    await a_year_passes(label, asset_id)

    await label.simulator.revoke(handle, label.bc_id)
    await authorization_ends(db, label, asset_id, REVOKED)
    await label.authorized(handle)
    assert await authorizations(db, label, asset_id) == [REVOKED, REVOKED, ACTIVE]
    ends = await trail(db, label, "revoked by owner") + await trail(db, label, "removed by admin")
    assert [actor for actor, _, _ in ends] == ["owner", "owner"], "no timer has ended it"


async def test_a_request_that_waits_for_years_is_renewed_and_still_answered(label: Label, db: Pool) -> None:
    # Domain decision 3: reminders go on with their numbers, whatever run they belong to.
    handle = own_name(label, "patient")
    await label.seed_accounts(handle)
    await label.request(handle, remind_every_hours=24 * 90)
    await until(lambda: request_states(db, label), "the request on record")
    request = label.spark.temporal.get_workflow_handle(request_id(label, handle))
    first_run = (await request.describe()).run_id

    for quarter in range(1, 5):
        await skip(label, request_id(label, handle), timedelta(days=91))

        async def reminded(times: int = quarter) -> bool:
            return (await label.spark.request_status(label.bc_id, handle)).reminders_sent == times

        await until(reminded, f"reminder {quarter}")

    assert (await request.describe()).run_id != first_run
    status = await label.spark.request_status(label.bc_id, handle)
    assert (status.outcome, status.reminders_sent) == (RequestOutcome.PENDING, 4)
    ask = AskNotifications(actor=label.admin, kinds=(NotificationKind.REMINDER,))
    texts = [one.text for one in (await label.spark.notifications(label.bc_id, ask)).notifications]
    assert len(texts) == 4
    assert all(text.startswith(f"Hello @{handle}, on ") and "scan the code" in text for text in texts)
    await label.simulator.approve(handle, label.bc_id)
    await request_ends(db, label, handle, RequestOutcome.APPROVED)
    assert await request_states(db, label) == {handle: "approved"}
    assert await db.fetchval("SELECT count(*) FROM access_requests WHERE bc_id = $1", label.bc_id) == 1
