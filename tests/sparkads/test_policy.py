"""The platform's numbers by name."""

import pytest

from sparkads.policy import DEFAULT_PROFILE, PROFILES


@pytest.mark.parametrize(
    ("name", "accounts", "centers"), [("seed-2023", 200, None), ("tiktok-2026", 800, 800)], ids=["2023", "2026"]
)
def test_the_numbers_of_a_profile(name: str, accounts: int, centers: int | None) -> None:
    # R6, domain decision 2
    profile = PROFILES[name]

    assert profile.name == name
    assert profile.accounts_per_business_center == accounts
    assert profile.business_centers_per_account == centers


def test_the_profile_of_2023_is_the_default() -> None:
    assert DEFAULT_PROFILE == "seed-2023"
