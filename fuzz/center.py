"""One seed's Business Center."""

from fuzz.outcome import Outcome
from fuzz.place import Place


async def run(seed: int, place: Place) -> Outcome:
    """Later."""
    raise NotImplementedError
