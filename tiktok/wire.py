"""How TikTok's JSON becomes Python and back: base models, timestamps, query values."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
"""How most endpoints write an instant; always UTC."""


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant that UTC has no date for") from None


UtcTime = Annotated[datetime, AfterValidator(_as_utc)]
"""An instant received: `2026-11-22 14:00:00` (meant as UTC), ISO 8601 or Unix seconds. Always aware, always UTC."""

SentTime = Annotated[AwareDatetime, PlainSerializer(lambda moment: moment.astimezone(UTC).strftime(TIME_FORMAT))]
"""An instant to send; must be aware."""


MaybeTime = UtcTime | None
"""An instant that may be missing."""


def _read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    read = handler(value)
    if isinstance(value, float) and isinstance(read, str):
        # An id as 7.5e18 has lost digits, and would be another's.
        raise PydanticCustomError("fraction", "a fraction is no text")
    return read


def _storable(value: Any) -> Any:
    # No database text holds a NUL, and one name with it would spoil what is written beside it.
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return value.replace("\0", "") if isinstance(value, str) else value


class Received(BaseModel):
    """Base of everything TikTok sends.

    Fields it adds one day are ignored, ids written as bare numbers become strings, and a null or an empty string counts
    as a field that was left out, which is how TikTok means it. Its pages promise no field of an answer, so only what
    nobody can do without is required; a field that is not, and that comes as something else than it should be, counts
    as left out, too. Defaults therefore have to mean "not said".
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True, validate_by_name=True
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_what_is_not_said(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            said = {key: _storable(value) for key, value in data.items()}
            return {key: value for key, value in said.items() if value is not None and value != ""}
        return data

    @field_validator("*", mode="wrap")
    @classmethod
    def _leave_out_what_is_odd(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        try:
            return _read(value, handler)
        except ValueError:  # pydantic's are such
            if field.is_required():
                raise
            return field.get_default(call_default_factory=True)


class Sent(BaseModel):
    """Base of everything we send: what is misspelt or out of place is refused before it leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def body(self) -> dict[str, Any]:
        """The JSON object to send; what was not said is left out."""
        return self.model_dump(mode="json", exclude_none=True)


def query(params: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a GET as TikTok wants them.

    Scalars are written plainly, booleans in lower case, arrays and objects as JSON in one value; `None` is left out.
    """
    return {name: _query_value(value) for name, value in params.items() if value is not None}


def _query_value(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)
