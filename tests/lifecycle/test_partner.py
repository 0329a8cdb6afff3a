"""Domain decision 4: sharing with a partner is a step that its people do by hand, waited for and read back."""

from access_record import authorizations, change_member, share, trail

from sparkads.contracts.authorization import AdAccountLink, PairOutcome, ShareResult, Unshare
from sparkads.contracts.business_center import LookNow
from sparkads.contracts.drift import AskDrift, DifferenceKind
from sparkads.contracts.notification import AskNotifications, NotificationKind
from sparkads.contracts.people import AskPeople
from store.database import Pool
from tests.conftest import Label, make_label, until


async def ask(label: Label, partner: Label, asset_id: str) -> ShareResult:
    link = AdAccountLink(advertiser_id=partner.ad_account, partner_id=partner.bc_id)
    return await share(label, asset_id, ad_accounts=(link,))


async def partner_shares(label: Label, partner: Label, *, stop: bool = False) -> None:
    path = "partners/unshare" if stop else "partners/share"
    body = {"bc_id": label.bc_id, "partner_id": partner.bc_id, "ad_accounts": [partner.ad_account]}
    await label.simulator.post(path, body)


async def links_at_tiktok(label: Label) -> list[tuple[str, str]]:
    world = await label.simulator.get("state")
    return [(one["asset_id"], one["advertiser_id"]) for one in world["links"] if one["bc_id"] == label.bc_id]


async def linked(label: Label, asset_id: str) -> tuple[str, ...]:
    return (await label.spark.authorization_status(label.bc_id, asset_id)).ad_accounts


async def test_the_link_waits_for_the_partner_and_then_makes_itself(label: Label, db: Pool) -> None:
    partner = await make_label(label.simulator, label.spark, db)
    (asset_id,) = await label.authorized("kiri")

    (pair,) = (await ask(label, partner, asset_id)).pairs

    assert pair.outcome is PairOutcome.WAITING
    assert f"An admin of Business Center {partner.bc_id} has to share ad account {partner.ad_account}" in pair.reason
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    assert status.waiting_for == f"partner {partner.bc_id} to share ad account {partner.ad_account}"
    (line,) = await label.accounts()
    assert f"partner {partner.bc_id} to share ad account {partner.ad_account}" in line.waiting_for
    # Nothing is pretended: it is not linked, and asking again changes nothing.
    assert await links_at_tiktok(label) == []
    assert [one.outcome for one in (await ask(label, partner, asset_id)).pairs] == [PairOutcome.WAITING]
    assert len(await trail(db, label, "partner asked")) == 1

    await partner_shares(label, partner)
    await label.spark.look(label.bc_id, LookNow(reported_by="the partner's manager"))

    async def done() -> bool:
        return await linked(label, asset_id) == (partner.ad_account,)

    await until(done, "linked to the partner's ad account")
    assert await links_at_tiktok(label) == [(asset_id, partner.ad_account)]
    assert await trail(db, label, "linked") == [
        (label.admin, f"account {asset_id} · ad account {partner.ad_account}", "")
    ]
    assert (await label.spark.authorization_status(label.bc_id, asset_id)).waiting_for == ""
    asked = AskNotifications(actor=label.admin, kinds=(NotificationKind.PARTNER_STEP,))
    told = [one.text for one in (await label.spark.notifications(label.bc_id, asked)).notifications]
    assert len(told) == 2
    assert told[0].startswith(f"An admin of Business Center {partner.bc_id} has to share")
    assert "is linked to it" in told[1]
    people = await label.spark.people(label.bc_id, AskPeople(actor=label.admin))
    ((with_whom, accounts),) = [(one.bc_id, one.ad_accounts) for one in people.partners]
    assert (with_whom, [one.advertiser_id for one in accounts]) == (partner.bc_id, [partner.ad_account])


async def test_an_ad_account_that_is_shared_already_is_linked_at_once(label: Label, db: Pool) -> None:
    partner = await make_label(label.simulator, label.spark, db)
    (asset_id,) = await label.authorized("kiri")
    await partner_shares(label, partner)

    (pair,) = (await ask(label, partner, asset_id)).pairs

    assert pair.outcome is PairOutcome.DONE
    assert await linked(label, asset_id) == (partner.ad_account,)


async def test_a_step_can_be_withdrawn(label: Label, db: Pool) -> None:
    partner = await make_label(label.simulator, label.spark, db)
    (asset_id,) = await label.authorized("kiri")
    await ask(label, partner, asset_id)

    taken = await label.spark.unshare(
        label.bc_id, asset_id, Unshare(actor=label.admin, ad_accounts=(partner.ad_account,), reason="another agency")
    )

    assert [pair.outcome for pair in taken.pairs] == [PairOutcome.DONE]
    await partner_shares(label, partner)
    await label.spark.check_drift(label.bc_id, AskDrift(actor=label.admin))
    assert await linked(label, asset_id) == ()
    assert (await label.spark.authorization_status(label.bc_id, asset_id)).waiting_for == "an admin to share it"


async def test_whoever_asked_and_is_no_admin_any_more_links_nothing(label: Label, db: Pool) -> None:
    # R3: powers are checked at the moment of use, mid-flow too.
    partner = await make_label(label.simulator, label.spark, db)
    (asset_id,) = await label.authorized("kiri")
    await ask(label, partner, asset_id)
    await change_member(label, label.standard, user_role="ADMIN")
    await change_member(label, label.admin, user_role="STANDARD")

    await partner_shares(label, partner)
    await label.spark.look(label.bc_id, LookNow())

    async def withdrawn() -> bool:
        return bool(await trail(db, label, "partner no longer asked"))

    await until(withdrawn, "the step is withdrawn")
    assert await links_at_tiktok(label) == []
    ((actor, _, reason),) = await trail(db, label, "partner no longer asked")
    assert (actor, reason) == (label.admin, f"R3: {label.admin}, who asked for it, is no admin any more")


async def test_a_partner_that_stops_sharing_is_found(label: Label, db: Pool) -> None:
    partner = await make_label(label.simulator, label.spark, db)
    (asset_id,) = await label.authorized("kiri")
    await partner_shares(label, partner)
    await ask(label, partner, asset_id)

    await partner_shares(label, partner, stop=True)
    report = await label.spark.check_drift(label.bc_id, AskDrift(actor=label.admin))

    (account,) = await label.accounts()
    gone = [one for one in report.differences if one.kind is DifferenceKind.LINK_GONE]
    assert gone or "TikTok refuses ad account" in account.problem
    assert await authorizations(db, label, asset_id) == ["active"]
