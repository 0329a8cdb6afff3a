"""Rules for creating that campaigns and ad groups share: repeated requests and budgets."""

from typing import Final, Literal

from simulator.entities import AdAccount
from simulator.envelope import ApiError, parameter_error
from simulator.routes import Call

REQUEST_WINDOW: Final = 10.0
"""Seconds in which a `request_id` can succeed only once."""

BudgetMode = Literal["BUDGET_MODE_INFINITE", "BUDGET_MODE_TOTAL", "BUDGET_MODE_DAY", "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"]


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


def check_budget(mode: str | None, budget: float | None, smallest: float) -> None:
    """Whether a budget fits its mode.

    Raises:
        ApiError: 40002 when it is missing, 51009 when it is too small.
    """
    if mode is None or mode == "BUDGET_MODE_INFINITE":
        return
    if budget is None:
        raise parameter_error("Missing required field(s): budget.")
    if budget < smallest:
        raise ApiError(51009, f"The budget is below the minimum of {smallest:g}.")
