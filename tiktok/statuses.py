"""What TikTok's status values mean: of ads, ad groups, campaigns and ad accounts, in one table.

`secondary_status` is what an ad, ad group or campaign really does. TikTok has some 150 values of it, and adds to them;
each that is documented stands here with what it means, the class that decides what is done about it, what a person can
do, and where it is read. A value that is not here is `UNKNOWN`: it is shown to a person, and nothing is concluded.

Sources: PAGE, TikTok's page of secondary statuses (business-api.tiktok.com, doc 1757239620352002); GO, the comments of
the Go client `bububa/tiktok-business`, copied from the documentation by hand; ADVERTISER, the page of
`gmv_max/store/list/` and the Go client, for ad accounts.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class StatusClass(StrEnum):
    """What follows from a status."""

    DELIVERING = "delivering"
    """approved, and shown"""
    IN_REVIEW = "in_review"
    """TikTok has not decided yet"""
    REFUSED = "refused"
    """TikTok's review said no"""
    SWITCHED_OFF = "switched_off"
    """by a person, or by TikTok as if by one"""
    ACCOUNT_TROUBLE = "account_trouble"
    """the ad account, its money or its papers keep it from being shown; it may come back by itself"""
    ACCESS_LOST = "access_lost"
    """the TikTok account may not be used any more; it may come back by itself"""
    SCHEDULED = "scheduled"
    """its time has not come"""
    OVER = "over"
    """its time is over: the review is, too"""
    DELETED = "deleted"
    """itself, or with its ad group or campaign"""
    UNKNOWN = "unknown"
    """not known here, or of a kind of ad that Spark Ads are not"""


class Source(StrEnum):
    """Where a value is documented."""

    PAGE = "page"
    GO = "go"
    ADVERTISER = "advertiser"


class Status(NamedTuple):
    """One status value."""

    value: str
    status_class: StatusClass
    meaning: str
    to_do: str
    source: Source | None

    @property
    def is_review_over(self) -> bool:
        """Whether it proves that TikTok's review has let the ad through: other states may hide one that goes on."""
        return self.status_class in {StatusClass.DELIVERING, StatusClass.OVER}


class Usable(StrEnum):
    """What can be done in an ad account."""

    YES = "yes"
    IN_REVIEW = "in_review"
    """ads can be made; they may not be shown before it is over"""
    NO = "no"
    """its rows would only be refused"""
    UNKNOWN = "unknown"


class AccountStatus(NamedTuple):
    """One status of an ad account (`status` of advertiser/info)."""

    value: str
    usable: Usable
    meaning: str
    to_do: str


_DEL, _REV, _REF = StatusClass.DELIVERING, StatusClass.IN_REVIEW, StatusClass.REFUSED
_PER, _ACC, _LOST = StatusClass.SWITCHED_OFF, StatusClass.ACCOUNT_TROUBLE, StatusClass.ACCESS_LOST
_SCH, _END, _GONE = StatusClass.SCHEDULED, StatusClass.OVER, StatusClass.DELETED
_UNK = StatusClass.UNKNOWN
_PAGE, _GO = Source.PAGE, Source.GO

_WAIT = ""
_PAY = "add money to the ad account, or mend its payment, in TikTok Ads Manager"
_BUDGET = "raise the budget in TikTok Ads Manager, or wait until tomorrow"
_PUNISHED = "see TikTok Ads Manager > Account > Violations, and appeal; another ad account can publish the row"
_PAPERS = "upload the document that TikTok Ads Manager asks for in the account's qualifications"
_ACCOUNT_REVIEW = "nothing, or ask TikTok's support how long it takes"
_CONTRACT = "sign the contract in TikTok Ads Manager, or ask your TikTok contact"
_SWITCH_ON = "switch it on in TikTok Ads Manager, or take the row down"
_OWNER = "ask the account's owner to scan again"
_LOOK = "look at it in TikTok Ads Manager"

