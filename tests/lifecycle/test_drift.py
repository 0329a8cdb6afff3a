"""Drift: what our record and TikTok say of accounts, links and permissions is compared, and told by name."""

import pytest
from access_record import authorizations, by_hand, end, own_name, roles_at_tiktok, share, told, trail

from sparkads.contracts.authorization import AdAccountLink, PairOutcome, Share
from sparkads.contracts.business_center import LookNow
from sparkads.contracts.drift import AskDrift, Difference, DifferenceKind, DriftReport, Handling
from sparkads.contracts.notification import NotificationKind
from sparkads.errors import AdminOnly
from store.database import Pool
from tests.conftest import Label, until


async def compare(label: Label) -> DriftReport:
    return await label.spark.check_drift(label.bc_id, AskDrift(actor=label.admin))


def found(report: DriftReport) -> dict[DifferenceKind, Difference]:
    return {one.kind: one for one in report.differences}


async def test_where_nothing_differs_nothing_is_reported(label: Label) -> None:
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))

    report = await compare(label)

    assert (report.accounts, report.links, report.grants, report.differences) == (1, 1, 1, ())


async def test_only_an_admin_compares(label: Label) -> None:
    # R3
    with pytest.raises(AdminOnly, match="R3: only a BC admin may compare the record with TikTok"):
        await label.spark.check_drift(label.bc_id, AskDrift(actor=label.operator))


async def test_what_was_changed_by_hand_is_adopted_and_told_by_name(label: Label, db: Pool) -> None:
    (asset_id,) = await label.authorized("kiri")
    await share(
        label, asset_id, label.operator, label.standard, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),)
    )
    await by_hand(label, "unassign", user_id=label.operator, asset_id=asset_id)
    await by_hand(label, "assign", user_id=label.standard, asset_id=asset_id, tt_account_roles=["POST", "LIVE"])
    await by_hand(label, "assign", user_id=label.admin, asset_id=asset_id, tt_account_roles=["POST"])
    await by_hand(label, "advertiser/unassign", advertiser_id=label.ad_account, asset_id=asset_id)

    report = await compare(label)

    differences = found(report)
    who = f"@kiri ({asset_id})"
    assert {kind: (one.subject, one.recorded, one.found) for kind, one in differences.items()} == {
        DifferenceKind.GRANT_GONE: (f"{who} · member {label.operator}", "spark", "no permission"),
        DifferenceKind.GRANT_CHANGED: (f"{who} · member {label.standard}", "spark", "spark, live"),
        DifferenceKind.GRANT_BY_HAND: (f"{who} · member {label.admin}", "no permission", "spark"),
        DifferenceKind.LINK_GONE: (f"{who} · ad account {label.ad_account}", "linked", "not linked"),
    }
    assert {one.handling for one in report.differences} == {Handling.ADOPTED}
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    (line,) = await label.accounts()
    assert set(line.members) == {label.admin, label.standard}
    assert line.ad_accounts == ()
    # Never overwritten silently: TikTok is as it was left, and each difference is told and on the trail.
    assert await roles_at_tiktok(label, asset_id) == {label.standard: ["POST", "LIVE"], label.admin: ["POST"]}
    texts = await told(label, NotificationKind.DRIFT)
    assert len(texts) == 4
    assert all("by hand" in text and "our record follows TikTok" in text for text in texts)
    assert len(await trail(db, label, "drift adopted")) == 4
    # What is adopted is no difference any more.
    assert (await compare(label)).differences == ()
    assert status.stage == "active"


async def test_a_link_made_by_hand_is_adopted_with_its_identity(label: Label, db: Pool) -> None:
    (asset_id,) = await label.authorized(own_name(label, "kiri"))
    await by_hand(label, "advertiser/assign", advertiser_id=label.ad_account, asset_id=asset_id)

    report = await compare(label)

    assert list(found(report)) == [DifferenceKind.LINK_BY_HAND]
    row = await db.fetchrow(
        "SELECT identity_id, linked_by, can_pull FROM links WHERE advertiser_id = $1", label.ad_account
    )
    assert row is not None
    world = await label.simulator.get("state")
    (held,) = [
        account
        for center in world["business_centers"]
        if center["bc_id"] == label.bc_id
        for account in center["accounts"]
    ]
    assert (row["identity_id"], row["linked_by"], row["can_pull"]) == (
        held["identity_id"],
        "by hand in Business Center",
        True,
    )


async def test_a_member_who_left_loses_the_grants_on_record(label: Label) -> None:
    # R3: nobody but a member has a permission.
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator)
    await label.simulator.post(f"members/{label.operator}", {"bc_id": label.bc_id, "removed": True})

    report = await compare(label)

    assert list(found(report)) == [DifferenceKind.GRANT_GONE]
    (line,) = await label.accounts()
    assert line.members == ()


async def test_what_went_with_its_account_is_no_drift(label: Label, db: Pool) -> None:
    # R15: an owner's revocation takes grants and links along; nobody has changed them by hand.
    handle = own_name(label, "leaver")
    (asset_id,) = await label.authorized(handle)
    await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))
    await label.simulator.revoke(handle, label.bc_id)

    report = await compare(label)

    async def over() -> bool:
        return await authorizations(db, label, asset_id) == ["revoked_by_owner"]

    await until(over, "the authorization has ended")
    assert report.differences == ()
    assert await trail(db, label, "drift adopted") == []
    ((_, _, reason),) = await trail(db, label, "revoked by owner")
    assert "1 grants and 1 links ended" in reason


