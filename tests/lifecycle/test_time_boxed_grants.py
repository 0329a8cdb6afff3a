"""R3, R11: a grant may be given until a moment; it removes itself, and the authorization goes on."""

from datetime import UTC, datetime, timedelta

from access_record import authorizations, end, roles_at_tiktok, share, skip, trail

from sparkads import names
from sparkads.contracts.authorization import MemberGrant, PairOutcome, Share, Unshare
from sparkads.contracts.notification import AskNotifications, NotificationKind
from sparkads.roles import Permission
from store.database import Pool
from tests.conftest import Label, until


async def share_until(label: Label, asset_id: str, user_id: str, moment: datetime | None) -> PairOutcome:
    command = Share(actor=label.admin, members=(MemberGrant(user_id=user_id, until=moment),))
    (pair,) = (await label.spark.share(label.bc_id, asset_id, command)).pairs
    return pair.outcome


def in_days(days: float) -> datetime:
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


async def members(label: Label, asset_id: str) -> tuple[str, ...]:
    return (await label.spark.authorization_status(label.bc_id, asset_id)).members


async def test_a_grant_ends_by_its_time_and_the_others_stay(label: Label, db: Pool) -> None:
    (asset_id,) = await label.authorized("kiri")
    workflow_id = names.authorization_id(label.bc_id, asset_id)
    await share(label, asset_id, label.admin)
    assert await share_until(label, asset_id, label.operator, in_days(10)) is PairOutcome.DONE
    assert await share_until(label, asset_id, label.standard, in_days(40)) is PairOutcome.DONE
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    assert status.next_grant_ends is not None
    assert abs(status.next_grant_ends - in_days(10)) < timedelta(minutes=1)

    await skip(label, workflow_id, timedelta(days=9))
    assert set(await members(label, asset_id)) == {label.admin, label.operator, label.standard}
    await skip(label, workflow_id, timedelta(days=2))

    async def ended() -> bool:
        return set(await members(label, asset_id)) == {label.admin, label.standard}

    await until(ended, "the operator's grant has ended")
    assert set(await roles_at_tiktok(label, asset_id)) == {label.admin, label.standard}
    # Over a renewal of the run, too: the second one ends after more than the 30 days of a run.
    await skip(label, workflow_id, timedelta(days=35))

    async def both_ended() -> bool:
        return await members(label, asset_id) == (label.admin,)

    await until(both_ended, "the standard member's grant has ended")
    assert set(await roles_at_tiktok(label, asset_id)) == {label.admin}
    assert [line[:2] for line in await trail(db, label, "grant ended by its time")] == [
        ("sparkads", f"account {asset_id} · member {label.operator}"),
        ("sparkads", f"account {asset_id} · member {label.standard}"),
    ]
    # R10: only the grants have an end.
    assert await authorizations(db, label, asset_id) == ["active"]
    ask = AskNotifications(actor=label.admin, kinds=(NotificationKind.GRANT_ENDED,))
    told = (await label.spark.notifications(label.bc_id, ask)).notifications
    assert [one.data["user_id"] for one in told] == [label.operator, label.standard]


async def test_a_later_share_keeps_the_end_and_a_new_end_replaces_it(label: Label, db: Pool) -> None:
    (asset_id,) = await label.authorized("kiri")
    first, second = in_days(10), in_days(20)

    async def end_on_record() -> datetime | None:
        found: datetime | None = await db.fetchval(
            "SELECT until FROM grants WHERE user_id = $1 AND ended_at IS NULL", label.operator
        )
        return found

    assert await share_until(label, asset_id, label.operator, first) is PairOutcome.DONE
    assert await share_until(label, asset_id, label.operator, first) is PairOutcome.ALREADY
    # A release shares with its operator again; that must not make a grant permanent.
    assert await share_until(label, asset_id, label.operator, None) is PairOutcome.ALREADY
    assert await end_on_record() == first
    assert await share_until(label, asset_id, label.operator, second) is PairOutcome.DONE
    assert await end_on_record() == second
    # Taken back and given again without an end, it has none.
    await label.spark.unshare(label.bc_id, asset_id, Unshare(actor=label.admin, members=(label.operator,)))
    assert await share_until(label, asset_id, label.operator, None) is PairOutcome.DONE
    assert await end_on_record() is None


async def test_an_end_in_the_past_is_refused_with_what_to_do(label: Label) -> None:
    (asset_id,) = await label.authorized("kiri")
    command = Share(actor=label.admin, members=(MemberGrant(user_id=label.operator, until=in_days(-1)),))

    (pair,) = (await label.spark.share(label.bc_id, asset_id, command)).refused

    assert "is past; name a later moment" in pair.reason
    assert await roles_at_tiktok(label, asset_id) == {}


async def test_a_grant_of_an_authorization_that_ended_ends_nothing_of_the_next(label: Label, db: Pool) -> None:
    # R15: approving again gives no old grant back, and takes none away either.
    (asset_id,) = await label.authorized("kiri")
    await share_until(label, asset_id, label.operator, in_days(1))
    await end(label, asset_id)

    async def over() -> bool:
        return await authorizations(db, label, asset_id) == ["removed_by_admin"]

    await until(over, "the authorization has ended")
    await label.authorized("kiri")
    command = Share(
        actor=label.admin,
        members=(MemberGrant(user_id=label.operator, permissions=(Permission.SPARK, Permission.LIVE)),),
    )
    await label.spark.share(label.bc_id, asset_id, command)

    await skip(label, names.authorization_id(label.bc_id, asset_id), timedelta(days=3))

    assert await members(label, asset_id) == (label.operator,)
    assert await roles_at_tiktok(label, asset_id) == {label.operator: ["POST", "LIVE"]}
