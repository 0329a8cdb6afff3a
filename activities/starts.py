"""
Starting requests and authorizations: workflows of their own, nobody's children.

Both outlive the run that asks for them, and hundreds may be due in one moment. As children each would be a handful of
events, and as many turns at the lock, of the one workflow that everybody signals.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from temporalio import activity
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.requests import OpenRequest, put_on_record
from activities.together import each_to_its_end
from sparkads import names, search_attributes
from sparkads.contracts.access_request import AccessRequestInput, RequestOutcome
from sparkads.contracts.authorization import AuthorizationInput, AuthorizationStage
from sparkads.contracts.base import Contract
from store import requests
from store.database import Pool

T = TypeVar("T")

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
        """
        Start access requests; a repeat starts none again that was closed since.

        They are put on record here, before their own first step does, so that whoever was told of them finds them:
        their slots are taken (R6) also if their Business Center's workflow is terminated the moment after.
        """
        first = new.requests[0]
        names_wanted = tuple(one.name for one in new.requests)
        known = await requests.opened_at(self._db, first.bc_id, names_wanted, first.opened_at)

        async def open_one(request: AccessRequestInput) -> None:
            run_id = await self._start(request_start(request))
            if run_id is not None:
                request_id = names.access_request_on_record(request.bc_id, request.name, run_id)
                await put_on_record(self._db, OpenRequest.of(request, request_id))

        await _side_by_side(open_one, [one for one in new.requests if one.name not in known])

    @activity.defn
    async def start_authorizations(self, new: NewAuthorizations) -> None:
        """Start authorizations; one that runs already goes on. One that should not have is ended by the next sweep."""
        await _side_by_side(self._start, map(authorization_start, new.authorizations))

    async def _start(self, start: Start) -> str | None:
        run_id = await start.once(self._client)
        if run_id is None:
            activity.logger.info("runs already", extra={"workflow": start.workflow_id})
        return run_id


async def _side_by_side(start: Callable[[T], Awaitable[object]], those: Iterable[T]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(one: T) -> None:
        async with turns:
            await start(one)

    await each_to_its_end(*map(in_turn, those))
