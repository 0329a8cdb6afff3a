"""
What is altered in a run, drawn from its seed.

A field is chosen when the first answer that has fields comes in, by the seed and from the names of that answer alone:
the same seed alters the same, as far as the same calls are made in the same order.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from fuzz.codes import CODES, Code

Path = tuple[str, ...]
"""Names from an answer's envelope down to a field; "*" stands for the entries of a list."""

UNKNOWN_VALUE = "SOMETHING_NEW"
EACH = "*"
ANY = "*"
"""As an endpoint: all of them."""

_ENUM = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
ID = re.compile(r"\d{12,}|[0-9a-f]{8}-[0-9a-f-]{27}")
"""An id as TikTok writes them, wherever it stands."""

_NAMES_AN_ENTRY = (
    "asset_id identity_id user_id advertiser_id item_id ad_id adgroup_id campaign_id video_id bc_id".split()
)


class What(StrEnum):
    """What is done to an answer."""

    NULL = "is null"
    LEFT_OUT = "is left out"
    OTHER_TYPE = "has another type"
    ENUM = "has an unknown value"
    NO_LIST = "list is missing"
    ODD_ENTRY = "one entry is nothing"
    EXTRA_ENTRY = "one entry more, of nulls"
    CODE = "code"
    HTTP = "HTTP status"
    HTML = "HTML"
    EMPTY = "empty body"
    TRUNCATED = "truncated body"
    SLOW = "slow"


FIELDS = (What.NULL, What.LEFT_OUT, What.OTHER_TYPE, What.ENUM, What.NO_LIST)
ENTRIES = (What.NULL, What.LEFT_OUT, What.OTHER_TYPE, What.ENUM, What.ODD_ENTRY, What.EXTRA_ENTRY)
PASSING = (What.HTTP, What.HTML, What.EMPTY, What.TRUNCATED, What.SLOW)
"""What says nothing definite about what was asked: it may hold a row up, and never end it."""


@dataclass(frozen=True)
class Alteration:
    """
    One of them.

    Attributes:
        what: what is done.
        endpoint: below the API's path, such as `ad/create/`, or ANY.
        ad_account: number of the ad account whose calls are altered; None: whoever the call is about.
        times: how many answers; None: all of them, until it is stopped.
        before: whether TikTok never saw the call; else it was done, and only the answer is altered.
        one_entry: of a list, only one entry, always the same.
        draw: what a field, an entry and a value are chosen by.
        code: for CODE.
        message: for CODE; may be empty.
        status: for HTTP and HTML.
        seconds: for SLOW.
    """

    what: What
    endpoint: str
    draw: str
    ad_account: int | None = None
    times: int | None = None
    before: bool = False
    one_entry: bool = False
    code: Code | None = None
    message: str = ""
    status: int = 200
    seconds: float = 0.0

    @property
    def passes(self) -> bool:
        """Whether it leaves open that the same call works later."""
        return self.what in PASSING or (self.code is not None and self.code.passes)

    def __str__(self) -> str:
        """In words."""
        what = {
            What.CODE: f"code {self.code.number if self.code else ''} {json.dumps(self.message)}",
            What.HTTP: f"HTTP {self.status}",
            What.HTML: f"HTML with HTTP {self.status}",
            What.SLOW: f"{self.seconds:.1f} s late",
        }.get(self.what, str(self.what))
        where = "any ad account" if self.ad_account is None else f"ad account {'ABC'[self.ad_account]}"
        often = "until stopped" if self.times is None else f"{self.times} times"
        whole = ", in one entry" if self.one_entry else ""
        done = "the call is not done" if self.before else "the call is done"
        endpoint = "any endpoint" if self.endpoint == ANY else self.endpoint
        return f"{endpoint}, {where}: {what}{whole}; {often}; {done}"


OF_AD_ACCOUNTS = (
    "ad/create/ ad/get/ adgroup/create/ adgroup/get/ campaign/create/ campaign/get/ file/video/ad/upload/ "
    "file/video/ad/info/ file/video/ad/search/ file/video/suggestcover/ file/image/ad/upload/ file/name/check/ "
    "identity/get/ identity/video/info/ identity/music/authorization/ asset/bind/quota/ advertiser/info/ "
    "adgroup/quota/ ad/create/ ad/get/ adgroup/create/ bc/asset/advertiser/assign/"
).split()
"""Endpoints that are asked about one ad account at a time; those that make something twice as often."""

OF_BUSINESS_CENTERS = (
    "bc/member/get/ bc/asset/get/ bc/asset/admin/get/ bc/asset/assign/ bc/partner/get/ "
    "bc/asset/advertiser/assigned/ bc/asset/account/authorization/"
).split()

