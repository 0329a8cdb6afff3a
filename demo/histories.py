"""Secrets in workflow histories: everything that Temporal remembers, searched byte by byte."""

from collections.abc import AsyncIterator, Mapping

from temporalio.client import Client, WorkflowHistory


async def histories(client: Client) -> AsyncIterator[WorkflowHistory]:
    """The history of every run of every workflow in the namespace."""
    async for run in client.list_workflows():
        yield await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()


def secrets_in(history: WorkflowHistory, secrets: Mapping[str, str]) -> list[str]:
    """Where a history holds one of the secrets, given by name: workflow, event and name, never the secret itself."""
    found = []
    for event in history.events:
        # Payloads are bytes fields of the event, so they stand in its serialized form as they are.
        raw = event.SerializeToString()
        found += [
            f"{history.workflow_id}, event {event.event_id}: {name}"
            for name, secret in secrets.items()
            if secret.encode() in raw
        ]
    return found
