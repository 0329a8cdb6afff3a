"""
The one data converter of all clients, workers, replayers and tests: pydantic models as JSON, failures kept short.

Temporal's server drops the failure of a pending activity when it is longer than 4 KiB, words and all, and shows
"Failure exceeds size limit" instead. A chain of errors with the stack of each is soon that long.
"""

from dataclasses import replace

from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadConverter

CAUSES = 3
"""Failures of a chain that are kept, the outermost first."""

STACK = 400
"""Characters of each one's stack that are kept, the innermost last: where it happened."""

WORDS = 300
"""Characters of a cause's words; the outermost failure keeps all of its own, which `sparkads.errors` bounds."""


class ShortFailures(DefaultFailureConverter):
    """Keeps what tells a person what has happened, and cuts the rest."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Convert, then cut."""
        super().to_failure(exception, payload_converter, failure)
        failure.stack_trace = failure.stack_trace[-STACK:]
        one = failure
        for _ in range(CAUSES - 1):
            if not one.HasField("cause"):
                return
            one = one.cause
            one.message = one.message[:WORDS]
        one.ClearField("cause")


data_converter: DataConverter = replace(pydantic_data_converter, failure_converter_class=ShortFailures)
