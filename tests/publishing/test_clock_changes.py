"""
Releases at instants at which clocks are changed, or on both sides of the date line.

Months pass in seconds: the workflow's clock is Temporal's to skip, PostgreSQL's and the simulator's are set ahead.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from releasing import push, release
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from sparkads import names
from sparkads.client import SparkAds
from sparkads.contracts.release import TargetState
from store.database import Pool
from tests.conftest import QUICK, Label, Simulator, make_label, stop_sweeping
from workers.local import local_stack

SHORTLY = timedelta(seconds=2)

OWN_CLOCK = """
    CREATE SCHEMA ahead;
    CREATE TABLE ahead.clock (by interval NOT NULL);
    INSERT INTO ahead.clock VALUES ('0');
    CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
        AS 'SELECT pg_catalog.clock_timestamp() + by FROM ahead.clock';
    CREATE FUNCTION ahead.now() RETURNS timestamptz STABLE LANGUAGE sql
        AS 'SELECT pg_catalog.now() + by FROM ahead.clock';
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = ahead, public, pg_catalog', current_database());
    END $$;
"""
"""Found before PostgreSQL's own by every connection made from then on."""

INSTANTS = {
    # One side of the date line and the other: the same instant is the 13th here and the 14th there.
    ("KI", "Pacific/Kiritimati", "2027-03-14 00:00"): "2027-03-13T10:00:00Z",
    ("AS", "Pacific/Pago_Pago", "2027-03-13 00:00"): "2027-03-13T11:00:00Z",
    ("WS", "Pacific/Apia", "2027-03-14 00:00"): "2027-03-13T11:00:00Z",
    ("NP", "Asia/Kathmandu", "2027-03-14 00:00"): "2027-03-13T18:15:00Z",
    # Skipped: Morocco returns from its Ramadan clock, New York goes to summer time. As much later as the clock goes.
    ("MA", "Africa/Casablanca", "2027-03-14 02:30"): "2027-03-14T02:30:00Z",
    ("US", "America/New_York", "2027-03-14 02:30"): "2027-03-14T07:30:00Z",
    # Shown twice: the first of the two. Chatham's clock stands 45 minutes beside everybody's.
    ("NZ", "Pacific/Chatham", "2027-04-04 03:00"): "2027-04-03T13:15:00Z",
    # Lord Howe moves its clock by half an hour, back and forth.
    ("AU", "Australia/Lord_Howe", "2027-04-04 01:45"): "2027-04-03T14:45:00Z",
    ("AU", "Australia/Lord_Howe", "2027-10-03 02:15"): "2027-10-02T15:45:00Z",
    ("US", "America/New_York", "2027-11-07 01:30"): "2027-11-07T05:30:00Z",
}
"""Territory, zone and wall time, and the instant worked out by hand."""


@dataclass
class World:
    """A stack whose clocks can be set ahead."""

    label: Label
    db: Pool
    skipped: timedelta = timedelta()

    async def set_clocks(self, moment: datetime) -> None:
        """Of the store and the simulator; they go on from there."""
        ahead = moment - datetime.now(UTC)
        await self.db.execute("UPDATE ahead.clock SET by = $1", ahead)
        await self.label.simulator.post("clock", {"ahead_seconds": ahead.total_seconds()})

    async def skip_to(self, moment: datetime, workflow_id: str) -> None:
        """Let a workflow's own clock run ahead."""
        client = self.label.spark.temporal
        span = moment - datetime.now(UTC) - self.skipped
        skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        await skipper.fast_forward(client.get_workflow_handle(workflow_id), span)
        self.skipped += span


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with (
        local_stack(None, worker=False, environment=QUICK) as stack,
        asyncpg.create_pool(stack.database_url, min_size=1, max_size=3) as db,
        aiohttp.ClientSession() as http,
    ):
        await db.execute(OWN_CLOCK)
        await stack.add_worker()
        assert stack.simulator_url is not None
        simulator = Simulator(stack.simulator_url, http)
        await simulator.post("config", {"tier": "unlimited"})
        await simulator.post("clock", {"review_seconds": 0})
        spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
        yield World(await make_label(simulator, spark, db), db)
        await stop_sweeping()


async def test_every_ad_is_made_at_its_instant_and_none_before(world: World, tmp_path: Path) -> None:
    label = world.label
    handles = [f"artist{number}" for number in range(len(INSTANTS))]
    await label.authorized(*handles)
    due = {
        handle: (
            datetime.fromisoformat(instant),
            push(handle, f"@{handle}", label.ad_account)
            | {"territory": territory, "time_zone": zone, "release_at": wall_time},
        )
        for handle, ((territory, zone, wall_time), instant) in zip(handles, INSTANTS.items(), strict=True)
    }
    run = await release(label, world.db, tmp_path, [row for _, row in due.values()])
    for handle in handles:
        await run.row_reaches(handle, TargetState.READY)

    for instant in sorted({instant for instant, _ in due.values()}):
        # The workflow believes that the instant has passed; the store knows better.
        await world.set_clocks(instant - SHORTLY)
        await world.skip_to(instant + SHORTLY, names.release_campaign_id(run.campaign_id))
        for handle in (handle for handle in handles if due[handle][0] == instant):
            await run.row_reaches(handle, TargetState.PUBLISHED)

    rows, ads = await run.finished(), await run.ads()
    groups = {group["adgroup_id"]: group for group in (await label.simulator.get("state"))["adgroups"]}
    assert set(ads) == set(handles)
    for handle, (instant, _) in due.items():
        (ad,) = ads[handle]
        assert rows[handle].due_at == instant
        late = datetime.fromisoformat(ad["created_at"]) - instant
        assert timedelta() <= late < timedelta(seconds=20), f"{handle}: {late}"
        assert datetime.fromisoformat(groups[ad["adgroup_id"]]["starts_at"]) == instant
