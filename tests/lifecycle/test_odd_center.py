"""One odd thing in a Business Center, as TikTok might answer it: only that is left out, by name."""

from collections.abc import Callable
from typing import Any

import pytest
from access_record import authorizations, by_hand, own_name, share, told

from sparkads import search_attributes
from sparkads.contracts.authorization import AdAccountLink, PairOutcome, Unshare
from sparkads.contracts.business_center import AskCode, Decision, LookNow, ScanReport
from sparkads.contracts.drift import LEFT_OUT, AskDrift, Difference, DifferenceKind
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.people import AskPeople
from sparkads.names import business_center_id
from sparkads.scopes import NewVideos, Scope
from store.database import Pool
from tests.conftest import Label, make_label, until
from tests.odd_answers import Call, Envelope, OddAnswers, Plain, error

Change = Callable[[dict[str, Any]], None]

ACCOUNTS, MEMBERS, USES = "bc/asset/admin/get/", "bc/member/get/", "bc/asset/get/"
LINKED, IDENTITIES = "bc/asset/advertiser/assigned/", "identity/get/"

NOTHING: Envelope = {"code": 0, "data": {}}
EMPTY: Envelope = {"code": 0, "data": {"list": [], "page_info": {"total_number": 0, "total_page": 0}}}


def of_accounts(call: Call) -> bool:
    return call.query.get("asset_type") == "TT_ACCOUNT"


async def attention(label: Label) -> bool:
    handle = label.spark.temporal.get_workflow_handle(business_center_id(label.bc_id))
    return bool((await handle.describe()).typed_search_attributes.get(search_attributes.ATTENTION))


async def swept(label: Label) -> None:
    """Two further sweeps have ended: the first may have begun before now."""
    for _ in range(2):
        before = (await label.spark.business_center_status(label.bc_id)).last_sweep

        async def later(before: object = before) -> bool:
            return (await label.spark.business_center_status(label.bc_id)).last_sweep != before

        await until(later, "a further sweep")


async def compare(label: Label) -> dict[DifferenceKind, Difference]:
    report = await label.spark.check_drift(label.bc_id, AskDrift(actor=label.admin))
    return {one.kind: one for one in report.differences}


async def all_clear(label: Label) -> bool:
    # A review that began before may end after.
    found = await compare(label)
    return not found and not (await label.spark.business_center_status(label.bc_id)).left_out


async def second_ad_account(label: Label) -> str:
    other = f"72{label.bc_id[2:]}"
    account = {"advertiser_id": other, "name": "DE", "currency": "EUR", "timezone": "Europe/Berlin"}
    roles = {label.operator: "OPERATOR", label.admin: "ADMIN"}
    centers = [{"bc_id": label.bc_id, "ad_accounts": [account | {"roles": roles}]}]
    await label.simulator.post("seed", {"business_centers": centers})
    return other


def links(*advertiser_ids: str) -> tuple[AdAccountLink, ...]:
    return tuple(AdAccountLink(advertiser_id=one) for one in advertiser_ids)


# Members


@pytest.mark.parametrize(
    "odd",
    [
        {"user_id": None, "user_name": None, "user_email": "n***@example.com", "relation_status": "PENDING"},
        {"user_id": "6999", "user_role": "OWNER_OF_A_NEW_KIND", "relation_status": "SUSPENDED_FOR_NOW"},
        {"user_id": {"nested": True}, "user_name": 7},
        "no object at all",
        None,
    ],
    ids=["invited", "new role and status", "id of another type", "text", "null"],
)
async def test_one_odd_member_spoils_no_command(odd_label: Label, odd_answers: OddAnswers, odd: object) -> None:
    def add(data: dict[str, Any]) -> None:
        data["list"].insert(0, odd)

    odd_answers.change(MEMBERS, add)
    (asset_id,) = await odd_label.authorized(own_name(odd_label, "kiri"))

    result = await share(odd_label, asset_id, odd_label.operator, ad_accounts=links(odd_label.ad_account))

    assert {pair.outcome for pair in result.pairs} == {PairOutcome.DONE}
    (line,) = await odd_label.accounts(odd_label.operator)
    assert line.asset_id == asset_id
    people = await odd_label.spark.people(odd_label.bc_id, AskPeople(actor=odd_label.admin))
    assert {odd_label.admin, odd_label.operator, odd_label.standard} <= {one.user_id for one in people.people}
    code = AskCode(actor=odd_label.admin, scope=Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE))
    assert await odd_label.spark.qr_code(odd_label.bc_id, code)
    assert set(await compare(odd_label)) <= LEFT_OUT  # by name, and nothing else


