"""The worker process: builds every activity once, and polls the two task queues."""

import asyncio
import gc
import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.audit_trail import AuditActivities
from activities.authorizations import AuthorizationActivities
from activities.confirming import ConfirmingActivities
from activities.leftovers import LeftoverActivities
from activities.members import Members
from activities.notifications import NotificationActivities
from activities.people import PeopleActivities
from activities.planning import PlanningActivities
from activities.platform import Platform
from activities.preparing import PreparingActivities
from activities.publish import PublishActivities
from activities.qr_codes import QrCodeActivities
from activities.releases import ReleaseActivities
from activities.report import ReportActivities
from activities.requests import RequestActivities
from activities.retrying import RetryingActivities
from activities.review import ReviewActivities
from activities.room import RoomForAds
from activities.settling import SettlingActivities
from activities.sharing import SharingActivities
from activities.starts import StartActivities
from activities.steering import SteeringActivities
from activities.sweep import SweepActivities
from activities.takedowns import TakedownActivities
from activities.webhook import Webhook
from sparkads import names
from sparkads.client import SparkAds
from sparkads.files import Files
from store.database import Pool
from tiktok import TikTok
from workers.call_counts import CallCounts
from workers.connections import TIERS, connect_database, connect_temporal, connect_tiktok
from workers.heartbeat import Heartbeats
from workers.settings import Settings
from workflows.access_request import AccessRequestWorkflow
from workflows.authorization import AuthorizationWorkflow
from workflows.business_center import BusinessCenterWorkflow
from workflows.plan_release import PlanReleaseWorkflow
from workflows.publish_shard import PublishShardWorkflow
from workflows.release_campaign import ReleaseCampaignWorkflow
from workflows.takedown import TakedownWorkflow
from workflows.write_report import WriteReportWorkflow

WORKFLOWS = [
    BusinessCenterWorkflow,
    AccessRequestWorkflow,
    AuthorizationWorkflow,
    ReleaseCampaignWorkflow,
    PublishShardWorkflow,
    PlanReleaseWorkflow,
    TakedownWorkflow,
    WriteReportWorkflow,
]

# Our own modules are loaded once, not again for each workflow: they are deterministic, and pydantic models that are
# loaded twice are different types.
RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("sparkads", "activities", "store", "tiktok")
)

STICKY = timedelta(seconds=3)
"""
How long the server waits for the worker that knows a run before it gives it to another: what a command waits for after
a worker was killed. The SDK's default is ten seconds.
"""

BULK_ACTIVITIES_AT_ONCE = 50
"""
Fan-out activities in flight in one process: enough to keep any rate limit busy while those of ad accounts that TikTok
answers slowly, or not at all, wait.
"""


