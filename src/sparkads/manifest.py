"""
The manifest: a label's spreadsheet, one row for each post.

`read` finds every mistake at once, each with its row, its column, what was read and what to do. `bundle` puts the rows
and the files that they name into the object store, by content; only a manifest without a mistake can be bundled. A
file is a path beside the manifest or an address: `read` asks an address what it has, `bundle` downloads it.
"""

import csv
import difflib
import io
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import Field

from sparkads import clock
from sparkads.contracts.base import BlobRef, Contract, Handle, Name, TikTokId
from sparkads.files import Files
from sparkads.web_files import WebFile, WebFileUnreadable, is_address, look, shown, web_file

COLUMNS: dict[str, str] = {
    "row_id": "your own id of the row; stays the same when the row moves",
    "mode": "push (publish a video as a post) or pull (use an existing post)",
    "account": "handle of the TikTok account",
    "ad_account": "id of the ad account that pays",
    "territory": "two letters, ISO 3166: where the ad runs",
    "location_id": "TikTok's id of that place",
    "time_zone": "IANA name of the zone that release_at is in",
    "release_at": "local wall time YYYY-MM-DD HH:MM, or now",
    "visibility": "push: ads_only or profile. pull: empty",
    "video": "push: the file, relative to the manifest, or its https address. pull: empty",
    "post_id": "pull: id of the post. push: empty",
    "caption": "push: up to 100 characters, no emoji. pull: empty",
    "landing_url": "https address that the ad leads to",
    "call_to_action": "TikTok's word, for example LISTEN_NOW",
    "daily_budget": "per ad group, in the ad account's currency",
    "cover": "may be left out. push: a jpg or png like the video; empty: TikTok's first frame",
    "ad_group_id": "may be left out. TikTok's id of an ad group to use; empty: one is made",
    "tier": "may be left out. 0 goes out first, as a canary, then 1, and so on; empty: 1",
}

OPTIONAL: Final = frozenset({"cover", "ad_group_id", "tier"})
"""Columns that a manifest need not have."""

CALLS_TO_ACTION = frozenset(
    """APPLY_NOW BOOK_NOW CALL_NOW CHECK_AVAILABLILITY CONTACT_US DOWNLOAD_NOW EXPERIENCE_NOW GET_QUOTE GET_SHOWTIMES
    GET_TICKETS_NOW INSTALL_NOW INTERESTED LEARN_MORE LISTEN_NOW ORDER_NOW PLAY_GAME PREORDER_NOW READ_MORE SEND_MESSAGE
    SHOP_NOW SIGN_UP SUBSCRIBE VIEW_NOW VIEW_PROFILE VISIT_STORE WATCH_LIVE WATCH_NOW""".split()
)

MAX_VIDEO_BYTES = 500 * 1024 * 1024
"""TikTok's limit of an uploaded video (tiktok file rules)."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".mpeg", ".mpg", ".avi")
MAX_COVER_BYTES = 100 * 1024 * 1024
"""TikTok's limit of an uploaded image (tiktok file rules)."""
COVER_SUFFIXES = (".jpg", ".jpeg", ".png")
LOOKS_AT_ONCE = 8
"""Addresses asked at a time."""
MAX_CAPTION = 100
"""Characters of ad_text (TikTok ad create)."""
MAX_URL = 2000
"""Characters of a landing page's address that a row may carry: more is a slip of the pen."""
MAX_ROWS = 10_000

_ROW_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_HANDLE = re.compile(r"^@?[A-Za-z0-9._]{2,24}$")
_DIGITS = re.compile(r"^[0-9]{1,20}$")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u231a\u231b\u23e9-\u23fa\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u20e3\ufe0f\u200d]"
)


Source: TypeAlias = Path | WebFile
"""Where a file that a row names is."""


class Mode(StrEnum):
    """How a target becomes an ad (R13)."""

    PUSH = "push"
    PULL = "pull"


class Visibility(StrEnum):
    """Where a pushed post is seen. Always said, never guessed (domain decision 6)."""

    ADS_ONLY = "ads_only"
    PROFILE = "profile"