async def test_a_refusal_that_nobody_can_vouch_for_stops_no_sweep(odd_label: Label, odd_answers: OddAnswers) -> None:
    # R9: it counts when a member reports it, and who is a member can't be read.
    kiri, moana = own_name(odd_label, "kiri"), own_name(odd_label, "moana")
    await odd_label.seed_accounts(kiri, moana)
    await odd_label.request(moana)
    odd_answers.answer(MEMBERS, NOTHING)

    report = ScanReport(handle=kiri, decision=Decision.DECLINED, reported_by=odd_label.admin)
    await odd_label.spark.report_scan(odd_label.bc_id, report)

    async def asked() -> int:
        return odd_answers.count(MEMBERS)

    await until(asked, "somebody asks who reports")
    odd_answers.clear()
    await odd_label.simulator.approve(moana, odd_label.bc_id)
    await odd_label.all_active([moana])


# The sweep


def without_id(data: dict[str, Any]) -> None:
    data["list"][0]["asset_id"] = None


async def test_one_account_that_cannot_be_read_is_left_out_and_ends_nothing(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool
) -> None:
    kiri, moana = own_name(odd_label, "kiri"), own_name(odd_label, "moana")
    assets = await odd_label.authorized(kiri, moana)
    odd_answers.change(ACCOUNTS, without_id, where=of_accounts)
    await swept(odd_label)

    status = await odd_label.spark.business_center_status(odd_label.bc_id)
    assert "entry 1 of list: asset_id" in status.unread
    assert status.held == 2  # R6: who can't be read keeps the slot
    assert await attention(odd_label)
    assert {line.stage for line in await odd_label.accounts()} == {"active"}
    (text,) = await told(odd_label, NotificationKind.ATTENTION)
    assert "can't be read in full" in text
    assert "No account is taken for gone" in text
    await swept(odd_label)
    assert len(await told(odd_label, NotificationKind.ATTENTION)) == 1
    # Somebody does leave meanwhile: it counts once the list can be read again.
    await odd_label.simulator.revoke(moana, odd_label.bc_id)
    await swept(odd_label)
    assert await authorizations(odd_db, odd_label, assets[1]) == ["active"]

    odd_answers.clear()

    async def over() -> bool:
        return await authorizations(odd_db, odd_label, assets[1]) == ["revoked_by_owner"]

    await until(over, "the loss counts")
    assert await authorizations(odd_db, odd_label, assets[0]) == ["active"]
    await swept(odd_label)
    assert (await odd_label.spark.business_center_status(odd_label.bc_id)).unread == ""
    assert not await attention(odd_label)


@pytest.mark.parametrize("answer", [NOTHING, EMPTY, {"code": 0, "data": {"list": "?"}}], ids=["none", "empty", "text"])
async def test_an_empty_answer_read_once_ends_nothing(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, answer: Envelope
) -> None:
    (asset_id,) = await odd_label.authorized(own_name(odd_label, "kiri"))
    odd_answers.answer(ACCOUNTS, answer, where=of_accounts, times=1)

    await swept(odd_label)

    assert odd_answers.count(ACCOUNTS, where=of_accounts) > 1
    assert await authorizations(odd_db, odd_label, asset_id) == ["active"]


async def test_a_list_that_stays_away_ends_nothing(odd_label: Label, odd_answers: OddAnswers, odd_db: Pool) -> None:
    (asset_id,) = await odd_label.authorized(own_name(odd_label, "kiri"))
    odd_answers.answer(ACCOUNTS, NOTHING, where=of_accounts)

    await swept(odd_label)
    await swept(odd_label)

    assert await authorizations(odd_db, odd_label, asset_id) == ["active"]
    assert (await odd_label.spark.business_center_status(odd_label.bc_id)).held == 1
    assert len(await told(odd_label, NotificationKind.ATTENTION)) == 1


