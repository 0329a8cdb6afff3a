"""
Whose turn it is to call TikTok, counted in Postgres: what all processes together may do, none of them knows alone.

Fits `tiktok.limiter.Turns`. The counting itself is one SQL function (migration 0012), so that a turn is one question
with one lock, and the clock is one clock: the database's.
"""

from collections.abc import Sequence
from typing import Protocol

from store.database import Pool


class Window(Protocol):
    """A key that a call counts for, and how many calls of it may start in a second, a minute, a UTC day."""

    @property
    def key(self) -> str:
        """The app, an endpoint of it, or an endpoint for one ad account."""

    @property
    def second(self) -> int | None:
        """None: nothing is counted; the key may be paused all the same."""

    @property
    def minute(self) -> int | None:
        """Calls in a minute."""

    @property
    def day(self) -> int | None:
        """Calls in a UTC day."""


class CallTurns:
    """Turns of one developer app, for every process on this database."""

    def __init__(self, db: Pool, app: str) -> None:
        """
        Share the process's pool.

        Args:
            db: the store.
            app: which developer app the calls are made for; its id.
        """
        self._db = db
        self._app = app

    async def take(
        self, windows: Sequence[Window], *, margin: float, horizon: float
    ) -> tuple[bool, float, list[int | None]]:
        """
        Take the next turn if it comes within `horizon` seconds.

        Returns:
            Whether it was taken, seconds until it comes, and its number in each window that counts.
        """
        row = await self._db.fetchrow(
            "SELECT * FROM take_call_turn($1, $2, $3, $4, $5, $6)",
            [f"{self._app} {window.key}" for window in windows],
            [window.second for window in windows],
            [window.minute for window in windows],
            [window.day for window in windows],
            margin,
            horizon,
        )
        assert row is not None  # noqa: S101 - a function that returns a row
        return row["granted"], row["wait"], row["numbers"]

    async def move(self, windows: Sequence[Window], numbers: Sequence[int | None]) -> bool:
        """Count a turn from now on: it could not be used in time. False if others were counted by it already."""
        moved: bool = await self._db.fetchval(
            "SELECT move_call_turn($1, $2, $3)",
            [f"{self._app} {window.key}" for window in windows],
            list(numbers),
            [window.second for window in windows],
        )
        return moved

    async def pause(
        self, window: Window, *, first: float, growth: float, longest: float, in_a_row_within: float
    ) -> float:
        """TikTok said "too frequent": hold a key up, `growth` times longer each time in a row; returns seconds."""
        seconds: float = await self._db.fetchval(
            "SELECT pause_calls($1, $2, $3, $4, $5, $6)",
            f"{self._app} {window.key}",
            first,
            growth,
            longest,
            in_a_row_within,
            window.day,
        )
        return seconds
