"""
The review: what can be done with the authorized accounts now, and where our record and TikTok differ.

TikTok is the truth about TikTok, so nothing is ever overwritten there: what somebody changed in Business Center by hand
is adopted into our record, or flagged where a person has to decide; both are told by name. A difference counts only if
it cannot be a command of ours that is under way: our record is read before TikTok and again after it.

Calls: one page of identities for every 100 accounts of an ad account with links, one listing for each partner that is
waited for, one page of 20 posts for each account that is pulled from. When permissions are compared as well, which is
seldom: every ad account, and one listing of assets for each member.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from temporalio import activity

from activities.failures import DEFINITE_NO, tiktok_failures
from activities.linking import join, usable, which
from activities.members import bound, current_run, permissions_of
from activities.platform import Platform
from activities.sharing import PartnerReady
from sparkads.contracts.base import Contract
from sparkads.contracts.drift import Difference, DifferenceKind, DriftReport, Handling
from sparkads.contracts.notification import NotificationKind
from sparkads.roles import Permission
from store import audit, authorizations, differences, notifications, releases, sharing
from store.authorizations import ListedAccount
from store.database import Connection, Pool
from store.sharing import BY_HAND, Grant, Identity, Link
from tiktok import Identity as TikTokIdentity
from tiktok import NoPermission, Post, PostStatus, TikTokClient

MEMBERS_AT_ONCE = 4
"""Members whose assets are listed side by side: few enough to leave a person's command its share of the rate."""

REPORTED_AT_MOST = 500
"""Differences in one answer, which travels through Temporal; the record has them all."""


class Review(Contract):
    """Review a Business Center; `permissions`: compare every member's, too, which costs a call for each of them."""

    bc_id: str
    permissions: bool


class Reviewed(Contract):
    """What a review found."""

    report: DriftReport
    partners_ready: tuple[PartnerReady, ...]
    """accounts that can be linked now, because partners have done their part"""
    campaigns: tuple[str, ...]
    """release campaigns with rows that wait for accounts whose sharing has changed"""


class ReviewActivities:
    """Needs the store and TikTok."""

    def __init__(self, db: Pool, platform: Platform) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform

    @activity.defn
    async def review_accounts(self, review: Review) -> Reviewed:
        """Look at identities, posts, partners and, if asked to, at every member's permissions."""
        client = await self._platform.client(review.bc_id)
        return await _Review(self._db, client, review).run()


