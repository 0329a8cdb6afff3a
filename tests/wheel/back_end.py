"""
A back-end service that has the wheel and nothing else of ours: run by the tests as a program of its own.

Prints one JSON line: where it found what, and what the workflow answered.
"""

import asyncio
import importlib.util
import json
import os
import sys

import sparkads
import workflows
from sparkads import NewVideos, RequestAccess, Scope, SparkAds

OURS = ("activities", "demo", "simulator", "store", "tiktok")
"""Folders of the checkout: none of them may be seen from here."""


async def ask(address: str, object_store: str, bc_id: str, actor: str, handle: str) -> dict[str, object]:
    """Ask for access to one account, and ask how things stand."""
    client = await SparkAds.connect(address, object_store=object_store)
    scope = Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE)
    answer = await client.request_access(
        bc_id, RequestAccess(command_id="back-end", actor=actor, scope=scope, handles=(handle,))
    )
    status = await client.request_status(bc_id, answer.requests[0].name)
    return {
        "outcome": answer.requests[0].outcome,
        "pending": status.outcome,
        "qr_bytes": len(await client.files.get(answer.qr.png)),
    }


def main() -> None:
    """Run with address, object store, Business Center, member, handle."""
    answered = asyncio.run(ask(*sys.argv[1:6]))
    found = {
        "sparkads": sparkads.__file__,
        "workflows": workflows.__file__,
        "theirs": workflows.Workflow.__module__,
        "ours": [name for name in OURS if importlib.util.find_spec(name) is not None],
    }
    print(json.dumps(found | answered), flush=True)  # noqa: T201
    # Temporal's native threads now and then abort an interpreter that tears itself down (temporalio/sdk-python#300).
    os._exit(0)


if __name__ == "__main__":
    main()
