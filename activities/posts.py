"""
The posts that rows pull, looked at once before their instant (R13).

A post that can't be an ad blocks its rows by name, with what its owner has to do; one that can gives them the ad format
that it asks for. Whether the owner allows it in ads TikTok says for no identity of a Business Center: only making the
ad tells. Afterwards the review keeps looking at it (review.py).
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias

from activities.judging import Judged, Unanswered, answer
from store.preparing import Unplanned
from tiktok import Airing, ItemType, Music, MusicStatus, Post, PostStatus, Rows, TikTokClient

AD_FORMATS = {ItemType.VIDEO: "SINGLE_VIDEO", ItemType.CAROUSEL: "CAROUSEL_ADS"}
"""The ad format that a type of post asks for (tiktok ad create)."""

WITHOUT_END = timedelta(days=365)
"""For how long music is asked for where a row's rights have no end (tiktok identity/music/authorization)."""

PAUSES = (0.3, 0.7, 1.5)
"""Seconds until posts are asked for again that TikTok failed to show."""

_PUBLIC = frozenset({PostStatus.PUBLIC, "HESITATE_RECOMMEND"})
_NOT_PUBLIC = frozenset(
    {PostStatus.FRIENDS_ONLY, PostStatus.AUTHOR_ONLY, "ITEM_STATUS_ONLY_FRIEND_SEE", "ONLY_FRIEND_SEE"}
) | {"ONLY_AUTHOR_SEE", "STATUS_ONLY_AUTHOR_SEE"}
"""TikTok's page gives two of them each other's meaning, so which of both it is, is not said."""
_DELETED = frozenset({"USER_DELETE", "AUDIT_DELETE", "ITEM_STATUS_USER_DELETE", "ITEM_STATUS_AUDIT_DELETE"})
_OTHERS = {
    "REVIEW_PENDING": "is in TikTok's review",
    "ONLY_USER_PASS": "was taken down after it was published",
}


class Use(NamedTuple):
    """A post, and where its music is to be used; times apart, which hardly ever change the answer."""

    item_id: str
    location_id: str
    territory: str


MusicKnown: TypeAlias = dict[Use, Music | Unanswered]
"""What is known of the music of posts, by post and places."""


@dataclass
class Findings(Judged):
    """What the posts allow, and the format of each row's ad, `{row_id: format}`."""

    formats: dict[str, str] = field(default_factory=dict)


async def check_posts(
    client: TikTokClient, bc_id: str, rows: Iterable[Unplanned], music: MusicKnown | None = None
) -> Findings:
    """
    Look at the posts of rows that pull: 20 posts a call for each identity, and one call for the music of each use.

    Args:
        client: TikTok.
        bc_id: the Business Center that holds the accounts.
        rows: those that pull nothing are passed over.
        music: what is known already; what is found out is added.

    Raises:
        TikTokError: what waiting mends.
    """
    by_identity: defaultdict[tuple[str, str], list[Unplanned]] = defaultdict(list)
    for row in rows:
        if row.pull_item_id is not None and row.identity_id is not None:
            by_identity[row.advertiser_id, row.identity_id].append(row)
    findings = Findings()
    music = {} if music is None else music
    for (advertiser_id, identity_id), pulls in by_identity.items():
        item_ids = dict.fromkeys(str(row.pull_item_id) for row in pulls)
        listed = await _posts(client, advertiser_id, identity_id, bc_id, item_ids)
        if isinstance(listed, Unanswered):
            what = f"R13: posts of @{pulls[0].handle} in ad account {advertiser_id}"
            findings.unanswered(what, listed, [row.row_id for row in pulls])
            continue
        shown = [row for row in pulls if _judge_post(findings, row, listed)]
        await _judge_music(findings, client, bc_id, shown, music)
    return findings


async def _posts(
    client: TikTokClient, advertiser_id: str, identity_id: str, bc_id: str, item_ids: Iterable[str]
) -> Rows[Post] | Unanswered:
    """Posts by id; a failure that may pass is given some time: without an answer nobody knows the format of an ad."""
    for pause in PAUSES:
        listed = await answer(client.identities.posts_by_id(advertiser_id, identity_id, bc_id, item_ids))
        if not isinstance(listed, Unanswered) or not listed.may_pass:
            return listed
        await asyncio.sleep(pause)
    return await answer(client.identities.posts_by_id(advertiser_id, identity_id, bc_id, item_ids))


def _judge_post(findings: Findings, row: Unplanned, listed: Rows[Post]) -> bool:
    """Whether a row's post may become an ad, its music apart."""
    name, owner = f"R13: post {row.pull_item_id}", f"@{row.handle}"
    post = next((one for one in listed if one.item_id == row.pull_item_id), None)
    if post is None and not listed.is_complete:
        findings.risks[f"{name} could not be looked at: TikTok's answer could not be read"].append(row.row_id)
        return False
    if post is None:
        reason = f"{name} is no post that {owner} shares; see its id, or ask {owner} whether it was deleted"
        findings.blocked[reason].append(row.row_id)
        return False
    if post.status in _DELETED:
        findings.blocked[f"{name} was deleted; choose another post of {owner}"].append(row.row_id)
        return False
    if post.status in _NOT_PUBLIC:
        findings.risks[
            f"{name} is not public, and an ad may make it so; ask its owner, {owner}, to confirm that it may be used"
        ].append(row.row_id)
    elif post.status and post.status not in _PUBLIC:
        meaning = _OTHERS.get(post.status.removeprefix("ITEM_STATUS_"), "is in a state that is not known here")
        findings.risks[f"{name} {meaning} ({post.status}); ask {owner}, or look at it in TikTok"].append(row.row_id)
    if post.item_type is not None:
        findings.formats[row.row_id] = AD_FORMATS[post.item_type]
    return True


async def _judge_music(
    findings: Findings, client: TikTokClient, bc_id: str, rows: Sequence[Unplanned], music: MusicKnown
) -> None:
    by_use: defaultdict[Use, list[Unplanned]] = defaultdict(list)
    for row in rows:
        by_use[Use(str(row.pull_item_id), row.location_id, row.territory)].append(row)
    for use, its_rows in by_use.items():
        if use not in music:
            first = its_rows[0]
            music[use] = await answer(
                client.identities.music(
                    first.advertiser_id, str(first.identity_id), bc_id, use.item_id, _airing(use, its_rows)
                )
            )
        said, row_ids = music[use], [row.row_id for row in its_rows]
        name = f"R13: post {use.item_id}"
        if isinstance(said, Unanswered):
            findings.unanswered(f"{name}: whether its music is cleared", said, row_ids)
        elif said.is_refused:
            songs = f": {', '.join(said.not_cleared)}" if said.not_cleared else ""
            findings.blocked[
                f"{name} has music that is not cleared for ads{songs}; ask @{its_rows[0].handle} for a post with "
                "cleared music"
            ] += row_ids
            for row_id in row_ids:
                findings.formats.pop(row_id, None)
        elif said.music_status not in set(MusicStatus):
            shown = said.music_status or "nothing"
            findings.risks[f"{name}: TikTok says {shown} of its music, which may turn out not to be cleared"] += row_ids


def _airing(use: Use, rows: Sequence[Unplanned]) -> Airing:
    """All the places and times of rows that use a post in one place: an answer for all of them."""
    starts_at = max(min(row.due_at for row in rows), datetime.now(UTC))
    ends_at = max(row.rights_until or row.due_at + WITHOUT_END for row in rows)
    return Airing((use.location_id,), (use.territory,), starts_at, max(ends_at, starts_at + timedelta(days=1)))
