"""
Starting requests and authorizations: workflows of their own, nobody's children.

Both outlive the run that asks for them, and hundreds may be due in one moment. As children each would be a handful of
events, and as many turns at the lock, of the one workflow that everybody signals.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from sparkads import names, search_attributes
from sparkads.contracts.access_request import AccessRequestInput, RequestOutcome
from sparkads.contracts.authorization import AuthorizationInput, AuthorizationStage
from sparkads.contracts.base import Contract
from store import requests
from store.database import Pool

AT_ONCE = 16
"""Workflows started side by side."""

_TIMEOUT = timedelta(seconds=10)
"""For one start."""


@dataclass(frozen=True)
class Start:
    """A workflow as it is started, whether for the first time or again from the record."""

    workflow: str
    argument: Contract
    workflow_id: str
    summary: str
    memo: dict[str, str]
    attributes: TypedSearchAttributes = field(default_factory=lambda: TypedSearchAttributes([]))
    """what it would set itself at once: known from the start, they cost no event"""

    async def once(self, client: Client) -> str | None:
        """Start it: its run id, or None where one runs already."""
        try:
            handle = await client.start_workflow(
                self.workflow,
                self.argument,
                id=self.workflow_id,
                task_queue=names.TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                memo=self.memo,
                search_attributes=self.attributes,
                static_summary=self.summary,
                rpc_timeout=_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return None
        return handle.first_execution_run_id or ""


def request_start(request: AccessRequestInput) -> Start:
    """How an access request is started."""
    return Start(
        names.ACCESS_REQUEST_WORKFLOW,
        request,
        workflow_id=names.access_request_id(request.bc_id, request.name),
        summary=f"Access request in Business Center {request.bc_id}, scope {request.scope.key}",
        memo={"bc": request.bc_id},
        attributes=TypedSearchAttributes(
            [
                SearchAttributePair(search_attributes.PHASE, f"request {RequestOutcome.PENDING}"),
                SearchAttributePair(search_attributes.BUSINESS_CENTER, request.bc_id),
                SearchAttributePair(search_attributes.WAITING_ON, "owner"),
            ]
        ),
    )


def authorization_start(authorization: AuthorizationInput) -> Start:
    """How an authorization is started."""
    bc_id, asset_id = authorization.bc_id, authorization.asset_id
    return Start(
        names.AUTHORIZATION_WORKFLOW,
        authorization,
        workflow_id=names.authorization_id(bc_id, asset_id),
        summary=f"TikTok account {asset_id} in Business Center {bc_id}",
        memo={"bc": bc_id, "account": asset_id},
        attributes=TypedSearchAttributes(
            [
                SearchAttributePair(search_attributes.PHASE, AuthorizationStage.ACTIVE.value),
                SearchAttributePair(search_attributes.BUSINESS_CENTER, bc_id),
                SearchAttributePair(search_attributes.ACCOUNT, asset_id),
                SearchAttributePair(search_attributes.WAITING_ON, "admin"),
                SearchAttributePair(search_attributes.ATTENTION, value=False),
            ]
        ),
    )


class NewRequests(Contract):
    """Access requests whose slots are reserved, all opened at the same moment."""

    requests: tuple[AccessRequestInput, ...]


class NewAuthorizations(Contract):
    """Authorizations of accounts that TikTok has begun to list."""

    authorizations: tuple[AuthorizationInput, ...]


class StartActivities:
    """Needs Temporal, and the store to tell a repeat from a new start."""

    def __init__(self, client: Client, db: Pool) -> None:
        """Share the process's connections."""
        self._client = client
        self._db = db

    @activity.defn
    async def start_requests(self, new: NewRequests) -> None:
        """Start access requests; a repeat starts none again that was closed since."""
        first = new.requests[0]
        names_wanted = tuple(one.name for one in new.requests)
        known = await requests.opened_at(self._db, first.bc_id, names_wanted, first.opened_at)
        await self._start([request_start(one) for one in new.requests if one.name not in known])

    @activity.defn
    async def start_authorizations(self, new: NewAuthorizations) -> None:
        """Start authorizations; one that runs already goes on. One that should not have is ended by the next sweep."""
        await self._start([authorization_start(one) for one in new.authorizations])

    async def _start(self, starts: Sequence[Start]) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def start(one: Start) -> None:
            async with turns:
                if await one.once(self._client) is None:
                    activity.logger.info("runs already", extra={"workflow": one.workflow_id})

        await asyncio.gather(*(start(one) for one in starts))
