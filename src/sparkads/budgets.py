"""
What TikTok takes as the daily budget of an ad group, by the currency of the ad account.

Source: TikTok's pages Budget (business-api.tiktok.com, doc 1739381246298114) and currency ratios (doc
1737585839634433): the least is 20, the most is below 10,000,000, both times the ratio of the currency.
"""

from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

RATIOS: Final = MappingProxyType(
    {
        currency: ratio
        for ratio, currencies in (
            (1, "USD EUR GBP AUD CAD NZD SGD CHF AED SAR QAR ILS BRL ARS PEN MYR RON HUF"),
            (4, "PLN"),
            (10, "CNY HKD TWD MOP THB TRY ZAR MXN SEK NOK DKK CZK UAH EGP BOB GTQ HNL NIO UYU"),
            (50, "PHP"),
            (100, "JPY INR RUB BDT PKR KES NGN DZD ISK"),
            (1_000, "KRW CLP COP CRC"),
            (10_000, "IDR VND PYG"),
            (100_000, "VEF"),
        )
        for currency in currencies.split()
    }
)
"""By currency (ISO 4217): what TikTok's limits are multiplied by."""

WHOLE_NUMBERS: Final = frozenset("JPY KRW TWD IDR VND CLP PYG HUF ISK".split())
"""Currencies whose budgets have no decimals; those of all others have two at most."""

LEAST: Final = Decimal(20)
"""The least daily budget of an ad group, at ratio 1; so no currency has a lower one."""
MOST: Final = Decimal(10_000_000)
"""Daily budgets are below this, at ratio 1."""
LIMIT_ANYWHERE: Final = MOST * max(RATIOS.values())
"""Daily budgets are below this in any currency."""
DECIMALS: Final = 2

WORST_DAY: Final = Decimal("1.25")
"""What TikTok may spend on one day of a dynamic daily budget, times the budget; in a week 7 times the budget."""


class Verdict(StrEnum):
    """What is the matter with a daily budget."""

    TOO_LOW = "too_low"
    TOO_HIGH = "too_high"
    TOO_EXACT = "too_exact"
    """it has more decimals than its currency has at TikTok"""
    AT_LEAST = "at_least"
    """exactly the least: TikTok's tables take it, its guide says that a budget has to exceed it"""
    CURRENCY_UNKNOWN = "currency_unknown"
    """TikTok's table lacks it, so nothing can be said"""


class BudgetProblem(NamedTuple):
    """
    What is the matter with a daily budget.

    Attributes:
        verdict: what it is.
        problem: the same for a person.
        advice: what to do.
    """

    verdict: Verdict
    problem: str
    advice: str

    @property
    def is_refused(self) -> bool:
        """Whether TikTok refuses the budget; if not, it may."""
        return self.verdict in {Verdict.TOO_LOW, Verdict.TOO_HIGH, Verdict.TOO_EXACT}

    def __str__(self) -> str:
        """One line."""
        return f"{self.problem}; {self.advice}"


def least(currency: str) -> Decimal | None:
    """The least daily budget of an ad group; None: the currency is not in TikTok's table."""
    return LEAST * RATIOS[currency] if currency in RATIOS else None


def problem(amount: Decimal, currency: str) -> BudgetProblem | None:
    """What is the matter with a daily budget of an ad group in the currency of its ad account; None: nothing."""
    lowest = least(currency)
    if lowest is None:
        return BudgetProblem(
            Verdict.CURRENCY_UNKNOWN,
            f"is in {currency or 'a currency that TikTok does not name'}, whose least and most are not known",
            "see TikTok's page of minimum budgets",
        )
    decimals = 0 if currency in WHOLE_NUMBERS else DECIMALS
    most = MOST * RATIOS[currency]
    if amount < lowest:
        return BudgetProblem(
            Verdict.TOO_LOW,
            f"is too low: TikTok takes {lowest:,} {currency} a day for an ad group at least",
            f"write more than {lowest}",
        )
    if amount >= most:
        return BudgetProblem(Verdict.TOO_HIGH, f"is too high: TikTok takes less than {most:,} {currency}", "write less")
    if has_more_decimals(amount, decimals):
        wanted = f"{decimals} decimals" if decimals else "whole numbers"
        return BudgetProblem(Verdict.TOO_EXACT, f"has too many decimals for {currency}", f"TikTok takes {wanted}")
    if amount == lowest:
        return BudgetProblem(
            Verdict.AT_LEAST,
            f"is the very least that TikTok takes in {currency}",
            f"a part of TikTok's pages says that it has to be more than {lowest:,}",
        )
    return None


def has_more_decimals(amount: Decimal, decimals: int) -> bool:
    """Whether a finite amount is no multiple of the smallest unit with so many decimals."""
    return amount.quantize(Decimal(1).scaleb(-decimals)) != amount


def shown(amount: Decimal, currency: str) -> str:
    """An amount for a person, with its currency as far as it is known."""
    return f"{amount.normalize():,f} {currency}".strip()
