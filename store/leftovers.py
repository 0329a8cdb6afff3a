"""TikTok campaigns and ad groups of ours that no ad was made in."""

from collections.abc import Sequence

from sparkads.contracts.base import Contract
from store.database import Database


class Unused(Contract):
    """What we made in an ad account for a release, and, by the record, nothing is in."""

    advertiser_id: str
    adgroup_ids: tuple[str, ...]
    tiktok_campaign_id: str | None
    """None: there is an ad in it"""


async def unused(db: Database, campaign_id: str) -> Sequence[Unused]:
    """By ad account, what a release left unused. An ad group that any row names is not ours, whoever made it."""
    rows = await db.fetch(
        """WITH groups AS (
               SELECT g.advertiser_id, g.adgroup_id FROM ad_groups g
               WHERE g.campaign_id = $1 AND g.number > 0 AND g.adgroup_id IS NOT NULL
                 AND NOT EXISTS (SELECT FROM targets t WHERE t.named_adgroup_id = g.adgroup_id)
                 AND g.id NOT IN (SELECT t.ad_group FROM targets t JOIN intents i USING (campaign_id, row_id)
                                  WHERE t.campaign_id = $1 AND t.ad_group IS NOT NULL AND i.live)),
                campaigns AS (
               SELECT c.advertiser_id, c.tiktok_campaign_id FROM tiktok_campaigns c
               WHERE c.campaign_id = $1
                 AND NOT EXISTS (SELECT FROM targets t JOIN intents i USING (campaign_id, row_id)
                                 WHERE t.campaign_id = $1 AND t.advertiser_id = c.advertiser_id AND i.live))
           SELECT advertiser_id, coalesce(array_agg(adgroup_id ORDER BY adgroup_id)
                                          FILTER (WHERE adgroup_id IS NOT NULL), '{}') AS adgroup_ids,
                  max(tiktok_campaign_id) AS tiktok_campaign_id
           FROM groups FULL JOIN campaigns USING (advertiser_id) GROUP BY advertiser_id ORDER BY advertiser_id""",
        campaign_id,
    )
    return [Unused(**row) for row in rows]


async def forget_tiktok_campaign(db: Database, campaign_id: str, advertiser_id: str) -> None:
    """Our TikTok campaign in an ad account is deleted; a retry makes another."""
    await db.execute(
        "DELETE FROM tiktok_campaigns WHERE campaign_id = $1 AND advertiser_id = $2", campaign_id, advertiser_id
    )
