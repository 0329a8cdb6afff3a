"""Making a release for a test: rows, the bundle, the start, and what came of it."""

import asyncio
import csv
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import av

from sparkads import manifest
from sparkads.contracts.base import BlobRef
from sparkads.contracts.release import FINAL_STATES, ReleaseInput, TargetState
from store import releases
from store.database import Pool
from store.releases import ReportRow
from tests.conftest import Label, until

_numbers = count(1)


def write_video(path: Path, seconds: float) -> None:
    """A real 9:16 video: a grey that changes, so that no two lengths are the same file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 540, 960, "yuv420p"
        for _ in range(int(24 * seconds)):
            container.mux(stream.encode(av.VideoFrame(540, 960, "yuv420p")))
        container.mux(stream.encode())


def push(row_id: str, account: str, ad_account: str, **more: str) -> dict[str, str]:
    """A row that pushes `video.mp4` on an account's profile, now."""
    return {
        "row_id": row_id,
        "mode": "push",
        "account": account,
        "ad_account": ad_account,
        "territory": "NZ",
        "location_id": "2186224",
        "time_zone": "Pacific/Auckland",
        "release_at": "now",
        "visibility": "profile",
        "video": "video.mp4",
        "post_id": "",
        "caption": "Out now",
        "landing_url": "https://example.com/song",
        "call_to_action": "LISTEN_NOW",
        "daily_budget": "50",
        **more,
    }


def pull(row_id: str, account: str, ad_account: str, post_id: str, **more: str) -> dict[str, str]:
    """A row that uses an existing post, now."""
    empty = {"mode": "pull", "visibility": "", "video": "", "caption": "", "post_id": post_id}
    return push(row_id, account, ad_account, **(empty | more))


async def bundle(label: Label, folder: Path, rows: list[dict[str, str]]) -> BlobRef:
    """Write the manifest as a spreadsheet would, check it, and put it into the object store."""
    names = sorted({row["video"] for row in rows if row["video"]})
    for length, name in enumerate(names, start=1):
        if "://" not in name and not (folder / name).exists():
            write_video(folder / name, length)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(manifest.COLUMNS))
        writer.writeheader()
        writer.writerows(rows)
    # In a thread: the servers of its addresses may be this process's own.
    read = await asyncio.to_thread(manifest.read, folder / "manifest.csv")
    assert not read.problems, [str(problem) for problem in read.problems]
    return await manifest.bundle(read, label.spark.files)


@dataclass
class Release:
    """A release that was started."""

    campaign_id: str
    label: Label
    db: Pool

    async def finished(self, within: float = 40.0) -> dict[str, ReportRow]:
        """Wait for its end; its rows by id."""
        await until(self._is_over, f"{self.campaign_id} finished", within)
        await self.label.spark.wait_for_release(self.campaign_id)
        return await self.rows()

    async def _is_over(self) -> bool:
        # Read from the record, so that a test of a broken workflow fails by its state and not by a hang.
        counts = await releases.counts(self.db, self.campaign_id)
        return bool(counts) and set(counts) <= FINAL_STATES

    async def rows(self) -> dict[str, ReportRow]:
        return {row.row_id: row for row in await releases.report_rows(self.db, self.campaign_id)}

    async def row_reaches(self, row_id: str, state: TargetState) -> ReportRow:
        async def look() -> ReportRow | None:
            row = (await self.rows()).get(row_id)
            return row if row is not None and row.state is state else None

        found: ReportRow = await until(look, f"row {row_id} {state}")
        return found

    async def ads(self) -> dict[str, list[dict[str, Any]]]:
        """What exists at the simulator for each row, found by the row id in an ad's name."""
        world = await self.label.simulator.get("state")
        ours: dict[str, list[dict[str, Any]]] = {}
        groups = {
            group["adgroup_id"]
            for group in world["adgroups"]
            if group["adgroup_name"].startswith(f"sparkads {self.campaign_id} ")
        }
        for ad in world["ads"]:
            if ad["adgroup_id"] in groups:
                ours.setdefault(ad["ad_name"].split(" ")[0], []).append(ad)
        return ours


async def release(label: Label, db: Pool, folder: Path, rows: list[dict[str, str]], **more: Any) -> Release:
    """Start a release campaign as the label's admin, run by its operator."""
    campaign_id = f"release-{next(_numbers)}-{label.bc_id[-4:]}"
    more.setdefault("actor", label.admin)
    more.setdefault("operator", label.operator)
    manifest_ref = await bundle(label, folder, rows)
    await label.spark.start_release(
        ReleaseInput(campaign_id=campaign_id, bc_id=label.bc_id, manifest=manifest_ref, **more)
    )
    return Release(campaign_id, label, db)


async def delete(label: Label, kind: str, key: str) -> None:
    """Delete a campaign, adgroup or ad, as somebody does in Ads Manager."""
    token = f"token-{int(label.bc_id[2:])}"
    body = {"advertiser_id": label.ad_account, f"{kind}_ids": [key], "operation_status": "DELETE"}
    url = f"{label.simulator.url}/open_api/v1.3/{kind}/status/update/"
    async with label.simulator.http.post(url, json=body, headers={"Access-Token": token}) as answer:
        assert (await answer.json())["code"] == 0


async def calls_so_far(label: Label) -> dict[str, int]:
    """How many calls the simulator has had, by path."""
    return {path: one["calls"] for path, one in (await label.simulator.get("calls"))["paths"].items()}
