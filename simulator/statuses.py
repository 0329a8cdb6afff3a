"""Every documented `secondary_status` of ads, ad groups and campaigns: what a thing shows, and which filter finds it.

TikTok does not say which status wins when several apply. Here deletion comes first, then a lost TikTok account, what
was switched off, trouble with the ad account, the review, the schedule.
"""

from typing import Final, Literal

from simulator.entities import Ad, AdAccount, AdGroup, Campaign
from simulator.envelope import parameter_error
from simulator.state import World

Kind = Literal["AD", "ADGROUP", "CAMPAIGN"]
PrimaryStatus = Literal[
    "STATUS_ALL",
    "STATUS_NOT_DELETE",
    "STATUS_NOT_DELIVERY",
    "STATUS_DELIVERY_OK",
    "STATUS_DISABLE",
    "STATUS_DELETE",
    "STATUS_TIME_DONE",
    "STATUS_FROZEN",
    "STATUS_RF_CLOSED",
]

ACCOUNT_WIDE: Final = """
    ADVERTISER_ACCOUNT_PUNISH ADVERTISER_CONTRACT_PENDING ADVERTISER_REAUDIT ADVERTISER_ACCOUNT_BALANCE_EXCEED
    """.split()
"""Shown by ads, ad groups and campaigns alike, without a prefix."""

DOCUMENTED: Final[dict[Kind, dict[str, list[str]]]] = {
    "AD": {
        "STATUS_DELIVERY_OK": "DELIVERY_OK PARTIAL_AUDIT_DELIVERY_OK REVIEW_PARTIALLY_APPROVED".split(),
        "STATUS_NOT_DELIVERY": """
            AUDIT REAUDIT PARTIAL_AUDIT_NO_DELIVERY ADGROUP_PARTIAL_AUDIT_NO_DELIVERY PROCESS_AUDIO AD_PRE_ONLINE
            AUDIT_DENY ADGROUP_AUDIT_DENY TRANSCODING_FAIL MUSIC_AUTHORIZATION_MISSING
            ADGROUP_INDUSTRY_QUALIFICATION_MISSING ADGROUP_INDUSTRY_QUALIFICATION_EXPIRED
            ADGROUP_INDUSTRY_QUALIFICATION_DENY NOT_START LIVE_OFFLINE AD_QUOTA_LIMIT BALANCE_EXCEED BUDGET_EXCEED
            CAMPAIGN_EXCEED ADVERTISER_AUDIT ADVERTISER_AUDIT_DENY ASSET_AUTHORIZATION_LOST
            ADGROUP_ASSET_AUTHORIZATION_LOST CREATOR_AUTHORIZATION_REVOKED PRODUCT_UNAVAILABLE ANCHOR_UNAVAILABLE
            NO_AUTHORIZATION_OF_SHOWCASE CREATIVE_ANCHOR_UNAVAILABLE CREATIVE_PRODUCT_ALL_REJECTED
            SHOWCASE_AUTHORIZATION_LOST PRODUCT_ANCHOR_UNAVAILABLE NO_AVAILABLE_PRODUCTS MATERIAL_DELETE
            MATERIAL_DISABLE MATERIAL_AUDIT MATERIAL_AUDIT_DENY MATERIAL_AUDIT_PARTIAL_APPROVED MATERIAL_DELIVERY_OK
            PROMOTE_AD_OFFLINE_AUDIT PROMOTE_ADGROUP_CLOSED
            """.split(),
        "STATUS_DISABLE": "DISABLE ADGROUP_DISABLE CAMPAIGN_DISABLE".split(),
        "STATUS_DELETE": "DELETE ADGROUP_DELETE CAMPAIGN_DELETE".split(),
        "STATUS_TIME_DONE": "DONE".split(),
        "STATUS_RF_CLOSED": "RF_ADGROUP_CLOSED".split(),
    },
    "ADGROUP": {
        "STATUS_DELIVERY_OK": """
            DELIVERY_OK PARTIAL_AUDIT_DELIVERY_OK REVIEW_PARTIALLY_APPROVED SHADOW_ADGROUP_REAUDIT
            SEARCH_KEYWORDS_PARTIAL_APPROVED
            """.split(),
        "STATUS_NOT_DELIVERY": """
            AUDIT REAUDIT PARTIAL_AUDIT_NO_DELIVERY ADGROUP_PRE_ONLINE CREATE AUDIT_DENY TRANSCODING_FAIL
            INDUSTRY_QUALIFICATION_MISSING INDUSTRY_QUALIFICATION_EXPIRED INDUSTRY_QUALIFICATION_DENY NOT_START
            LIVE_NOT_START ADGROUP_QUOTA_LIMIT BALANCE_EXCEED BUDGET_EXCEED CAMPAIGN_EXCEED ADVERTISER_AUDIT
            ADVERTISER_AUDIT_DENY ASSET_AUTHORIZATION_LOST PIXEL_UNBIND IDENTITY_USED_BY_GMV_MAX_AD
            SEARCH_KEYWORDS_IN_REVIEW SEARCH_KEYWORDS_NOT_AVAILABLE RF_BOOKING RF_SCHEDULE RF_SHORT_BALANCE
            RF_DEDUCTION_FAILED RF_NO_DELIVERY_CREATIVE RF_NO_VALID_CREATIVE RF_AD_AUDIT_DENY RF_ADGROUP_INVALID
            PROMOTE_AD_NOT_APPROVED PROMOTE_WITHDRAW_ORDER
            """.split(),
        "STATUS_DISABLE": "DISABLE CAMPAIGN_DISABLE".split(),
        "STATUS_DELETE": "DELETE CAMPAIGN_DELETE".split(),
        "STATUS_TIME_DONE": "TIME_DONE RF_TIME_DONE".split(),
        "STATUS_FROZEN": "FROZEN".split(),
        "STATUS_RF_CLOSED": "RF_TERMINATE RF_CLOSED_OTHERS RF_WITHDRAW_ORDER".split(),
    },
    "CAMPAIGN": {
        "STATUS_DELIVERY_OK": "ENABLE".split(),
        "STATUS_NOT_DELIVERY": """
            REVIEW_DISAPPROVED TTS_ACCOUNT_BALANCE_INSUFFICIENT BUDGET_EXCEED ADVERTISER_AUDIT ADVERTISER_AUDIT_DENY
            IDENTITY_USED_BY_GMV_MAX_AD PRODUCT_UNAVAILABLE AD_UNAVAILABLE AWAITING_RELEASE TTS_TT_ASSET_UNAVAILABLE
            TIKTOK_SHOP_UNAVAILABLE TTS_TT_IDENTITY_UNAVAILABLE LIVE_GMV_MAX_AUTHORIZATION_CANCEL
            PRODUCT_GMV_MAX_AUTHORIZATION_CANCEL IDENTITY_USED_BY_LIVE_GMV_MAX PRODUCT_USED_BY_PRODUCT_GMV_MAX
            """.split(),
        "STATUS_DISABLE": "DISABLE".split(),
        "STATUS_DELETE": "DELETE".split(),
    },
}
"""Values without their prefix, by the primary status that selects them."""

