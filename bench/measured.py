"""What publishing took, and the ratios that are compared with goals."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ENGINE, FLOOR = "sparkads", "plain script"

GROWN_FROM = 1_000
"""Targets that the largest run is compared with: growth is what more targets than these cost each."""


@dataclass(frozen=True)
class Measured:
    """One competitor's run.

    Attributes:
        name: Who.
        targets: Ads that were made.
        seconds: From the start, or the release's instant, until TikTok has made the last ad.
        confirmed_seconds: Until the last review is on record, too.
        cpu_seconds: Of its processes, its servers and PostgreSQL in that time, and in the seconds before the instant in
            which shards start; not of the simulator.
        cpu_seconds_before: The same from the start of a release until only its instant is left: rows read, gates,
            uploads. Others are given what is ready to be published.
        cpu_seconds_after: The same from there until the release has ended: leftovers removed, its report written.
        create_calls: Calls to ad/create.
        other_calls: All other calls in that time, media and the sweep apart.
        calls_before: The same from the start of a release until only its instant is left: roles, room, ad groups.
        database_bytes: By how much PostgreSQL has grown.
        history_bytes: Of the histories of its workflows in Temporal.
        events: History events in Temporal.
        memory_bytes: By how much the memory of its workers has grown at most.
    """

    name: str
    targets: int
    seconds: float
    confirmed_seconds: float
    cpu_seconds: float
    cpu_seconds_before: float
    cpu_seconds_after: float
    create_calls: int
    other_calls: int
    calls_before: int
    database_bytes: int
    history_bytes: int
    events: int
    memory_bytes: int

    @property
    def throughput(self) -> float:
        """Targets a second."""
        return self.targets / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU for each target."""
        return self.cpu_seconds / self.targets * 1_000


@dataclass(frozen=True)
class Ratio:
    """A figure with its goal. `at_most`: whether less is better."""

    name: str
    value: float
    goal: float
    at_most: bool

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def ratios(measured: Iterable[Measured]) -> list[Ratio]:
    """The engine against the plain script, of one run."""
    by_name = {one.name: one for one in measured}
    engine, floor = by_name[ENGINE], by_name[FLOOR]
    return [
        Ratio("throughput against the plain script", engine.throughput / floor.throughput, 0.85, at_most=False),
        Ratio("CPU against the plain script", engine.cpu_ms / floor.cpu_ms, 3, at_most=True),
        Ratio("create calls per target", engine.create_calls / engine.targets, 0.055, at_most=True),
        Ratio("other calls per target", engine.other_calls / engine.targets, 0.05, at_most=True),
        Ratio("history events per target", engine.events / engine.targets, 0.3, at_most=True),
    ]


def growth(runs: Sequence[Measured]) -> list[Ratio]:
    """What a target costs in the engine's largest run against a run of about a thousand; nothing without two sizes."""
    engine = sorted((one for one in runs if one.name == ENGINE), key=lambda one: one.targets)
    if len({one.targets for one in engine}) < 2:
        return []
    largest = engine[-1]
    base = min(engine[:-1], key=lambda one: abs(math.log(one.targets / GROWN_FROM)))
    sizes = f"at {largest.targets:,} against {base.targets:,}"
    return [
        Ratio(f"time per target {sizes}", base.throughput / largest.throughput, 1.1, at_most=True),
        Ratio(
            f"memory per target {sizes}",
            (largest.memory_bytes / largest.targets) / (base.memory_bytes / base.targets),
            1.1,
            at_most=True,
        ),
    ]
