"""A release with TikTok's own Python SDK, by the task in the file it is given. Prints what the SDK got, as JSON."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import business_api_client as sdk

task: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
token, bc_id, advertiser_id = task["token"], task["bc_id"], task["advertiser_id"]
configuration = sdk.Configuration()
configuration.host = task["url"]
client = sdk.ApiClient(configuration)


def upload(kind: str, path: str) -> dict[str, str]:
    """The fields of an upload by file."""
    content = Path(path).read_bytes()
    return {
        "advertiser_id": advertiser_id,
        "upload_type": "UPLOAD_BY_FILE",
        "file_name": Path(path).name,
        f"{kind}_file": path,
        f"{kind}_signature": hashlib.md5(content, usedforsecurity=False).hexdigest(),
    }


def refused() -> str:
    """What the SDK says to a wrong token."""
    try:
        sdk.BCApi(client).bc_get("wrong")
    except Exception as error:  # noqa: BLE001 - the SDK raises a class it does not export
        return str(error)
    return ""


said: dict[str, Any] = {"refused": refused()}

centers = sdk.BCApi(client)
said["centers"] = centers.bc_get(token)["data"]
said["members"] = centers.bc_member_get(bc_id, token, page=1, page_size=20)["data"]
said["assets"] = centers.bc_asset_admin_get(bc_id, "TT_ACCOUNT", token, page_size=50)["data"]
centers.bc_asset_assign(
    token,
    body=sdk.AssetAssignBody(
        bc_id=bc_id,
        user_id=task["user_id"],
        asset_type="TT_ACCOUNT",
        asset_id=said["assets"]["list"][0]["asset_id"],
        tt_account_roles=["POST"],
    ),
)

identities = sdk.IdentityApi(client)
held = {"identity_authorized_bc_id": bc_id}
said["identities"] = identities.identity_get(advertiser_id, token, identity_type="BC_AUTH_TT", **held)["data"]
identity = {name: said["identities"]["identity_list"][0][name] for name in ("identity_type", "identity_id")}
post = identities.identity_video_info(token, advertiser_id, *identity.values(), task["item_id"], **held)
said["post"] = post["data"]["video_detail"]

files = sdk.FileApi(client)
(said["video"],) = files.ad_video_upload(token, **upload("video", task["video"]))["data"]
said["cover"] = files.ad_image_upload(token, **upload("image", task["cover"]))["data"]
said["library"] = files.ad_video_info(advertiser_id, [said["video"]["video_id"]], token)["data"]

campaign = sdk.CampaignCreateBody(advertiser_id=advertiser_id, **task["campaign"])
said["campaign"] = sdk.CampaignCreationApi(client).campaign_create(token, body=campaign)["data"]
adgroup = sdk.AdgroupCreateBody(
    advertiser_id=advertiser_id, campaign_id=said["campaign"]["campaign_id"], **task["adgroup"]
)
said["adgroup"] = sdk.AdgroupApi(client).adgroup_create(token, body=adgroup)["data"]
adgroup_id = said["adgroup"]["adgroup_id"]

ads = sdk.AdApi(client)
media = {"video_id": said["video"]["video_id"], "image_ids": [said["cover"]["image_id"]]}
creatives = [
    sdk.AdcreateCreatives(**identity, **held, **creative)
    for creative in (task["pull"], task["photos"], {**task["push"], **media})
]
body = sdk.AdCreateBody(advertiser_id=advertiser_id, adgroup_id=adgroup_id, creatives=creatives)
said["created"] = ads.ad_create(token, body=body)["data"]
said["ads"] = ads.ad_get(
    advertiser_id,
    token,
    filtering=sdk.FilteringAdGet(adgroup_ids=[adgroup_id]),
    fields=["ad_id", "ad_name", "secondary_status", "tiktok_item_id"],
)["data"]

sys.stdout.write(json.dumps(said))