UNPREFIXED: Final[dict[Kind, dict[str, str]]] = {
    "AD": {
        "ADGROUP_STATUS_FROZEN": "STATUS_FROZEN",
        "AD_STAUS_PIXEL_UNBIND": "STATUS_NOT_DELIVERY",  # so spelt by TikTok
        "CREATIVE_PAUSED_USED_IN_GMV_MAX": "STATUS_NOT_DELIVERY",
    },
    "ADGROUP": {"ADVERTISER_ACCOUNT_INVALID": "STATUS_NOT_DELIVERY"},
    "CAMPAIGN": {},
}

UNFILTERABLE: Final = frozenset(
    """
    AD_STATUS_REVIEW_PARTIALLY_APPROVED AD_STATUS_AD_PRE_ONLINE AD_STATUS_TRANSCODING_FAIL AD_STATUS_AD_QUOTA_LIMIT
    AD_STATUS_ASSET_AUTHORIZATION_LOST AD_STATUS_ADGROUP_ASSET_AUTHORIZATION_LOST
    ADGROUP_STATUS_REVIEW_PARTIALLY_APPROVED ADGROUP_STATUS_ADGROUP_PRE_ONLINE ADGROUP_STATUS_TRANSCODING_FAIL
    ADGROUP_STATUS_ADGROUP_QUOTA_LIMIT ADGROUP_STATUS_ASSET_AUTHORIZATION_LOST
    CAMPAIGN_STATUS_IDENTITY_USED_BY_GMV_MAX_AD
    """.split()
)
"""Statuses that are shown but cannot be asked for."""

PRIMARY: Final[dict[Kind, dict[str, str]]] = {
    kind: {f"{kind}_STATUS_{value}": primary for primary, values in by_primary.items() for value in values}
    | dict.fromkeys(ACCOUNT_WIDE, "STATUS_NOT_DELIVERY")
    | UNPREFIXED[kind]
    for kind, by_primary in DOCUMENTED.items()
}
"""By kind and secondary status, the primary status that selects it."""

