"""Who an actor is where TikTok's answer is odd: the least rights, and never a stranger for want of an answer."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.members import Members
from activities.platform import Platform
from sparkads.roles import AdAccountRole, BcRole, Permission
from store.database import Pool
from tests.conftest import Label
from tests.odd_answers import Call, OddAnswers, Plain, error
from tiktok import TikTok

MEMBERS, USES = "bc/member/get/", "bc/asset/get/"


@pytest.fixture
async def members(odd_answers: OddAnswers, odd_db: Pool) -> AsyncIterator[Members]:
    async with TikTok(odd_answers.url, limiter=None) as tiktok:
        yield Members(odd_db, Platform(odd_db, tiktok), max_age=timedelta(0))


def first_as(**odd: Any) -> Any:
    def change(data: dict[str, Any]) -> None:
        data["list"][0].update(odd)

    return change


@pytest.mark.parametrize(
    ("odd", "role"),
    [
        ({"user_role": "OWNER"}, BcRole.STANDARD),
        ({"user_role": None}, BcRole.STANDARD),
        ({"relation_status": "SUSPENDED"}, BcRole.STANDARD),
        ({"relation_status": None}, BcRole.ADMIN),
        ({"relation_status": "UNBOUND"}, None),
        ({"user_name": None, "user_email": None}, BcRole.ADMIN),
    ],
)
async def test_an_unknown_role_has_the_least_rights(
    odd_label: Label, odd_answers: OddAnswers, members: Members, odd: dict[str, Any], role: BcRole | None
) -> None:
    # R2 to R5: the first one listed is the admin.
    odd_answers.change(MEMBERS, first_as(**odd))

    assert (await members.access(odd_label.bc_id, odd_label.admin)).role is role


async def test_an_unknown_role_on_an_ad_account_is_none(
    odd_label: Label, odd_answers: OddAnswers, members: Members
) -> None:
    # R5
    assert (await members.access(odd_label.bc_id, odd_label.operator)).ad_accounts == {
        odd_label.ad_account: AdAccountRole.OPERATOR
    }
    odd_answers.change(USES, first_as(advertiser_role="PILOT"), where=lambda call: call.query["asset_type"][0] == "A")

    assert (await members.access(odd_label.bc_id, odd_label.operator)).ad_accounts == {}


def nameless(data: dict[str, Any]) -> None:
    data["list"] = [{"asset_id": None}, {"asset_id": "77", "tt_account_roles": ["POST", "A_NEW_ONE"]}]


async def test_what_a_member_may_use_is_read_beside_what_cannot_be(
    odd_label: Label, odd_answers: OddAnswers, members: Members
) -> None:
    def of_accounts(call: Call) -> bool:
        return call.query["asset_type"] == "TT_ACCOUNT"

    odd_answers.change(USES, nameless, where=of_accounts)

    who = await members.access(odd_label.bc_id, odd_label.operator)

    assert who.accounts == {"77": (Permission.SPARK,)}
    assert "entry 1 of list: asset_id" in who.unread


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 0, "data": {}},
        {"code": 0, "data": {"list": []}},
        {"code": 0, "data": {"list": [7], "page_info": {"total_page": 1, "total_number": 1}}},
    ],
    ids=["no list", "empty", "an entry of another type"],
)
async def test_nobody_is_a_stranger_on_a_list_that_cannot_be_read(
    odd_label: Label, odd_answers: OddAnswers, members: Members, answer: dict[str, Any]
) -> None:
    odd_answers.answer(MEMBERS, answer)

    with pytest.raises(ApplicationError, match=r"TikTok's list of members .* can't be read in full") as failure:
        await members.access(odd_label.bc_id, odd_label.operator)

    assert (failure.value.type, failure.value.non_retryable) == ("TikTokListUnreadable", False)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Plain(), "TikTokFault"),
        (error(40001, "No permission"), "TikTokRefused"),
        (error(40105, "Access token is incorrect or has been revoked"), "AccessTokenRejected"),
    ],
)
async def test_what_tiktok_does_not_answer_is_named(
    odd_label: Label, odd_answers: OddAnswers, members: Members, answer: dict[str, Any], kind: str
) -> None:
    odd_answers.answer(MEMBERS, answer)

    with pytest.raises(ApplicationError) as failure:
        await members.access(odd_label.bc_id, odd_label.operator)

    assert failure.value.type == kind
