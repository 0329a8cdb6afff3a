"""How long activities may take and how they are tried again: every time-out of the project's workflows."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import Priority, RetryPolicy

from sparkads import names


class Timing(TypedDict, total=False):
    """The part of an activity call that is decided here; its summary is written where it is called."""

    task_queue: str
    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


_PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=1)
)
"""Tried for ever: an outage of two minutes must not fail a lifecycle of years."""

_SOON = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=15)
)
"""Tried for ever, and soon again: an instant, or a person before a screen, waits for it."""

_NOTICED = timedelta(seconds=10)
"""How long a worker may be silent before its activity is given up; workers/heartbeat.py speaks for all of them."""

RECORD = Timing(start_to_close_timeout=timedelta(seconds=30), heartbeat_timeout=_NOTICED, retry_policy=_PATIENT)
"""One change of the record in Postgres."""

LOOK = Timing(start_to_close_timeout=timedelta(minutes=2), heartbeat_timeout=_NOTICED, retry_policy=_PATIENT)
"""Reads of TikTok, or writes that may be repeated."""

ANSWER = Timing(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=_NOTICED,
    retry_policy=_PATIENT,
)
"""Part of a command that a person waits for: gives up after five minutes and says why."""

ASIDE = Timing(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=_NOTICED,
    retry_policy=_PATIENT,
)
"""A question that something more important must not wait for long: given up, and asked again later."""

ANSWER_LONG = Timing(
    start_to_close_timeout=timedelta(minutes=4),
    schedule_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=_NOTICED,
    retry_policy=_PATIENT,
)
"""Part of a command that looks at everything in a Business Center."""

TELL = Timing(
    task_queue=names.BULK_TASK_QUEUE,
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=_NOTICED,
    retry_policy=_PATIENT,
)
"""Deliver notifications; what is not delivered stays in the outbox."""

TIDY = Timing(
    task_queue=names.BULK_TASK_QUEUE,
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=_NOTICED,
    retry_policy=_SOON,
)
"""What is done before an end that it may not hold up for long; gives up by itself."""

REVIEW = Timing(
    task_queue=names.BULK_TASK_QUEUE,
    start_to_close_timeout=timedelta(minutes=30),
    schedule_to_close_timeout=timedelta(hours=1),
    heartbeat_timeout=_NOTICED,
    retry_policy=_PATIENT,
)
"""One review of all accounts and members; gives up in the end, so that the workflow can show that it fails."""

SWEEP = Timing(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=_NOTICED,
    retry_policy=_PATIENT,
)
"""One sweep: gives up in the end, so that the workflow can show that it fails."""

BULK = Timing(
    task_queue=names.BULK_TASK_QUEUE,
    start_to_close_timeout=timedelta(minutes=30),
    heartbeat_timeout=_NOTICED,
    retry_policy=_SOON,
)
"""Many calls in a row, each of which may be repeated; progress is in Postgres."""

PUBLISH = Timing(
    task_queue=names.BULK_TASK_QUEUE,
    # Half a minute of work, and a batch that waits for the rate limit's next minute, with room.
    start_to_close_timeout=timedelta(minutes=3),
    heartbeat_timeout=_NOTICED,
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""Makes ads, so one attempt: what follows a failure, a missed heartbeat too, is a look for evidence, never a repeat."""

SETTLE = Timing(
    task_queue=names.BULK_TASK_QUEUE,
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=_NOTICED,
    retry_policy=_SOON,
)
"""Looks for evidence of ads, or for the end of their review."""


def fair_to(bc_id: str) -> Priority:
    """One Business Center's large release does not hold up another's small one: the bulk queue takes turns."""
    return Priority(fairness_key=bc_id)