# value without prefix, class, meaning, what to do, source
_AD_OR_AD_GROUP: Final = (
    ("DELIVERY_OK", _DEL, "is delivered", _WAIT, _PAGE),
    ("PARTIAL_AUDIT_DELIVERY_OK", _DEL, "is delivered; a part is still in review", _WAIT, _PAGE),
    ("REVIEW_PARTIALLY_APPROVED", _DEL, "is delivered; a part of it was refused", _LOOK, _PAGE),
    ("AUDIT", _REV, "is in review", _WAIT, _PAGE),
    ("REAUDIT", _REV, "is in review after a change", _WAIT, _PAGE),
    ("PARTIAL_AUDIT_NO_DELIVERY", _REV, "is in review, a part of it passed", _WAIT, _PAGE),
    ("AUDIT_DENY", _REF, "was refused in review", "see the reasons; make another video, caption or page", _PAGE),
    ("TRANSCODING_FAIL", _REF, "has a video that TikTok can't convert", "export the video again", _PAGE),
    ("NOT_START", _SCH, "is outside of its schedule", _WAIT, _PAGE),
    ("DISABLE", _PER, "is switched off", _SWITCH_ON, _PAGE),
    ("CAMPAIGN_DISABLE", _PER, "is off because its TikTok campaign is switched off", _SWITCH_ON, _PAGE),
    ("BALANCE_EXCEED", _ACC, "is not shown: the ad account's money is used up", _PAY, _PAGE),
    ("BUDGET_EXCEED", _ACC, "is not shown: its budget is used up", _BUDGET, _PAGE),
    ("CAMPAIGN_EXCEED", _ACC, "is not shown: its TikTok campaign's budget is used up", _BUDGET, _PAGE),
    ("ADVERTISER_AUDIT", _ACC, "is not shown: the ad account is in review", _ACCOUNT_REVIEW, _PAGE),
    ("ADVERTISER_AUDIT_DENY", _ACC, "is not shown: the ad account was not approved", _PUNISHED, _PAGE),
    ("ASSET_AUTHORIZATION_LOST", _LOST, "is stopped: the TikTok account may not be used any more", _OWNER, _PAGE),
    ("DELETE", _GONE, "is deleted", _WAIT, _PAGE),
    ("CAMPAIGN_DELETE", _GONE, "is deleted with its TikTok campaign", _WAIT, _PAGE),
)

_AD_ONLY: Final = (
    ("ADGROUP_PARTIAL_AUDIT_NO_DELIVERY", _REV, "is in review, with its ad group", _WAIT, _PAGE),
    (
        "PROCESS_AUDIO",
        _REV,
        "has sound that TikTok is still processing",
        "if it lasts an hour, send the video again",
        _PAGE,
    ),
    ("AD_PRE_ONLINE", _REV, "is about to go online", _WAIT, _GO),
    ("ADGROUP_AUDIT_DENY", _REF, "was refused in review, with its ad group", "see the reasons in Ads Manager", _PAGE),
    ("MUSIC_AUTHORIZATION_MISSING", _REF, "has music that is not cleared for ads", "use other music", _PAGE),
    ("ADGROUP_INDUSTRY_QUALIFICATION_MISSING", _ACC, "is not shown: a business document is missing", _PAPERS, _PAGE),
    ("ADGROUP_INDUSTRY_QUALIFICATION_EXPIRED", _ACC, "is not shown: a business document has expired", _PAPERS, _PAGE),
    ("ADGROUP_INDUSTRY_QUALIFICATION_DENY", _ACC, "is not shown: a business document was refused", _PAPERS, _PAGE),
    ("LIVE_OFFLINE", _SCH, "waits for a LIVE that has not begun", _WAIT, _PAGE),
    ("DONE", _END, "is over: its schedule has ended", _WAIT, _PAGE),
    ("ADGROUP_DISABLE", _PER, "is off because its ad group is switched off", _SWITCH_ON, _PAGE),
    (
        "AD_QUOTA_LIMIT",
        _ACC,
        "is not shown: the ad account has too many active ad groups",
        "switch off ad groups that are over; TikTok never switches this one on again: take the row down, then retry it",
        _PAGE,
    ),
    ("ADGROUP_ASSET_AUTHORIZATION_LOST", _LOST, "is stopped: its ad group has lost the TikTok account", _OWNER, _PAGE),
    ("CREATOR_AUTHORIZATION_REVOKED", _LOST, "is stopped: the owner gave no permission, or took it back", _OWNER, _GO),
    ("ADGROUP_DELETE", _GONE, "is deleted with its ad group", _WAIT, _PAGE),
    ("RF_ADGROUP_CLOSED", _END, "is over: its reservation is closed", _WAIT, _GO),
    ("PROMOTE_AD_OFFLINE_AUDIT", _REF, "was refused after it was boosted in the app", _LOOK, _GO),
    ("PROMOTE_ADGROUP_CLOSED", _END, "is over: its boost in the app has ended", _WAIT, _GO),
    *(
        (value, _UNK, "is in a state of shop ads", _LOOK, source)
        for value, source in (
            ("PRODUCT_UNAVAILABLE", _PAGE),
            ("ANCHOR_UNAVAILABLE", _PAGE),
            ("NO_AUTHORIZATION_OF_SHOWCASE", _PAGE),
            ("CREATIVE_ANCHOR_UNAVAILABLE", _GO),
            ("CREATIVE_PRODUCT_ALL_REJECTED", _GO),
            ("SHOWCASE_AUTHORIZATION_LOST", _GO),
        )
    ),
)

