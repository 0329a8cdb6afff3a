"""The table of TikTok's statuses, against what its documentation says of each."""

from collections.abc import Callable, Mapping

import pytest

from tiktok import StatusClass, Usable, account_status, ad_group_status, ad_status
from tiktok.statuses import AD, AD_ACCOUNT, AD_GROUP, CAMPAIGN, Status, campaign_status

DEL, REV, REF = StatusClass.DELIVERING, StatusClass.IN_REVIEW, StatusClass.REFUSED
PER, ACC, LOST = StatusClass.SWITCHED_OFF, StatusClass.ACCOUNT_TROUBLE, StatusClass.ACCESS_LOST
SCH, END, GONE, UNK = StatusClass.SCHEDULED, StatusClass.OVER, StatusClass.DELETED, StatusClass.UNKNOWN

# Without the prefix of their kind; what begins with = is the whole value.
ADS = {
    DEL: "DELIVERY_OK PARTIAL_AUDIT_DELIVERY_OK REVIEW_PARTIALLY_APPROVED",
    REV: "AUDIT REAUDIT PARTIAL_AUDIT_NO_DELIVERY ADGROUP_PARTIAL_AUDIT_NO_DELIVERY PROCESS_AUDIO AD_PRE_ONLINE",
    REF: "AUDIT_DENY ADGROUP_AUDIT_DENY TRANSCODING_FAIL MUSIC_AUTHORIZATION_MISSING PROMOTE_AD_OFFLINE_AUDIT",
    PER: "DISABLE ADGROUP_DISABLE CAMPAIGN_DISABLE",
    ACC: "ADGROUP_INDUSTRY_QUALIFICATION_MISSING ADGROUP_INDUSTRY_QUALIFICATION_EXPIRED"
    " ADGROUP_INDUSTRY_QUALIFICATION_DENY AD_QUOTA_LIMIT BALANCE_EXCEED BUDGET_EXCEED CAMPAIGN_EXCEED"
    " ADVERTISER_AUDIT ADVERTISER_AUDIT_DENY =ADVERTISER_ACCOUNT_PUNISH =ADVERTISER_CONTRACT_PENDING"
    " =ADVERTISER_REAUDIT =ADVERTISER_ACCOUNT_BALANCE_EXCEED =ADGROUP_STATUS_FROZEN =AD_STAUS_PIXEL_UNBIND"
    " =CREATIVE_PAUSED_USED_IN_GMV_MAX",
    LOST: "ASSET_AUTHORIZATION_LOST ADGROUP_ASSET_AUTHORIZATION_LOST CREATOR_AUTHORIZATION_REVOKED",
    SCH: "NOT_START LIVE_OFFLINE",
    END: "DONE RF_ADGROUP_CLOSED PROMOTE_ADGROUP_CLOSED",
    GONE: "DELETE ADGROUP_DELETE CAMPAIGN_DELETE",
    UNK: "PRODUCT_UNAVAILABLE ANCHOR_UNAVAILABLE NO_AUTHORIZATION_OF_SHOWCASE CREATIVE_ANCHOR_UNAVAILABLE"
    " CREATIVE_PRODUCT_ALL_REJECTED SHOWCASE_AUTHORIZATION_LOST =PRODUCT_ANCHOR_UNAVAILABLE =NO_AVAILABLE_PRODUCTS"
    " =MATERIAL_DELETE =MATERIAL_DISABLE =MATERIAL_AUDIT =MATERIAL_AUDIT_DENY =MATERIAL_AUDIT_PARTIAL_APPROVED"
    " =MATERIAL_DELIVERY_OK",
}
AD_GROUPS = {
    DEL: "DELIVERY_OK PARTIAL_AUDIT_DELIVERY_OK REVIEW_PARTIALLY_APPROVED SHADOW_ADGROUP_REAUDIT"
    " SEARCH_KEYWORDS_PARTIAL_APPROVED",
    REV: "AUDIT REAUDIT PARTIAL_AUDIT_NO_DELIVERY ADGROUP_PRE_ONLINE SEARCH_KEYWORDS_IN_REVIEW",
    REF: "AUDIT_DENY TRANSCODING_FAIL SEARCH_KEYWORDS_NOT_AVAILABLE RF_NO_DELIVERY_CREATIVE RF_NO_VALID_CREATIVE"
    " RF_AD_AUDIT_DENY PROMOTE_AD_NOT_APPROVED",
    PER: "DISABLE CAMPAIGN_DISABLE",
    ACC: "INDUSTRY_QUALIFICATION_MISSING INDUSTRY_QUALIFICATION_EXPIRED INDUSTRY_QUALIFICATION_DENY"
    " ADGROUP_QUOTA_LIMIT BALANCE_EXCEED BUDGET_EXCEED CAMPAIGN_EXCEED ADVERTISER_AUDIT ADVERTISER_AUDIT_DENY FROZEN"
    " PIXEL_UNBIND IDENTITY_USED_BY_GMV_MAX_AD RF_SHORT_BALANCE RF_DEDUCTION_FAILED =ADVERTISER_ACCOUNT_PUNISH"
    " =ADVERTISER_CONTRACT_PENDING =ADVERTISER_REAUDIT =ADVERTISER_ACCOUNT_BALANCE_EXCEED =ADVERTISER_ACCOUNT_INVALID",
    LOST: "ASSET_AUTHORIZATION_LOST",
    SCH: "CREATE NOT_START LIVE_NOT_START RF_BOOKING RF_SCHEDULE",
    END: "TIME_DONE RF_TERMINATE RF_TIME_DONE RF_CLOSED_OTHERS RF_WITHDRAW_ORDER PROMOTE_WITHDRAW_ORDER",
    GONE: "DELETE CAMPAIGN_DELETE",
    UNK: "RF_ADGROUP_INVALID",
}
CAMPAIGNS = {
    DEL: "ENABLE",
    REF: "REVIEW_DISAPPROVED",
    PER: "DISABLE AWAITING_RELEASE LIVE_GMV_MAX_AUTHORIZATION_CANCEL PRODUCT_GMV_MAX_AUTHORIZATION_CANCEL"
    " IDENTITY_USED_BY_LIVE_GMV_MAX PRODUCT_USED_BY_PRODUCT_GMV_MAX",
    ACC: "TTS_ACCOUNT_BALANCE_INSUFFICIENT BUDGET_EXCEED ADVERTISER_AUDIT ADVERTISER_AUDIT_DENY"
    " IDENTITY_USED_BY_GMV_MAX_AD TTS_TT_ASSET_UNAVAILABLE TIKTOK_SHOP_UNAVAILABLE =ADVERTISER_ACCOUNT_PUNISH"
    " =ADVERTISER_CONTRACT_PENDING =ADVERTISER_REAUDIT =ADVERTISER_ACCOUNT_BALANCE_EXCEED",
    LOST: "TTS_TT_IDENTITY_UNAVAILABLE",
    GONE: "DELETE",
    UNK: "PRODUCT_UNAVAILABLE AD_UNAVAILABLE",
}
NO_WORD_NEEDED = {DEL, REV, SCH, END, GONE}


