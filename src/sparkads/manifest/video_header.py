"""
What a video file says of itself: length and shape, from the header of an MP4 or MOV, without decoding anything.

The boxes are those of ISO/IEC 14496-12: `moov` holds `mvhd` (length) and, in each `trak`, `tkhd` (width, height,
rotation) and `hdlr` (whether it is a picture). They are looked up by seeking: a file of any size costs a few reads.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MOST_BOXES = 20_000
"""Boxes that are looked at. Ten minutes in fragments of a second have about 1,200."""
_DEEPEST = 4096
"""Bytes read of a header box: the longest of them has about a hundred."""
_FIRST_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"))
_BULK = frozenset((b"mdat", b"moof", b"moov"))
_OTHERS = {b"\x00\x00\x01\xba": "MPEG", b"\x00\x00\x01\xb3": "MPEG"}


class NoVideo(ValueError):
    """A file is no video, or not a whole one. Its text is `problem; advice`."""


class Video(NamedTuple):
    """
    What a header says.

    Attributes:
        kind: of the container.
        seconds: None: it does not say.
        width: in pixels as it is shown, so after rotation; None: it does not say.
        height: the same.
    """

    kind: str
    seconds: float | None = None
    width: int | None = None
    height: int | None = None


class _Box(NamedTuple):
    kind: bytes
    start: int
    """of its content"""
    end: int


def look_into_video(path: Path) -> Video:
    """
    Read a video's header. Of AVI and MPEG only the kind is told.

    Raises:
        NoVideo: it is none, or is cut off.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in _FIRST_BOXES:
            return _measured(file, size)
    if head[:4] in _OTHERS:
        return Video(_OTHERS[head[:4]])
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return Video("AVI")
    raise NoVideo("is no MP4, MOV, MPEG or AVI inside; export it again")


def _measured(file: BinaryIO, size: int) -> Video:
    moov = None
    for box in _boxes(file, 0, size):
        if box.kind == b"moov" and moov is None:
            moov = box
    if moov is None:
        raise NoVideo("has no header (moov); it is cut off, or still being written: export or copy it again")
    duration, timescale, fragments, shapes = 0, 0, None, []
    for box in _boxes(file, moov.start, moov.end):
        match box.kind:
            case b"mvhd":
                timescale, duration = _movie_header(_content(file, box))
            case b"trak":
                shapes += _shapes(file, box)
            case b"mvex":
                fragments = _fragments_duration(file, box)
    if not shapes:
        raise NoVideo("has no picture, only sound or nothing; export it again")
    width, height = max(shapes, key=lambda shape: shape[0] * shape[1])
    seconds = (duration or fragments or 0) / timescale if timescale else 0
    if not seconds and fragments is None:
        raise NoVideo("lasts no time; export it again")
    return Video("MP4", seconds or None, *((width, height) if width and height else (None, None)))


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """The boxes of one level, each looked up when it is asked for."""
    for _ in range(_MOST_BOXES):
        if end - start < 8:  # noqa: PLR2004 - a box begins with its size and its kind; less is padding
            return
        file.seek(start)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        header = 8
        if size == 1 and len(head) == 16:  # noqa: PLR2004 - the size is too large for 32 bits and follows in 64
            (size,) = struct.unpack_from(">Q", head, 8)
            header = 16
        elif size == 0:  # until the end of what it is in
            size = end - start
        if size > end - start and kind in _BULK:
            raise NoVideo("is cut off; export or copy it again")
        if not header <= size <= end - start:  # no box: what some recorders leave at the end
            return
        yield _Box(kind, start + header, start + size)
        start += size
    raise NoVideo("has a damaged header; export or copy it again")


def _content(file: BinaryIO, box: _Box) -> bytes:
    file.seek(box.start)
    return file.read(min(box.end - box.start, _DEEPEST))


def _movie_header(content: bytes) -> tuple[int, int]:
    """Units a second, and units that the movie lasts; all ones: it does not say."""
    layout, unknown = (">20xIQ", 2**64 - 1) if content[:1] == b"\x01" else (">12xII", 2**32 - 1)
    timescale, duration = _unpacked(layout, content)
    return timescale, 0 if duration == unknown else duration


def _fragments_duration(file: BinaryIO, mvex: _Box) -> int:
    """Units that a movie in fragments lasts in all; 0: it does not say."""
    for box in _boxes(file, mvex.start, mvex.end):
        if box.kind == b"mehd":
            content = _content(file, box)
            (duration,) = _unpacked(">4xQ" if content[:1] == b"\x01" else ">4xI", content)
            return duration
    return 0


def _shapes(file: BinaryIO, trak: _Box) -> list[tuple[int, int]]:
    """Width and height of a track if it is a picture."""
    shape, picture = (0, 0), False
    for box in _boxes(file, trak.start, trak.end):
        if box.kind == b"tkhd":
            shape = _shape(_content(file, box))
        elif box.kind == b"mdia":
            picture |= any(
                one.kind == b"hdlr" and _content(file, one)[8:12] == b"vide" for one in _boxes(file, box.start, box.end)
            )
    return [shape] if picture else []


def _shape(content: bytes) -> tuple[int, int]:
    """Width and height as they are shown: a phone held upright writes a lying picture, and a matrix that turns it."""
    *matrix, width, height = _unpacked((">52x" if content[:1] == b"\x01" else ">40x") + "9i2I", content)
    a, b, _, c, d, *_ = matrix
    turned = a == d == 0 and b != 0 and c != 0
    width, height = round(width / 65536), round(height / 65536)
    return (height, width) if turned else (width, height)


def _unpacked(layout: str, content: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, content)
    except struct.error as error:
        raise NoVideo("has a damaged header; export or copy it again") from error
