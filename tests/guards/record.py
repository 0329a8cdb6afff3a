"""
Records the histories that `test_replay.py` replays: real runs, on the real stack, of each workflow's main paths.

    python -m tests.guards.record --beside what-changed
    python -m tests.guards.record

To be run after workflow code was changed on purpose. Behind `workflow.patched` the old histories stay, since runs like
them are still under way, and the new ones are put beside them. Without `--beside` they are replaced: right only if no
such run exists any more, or none ever did. Takes two minutes.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from sparkads import SparkAds, names, search_attributes
from sparkads.contracts.access_request import CancelAccessRequest
from sparkads.contracts.audit import AskAudit, AuditOperation
from sparkads.contracts.authorization import AccountLost, AdAccountLink, EndAuthorization, MemberGrant, Share, Unshare
from sparkads.contracts.business_center import (
    AskCode,
    CancelRequest,
    Decision,
    ListScans,
    LookNow,
    RequestAccess,
    ScanReport,
)
from sparkads.contracts.drift import AskDrift
from sparkads.contracts.notification import AskNotifications
from sparkads.contracts.people import AskPeople
from sparkads.contracts.release import (
    AccessChanged,
    ApprovalStage,
    Approve,
    Command,
    HealthGate,
    OutcomeSettled,
    Proceed,
    ReleaseInput,
    Retime,
    RetryTargets,
    Selection,
    SettleTarget,
    TargetState,
)
from sparkads.contracts.takedown import Takedown
from sparkads.errors import Refusal
from sparkads.scopes import Scope
from store.database import Pool
from tests.conftest import QUICK, Label, Simulator, make_label, post_of, until
from tests.guards import histories
from tests.publishing.releasing import Release, bundle, pull, push, release
from workers.local import DYNAMIC_CONFIG, local_stack

SETTINGS = QUICK | {
    # Fewer sweeps in a history, and a worker that does not wait for the call under way when it is stopped.
    "SPARKADS_SWEEP_FAST": "0.4",
    "SPARKADS_SWEEP_SLOW": "0.8",
    "SPARKADS_REVIEW_EVERY": "5",
    "SPARKADS_GRACEFUL_SHUTDOWN": "1",
}

SUGGEST_AFTER = 40
"""Events after which a server suggests to continue as new; Temporal's own default is more than 4,000."""

AT_ONCE = {
    "scan_seconds": 0,
    "link_seconds": 0,
    "review_seconds": 0,
    "post_id_seconds": 0,
    "transcode_seconds": 0,
}

UNREADABLE = {"handle": 7}

HISTORIES = "histories"


@dataclass(frozen=True)
class World:
    """A running stack, what its workers need to use it, and a folder for manifests and histories."""

    db: Pool
    spark: SparkAds
    simulator: Simulator
    environment: dict[str, str]
    folder: Path

    async def label(self, *handles: str, **choices: Any) -> tuple[Label, list[str]]:
        """A Business Center of its own, and the asset ids of accounts that have authorized it."""
        label = await make_label(self.simulator, self.spark, self.db)
        return label, await label.authorized(*handles, **choices) if handles else []

    async def release(self, label: Label, rows: list[dict[str, str]]) -> Release:
        return await release(label, self.db, Path(tempfile.mkdtemp(dir=self.folder)), rows)

    async def faults(self, *rules: dict[str, object]) -> None:
        await self.simulator.post("faults", {"seed": 1, "rules": list(rules)})

    async def signal(self, workflow_id: str, signal: str, *message: object) -> None:
        await self.spark.temporal.get_workflow_handle(workflow_id).signal(signal, args=list(message))

    async def history(self, workflow_id: str, run_id: str | None = None) -> WorkflowHistory:
        return await self.spark.temporal.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()

    async def ended(self, workflow_id: str) -> None:
        async def look() -> bool:
            described = await self.spark.temporal.get_workflow_handle(workflow_id).describe()
            return described.close_time is not None

        await until(look, f"{workflow_id} ended", within=60)

    async def keep(self, workflow_id: str, what: str) -> None:
        """Record the latest run."""
        self._write(await self.history(workflow_id), what)

    async def keep_children(self, campaign_id: str, what: str) -> None:
        """Record every run of a release's shards."""
        runs = await self.shards(campaign_id)
        for number, (shard, run_id) in enumerate(runs, start=1):
            self._write(await self.history(shard, run_id), what if len(runs) == 1 else f"{what}_{number}")

    async def shards(self, campaign_id: str) -> list[tuple[str, str]]:
        """Workflow and run id of the shards that a release has started."""
        campaign = await self.history(names.release_campaign_id(campaign_id))
        started = [
            event.child_workflow_execution_started_event_attributes.workflow_execution
            for event in campaign.events
            if event.HasField("child_workflow_execution_started_event_attributes")
        ]
        return [(one.workflow_id, one.run_id) for one in started]

    async def first_shard(self, campaign_id: str) -> str:
        """Workflow id of a release's first shard, once it runs."""
        shards = await until(lambda: self.shards(campaign_id), "a shard runs")
        return str(shards[0][0])

    async def keep_renewed(self, workflow_id: str, nudge: Callable[[], Awaitable[object]]) -> None:
        """Record a run that another one continued, and that was continued itself; nudge until there is one."""

        async def look() -> WorkflowHistory | None:
            latest = await self.history(workflow_id)
            before = _continued(latest)
            middle = await self.history(workflow_id, before) if before else None
            if middle is not None and _continued(middle):
                return middle
            await nudge()
            return None

        self._write(await until(look, f"{workflow_id} continued as new twice", within=60), "continued_as_new")

    def _write(self, history: WorkflowHistory, what: str) -> None:
        kind = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
        size = histories.write(self.folder / HISTORIES / kind / f"{what}.json", history)
        print(f"{kind}/{what}: {len(history.events)} events, {size} bytes", flush=True)  # noqa: T201


