"""Named errors: on the wire, back from it, and bounded."""

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ActivityError, ApplicationError, ApplicationErrorCategory, RetryState

from sparkads.converter import data_converter
from sparkads.errors import (
    MAX_TEXT,
    REFUSALS,
    AdminOnly,
    NotAMember,
    Refusal,
    Unreachable,
    describe,
    from_failure,
    refused,
)


async def over_the_wire(error: BaseException) -> BaseException:
    failure = Failure()
    await data_converter.encode_failure(error, failure)
    arrived: BaseException = await data_converter.decode_failure(failure)
    return arrived


def in_an_activity(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="worker",
        activity_type="check_actor",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("name", sorted(REFUSALS))
async def test_a_refusal_arrives_as_its_named_error(name: str) -> None:
    sent = refused(REFUSALS[name]("R2: no"))
    assert sent.non_retryable
    assert sent.category is ApplicationErrorCategory.BENIGN
    assert sent.type == name

    arrived = from_failure(await over_the_wire(in_an_activity(sent)))

    assert type(arrived) is REFUSALS[name]
    assert str(arrived) == "R2: no"


async def test_what_is_no_refusal_stays_what_it_is() -> None:
    broken = await over_the_wire(in_an_activity(ApplicationError("boom", type="TikTokFault")))

    assert from_failure(broken) is None
    assert from_failure(ValueError("boom")) is None
    assert describe(broken) == "TikTokFault: boom"


async def test_a_refusal_is_found_below_other_errors() -> None:
    arrived = await over_the_wire(in_an_activity(refused(AdminOnly("R3: no"))))
    above = RuntimeError("while sharing")
    above.__cause__ = arrived

    assert isinstance(from_failure(above), AdminOnly)


def test_a_text_of_megabytes_is_cut() -> None:
    text = str(NotAMember("x" * 5_000_000))

    assert len(text) == MAX_TEXT
    assert text.endswith("…")
    assert len(describe(ValueError("y" * 5_000_000))) == MAX_TEXT


def test_every_refusal_is_documented_where_they_are_listed() -> None:
    import sparkads.errors  # noqa: PLC0415 - the module itself, for its text

    listed = str(sparkads.errors.__doc__)

    assert all(issubclass(kind, Refusal) for kind in REFUSALS.values())
    assert [name for name in REFUSALS if name not in listed] == []


def test_who_does_not_answer_is_one_line_with_the_address() -> None:
    error = Unreachable("Temporal", "localhost:1", "is it running?")

    assert str(error) == "Temporal cannot be reached at localhost:1: is it running?"
    assert (error.what, error.address, error.advice) == ("Temporal", "localhost:1", "is it running?")
