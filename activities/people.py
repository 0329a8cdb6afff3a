"""Who is in a Business Center, and which partners share with it: asked of TikTok, for admins."""

from collections import Counter
from datetime import UTC, datetime

from temporalio import activity

from activities.failures import tiktok_failures
from activities.listings import what_is_missing
from activities.members import Members, bound_members
from activities.platform import Platform
from sparkads.contracts.base import Contract
from sparkads.contracts.people import AskPeople, MemberUse, Partner, People, Person, SharedAdAccount
from sparkads.roles import Action
from store import sharing
from store.database import Pool
from tiktok import TikTokClient, TikTokError


class ReadPeople(Contract):
    """The members and partners of a Business Center."""

    bc_id: str
    ask: AskPeople


class PeopleActivities:
    """Needs the store, TikTok and the role check."""

    def __init__(self, db: Pool, platform: Platform, members: Members) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform
        self._members = members

    @activity.defn
    async def list_people(self, read: ReadPeople) -> People:
        """Members with their roles, partners with what they share, and what one member may use."""
        await self._members.require(read.bc_id, read.ask.actor, Action.SEE_PEOPLE)
        client = await self._platform.client(read.bc_id)
        with tiktok_failures():
            listed = await client.business_centers.members(read.bc_id)
        partners, left_out = await self._partners(client, read.bc_id)
        grants = Counter(grant.user_id for grant in await sharing.active_grants(self._db, read.bc_id))
        return People(
            read_at=datetime.now(UTC),
            people=tuple(
                Person(user_id=user_id, name=one.user_name, role=one.user_role, accounts=grants[user_id])
                for user_id, one in bound_members(listed).items()
            ),
            partners=tuple(partners),
            left_out=tuple(filter(None, (what_is_missing(listed), *left_out))),
            use=None if read.ask.member is None else await self._use(read.bc_id, read.ask.member),
        )

    async def _partners(self, client: TikTokClient, bc_id: str) -> tuple[list[Partner], list[str]]:
        """Partners with what they share, and in a line each what TikTok did not tell."""
        try:
            listed = await client.business_centers.partners(bc_id)
        except TikTokError as error:
            return [], [f"partners: {error}"]
        partners, left_out = [], [what_is_missing(listed)]
        for partner in listed:
            try:
                shared = await client.business_centers.partner_assets(bc_id, partner.bc_id, shared="SHARED")
            except TikTokError as error:
                left_out.append(f"partner {partner.bc_id}: {error}")
                continue
            left_out.append(what_is_missing(shared))
            ad_accounts = tuple(SharedAdAccount(advertiser_id=one.asset_id, name=one.asset_name) for one in shared)
            partners.append(Partner(bc_id=partner.bc_id, name=partner.bc_name, ad_accounts=ad_accounts))
        return partners, left_out

    async def _use(self, bc_id: str, user_id: str) -> MemberUse:
        who = await self._members.access(bc_id, user_id)
        return MemberUse(ad_accounts=dict(who.ad_accounts), accounts=dict(who.accounts))
