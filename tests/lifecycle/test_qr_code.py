"""The QR code, read back by a reader that this project did not write."""

import asyncio
import io
from datetime import UTC, datetime, timedelta

import aiohttp
import av
import pytest
import zxingcpp
from access_record import trail

from sparkads.scopes import NewVideos, Scope
from store.database import Pool
from tests.conftest import Label

WHITE = 255


def grey(png: bytes) -> memoryview:
    """The picture as rows of brightness, 0 to 255."""
    with av.open(io.BytesIO(png)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    plane = frame.planes[0]
    padded = bytes(plane)
    rows = b"".join(padded[row * plane.line_size :][: plane.width] for row in range(plane.height))
    return memoryview(rows).cast("B", (plane.height, plane.width))


async def test_the_code_is_read_back_to_the_address_of_the_consent_page(
    label: Label, http: aiohttp.ClientSession
) -> None:
    # R8
    code = (await label.request("kiri")).qr

    (read,) = zxingcpp.read_barcodes(grey(await label.spark.files.get(code.png)))

    assert read.text == (await label.spark.files.get(code.url)).decode()
    async with http.get(read.text) as page:
        assert page.status == 200
        assert f"Label {int(label.bc_id[2:])} asks for access" in await page.text()
    assert read.ec_level in {"M", "Q", "H"}
    assert code.text.startswith(f"Label {int(label.bc_id[2:])} asks you to let it use existing posts in ads, publish")


async def test_the_code_has_a_quiet_zone_of_four_modules(label: Label) -> None:
    # R8; four modules is what ISO/IEC 18004 asks for.
    code = (await label.request("kiri")).qr
    picture = grey(await label.spark.files.get(code.png))
    height, width = picture.shape
    (read,) = zxingcpp.read_barcodes(picture)
    modules = 17 + 4 * int(read.extra["Version"])
    rows = [picture[row, column] for row in range(height) for column in range(width)]

    dark = [divmod(place, width) for place, brightness in enumerate(rows) if brightness != WHITE]
    top, bottom = min(row for row, _ in dark), max(row for row, _ in dark) + 1
    left, right = min(column for _, column in dark), max(column for _, column in dark) + 1
    module = (right - left) / modules
    assert module >= 4
    assert min(top, left, height - bottom, width - right) >= 4 * module


async def test_the_drawing_for_the_terminal_and_the_svg_are_there_too(label: Label) -> None:
    code = (await label.request("kiri")).qr

    assert (await label.spark.files.get(code.svg)).startswith(b"<svg")
    assert len((await label.spark.files.get(code.terminal)).decode().splitlines()) > 10


async def test_one_code_serves_every_command_and_handle(label: Label, db: Pool) -> None:
    # R8: no code per request or per account, also when the first commands come at once.
    answers = await asyncio.gather(*(label.request(f"artist{number}") for number in range(3)))
    answers.append(await label.request("moana", "aria"))

    assert len({answer.qr for answer in answers}) == 1
    assert len(await trail(db, label, "QR code issued")) == 1


@pytest.mark.parametrize(
    ("scope", "page_says", "text_says"),
    [
        (
            Scope(new_videos=NewVideos.ADS_ONLY),
            "Shown through ads only, not on your profile.",
            "publish new videos that show through ads only",
        ),
        (
            Scope(new_videos=NewVideos.ON_PROFILE, live=True),
            "Shown on your profile and in ads.",
            "publish new videos on the profile and in ads, promote live rooms",
        ),
    ],
)
async def test_the_scope_reaches_the_owner(
    label: Label, http: aiohttp.ClientSession, scope: Scope, page_says: str, text_says: str
) -> None:
    # R7: chosen before the code is made, and on the page that it opens.
    other = (await label.request("kiri", scope=Scope())).qr

    code = (await label.request("moana", scope=scope)).qr

    assert code.png != other.png
    assert text_says in code.text
    async with http.get((await label.spark.files.get(code.url)).decode()) as page:
        assert page_says in await page.text()


async def test_a_code_past_its_lifetime_is_issued_anew(label: Label, db: Pool) -> None:
    old = (await label.request("kiri")).qr
    await db.execute(
        "UPDATE qr_codes SET issued_at = $2 WHERE bc_id = $1", label.bc_id, datetime.now(UTC) - timedelta(days=365)
    )

    new = (await label.request("moana")).qr

    assert new.png != old.png
    assert new.issued_at > old.issued_at
