"""
Who may do what: R2 to R5 as pure functions.

Roles come from TikTok and are read again at every use; this module only knows the rules.
"""

from enum import StrEnum


class BcRole(StrEnum):
    """A member's role in a Business Center, as TikTok spells it."""

    ADMIN = "ADMIN"
    STANDARD = "STANDARD"


class AdAccountRole(StrEnum):
    """A member's role on an ad account, as TikTok spells it."""

    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
    ANALYST = "ANALYST"


class Permission(StrEnum):
    """What a grant on a TikTok account lets a member run (R11)."""

    SPARK = "spark"
    LIVE = "live"


class Action(StrEnum):
    """What an actor may ask of the system."""

    SEE_ACCOUNTS = "see the TikTok accounts"
    REQUEST_ACCESS = "request access to TikTok accounts"
    END_AUTHORIZATION = "cancel an authorization"
    SHARE = "give members permission"
    RUN_RELEASE = "run a release campaign"


RULE_OF_ACTION = {
    Action.SEE_ACCOUNTS: "R4",
    Action.REQUEST_ACCESS: "R2",
    Action.END_AUTHORIZATION: "R10",
    Action.SHARE: "R3",
    Action.RUN_RELEASE: "R5",
}

_ADMINS_ONLY = {Action.REQUEST_ACCESS, Action.END_AUTHORIZATION, Action.SHARE}


def may(role: BcRole | None, action: Action) -> bool:
    """Whether a member of this role may take the action (R2, R3, R4); None is somebody who is not a member."""
    if role is None:
        return False
    return role is BcRole.ADMIN or action not in _ADMINS_ONLY


def sees_all_accounts(role: BcRole) -> bool:
    """An admin sees every authorized account, a standard member only those assigned to them (R4)."""
    return role is BcRole.ADMIN


def missing_keys(*, has_grant: bool, ad_account_role: AdAccountRole | None) -> tuple[str, ...]:
    """What an operator lacks to run Spark Ads on an account, admins included (R5); empty when both keys are there."""
    missing = []
    if not has_grant:
        missing.append("permission on the TikTok account")
    if ad_account_role not in {AdAccountRole.OPERATOR, AdAccountRole.ADMIN}:
        held = f" (has {ad_account_role.value})" if ad_account_role else ""
        missing.append(f"role OPERATOR or ADMIN on the ad account{held}")
    return tuple(missing)
