# mypy: disable-error-code="import-not-found,untyped-decorator"
"""
The same work with DBOS: a queued workflow for each batch, its steps checkpointed in Postgres; then one for each review.

A step whose process died before its result was on record runs again, so a batch may be made twice: DBOS cannot know
better. Queues are polled; at the default of a second, polling would be all that is measured.
"""

import asyncio
import sys
from contextlib import AsyncExitStack

from dbos import DBOS, DBOSConfig

from bench.batch import LOOK_AGAIN, Batch, Publisher, Work, publisher, say, wait_for_word

_QUEUE = "batches"
_POLLING = 0.02
"""Seconds between two looks at the queue."""

_steps: list[Publisher] = []
"""The connections of this process, once they are open."""


@DBOS.step()
async def _intend(batch: Batch) -> list[str]:
    return await _steps[0].intend(batch)


@DBOS.step()
async def _call(batch: Batch, tokens: list[str]) -> dict[str, str]:
    return await _steps[0].call(batch, tokens)


@DBOS.step()
async def _record(made: dict[str, str]) -> None:
    await _steps[0].record(made)


@DBOS.workflow()
async def _publish(batch: Batch) -> None:
    tokens = await _intend(batch)
    await _record(await _call(batch, tokens))


@DBOS.step()
async def _reviewed(advertiser_id: str) -> bool:
    return await _steps[0].reviewed(advertiser_id)


@DBOS.workflow()
async def _review(advertiser_id: str) -> None:
    while not await _reviewed(advertiser_id):
        await DBOS.sleep_async(LOOK_AGAIN)


async def _main(work: Work) -> None:
    async with AsyncExitStack() as exits:
        DBOS(config=DBOSConfig(name="bench", system_database_url=work.dbos_url, log_level="ERROR"))
        DBOS.launch()
        exits.callback(DBOS.destroy)
        await DBOS.register_queue_async(_QUEUE, worker_concurrency=work.in_flight, polling_interval_sec=_POLLING)
        _steps.append(await exits.enter_async_context(publisher(work)))
        say(ready=True)
        wait_for_word()
        batches = [await DBOS.enqueue_workflow_async(_QUEUE, _publish, batch) for batch in work.batches()]
        for batch in batches:
            await batch.get_result()
        reviews = [await DBOS.enqueue_workflow_async(_QUEUE, _review, advertiser) for advertiser in work.advertisers]
        for review in reviews:
            await review.get_result()
        say(done=True)
        wait_for_word()


if __name__ == "__main__":
    asyncio.run(_main(Work.read(sys.argv[1])))
