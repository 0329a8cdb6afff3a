"""The review's look at members: what TikTok lets each of them do with each account, beside what we recorded."""

from activities.listings import twice_if_empty
from activities.members import bound_members, permissions_of
from activities.review_findings import Findings, called
from activities.together import each_to_its_end
from sparkads.contracts.drift import DifferenceKind
from sparkads.roles import Permission
from store import authorizations, sharing
from store.sharing import BY_HAND, Grant


class MemberReview:
    """
    One look at all members of a Business Center.

    Attributes:
        compared: how many grants on record.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.compared = 0
        self._uses: dict[tuple[str, str], tuple[Permission, ...] | None] = {}
        self._fully_read: set[str] = set()

    async def compare(self) -> None:
        """Adopt what was changed by hand; a permission is gone if its member's list, fully read, says so."""
        findings = self._findings
        centers, bc_id = findings.client.business_centers, findings.bc_id
        before = {(one.asset_id, one.user_id): one for one in await sharing.active_grants(findings.db, bc_id)}
        self.compared = len(before)
        listed = await findings.ask("the members", lambda: centers.members(bc_id))
        if listed is None:
            return
        people = bound_members(listed)
        await each_to_its_end(*(self._read(user_id) for user_id in people))
        accounts = await findings.ask("the TikTok accounts", lambda: centers.all_assets(bc_id, "TT_ACCOUNT"))
        held = {one.asset_id for one in accounts or ()}
        for key, grant in before.items():
            if grant.asset_id not in held:
                continue  # it went with its account: that is the sweep's to find, and the cascade's to end
            if key in self._uses:
                await self._compare(grant, self._uses[key])
            elif grant.user_id in self._fully_read or (people and listed.is_complete and grant.user_id not in people):
                await self._grant_gone(grant)
        for (asset_id, user_id), permissions in self._uses.items():
            if (asset_id, user_id) not in before:
                await self._grant_by_hand(asset_id, user_id, permissions or ())

    async def _read(self, user_id: str) -> None:
        findings = self._findings
        assets = await findings.ask(
            f"member {user_id}",
            lambda: twice_if_empty(
                lambda: findings.client.business_centers.assets_of(findings.bc_id, "TT_ACCOUNT", user_id)
            ),
        )
        if assets is None:
            return
        if assets.is_complete:
            self._fully_read.add(user_id)
        for asset in assets:
            # Without any role it is not said for what.
            self._uses[asset.asset_id, user_id] = permissions_of(asset) if asset.tt_account_roles else None

    async def _compare(self, grant: Grant, found: tuple[Permission, ...] | None) -> None:
        if found is not None and set(found) != set(grant.permissions):
            await self._grant_changed(grant, found)

    async def _grant_gone(self, grant: Grant) -> None:
        findings = self._findings
        async with findings.db.acquire() as connection, connection.transaction():
            if grant.authorization_id in await sharing.underway(connection, findings.bc_id):
                return
            if await sharing.end_grant(connection, grant.authorization_id, grant.user_id):
                await findings.adopt(
                    connection,
                    DifferenceKind.GRANT_GONE,
                    grant.asset_id,
                    subject=f"{called(grant)} · member {grant.user_id}",
                    recorded=", ".join(grant.permissions),
                    found="no permission",
                )

    async def _grant_changed(self, grant: Grant, permissions: tuple[Permission, ...]) -> None:
        findings = self._findings
        async with findings.db.acquire() as connection, connection.transaction():
            if grant.authorization_id in await sharing.underway(connection, findings.bc_id):
                return
            if await sharing.change_grant(connection, grant, permissions):
                await findings.adopt(
                    connection,
                    DifferenceKind.GRANT_CHANGED,
                    grant.asset_id,
                    subject=f"{called(grant)} · member {grant.user_id}",
                    recorded=", ".join(grant.permissions),
                    found=", ".join(permissions) or "none that is known here",
                )

    async def _grant_by_hand(self, asset_id: str, user_id: str, permissions: tuple[Permission, ...]) -> None:
        findings = self._findings
        async with findings.db.acquire() as connection, connection.transaction():
            authorization_id = await authorizations.active_id(connection, findings.bc_id, asset_id)
            # An account that TikTok lists and we have not recorded yet is the sweep's.
            if authorization_id is None or authorization_id in await sharing.underway(connection, findings.bc_id):
                return
            if (await sharing.grant_until(connection, authorization_id, user_id))[0]:
                return
            await sharing.put_grant(connection, authorization_id, user_id, permissions, BY_HAND)
            account = await authorizations.account(connection, findings.bc_id, asset_id)
            await findings.adopt(
                connection,
                DifferenceKind.GRANT_BY_HAND,
                asset_id,
                subject=f"{called(account) if account else asset_id} · member {user_id}",
                recorded="no permission",
                found=", ".join(permissions) or "listed without a permission",
            )
