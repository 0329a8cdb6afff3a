"""What a picture says of itself: its shape, from the header of a PNG or a JPEG, without decoding anything."""

from pathlib import Path
from struct import unpack
from typing import BinaryIO, NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
"""JPEG markers that nothing belongs to."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers of a frame: they say its shape (ITU T.81, table B.1)."""
_SCAN, _END = 0xDA, 0xD9
_MOST_SEGMENTS = 2_000
"""Segments before the frame that are looked at: a colour profile or a preview is cut into 64 KiB."""


class NoPicture(ValueError):
    """A file is no picture, or not a whole one. Its text is `problem; advice`."""


class Picture(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def look_into_picture(path: Path) -> Picture:
    """
    Read a picture's header.

    Raises:
        NoPicture: it is none, or is cut off.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(24)
        if head.startswith(_PNG):
            picture = Picture(*unpack(">II", head[16:24])) if head[12:16] == b"IHDR" and len(head) == 24 else None  # noqa: PLR2004
        elif head.startswith(_JPEG):
            file.seek(2)
            picture = _jpeg(file)
        else:
            raise NoPicture("is no JPEG or PNG inside; export it again")
    if picture is None or not all(picture):
        raise NoPicture("is cut off or damaged; export or copy it again")
    return picture


def _jpeg(file: BinaryIO) -> Picture | None:
    for _ in range(_MOST_SEGMENTS):
        prefix, marker = file.read(1), file.read(1)
        while marker == b"\xff":  # any number of them may fill the gap between segments
            marker = file.read(1)
        if prefix != b"\xff" or not marker or marker[0] in {_SCAN, _END}:
            return None
        if marker[0] in _ALONE:
            continue
        content = file.read(7)
        if len(content) < 7:  # noqa: PLR2004 - length, precision, height, width: no segment before a scan is shorter
            return None
        length, _, height, width = unpack(">HBHH", content)
        if marker[0] in _FRAMES:
            return Picture(width, height)
        if length < 2:  # noqa: PLR2004 - it counts itself
            return None
        file.seek(length - 7, 1)
    return None
