"""How TikTok counts the caption of a pushed post, and what it refuses in one."""

import re
import unicodedata
from typing import Final

MAX_CAPTION: Final = 100
"""The most that a caption may count (TikTok ad/create, ad_text)."""

_DOUBLE: Final = frozenset("WF")
"""
East Asian widths, of wide and full-width characters, that count two.

TikTok's page says it of Chinese and Japanese ones; of Hangul only a third party's list does, and so it is counted.
"""

_EMOJI: Final = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u231a\u231b\u23e9-\u23fa\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u20e3\ufe0f]"
)

_DOUBTFUL: Final = "@#{}"
"""Older specifications of TikTok forbid some of these, its help calls @ and # not clickable in captions of ads."""


def counted(caption: str) -> int:
    """What TikTok counts: Chinese, Japanese and Korean characters twice, all others once."""
    return sum(2 if unicodedata.east_asian_width(letter) in _DOUBLE else 1 for letter in caption)


def has_emoji(caption: str) -> bool:
    """Whether there is an emoji in it: TikTok refuses those in ad text, and in the names of what is made."""
    return _EMOJI.search(caption) is not None


def doubtful(caption: str) -> str:
    """The characters in it that TikTok may not take, or may show as plain text."""
    return "".join(letter for letter in _DOUBTFUL if letter in caption)


def problems(caption: str) -> tuple[tuple[str, str], ...]:
    """Why TikTok would refuse it as the caption of a push, each with what to do."""
    if not caption.strip():
        return (("is empty", "a push needs a caption; it cannot be changed later"),)
    found = []
    if (count := counted(caption)) > MAX_CAPTION:
        double = "" if count == len(caption) else ", because Chinese, Japanese and Korean ones count twice"
        found.append((f"counts {count} characters{double}", f"TikTok takes {MAX_CAPTION}"))
    if has_emoji(caption):
        found.append(("has an emoji", "TikTok refuses emoji in ad text"))
    return tuple(found)
