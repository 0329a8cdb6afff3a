"""Statuses of ads, ad groups and campaigns: each documented one can be shown, and is found by its primary status."""

from typing import Any

import pytest
from simulator_api import ADVERTISER, HANDLE, Api, pull, push

from simulator.statuses import PRIMARY, UNFILTERABLE, Kind

PATHS: dict[Kind, tuple[str, str]] = {
    "AD": ("ad", "ads"),
    "ADGROUP": ("adgroup", "adgroups"),
    "CAMPAIGN": ("campaign", "campaigns"),
}


async def listed(api: Api, kind: Kind, **filtering: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"/{PATHS[kind][0]}/get/", advertiser_id=ADVERTISER, filtering=filtering)
    assert answer.code == 0, answer
    return list(answer.data["list"])


async def one_of_each(api: Api) -> dict[Kind, str]:
    group = await api.adgroup()
    made = await api.create(group, pull(await api.linked()))
    campaign = (await listed(api, "CAMPAIGN"))[0]["campaign_id"]
    return {"AD": made.data["ad_ids"][0], "ADGROUP": group, "CAMPAIGN": campaign}


@pytest.mark.parametrize("kind", PATHS)
async def test_every_documented_status_can_be_shown(api: Api, kind: Kind) -> None:
    key = (await one_of_each(api))[kind]
    for status, primary in PRIMARY[kind].items():
        await api.control(f"/{PATHS[kind][1]}/{key}", secondary_status=status)
        (row,) = await listed(api, kind, primary_status=primary)
        assert row["secondary_status"] == status
        if status in UNFILTERABLE:
            asked = {"advertiser_id": ADVERTISER, "filtering": {"secondary_status": status}}
            assert (await api.get(f"/{PATHS[kind][0]}/get/", **asked)).code == 40002
        else:
            assert len(await listed(api, kind, secondary_status=status)) == 1
        elsewhere = "STATUS_DISABLE" if primary != "STATUS_DISABLE" else "STATUS_DELIVERY_OK"
        assert await listed(api, kind, primary_status=elsewhere) == []
    await api.control(f"/{PATHS[kind][1]}/{key}", secondary_status=None)
    (row,) = await listed(api, kind, primary_status="STATUS_DELIVERY_OK")
    assert row["secondary_status"] in {f"{kind}_STATUS_DELIVERY_OK", "CAMPAIGN_STATUS_ENABLE"}


async def test_a_status_that_nobody_documents(api: Api) -> None:
    ad_id = (await one_of_each(api))["AD"]
    await api.control(f"/ads/{ad_id}", secondary_status="AD_STATUS_OF_TOMORROW")
    (row,) = await listed(api, "AD", primary_status="STATUS_NOT_DELIVERY")
    assert row["secondary_status"] == "AD_STATUS_OF_TOMORROW"
    refused = {"advertiser_id": ADVERTISER, "filtering": {"secondary_status": "AD_STATUS_OF_TOMORROW"}}
    assert (await api.get("/ad/get/", **refused)).code == 40002
    for path, body in ((f"/ads/{ad_id}", {}), ("/ads/1", {"secondary_status": None})):
        async with api.session.post(f"{api.url}/control{path}", json=body) as response:
            assert response.status == (404 if body else 400)


async def test_deletion_is_shown_whatever_was_forced(api: Api) -> None:
    made = await one_of_each(api)
    await api.control(f"/ads/{made['AD']}", secondary_status="AD_STATUS_AUDIT")
    change = {"advertiser_id": ADVERTISER, "operation_status": "DELETE"}
    await api.post("/ad/status/update/", **change, ad_ids=[made["AD"]])
    assert await listed(api, "AD") == []
    (row,) = await listed(api, "AD", secondary_status="AD_STATUS_DELETE")
    assert row["secondary_status"] == "AD_STATUS_DELETE"


