"""Things of the pretended world: plain records, without rules. Times are seconds since the epoch, UTC."""

from collections import Counter
from dataclasses import dataclass, field
from tempfile import _TemporaryFileWrapper
from typing import Any, Literal

UserRole = Literal["ADMIN", "STANDARD"]
RelationStatus = Literal["BOUND", "PENDING", "REJECTED", "UNBOUND"]
AdvertiserRole = Literal["ADMIN", "OPERATOR", "ANALYST"]
PostStatus = Literal["PUBLIC", "FRIENDS", "PRIVATE"]
PostType = Literal["VIDEO", "CAROUSEL"]
OperationStatus = Literal["ENABLE", "DISABLE"]
AvailableStatus = Literal[
    "AVAILABLE", "NO_VALID_BIND_ACCOUNT", "SCOPE_UNAVAILABLE", "IS_PRIVATE_ACCOUNT", "NOT_BUSINESS_ACCOUNT"
]
AdvertiserStatus = Literal[
    "STATUS_ENABLE",
    "STATUS_PENDING_CONFIRM",
    "STATUS_PENDING_VERIFIED",
    "STATUS_PENDING_CONFIRM_MODIFY",
    "STATUS_WAIT_FOR_BPM_AUDIT",
    "STATUS_WAIT_FOR_PUBLIC_AUTH",
    "STATUS_SELF_SERVICE_UNAUDITED",
    "STATUS_CONTRACT_PENDING",
    "STATUS_CONFIRM_FAIL",
    "STATUS_CONFIRM_FAIL_END",
    "STATUS_CONFIRM_MODIFY_FAIL",
    "STATUS_LIMIT",
    "STATUS_DISABLE",
]


@dataclass(slots=True)
class Member:
    """A person in a Business Center."""

    user_id: str
    user_name: str
    user_email: str
    user_role: UserRole
    relation_status: RelationStatus
    roles_on_joining: dict[str, AdvertiserRole] = field(default_factory=dict)
    """Ad accounts that an invitation comes with, and the role on each."""


@dataclass(slots=True)
class App:
    """A developer app: what rate limits are counted for."""

    app_id: str
    secret: str = field(repr=False)
    auth_codes: dict[str, str] = field(default_factory=dict, repr=False)
    """Unused authorization codes and the access token each is worth."""


@dataclass(frozen=True, slots=True)
class Music:
    """The song of a post."""

    title: str = "Original sound"
    author: str = "Somebody"


@dataclass(slots=True)
class Post:
    """A post of a TikTok account, organic or made by an ad."""

    item_id: str
    text: str
    status: PostStatus
    ad_authorized: bool
    type: PostType
    published_at: float
    origin: Literal["organic", "ad"] = "organic"
    ad_id: str | None = None
    bc_id: str | None = None
    """Business Center whose ad made the post."""
    visible: Literal["profile", "ads_only"] = "profile"
    deleted: bool = False
    music: Music | None = field(default_factory=Music)
    """None: TikTok knows of no song in it."""
    music_authorized: bool = True
    """Whether its music may be used in ads."""


@dataclass(slots=True)
class Account:
    """A TikTok account; its owner alone decides about it."""

    asset_id: str
    handle: str
    display_name: str
    time_zone: str
    is_private: bool = False
    is_gpppa: bool = False
    is_banned: bool = False
    available_status: AvailableStatus | None = None
    """What its identities say besides what follows from the above; None: nothing."""
    posts: dict[str, Post] = field(default_factory=dict)
    authorizations: dict[str, "Authorization"] = field(default_factory=dict)
    """By Business Center id; only those that stand."""


@dataclass(slots=True)
class ConsentCode:
    """An authorization URL a Business Center asked for; `opaque` is its last path segment."""

    opaque: str = field(repr=False)
    bc_id: str
    is_ads_only_mode: bool
    created_at: float
    expires_at: float
    approvals: int = 0


@dataclass(slots=True)
class Authorization:
    """An owner's standing consent for one Business Center; once linked to an ad account it is an identity there."""

    bc_id: str
    account: Account
    identity_id: str
    posts: bool
    videos: bool
    live: bool
    ads_only: bool
    approved_at: float
    listed_at: float | None = None
    """When the account appeared in the Business Center; None before."""
    ended: bool = False
    links: dict[str, float | None] = field(default_factory=dict)
    """Ad accounts linked, and since when the identity is listed there (None: not yet)."""
    member_roles: dict[str, list[str]] = field(default_factory=dict)
    ads: dict[str, "Ad"] = field(default_factory=dict)
    """Ads that use this identity and are neither deleted nor cut off."""


