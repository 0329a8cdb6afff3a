"""How long a name or a caption is in TikTok's eyes: wide characters count twice, emoji are not taken."""

import re
import unicodedata
from typing import Final

from simulator.config import Config
from simulator.envelope import parameter_error

NAME_LENGTH: Final = 512
"""Longest name of a campaign, ad group or ad."""
CAPTION_LENGTH: Final = 100
"""Longest caption of a post that an ad makes."""

_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u231a\u231b\u23e9-\u23fa\u25fd\u25fe\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55"
    "\u3030\u303d\u3297\u3299\ufe0f\u20e3\U000e0020-\U000e007f]"
)
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")


def width(text: str, hangul: int = 2) -> int:
    """Characters as TikTok counts them: Chinese, Japanese and other wide ones are two; Korean ones as given."""
    if text.isascii():
        return len(text)
    return sum(
        hangul if _HANGUL.match(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text
    )


def check_text(config: Config, field: str, text: str, longest: int) -> None:
    """Whether a text is without emoji and short enough.

    Raises:
        ApiError: 40002 that names the field.
    """
    if _EMOJI.search(text):
        raise parameter_error(f"Invalid value of '{field}': emoji are not supported")
    if width(text, config.hangul_width) > longest:
        raise parameter_error(f"Invalid value of '{field}': at most {longest} characters are allowed")
