"""Turns at TikTok, counted for all processes together: every window holds, and nobody waits without need."""

import asyncio
import time
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from store.call_turns import CallTurns
from store.database import Pool
from tests.conftest import Simulator, until
from tiktok import BASIC, Level, Limiter, Limits, Rate, Throttled, TikTok, Window
from workers.local import Stack

MARGIN = 0.025
CREATE = "ad/create/"
OTHER = "bc/get/"
START = 1_800_000_000.0
DAY = 86_400.0

_apps = count(1)


def app() -> str:
    """An app that nobody has called for yet."""
    return f"test app {next(_apps)}"


@dataclass
class Counted:
    """The SQL functions, with a clock that the test sets."""

    db: Pool
    app: str

    async def take(self, windows: list[tuple[str, Rate]], at: float, horizon: float = 1e9) -> tuple[bool, float]:
        granted, starts, _ = await self.turn(windows, at, horizon)
        return granted, starts

    async def turn(
        self, windows: list[tuple[str, Rate]], at: float, horizon: float = 1e9
    ) -> tuple[bool, float, list[int]]:
        row = await self.db.fetchrow(
            "SELECT * FROM take_call_turn($1, $2, $3, $4, $5, $6, $7)",
            [f"{self.app} {key}" for key, _ in windows],
            [rate.second for _, rate in windows],
            [rate.minute for _, rate in windows],
            [rate.day for _, rate in windows],
            MARGIN,
            horizon,
            at,
        )
        assert row is not None
        return row["granted"], at + row["wait"], row["numbers"]

    async def move(self, windows: list[tuple[str, Rate]], numbers: list[int], at: float) -> bool:
        moved: bool = await self.db.fetchval(
            "SELECT move_call_turn($1, $2, $3, $4)",
            [f"{self.app} {key}" for key, _ in windows],
            numbers,
            [rate.second for _, rate in windows],
            at,
        )
        return moved

    async def pause(self, key: str, at: float, per_day: int | None = None) -> float:
        seconds: float = await self.db.fetchval(
            "SELECT pause_calls($1, 1, 4, 300, 10, $2, $3)", f"{self.app} {key}", per_day, at
        )
        return seconds


