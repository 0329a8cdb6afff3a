"""
Make the pictures of the README and of docs/operations.md: `make screenshots`. Needs Chromium.

Plays the demo, leaves it up, and photographs the release in the Temporal UI, the report, and the consent page. Then
a row goes out of which TikTok says that it made the ad, and does not list it: what waits for a person looks like that.
"""

import asyncio
import base64
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import aiohttp

from demo import cast
from workers.settings import inherited_environment

PICTURES = Path(__file__).parent / "pictures"

Told = dict[str, dict[str, str]]
"""What the demo says of itself as JSON."""

SETTLE_WINDOW = "5"
"""Seconds, in place of two minutes; the pretended TikTok answers within one."""

LOOK = 0.2
"""Seconds between two looks at a page."""

DRAWN_WITHIN = 2.0
"""Seconds that a page takes for its pictures after its text."""

HELD = "waiting for a person"
"""The phase of a shard whose row waits for a person's word."""

# Without the background-networking switches, Chromium looks for its maker's servers at each start.
_CHROMIUM = [
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


async def main() -> None:
    """Play the demo, photograph, stop it."""
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else goes on meanwhile
        [sys.executable, "-m", "demo", "--keep", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=inherited_environment() | {"SPARKADS_SETTLE_WINDOW": SETTLE_WINDOW},
    ) as demo:
        try:
            told = _document(demo)
            ui = f"{told['addresses']['temporal_ui']}/namespaces/default/workflows"
            release = _listed(told, "WorkflowType = 'ReleaseCampaignWorkflow'")[0]
            report = PurePath(told["files"]["report_html"]).as_uri()
            async with _camera() as camera:
                await camera.photograph(
                    f"{ui}/{release}/timeline", "temporal-ui.png", 1400, 1300, shows="Write the report"
                )
                await camera.photograph(ui, "temporal-list.png", 1400, 900, shows="ReleaseCampaignWorkflow")
                await camera.photograph(report, "report.png", 1100, 1400, shows="Release report")
                await camera.photograph(_consent_page(told), "consent.png", 420, 900, shows=cast.LABEL)
                _release_a_row_to_be_held(told)
                await camera.photograph(
                    f"{ui}/{await _held_shard(told)}/user-metadata", "held-row.png", 1400, 900, shows="Current Details"
                )
        finally:
            demo.terminate()


def _document(demo: subprocess.Popen[str]) -> Told:
    text = ""
    for line in demo.stdout or ():
        text += line
        if line.startswith("}"):
            document: Told = json.loads(text)
            return document
    sys.exit("the demo ended before it was done")


def _listed(told: Told, query: str) -> list[str]:
    """Workflow id and run id of each workflow found, as they stand in an address of the Temporal UI."""
    listed = subprocess.run(
        [
            str(Path(sys.executable).parent / "temporal"),
            *("workflow", "list", "--address", told["addresses"]["temporal"], "--output", "json"),
            *("--query", query),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = [one["execution"] for one in json.loads(listed.stdout or "[]")]
    return [f"{quote(one['workflowId'], safe='')}/{one['runId']}" for one in found]


def _release_a_row_to_be_held(told: Told) -> None:
    """TikTok says of it that it made the ad, and never lists it."""
    _control(told, "config", {"describe_created": False})
    _control(told, "clock", {"ad_list_seconds": 86_400})
    original = Path(told["files"]["manifest"])
    with original.open(newline="") as file:
        row = next(csv.DictReader(file))
    encore = original.with_name("encore.csv")
    with encore.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row | {"row_id": "akl-encore", "release_at": "now"})
    addresses = told["addresses"]
    subprocess.run(
        [
            str(Path(sys.executable).parent / "sparkads"),
            *("campaign", "apply", str(encore), "--bc", cast.BC_ID, "--operator", cast.OPERATOR.user_id, "--yes"),
        ],
        check=True,
        capture_output=True,
        env=inherited_environment()
        | {
            "SPARKADS_ACTOR": cast.ADMIN.user_id,
            "TEMPORAL_ADDRESS": addresses["temporal"],
            "SPARKADS_OBJECT_STORE": addresses["object_store"],
        },
    )


async def _held_shard(told: Told) -> str:
    """The shard whose row waits for a person, as soon as it does."""
    held = f"WorkflowType = 'PublishShardWorkflow' AND SparkPhase = '{HELD}'"
    async with asyncio.timeout(60):
        while not (found := _listed(told, held)):  # noqa: ASYNC110 - a list tells nobody that it has changed
            await asyncio.sleep(LOOK)
    return found[0]


def _control(told: Told, what: str, body: dict[str, object]) -> None:
    address = f"{told['addresses']['tiktok']}/control/{what}"
    asked = Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - our own
    with urlopen(asked):  # noqa: S310 - our own, on loopback
        pass


def _consent_page(told: Told) -> str:
    with urlopen(f"{told['addresses']['tiktok']}/control/state") as answer:  # noqa: S310 - our own, on loopback
        state = json.load(answer)
    url: str = state["authorization_urls"][0]["url"]
    return f"{url}?as=sol.canyon"


@asynccontextmanager
async def _camera() -> AsyncIterator["_Camera"]:
    """A Chromium without a window, spoken to by its DevTools protocol: pages that are never done loading, too."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("there is no Chromium on this machine; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        process = await asyncio.create_subprocess_exec(
            browser,
            *_CHROMIUM,
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            "about:blank",
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stderr is not None  # noqa: S101 - it was asked for
            while not (line := (await process.stderr.readline()).decode()).startswith("DevTools listening on ws://"):
                if not line:
                    sys.exit("Chromium ended")
            host = line.split("/")[2]
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://{host}/json/list") as answer:
                    (page,) = [one for one in await answer.json() if one["type"] == "page"]
                async with http.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield _Camera(socket)
        finally:
            process.terminate()
            await process.wait()


class _Camera:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)

    async def photograph(self, url: str, name: str, width: int, height: int, *, shows: str) -> None:
        """Open a page, wait until it shows a text, and a moment for what is drawn around it."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self._ask("Emulation.setDeviceMetricsOverride", size)
        await self._ask("Page.navigate", {"url": url})
        async with asyncio.timeout(60):
            while shows not in await self._text():  # noqa: ASYNC110 - a page tells nobody that it is ready
                await asyncio.sleep(LOOK)
        await asyncio.sleep(DRAWN_WITHIN)
        picture = await self._ask("Page.captureScreenshot", {"format": "png"})
        (PICTURES / name).write_bytes(base64.b64decode(picture["data"]))

    async def _text(self) -> str:
        found = await self._ask("Runtime.evaluate", {"expression": "document.body ? document.body.innerText : ''"})
        return str(found["result"].get("value", ""))

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while (answer := await self._socket.receive_json()).get("id") != number:
            pass
        result: dict[str, Any] = answer["result"]
        return result


if __name__ == "__main__":
    asyncio.run(main())
