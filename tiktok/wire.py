"""How TikTok's JSON becomes Python and back: base models, timestamps, query values."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
"""How most endpoints write an instant; always UTC."""


def _as_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_as_utc)]
"""An instant received: `2026-11-22 14:00:00` (meant as UTC), ISO 8601 or Unix seconds. Always aware, always UTC."""

SentTime = Annotated[AwareDatetime, PlainSerializer(lambda moment: moment.astimezone(UTC).strftime(TIME_FORMAT))]
"""An instant to send; must be aware."""


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


MaybeTime = Annotated[UtcTime | None, BeforeValidator(_none_if_empty)]
"""An instant that may be missing, null or an empty string."""


def _storable(value: Any) -> Any:
    # No database text holds a NUL, and one name with it would spoil what is written beside it.
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return value.replace("\0", "") if isinstance(value, str) else value


class Received(BaseModel):
    """Base of everything TikTok sends.

    Fields it adds one day are ignored, ids written as bare numbers become strings, and a null counts as a field that
    was left out, which is how TikTok means it. Its pages promise no field of an answer, so only what nobody can do
    without is required; a field that is not, and that comes as something else than it should be, counts as left out,
    too. Defaults therefore have to mean "not said".
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True, validate_by_name=True
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: _storable(value) for key, value in data.items() if value is not None}
        return data

    @field_validator("*", mode="wrap")
    @classmethod
    def _leave_out_what_is_odd(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        try:
            return handler(value)
        except ValidationError:
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