class ManifestRow(Contract):
    """One target: one creative, on one TikTok account, through one ad account."""

    row_id: Name
    mode: Mode
    account: Handle
    ad_account: TikTokId
    territory: str = Field(pattern=r"^[A-Z]{2}$")
    location_id: TikTokId
    time_zone: str
    release_at: datetime | None = Field(description="wall time in time_zone; None: now")
    visibility: Visibility | None = None
    video: BlobRef | None = None
    post_id: TikTokId | None = None
    caption: str = Field(default="", max_length=MAX_CAPTION)
    landing_url: str = Field(max_length=MAX_URL)
    call_to_action: str
    daily_budget: Decimal = Field(gt=0)
    cover: BlobRef | None = Field(default=None, description="None: the first frame that TikTok proposes")
    ad_group_id: TikTokId | None = Field(default=None, description="None: an ad group is made")
    tier: int = Field(default=1, ge=0, le=99, description="tiers go out one after the other; 0 is the canary")

    def due_at(self, now: datetime) -> datetime:
        """The instant at which the row is due; `now` if the row says so."""
        return now if self.release_at is None else clock.instant(self.release_at, self.time_zone)


class ReleaseBundle(Contract):
    """A manifest without mistakes, with its videos by content: what a release is started with."""

    rows: tuple[ManifestRow, ...] = Field(min_length=1, max_length=MAX_ROWS)


class Problem(Contract):
    """One mistake in a manifest."""

    row: int = Field(description="line of the spreadsheet; 1 is the header")
    column: str
    read: str = Field(description="what stands there")
    problem: str
    advice: str = Field(description="what to do")

    def __str__(self) -> str:
        """One line for a terminal or a log."""
        shown = f" {self.read!r}" if self.read else ""
        return f"row {self.row}, {self.column}:{shown} {self.problem}; {self.advice}"


class Manifest(Contract):
    """What was read: rows in order, and every mistake. Rows with a mistake are left out of `rows`."""

    rows: tuple[ManifestRow, ...]
    videos: dict[str, Source] = Field(description="by row id: the video of each push")
    covers: dict[str, Source] = Field(default_factory=dict, description="by row id: the covers that rows name")
    problems: tuple[Problem, ...]

    @property
    def sources(self) -> frozenset[Source]:
        """Every file that rows name, each once."""
        return frozenset((*self.videos.values(), *self.covers.values()))


def read(path: Path, *, now: datetime | None = None) -> Manifest:
    """
    Read a CSV manifest as spreadsheets write it: UTF-8 with or without BOM; comma, semicolon or tab; quoted newlines.

    Waits for the servers of the addresses in it: where that would hold others up, call it in a thread.

    Args:
        path: the CSV file; videos are looked for relative to its folder.
        now: times before it are mistakes; the present by default.

    Raises:
        OSError: the file cannot be read.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return _only(line, "file", "", "is not UTF-8", "save the sheet as CSV UTF-8")
    header_line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(",;\t", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    checker = _Checker(path.parent, now or datetime.now(UTC))
    header: list[str] = []
    records: list[tuple[int, list[str]]] = []
    broken: csv.Error | None = None
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        header_problems = list(_check_header(header))
        if header_problems:
            return Manifest(rows=(), videos={}, problems=tuple(header_problems))
        # A record may span lines: a quoted caption with a newline. The row is where the record begins.
        start = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        broken = error
    checker.ask_addresses(header, [cells for _, cells in records[:MAX_ROWS]])
    for line, cells in records:
        checker.check(line, header, cells)
    if broken is not None:
        checker.stop(reader.line_num, f"is no valid CSV: {broken}", "look for a stray quote in or above this row")
    if not checker.seen and not checker.problems:
        return _only(1, "file", "", "has a header and no rows", "add a row for each post")
    return Manifest(
        rows=tuple(checker.rows), videos=checker.videos, covers=checker.covers, problems=tuple(checker.problems)
    )


async def bundle(manifest: Manifest, files: Files) -> BlobRef:
    """
    Put the videos, the covers and the rows into the object store and return the bundle's reference.

    Raises:
        ValueError: the manifest has problems.
        WebFileUnreadable: an address no longer delivers what it did when the manifest was read.
    """
    if manifest.problems:
        raise ValueError("a manifest with problems cannot be released")
    videos = {
        source: await _put(files, source, MAX_VIDEO_BYTES, "video/mp4")
        for source in dict.fromkeys(manifest.videos.values())
    }
    covers = {
        source: await _put(files, source, MAX_COVER_BYTES, "application/octet-stream")
        for source in dict.fromkeys(manifest.covers.values())
    }
    rows = tuple(
        row.model_copy(
            update={
                "video": videos[manifest.videos[row.row_id]] if row.row_id in manifest.videos else None,
                "cover": covers[manifest.covers[row.row_id]] if row.row_id in manifest.covers else None,
            }
        )
        for row in manifest.rows
    )
    content = ReleaseBundle(rows=rows).model_dump_json().encode()
    return await files.put(content, "application/json")


async def _put(files: Files, source: Source, largest: int, media_type: str) -> BlobRef:
    if isinstance(source, Path):
        return await files.put_file(source, media_type)
    return await files.put_web_file(source, largest=largest, media_type=media_type)


def template() -> str:
    """An example manifest: the header, one push and one pull."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    release_at = f"{datetime.now(UTC) + timedelta(weeks=4):%Y-%m-%d} 00:00"
    push = ["nz-1", "push", "@artist", "7100000000000000001", "NZ", "2186224", "Pacific/Auckland", release_at]
    push += ["profile", "teaser.mp4", "", "Out now", "https://example.com/song", "LISTEN_NOW", "50", "", "", ""]
    pull = ["us-1", "pull", "@artist.two", "7100000000000000002", "US", "6252001", "America/New_York", release_at]
    pull += ["", "", "7400000000000000001", "", "https://example.com/song", "LISTEN_NOW", "80", "", "", ""]
    writer.writerows([push, pull])
    return out.getvalue()


