"""Vocabulary of request models: identifiers, paging, strictness, and how a validation failure is worded.

Query values arrive as text: scalars as they are, arrays and objects as JSON. JSON bodies are validated strictly.
"""

from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from simulator.envelope import ApiError, parameter_error

Model = TypeVar("Model", bound=BaseModel)


def _id_text(value: Any) -> Any:
    """Old examples show ids as bare integers; both forms are accepted, text is kept."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _query_bool(value: Any) -> Any:
    """Booleans of a query are lower-case words."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, "?")
    return value


Id = Annotated[str, BeforeValidator(_id_text), Field(min_length=1, max_length=64)]
QueryBool = Annotated[bool, BeforeValidator(_query_bool)]
Switch = Literal["ENABLE", "DISABLE"]
StatusChange = Literal["ENABLE", "DISABLE", "DELETE"]
AssetType = Literal[
    "ADVERTISER", "CATALOG", "LEAD", "MANAGED_BUSINESS_ACCOUNT", "PIXEL", "STOREFRONT", "TIKTOK_SHOP", "TT_ACCOUNT"
]
IdentityType = Literal["CUSTOMIZED_USER", "AUTH_CODE", "TT_USER", "BC_AUTH_TT", "TTS_TT"]


def _is_structured(annotation: Any) -> bool:
    """Whether a field is a list or an object, optional or not."""
    origin = getattr(annotation, "__origin__", None)
    if annotation is list or origin is list:
        return True
    if isinstance(annotation, type):
        return issubclass(annotation, BaseModel)
    if origin is Literal:
        return False
    return any(_is_structured(part) for part in get_args(annotation))


class Query(BaseModel):
    """Parameters of a GET. Fields that are no plain text, number or boolean are sent as JSON."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    json_fields: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Find out once which fields carry JSON."""
        cls.json_fields = frozenset(name for name, info in cls.model_fields.items() if _is_structured(info.annotation))

    @classmethod
    def from_query(cls, values: dict[str, str]) -> Self:
        """Decode and validate.

        Raises:
            ApiError: 40002 that names the field.
        """
        decoded: dict[str, Any] = dict(values)
        for name in cls.json_fields & decoded.keys():
            try:
                decoded[name] = from_json(decoded[name])
            except ValueError:
                raise parameter_error(f"Invalid value of '{name}': it must be JSON.") from None
        return validated(cls, decoded)


class Body(BaseModel):
    """A JSON body: types must be as documented, fields beyond the documented ones are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class OpenBody(BaseModel):
    """A JSON body whose further fields are kept and echoed, as objects with dozens of optional fields need."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class Filter(BaseModel):
    """The object inside a `filtering` parameter."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Page50(Query):
    """Paging of the Business Center reads: 1 to 50 rows, 10 by default."""

    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=10, ge=1, le=50)


class Page1000(Query):
    """Paging of campaigns, ad groups and ads: 1 to 1,000 rows, 10 by default."""

    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=10, ge=1, le=1000)


def page_info(page: int, page_size: int, total: int) -> dict[str, int]:
    """The four documented numbers."""
    return {
        "page": page,
        "page_size": page_size,
        "total_number": total,
        "total_page": -(-total // page_size),
    }


def validated(model: type[Model], values: Any) -> Model:
    """Build a request model.

    Raises:
        ApiError: 40002 in TikTok's wording.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False, include_context=True)) from None


def _refusal(errors: list[ErrorDetails]) -> ApiError:
    missing = [_path(error["loc"]) for error in errors if error["type"] == "missing"]
    if missing:
        return parameter_error(f"Missing required field(s): {', '.join(missing)}.")
    first = errors[0]
    path = _path(first["loc"])
    if first["type"] == "literal_error":
        allowed = ", ".join(sorted(part.strip("'") for part in _words(str(first["ctx"]["expected"]))))
        return parameter_error(f"Invalid value of '{path}': correct is {allowed}")
    return parameter_error(f"Invalid value of '{path}': {first['msg']}")


def _words(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
