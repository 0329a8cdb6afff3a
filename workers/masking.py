"""Hide ids and words in what TikTok answers, so that an answer can be kept and shown to others."""

import re
from collections.abc import Mapping
from typing import Any, Final

_TOLD: Final = re.compile(
    r"(?:^|_)(status|type|types|mode|modes|role|roles|level|range|currency|currencies|time|format|country|country_code"
    r"|region_code|region_codes|timezone|placement|placements|objective|goal|event|pacing|call_to_action|language"
    r"|region_list|dimensions|metrics|fields|reason|review_info|lang|entity|sort_field)$"
)
"""Fields whose values are TikTok's own words. In all others a word may be somebody's."""

_OWN_WORDS: Final = re.compile(r"[A-Z][A-Z0-9_]*|[a-z][a-z0-9_]{0,30}|[A-Za-z_]+/[A-Za-z0-9_+/-]+|[\d:TZ. /+-]+")
"""What TikTok's words look like: enum values, formats, zones, instants."""

_NUMBER: Final = re.compile(r"-?\d{1,6}(\.\d+)?")
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID: Final = re.compile(rf"\d{{7,}}|{_UUID}", re.IGNORECASE)
_MAIL: Final = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"',]+")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_HANDLE: Final = re.compile(r"@[\w.]+")
_SHORTEST_WORD: Final = 3
_LONGEST_PLAIN_NUMBER: Final = 10**12
"""Numbers below it are sums, sizes and Unix seconds; ids written as numbers are longer."""


class Masks:
    """One mask for each value, wherever it occurs: what was the same is still seen to be the same."""

    def __init__(self) -> None:
        self._masks: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def data(self, value: Any, name: str = "") -> Any:
        """A value out of JSON without ids and words; `name` is the field it stands in."""
        match value:
            case Mapping():
                return {self._key(str(key)): self.data(one, str(key)) for key, one in value.items()}
            case list() | tuple():
                return [self.data(one, name) for one in value]
            case str():
                return self._string(value, name)
            case bool() | None:
                return value
            case int() if _names_id(name) or abs(value) >= _LONGEST_PLAIN_NUMBER:
                return f"{self._mask('id', str(value))} (a number)"
            case _:
                return value

    def text(self, text: str) -> str:
        """A sentence of TikTok's without the ids, addresses and known words in it."""
        text = _URL.sub(lambda found: self._mask("url", found.group()), text)
        text = _MAIL.sub(lambda found: self._mask("mail", found.group()), text)
        text = _HANDLE.sub(lambda found: self._mask("word", found.group()), text)
        text = _ID.sub(lambda found: self._mask("id", found.group()), text)
        # The longest first: one name may be a part of another.
        for word in sorted(self._masks, key=len, reverse=True):
            if len(word) >= _SHORTEST_WORD and self._masks[word].startswith("word"):
                text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", self._masks[word], text)
        return text

    def _key(self, key: str) -> str:
        # Some answers are maps by id.
        return self._mask("id", key) if _ID.fullmatch(key) else key

    def _string(self, value: str, name: str) -> str:
        is_id = _names_id(name) or _ID.fullmatch(value) is not None
        if value in {"", "0"} or (_NUMBER.fullmatch(value) and not is_id):
            return value
        if _TOLD.search(name) and _OWN_WORDS.fullmatch(value) and not is_id:
            return value
        if _URL.fullmatch(value):
            return self._mask("url", value)
        if _MAIL.fullmatch(value):
            return self._mask("mail", value)
        return self._mask("id" if is_id else "word", value)

    def _mask(self, kind: str, value: str) -> str:
        if value not in self._masks:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._masks[value] = f"{kind}-{self._counts[kind]}"
        return self._masks[value]


def _names_id(name: str) -> bool:
    return name == "id" or name.endswith(("_id", "_ids"))
