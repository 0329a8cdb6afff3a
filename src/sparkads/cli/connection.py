"""The command's connection to Temporal and the object store: short time-outs, one line about what does not answer."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from obstore.exceptions import BaseError as ObjectStoreError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from sparkads import names
from sparkads.cli import output
from sparkads.client import SparkAds
from sparkads.contracts.base import BlobRef
from sparkads.errors import NothingOnRecord, SparkAdsError, Unreachable
from sparkads.files import FileDamaged
from sparkads.settings import ClientSettings, without_secrets

CONNECT_SECONDS = 8.0
"""To connect to Temporal. The SDK's own time-out ends when something listens, not when it answers."""
STORE_SECONDS = 10.0
"""For one look into the object store, whose own retries may go on for minutes."""
SLOW_SECONDS = 5.0
"""Until it is looked whether there is a worker at all: the server keeps a command until there is one."""

SILENT = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    }
)
_NO_WORKER = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION}
_FORBIDDEN = {RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED}

_NO_FILE = BlobRef(sha256="0" * 64, size=0)

Answer = TypeVar("Answer")


class Interrupted(SparkAdsError):
    """Somebody pressed Ctrl-C; the text says what goes on without them."""


class NotConfirmed(SparkAdsError):
    """A command was sent, and its effect was not seen within a while."""


def run(
    settings: ClientSettings,
    work: Callable[[SparkAds], Coroutine[Any, Any, Answer]],
    *,
    files: bool = False,
    long: bool = False,
    on_interrupt: str = "interrupted; what was sent already goes on",
) -> Answer:
    """
    Connect, do the work, and name what does not answer.

    Args:
        settings: where the servers are.
        work: what to do.
        files: whether it needs the object store, which is then tried first.
        long: whether it waits for people or for an instant, so that no answer for seconds means nothing.
        on_interrupt: what to say after Ctrl-C.

    Raises:
        Unreachable: Temporal or the object store does not answer, or refuses us.
        Interrupted: after Ctrl-C.
    """
    try:
        return asyncio.run(_with_connection(settings, work, files=files, long=long))
    except KeyboardInterrupt:
        raise Interrupted(on_interrupt) from None


async def _with_connection(
    settings: ClientSettings, work: Callable[[SparkAds], Coroutine[Any, Any, Answer]], *, files: bool, long: bool
) -> Answer:
    try:
        spark = await _connect(settings)
        if files:
            await _look_into_store(spark, settings)
        try:
            return await _while_there_is_a_worker(spark, settings, work, long=long)
        except NothingOnRecord:
            await _check_namespace(spark, settings)
            raise
    except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        _name_temporal(settings, error)
    except ObjectStoreError as error:
        raise _store_unreachable(settings) from error


async def _connect(settings: ClientSettings) -> SparkAds:
    options: dict[str, Any] = dict(settings.temporal.to_client_connect_config())
    address = options.pop("target_host")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await SparkAds.connect(
                address,
                object_store=settings.object_store,
                connect_timeout=timedelta(seconds=CONNECT_SECONDS),
                **options,
            )
    except TimeoutError as error:
        advice = f"no answer within {CONNECT_SECONDS:g} s; see TEMPORAL_ADDRESS"
        raise Unreachable("Temporal", settings.temporal_address, advice) from error
    except Unreachable as error:
        reason = str(error.__cause__)
        if "Unauthenticated" in reason or "PermissionDenied" in reason:
            raise _forbidden(settings) from error
        raise
    except (OSError, ValueError) as error:
        raise _store_unreachable(settings) from error


async def _look_into_store(spark: SparkAds, settings: ClientSettings) -> None:
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await spark.files.get(_NO_FILE)
    except FileDamaged:
        return  # it answers: there is no such file
    except TimeoutError as error:
        raise _store_unreachable(settings) from error


async def _while_there_is_a_worker(
    spark: SparkAds, settings: ClientSettings, work: Callable[[SparkAds], Coroutine[Any, Any, Answer]], *, long: bool
) -> Answer:
    doing = asyncio.create_task(work(spark))
    try:
        await asyncio.wait([doing], timeout=SLOW_SECONDS)
        if not doing.done():
            has_worker = await _has_worker(spark)
            if not has_worker and not long:
                advice = f"none polls namespace {spark.temporal.namespace!r}; what was sent is done when one does"
                raise Unreachable("A worker", settings.temporal_address, advice)
            if not has_worker:
                output.say("no worker is running; still waiting for one", style="yellow")
            elif not long:
                output.say("no answer yet; still waiting (the Temporal UI shows what for)", style="yellow")
        return await doing
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


async def _has_worker(spark: SparkAds) -> bool:
    request = DescribeTaskQueueRequest(
        namespace=spark.temporal.namespace,
        task_queue=TaskQueue(name=names.TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        described = await spark.temporal.workflow_service.describe_task_queue(request)
    except RPCError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from None  # Ctrl-C, which the SDK dresses up as an error of the server
        return True  # nobody knows: the work itself will say what is wrong
    return bool(described.pollers)


async def _check_namespace(spark: SparkAds, settings: ClientSettings) -> None:
    """Without its namespace nothing is on record, which is not what a person should read."""
    namespace = spark.temporal.namespace
    try:
        await spark.temporal.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            advice = f"it has no namespace {namespace!r}; see TEMPORAL_NAMESPACE"
            raise Unreachable("Temporal", settings.temporal_address, advice) from error


def _name_temporal(settings: ClientSettings, error: RPCError | WorkflowUpdateRPCTimeoutOrCancelledError) -> NoReturn:
    if not isinstance(error, RPCError):
        raise Unreachable("A worker", settings.temporal_address, "is one running?") from error
    if error.status in _FORBIDDEN:
        raise _forbidden(settings) from error
    # A query or an update needs a worker: without one it runs into its deadline, or the server says that nobody polls;
    # and one that fails at its workflow tasks is as good as none.
    if error.status in _NO_WORKER or "poller" in error.message:
        raise Unreachable("A worker", settings.temporal_address, f"see its log ({_one_line(error)})") from error
    if error.status in SILENT:
        advice = f"is it running? See TEMPORAL_ADDRESS ({_one_line(error)})"
        raise Unreachable("Temporal", settings.temporal_address, advice) from error
    raise error


def _one_line(error: RPCError) -> str:
    return " ".join(error.message.split())


def _forbidden(settings: ClientSettings) -> Unreachable:
    advice = "it refuses our credentials; see TEMPORAL_API_KEY and temporal.toml"
    return Unreachable("Temporal", settings.temporal_address, advice)


def _store_unreachable(settings: ClientSettings) -> Unreachable:
    advice = "is it there, and may we use it? See SPARKADS_OBJECT_STORE"
    return Unreachable("The object store", without_secrets(settings.object_store), advice)


async def seen(look: Callable[[], Awaitable[Answer]], done: Callable[[Answer], bool], *, within: float) -> Answer:
    """What `look` last saw: as soon as it is done, or after `within` seconds. Signals have no answer of their own."""
    clock = asyncio.get_running_loop()
    until, pause = clock.time() + within, 0.1
    while True:
        found = await look()
        if done(found) or clock.time() + pause > until:
            return found
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 2.0)