def _continued(history: WorkflowHistory) -> str:
    return history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id


def _soon(seconds: float) -> dict[str, str]:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"time_zone": "Etc/UTC", "release_at": moment.strftime("%Y-%m-%d %H:%M:%S")}


async def _nothing() -> None:
    return None


# Access requests


async def request_approved(world: World) -> None:
    """Somebody says so before TikTok does; then the sweep finds the account."""
    label, _ = await world.label()
    await label.seed_accounts("kiri")
    await label.request("kiri")
    request = names.access_request_id(label.bc_id, "kiri")
    await world.signal(request, names.SCAN, ScanReport(handle="kiri", reported_by="assistant"))
    await until(lambda: _scan_of(label, "kiri"), "the report is weighed")
    await label.simulator.approve("kiri", label.bc_id)
    await world.ended(request)
    await world.keep(request, "approved")


async def _scan_of(label: Label, name: str) -> str:
    return (await label.spark.request_status(label.bc_id, name)).last_scan


async def request_declined(world: World) -> None:
    """Another account's scan, an old app's, an unreadable one, none at all; then the owner's refusal."""
    label, _ = await world.label()
    await label.seed_accounts("kiri")
    await label.request("kiri")
    request = names.access_request_id(label.bc_id, "kiri")
    await world.signal(request, names.SCAN, ScanReport(handle="stranger", reported_by="manager"))
    await world.signal(
        request, names.SCAN, ScanReport(handle="kiri", decision=Decision.OUTDATED_APP, reported_by=label.standard)
    )
    await world.signal(request, names.SCAN, UNREADABLE)
    await world.signal(request, names.SCAN)
    await world.spark.report_scan(
        label.bc_id, ScanReport(handle="kiri", decision=Decision.DECLINED, reported_by=label.standard, reason="not now")
    )
    await world.ended(request)
    await world.keep(request, "declined")


async def request_cancelled(world: World) -> None:
    """By a standard member, which is refused, then by an admin."""
    label, _ = await world.label()
    await label.seed_accounts("kiri")
    await label.request("kiri")
    request = names.access_request_id(label.bc_id, "kiri")
    await world.signal(request, names.CANCEL, CancelAccessRequest(actor=label.standard, reason="not mine"))
    await world.spark.cancel_request(label.bc_id, CancelRequest(name="kiri", actor=label.admin, reason="a mistake"))
    await world.ended(request)
    await world.keep(request, "cancelled")


async def request_timed_out(world: World) -> None:
    """Two reminders, and the deadline."""
    label, _ = await world.label()
    await label.seed_accounts("kiri")
    deadline = datetime.now(UTC) + timedelta(seconds=6)
    await label.request("kiri", deadline=deadline, remind_every_hours=1.5 / 3600)
    request = names.access_request_id(label.bc_id, "kiri")
    await world.ended(request)
    await world.keep(request, "timed_out")


async def invitation_answered(world: World) -> None:
    """An open invitation, which anyone may answer."""
    label, _ = await world.label()
    await label.seed_accounts("anyone")
    opened = (await label.request()).requests[0].name
    await label.simulator.approve("anyone", label.bc_id)
    request = names.access_request_id(label.bc_id, opened)
    await world.ended(request)
    await world.keep(request, "open_invitation")


# Business Centers


