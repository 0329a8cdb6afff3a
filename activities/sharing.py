"""Activities of the Share step: members and ad accounts get the use of an account, and lose it again (R3, R11)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

from pydantic import AwareDatetime
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import DEFINITE_NO, insisting, tiktok_failures
from activities.linking import IDENTITY_CHECK, Linking, Where, tell
from activities.listings import twice_if_empty, unreadable
from activities.members import Members, current_run
from activities.platform import Platform
from activities.together import each_to_its_end
from sparkads.contracts.authorization import (
    AdAccountLink,
    MemberGrant,
    PairOutcome,
    Share,
    SharedPair,
    ShareResult,
    Unshare,
)
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import NotificationKind
from sparkads.roles import Action, AdAccountRole, Permission, may
from store import audit, commands, members, notifications, sharing
from store.database import Pool
from store.sharing import SharedWith, StepState
from tiktok import TikTokClient

PATIENCE = timedelta(minutes=1)
"""How long a share tries again what TikTok did not answer, before it says which pairs are not done."""

MOST_DOUBLINGS = 3
"""Of the pause until it tries again: 2 s, then 4, 8 and 16, so that nothing is repeated without end."""

ANSWERED_WITHIN = timedelta(seconds=100)
"""After its start, less than an activity may take, a share says what it has done: the rest is not, by name."""

AT_ONCE = 16
"""Ad accounts side by side: one that TikTok answers slowly keeps no other waiting."""

Work: TypeAlias = list[tuple[str, Callable[[], Awaitable[SharedPair]]]]
"""What to do for each pair, by its subject, one after the other."""

_UNSETTLED = {PairOutcome.FAILED, PairOutcome.WAITING, PairOutcome.UNCLEAR}

_TIKTOK_ROLE = {Permission.SPARK: "POST", Permission.LIVE: "LIVE"}


class ShareAccount(Contract):
    """A share command for one authorization; a command id is handled once."""

    bc_id: str
    asset_id: str
    authorization_id: str
    command: Share
    command_id: str


class UnshareAccount(Contract):
    """An unshare command for one authorization; a command id is handled once."""

    bc_id: str
    asset_id: str
    authorization_id: str
    command: Unshare
    command_id: str


class DueGrants(Contract):
    """End the grants of an authorization that are over at `now`, by the workflow's clock."""

    bc_id: str
    asset_id: str
    authorization_id: str
    now: AwareDatetime


class PartnerReady(Contract):
    """Partners share these ad accounts now: link the account to them."""

    bc_id: str
    asset_id: str
    authorization_id: str
    advertiser_ids: tuple[str, ...]


