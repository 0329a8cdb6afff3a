"""A release with TikTok-Business-API, by the task in the file it is given. Prints what the client got, as JSON.

Run by a virtual environment of its own: the client's package is called `tiktok`, as one of this project's is.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tiktok.business.client import TikTokBusinessClient

task: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
TikTokBusinessClient.BUISNESS_URL = f"{task['url']}/open_api"  # so spelt
client = TikTokBusinessClient(task["token"], task["advertiser_id"])


def data(answer: dict[str, Any]) -> Any:
    """What an answer holds; the client hands refusals on as they come."""
    if answer["code"] != 0:
        sys.exit(json.dumps(answer, default=str))
    return answer["data"]


def read(path: str, **parameters: Any) -> Any:
    """A read that the client has no method for, or one that fails: it wants pages of answers that have none."""
    return data(client.get(client.build_url(client.base_url, path), parameters))


said: dict[str, Any] = {}

stranger = TikTokBusinessClient("wrong", task["advertiser_id"])
said["refused"] = stranger.campaign.get_campaigns()
bc_id = task["bc_id"]
said["centers"] = read("bc/get")
said["members"] = read("bc/member/get", bc_id=bc_id, page_size=20)
said["assets"] = read("bc/asset/admin/get", bc_id=bc_id, asset_type="TT_ACCOUNT", page_size=50)

held = {"identity_type": "BC_AUTH_TT", "identity_authorized_bc_id": bc_id}
said["identities"] = data(client.identity.get_identities({**held, "page_size": 100}))
identity = {**held, "identity_id": said["identities"]["identity_list"][0]["identity_id"]}
said["post"] = read("identity/video/info", **identity, item_id=task["item_id"])["video_detail"]

(said["video"],) = data(client.creative.video.upload_file(task["video"]))
said["cover"] = data(client.creative.image.upload_file(task["cover"]))

said["campaign"] = data(client.campaign.create_campaign(task["campaign"]))
campaign = {"campaign_id": said["campaign"]["campaign_id"]}
said["adgroup"] = data(client.ad_group.create_ad_group({**campaign, **task["adgroup"]}))
adgroup = {"adgroup_id": said["adgroup"]["adgroup_id"]}
media = {"video_id": said["video"]["video_id"], "image_ids": [said["cover"]["image_id"]]}
for creative in (task["pull"], task["photos"], {**task["push"], **media}):
    data(client.ad.create_ad({**adgroup, "creatives": [{**creative, **identity}]}))

said["ads"] = data(client.ad.get_ads({"filtering": {"adgroup_ids": [adgroup["adgroup_id"]]}}))
ad_ids = [ad["ad_id"] for ad in said["ads"]["list"]]
said["reviews"] = read("ad/review_info", ad_ids=ad_ids)["ad_review_map"]
# Above 20 MiB the client sends a file in pieces.
(said["large"],) = data(client.creative.video.upload_file(sys.argv[2]))
said["paused"] = data(client.ad.disable_ads(ad_ids[:1]))

sys.stdout.write(json.dumps(said))
