"""Identities of an ad account and the posts they may advertise."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.entities import AdAccount, Authorization, CustomIdentity, Post
from simulator.envelope import LOST_ACCOUNT, ApiError, parameter_error
from simulator.fields import Body, Filter, Id, IdentityType, Query, QueryBool, page_info
from simulator.ids import digits
from simulator.places import countries, places
from simulator.routes import Call, Data, Routes
from simulator.stamps import parse_spaced

routes = Routes()

POST_STATUS = {
    "PUBLIC": "ITEM_STATUS_HESITATE_RECOMMEND",
    "FRIENDS": "STATUS_ONLY_FRIEND_SEE",
    "PRIVATE": "ITEM_STATUS_ONLY_AUTHOR_SEE",
}
SWAPPED_STATUS = {
    "STATUS_ONLY_FRIEND_SEE": "ITEM_STATUS_ONLY_AUTHOR_SEE",
    "ITEM_STATUS_ONLY_AUTHOR_SEE": "STATUS_ONLY_FRIEND_SEE",
}
MOST_ORGANIC_POSTS = 500
"""`exclude_adsonly` looks at no more than this many recent posts."""


class IdentityFilter(Filter):
    """Filtering is for identities of type CUSTOMIZED_USER alone."""

    keyword: str | None = None


class IdentityGet(Query):
    """GET /identity/get/: 1 to 100 rows, 20 by default."""

    advertiser_id: Id
    identity_type: IdentityType | None = None
    identity_authorized_bc_id: Id | None = None
    filtering: IdentityFilter | None = None
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=20, ge=1, le=100)


@routes.get("/identity/get/", IdentityGet)
def identity_get(call: Call, query: IdentityGet) -> Data:
    """Identities of an ad account. Page numbers are all zero unless type and Business Center are given."""
    advertiser, config = call.advertiser(query.advertiser_id), call.world.config
    bc_id = query.identity_authorized_bc_id
    if query.filtering is not None and query.identity_type != "CUSTOMIZED_USER":
        raise parameter_error("Invalid value of 'filtering': it is supported for CUSTOMIZED_USER only.")
    without_bc = query.identity_type == "BC_AUTH_TT" and bc_id is None
    if without_bc and config.identity_without_bc == "refuse":
        raise parameter_error("Missing required field(s): identity_authorized_bc_id.")
    rows: list[dict[str, Any]] = []
    if query.identity_type in {None, "BC_AUTH_TT"} and not (without_bc and config.identity_without_bc == "empty"):
        rows += [_identity(call, one) for one in advertiser.identities.values() if bc_id in {None, one.bc_id}]
    if query.identity_type in {None, "CUSTOMIZED_USER"}:
        keyword = ((query.filtering and query.filtering.keyword) or "").casefold()
        rows += [
            _custom_identity(one)
            for one in advertiser.custom_identities.values()
            if keyword in one.display_name.casefold()
        ]
    data = paged(rows, query.page, query.page_size, lambda row: row, key="identity_list")
    if query.identity_type is None or without_bc or config.identity_page_info == "zeros":
        data["page_info"] = dict.fromkeys(page_info(1, 1, 0), 0)
    return data


def _custom_identity(identity: CustomIdentity) -> dict[str, Any]:
    return {
        "identity_id": identity.identity_id,
        "identity_type": "CUSTOMIZED_USER",
        "identity_authorized_bc_id": None,
        "display_name": identity.display_name,
        "profile_image": identity.image_uri or "",
    }


class IdentityCreate(Body):
    """POST /identity/create/."""

    advertiser_id: Id
    display_name: str = Field(min_length=1, max_length=100)
    image_uri: str | None = None


@routes.post("/identity/create/", IdentityCreate)
def identity_create(call: Call, body: IdentityCreate) -> Data:
    """Make up an identity. It is no TikTok account, so no Spark Ad can use it."""
    advertiser = call.working_advertiser(body.advertiser_id)
    identity = CustomIdentity(call.world.ids.long("71"), body.display_name, body.image_uri)
    advertiser.custom_identities[identity.identity_id] = identity
    return {"identity_id": identity.identity_id}


class IdentityDelete(Body):
    """POST /identity/delete/."""

    advertiser_id: Id
    identity_id: Id
    identity_type: Literal["CUSTOMIZED_USER"]


@routes.post("/identity/delete/", IdentityDelete)
def identity_delete(call: Call, body: IdentityDelete) -> Data:
    """Delete a made-up identity."""
    identities = call.advertiser(body.advertiser_id).custom_identities
    if identities.pop(body.identity_id, None) is None:
        raise parameter_error(f"Invalid value of 'identity_id': the identity {body.identity_id} does not exist")
    return {}


def _identity(call: Call, authorization: Authorization) -> dict[str, Any]:
    account = authorization.account
    return {
        "identity_id": authorization.identity_id,
        "identity_type": "BC_AUTH_TT",
        "identity_authorized_bc_id": authorization.bc_id,
        "display_name": account.display_name,
        call.world.config.handle_field: account.handle,
        "profile_image": "",
        "available_status": available_status(authorization),
        "can_pull_video": authorization.posts,
        "can_push_video": authorization.videos,
        "can_use_live_ads": authorization.live,
        "can_manage_message": False,
        "ads_only_mode": authorization.ads_only,
        "is_gpppa": account.is_gpppa,
    }


def available_status(authorization: Authorization) -> str:
    """Whether an identity can be used, or why not."""
    if authorization.account.available_status is not None:
        return authorization.account.available_status
    if authorization.account.is_banned:
        return "NO_VALID_BIND_ACCOUNT"
    return "IS_PRIVATE_ACCOUNT" if authorization.account.is_private else "AVAILABLE"


class IdentityInfo(Query):
    """GET /identity/info/."""

    advertiser_id: Id
    identity_id: Id
    identity_type: IdentityType
    identity_authorized_bc_id: Id | None = None


@routes.get("/identity/info/", IdentityInfo)
def identity_info(call: Call, query: IdentityInfo) -> Data:
    """One identity."""
    row = _identity(call, _of_query(call, query))
    row["profile_image_url"] = row.pop("profile_image")
    return {"identity_info": row}


def find_identity(advertiser: AdAccount, identity_id: str, identity_type: str, bc_id: str | None) -> Authorization:
    """The authorization behind an identity of an ad account.

    Raises:
        ApiError: 40002 with the text for a lost account, when it is not linked there or the Business Center is wrong.
    """
    authorization = advertiser.identities.get(identity_id)
    if identity_type == "BC_AUTH_TT" and bc_id is None:
        raise parameter_error("Missing required field(s): identity_authorized_bc_id.")
    if authorization is None or identity_type != "BC_AUTH_TT" or authorization.bc_id != bc_id:
        raise parameter_error(LOST_ACCOUNT)
    return authorization


def _of_query(call: Call, query: "IdentityInfo | VideoGet | VideoInfo | MusicAuthorization") -> Authorization:
    advertiser = call.advertiser(query.advertiser_id)
    return find_identity(advertiser, query.identity_id, query.identity_type, query.identity_authorized_bc_id)


class VideoGet(Query):
    """GET /identity/video/get/. `count` above 20 counts as 20."""

    advertiser_id: Id
    identity_id: Id
    identity_type: Literal["AUTH_CODE", "TT_USER", "BC_AUTH_TT"]
    identity_authorized_bc_id: Id | None = None
    item_type: Literal["VIDEO", "CAROUSEL"] = "VIDEO"
    keyword: str | None = None
    exclude_adsonly: QueryBool = False
    cursor: str | None = None
    count: int = Field(default=20, ge=1)


@routes.get("/identity/video/get/", VideoGet)
def video_get(call: Call, query: VideoGet) -> Data:
    """Posts of an identity, newest first. The cursor is the time of the last one shown, in microseconds."""
    authorization = _of_query(call, query)
    if query.keyword is not None:
        raise parameter_error("Invalid value of 'keyword': it is supported for AUTH_CODE only.")
    before: float | None = None
    if query.cursor:
        try:
            before = int(query.cursor) / 1_000_000
        except ValueError:
            raise parameter_error("Invalid value of 'cursor'") from None
    posts = sorted(
        (post for post in usable_posts(authorization) if post.type == query.item_type),
        key=lambda post: post.published_at,
        reverse=True,
    )
    if query.exclude_adsonly:
        posts = [post for post in posts if post.visible == "profile"][:MOST_ORGANIC_POSTS]
    if before is not None:
        posts = [post for post in posts if _microseconds(post) < round(before * 1_000_000)]
    shown = posts[: min(query.count, 20)]
    return {
        "video_list": [_post(post) for post in shown],
        "cursor": str(_microseconds(shown[-1])) if shown else "0",
        "has_more": len(posts) > len(shown),
    }


def usable_posts(authorization: Authorization) -> list[Post]:
    """Posts the owner shares: all of them, or, when only publishing was granted, those the Business Center made."""
    return [
        post
        for post in authorization.account.posts.values()
        if not post.deleted and (authorization.posts or post.bc_id == authorization.bc_id)
    ]


def find_post(authorization: Authorization, item_id: str) -> Post | None:
    """One post the owner shares, or None."""
    post = authorization.account.posts.get(item_id)
    if post is None or post.deleted or not (authorization.posts or post.bc_id == authorization.bc_id):
        return None
    return post


def _microseconds(post: Post) -> int:
    return round(post.published_at * 1_000_000)


def _post(post: Post) -> dict[str, Any]:
    """A post as it is shown for BC_AUTH_TT: neither its type nor whether ads may use it is said."""
    row: dict[str, Any] = {
        "item_id": post.item_id,
        "text": post.text,
        "status": POST_STATUS[post.status],
        "auth_info": None,
        "anchor_list": None,
        "is_ai_generated": False,
    }
    if post.type == "VIDEO":
        row["video_info"] = {
            "url": "",
            "poster_url": "",
            "duration": 15.0,
            "size": 1_500_000,
            "width": 720,
            "height": 1280,
            "bit_rate": 800_000,
            "format": "mp4",
            "signature": "",
        }
    else:
        row["video_info"] = None
        row["carousel_info"] = {
            "image_info": [{"image_id": post.item_id, "image_url": "", "image_height": 1280, "image_width": 720}],
            "music_info": None
            if post.music is None
            else {"music_id": digits("music", post.item_id), "music_url": "", "music_duration": 60},
        }
    return row


class VideoInfo(Query):
    """GET /identity/video/info/: one `item_id`, or up to 20 `item_ids`."""

    advertiser_id: Id
    identity_id: Id
    identity_type: Literal["AUTH_CODE", "TT_USER", "BC_AUTH_TT"]
    identity_authorized_bc_id: Id | None = None
    item_type: Literal["VIDEO", "CAROUSEL"] = "VIDEO"
    item_id: Id | None = None
    item_ids: list[Id] | None = Field(default=None, min_length=1, max_length=20)


@routes.get("/identity/video/info/", VideoInfo)
def video_info(call: Call, query: VideoInfo) -> Data:
    """Details of posts of one type; those that cannot be seen are left out of a list."""
    authorization = _of_query(call, query)
    if query.item_ids is not None:
        found = [find_post(authorization, item_id) for item_id in query.item_ids]
        rows = [_post(post) for post in found if post is not None and post.type == query.item_type]
        if call.world.config.swapped_details:
            rows = [row | {"status": SWAPPED_STATUS.get(row["status"], row["status"])} for row in rows]
        return {"video_details": rows}
    if query.item_id is None:
        raise parameter_error("Missing required field(s): item_id.")
    post = _valid_item(authorization, query.item_id)
    if post.type != query.item_type:
        raise _no_valid_item(query.item_id)
    details = {"video_detail": _post(post)}
    return {**details, "video_details": []} if call.world.config.empty_details else details


def _valid_item(authorization: Authorization, item_id: str) -> Post:
    post = find_post(authorization, item_id)
    if post is None:
        raise _no_valid_item(item_id)
    return post


def _no_valid_item(item_id: str) -> ApiError:
    return ApiError(40000, f"The item {item_id} is not a valid item of this identity.")


class MusicAuthorization(Query):
    """GET /identity/music/authorization/: the places and the times that the music is to be used in."""

    advertiser_id: Id
    identity_id: Id
    identity_type: Literal["AUTH_CODE", "TT_USER", "BC_AUTH_TT"]
    identity_authorized_bc_id: Id | None = None
    item_id: Id
    locations: list[Id] = Field(min_length=1)
    start_time: str
    end_time: str


@routes.get("/identity/music/authorization/", MusicAuthorization)
def music_authorization(call: Call, query: MusicAuthorization) -> Data:
    """Whether the music of a post may be used in ads there and then. A post without music has no song id."""
    post = _valid_item(_of_query(call, query), query.item_id)
    _check_use(call, query)
    status = "WITHOUT_SONG_ID"
    songs: list[dict[str, Any]] = []
    if post.music is not None:
        status = "WITH_FULL_AUTHORIZATION" if post.music_authorized else "AUTHORIZATION_MISSING"
        songs = [
            {
                "music_id": digits("music", post.item_id),
                "title": post.music.title,
                "author": post.music.author,
                "labels": [],
                "authorization_type": "AUTHORIZED" if post.music_authorized else "NOT_AUTHORIZED",
            }
        ]
    answer = {"item_id": post.item_id, "music_status": status, "authorization_infos": songs}
    return {"music_authorization": [answer]}


def _check_use(call: Call, query: MusicAuthorization) -> None:
    taken = call.world.config.music_locations
    for place in query.locations:
        if not ((taken != "codes" and place in places()) or (taken != "ids" and place in countries())):
            raise parameter_error(f"Invalid value of 'locations': {place}")
    try:
        start, end = parse_spaced(query.start_time), parse_spaced(query.end_time)
    except ValueError:
        raise parameter_error("Invalid value of 'start_time': correct is YYYY-MM-DD HH:MM:SS in UTC") from None
    if end <= start:
        raise parameter_error("Invalid value of 'end_time': not after start_time")


class BindQuota(Query):
    """GET /asset/bind/quota/."""

    advertiser_id: Id
    asset_id: Id
    asset_type: Literal["IDENTITY"]


@routes.get("/asset/bind/quota/", BindQuota)
def bind_quota(call: Call, query: BindQuota) -> Data:
    """How many ads an identity has and may have."""
    authorization = call.advertiser(query.advertiser_id).identities.get(query.asset_id)
    if authorization is None:
        raise parameter_error(LOST_ACCOUNT)
    total, used = call.world.config.ads_per_identity, len(authorization.ads)
    return {"total_quota": total, "used_quota": used, "available_quota": max(0, total - used)}