class SharingActivities:
    """Needs the store, TikTok and the role check."""

    def __init__(self, db: Pool, platform: Platform, people: Members) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform
        self._people = people
        self._linking = Linking(db)

    @activity.defn
    async def share_account(self, order: ShareAccount) -> ShareResult:
        """
        Give members and ad accounts the use of an account, with an outcome per pair; a repeat changes nothing (R11).

        What TikTok refuses for one pair does not stop the others, nor does what it fails to answer.
        """
        command = order.command
        await self._people.require(order.bc_id, command.actor, Action.SHARE)
        handled = await commands.answer(self._db, order.authorization_id, order.command_id, ShareResult)
        if handled is not None:
            return handled
        client = await self._platform.client(order.bc_id)
        where = _where(order, command.actor)
        grants: Work = [
            (f"member {grant.user_id}", partial(self._grant, client, where, grant)) for grant in command.members
        ]
        works = [grants]
        for link in command.ad_accounts:
            work: Work = [(f"ad account {link.advertiser_id}", partial(self._linking.link, client, where, link))]
            if link.member_role is not None:
                work += [
                    (
                        f"member {member.user_id} on ad account {link.advertiser_id}",
                        partial(self._give_role, client, where, member.user_id, link),
                    )
                    for member in command.members
                ]
            works.append(work)
        result = await self._changing(order.authorization_id, works)
        await self._remember(order, result)
        return result

    async def _grant(self, client: TikTokClient, where: Where, grant: MemberGrant) -> SharedPair:
        subject = f"member {grant.user_id}"
        if grant.until is not None and grant.until <= datetime.now(UTC):
            reason = f"{_moment(grant.until)} is past; name a later moment, or none"
            return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=reason)
        who = await self._people.access(where.bc_id, grant.user_id)
        if who.role is None:
            reason = f"{grant.user_id} is no member of the Business Center; invite them there first"
            return SharedPair(subject=subject, outcome=PairOutcome.REFUSED, reason=reason)
        has = who.accounts.get(where.asset_id, ())
        # TikTok replaces what a member had: to give more is to name that, too.
        permissions = tuple(dict.fromkeys((*has, *grant.permissions)))
        on_record, ends = await sharing.grant_until(self._db, where.authorization_id, grant.user_id)
        until = grant.until or ends
        given = set(grant.permissions) <= set(has)
        if not given:
            with tiktok_failures():
                await client.business_centers.assign(
                    where.bc_id,
                    grant.user_id,
                    account=where.asset_id,
                    roles=[_TIKTOK_ROLE[permission] for permission in permissions],
                )
        already = given and on_record and until == ends
        async with self._db.acquire() as connection, connection.transaction():
            await sharing.put_grant(connection, where.authorization_id, grant.user_id, permissions, where.actor, until)
            if not given:
                await members.note_account(connection, where.bc_id, grant.user_id, where.asset_id, permissions)
            if not already:
                for_how_long = f", until {_moment(until)}" if until else ""
                what = f"{subject}: {', '.join(grant.permissions)}{for_how_long}"
                await tell(connection, where, "shared", what)
        return SharedPair(subject=subject, outcome=PairOutcome.ALREADY if already else PairOutcome.DONE)

    async def _give_role(self, client: TikTokClient, where: Where, user_id: str, link: AdAccountLink) -> SharedPair:
        subject = f"member {user_id} on ad account {link.advertiser_id}"
        role = link.member_role or AdAccountRole.OPERATOR
        who = await self._people.access(where.bc_id, user_id)
        if who.ad_accounts.get(link.advertiser_id) is role:
            return SharedPair(subject=subject, outcome=PairOutcome.ALREADY)
        with tiktok_failures():
            await client.business_centers.assign_ad_account(where.bc_id, user_id, link.advertiser_id, role)
        async with self._db.acquire() as connection, connection.transaction():
            await members.note_ad_account(connection, where.bc_id, user_id, link.advertiser_id, role)
            await tell(connection, where, "role given", f"{subject}: {role}")
        return SharedPair(subject=subject, outcome=PairOutcome.DONE)

    @activity.defn
    async def unshare_account(self, order: UnshareAccount) -> ShareResult:
        """Take the use of an account back, with an outcome per pair; a repeat changes nothing."""
        command = order.command
        await self._people.require(order.bc_id, command.actor, Action.SHARE)
        handled = await commands.answer(self._db, order.authorization_id, order.command_id, ShareResult)
        if handled is not None:
            return handled
        client = await self._platform.client(order.bc_id)
        where = _where(order, command.actor)
        grants: Work = [
            (f"member {user_id}", partial(self._take_grant, client, where, user_id, "unshared", command.reason))
            for user_id in command.members
        ]
        links: list[Work] = [
            [(f"ad account {advertiser_id}", partial(self._unlink, client, where, advertiser_id, command.reason))]
            for advertiser_id in command.ad_accounts
        ]
        result = await self._changing(order.authorization_id, [grants, *links])
        await members.forget(self._db, order.bc_id)
        await self._remember(order, result)
        return result

    async def _take_grant(
        self, client: TikTokClient, where: Where, user_id: str, action: str, reason: str
    ) -> SharedPair:
        subject = f"member {user_id}"
        who = await self._people.access_now(where.bc_id, user_id)
        has = where.asset_id in who.accounts
        if has:
            with tiktok_failures():
                await client.business_centers.unassign(where.bc_id, user_id, "TT_ACCOUNT", where.asset_id)
        elif who.unread:
            # It may be among what could not be read.
            try:
                with tiktok_failures(passing=DEFINITE_NO):
                    await client.business_centers.unassign(where.bc_id, user_id, "TT_ACCOUNT", where.asset_id)
                has = True
            except DEFINITE_NO:
                has = False
        async with self._db.acquire() as connection, connection.transaction():
            ended = await sharing.end_grant(connection, where.authorization_id, user_id)
            if has or ended:
                await tell(connection, where, action, subject, reason)
        return SharedPair(subject=subject, outcome=PairOutcome.DONE if has or ended else PairOutcome.ALREADY)

    async def _unlink(self, client: TikTokClient, where: Where, advertiser_id: str, reason: str) -> SharedPair:
        subject = f"ad account {advertiser_id}"
        with tiktok_failures():
            linked = await twice_if_empty(
                lambda: client.business_centers.linked_advertisers(where.bc_id, where.asset_id)
            )
            has = any(advertiser.advertiser_id == advertiser_id for advertiser in linked)
            if not has and not linked.is_complete:
                raise unreadable(f"ad accounts that account {where.asset_id} is linked to", linked)
            if has:
                await client.business_centers.unlink(where.bc_id, where.asset_id, advertiser_id)
        async with self._db.acquire() as connection, connection.transaction():
            ended = await sharing.end_link(connection, where.authorization_id, advertiser_id)
            withdrawn = await sharing.decide_step(
                connection, where.authorization_id, advertiser_id, StepState.WITHDRAWN
            )
            if has or ended or withdrawn:
                action = "partner no longer asked" if withdrawn else "unlinked"
                await tell(connection, where, action, subject, reason)
        done = has or ended or withdrawn
        return SharedPair(subject=subject, outcome=PairOutcome.DONE if done else PairOutcome.ALREADY)

    @activity.defn
    async def end_due_grants(self, due: DueGrants) -> int:
        """Take back the time-boxed grants that are over; returns how many. Repeated until each is gone at TikTok."""
        where = Where(bc_id=due.bc_id, asset_id=due.asset_id, authorization_id=due.authorization_id, actor=audit.SYSTEM)
        over = await sharing.grants_due(self._db, due.authorization_id, due.now)
        await sharing.begin(self._db, due.authorization_id)
        with insisting():
            client = await self._platform.client(due.bc_id)
            for user_id in over:
                await members.forget(self._db, due.bc_id)  # what is remembered of them may be older than the grant
                await self._take_grant(client, where, user_id, "grant ended by its time", "")
                await self._tell_of_end(where, user_id)
        await sharing.finish(self._db, due.authorization_id)
        await members.forget(self._db, due.bc_id)
        return len(over)

    async def _tell_of_end(self, where: Where, user_id: str) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            await notifications.put(
                connection,
                bc_id=where.bc_id,
                kind=NotificationKind.GRANT_ENDED,
                subject=f"account {where.asset_id}",
                text=f"The permission of member {user_id} on account {where.asset_id} was given until now, and has "
                "ended.",
                data={"asset_id": where.asset_id, "user_id": user_id},
                run=current_run(),
            )

    @activity.defn
    async def link_partner_accounts(self, ready: PartnerReady) -> ShareResult:
        """Link an account to ad accounts that partners share by now, for those who asked and are still admins (R3)."""
        with insisting():
            client = await self._platform.client(ready.bc_id)
        works: list[Work] = []
        for step in await sharing.waiting_steps(self._db, ready.bc_id):
            if step.authorization_id != ready.authorization_id or step.advertiser_id not in ready.advertiser_ids:
                continue
            where = Where(
                bc_id=ready.bc_id,
                asset_id=ready.asset_id,
                authorization_id=ready.authorization_id,
                actor=step.asked_by,
            )
            with insisting():
                asker = await self._people.access(ready.bc_id, step.asked_by)
            if not may(asker.role, Action.SHARE):
                await self._withdraw(where, step.advertiser_id)
                continue
            link = AdAccountLink(advertiser_id=step.advertiser_id, partner_id=step.partner_id)
            works.append([(f"ad account {step.advertiser_id}", partial(self._linking.link, client, where, link))])
        return await self._changing(ready.authorization_id, works)

    @activity.defn
    async def read_shares(self, authorization_id: str) -> SharedWith:
        """Who may use the account now."""
        return await sharing.shared_with(self._db, authorization_id)

    async def _withdraw(self, where: Where, advertiser_id: str) -> None:
        """Who asked for the link may not ask any more, so somebody who may has to ask again."""
        subject = f"ad account {advertiser_id}"
        reason = f"R3: {where.actor}, who asked for it, is no admin any more"
        async with self._db.acquire() as connection, connection.transaction():
            if await sharing.decide_step(connection, where.authorization_id, advertiser_id, StepState.WITHDRAWN):
                await notifications.put(
                    connection,
                    bc_id=where.bc_id,
                    kind=NotificationKind.ATTENTION,
                    subject=f"account {where.asset_id}",
                    text=f"A partner shares {subject} now, but account {where.asset_id} was not linked to it. "
                    f"{reason}; an admin may share it again.",
                    data={"asset_id": where.asset_id, "advertiser_id": advertiser_id},
                    run=current_run(),
                )
                await tell(connection, where, "partner no longer asked", subject, reason)

    async def _changing(self, authorization_id: str, works: Sequence[Work]) -> ShareResult:
        """Do the work while the comparison with TikTok leaves this authorization alone."""
        await sharing.begin(self._db, authorization_id)
        result = await _each(works)
        await sharing.finish(self._db, authorization_id)
        return result

    async def _remember(self, order: ShareAccount | UnshareAccount, result: ShareResult) -> None:
        # What is not settled is to be done by a repeat, so the command's id must stay free.
        if any(pair.outcome in _UNSETTLED for pair in result.pairs):
            return
        async with self._db.acquire() as connection, connection.transaction():
            await commands.keep(connection, order.authorization_id, order.command_id, result)


