"""What is due later: transitions of the pretended world, applied at their exact instants whenever somebody looks.

Nothing runs in the background. Each request first settles the schedule, so what it sees is what had happened by then,
stamped with the instant at which it was due.
"""

import heapq
from collections.abc import Callable
from itertools import count

Transition = Callable[[float], None]


class Schedule:
    """A heap of transitions by due time (seconds since the epoch); equal times keep their order."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Transition]] = []
        self._order = count()

    def at(self, due: float, transition: Transition) -> None:
        """Plan a transition; it is called with the instant at which it was due."""
        heapq.heappush(self._heap, (due, next(self._order), transition))

    def settle(self, now: float) -> None:
        """Apply everything due by `now`, in order of time."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            due, _, transition = heapq.heappop(heap)
            transition(due)
