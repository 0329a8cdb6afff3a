"""Identities: TikTok accounts as an ad account sees them once linked, and their posts."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pydantic import AliasChoices, Field

from tiktok.connection import Caller, Rows, chunks
from tiktok.errors import InvalidRequest, NoPermission, NotFound
from tiktok.wire import TIME_FORMAT, Received

BC_AUTH_TT: Final = "BC_AUTH_TT"
"""The type of identity that comes of a Business Center's link; the only one this client deals with."""

IDENTITIES_PAGE: Final = 100
POSTS_PAGE: Final = 20
POSTS_BY_ID: Final = 20


class AvailableStatus(StrEnum):
    """Whether an identity can be advertised with, and if not, why."""

    AVAILABLE = "AVAILABLE"
    NO_VALID_BIND_ACCOUNT = "NO_VALID_BIND_ACCOUNT"
    SCOPE_UNAVAILABLE = "SCOPE_UNAVAILABLE"
    IS_PRIVATE_ACCOUNT = "IS_PRIVATE_ACCOUNT"
    NOT_BUSINESS_ACCOUNT = "NOT_BUSINESS_ACCOUNT"


class ItemType(StrEnum):
    """Kinds of posts."""

    VIDEO = "VIDEO"
    CAROUSEL = "CAROUSEL"


class PostStatus(StrEnum):
    """Who sees a post."""

    PUBLIC = "ITEM_STATUS_HESITATE_RECOMMEND"
    FRIENDS_ONLY = "STATUS_ONLY_FRIEND_SEE"
    AUTHOR_ONLY = "ITEM_STATUS_ONLY_AUTHOR_SEE"


class Identity(Received):
    """A TikTok account that an ad account can advertise with.

    `identity_authorized_bc_id` is the Business Center that holds the TikTok account, whoever owns the ad account.
    A capability that TikTok does not mention is `None`: not known, which is no "no".
    """

    identity_id: str
    identity_type: str = ""
    identity_authorized_bc_id: str | None = None
    display_name: str = ""
    # TikTok's change log says `username`, another page of it and the Go client `user_name`.
    username: str | None = Field(None, validation_alias=AliasChoices("username", "user_name"))
    # identity/get/ and identity/info/ name it differently.
    profile_image: str | None = Field(None, validation_alias=AliasChoices("profile_image", "profile_image_url"))
    available_status: str = ""
    can_pull_video: bool | None = None
    can_push_video: bool | None = None
    can_use_live_ads: bool | None = None
    can_manage_message: bool | None = None
    ads_only_mode: bool | None = None
    is_gpppa: bool | None = None


class PostVideo(Received):
    """The video of a post. `duration` is in seconds, `size` in bytes; the URLs live for an hour."""

    url: str | None = None
    poster_url: str | None = None
    duration: float | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    bit_rate: float | None = None
    format: str | None = None
    signature: str | None = None


class PostImage(Received):
    """One slide of a photo post. The URL lives for 90 days."""

    image_id: str = ""
    image_url: str | None = None
    image_width: int | None = None
    image_height: int | None = None


class PostCarousel(Received):
    """The slides of a photo post."""

    image_info: tuple[PostImage, ...] = ()


class Post(Received):
    """A post of a TikTok account. Its `item_id` is what a pull ad names; `status` see `PostStatus`.

    Whether the owner allows it in ads is not said: `auth_info` comes for identities of type AUTH_CODE only, and is null
    for those of a Business Center (tiktok identity/video/info/). Only `ad/create/` tells. In TikTok's own examples
    `item_type` is not said either: it is the one that was asked for.
    """

    item_id: str
    item_type: ItemType | None = None
    text: str = ""
    status: str = ""
    video_info: PostVideo | None = None
    carousel_info: PostCarousel | None = None


class Quota(Received):
    """How many ads an identity may have, has, and has room for; None where TikTok does not say."""

    total_quota: int | None = None
    used_quota: int | None = None
    available_quota: int | None = None


class MusicStatus(StrEnum):
    """What TikTok says of the music of a post (tiktok identity/music/authorization/)."""

    WITHOUT_SONG = "WITHOUT_SONG_ID"
    CLEARED = "WITH_FULL_AUTHORIZATION"
    NOT_CLEARED = "AUTHORIZATION_MISSING"


