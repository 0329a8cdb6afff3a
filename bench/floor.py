"""
The floor: a plain script. The same batches and the same intents as everybody, and nothing else.

It does not survive a crash, keeps no embargo, checks no role and knows no unknown outcome.
"""

import asyncio
import sys

from bench.batch import LOOK_AGAIN, Batch, Publisher, Work, publisher, say, wait_for_word


async def _publish(work: Work, steps: Publisher) -> None:
    slots = asyncio.Semaphore(work.in_flight)

    async def one(batch: Batch) -> None:
        async with slots:
            tokens = await steps.intend(batch)
            await steps.record(await steps.call(batch, tokens))

    await asyncio.gather(*map(one, work.batches()))


async def _review(steps: Publisher, advertiser_id: str) -> None:
    while not await steps.reviewed(advertiser_id):
        await asyncio.sleep(LOOK_AGAIN)


async def _main(work: Work) -> None:
    async with publisher(work) as steps:
        say(ready=True)
        wait_for_word()
        await _publish(work, steps)
        await asyncio.gather(*(_review(steps, advertiser) for advertiser in work.advertisers))
        say(done=True)
        wait_for_word()


if __name__ == "__main__":
    asyncio.run(_main(Work.read(sys.argv[1])))
