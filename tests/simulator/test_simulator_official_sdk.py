"""TikTok's own Python SDK, unchanged but for its host, works against the simulator."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from simulator_api import ADVERTISER, BC, HANDLE, MEMBER, TOKEN, Api


class Sdk:
    """The SDK's classes bound to one host, as its users bind them."""

    def __init__(self, host: str) -> None:
        import business_api_client as sdk  # noqa: PLC0415 - it warns while being imported

        configuration = sdk.Configuration()
        configuration.host = host
        self.models = sdk
        self.client = sdk.ApiClient(configuration)

    def read(self) -> dict[str, Any]:
        centers = self.models.BCApi(self.client)
        identities = self.models.IdentityApi(self.client)
        return {
            "centers": centers.bc_get(TOKEN)["data"],
            "members": centers.bc_member_get(BC, TOKEN, filtering={"user_role": "ADMIN"})["data"],
            "assets": centers.bc_asset_admin_get(BC, "TT_ACCOUNT", TOKEN, page_size=50)["data"],
            "identities": identities.identity_get(
                ADVERTISER, TOKEN, identity_type="BC_AUTH_TT", identity_authorized_bc_id=BC
            )["data"],
        }

    def share(self, asset_id: str) -> None:
        body = {
            "bc_id": BC,
            "user_id": MEMBER,
            "asset_type": "TT_ACCOUNT",
            "asset_id": asset_id,
            "tt_account_roles": ["POST"],
        }
        self.models.BCApi(self.client).bc_asset_assign(TOKEN, body=body)

    def promote(self, identity: dict[str, Any], media: dict[str, Any]) -> list[dict[str, Any]]:
        models = self.models
        campaign = models.CampaignCreationApi(self.client).campaign_create(
            TOKEN,
            body=models.CampaignCreateBody(
                advertiser_id=ADVERTISER,
                campaign_name="release",
                objective_type="REACH",
                budget_mode="BUDGET_MODE_INFINITE",
                request_id="1",
            ),
        )
        group = models.AdgroupApi(self.client).adgroup_create(
            TOKEN,
            body=models.AdgroupCreateBody(
                advertiser_id=ADVERTISER,
                campaign_id=campaign["data"]["campaign_id"],
                adgroup_name="group",
                placements=["PLACEMENT_TIKTOK"],
                location_ids=["6252001"],
                budget_mode="BUDGET_MODE_DAY",
                budget=50.0,
                schedule_type="SCHEDULE_FROM_NOW",
                schedule_start_time=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
                optimization_goal="REACH",
                billing_event="CPM",
                pacing="PACING_MODE_SMOOTH",
            ),
        )
        ads = models.AdApi(self.client)
        ads.ad_create(
            TOKEN,
            body=models.AdCreateBody(
                advertiser_id=ADVERTISER,
                adgroup_id=group["data"]["adgroup_id"],
                creatives=[
                    models.AdcreateCreatives(
                        ad_name="push by the SDK",
                        ad_format="SINGLE_VIDEO",
                        ad_text="out now",
                        call_to_action="LISTEN_NOW",
                        dark_post_status="OFF",
                        identity_type="BC_AUTH_TT",
                        identity_id=identity["identity_id"],
                        identity_authorized_bc_id=BC,
                        video_id=media["video_id"],
                        image_ids=media["image_ids"],
                    )
                ],
            ),
        )
        filtering = models.FilteringAdGet(adgroup_ids=[group["data"]["adgroup_id"]])
        listed = ads.ad_get(ADVERTISER, TOKEN, filtering=filtering, fields=["ad_name", "tiktok_item_id"])
        rows: list[dict[str, Any]] = listed["data"]["list"]
        return rows

    def refused(self) -> str:
        try:
            self.models.BCApi(self.client).bc_get("wrong")
        except Exception as error:  # noqa: BLE001 - the SDK raises a class it does not export
            return str(error)
        return ""


async def test_the_official_sdk(api: Api) -> None:  # R1
    identity = await api.linked()
    media = await api.push_media()
    sdk = await asyncio.to_thread(Sdk, api.url)
    seen = await asyncio.to_thread(sdk.read)
    assert seen["centers"]["list"][0]["bc_info"]["bc_id"] == BC
    assert [one["user_name"] for one in seen["members"]["list"]] == ["Ada"]
    (asset,) = seen["assets"]["list"]
    assert asset["tt_asset_handle"] == HANDLE
    assert seen["identities"]["identity_list"][0]["identity_id"] == identity["identity_id"]
    await asyncio.to_thread(sdk.share, asset["asset_id"])
    (ad,) = await asyncio.to_thread(sdk.promote, identity, media)
    assert ad["ad_name"] == "push by the SDK"
    assert "40105" in await asyncio.to_thread(sdk.refused)
    state = await api.until(lambda state: state["ads"][0]["tiktok_item_id"])
    assert state["member_grants"][0]["user_id"] == MEMBER
    assert state["accounts"][0]["posts"][-1]["visible"] == "profile"