def _only(row: int, column: str, read_text: str, problem: str, advice: str) -> Manifest:
    line = Problem(row=row, column=column, read=read_text, problem=problem, advice=advice)
    return Manifest(rows=(), videos={}, problems=(line,))


def _check_header(header: list[str]) -> Iterable[Problem]:
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known columns: {', '.join(COLUMNS)}"
            yield Problem(row=1, column=name or "(empty)", read="", problem="is no column of a manifest", advice=advice)
        elif header.count(name) > 1:
            yield Problem(row=1, column=name, read="", problem="stands there twice", advice="keep one of them")
    for name, meaning in COLUMNS.items():
        if name not in header and name not in OPTIONAL:
            yield Problem(row=1, column=name, read="", problem="is missing", advice=f"add it: {meaning}")


class _Checker:
    """Checks rows one by one and remembers what must not occur twice."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.rows: list[ManifestRow] = []
        self.videos: dict[str, Source] = {}
        self.covers: dict[str, Source] = {}
        self.problems: list[Problem] = []
        self.seen = 0
        self._folder = folder
        self._now = now
        self._row_ids: dict[str, int] = {}
        self._contents: dict[tuple[str, str], int] = {}
        self._sources: dict[tuple[str, str], tuple[Source, str | None]] = {}
        self._zone_problems: dict[str, str | None] = {}

    def ask_addresses(self, header: Sequence[str], records: Sequence[Sequence[str]]) -> None:
        """Ask every address once, several at a time: one after the other would take minutes."""
        addresses = {
            (column, cell.strip()): None
            for cells in records
            for column, cell in zip(header, cells, strict=False)
            if column in _FILES and is_address(cell.strip())
        }
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            self._sources |= zip(addresses, pool.map(lambda one: _asked(*one), addresses), strict=True)

    def check(self, line: int, header: list[str], cells: list[str]) -> None:
        self.seen += 1
        before = len(self.problems)
        if self.seen > MAX_ROWS:
            if self.seen == MAX_ROWS + 1:
                self._say(line, "file", "", f"has more than {MAX_ROWS:,} rows", "split the release into two manifests")
            return
        if len(cells) != len(header):
            self._say(
                line,
                "row",
                "",
                f"has {len(cells)} cells, the header {len(header)}",
                "quote text that has a comma in it",
            )
            return
        row = dict.fromkeys(OPTIONAL, "") | {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        self._check_who(line, row)
        release_at = self._check_when(line, row)
        budget = self._check_budget(line, row)
        self._check_ad(line, row)
        video = self._check_creative(line, row)
        cover = self._check_file(line, "cover", row["cover"]) if row["mode"] == Mode.PUSH and row["cover"] else None
        self._check_twice(line, row, video)
        if len(self.problems) > before:
            return
        self.rows.append(
            ManifestRow(
                row_id=row["row_id"],
                mode=Mode(row["mode"]),
                account=row["account"],
                ad_account=row["ad_account"],
                territory=row["territory"],
                location_id=row["location_id"],
                time_zone=row["time_zone"],
                release_at=release_at,
                visibility=Visibility(row["visibility"]) if row["visibility"] else None,
                post_id=row["post_id"] or None,
                caption=row["caption"],
                landing_url=row["landing_url"],
                call_to_action=row["call_to_action"],
                daily_budget=budget,
                ad_group_id=row["ad_group_id"] or None,
                tier=int(row["tier"] or 1),
            )
        )
        if video is not None:
            self.videos[row["row_id"]] = video
        if cover is not None:
            self.covers[row["row_id"]] = cover

    def stop(self, line: int, problem: str, advice: str) -> None:
        """What follows cannot be read; what came before keeps its mistakes."""
        self._say(line, "file", "", problem, advice)

    def _say(self, line: int, column: str, read_text: str, problem: str, advice: str) -> None:
        if column in _FILES:
            read_text = shown(read_text)
        read_text = read_text if len(read_text) <= 80 else read_text[:79] + "…"  # noqa: PLR2004 - one terminal line
        self.problems.append(Problem(row=line, column=column, read=read_text, problem=problem, advice=advice))

    def _check_who(self, line: int, row: dict[str, str]) -> None:
        if not _ROW_ID.match(row["row_id"]):
            self._say(
                line, "row_id", row["row_id"], "is no row id", "use letters, digits, . _ - and at most 64 of them"
            )
        if row["mode"] not in set(Mode):
            self._say(line, "mode", row["mode"], "is no mode", "write push or pull")
        if not _HANDLE.match(row["account"]):
            self._say(line, "account", row["account"], "is no TikTok handle", "write it like @artist")
        if not _DIGITS.match(row["ad_account"]):
            self._say(line, "ad_account", row["ad_account"], "is no ad account id", "write the digits of the id")
        if not re.fullmatch(r"[A-Z]{2}", row["territory"]):
            self._say(line, "territory", row["territory"], "is no territory", "write two capital letters, like NZ")
        if not _DIGITS.match(row["location_id"]):
            self._say(line, "location_id", row["location_id"], "is no location id", "write TikTok's id, like 6252001")

    def _check_when(self, line: int, row: dict[str, str]) -> datetime | None:
        zone, text = row["time_zone"], row["release_at"]
        if zone not in self._zone_problems:
            self._zone_problems[zone] = clock.zone_problem(zone)
        problem = self._zone_problems[zone]
        if problem is not None:
            self._say(line, "time_zone", zone, "is unknown", problem)
        if text.lower() == clock.NOW:
            return None
        try:
            wall_time = clock.parse_wall_time(text)
        except ValueError as error:
            self._say(line, "release_at", text, "is no wall time", str(error))
            return None
        if problem is not None:
            return wall_time
        try:
            due_at = clock.instant(wall_time, zone)
            if due_at < self._now:
                advice = f"it was {clock.in_zone(due_at, zone)}; write a later time, or now"
                self._say(line, "release_at", text, "is in the past", advice)
        except OverflowError:
            self._say(line, "release_at", text, "is out of all calendars", "write a year of this century")
        return wall_time

    def _check_budget(self, line: int, row: dict[str, str]) -> Decimal:
        try:
            budget = Decimal(row["daily_budget"])
        except InvalidOperation:
            budget = Decimal(0)
        if not budget.is_finite() or budget <= 0:
            self._say(line, "daily_budget", row["daily_budget"], "is no budget", "write a number above 0, like 50.00")
        return budget

    def _check_ad(self, line: int, row: dict[str, str]) -> None:
        if not re.fullmatch(r"https://[^\s/]+\.[^\s]+", row["landing_url"]):
            self._say(line, "landing_url", row["landing_url"], "is no https address", "write it in full")
        elif len(row["landing_url"]) > MAX_URL:
            count = len(row["landing_url"])
            self._say(
                line, "landing_url", row["landing_url"], f"has {count} characters", f"at most {MAX_URL} are taken"
            )
        if row["call_to_action"] not in CALLS_TO_ACTION:
            near = difflib.get_close_matches(row["call_to_action"].upper(), CALLS_TO_ACTION, n=1)
            advice = f"did you mean {near[0]}?" if near else "write one like LISTEN_NOW"
            self._say(line, "call_to_action", row["call_to_action"], "is unknown", advice)
        if row["tier"] and not re.fullmatch(r"[0-9]{1,2}", row["tier"]):
            self._say(line, "tier", row["tier"], "is no tier", "write a whole number from 0 to 99, or nothing")
        if row["ad_group_id"] and not _DIGITS.match(row["ad_group_id"]):
            self._say(line, "ad_group_id", row["ad_group_id"], "is no ad group id", "write its digits, or nothing")

    def _check_creative(self, line: int, row: dict[str, str]) -> Source | None:
        if row["mode"] == Mode.PULL:
            if not _DIGITS.match(row["post_id"]):
                self._say(line, "post_id", row["post_id"], "is no post id", "a pull needs the digits of the post")
            for column in ("video", "cover", "caption", "visibility"):
                if row[column]:
                    self._say(
                        line, column, row[column], "cannot be carried by a pull", "leave it empty: the post has it"
                    )
        if row["mode"] != Mode.PUSH:
            return None
        if row["post_id"]:
            self._say(line, "post_id", row["post_id"], "cannot be carried by a push", "leave it empty, or write pull")
        if row["visibility"] not in set(Visibility):
            self._say(line, "visibility", row["visibility"], "must be said", "write ads_only or profile")
        self._check_caption(line, row)
        if not row["video"]:
            self._say(line, "video", "", "is empty", "a push needs a video file")
            return None
        return self._check_file(line, "video", row["video"])

    def _check_caption(self, line: int, row: dict[str, str]) -> None:
        if not row["caption"]:
            self._say(line, "caption", "", "is empty", "a push needs a caption; it cannot be changed later")
        elif len(row["caption"]) > MAX_CAPTION:
            count = len(row["caption"])
            self._say(line, "caption", row["caption"], f"has {count} characters", f"TikTok takes {MAX_CAPTION}")
        if _EMOJI.search(row["caption"]):
            self._say(line, "caption", row["caption"], "has an emoji", "TikTok refuses emoji in ad text")

    def _check_file(self, line: int, column: str, name: str) -> Source | None:
        if (column, name) not in self._sources:
            self._sources[column, name] = _found(self._folder, column, name)
        source, problem = self._sources[column, name]
        if problem is not None:
            self._say(line, column, name, *problem.split("; ", 1))
            return None
        return source

    def _check_twice(self, line: int, row: dict[str, str], video: Source | None) -> None:
        first = self._row_ids.setdefault(row["row_id"], line)
        if first != line:
            self._say(line, "row_id", row["row_id"], f"stands in row {first} too", "give each row its own id")
        # By the whole address: links that differ in their signatures may be two files.
        creative = video.url.get_secret_value() if isinstance(video, WebFile) else str(video or "")
        if creative:
            first = self._contents.setdefault((row["account"].removeprefix("@").lower(), creative), line)
            if first != line:
                problem = f"would post the video of row {first} on {row['account']} again"
                self._say(line, "account", row["account"], problem, "delete the row, or name another video")


_FILES: Final = {
    "video": (VIDEO_SUFFIXES, MAX_VIDEO_BYTES),
    "cover": (COVER_SUFFIXES, MAX_COVER_BYTES),
}
"""Columns that name files: the suffixes that a path may have, and the bytes that a file may have."""


def _asked(column: str, address: str) -> tuple[Source, str | None]:
    """The file behind an address, and what is wrong with it: `problem; advice`."""
    try:
        file = web_file(address)
        return look(file, _FILES[column][1]), None
    except WebFileUnreadable as error:
        return Path(), str(error)


def _found(folder: Path, column: str, name: str) -> tuple[Source, str | None]:
    """Where a file is, and what is wrong with it: `problem; advice`."""
    try:
        path = (folder / name).resolve()
        return path, _file_problem(path, column)
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # too long, a NUL in it, a folder closed to us, a ring of links
        return folder / name, f"cannot be looked up; {error}"


def _file_problem(path: Path, column: str) -> str | None:
    suffixes, largest = _FILES[column]
    if not path.is_file():
        return f"is not there; looked for {path}"
    if path.suffix.lower() not in suffixes:
        return f"is no {column} file; TikTok takes {', '.join(suffixes)}"
    if not os.access(path, os.R_OK):
        return "cannot be read; see its permissions"
    size = path.stat().st_size
    if size == 0:
        return "is an empty file; export it again"
    if size > largest:
        return f"has {size / 1024 / 1024:,.0f} MB; TikTok takes {largest // 1024 // 1024} MB"
    return None
