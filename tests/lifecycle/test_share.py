"""Share: who may use an authorized account, on which ad accounts, and who sees it."""

import asyncio

import pytest
from access_record import change_member, end, roles_at_tiktok, share, trail

from activities.gates import blocker
from sparkads.contracts.authorization import AdAccountLink, AuthorizationStage, MemberGrant, PairOutcome, Share, Unshare
from sparkads.errors import AdminOnly, AuthorizationEnded, NotAMember, NothingOnRecord
from sparkads.roles import AdAccountRole, Permission
from store import members
from store.database import Pool
from store.publishing import Candidate
from tests.conftest import Label, make_label, until


async def test_nothing_is_shared_before_it_is_approved(label: Label) -> None:
    # R1
    await label.seed_accounts("kiri")
    await label.request("kiri")

    with pytest.raises(NothingOnRecord):
        await share(label, "1234567890", label.operator)


async def test_only_an_admin_shares(label: Label, db: Pool) -> None:
    # R3
    (asset_id,) = await label.authorized("kiri")
    command = Share(actor=label.operator, members=(MemberGrant(user_id=label.operator),))

    with pytest.raises(AdminOnly) as refusal:
        await label.spark.share(label.bc_id, asset_id, command)

    assert str(refusal.value).startswith("R3:")
    assert f"Ada ({label.admin})" in str(refusal.value)
    assert await trail(db, label, "refused") == [(label.operator, "give members permission", str(refusal.value))]
    assert await roles_at_tiktok(label, asset_id) == {}
    with pytest.raises(NotAMember, match="R3: 6999"):
        await label.spark.unshare(label.bc_id, asset_id, Unshare(actor="6999", members=(label.operator,)))


async def test_a_demoted_admin_loses_the_power_to_share_at_the_next_check(label: Label) -> None:
    # R3
    (asset_id,) = await label.authorized("kiri")
    await change_member(label, label.standard, user_role="ADMIN")
    as_co_admin = Share(actor=label.standard, members=(MemberGrant(user_id=label.operator),))
    assert not (await label.spark.share(label.bc_id, asset_id, as_co_admin)).refused

    await change_member(label, label.standard, user_role="STANDARD")

    with pytest.raises(AdminOnly):
        await label.spark.share(label.bc_id, asset_id, as_co_admin)
    await change_member(label, label.standard, removed=True)
    with pytest.raises(NotAMember):
        await label.spark.share(label.bc_id, asset_id, as_co_admin)


async def test_members_get_permissions_and_ad_accounts_get_the_account_in_bulk(label: Label, db: Pool) -> None:
    # R11, R3
    (asset_id,) = await label.authorized("kiri")
    command = Share(
        actor=label.admin,
        members=(
            MemberGrant(user_id=label.operator),
            MemberGrant(user_id=label.standard, permissions=(Permission.SPARK, Permission.LIVE)),
            MemberGrant(user_id="6999"),
        ),
        ad_accounts=(
            AdAccountLink(advertiser_id=label.ad_account, member_role=AdAccountRole.ANALYST),
            AdAccountLink(advertiser_id="7199999"),
        ),
    )

    answer = await label.spark.share(label.bc_id, asset_id, command)

    outcomes = {pair.subject: pair.outcome for pair in answer.pairs}
    assert outcomes == {
        f"member {label.operator}": PairOutcome.DONE,
        f"member {label.standard}": PairOutcome.DONE,
        "member 6999": PairOutcome.REFUSED,
        f"ad account {label.ad_account}": PairOutcome.DONE,
        f"member {label.operator} on ad account {label.ad_account}": PairOutcome.DONE,
        f"member {label.standard} on ad account {label.ad_account}": PairOutcome.DONE,
        f"member 6999 on ad account {label.ad_account}": PairOutcome.REFUSED,
        "ad account 7199999": PairOutcome.REFUSED,
    }
    assert all(pair.reason for pair in answer.refused)
    assert await roles_at_tiktok(label, asset_id) == {label.operator: ["POST"], label.standard: ["POST", "LIVE"]}
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    assert status.members == (label.operator, label.standard)
    assert status.ad_accounts == (label.ad_account,)
    assert len(await trail(db, label, "shared")) == 2
    assert len(await trail(db, label, "linked")) == 1
    assert len(await trail(db, label, "role given")) == 2


async def test_a_repeated_share_changes_nothing(label: Label, db: Pool) -> None:
    # R11
    (asset_id,) = await label.authorized("kiri")
    link = (AdAccountLink(advertiser_id=label.ad_account),)
    await share(label, asset_id, label.operator, ad_accounts=link)

    again = await share(label, asset_id, label.operator, ad_accounts=link)

    assert {pair.outcome for pair in again.pairs} == {PairOutcome.ALREADY}
    assert len(await trail(db, label, "shared")) == len(await trail(db, label, "linked")) == 1


async def test_a_second_permission_is_added_to_the_first(label: Label) -> None:
    # R11: Spark ads and/or Live ads.
    (asset_id,) = await label.authorized("kiri")
    spark, live = (
        Share(actor=label.admin, members=(MemberGrant(user_id=label.operator, permissions=(permission,)),))
        for permission in (Permission.SPARK, Permission.LIVE)
    )
    await label.spark.share(label.bc_id, asset_id, spark)

    await label.spark.share(label.bc_id, asset_id, live)

    assert await roles_at_tiktok(label, asset_id) == {label.operator: ["POST", "LIVE"]}


