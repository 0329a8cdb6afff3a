"""What a release made at TikTok and never used: ad groups without an ad, and campaigns without such ad groups."""

from collections.abc import Sequence

from temporalio import activity

from activities.campaigns import known_campaign
from activities.members import current_run
from activities.platform import Platform
from activities.releases import CampaignRef
from sparkads.contracts.base import Contract
from store import audit, leftovers, releases
from store.database import Pool
from store.leftovers import Unused
from tiktok import OperationStatus, ServerFault, TikTokClient, TikTokError


class Leftovers(Contract):
    """What was removed, and what was not."""

    removed: int
    failed: tuple[str, ...] = ()
    """one line for each ad account where it could not be done"""


class LeftoverActivities:
    """Needs the store and TikTok."""

    def __init__(self, db: Pool, platform: Platform) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform

    @activity.defn
    async def remove_leftovers(self, ref: CampaignRef) -> Leftovers:
        """
        Delete what the record says is ours and unused, as far as TikTok lists nothing in it.

        What can't be removed in one ad account, for whatever reason, is named, and keeps no other waiting.
        """
        campaign = await known_campaign(self._db, ref.campaign_id)
        unused = await leftovers.unused(self._db, ref.campaign_id)
        removed, failed = 0, list[str]()
        client = await self._platform.client(campaign.bc_id) if unused else None
        for one in unused:
            assert client is not None  # noqa: S101 - there is one where something is unused
            try:
                removed += await self._remove(client, campaign, one)
            except TikTokError as error:
                failed.append(f"ad account {one.advertiser_id}: {error}")
        if failed:
            async with self._db.acquire() as connection, connection.transaction():
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=audit.SYSTEM,
                    action="unused left at TikTok",
                    subject=f"campaign {ref.campaign_id}",
                    reason="; ".join(failed),
                    run=current_run(),
                )
        return Leftovers(removed=removed, failed=tuple(failed))

    async def _remove(self, client: TikTokClient, campaign: releases.Campaign, unused: Unused) -> int:
        """In one ad account; what is gone already is passed over."""
        advertiser_id, removed = unused.advertiser_id, 0
        there = await client.ads.ad_groups(advertiser_id, ids=unused.adgroup_ids)
        # A deleted ad counts: somebody used the ad group, and may look for what became of it.
        ads = await client.ads.ads(
            advertiser_id, adgroup_ids=[group.adgroup_id for group in there], include_deleted=True
        )
        if not ads.is_complete or not all(ad.adgroup_id for ad in ads):
            raise ServerFault("answer not understood: what is unused can't be told", path="ad/get/")
        used = {ad.adgroup_id for ad in ads}
        groups = [group.adgroup_id for group in there if group.adgroup_id not in used]
        if groups:
            await client.ads.set_ad_group_status(advertiser_id, groups, OperationStatus.DELETE)
            await self._tell(campaign, "unused ad groups removed", advertiser_id, groups)
            removed += len(groups)
        if unused.tiktok_campaign_id is not None:
            removed += await self._remove_campaign(client, campaign, advertiser_id, unused.tiktok_campaign_id)
        return removed

    async def _remove_campaign(
        self, client: TikTokClient, campaign: releases.Campaign, advertiser_id: str, tiktok_campaign_id: str
    ) -> int:
        its_groups = await client.ads.ad_groups(advertiser_id, campaign_ids=[tiktok_campaign_id])
        if its_groups or not its_groups.is_complete:
            return 0  # somebody else's, or one that is used
        there = await client.ads.campaigns(advertiser_id, ids=[tiktok_campaign_id])
        if there:
            await client.ads.set_campaign_status(advertiser_id, [tiktok_campaign_id], OperationStatus.DELETE)
            await self._tell(campaign, "unused TikTok campaign removed", advertiser_id, [tiktok_campaign_id])
        await leftovers.forget_tiktok_campaign(self._db, campaign.campaign_id, advertiser_id)
        return len(there)

    async def _tell(self, campaign: releases.Campaign, action: str, advertiser_id: str, ids: Sequence[str]) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            for line in audit.in_lines(ids):
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=audit.SYSTEM,
                    action=action,
                    subject=f"ad account {advertiser_id}",
                    reason=line,
                    run=current_run(),
                )