LISTINGS = (
    "bc/asset/admin/get/ bc/asset/admin/get/ bc/asset/get/ bc/asset/get/ bc/member/get/ bc/member/get/ "
    "identity/get/ identity/get/ bc/partner/get/ bc/partner/asset/get/ bc/asset/advertiser/assigned/"
).split()
"""What a Business Center is known by; some are read more often than others."""

SHORT = 1.5
"""Seconds that a call that makes something may arrive late: no call may take longer than the settle window."""


def of_release(seed: int) -> list[Alteration]:
    """What is altered while a release runs: one thing, or a few."""
    random = Random(f"release/{seed}")  # noqa: S311 - repeatable on purpose
    count = random.choices((1, 2, 3), weights=(6, 3, 1))[0]
    return [_of_release(random, f"{seed}/{number}") for number in range(count)]


def _of_release(random: Random, draw: str) -> Alteration:
    is_about_ad_account = random.random() < 0.75  # noqa: PLR2004 - a share
    endpoint = random.choice(OF_AD_ACCOUNTS if is_about_ad_account else OF_BUSINESS_CENTERS)
    if random.random() < 0.06:  # noqa: PLR2004 - a share
        endpoint = ANY
    ad_account = random.randrange(3) if is_about_ad_account and random.random() < 0.75 else None  # noqa: PLR2004
    times = random.choice((1, 3, None))
    kinds = {"fields": 50, "code": 30, "body": 15, "slow": 5}
    match random.choices(list(kinds), weights=list(kinds.values()))[0]:
        case "fields":
            what = random.choice((*FIELDS, What.ODD_ENTRY, What.EXTRA_ENTRY))
            one_entry = what is not What.NO_LIST and random.random() < 0.5  # noqa: PLR2004 - a coin
            return Alteration(what, endpoint, draw, ad_account, times, one_entry=one_entry)
        case "code":
            code = random.choice(CODES)
            message = code.message if random.random() < 0.8 else ""  # noqa: PLR2004 - a share
            # A code that says that a call can't be done is not answered to one that was; a fault may be.
            before = not code.passes or random.random() < 0.6  # noqa: PLR2004 - a share
            return Alteration(What.CODE, endpoint, draw, ad_account, times, before, code=code, message=message)
        case "body":
            what = random.choice((What.HTTP, What.HTML, What.EMPTY, What.TRUNCATED))
            before = what is not What.TRUNCATED and random.random() < 0.5  # noqa: PLR2004 - a coin
            status = random.choice((500, 502, 503, 504)) if what is What.HTTP else random.choice((200, 502, 504))
            return Alteration(what, endpoint, draw, ad_account, times, before, status=status)
        case _:
            before = random.random() < 0.5  # noqa: PLR2004 - a coin
            seconds = random.uniform(0.5, SHORT if before else 8.0)
            return Alteration(What.SLOW, endpoint, draw, ad_account, times, before, seconds=seconds)


def of_business_center(seed: int) -> list[Alteration]:
    """What is odd in a Business Center: one entry of a listing, or a few."""
    random = Random(f"center/{seed}")  # noqa: S311 - repeatable on purpose
    count = random.choices((1, 2), weights=(3, 1))[0]
    return [
        Alteration(random.choice(ENTRIES), random.choice(LISTINGS), f"{seed}/{number}", one_entry=True)
        for number in range(count)
    ]