async def test_commands_at_once_are_all_done_once(label: Label, db: Pool) -> None:
    # R11
    (asset_id,) = await label.authorized("kiri")
    link = (AdAccountLink(advertiser_id=label.ad_account),)

    answers = await asyncio.gather(
        *(share(label, asset_id, label.operator, label.standard, ad_accounts=link) for _ in range(5))
    )

    outcomes = [pair.outcome for answer in answers for pair in answer.pairs]
    assert (outcomes.count(PairOutcome.DONE), outcomes.count(PairOutcome.ALREADY)) == (3, 12)
    assert len(await trail(db, label, "shared")) == 2


async def test_unsharing_takes_the_use_back(label: Label, db: Pool) -> None:
    # R3, R11
    (asset_id,) = await label.authorized("kiri")
    await share(
        label, asset_id, label.operator, label.standard, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),)
    )

    answer = await label.spark.unshare(
        label.bc_id,
        asset_id,
        Unshare(actor=label.admin, members=(label.operator,), ad_accounts=(label.ad_account,), reason="left"),
    )

    assert {pair.outcome for pair in answer.pairs} == {PairOutcome.DONE}
    assert await roles_at_tiktok(label, asset_id) == {label.standard: ["POST"]}
    status = await label.spark.authorization_status(label.bc_id, asset_id)
    assert (status.members, status.ad_accounts) == ((label.standard,), ())
    assert await trail(db, label, "unshared") == [
        (label.admin, f"account {asset_id} · member {label.operator}", "left")
    ]


async def test_an_admin_sees_every_account_and_a_standard_member_the_assigned_ones(label: Label) -> None:
    # R4
    kiri, moana = await label.authorized("kiri", "moana")
    await share(label, moana, label.operator)

    assert {line.asset_id for line in await label.accounts(label.admin)} == {kiri, moana}
    assert [line.asset_id for line in await label.accounts(label.operator)] == [moana]
    assert await label.accounts(label.standard) == ()
    with pytest.raises(NotAMember, match="R4"):
        await label.accounts("6999")


async def test_an_operator_picks_among_what_the_business_center_holds_and_they_were_given(
    label: Label, db: Pool
) -> None:
    # R12: not an account of somebody else's Business Center, and not one that was not given to them.
    other = await make_label(label.simulator, label.spark, db)
    given, kept = await label.authorized("given", "kept")
    (foreign,) = await other.authorized("foreign")
    await share(label, given, label.operator)

    choice = await label.accounts(label.operator)
    everything = await label.accounts(label.admin)

    assert [line.asset_id for line in choice] == [given]
    assert {line.asset_id for line in everything} == {given, kept}
    assert [line.asset_id for line in await other.accounts(other.admin)] == [foreign]
    operator = await members.get(db, label.bc_id, label.operator, not_before=choice[0].since)
    assert operator is not None
    assert blocker(candidate(label, given), operator) is None
    assert str(blocker(candidate(label, kept), operator)).startswith("R5:")


def candidate(label: Label, asset_id: str) -> Candidate:
    return Candidate.model_validate(
        {
            "row_id": "row",
            "mode": "pull",
            "handle": "kiri",
            "asset_id": asset_id,
            "authorized": True,
            "advertiser_id": label.ad_account,
            "identity_id": "identity",
            "can_pull": True,
            "visibility": None,
            "due_at": "2026-01-01T00:00:00Z",
            "pull_item_id": "74",
            "caption": "",
            "landing_url": "",
            "call_to_action": "",
        }
    )


async def test_a_partners_ad_account_is_linked_once_the_partner_has_shared_it(label: Label, db: Pool) -> None:
    # R3, domain decision 4: partners get the use of an account through the ad account that they share with us.
    partner = await make_label(label.simulator, label.spark, db)
    (asset_id,) = await label.authorized("kiri")
    link = (AdAccountLink(advertiser_id=partner.ad_account),)
    before = await share(label, asset_id, ad_accounts=link)
    assert [pair.outcome for pair in before.pairs] == [PairOutcome.REFUSED]

    await label.simulator.post(
        "seed",
        {
            "business_centers": [
                {
                    "bc_id": label.bc_id,
                    "partners": [
                        {"bc_id": partner.bc_id, "name": "Partner", "shared_ad_accounts": [partner.ad_account]}
                    ],
                }
            ]
        },
    )

    after = await share(label, asset_id, ad_accounts=link)
    assert [pair.outcome for pair in after.pairs] == [PairOutcome.DONE]


async def test_a_private_account_is_refused_with_what_to_do(label: Label) -> None:
    handle = f"shy{label.bc_id[-4:]}"
    (asset_id,) = await label.authorized(handle)
    await label.simulator.post(f"owners/{handle}", {"is_private": True})

    answer = await share(label, asset_id, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))

    (pair,) = answer.pairs
    assert (pair.outcome, pair.reason) == (
        PairOutcome.REFUSED,
        "linked, but the account is private; its owner has to make it public",
    )


async def test_nothing_is_shared_after_the_end(label: Label) -> None:
    # R1, R10
    (asset_id,) = await label.authorized("kiri")
    await end(label, asset_id)

    async def ended() -> bool:
        (line,) = await label.accounts()
        return line.stage == AuthorizationStage.REMOVED_BY_ADMIN

    await until(ended, "the end on record")
    with pytest.raises((NothingOnRecord, AuthorizationEnded)):
        await share(label, asset_id, label.operator)


async def test_a_slow_link_is_waited_for(label: Label) -> None:
    # How long TikTok takes to show a fresh link is not documented.
    (asset_id,) = await label.authorized("kiri")
    await label.simulator.post("clock", {"link_seconds": 1})

    answer = await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))

    assert answer.refused == ()
    (line,) = await label.accounts()
    assert line.can_push
