"""Activities of the Approve step and of its end: one authorized account, and the cascade when it is over (R15)."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from pydantic import AwareDatetime
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import insisting, tiktok_failures
from activities.listings import tiktok_accounts
from activities.members import current_run
from activities.platform import Platform
from activities.together import each_to_its_end
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import AuthorizationStage
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import ScanOutcome
from sparkads.contracts.notification import NotificationKind
from store import audit, authorizations, members, notifications, releases, requests
from store.authorizations import Ended, LiveAd
from store.database import Connection, Pool
from tiktok import NotFound, TikTokClient, TikTokError


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


_NOTABLE = {
    ScanOutcome.LATE: "after the deadline of its request",
    ScanOutcome.AFTER_CANCEL: "after its request was closed",
    ScanOutcome.UNEXPECTED_ACCOUNT: "though nobody had asked for it",
}
"""Scans that somebody may want to do something about."""


class AuthorizationActivities:
    """Needs the store and TikTok."""

    def __init__(self, db: Pool, platform: Platform) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform

    @activity.defn
    async def open_authorization(self, opening: OpenAuthorization) -> Opened:
        """Put an authorization on record, with the outcome of the scan that brought it (R9)."""
        known = await authorizations.account(self._db, opening.bc_id, opening.asset_id)
        handle = known.handle if known else ""
        async with self._db.acquire() as connection, connection.transaction():
            last = await requests.last_request_state(connection, opening.bc_id, handle) if handle else None
            outcome = _scan_outcome(opening.request_name, last)
            news = await authorizations.open_authorization(
                connection,
                authorization_id=opening.authorization_id,
                bc_id=opening.bc_id,
                asset_id=opening.asset_id,
                request_name=opening.request_name,
            )
            if news:
                await requests.record_scan(
                    connection,
                    bc_id=opening.bc_id,
                    request_name=opening.request_name,
                    handle=handle,
                    asset_id=opening.asset_id,
                    outcome=outcome,
                    reported_by=audit.SYSTEM,
                    detail="found by the sweep",
                    run=current_run(),
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
                await notifications.put(
                    connection,
                    bc_id=opening.bc_id,
                    kind=NotificationKind.AUTHORIZED,
                    subject=f"account {opening.asset_id}",
                    text=f"{_called(handle, opening.asset_id)} was authorized by its owner"
                    + (f" ({_NOTABLE[outcome]})" if outcome in _NOTABLE else "")
                    + "; nobody may use it before an admin shares it.",
                    data={"asset_id": opening.asset_id, "handle": handle, "scan": outcome},
                    run=current_run(),
                )
            since = await authorizations.authorized_since(connection, opening.authorization_id)
        waiting = await releases.campaigns_waiting_for(self._db, opening.bc_id, handle)
        return Opened(since=since, handle=handle, outcome=outcome, waiting_campaigns=tuple(waiting))

    @activity.defn
    async def waiting_campaigns(self, account: AccountOf) -> tuple[str, ...]:
        """The release campaigns with rows that wait for the account."""
        known = await authorizations.account(self._db, account.bc_id, account.asset_id)
        handle = known.handle if known else ""
        return tuple(await releases.campaigns_waiting_for(self._db, account.bc_id, handle))

    @activity.defn
    async def still_listed(self, account: AccountOf) -> bool:
        """Whether TikTok lists the account at this moment: a report of its loss is checked before it counts."""
        with insisting():
            client = await self._platform.client(account.bc_id)
            assets = await tiktok_accounts(client, account.bc_id)
        # It may be what could not be read; the sweep reports it again.
        return not assets.is_complete or any(asset.asset_id == account.asset_id for asset in assets)

    @activity.defn
    async def end_authorization(self, end: EndOnRecord) -> Ended:
        """End the authorization on record, with its grants, links and waiting targets, in one transaction (R15)."""
        async with self._db.acquire() as connection, connection.transaction():
            done = await authorizations.end_authorization(
                connection, end.authorization_id, end.stage, ended_by=end.ended_by, reason=end.reason
            )
            if done is None:
                return Ended()
            ended, frozen = done
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
            await self._tell_of_rows(connection, end.bc_id, "targets frozen", frozen, f"account {end.asset_id}")
            account = await authorizations.account(connection, end.bc_id, end.asset_id)
            live = await authorizations.live_ads(connection, end.bc_id, end.asset_id)
            await notifications.put(
                connection,
                bc_id=end.bc_id,
                kind=NotificationKind.AUTHORIZATION_ENDED,
                subject=f"account {end.asset_id}",
                text=f"{_called(account.handle if account else '', end.asset_id)} was {end.stage.replace('_', ' ')}"
                f"{f' ({end.reason})' if end.reason else ''}: {ended.grants} grants and {ended.links} links ended, "
                f"{ended.targets_frozen} targets frozen, {len(live)} ads are being stopped.",
                data={"asset_id": end.asset_id, "stage": end.stage, "ended_by": end.ended_by}
                | ended.model_dump()
                | {"ads": len(live)},
                run=current_run(),
            )
        await members.forget(self._db, end.bc_id)
        return ended

    @activity.defn
    async def stop_live_ads(self, account: AccountOf) -> int:
        """Stop and flag our ads on an account whose authorization has ended (R15); returns how many."""
        with insisting():
            client = await self._platform.client(account.bc_id)
        ads = await authorizations.live_ads(self._db, account.bc_id, account.asset_id)
        by_ad_account = groupby(ads, key=lambda ad: ad.advertiser_id)
        await each_to_its_end(*(self._stop(client, account, key, list(group)) for key, group in by_ad_account))
        return len(ads)

    async def _stop(self, client: TikTokClient, account: AccountOf, advertiser_id: str, ads: Sequence[LiveAd]) -> None:
        reason = "R15: the authorization ended; the ad was stopped"
        try:
            with tiktok_failures():
                await client.ads.set_ad_status(advertiser_id, [ad.ad_id for ad in ads], "DISABLE")
        except ApplicationError as error:
            if not error.non_retryable:
                raise
            # TikTok stops such ads by itself, and may refuse to touch them: flagged with its own words.
            reason = f"R15: the authorization ended; TikTok answered to the stop: {error.message}"
        async with self._db.acquire() as connection, connection.transaction():
            await authorizations.mark_stopped(connection, ads, reason)
            rows = [(ad.campaign_id, ad.row_id) for ad in ads]
            await self._tell_of_rows(connection, account.bc_id, "ads stopped", rows, reason)

    async def _tell_of_rows(
        self, connection: Connection, bc_id: str, action: str, rows: Iterable[tuple[str, str]], reason: str
    ) -> None:
        for campaign_id, of_campaign in groupby(sorted(rows), key=itemgetter(0)):
            await audit.write_rows(
                connection,
                bc_id=bc_id,
                actor=audit.SYSTEM,
                action=action,
                rows=[row_id for _, row_id in of_campaign],
                reason=f"campaign {campaign_id}: {reason}",
                run=current_run(),
            )

    @activity.defn
    async def remove_account(self, account: AccountOf) -> None:
        """Remove the account from the Business Center at TikTok; one that is gone already is fine."""
        with insisting(), tiktok_failures():
            client = await self._platform.client(account.bc_id)
            try:
                await client.business_centers.remove_account(account.bc_id, account.asset_id)
            except NotFound:
                return
            except TikTokError:
                listed = await tiktok_accounts(client, account.bc_id)
                if not listed.is_complete or any(asset.asset_id == account.asset_id for asset in listed):
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


def _called(handle: str, asset_id: str) -> str:
    return f"@{handle} (account {asset_id})" if handle else f"account {asset_id}"
