"""Identities: TikTok accounts as an ad account sees them once linked, and their posts."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from enum import StrEnum
from typing import Any, Final

from pydantic import AliasChoices, Field

from tiktok.connection import Caller, chunks
from tiktok.errors import NotFound
from tiktok.wire import MaybeTime, Received

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
    A capability not mentioned is not there. `ads_only_mode` is `None` if TikTok does not say.
    """

    identity_id: str
    identity_type: str = ""
    identity_authorized_bc_id: str | None = None
    display_name: str = ""
    username: str | None = None
    # identity/get/ and identity/info/ name it differently.
    profile_image: str | None = Field(None, validation_alias=AliasChoices("profile_image", "profile_image_url"))
    available_status: str = ""
    can_pull_video: bool = False
    can_push_video: bool = False
    can_use_live_ads: bool = False
    can_manage_message: bool = False
    ads_only_mode: bool | None = None
    is_gpppa: bool = False


class PostAuthorization(Received):
    """How long and whether a post may be used in ads."""

    ad_auth_status: str = ""
    auth_start_time: MaybeTime = None
    auth_end_time: MaybeTime = None
    invite_start_time: MaybeTime = None


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
    """A post of a TikTok account. Its `item_id` is what a pull ad names; `status` see `PostStatus`."""

    item_id: str
    item_type: str = ItemType.VIDEO
    text: str = ""
    status: str = ""
    auth_info: PostAuthorization | None = None
    video_info: PostVideo | None = None
    carousel_info: PostCarousel | None = None


class Quota(Received):
    """How many ads an identity may have, has, and has room for."""

    total_quota: int
    used_quota: int
    available_quota: int


class _IdentityInfo(Received):
    identity_info: Identity


class _PostDetail(Received):
    video_detail: Post


class _Cursor(Received):
    cursor: str | None = None
    has_more: bool = False


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
    ) -> AsyncIterator[Post]:
        """The posts of an identity, page after page as they are asked for."""
        params = {**_identity(advertiser_id, identity_id, bc_id), "item_type": item_type, "count": POSTS_PAGE}
        cursor: str | None = None
        while True:
            answer = await self._caller.get("identity/video/get/", {**params, "cursor": cursor})
            for post in answer.rows("video_list", Post):
                yield post
            page = answer.parse(_Cursor)
            if not page.has_more:
                return
            if not page.cursor or page.cursor == cursor:
                raise answer.fault("more posts are announced, but the cursor does not move on")
            cursor = page.cursor

    async def post(self, advertiser_id: str, identity_id: str, bc_id: str, item_id: str) -> Post:
        """One post.

        Raises:
            NotFound: The identity has no such post.
        """
        path = "identity/video/info/"
        answer = await self._caller.get(path, {**_identity(advertiser_id, identity_id, bc_id), "item_id": item_id})
        detail = answer.data.get("video_detail")
        if not detail:
            raise NotFound(f"post {item_id} does not exist", request_id=answer.request_id, path=path)
        return answer.parse(_PostDetail).video_detail

    async def posts_by_id(
        self, advertiser_id: str, identity_id: str, bc_id: str, item_ids: Iterable[str]
    ) -> list[Post]:
        """Several posts, 20 a call; those that do not exist are left out."""
        found: list[Post] = []
        for ids in chunks(item_ids, POSTS_BY_ID):
            params = {**_identity(advertiser_id, identity_id, bc_id), "item_ids": ids}
            answer = await self._caller.get("identity/video/info/", params)
            found += answer.rows("video_details", Post)
        return found

    async def music_cleared(self, advertiser_id: str, identity_id: str, bc_id: str, item_id: str) -> bool | None:
        """Whether the music of a post may be used in ads.

        The shape of the answer is not documented, so only a plain word about authorization counts.

        Returns:
            False if the answer says that something is not authorized, True if it says that it is; None otherwise.
        """
        params = {**_identity(advertiser_id, identity_id, bc_id), "item_id": item_id}
        said = list(_authorizations((await self._caller.get("identity/music/authorization/", params)).data))
        return all(said) if said else None

    async def quota(self, advertiser_id: str, identity_id: str) -> Quota:
        """How much room for ads an identity has."""
        params = {"advertiser_id": advertiser_id, "asset_id": identity_id, "asset_type": "IDENTITY"}
        return (await self._caller.get("asset/bind/quota/", params)).parse(Quota)

    # Last, because from here on `list` is no longer the type.
    async def list(self, advertiser_id: str, bc_id: str) -> list[Identity]:
        """All identities that the ad account has through the Business Center."""
        params = {"advertiser_id": advertiser_id, "identity_type": BC_AUTH_TT, "identity_authorized_bc_id": bc_id}
        return await self._caller.all_pages(
            "identity/get/", params, Identity, rows="identity_list", page_size=IDENTITIES_PAGE
        )


def _identity(advertiser_id: str, identity_id: str, bc_id: str) -> dict[str, Any]:
    return {
        "advertiser_id": advertiser_id,
        "identity_id": identity_id,
        "identity_type": BC_AUTH_TT,
        "identity_authorized_bc_id": bc_id,
    }


_ABOUT_AUTHORIZATION = re.compile(r"authori[sz]|is_auth|auth_status", re.IGNORECASE)
_NO = re.compile(r"^(no|(not?_|un)authori[sz](ed|ation)|expired|missing)$", re.IGNORECASE)
_YES = re.compile(r"^(yes|authori[sz]ed)$", re.IGNORECASE)


def _authorizations(value: Any, *, about: bool = False) -> Iterator[bool]:
    """Every plain yes or no about authorization in an answer, however deep."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _authorizations(part, about=bool(_ABOUT_AUTHORIZATION.search(name)))
    elif isinstance(value, list):
        for part in value:
            yield from _authorizations(part, about=about)
    elif about and isinstance(value, bool):
        yield value
    elif about and isinstance(value, str) and (_NO.match(value) or _YES.match(value)):
        yield bool(_YES.match(value))
