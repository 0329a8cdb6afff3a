"""What goes wrong in a run and when, drawn from its seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from chaos.world import Owner, World

_DELAY = 1.0
"""Seconds a call may take longer: well below the settle window, which has to be longer than any call (runner.py)."""


class What(StrEnum):
    """Something that happens while the release runs."""

    WORKER_KILLED = "worker killed"
    POSTGRESQL_RESTARTED = "PostgreSQL restarted"
    TEMPORAL_RESTARTED = "Temporal restarted"
    OWNER_APPROVES = "owner approves"
    OWNER_REVOKES = "owner revokes"


@dataclass(frozen=True)
class Misfortune:
    """
    One of them.

    Attributes:
        at: seconds after the accounts were shared and the first rows were ready.
        what: what happens.
        handle: the owner's, where it is about one.
        worker: which worker, where it is about one; from 0.
        kill: whether a server is killed, or stopped in order.
        down: seconds for which a server stays away.
    """

    at: float
    what: What
    handle: str = ""
    worker: int = 0
    kill: bool = True
    down: float = 0.0

    def __str__(self) -> str:
        """In words."""
        if self.handle:
            return f"{self.what} (@{self.handle})"
        if self.what is What.WORKER_KILLED:
            return self.what
        return f"{self.what} ({'killed' if self.kill else 'in order'}, {self.down:.1f} s away)"


@dataclass(frozen=True)
class Storm:
    """
    How much goes wrong: `kills` of the `workers` and `restarts` of each server, spread over `seconds`.

    It is over earlier when every row is in a final state. Owners act within the first `owners` seconds.
    """

    seconds: float
    owners: float
    workers: int
    kills: int
    restarts: int


def storm_for(targets: int) -> Storm:
    """A storm longer than such a release takes in it: a worker dies every five seconds, each server every minute."""
    seconds = max(24.0, targets * 0.4)
    kills, restarts = round(seconds / 5), max(1, round(seconds / 60))
    return Storm(seconds, owners=seconds / 4, workers=3, kills=kills, restarts=restarts)


def draw(world: World, storm: Storm) -> list[Misfortune]:
    """Everything that happens to a world, in the order of time. The same seed and storm give the same."""
    random = Random(f"misfortunes/{world.seed}")  # noqa: S311 - repeatable on purpose
    drawn = [
        Misfortune(at, What.WORKER_KILLED, worker=random.randrange(storm.workers))
        for at in _spread(random, storm.kills, storm.seconds)
    ]
    for what in (What.POSTGRESQL_RESTARTED, What.TEMPORAL_RESTARTED):
        drawn += [
            Misfortune(at, what, kill=random.random() < 0.5, down=random.uniform(0, 2))  # noqa: PLR2004 - a coin
            for at in _spread(random, storm.restarts, storm.seconds)
        ]
    for what, owner in ((What.OWNER_APPROVES, Owner.LATE), (What.OWNER_REVOKES, Owner.REVOKES)):
        handles = world.handles(owner)
        instants = _spread(random, len(handles), storm.owners)
        drawn += [Misfortune(at, what, handle=handle) for at, handle in zip(instants, handles, strict=True)]
    return sorted(drawn, key=lambda one: one.at)


def _spread(random: Random, count: int, seconds: float) -> Iterable[float]:
    """One instant in each of `count` equal parts."""
    return [(number + random.random()) * seconds / count for number in range(count)]


def fault_plan(seed: int) -> dict[str, Any]:
    """Body of POST /control/faults: on all paths, as shares of the calls that no rule above has hit."""
    return {
        "seed": seed,
        "rules": [
            {"kind": "delay", "when": "before", "up_to": _DELAY, "share": 0.25},
            {"kind": "delay", "when": "after", "up_to": _DELAY, "share": 0.25},
            {"kind": "drop", "when": "before", "share": 0.05},
            {"kind": "drop", "when": "after", "share": 0.05},
            {"kind": "code", "code": 50000, "when": "before", "share": 0.02},
            {"kind": "code", "code": 50000, "when": "after", "share": 0.02},
            {"kind": "throttle", "share": 0.05},
        ],
    }
