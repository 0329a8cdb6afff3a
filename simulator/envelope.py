"""The envelope every answer of the API travels in, and the refusals with their documented codes and texts.

HTTP status is 200 even for refusals; `code` in the body tells success (0), partial success (20001), a caller's error
(4xxxx) or a service error (5xxxx).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from aiohttp import web
from pydantic_core import to_json

LOST_ACCOUNT: Final = (
    "You no longer have access to the TikTok account used in this ad. To continue editing, select a new identity and "
    "creative material or re-apply for access."
)


class ApiError(Exception):
    """A refusal, answered with HTTP status 200 and this code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class Partial:
    """What a handler returns when only part of a batch went through: answered with code 20001."""

    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class PascalCase:
    """What a handler returns for the one page whose example spells everything so."""

    data: Mapping[str, Any]


_serial = count(1)


def new_request_id() -> str:
    """A log id as TikTok forms it: a UTC timestamp followed by digits, unique in this process."""
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}{next(_serial):018d}"


def envelope(code: int, message: str, data: Any) -> web.Response:
    """One answer: HTTP 200, the body of the given code, and the trace headers."""
    request_id = new_request_id()
    return _answer(request_id, {"code": code, "message": message, "request_id": request_id, "data": data})


def pascal_case(data: Mapping[str, Any]) -> web.Response:
    """A successful answer in PascalCase."""
    request_id = new_request_id()
    return _answer(request_id, {"Code": 0, "Message": "OK", "RequestId": request_id, "Data": data})


def _answer(request_id: str, body: dict[str, Any]) -> web.Response:
    return web.Response(
        body=to_json(body),
        content_type="application/json",
        headers={"X-TT-LOGID": request_id, "x-tt-trace-id": f"00-{request_id}-01"},
    )


def parameter_error(message: str) -> ApiError:
    """40002: the catch-all for values and business rules."""
    return ApiError(40002, message)


def no_advertiser_permission(advertiser_id: str) -> ApiError:
    """40001 for an ad account the token cannot operate, whether or not it exists."""
    return ApiError(40001, f"No permission to operate advertiser {advertiser_id}.")


def no_such_advertiser(advertiser_id: str) -> ApiError:
    """40300 for an ad account that was deleted."""
    return ApiError(40300, f"The advertiser {advertiser_id} doesn't exist or has been deleted.")


def no_asset_permission(asset_id: str) -> ApiError:
    """40002 for an asset the Business Center does not hold."""
    return parameter_error(f"You don't have permission to the asset({asset_id})")
