"""Two hundred owners scan at once: until all are authorized on record, and what a script needs for the same."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.world import ADMIN, Servers, center, servers, token_of
from sparkads import NewVideos, RequestAccess, Scope
from sparkads.contracts.business_center import ScanReport
from sparkads.names import business_center_id
from store import credentials

# Only the reports make it look: what is measured is not how often it looks by itself.
_SETTINGS = {
    "SPARKADS_TIKTOK_TIER": "unlimited",
    "SPARKADS_SWEEP_FAST": "3600",
    "SPARKADS_SWEEP_SLOW": "3600",
    "SPARKADS_LOG_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Scans:
    """One round."""

    owners: int
    authorized_seconds: float
    """from the first report to the last authorization on record"""
    answered_seconds: float
    """until the last request is closed, too"""
    floor_seconds: float
    """a script: list what TikTok has, write a row for each, remember nothing"""


async def measure_scans(owners: int, rounds: int) -> list[Scans]:
    """Each round has a Business Center of its own."""
    async with servers(_SETTINGS) as running:
        return [await _round(running, owners, number) for number in range(rounds)]


async def _round(running: Servers, owners: int, number: int) -> Scans:
    bc_id = f"77{number:017}"
    handles = [f"scan{number}.{owner}" for owner in range(owners)]
    await running.seed(centers=[center(bc_id, members=[ADMIN], ad_accounts=[])], handles=handles)
    await credentials.put(running.db, bc_id, "Bench", token_of(bc_id))
    command = RequestAccess(
        command_id="bench", actor=ADMIN, scope=Scope(new_videos=NewVideos.ON_PROFILE), handles=tuple(handles)
    )
    await running.spark.request_access(bc_id, command)
    await _until(lambda: _rows(running, "access_requests", "state = 'pending'", bc_id), owners)
    await _at_rest(running, bc_id)
    for handle in handles:
        await running.control("POST", f"owners/{handle}/approve", {"bc_id": bc_id})
    started = time.perf_counter()
    await asyncio.gather(
        *(running.spark.report_scan(bc_id, ScanReport(handle=handle, reported_by=ADMIN)) for handle in handles)
    )
    await _until(lambda: _rows(running, "authorizations", "stage = 'active'", bc_id), owners)
    authorized = time.perf_counter() - started
    await _until(lambda: _rows(running, "access_requests", "state = 'approved'", bc_id), owners)
    answered = time.perf_counter() - started
    await running.spark.temporal.get_workflow_handle(business_center_id(bc_id)).terminate("measured")
    return Scans(owners, authorized, answered, await _floor(running, bc_id, owners))


async def _floor(running: Servers, bc_id: str, owners: int) -> float:
    await running.db.execute(
        "CREATE TABLE IF NOT EXISTS floor_authorizations (bc_id text, asset_id text, PRIMARY KEY (bc_id, asset_id))"
    )
    started = time.perf_counter()
    assets = await running.tiktok.client(token_of(bc_id)).business_centers.all_assets(bc_id, "TT_ACCOUNT")
    for asset in assets:
        await running.db.execute("INSERT INTO floor_authorizations VALUES ($1, $2)", bc_id, asset.asset_id)
    assert len(assets) == owners
    return time.perf_counter() - started


async def _at_rest(running: Servers, bc_id: str) -> None:
    """The sweep that the requests have caused is over."""
    last, before = (await running.spark.business_center_status(bc_id)).last_sweep, None
    while last is None or last != before:
        await asyncio.sleep(1)
        before, last = last, (await running.spark.business_center_status(bc_id)).last_sweep


async def _until(count: Callable[[], Awaitable[int]], wanted: int) -> None:
    while await count() < wanted:
        await asyncio.sleep(0.02)


async def _rows(running: Servers, table: str, condition: str, bc_id: str) -> int:
    found: int = await running.db.fetchval(f"SELECT count(*) FROM {table} WHERE bc_id = $1 AND {condition}", bc_id)
    return found
