"""Rules for names and captions that campaigns, ad groups and ads share."""

import re
import unicodedata
from typing import Final

from simulator.envelope import parameter_error

NAME_LENGTH: Final = 512
"""Longest name of a campaign, ad group or ad."""

_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\U000e0020-\U000e007f]")


def check_text(field: str, text: str, longest: int) -> None:
    """Emoji are refused, and wide characters count twice.

    Raises:
        ApiError: 40002 that names the field.
    """
    if text.isascii():
        length = len(text)
    else:
        if _EMOJI.search(text):
            raise parameter_error(f"Invalid value of '{field}': emoji are not supported")
        length = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
    if length > longest:
        raise parameter_error(f"Invalid value of '{field}': at most {longest} characters are allowed")