class Odd:
    """An alteration at work: what it has chosen, and how often it may still be done."""

    def __init__(self, alteration: Alteration) -> None:
        """Begin with nothing chosen."""
        self.alteration = alteration
        self.left = alteration.times
        self._random = Random(alteration.draw)  # noqa: S311 - repeatable on purpose
        self._wants_entries = self._random.random() < 0.85  # noqa: PLR2004 - a share
        self._value = self._random.random()
        self._path: Path | None = None
        self._entry: str | None = None

    @property
    def chosen(self) -> str:
        """The field that is altered."""
        return ".".join(self._path or ())

    def alter(self, envelope: Any) -> tuple[str, frozenset[str]] | None:
        """
        Alter an answer in place.

        Returns:
            What was altered and the ids that stand beside it in its entry, or None if there is no such thing in it.
        """
        if self._path is None:
            self._path = self._choose(envelope)
            if self._path is None:
                return None
        if self.alteration.what in {What.ODD_ENTRY, What.EXTRA_ENTRY}:
            return self._alter_list(envelope, self._path)
        return self._alter_fields(envelope, self._path)

    def _choose(self, envelope: Any) -> Path | None:
        found = dict(_walk(envelope, ()))
        what = self.alteration.what
        wanted = sorted(path for path, value in found.items() if _suits(what, path, value))
        if what in {What.ODD_ENTRY, What.EXTRA_ENTRY}:
            return self._random.choice(wanted) if wanted else None
        in_entries = [path for path in wanted if EACH in path]
        if in_entries and (self._wants_entries or self.alteration.one_entry):
            wanted = in_entries
        elif self.alteration.one_entry or (
            self._wants_entries and what is not What.NO_LIST and any(value == [] for value in found.values())
        ):
            return None  # a list that is empty now may hold something later
        return self._random.choice(wanted) if wanted else None

    def _alter_fields(self, envelope: Any, path: Path) -> tuple[str, frozenset[str]] | None:
        said, beside = [], set[str]()
        for holder, name, entry in _holders(envelope, path):
            if self.alteration.one_entry and not self._is_the_one(entry):
                continue
            beside |= _ids(entry)
            said.append(self._set(holder, name))
        if not said:
            return None
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return f"{'.'.join(path)} {said[0]}{more}", frozenset(beside if self.alteration.one_entry else ())

    def _alter_list(self, envelope: Any, path: Path) -> tuple[str, frozenset[str]] | None:
        for holder, name, _ in _holders(envelope, path):
            entries = holder[name]
            if not isinstance(entries, list):
                continue
            if self.alteration.what is What.EXTRA_ENTRY:
                like = entries[0] if entries and isinstance(entries[0], dict) else {}
                entries.insert(int(self._value * (len(entries) + 1)), dict.fromkeys(like))
                return f"{'.'.join(path)}: an entry of nulls was added", frozenset()
            for number, entry in enumerate(entries):
                if self._is_the_one(entry):
                    ids = _ids(entry)
                    entries[number] = self._random_value((None, {}, "nothing", 7, []))
                    return f"{'.'.join(path)}: an entry became {json.dumps(entries[number])}", ids
        return None

    def _is_the_one(self, entry: Any) -> bool:
        called = _called(entry)
        if self._entry is None:
            # One in two, so that it is not always the first.
            if self._random.random() < 0.5:  # noqa: PLR2004 - a coin
                return False
            self._entry = called
        return called == self._entry

    def _set(self, holder: Any, name: str) -> str:
        old = holder[name]
        match self.alteration.what:
            case What.LEFT_OUT:
                del holder[name]
                return "was left out"
            case What.OTHER_TYPE:
                others: tuple[Any, ...] = (7, "text", True, [], {}, ["text"], {"odd": 1}, 1.5)
                holder[name] = self._random_value([one for one in others if type(one) is not type(old)])
            case What.ENUM:
                holder[name] = UNKNOWN_VALUE
            case What.NO_LIST if self._value < 0.5:  # noqa: PLR2004 - a coin
                del holder[name]
                return "was left out"
            case _:
                holder[name] = None
        return f"became {json.dumps(holder[name])}, was {json.dumps(old)[:80]}"

    def _random_value(self, values: Sequence[Any]) -> Any:
        return values[int(self._value * len(values))]


def _suits(what: What, path: Path, value: Any) -> bool:
    if path[0] in {"code", "request_id"} and what is not What.OTHER_TYPE:
        return path[0] == "request_id" and what in {What.NULL, What.LEFT_OUT}
    match what:
        case What.ENUM:
            return isinstance(value, str) and path[-1] != "message" and _ENUM.fullmatch(value) is not None
        case What.NO_LIST:
            return isinstance(value, list) or path == ("data",)
        case What.ODD_ENTRY:
            return isinstance(value, list) and bool(value) and EACH not in path
        case What.EXTRA_ENTRY:
            return isinstance(value, list) and EACH not in path
        case _:
            return path[-1] != EACH


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every path in a JSON value; of a list, those of all entries together."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            # Keyed by id: the id is no name.
            yield from _walk(inner, (*path, EACH if ID.fullmatch(name) else name))
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, (*path, EACH))


def _holders(value: Any, path: Path, entry: Any = None) -> list[tuple[Any, Any, Any]]:
    """Where the last name of a path is to be found: what holds it, the name, and the list's entry that it is in."""
    name, rest = path[0], path[1:]
    if name == EACH:
        pairs = list(enumerate(value)) if isinstance(value, list) else []
        if isinstance(value, dict):
            pairs = [(key, inner) for key, inner in value.items() if ID.fullmatch(key)]
        if not rest:
            return [(value, key, entry or inner) for key, inner in pairs]
        return [found for _, inner in pairs for found in _holders(inner, rest, entry or inner)]
    if not isinstance(value, dict) or name not in value:
        return []
    return [(value, name, entry)] if not rest else _holders(value[name], rest, entry)


def _called(entry: Any) -> str:
    """By what an entry is found again in another answer."""
    if isinstance(entry, dict):
        for name in _NAMES_AN_ENTRY:
            if isinstance(entry.get(name), str):
                return str(entry[name])
    return json.dumps(entry, sort_keys=True)


def _ids(entry: Any) -> frozenset[str]:
    """The ids that an entry names, at any depth."""
    if entry is None:
        return frozenset()
    return frozenset(ID.findall(json.dumps(entry)))
