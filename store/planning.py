"""What a plan has to know of accounts before a release is on record."""

from collections.abc import Iterable, Sequence

from sparkads.contracts.base import Contract
from store.database import Database


class AccountFacts(Contract):
    """One TikTok account and one ad account: how far they are."""

    handle: str
    advertiser_id: str
    asset_id: str | None
    """None: not authorized"""
    identity_id: str | None
    """None: not linked to the ad account"""
    can_push: bool
    can_pull: bool
    ads_only: bool
    problem: str
    """why TikTok lets nobody advertise the account now"""


async def account_facts(db: Database, bc_id: str, pairs: Iterable[tuple[str, str]]) -> list[AccountFacts]:
    """The facts of each pair of a handle and an ad account."""
    wanted = sorted(set(pairs))
    rows = await db.fetch(
        """SELECT one.handle, one.advertiser_id, a.asset_id, l.identity_id, coalesce(l.can_push, false) AS can_push,
                  coalesce(l.can_pull, false) AS can_pull, coalesce(l.ads_only, false) AS ads_only,
                  coalesce(l.problem, '') AS problem
           FROM unnest($2::text[], $3::text[]) AS one (handle, advertiser_id)
           LEFT JOIN LATERAL (
               SELECT a.id, a.asset_id FROM accounts JOIN authorizations a USING (bc_id, asset_id)
               WHERE accounts.bc_id = $1 AND accounts.handle = one.handle AND a.stage = 'active'
               ORDER BY a.asset_id DESC LIMIT 1) a ON true
           LEFT JOIN links l ON l.authorization_id = a.id AND l.advertiser_id = one.advertiser_id
               AND l.ended_at IS NULL
           ORDER BY 1, 2""",
        bc_id,
        [handle for handle, _ in wanted],
        [advertiser_id for _, advertiser_id in wanted],
    )
    return [AccountFacts(**row) for row in rows]


async def slots_held(db: Database, bc_id: str) -> int:
    """TikTok accounts that a Business Center holds or has requested (R6)."""
    held: int = await db.fetchval(
        """SELECT (SELECT count(*) FROM authorizations WHERE bc_id = $1 AND stage = 'active')
                + (SELECT count(*) FROM access_requests WHERE bc_id = $1 AND state = 'pending')""",
        bc_id,
    )
    return held


async def awaited_handles(db: Database, bc_id: str, handles: Sequence[str]) -> set[str]:
    """Which of these owners have an open request: their slots are taken already."""
    rows = await db.fetch(
        "SELECT handle FROM access_requests WHERE bc_id = $1 AND state = 'pending' AND handle = ANY($2)",
        bc_id,
        list(handles),
    )
    return {row["handle"] for row in rows}


async def uploaded(db: Database, advertiser_ids: Sequence[str]) -> set[tuple[str, str]]:
    """Videos that are at TikTok already, `(ad account, sha256)`."""
    rows = await db.fetch("SELECT advertiser_id, sha256 FROM media WHERE advertiser_id = ANY($1)", list(advertiser_ids))
    return {(row["advertiser_id"], row["sha256"]) for row in rows}
