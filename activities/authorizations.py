"""Activities of the Approve and Share steps: one authorized account, who may use it, and how it ends."""

from datetime import timedelta
from itertools import groupby

from pydantic import AwareDatetime
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.failures import tiktok_failures
from activities.members import Members, current_run
from activities.platform import Platform
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import (
    AdAccountLink,
    AuthorizationStage,
    MemberGrant,
    PairOutcome,
    Share,
    SharedPair,
    ShareResult,
    Unshare,
)
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import ScanOutcome
from sparkads.roles import Action, AdAccountRole, Permission
from store import access, audit, members, releases
from store.access import Ended, Identity, ListedAccount
from store.database import Connection, Pool
from tiktok import Identity as TikTokIdentity
from tiktok import NotFound, TikTokClient, TikTokError

IDENTITY_CHECK = timedelta(seconds=2)
"""How often a fresh link is looked at until TikTok shows its identity; the delay is not documented."""

_TIKTOK_ROLE = {Permission.SPARK: "POST", Permission.LIVE: "LIVE"}

_UNAVAILABLE = {
    "NO_VALID_BIND_ACCOUNT": "TikTok no longer sees a valid binding; the owner has to scan again",
    "SCOPE_UNAVAILABLE": "the owner granted no scope that ads can use",
    "IS_PRIVATE_ACCOUNT": "the account is private; its owner has to make it public",
    "NOT_BUSINESS_ACCOUNT": "the account is no business account",
}


class OpenAuthorization(Contract):
    """An account that TikTok lists for the first time."""

    bc_id: str
    asset_id: str
    authorization_id: str
    request_name: str | None


class Opened(Contract):
    """An authorization on record."""

    since: AwareDatetime
    handle: str
    outcome: ScanOutcome
    waiting_campaigns: tuple[str, ...]


class ShareAccount(Contract):
    """A share command for one authorization."""

    bc_id: str
    asset_id: str
    authorization_id: str
    command: Share


class UnshareAccount(Contract):
    """An unshare command for one authorization."""

    bc_id: str
    asset_id: str
    authorization_id: str
    command: Unshare


class SharedWith(Contract):
    """Who may use the account now."""

    members: tuple[str, ...]
    ad_accounts: tuple[str, ...]


class EndOnRecord(Contract):
    """The end of an authorization."""

    authorization_id: str
    bc_id: str
    asset_id: str
    stage: AuthorizationStage
    ended_by: str
    reason: str


class AccountOf(Contract):
    """One account of a Business Center."""

    bc_id: str
    asset_id: str


