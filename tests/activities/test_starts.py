"""Starting requests and authorizations: a repeated start changes nothing."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionDescription
from temporalio.testing import ActivityEnvironment

from activities.starts import NewAuthorizations, NewRequests, StartActivities
from sparkads import names
from sparkads.client import SparkAds
from sparkads.contracts.access_request import AccessRequestInput, RequestOutcome
from sparkads.contracts.authorization import AuthorizationInput
from sparkads.contracts.business_center import CancelRequest
from store import requests
from store.database import Pool
from tests.conftest import Label, until


@pytest.fixture
def starts(spark: SparkAds, db: Pool) -> StartActivities:
    return StartActivities(spark.temporal, db)


async def last_run(label: Label, workflow_id: str) -> WorkflowExecutionDescription:
    return await label.spark.temporal.get_workflow_handle(workflow_id).describe()


async def cancelled_request(label: Label, db: Pool, handle: str) -> AccessRequestInput:
    """A request that was opened and taken back, as it was started."""
    await label.request(handle)
    # Who was told of a request finds it on record.
    (opened,) = [one for one in await requests.pending_starts(db) if (one.bc_id, one.name) == (label.bc_id, handle)]
    await label.spark.cancel_request(label.bc_id, CancelRequest(name=handle, actor=label.admin))

    async def closed() -> bool:
        state = await db.fetchval("SELECT state FROM access_requests WHERE id = $1", opened.request_id)
        return bool(state == RequestOutcome.CANCELLED)

    await until(closed, "the request is taken back")
    handle_of = label.spark.temporal.get_workflow_handle(names.access_request_id(label.bc_id, handle))
    await handle_of.result()
    return opened.model_copy(update={"request_id": None})


async def test_a_repeat_opens_no_request_again_that_was_closed_meanwhile(
    label: Label, db: Pool, starts: StartActivities
) -> None:
    # R6: its slot is free, and its end is on record.
    request = await cancelled_request(label, db, "kiri")
    workflow_id = names.access_request_id(label.bc_id, "kiri")
    before = await last_run(label, workflow_id)

    await ActivityEnvironment().run(starts.start_requests, NewRequests(requests=(request,)))

    assert (await last_run(label, workflow_id)).run_id == before.run_id


async def test_another_request_for_the_same_owner_is_opened(label: Label, db: Pool, starts: StartActivities) -> None:
    request = await cancelled_request(label, db, "kiri")
    workflow_id = names.access_request_id(label.bc_id, "kiri")
    later = request.model_copy(update={"opened_at": request.opened_at + timedelta(microseconds=1)})

    await ActivityEnvironment().run(starts.start_requests, NewRequests(requests=(later,)))

    assert (await last_run(label, workflow_id)).close_time is None


async def test_an_authorization_that_runs_goes_on(label: Label, starts: StartActivities) -> None:
    (asset_id,) = await label.authorized("kiri")
    workflow_id = names.authorization_id(label.bc_id, asset_id)
    before = await last_run(label, workflow_id)
    again = AuthorizationInput(bc_id=label.bc_id, asset_id=asset_id)

    await ActivityEnvironment().run(starts.start_authorizations, NewAuthorizations(authorizations=(again,)))

    after = await last_run(label, workflow_id)
    assert (after.run_id, after.close_time) == (before.run_id, None)


async def test_what_is_known_at_the_start_costs_no_event(label: Label, db: Pool) -> None:
    """Its search attributes are there before its first task; only the outcome is written later."""
    await cancelled_request(label, db, "kiri")
    request = label.spark.temporal.get_workflow_handle(names.access_request_id(label.bc_id, "kiri"))

    events = (await request.fetch_history()).events

    given = events[0].workflow_execution_started_event_attributes.search_attributes.indexed_fields
    assert set(given) == {"SparkPhase", "SparkBusinessCenter", "SparkWaitingOn"}
    written = [e for e in events if e.HasField("upsert_workflow_search_attributes_event_attributes")]
    assert len(written) == 1
