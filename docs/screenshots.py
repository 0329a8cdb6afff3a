"""
Make the pictures of the README and of operations.md: `make screenshots`. Needs Chromium, and five minutes.

Plays the demo, leaves it up, and photographs the release in the Temporal UI, the report, and the consent page. Then the
pretended TikTok says that it made an ad and does not list it, and what waits for a person is photographed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

from demo.cast import ADMIN, BC_ID, OPERATOR

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
            _photograph(browser, f"{ui}/{_held(told)}/timeline", "temporal-held.png", 1400, 900)
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
    """The release, as it stands in an address of the Temporal UI."""
    return _listed(told, "WorkflowType = 'ReleaseCampaignWorkflow'")[0]


def _listed(told: dict[str, dict[str, str]], query: str) -> list[str]:
    """Workflow id and run id of each, as they stand in an address of the Temporal UI."""
    listed = subprocess.run(
        [
            str(Path(sys.executable).parent / "temporal"),
            *("workflow", "list", "--address", told["addresses"]["temporal"], "--output", "json", "--query", query),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    executions = [one["execution"] for one in json.loads(listed.stdout)]
    return [f"{quote(one['workflowId'], safe='')}/{one['runId']}" for one in executions]


_HELD = """\
row_id,mode,account,ad_account,territory,location_id,time_zone,release_at,visibility,video,post_id,caption,landing_url,\
call_to_action,daily_budget
akl-1,pull,@mele.tides,7100000000000000101,NZ,2186224,Pacific/Auckland,now,,,7400000000000000101,,\
https://example.com/harbour-lights/nz,LISTEN_NOW,60
"""


def _held(told: dict[str, dict[str, str]]) -> str:
    """The shard of a release whose ad TikTok says that it made and does not list, once it waits for a person."""
    _tell_tiktok(told, "config", {"describe_created": False})
    _tell_tiktok(told, "clock", {"ad_list_seconds": 86_400})
    environment = {
        "TEMPORAL_ADDRESS": told["addresses"]["temporal"],
        "SPARKADS_OBJECT_STORE": told["addresses"]["object_store"],
        "SPARKADS_ACTOR": ADMIN.user_id,
    }
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "held.csv"
        manifest.write_text(_HELD)
        start = ["campaign", "start", str(manifest), "--bc", BC_ID, "--operator", OPERATOR.user_id]
        subprocess.run([sys.executable, "-m", "sparkads", *start], check=True, env=os.environ | environment)
    while not (found := _listed(told, "SparkPhase = 'waiting for a person'")):
        time.sleep(2)
    return found[0]


def _tell_tiktok(told: dict[str, dict[str, str]], path: str, body: dict[str, object]) -> None:
    request = Request(  # noqa: S310 - our own, on loopback
        f"{told['addresses']['tiktok']}/control/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    urlopen(request).close()  # noqa: S310 - as above


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
