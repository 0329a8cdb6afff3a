"""How often this process may call TikTok: exact sliding windows per app and per endpoint, first come first served.

TikTok counts per developer app, sends no rate headers, and does not say which window was hit, so the count is kept
here. A window slides: in no stretch of a second, a minute or a day do more calls start than the tier allows, which
is right whether TikTok's own windows slide or stand on the clock.
"""

import asyncio
from array import array
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

SECOND: Final = 1.0
MINUTE: Final = 60.0
DAY: Final = 86_400.0


class Rate(BaseModel):
    """Calls allowed to start in any second, any minute and any day."""

    model_config = ConfigDict(frozen=True)

    second: PositiveInt
    minute: PositiveInt
    day: PositiveInt


class Limits(BaseModel):
    """What one developer app may do.

    Attributes:
        app: All calls together; `None` for no limit. Whether TikTok counts this over all endpoints or for each is
            worded ambiguously in its documentation; one count over all is the careful reading.
        paths: Further limits by endpoint, e.g. `{"ad/create/": Rate(...)}`.
    """

    model_config = ConfigDict(frozen=True)

    app: Rate | None
    paths: Mapping[str, Rate] = Field(default_factory=dict)


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
UNLIMITED: Final = Limits(app=None)


class Limiter:
    """Lets calls start one after the other, each as early as the limits allow.

    Calls waiting for one endpoint's limit do not hold up calls to other endpoints.

    Args:
        limits: The tier of the app.
        margin: Seconds added to every window, because calls do not take equally long to arrive: TikTok counts arrivals,
            only starts are known here. What arrives later than its successors by more than this can still meet a
            full window, and `Throttled`.
    """

    def __init__(self, limits: Limits, *, margin: float = 0.05) -> None:
        self._app = _Gate(limits.app, margin) if limits.app else None
        self._paths = {path: _Gate(rate, margin) for path, rate in limits.paths.items()}

    async def slot(self, path: str) -> None:
        """Return when a call to `path` may start, having counted it.

        Cancelling the wait gives the place up and counts nothing.

        Args:
            path: The endpoint, e.g. `ad/create/`.
        """
        gates = [gate for gate in (self._paths.get(path), self._app) if gate]
        # The endpoint's gate comes first and stays held while waiting at the app's: it has room, nobody else can
        # take that room, and time only adds to it. So one instant satisfies both gates and is written into both.
        async with AsyncExitStack() as turns:
            for gate in gates:
                await turns.enter_async_context(gate.turn)
                while (wait := gate.wait(_now())) > 0:  # noqa: ASYNC110 - for an instant, not for an event
                    await asyncio.sleep(wait)
            now = _now()
            for gate in gates:
                gate.note(now)


class _Gate:
    """When the calls under one rate started, as far back as its largest window needs to know."""

    def __init__(self, rate: Rate, margin: float) -> None:
        self.turn = asyncio.Lock()  # first come, first served
        self._windows = (
            (rate.second, SECOND + margin),
            (rate.minute, MINUTE + margin),
            (rate.day, DAY + margin),
        )
        # A ring of 8-byte instants that grows to its capacity: a day of the highest tier is 35 MB, and only if used.
        self._capacity = max(count for count, _ in self._windows)
        self._starts = array("d")
        self._next = 0

    def wait(self, now: float) -> float:
        """Seconds from `now` until another call may start; not positive if it may now."""
        return max(
            (start + length - now for count, length in self._windows if (start := self._nth(count)) is not None),
            default=0.0,
        )

    def note(self, now: float) -> None:
        if len(self._starts) < self._capacity:
            self._starts.append(now)
        else:
            self._starts[self._next] = now
        self._next = (self._next + 1) % self._capacity

    def _nth(self, count: int) -> float | None:
        """When the count-th latest call started, if there were so many."""
        if count > len(self._starts):
            return None
        return self._starts[(self._next - count) % len(self._starts)]


def _now() -> float:
    # The loop's clock is the one that asyncio.sleep goes by.
    return asyncio.get_running_loop().time()
