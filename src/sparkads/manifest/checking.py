"""Checks the rows of a sheet, whatever it was read from, and makes a manifest of them."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from sparkads import captions
from sparkads.manifest import media
from sparkads.manifest.columns import MAX_ROWS
from sparkads.manifest.filling import Filler, Row
from sparkads.manifest.media import Found
from sparkads.manifest.rows import Manifest, ManifestRow, Mode, Problem, Reject, Source, Visibility
from sparkads.manifest.sheet import Sheet, of_file
from sparkads.manifest.times import TimeChecker, Times
from sparkads.manifest.values import budget, check_ad, check_creative, check_who
from sparkads.web_files import WebFile, is_address


def check(sheet: Sheet, folder: Path, now: datetime) -> Manifest:
    """
    Check a sheet.

    Waits for the servers of the addresses in it.

    Args:
        sheet: what was read.
        folder: where files are looked for.
        now: times before it are mistakes.
    """
    filler = Filler(sheet)
    rows = [filler.fill(cells) for cells in sheet.rows[:MAX_ROWS]]
    checker = _Checker(folder, now)
    checker.ask_addresses(rows)
    problems = dict.fromkeys(sheet.problems)
    for row in rows:
        checker.check(row)
        problems |= dict.fromkeys(row.problems)
    if len(sheet.rows) > MAX_ROWS:
        line = sheet.rows[MAX_ROWS].line
        problems[of_file(line, f"has more than {MAX_ROWS:,} rows", "split the release into two manifests")] = None
    if not rows and not problems:
        problems[of_file(1, "has no row", "add one for each post")] = None
    warnings = [warning for row in rows for warning in row.warnings]
    warnings += [*checker.warnings(), *_unused(sheet, filler.used)]
    return Manifest(
        rows=tuple(checker.rows),
        videos=checker.videos,
        covers=checker.covers,
        problems=tuple(sorted(problems, key=lambda one: one.row)),
        warnings=tuple(sorted(dict.fromkeys(warnings), key=lambda one: one.row)),
        rejects=tuple(
            Reject(row=row.line, cells=dict(row.cells.values), problems=tuple(row.problems))
            for row in rows
            if row.problems
        ),
        columns=None if sheet.columns is None else tuple(sheet.columns),
    )


class _Checker:
    """Checks rows one by one and remembers what must not occur twice."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.rows: list[ManifestRow] = []
        self.videos: dict[str, Source] = {}
        self.covers: dict[str, Source] = {}
        self._folder = folder
        self._times = TimeChecker(now)
        self._files: dict[tuple[str, str], Found] = {}
        self._row_ids: dict[str, Row] = {}
        self._posts: dict[tuple[str, str], Row] = {}
        self._captions: dict[tuple[str, str], Row | None] = {}
        self._instants: dict[tuple[str, datetime], list[Row]] = {}
        self._warned_of: set[tuple[str, str]] = set()
        self._on_profile: list[Row] = []
        self._doubtful: list[Row] = []

    def ask_addresses(self, rows: list[Row]) -> None:
        """Ask every address once."""
        named = ((column, row[column]) for row in rows for column in ("video", "cover"))
        self._files |= media.ask(dict.fromkeys(one for one in named if is_address(one[1])))

    def check(self, row: Row) -> None:
        """Check one row; without a mistake it becomes one of the manifest."""
        if row.cells.problems:
            return
        check_who(row)
        times = self._times.check(row)
        amount = budget(row)
        check_ad(row)
        check_creative(row)
        video = cover = None
        if row["mode"] == Mode.PUSH:
            video, cover = self._file(row, "video"), self._file(row, "cover")
            _check_shapes(row, video, cover)
        self._check_twice(row, times, video)
        if row.problems:
            return
        self.rows.append(_made(row, times, amount))
        if video is not None:
            self.videos[row["row_id"]] = video.source
        if cover is not None:
            self.covers[row["row_id"]] = cover.source

    def warnings(self) -> Iterator[Problem]:
        """What is to be said once of many rows."""
        if self._on_profile:
            yield self._on_profile[0].told(
                "visibility",
                f"{_in_rows(self._on_profile)}: the post appears when TikTok's review passes",
                "nobody can time that; write ads_only where the instant matters more than the profile",
            )
        if self._doubtful:
            letters = dict.fromkeys("".join(captions.doubtful(row["caption"]) for row in self._doubtful))
            yield self._doubtful[0].told(
                "caption",
                f"{_in_rows(self._doubtful)}: has {' '.join(letters)}",
                "TikTok may refuse it, or show it as plain text that nobody can tap",
            )
        for rows in self._instants.values():
            if len(rows) > 1:
                problem = f"gets {len(rows):,} posts at the same instant, the first in row {rows[0].line}"
                yield rows[1].told("account", problem, "posts at once compete; move them apart, or leave it so")

    def _file(self, row: Row, column: str) -> Found | None:
        name = row[column]
        if not name:
            return None
        if (column, name) not in self._files:
            self._files[column, name] = media.find(self._folder, column, name)
        found = self._files[column, name]
        if found.problem is not None:
            row.wrong(column, *_halves(found.problem))
            return None
        if found.warnings and (column, name) not in self._warned_of:
            self._warned_of.add((column, name))
            for warning in found.warnings:
                row.warn(column, *_halves(warning))
        return found

    def _check_twice(self, row: Row, times: Times, video: Found | None) -> None:
        first = self._row_ids.setdefault(row["row_id"], row)
        if first is not row:
            row.wrong("row_id", f"stands in row {first.line} too", "give each row its own id")
        if row["mode"] != Mode.PUSH:
            return
        account = row["account"].removeprefix("@").lower()
        if row["visibility"] == Visibility.PROFILE:
            self._on_profile.append(row)
        if captions.doubtful(row["caption"]):
            self._doubtful.append(row)
        if times.due_at is not None:
            self._instants.setdefault((account, times.due_at), []).append(row)
        if video is None:
            return
        # By the whole address: links that differ in their signatures may be two files.
        source = video.source
        creative = source.url.get_secret_value() if isinstance(source, WebFile) else str(source)
        first = self._posts.setdefault((account, creative), row)
        if first is not row:
            problem = f"would post the video of row {first.line} on {row['account']} again"
            row.wrong("account", problem, "delete the row, or name another video")
        self._compare_captions(row, creative)

    def _compare_captions(self, row: Row, creative: str) -> None:
        key = (creative, row["territory"])
        first = self._captions.setdefault(key, row)
        if first is not None and row["caption"] and first["caption"] != row["caption"]:
            self._captions[key] = None  # said once
            problem = f"is not the caption of row {first.line}, for the same video in {row['territory']}"
            row.warn("caption", problem, "see whether both are meant; a caption cannot be changed later")


