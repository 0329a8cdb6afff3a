"""The deploy step of worker versioning, on a real server."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from workers.deployment import VersionUnknown, set_current_version
from workers.local import Stack


@workflow.defn(sandboxed=False, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Answers:
    @workflow.run
    async def run(self) -> str:
        return workflow.info().get_current_build_id()


def worker(client: Client, version: WorkerDeploymentVersion) -> Worker:
    return Worker(
        client,
        task_queue=version.deployment_name,
        workflows=[Answers],
        deployment_config=WorkerDeploymentConfig(version=version, use_worker_versioning=True),
    )


async def test_work_goes_to_the_current_version(servers: Stack) -> None:
    client = await Client.connect(servers.temporal_address)
    first = WorkerDeploymentVersion(deployment_name=f"d-{uuid4().hex}", build_id="1.0")
    second = WorkerDeploymentVersion(deployment_name=first.deployment_name, build_id="2.0")

    async def build_that_answers() -> str:
        return await client.execute_workflow(Answers.run, id=f"w-{uuid4().hex}", task_queue=first.deployment_name)

    # Asked for before the worker is there: it waits for it.
    setting = asyncio.create_task(set_current_version(client, first))
    async with worker(client, first):
        assert await setting is True
        assert await set_current_version(client, first) is False
        assert await build_that_answers() == "1.0"
        async with worker(client, second):
            assert await set_current_version(client, second) is True
            assert await build_that_answers() == "2.0"


async def test_a_version_without_workers_is_never_made_current(servers: Stack) -> None:
    client = await Client.connect(servers.temporal_address)
    version = WorkerDeploymentVersion(deployment_name=f"d-{uuid4().hex}", build_id="1.0")
    with pytest.raises(VersionUnknown, match=r"build id 1\.0"):
        await set_current_version(client, version, patience=timedelta(0))
