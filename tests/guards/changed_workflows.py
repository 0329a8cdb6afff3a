"""Workflows as somebody might change them in an afternoon: each of them breaks what runs already."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.requests import ActorCheck, RequestActivities
    from sparkads import names
    from sparkads.contracts.access_request import AccessRequestInput, AccessRequestResult
    from sparkads.roles import Action
    from workflows import _calls
    from workflows.access_request import AccessRequestWorkflow


@workflow.defn(name=names.ACCESS_REQUEST_WORKFLOW)
class WithAnotherTimer(AccessRequestWorkflow):
    """Sleeps a second before it does anything."""

    @workflow.init
    def __init__(self, request: AccessRequestInput) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: AccessRequestInput) -> AccessRequestResult:
        await workflow.sleep(timedelta(seconds=1), summary="one moment")
        return await super().run(request)


@workflow.defn(name=names.ACCESS_REQUEST_WORKFLOW)
class WithAnotherActivity(AccessRequestWorkflow):
    """Checks once more who asks."""

    @workflow.init
    def __init__(self, request: AccessRequestInput) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: AccessRequestInput) -> AccessRequestResult:
        await workflow.execute_activity_method(
            RequestActivities.check_actor,
            ActorCheck(bc_id=request.bc_id, actor=request.requested_by, action=Action.REQUEST_ACCESS),
            summary="Once more",
            **_calls.LOOK,
        )
        return await super().run(request)


class InputWithARequiredField(AccessRequestInput):
    """A message that has grown without a default."""

    language: str


@workflow.defn(name=names.ACCESS_REQUEST_WORKFLOW)
class WithAnotherInput(AccessRequestWorkflow):
    """Takes a message that no history holds."""

    @workflow.init
    def __init__(self, request: InputWithARequiredField) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: InputWithARequiredField) -> AccessRequestResult:  # type: ignore[override]  # that is the mistake
        return await super().run(request)
