"""The gate before a target is promoted, as a pure rule: asked when it becomes ready, and again at the moment of use."""

from sparkads.roles import Permission, missing_keys
from store.members import MemberAccess
from store.publishing import Candidate


def blocker(candidate: Candidate, operator: MemberAccess) -> str | None:
    """Why a target may not be promoted now, named by rule; None if it may."""
    if not candidate.authorized or candidate.asset_id is None:
        return f"R1: @{candidate.handle} has not authorized the Business Center"
    if candidate.identity_id is None:
        return f"R1: @{candidate.handle} is not linked to ad account {candidate.advertiser_id}"
    return _beyond_scope(candidate) or _missing_key(candidate, operator)


def _beyond_scope(candidate: Candidate) -> str | None:
    if candidate.mode == "push" and not candidate.can_push:
        return f"R7: the scope that @{candidate.handle} granted does not include new videos; ask again with that scope"
    if candidate.mode == "pull" and not candidate.can_pull:
        return f"R7: the scope that @{candidate.handle} granted does not include existing posts"
    if candidate.visibility == "profile" and candidate.ads_only:
        return f"R7: @{candidate.handle} allows new videos through ads only; visibility profile is not possible"
    return None


def _missing_key(candidate: Candidate, operator: MemberAccess) -> str | None:
    missing = missing_keys(
        has_grant=Permission.SPARK in operator.accounts.get(candidate.asset_id or "", ()),
        ad_account_role=operator.ad_accounts.get(candidate.advertiser_id),
    )
    if missing:
        return f"R5: operator {operator.user_id} lacks {' and '.join(missing)}"
    return None
