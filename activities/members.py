"""Who an actor is, read from TikTok and at most a short while old: the role check of every command (R2 to R5)."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.failures import tiktok_failures
from activities.listings import unreadable, what_is_missing
from activities.platform import Platform
from sparkads.errors import AdminOnly, NotAMember, Refusal, refused
from sparkads.roles import RULE_OF_ACTION, Action, AdAccountRole, BcRole, Permission, may
from store import audit, known_names, members
from store.database import Pool
from store.members import MemberAccess
from tiktok import Asset, Member, RelationStatus, Rows

_PERMISSION_OF_TIKTOK_ROLE = {"POST": Permission.SPARK, "LIVE": Permission.LIVE}
_AD_ACCOUNT_ROLES = frozenset(AdAccountRole)
_NO_MEMBER = frozenset({RelationStatus.PENDING, RelationStatus.REJECTED, RelationStatus.UNBOUND})


def current_run() -> audit.Run:
    """The workflow run that the current activity works for."""
    info = activity.info()
    return audit.Run(workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or "")


class Members:
    """Role checks against TikTok, with a cache in the store that has an age."""

    def __init__(self, db: Pool, platform: Platform, *, max_age: timedelta) -> None:
        """`max_age`: how old an answer of TikTok may be at the moment of use."""
        self._db = db
        self._platform = platform
        self._max_age = max_age
        self._asking: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def access(self, bc_id: str, user_id: str) -> MemberAccess:
        """
        What a person may use in a Business Center; `role` is None for somebody who is no member.

        Raises:
            ApplicationError: a retryable one, where TikTok does not answer, or lists members that can't be read and
                among whom the person may be.
        """
        # At an instant all shards of a release want to know at once, and TikTok takes ten calls a second.
        async with self._asking[bc_id, user_id]:
            known = await members.get(self._db, bc_id, user_id, not_before=datetime.now(UTC) - self._max_age)
            return known or await self._ask(bc_id, user_id)

    async def access_now(self, bc_id: str, user_id: str) -> MemberAccess:
        """
        The same, as TikTok says now, for whoever is about to say no for good.

        What is remembered may lack a grant that was given while TikTok was being asked.
        """
        async with self._asking[bc_id, user_id]:
            return await self._ask(bc_id, user_id)

    async def _ask(self, bc_id: str, user_id: str) -> MemberAccess:
        client = await self._platform.client(bc_id)
        fetched_at = datetime.now(UTC)
        with tiktok_failures():
            listed = await client.business_centers.members(bc_id)
            people = bound_members(listed)
            me = people.get(user_id)
            nameless = sum(one.user_id is None and one.relation_status not in _NO_MEMBER for one in listed)
            if nameless:
                listed.left_out.append(f"{nameless} members come without an id")
            if me is None and not (people and listed.is_complete):
                raise unreadable(f"members of Business Center {bc_id}", listed)
            ad_accounts: Rows[Asset] = Rows()
            accounts: Rows[Asset] = Rows()
            if me is not None:
                ad_accounts, accounts = await asyncio.gather(
                    client.business_centers.assets_of(bc_id, "ADVERTISER", user_id),
                    client.business_centers.assets_of(bc_id, "TT_ACCOUNT", user_id),
                )
        access = MemberAccess(
            user_id=user_id,
            role=None if me is None else _role_of(me),
            # A role that TikTok may add one day is none of those that we know rights of.
            ad_accounts={
                asset.asset_id: AdAccountRole(asset.advertiser_role)
                for asset in ad_accounts
                if asset.advertiser_role in _AD_ACCOUNT_ROLES
            },
            accounts={asset.asset_id: permissions_of(asset) for asset in accounts},
            admins=tuple(
                f"{member.user_name} ({member_id})"
                for member_id, member in people.items()
                if member.user_role == BcRole.ADMIN
            ),
            fetched_at=fetched_at,
            unread="; ".join(filter(None, map(what_is_missing, (ad_accounts, accounts)))),
            is_role_said=me is None or me.user_role in set(BcRole),
        )
        if access.is_role_said:
            await members.put(self._db, bc_id, access)
        await known_names.put(
            self._db,
            {one: member.user_name for one, member in people.items()}
            | {one.asset_id: one.asset_name for one in ad_accounts},
        )
        return access

    async def require(self, bc_id: str, actor: str, action: Action) -> MemberAccess:
        """
        Let an actor pass, or refuse by name and leave a line in the audit trail.

        Raises:
            ApplicationError: NotAMember or AdminOnly.
        """
        access = await self.access(bc_id, actor)
        if may(access.role, action):
            return access
        rule = RULE_OF_ACTION[action]
        ask = f"ask an admin: {', '.join(access.admins[:5])}" if access.admins else "the Business Center has no admin"
        refusal: Refusal
        if access.role is None:
            refusal = NotAMember(f"{rule}: {actor} is no member of Business Center {bc_id} and may not {action}; {ask}")
        else:
            known = f"{actor} is {access.role}" if access.is_role_said else f"TikTok does not say what {actor} is now"
            refusal = AdminOnly(f"{rule}: only a BC admin may {action}; {known}; {ask}")
        await self.record_refusal(bc_id, actor, action, refusal)
        raise refused(refusal)

    async def record_refusal(self, bc_id: str, actor: str, action: str, refusal: Refusal) -> None:
        """Leave a line in the audit trail for something that was not allowed."""
        async with self._db.acquire() as connection:
            await audit.write(
                connection,
                bc_id=bc_id,
                actor=actor,
                action="refused",
                subject=action,
                reason=str(refusal),
                run=current_run(),
            )


def permissions_of(account: Asset) -> tuple[Permission, ...]:
    """What a member may run on a TikTok account that was listed for them."""
    roles = account.tt_account_roles or ()
    return tuple(_PERMISSION_OF_TIKTOK_ROLE[role] for role in roles if role in _PERMISSION_OF_TIKTOK_ROLE)


def bound_members(listed: Iterable[Member]) -> dict[str, Member]:
    """
    By user id, those who are members.

    An invitation that was not accepted makes nobody one: it says so, and TikTok knows only an e-mail address of it.
    """
    return {one.user_id: one for one in listed if one.user_id is not None and one.relation_status not in _NO_MEMBER}


def _role_of(member: Member) -> BcRole:
    """Who is something that is not known here has the least rights that a member can have."""
    is_known = member.relation_status in {RelationStatus.BOUND, ""}  # TikTok may leave it out
    return BcRole.ADMIN if is_known and member.user_role == BcRole.ADMIN else BcRole.STANDARD
