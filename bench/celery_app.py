# mypy: disable-error-code="import-not-found,untyped-decorator"
"""
The same work with Celery over Redis: a task for each batch, acknowledged late; then one for each review.

What came of a batch is in Postgres, so no result backend is needed. Threads, since they were the fastest of Celery's
pools for calls that wait; they share an event loop and its connections.

A task whose worker died before it was acknowledged runs again, so a batch may be made twice: Celery cannot know better.

    python -m bench.celery_app work.json worker
    python -m bench.celery_app work.json sender
"""

import asyncio
import sys
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from celery import Celery, Task
from celery.signals import worker_ready

from bench.batch import LOOK_AGAIN, Batch, Publisher, Work, publisher, say, wait_for_word

_POLLING = 0.02
"""Seconds between two looks at what is on record."""

app = Celery("bench")
app.conf.update(
    worker_redirect_stdouts=False, task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1
)

_loop = asyncio.new_event_loop()
_open = AsyncExitStack()
_steps: list[Publisher] = []
"""The connections of this process, once they are open."""

T = TypeVar("T")


def _run(steps: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(steps, _loop).result()


@app.task(name="publish")
def _publish(group: int, first: int, size: int) -> None:
    batch, steps = Batch(group, first, size), _steps[0]
    tokens = _run(steps.intend(batch))
    _run(steps.record(_run(steps.call(batch, tokens))))


@app.task(name="review", bind=True, max_retries=None)
def _review(task: Task, advertiser_id: str) -> None:
    if not _run(_steps[0].reviewed(advertiser_id)):
        raise task.retry(countdown=LOOK_AGAIN)


@worker_ready.connect
def _ready(**_: object) -> None:
    say(ready=True)


def _work_off(work: Work) -> None:
    async def connect() -> None:
        _steps.append(await _open.enter_async_context(publisher(work)))

    threading.Thread(target=_loop.run_forever, daemon=True).start()
    _run(connect())
    arguments = ["worker", "--pool=threads", f"--concurrency={work.in_flight}", "--loglevel=ERROR"]
    app.worker_main([*arguments, "--without-gossip", "--without-mingle", "--without-heartbeat"])


async def _send(work: Work) -> None:
    async with publisher(work) as steps:
        app.connection().ensure_connection(max_retries=3)
        say(ready=True)
        wait_for_word()
        for batch in work.batches():
            _publish.delay(batch.group, batch.first, batch.size)
        while await steps.recorded("published") < work.targets:
            await asyncio.sleep(_POLLING)
        for advertiser in work.advertisers:
            _review.delay(advertiser)
        while await steps.recorded("confirmed") < work.targets:
            await asyncio.sleep(_POLLING)
        say(done=True)
        wait_for_word()


if __name__ == "__main__":
    given, role = Work.read(sys.argv[1]), sys.argv[2]
    app.conf.broker_url = given.broker_url
    if role == "worker":
        _work_off(given)
    else:
        asyncio.run(_send(given))
