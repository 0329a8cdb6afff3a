"""What one review finds, and how it asks: each thing by itself, so that one that is not answered spoils no other."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from temporalio.exceptions import ApplicationError

from activities.failures import tiktok_failures
from activities.listings import ACCOUNT_LIST, what_is_missing
from activities.members import current_run
from sparkads.contracts.drift import Difference, DifferenceKind, Handling
from sparkads.contracts.notification import NotificationKind
from store import audit, differences, notifications, releases
from store.authorizations import ListedAccount
from store.database import Connection, Pool
from store.sharing import BY_HAND, Grant, Link
from tiktok import Rows, TikTokClient, TikTokError
from tiktok.wire import Received

R = TypeVar("R", bound=Received)

AT_ONCE = 8
"""Questions side by side: few enough to leave a person's command its share of the rate."""

ANSWERED_WITHIN = 60.0
"""Seconds for one question, all its pages: what takes longer is left out this time."""

_WORDS = 500


class Findings:
    """
    What one review of one Business Center finds.

    Attributes:
        everything: whether every ad account and every member is asked about.
        adopted: differences that our record now follows.
        left_out: by subject, why TikTok did not tell of it.
        not_understood: by subject, what of TikTok's answer has no meaning here, or could not be read.
        campaigns: whose rows may go on.
    """

    def __init__(self, db: Pool, client: TikTokClient, bc_id: str, *, everything: bool) -> None:
        self.db = db
        self.client = client
        self.bc_id = bc_id
        self.everything = everything
        self.adopted: list[Difference] = []
        self.left_out: dict[str, str] = {}
        self.not_understood: dict[str, str] = {}
        self.campaigns: set[str] = set()
        self._answered: set[str] = set()
        self._clear: set[str] = set()
        self._failed: TikTokError | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ask(
        self,
        subject: str,
        read: Callable[[], Awaitable[Rows[R]]],
        *,
        passing: type[TikTokError] | tuple[type[TikTokError], ...] = (),
    ) -> Rows[R] | None:
        """What TikTok lists of a subject; None if it does not answer. Errors of kind `passing` are the caller's."""
        try:
            async with self._turns, asyncio.timeout(ANSWERED_WITHIN):
                rows = await read()
        except TimeoutError:
            self.left_out[subject] = f"no answer within {ANSWERED_WITHIN:g} seconds"
            return None
        except TikTokError as error:
            if isinstance(error, passing):
                self._answered.add(subject)
                raise
            self.left_out[subject] = str(error)
            self._failed = error
            return None
        self._answered.add(subject)
        self.understood(subject, what_is_missing(rows))
        return rows

    def understood(self, subject: str, problem: str = "") -> None:
        """Note that an answer about a subject makes sense, or what of it does not."""
        if problem:
            self.not_understood[subject] = problem
        else:
            self._clear.add(subject)

    async def conclude(self) -> tuple[str, ...]:
        """
        Put on record what was left out, as long as it lasts; returns, a line each, what was left out before, too.

        Raises:
            ApplicationError: TikTok has answered no question at all.
        """
        if self.left_out and not self._answered:
            with tiktok_failures():
                raise self._failed or ApplicationError(next(iter(self.left_out.values())), type="TikTokFault")
        lasting: list[str] = []
        async with self.db.acquire() as connection, connection.transaction():
            for kind, standing, settled in (
                (DifferenceKind.NOT_ANSWERED, self.left_out, self._answered),
                (DifferenceKind.NOT_UNDERSTOOD, self.not_understood, self._clear),
            ):
                for subject, problem in standing.items():
                    news = await differences.note(
                        connection,
                        self.bc_id,
                        kind=kind,
                        subject=subject,
                        recorded="",
                        found=problem[:_WORDS],
                        handling=Handling.FLAGGED,
                    )
                    if not news:
                        lasting.append(f"{subject}: {problem}"[:_WORDS])
                if self.everything:
                    # The list of accounts is the sweep's.
                    await differences.settle_others(connection, self.bc_id, kind, [*standing, ACCOUNT_LIST])
                else:
                    await differences.settle(connection, self.bc_id, kind, [*settled - standing.keys()])
        return tuple(lasting)

    async def adopt(
        self,
        connection: Connection,
        kind: DifferenceKind,
        asset_id: str,
        *,
        subject: str,
        recorded: str,
        found: str,
    ) -> None:
        """Say that our record follows TikTok now."""
        await differences.note(
            connection,
            self.bc_id,
            kind=kind,
            subject=subject,
            recorded=recorded,
            found=found,
            handling=Handling.ADOPTED,
        )
        self.adopted.append(
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
        await self.tell_of_difference(connection, asset_id, what, Handling.ADOPTED)

    async def tell_of_difference(self, connection: Connection, asset_id: str, what: str, handling: Handling) -> None:
        """Tell people of something that was changed by hand."""
        done = "our record follows TikTok" if handling is Handling.ADOPTED else "please decide"
        await notifications.put(
            connection,
            bc_id=self.bc_id,
            kind=NotificationKind.DRIFT,
            subject=f"account {asset_id}",
            text=f"Something was changed in Business Center by hand. {what}; {done}.",
            data={"asset_id": asset_id, "handling": handling},
            run=current_run(),
        )
        await self._audit(connection, asset_id, f"drift {handling}", what, actor=BY_HAND)

    async def tell_of_change(self, connection: Connection, asset_id: str, what: str) -> None:
        """Tell people what can be done with an account now."""
        await notifications.put(
            connection,
            bc_id=self.bc_id,
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
            bc_id=self.bc_id,
            actor=actor,
            action=action,
            subject=f"account {asset_id}",
            reason=reason,
            run=current_run(),
        )

    async def sharing_changed(self, handle: str) -> None:
        """Let releases go on that wait for an account."""
        self.campaigns |= set(await releases.campaigns_waiting_for(self.db, self.bc_id, handle))


def called(account: ListedAccount | Link | Grant) -> str:
    """An account, for people."""
    return f"@{account.handle} ({account.asset_id})" if account.handle else f"account {account.asset_id}"