async def center_lives(world: World) -> None:
    """Sweeps, commands, scans of every kind, an owner who approves and later revokes."""
    label, _ = await world.label()
    center = names.business_center_id(label.bc_id)
    await label.seed_accounts("kiri", "tama", "aroha")
    await label.request("kiri", "tama", "aroha")
    await label.request("kiri")
    await _refused(label.request("kiri", actor=label.standard))
    await world.signal(center, names.SCAN, UNREADABLE)
    await world.signal(center, names.SCAN)
    await label.simulator.approve("kiri", label.bc_id)
    await until(lambda: _active(world, label, 1), "kiri is authorized")
    for decision in Decision:
        await world.spark.report_scan(
            label.bc_id, ScanReport(handle="stranger", decision=decision, reported_by=label.admin)
        )
    await world.spark.report_scan(label.bc_id, ScanReport(handle="kiri"))
    await world.spark.report_scan(
        label.bc_id, ScanReport(handle="tama", decision=Decision.DECLINED, reported_by=label.admin)
    )
    await world.ended(names.access_request_id(label.bc_id, "tama"))
    await world.spark.cancel_request(label.bc_id, CancelRequest(name="aroha", actor=label.admin))
    await world.ended(names.access_request_id(label.bc_id, "aroha"))
    await world.spark.cancel_request(label.bc_id, CancelRequest(name="nobody", actor=label.admin))
    await label.accounts(actor=label.standard)
    await label.simulator.revoke("kiri", label.bc_id)
    await until(lambda: _active(world, label, 0), "kiri has revoked")
    await world.keep(center, "requests_scans_and_sweeps")


async def _active(world: World, label: Label, wanted: int) -> bool:
    # From the record: each question to the workflow would be a part of its history.
    active = "SELECT count(*) = $2 FROM authorizations WHERE bc_id = $1 AND ended_at IS NULL"
    return bool(await world.db.fetchval(active, label.bc_id, wanted))


async def _refused(command: Awaitable[object]) -> None:
    try:
        await command
    except Refusal:
        return
    raise AssertionError("it was not refused")


async def center_not_connected(world: World) -> None:
    """Nobody has connected it: every sweep fails, every command is refused."""
    label = replace((await world.label())[0], bc_id="7399999999999999999")
    await _refused(label.request("kiri"))
    center = names.business_center_id(label.bc_id)
    await until(lambda: _sweep_failed(label), "a sweep has failed")
    await world.keep(center, "not_connected")


async def _sweep_failed(label: Label) -> str:
    return (await label.spark.business_center_status(label.bc_id)).last_error


async def center_of_no_policy(world: World) -> None:
    """Started with a policy that nobody knows."""
    label, _ = await world.label()
    center = names.business_center_id(label.bc_id)
    await world.spark.temporal.start_workflow(
        names.BUSINESS_CENTER_WORKFLOW,
        {"bc_id": label.bc_id, "policy": "tiktok-1999"},
        id=center,
        task_queue=names.TASK_QUEUE,
    )
    await world.ended(center)
    await world.keep(center, "unknown_policy")


# Authorizations


async def authorization_revoked(world: World) -> None:
    """Shared, shared once more, unshared, refused, reported lost by mistake, and revoked by its owner."""
    label, (asset,) = await world.label("kiri")
    authorization = names.authorization_id(label.bc_id, asset)
    share = Share(
        actor=label.admin,
        members=(MemberGrant(user_id=label.operator), MemberGrant(user_id=label.standard)),
        ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),),
    )
    await asyncio.gather(*(world.spark.share(label.bc_id, asset, share) for _ in range(2)))
    await world.spark.unshare(label.bc_id, asset, Unshare(actor=label.admin, members=(label.standard,)))
    await _refused(world.spark.share(label.bc_id, asset, share.model_copy(update={"actor": label.standard})))
    await world.signal(authorization, names.LOST, UNREADABLE)
    await world.signal(authorization, names.LOST, AccountLost(seen_at=datetime.now(UTC)))
    await label.simulator.revoke("kiri", label.bc_id)
    await world.ended(authorization)
    await world.keep(authorization, "shared_and_revoked")


async def authorization_removed(world: World) -> None:
    """A standard member may not end it; an admin may."""
    label, (asset,) = await world.label("kiri")
    authorization = names.authorization_id(label.bc_id, asset)
    await world.signal(authorization, names.CANCEL)
    for actor in (label.standard, label.admin):
        await world.spark.end_authorization(label.bc_id, asset, EndAuthorization(actor=actor, reason="contract ended"))
    await world.ended(authorization)
    await world.keep(authorization, "removed_by_admin")


