"""What TikTok's review decides, read for whole ad groups at a time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from temporalio import activity

from activities.campaigns import known_campaign
from activities.failures import tiktok_failures
from activities.members import current_run
from activities.platform import Platform
from activities.publish import ShardRef
from activities.settling import account_for_strays
from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store import audit, intents, releases
from store.database import Pool
from store.intents import Submitted
from tiktok import Ad, AdStatus, TikTokClient

_APPROVED = {
    AdStatus.DELIVERY_OK,
    AdStatus.PARTIAL_AUDIT_DELIVERY_OK,
    AdStatus.REVIEW_PARTIALLY_APPROVED,
    AdStatus.NOT_START,
    AdStatus.DONE,
    AdStatus.BUDGET_EXCEED,
    AdStatus.BALANCE_EXCEED,
}
_TURNED_DOWN = {
    AdStatus.AUDIT_DENY,
    AdStatus.ADGROUP_AUDIT_DENY,
    AdStatus.ADVERTISER_AUDIT_DENY,
    AdStatus.PARTIAL_AUDIT_NO_DELIVERY,
    AdStatus.TRANSCODING_FAIL,
    AdStatus.MUSIC_AUTHORIZATION_MISSING,
    AdStatus.AD_QUOTA_LIMIT,
    AdStatus.DELETE,
    AdStatus.CAMPAIGN_DELETE,
    AdStatus.ADGROUP_DELETE,
}
_AUTHORIZATION_LOST = {
    AdStatus.ASSET_AUTHORIZATION_LOST,
    AdStatus.ADGROUP_ASSET_AUTHORIZATION_LOST,
    AdStatus.CREATOR_AUTHORIZATION_REVOKED,
}


class Reviewed(Contract):
    """How many ads of a shard are still in review, and how often to look."""

    open: int
    left: int = 0
    """rows that have become ready in the meantime: their account, or their video, was late"""
    counts: dict[TargetState, int]
    fast_seconds: float
    slow_seconds: float


class _Decision(Contract):
    """What an ad's status means for its target."""

    state: TargetState
    item_id: str | None = None
    reason: str = ""


class ConfirmingActivities:
    """Needs the store and TikTok."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        *,
        settle_window: timedelta,
        review_fast: timedelta,
        review_slow: timedelta,
    ) -> None:
        """
        Share the process's connections.

        Args:
            db: the store.
            platform: TikTok.
            settle_window: how long TikTok may take to list an ad that it has made.
            review_fast: between two looks at fresh ads.
            review_slow: between two looks at ads long in review.
        """
        self._db = db
        self._platform = platform
        self._settle_window = settle_window
        self._review_fast = review_fast
        self._review_slow = review_slow

    @activity.defn
    async def confirm_ads(self, shard: ShardRef) -> Reviewed:
        """Record what was decided since the last look. Of ads that were made a moment ago, nothing is."""
        waiting = await intents.in_review(self._db, shard.campaign_id, shard.wave, shard.shard)
        if waiting and min(one.known_seconds for one in waiting) >= self._review_fast.total_seconds():
            campaign = await known_campaign(self._db, shard.campaign_id)
            client = await self._platform.client(campaign.bc_id)
            for advertiser_id in sorted({one.advertiser_id for one in waiting}):
                of_account = [one for one in waiting if one.advertiser_id == advertiser_id]
                groups = sorted({one.adgroup_id for one in of_account})
                with tiktok_failures():
                    ads = await client.ads.ads(advertiser_id, adgroup_ids=groups, include_deleted=True)
                await self._confirm(client, campaign, of_account, {ad.ad_id: ad for ad in ads})
                await account_for_strays(self._db, client, campaign, advertiser_id, ads)
        counts = await releases.shard_counts(self._db, shard.campaign_id, shard.wave, shard.shard)
        return Reviewed(
            open=counts.get(TargetState.IN_REVIEW, 0),
            left=await intents.ready_rows(self._db, shard.campaign_id, shard.wave, shard.shard),
            counts=counts,
            fast_seconds=self._review_fast.total_seconds(),
            slow_seconds=self._review_slow.total_seconds(),
        )

    async def _confirm(
        self, client: TikTokClient, campaign: releases.Campaign, group: Sequence[Submitted], ads: Mapping[str, Ad]
    ) -> None:
        decided = {one.row_id: decision for one in group if (decision := self._decision(one, ads.get(one.ad_id)))}
        denied = {one.ad_id: one.row_id for one in group if _is_denied(decided.get(one.row_id))}
        if denied:
            with tiktok_failures():
                reviews = await client.ads.review_info(group[0].advertiser_id, denied)
            for ad_id, review in reviews.items():
                reasons = "; ".join(reason for info in review.reject_info for reason in info.reasons)
                if reasons and ad_id in denied:
                    decided[denied[ad_id]] = decided[denied[ad_id]].model_copy(update={"reason": reasons})
        async with self._db.acquire() as connection, connection.transaction():
            news = await intents.confirm(
                connection,
                campaign.campaign_id,
                [(row_id, one.state, one.item_id, one.reason) for row_id, one in decided.items()],
            )
            for row_id in news:
                if decided[row_id].state is not TargetState.PUBLISHED:
                    await audit.write(
                        connection,
                        bc_id=campaign.bc_id,
                        actor=audit.SYSTEM,
                        action=f"target {decided[row_id].state}",
                        subject=f"row {row_id}",
                        reason=decided[row_id].reason,
                        run=current_run(),
                    )

    def _decision(self, submitted: Submitted, ad: Ad | None) -> _Decision | None:
        if ad is not None:
            return _decision(ad)
        if submitted.known_seconds < self._settle_window.total_seconds():
            return None  # a listing may be behind what was made
        return _Decision(state=TargetState.REJECTED, reason="TikTok no longer lists the ad")


def _is_denied(decision: _Decision | None) -> bool:
    return decision is not None and decision.state is TargetState.REJECTED


def _decision(ad: Ad) -> _Decision | None:
    """None while the review goes on. Statuses that nobody knows are waited out."""
    status = ad.secondary_status
    if status in _AUTHORIZATION_LOST:
        return _Decision(
            state=TargetState.STOPPED, item_id=ad.tiktok_item_id, reason=f"R15: TikTok stopped the ad ({status})"
        )
    if status in _TURNED_DOWN:
        return _Decision(state=TargetState.REJECTED, reason=f"TikTok's review turned it down ({status})")
    if status in _APPROVED and ad.tiktok_item_id:
        return _Decision(state=TargetState.PUBLISHED, item_id=ad.tiktok_item_id)
    return None
