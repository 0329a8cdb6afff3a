"""The sweep: list what TikTok says a Business Center holds. Scans, revocations and renames have no other trace."""

from datetime import timedelta

from pydantic import TypeAdapter, ValidationError
from temporalio import activity

from activities.failures import tiktok_failures
from activities.handles import bare_handle
from activities.listings import ACCOUNT_LIST, tiktok_accounts, what_is_missing
from activities.members import current_run
from activities.platform import Platform
from sparkads.contracts.base import Contract, TikTokId
from sparkads.contracts.drift import DifferenceKind, Handling
from sparkads.contracts.notification import NotificationKind
from store import audit, authorizations, differences, notifications
from store.authorizations import ListedAccount, Narrowed, Renamed, Sweep
from store.database import Connection, Pool
from tiktok import Asset, Rows

_USE = {"POST": "posts and videos", "LIVE": "live"}

_ID: TypeAdapter[str] = TypeAdapter(TikTokId)


class SweepAnswer(Contract):
    """What a sweep found, and when to look again."""

    found: Sweep
    seconds_if_awaited: float
    seconds_if_idle: float
    seconds_between_reviews: float
    seconds_between_drift_checks: float
    untold: int
    """notifications that wait to be delivered"""
    unread: str = ""
    """what of the listing could not be read; nobody is lost as long as that is so"""


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
        # Where nobody is authorized nothing can be lost: an answer without a list is that of an empty Business Center.
        may_lose = await authorizations.has_active(self._db, bc_id)
        with tiktok_failures():
            assets = await client.business_centers.all_assets(bc_id, "TT_ACCOUNT")
            if may_lose and not assets:
                assets = await tiktok_accounts(client, bc_id)
        listed = _accounts(assets)
        unread = what_is_missing(assets) if may_lose or listed else ""
        async with self._db.acquire() as connection, connection.transaction():
            renamed, narrowed = await authorizations.changes(connection, bc_id, listed)
            found = await authorizations.sweep(connection, bc_id, listed, is_complete=assets.is_complete)
            moved = [await authorizations.rename(connection, bc_id, one) for one in renamed]
            await self._note_unread(connection, bc_id, unread, listed=len(listed))
            # Whoever writes to the trail holds its end until the transaction is over, so that comes last.
            for one, rows in zip(renamed, moved, strict=True):
                await self._tell_of_name(connection, bc_id, one, rows)
            for other in narrowed:
                await self._tell_of_scope(connection, bc_id, other)
            untold, _ = await notifications.waiting(connection, bc_id)
        return SweepAnswer(found=found, untold=untold, unread=unread, **self._seconds)

    async def _note_unread(self, connection: Connection, bc_id: str, unread: str, *, listed: int) -> None:
        """Tell people once that the list can't be read in full, until it can be again."""
        kind = DifferenceKind.NOT_UNDERSTOOD
        if not unread:
            await differences.settle(connection, bc_id, kind, [ACCOUNT_LIST])
            return
        news = await differences.note(
            connection,
            bc_id,
            kind=kind,
            subject=ACCOUNT_LIST,
            recorded=f"{listed} accounts could be read",
            found=unread,
            handling=Handling.FLAGGED,
        )
        if news:
            await notifications.put(
                connection,
                bc_id=bc_id,
                kind=NotificationKind.ATTENTION,
                subject=f"Business Center {bc_id}",
                text=f"TikTok's list of the accounts of Business Center {bc_id} can't be read in full ({unread}). "
                f"The {listed} accounts that can be read go on as usual. No account is taken for gone until the whole "
                "list can be read again; if that does not come by itself, see the accounts in Business Center.",
                data={"listed": listed},
                run=current_run(),
            )

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


def _accounts(assets: Rows[Asset]) -> list[ListedAccount]:
    """What of a listing can be an account; what can't joins what could not be read."""
    found: dict[str, ListedAccount] = {}
    for asset in assets:
        try:
            asset_id = _ID.validate_python(asset.asset_id)
        except ValidationError:
            assets.left_out.append(f"bc/asset/admin/get/: {asset.asset_id[:50]!r} is no id of an account")
            continue
        # Pages may overlap while accounts come and go.
        found[asset_id] = ListedAccount(
            asset_id=asset_id,
            handle=bare_handle(asset.tt_asset_handle),
            name=asset.asset_name,
            uses=tuple(sorted(set(asset.tt_account_roles))),
        )
    return list(found.values())


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
