"""What was called how often: totals, refusals by rate limit, and exact peaks in any second and any minute."""

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Peak:
    """The largest number of calls in any window of the given length, in seconds."""

    length: float
    highest: int = 0
    stamps: deque[float] = field(default_factory=deque)

    def add(self, now: float) -> None:
        """Count a call."""
        stamps = self.stamps
        while stamps and stamps[0] <= now - self.length:
            stamps.popleft()
        stamps.append(now)
        self.highest = max(self.highest, len(stamps))


@dataclass(slots=True)
class Tally:
    """Counts of one path, or of all."""

    calls: int = 0
    throttled: int = 0
    second: Peak = field(default_factory=lambda: Peak(1.0))
    minute: Peak = field(default_factory=lambda: Peak(60.0))

    def add(self, now: float) -> None:
        """Count a call."""
        self.calls += 1
        self.second.add(now)
        self.minute.add(now)

    def report(self, total_name: str) -> dict[str, Any]:
        """As the control API shows it."""
        return {
            total_name: self.calls,
            "throttled": self.throttled,
            "peak_per_second": self.second.highest,
            "peak_per_minute": self.minute.highest,
        }


class CallLog:
    """Tallies of known paths. Calls that were throttled count among the calls, too."""

    def __init__(self) -> None:
        self._all = Tally()
        self._paths: dict[str, Tally] = defaultdict(Tally)

    def arrived(self, path: str) -> None:
        """Count a call."""
        now = time.monotonic()
        self._all.add(now)
        self._paths[path].add(now)

    def throttled(self, path: str) -> None:
        """Count a refusal by rate limit."""
        self._all.throttled += 1
        self._paths[path].throttled += 1

    def report(self) -> dict[str, Any]:
        """Everything counted since the last reset."""
        paths = {path: tally.report("calls") for path, tally in sorted(self._paths.items())}
        return {**self._all.report("total"), "paths": paths}
