"""Rate limits: exact sliding windows a second and a minute, and a count per UTC day, by app and by tier.

The numbers are TikTok's published table. A refused call counts for nothing.
"""

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from simulator.config import Config
from simulator.envelope import ApiError

SECOND: Final = 1.0
MINUTE: Final = 60.0
DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls allowed in any second, in any minute, and in one UTC day."""

    per_second: int
    per_minute: int
    per_day: int


APP: Final = {
    "basic": Quota(10, 600, 864_000),
    "advanced": Quota(20, 1_200, 1_728_000),
    "premium": Quota(30, 1_800, 2_592_000),
    "ultimate": Quota(50, 3_000, 4_320_000),
}
"""All calls of one app."""

PATHS: Final = {
    "/ad/create/": {
        "basic": Quota(5, 150, 86_400),
        "advanced": Quota(10, 200, 86_400),
        "premium": Quota(10, 300, 86_400),
        "ultimate": Quota(15, 300, 86_400),
    },
}
"""Calls of one app to one path, besides the app's own."""

TEXTS: Final = (
    "Too many requests. Please retry in some time.",
    "Too many requests by this developer. Please retry in some time.",
    "Requests made too frequently. Please retry in some time.",
)
"""Texts seen with 40100; none tells which window was full."""


@dataclass(slots=True)
class Window:
    """Accepted calls of the last minute, and how many there were today."""

    stamps: deque[float] = field(default_factory=deque)
    day: int = 0
    today: int = 0

    def has_room(self, quota: Quota, now: float, day: int) -> bool:
        """Whether one more call fits each window ending now."""
        stamps = self.stamps
        while stamps and stamps[0] <= now - MINUTE:
            stamps.popleft()
        if len(stamps) >= quota.per_minute:
            return False
        if len(stamps) >= quota.per_second and stamps[-quota.per_second] > now - SECOND:
            return False
        return self.day != day or self.today < quota.per_day

    def take(self, now: float, day: int) -> None:
        """Count a call."""
        if self.day != day:
            self.day, self.today = day, 0
        self.today += 1
        self.stamps.append(now)


class Limiter:
    """Windows of all apps."""

    def __init__(self) -> None:
        self._apps: dict[str, Window] = defaultdict(Window)
        self._paths: dict[tuple[str, str], Window] = defaultdict(Window)
        self._advertisers: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._texts = cycle(TEXTS)

    def admit(self, config: Config, app_id: str, path: str) -> None:
        """Count a call of an app.

        Raises:
            ApiError: 40100 when a window is full; nothing is counted then.
        """
        if config.tier == "unlimited":
            return
        now, day = time.monotonic(), int(time.time() // DAY)
        app = self._apps[app_id]
        admitted = app.has_room(APP[config.tier], now, day)
        path_quota = PATHS.get(path)
        if path_quota is None:
            if admitted:
                app.take(now, day)
        else:
            one_path = self._paths[app_id, path]
            admitted = admitted and one_path.has_room(path_quota[config.tier], now, day)
            if admitted:
                app.take(now, day)
                one_path.take(now, day)
        if not admitted:
            raise ApiError(40100, next(self._texts))

    def admit_advertiser(self, config: Config, advertiser_id: str, path: str) -> None:
        """Count a call on an ad account, where such a limit is configured.

        Raises:
            ApiError: 40133 with the text seen in production.
        """
        limit = config.advertiser_qps
        if limit is None or not advertiser_id:
            return
        now = time.monotonic()
        stamps = self._advertisers[advertiser_id, path]
        while stamps and stamps[0] <= now - SECOND:
            stamps.popleft()
        if len(stamps) >= limit:
            raise ApiError(
                40133,
                f"Advertiser ({advertiser_id})'s QPS ({len(stamps) + 1}) reaches QPS limit {limit} for current path, "
                "request is temporarily restricted.",
            )
        stamps.append(now)
