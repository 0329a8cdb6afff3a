"""The floor: a plain script. Batches of 20, an intent in Postgres for each, four ad accounts at a time."""

import asyncio
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.world import AD_ACCOUNTS, BC, Measured, World
from sparkads import Files
from tiktok import NewAdGroup, NewCampaign, PushCreative

BATCH = 20


async def run_floor(world: World, targets: int) -> Measured:
    """Publish `targets` pushes and wait for their review."""
    await world.db.execute("CREATE TABLE floor_intents (token text PRIMARY KEY, state text NOT NULL, ad_id text)")
    groups = [await _prepare(world, advertiser) for advertiser in AD_ACCOUNTS]
    share = targets // len(AD_ACCOUNTS)
    here = psutil.Process()
    create_before, other_before = await world.calls()
    cpu_before, started = world.cpu(here), time.perf_counter()
    await asyncio.gather(*(_publish(world, *group, share) for group in groups))
    seconds, cpu = time.perf_counter() - started, world.cpu(here) - cpu_before
    create, other = await world.calls()
    return Measured(share * len(AD_ACCOUNTS), seconds, cpu, create - create_before, other - other_before, 0)


async def _prepare(world: World, advertiser: str) -> tuple[str, str, str, str, list[str]]:
    files = Files(world.stack.object_store)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "floor.mp4"
        md5 = await files.get_file(world.video, copy)
        video = await world.client.files.upload_video(advertiser, copy, md5=md5, file_name="floor.mp4")
    cover = (await world.client.files.suggest_covers(advertiser, video.video_id))[0]
    campaign = await world.client.ads.create_campaign(
        advertiser,
        NewCampaign(campaign_name="floor", objective_type="TRAFFIC", budget_mode="BUDGET_MODE_INFINITE"),
    )
    group = await world.client.ads.create_ad_group(
        advertiser,
        NewAdGroup(
            campaign_id=campaign.campaign_id,
            adgroup_name="floor",
            promotion_type="WEBSITE",
            location_ids=("2186224",),
            budget_mode="BUDGET_MODE_DAY",
            budget=50,
            schedule_type="SCHEDULE_FROM_NOW",
            schedule_start_time=datetime.now(UTC),
            optimization_goal="CLICK",
            billing_event="CPC",
            bid_type="BID_TYPE_NO_BID",
        ),
    )
    identities = await world.client.identities.list(advertiser, BC)
    return advertiser, group.adgroup_id, video.video_id, cover.id, [one.identity_id for one in identities]


async def _publish(
    world: World, advertiser: str, adgroup_id: str, video_id: str, cover_id: str, identities: list[str], share: int
) -> None:
    for start in range(0, share, BATCH):
        tokens = [secrets.token_hex(8) for _ in range(min(BATCH, share - start))]
        await world.db.executemany("INSERT INTO floor_intents VALUES ($1, 'called')", [(token,) for token in tokens])
        created = await world.client.ads.create_ads(
            advertiser,
            adgroup_id,
            [
                PushCreative(
                    ad_name=f"{start + number} {token}",
                    identity_id=identities[(start + number) % len(identities)],
                    identity_authorized_bc_id=BC,
                    video_id=video_id,
                    image_ids=(cover_id,),
                    ad_text="Out now",
                    dark_post_status="ON",
                    call_to_action="LISTEN_NOW",
                    landing_page_url="https://example.com/song",
                )
                for number, token in enumerate(tokens)
            ],
        )
        await world.db.executemany(
            "UPDATE floor_intents SET state = 'published', ad_id = $2 WHERE token = $1",
            [(ad.ad_name.split(" ")[1], ad.ad_id) for ad in created.ads],
        )
    while any(ad.tiktok_item_id is None for ad in await world.client.ads.ads(advertiser, adgroup_ids=[adgroup_id])):
        await asyncio.sleep(1)
