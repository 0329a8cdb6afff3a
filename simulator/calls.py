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
class Series:
    """How many calls, between which instants (`time.monotonic`), and how dense."""

    count: int = 0
    first: float | None = None
    last: float | None = None
    second: Peak = field(default_factory=lambda: Peak(1.0))
    minute: Peak = field(default_factory=lambda: Peak(60.0))

    def add(self, now: float) -> None:
        """Count a call."""
        self.count += 1
        self.first = now if self.first is None else self.first
        self.last = now
        self.second.add(now)
        self.minute.add(now)


@dataclass(slots=True)
class Tally:
    """Counts of one path, or of all."""

    arrived: Series = field(default_factory=Series)
    accepted: Series = field(default_factory=Series)
    throttled: int = 0

    def report(self, total_name: str) -> dict[str, Any]:
        """As the control API shows it."""
        return {
            total_name: self.arrived.count,
            "throttled": self.throttled,
            "peak_per_second": self.arrived.second.highest,
            "peak_per_minute": self.arrived.minute.highest,
            "accepted": self.accepted.count,
            "first_accepted": self.accepted.first,
            "last_accepted": self.accepted.last,
            "accepted_peak_per_second": self.accepted.second.highest,
            "accepted_peak_per_minute": self.accepted.minute.highest,
        }


class CallLog:
    """
    Tallies of known paths, and of all together.

    Every call has arrived. One that the app's rate limit, and no fault in its place, let through is accepted, whatever
    is answered to it. What is refused later, by the limit of an ad account, counts as accepted and as throttled.
    """

    def __init__(self) -> None:
        self._all = Tally()
        self._paths: dict[str, Tally] = defaultdict(Tally)

    def arrived(self, path: str) -> None:
        """Count a call."""
        now = time.monotonic()
        self._all.arrived.add(now)
        self._paths[path].arrived.add(now)

    def accepted(self, path: str) -> None:
        """Count a call that the rate limit let through."""
        now = time.monotonic()
        self._all.accepted.add(now)
        self._paths[path].accepted.add(now)

    def throttled(self, path: str) -> None:
        """Count a refusal by rate limit."""
        self._all.throttled += 1
        self._paths[path].throttled += 1

    def report(self) -> dict[str, Any]:
        """Everything counted since the last reset."""
        paths = {path: tally.report("calls") for path, tally in sorted(self._paths.items())}
        return {**self._all.report("total"), "paths": paths}