class _Review:
    """One review of one Business Center."""

    def __init__(self, db: Pool, client: TikTokClient, review: Review) -> None:
        self._db = db
        self._client = client
        self._bc_id = review.bc_id
        self._permissions = review.permissions
        self._found: list[Difference] = []
        self._campaigns: set[str] = set()
        self._grants_compared = 0

    async def run(self) -> Reviewed:
        links = await sharing.active_links(self._db, self._bc_id)
        await self._compare_links(links)
        await self._look_at_posts(links)
        if self._permissions:
            await self._compare_permissions()
        ready = await self._look_at_partners()
        standing = await differences.flagged(self._db, self._bc_id)
        told = [one for one in self._found if one.handling is Handling.ADOPTED] + standing
        return Reviewed(
            report=DriftReport(
                checked_at=datetime.now(UTC),
                accounts=len(await authorizations.active_accounts(self._db, self._bc_id)),
                links=len(links),
                grants=self._grants_compared,
                differences=tuple(told[:REPORTED_AT_MOST]),
                more=max(0, len(told) - REPORTED_AT_MOST),
            ),
            partners_ready=ready,
            campaigns=tuple(sorted(self._campaigns)),
        )

    # Identities and links

    async def _compare_links(self, links: Sequence[Link]) -> None:
        by_ad_account: defaultdict[str, list[Link]] = defaultdict(list)
        for link in links:
            by_ad_account[link.advertiser_id].append(link)
        if self._permissions:
            for advertiser_id in await self._ad_accounts():
                by_ad_account.setdefault(advertiser_id, [])
        unclear: list[str] = []
        for advertiser_id, recorded in by_ad_account.items():
            try:
                with tiktok_failures(passing=NoPermission):
                    identities = await self._client.identities.list(advertiser_id, self._bc_id)
            except NoPermission as refusal:
                await self._ad_account_refused(recorded, str(refusal))
                continue
            unknown = {one.identity_id: one for one in identities}
            for link in recorded:
                found = unknown.pop(link.identity.identity_id, None)
                if found is None:
                    await self._link_missing(link)
                elif usable(found) != link.identity:
                    await self._identity_changed(link, usable(found))
            unclear += await self._links_by_hand(advertiser_id, list(unknown.values()))
        if self._permissions:
            async with self._db.acquire() as connection:
                await differences.settle_others(connection, self._bc_id, DifferenceKind.IDENTITY_UNCLEAR, unclear)

    async def _ad_accounts(self) -> list[str]:
        """Every ad account that a link made by hand may be in: the Business Center's own, and its partners'."""
        with tiktok_failures():
            found = [one.asset_id for one in await self._client.business_centers.all_assets(self._bc_id, "ADVERTISER")]
            for partner in await self._client.business_centers.partners(self._bc_id):
                shared = await self._client.business_centers.partner_assets(self._bc_id, partner.bc_id, shared="SHARED")
                found += [one.asset_id for one in shared]
        return found

    async def _ad_account_refused(self, links: Iterable[Link], refusal: str) -> None:
        for link in links:
            problem = f"TikTok refuses ad account {link.advertiser_id}: {refusal}"[:500]
            if link.identity.problem != problem:
                await self._identity_changed(link, link.identity.model_copy(update={"problem": problem}))

    async def _link_missing(self, link: Link) -> None:
        # Its identity is not listed. That is no difference yet: the account itself may be gone, which is the sweep's.
        try:
            with tiktok_failures(passing=DEFINITE_NO):
                linked = await self._client.business_centers.linked_advertisers(self._bc_id, link.asset_id)
        except DEFINITE_NO:
            return
        if any(one.advertiser_id == link.advertiser_id for one in linked):
            return
        async with self._db.acquire() as connection, connection.transaction():
            if link.authorization_id in await sharing.underway(connection, self._bc_id):
                return
            if await sharing.end_link(connection, link.authorization_id, link.advertiser_id):
                await self._adopt(
                    connection,
                    DifferenceKind.LINK_GONE,
                    link.asset_id,
                    subject=f"{_called(link)} · ad account {link.advertiser_id}",
                    recorded="linked",
                    found="not linked",
                )
        await self._sharing_changed(link.handle)

    async def _identity_changed(self, link: Link, now: Identity) -> None:
        before = link.identity
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
        async with self._db.acquire() as connection, connection.transaction():
            await sharing.update_link(connection, link, now)
            await authorizations.set_problem(connection, self._bc_id, link.asset_id, now.problem)
            if changes:
                what = f"{_called(link)} in ad account {link.advertiser_id}: {'; '.join(changes)}"
                await self._tell_of_change(connection, link.asset_id, what)

    async def _links_by_hand(self, advertiser_id: str, unknown: Sequence[TikTokIdentity]) -> list[str]:
        """Record links that we never made, where it is sure whose they are; returns what is unclear."""
        if not unknown:
            return []
        links = await sharing.active_links(self._db, self._bc_id)
        taken = {one.identity.identity_id for one in links if one.advertiser_id == advertiser_id}
        linked_here = {one.asset_id for one in links if one.advertiser_id == advertiser_id}
        free = [
            one
            for one in await authorizations.active_accounts(self._db, self._bc_id)
            if one.asset_id not in linked_here
        ]
        unclear = []
        for account in free:
            matches = join(account, unknown, taken=taken)
            if not matches or not await self._is_linked(account.asset_id, advertiser_id):
                continue
            if len(matches) > 1:
                unclear.append(await self._flag_unclear(account, advertiser_id, matches))
            else:
                await self._adopt_link(account, advertiser_id, usable(matches[0]))
        return unclear

    async def _is_linked(self, asset_id: str, advertiser_id: str) -> bool:
        with tiktok_failures():
            linked = await self._client.business_centers.linked_advertisers(self._bc_id, asset_id)
        return any(one.advertiser_id == advertiser_id for one in linked)

    async def _adopt_link(self, account: ListedAccount, advertiser_id: str, identity: Identity) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            authorization_id = await authorizations.active_id(connection, self._bc_id, account.asset_id)
            if authorization_id is None or authorization_id in await sharing.underway(connection, self._bc_id):
                return
            now = await sharing.shared_with(connection, authorization_id)
            if advertiser_id in now.ad_accounts:
                return
            await sharing.put_link(connection, authorization_id, advertiser_id, identity, BY_HAND)
            await self._adopt(
                connection,
                DifferenceKind.LINK_BY_HAND,
                account.asset_id,
                subject=f"{_called(account)} · ad account {advertiser_id}",
                recorded="not linked",
                found="linked",
            )
        await self._sharing_changed(account.handle)

    async def _flag_unclear(self, account: ListedAccount, advertiser_id: str, matches: Sequence[TikTokIdentity]) -> str:
        subject = f"{_called(account)} · ad account {advertiser_id}"
        async with self._db.acquire() as connection, connection.transaction():
            news = await differences.note(
                connection,
                self._bc_id,
                kind=DifferenceKind.IDENTITY_UNCLEAR,
                subject=subject,
                recorded="no identity",
                found=which(matches),
                handling=Handling.FLAGGED,
            )
            if news:
                await self._tell_of_difference(
                    connection, account.asset_id, f"{subject}: {which(matches)}", Handling.FLAGGED
                )
        return subject

    # Posts

    async def _look_at_posts(self, links: Sequence[Link]) -> None:
        """Posts that targets pull and that their owners have deleted, hidden, or no longer allow in ads (R13)."""
        identity_of = {(one.asset_id, one.advertiser_id): one.identity.identity_id for one in links}
        pulled = await releases.pulled_posts(self._db, self._bc_id, published=self._permissions)
        for (asset_id, advertiser_id), item_ids in pulled.items():
            identity_id = identity_of.get((asset_id, advertiser_id))
            if identity_id is None:
                continue
            try:
                with tiktok_failures(passing=DEFINITE_NO):
                    posts = await self._client.identities.posts_by_id(advertiser_id, identity_id, self._bc_id, item_ids)
            except DEFINITE_NO:
                continue  # the identity is gone: found above, or by the sweep
            known = {post.item_id: post for post in posts}
            for item_id in item_ids:
                await self._note_post(asset_id, item_id, _post_problem(known.get(item_id)))

    async def _note_post(self, asset_id: str, item_id: str, problem: str) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            reason = f"R13: post {item_id} {problem}; ask its owner to allow it again" if problem else ""
            rows = await releases.note_post(connection, self._bc_id, item_id, reason)
            if rows:
                what = f"post {item_id} {problem or 'can be used in ads again'}; it is the post of {rows} targets"
                await self._tell_of_change(connection, asset_id, what)

    # Members

    async def _compare_permissions(self) -> None:
        before = {(one.asset_id, one.user_id): one for one in await sharing.active_grants(self._db, self._bc_id)}
        self._grants_compared = len(before)
        with tiktok_failures():
            people = [one for one in await self._client.business_centers.members(self._bc_id) if bound(one)]
        slots = asyncio.Semaphore(MEMBERS_AT_ONCE)

        async def uses(user_id: str) -> dict[str, tuple[Permission, ...]]:
            async with slots:
                with tiktok_failures():
                    assets = await self._client.business_centers.assets_of(self._bc_id, "TT_ACCOUNT", user_id)
            return {asset.asset_id: permissions_of(asset) for asset in assets}

        listed = await asyncio.gather(*(uses(one.user_id) for one in people))
        found = {
            (asset_id, person.user_id): permissions
            for person, accounts in zip(people, listed, strict=True)
            for asset_id, permissions in accounts.items()
        }
        with tiktok_failures():
            held = {one.asset_id for one in await self._client.business_centers.all_assets(self._bc_id, "TT_ACCOUNT")}
        for key, grant in before.items():
            if grant.asset_id not in held:
                continue  # it went with its account: that is the sweep's to find, and the cascade's to end
            if key not in found:
                await self._grant_gone(grant)
            elif set(found[key]) != set(grant.permissions):
                await self._grant_changed(grant, found[key])
        for (asset_id, user_id), permissions in found.items():
            if (asset_id, user_id) not in before:
                await self._grant_by_hand(asset_id, user_id, permissions)

    async def _grant_gone(self, grant: Grant) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            if grant.authorization_id in await sharing.underway(connection, self._bc_id):
                return
            if await sharing.end_grant(connection, grant.authorization_id, grant.user_id):
                await self._adopt(
                    connection,
                    DifferenceKind.GRANT_GONE,
                    grant.asset_id,
                    subject=f"{_called(grant)} · member {grant.user_id}",
                    recorded=", ".join(grant.permissions),
                    found="no permission",
                )

    async def _grant_changed(self, grant: Grant, permissions: tuple[Permission, ...]) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            if grant.authorization_id in await sharing.underway(connection, self._bc_id):
                return
            if await sharing.change_grant(connection, grant, permissions):
                await self._adopt(
                    connection,
                    DifferenceKind.GRANT_CHANGED,
                    grant.asset_id,
                    subject=f"{_called(grant)} · member {grant.user_id}",
                    recorded=", ".join(grant.permissions),
                    found=", ".join(permissions),
                )

    async def _grant_by_hand(self, asset_id: str, user_id: str, permissions: tuple[Permission, ...]) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            authorization_id = await authorizations.active_id(connection, self._bc_id, asset_id)
            # An account that TikTok lists and we have not recorded yet is the sweep's.
            if authorization_id is None or authorization_id in await sharing.underway(connection, self._bc_id):
                return
            if (await sharing.grant_until(connection, authorization_id, user_id))[0]:
                return
            await sharing.put_grant(connection, authorization_id, user_id, permissions, BY_HAND)
            account = await authorizations.account(connection, self._bc_id, asset_id)
            await self._adopt(
                connection,
                DifferenceKind.GRANT_BY_HAND,
                asset_id,
                subject=f"{_called(account) if account else asset_id} · member {user_id}",
                recorded="no permission",
                found=", ".join(permissions) or "listed without a permission",
            )

    # Partners

    async def _look_at_partners(self) -> tuple[PartnerReady, ...]:
        """Which of the ad accounts that accounts wait for are shared by their partners now."""
        steps = await sharing.waiting_steps(self._db, self._bc_id)
        shared: dict[str, set[str]] = {}
        for partner_id in {step.partner_id for step in steps}:
            try:
                with tiktok_failures(passing=DEFINITE_NO):
                    assets = await self._client.business_centers.partner_assets(
                        self._bc_id, partner_id, shared="SHARED"
                    )
            except DEFINITE_NO:
                assets = []  # no partner yet
            shared[partner_id] = {asset.asset_id for asset in assets}
        ready: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for step in steps:
            if step.advertiser_id in shared[step.partner_id]:
                ready[step.authorization_id, step.asset_id].append(step.advertiser_id)
        return tuple(
            PartnerReady(
                bc_id=self._bc_id,
                asset_id=asset_id,
                authorization_id=authorization_id,
                advertiser_ids=tuple(advertiser_ids),
            )
            for (authorization_id, asset_id), advertiser_ids in sorted(ready.items())
        )

    # Telling

    async def _adopt(
        self,
        connection: Connection,
        kind: DifferenceKind,
        asset_id: str,
        *,
        subject: str,
        recorded: str,
        found: str,
    ) -> None:
        await differences.note(
            connection,
            self._bc_id,
            kind=kind,
            subject=subject,
            recorded=recorded,
            found=found,
            handling=Handling.ADOPTED,
        )
        self._found.append(
            Difference(
                kind=kind,
                subject=subject,
                recorded=recorded,
                found=found,
                handling=Handling.ADOPTED,
                found_at=datetime.now(UTC),
            )
        )
        what = f"{subject}: recorded was {recorded!r}, TikTok says {found!r}"
        await self._tell_of_difference(connection, asset_id, what, Handling.ADOPTED)

    async def _tell_of_difference(self, connection: Connection, asset_id: str, what: str, handling: Handling) -> None:
        done = "our record follows TikTok" if handling is Handling.ADOPTED else "please decide"
        await notifications.put(
            connection,
            bc_id=self._bc_id,
            kind=NotificationKind.DRIFT,
            subject=f"account {asset_id}",
            text=f"Something was changed in Business Center by hand. {what}; {done}.",
            data={"asset_id": asset_id, "handling": handling},
            run=current_run(),
        )
        await self._audit(connection, asset_id, f"drift {handling}", what, actor=BY_HAND)

    async def _tell_of_change(self, connection: Connection, asset_id: str, what: str) -> None:
        await notifications.put(
            connection,
            bc_id=self._bc_id,
            kind=NotificationKind.ACCOUNT_CHANGED,
            subject=f"account {asset_id}",
            text=f"{what}.",
            data={"asset_id": asset_id},
            run=current_run(),
        )
        await self._audit(connection, asset_id, "account changed", what, actor="owner")

    async def _audit(self, connection: Connection, asset_id: str, action: str, reason: str, *, actor: str) -> None:
        await audit.write(
            connection,
            bc_id=self._bc_id,
            actor=actor,
            action=action,
            subject=f"account {asset_id}",
            reason=reason,
            run=current_run(),
        )

    async def _sharing_changed(self, handle: str) -> None:
        self._campaigns |= set(await releases.campaigns_waiting_for(self._db, self._bc_id, handle))


def _called(account: ListedAccount | Link | Grant) -> str:
    return f"@{account.handle} ({account.asset_id})" if account.handle else f"account {account.asset_id}"


def _post_problem(post: Post | None) -> str:
    """Why a post can't be pulled; empty if it can."""
    if post is None:
        return "does not exist any more"
    if post.status and post.status != PostStatus.PUBLIC:
        return "is not public any more"
    if post.auth_info is None or post.auth_info.ad_auth_status != "AUTHORIZED":
        return "is no longer allowed in ads"
    return ""
