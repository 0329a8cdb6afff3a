"""What a campaign and an ad group share when they are made: a request that is repeated."""

from typing import Final

from simulator.entities import AdAccount
from simulator.envelope import ApiError, parameter_error
from simulator.routes import Call

REQUEST_WINDOW: Final = 10.0
"""Seconds in which a `request_id` can succeed only once."""


def guard_request(call: Call, advertiser: AdAccount, kind: str, request_id: str | None) -> str | None:
    """The key under which a successful creation is remembered.

    Raises:
        ApiError: when the same `request_id` succeeded within the last 10 seconds, or is no int64.
    """
    if request_id is None:
        return None
    if not request_id.isascii() or not request_id.isdigit() or int(request_id) >= 2**63:
        raise parameter_error("Invalid value of 'request_id': it must be a string of an int64")
    key = f"{kind}/{request_id}"
    recent = advertiser.recent_requests
    for old in [name for name, at in recent.items() if call.now - at >= REQUEST_WINDOW]:
        del recent[old]
    if key in recent:
        raise ApiError(call.world.config.duplicate_request_code, "Duplicated request. Please try again later.")
    return key
