"""Money: the smallest and largest budget in each currency, which have decimals, and which budget mode goes where.

Numbers are from TikTok's pages on budgets and on currency ratios: a minimum is a base times the currency's ratio.
"""

from typing import Final, Literal

from simulator.config import Config
from simulator.envelope import ApiError, parameter_error

BudgetMode = Literal["BUDGET_MODE_INFINITE", "BUDGET_MODE_TOTAL", "BUDGET_MODE_DAY", "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"]
Level = Literal["campaign", "adgroup"]

BASE: Final[dict[Level, int]] = {"campaign": 50, "adgroup": 20}
LIMIT: Final = 10_000_000
"""A budget is below so many times the ratio."""
RATIOS: Final = {
    currency: ratio
    for ratio, currencies in {
        1: "USD EUR GBP AUD CAD NZD SGD CHF AED SAR QAR ILS BRL ARS PEN MYR RON HUF",
        4: "PLN",
        10: "CNY HKD TWD MOP THB TRY ZAR MXN SEK NOK DKK CZK UAH EGP BOB GTQ HNL NIO UYU",
        50: "PHP",
        100: "JPY INR RUB BDT PKR KES NGN DZD ISK",
        1_000: "KRW CLP COP CRC",
        10_000: "IDR VND PYG",
        100_000: "VEF",
    }.items()
    for currency in currencies.split()
}
WHOLE: Final = frozenset("JPY KRW TWD IDR VND CLP PYG HUF ISK".split())
"""Currencies without decimals; all others have two."""

DYNAMIC_OBJECTIVES: Final = frozenset({"TRAFFIC", "APP_PROMOTION", "WEB_CONVERSIONS", "LEAD_GENERATION"})
"""Objectives whose ad groups take the dynamic daily budget."""
PLAIN_OBJECTIVES: Final = frozenset({"REACH", "VIDEO_VIEWS", "ENGAGEMENT"})
"""Objectives whose ad groups take it with an allowlist only, and whose campaigns no longer take a daily budget."""


def check_amount(
    config: Config, level: Level, currency: str, mode: str | None, amount: float | None, days: float = 1.0
) -> None:
    """Whether a budget fits its mode and the ad account's currency.

    Args:
        config: Which of two readings holds.
        level: What the budget is of.
        currency: ISO 4217. One without a known ratio is not checked.
        mode: As sent; an unlimited one needs no amount.
        amount: In units of the currency.
        days: For how long an ad group's total has to last.

    Raises:
        ApiError: 40002 when it is missing, has too many decimals or is too large, 51009 when it is too small.
    """
    if mode is None or mode == "BUDGET_MODE_INFINITE":
        return
    if amount is None:
        raise parameter_error("Missing required field(s): budget.")
    decimals = 0 if currency in WHOLE else 2
    if round(amount, decimals) != amount:
        raise parameter_error(f"Invalid value of 'budget': {currency} has {decimals or 'no'} decimals")
    ratio = RATIOS.get(currency)
    if ratio is None:
        return
    smallest = float(BASE[level] * ratio)
    if level == "adgroup" and mode == "BUDGET_MODE_TOTAL":
        smallest = round(smallest * days, 2)
    if amount < smallest or (amount == smallest and config.budget_minimum == "above"):
        what = "budget" if config.budget_word else "amount"
        relation = "at least" if config.budget_minimum == "at_least" else "more than"
        raise ApiError(51009, f"The {what} is too small: it must be {relation} {smallest:g} {currency}.")
    if amount >= LIMIT * ratio:
        raise parameter_error(f"Invalid value of 'budget': it must be below {LIMIT * ratio} {currency}")


def check_campaign_mode(config: Config, objective: str, mode: str | None, *, optimized: bool) -> None:
    """Whether a campaign may have this mode.

    Raises:
        ApiError: 40002 that names budget_mode.
    """
    if mode is None:
        if objective == "RF_REACH":
            return
        raise parameter_error("Missing required field(s): budget_mode.")
    refused = "BUDGET_MODE_INFINITE" if optimized else "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"
    if mode == refused:
        raise _refused_mode(mode, f"budget_optimize_on {str(optimized).lower()}")
    if mode == "BUDGET_MODE_DAY" and objective in PLAIN_OBJECTIVES and config.day_budget == "refuse":
        raise _refused_mode(mode, objective)


def check_adgroup_mode(config: Config, objective: str, campaign_mode: str | None, mode: str, schedule: str) -> None:
    """Whether an ad group may have this mode, in a campaign that does not share out the budget itself.

    Raises:
        ApiError: 40002 that names budget_mode.
    """
    if mode == "BUDGET_MODE_INFINITE":
        raise _refused_mode(mode, "ad groups without budget_optimize_on")
    if mode == "BUDGET_MODE_DAY" and objective in DYNAMIC_OBJECTIVES and config.day_budget == "refuse":
        raise _refused_mode(mode, objective)
    if (
        mode == "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"
        and objective in PLAIN_OBJECTIVES
        and config.dynamic_budget == "refuse"
    ):
        raise _refused_mode(mode, objective)
    if mode == "BUDGET_MODE_TOTAL" and schedule == "SCHEDULE_FROM_NOW":
        raise _refused_mode(mode, schedule)
    if mode == "BUDGET_MODE_TOTAL" and campaign_mode == "BUDGET_MODE_DAY":
        raise _refused_mode(mode, f"a campaign of {campaign_mode}")


def _refused_mode(mode: str, where: str) -> ApiError:
    return parameter_error(f"Invalid value of 'budget_mode': {mode} is not supported for {where}")
