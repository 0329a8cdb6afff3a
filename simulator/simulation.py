"""One running simulator: the world plus what stands between it and the callers."""

from simulator.calls import CallLog
from simulator.faults import Faults
from simulator.limits import Limiter
from simulator.state import World


class Simulation:
    """State shared by the API, the consent page and the control API."""

    def __init__(self, public_url: str = "") -> None:
        self.world = World(public_url=public_url.rstrip("/"))
        self.limiter = Limiter()
        self.calls = CallLog()
        self.faults = Faults()

    def reset(self) -> None:
        """Back to an empty world with default settings, fresh counters and no faults."""
        self.world.reset()
        self.limiter = Limiter()
        self.calls = CallLog()
        self.faults = Faults()