async def authorization_with_a_partner(world: World) -> None:
    """Linked once a partner has shared its ad account, and shared with a member for a few seconds."""
    label, (asset,) = await world.label("kiri")
    partner, _ = await world.label()
    authorization = names.authorization_id(label.bc_id, asset)
    link = AdAccountLink(advertiser_id=partner.ad_account, partner_id=partner.bc_id)
    until_soon = datetime.now(UTC) + timedelta(seconds=5)
    share = Share(
        actor=label.admin,
        members=(MemberGrant(user_id=label.operator, until=until_soon),),
        ad_accounts=(link,),
    )
    await world.spark.share(label.bc_id, asset, share)
    await world.signal(authorization, names.PARTNER_SHARED, UNREADABLE)
    await world.simulator.post(
        "partners/share",
        {"bc_id": label.bc_id, "partner_id": partner.bc_id, "ad_accounts": [partner.ad_account]},
    )
    await world.spark.look(label.bc_id, LookNow(reported_by="the partner"))
    shared = "SELECT count(*) = 0 FROM grants JOIN authorizations a ON a.id = authorization_id WHERE a.bc_id = $1"
    await until(
        lambda: world.db.fetchval(f"{shared} AND grants.ended_at IS NULL", label.bc_id),
        "the grant has ended",
    )
    await until(
        lambda: world.db.fetchval("SELECT count(*) FROM links WHERE advertiser_id = $1", partner.ad_account),
        "the link is made",
    )
    await world.keep(authorization, "time_boxed_and_through_a_partner")


async def center_is_asked(world: World) -> None:
    """Every question that it answers, by an admin and by a member who may not ask it; the code anew; a look."""
    label, (asset,) = await world.label("kiri")
    share = Share(actor=label.admin, members=(MemberGrant(user_id=label.operator),))
    await world.spark.share(label.bc_id, asset, share)
    scope = Scope(existing_posts=True)
    for actor, ask in ((label.admin, _answered), (label.standard, _refused)):
        await ask(world.spark.qr_code(label.bc_id, AskCode(actor=actor, scope=scope, renew=True)))
        await ask(world.spark.list_scans(label.bc_id, ListScans(actor=actor)))
        await ask(world.spark.people(label.bc_id, AskPeople(actor=actor)))
        await ask(world.spark.notifications(label.bc_id, AskNotifications(actor=actor)))
        await ask(world.spark.check_drift(label.bc_id, AskDrift(actor=actor)))
        await ask(world.spark.audit(label.bc_id, AskAudit(actor=actor, operation=AuditOperation.VERIFY)))
    center = names.business_center_id(label.bc_id)
    await world.signal(center, names.LOOK, LookNow(reported_by=label.admin))
    await world.signal(center, names.LOOK)
    repeated = RequestAccess(command_id="again", actor=label.admin, scope=scope, handles=("moana",))
    for _ in range(2):
        await world.spark.request_access(label.bc_id, repeated)
    await world.keep(center, "questions_and_a_look")


async def _answered(command: Awaitable[object]) -> None:
    await command


# Releases and their shards


async def release_of_all_kinds(world: World) -> None:
    """Push and pull, a row that TikTok refuses, an owner who is asked and approves late, a pause, a report."""
    label, _ = await world.label("good", "other")
    await label.seed_accounts("late")
    rows = [pull(f"row{number}", "@good", label.ad_account, post_of("good")) for number in range(3)]
    rows[1] = pull("offender", "@other", label.ad_account, "7499999999999999999")
    rows += [push("push", "@good", label.ad_account), push("late", "@late", label.ad_account)]
    run = await world.release(label, rows)
    campaign = names.release_campaign_id(run.campaign_id)
    await run.row_reaches("push", TargetState.PUBLISHED)
    await _refused(world.spark.report("no-such-release", label.admin))
    await world.spark.report(run.campaign_id, label.admin)
    await world.signal(campaign, names.PAUSE)
    await world.spark.pause(run.campaign_id, Command(actor=label.standard, reason="not mine"))
    await world.spark.pause(run.campaign_id, Command(actor=label.operator, reason="wrong cover"))
    await until(lambda: _paused(world, run), "paused")
    await label.simulator.approve("late", label.bc_id)
    await run.row_reaches("late", TargetState.READY)
    await world.signal(campaign, names.ACCESS_CHANGED, AccessChanged())
    await world.spark.resume(run.campaign_id, Command(actor=label.operator))
    await run.finished()
    await world.keep(campaign, "push_and_pull_with_a_pause")
    await world.keep_children(run.campaign_id, "push_and_pull")


async def _paused(world: World, run: Release) -> bool:
    return (await world.spark.release_status(run.campaign_id)).paused


