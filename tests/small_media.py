"""Videos and pictures of a few hundred bytes: headers as cameras and editors write them, and hardly anything else."""

from struct import pack

UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
TURNED = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)


def box(kind: bytes, *content: bytes, large: bool = False) -> bytes:
    """One box of ISO/IEC 14496-12; `large`: with a size of 64 bits."""
    body = b"".join(content)
    return pack(">I4sQ", 1, kind, 16 + len(body)) + body if large else pack(">I4s", 8 + len(body), kind) + body


def movie_header(seconds: float, *, wide: bool = False) -> bytes:
    """`mvhd`; `wide`: version 1, with times of 64 bits."""
    if wide:
        return box(b"mvhd", pack(">B3xQQIQ", 1, 0, 0, 1000, round(seconds * 1000)), bytes(80))
    return box(b"mvhd", pack(">B3xIIII", 0, 0, 0, 1000, round(seconds * 1000)), bytes(80))


def track(
    width: float, height: float, *, kind: bytes = b"vide", matrix: tuple[int, ...] = UPRIGHT, wide: bool = False
) -> bytes:
    """`trak` with what says its shape and what it is."""
    times = pack(">B3xQQIIQ", 1, 0, 0, 1, 0, 0) if wide else pack(">B3xIIIII", 0, 0, 0, 1, 0, 0)
    shape = pack(">9i2I", *matrix, round(width * 65536), round(height * 65536))
    handler = box(b"hdlr", bytes(8), kind, bytes(13))
    return box(b"trak", box(b"tkhd", times, bytes(16), shape), box(b"mdia", handler))


def video(width: int = 1080, height: int = 1920, seconds: float = 15, *, content: bytes = b"moving pictures") -> bytes:
    """An MP4 of a shape and a length; two with another content are two files."""
    return (
        box(b"ftyp", b"isom", bytes(4), b"isom")
        + box(b"moov", movie_header(seconds), track(0, 0, kind=b"soun"), track(width, height))
        + box(b"mdat", content)
    )


def png(width: int = 1080, height: int = 1920) -> bytes:
    """The beginning of a PNG."""
    return b"\x89PNG\r\n\x1a\n" + pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def jpeg(width: int = 1080, height: int = 1920) -> bytes:
    """The beginning of a JPEG, with a preview before the frame as cameras put it."""
    preview = b"\xff\xd8\xff\xc0" + bytes(40)
    segments = (
        pack(">HH", 0xFFE1, 2 + len(preview)) + preview + b"\xff" + pack(">HHBHHB", 0xFFC2, 11, 8, height, width, 1)
    )
    return b"\xff\xd8" + segments + bytes(8)
