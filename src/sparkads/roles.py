"""
Who may do what: R2 to R5 as one table each, and the pure functions that read them.

Roles come from TikTok and are read again at every use; this module only knows the rules. What becomes of a command in
each state of what it acts on is in `sparkads.permissions`, which starts from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


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
    REPORT_SCAN = "report what an owner answered"
    SHARE = "give members permission"
    SEE_SCANS = "see what became of scans"
    SEE_PEOPLE = "see members and partners"
    CHECK_DRIFT = "compare the record with TikTok"
    READ_AUDIT = "read the audit trail"
    SEE_NOTIFICATIONS = "read notifications"
    RUN_RELEASE = "run a release campaign"
    LIFT_EMBARGO = "bring a release forward"


_ADMINS = frozenset({BcRole.ADMIN})
_MEMBERS = frozenset(BcRole)


@dataclass(frozen=True)
class Right:
    """
    Who may take an action; somebody who is no member, or has not accepted the invitation, may take none.

    Attributes:
        rule: its number.
        roles: the roles in the Business Center that may.
        assigned_only: those of them that it shows only what was assigned to them.
    """

    rule: str
    roles: frozenset[BcRole]
    assigned_only: frozenset[BcRole] = frozenset()


RIGHTS: Mapping[Action, Right] = MappingProxyType(
    {
        Action.SEE_ACCOUNTS: Right("R4", _MEMBERS, assigned_only=_MEMBERS - _ADMINS),
        Action.REQUEST_ACCESS: Right("R2", _ADMINS),
        Action.END_AUTHORIZATION: Right("R10", _ADMINS),
        Action.REPORT_SCAN: Right("R9", _MEMBERS),
        Action.SHARE: Right("R3", _ADMINS),
        Action.SEE_SCANS: Right("R2", _ADMINS),
        Action.SEE_PEOPLE: Right("R3", _ADMINS),
        Action.CHECK_DRIFT: Right("R3", _ADMINS),
        Action.READ_AUDIT: Right("R3", _ADMINS),
        Action.SEE_NOTIFICATIONS: Right("R2", _ADMINS),
        Action.RUN_RELEASE: Right("R5", _MEMBERS),
        Action.LIFT_EMBARGO: Right("R5", _ADMINS),
    }
)
"""Who may do what. The owner of an account is asked by TikTok itself, and needs no role here."""

RULE_OF_ACTION: Mapping[Action, str] = MappingProxyType({action: right.rule for action, right in RIGHTS.items()})

TIKTOK_ACCOUNT_KEY: Mapping[Permission | None, bool] = MappingProxyType(
    {None: False, Permission.LIVE: False, Permission.SPARK: True}
)
"""Which grant on a TikTok account is the first of the two keys to a Spark Ad (R5)."""

AD_ACCOUNT_KEY: Mapping[AdAccountRole | None, bool] = MappingProxyType(
    {None: False, AdAccountRole.ANALYST: False, AdAccountRole.OPERATOR: True, AdAccountRole.ADMIN: True}
)
"""Which role on an ad account is the second (R5). A role in the Business Center is neither: admins need both, too."""


def may(role: BcRole | None, action: Action) -> bool:
    """Whether a member of this role may take the action (R2, R3, R4); None is somebody who is not a member."""
    return role in RIGHTS[action].roles


def sees_all_accounts(role: BcRole) -> bool:
    """An admin sees every authorized account, a standard member only those assigned to them (R4)."""
    return role not in RIGHTS[Action.SEE_ACCOUNTS].assigned_only


def missing_keys(*, has_grant: bool, ad_account_role: AdAccountRole | None) -> tuple[str, ...]:
    """What an operator lacks to run Spark Ads on an account, admins included (R5); empty when both keys are there."""
    missing = []
    if not has_grant:
        missing.append("permission on the TikTok account")
    if not AD_ACCOUNT_KEY[ad_account_role]:
        wanted = " or ".join(role for role, turns in AD_ACCOUNT_KEY.items() if role and turns)
        held = f" (has {ad_account_role.value})" if ad_account_role else ""
        missing.append(f"role {wanted} on the ad account{held}")
    return tuple(missing)
