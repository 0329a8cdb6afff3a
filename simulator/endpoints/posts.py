"""Posts that an identity may advertise, and whether their music may be used in ads."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.identities import find_identity
from simulator.entities import Authorization, Post
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Id, Query, QueryBool
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


def _of_query(call: Call, query: "VideoGet | VideoInfo | MusicAuthorization") -> Authorization:
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
        if call.world.config.details_say_type:
            rows = [row | {"item_type": query.item_type} for row in rows]
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