class AuthorizationActivities:
    """Needs the store, TikTok and the role check."""

    def __init__(self, db: Pool, platform: Platform, people: Members) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform
        self._people = people

    @activity.defn
    async def open_authorization(self, opening: OpenAuthorization) -> Opened:
        """Put an authorization on record, with the outcome of the scan that brought it (R9)."""
        known = await access.account(self._db, opening.bc_id, opening.asset_id)
        handle = known.handle if known else ""
        async with self._db.acquire() as connection, connection.transaction():
            last = await access.last_request_state(connection, opening.bc_id, handle) if handle else None
            outcome = _scan_outcome(opening.request_name, last)
            news = await access.open_authorization(
                connection,
                authorization_id=opening.authorization_id,
                bc_id=opening.bc_id,
                asset_id=opening.asset_id,
                request_name=opening.request_name,
            )
            if news:
                await access.record_scan(
                    connection,
                    bc_id=opening.bc_id,
                    request_name=opening.request_name,
                    handle=handle,
                    asset_id=opening.asset_id,
                    outcome=outcome,
                    reported_by=audit.SYSTEM,
                    detail="found by the sweep",
                )
                await audit.write(
                    connection,
                    bc_id=opening.bc_id,
                    actor=f"owner of @{handle}" if handle else "owner",
                    action="authorized",
                    subject=f"account {opening.asset_id}",
                    reason=f"scan {outcome.value.replace('_', ' ')}",
                    run=current_run(),
                )
            since = await access.authorized_since(connection, opening.authorization_id)
        waiting = await releases.campaigns_waiting_for(self._db, opening.bc_id, handle)
        return Opened(since=since, handle=handle, outcome=outcome, waiting_campaigns=tuple(waiting))

    @activity.defn
    async def share_account(self, sharing: ShareAccount) -> ShareResult:
        """
        Give members and ad accounts the use of an account, with an outcome per pair; a repeat changes nothing (R11).

        What TikTok refuses for one pair does not stop the others.
        """
        command = sharing.command
        await self._people.require(sharing.bc_id, command.actor, Action.SHARE)
        client = await self._platform.client(sharing.bc_id)
        pairs = [await self._grant(client, sharing, grant) for grant in command.members]
        for link in command.ad_accounts:
            pairs.append(await self._link(client, sharing, link))
            if link.member_role is not None:
                pairs += [await self._give_role(client, sharing, member.user_id, link) for member in command.members]
        return ShareResult(pairs=tuple(pairs))

    async def _grant(self, client: TikTokClient, sharing: ShareAccount, grant: MemberGrant) -> SharedPair:
        subject = f"member {grant.user_id}"
        who = await self._people.access(sharing.bc_id, grant.user_id)
        if who.role is None:
            reason = f"{grant.user_id} is no member of the Business Center; invite them there first"
            return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=reason)
        has = who.accounts.get(sharing.asset_id, ())
        already = set(grant.permissions) <= set(has)
        # TikTok replaces what a member had: to give more is to name that, too.
        permissions = tuple(dict.fromkeys((*has, *grant.permissions)))
        if not already:
            try:
                with tiktok_failures():
                    await client.business_centers.assign(
                        sharing.bc_id,
                        grant.user_id,
                        account=sharing.asset_id,
                        roles=[_TIKTOK_ROLE[permission] for permission in permissions],
                    )
            except ApplicationError as error:
                return _refused_pair(subject, error)
        async with self._db.acquire() as connection, connection.transaction():
            await access.put_grant(
                connection, sharing.authorization_id, grant.user_id, permissions, sharing.command.actor
            )
            if not already:
                await members.note_account(connection, sharing.bc_id, grant.user_id, sharing.asset_id, permissions)
                await self._tell(connection, sharing, "shared", f"{subject}: {', '.join(grant.permissions)}")
        return SharedPair(subject=subject, outcome=PairOutcome.ALREADY if already else PairOutcome.DONE)

    async def _give_role(
        self, client: TikTokClient, sharing: ShareAccount, user_id: str, link: AdAccountLink
    ) -> SharedPair:
        subject = f"member {user_id} on ad account {link.advertiser_id}"
        role = link.member_role or AdAccountRole.OPERATOR
        who = await self._people.access(sharing.bc_id, user_id)
        if who.ad_accounts.get(link.advertiser_id) is role:
            return SharedPair(subject=subject, outcome=PairOutcome.ALREADY)
        try:
            with tiktok_failures():
                await client.business_centers.assign_ad_account(sharing.bc_id, user_id, link.advertiser_id, role)
        except ApplicationError as error:
            return _refused_pair(subject, error)
        async with self._db.acquire() as connection, connection.transaction():
            await members.note_ad_account(connection, sharing.bc_id, user_id, link.advertiser_id, role)
            await self._tell(connection, sharing, "role given", f"{subject}: {role}")
        return SharedPair(subject=subject, outcome=PairOutcome.DONE)

    async def _link(self, client: TikTokClient, sharing: ShareAccount, link: AdAccountLink) -> SharedPair:
        subject = f"ad account {link.advertiser_id}"
        try:
            with tiktok_failures():
                linked = await client.business_centers.linked_advertisers(sharing.bc_id, sharing.asset_id)
                already = any(advertiser.advertiser_id == link.advertiser_id for advertiser in linked)
                if not already:
                    await client.business_centers.link(sharing.bc_id, sharing.asset_id, link.advertiser_id)
                identities = await client.identities.list(link.advertiser_id, sharing.bc_id)
        except ApplicationError as error:
            return _refused_pair(subject, error)
        account = await access.account(self._db, sharing.bc_id, sharing.asset_id)
        identity = None if account is None else _join(account, identities)
        if account is None or identity is None:
            return await self._no_identity(subject, account, identities)
        problem = (
            "a government or political account can't be advertised"
            if identity.is_gpppa
            else _UNAVAILABLE.get(identity.available_status or "", "")
        )
        if problem:
            return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=problem)
        usable = Identity(
            identity_id=identity.identity_id,
            can_push=bool(identity.can_push_video),
            can_pull=bool(identity.can_pull_video),
            ads_only=bool(identity.ads_only_mode),
        )
        async with self._db.acquire() as connection, connection.transaction():
            await access.put_link(
                connection, sharing.authorization_id, link.advertiser_id, usable, sharing.command.actor
            )
            await self._compare_scope(connection, sharing.authorization_id, usable)
            if identity.username:
                await access.put_handle(
                    connection, sharing.bc_id, sharing.asset_id, identity.username.removeprefix("@").lower()
                )
            if not already:
                await self._tell(connection, sharing, "linked", subject)
        return SharedPair(subject=subject, outcome=PairOutcome.ALREADY if already else PairOutcome.DONE)

    async def _compare_scope(self, connection: Connection, authorization_id: str, usable: Identity) -> None:
        # What was granted is first seen on the identity, and that only once the account is linked.
        asked = await access.scope_asked(connection, authorization_id)
        missing = asked and asked.shortfall(
            can_pull=usable.can_pull, can_push=usable.can_push, ads_only=usable.ads_only
        )
        if missing:
            await access.record_short_scope(connection, authorization_id, f"not granted: {', '.join(missing)}")

    async def _no_identity(
        self, subject: str, account: ListedAccount | None, identities: list[TikTokIdentity]
    ) -> SharedPair:
        same_name = [one for one in identities if account and one.display_name == account.name]
        if len(same_name) > 1:
            names = ", ".join(one.identity_id for one in same_name)
            reason = f"{len(same_name)} identities are named alike ({names}); tell them apart in Business Center first"
            return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=reason)
        # Not shown yet: the whole activity runs again, and finds everything else done already.
        raise ApplicationError(
            f"{subject}: linked, but TikTok does not show the identity yet",
            type="IdentityNotReady",
            next_retry_delay=IDENTITY_CHECK,
            category=ApplicationErrorCategory.BENIGN,
        )

    async def _tell(
        self, connection: Connection, sharing: ShareAccount | UnshareAccount, action: str, what: str, reason: str = ""
    ) -> None:
        await audit.write(
            connection,
            bc_id=sharing.bc_id,
            actor=sharing.command.actor,
            action=action,
            subject=f"account {sharing.asset_id} · {what}",
            reason=reason,
            run=current_run(),
        )

    @activity.defn
    async def unshare_account(self, sharing: UnshareAccount) -> ShareResult:
        """Take the use of an account back, with an outcome per pair; a repeat changes nothing."""
        command = sharing.command
        await self._people.require(sharing.bc_id, command.actor, Action.SHARE)
        client = await self._platform.client(sharing.bc_id)
        pairs = []
        for user_id in command.members:
            subject = f"member {user_id}"
            try:
                with tiktok_failures():
                    await client.business_centers.unassign(sharing.bc_id, user_id, "TT_ACCOUNT", sharing.asset_id)
            except ApplicationError as error:
                pairs.append(_refused_pair(subject, error))
                continue
            async with self._db.acquire() as connection, connection.transaction():
                await access.end_grant(connection, sharing.authorization_id, user_id)
                await self._tell(connection, sharing, "unshared", subject, command.reason)
            pairs.append(SharedPair(subject=subject, outcome=PairOutcome.DONE))
        for advertiser_id in command.ad_accounts:
            subject = f"ad account {advertiser_id}"
            try:
                with tiktok_failures():
                    await client.business_centers.unlink(sharing.bc_id, sharing.asset_id, advertiser_id)
            except ApplicationError as error:
                pairs.append(_refused_pair(subject, error))
                continue
            async with self._db.acquire() as connection, connection.transaction():
                await access.end_link(connection, sharing.authorization_id, advertiser_id)
                await self._tell(connection, sharing, "unlinked", subject, command.reason)
            pairs.append(SharedPair(subject=subject, outcome=PairOutcome.DONE))
        await members.forget(self._db, sharing.bc_id)
        return ShareResult(pairs=tuple(pairs))

    @activity.defn
    async def read_shares(self, authorization_id: str) -> SharedWith:
        """Who may use the account now."""
        people, ad_accounts = await access.shared_with(self._db, authorization_id)
        return SharedWith(members=people, ad_accounts=ad_accounts)

    @activity.defn
    async def still_listed(self, account: AccountOf) -> bool:
        """Whether TikTok lists the account at this moment: a report of its loss is checked before it counts."""
        client = await self._platform.client(account.bc_id)
        with tiktok_failures():
            assets = await client.business_centers.all_assets(account.bc_id, "TT_ACCOUNT")
        return any(asset.asset_id == account.asset_id for asset in assets)

    @activity.defn
    async def end_authorization(self, end: EndOnRecord) -> Ended:
        """End the authorization on record, with its grants, links and waiting targets, in one transaction (R15)."""
        async with self._db.acquire() as connection, connection.transaction():
            ended = await access.end_authorization(
                connection, end.authorization_id, end.stage, ended_by=end.ended_by, reason=end.reason
            )
            if ended is None:
                return Ended()
            await audit.write(
                connection,
                bc_id=end.bc_id,
                actor=end.ended_by,
                action=end.stage.replace("_", " "),
                subject=f"account {end.asset_id}",
                reason=f"{end.reason} · {ended.grants} grants and {ended.links} links ended, "
                f"{ended.targets_frozen} targets frozen".removeprefix(" · "),
                run=current_run(),
            )
        await members.forget(self._db, end.bc_id)
        return ended

    @activity.defn
    async def stop_live_ads(self, account: AccountOf) -> int:
        """Stop and flag our ads on an account whose authorization has ended (R15); returns how many."""
        client = await self._platform.client(account.bc_id)
        ads = await access.live_ads(self._db, account.bc_id, account.asset_id)
        for advertiser_id, group in groupby(ads, key=lambda ad: ad.advertiser_id):
            batch = list(group)
            reason = "R15: the authorization ended; the ad was stopped"
            try:
                with tiktok_failures():
                    await client.ads.set_ad_status(advertiser_id, [ad.ad_id for ad in batch], "DISABLE")
            except ApplicationError as error:
                if not error.non_retryable:
                    raise
                # TikTok stops such ads by itself, and may refuse to touch them: flagged with its own words.
                reason = f"R15: the authorization ended; TikTok answered to the stop: {error.message}"
            await access.mark_stopped(self._db, batch, reason)
        return len(ads)

    @activity.defn
    async def remove_account(self, account: AccountOf) -> None:
        """Remove the account from the Business Center at TikTok; one that is gone already is fine."""
        client = await self._platform.client(account.bc_id)
        try:
            await client.business_centers.remove_account(account.bc_id, account.asset_id)
        except NotFound:
            return
        except TikTokError:
            with tiktok_failures():
                if any(
                    asset.asset_id == account.asset_id
                    for asset in await client.business_centers.all_assets(account.bc_id, "TT_ACCOUNT")
                ):
                    raise


