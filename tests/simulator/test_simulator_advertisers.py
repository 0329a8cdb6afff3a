"""Ad accounts: what is told of them, and what follows from their state."""

from typing import Any

import pytest
from simulator_api import ADVERTISER, BC, OTHER_TOKEN, SECOND_ADVERTISER, Api, adgroup_fields, pull

from simulator.endpoints.advertisers import posix_zone

GONE = f"The advertiser {ADVERTISER} doesn't exist or has been deleted."


async def info(api: Api, advertiser_id: str = ADVERTISER, **query: Any) -> dict[str, Any]:
    answer = await api.get("/advertiser/info/", advertiser_ids=[advertiser_id], **query)
    assert answer.code == 0, answer
    return dict(answer.data["list"][0])


async def test_who_an_ad_account_is(api: Api) -> None:
    await api.control(
        f"/advertisers/{ADVERTISER}", currency="JPY", timezone="America/Los_Angeles", country="JP", balance=250
    )
    row = await info(api)
    assert (row["name"], row["status"], row["currency"], row["country"]) == ("Releases", "STATUS_ENABLE", "JPY", "JP")
    assert (row["timezone"], row["display_timezone"]) == ("Etc/GMT+8", "America/Los_Angeles")
    assert (row["balance"], row["owner_bc_id"], row["ads_only_mode"]) == (250, BC, False)
    assert (row["address"], row["email"], row["rejection_reason"]) == (None, None, "")
    # Only admins of the Business Center that owns it are told which one that is.
    assert (await info(api.as_token(OTHER_TOKEN), SECOND_ADVERTISER))["owner_bc_id"] is None
    unknown = await api.get("/advertiser/info/", advertiser_ids=[ADVERTISER], fields=["name", "mood"])
    assert (unknown.code, unknown.message.split(";")[0]) == (40002, "Invalid value of 'fields': mood")
    alone = await api.get("/advertiser/info/", advertiser_ids=[ADVERTISER], fields=["name", "company_name_editable"])
    assert alone.code == 40002
    assert (await api.get("/advertiser/info/", advertiser_ids=[ADVERTISER] * 101)).code == 40002


def test_zones_have_the_sign_of_posix() -> None:
    summer = 1_782_864_000.0
    zones = ("Pacific/Auckland", "America/New_York", "Europe/London", "Asia/Kolkata", "UTC")
    assert [posix_zone(name, summer) for name in zones] == [
        "Etc/GMT-12",
        "Etc/GMT+5",
        "Etc/GMT",
        "Asia/Kolkata",
        "Etc/GMT",
    ]


async def test_balances_of_a_business_center(api: Api) -> None:
    await api.control(f"/advertisers/{SECOND_ADVERTISER}", status="STATUS_LIMIT", balance=7.5)
    everything = await api.get("/advertiser/balance/get/", bc_id=BC)
    rows = {one["advertiser_id"]: one for one in everything.data["advertiser_account_list"]}
    assert rows[SECOND_ADVERTISER]["valid_account_balance"] == 7.5
    assert "transferable_amount" not in rows[SECOND_ADVERTISER]
    punished = {"advertiser_status": ["SHOW_ACCOUNT_STATUS_PUNISHED"]}
    (row,) = (await api.get("/advertiser/balance/get/", bc_id=BC, filtering=punished)).data["advertiser_account_list"]
    assert (row["advertiser_id"], row["transferable_amount"]) == (SECOND_ADVERTISER, 7.5)
    assets = await api.get("/bc/asset/admin/get/", bc_id=BC, asset_type="ADVERTISER")
    assert [one["advertiser_status"] for one in assets.data["list"]] == ["STATUS_ENABLE", "STATUS_LIMIT"]


@pytest.mark.parametrize(
    ("status", "ads", "campaign", "creates"),
    [
        ("STATUS_LIMIT", "ADVERTISER_ACCOUNT_PUNISH", "ADVERTISER_ACCOUNT_PUNISH", 40002),
        ("STATUS_DISABLE", "ADVERTISER_ACCOUNT_PUNISH", "ADVERTISER_ACCOUNT_PUNISH", 40002),
        ("STATUS_CONFIRM_FAIL", "AD_STATUS_ADVERTISER_AUDIT_DENY", "CAMPAIGN_STATUS_ADVERTISER_AUDIT_DENY", 40002),
        ("STATUS_PENDING_CONFIRM", "AD_STATUS_ADVERTISER_AUDIT", "CAMPAIGN_STATUS_ADVERTISER_AUDIT", 0),
        ("STATUS_CONTRACT_PENDING", "ADVERTISER_CONTRACT_PENDING", "ADVERTISER_CONTRACT_PENDING", 0),
        ("STATUS_PENDING_CONFIRM_MODIFY", "ADVERTISER_REAUDIT", "ADVERTISER_REAUDIT", 0),
    ],
)
async def test_what_follows_from_the_state_of_an_ad_account(
    api: Api, status: str, ads: str, campaign: str, creates: int
) -> None:
    identity, group = await api.linked(), await api.adgroup()
    await api.create(group, pull(identity))
    await api.control(f"/advertisers/{ADVERTISER}", status=status)
    assert (await info(api))["status"] == status
    assert [ad["secondary_status"] for ad in await api.ads(primary_status="STATUS_NOT_DELIVERY")] == [ads]
    shown = await api.get("/campaign/get/", advertiser_id=ADVERTISER)
    assert shown.data["list"][0]["secondary_status"] == campaign
    assert (await api.create(group, pull(identity))).code == creates
    assert (await api.post("/campaign/create/", **campaign_body("new"))).code == creates
    body = {**adgroup_fields(), "adgroup_name": "new", "campaign_id": shown.data["list"][0]["campaign_id"]}
    assert (await api.post("/adgroup/create/", **body)).code == creates
    await api.control("/config", suspended_code=40001)
    assert (await api.create(group, pull(identity))).code == (40001 if creates else 0)
    await api.control("/config", suspended_code=0)
    assert (await api.create(group, pull(identity))).code == 0
    await api.control(f"/advertisers/{ADVERTISER}", status="STATUS_ENABLE")
    assert {ad["secondary_status"] for ad in await api.ads()} == {"AD_STATUS_DELIVERY_OK"}


