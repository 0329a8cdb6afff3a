"""Daily budgets: TikTok's limits by currency, and what check can say without knowing the currency."""

from decimal import Decimal
from pathlib import Path

import pytest
from manifest_sheets import PULL, places, read, sheet

from sparkads import budgets
from sparkads.budgets import Verdict


@pytest.mark.parametrize(
    ("amount", "currency", "verdict"),
    [
        ("20.01", "USD", None),
        ("20", "USD", Verdict.AT_LEAST),
        ("19.99", "EUR", Verdict.TOO_LOW),
        ("50.005", "NZD", Verdict.TOO_EXACT),
        ("9999999.99", "USD", None),
        ("10000000", "USD", Verdict.TOO_HIGH),
        ("1E+40", "USD", Verdict.TOO_HIGH),
        ("80", "PLN", Verdict.AT_LEAST),
        ("199", "HKD", Verdict.TOO_LOW),
        ("999", "PHP", Verdict.TOO_LOW),
        ("1999", "JPY", Verdict.TOO_LOW),
        ("2000", "JPY", Verdict.AT_LEAST),
        ("2000.50", "JPY", Verdict.TOO_EXACT),
        ("2001", "JPY", None),
        ("2001.00", "JPY", None),
        ("21.5", "HUF", Verdict.TOO_EXACT),
        ("2000.50", "INR", None),
        ("20001", "KRW", None),
        ("150000", "IDR", Verdict.TOO_LOW),
        ("50", "XAF", Verdict.CURRENCY_UNKNOWN),
        ("50", "", Verdict.CURRENCY_UNKNOWN),
    ],
)
def test_limits_follow_the_currency(amount: str, currency: str, verdict: Verdict | None) -> None:
    found = budgets.problem(Decimal(amount), currency)
    assert (found and found.verdict) == verdict
    if found is not None:
        assert found.is_refused == (verdict in {Verdict.TOO_LOW, Verdict.TOO_HIGH, Verdict.TOO_EXACT})
        assert currency in str(found)


def test_no_currency_takes_less_than_the_least() -> None:
    assert min(found for one in budgets.RATIOS if (found := budgets.least(one)) is not None) == budgets.LEAST
    assert budgets.RATIOS.keys() >= budgets.WHOLE_NUMBERS


@pytest.mark.parametrize("text", ["0.01", "5", "19.99", "20.001", "20.0000000000000000000000000000000000000001"])
def test_check_refuses_what_no_currency_takes(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, sheet([PULL, PULL | {"row_id": "b", "daily_budget": text}])).problems
    assert places(found) == [(3, "daily_budget")]
    assert found[0].read == text


def test_check_warns_at_the_very_least(tmp_path: Path) -> None:
    manifest = read(tmp_path, sheet([PULL | {"daily_budget": "20.00"}]))
    assert manifest.problems == ()
    assert places(manifest.warnings) == [(2, "daily_budget")]


def test_the_budget_of_an_ad_group_of_ones_own_is_not_judged(tmp_path: Path) -> None:
    manifest = read(tmp_path, sheet([PULL | {"daily_budget": "1", "ad_group_id": "17"}]))
    assert (manifest.problems, manifest.warnings) == ((), ())
