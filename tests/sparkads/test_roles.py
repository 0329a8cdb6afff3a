"""Who may do what, as pure rules."""

from itertools import product

import pytest

from sparkads import names
from sparkads.errors import AdminOnly, NotAMember, NothingOnRecord, OnlyItsPeople
from sparkads.permissions import ROLE_OF, Cell, ReleaseState, Who, cells
from sparkads.roles import (
    AD_ACCOUNT_KEY,
    RIGHTS,
    RULE_OF_ACTION,
    TIKTOK_ACCOUNT_KEY,
    Action,
    AdAccountRole,
    BcRole,
    Permission,
    may,
    missing_keys,
    sees_all_accounts,
)

# The table of the rules, written down once more: a slip in the declaration must not become the rule.
OPEN_TO_STANDARD = {Action.SEE_ACCOUNTS, Action.REPORT_SCAN, Action.RUN_RELEASE}
RULES = {
    Action.SEE_ACCOUNTS: "R4",
    Action.REQUEST_ACCESS: "R2",
    Action.END_AUTHORIZATION: "R10",
    Action.SHARE: "R3",
    Action.RUN_RELEASE: "R5",
}


@pytest.mark.parametrize("action", list(Action))
def test_an_admin_may_do_everything_and_a_stranger_nothing(action: Action) -> None:
    # R2, R3, R4, R10
    assert may(BcRole.ADMIN, action)
    assert not may(None, action)


@pytest.mark.parametrize("action", list(Action))
def test_a_standard_member_may_not_do_what_is_for_admins(action: Action) -> None:
    # R2, R3, R10
    assert may(BcRole.STANDARD, action) is (action in OPEN_TO_STANDARD)


def test_every_action_names_its_rule() -> None:
    assert set(RIGHTS) == set(RULE_OF_ACTION) == set(Action)
    assert {action: RULE_OF_ACTION[action] for action in RULES} == RULES


def test_only_an_admin_sees_every_account() -> None:
    # R4
    assert sees_all_accounts(BcRole.ADMIN)
    assert not sees_all_accounts(BcRole.STANDARD)


AFTER_ITS_END = {names.RETRY, names.TAKEDOWN}
"""What can be asked of a release that is over."""


@pytest.mark.parametrize("cell", list(cells()), ids=lambda cell: f"{cell.command.key}, {cell.who}, {cell.state}")
def test_a_cell_keeps_to_the_rules(cell: Cell) -> None:
    # R1, R2, R3, R4, R10: what no cell may be declared to be, whatever else it is.
    role, action = ROLE_OF[cell.who], cell.command.action
    if action is not None and not may(role, action):
        assert isinstance(cell.answer, type)
    if cell.answer is NotAMember:
        assert role is None
    if cell.answer in {AdminOnly, OnlyItsPeople}:
        assert role is BcRole.STANDARD
    if role is BcRole.ADMIN:
        assert cell.answer not in {AdminOnly, NotAMember, OnlyItsPeople}
    without = {ReleaseState.NONE} if cell.command.name in AFTER_ITS_END else {ReleaseState.NONE, ReleaseState.OVER}
    if cell.state in without and cell.command.steers:
        assert cell.answer is NothingOnRecord


def test_everybody_has_a_role_or_none() -> None:
    assert set(ROLE_OF) == set(Who)


def test_every_permission_and_role_is_a_key_or_none() -> None:
    # R5
    assert {one for one, turns in TIKTOK_ACCOUNT_KEY.items() if turns} == {Permission.SPARK}
    assert {one for one, turns in AD_ACCOUNT_KEY.items() if turns} == {AdAccountRole.OPERATOR, AdAccountRole.ADMIN}
    assert set(TIKTOK_ACCOUNT_KEY) == {None, *Permission}
    assert set(AD_ACCOUNT_KEY) == {None, *AdAccountRole}


@pytest.mark.parametrize(("has_grant", "role"), [*product([True, False], [None, *AdAccountRole])])
def test_both_keys_are_needed_at_once(*, has_grant: bool, role: AdAccountRole | None) -> None:
    # R5: the role in the Business Center is no argument of this rule, so an admin needs both keys, too.
    missing = missing_keys(has_grant=has_grant, ad_account_role=role)

    turns = role in {AdAccountRole.OPERATOR, AdAccountRole.ADMIN}
    assert (missing == ()) is (has_grant and turns)
    assert any("TikTok account" in key for key in missing) is not has_grant
    assert any("ad account" in key for key in missing) is not turns


def test_a_role_that_is_no_key_is_named() -> None:
    # R5
    (missing,) = missing_keys(has_grant=True, ad_account_role=AdAccountRole.ANALYST)

    assert missing == "role OPERATOR or ADMIN on the ad account (has ANALYST)"