def campaign_body(name: str) -> dict[str, Any]:
    return {
        "advertiser_id": ADVERTISER,
        "objective_type": "REACH",
        "campaign_name": name,
        "budget_mode": "BUDGET_MODE_INFINITE",
    }


async def test_ads_stop_when_the_money_is_gone(api: Api) -> None:
    identity, group = await api.linked(), await api.adgroup()
    await api.create(group, pull(identity))
    await api.control(f"/advertisers/{ADVERTISER}", balance=0)
    assert [ad["secondary_status"] for ad in await api.ads()] == ["AD_STATUS_BALANCE_EXCEED"]
    groups = await api.get("/adgroup/get/", advertiser_id=ADVERTISER)
    assert groups.data["list"][0]["secondary_status"] == "ADGROUP_STATUS_BALANCE_EXCEED"
    await api.control("/config", empty_balance="delivers")
    assert [ad["secondary_status"] for ad in await api.ads()] == ["AD_STATUS_DELIVERY_OK"]


@pytest.mark.parametrize(("hides", "status"), [(True, "AD_STATUS_BALANCE_EXCEED"), (False, "AD_STATUS_AUDIT")])
async def test_whether_trouble_hides_a_review(api: Api, hides: bool, status: str) -> None:  # noqa: FBT001 - a reading
    await api.control("/config", trouble_hides_review=hides)
    await api.control("/clock", review_seconds=60)
    await api.control(f"/advertisers/{ADVERTISER}", balance=0)
    await api.create(await api.adgroup(), pull(await api.linked()))
    assert [ad["secondary_status"] for ad in await api.ads()] == [status]


async def test_a_deleted_ad_account_is_gone_for_all_calls(api: Api) -> None:
    app = {"app_id": "7100000000000000001", "secret": "app-secret"}
    await api.control(f"/advertisers/{ADVERTISER}", deleted=True)
    for path in ("/campaign/get/", "/identity/get/", "/adgroup/quota/"):
        answer = await api.get(path, advertiser_id=ADVERTISER)
        assert (answer.code, answer.message) == (40300, GONE)
    refused = await api.get("/advertiser/info/", advertiser_ids=[SECOND_ADVERTISER, ADVERTISER])
    assert (refused.code, refused.message) == (40300, GONE)
    assert (await api.post("/campaign/create/", **campaign_body("x"))).code == 40300
    mine = await api.get("/oauth2/advertiser/get/", **app)
    assert [one["advertiser_id"] for one in mine.data["list"]] == [SECOND_ADVERTISER]
    assets = await api.get("/bc/asset/admin/get/", bc_id=BC, asset_type="ADVERTISER")
    assert [one["asset_id"] for one in assets.data["list"]] == [SECOND_ADVERTISER]


async def test_one_ad_account_grants_no_permission_for_a_path(api: Api) -> None:
    await api.control(f"/advertisers/{ADVERTISER}", denied=["/campaign/create/", "/ad/get/", "/file/image/ad/upload/"])
    refused = await api.post("/campaign/create/", **campaign_body("x"))
    assert (refused.code, refused.message) == (
        40001,
        "advertiser does not grant you /campaign/create/:POST permission",
    )
    listing = await api.get("/ad/get/", advertiser_id=ADVERTISER)
    assert listing.message == "advertiser does not grant you /ad/get/:GET permission"
    form = {"advertiser_id": ADVERTISER, "upload_type": "UPLOAD_BY_FILE"}
    assert (await api.upload("/file/image/ad/upload/", form)).code == 40001
    elsewhere = {**campaign_body("x"), "advertiser_id": SECOND_ADVERTISER}
    assert (await api.post("/campaign/create/", **elsewhere)).code == 0
    assert (await api.get("/campaign/get/", advertiser_id=ADVERTISER)).code == 0
    await api.control(f"/advertisers/{ADVERTISER}", denied=[])
    assert (await api.post("/campaign/create/", **campaign_body("x"))).code == 0


async def test_control_knows_ad_accounts_and_their_states(api: Api) -> None:
    for path, body, status in (
        ("/advertisers/1", {"balance": 0}, 404),
        (f"/advertisers/{ADVERTISER}", {"status": "STATUS_HAPPY"}, 400),
        (f"/advertisers/{ADVERTISER}", {"timezone": "Mars/Olympus"}, 400),
    ):
        async with api.session.post(f"{api.url}/control{path}", json=body) as response:
            assert response.status == status


async def test_reports_are_text_and_only_of_what_delivers(api: Api) -> None:
    identity, group = await api.linked(), await api.adgroup()
    delivering = (await api.create(group, pull(identity))).data["ad_ids"]
    await api.create(group, pull(identity, operation_status="DISABLE"))
    query = {
        "advertiser_id": ADVERTISER,
        "report_type": "BASIC",
        "data_level": "AUCTION_AD",
        "dimensions": ["ad_id"],
        "metrics": ["spend", "clicks"],
    }
    assert (await api.get("/report/integrated/get/", **query)).code == 40002
    answer = await api.get("/report/integrated/get/", **query, query_lifetime=True)
    assert answer.data["list"] == [
        {"dimensions": {"ad_id": delivering[0]}, "metrics": {"spend": "0", "clicks": "0"}},
    ]
