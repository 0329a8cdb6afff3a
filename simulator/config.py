"""Settings of the pretended platform: delays (the clock) and switches (the config). Both are set by the control API."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Tier = Literal["basic", "advanced", "premium", "ultimate", "unlimited"]


class Delays(BaseModel):
    """How long the platform takes, in seconds. A change holds for what starts after it."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    scan_seconds: float = Field(default=0.0, ge=0)
    """From an owner's approval until the account is listed in the Business Center."""
    link_seconds: float = Field(default=0.0, ge=0)
    """From linking an account to an ad account until the identity is listed there."""
    review_seconds: float = Field(default=1.0, ge=0)
    """From an ad's creation to the end of its review."""
    ad_list_seconds: float = Field(default=0.0, ge=0)
    """From an ad's creation until `ad/get` lists it."""
    post_id_seconds: float = Field(default=0.0, ge=0)
    """From the end of a push ad's review until the ad names its post."""
    transcode_seconds: float = Field(default=0.0, ge=0)
    """From a video's upload until it can be used."""
    qr_seconds: float = Field(default=86_400.0, gt=0)
    """How long an authorization URL can be used."""
    ahead_seconds: float = 0.0
    """By how much the platform's clock is ahead of this machine's."""


class Config(BaseModel):
    """Switches. Limits come from TikTok's documentation; where it is silent, the value says so by being a switch."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    tier: Tier = "basic"
    """Rate limit tier of every app; `unlimited` switches rate limits off."""
    advertiser_qps: int | None = Field(default=None, ge=1)
    """Calls a second on one ad account and path before code 40133; none when null."""
    authorization_verb: Literal["both", "GET", "POST"] = "both"
    """Which HTTP methods `bc/asset/account/authorization` accepts; any other is answered with HTTP 405."""
    batch_partial: Literal["refuse", "partial_20001"] = "refuse"
    """What `ad/create` does when some creatives of a batch are bad."""
    describe_created: bool = True
    """Whether `ad/create` describes the ads that it made; otherwise it names their ids only."""
    ads_per_adgroup: int = Field(default=500, ge=1)
    ads_per_identity: int = Field(default=10_000, ge=1)
    ads_per_advertiser: int = Field(default=10_000, ge=1)
    show_handles: bool = True
    """Whether a TikTok account's asset carries `tt_asset_handle`."""
    qr_single_use: bool = False
    """Whether an authorization URL dies with its first approval."""
    deny_words: list[str] = Field(default_factory=lambda: ["banned"])
    """Review refuses an ad whose caption contains one of these, in any case."""
    duplicate_request_code: int = 40050
    """Code for a campaign or ad group `request_id` repeated within 10 seconds."""