_AD_GROUP_ONLY: Final = (
    ("SHADOW_ADGROUP_REAUDIT", _DEL, "is delivered; a change of it is in review", _WAIT, _PAGE),
    ("ADGROUP_PRE_ONLINE", _REV, "is about to go online", _WAIT, _GO),
    ("CREATE", _SCH, "has no ads yet", _WAIT, _PAGE),
    ("INDUSTRY_QUALIFICATION_MISSING", _ACC, "is not shown: a business document is missing", _PAPERS, _PAGE),
    ("INDUSTRY_QUALIFICATION_EXPIRED", _ACC, "is not shown: a business document has expired", _PAPERS, _PAGE),
    ("INDUSTRY_QUALIFICATION_DENY", _ACC, "is not shown: a business document was refused", _PAPERS, _PAGE),
    ("LIVE_NOT_START", _SCH, "waits for a LIVE that has not begun", _WAIT, _PAGE),
    ("TIME_DONE", _END, "is over: its schedule has ended", _WAIT, _PAGE),
    (
        "ADGROUP_QUOTA_LIMIT",
        _ACC,
        "is not shown: the ad account has too many active ad groups",
        "switch off ad groups that are over; TikTok does not switch this one on again",
        _PAGE,
    ),
    ("FROZEN", _ACC, "was ended by TikTok and can't be switched on", _LOOK, _PAGE),
    ("PIXEL_UNBIND", _ACC, "is not shown: its pixel is not linked any more", "link the pixel again", _PAGE),
    ("IDENTITY_USED_BY_GMV_MAX_AD", _ACC, "is not shown: a GMV Max ad uses the TikTok account", _LOOK, _PAGE),
    ("SEARCH_KEYWORDS_IN_REVIEW", _REV, "has search keywords in review", _WAIT, _GO),
    ("SEARCH_KEYWORDS_NOT_AVAILABLE", _REF, "has search keywords that can't be used", _LOOK, _GO),
    ("SEARCH_KEYWORDS_PARTIAL_APPROVED", _DEL, "is delivered for a part of its search keywords", _WAIT, _GO),
    *(
        (f"RF_{value}", _SCH, "is a reservation whose time has not come", _WAIT, _GO)
        for value in ("BOOKING", "SCHEDULE")
    ),
    *(
        (f"RF_{value}", _ACC, "is a reservation that is not paid", _PAY, _GO)
        for value in ("SHORT_BALANCE", "DEDUCTION_FAILED")
    ),
    *(
        (f"RF_{value}", _REF, "is a reservation without an ad that passed", _LOOK, _GO)
        for value in ("NO_DELIVERY_CREATIVE", "NO_VALID_CREATIVE", "AD_AUDIT_DENY")
    ),
    *(
        (f"RF_{value}", _END, "is a reservation that is over", _WAIT, _GO)
        for value in ("TERMINATE", "TIME_DONE", "CLOSED_OTHERS", "WITHDRAW_ORDER")
    ),
    ("RF_ADGROUP_INVALID", _UNK, "is a reservation that is not valid", _LOOK, _GO),
    ("PROMOTE_AD_NOT_APPROVED", _REF, "was refused after it was boosted in the app", _LOOK, _GO),
    ("PROMOTE_WITHDRAW_ORDER", _END, "is over: its boost in the app was withdrawn", _WAIT, _GO),
)

