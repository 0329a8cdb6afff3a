"""
Which build of the worker gets the work: the deploy step of worker versioning.

A versioned worker that nobody made current polls and gets nothing. So after a deploy has started its workers, this
is called once with their build id.
"""

import asyncio
from datetime import timedelta

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

_POLL = 0.2
"""Seconds between two looks at the deployment."""

_NOT_YET = {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.UNAVAILABLE}
"""What the server answers before a worker of the version has polled, or while it changes the deployment."""


class VersionUnknown(Exception):
    """No worker of the version has polled in time."""


async def set_current_version(
    client: Client, version: WorkerDeploymentVersion, *, patience: timedelta = timedelta(seconds=120)
) -> bool:
    """
    Route new work to a version of the workers, once Temporal has heard from one of them. Safe to repeat.

    Args:
        client: connected to the namespace of the workers.
        version: deployment name and build id, as the workers have them.
        patience: how long to wait for the first worker of that version.

    Returns:
        Whether something changed: False when the version was current already.

    Raises:
        VersionUnknown: no worker of that version has polled within `patience`.
        RPCError: the server refuses for another reason.
    """
    deadline = asyncio.get_running_loop().time() + patience.total_seconds()
    while True:
        try:
            if _current(await _describe(client, version)) == version:
                return False
            # Refused as long as no worker of the version is known, and when it would leave a task queue of the
            # present version without workers: both are what a deploy has to wait for.
            await client.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=client.namespace,
                    deployment_name=version.deployment_name,
                    build_id=version.build_id,
                    identity=client.identity,
                )
            )
        except RPCError as error:
            if error.status not in _NOT_YET:
                raise
            if asyncio.get_running_loop().time() > deadline:
                raise VersionUnknown(
                    f"no worker of {version.deployment_name} with build id {version.build_id} polls "
                    f"({' '.join(error.message.split())})"
                ) from error
            await asyncio.sleep(_POLL)
        else:
            return True


async def _describe(client: Client, version: WorkerDeploymentVersion) -> DescribeWorkerDeploymentResponse:
    return await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=version.deployment_name)
    )


def _current(deployment: DescribeWorkerDeploymentResponse) -> WorkerDeploymentVersion:
    current = deployment.worker_deployment_info.routing_config.current_deployment_version
    return WorkerDeploymentVersion(deployment_name=current.deployment_name, build_id=current.build_id)
