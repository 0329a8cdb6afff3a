"""The limiter lets calls start as early as the limits allow, and not earlier. Time is a loop's that jumps."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok import BASIC, UNLIMITED, Limiter, Limits, Rate

MARGIN = 0.01
CREATE = "ad/create/"
OTHER = "bc/get/"


class JumpingSelector(selectors.DefaultSelector):
    """Where a loop would wait, its clock jumps instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "every task waits for another"
        self.now += max(timeout, 1e-9)
        return super().select(0)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    selector = JumpingSelector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    try:
        loop.run_until_complete(test())
    finally:
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


rates = st.builds(Rate, second=st.integers(1, 4), minute=st.integers(1, 12), day=st.integers(1, 30))
arrivals = st.lists(
    st.tuples(st.floats(0, 5).map(lambda gap: round(gap, 3)) | st.just(0.0), st.sampled_from([CREATE, OTHER])),
    min_size=1,
    max_size=40,
)


async def starts_of(limiter: Limiter, arrivals: list[tuple[float, str]]) -> list[tuple[float, float, str]]:
    """(arrived, started, path) of every call, in order of arrival."""

    async def call(path: str) -> tuple[float, float, str]:
        arrived = now()
        await limiter.slot(path)
        return arrived, now(), path

    calls = []
    for gap, path in arrivals:
        if gap:
            await asyncio.sleep(gap)
        calls.append(asyncio.create_task(call(path)))
    return list(await asyncio.gather(*calls))


def full_until(starts: list[float], rate: Rate) -> float:
    """The instant from which `rate` allows another call after `starts` (sorted)."""
    windows = ((rate.second, 1 + MARGIN), (rate.minute, 60 + MARGIN), (rate.day, 86_400 + MARGIN))
    return max((starts[-count] + length for count, length in windows if len(starts) >= count), default=0.0)


@given(app=rates, create=rates, arrivals=arrivals)
@settings(max_examples=60, deadline=None)
def test_every_window_holds_and_no_call_waits_without_need(
    app: Rate, create: Rate, arrivals: list[tuple[float, str]]
) -> None:
    async def test() -> None:
        limiter = Limiter(Limits(app=app, paths={CREATE: create}), margin=MARGIN)
        calls = await starts_of(limiter, arrivals)

        for path in (CREATE, OTHER):
            own = [started for _, started, of in calls if of == path]
            assert own == sorted(own), "first come, first served"

        ordered = sorted(calls, key=lambda call: call[1])
        for number, (arrived, started, path) in enumerate(ordered):
            before = ordered[:number]
            earliest = full_until([s for _, s, _ in before], app)
            if path == CREATE:
                earliest = max(earliest, full_until([s for _, s, of in before if of == CREATE], create))
            assert started >= earliest - 1e-6
            # A call starts when it comes, or when a window has room, or right behind another that had to wait.
            behind = before[-1][1] if before else 0.0
            assert started <= max(arrived, earliest, behind) + 1e-6

    run(test)


def test_a_busy_endpoint_does_not_hold_up_others() -> None:
    async def test() -> None:
        limiter = Limiter(Limits(app=Rate(second=100, minute=1000, day=10_000), paths={CREATE: rate(1)}), margin=MARGIN)
        begun = now()
        creates = [asyncio.create_task(limiter.slot(CREATE)) for _ in range(5)]
        await asyncio.sleep(0.1)
        await limiter.slot(OTHER)
        assert now() - begun == pytest.approx(0.1, abs=1e-3)
        await asyncio.gather(*creates)
        assert now() - begun == pytest.approx(4 * 1.01, abs=1e-3)

    run(test)


def test_a_wait_given_up_counts_nothing_and_blocks_nobody() -> None:
    async def test() -> None:
        limiter = Limiter(Limits(app=rate(1)), margin=MARGIN)
        begun = now()
        await limiter.slot(OTHER)
        waiting = [asyncio.create_task(limiter.slot(OTHER)) for _ in range(3)]
        await asyncio.sleep(0.1)
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert now() - begun == pytest.approx(1.01, abs=1e-3)

    run(test)


def test_the_basic_tier_is_used_to_the_full() -> None:
    async def test() -> None:
        limiter = Limiter(BASIC, margin=MARGIN)
        begun = now()
        await asyncio.gather(*(limiter.slot(OTHER) for _ in range(1201)))
        # The first call of the third minute.
        assert 120 <= now() - begun < 121.5

    run(test)


def test_ad_create_has_its_own_minute() -> None:
    async def test() -> None:
        limiter = Limiter(BASIC, margin=MARGIN)
        begun = now()
        await asyncio.gather(*(limiter.slot(CREATE) for _ in range(151)))
        assert now() - begun == pytest.approx(60, rel=0.01)

    run(test)


def test_the_day_is_counted_over_a_ring_that_wraps() -> None:
    async def test() -> None:
        limiter = Limiter(Limits(app=Rate(second=50, minute=50, day=7)))
        begun = now()
        calls: list[Awaitable[None]] = [limiter.slot(OTHER) for _ in range(22)]
        await asyncio.gather(*calls)
        assert now() - begun == pytest.approx(3 * 86_400, rel=1e-3)

    run(test)


def test_unlimited_never_waits() -> None:
    async def test() -> None:
        limiter = Limiter(UNLIMITED)
        begun = now()
        for _ in range(1000):
            await limiter.slot(CREATE)
        assert now() == begun

    run(test)


def rate(second: int) -> Rate:
    return Rate(second=second, minute=1000, day=10_000)