async def test_revoked_and_approved_again_between_two_looks_gives_no_grant_back(label: Label, db: Pool) -> None:
    # R15: TikTok has dropped what hung on the first approval, so our record must not claim it.
    handle = own_name(label, "kiri")
    (asset_id,) = await label.authorized(handle)
    await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))
    await label.simulator.revoke(handle, label.bc_id)
    await label.simulator.approve(handle, label.bc_id)

    await compare(label)

    async def nothing_is_shared() -> bool:
        lines = [line for line in await label.accounts() if line.stage == "active"]
        return [(line.members, line.ad_accounts) for line in lines] == [((), ())]

    await until(nothing_is_shared, "no grant and no link on record")
    assert await label.accounts(label.operator) == ()
    assert await roles_at_tiktok(label, asset_id) == {}


async def test_identities_with_one_name_are_told_apart_by_a_person(label: Label, db: Pool) -> None:
    # tiktok identity/get: no documented key joins an asset and its identity.
    one, other = own_name(label, "one"), own_name(label, "other")
    await label.simulator.post("config", {"show_handles": False})
    try:
        await label.seed_accounts(one, other, display_name=f"Same {label.bc_id[-5:]}")
        await label.request()
        first = await label.simulator.approve(one, label.bc_id)
        second = await label.simulator.approve(other, label.bc_id)

        async def both() -> bool:
            return len(await label.accounts()) == 2

        await until(both, "both are on record")
        for asset_id in (first, second):
            await by_hand(label, "advertiser/assign", advertiser_id=label.ad_account, asset_id=asset_id)
        link = AdAccountLink(advertiser_id=label.ad_account)

        (pair,) = (await share(label, first, ad_accounts=(link,))).pairs
        report = await compare(label)

        assert pair.outcome is PairOutcome.UNCLEAR
        assert "2 identities have its name" in pair.reason
        assert {(item.kind, item.handling) for item in report.differences} == {
            (DifferenceKind.IDENTITY_UNCLEAR, Handling.FLAGGED)
        }
        status = await label.spark.authorization_status(label.bc_id, first)
        assert "a person to say which identity it is" in status.waiting_for
        assert status.ad_accounts == ()
        center = await label.spark.business_center_status(label.bc_id)
        assert center.open_differences == 2

        world = await label.simulator.get("state")
        (identity,) = [item["identity_id"] for item in world["links"] if item["asset_id"] == first]
        wrong = Share(actor=label.admin, ad_accounts=(link.model_copy(update={"identity_id": "nobody's"}),))
        (refused,) = (await label.spark.share(label.bc_id, first, wrong)).pairs
        assert refused.outcome is PairOutcome.REFUSED
        said = Share(actor=label.admin, ad_accounts=(link.model_copy(update={"identity_id": identity}),))
        (settled,) = (await label.spark.share(label.bc_id, first, said)).pairs
        assert settled.outcome is PairOutcome.DONE
        # What is left over is the other's, and nobody has to be asked. A sweep may have seen it before the command.
        (clear,) = (await share(label, second, ad_accounts=(link,))).pairs
        assert clear.outcome in {PairOutcome.DONE, PairOutcome.ALREADY}
        (linked,) = (await label.spark.authorization_status(label.bc_id, second)).ad_accounts
        assert linked == label.ad_account
        assert (await compare(label)).differences == ()
        assert (await label.spark.authorization_status(label.bc_id, first)).waiting_for == ""
    finally:
        await label.simulator.post("config", {"show_handles": True})


async def test_linking_two_accounts_of_one_name_asks_nobody(label: Label, db: Pool) -> None:
    # The identity that is new in the list after a link is the account's own.
    one, other = own_name(label, "left"), own_name(label, "right")
    await label.simulator.post("config", {"show_handles": False})
    try:
        await label.seed_accounts(one, other, display_name=f"Twin {label.bc_id[-5:]}")
        await label.request()
        assets = [await label.simulator.approve(handle, label.bc_id) for handle in (one, other)]

        async def both() -> bool:
            return len(await label.accounts()) == 2

        await until(both, "both are on record")
        link = AdAccountLink(advertiser_id=label.ad_account)
        for asset_id in assets:
            (pair,) = (await share(label, asset_id, ad_accounts=(link,))).pairs
            assert pair.outcome is PairOutcome.DONE, pair.reason
        rows = await db.fetch(
            """SELECT a.asset_id, identity_id FROM links JOIN authorizations a ON a.id = authorization_id
               WHERE a.bc_id = $1""",
            label.bc_id,
        )
        world = await label.simulator.get("state")
        assert {row["asset_id"]: row["identity_id"] for row in rows} == {
            item["asset_id"]: item["identity_id"] for item in world["links"] if item["bc_id"] == label.bc_id
        }
    finally:
        await label.simulator.post("config", {"show_handles": True})


async def test_the_review_compares_by_itself_when_it_is_told_to_look(label: Label, db: Pool) -> None:
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator)
    await by_hand(label, "unassign", user_id=label.operator, asset_id=asset_id)

    await label.spark.look(label.bc_id, LookNow(reported_by=label.admin, reason="I took it back in Business Center"))

    async def adopted() -> bool:
        return bool(await trail(db, label, "drift adopted"))

    await until(adopted, "the difference is adopted")


async def test_an_end_in_the_middle_of_it_is_no_drift(label: Label, db: Pool) -> None:
    # R15: what ends with its authorization is the cascade's, not a difference.
    (asset_id,) = await label.authorized("kiri")
    await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))
    await end(label, asset_id)

    async def over() -> bool:
        return await authorizations(db, label, asset_id) == ["removed_by_admin"]

    await until(over, "the authorization has ended")
    assert (await compare(label)).differences == ()
