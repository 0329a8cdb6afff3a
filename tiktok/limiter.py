"""How often TikTok may be called: by developer app, by endpoint, and by endpoint for one ad account.

TikTok counts per developer app, sends no rate headers, and does not say which window was hit, so the count is kept on
our side. Where it is kept is the caller's: `Turns` counts for all processes of an app together. Here is what a call
counts for, how long ahead it asks, and what a throttling answer means.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

MARGIN: Final = 0.15
"""
Seconds by which every window is kept longer than TikTok's.

TikTok counts arrivals, only starts are known here, and no two calls take equally long to arrive. Where a second is the
limit, 87% of the rate are left; where a minute is, as for ads in every tier, 99.8%.
"""

AHEAD: Final = 0.1
"""Seconds ahead of a turn at which it is asked for: time for the question itself, and for what is done just before."""

AHEAD_URGENT: Final = 1.0
"""The same for calls that a person waits for: they stand in line before all those that ask later."""

TRIES: Final = 3
"""Times that a call tells its count that it starts later than its turn. A process as busy as that starts it then."""

LONGEST_SLEEP: Final = 5.0
"""Seconds after which somebody who waits asks again: a key's pause may have been lifted."""

PAUSE: Final = 1.0
"""Seconds that a key is held up for the first time: until TikTok's next second."""
PAUSE_GROWTH: Final = 4.0
"""Each time in a row longer by this, since the answer does not tell a full second from a full minute."""
LONGEST_PAUSE: Final = 300.0
"""TikTok's advice where a minute's allowance is used up: five minutes."""
IN_A_ROW: Final = 10.0
"""Seconds after a pause within which a further throttling answer counts as one in a row."""


class Rate(BaseModel):
    """Calls allowed to start in any second, any minute and a UTC day. None: no such limit."""

    model_config = ConfigDict(frozen=True)

    second: PositiveInt
    minute: PositiveInt | None = None
    day: PositiveInt | None = None


class Limits(BaseModel):
    """What one developer app may do.

    Attributes:
        app: All calls together. Whether TikTok counts this over all endpoints or for each is worded ambiguously in its
            documentation; one count over all is the careful reading.
        paths: Further limits by endpoint, e.g. `{"ad/create/": Rate(...)}`.
        advertiser: Calls to one endpoint for one ad account. 20 a second were seen in production; not documented.
    """

    model_config = ConfigDict(frozen=True)

    app: Rate
    paths: Mapping[str, Rate] = Field(default_factory=dict)
    advertiser: Rate | None = Rate(second=20)


def _tier(app: Rate, ad_create: Rate) -> Limits:
    return Limits(
        app=app,
        paths={
            "ad/create/": ad_create,
            "report/task/create/": Rate(second=2, minute=60, day=4_500),
            "campaign/copy/task/create/": Rate(second=1, minute=30, day=432_000),
            "campaign/copy/task/check/": Rate(second=2, minute=60, day=864_000),
        },
    )


# The four tiers of TikTok's rate limit page; a tier is granted to an app on request.
BASIC: Final = _tier(Rate(second=10, minute=600, day=864_000), Rate(second=5, minute=150, day=86_400))
ADVANCED: Final = _tier(Rate(second=20, minute=1_200, day=1_728_000), Rate(second=10, minute=200, day=86_400))
PREMIUM: Final = _tier(Rate(second=30, minute=1_800, day=2_592_000), Rate(second=10, minute=300, day=86_400))
ULTIMATE: Final = _tier(Rate(second=50, minute=3_000, day=4_320_000), Rate(second=15, minute=300, day=86_400))


@dataclass(frozen=True, slots=True)
class Window:
    """A key that a call counts for, with its rate. Without one nothing is counted, but the key can be paused."""

    key: str
    second: int | None = None
    minute: int | None = None
    day: int | None = None


class Turns(Protocol):
    """Counts calls for everybody who calls for the same app."""

    async def take(
        self, windows: Sequence[Window], *, margin: float, horizon: float
    ) -> tuple[bool, float, list[int | None]]:
        """Take the next turn if it comes within `horizon` seconds.

        Returns:
            Whether it was taken, seconds until it comes, and its number in each window that counts.
        """

    async def move(self, windows: Sequence[Window], numbers: Sequence[int | None]) -> bool:
        """Count a turn from now on: it could not be used in time. False if others were counted by it already."""

    async def pause(
        self, window: Window, *, first: float, growth: float, longest: float, in_a_row_within: float
    ) -> float:
        """Hold a key up, `growth` times longer each time in a row; returns seconds."""