async def test_an_owner_who_leaves_last_is_believed(odd_label: Label, odd_answers: OddAnswers, odd_db: Pool) -> None:
    handle = own_name(odd_label, "kiri")
    (asset_id,) = await odd_label.authorized(handle)

    await odd_label.simulator.revoke(handle, odd_label.bc_id)

    async def over() -> bool:
        return await authorizations(odd_db, odd_label, asset_id) == ["revoked_by_owner"]

    await until(over, "an empty list, read twice, counts")


@pytest.mark.parametrize(
    "odd",
    [
        {"asset_id": "not-a-number", "asset_name": "?"},
        {"asset_id": "99", "tt_asset_handle": "not a handle!", "asset_name": "nul\u0000name", "tt_account_roles": 7},
        {"asset_id": 98, "asset_name": None, "tt_account_roles": ["POST", "A_NEW_ROLE"], "asset_type": "NEW_TYPE"},
        "twice",
    ],
    ids=["id", "handle and name", "new values", "listed twice"],
)
async def test_an_odd_account_spoils_no_sweep(odd_label: Label, odd_answers: OddAnswers, odd: Any) -> None:
    def add(data: dict[str, Any]) -> None:
        data["list"].append(data["list"][0] if odd == "twice" else odd)

    handle = own_name(odd_label, "kiri")
    await odd_label.authorized(handle)
    odd_answers.change(ACCOUNTS, add, where=of_accounts)
    await swept(odd_label)

    await odd_label.authorized(own_name(odd_label, "moana"))

    status = await odd_label.spark.business_center_status(odd_label.bc_id)
    assert status.last_error == ""
    assert ("'not-a-number' is no id" in status.unread) is (odd != "twice" and odd["asset_id"] == "not-a-number")
    assert handle in {line.handle for line in await odd_label.accounts()}


# The review


class Trouble:
    """Two ad accounts with one account linked to both; one of them is in trouble."""

    def __init__(self, label: Label, other: str, asset_id: str, handle: str) -> None:
        self.label, self.other, self.asset_id, self.handle = label, other, asset_id, handle

    def of_other(self, call: Call) -> bool:
        return call.advertiser_id == self.other


@pytest.fixture
async def two(odd_label: Label) -> Trouble:
    other, handle = await second_ad_account(odd_label), own_name(odd_label, "kiri")
    (asset_id,) = await odd_label.authorized(handle)
    result = await share(odd_label, asset_id, odd_label.operator, ad_accounts=links(odd_label.ad_account, other))
    assert {pair.outcome for pair in result.pairs} == {PairOutcome.DONE}
    return Trouble(odd_label, other, asset_id, handle)


TROUBLES = [
    pytest.param(error(50000, "Internal error"), id="5xx"),
    pytest.param(error(40300, "Advertiser does not exist or has been deleted"), id="deleted"),
    pytest.param(error(40002, "Advertiser is suspended"), id="suspended"),
    pytest.param(error(40133, "Advertiser's QPS reaches QPS limit"), id="throttled"),
    pytest.param(error(40105, "Access token is incorrect or has been revoked"), id="token"),
    pytest.param(error(91234, "something that nobody knows"), id="unknown code"),
    pytest.param(Plain(), id="HTML"),
    pytest.param(Plain(200, '{"code": 0, "da', "application/json"), id="truncated"),
]


@pytest.mark.parametrize("answer", TROUBLES)
async def test_one_ad_account_in_trouble_is_left_out_of_the_review(
    two: Trouble, odd_answers: OddAnswers, odd_db: Pool, answer: Envelope | Plain
) -> None:
    def push_taken_back(data: dict[str, Any]) -> None:
        for identity in data["identity_list"]:
            identity["can_push_video"] = False

    odd_answers.answer(IDENTITIES, answer, where=two.of_other)
    odd_answers.change(IDENTITIES, push_taken_back)

    found = await compare(two.label)

    assert set(found) == {DifferenceKind.NOT_ANSWERED}
    assert found[DifferenceKind.NOT_ANSWERED].subject == f"ad account {two.other}"
    can_push = {
        row["advertiser_id"]: row["can_push"]
        for row in await odd_db.fetch(
            "SELECT advertiser_id, can_push FROM links WHERE advertiser_id = ANY($1) AND ended_at IS NULL",
            [two.label.ad_account, two.other],
        )
    }
    assert can_push == {two.label.ad_account: False, two.other: True}
    (told_of,) = (await two.label.spark.business_center_status(two.label.bc_id)).left_out
    assert told_of.startswith(f"ad account {two.other}: ")

    odd_answers.clear()
    await until(lambda: all_clear(two.label), "all is looked at again")


