"""Who is in a Business Center, and which partners share with it: asked of TikTok, for admins."""

from collections import Counter
from datetime import UTC, datetime

from temporalio import activity

from activities.failures import tiktok_failures
from activities.members import Members, bound
from activities.platform import Platform
from sparkads.contracts.base import Contract
from sparkads.contracts.people import AskPeople, MemberUse, Partner, People, Person, SharedAdAccount
from sparkads.roles import Action
from store import sharing
from store.database import Pool


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
            people = [one for one in await client.business_centers.members(read.bc_id) if bound(one)]
            partners = [
                Partner(
                    bc_id=partner.bc_id,
                    name=partner.bc_name,
                    ad_accounts=tuple(
                        SharedAdAccount(advertiser_id=asset.asset_id, name=asset.asset_name)
                        for asset in await client.business_centers.partner_assets(
                            read.bc_id, partner.bc_id, shared="SHARED"
                        )
                    ),
                )
                for partner in await client.business_centers.partners(read.bc_id)
            ]
        grants = Counter(grant.user_id for grant in await sharing.active_grants(self._db, read.bc_id))
        return People(
            read_at=datetime.now(UTC),
            people=tuple(
                Person(user_id=one.user_id, name=one.user_name, role=one.user_role, accounts=grants[one.user_id])
                for one in people
            ),
            partners=tuple(partners),
            use=None if read.ask.member is None else await self._use(read.bc_id, read.ask.member),
        )

    async def _use(self, bc_id: str, user_id: str) -> MemberUse:
        who = await self._members.access(bc_id, user_id)
        return MemberUse(ad_accounts=dict(who.ad_accounts), accounts=dict(who.accounts))
