"""
The video that the demo publishes: a ferry's lights cross a harbour at midnight. Drawn here: nothing is borrowed.

`python -m demo.video PATH` writes it; examples/ holds one that was made this way.
"""

import math
import sys
from pathlib import Path

import av

WIDTH, HEIGHT = 540, 960
"""Pixels; 9:16, the smallest upright size TikTok takes for an ad (tiktok video specifications)."""
RATE = 25
SECONDS = 5

_HORIZON = HEIGHT * 5 // 8
_STARS = [(x * 97 % WIDTH, x * 61 % (_HORIZON - 80)) for x in range(1, 60)]
_BLACK, _WHITE = 16, 235
"""Luma in the video range of ITU-R BT.601."""


def write_video(path: Path) -> Path:
    """Draw and encode the video: MP4, H.264 where the encoder has it, else MPEG-4 part 2."""
    path.parent.mkdir(parents=True, exist_ok=True)
    h264 = "libx264" in av.codecs_available
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264" if h264 else "mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if h264:
            stream.options = {"preset": "veryfast", "crf": "30"}
        else:
            stream.bit_rate = 160_000
        for number in range(RATE * SECONDS):
            container.mux(stream.encode(_frame(number)))
        container.mux(stream.encode(None))
    return path


def _frame(number: int) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane, rows in zip(frame.planes, (_luma(number), *_night_blue()), strict=True):
        plane.update(b"".join(row.ljust(plane.line_size, b"\0") for row in rows))
    return frame


def _luma(number: int) -> list[bytes]:
    rows = [bytearray([_BLACK + row * 26 // _HORIZON]) * WIDTH for row in range(_HORIZON)]
    for index, (x, y) in enumerate(_STARS):
        rows[y][x] = 90 + int(60 * math.sin(index + number / 6))
    _moon(rows)
    _ferry(rows, x=-120 + number * (WIDTH + 120) // (RATE * SECONDS))
    # The water shows the sky upside down, darker, and moved sideways by the waves.
    for depth in range(HEIGHT - _HORIZON):
        above = rows[_HORIZON - 1 - min(depth * 3 // 2, _HORIZON - 1)]
        shift = round(5 * math.sin(depth / 7 + number / 4))
        mirrored = above[shift:] + above[:shift]
        rows.append(bytearray(_BLACK + (value - _BLACK) // 2 for value in mirrored))
    return [bytes(row) for row in rows]


def _moon(rows: list[bytearray]) -> None:
    radius, x, y = 46, 390, 190
    for dy in range(-radius, radius + 1):
        half = int(math.sqrt(radius * radius - dy * dy))
        rows[y + dy][x - half : x + half] = bytes([200]) * (2 * half)


def _ferry(rows: list[bytearray], x: int) -> None:
    def box(left: int, top: int, width: int, height: int, luma: int) -> None:
        start, end = max(0, left), min(WIDTH, left + width)
        for row in rows[_HORIZON - top : _HORIZON - top + height]:
            if end > start:
                row[start:end] = bytes([luma]) * (end - start)

    box(x, 30, 120, 30, 60)
    box(x + 18, 58, 84, 28, 80)
    box(x + 60, 84, 14, 26, 70)
    for window in range(6):
        box(x + 24 + window * 13, 50, 8, 9, _WHITE)


def _night_blue() -> tuple[list[bytes], list[bytes]]:
    width, height = WIDTH // 2, HEIGHT // 2
    return [bytes([146]) * width] * height, [bytes([118]) * width] * height


if __name__ == "__main__":
    written = write_video(Path(sys.argv[1] if len(sys.argv) > 1 else "harbour-lights.mp4"))
    print(f"{written}: {written.stat().st_size:,} bytes")