@dataclass(slots=True)
class BusinessCenter:
    """An organisation: members, ad accounts, partners, and the TikTok accounts it may use."""

    bc_id: str
    name: str
    access_token: str = field(repr=False)
    app_id: str
    account_cap: int
    created_at: float
    members: dict[str, Member] = field(default_factory=dict)
    ad_accounts: dict[str, "AdAccount"] = field(default_factory=dict)
    partners: dict[str, str] = field(default_factory=dict)
    """Names by Business Center id."""
    shared_in: dict[str, str] = field(default_factory=dict)
    """Ad accounts that partners share with this one: advertiser id to the partner's id."""
    shared_roles: dict[str, dict[str, AdvertiserRole]] = field(default_factory=dict)
    """Roles of this one's members on those, by advertiser id and user id; the owner's own people are not in it."""
    offers: dict[str, str] = field(default_factory=dict)
    """Ad accounts a partner offers and this one has not accepted yet, in the same form."""
    held: dict[str, Authorization] = field(default_factory=dict)
    """Authorizations by asset id, listed or not yet."""
    asset_groups: dict[str, "AssetGroup"] = field(default_factory=dict)


@dataclass(slots=True)
class AssetGroup:
    """Ad accounts that members of a Business Center are given together."""

    asset_group_id: str
    name: str
    asset_ids: list[str]
    members: dict[str, dict[str, AdvertiserRole]]
    """By user id, the role on each kind of asset."""


@dataclass(slots=True)
class CustomIdentity:
    """A made-up name and picture for ads, which are then no Spark Ads."""

    identity_id: str
    display_name: str
    image_uri: str | None


@dataclass(slots=True)
class Campaign:
    """`fields` is what the caller sent, completed with defaults."""

    campaign_id: str
    name: str
    fields: dict[str, Any]
    operation_status: OperationStatus
    created_at: float
    modified_at: float
    deleted: bool = False
    forced: str | None = None
    """The secondary status that a test wants to be shown."""
    adgroups: dict[str, "AdGroup"] = field(default_factory=dict)
    adgroup_names: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class AdGroup:
    """`fields` is what the caller sent; the schedule is kept in epoch seconds besides."""

    adgroup_id: str
    name: str
    campaign: Campaign
    fields: dict[str, Any]
    operation_status: OperationStatus
    starts_at: float
    ends_at: float
    created_at: float
    modified_at: float
    deleted: bool = False
    forced: str | None = None
    over_quota: bool = False
    """Switched off for good: it was one active ad group too many."""
    ads: dict[str, "Ad"] = field(default_factory=dict)
    live_ads: int = 0


@dataclass(slots=True)
class Ad:
    """A Spark Ad. `fields` is the documented ad object without the parts that change by themselves."""

    ad_id: str
    name: str
    account: Account
    authorization: Authorization
    adgroup: AdGroup
    advertiser: "AdAccount"
    mode: Literal["push", "pull"]
    caption: str
    fields: dict[str, Any]
    operation_status: OperationStatus
    created_at: float
    listed_at: float
    """When `ad/get` starts to show it."""
    modified_at: float
    enabled_at: float | None = None
    reviewed_at: float | None = None
    review: Literal["AUDIT", "REAUDIT", "APPROVED", "DENIED"] = "AUDIT"
    review_round: int = 0
    deny_reason: str | None = None
    post: Post | None = None
    tiktok_item_id: str | None = None
    lost: str | None = None
    """The secondary status that says how the TikTok account was lost."""
    deleted: bool = False
    forced: str | None = None


@dataclass(slots=True)
class Video:
    """An uploaded video: what is known of it, not its bytes."""

    video_id: str
    material_id: str
    file_name: str
    signature: str
    size: int
    width: int
    height: int
    duration: float
    bit_rate: int
    format: str
    flaw_types: list[str] | None
    created_at: float
    ready_at: float


@dataclass(slots=True)
class Image:
    """An uploaded image, or a cover taken from a video."""

    image_id: str
    material_id: str
    file_name: str
    signature: str
    size: int
    width: int
    height: int
    format: str
    created_at: float


@dataclass(slots=True)
class Upload:
    """A file on its way in pieces; complete once it has a `file_id`."""

    name: str
    size: int
    file: "_TemporaryFileWrapper[bytes]"
    received: int = 0
    file_id: str | None = None


@dataclass(slots=True)
class AdAccount:
    """An ad account with everything that lives in it."""

    advertiser_id: str
    bc_id: str
    name: str
    currency: str
    timezone: str
    ads_only_mode: bool
    created_at: float
    country: str = "US"
    status: AdvertiserStatus = "STATUS_ENABLE"
    balance: float = 10_000.0
    """What is left to spend, in the ad account's currency."""
    adgroup_quota: int = 50
    """Ad groups that may be active at once."""
    denied: set[str] = field(default_factory=set)
    """Paths for which the ad account gave the caller no permission."""
    deleted: bool = False
    roles: dict[str, AdvertiserRole] = field(default_factory=dict)
    identities: dict[str, Authorization] = field(default_factory=dict)
    """Linked and listed, by identity id."""
    custom_identities: dict[str, CustomIdentity] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    campaign_names: Counter[str] = field(default_factory=Counter)
    adgroups: dict[str, AdGroup] = field(default_factory=dict)
    ads: dict[str, Ad] = field(default_factory=dict)
    live_ads: int = 0
    recent_requests: dict[str, float] = field(default_factory=dict)
    """Guard of repeated creations: kind and `request_id`, and when it succeeded."""
    videos: dict[str, Video] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    """Files sent in pieces, by upload id."""
    file_names: dict[tuple[str, str], str] = field(default_factory=dict)
    """Material id by file type (VIDEO, IMAGE) and name."""
