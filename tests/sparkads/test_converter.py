"""Failures as they travel: short enough for Temporal's server to keep them."""

from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from sparkads.converter import data_converter
from sparkads.errors import ManifestInvalid, refused

KEPT_BY_THE_SERVER = 4096


def deep(levels: int) -> None:
    if levels == 0:
        raise ValueError("the innermost " * 50)
    try:
        deep(levels - 1)
    except (ValueError, ApplicationError) as error:
        raise ApplicationError(f"level {levels} " * 100, type="Deep") from error


async def failure_of(error: BaseException) -> Failure:
    failure = Failure()
    await data_converter.encode_failure(error, failure)
    return failure


async def test_a_long_chain_of_errors_is_cut_and_still_says_what_happened() -> None:
    try:
        deep(10)
    except ApplicationError as error:
        failure = await failure_of(error)

    assert failure.ByteSize() < KEPT_BY_THE_SERVER
    assert failure.message == "level 10 " * 100
    assert failure.application_failure_info.type == "Deep"
    assert failure.cause.message.startswith("level 9 ")
    assert "in deep" in failure.stack_trace


async def test_a_refusal_keeps_all_of_its_words() -> None:
    words = "row 1: " + "x" * 1500

    failure = await failure_of(refused(ManifestInvalid(words)))

    assert failure.message == words
