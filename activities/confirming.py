"""What TikTok's review decides, read for whole ad groups at a time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from temporalio import activity

from activities.campaigns import known_campaign
from activities.failures import DEFINITE_NO
from activities.members import current_run
from activities.platform import Platform
from activities.publish import ShardRef
from activities.settling import account_for_strays
from activities.waits import Waiting, keep_waits, waiting_for
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.release import TargetState
from store import audit, intents, notifications, releases
from store.database import Pool
from store.intents import Submitted
from store.releases import NAMED
from tiktok import Ad, StatusClass, TikTokClient, TikTokError, ad_status

SOUND_WITHIN = timedelta(hours=1)
"""How long TikTok may process the sound of a video before people are told."""

PROCESSING_SOUND = "AD_STATUS_PROCESS_AUDIO"


class Reviewed(Contract):
    """How many ads of a shard are still in review, and how often to look."""

    open: int
    left: int = 0
    """rows that have become ready in the meantime: their account, or their video, was late"""
    counts: dict[TargetState, int]
    fast_seconds: float
    slow_seconds: float
    problem: str = ""
    """why the review could not be read; its rows say so, too"""


class _Decision(Contract):
    """
    What an ad's status means for its target: its end, or what it waits for beside the review.

    `approved`: it is, and the post of the push is awaited.
    """

    state: TargetState
    item_id: str | None = None
    reason: str = ""
    approved: bool = False


class ConfirmingActivities:
    """Needs the store and TikTok."""

    def __init__(
        self,
        db: Pool,
        platform: Platform,
        *,
        settle_window: timedelta,
        post_named_within: timedelta,
        review_fast: timedelta,
        review_slow: timedelta,
    ) -> None:
        """
        Share the process's connections.

        Args:
            db: the store.
            platform: TikTok.
            settle_window: how long TikTok may take to list an ad that it has made.
            post_named_within: how long it may take to name the post of a push that it has approved.
            review_fast: between two looks at fresh ads.
            review_slow: between two looks at ads long in review.
        """
        self._db = db
        self._platform = platform
        self._settle_window = settle_window
        self._post_named_within = post_named_within
        self._review_fast = review_fast
        self._review_slow = review_slow

    @activity.defn
    async def confirm_ads(self, shard: ShardRef) -> Reviewed:
        """
        Record what was decided since the last look. Of ads that were made a moment ago, nothing is.

        An ad that exists and is not shown, because of the ad account's state say, stays in review and says what it
        waits for: it may come back by itself, and must not be made again.
        """
        waiting = await intents.in_review(self._db, shard.campaign_id, shard.wave, shard.shard)
        problem = ""
        if waiting and min(one.known_seconds for one in waiting) >= self._review_fast.total_seconds():
            campaign = await known_campaign(self._db, shard.campaign_id)
            client = await self._platform.client(campaign.bc_id)
            for advertiser_id in sorted({one.advertiser_id for one in waiting}):
                of_account = [one for one in waiting if one.advertiser_id == advertiser_id]
                try:
                    await self._look(client, campaign, advertiser_id, of_account)
                except TikTokError as error:
                    unread = _unread(error, advertiser_id)
                    problem = unread.reason
                    await keep_waits(self._db, campaign, {one.row_id: unread for one in of_account})
        counts = await releases.shard_counts(self._db, shard.campaign_id, shard.wave, shard.shard)
        return Reviewed(
            open=counts.get(TargetState.IN_REVIEW, 0),
            left=await intents.ready_rows(self._db, shard.campaign_id, shard.wave, shard.shard),
            counts=counts,
            fast_seconds=self._review_fast.total_seconds(),
            slow_seconds=self._review_slow.total_seconds(),
            problem=problem,
        )

    async def _look(
        self, client: TikTokClient, campaign: releases.Campaign, advertiser_id: str, group: Sequence[Submitted]
    ) -> None:
        adgroup_ids = sorted({one.adgroup_id for one in group})
        ads = await client.ads.ads(advertiser_id, adgroup_ids=adgroup_ids, include_deleted=True)
        by_id = {ad.ad_id: ad for ad in ads}
        decided = {one.row_id: self._decision(one, by_id.get(one.ad_id)) for one in group}
        ended = {row_id: one for row_id, one in decided.items() if one.state is not TargetState.IN_REVIEW}
        await self._add_reasons(client, advertiser_id, group, ended)
        await self._record(campaign, ended)
        approved = [row_id for row_id, one in decided.items() if one.approved]
        if approved:
            await intents.note_approved(self._db, campaign.campaign_id, approved)
        waiting = {
            row_id: Waiting(one.reason)
            for row_id, one in decided.items()
            if one.state is TargetState.IN_REVIEW and one.reason
        }
        await keep_waits(self._db, campaign, waiting, over=[row_id for row_id in decided if row_id not in waiting])
        await account_for_strays(self._db, client, campaign, advertiser_id, ads)

    async def _add_reasons(
        self, client: TikTokClient, advertiser_id: str, group: Sequence[Submitted], ended: dict[str, _Decision]
    ) -> None:
        """What review says of the ads that it turned down; it is for reasons only, so without it they stand as well."""
        denied = {
            one.ad_id: one.row_id
            for one in group
            if one.row_id in ended and ended[one.row_id].state is TargetState.REJECTED
        }
        if not denied:
            return
        try:
            reviews = await client.ads.review_info(advertiser_id, denied)
        except TikTokError as unanswered:
            activity.logger.warning("no reasons of the review", extra={"problem": str(unanswered)})
            return
        for ad_id, review in reviews.items():
            reasons = "; ".join(reason for info in review.reject_info for reason in info.reasons)
            if reasons and ad_id in denied:
                decision = ended[denied[ad_id]]
                ended[denied[ad_id]] = decision.model_copy(update={"reason": f"{reasons} ({decision.reason})"})

    async def _record(self, campaign: releases.Campaign, ended: Mapping[str, _Decision]) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            news = await intents.confirm(
                connection,
                campaign.campaign_id,
                [(row_id, one.state, one.item_id, one.reason) for row_id, one in ended.items()],
            )
            nameless = [row_id for row_id in news if ended[row_id].reason == POST_UNKNOWN]
            if nameless:
                await notifications.put(
                    connection,
                    bc_id=campaign.bc_id,
                    kind=NotificationKind.ATTENTION,
                    subject=f"campaign {campaign.campaign_id}",
                    text=f"Rows {', '.join(nameless[:NAMED])} (of {len(nameless)}) are {POST_UNKNOWN}.",
                    data={"campaign_id": campaign.campaign_id, "rows": len(nameless)},
                    run=current_run(),
                )
            for row_id in news:
                if ended[row_id].reason:
                    await audit.write(
                        connection,
                        bc_id=campaign.bc_id,
                        actor=audit.SYSTEM,
                        action=f"target {ended[row_id].state}",
                        subject=f"row {row_id}",
                        reason=ended[row_id].reason,
                        run=current_run(),
                    )

    def _decision(self, submitted: Submitted, ad: Ad | None) -> _Decision:
        if ad is None:
            return self._unlisted(submitted)
        status = ad_status(ad.secondary_status)
        if status.is_review_over:
            return self._approved(submitted, ad)
        reason = f"its ad {status.meaning} ({status.value}){f': {status.to_do}' if status.to_do else ''}"
        match status.status_class:
            case StatusClass.REFUSED | StatusClass.DELETED:
                state = TargetState.REJECTED
            case StatusClass.ACCESS_LOST:
                state, reason = TargetState.STOPPED, f"R15: {reason}"
            case StatusClass.IN_REVIEW:
                state = TargetState.IN_REVIEW
                if status.value != PROCESSING_SOUND or submitted.known_seconds < SOUND_WITHIN.total_seconds():
                    reason = ""
            case _:
                # A push that names its post has passed, whatever keeps its ad from being shown now.
                is_out = ad.video_id is not None and ad.tiktok_item_id is not None
                state = TargetState.PUBLISHED if is_out else TargetState.IN_REVIEW
        return _Decision(state=state, item_id=ad.tiktok_item_id, reason=reason)

    def _approved(self, submitted: Submitted, ad: Ad) -> _Decision:
        """Of a push the post comes last. Operators have seen approved pushes of which TikTok never named it."""
        if ad.tiktok_item_id:
            return _Decision(state=TargetState.PUBLISHED, item_id=ad.tiktok_item_id)
        if (submitted.approved_seconds or 0) > self._post_named_within.total_seconds():
            return _Decision(state=TargetState.PUBLISHED, reason=POST_UNKNOWN)
        return _Decision(state=TargetState.IN_REVIEW, approved=True)

    def _unlisted(self, submitted: Submitted) -> _Decision:
        """TikTok said that it made the ad, so that it is not listed is no evidence that it is not there."""
        reason = ""
        if submitted.known_seconds > self._settle_window.total_seconds():
            reason = (
                f"TikTok said that it made ad {submitted.ad_id}, and does not list it: look for it in TikTok Ads "
                "Manager; if it is gone, take the row down"
            )
        return _Decision(state=TargetState.IN_REVIEW, reason=reason)


POST_UNKNOWN = "published; TikTok has approved the ad and does not say which post it is. It is looked for further"


def _unread(error: TikTokError, ad_account: str) -> Waiting:
    """What the rows of an ad account say while TikTok does not let its ads be read; they are not made again for it."""
    if isinstance(error, DEFINITE_NO):
        reason = f"TikTok does not let the ads of ad account {ad_account} be read: {error}; its admin can see to it"
        return Waiting(reason)
    return waiting_for(error, ad_account)