_CAMPAIGN: Final = (
    ("DISABLE", _PER, "is switched off", _SWITCH_ON, _PAGE),
    ("BUDGET_EXCEED", _ACC, "is not shown: its budget is used up", _BUDGET, _PAGE),
    ("ADVERTISER_AUDIT", _ACC, "is not shown: the ad account is in review", _ACCOUNT_REVIEW, _PAGE),
    ("ADVERTISER_AUDIT_DENY", _ACC, "is not shown: the ad account was not approved", _PUNISHED, _PAGE),
    ("DELETE", _GONE, "is deleted", _WAIT, _PAGE),
    # Says nothing of review: that is its ads' own.
    ("ENABLE", _DEL, "is switched on", _WAIT, _PAGE),
    ("REVIEW_DISAPPROVED", _REF, "was refused in review", _LOOK, _PAGE),
    ("TTS_ACCOUNT_BALANCE_INSUFFICIENT", _ACC, "is not shown: money is used up", _PAY, _PAGE),
    ("IDENTITY_USED_BY_GMV_MAX_AD", _ACC, "is not shown: a GMV Max ad uses the TikTok account", _LOOK, _PAGE),
    ("AWAITING_RELEASE", _PER, "is switched off until it is released", _SWITCH_ON, _PAGE),
    *(
        (value, _ACC, "is not shown: its shop can't be used", _LOOK, _GO)
        for value in ("TTS_TT_ASSET_UNAVAILABLE", "TIKTOK_SHOP_UNAVAILABLE")
    ),
    ("TTS_TT_IDENTITY_UNAVAILABLE", _LOST, "is stopped: its TikTok account can't be used", _OWNER, _GO),
    *(
        (value, _PER, "is switched off in favour of GMV Max", _SWITCH_ON, _GO)
        for value in (
            "LIVE_GMV_MAX_AUTHORIZATION_CANCEL",
            "PRODUCT_GMV_MAX_AUTHORIZATION_CANCEL",
            "IDENTITY_USED_BY_LIVE_GMV_MAX",
            "PRODUCT_USED_BY_PRODUCT_GMV_MAX",
        )
    ),
    *((value, _UNK, "is in a state of shop ads", _LOOK, _PAGE) for value in ("PRODUCT_UNAVAILABLE", "AD_UNAVAILABLE")),
)

# whole values, without a prefix of their kind
_WHOLE: Final = (
    ("ADVERTISER_ACCOUNT_PUNISH", _ACC, "is not shown: the ad account is penalised", _PUNISHED, _PAGE),
    (
        "ADVERTISER_CONTRACT_PENDING",
        _ACC,
        "is not shown: the ad account's contract is not in effect",
        _CONTRACT,
        _PAGE,
    ),
    ("ADVERTISER_REAUDIT", _ACC, "is not shown: a change of the ad account is in review", _ACCOUNT_REVIEW, _GO),
    ("ADVERTISER_ACCOUNT_BALANCE_EXCEED", _ACC, "is not shown: the ad account's money is used up", _PAY, _GO),
)

_WHOLE_AD_GROUP: Final = (
    ("ADVERTISER_ACCOUNT_INVALID", _ACC, "is not shown: the ad account can't be used", _PUNISHED, _GO),
)

_WHOLE_AD: Final = (
    ("ADGROUP_STATUS_FROZEN", _ACC, "was ended by TikTok with its ad group and can't be switched on", _LOOK, _PAGE),
    # So spelt on TikTok's page.
    ("AD_STAUS_PIXEL_UNBIND", _ACC, "is not shown: its pixel is not linked any more", "link the pixel again", _PAGE),
    ("CREATIVE_PAUSED_USED_IN_GMV_MAX", _ACC, "is not shown: a GMV Max ad uses the TikTok account", _LOOK, _GO),
    *(
        (value, _UNK, "is in a state of shop ads", _LOOK, _GO)
        for value in (
            "PRODUCT_ANCHOR_UNAVAILABLE",
            "NO_AVAILABLE_PRODUCTS",
            "MATERIAL_DELETE",
            "MATERIAL_DISABLE",
            "MATERIAL_AUDIT",
            "MATERIAL_AUDIT_DENY",
            "MATERIAL_AUDIT_PARTIAL_APPROVED",
            "MATERIAL_DELIVERY_OK",
        )
    ),
)

