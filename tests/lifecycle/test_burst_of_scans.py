"""R9 at its worst: everybody scans at once, while the Business Center renews itself and its worker is killed."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from access_record import held_at_tiktok, own_name, settled
from mortal_worker import MortalWorker, end_all

from sparkads import names
from sparkads.client import SparkAds
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.audit import AskAudit, AuditOperation
from sparkads.contracts.business_center import RequestOpened, ScanOutcome, ScanReport
from store.database import Pool
from tests.conftest import Label, Simulator, make_label, stop_sweeping, until

OWNERS = 200
"""As many as a Business Center may hold (R6, policy seed-2023)."""

IN_ONE_COMMAND = 50
WITHIN = 180.0
"""Seconds: workflow tasks of a killed worker are noticed after ten, and two cores are few for 400 workflows."""


@pytest.fixture
async def label(simulator: Simulator, hasty: tuple[SparkAds, MortalWorker], db: Pool) -> AsyncIterator[Label]:
    yield await make_label(simulator, hasty[0], db)
    await end_all(hasty[0].temporal)
    await stop_sweeping()


@pytest.fixture
def worker(hasty: tuple[SparkAds, MortalWorker]) -> MortalWorker:
    return hasty[1]


async def runs(label: Label) -> int:
    workflow_id = names.business_center_id(label.bc_id)
    return (await label.spark.temporal.count_workflows(f"WorkflowId = '{workflow_id}'")).count


async def running(label: Label, workflow_type: str) -> int:
    query = f"WorkflowType = '{workflow_type}' AND ExecutionStatus = 'Running'"
    return (await label.spark.temporal.count_workflows(query)).count


@pytest.mark.timeout(360)
async def test_two_hundred_owners_scan_at_once_and_the_worker_dies(
    label: Label, db: Pool, worker: MortalWorker
) -> None:
    # R6, R9, R10
    handles = [own_name(label, f"o{number}x") for number in range(OWNERS)]
    await label.seed_accounts(*handles)
    for start in range(0, OWNERS, IN_ONE_COMMAND):
        answer = await label.request(*handles[start : start + IN_ONE_COMMAND])
        assert {line.outcome for line in answer.requests} == {RequestOpened.OPENED}
    runs_before = await runs(label)

    async def scan(number: int, handle: str) -> None:
        await label.simulator.approve(handle, label.bc_id)
        # By its text each report is known again in the record.
        await label.spark.report_scan(
            label.bc_id, ScanReport(handle=handle, reported_by=label.operator, reason=f"report {number}")
        )

    scans = asyncio.gather(*(scan(number, handle) for number, handle in enumerate(handles)))

    async def some_are_recorded() -> bool:
        recorded = await db.fetchval("SELECT count(*) FROM authorizations WHERE bc_id = $1", label.bc_id)
        return bool(recorded >= OWNERS // 10)

    await until(some_are_recorded, "a part of them recorded", within=60)
    await worker.restart(signal.SIGKILL)
    await scans

    async def all_are_answered() -> bool:
        states = await db.fetch("SELECT state FROM access_requests WHERE bc_id = $1", label.bc_id)
        return Counter(row["state"] for row in states) == {RequestOutcome.APPROVED: OWNERS}

    await until(all_are_answered, f"{OWNERS} requests approved", within=WITHIN)

    async def nobody_is_awaited() -> bool:
        status = await label.spark.business_center_status(label.bc_id)
        return (status.held, status.pending, status.slots) == (OWNERS, 0, OWNERS)

    await until(nobody_is_awaited, "every slot held, none requested", within=WITHIN)
    await settled(nobody_is_awaited, label)
    stages = await db.fetch("SELECT asset_id, stage FROM authorizations WHERE bc_id = $1", label.bc_id)
    assert Counter(row["stage"] for row in stages) == {"active": OWNERS}
    assert sorted(row["asset_id"] for row in stages) == sorted(await held_at_tiktok(label))
    assert await running(label, names.AUTHORIZATION_WORKFLOW) == OWNERS

    async def no_request_runs() -> bool:
        return await running(label, names.ACCESS_REQUEST_WORKFLOW) == 0

    # Temporal's list of workflows lags on a busy machine.
    await until(no_request_runs, "no request runs any more")
    # A report that came with the account itself is the scan that is recorded as accepted; a later one is a duplicate.
    kept = await db.fetch("SELECT handle, outcome, detail FROM scans WHERE bc_id = $1", label.bc_id)
    assert sorted(row["handle"] for row in kept if row["outcome"] == ScanOutcome.ACCEPTED) == sorted(handles)
    of_reports = [row for row in kept if row["detail"].startswith("report ")]
    assert {row["outcome"] for row in of_reports} <= {ScanOutcome.DUPLICATE}
    assert len(of_reports) == len({row["detail"] for row in of_reports}), "a report was kept twice"
    assert len(kept) == OWNERS + len(of_reports)
    trail = await db.fetch("SELECT subject FROM audit WHERE bc_id = $1 AND action = 'authorized'", label.bc_id)
    assert len({row["subject"] for row in trail}) == len(trail) == OWNERS
    ask = AskAudit(actor=label.admin, operation=AuditOperation.VERIFY)
    verdict = (await label.spark.audit(label.bc_id, ask)).verdict
    assert verdict is not None
    assert verdict.broken is None
    assert await runs(label) >= runs_before + 2, "it renewed itself meanwhile"
