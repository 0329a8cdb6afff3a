"""How an authorization ends, how it does not, and what its end does."""

from datetime import UTC, datetime, timedelta

from access_record import (
    authorization_ends,
    authorizations,
    change_member,
    end,
    held_at_tiktok,
    settled,
    share,
    skip,
    slots_become,
    trail,
)

from sparkads import names
from sparkads.contracts.authorization import AccountLost, AdAccountLink, AuthorizationResult, AuthorizationStage
from store.database import Pool
from tests.conftest import Label, make_label, until

A_LONG_TIME = timedelta(days=400)
ACTIVE = AuthorizationStage.ACTIVE
REMOVED = AuthorizationStage.REMOVED_BY_ADMIN
REVOKED = AuthorizationStage.REVOKED_BY_OWNER


async def result_of(label: Label, asset_id: str) -> AuthorizationResult:
    handle = label.spark.temporal.get_workflow_handle(
        names.authorization_id(label.bc_id, asset_id), result_type=AuthorizationResult
    )
    answer: AuthorizationResult = await handle.result()
    return answer


async def test_more_than_a_year_ends_nothing(label: Label, db: Pool) -> None:
    # R10: no timer ever ends it, nor the grants on it.
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator)
    workflow_id = names.authorization_id(label.bc_id, asset_id)
    first_run = (await label.spark.temporal.get_workflow_handle(workflow_id).describe()).run_id
    since = (await label.spark.authorization_status(label.bc_id, asset_id)).since

    await skip(label, workflow_id, A_LONG_TIME)

    execution = await label.spark.temporal.get_workflow_handle(workflow_id).describe()
    assert execution.run_id != first_run, "it is renewed now and then, so that no run depends on old code"
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    assert (status.stage, status.since, status.members) == (ACTIVE, since, (label.operator,))
    assert await authorizations(db, label, asset_id) == ["active"]
    await share(label, asset_id, label.standard)
    assert len((await label.spark.authorization_status(label.bc_id, asset_id)).members) == 2


async def test_an_admin_ends_it_with_all_that_hangs_on_it(label: Label, db: Pool) -> None:
    # R10, R15
    (asset_id,) = await label.authorized("kiri")
    await share(
        label, asset_id, label.operator, label.standard, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),)
    )

    await end(label, asset_id, reason="contract is over")

    result = await result_of(label, asset_id)
    assert (result.stage, result.grants_ended, result.links_removed) == (REMOVED, 2, 1)
    assert await held_at_tiktok(label) == []
    (line,) = await label.accounts()
    assert (line.stage, line.members, line.ad_accounts) == (REMOVED, (), ())
    assert await trail(db, label, "removed by admin") == [
        (
            label.admin,
            f"account {asset_id}",
            "contract is over · 2 grants and 1 links ended, 0 targets frozen",
        )
    ]
    await slots_become(label, 0)


async def test_only_an_admin_ends_it(label: Label, db: Pool) -> None:
    # R10
    (asset_id,) = await label.authorized("kiri")
    await change_member(label, label.operator, user_role="ADMIN")
    await change_member(label, label.operator, user_role="STANDARD")

    for actor in (label.operator, "6999"):
        await end(label, asset_id, actor=actor)

    async def refused() -> bool:
        return "6999" in (await label.spark.authorization_status(label.bc_id, asset_id)).last_error

    await until(refused, "both were refused")
    lines = await trail(db, label, "refused")
    assert [(actor, subject) for actor, subject, _ in lines] == [
        (label.operator, "cancel an authorization"),
        ("6999", "cancel an authorization"),
    ]
    assert all(reason.startswith("R10:") and "Ada" in reason for _, _, reason in lines)
    assert (await label.spark.authorization_status(label.bc_id, asset_id)).stage is ACTIVE


async def test_the_owners_revocation_is_discovered(label: Label, db: Pool) -> None:
    # R10, R15, domain decision 5: no webhook tells of it.
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))

    await label.simulator.revoke("kiri", label.bc_id)

    result = await result_of(label, asset_id)
    assert (result.stage, result.grants_ended, result.links_removed) == (REVOKED, 1, 1)
    ((actor, subject, _),) = await trail(db, label, "revoked by owner")
    assert (actor, subject) == ("owner", f"account {asset_id}")
    await slots_become(label, 0)


