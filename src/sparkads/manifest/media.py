"""Files that rows name: whether they are there, and whether TikTok takes them, before anything is started."""

import os
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from sparkads.manifest.image_header import NoPicture, Picture, look_into_picture
from sparkads.manifest.rows import Source
from sparkads.manifest.video_header import NoVideo, Video, look_into_video
from sparkads.web_files import WebFileUnreadable, look, web_file

MAX_VIDEO_BYTES = 500 * 1024 * 1024
"""TikTok's limit of an uploaded video (tiktok file rules)."""
MAX_VIDEO_SECONDS = 10 * 60
"""TikTok's limit of a Spark Ad's video (TikTok help)."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".mpeg", ".mpg", ".avi")
VIDEO_SHAPES: Final = {"9:16": 9 / 16, "16:9": 16 / 9, "1:1": 1.0}
"""Shapes that TikTok takes (tiktok file rules)."""
SMALL: Final = (540, 960)
"""Pixels of the shorter and the longer side below which TikTok calls a video LOW_RESOLUTION (tiktok file rules)."""
MAX_COVER_BYTES = 100 * 1024 * 1024
"""TikTok's limit of an uploaded image (tiktok file rules)."""
COVER_SUFFIXES = (".jpg", ".jpeg", ".png")
SHAPE_TOLERANCE: Final = 0.02
"""Share by which a shape may differ: encoders round to even numbers of pixels, and 480 x 854 is a 9:16."""
LOOKS_AT_ONCE = 8
"""Addresses asked at a time."""

_ASSURE: Final = f"see to it that it lasts at most {MAX_VIDEO_SECONDS // 60} minutes and is {', '.join(VIDEO_SHAPES)}"
_LIMITS: Final = {
    "video": (VIDEO_SUFFIXES, MAX_VIDEO_BYTES),
    "cover": (COVER_SUFFIXES, MAX_COVER_BYTES),
}
"""By column: the suffixes that a path may have, and the bytes that a file may have."""


class Found(NamedTuple):
    """
    What is known about a file.

    Attributes:
        source: where it is.
        problem: what is wrong with it, as `problem; advice`; None: nothing.
        warnings: what should be known about it, in the same form.
        shape: width and height in pixels, if they could be measured.
    """

    source: Source
    problem: str | None = None
    warnings: tuple[str, ...] = ()
    shape: tuple[int, int] | None = None


def ask(addresses: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Found]:
    """
    Ask addresses what they have, several at a time: one after the other would take minutes.

    Args:
        addresses: each with its column before it.
    """
    listed = list(addresses)
    if not listed:
        return {}
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        return dict(zip(listed, pool.map(lambda one: _asked(*one), listed), strict=True))


def find(folder: Path, column: str, name: str) -> Found:
    """Look for the file that a cell names, relative to a folder, and into its header."""
    path = folder / name
    try:
        path = _spelled(path).resolve()
        return _file_problem(path, column) or _looked_into(path, column)
    except OSError as error:  # too long, a folder closed to us
        return Found(path, f"cannot be looked up; {error.strerror}")
    except (ValueError, RuntimeError) as error:  # a NUL in it, a ring of links
        return Found(path, f"cannot be looked up; {error}")


def like(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two widths and heights are of one shape."""
    return _like(one, other[0] / other[1])


def _like(shape: tuple[int, int], ratio: float) -> bool:
    return abs(shape[0] / shape[1] / ratio - 1) <= SHAPE_TOLERANCE


def _asked(column: str, address: str) -> Found:
    try:
        return Found(look(web_file(address), _LIMITS[column][1]))
    except WebFileUnreadable as error:
        return Found(Path(), str(error))


def _spelled(path: Path) -> Path:
    """The path as the file system spells it: one é may be written in two ways, and a Mac takes the other one."""
    spellings = (path, *(Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD")))
    return path if str(path).isascii() else next((one for one in spellings if one.exists()), path)


def _file_problem(path: Path, column: str) -> Found | None:
    suffixes, largest = _LIMITS[column]
    problem = None
    if not path.is_file():
        problem = f"is not there; looked for {path}"
    elif path.suffix.lower() not in suffixes:
        problem = f"is no {column} file; TikTok takes {', '.join(suffixes)}"
    elif not os.access(path, os.R_OK):
        problem = "cannot be read; see its permissions"
    elif (size := path.stat().st_size) == 0:
        problem = "is an empty file; export it again"
    elif size > largest:
        problem = f"has {size / 1024 / 1024:,.0f} MB; TikTok takes {largest // 1024 // 1024} MB"
    return Found(path, problem) if problem else None


def _looked_into(path: Path, column: str) -> Found:
    try:
        return _judged(path, look_into_video(path)) if column == "video" else _seen(path, look_into_picture(path))
    except (NoVideo, NoPicture) as error:
        return Found(path, str(error))


def _seen(path: Path, picture: Picture) -> Found:
    return Found(path, shape=(picture.width, picture.height))


def _judged(path: Path, video: Video) -> Found:
    if video.seconds is not None and video.seconds > MAX_VIDEO_SECONDS:
        minutes, seconds = divmod(round(video.seconds), 60)
        return Found(path, f"lasts {minutes}:{seconds:02d} minutes; TikTok takes {MAX_VIDEO_SECONDS // 60} minutes")
    if video.width is None or video.height is None:
        unknown = "length and shape" if video.seconds is None else "shape"
        return Found(path, warnings=(f"is {video.kind}, whose {unknown} were not measured; {_ASSURE}",))
    shape = (video.width, video.height)
    shown = f"{shape[0]} x {shape[1]}"
    if not any(_like(shape, ratio) for ratio in VIDEO_SHAPES.values()):
        return Found(path, f"is {shown} pixels; TikTok takes the shapes {', '.join(VIDEO_SHAPES)}")
    warnings = chain(
        [f"does not say how long it is; see to it that it lasts at most {MAX_VIDEO_SECONDS // 60} minutes"]
        if video.seconds is None
        else [],
        [f"is small, {shown} pixels; TikTok wants {SMALL[0]} x {SMALL[1]} at least"]
        if min(shape) < SMALL[0] or (shape[0] != shape[1] and max(shape) < SMALL[1])
        else [],
    )
    return Found(path, warnings=tuple(warnings), shape=shape)