async def run_worker(settings: Settings) -> None:
    """
    Work until SIGTERM or SIGINT, then let running activities finish.

    Prints one JSON line, `{"worker": "ready"}`, when both queues are polled.

    Raises:
        Unreachable: a server does not answer.
    """
    client = await connect_temporal(settings, metrics=True)
    db = await connect_database(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(db)
        tiktok = await exits.enter_async_context(connect_tiktok(settings, db))
        webhook = None
        if settings.webhook_url is not None:
            webhook = await exits.enter_async_context(Webhook(settings.webhook_url, settings.webhook_secret))
        people, bulk = make_workers(settings, client, db, tiktok, webhook)
        # What is loaded by now stays: collecting garbage need not go through it again and again.
        gc.freeze()
        async with people, bulk:
            sys.stdout.write(json.dumps({"worker": "ready"}) + "\n")
            sys.stdout.flush()
            await stop.wait()


def make_workers(
    settings: Settings, client: Client, db: Pool, tiktok: TikTok, webhook: Webhook | None = None
) -> tuple[Worker, Worker]:
    """The worker for people's commands and all workflows, and the one for the fan-out of releases."""
    platform = Platform(db, tiktok)
    files = Files(settings.object_store)
    members = Members(db, platform, max_age=timedelta(seconds=settings.access_max_age))
    requests = RequestActivities(db, members)
    starts = StartActivities(client, db)
    qr_codes = QrCodeActivities(
        db,
        platform,
        members,
        files,
        lifetime=timedelta(seconds=settings.qr_lifetime),
        reusable=settings.qr_reusable,
        verb=settings.authorization_verb,
    )
    sweep = SweepActivities(
        db,
        platform,
        fast=timedelta(seconds=settings.sweep_fast),
        slow=timedelta(seconds=settings.sweep_slow),
        review_every=timedelta(seconds=settings.review_every),
        drift_every=timedelta(seconds=settings.drift_every),
    )
    review = ReviewActivities(db, platform)
    authorizations = AuthorizationActivities(db, platform)
    sharing = SharingActivities(db, platform, members)
    people = PeopleActivities(db, platform, members)
    notifications = NotificationActivities(db, members, webhook)
    audit_trail = AuditActivities(db, members, files)
    spark = SparkAds(client, files)
    limits = None if settings.tiktok_tier == "unlimited" else TIERS[settings.tiktok_tier]
    room = RoomForAds(db, ads_per_ad_account=settings.ads_per_ad_account)
    planning = PlanningActivities(db, platform, members, files, room, spark, settings.tiktok_tier, limits)
    releases = ReleaseActivities(db, platform, members, files, spark, planning)
    preparing = PreparingActivities(db, platform, files, room)
    leftovers = LeftoverActivities(db, platform)
    retrying = RetryingActivities(db, platform, members)
    takedown = TakedownActivities(db, platform, members)
    reports = ReportActivities(db, files)
    steering = SteeringActivities(db, members)
    settle_window = timedelta(seconds=settings.settle_window)
    publish = PublishActivities(db, platform, members, settle_window=settle_window)
    settling = SettlingActivities(db, platform, members, settle_window=settle_window)
    confirming = ConfirmingActivities(
        db,
        platform,
        post_named_within=timedelta(seconds=settings.post_named_within),
        settle_window=settle_window,
        review_fast=timedelta(seconds=settings.review_poll_fast),
        review_slow=timedelta(seconds=settings.review_poll_slow),
    )
    interceptors = [Heartbeats(), CallCounts(db)]
    deployment = _deployment(settings)
    graceful = timedelta(seconds=settings.graceful_shutdown)
    people_worker = Worker(
        client,
        task_queue=names.TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            requests.begin_command,
            requests.keep_answer,
            requests.check_actor,
            requests.is_allowed,
            requests.look_up_handles,
            requests.open_request,
            requests.close_request,
            requests.answer_request,
            requests.find_open_requests,
            requests.verify_scan,
            requests.recall_requests,
            requests.keep_scan,
            requests.note_reminder,
            requests.list_scans,
            requests.list_accounts,
            starts.start_requests,
            starts.start_authorizations,
            qr_codes.get_qr_codes,
            sweep.sweep_accounts,
            review.review_accounts,
            authorizations.open_authorization,
            authorizations.waiting_campaigns,
            authorizations.still_listed,
            authorizations.end_authorization,
            authorizations.stop_live_ads,
            authorizations.remove_account,
            sharing.share_account,
            sharing.unshare_account,
            sharing.end_due_grants,
            sharing.link_partner_accounts,
            sharing.read_shares,
            people.list_people,
            notifications.list_notifications,
            audit_trail.read_audit,
            planning.plan_release,
            releases.load_release,
            releases.read_plan,
            steering.set_brake,
            steering.open_next_tier,
            steering.retime_rows,
            steering.record_approval,
            steering.remind_approvers,
            releases.finish_release,
            releases.record_end_by_fault,
            settling.settle_by_person,
            retrying.retry_targets,
            takedown.begin_takedown,
            takedown.look_at_takedown,
            takedown.finish_takedown,
            reports.write_report,
        ],
        interceptors=interceptors,
        workflow_runner=RUNNER,
        sticky_queue_schedule_to_start_timeout=STICKY,
        workflow_task_executor=ThreadPoolExecutor(thread_name_prefix="workflow"),
        deployment_config=deployment,
        graceful_shutdown_timeout=graceful,
    )
    bulk_worker = Worker(
        client,
        task_queue=names.BULK_TASK_QUEUE,
        activities=[
            review.review_accounts,
            notifications.deliver_notifications,
            releases.invite_missing,
            releases.settle_accounts,
            preparing.prepare_ad_account,
            publish.publish_shard,
            settling.settle_intents,
            confirming.confirm_ads,
            leftovers.remove_leftovers,
            takedown.stop_spend,
            takedown.delete_ads,
        ],
        interceptors=interceptors,
        max_concurrent_activities=BULK_ACTIVITIES_AT_ONCE,
        deployment_config=deployment,
        graceful_shutdown_timeout=graceful,
    )
    return people_worker, bulk_worker


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """Versioning is on where a build id is set; such a worker gets no work until its build is made current."""
    if settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=settings.deployment_name, build_id=settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
