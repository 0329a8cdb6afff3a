"""The life of an ad: review, the post a push makes, and how it stops."""

from typing import Final

from simulator.entities import Ad, Post
from simulator.state import World

DENIED_TEXT: Final = "The ad text contains wording that is not allowed"


def start_review(world: World, ad: Ad, now: float) -> None:
    """Plan the review's end. A newer round makes an older one void."""
    ad.review_round += 1
    this_round = ad.review_round

    def finish(due: float) -> None:
        if ad.review_round == this_round:
            _finish_review(world, ad, due)

    world.schedule.at(now + world.delays.review_seconds, finish)


def _finish_review(world: World, ad: Ad, due: float) -> None:
    if ad.deleted or ad.lost:
        return
    ad.reviewed_at = ad.modified_at = due
    caption = ad.caption.casefold()
    word = next((word for word in world.config.deny_words if word.casefold() in caption), None)
    if word is not None:
        ad.review, ad.deny_reason = "DENIED", f"{DENIED_TEXT}: {word}"
        return
    ad.review, ad.deny_reason = "APPROVED", None
    if ad.mode == "push" and ad.post is None:
        _publish(world, ad, due)


def _publish(world: World, ad: Ad, due: float) -> None:
    post = Post(
        item_id=world.ids.long("75"),
        text=ad.caption,
        status="PUBLIC",
        ad_authorized=True,
        type="CAROUSEL" if ad.fields["ad_format"] == "CAROUSEL_ADS" else "VIDEO",
        published_at=due,
        origin="ad",
        ad_id=ad.ad_id,
        bc_id=ad.authorization.bc_id,
        visible="ads_only" if ad.fields["dark_post_status"] == "ON" else "profile",
    )
    ad.post = post
    ad.account.posts[post.item_id] = post

    def name_post(at: float) -> None:
        ad.tiktok_item_id = post.item_id
        ad.modified_at = at

    if world.config.push_post_ids == "after_review":
        world.schedule.at(due + world.delays.post_id_seconds, name_post)


def cut_off(ad: Ad, status: str, now: float) -> None:
    """Stop an ad whose TikTok account was lost. It does not come back by itself; its post stays."""
    if ad.deleted or ad.lost:
        return
    ad.lost, ad.modified_at = status, now
    ad.authorization.ads.pop(ad.ad_id, None)


def delete_ad(ad: Ad, now: float) -> None:
    """Delete an ad for good, freeing its place in every limit; a post it made stays."""
    if ad.deleted:
        return
    ad.deleted, ad.modified_at = True, now
    ad.authorization.ads.pop(ad.ad_id, None)
    ad.adgroup.live_ads -= 1
    ad.advertiser.live_ads -= 1
