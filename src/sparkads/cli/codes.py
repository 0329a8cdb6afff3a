"""A QR code as the command shows it: in blocks beside its text on a terminal, and as files to send to owners."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sparkads.cli import output
from sparkads.client import SparkAds
from sparkads.contracts.business_center import QrCode

_QUIET_ZONE_STYLE = "rgb(255,255,255) on rgb(0,0,0)"
"""The code is drawn in blocks of white: on a light terminal it would be inverted, which many readers don't read."""


async def fetch(spark: SparkAds, code: QrCode, *, pictures: bool, url: bool) -> dict[str, bytes]:
    """The code's files from the object store: the terminal's blocks and, if wanted, the pictures and the URL."""
    wanted = {"terminal": code.terminal}
    if pictures:
        wanted |= {"png": code.png, "svg": code.svg}
    if url:
        wanted |= {"url": code.url}
    return {name: await spark.files.get(ref) for name, ref in wanted.items()}


def write(folder: Path, code: QrCode, files: Mapping[str, bytes], name: str = "qr") -> list[str]:
    """Write a code's pictures and its text into a folder; returns the paths."""
    content = {f"{name}.png": files["png"], f"{name}.svg": files["svg"], f"{name}.txt": f"{code.text}\n".encode()}
    for file_name, data in content.items():
        (folder / file_name).write_bytes(data)
    return [str(folder / file_name) for file_name in content]


def document(code: QrCode, files: Mapping[str, bytes]) -> dict[str, object]:
    """What `--json` says of a code; its URL only where it was asked for."""
    known: dict[str, object] = {"text": code.text, "issued_at": code.issued_at, "png": code.png, "svg": code.svg}
    return known | ({"url": files["url"].decode()} if "url" in files else {})


def picture(code: QrCode, files: Mapping[str, bytes]) -> RenderableType:
    """The code in blocks, beside its text."""
    lines = files["terminal"].decode().rstrip("\n").split("\n")
    width = max(len(line) for line in lines)
    console = output.stdout()
    if console.width < width:
        return Text(f"This terminal is too narrow for the code ({width} columns); use --out DIR.\n{code.text}")
    blocks = Text("\n".join(line.ljust(width) for line in lines), style=_QUIET_ZONE_STYLE, no_wrap=True)
    words = Text(output.printable(code.text))
    if console.width < width + 30:
        return Group(blocks, words)
    grid = Table.grid(padding=(0, 3))
    grid.add_column(no_wrap=True, width=width)
    grid.add_column(vertical="middle", max_width=60)
    grid.add_row(blocks, words)
    return grid