async def release_cancelled(world: World) -> None:
    """While one shard is in review and another wave has not come: paused, resumed, cancelled."""
    label, _ = await world.label("kiri")
    await world.simulator.post("clock", {**AT_ONCE, "review_seconds": 6})
    later = pull("later", "@kiri", label.ad_account, post_of("kiri"), **_soon(3600))
    run = await world.release(label, [push("now", "@kiri", label.ad_account), later])
    await run.row_reaches("now", TargetState.IN_REVIEW)
    await world.spark.pause(run.campaign_id, Command(actor=label.admin))
    await world.spark.resume(run.campaign_id, Command(actor=label.admin))
    await world.spark.cancel(run.campaign_id, Command(actor=label.admin, reason="the date has moved"))
    await run.finished()
    await world.simulator.post("clock", AT_ONCE)
    await world.keep(names.release_campaign_id(run.campaign_id), "cancelled")
    await world.keep_children(run.campaign_id, "cancelled_in_review")


async def release_retried(world: World) -> None:
    """TikTok refuses the row; somebody who may not, then its operator, let it go again after the end."""
    label, _ = await world.label("kiri")
    await world.faults({"path": "/ad/create/", "kind": "code", "code": 40002, "times": 1})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    await run.finished()
    retry = RetryTargets(actor=label.operator, reason="mended")
    await _refused(world.spark.retry(run.campaign_id, retry.model_copy(update={"actor": label.standard})))
    await world.spark.wait_for_release(run.campaign_id)
    await world.spark.retry(run.campaign_id, retry)
    await run.finished()
    await world.keep(names.release_campaign_id(run.campaign_id), "retried_after_its_end")


async def release_taken_down(world: World) -> None:
    """While another row waits for its instant: by somebody who may not, then by the operator."""
    label, _ = await world.label("kiri")
    later = pull("later", "@kiri", label.ad_account, post_of("kiri"), **_soon(3600))
    run = await world.release(label, [push("now", "@kiri", label.ad_account), later])
    await run.row_reaches("now", TargetState.PUBLISHED)
    await run.row_reaches("later", TargetState.READY)
    command = Takedown(actor=label.operator, reason="wrong master")
    for actor, what in ((label.standard, "refused"), (label.operator, "taken_down")):
        name = await world.spark.takedown(run.campaign_id, command.model_copy(update={"actor": actor}))
        await world.ended(names.takedown_id(run.campaign_id, name))
        await world.keep(names.takedown_id(run.campaign_id, name), what)
    await run.finished()
    await world.keep(names.release_campaign_id(run.campaign_id), "taken_down")


async def release_not_allowed(world: World) -> None:
    """Its starter is no member: the release ends before it began."""
    label, _ = await world.label("kiri")
    stranger = replace(label, admin="6999999999999999999")
    run = await world.release(stranger, [pull("row", "@kiri", label.ad_account, post_of("kiri"))])
    await world.ended(names.release_campaign_id(run.campaign_id))
    await world.keep(names.release_campaign_id(run.campaign_id), "refused_as_a_whole")


async def release_ended_by_a_fault(world: World) -> None:
    """It goes on with a record that is not there; another one is terminated, and reported from its record."""
    label, _ = await world.label("kiri")
    later = pull("later", "@kiri", label.ad_account, post_of("kiri"), **_soon(3600))
    run = await world.release(label, [later])
    await run.row_reaches("later", TargetState.READY)
    handle = world.spark.temporal.get_workflow_handle(names.release_campaign_id(run.campaign_id))
    first = await anext(handle.fetch_history_events(page_size=1))
    payloads = first.workflow_execution_started_event_attributes.input.payloads
    asked: ReleaseInput
    (asked,) = await world.spark.temporal.data_converter.decode(payloads, [ReleaseInput])
    lost = asked.model_copy(update={"campaign_id": f"lost-{label.bc_id[-4:]}", "resumed": True})
    await world.spark.temporal.start_workflow(
        names.RELEASE_CAMPAIGN_WORKFLOW,
        lost,
        id=names.release_campaign_id(lost.campaign_id),
        task_queue=names.TASK_QUEUE,
    )
    await world.ended(names.release_campaign_id(lost.campaign_id))
    await world.keep(names.release_campaign_id(lost.campaign_id), "ended_by_a_fault")

    await handle.terminate("by hand")
    await world.spark.report(run.campaign_id, label.admin)

    async def listed() -> str | None:
        query = f"WorkflowType = '{names.WRITE_REPORT_WORKFLOW}' AND SparkCampaign = '{run.campaign_id}'"
        return next(iter([one.id async for one in world.spark.temporal.list_workflows(query)]), None)

    await world.keep(await until(listed, "the report is listed"), "written")


