"""A release whose workflow has ended with rows still to go: it says so, takes its commands, and goes on."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from releasing import Release, bundle, pull, push

from sparkads import names
from sparkads.contracts.release import Command, ReleaseInput, ReleasePhase, RetryTargets, TargetState
from sparkads.contracts.takedown import Takedown
from sparkads.errors import EndedByFault, NothingOnRecord
from store.database import Pool
from tests.conftest import PYTHON, Label, post_of, run_command, until
from workers.local import Stack


async def started(label: Label, db: Pool, folder: Path) -> tuple[Release, ReleaseInput]:
    """A release with one row that is out, and one that is due in an hour."""
    await label.authorized("kiri", "bodhi")
    moment = datetime.now(UTC) + timedelta(hours=1)
    later = {"time_zone": "Etc/UTC", "release_at": moment.strftime("%Y-%m-%d %H:%M:%S")}
    rows = [
        push("out", "@bodhi", label.ad_account),
        pull("later", "@kiri", label.ad_account, post_of("kiri"), **later),
    ]
    asked = ReleaseInput(
        campaign_id=f"ended-{label.bc_id[-4:]}",
        bc_id=label.bc_id,
        manifest=await bundle(label, folder, rows),
        actor=label.admin,
        operator=label.operator,
    )
    await label.spark.start_release(asked)
    run = Release(asked.campaign_id, label, db)
    await run.row_reaches("out", TargetState.PUBLISHED)
    await run.row_reaches("later", TargetState.READY)
    return run, asked


async def terminated(label: Label, db: Pool, folder: Path) -> tuple[Release, ReleaseInput]:
    run, asked = await started(label, db, folder)
    await label.spark.temporal.get_workflow_handle(f"campaign/{run.campaign_id}").terminate("by hand")
    return run, asked


async def test_it_says_so_and_promises_nothing(label: Label, db: Pool, tmp_path: Path) -> None:
    run, _ = await terminated(label, db, tmp_path)

    status = await label.spark.release_status(run.campaign_id)

    assert (status.phase, status.next_due) == (ReleasePhase.FAILED, None)
    assert "apply the same file again" in status.attention
    with pytest.raises(EndedByFault, match="rows still to go"):
        await label.spark.wait_for_release(run.campaign_id)


async def test_its_report_is_written_from_the_record(label: Label, db: Pool, tmp_path: Path, stack: Stack) -> None:
    run, _ = await terminated(label, db, tmp_path)
    out = tmp_path / "report"
    command = (PYTHON, "-m", "sparkads", "campaign", "report", run.campaign_id, "--out", str(out))

    written = await run_command(*command, environment={**stack.environment, "SPARKADS_ACTOR": label.admin})

    assert written.code == 0, written.err
    assert "later" in (out / "report.csv").read_text()


async def test_the_same_file_applied_again_goes_on_where_it_was(label: Label, db: Pool, tmp_path: Path) -> None:
    run, asked = await terminated(label, db, tmp_path)

    await label.spark.start_release(asked)

    status = await label.spark.release_loaded(run.campaign_id)
    assert status.phase is not ReleasePhase.FAILED
    assert status.next_due is not None
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"out": 1}


async def _cancel(label: Label, campaign_id: str) -> None:
    await label.spark.cancel(campaign_id, Command(actor=label.admin, reason="no"))


async def _take_down(label: Label, campaign_id: str) -> None:
    command = Takedown(actor=label.admin, reason="no")
    await label.spark.wait_for_takedown(campaign_id, await label.spark.takedown(campaign_id, command))


@pytest.mark.parametrize("stop", [_cancel, _take_down])
async def test_what_is_not_out_can_be_stopped(
    label: Label, db: Pool, tmp_path: Path, stop: Callable[[Label, str], Awaitable[None]]
) -> None:
    run, _ = await terminated(label, db, tmp_path)
    await stop(label, run.campaign_id)
    await run.row_reaches("later", TargetState.CANCELLED)


async def test_a_retry_starts_it_again(label: Label, db: Pool, tmp_path: Path) -> None:
    run, _ = await terminated(label, db, tmp_path)

    retried = await label.spark.retry(run.campaign_id, RetryTargets(actor=label.admin, reason="again"))

    assert retried.taken == 0

    async def runs() -> bool:
        return (await label.spark.release_status(run.campaign_id)).phase is not ReleasePhase.FAILED

    await until(runs, "it runs again")


async def test_a_fault_ends_it_by_name(label: Label, db: Pool, tmp_path: Path) -> None:
    # A run that goes on with a record that is not there: no refusal of the release, but a fault of its own.
    asked = ReleaseInput(
        campaign_id=f"lost-{label.bc_id[-4:]}",
        bc_id=label.bc_id,
        manifest=await bundle(label, tmp_path, [push("row", "@kiri", label.ad_account)]),
        actor=label.admin,
        operator=label.operator,
        resumed=True,
    )
    await label.spark.temporal.start_workflow(
        names.RELEASE_CAMPAIGN_WORKFLOW,
        asked,
        id=names.release_campaign_id(asked.campaign_id),
        task_queue=names.TASK_QUEUE,
    )
    with pytest.raises(NothingOnRecord):
        await label.spark.wait_for_release(asked.campaign_id)

    status = await label.spark.release_status(asked.campaign_id)
    assert status.phase is ReleasePhase.FAILED
    assert "nothing goes out" in status.attention
    notice = "SELECT text FROM notifications WHERE bc_id = $1 AND subject = $2"
    told = await db.fetchval(notice, label.bc_id, f"campaign {asked.campaign_id}")
    assert "has ended through a fault" in told


async def test_what_is_refused_as_a_whole_is_said_when_it_is_applied(
    label: Label, db: Pool, tmp_path: Path, stack: Stack
) -> None:
    await label.authorized("kiri")
    await bundle(label, tmp_path, [push("row", "@kiri", label.ad_account)])
    file = str(tmp_path / "manifest.csv")
    stranger = f"69{label.bc_id[2:]}"
    apply = (PYTHON, "-m", "sparkads", "campaign", "apply", file, "--bc", label.bc_id, "--operator", stranger, "--yes")

    said = await run_command(*apply, environment={**stack.environment, "SPARKADS_ACTOR": label.admin})

    assert said.code == 1
    assert "is no member of Business Center" in said.err
    assert "started" not in said.out
