"""Files that rows name: whether they are there, and whether TikTok takes them, before anything is started."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from sparkads.manifest.image_header import NoPicture, Picture, look_into_picture
from sparkads.manifest.rows import Source
from sparkads.manifest.video_header import NoVideo, Video, look_into_video
from sparkads.web_files import WebFileUnreadable, look, web_file

MAX_VIDEO_BYTES = 500 * 1024 * 1024
"""TikTok's limit of an uploaded video (tiktok file/video/ad/upload)."""
MAX_VIDEO_SECONDS = 10 * 60
"""Above it nobody has reported a Spark Ad (third-party guides); TikTok's pages name no limit of a push."""
USUAL_SECONDS: Final = (5, 60)
"""Lengths that TikTok's help names for uploaded videos in general; it has none for pushes."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".mpeg", ".mpg", ".avi")
VIDEO_SHAPES: Final = {"9:16": 9 / 16, "16:9": 16 / 9, "1:1": 1.0}
"""Shapes that TikTok recommends (tiktok file/video/ad/upload)."""
SMALL: Final = (540, 960)
"""Pixels of the shorter and the longer side below which TikTok calls a video LOW_RESOLUTION (tiktok file rules)."""
SMALL_SQUARE: Final = 640
"""The same of a square (TikTok help)."""
MAX_COVER_BYTES = 50 * 1024 * 1024
"""TikTok's limit of an uploaded image (tiktok file/image/ad/upload)."""
MAX_COVER_PIXELS: Final = 3_686_400
"""Width times height of a cover, 1440 x 2560: TikTok takes no more (tiktok file/image/ad/upload)."""
COVER_SUFFIXES = (".jpg", ".jpeg", ".png")
SHAPE_TOLERANCE: Final = 0.03
"""
By how much the longer side, in shorter sides, may differ: TikTok wants a cover in the ratio of its video, and operators
stay within this of 1.778. Encoders round to even numbers of pixels, and 480 x 854 is a 9:16.
"""
LOOKS_AT_ONCE = 8
"""Addresses asked at a time."""

_ASSURE: Final = f"see to it that it lasts at most {MAX_VIDEO_SECONDS // 60} minutes and is {', '.join(VIDEO_SHAPES)}"
_RECOMMENDED: Final = (
    f"TikTok recommends {', '.join(VIDEO_SHAPES)}, and {USUAL_SECONDS[0]} to {USUAL_SECONDS[1]} seconds"
)
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
    width, height = shape
    measured, wanted = (width / height, ratio) if ratio >= 1 else (height / width, 1 / ratio)
    return abs(measured - wanted) <= SHAPE_TOLERANCE


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
        problem = f"has {size / 1024 / 1024:,.1f} MB; TikTok takes {largest // 1024 // 1024} MB"
    return Found(path, problem) if problem else None


def _looked_into(path: Path, column: str) -> Found:
    try:
        return _judged(path, look_into_video(path)) if column == "video" else _seen(path, look_into_picture(path))
    except (NoVideo, NoPicture) as error:
        return Found(path, str(error))


def _seen(path: Path, picture: Picture) -> Found:
    shape = (picture.width, picture.height)
    if shape[0] * shape[1] > MAX_COVER_PIXELS:
        most = f"TikTok takes {MAX_COVER_PIXELS:,} pixels, like 1440 x 2560"
        return Found(path, f"is {_pixels(shape)}, {shape[0] * shape[1]:,} pixels; {most}", shape=shape)
    return Found(path, shape=shape)


def _judged(path: Path, video: Video) -> Found:
    """Only the bytes and the container are reasons to refuse a video: the rest are recommendations."""
    if video.width is None or video.height is None:
        unknown = "length and shape" if video.seconds is None else "shape"
        unmeasured = [f"is {video.kind}, whose {unknown} were not measured; {_ASSURE}"]
        return Found(path, warnings=tuple(chain(_of_length(video), unmeasured)))
    shape = (video.width, video.height)
    return Found(path, warnings=tuple(chain(_of_length(video), _of_shape(shape))), shape=shape)


def _of_length(video: Video) -> Iterator[str]:
    if video.seconds is None:
        if video.width is not None:
            yield f"does not say how long it is; see to it that it lasts at most {MAX_VIDEO_SECONDS // 60} minutes"
    elif video.seconds > MAX_VIDEO_SECONDS:
        most = MAX_VIDEO_SECONDS // 60
        yield f"lasts {_minutes(video.seconds)} minutes; no Spark Ad of more than {most} is known: TikTok may refuse it"
    elif not USUAL_SECONDS[0] <= video.seconds <= USUAL_SECONDS[1]:
        yield f"lasts {_minutes(video.seconds)} minutes; {_RECOMMENDED}"


def _of_shape(shape: tuple[int, int]) -> Iterator[str]:
    if not any(_like(shape, ratio) for ratio in VIDEO_SHAPES.values()):
        yield f"is {_pixels(shape)} pixels; {_RECOMMENDED}"
    short, long = sorted(shape)
    if _like(shape, 1.0):
        if short < SMALL_SQUARE:
            yield f"is small, {_pixels(shape)} pixels; TikTok wants {SMALL_SQUARE} x {SMALL_SQUARE} at least"
    elif short < SMALL[0] or long < SMALL[1]:
        yield f"is small, {_pixels(shape)} pixels; TikTok wants {SMALL[0]} x {SMALL[1]} at least"


def _pixels(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"


def _minutes(seconds: float) -> str:
    return "{}:{:02d}".format(*divmod(round(seconds), 60))