ACCOUNT_TROUBLE: Final = {
    "STATUS_PENDING_CONFIRM": "ADVERTISER_AUDIT",
    "STATUS_PENDING_VERIFIED": "ADVERTISER_AUDIT",
    "STATUS_PENDING_CONFIRM_MODIFY": "ADVERTISER_REAUDIT",
    "STATUS_WAIT_FOR_BPM_AUDIT": "ADVERTISER_AUDIT",
    "STATUS_WAIT_FOR_PUBLIC_AUTH": "ADVERTISER_AUDIT",
    "STATUS_SELF_SERVICE_UNAUDITED": "ADVERTISER_AUDIT",
    "STATUS_CONTRACT_PENDING": "ADVERTISER_CONTRACT_PENDING",
    "STATUS_CONFIRM_FAIL": "ADVERTISER_AUDIT_DENY",
    "STATUS_CONFIRM_FAIL_END": "ADVERTISER_AUDIT_DENY",
    "STATUS_CONFIRM_MODIFY_FAIL": None,
    "STATUS_LIMIT": "ADVERTISER_ACCOUNT_PUNISH",
    "STATUS_DISABLE": "ADVERTISER_ACCOUNT_PUNISH",
    "STATUS_ENABLE": None,
}
"""Statuses of ad accounts, and what everything in such an account shows for it, prefix aside."""


WAITING: Final = {"AUDIT", "REAUDIT"}
AD_REVIEW: Final = {
    "AUDIT": "AD_STATUS_AUDIT",
    "REAUDIT": "AD_STATUS_REAUDIT",
    "DENIED": "AD_STATUS_AUDIT_DENY",
    "APPROVED": None,
}
AD_TIME: Final = {"before": "AD_STATUS_NOT_START", "during": None, "over": "AD_STATUS_DONE"}
ADGROUP_TIME: Final = {"before": "ADGROUP_STATUS_NOT_START", "during": None, "over": "ADGROUP_STATUS_TIME_DONE"}


def ad_status(world: World, ad: Ad, now: float) -> str:
    """`secondary_status` of an ad."""
    trouble = _trouble(world, "AD", ad.advertiser)
    return (
        _ad_deleted(ad)
        or ad.forced
        or _ad_lost(ad)
        or _ad_off(world, ad)
        or (trouble if trouble and (ad.review not in WAITING or world.config.trouble_hides_review) else None)
        or AD_REVIEW[ad.review]
        or _music_missing(ad)
        or AD_TIME[_time(ad.adgroup, now)]
        or "AD_STATUS_DELIVERY_OK"
    )


def _music_missing(ad: Ad) -> str | None:
    if ad.mode == "pull" and ad.post is not None and ad.post.music is not None and not ad.post.music_authorized:
        return "AD_STATUS_MUSIC_AUTHORIZATION_MISSING"
    return None


def _ad_deleted(ad: Ad) -> str | None:
    if ad.deleted:
        return "AD_STATUS_DELETE"
    if ad.adgroup.campaign.deleted:
        return "AD_STATUS_CAMPAIGN_DELETE"
    if ad.adgroup.deleted:
        return "AD_STATUS_ADGROUP_DELETE"
    return None


def _ad_lost(ad: Ad) -> str | None:
    if ad.lost:
        return ad.lost
    if ad.account.is_private or ad.account.is_banned or (ad.post is not None and ad.post.deleted):
        return "AD_STATUS_ASSET_AUTHORIZATION_LOST"
    return None


def _ad_off(world: World, ad: Ad) -> str | None:
    if ad.adgroup.campaign.operation_status == "DISABLE":
        return "AD_STATUS_CAMPAIGN_DISABLE"
    if ad.adgroup.over_quota:
        return world.config.quota_shown_as
    if ad.adgroup.operation_status == "DISABLE":
        return "AD_STATUS_ADGROUP_DISABLE"
    return "AD_STATUS_DISABLE" if ad.operation_status == "DISABLE" else None


def adgroup_status(world: World, advertiser: AdAccount, adgroup: AdGroup, now: float) -> str:
    """`secondary_status` of an ad group."""
    reviews: set[str] = {ad.review for ad in adgroup.ads.values() if not ad.deleted}
    trouble = _trouble(world, "ADGROUP", advertiser)
    return (
        _adgroup_deleted(adgroup)
        or adgroup.forced
        or _adgroup_off(adgroup)
        or ("ADGROUP_STATUS_CREATE" if not reviews else None)
        or (trouble if trouble and (not reviews & WAITING or world.config.trouble_hides_review) else None)
        or (_adgroup_review(reviews) if "APPROVED" not in reviews else None)
        or trouble
        or ADGROUP_TIME[_time(adgroup, now)]
        or _adgroup_review(reviews)
        or "ADGROUP_STATUS_DELIVERY_OK"
    )


def _adgroup_deleted(adgroup: AdGroup) -> str | None:
    if adgroup.deleted:
        return "ADGROUP_STATUS_DELETE"
    return "ADGROUP_STATUS_CAMPAIGN_DELETE" if adgroup.campaign.deleted else None