async def test_what_lasts_in_a_review_asks_for_attention(two: Trouble, odd_answers: OddAnswers) -> None:
    odd_answers.refuse(IDENTITIES, 50000, "Internal error", where=two.of_other)
    await compare(two.label)
    await compare(two.label)

    assert await attention(two.label)
    odd_answers.clear()
    await until(lambda: all_clear(two.label), "all is looked at again")
    assert not await attention(two.label)


async def test_a_slow_ad_account_keeps_no_other_waiting(two: Trouble, odd_answers: OddAnswers, odd_db: Pool) -> None:
    def push_taken_back(data: dict[str, Any]) -> None:
        data["identity_list"][0]["can_push_video"] = False

    odd_answers.change(IDENTITIES, push_taken_back, where=lambda call: not two.of_other(call))
    odd_answers.slow(IDENTITIES, 10.0, where=two.of_other)
    await two.label.spark.look(two.label.bc_id, LookNow(reported_by=two.label.admin))

    async def seen() -> bool:
        found = await odd_db.fetchval("SELECT can_push FROM links WHERE advertiser_id = $1", two.label.ad_account)
        return found is False

    await until(seen, "the other ad account was looked at", within=6.0)


@pytest.mark.parametrize("answer", [NOTHING, EMPTY], ids=["none", "empty"])
async def test_no_link_is_gone_because_of_an_empty_answer(
    two: Trouble, odd_answers: OddAnswers, answer: Envelope
) -> None:
    # Of no list at all nothing is believed, however often; of an empty one only what is read twice.
    def hide(data: dict[str, Any]) -> None:
        data["identity_list"] = []

    odd_answers.change(IDENTITIES, hide)
    odd_answers.answer(LINKED, answer, times=1 if answer is EMPTY else None)

    assert DifferenceKind.LINK_GONE not in await compare(two.label)


async def test_a_link_that_is_gone_is_found_beside_one_that_cannot_be_read(
    two: Trouble, odd_answers: OddAnswers
) -> None:
    await by_hand(two.label, "advertiser/unassign", advertiser_id=two.label.ad_account, asset_id=two.asset_id)
    odd_answers.refuse(IDENTITIES, 50000, "Internal error", where=two.of_other)

    found = await compare(two.label)

    # The review that runs by itself may have adopted it before.
    found.pop(DifferenceKind.LINK_GONE, None)
    assert set(found) == {DifferenceKind.NOT_ANSWERED}
    (line,) = await two.label.accounts()
    assert line.ad_accounts == (two.other,)


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        (NOTHING, {DifferenceKind.NOT_UNDERSTOOD}),
        (error(40001, "No permission for this endpoint"), {DifferenceKind.NOT_ANSWERED}),
        (error(50000, "Internal error"), {DifferenceKind.NOT_ANSWERED}),
    ],
    ids=["none", "no grant", "5xx"],
)
async def test_no_permission_is_gone_because_a_member_cannot_be_read(
    two: Trouble, odd_answers: OddAnswers, answer: Envelope, kinds: set[DifferenceKind]
) -> None:
    operator = two.label.operator
    await by_hand(two.label, "assign", user_id=two.label.standard, asset_id=two.asset_id, tt_account_roles=["LIVE"])
    odd_answers.answer(
        USES, answer, where=lambda call: of_accounts(call) and operator in call.query.get("filtering", "")
    )

    found = await compare(two.label)

    # What was given by hand, the review that runs by itself may have adopted before.
    found.pop(DifferenceKind.GRANT_BY_HAND, None)
    assert set(found) == kinds
    (left_out,) = found.values()
    assert left_out.subject == f"member {operator}"
    (line,) = await two.label.accounts()
    assert set(line.members) == {operator, two.label.standard}


async def test_a_role_without_a_name_takes_no_permission_back(two: Trouble, odd_answers: OddAnswers) -> None:
    def without_roles(data: dict[str, Any]) -> None:
        for asset in data["list"]:
            asset["tt_account_roles"] = None

    odd_answers.change(USES, without_roles, where=of_accounts)

    assert await compare(two.label) == {}


# Sharing


