"""Sharing with several ad accounts: each has its own end, whatever became of the others."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.failures import tiktok_failures
from activities.sharing import PATIENCE, Work, _each
from sparkads.contracts.authorization import PairOutcome, SharedPair, ShareResult
from tiktok import AuthError, Conflict, InvalidRequest, NotFound, ServerFault, Throttled, TikTokError, Unreachable

Do = Callable[[], Awaitable[SharedPair]]


def succeeds(subject: str) -> tuple[str, Do]:
    async def do() -> SharedPair:
        return SharedPair(subject=subject, outcome=PairOutcome.DONE)

    return subject, do


def fails(subject: str, error: TikTokError) -> tuple[str, Do]:
    async def do() -> SharedPair:
        with tiktok_failures():
            raise error

    return subject, do


async def shared(*works: Work, begun: timedelta) -> ShareResult:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, scheduled_time=datetime.now(UTC) - begun)
    return await environment.run(_each, works)


@pytest.mark.parametrize("kind", [ServerFault, Throttled, Unreachable, Conflict, AuthError])
async def test_what_tiktok_does_not_answer_is_tried_again_and_then_not_done_by_name(kind: type[TikTokError]) -> None:
    works: list[Work] = [[fails("ad account 1", kind("hm", code=50000))], [succeeds("ad account 2")]]

    with pytest.raises(ApplicationError, match="hm"):
        await shared(*works, begun=-PATIENCE)  # there is more than enough time left
    first, second = (await shared(*works, begun=PATIENCE)).pairs

    assert (first.outcome, second.outcome) == (PairOutcome.FAILED, PairOutcome.DONE)
    assert "hm" in first.reason


@pytest.mark.parametrize("kind", [InvalidRequest, NotFound])
async def test_what_tiktok_refuses_is_refused_at_once(kind: type[TikTokError]) -> None:
    works: list[Work] = [
        [fails("ad account 1", kind("no", code=40002)), succeeds("member 7 on ad account 1")],
        [succeeds("ad account 2")],
    ]

    outcomes = [pair.outcome for pair in (await shared(*works, begun=timedelta(0))).pairs]

    assert outcomes == [PairOutcome.REFUSED, PairOutcome.DONE, PairOutcome.DONE]