async def release_steered(world: World) -> None:
    """Approved, given another instant, approved again; a canary that fails, and a person who goes on all the same."""
    label, _ = await world.label("kiri")
    rows = [
        pull("canary", "@kiri", label.ad_account, "7499999999999999999", tier="0"),
        push("rest", "@kiri", label.ad_account, **_soon(3600)),
        push("healthy", "@kiri", label.ad_account, video="other.mp4", tier="2"),
    ]
    stage = ApprovalStage(name="artist", approvers=(label.standard,))
    asked = ReleaseInput(
        campaign_id=f"steered-{label.bc_id[-4:]}",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, world.folder, rows),
        approvals=(stage,),
        approval_deadline=datetime.now(UTC) + timedelta(seconds=3),
        gate=HealthGate(hold_seconds=1),
    )
    plan = await world.spark.plan_release(asked)
    await world.spark.start_release(asked.model_copy(update={"plan_hash": plan.hash}))
    run = Release(asked.campaign_id, label, world.db)
    await run.row_reaches("rest", TargetState.READY)
    approve = Approve(actor=label.standard, stage="artist", plan_hash=plan.hash)
    await _refused(world.spark.approve(run.campaign_id, approve.model_copy(update={"actor": label.admin})))
    await world.spark.approve(run.campaign_id, approve)
    moment = (datetime.now(UTC) + timedelta(seconds=3)).replace(tzinfo=None, microsecond=0)
    later = Retime(actor=label.admin, reason="earlier", only=Selection(rows=("rest",)), release_at=moment)
    await world.spark.retime(run.campaign_id, later)
    later = later.model_copy(update={"release_at": moment + timedelta(days=1), "reason": "later"})
    retimed = await world.spark.retime(run.campaign_id, later)
    await until(lambda: _attention(world, run, "approval is missing"), "approval is missing")
    await world.spark.approve(run.campaign_id, approve.model_copy(update={"plan_hash": str(retimed.plan_hash)}))
    await until(lambda: _attention(world, run, "none of its 1 rows went out"), "the canary is not well")
    await world.spark.proceed(run.campaign_id, Proceed(actor=label.operator, reason="it was an old post"))
    await world.spark.cancel(
        run.campaign_id, Command(actor=label.operator, reason="not this one", only=Selection(rows=("rest",)))
    )
    await until(lambda: _attention(world, run, "tier 1"), "nothing of it went out either")
    await world.spark.proceed(run.campaign_id, Proceed(actor=label.operator, reason="go on"))
    await run.finished()
    await world.keep(names.release_campaign_id(run.campaign_id), "steered")


async def _attention(world: World, run: Release, words: str) -> bool:
    return words in (await world.spark.release_status(run.campaign_id)).attention


async def release_planned(world: World) -> None:
    """What a release would do, asked by somebody who may and by somebody who is no member."""
    label, _ = await world.label("kiri")
    manifest = await bundle(label, world.folder, [pull("row", "@kiri", label.ad_account, post_of("kiri"))])
    for actor, what in ((label.admin, "planned"), ("6999999999999999999", "refused")):
        asked = ReleaseInput(
            campaign_id=what, bc_id=label.bc_id, actor=actor, operator=label.operator, manifest=manifest
        )
        with suppress(Refusal):
            await world.spark.plan_release(asked)
        await world.keep(await _plan_of(world, what), what)


async def _plan_of(world: World, campaign_id: str) -> str:
    async def listed() -> str | None:
        runs = world.spark.temporal.list_workflows(f"SparkCampaign = '{campaign_id}'")
        return await anext((run.id async for run in runs), None)

    return str(await until(listed, f"the plan of {campaign_id} is listed"))


async def shard_terminated(world: World) -> None:
    """A shard that waits for a resume is terminated: the release starts it again half a minute later."""
    label, _ = await world.label("kiri")
    run = await world.release(label, [push("row", "@kiri", label.ad_account, **_soon(4))])
    await run.row_reaches("row", TargetState.READY)
    await world.spark.pause(run.campaign_id, Command(actor=label.operator))
    shard = await world.first_shard(run.campaign_id)
    await world.spark.temporal.get_workflow_handle(shard).terminate("gone")
    await until(lambda: _shard_failed(world, run), "the loss is noticed")
    await world.spark.resume(run.campaign_id, Command(actor=label.operator))
    await run.finished(within=60)
    await world.keep(names.release_campaign_id(run.campaign_id), "shard_terminated")


async def _shard_failed(world: World, run: Release) -> str:
    return (await world.spark.release_status(run.campaign_id)).last_error


async def shard_that_waited(world: World) -> None:
    """Due while the release is paused; let go by its resume."""
    label, _ = await world.label("kiri")
    run = await world.release(label, [push("row", "@kiri", label.ad_account, **_soon(4))])
    await run.row_reaches("row", TargetState.READY)
    await world.spark.pause(run.campaign_id, Command(actor=label.operator))
    shard = await world.first_shard(run.campaign_id)
    await world.signal(shard, names.PAUSE, UNREADABLE)
    await world.spark.resume(run.campaign_id, Command(actor=label.operator))
    await run.finished()
    await world.keep(shard, "resumed")