def _check_shapes(row: Row, video: Found | None, cover: Found | None) -> None:
    if video is None or cover is None or video.shape is None or cover.shape is None:
        return
    if not media.like(cover.shape, video.shape):
        shown = [f"{one[0]} x {one[1]}" for one in (cover.shape, video.shape)]
        row.wrong("cover", f"is {shown[0]} pixels, the video {shown[1]}", "TikTok wants the shape of the video")


def _made(row: Row, times: Times, amount: Decimal) -> ManifestRow:
    return ManifestRow(
        row_id=row["row_id"],
        mode=Mode(row["mode"]),
        account=row["account"],
        ad_account=row["ad_account"],
        territory=row["territory"],
        location_id=row["location_id"],
        time_zone=row["time_zone"],
        release_at=times.release_at,
        visibility=Visibility(row["visibility"]) if row["visibility"] else None,
        post_id=row["post_id"] or None,
        caption=row["caption"],
        landing_url=row["landing_url"],
        call_to_action=row["call_to_action"],
        daily_budget=amount,
        ad_group_id=row["ad_group_id"] or None,
        tier=int(row["tier"] or 1),
        rights_from=times.rights_from,
        rights_until=times.rights_until,
    )


def _in_rows(rows: list[Row]) -> str:
    return "in 1 row" if len(rows) == 1 else f"in {len(rows):,} rows"


def _unused(sheet: Sheet, used: set[str]) -> Iterator[Problem]:
    for code, cells in sheet.territories.items():
        if code not in used:
            yield of_file(
                cells.line, "is used by no row", "see whether its rows are missing", column=f"territories.{code}"
            )


def _halves(text: str) -> tuple[str, str]:
    """`problem; advice` as two."""
    problem, _, advice = text.partition("; ")
    return problem, advice
