"""Commands of people, given by the harness: each has to be answered, by an answer or by a refusal with a name."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio.client import RPCTimeoutOrCancelledError
from temporalio.service import RPCError

from sparkads.errors import Refusal

WITHIN = 30.0
"""Seconds that a person waits."""


@dataclass(frozen=True)
class Said:
    """What a command came to: an answer, a refusal by name, or nothing of the kind."""

    answer: Any = None
    refusal: str = ""
    nothing: str = ""


async def answer_to(command: Callable[[], Awaitable[Any]], within: float = WITHIN) -> Said:
    """Give a command, and wait for its answer."""
    try:
        async with asyncio.timeout(within):
            return Said(answer=await command())
    except Refusal as refusal:
        return Said(refusal=f"{type(refusal).__name__}: {refusal}")
    except (TimeoutError, RPCTimeoutOrCancelledError):
        return Said(nothing=f"no answer within {within:.0f} s")
    except RPCError as error:
        return Said(nothing=f"no answer: {error}")
