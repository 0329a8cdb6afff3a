"""
Policy profiles: the platform's numbers, by name.

TikTok changed its numbers over the years. A profile is a dated set of them, chosen per Business Center; no other file
writes such a number.
"""

from pydantic import Field

from sparkads.contracts.base import Contract


class PolicyProfile(Contract):
    """A dated set of the platform's numbers."""

    name: str
    accounts_per_business_center: int = Field(gt=0, description="TikTok accounts a BC may hold or have requested (R6)")
    business_centers_per_account: int | None = Field(description="None: no limit (R6)")


PROFILES: dict[str, PolicyProfile] = {
    profile.name: profile
    for profile in (
        # TikTok's product page of October 2023.
        PolicyProfile(name="seed-2023", accounts_per_business_center=200, business_centers_per_account=None),
        # TikTok's help pages as of 2026.
        PolicyProfile(name="tiktok-2026", accounts_per_business_center=800, business_centers_per_account=800),
    )
}

DEFAULT_PROFILE = "seed-2023"
