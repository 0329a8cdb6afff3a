"""
An account owner's phone: the camera reads the picture of the code, and a finger taps on the page that opens.

It knows nothing of the system: only a PNG file, an address, and HTML forms.
"""

import io
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import av
import zxingcpp


class NoCode(Exception):
    """There is no readable QR code in the picture."""


class NoForm(Exception):
    """The page does not offer what was to be tapped."""


def scan(picture: Path) -> str:
    """
    Read the QR code in a PNG.

    Raises:
        NoCode: there is none, or more than one.
    """
    with av.open(io.BytesIO(picture.read_bytes()), "r") as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    plane = frame.planes[0]
    padded = bytes(plane)
    pixels = b"".join(padded[row * plane.line_size :][: frame.width] for row in range(frame.height))
    found = zxingcpp.read_barcodes(memoryview(pixels).cast("B", (frame.height, frame.width)))
    if len(found) != 1:
        raise NoCode(f"{picture} holds {len(found)} readable codes, not one")
    return found[0].text


async def answer(http: aiohttp.ClientSession, url: str, handle: str, button: str) -> str:
    """
    Open the page, be logged in as `@handle`, leave every choice as it is offered, tap a button; the page's reply.

    Raises:
        NoForm: the page has no such account or button.
        aiohttp.ClientError: the page does not answer.
    """
    async with http.get(url) as page:
        page.raise_for_status()
        form = _read(await page.text())
    if handle not in form.choices.get("handle", ()):
        raise NoForm(f"@{handle} is not among the accounts on the page")
    if button not in form.buttons:
        raise NoForm(f"the page has no button {button!r}")
    fields = {**form.fields, "handle": handle, form.buttons[button]: button}
    async with http.post(urljoin(url, form.action), data=fields) as reply:
        reply.raise_for_status()
        return _read(await reply.text()).heading


def _read(html: str) -> "_Page":
    page = _Page()
    page.feed(html)
    page.close()
    return page


class _Page(HTMLParser):
    """What a browser would send for a form if nobody changed anything in it."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.heading = ""
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.buttons: dict[str, str] = {}
        """Name of the field that a button sends, by its value."""
        self._select = ""
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        match tag:
            case "form":
                self.action = given.get("action", "")
            case "h1":
                self._in_heading = True
            case "select":
                self._select = name
            case "option" if self._select:
                options = self.choices.setdefault(self._select, [])
                if not options or "selected" in given:
                    self.fields[self._select] = value
                options.append(value)
            case "input" if given.get("type") not in {"checkbox", "radio"} or "checked" in given:
                self.fields[name] = value
            case "button":
                self.buttons[value] = name

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "h1":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data
