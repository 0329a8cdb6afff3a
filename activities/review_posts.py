"""The review's look at posts: those that targets pull (R13), and those that TikTok has not named yet."""

from collections import defaultdict
from collections.abc import Sequence

from activities.listings import twice_if_empty
from activities.members import current_run
from activities.review_findings import Findings
from activities.together import each_to_its_end
from store import audit, posts_unknown, releases
from store.posts_unknown import PostUnknown
from store.sharing import Link
from tiktok import IdentityLost, Post, PostStatus

_NOT_PUBLIC = {PostStatus.FRIENDS_ONLY, PostStatus.AUTHOR_ONLY, "ONLY_AUTHOR_SEE", "ONLY_FRIEND_SEE"}
_DELETED = {"USER_DELETE", "AUDIT_DELETE", "ONLY_USER_PASS"}
_PUBLIC = {PostStatus.PUBLIC, "HESITATE_RECOMMEND", ""}
"""Statuses of posts as `identity/video/*` and `tt_video/*` spell them (tiktok identity video, tt_video)."""


class PostReview:
    """One look at the posts of a Business Center's targets."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    async def look_at_pulled(self, links: Sequence[Link]) -> None:
        """Posts that targets pull and that their owners have deleted or hidden (R13)."""
        findings = self._findings
        identity_of = {(one.asset_id, one.advertiser_id): one.identity.identity_id for one in links}
        pulled = await releases.pulled_posts(findings.db, findings.bc_id, published=findings.everything)
        await each_to_its_end(
            *(
                self._look(asset_id, advertiser_id, identity_of[asset_id, advertiser_id], item_ids)
                for (asset_id, advertiser_id), item_ids in pulled.items()
                if (asset_id, advertiser_id) in identity_of
            )
        )

    async def _look(self, asset_id: str, advertiser_id: str, identity_id: str, item_ids: Sequence[str]) -> None:
        findings = self._findings
        try:
            posts = await findings.ask(
                f"posts of account {asset_id} in ad account {advertiser_id}",
                lambda: twice_if_empty(
                    lambda: findings.client.identities.posts_by_id(advertiser_id, identity_id, findings.bc_id, item_ids)
                ),
                passing=IdentityLost,
            )
        except IdentityLost:
            return  # found with the links, or by the sweep
        if posts is None:
            return
        known = {post.item_id: post for post in posts}
        for item_id in item_ids:
            post = known.get(item_id)
            if post is not None or posts.is_complete:
                await self._note(asset_id, item_id, self._problem(asset_id, item_id, post))

    def _problem(self, asset_id: str, item_id: str, post: Post | None) -> str:
        """
        What a person has to know of a post; empty if nothing.

        One that is not public may be an ad all the same, by one of TikTok's two pages: it is said, and blocks nothing.
        """
        if post is None or post.status in _DELETED:
            return "does not exist any more; ask its owner, or name another"
        if post.status in _NOT_PUBLIC:
            return "is not public: TikTok may refuse it, or make it public once an ad uses it; ask its owner"
        is_known = post.status in _PUBLIC
        self._findings.understood(
            f"post {item_id} of account {asset_id}", "" if is_known else f"its status {post.status} is not known here"
        )
        return ""

    async def _note(self, asset_id: str, item_id: str, problem: str) -> None:
        findings = self._findings
        async with findings.db.acquire() as connection, connection.transaction():
            reason = f"R13: post {item_id} {problem}" if problem else ""
            rows = await releases.note_post(connection, findings.bc_id, item_id, reason)
            if rows:
                what = f"post {item_id} {problem or 'can be used in ads again'}; it is the post of {rows} targets"
                await findings.tell_of_change(connection, asset_id, what)

    async def look_for_unknown(self) -> None:
        """Published videos whose post TikTok has not named: as soon as it does, it is recorded."""
        by_ad_account: defaultdict[str, list[PostUnknown]] = defaultdict(list)
        for target in await posts_unknown.waiting(self._findings.db, self._findings.bc_id):
            by_ad_account[target.advertiser_id].append(target)
        await each_to_its_end(*(self._look_for(*one) for one in by_ad_account.items()))

    async def _look_for(self, advertiser_id: str, targets: Sequence[PostUnknown]) -> None:
        findings = self._findings
        ads = await findings.ask(
            f"ads of ad account {advertiser_id}",
            lambda: findings.client.ads.ads(
                advertiser_id, ad_ids=[target.ad_id for target in targets], include_deleted=True
            ),
        )
        posts = {ad.ad_id: ad.tiktok_item_id for ad in ads or () if ad.tiktok_item_id}
        async with findings.db.acquire() as connection, connection.transaction():
            for target in targets:
                item_id = posts.get(target.ad_id)
                if item_id is None or not await posts_unknown.record(connection, target, item_id):
                    continue
                await audit.write(
                    connection,
                    bc_id=findings.bc_id,
                    actor=audit.SYSTEM,
                    action="post found",
                    subject=f"row {target.row_id}",
                    reason=f"campaign {target.campaign_id}: ad {target.ad_id} shows post {item_id}",
                    run=current_run(),
                )