@pytest.mark.parametrize("answer", [*TROUBLES[1:3], pytest.param(error(40001, "no permission"), id="no grant")])
async def test_an_account_is_shared_beside_an_ad_account_in_trouble(
    odd_label: Label, odd_answers: OddAnswers, answer: Envelope
) -> None:
    other = await second_ad_account(odd_label)
    (asset_id,) = await odd_label.authorized(own_name(odd_label, "kiri"))
    odd_answers.answer(IDENTITIES, answer, where=lambda call: call.advertiser_id == other)

    result = await share(odd_label, asset_id, odd_label.operator, ad_accounts=links(other, odd_label.ad_account))

    outcomes = {pair.subject: pair for pair in result.pairs}
    assert outcomes[f"ad account {odd_label.ad_account}"].outcome is PairOutcome.DONE
    refused = outcomes[f"ad account {other}"]
    assert refused.outcome is PairOutcome.REFUSED
    assert answer["message"] in refused.reason


async def test_a_slow_ad_account_holds_up_no_other_share(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool
) -> None:
    other = await second_ad_account(odd_label)
    (asset_id,) = await odd_label.authorized(own_name(odd_label, "kiri"))
    odd_answers.slow(IDENTITIES, 5.0, where=lambda call: call.advertiser_id == other)

    result = await share(odd_label, asset_id, ad_accounts=links(other, odd_label.ad_account))

    assert {pair.outcome for pair in result.pairs} == {PairOutcome.DONE}
    linked_at = {
        row["advertiser_id"]: row["linked_at"]
        for row in await odd_db.fetch(
            "SELECT advertiser_id, linked_at FROM links WHERE advertiser_id = ANY($1)", [other, odd_label.ad_account]
        )
    }
    assert (linked_at[other] - linked_at[odd_label.ad_account]).total_seconds() > 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"can_push_video": None, "can_pull_video": None, "ads_only_mode": None, "available_status": None}, ""),
        ({"available_status": "A_NEW_STATUS"}, "TikTok calls its state A_NEW_STATUS, which is not known here"),
        ({"username": None, "user_name": "@{handle}"}, ""),
        ({"can_push_video": "perhaps", "is_gpppa": []}, ""),
    ],
    ids=["nothing said", "new state", "other name of the handle", "other types"],
)
async def test_what_an_identity_does_not_say_is_no_no(
    odd_label: Label, odd_answers: OddAnswers, change: dict[str, Any], reason: str
) -> None:
    handle = own_name(odd_label, "kiri")

    def alter(data: dict[str, Any]) -> None:
        for identity in data["identity_list"]:
            identity.update(
                {
                    key: value.format(handle=handle.upper()) if isinstance(value, str) else value
                    for key, value in change.items()
                }
            )
        data["identity_list"].append({"identity_id": None, "display_name": handle})

    odd_answers.change(IDENTITIES, alter)
    (asset_id,) = await odd_label.authorized(handle)

    (pair,) = (await share(odd_label, asset_id, ad_accounts=links(odd_label.ad_account))).pairs

    assert (pair.outcome, pair.reason) == (PairOutcome.DONE, reason)
    (line,) = await odd_label.accounts()
    assert (line.can_push, line.can_pull, line.ads_only, line.problem) == (True, True, False, "")


async def test_nothing_is_taken_back_on_a_list_that_cannot_be_read(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool
) -> None:
    other = await make_label(odd_label.simulator, odd_label.spark, odd_db)
    (asset_id,) = await odd_label.authorized(own_name(odd_label, "kiri"))
    await share(odd_label, asset_id, odd_label.operator, ad_accounts=links(odd_label.ad_account))

    def without_accounts(data: dict[str, Any]) -> None:
        data["list"] = [{"asset_id": None}]

    odd_answers.change(USES, without_accounts, where=of_accounts)

    command = Unshare(actor=odd_label.admin, members=(odd_label.operator, other.operator))
    first, second = (await odd_label.spark.unshare(odd_label.bc_id, asset_id, command)).pairs

    # The permission that could not be seen is taken back all the same; a stranger has none.
    assert (first.outcome, second.outcome) == (PairOutcome.DONE, PairOutcome.ALREADY)
    world = await odd_label.simulator.get("state")
    assert [one for one in world["member_grants"] if one["asset_id"] == asset_id] == []