async def shard_with_a_lost_answer(world: World) -> None:
    """The connection is lost after TikTok made the ads: they are found."""
    label, _ = await world.label("kiri")
    await world.faults({"path": "/ad/create/", "kind": "drop", "when": "after", "times": 1})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    await run.finished()
    await world.keep_children(run.campaign_id, "answer_lost")


async def shard_with_a_lost_call(world: World) -> None:
    """The connection is lost before TikTok made the ads: they are looked for, not found, and made."""
    label, _ = await world.label("kiri")
    await world.faults({"path": "/ad/create/", "kind": "drop", "when": "before", "times": 1})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    await run.finished()
    await world.keep_children(run.campaign_id, "call_lost")


async def shard_throttled(world: World) -> None:
    """TikTok takes no calls for a moment."""
    label, _ = await world.label("kiri")
    await world.faults({"path": "/ad/create/", "kind": "throttle", "code": 40133, "times": 2})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    await run.finished()
    await world.keep_children(run.campaign_id, "throttled")


async def shard_of_a_stopped_worker(world: World, worker: asyncio.subprocess.Process) -> None:
    """The worker is told to stop in the middle of the call that makes the ads; another one takes over."""
    label, _ = await world.label("kiri")
    await world.faults({"path": "/ad/create/", "kind": "delay", "when": "after", "seconds": 8, "times": 1})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    await until(
        lambda: world.db.fetchval(
            "SELECT count(*) FROM intents WHERE campaign_id = $1 AND state = 'called'", run.campaign_id
        ),
        "the call is under way",
    )
    worker.terminate()
    await worker.wait()
    async with _worker(world.environment):
        await run.finished(within=150)
        await world.keep_children(run.campaign_id, "worker_stopped_in_the_call")


async def shard_held_for_a_person(world: World) -> None:
    """TikTok does not list an ad of which it has said that it exists; one person is mistaken, another one decides."""
    label, _ = await world.label("kiri")
    await world.faults({"path": "/ad/create/", "kind": "drop", "when": "before", "times": 1})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    await run.row_reaches("row", TargetState.UNKNOWN)
    await world.db.execute("UPDATE intents SET contradicted = true WHERE campaign_id = $1", run.campaign_id)
    shard = await world.first_shard(run.campaign_id)

    async def held() -> bool:
        described = await world.spark.temporal.get_workflow_handle(shard).describe()
        return described.search_attributes.get(search_attributes.PHASE.name) == ["waiting for a person"]

    await until(held, "the row waits for a person")
    word = SettleTarget(actor=label.admin, row_id="row", because="nothing in Ads Manager")
    await _refused(world.spark.settle_target(run.campaign_id, word.model_copy(update={"published_ad_id": "18"})))
    await world.signal(shard, names.OUTCOME_SETTLED, OutcomeSettled(row_id="row"))
    await world.spark.settle_target(run.campaign_id, word)
    await run.finished(within=60)
    await world.ended(names.release_campaign_id(run.campaign_id))
    await world.keep(names.release_campaign_id(run.campaign_id), "settled_by_a_person")
    await world.keep_children(run.campaign_id, "held_for_a_person")


# Runs that continue another one, and are continued


async def center_renewed(world: World) -> None:
    """Swept for as long as it takes."""
    label, _ = await world.label("kiri")
    await world.keep_renewed(names.business_center_id(label.bc_id), label.accounts)


async def request_renewed(world: World) -> None:
    """Asked again and again, never answered."""
    label, _ = await world.label()
    await label.request("kiri")
    request = names.access_request_id(label.bc_id, "kiri")
    await world.keep_renewed(request, lambda: world.signal(request, names.SCAN, UNREADABLE))


async def authorization_renewed(world: World) -> None:
    """Shared for as long as it takes."""
    label, (asset,) = await world.label("kiri")
    share = Share(actor=label.admin, members=(MemberGrant(user_id=label.operator),))
    await world.keep_renewed(
        names.authorization_id(label.bc_id, asset), lambda: world.spark.share(label.bc_id, asset, share)
    )


async def release_renewed(world: World) -> None:
    """Paused and resumed while its instant is an hour away."""
    label, _ = await world.label("kiri")
    run = await world.release(label, [push("row", "@kiri", label.ad_account, **_soon(3600))])
    await run.row_reaches("row", TargetState.READY)

    async def brake() -> None:
        await world.spark.pause(run.campaign_id, Command(actor=label.operator))
        await world.spark.resume(run.campaign_id, Command(actor=label.operator))

    await world.keep_renewed(names.release_campaign_id(run.campaign_id), brake)


