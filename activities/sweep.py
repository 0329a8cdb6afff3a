"""The sweep: list what TikTok says a Business Center holds. Scans, revocations and renames have no other trace."""

from datetime import timedelta

from temporalio import activity

from activities.failures import tiktok_failures
from activities.members import current_run
from activities.platform import Platform
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import NotificationKind
from store import audit, authorizations, notifications
from store.authorizations import ListedAccount, Narrowed, Renamed, Sweep
from store.database import Connection, Pool

_USE = {"POST": "posts and videos", "LIVE": "live"}


class SweepAnswer(Contract):
    """What a sweep found, and when to look again."""

    found: Sweep
    seconds_if_awaited: float
    seconds_if_idle: float
    seconds_between_reviews: float
    seconds_between_drift_checks: float
    untold: int
    """notifications that wait to be delivered"""


class SweepActivities:
    """Needs the store and TikTok."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        *,
        fast: timedelta,
        slow: timedelta,
        review_every: timedelta,
        drift_every: timedelta,
    ) -> None:
        """
        Share the process's connections.

        Args:
            db: the store.
            platform: TikTok.
            fast: between two sweeps while somebody is awaited.
            slow: between two sweeps otherwise.
            review_every: between two looks at what can be done with the authorized accounts.
            drift_every: between two comparisons of every member's permissions.
        """
        self._db = db
        self._platform = platform
        self._seconds = {
            "seconds_if_awaited": fast.total_seconds(),
            "seconds_if_idle": slow.total_seconds(),
            "seconds_between_reviews": review_every.total_seconds(),
            "seconds_between_drift_checks": drift_every.total_seconds(),
        }

    @activity.defn
    async def sweep_accounts(self, bc_id: str) -> SweepAnswer:
        """One paged listing for the whole Business Center, and what differs from our record."""
        client = await self._platform.client(bc_id)
        with tiktok_failures():
            assets = await client.business_centers.all_assets(bc_id, "TT_ACCOUNT")
        listed = [
            ListedAccount(
                asset_id=asset.asset_id,
                handle=(asset.tt_asset_handle or "").removeprefix("@").lower(),
                name=asset.asset_name,
                uses=tuple(sorted(asset.tt_account_roles or ())),
            )
            for asset in assets
        ]
        async with self._db.acquire() as connection, connection.transaction():
            renamed, narrowed = await authorizations.changes(connection, bc_id, listed)
            found = await authorizations.sweep(connection, bc_id, listed)
            moved = [await authorizations.rename(connection, bc_id, one) for one in renamed]
            # Whoever writes to the trail holds its end until the transaction is over, so that comes last.
            for one, rows in zip(renamed, moved, strict=True):
                await self._tell_of_name(connection, bc_id, one, rows)
            for other in narrowed:
                await self._tell_of_scope(connection, bc_id, other)
            untold, _ = await notifications.waiting(connection, bc_id)
        return SweepAnswer(found=found, untold=untold, **self._seconds)

    async def _tell_of_name(self, connection: Connection, bc_id: str, renamed: Renamed, rows: int) -> None:
        """A new handle is the same account: its grants stay, and rows that name the old handle go on."""
        what = f"@{renamed.before} is now @{renamed.handle}"
        moved = f"; {rows} waiting rows follow" if rows else ""
        await _tell(connection, bc_id, renamed.asset_id, "renamed", f"{what}{moved}")

    async def _tell_of_scope(self, connection: Connection, bc_id: str, narrowed: Narrowed) -> None:
        lost = [_USE.get(use, use) for use in narrowed.before if use not in narrowed.uses]
        more = [_USE.get(use, use) for use in narrowed.uses if use not in narrowed.before]
        parts = [f"no longer allows {', '.join(lost)}"] if lost else []
        if more:
            parts.append(f"now allows {', '.join(more)}")
        what = f"the owner of @{narrowed.handle} {' and '.join(parts)}"
        await _tell(connection, bc_id, narrowed.asset_id, "scope changed", what)


async def _tell(connection: Connection, bc_id: str, asset_id: str, action: str, what: str) -> None:
    await audit.write(
        connection,
        bc_id=bc_id,
        actor="owner",
        action=action,
        subject=f"account {asset_id}",
        reason=what,
        run=current_run(),
    )
    await notifications.put(
        connection,
        bc_id=bc_id,
        kind=NotificationKind.ACCOUNT_CHANGED,
        subject=f"account {asset_id}",
        text=f"{what} (account {asset_id}).",
        data={"asset_id": asset_id, "change": action},
        run=current_run(),
    )