class Song(Received):
    """A song in a post."""

    title: str = ""
    author: str = ""
    authorization_type: str = ""


class Music(Received):
    """Whether the music of a post may be used in ads, at the places and times that were asked for.

    Attributes:
        music_status: See `MusicStatus`; empty if TikTok did not say.
        songs: What it knows of the songs.
    """

    item_id: str = ""
    music_status: str = ""
    songs: tuple[Song, ...] = Field((), validation_alias="authorization_infos")

    @property
    def is_refused(self) -> bool:
        """Whether TikTok says that something is not cleared; all that it says nothing of is left to its review."""
        return self.music_status == MusicStatus.NOT_CLEARED

    @property
    def not_cleared(self) -> tuple[str, ...]:
        """The songs that are not, as `title by author`, as far as TikTok names them."""
        missing = [song for song in self.songs if song.authorization_type == "NOT_AUTHORIZED" and song.title]
        return tuple(f"{song.title} by {song.author}" if song.author else song.title for song in missing)


class Airing(NamedTuple):
    """Where and when an ad will be shown, which decides whether its music is cleared.

    `location_ids` are those of the ad group, `country_codes` the same places as ISO codes: which of both the question
    wants is not documented.
    """

    location_ids: tuple[str, ...]
    country_codes: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


class _IdentityInfo(Received):
    identity_info: Identity


class _PostDetail(Received):
    video_detail: Post | None = None


class _Cursor(Received):
    cursor: str | None = None
    has_more: bool | None = None