def _adgroup_off(adgroup: AdGroup) -> str | None:
    if adgroup.campaign.operation_status == "DISABLE":
        return "ADGROUP_STATUS_CAMPAIGN_DISABLE"
    if adgroup.over_quota:
        return "ADGROUP_STATUS_ADGROUP_QUOTA_LIMIT"
    return "ADGROUP_STATUS_DISABLE" if adgroup.operation_status == "DISABLE" else None


def _adgroup_review(reviews: set[str]) -> str | None:
    waiting = reviews & WAITING
    if "APPROVED" in reviews:
        if waiting:
            return "ADGROUP_STATUS_PARTIAL_AUDIT_DELIVERY_OK"
        return "ADGROUP_STATUS_REVIEW_PARTIALLY_APPROVED" if "DENIED" in reviews else None
    if not waiting:
        return "ADGROUP_STATUS_AUDIT_DENY"
    if "DENIED" in reviews:
        return "ADGROUP_STATUS_PARTIAL_AUDIT_NO_DELIVERY"
    return "ADGROUP_STATUS_AUDIT" if "AUDIT" in waiting else "ADGROUP_STATUS_REAUDIT"


def campaign_status(advertiser: AdAccount, campaign: Campaign) -> str:
    """`secondary_status` of a campaign: says nothing of review or money."""
    if campaign.deleted:
        return "CAMPAIGN_STATUS_DELETE"
    if campaign.forced is not None:
        return campaign.forced
    if campaign.operation_status == "DISABLE":
        return "CAMPAIGN_STATUS_DISABLE"
    return _account_trouble("CAMPAIGN", advertiser) or "CAMPAIGN_STATUS_ENABLE"


def _time(adgroup: AdGroup, now: float) -> str:
    if now >= adgroup.ends_at:
        return "over"
    return "before" if now < adgroup.starts_at else "during"


def _trouble(world: World, kind: Kind, advertiser: AdAccount) -> str | None:
    trouble = _account_trouble(kind, advertiser)
    if trouble is None and advertiser.balance <= 0 and world.config.empty_balance == "stops":
        return f"{kind}_STATUS_BALANCE_EXCEED"
    return trouble


def _account_trouble(kind: Kind, advertiser: AdAccount) -> str | None:
    trouble = ACCOUNT_TROUBLE[advertiser.status]
    if trouble is None or trouble in ACCOUNT_WIDE:
        return trouble
    return f"{kind}_STATUS_{trouble}"


def operation_status(record: Ad | AdGroup | Campaign) -> str:
    """How a thing is switched: ENABLE, DISABLE, or FROZEN, when TikTok ended it for good."""
    return "FROZEN" if (record.forced or "").endswith("_STATUS_FROZEN") else record.operation_status


def selects(kind: Kind, primary: PrimaryStatus, secondary: str) -> bool:
    """Whether a primary status selects a thing of this secondary status; one that nobody knows does not deliver."""
    found = PRIMARY[kind].get(secondary, "STATUS_NOT_DELIVERY")
    if primary == "STATUS_ALL":
        return True
    return found != "STATUS_DELETE" if primary == "STATUS_NOT_DELETE" else found == primary


NOBODY_KNOWS: Final = ""
"""Stands for every status that is not documented."""


class Wanted:
    """A filter by status, checked."""

    def __init__(
        self, kind: Kind, primary: PrimaryStatus | None, secondary: str | None, default: PrimaryStatus
    ) -> None:
        """Take what was asked for.

        `default` is what a list shows when nothing was.

        Raises:
            ApiError: 40002 for a status that is unknown or cannot be asked for.
        """
        everything, existing = f"{kind}_STATUS_ALL", f"{kind}_STATUS_NOT_DELETE"
        if secondary is not None and secondary not in {everything, existing} and secondary not in PRIMARY[kind]:
            raise parameter_error(f"Invalid value of 'filtering.secondary_status': {secondary}")
        if secondary in UNFILTERABLE:
            raise parameter_error(
                f"Invalid value of 'filtering.secondary_status': {secondary} is not supported for filtering"
            )
        primary = primary or ("STATUS_ALL" if secondary is not None else default)
        existing_only = secondary == existing
        if secondary in {everything, existing}:
            secondary = None
        self._known = PRIMARY[kind].keys()
        self._taken = {
            one
            for one in [*self._known, NOBODY_KNOWS]
            if secondary in {None, one}
            and selects(kind, primary, one)
            and not (existing_only and selects(kind, "STATUS_DELETE", one))
        }

    def takes(self, secondary: str) -> bool:
        """Whether a thing of this status is wanted."""
        return (secondary if secondary in self._known else NOBODY_KNOWS) in self._taken
