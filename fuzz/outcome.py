"""What came of one seed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fuzz.proxy import Line
from fuzz.verdict import Evidence, Violation, busiest_minute
from fuzz.world import World

Kind = Literal["release", "center"]


@dataclass(frozen=True)
class Outcome:
    """
    One seed's run.

    Attributes:
        seed: repeats it.
        kind: of a release, or of a Business Center.
        alterations: what was altered.
        hits: which answers were, the same ones together.
        violations: what does not hold.
        rows: at the end.
        at_stop: the rows when the alterations were stopped.
        said: what the release said of itself then.
        pending: activities that fail again and again at the end.
        calls: by endpoint, how many there were, and the most in a minute about the same.
        seconds: how long it took.
        evidence: what a release was judged by.
    """

    seed: int
    kind: Kind
    alterations: tuple[str, ...]
    hits: tuple[str, ...]
    violations: tuple[Violation, ...]
    rows: tuple[str, ...] = ()
    at_stop: tuple[str, ...] = ()
    said: str = ""
    pending: tuple[str, ...] = ()
    calls: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    seconds: float = 0.0
    evidence: Evidence | None = field(default=None, repr=False)

    @property
    def is_good(self) -> bool:
        """Whether everything holds."""
        return not self.violations


def calls_of(line: Line) -> dict[str, tuple[int, int]]:
    """By endpoint, how many calls there were, and the most in any minute about the same."""
    found: dict[str, dict[str, list[float]]] = {}
    for call in line.calls:
        found.setdefault(call.endpoint, {}).setdefault(call.subject, []).append(call.at)
    return {
        endpoint: (sum(map(len, of.values())), max(map(busiest_minute, of.values()))) for endpoint, of in found.items()
    }


def lines_of(line: Line, world: World) -> tuple[str, ...]:
    """The altered answers of a line in words: which, and how often."""
    letters = dict(zip(world.ad_accounts, "ABC", strict=True))
    told = Counter(
        f"{hit.call.endpoint} {letters.get(hit.call.advertiser_id, '')}: {hit.said[:240]}" for hit in line.hits
    )
    return tuple(f"{count}x {what}" for what, count in told.items())