async def shard_renewed(world: World) -> None:
    """A review that takes its time."""
    label, _ = await world.label("kiri")
    await world.simulator.post("clock", {**AT_ONCE, "review_seconds": 600})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    shard = await world.first_shard(run.campaign_id)
    await world.keep_renewed(shard, _nothing)


async def takedown_renewed(world: World) -> None:
    """An outcome that only a person can tell, and nobody does."""
    label, _ = await world.label("kiri")
    await world.faults({"path": "/ad/create/", "kind": "drop", "when": "before", "times": 1})
    run = await world.release(label, [push("row", "@kiri", label.ad_account)])
    await run.row_reaches("row", TargetState.UNKNOWN)
    await world.db.execute("UPDATE intents SET contradicted = true WHERE campaign_id = $1", run.campaign_id)
    await world.faults()
    name = await world.spark.takedown(run.campaign_id, Takedown(actor=label.operator, reason="wrong master"))
    await world.keep_renewed(names.takedown_id(run.campaign_id, name), _nothing)


TOGETHER = (
    request_approved,
    request_declined,
    request_cancelled,
    request_timed_out,
    invitation_answered,
    center_lives,
    center_not_connected,
    center_of_no_policy,
    authorization_revoked,
    authorization_removed,
    authorization_with_a_partner,
    center_is_asked,
    release_of_all_kinds,
    release_ended_by_a_fault,
    release_not_allowed,
    release_planned,
    release_steered,
    release_taken_down,
    shard_terminated,
    shard_that_waited,
)
IN_TURN = (
    release_cancelled,
    release_retried,
    shard_with_a_lost_answer,
    shard_with_a_lost_call,
    shard_throttled,
    shard_held_for_a_person,
)
"""These change what TikTok does to everybody."""

RENEWED = (
    center_renewed,
    request_renewed,
    authorization_renewed,
    release_renewed,
    takedown_renewed,
    shard_renewed,
)


@asynccontextmanager
async def _worker(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "run"), env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert worker.stdout is not None
        assert b"ready" in await worker.stdout.readline()
        yield worker
    finally:
        if worker.returncode is None:
            worker.terminate()
        await worker.wait()


async def record(beside: str | None) -> None:
    """Record everything, then put it in the place of what was recorded before, or beside it under a patch's name."""
    with tempfile.TemporaryDirectory(prefix="sparkads-record-") as folder:
        async with (
            local_stack(None, worker=False, environment=SETTINGS) as stack,
            asyncpg.create_pool(stack.database_url, min_size=1, max_size=8) as db,
            aiohttp.ClientSession() as http,
        ):
            assert stack.simulator_url is not None
            simulator = Simulator(stack.simulator_url, http)
            await simulator.post("config", {"tier": "unlimited"})
            await simulator.post("clock", AT_ONCE)
            spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
            world = World(db, spark, simulator, stack.environment, Path(folder))
            await _record_paths(world)
            async with _eager_temporal() as address:
                spark = await SparkAds.connect(address, object_store=stack.object_store)
                environment = stack.environment | {"TEMPORAL_ADDRESS": address}
                await _record_renewals(replace(world, spark=spark, environment=environment))
        if beside is None:
            shutil.rmtree(histories.FOLDER, ignore_errors=True)
        for file in (Path(folder) / HISTORIES).glob("*/*.json"):
            kept = histories.FOLDER / file.parent.name / f"{file.stem}{f'.{beside}' if beside else ''}.json"
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, kept)


async def _record_paths(world: World) -> None:
    async with _worker(world.environment) as worker:
        async with asyncio.TaskGroup() as together:
            for scenario in TOGETHER:
                together.create_task(scenario(world))
        for scenario in IN_TURN:
            await scenario(world)
            await world.faults()
        await shard_of_a_stopped_worker(world, worker)


async def _record_renewals(world: World) -> None:
    async with _worker(world.environment):
        for scenario in RENEWED:
            await scenario(world)


@asynccontextmanager
async def _eager_temporal() -> AsyncIterator[str]:
    options = DYNAMIC_CONFIG | {"limit.historyCount.suggestContinueAsNew": str(SUGGEST_AFTER)}
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=[f"--dynamic-config-value={name}={value}" for name, value in options.items()],
        search_attributes=search_attributes.ALL,
    )
    async with environment:
        yield environment.client.service_client.config.target_host


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--beside", metavar="PATCH", help="keep the old histories; the patch's name is put into the new ones'"
    )
    asyncio.run(record(parser.parse_args().beside))