def full_until(starts: list[float], rate: Rate) -> float:
    """The instant from which `rate` allows another call after `starts` (sorted)."""
    windows = ((rate.second, 1 + MARGIN), (rate.minute, 60 + MARGIN))
    earliest = max((starts[-n] + length for n, length in windows if n and len(starts) >= n), default=0.0)
    earliest = max(earliest, starts[-1] if starts else 0.0)
    if rate.day is not None and sum(start // DAY == earliest // DAY for start in starts) >= rate.day:
        earliest = (earliest // DAY + 1) * DAY + MARGIN
    return earliest


rates = st.builds(Rate, second=st.integers(1, 4), minute=st.integers(1, 12), day=st.integers(5, 30))
arrivals = st.lists(
    st.tuples(st.floats(0, 5).map(lambda gap: round(gap, 3)) | st.just(0.0), st.sampled_from([CREATE, OTHER])),
    min_size=1,
    max_size=40,
)


async def test_every_window_holds_and_no_call_waits_without_need(db: Pool) -> None:
    loop = asyncio.get_running_loop()

    async def play(all_calls: Rate, create: Rate, gaps: list[tuple[float, str]]) -> None:
        counted, now = Counted(db, app()), START
        app_starts: list[float] = []
        create_starts: list[float] = []
        for gap, path in gaps:
            now += gap
            windows = [("app", all_calls)] + ([(path, create)] if path == CREATE else [])
            granted, starts = await counted.take(windows, now)
            # Known from the model before the call is counted.
            earliest = max(now, full_until(app_starts, all_calls))
            if path == CREATE:
                earliest = max(earliest, full_until(create_starts, create))
            if earliest // DAY == now // DAY:
                assert granted
                assert starts == pytest.approx(earliest, abs=1e-3)
            app_starts.append(starts)
            if path == CREATE:
                create_starts.append(starts)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(all_calls=rates, create=rates, gaps=arrivals)
    def windows_hold(all_calls: Rate, create: Rate, gaps: list[tuple[float, str]]) -> None:
        asyncio.run_coroutine_threadsafe(play(all_calls, create, gaps), loop).result()

    await asyncio.to_thread(windows_hold)


async def test_windows_hold_for_calls_that_start_late(db: Pool) -> None:
    loop = asyncio.get_running_loop()

    async def play(rate: Rate, calls: list[tuple[float, float]]) -> None:
        counted, now, windows = Counted(db, app()), START, [("app", rate)]
        starts: list[float] = []
        for gap, late in calls:
            now = max([now + gap, *starts[-1:]])  # nobody asks in the past of what was moved
            _, begins, numbers = await counted.turn(windows, now, horizon=1e9)
            if late and await counted.move(windows, numbers, begins + late):
                begins += late
            starts.append(begins)
        for limit, window in ((rate.second, 1 + MARGIN), (rate.minute, 60 + MARGIN)):
            ordered = sorted(starts)
            spans = [later - earlier for earlier, later in zip(ordered, ordered[limit or 1 :], strict=False)]
            assert min(spans, default=window) >= window - 1e-5

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        rate=st.builds(Rate, second=st.integers(1, 4), minute=st.integers(4, 12)),
        calls=st.lists(st.tuples(st.sampled_from([0.0, 0.3, 2.0]), st.sampled_from([0.0, 0.0, 0.05, 0.6, 5.0]))),
    )
    def windows_hold(rate: Rate, calls: list[tuple[float, float]]) -> None:
        asyncio.run_coroutine_threadsafe(play(rate, calls), loop).result()

    await asyncio.to_thread(windows_hold)


async def test_a_turn_that_others_were_counted_by_is_not_moved(db: Pool) -> None:
    counted, rate = Counted(db, app()), [("app", Rate(second=2))]
    _, _, first = await counted.turn(rate, START)
    await counted.turn(rate, START)
    assert await counted.move(rate, first, START + 0.4)
    assert (await counted.turn(rate, START + 0.5))[1] == pytest.approx(START + 1.4 + MARGIN)

    assert not await counted.move(rate, first, START + 0.9)


async def test_a_turn_beyond_the_horizon_is_not_taken(db: Pool) -> None:
    counted, rate = Counted(db, app()), [("app", Rate(second=1))]
    assert await counted.take(rate, START) == (True, START)

    for _ in range(3):
        granted, starts = await counted.take(rate, START, horizon=0.5)
        assert (granted, starts) == (False, pytest.approx(START + 1 + MARGIN))

    assert await counted.take(rate, START + 0.9, horizon=0.5) == (True, pytest.approx(START + 1 + MARGIN))


async def test_a_day_that_is_used_up_ends_at_midnight_utc(db: Pool) -> None:
    counted, rate = Counted(db, app()), [("app", Rate(second=50, minute=50, day=7))]
    midnight = (START // DAY + 1) * DAY
    for number in range(7):
        assert await counted.take(rate, midnight - 100 + number) == (True, midnight - 100 + number)

    _, starts = await counted.take(rate, midnight - 10)

    assert starts == pytest.approx(midnight + MARGIN)


async def test_what_tiktok_throttles_is_held_up_longer_each_time_in_a_row(db: Pool) -> None:
    counted, now = Counted(db, app()), START
    pauses = []
    for _ in range(6):
        pauses.append(await counted.pause(CREATE, now))
        now += pauses[-1] + 1
    assert pauses == [1, 4, 16, 64, 256, 300]

    assert await counted.pause(CREATE, now + 60) == 1, "calls went well in the meantime"


async def test_calls_that_were_refused_together_count_as_one_time(db: Pool) -> None:
    counted = Counted(db, app())
    assert [await counted.pause(CREATE, START + late) for late in (0, 0.25, 0.5)] == [1, 0.75, 0.5]

    assert await counted.pause(CREATE, START + 2) == 4


async def test_a_throttled_key_holds_up_nothing_else(db: Pool) -> None:
    counted, rate = Counted(db, app()), Rate(second=10)
    await counted.pause(CREATE, START)

    assert await counted.take([("app", rate), (OTHER, rate)], START) == (True, START)
    _, starts = await counted.take([("app", rate), (CREATE, rate)], START)

    assert starts == START + 1


async def test_throttled_on_a_day_that_we_know_is_used_up_waits_for_midnight_utc(db: Pool) -> None:
    counted = Counted(db, app())
    for number in range(3):
        await counted.take([(CREATE, Rate(second=10, minute=100, day=3))], START + number)

    assert await counted.pause(CREATE, START + 10, per_day=3) == (START // DAY + 1) * DAY - START - 10


async def test_three_processes_together_keep_the_rate_and_use_it(db: Pool) -> None:
    rate, of_app = Rate(second=40, minute=3000), app()
    limiters = [Limiter(Limits(app=rate, advertiser=None), CallTurns(db, of_app)) for _ in range(3)]
    begun = time.monotonic()

    await asyncio.gather(*(limiters[number % 3].slot(f"path {number % 5}") for number in range(121)))

    rows = await db.fetch("SELECT at FROM call_starts WHERE key = $1 ORDER BY number", f"{of_app} app")
    starts = [row["at"] for row in rows]
    assert len(starts) >= 121
    assert min(later - earlier for earlier, later in zip(starts, starts[40:], strict=False)) >= 1 + MARGIN - 1e-6
    assert time.monotonic() - begun >= 3 * (1 + MARGIN) - 0.2


async def test_a_person_passes_before_the_fan_out(db: Pool) -> None:
    limiter = Limiter(Limits(app=Rate(second=2), advertiser=None), CallTurns(db, app()))
    order: list[str] = []

    async def call(name: str, *, urgent: bool) -> None:
        await limiter.slot(CREATE if name == "bulk" else OTHER, urgent=urgent)
        order.append(name)

    bulk = [asyncio.create_task(call("bulk", urgent=False)) for _ in range(7)]
    await until(lambda: _is(len(order) >= 2), "the first second is used up")
    await call("person", urgent=True)
    await asyncio.gather(*bulk)

    assert order.index("person") <= 3, order


async def _is(what: bool) -> bool:  # noqa: FBT001 - a condition to wait for
    return what


async def test_what_is_done_just_before_a_call_can_stop_it(db: Pool) -> None:
    limiter = Limiter(Limits(app=Rate(second=10)), CallTurns(db, app()))

    async def stop() -> None:
        raise RuntimeError("somebody else has it")

    with pytest.raises(RuntimeError, match="somebody else"):
        await limiter.slot(CREATE, just_before=stop)


async def test_calls_of_all_tokens_together_wait_and_a_throttling_answer_pauses_its_key(
    db: Pool, stack: Stack, simulator: Simulator
) -> None:
    token = SecretStr("turns-token")
    await simulator.post(
        "seed",
        {"business_centers": [{"bc_id": "7300000000000800001", "name": "T", "access_token": token.get_secret_value()}]},
    )
    limiter = Limiter(BASIC, CallTurns(db, app()))
    async with TikTok(stack.tiktok_base_url, limiter) as tiktok:
        clients = [tiktok.client(token, urgent=False), tiktok.client(token, urgent=True)]
        begun = time.monotonic()
        await asyncio.gather(*(clients[number % 2].business_centers.list() for number in range(31)))
        assert time.monotonic() - begun > 3

        rules = [{"path": "/bc/get/", "kind": "throttle", "code": 40100, "times": 1}]
        await simulator.post("faults", {"seed": 1, "rules": rules})
        with pytest.raises(Throttled) as throttled:
            await clients[0].business_centers.list()
        assert throttled.value.level is Level.APP
        assert throttled.value.retry_after == pytest.approx(1, abs=0.1)
        paused = time.monotonic()
        await clients[0].business_centers.list()
        assert time.monotonic() - paused > 0.8


def test_an_app_that_may_not_call_so_often_does_not_count_ad_accounts() -> None:
    windows = Limiter(BASIC, CallTurns(None, "app"))._windows(CREATE, "71")  # type: ignore[arg-type]
    assert windows == [
        Window("app", 10, 600, 864_000),
        Window(CREATE, 5, 150, 86_400),
        Window(f"{CREATE} 71"),
    ]