async def test_filters_that_include_what_was_deleted(api: Api) -> None:
    made = await one_of_each(api)
    change = {"advertiser_id": ADVERTISER, "operation_status": "DELETE"}
    await api.post("/campaign/status/update/", **change, campaign_ids=[made["CAMPAIGN"]])
    for kind in PATHS:
        assert len(await listed(api, kind, secondary_status=f"{kind}_STATUS_ALL")) == 1
        assert len(await listed(api, kind, primary_status="STATUS_ALL")) == 1
        assert await listed(api, kind, secondary_status=f"{kind}_STATUS_NOT_DELETE") == []
    # Without a wish: the page of campaigns promises nothing, those of ad groups and ads do.
    assert (await listed(api, "AD"), await listed(api, "ADGROUP")) == ([], [])
    assert len(await listed(api, "CAMPAIGN")) == 1
    await api.control("/config", unstated_campaigns="not_deleted")
    assert await listed(api, "CAMPAIGN") == []


async def test_what_is_frozen_stays_so(api: Api) -> None:
    made = await one_of_each(api)
    await api.control(f"/adgroups/{made['ADGROUP']}", secondary_status="ADGROUP_STATUS_FROZEN")
    (row,) = await listed(api, "ADGROUP", primary_status="STATUS_FROZEN")
    assert row["operation_status"] == "FROZEN"
    enable = {"advertiser_id": ADVERTISER, "adgroup_ids": [made["ADGROUP"]], "operation_status": "ENABLE"}
    assert "frozen" in (await api.post("/adgroup/status/update/", **enable)).message


async def test_an_ad_group_says_how_the_review_of_its_ads_goes(api: Api) -> None:
    identity, group = await api.linked(), await api.adgroup()

    async def status() -> str:
        return str((await listed(api, "ADGROUP"))[0]["secondary_status"])

    assert await status() == "ADGROUP_STATUS_CREATE"
    await api.create(group, pull(identity, "7500000000000000004"))
    assert await status() == "ADGROUP_STATUS_AUDIT_DENY"
    await api.create(group, pull(identity))
    assert await status() == "ADGROUP_STATUS_REVIEW_PARTIALLY_APPROVED"
    await api.control("/clock", review_seconds=60)
    await api.create(group, pull(identity))
    assert await status() == "ADGROUP_STATUS_PARTIAL_AUDIT_DELIVERY_OK"
    other = await api.adgroup("other")
    await api.create(other, pull(identity))
    assert await status() == "ADGROUP_STATUS_AUDIT"


async def test_review_info_is_no_verdict(api: Api) -> None:
    identity, group = await api.linked(), await api.adgroup()
    await api.control("/clock", review_seconds=60)
    (ad_id,) = (await api.create(group, pull(identity))).data["ad_ids"]

    async def review() -> dict[str, Any]:
        answer = await api.get("/ad/review_info/", advertiser_id=ADVERTISER, ad_ids=[ad_id])
        return dict(answer.data["ad_review_map"][ad_id])

    early = await review()
    assert (await api.ads())[0]["secondary_status"] == "AD_STATUS_AUDIT"
    assert (early["is_approved"], early["review_status"]) == (True, "ALL_AVAILABLE")
    assert (early["appeal_status"], early["last_audit_time"]) == (None, None)
    await api.control("/config", early_approval=False)
    late = await review()
    assert (late["is_approved"], late["review_status"]) == (False, "UNAVAILABLE")


async def test_a_push_may_never_name_its_post(api: Api) -> None:
    await api.control("/config", push_post_ids="never")
    identity = await api.linked()
    await api.create(await api.adgroup(), push(identity, await api.push_media()))
    (ad,) = await api.ads()
    assert (ad["secondary_status"], ad["tiktok_item_id"]) == ("AD_STATUS_DELIVERY_OK", None)
    post = (await api.state())["accounts"][0]["posts"][-1]
    assert (post["handle"], post["origin"]) == (HANDLE, "ad")
