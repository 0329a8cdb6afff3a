"""
Reading signals by hand.

The SDK drops a signal that it can't decode, with a line in a log that nobody reads. Signals are written by people and
by programs in other languages, so ours arrive raw: what can't be read is counted and shown.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from sparkads.contracts.base import Contract
from sparkads.errors import Renewing, refused

Message = TypeVar("Message", bound=Contract)
Handler = TypeVar("Handler", bound=Callable[..., Any])


def one_value(handler: Handler) -> Handler:
    """
    Let a signal handler be called with any number of values; other than one counts as undecodable.

    The SDK calls a handler with as many values as were sent, and what it raises then fails the workflow's task, again
    and again: `temporal workflow signal` without `--input` would stop a Business Center for good.
    """

    def only(values: tuple[Any, ...]) -> RawValue:
        if len(values) == 1 and isinstance(values[0], RawValue):
            return values[0]
        return RawValue(Payload(data=b""))

    if inspect.iscoroutinefunction(handler):

        @wraps(handler)
        async def wait(self: object, *values: Any) -> None:
            await handler(self, only(values))

        return wait  # type: ignore[return-value]  # the SDK reads the type of the value from what is wrapped

    @wraps(handler)
    def take(self: object, *values: Any) -> None:
        handler(self, only(values))

    return take  # type: ignore[return-value]  # as above


def command_id() -> str:
    """The id of the update that is handled: a repeat of the same command carries the same."""
    info = workflow.current_update_info()
    return info.id if info else ""


class Renewal:
    """The end of a run: no new command is begun, so that those under way can finish and the next run can start."""

    def __init__(self) -> None:
        """Take commands."""
        self._draining = False

    def refuse_command(self) -> None:
        """
        For validators: under steady traffic there would never be a moment without a running handler.

        Raises:
            ApplicationError: Renewing. A refusal by a validator leaves nothing in the history; the client repeats it.
        """
        if self._draining:
            raise refused(Renewing("a new run is about to start; repeat the command in a moment"))

    async def drain(self) -> None:
        """Wait until every handler has finished; continue as new right after."""
        self._draining = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    def reopen(self) -> None:
        """Take commands again, where the run goes on after all."""
        self._draining = False


class Undecodable:
    """How many signals could not be read, and what was wrong with the last one."""

    def __init__(self, count: int = 0, last: str = "") -> None:
        """Go on counting from an earlier run."""
        self.count = count
        self.last = last

    def read(self, raw: RawValue, shape: type[Message], signal: str) -> Message | None:
        """Decode a signal, or count it."""
        wrong = "one JSON object is wanted"
        try:
            if raw.payload.data:
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
