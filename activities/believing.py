"""
A definite no counts when TikTok says it twice.

One that was said by mistake would end rows, of an ad account or of a video hundreds at once. Only for questions that
may be repeated: making an ad may not.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from activities.failures import DEFINITE_NO
from tiktok import TikTokError

ASKED_TWICE_AFTER = 3.0
"""Seconds until TikTok is asked a second time before a definite no of it ends rows."""

T = TypeVar("T")


async def believed(question: Callable[[], Awaitable[T]], *, twice: tuple[type[TikTokError], ...] = DEFINITE_NO) -> T:
    """
    The answer to a question that TikTok may refuse, which is asked again once if it does.

    Args:
        question: what may be repeated.
        twice: refusals that count when they are said a second time.

    Raises:
        TikTokError: as of the second time.
    """
    try:
        return await question()
    except twice:
        await asyncio.sleep(ASKED_TWICE_AFTER)
        return await question()
