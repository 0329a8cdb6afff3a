"""Settings of the pretended platform: delays (the clock) and switches (the config). Both are set by the control API.

Defaults are the strictest that TikTok documents. Where its pages, its help centre and what callers saw disagree, both
readings are values of a switch.
"""

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
    image_seconds: float = Field(default=0.0, ge=0)
    """From an image's upload until its times and its use in carousels are told; TikTok says about ten."""
    quota_seconds: float = Field(default=2.0, ge=0)
    """From an ad group's creation beyond the quota of active ones until it is switched off."""
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
    empty_values: Literal["refuse", "ignore"] = "refuse"
    """What an empty value in a query is: a mistake, or as good as not sent. TikTok does not say."""

    user_id_field: Literal["core_user_id", "id"] = "core_user_id"
    """Under which name `user/info` tells the user: as text in the table of its page, as a number in the example."""

    batch_partial: Literal["refuse", "partial_20001"] = "refuse"
    """What `ad/create` does when some creatives of a batch are bad."""
    describe_created: bool = True
    """Whether `ad/create` describes the ads that it made; otherwise it names their ids only."""
    ads_per_adgroup: int = Field(default=50, ge=1)
    """TikTok's help centre of February 2025; an older text says 20."""
    too_many_ads_code: Literal[40502, 40002] = 40502
    """Code for an ad beyond a limit of ads."""
    ads_per_identity: int = Field(default=2_000, ge=1)
    """The reference says 10,000, the help centre 2,000 a TikTok account."""
    ads_per_advertiser: int = Field(default=10_000, ge=1)
    adgroups_per_campaign: int = Field(default=999, ge=1)
    campaigns_per_advertiser: int = Field(default=5_000, ge=1)
    duplicate_request_code: int = 40050
    """Code for a campaign or ad group `request_id` repeated within 10 seconds."""
    quota_shown_as: Literal["AD_STATUS_AD_QUOTA_LIMIT", "AD_STATUS_ADGROUP_DISABLE"] = "AD_STATUS_AD_QUOTA_LIMIT"
    """Status of ads in an ad group that was switched off for want of quota."""
    unstated_campaigns: Literal["all", "not_deleted"] = "all"
    """What `campaign/get` lists without a status: the page names no default, unlike those of ad groups and ads."""

    budget_minimum: Literal["above", "at_least"] = "above"
    """Whether a budget must exceed its minimum (guide, help) or may equal it (tables)."""
    budget_word: bool = True
    """Whether the refusal of a small budget (51009) contains the word."""
    day_budget: Literal["refuse", "accept"] = "refuse"
    """BUDGET_MODE_DAY where the pages ask for the dynamic daily budget: ad groups of TRAFFIC, APP_PROMOTION,
    WEB_CONVERSIONS and LEAD_GENERATION. The guide's table allows it."""
    dynamic_budget: Literal["refuse", "accept"] = "refuse"
    """The dynamic daily budget for REACH, VIDEO_VIEWS and ENGAGEMENT: allowlisted ad accounts only."""
    closed_places: list[str] = Field(default_factory=list)
    """Location ids that ads cannot be shown in; ids that no place has are refused in any case."""

    region_names: bool = False
    """Whether `tool/region` names its places; sources disagree."""

    suspended_code: Literal[0, 40001, 40002] = 40002
    """How creating is refused in an ad account that is suspended, disabled or not approved; 0: it is not refused."""
    empty_balance: Literal["stops", "delivers"] = "stops"
    """Whether ads stop at balance 0. An ad account that its Business Center pays for may show 0 and deliver."""
    trouble_hides_review: bool = True
    """Which status wins while an ad is in review in an ad account in trouble. TikTok does not say."""

    identity_without_bc: Literal["refuse", "empty", "list"] = "refuse"
    """What `identity/get` answers for BC_AUTH_TT without a Business Center: the page requires one, a caller got
    nothing, the guide and another caller got all."""
    identity_page_info: Literal["numbers", "zeros"] = "numbers"
    """Page numbers of `identity/get` when the type is named. The guide and callers show zeros even then."""
    handle_field: Literal["username", "user_name"] = "username"
    """Under which name an identity carries the handle: sources disagree."""
    show_handles: bool = True
    """Whether a TikTok account's asset carries `tt_asset_handle`."""
    private_posts: Literal["allow", "refuse"] = "allow"
    """Whether posts that are not public can be pulled; two help articles disagree."""
    empty_details: bool = False
    """Whether `identity/video/info` puts `video_details: []` beside a `video_detail`, as callers saw."""
    details_say_type: bool = True
    """Whether `video_details` says `item_type`: its page's table does, its example for BC_AUTH_TT does not."""
    swapped_details: bool = False
    """Whether `video_details` says friends of what only the author sees, and the reverse, as that part of its page."""
    music_locations: Literal["ids", "codes", "both"] = "ids"
    """What `identity/music/authorization` takes as locations: the page says neither."""
    qr_single_use: bool = False
    """Whether an authorization URL dies with its first approval."""

    early_covers: Literal[40001, 40002, "empty"] = 40001
    """How covers are refused while a video is transcoded: a code, or an empty list."""
    suggested_covers: Literal["all", "other_first", "fewer", "none"] = "all"
    """Which covers are suggested: as many as asked, all of the video's shape; half of them, those of another shape
    first; one; none."""
    covers_in_library: bool = False
    """Whether `file/image/ad/info` knows suggested covers."""
    upload_start_case: Literal["snake", "pascal"] = "snake"
    """How `file/start/upload` spells its answer: the table of its page, or the example there (`Data.UploadId`)."""

    deny_words: list[str] = Field(default_factory=lambda: ["banned"])
    """Review refuses an ad whose caption contains one of these, in any case."""
    early_approval: bool = True
    """Whether `ad/review_info` says `is_approved` while the ad is still in review, as callers saw."""
    push_post_ids: Literal["after_review", "never"] = "after_review"
    """Whether an ad that made a post ever names it: the page says so, a probe of one ad account found none."""
    hangul_width: Literal[1, 2] = 2
    """As how many characters a Korean one counts in names and captions: the page speaks of Chinese and Japanese."""
