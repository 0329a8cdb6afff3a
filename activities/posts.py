"""
The posts that rows pull, looked at once before their instant (R13).

A post that can't be an ad blocks its rows by name, with what its owner has to do; one that can gives them the ad format
that it asks for. Afterwards the review keeps looking at it (review.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from activities.failures import DEFINITE_NO, tiktok_failures
from store.preparing import Unplanned
from tiktok import ItemType, Post, PostStatus, TikTokClient

AD_FORMATS = {ItemType.VIDEO: "SINGLE_VIDEO", ItemType.CAROUSEL: "CAROUSEL_ADS"}
"""The ad format that a type of post asks for (tiktok ad create)."""

_SEEN_BY: dict[str, str] = {PostStatus.FRIENDS_ONLY: "for friends only", PostStatus.AUTHOR_ONLY: "private"}


class Findings(NamedTuple):
    """What the posts allow: the format of each row's ad, and by reason the rows that can't be ads."""

    formats: dict[str, str]
    blocked: dict[str, list[str]]


async def check_posts(
    client: TikTokClient, bc_id: str, rows: Iterable[Unplanned], music: dict[str, bool] | None = None
) -> Findings:
    """
    Look at the posts of rows that pull: 20 posts a call for each identity, and one call for the music of each post.

    An identity that TikTok refuses says nothing about its posts: the gate finds that when the row is due.

    Args:
        client: TikTok.
        bc_id: the Business Center that holds the accounts.
        rows: those that pull nothing are passed over.
        music: by post, whether its music is cleared, as far as that is known; what is found out is added.
    """
    by_identity: defaultdict[tuple[str, str], list[Unplanned]] = defaultdict(list)
    for row in rows:
        if row.pull_item_id is not None and row.identity_id is not None:
            by_identity[row.advertiser_id, row.identity_id].append(row)
    findings = Findings({}, defaultdict(list))
    music = {} if music is None else music
    for (advertiser_id, identity_id), pulls in by_identity.items():
        posts = await _posts(client, advertiser_id, identity_id, bc_id, pulls)
        if posts is None:
            continue
        for row in pulls:
            item_id = str(row.pull_item_id)
            post = posts.get(item_id)
            problem = _problem(post, row.handle)
            if problem is None and item_id not in music:
                music[item_id] = await _music_is_cleared(client, advertiser_id, identity_id, bc_id, item_id)
            if problem is None and not music[item_id]:
                problem = f"has music that is not cleared for ads; ask @{row.handle} for a post with cleared music"
            if problem is not None:
                findings.blocked[f"R13: post {item_id} {problem}"].append(row.row_id)
            elif post is not None:
                findings.formats[row.row_id] = AD_FORMATS[ItemType(post.item_type)]
    return findings


async def _posts(
    client: TikTokClient, advertiser_id: str, identity_id: str, bc_id: str, pulls: Sequence[Unplanned]
) -> dict[str, Post] | None:
    item_ids = dict.fromkeys(str(row.pull_item_id) for row in pulls)
    try:
        with tiktok_failures(passing=DEFINITE_NO):
            found = await client.identities.posts_by_id(advertiser_id, identity_id, bc_id, item_ids)
    except DEFINITE_NO:
        return None
    return {post.item_id: post for post in found}


async def _music_is_cleared(
    client: TikTokClient, advertiser_id: str, identity_id: str, bc_id: str, item_id: str
) -> bool:
    """False only if TikTok says that it is not: what it says nothing of is left to its review."""
    try:
        with tiktok_failures(passing=DEFINITE_NO):
            return await client.identities.music_cleared(advertiser_id, identity_id, bc_id, item_id) is not False
    except DEFINITE_NO:
        return True


def _problem(post: Post | None, handle: str) -> str | None:
    """Why a post can't be an ad, and what its owner has to do; None if it can."""
    if post is None:
        return f"is no post that @{handle} shares; see its id, or ask @{handle} whether it was deleted"
    if post.status and post.status != PostStatus.PUBLIC:
        return f"is {_SEEN_BY.get(post.status, f'not public ({post.status})')}; ask @{handle} to make it public"
    if post.auth_info is None or post.auth_info.ad_auth_status != "AUTHORIZED":
        return f"is not allowed in ads; ask @{handle} to switch ad authorization on for it"
    if post.item_type not in AD_FORMATS:
        return f"is of type {post.item_type}, which no ad can be made of; choose a video or photo post"
    return None
