"""One TikTok account and one ad account: link them, through a partner where it is theirs, and find the identity."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.failures import DEFINITE_NO, tiktok_failures
from activities.handles import bare_handle
from activities.listings import what_is_missing
from activities.members import current_run
from sparkads.contracts.authorization import AdAccountLink, PairOutcome, SharedPair
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import NotificationKind
from store import audit, authorizations, notifications, sharing
from store.authorizations import ListedAccount
from store.database import Connection, Pool
from store.locks import alone
from store.sharing import Identity, StepState
from tiktok import AvailableStatus, Rows, TikTokClient
from tiktok import Identity as TikTokIdentity

IDENTITY_CHECK = 2.0
"""Seconds between two looks for the identity of a fresh link; the delay is not documented (tiktok identity/get)."""
IDENTITY_LOOKS = 3

_UNAVAILABLE: dict[str, str] = {
    AvailableStatus.NO_VALID_BIND_ACCOUNT: "TikTok no longer sees a valid binding (a banned account, or an approval "
    "that is gone); the owner has to look into the app, and scan again",
    AvailableStatus.SCOPE_UNAVAILABLE: "the owner granted no scope that ads can use",
    AvailableStatus.IS_PRIVATE_ACCOUNT: "the account is private; its owner has to make it public",
    AvailableStatus.NOT_BUSINESS_ACCOUNT: "the account is no business account",
}


class Where(Contract):
    """The authorization that is being shared, and by whom."""

    bc_id: str
    asset_id: str
    authorization_id: str
    actor: str


def usable(identity: TikTokIdentity) -> Identity:
    """
    What TikTok says of an identity, as we record it.

    A capability that it does not mention counts as there: whether it is, `ad/create/` tells. Only a no is a no.
    """
    problem = _UNAVAILABLE.get(identity.available_status, "")
    if identity.is_gpppa:
        problem = "a government or political account can't be advertised"
    return Identity(
        identity_id=identity.identity_id,
        can_push=identity.can_push_video is not False,
        can_pull=identity.can_pull_video is not False,
        ads_only=identity.ads_only_mode is True,
        problem=problem,
    )


def unknown_state(identity: TikTokIdentity) -> str:
    """The state of an identity that has no meaning here, for a person to look at; empty if it has one, or none."""
    state = identity.available_status
    return "" if not state or state in _UNAVAILABLE or state == AvailableStatus.AVAILABLE else state


def join(
    account: ListedAccount, identities: Iterable[TikTokIdentity], *, taken: Iterable[str] = ()
) -> list[TikTokIdentity]:
    """
    The identities that may be an asset's: TikTok documents no key that both share. One of them is a match.

    By handle where both sides have one; else by name, among those that no other account is known by.

    Args:
        account: the asset.
        identities: those of one ad account.
        taken: identity ids that are known to be other accounts'.
    """
    taken = set(taken)
    free = [one for one in identities if one.identity_id not in taken]
    if account.handle:
        named = [one for one in free if _handle(one) == account.handle]
        if named:
            return named
        # An identity with another handle is another account, whatever it is called.
        free = [one for one in free if not _handle(one)]
    return [one for one in free if one.display_name == account.name]


def _handle(identity: TikTokIdentity) -> str:
    return bare_handle(identity.username)


class Linking:
    """Links accounts to ad accounts; needs the store."""

    def __init__(self, db: Pool) -> None:
        """Share the process's pool."""
        self._db = db
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def link(self, client: TikTokClient, where: Where, link: AdAccountLink) -> SharedPair:
        """
        Link, and record the identity under which the ad account knows the TikTok account. A repeat changes nothing.

        Raises:
            ApplicationError: one that is retryable where TikTok did not answer, or does not show the identity yet.
        """
        subject = f"ad account {link.advertiser_id}"
        if link.partner_id is not None and not await self._shared_in(client, where, link.partner_id, link):
            return await self._ask_partner(where, link.partner_id, link.advertiser_id)
        account = await authorizations.account(self._db, where.bc_id, where.asset_id)
        if account is None:
            return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason="the account is not on record")
        with tiktok_failures():
            linked = await client.business_centers.linked_advertisers(where.bc_id, where.asset_id)
        already = any(advertiser.advertiser_id == link.advertiser_id for advertiser in linked)
        links = [
            one for one in await sharing.active_links(self._db, where.bc_id) if one.advertiser_id == link.advertiser_id
        ]
        taken = [one.identity.identity_id for one in links if one.asset_id != where.asset_id]
        on_record = any(one.asset_id == where.asset_id for one in links)
        if account.handle or already:
            if not already:
                with tiktok_failures():
                    await client.business_centers.link(where.bc_id, where.asset_id, link.advertiser_id)
            listed = await self._identities(client, where, link)
            matches = join(account, listed, taken=taken)
        else:
            listed, matches = await self._link_and_compare(client, where, link, account, taken)
        if link.identity_id is not None:
            matches = [one for one in matches if one.identity_id == link.identity_id]
            if not matches:
                reason = f"identity {link.identity_id} is none of those that it may be"
                return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=reason)
        if not matches:
            unread = what_is_missing(listed)
            raise ApplicationError(
                f"{subject}: linked, but TikTok does not show the identity yet"
                + (f"; of its list can't be read: {unread}" if unread else ""),
                type="IdentityNotReady",
                category=ApplicationErrorCategory.BENIGN,
            )
        if len(matches) > 1:
            return SharedPair(subject=subject, outcome=PairOutcome.UNCLEAR, reason=which(matches))
        return await self._record(where, link, matches[0], already=already and on_record)

    async def _identities(self, client: TikTokClient, where: Where, link: AdAccountLink) -> Rows[TikTokIdentity]:
        with tiktok_failures():
            return await client.identities.list(link.advertiser_id, where.bc_id)

    async def _link_and_compare(
        self,
        client: TikTokClient,
        where: Where,
        link: AdAccountLink,
        account: ListedAccount,
        taken: Sequence[str],
    ) -> tuple[Rows[TikTokIdentity], list[TikTokIdentity]]:
        """Link an account whose handle TikTok does not show: the identity that is new in the list is its own."""
        async with self._alone(link.advertiser_id):
            before = await self._identities(client, where, link)
            known = {one.identity_id for one in before}
            with tiktok_failures():
                await client.business_centers.link(where.bc_id, where.asset_id, link.advertiser_id)
            now: Rows[TikTokIdentity] = Rows()
            matches: list[TikTokIdentity] = []
            for _ in range(IDENTITY_LOOKS):
                now = await self._identities(client, where, link)
                # One that could not be read before would look like a new one.
                new = [one for one in now if one.identity_id not in known] if before.is_complete else []
                matches = join(account, new) or join(account, now, taken=taken)
                if matches:
                    break
                await asyncio.sleep(IDENTITY_CHECK)
            return now, matches

    @asynccontextmanager
    async def _alone(self, advertiser_id: str) -> AsyncIterator[None]:
        """No other link to the ad account is made meanwhile, by any process: what is new in its list is ours."""
        async with self._one_at_a_time[advertiser_id], alone(self._db, f"link {advertiser_id}") as lock:
            if lock is None:
                raise ApplicationError(
                    f"ad account {advertiser_id}: another link is being made", category=ApplicationErrorCategory.BENIGN
                )
            yield

    async def _record(self, where: Where, link: AdAccountLink, found: TikTokIdentity, *, already: bool) -> SharedPair:
        subject = f"ad account {link.advertiser_id}"
        identity = usable(found)
        async with self._db.acquire() as connection, connection.transaction():
            await sharing.put_link(connection, where.authorization_id, link.advertiser_id, identity, where.actor)
            handle = _handle(found)
            if handle:
                await authorizations.put_handle(connection, where.bc_id, where.asset_id, handle)
            await authorizations.set_problem(connection, where.bc_id, where.asset_id, identity.problem)
            if await sharing.decide_step(connection, where.authorization_id, link.advertiser_id, StepState.DONE):
                await notifications.put(
                    connection,
                    bc_id=where.bc_id,
                    kind=NotificationKind.PARTNER_STEP,
                    subject=f"account {where.asset_id}",
                    text=f"The partner shares ad account {link.advertiser_id} now, and account {where.asset_id} is "
                    "linked to it: the partner's people can advertise with it.",
                    data={"asset_id": where.asset_id, "advertiser_id": link.advertiser_id},
                    run=current_run(),
                )
            await self._compare_scope(connection, where.authorization_id, identity)
            if not already:
                await tell(connection, where, "linked", subject)
        if identity.problem:
            return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=f"linked, but {identity.problem}")
        state = unknown_state(found)
        return SharedPair(
            subject=subject,
            outcome=PairOutcome.ALREADY if already else PairOutcome.DONE,
            reason=f"TikTok calls its state {state}, which is not known here" if state else "",
        )

    async def _compare_scope(self, connection: Connection, authorization_id: str, identity: Identity) -> None:
        # What was granted is first seen on the identity, and that only once the account is linked.
        asked = await sharing.scope_asked(connection, authorization_id)
        missing = asked and asked.shortfall(
            can_pull=identity.can_pull, can_push=identity.can_push, ads_only=identity.ads_only
        )
        if missing:
            detail = f"not granted: {', '.join(missing)}"
            await sharing.record_short_scope(connection, authorization_id, detail, current_run())

    async def _shared_in(self, client: TikTokClient, where: Where, partner_id: str, link: AdAccountLink) -> bool:
        """Whether the partner shares the ad account with us, as TikTok says."""
        try:
            with tiktok_failures(passing=DEFINITE_NO):
                shared = await client.business_centers.partner_assets(where.bc_id, partner_id, shared="SHARED")
        except DEFINITE_NO:
            return False  # no partner of ours yet
        return any(asset.asset_id == link.advertiser_id for asset in shared)

    async def _ask_partner(self, where: Where, partner_id: str, advertiser_id: str) -> SharedPair:
        subject = f"ad account {advertiser_id}"
        what = (
            f"An admin of Business Center {partner_id} has to share ad account {advertiser_id} with Business Center "
            f"{where.bc_id}: Business Center > Partners > Add partner > {where.bc_id}, role Operator. "
            f"Account {where.asset_id} is then linked to it by itself."
        )
        async with self._db.acquire() as connection, connection.transaction():
            asked = await sharing.ask_partner(
                connection, where.authorization_id, partner_id, advertiser_id, where.actor
            )
            if asked:
                await notifications.put(
                    connection,
                    bc_id=where.bc_id,
                    kind=NotificationKind.PARTNER_STEP,
                    subject=f"account {where.asset_id}",
                    text=what,
                    data={"asset_id": where.asset_id, "advertiser_id": advertiser_id, "partner_id": partner_id},
                    run=current_run(),
                )
                await tell(connection, where, "partner asked", f"{subject} of partner {partner_id}")
        return SharedPair(subject=subject, outcome=PairOutcome.WAITING, reason=what)


async def tell(connection: Connection, where: Where, action: str, what: str, reason: str = "") -> None:
    """Leave a line in the trail about the sharing of an account."""
    await audit.write(
        connection,
        bc_id=where.bc_id,
        actor=where.actor,
        action=action,
        subject=f"account {where.asset_id} · {what}",
        reason=reason,
        run=current_run(),
    )


def which(identities: Sequence[TikTokIdentity]) -> str:
    """Ask a person which identity it is."""
    known = ", ".join(f"{one.identity_id}{f' (@{_handle(one)})' if _handle(one) else ''}" for one in identities[:5])
    return (
        f"linked, but {len(identities)} identities have its name: {known}. See in TikTok Ads Manager which it is, "
        "and share again with --identity"
    )
