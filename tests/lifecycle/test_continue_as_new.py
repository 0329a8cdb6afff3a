"""Entities that live for years continue as new, here every hundred events: nothing is lost on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from access_record import (
    held_at_tiktok,
    request_ends,
    request_states,
    roles_at_tiktok,
    scans,
    slots_become,
)
from temporalio.testing import WorkflowEnvironment

from sparkads import names, search_attributes
from sparkads.client import SparkAds
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import MemberGrant, PairOutcome, Share, Unshare
from sparkads.contracts.business_center import RequestOpened, ScanOutcome, ScanReport
from sparkads.converter import data_converter
from sparkads.files import Files
from store.database import Pool
from tests.conftest import PYTHON, Label, Simulator, make_label, stop_sweeping, until
from tiktok import TikTok
from workers.local import Stack
from workers.settings import load_settings
from workers.worker import make_workers

EVENTS = 100


@pytest.fixture(scope="module")
async def short_lived(stack: Stack, db: Pool) -> AsyncIterator[SparkAds]:
    """A Temporal server that suggests to continue as new early, with a worker on the stack's database."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        settings = load_settings()
    async with (
        await WorkflowEnvironment.start_local(
            data_converter=data_converter,
            dev_server_existing_path=PYTHON.replace("python", "temporal"),
            dev_server_log_level="error",
            dev_server_extra_args=[
                f"--dynamic-config-value=limit.historyCount.suggestContinueAsNew={EVENTS}",
                *(
                    f"--search-attribute={key.name}={key.indexed_value_type.name.title()}"
                    for key in search_attributes.ALL
                ),
            ],
        ) as server,
        TikTok(settings.tiktok_base_url, limiter=None) as tiktok,
    ):
        people, bulk = make_workers(settings, server.client, db, tiktok)
        async with people, bulk:
            yield SparkAds(server.client, Files(settings.object_store))


@pytest.fixture
async def label(simulator: Simulator, short_lived: SparkAds, db: Pool) -> AsyncIterator[Label]:
    yield await make_label(simulator, short_lived, db)
    await stop_sweeping()


async def runs(label: Label, workflow_id: str) -> int:
    return (await label.spark.temporal.count_workflows(f"WorkflowId = '{workflow_id}'")).count


async def renewed(label: Label, workflow_id: str, at_least: int) -> bool:
    """Whether a workflow has continued as new often enough to have so many runs."""
    return await runs(label, workflow_id) >= at_least


async def test_a_business_center_loses_no_signal_no_request_and_no_update(label: Label, db: Pool) -> None:
    # R6, R9
    workflow_id = names.business_center_id(label.bc_id)
    await label.seed_accounts("kiri")
    await label.request("kiri")
    center = label.spark.temporal.get_workflow_handle(workflow_id)

    answers, *_ = await asyncio.gather(
        asyncio.gather(*(label.request(f"artist{number}") for number in range(30))),
        *(label.spark.report_scan(label.bc_id, ScanReport(handle=f"scan{number}")) for number in range(100)),
        *(center.signal(names.SCAN, number) for number in range(50)),
    )

    assert [line.outcome for answer in answers for line in answer.requests] == [RequestOpened.OPENED] * 30
    assert len({answer.qr for answer in answers}) == 1

    async def all_kept() -> bool:
        return len(await scans(db, label)) == 100

    await until(all_kept, "all scans kept")
    assert set(await scans(db, label)) == {(f"scan{number}", ScanOutcome.UNVERIFIED) for number in range(100)}
    status = await label.spark.business_center_status(label.bc_id)
    assert (status.undecodable_signals, status.pending) == (50, 31)

    await until(lambda: renewed(label, workflow_id, 3), "several runs")
    await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    await slots_become(label, 31)
    again = await label.request("artist7")
    assert again.requests[0].outcome is RequestOpened.ALREADY_OPEN
    assert (await label.spark.business_center_status(label.bc_id)).undecodable_signals == 50


async def test_what_no_sweep_could_verify_yet_is_taken_along(label: Label, db: Pool) -> None:
    # R9
    workflow_id = names.business_center_id(label.bc_id)
    await label.request("kiri")
    before = await runs(label, workflow_id)
    refusal = {"path": "/bc/asset/admin/get/", "kind": "code", "code": 40002, "message": "no " * 400}
    await label.simulator.post("faults", {"rules": [refusal]})
    await label.spark.report_scan(label.bc_id, ScanReport(handle="kiri"))

    async def shown() -> bool:
        return "no no" in (await label.spark.business_center_status(label.bc_id)).last_error

    await until(shown, "the failure of the sweep")
    center = label.spark.temporal.get_workflow_handle(workflow_id)
    await asyncio.gather(*(center.signal(names.SCAN, "fill the history") for _ in range(EVENTS)))

    await until(lambda: renewed(label, workflow_id, before + 1), "a further run")
    assert await scans(db, label) == []
    await label.simulator.post("faults", {"rules": []})
    await label.spark.report_scan(label.bc_id, ScanReport(handle="moana"))

    async def kept() -> bool:
        return {handle for handle, _ in await scans(db, label)} == {"kiri", "moana"}

    await until(kept, "both scans kept")
    assert await request_states(db, label) == {"kiri": "pending"}


async def test_an_authorization_answers_every_command(label: Label, db: Pool) -> None:
    # R10, R11
    (asset_id,) = await label.authorized("kiri")
    workflow_id = names.authorization_id(label.bc_id, asset_id)
    since = (await label.spark.authorization_status(label.bc_id, asset_id)).since
    authorization = label.spark.temporal.get_workflow_handle(workflow_id)
    share = Share(actor=label.admin, members=(MemberGrant(user_id=label.operator),))
    unshare = Unshare(actor=label.admin, members=(label.operator,))
    spark = label.spark

    answers, *_ = await asyncio.gather(
        asyncio.gather(
            *(spark.share(label.bc_id, asset_id, share) for _ in range(15)),
            *(spark.unshare(label.bc_id, asset_id, unshare) for _ in range(15)),
        ),
        *(authorization.signal(names.CANCEL, "not now") for _ in range(40)),
    )
    last = await spark.share(label.bc_id, asset_id, share)

    assert len(answers) == 30
    assert {pair.outcome for answer in answers for pair in answer.pairs} <= {PairOutcome.DONE, PairOutcome.ALREADY}
    assert last.refused == ()
    assert await until(lambda: renewed(label, workflow_id, 2), "a further run")
    status = await spark.authorization_status(label.bc_id, asset_id)
    assert (status.since, status.members, status.undecodable_signals) == (since, (label.operator,), 40)
    assert await roles_at_tiktok(label, asset_id) == {label.operator: ["POST"]}
    assert await held_at_tiktok(label) == [asset_id]
    assert await db.fetchval("SELECT count(*) FROM authorizations WHERE bc_id = $1", label.bc_id) == 1
