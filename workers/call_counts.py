"""Count the calls to TikTok that each release makes, for its report."""

from collections import Counter
from contextvars import ContextVar
from typing import Any

import asyncpg
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from sparkads import names
from store import api_calls
from store.api_calls import Kind
from store.database import Pool
from tiktok import Ending

_campaign: ContextVar[tuple[str, Counter[Kind]] | None] = ContextVar("_campaign", default=None)
"""The release that the running activity works for, and where its calls are counted."""


def count_call(endpoint: str, ending: Ending) -> None:
    """Count a call to TikTok that has ended; what no release has made is not counted."""
    if (counting := _campaign.get()) is not None:
        campaign_id, counts = counting
        counts[Kind(campaign_id, endpoint, ending)] += 1


class CallCounts(Interceptor):
    """
    Writes down at the end of each activity of a release how often it called TikTok; `count_call` must be told of calls.

    Calls of an activity whose process is killed are missing in the count.
    """

    def __init__(self, db: Pool) -> None:
        """Share the process's pool."""
        self._db = db
        self._not_written: Counter[Kind] = Counter()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Put the count around the activity."""
        return _Counting(next, self)

    async def write(self, counts: Counter[Kind]) -> None:
        """Write down what was counted; where the store doesn't answer, together with what comes next."""
        self._not_written += counts
        counts, self._not_written = self._not_written, Counter()
        if not counts:
            return
        try:
            await api_calls.add(self._db, counts)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._not_written += counts
            activity.logger.warning("calls to TikTok will be written down later: %s", error)


class _Counting(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, counts: CallCounts) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self._counts = counts

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        """Also what an activity called that fails or is cancelled is counted."""
        campaign_id = names.campaign_of(activity.info().workflow_id or "")
        if campaign_id is None:
            return await super().execute_activity(input)
        counts: Counter[Kind] = Counter()
        before = _campaign.set((campaign_id, counts))
        try:
            return await super().execute_activity(input)
        finally:
            _campaign.reset(before)
            await self._counts.write(counts)