class Identities:
    """Endpoints under `identity/`, and the quota of an identity.

    In all of them `bc_id` is the Business Center that holds the TikTok account. `IdentityLost` is raised if it is
    not that one, if the TikTok account is not linked to the ad account, or if the owner withdrew it.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def info(self, advertiser_id: str, identity_id: str, bc_id: str) -> Identity:
        """One identity."""
        answer = await self._caller.get("identity/info/", _identity(advertiser_id, identity_id, bc_id))
        return answer.parse(_IdentityInfo).identity_info

    async def posts(
        self, advertiser_id: str, identity_id: str, bc_id: str, *, item_type: str = ItemType.VIDEO
    ) -> Rows[Post]:
        """The posts of an identity, 20 a page; `item_type`: those are listed only."""
        path = "identity/video/get/"
        params = {**_identity(advertiser_id, identity_id, bc_id), "item_type": item_type, "count": POSTS_PAGE}
        found: Rows[Post] = Rows()
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            answer = await self._caller.get(path, {**params, "cursor": cursor})
            found.add(_all_of_type(answer.rows("video_list", Post), ItemType(item_type)))
            page = answer.parse(_Cursor)
            if page.has_more is None:
                found.left_out.append(f"{path}: it is not said whether there are more posts")
            if not page.has_more:
                return found
            if page.cursor is None or page.cursor in cursors:
                raise answer.fault("more posts are announced, but the cursor does not move on")
            cursors.add(page.cursor)
            cursor = page.cursor

    async def post(
        self, advertiser_id: str, identity_id: str, bc_id: str, item_id: str, *, item_type: str = ItemType.VIDEO
    ) -> Post:
        """One post.

        Raises:
            NotFound: The identity has no such post of that type.
        """
        path = "identity/video/info/"
        params = {**_identity(advertiser_id, identity_id, bc_id), "item_id": item_id, "item_type": item_type}
        answer = await self._caller.get(path, params)
        detail = answer.parse(_PostDetail).video_detail
        if detail is None:
            raise NotFound(f"post {item_id} does not exist", request_id=answer.request_id, path=path)
        return _of_type(detail, ItemType(item_type))

    async def posts_by_id(
        self, advertiser_id: str, identity_id: str, bc_id: str, item_ids: Iterable[str]
    ) -> Rows[Post]:
        """Several posts, 20 a call; those that do not exist are left out.

        Photo posts are asked for in a second round: TikTok returns each type only to those who name it. Where one
        unknown post makes TikTok refuse the whole question, each is asked for alone.
        """
        found: Rows[Post] = Rows()
        missing = list(dict.fromkeys(item_ids))
        for item_type in ItemType:
            for ids in chunks(missing, POSTS_BY_ID):
                found.add(await self._posts_by_id(advertiser_id, identity_id, bc_id, ids, item_type))
            there = {post.item_id for post in found}
            missing = [item_id for item_id in missing if item_id not in there]
        return found

    async def _posts_by_id(
        self, advertiser_id: str, identity_id: str, bc_id: str, ids: Sequence[str], item_type: ItemType
    ) -> Rows[Post]:
        params = {**_identity(advertiser_id, identity_id, bc_id), "item_ids": ids, "item_type": item_type}
        try:
            answer = await self._caller.get("identity/video/info/", params)
        except NotFound:
            if len(ids) == 1:
                return Rows()
            each: Rows[Post] = Rows()
            for item_id in ids:
                each.add(await self._posts_by_id(advertiser_id, identity_id, bc_id, [item_id], item_type))
            return each
        return _all_of_type(answer.rows("video_details", Post), item_type)

    async def music(self, advertiser_id: str, identity_id: str, bc_id: str, item_id: str, airing: Airing) -> Music:
        """Whether the music of a post may be used in ads at these places and times.

        Whether places are location ids or country codes is not documented: the ids are tried first, and on a refusal
        the codes once.

        Raises:
            InvalidRequest: Neither was understood, which says nothing of the music.
        """
        params = {
            **_identity(advertiser_id, identity_id, bc_id),
            "item_id": item_id,
            "start_time": airing.starts_at.astimezone(UTC).strftime(TIME_FORMAT),
            "end_time": airing.ends_at.astimezone(UTC).strftime(TIME_FORMAT),
        }
        path = "identity/music/authorization/"
        try:
            answer = await self._caller.get(path, {**params, "locations": list(airing.location_ids)})
        except InvalidRequest:
            if not airing.country_codes:
                raise
            answer = await self._caller.get(path, {**params, "locations": list(airing.country_codes)})
        said = answer.rows("music_authorization", Music)
        of_post = [music for music in said if music.item_id == item_id] or said[:1]
        return of_post[0] if of_post else Music()

    async def quota(self, advertiser_id: str, identity_id: str) -> Quota:
        """How much room for ads an identity has."""
        params = {"advertiser_id": advertiser_id, "asset_id": identity_id, "asset_type": "IDENTITY"}
        return (await self._caller.get("asset/bind/quota/", params)).parse(Quota)

    async def list(self, advertiser_id: str, bc_id: str) -> Rows[Identity]:
        """All identities that the ad account has through the Business Center.

        An empty answer is asked for once more without the Business Center: TikTok's page calls it required, its guide
        leaves it out, and production answered empty. Those of other Business Centers are passed over.
        """
        params = {"advertiser_id": advertiser_id, "identity_type": BC_AUTH_TT}
        of_center = {**params, "identity_authorized_bc_id": bc_id}
        found = await self._listed(of_center)
        if found or not found.is_complete:
            return found
        try:
            found = await self._listed(params)
        except (InvalidRequest, NoPermission):
            return found
        return found.only(lambda identity: identity.identity_authorized_bc_id, bc_id)

    async def _listed(self, params: dict[str, Any]) -> Rows[Identity]:
        path = "identity/get/"
        return await self._caller.all_pages(path, params, Identity, rows="identity_list", page_size=IDENTITIES_PAGE)


def _identity(advertiser_id: str, identity_id: str, bc_id: str) -> dict[str, Any]:
    return {
        "advertiser_id": advertiser_id,
        "identity_id": identity_id,
        "identity_type": BC_AUTH_TT,
        "identity_authorized_bc_id": bc_id,
    }


def _all_of_type(posts: Rows[Post], asked: ItemType) -> Rows[Post]:
    return Rows((_of_type(post, asked) for post in posts), posts.left_out)


def _of_type(post: Post, asked: ItemType) -> Post:
    return post if post.item_type is not None else post.model_copy(update={"item_type": asked})
