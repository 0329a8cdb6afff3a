"""The worker process: builds every activity once, and polls the two task queues."""

import asyncio
import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.authorizations import AuthorizationActivities
from activities.members import Members
from activities.platform import Platform
from activities.publish import PublishActivities
from activities.releases import ReleaseActivities
from activities.report import ReportActivities
from activities.requests import RequestActivities
from sparkads import names
from sparkads.client import SparkAds
from sparkads.files import Files
from store.database import Pool
from tiktok import ADVANCED, BASIC, PREMIUM, ULTIMATE, UNLIMITED, TikTok
from workers.connections import connect_database, connect_temporal
from workers.settings import Settings
from workflows.access_request import AccessRequestWorkflow
from workflows.authorization import AuthorizationWorkflow
from workflows.business_center import BusinessCenterWorkflow
from workflows.publish_shard import PublishShardWorkflow
from workflows.release_campaign import ReleaseCampaignWorkflow

WORKFLOWS = [
    BusinessCenterWorkflow,
    AccessRequestWorkflow,
    AuthorizationWorkflow,
    ReleaseCampaignWorkflow,
    PublishShardWorkflow,
]

TIERS = {"basic": BASIC, "advanced": ADVANCED, "premium": PREMIUM, "ultimate": ULTIMATE, "unlimited": UNLIMITED}

# Our own modules are loaded once, not again for each workflow: they are deterministic, and pydantic models that are
# loaded twice are different types.
RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("sparkads", "activities", "store", "tiktok")
)

BULK_ACTIVITIES_AT_ONCE = 20
"""Fan-out activities in flight in one process: enough to keep any rate limit busy."""


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
    async with db, TikTok(settings.tiktok_base_url, limits=TIERS[settings.tiktok_tier]) as tiktok:
        people, bulk = make_workers(settings, client, db, tiktok)
        async with people, bulk:
            sys.stdout.write(json.dumps({"worker": "ready"}) + "\n")
            sys.stdout.flush()
            await stop.wait()


def make_workers(settings: Settings, client: Client, db: Pool, tiktok: TikTok) -> tuple[Worker, Worker]:
    """The worker for people's commands and all workflows, and the one for the fan-out of releases."""
    platform = Platform(db, tiktok)
    files = Files(settings.object_store)
    members = Members(db, platform, max_age=timedelta(seconds=settings.access_max_age))
    requests = RequestActivities(
        db,
        platform,
        members,
        files,
        qr_lifetime=timedelta(seconds=settings.qr_lifetime),
        sweep_fast=timedelta(seconds=settings.sweep_fast),
        sweep_slow=timedelta(seconds=settings.sweep_slow),
        authorization_verb=settings.authorization_verb,
    )
    authorizations = AuthorizationActivities(db, platform, members)
    releases = ReleaseActivities(db, platform, members, files, SparkAds(client, files))
    reports = ReportActivities(db, files)
    publish = PublishActivities(
        db,
        platform,
        members,
        settle_window=timedelta(seconds=settings.settle_window),
        review_fast=timedelta(seconds=settings.review_poll_fast),
        review_slow=timedelta(seconds=settings.review_poll_slow),
    )
    deployment = _deployment(settings)
    graceful = timedelta(seconds=settings.graceful_shutdown)
    people_worker = Worker(
        client,
        task_queue=names.TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            requests.check_actor,
            requests.get_qr_code,
            requests.sweep_accounts,
            requests.look_up_handles,
            requests.open_request,
            requests.close_request,
            requests.find_authorized,
            requests.keep_scan,
            requests.note_reminder,
            requests.list_accounts,
            authorizations.open_authorization,
            authorizations.share_account,
            authorizations.unshare_account,
            authorizations.read_shares,
            authorizations.still_listed,
            authorizations.end_authorization,
            authorizations.stop_live_ads,
            authorizations.remove_account,
            releases.load_release,
            releases.read_plan,
            releases.set_brake,
            releases.finish_release,
            reports.write_report,
        ],
        workflow_runner=RUNNER,
        workflow_task_executor=ThreadPoolExecutor(thread_name_prefix="workflow"),
        deployment_config=deployment,
        graceful_shutdown_timeout=graceful,
    )
    bulk_worker = Worker(
        client,
        task_queue=names.BULK_TASK_QUEUE,
        activities=[
            releases.invite_missing,
            releases.settle_accounts,
            releases.prepare_ad_accounts,
            publish.publish_batch,
            publish.settle_intents,
            publish.confirm_ads,
        ],
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