class _Turn(NamedTuple):
    """The right to start a call at an instant of the loop's clock."""

    starts_at: float
    numbers: Sequence[int | None]


class Limiter:
    """Lets calls start one after the other, each as early as the limits allow.

    Calls that wait for one endpoint or ad account do not hold up others.

    Args:
        limits: The tier of the app.
        turns: Where they are counted.
        margin: Seconds by which every window is kept longer than TikTok's: more where calls take unequally long.
    """

    def __init__(self, limits: Limits, turns: Turns, *, margin: float = MARGIN) -> None:
        self._limits = limits
        self._turns = turns
        self._margin = margin
        self._one_asks: defaultdict[tuple[str, str | None], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def slot(
        self,
        path: str,
        *,
        advertiser_id: str | None = None,
        urgent: bool = False,
        just_before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Return when a call may start, having counted it. A wait that is cancelled may have been counted.

        Args:
            path: The endpoint, e.g. `ad/create/`.
            advertiser_id: The ad account that it is about, if any.
            urgent: Whether a person waits for it: it stands in line before what is not urgent.
            just_before: What has to be done between the wait and the call; what it raises keeps the call from starting.
        """
        windows = self._windows(path, advertiser_id)
        turn: _Turn | None = None
        while turn is None:
            turn = await self._turn(path, advertiser_id, windows, urgent=urgent)
            await asyncio.sleep(turn.starts_at - _now())
            # So late that others were counted by it: the turn is lost, and the call takes another one.
            turn = await self._kept(windows, turn)
        if just_before is not None:
            await just_before()
            await self._kept(windows, turn)

    async def _kept(self, windows: Sequence[Window], turn: _Turn) -> _Turn | None:
        """What is counted is when a call starts: a process that was busy moves its turn. None if it can't be moved."""
        for _ in range(TRIES):
            # The other half is for the call's way to TikTok.
            if _now() - turn.starts_at < self._margin / 2:
                break
            asked_at = _now()
            if not await self._turns.move(windows, turn.numbers):
                return None
            turn = _Turn(asked_at, turn.numbers)
        return turn

    async def throttled(self, path: str, advertiser_id: str | None, *, whole_app: bool) -> float:
        """TikTok said "too frequent": hold up what it said it of, and nothing else. Returns seconds.

        Args:
            path: The endpoint.
            advertiser_id: The ad account that the call was about.
            whole_app: Whether TikTok spoke of the app's limit, and not of the ad account's or of a value's.
        """
        windows = self._windows(path, None if whole_app else advertiser_id)
        return await self._turns.pause(
            windows[-1], first=PAUSE, growth=PAUSE_GROWTH, longest=LONGEST_PAUSE, in_a_row_within=IN_A_ROW
        )

    async def _turn(self, path: str, advertiser_id: str | None, windows: Sequence[Window], *, urgent: bool) -> _Turn:
        if urgent:
            return await self._taken(windows, AHEAD_URGENT)
        # In this process one asks for all that wait for the same: first come, first served, and few questions.
        async with self._one_asks[path, advertiser_id]:
            return await self._taken(windows, AHEAD)

    async def _taken(self, windows: Sequence[Window], ahead: float) -> _Turn:
        while True:
            asked_at = _now()
            granted, wait, numbers = await self._turns.take(windows, margin=self._margin, horizon=ahead)
            if granted:
                # From the question and not from the answer, which may have come late.
                return _Turn(asked_at + wait, numbers)
            await asyncio.sleep(min(wait - ahead / 2, LONGEST_SLEEP))

    def _windows(self, path: str, advertiser_id: str | None) -> list[Window]:
        """What a call counts for: the app first, since whoever holds that in the count can't be waited for."""
        windows = [_window("app", self._limits.app), _window(path, self._limits.paths.get(path))]
        if advertiser_id is not None:
            windows.append(_window(f"{path} {advertiser_id}", self._advertiser_rate()))
        return windows

    def _advertiser_rate(self) -> Rate | None:
        # An app that may not call so often altogether need not count it for each ad account.
        rate = self._limits.advertiser
        return rate if rate is not None and rate.second < self._limits.app.second else None


def _window(key: str, rate: Rate | None) -> Window:
    return Window(key) if rate is None else Window(key, rate.second, rate.minute, rate.day)


def _now() -> float:
    # The loop's clock is the one that asyncio.sleep goes by.
    return asyncio.get_running_loop().time()