_Row = tuple[str, StatusClass, str, str, Source]


def _table(prefix: str, prefixed: tuple[_Row, ...], whole: tuple[_Row, ...]) -> dict[str, Status]:
    rows = [(prefix + value, *rest) for value, *rest in prefixed] + [tuple(row) for row in whole]
    return {str(row[0]): Status(*row) for row in rows}  # type: ignore[arg-type]  # rows are of _Row


AD: Final = _table("AD_STATUS_", _AD_OR_AD_GROUP + _AD_ONLY, _WHOLE + _WHOLE_AD)
"""By `secondary_status` of an ad."""
AD_GROUP: Final = _table("ADGROUP_STATUS_", _AD_OR_AD_GROUP + _AD_GROUP_ONLY, _WHOLE + _WHOLE_AD_GROUP)
"""By `secondary_status` of an ad group."""
CAMPAIGN: Final = _table("CAMPAIGN_STATUS_", _CAMPAIGN, _WHOLE)
"""By `secondary_status` of a campaign."""


def ad_status(value: str) -> Status:
    """What a `secondary_status` of an ad means."""
    return AD.get(value) or _not_known(value)


def ad_group_status(value: str) -> Status:
    """What a `secondary_status` of an ad group means."""
    return AD_GROUP.get(value) or _not_known(value)


def campaign_status(value: str) -> Status:
    """What a `secondary_status` of a campaign means."""
    return CAMPAIGN.get(value) or _not_known(value)


def _not_known(value: str) -> Status:
    meaning = f"is in a state that is not known here ({value})" if value else "comes without a status"
    return Status(value, StatusClass.UNKNOWN, meaning, _LOOK, None)


_APPEAL = "see TikTok Ads Manager, and appeal; or take another ad account"
_WAITING = "ads can be made, and may be shown only once TikTok has decided"

AD_ACCOUNT: Final = {
    one.value: one
    for one in (
        AccountStatus("STATUS_ENABLE", Usable.YES, "is approved", ""),
        AccountStatus("STATUS_PENDING_CONFIRM", Usable.IN_REVIEW, "is in review", _WAITING),
        AccountStatus("STATUS_PENDING_VERIFIED", Usable.IN_REVIEW, "has to be verified", _WAITING),
        AccountStatus("STATUS_PENDING_CONFIRM_MODIFY", Usable.IN_REVIEW, "has a change in review", _WAITING),
        AccountStatus("STATUS_WAIT_FOR_BPM_AUDIT", Usable.IN_REVIEW, "is in TikTok's own review", _WAITING),
        AccountStatus("STATUS_WAIT_FOR_PUBLIC_AUTH", Usable.IN_REVIEW, "waits for the check of its bank", _WAITING),
        AccountStatus(
            "STATUS_SELF_SERVICE_UNAUDITED", Usable.IN_REVIEW, "has documents that are not verified", _WAITING
        ),
        AccountStatus("STATUS_CONTRACT_PENDING", Usable.IN_REVIEW, "has a contract that is not in effect", _CONTRACT),
        AccountStatus("STATUS_CONFIRM_MODIFY_FAIL", Usable.IN_REVIEW, "had a change that was not approved", _APPEAL),
        AccountStatus("STATUS_CONFIRM_FAIL", Usable.NO, "was not approved", _APPEAL),
        AccountStatus("STATUS_CONFIRM_FAIL_END", Usable.NO, "was not approved", _APPEAL),
        AccountStatus("STATUS_LIMIT", Usable.NO, "is suspended", _APPEAL),
        AccountStatus("STATUS_DISABLE", Usable.NO, "is closed", "take another ad account"),
    )
}
"""By `status` of an ad account; only what is suspended, closed or not approved keeps its rows from being tried."""


def account_status(value: str) -> AccountStatus:
    """What a `status` of an ad account means."""
    return AD_ACCOUNT.get(value) or AccountStatus(value, Usable.UNKNOWN, _not_known(value).meaning, _LOOK)
