"""The gate before a target is promoted: asked when it becomes ready, and again at the moment of use."""

from collections.abc import Iterable, Iterator

from activities.listings import tiktok_accounts
from activities.platform import Platform
from sparkads.contracts.release import TargetState
from sparkads.roles import Permission, missing_keys
from store.members import MemberAccess
from store.publishing import Candidate

NO_RIGHTS = "rights: the row's rights_from and rights_until do not cover its instant"
"""Why a row is blocked whose instant its owner's word does not cover."""


async def gone_accounts(
    platform: Platform, bc_id: str, operator: MemberAccess, candidates: Iterable[Candidate]
) -> frozenset[str]:
    """
    Accounts of targets that the operator can't use and TikTok lists no longer: their authorizations have ended.

    TikTok takes a member's permission away together with the account, and the sweep may not have looked since, or not
    when the target was read: without this question such a target would be blocked for a missing key (R5), and not
    frozen for what has happened (R15).
    """
    out_of_reach = {one.asset_id for one in candidates if one.asset_id is not None} - operator.accounts.keys()
    if not out_of_reach:
        return frozenset()
    client = await platform.client(bc_id)
    listed = await tiktok_accounts(client, bc_id)
    if not listed.is_complete:
        return frozenset()
    return frozenset(out_of_reach - {asset.asset_id for asset in listed})


def verdict(candidate: Candidate, operator: MemberAccess, gone: frozenset[str]) -> tuple[TargetState, str] | None:
    """The state that a target goes to instead of being promoted, and why; None if it may be promoted now."""
    if candidate.asset_id in gone:
        return TargetState.FROZEN, f"R15: TikTok no longer lists @{candidate.handle}; its authorization has ended"
    reason = blocker(candidate, operator)
    if reason is None:
        return None
    return TargetState.BLOCKED if candidate.authorized else TargetState.FROZEN, reason


def blocker(candidate: Candidate, operator: MemberAccess) -> str | None:
    """The first reason why a target may not be promoted now, named by rule; None if it may."""
    return next(blockers(candidate, operator), None)


def blockers(candidate: Candidate, operator: MemberAccess) -> Iterator[str]:
    """Every reason why a target may not be promoted now, each named by its rule."""
    if not candidate.authorized or candidate.asset_id is None:
        yield f"R1: @{candidate.handle} has not authorized the Business Center"
    elif candidate.identity_id is None:
        yield f"R1: @{candidate.handle} is not linked to ad account {candidate.advertiser_id}"
    else:
        if candidate.problem:
            yield f"R12: @{candidate.handle} can't be advertised now: {candidate.problem}"
        beyond = _beyond_scope(candidate)
        if beyond is not None:
            yield beyond
    key = missing_key(candidate, operator)
    if key is not None:
        yield key
    if not candidate.has_rights:
        yield NO_RIGHTS


def _beyond_scope(candidate: Candidate) -> str | None:
    if candidate.mode == "push" and not candidate.can_push:
        return f"R7: the scope that @{candidate.handle} granted does not include new videos; ask again with that scope"
    if candidate.mode == "pull" and not candidate.can_pull:
        return f"R7: the scope that @{candidate.handle} granted does not include existing posts"
    if candidate.visibility == "profile" and candidate.ads_only:
        return f"R7: @{candidate.handle} allows new videos through ads only; visibility profile is not possible"
    return None


def missing_key(candidate: Candidate, operator: MemberAccess) -> str | None:
    """Which of the two keys the operator lacks for a target (R5); None if both are there."""
    missing = missing_keys(
        has_grant=Permission.SPARK in operator.accounts.get(candidate.asset_id or "", ()),
        ad_account_role=operator.ad_accounts.get(candidate.advertiser_id),
    )
    if missing:
        unread = f", as far as TikTok's list of what they may use can be read: {operator.unread}"
        return f"R5: operator {operator.user_id} lacks {' and '.join(missing)}{unread if operator.unread else ''}"
    return None
