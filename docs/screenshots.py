"""
Make the pictures of the README: `make screenshots`. Needs Chromium.

Plays the demo, leaves it up, and photographs the release in the Temporal UI, the report, and the consent page.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

PICTURES = Path(__file__).parent / "pictures"

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


def main() -> None:
    """Play the demo, photograph, stop it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("there is no Chromium on this machine; on Debian: apt-get install chromium")
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "--keep", "--json"], stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            told = _document(demo)
            ui = f"{told['addresses']['temporal_ui']}/namespaces/default/workflows"
            _photograph(browser, f"{ui}/{_release(told)}/timeline", "temporal-ui.png", 1400, 1300)
            _photograph(browser, ui, "temporal-list.png", 1400, 900)
            _photograph(browser, Path(told["files"]["report_html"]).resolve().as_uri(), "report.png", 1100, 1400)
            _photograph(browser, _consent_page(told), "consent.png", 420, 900)
        finally:
            demo.terminate()


def _document(demo: subprocess.Popen[str]) -> dict[str, dict[str, str]]:
    text = ""
    for line in demo.stdout or ():
        text += line
        if line.startswith("}"):
            document: dict[str, dict[str, str]] = json.loads(text)
            return document
    sys.exit("the demo ended before it was done")


def _release(told: dict[str, dict[str, str]]) -> str:
    """Workflow id and run id of the release, as they stand in an address of the Temporal UI."""
    listed = subprocess.run(
        [
            str(Path(sys.executable).parent / "temporal"),
            *("workflow", "list", "--address", told["addresses"]["temporal"], "--output", "json"),
            *("--query", "WorkflowType = 'ReleaseCampaignWorkflow'"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    execution = json.loads(listed.stdout)[0]["execution"]
    return f"{quote(execution['workflowId'], safe='')}/{execution['runId']}"


def _consent_page(told: dict[str, dict[str, str]]) -> str:
    with urlopen(f"{told['addresses']['tiktok']}/control/state") as answer:  # noqa: S310 - our own, on loopback
        state = json.load(answer)
    url: str = state["authorization_urls"][0]["url"]
    return f"{url}?as=sol.canyon"


def _photograph(browser: str, url: str, name: str, width: int, height: int) -> None:
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                *_CHROMIUM,
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "--virtual-time-budget=20000",
                f"--screenshot={PICTURES / name}",
                url,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    main()
