"""What members may use, as TikTok said last: a cache with an age, never a source."""

import json
from collections.abc import Sequence
from datetime import datetime

from sparkads.contracts.base import Contract
from sparkads.roles import AdAccountRole, BcRole, Permission
from store.database import Database


class MemberAccess(Contract):
    """One person in one Business Center, as TikTok said at `fetched_at`."""

    user_id: str
    role: BcRole | None
    ad_accounts: dict[str, AdAccountRole]
    accounts: dict[str, tuple[Permission, ...]]
    admins: tuple[str, ...]
    """`name (id)` of the admins, whom a refusal names"""
    fetched_at: datetime
    unread: str = ""
    """what TikTok listed and could not be read: they may have more than is here. Not remembered"""
    is_role_said: bool = True
    """False: TikTok says it in no word that is known, and they have the least rights. Not remembered"""


async def put(db: Database, bc_id: str, access: MemberAccess) -> None:
    """Remember what TikTok said."""
    await db.execute(
        """INSERT INTO member_access (bc_id, user_id, role, ad_accounts, accounts, admins, fetched_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (bc_id, user_id) DO UPDATE
           SET role = $3, ad_accounts = $4, accounts = $5, admins = $6, fetched_at = $7""",
        bc_id,
        access.user_id,
        access.role,
        json.dumps(access.ad_accounts),
        json.dumps(access.accounts),
        json.dumps(access.admins),
        access.fetched_at,
    )


async def get(db: Database, bc_id: str, user_id: str, *, not_before: datetime) -> MemberAccess | None:
    """What TikTok said of a member at or after `not_before`, or None if that is not known."""
    row = await db.fetchrow(
        "SELECT * FROM member_access WHERE bc_id = $1 AND user_id = $2 AND fetched_at >= $3",
        bc_id,
        user_id,
        not_before,
    )
    if row is None:
        return None
    return MemberAccess(
        user_id=user_id,
        role=row["role"],
        ad_accounts=json.loads(row["ad_accounts"]),
        accounts=json.loads(row["accounts"]),
        admins=tuple(json.loads(row["admins"])),
        fetched_at=row["fetched_at"],
    )


async def note_account(
    db: Database, bc_id: str, user_id: str, asset_id: str, permissions: Sequence[Permission]
) -> None:
    """TikTok has just taken a grant: add it to what is remembered, without making that any younger."""
    await db.execute(
        """UPDATE member_access SET accounts = accounts || jsonb_build_object($3::text, $4::jsonb)
           WHERE bc_id = $1 AND user_id = $2""",
        bc_id,
        user_id,
        asset_id,
        json.dumps(permissions),
    )


async def note_ad_account(db: Database, bc_id: str, user_id: str, advertiser_id: str, role: AdAccountRole) -> None:
    """TikTok has just taken a role on an ad account: add it, likewise."""
    await db.execute(
        """UPDATE member_access SET ad_accounts = ad_accounts || jsonb_build_object($3::text, $4::text)
           WHERE bc_id = $1 AND user_id = $2""",
        bc_id,
        user_id,
        advertiser_id,
        role,
    )


async def forget(db: Database, bc_id: str) -> None:
    """Drop what is remembered of a Business Center: something there was just changed."""
    await db.execute("DELETE FROM member_access WHERE bc_id = $1", bc_id)
