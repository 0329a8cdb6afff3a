"""The review's look at identities and links: what an account allows in each ad account, and where it is linked."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from activities.failures import DEFINITE_NO
from activities.linking import join, unknown_state, usable, which
from activities.listings import twice_if_empty
from activities.review_findings import Findings, called
from activities.together import each_to_its_end
from sparkads.contracts.drift import DifferenceKind, Handling
from store import authorizations, differences, sharing
from store.authorizations import ListedAccount
from store.sharing import BY_HAND, Identity, Link
from tiktok import Identity as TikTokIdentity
from tiktok import LinkedAdvertiser, NoPermission, Rows


class LinkReview:
    """One look at all links of a Business Center."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._unclear: list[str] = []

    async def compare(self, links: Sequence[Link]) -> None:
        """Compare every ad account with our record, each by itself."""
        by_ad_account: defaultdict[str, list[Link]] = defaultdict(list)
        for link in links:
            by_ad_account[link.advertiser_id].append(link)
        findings = self._findings
        if findings.everything:
            for advertiser_id in await self._ad_accounts():
                by_ad_account.setdefault(advertiser_id, [])
        await each_to_its_end(*(self._compare(*one) for one in by_ad_account.items()))
        if findings.everything and not (findings.left_out or findings.not_understood):
            async with findings.db.acquire() as connection:
                await differences.settle_others(
                    connection, findings.bc_id, DifferenceKind.IDENTITY_UNCLEAR, self._unclear
                )

    async def _compare(self, advertiser_id: str, recorded: Sequence[Link]) -> None:
        findings = self._findings
        try:
            identities = await findings.ask(
                f"ad account {advertiser_id}",
                lambda: findings.client.identities.list(advertiser_id, findings.bc_id),
                passing=NoPermission,
            )
        except NoPermission as refusal:
            await self._ad_account_refused(recorded, str(refusal))
            return
        if identities is None:
            return
        unknown = {one.identity_id: one for one in identities}
        for link in recorded:
            found = unknown.pop(link.identity.identity_id, None)
            if found is None:
                await self._link_missing(link)
                continue
            state = unknown_state(found)
            findings.understood(
                f"{called(link)} in ad account {advertiser_id}", f"its state {state} is not known here" if state else ""
            )
            if usable(found) != link.identity:
                await self._identity_changed(link, usable(found))
        await self._links_by_hand(advertiser_id, list(unknown.values()))

    async def _ad_accounts(self) -> list[str]:
        """Every ad account that a link made by hand may be in: the Business Center's own, and its partners'."""
        findings = self._findings
        centers, bc_id = findings.client.business_centers, findings.bc_id
        found: list[str] = []

        async def own() -> None:
            listed = await findings.ask("the ad accounts", lambda: centers.all_assets(bc_id, "ADVERTISER"))
            found.extend(one.asset_id for one in listed or ())

        async def shared_by(partner_id: str) -> None:
            listed = await findings.ask(
                f"partner {partner_id}", lambda: centers.partner_assets(bc_id, partner_id, shared="SHARED")
            )
            found.extend(one.asset_id for one in listed or ())

        async def shared() -> None:
            partners = await findings.ask("the partners", lambda: centers.partners(bc_id))
            await each_to_its_end(*(shared_by(partner.bc_id) for partner in partners or ()))

        await each_to_its_end(own(), shared())
        return found

    async def _ad_account_refused(self, links: Iterable[Link], refusal: str) -> None:
        for link in links:
            problem = f"TikTok refuses ad account {link.advertiser_id}: {refusal}"[:500]
            if link.identity.problem != problem:
                await self._identity_changed(link, link.identity.model_copy(update={"problem": problem}))

    async def _linked(self, account: ListedAccount | Link) -> Rows[LinkedAdvertiser] | None:
        findings = self._findings
        centers, subject = findings.client.business_centers, f"links of {called(account)}"
        try:
            return await findings.ask(
                subject,
                lambda: twice_if_empty(lambda: centers.linked_advertisers(findings.bc_id, account.asset_id)),
                passing=DEFINITE_NO,
            )
        except DEFINITE_NO as refusal:
            # Of an account that has gone TikTok tells nothing; that is the sweep's to find.
            held = await findings.ask("the TikTok accounts", lambda: centers.all_assets(findings.bc_id, "TT_ACCOUNT"))
            if any(one.asset_id == account.asset_id for one in held or ()):
                findings.left_out[subject] = str(refusal)
            return None

    async def _link_missing(self, link: Link) -> None:
        # Its identity is not listed. That is no difference yet: the account itself may be gone, which is the sweep's.
        findings = self._findings
        linked = await self._linked(link)
        if linked is None or not linked.is_complete:
            return
        if any(one.advertiser_id == link.advertiser_id for one in linked):
            return
        async with findings.db.acquire() as connection, connection.transaction():
            if link.authorization_id in await sharing.underway(connection, findings.bc_id):
                return
            if await sharing.end_link(connection, link.authorization_id, link.advertiser_id):
                await findings.adopt(
                    connection,
                    DifferenceKind.LINK_GONE,
                    link.asset_id,
                    subject=f"{called(link)} · ad account {link.advertiser_id}",
                    recorded="linked",
                    found="not linked",
                )
        await findings.sharing_changed(link.handle)

    async def _identity_changed(self, link: Link, now: Identity) -> None:
        findings, before = self._findings, link.identity
        changes = [
            f"{name} {'is' if value else 'is no longer'} allowed"
            for name, value, old in (
                ("existing posts", now.can_pull, before.can_pull),
                ("new videos", now.can_push, before.can_push),
                ("new videos on the profile", not now.ads_only, not before.ads_only),
            )
            if value != old
        ]
        if now.problem != before.problem:
            changes.append(now.problem or "the account can be advertised again")
        async with findings.db.acquire() as connection, connection.transaction():
            await sharing.update_link(connection, link, now)
            await authorizations.set_problem(connection, findings.bc_id, link.asset_id, now.problem)
            if changes:
                what = f"{called(link)} in ad account {link.advertiser_id}: {'; '.join(changes)}"
                await findings.tell_of_change(connection, link.asset_id, what)

    async def _links_by_hand(self, advertiser_id: str, unknown: Sequence[TikTokIdentity]) -> None:
        """Record links that we never made, where it is sure whose they are; note what is unclear."""
        if not unknown:
            return
        findings = self._findings
        links = await sharing.active_links(findings.db, findings.bc_id)
        taken = {one.identity.identity_id for one in links if one.advertiser_id == advertiser_id}
        linked_here = {one.asset_id for one in links if one.advertiser_id == advertiser_id}
        for account in await authorizations.active_accounts(findings.db, findings.bc_id):
            matches = [] if account.asset_id in linked_here else join(account, unknown, taken=taken)
            linked = await self._linked(account) if matches else None
            if linked is None or not any(one.advertiser_id == advertiser_id for one in linked):
                continue
            if len(matches) > 1:
                await self._flag_unclear(account, advertiser_id, matches)
            else:
                await self._adopt_link(account, advertiser_id, usable(matches[0]))

    async def _adopt_link(self, account: ListedAccount, advertiser_id: str, identity: Identity) -> None:
        findings = self._findings
        async with findings.db.acquire() as connection, connection.transaction():
            authorization_id = await authorizations.active_id(connection, findings.bc_id, account.asset_id)
            if authorization_id is None or authorization_id in await sharing.underway(connection, findings.bc_id):
                return
            now = await sharing.shared_with(connection, authorization_id)
            if advertiser_id in now.ad_accounts:
                return
            await sharing.put_link(connection, authorization_id, advertiser_id, identity, BY_HAND)
            await findings.adopt(
                connection,
                DifferenceKind.LINK_BY_HAND,
                account.asset_id,
                subject=f"{called(account)} · ad account {advertiser_id}",
                recorded="not linked",
                found="linked",
            )
        await findings.sharing_changed(account.handle)

    async def _flag_unclear(
        self, account: ListedAccount, advertiser_id: str, matches: Sequence[TikTokIdentity]
    ) -> None:
        findings = self._findings
        subject = f"{called(account)} · ad account {advertiser_id}"
        async with findings.db.acquire() as connection, connection.transaction():
            news = await differences.note(
                connection,
                findings.bc_id,
                kind=DifferenceKind.IDENTITY_UNCLEAR,
                subject=subject,
                recorded="no identity",
                found=which(matches),
                handling=Handling.FLAGGED,
            )
            if news:
                await findings.tell_of_difference(
                    connection, account.asset_id, f"{subject}: {which(matches)}", Handling.FLAGGED
                )
        self._unclear.append(subject)