async def test_a_false_report_of_a_loss_is_checked_and_ignored(label: Label, db: Pool) -> None:
    # R10: only the owner and an admin end it.
    (asset_id,) = await label.authorized("kiri")
    handle = label.spark.temporal.get_workflow_handle(names.authorization_id(label.bc_id, asset_id))

    await handle.signal(names.LOST, AccountLost(seen_at=datetime.now(UTC)))

    async def checked() -> bool:
        history = await handle.fetch_history()
        return any(
            event.activity_task_scheduled_event_attributes.activity_type.name == "still_listed"
            for event in history.events
        )

    await until(checked, "TikTok was asked")

    async def goes_on() -> bool:
        return await authorizations(db, label, asset_id) == ["active"]

    await settled(goes_on, label)


async def test_approving_again_starts_anew_with_no_old_grant(label: Label, db: Pool) -> None:
    # R10, R15: a grant hangs on its authorization.
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))
    await end(label, asset_id)
    await result_of(label, asset_id)

    assert await label.authorized("kiri") == [asset_id]

    assert await authorizations(db, label, asset_id) == [REMOVED, ACTIVE]
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    assert (status.stage, status.members, status.ad_accounts) == (ACTIVE, (), ())
    assert await label.accounts(label.operator) == ()
    answer = await share(label, asset_id, label.operator)
    assert answer.refused == ()


async def test_everything_else_goes_on(label: Label, db: Pool) -> None:
    # R15, R6: the same account for another Business Center, and another account of this one.
    other = await make_label(label.simulator, label.spark, db)
    kiri, moana = await label.authorized("kiri", "moana")
    (same,) = await other.authorized("kiri")
    assert same == kiri
    for one, asset_id in ((label, kiri), (label, moana), (other, kiri)):
        await share(one, asset_id, one.operator, ad_accounts=(AdAccountLink(advertiser_id=one.ad_account),))

    await label.simulator.revoke("kiri", label.bc_id)
    await authorization_ends(db, label, kiri, REVOKED)

    for one, asset_id in ((label, moana), (other, kiri)):
        status = await one.spark.authorization_status(one.bc_id, asset_id)
        assert (status.stage, status.members, status.ad_accounts) == (ACTIVE, (one.operator,), (one.ad_account,))
        assert [line.asset_id for line in await one.accounts(one.operator)] == [asset_id]


async def test_a_revocation_during_an_outage_of_tiktok_is_found_when_it_is_back(label: Label, db: Pool) -> None:
    # R15: and the outage itself ends nothing.
    kiri, moana = await label.authorized("kiri", "moana")
    await label.simulator.post(
        "faults", {"rules": [{"path": "/bc/asset/admin/get/", "kind": "http", "status": 503, "times": 2}]}
    )

    await label.simulator.revoke("kiri", label.bc_id)

    await authorization_ends(db, label, kiri, REVOKED)
    assert await authorizations(db, label, moana) == ["active"]


async def test_a_refusal_in_the_middle_of_the_end_waits_for_a_person_and_gives_nothing_up(
    label: Label, db: Pool
) -> None:
    # R15: the cascade runs as a whole, or goes on until it has; what ended on record stays ended.
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator)
    refusal = {"path": "/bc/asset/admin/delete/", "kind": "code", "code": 40001, "message": "No permission."}
    await label.simulator.post("faults", {"rules": [refusal]})
    workflow = label.spark.temporal.get_workflow_handle(names.authorization_id(label.bc_id, asset_id))

    await end(label, asset_id)

    async def waiting() -> str:
        described = await workflow.describe()
        for pending in described.raw_description.pending_activities:
            if pending.activity_type.name == "remove_account" and pending.HasField("last_failure"):
                return pending.last_failure.application_failure_info.type
        return ""

    assert await until(waiting, "the refusal is shown at the pending activity") == "TikTokRefused"
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    assert status.stage is REMOVED
    assert await authorizations(db, label, asset_id) == [REMOVED]
    assert [line.members for line in await label.accounts()] == [()]
    await workflow.terminate("the test is over")