@pytest.mark.parametrize(
    ("prefix", "documented", "table"),
    [("AD_STATUS_", ADS, AD), ("ADGROUP_STATUS_", AD_GROUPS, AD_GROUP), ("CAMPAIGN_STATUS_", CAMPAIGNS, CAMPAIGN)],
)
def test_every_documented_status_has_its_class_and_no_other_is_there(
    prefix: str, documented: Mapping[StatusClass, str], table: Mapping[str, Status]
) -> None:
    expected = {
        value[1:] if value.startswith("=") else prefix + value: its_class
        for its_class, values in documented.items()
        for value in values.split()
    }
    assert {value: status.status_class for value, status in table.items()} == expected
    assert all(value == status.value and status.meaning and status.source for value, status in table.items())


@pytest.mark.parametrize("table", [AD, AD_GROUP, CAMPAIGN])
def test_what_does_not_pass_by_itself_says_what_to_do(table: Mapping[str, Status]) -> None:
    silent = [one.value for one in table.values() if one.status_class not in NO_WORD_NEEDED and not one.to_do]
    assert silent == []


@pytest.mark.parametrize("meaning_of", [ad_status, ad_group_status, campaign_status])
@pytest.mark.parametrize("value", ["AD_STATUS_OF_TOMORROW", "AD_STATUS_ALL", "STATUS_NOT_DELETE", "delivery_ok", ""])
def test_an_unknown_status_is_shown_and_proves_nothing(meaning_of: Callable[[str], Status], value: str) -> None:
    status = meaning_of(value)
    assert status.status_class is UNK
    assert status.to_do
    assert value in status.meaning
    assert "()" not in status.meaning
    assert not status.is_review_over


def test_only_delivery_and_an_end_prove_that_review_is_over() -> None:
    # A balance, a budget or a switch may hide a review that goes on.
    assert {one.status_class for one in AD.values() if one.is_review_over} == {DEL, END}


ACCOUNTS = {
    Usable.YES: "ENABLE",
    Usable.IN_REVIEW: "PENDING_CONFIRM PENDING_VERIFIED PENDING_CONFIRM_MODIFY WAIT_FOR_BPM_AUDIT WAIT_FOR_PUBLIC_AUTH"
    " SELF_SERVICE_UNAUDITED CONTRACT_PENDING CONFIRM_MODIFY_FAIL",
    Usable.NO: "LIMIT DISABLE CONFIRM_FAIL CONFIRM_FAIL_END",
}


def test_only_suspended_closed_and_unapproved_ad_accounts_block_their_rows() -> None:
    expected = {f"STATUS_{value}": usable for usable, values in ACCOUNTS.items() for value in values.split()}
    assert {value: status.usable for value, status in AD_ACCOUNT.items()} == expected
    assert all(bool(status.to_do) is (status.usable is not Usable.YES) for status in AD_ACCOUNT.values())


@pytest.mark.parametrize("value", ["STATUS_OF_TOMORROW", "SHOW_ACCOUNT_STATUS_APPROVED", ""])
def test_an_unknown_state_of_an_ad_account_is_shown(value: str) -> None:
    status = account_status(value)
    assert (status.usable, bool(status.to_do)) == (Usable.UNKNOWN, True)
    assert value in status.meaning
    assert "()" not in status.meaning
