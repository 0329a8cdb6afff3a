"""What TikTok must have once only and can be found again by its name: what to do if an answer is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tiktok import DuplicateName, DuplicateRequest, UnknownOutcome

LOOKS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each look for a thing that may have been made: TikTok does not say when it lists what is new. Together
they are longer than the 10 seconds within which it guards against a repeat."""

T = TypeVar("T")


async def found_or_made(find: Callable[[], Awaitable[T | None]], make: Callable[[], Awaitable[T]]) -> T:
    """A thing that is found by its name, or made; arguments and errors as of `made_once`."""
    found = await find()
    return await made_once(find, make) if found is None else found


async def made_once(find: Callable[[], Awaitable[T | None]], make: Callable[[], Awaitable[T]]) -> T:
    """
    A thing that is not there, made.

    After a lost answer, and after TikTok's word that the name is taken, it is looked for, and never made again at once.
    Only when it stays away may the caller's activity be tried again, which begins with a look; TikTok refuses a second
    thing of the same name then, however late the first comes to light.

    Args:
        find: looks for it by its name.
        make: makes it, with that name. Without a `request_id`: that guards for 10 seconds, and then lets a name be used
            twice, while without one a name that is taken is refused for good (tiktok campaign and ad group create).

    Raises:
        TikTokError: it could not be made, or it is not known whether it was.
    """
    try:
        return await make()
    except (UnknownOutcome, DuplicateName, DuplicateRequest):
        for pause in LOOKS:
            await asyncio.sleep(pause)
            found = await find()
            if found is not None:
                return found
        raise
