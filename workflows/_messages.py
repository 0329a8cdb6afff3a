"""
Reading signals by hand.

The SDK drops a signal that it can't decode, with a line in a log that nobody reads. Signals are written by people and by
programs in other languages, so ours arrive raw: what can't be read is counted and shown.
"""

from typing import TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue

from sparkads.contracts.base import Contract

Message = TypeVar("Message", bound=Contract)


class Undecodable:
    """How many signals could not be read, and what was wrong with the last one."""

    def __init__(self, count: int = 0, last: str = "") -> None:
        """Go on counting from an earlier run."""
        self.count = count
        self.last = last

    def read(self, raw: RawValue, shape: type[Message], signal: str) -> Message | None:
        """Decode a signal, or count it."""
        try:
            return shape.model_validate_json(raw.payload.data)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(str(part) for part in detail['loc']) or 'signal'}: {detail['msg']}"
                for detail in error.errors(include_url=False, include_context=False, include_input=False)[:5]
            )
        self.count += 1
        self.last = f"{signal}: {wrong}"[:500]
        workflow.logger.warning("undecodable signal", extra={"signal": signal, "problem": self.last})
        return None