async def _each(works: Sequence[Work]) -> ShareResult:
    """
    Do all of it, each work beside the others, and say what became of each pair.

    Raises:
        ApplicationError: retryable, as long as trying again what TikTok did not answer is worth the wait.
    """
    ended: dict[str, SharedPair | ApplicationError] = {}
    turns = asyncio.Semaphore(AT_ONCE)

    async def one_after_the_other(work: Work) -> None:
        async with turns:
            for subject, do in work:
                try:
                    ended[subject] = await do()
                except ApplicationError as error:
                    ended[subject] = error

    try:
        async with asyncio.timeout(ANSWERED_WITHIN.total_seconds()):
            await each_to_its_end(*map(one_after_the_other, works))
    except TimeoutError:
        activity.logger.info("some ad accounts were not answered in time")
    # What an earlier attempt of this command has done was not there already.
    done_before = frozenset(subject for detail in activity.info().heartbeat_details for subject in detail)
    pairs = [_pair(subject, ended.get(subject), done_before) for work in works for subject, _ in work]
    wait = next((one for one in ended.values() if isinstance(one, ApplicationError) and not one.non_retryable), None)
    if wait is not None:
        doublings = min(activity.info().attempt - 1, MOST_DOUBLINGS)
        pause = wait.next_retry_delay or timedelta(seconds=IDENTITY_CHECK * 2**doublings)
        if datetime.now(UTC) + pause < activity.info().scheduled_time + PATIENCE:
            activity.heartbeat([pair.subject for pair in pairs if pair.outcome is PairOutcome.DONE])
            raise ApplicationError(
                wait.message, type=wait.type, next_retry_delay=pause, category=wait.category
            ) from wait
    return ShareResult(pairs=tuple(pairs))


def _pair(subject: str, ended: SharedPair | ApplicationError | None, done_before: Collection[str]) -> SharedPair:
    match ended:
        case SharedPair():
            if ended.outcome is PairOutcome.ALREADY and subject in done_before:
                return ended.model_copy(update={"outcome": PairOutcome.DONE})
            return ended
        case ApplicationError():
            outcome = PairOutcome.REFUSED if ended.non_retryable else PairOutcome.FAILED
            return SharedPair(subject=subject, outcome=outcome, reason=ended.message[:500])
        case _:
            return SharedPair(subject=subject, outcome=PairOutcome.FAILED, reason="TikTok did not answer in time")


def _where(order: ShareAccount | UnshareAccount, actor: str) -> Where:
    return Where(
        bc_id=order.bc_id,
        asset_id=order.asset_id,
        authorization_id=order.authorization_id,
        actor=actor,
    )


def _moment(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
