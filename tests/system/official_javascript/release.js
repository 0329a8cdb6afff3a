// A release with TikTok's own JavaScript SDK, by the task in the file it is given. Prints what the SDK got, as JSON.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import {
  AdApi,
  AdCreateBody,
  AdgroupApi,
  AdgroupCreateBody,
  ApiClient,
  AssetAssignBody,
  BCApi,
  CampaignCreateBody,
  CampaignCreationApi,
  FileApi,
  FilteringAdGet,
  IdentityApi,
} from "tiktok-business-api-sdk-official";

const task = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { token, bc_id, advertiser_id } = task;
ApiClient.instance.basePath = task.url;

/** The SDK calls back; this waits for it. */
function ask(api, method, ...parameters) {
  return new Promise((resolve, reject) => {
    api[method](...parameters, (error, answer) => (error ? reject(error) : resolve(answer.data)));
  });
}

/** The fields of an upload by file. */
function upload(kind, path) {
  const content = readFileSync(path);
  return {
    advertiser_id,
    upload_type: "UPLOAD_BY_FILE",
    file_name: basename(path),
    [`${kind}_file`]: content,
    [`${kind}_signature`]: createHash("md5").update(content).digest("hex"),
  };
}

const said = {};

const centers = new BCApi();
said.refused = await ask(centers, "bcGet", "wrong", {}).catch((error) => error.message);
said.centers = await ask(centers, "bcGet", token, {});
said.members = await ask(centers, "bcMemberGet", bc_id, token, { page: 1, page_size: 20 });
said.assets = await ask(centers, "bcAssetAdminGet", bc_id, "TT_ACCOUNT", token, { page_size: 50 });
await ask(centers, "bcAssetAssign", token, {
  body: AssetAssignBody.constructFromObject({
    bc_id,
    user_id: task.user_id,
    asset_type: "TT_ACCOUNT",
    asset_id: said.assets.list[0].asset_id,
    tt_account_roles: ["POST"],
  }),
});

const identities = new IdentityApi();
const held = { identity_authorized_bc_id: bc_id };
said.identities = await ask(identities, "identityGet", advertiser_id, token, { identity_type: "BC_AUTH_TT", ...held });
const { identity_type, identity_id } = said.identities.identity_list[0];
const post = [token, advertiser_id, identity_type, identity_id, task.item_id, held];
said.post = (await ask(identities, "identityVideoInfo", ...post)).video_detail;

const files = new FileApi();
[said.video] = await ask(files, "adVideoUpload", token, upload("video", task.video));
said.cover = await ask(files, "adImageUpload", token, upload("image", task.cover));
said.library = await ask(files, "adVideoInfo", advertiser_id, [said.video.video_id], token);

said.campaign = await ask(new CampaignCreationApi(), "campaignCreate", token, {
  body: CampaignCreateBody.constructFromObject({ advertiser_id, ...task.campaign }),
});
const { campaign_id } = said.campaign;
said.adgroup = await ask(new AdgroupApi(), "adgroupCreate", token, {
  body: AdgroupCreateBody.constructFromObject({ advertiser_id, campaign_id, ...task.adgroup }),
});
const { adgroup_id } = said.adgroup;

const ads = new AdApi();
const identity = { identity_type, identity_id, ...held };
const media = { video_id: said.video.video_id, image_ids: [said.cover.image_id] };
const creatives = [task.pull, task.photos, { ...task.push, ...media }].map((one) => ({ ...one, ...identity }));
said.created = await ask(ads, "adCreate", token, {
  body: AdCreateBody.constructFromObject({ advertiser_id, adgroup_id, creatives }),
});
said.ads = await ask(ads, "adGet", advertiser_id, token, {
  filtering: FilteringAdGet.constructFromObject({ adgroup_ids: [adgroup_id] }),
  fields: ["ad_id", "ad_name", "secondary_status", "tiktok_item_id"],
});

console.log(JSON.stringify(said));