def _scan_outcome(request_name: str | None, last: RequestOutcome | None) -> ScanOutcome:
    """What kind of scan brought an account that was not authorized before (R9)."""
    if request_name is not None:
        return ScanOutcome.ACCEPTED
    if last is RequestOutcome.TIMED_OUT:
        return ScanOutcome.LATE
    if last in {RequestOutcome.CANCELLED, RequestOutcome.DECLINED}:
        return ScanOutcome.AFTER_CANCEL
    return ScanOutcome.UNEXPECTED_ACCOUNT


def _join(account: ListedAccount, identities: list[TikTokIdentity]) -> TikTokIdentity | None:
    """
    The identity of an asset: TikTok documents no shared key.

    By handle where both sides have one, else by a name that occurs once. Never by guess.
    """
    if account.handle:
        for identity in identities:
            if (identity.username or "").removeprefix("@").lower() == account.handle:
                return identity
    same_name = [identity for identity in identities if identity.display_name == account.name]
    if len(same_name) == 1 and not (account.handle and same_name[0].username):
        return same_name[0]
    return None


def _refused_pair(subject: str, error: ApplicationError) -> SharedPair:
    """A pair that TikTok definitely refused; anything that may pass later is raised again."""
    if not error.non_retryable:
        raise error
    return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=error.message[:500])
