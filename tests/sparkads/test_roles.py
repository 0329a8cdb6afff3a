"""Who may do what, as pure rules."""

from itertools import product

import pytest

from sparkads.roles import (
    RULE_OF_ACTION,
    Action,
    AdAccountRole,
    BcRole,
    may,
    missing_keys,
    sees_all_accounts,
)

ADMINS_ONLY = {Action.REQUEST_ACCESS, Action.SHARE, Action.END_AUTHORIZATION}


@pytest.mark.parametrize("action", list(Action))
def test_an_admin_may_do_everything_and_a_stranger_nothing(action: Action) -> None:
    # R2, R3, R4, R10
    assert may(BcRole.ADMIN, action)
    assert not may(None, action)


@pytest.mark.parametrize("action", list(Action))
def test_a_standard_member_may_not_do_what_is_for_admins(action: Action) -> None:
    # R2, R3, R10
    assert may(BcRole.STANDARD, action) is (action not in ADMINS_ONLY)


def test_every_action_names_its_rule() -> None:
    assert set(RULE_OF_ACTION) == set(Action)
    assert {RULE_OF_ACTION[action] for action in ADMINS_ONLY} == {"R2", "R3", "R10"}


def test_only_an_admin_sees_every_account() -> None:
    # R4
    assert sees_all_accounts(BcRole.ADMIN)
    assert not sees_all_accounts(BcRole.STANDARD)


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
