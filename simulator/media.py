"""Looking into uploaded bytes: container, size, duration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Facts:
    """What a media file says of itself. `duration` in seconds, `bit_rate` in bits a second."""

    format: str
    width: int
    height: int
    duration: float
    bit_rate: int


VIDEO_FORMATS: Final = {"mov": "mp4", "mp4": "mp4", "mpeg": "mpeg", "mpegvideo": "mpeg", "avi": "avi"}
IMAGE_FORMATS: Final = {
    "png_pipe": "png",
    "jpeg_pipe": "jpeg",
    "webp_pipe": "webp",
    "bmp_pipe": "bmp",
    "image2": "jpeg",
}
MICROSECONDS: Final = 1_000_000


def probe_video(path: Path) -> Facts | None:
    """Facts of a video file, or None when it is none that TikTok takes."""
    facts = _probe(path, VIDEO_FORMATS)
    return facts if facts is not None and facts.duration > 0 else None


def probe_image(path: Path) -> Facts | None:
    """Facts of an image file, or None when it is none."""
    return _probe(path, IMAGE_FORMATS)


def _probe(path: Path, formats: dict[str, str]) -> Facts | None:
    import av  # noqa: PLC0415 - heavy, and needed by uploads alone

    try:
        with av.open(str(path)) as container:
            name = next((formats[part] for part in container.format.name.split(",") if part in formats), None)
            if name is None or not container.streams.video:
                return None
            stream = container.streams.video[0]
            duration = (container.duration or 0) / MICROSECONDS
            width, height = stream.codec_context.width, stream.codec_context.height
            if not width or not height:
                return None
            return Facts(name, width, height, round(duration, 3), int(container.bit_rate or 0))
    except (av.FFmpegError, ValueError, IndexError):
        return None
