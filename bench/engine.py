"""The engine: the same targets as a release campaign, from its instant until the last review is read."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.world import AD_ACCOUNTS, ADMIN, BC, Measured, World
from sparkads import ReleaseInput
from sparkads.contracts.release import ReleasePhase, TargetState
from sparkads.manifest import ManifestRow, Mode, ReleaseBundle, Visibility
from store import releases

CAMPAIGN = "bench"
LEAD = timedelta(seconds=20)
"""Time for uploads and ad groups before the instant; grows with the targets."""


async def run_engine(world: World, targets: int) -> Measured:
    """Publish `targets` pushes as a release, and wait for their review."""
    share = targets // len(AD_ACCOUNTS)
    due = (datetime.now(UTC) + LEAD + timedelta(seconds=targets / 200)).replace(microsecond=0, tzinfo=None)
    rows = tuple(
        ManifestRow(
            row_id=f"{advertiser[-1]}-{number}",
            mode=Mode.PUSH,
            account=world.handles[number % len(world.handles)],
            ad_account=advertiser,
            territory="NZ",
            location_id="2186224",
            time_zone="Etc/UTC",
            release_at=due,
            visibility=Visibility.ADS_ONLY,
            video=world.video,
            caption="Out now",
            landing_url="https://example.com/song",
            call_to_action="LISTEN_NOW",
            daily_budget=Decimal(50),
        )
        for advertiser in AD_ACCOUNTS
        for number in range(share)
    )
    bundle = await world.spark.files.put(ReleaseBundle(rows=rows).model_dump_json().encode(), "application/json")
    await world.spark.start_release(
        ReleaseInput(campaign_id=CAMPAIGN, bc_id=BC, actor=ADMIN, operator=ADMIN, manifest=bundle)
    )
    while (await world.spark.release_status(CAMPAIGN)).phase is not ReleasePhase.PROMOTE:
        await asyncio.sleep(0.2)
    planned = due.replace(tzinfo=UTC)
    create_before, other_before = await world.calls()
    await asyncio.sleep(max(0.0, (planned - datetime.now(UTC)).total_seconds()))
    cpu_before = world.cpu()
    result = await world.spark.wait_for_release(CAMPAIGN)
    cpu = world.cpu() - cpu_before
    if result.counts != {TargetState.PUBLISHED: len(rows)}:
        raise RuntimeError(f"not everything was published: {result.counts}")
    create, other = await world.calls()
    last = max(row.confirmed_at or planned for row in await releases.report_rows(world.db, CAMPAIGN))
    return Measured(
        len(rows),
        (last - planned).total_seconds(),
        cpu,
        create - create_before,
        other - other_before,
        await _events(world),
    )


async def _events(world: World) -> int:
    """History events of the campaign and its shards."""
    return sum(
        [
            execution.history_length
            async for execution in world.spark.temporal.list_workflows(f'SparkCampaign = "{CAMPAIGN}"')
        ]
    )
