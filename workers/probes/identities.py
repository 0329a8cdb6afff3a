"""TikTok accounts as ad accounts see them, their posts, and the music in those."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from tiktok.identities import BC_AUTH_TT, IDENTITIES_PAGE, POSTS_PAGE
from tiktok.wire import TIME_FORMAT
from workers.probes.answers import MADE_UP_ID, Answers, Finding, Json, Probe, Said
from workers.probes.asking import comes, count, fixed, is_there, of_identity, rows_of, values

MOST_POSTS: Final = 20
AIRED = timedelta(days=30)


def _identities(known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said, "identity_list")
    if not rows:
        means = "this ad account shows no identity of the Business Center"
        return Finding(means, answered="none", note="the client asks once more without the Business Center, then waits")
    spelling = [name for name in ("username", "user_name") if is_there(rows, name)]
    page = said[0].data.get("page_info")
    zeros = isinstance(page, dict) and not page.get("total_number")
    answered = (
        f"{len(rows)}; handle in {' and '.join(spelling) or 'no field'}; ads_only_mode {comes(rows, 'ads_only_mode')}; "
        f"page_info {'all zero' if zeros else 'filled'}; {values(rows, 'available_status')}"
    )
    strangers = [row for row in rows if row.get("identity_authorized_bc_id") not in (None, known.bc_id)]
    if strangers:
        note = "those of another Business Center can't be used here: link the account from this one"
        return Finding(
            f"{count(len(strangers), 'identity', 'identities')} of another Business Center",
            answered=answered,
            note=note,
        )
    means = "identities have handles to join by" if spelling else "identities are joined by name"
    return Finding(means, answered=answered, note="the client reads either spelling, and pages without a count")


def _identities_without_bc(known: Answers, said: Sequence[Said]) -> Finding:
    with_bc = {str(row.get("identity_id")) for row in known.rows("identities", "identity_list")}
    without = {str(row.get("identity_id")) for row in rows_of(said, "identity_list")}
    answered = f"{len(without)}, {len(without - with_bc)} of them new"
    means = (
        "the same without the Business Center: its id is optional"
        if without == with_bc
        else "the Business Center's id narrows the list"
        if with_bc < without
        else "without the Business Center fewer are listed: its id is needed"
    )
    return Finding(means, answered=answered, note="the client sends it")


def _second_ad_account(known: Answers) -> Sequence[Json]:
    linked = [str(row["advertiser_id"]) for row in known.rows("links") if row.get("advertiser_id")]
    further = [one for one in dict.fromkeys(linked) if one != known.ad_account]
    return [_identities_of(one, known.bc_id) for one in further[:1]]


def _identities_of(advertiser_id: str, bc_id: str | None) -> Json:
    params = {"advertiser_id": advertiser_id, "identity_type": BC_AUTH_TT, "page": 1, "page_size": IDENTITIES_PAGE}
    return params if bc_id is None else {**params, "identity_authorized_bc_id": bc_id}


def _identities_elsewhere(known: Answers, said: Sequence[Said]) -> Finding:
    first = {str(row.get("identity_id")) for row in known.rows("identities", "identity_list")}
    shared = first & {str(row.get("identity_id")) for row in rows_of(said, "identity_list")}
    means = (
        "one account is the same identity in several ad accounts"
        if shared
        else "an account is another identity in each ad account, or the two have no account in common"
    )
    return Finding(means, answered=f"{len(shared)} in common", note="the record keeps one for each ad account")


def _identity_room(_known: Answers, said: Sequence[Said]) -> Finding:
    data = said[0].data
    total, used = data.get("total_quota"), data.get("used_quota")
    if total is None:
        return Finding("no limit is known", answered="no numbers", note="the product takes it for no limit")
    means = f"an identity may have {total} ads"
    return Finding(means, answered=f"{used} of {total} used", note="asked again before a release")


def _posts(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said, "video_list")
    if not rows:
        return Finding("no post to look at", answered="none", note="pull needs a post of the account")
    answered = (
        f"{len(rows)}; auth_info {comes(rows, 'auth_info')}; item_type {comes(rows, 'item_type')}; "
        f"{values(rows, 'status')}; has_more {said[0].data.get('has_more')}"
    )
    if is_there(rows, "auth_info"):
        means = "TikTok says of posts whether their owners allow ads, which is documented for post codes only"
        return Finding(means, answered=answered, note="the product does not look at it: report it to the project")
    return Finding("whether a post may be an ad is said only when the ad is made", answered=answered)


def _posts_21(_known: Answers, said: Sequence[Said]) -> Finding:
    number = len(rows_of(said, "video_list"))
    means = "more than 20 are returned" if number > MOST_POSTS else "no refusal, and not more than 20"
    return Finding(means, answered=str(number), note=f"the client asks for {POSTS_PAGE}")


def _photo_posts(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said, "video_list")
    if not rows:
        return Finding("no photo post to look at", answered="none", note="the client asks for both types")
    answered = f"{len(rows)}; video_info {comes(rows, 'video_info')}; item_type {comes(rows, 'item_type')}"
    return Finding("photo posts are listed by themselves", answered=answered, note="the client asks for both types")


def _post(_known: Answers, said: Sequence[Said]) -> Finding:
    data = said[0].data
    fields = ", ".join(sorted(name for name in data if name.startswith("video_detail"))) or "nothing"
    there = bool(data.get("video_detail") or data.get("video_details"))
    note = "read from video_detail for one, from video_details for several"
    return Finding("a post is found by its id" if there else "the post is not returned", answered=fields, note=note)


def _unknown_post(_known: Answers, said: Sequence[Said]) -> Finding:
    found = said[0].data.get("video_detail") or said[0].rows("video_details")
    answered = "something" if found else "an empty answer"
    return Finding("a post that is not there is no error", answered=answered, note="read as: no such post")


def _photo_post_untyped(_known: Answers, said: Sequence[Said]) -> Finding:
    found = said[0].data.get("video_detail")
    means = (
        "a photo post is found without its type" if found else "a photo post is found only by those who name its type"
    )
    return Finding(means, answered="found" if found else "not found", note="the client asks for both types")


def _music(form: str) -> Callable[[Answers], Sequence[Json]]:
    def params(known: Answers) -> Sequence[Json]:
        if known.identity_params is None or known.post is None or known.place is None or not known.place.get(form):
            return []
        times = {
            "start_time": known.now.strftime(TIME_FORMAT),
            "end_time": (known.now + AIRED).strftime(TIME_FORMAT),
        }
        return [{**known.identity_params, "item_id": known.post, "locations": [str(known.place[form])], **times}]

    return params


def _music_answer(what: str) -> Callable[[Answers, Sequence[Said]], Finding]:
    def read(_known: Answers, said: Sequence[Said]) -> Finding:
        rows = rows_of(said, "music_authorization")
        return Finding(f"{what} are taken for places", answered=values(rows, "music_status"))

    return read


PROBES: Final[tuple[Probe, ...]] = (
    Probe(
        name="identities",
        asks="how an ad account sees TikTok accounts",
        path="identity/get/",
        params=lambda known: [_identities_of(known.ad_account, known.bc_id)] if known.ad_account else [],
        needs="there is no ad account",
        read=_identities,
        refused=Finding(
            "identities can't be read, so nothing can be published",
            "the app needs the scope of TikTok posts and identities: add it, and authorize again",
        ),
    ),
    Probe(
        name="identities_without_bc",
        asks="the same without the Business Center",
        path="identity/get/",
        params=lambda known: [_identities_of(known.ad_account, None)] if known.ad_account else [],
        needs="there is no ad account",
        read=_identities_without_bc,
        refused=Finding("the Business Center's id is needed", "the client sends it"),
    ),
    Probe(
        name="identities_elsewhere",
        asks="whether another ad account knows the same identity",
        path="identity/get/",
        params=_second_ad_account,
        needs="no account is linked to two ad accounts",
        read=_identities_elsewhere,
        refused=Finding("the second ad account is not open to the token", "authorize the app again, and choose it"),
    ),
    Probe(
        name="identity_room",
        asks="how many ads an identity may have",
        path="asset/bind/quota/",
        params=lambda known: (
            []
            if known.identity_params is None
            else [
                {
                    "advertiser_id": known.ad_account,
                    "asset_id": known.identity_params["identity_id"],
                    "asset_type": "IDENTITY",
                }
            ]
        ),
        needs="there is no identity",
        read=_identity_room,
        refused=Finding("no limit is known", "the product takes it for no limit"),
    ),
    Probe(
        name="posts",
        asks="how posts are listed",
        path="identity/video/get/",
        params=of_identity(item_type="VIDEO", count=POSTS_PAGE),
        needs="there is no identity",
        read=_posts,
        refused=Finding(
            "the identity's posts can't be read, so none can be pulled",
            "see in the file why; the owner may have granted no existing posts",
        ),
    ),
    Probe(
        name="posts_21",
        asks="whether more than 20 posts come at once",
        path="identity/video/get/",
        params=of_identity(item_type="VIDEO", count=MOST_POSTS + 1),
        needs="there is no identity",
        read=_posts_21,
        refused=Finding("more than 20 are refused", f"the client asks for {POSTS_PAGE}"),
    ),
    Probe(
        name="photo_posts",
        asks="how photo posts are listed",
        path="identity/video/get/",
        params=of_identity(item_type="CAROUSEL", count=POSTS_PAGE),
        needs="there is no identity",
        read=_photo_posts,
        refused=Finding("photo posts can't be listed", "rows that pull one are refused when they are looked at"),
    ),
    Probe(
        name="organic_posts",
        asks="whether posts made by ads can be left out",
        path="identity/video/get/",
        params=of_identity(item_type="VIDEO", count=POSTS_PAGE, exclude_adsonly=True),
        needs="there is no identity",
        read=fixed("answered", "exclude_adsonly is taken", "the product does not use it"),
        refused=Finding("exclude_adsonly is not known", "the product does not use it"),
    ),
    Probe(
        name="post",
        asks="one post by its id",
        path="identity/video/info/",
        params=lambda known: (
            []
            if known.post is None
            else [{**(known.identity_params or {}), "item_id": known.post, "item_type": "VIDEO"}]
        ),
        needs="there is no post",
        read=_post,
        refused=Finding("posts can't be looked at", "rows that pull are left to what ad/create says"),
    ),
    Probe(
        name="posts_by_id",
        asks="the same in a list of ids",
        path="identity/video/info/",
        params=lambda known: (
            []
            if known.post is None
            else [{**(known.identity_params or {}), "item_ids": [known.post], "item_type": "VIDEO"}]
        ),
        needs="there is no post",
        read=_post,
        refused=Finding("posts can't be looked at", "rows that pull are left to what ad/create says"),
    ),
    Probe(
        name="unknown_post",
        asks="a post that does not exist",
        path="identity/video/info/",
        params=of_identity(item_id=MADE_UP_ID, item_type="VIDEO"),
        needs="there is no identity",
        read=_unknown_post,
        refused=Finding(
            "so it is said that a post does not exist", "read as: no such post, where it says `valid item`"
        ),
    ),
    Probe(
        name="photo_post_untyped",
        asks="a photo post without its type",
        path="identity/video/info/",
        params=lambda known: (
            [] if known.photo_post is None else [{**(known.identity_params or {}), "item_id": known.photo_post}]
        ),
        needs="there is no photo post",
        read=_photo_post_untyped,
        refused=Finding("a photo post is found only by those who name its type", "the client asks for both types"),
    ),
    Probe(
        name="music_by_id",
        asks="whether the music of a post is cleared, by location id",
        path="identity/music/authorization/",
        params=_music("location_id"),
        needs="there is no post, or no country is known",
        read=_music_answer("location ids"),
        refused=Finding("location ids are not taken for places", "the client tries country codes"),
    ),
    Probe(
        name="music_by_code",
        asks="the same by country code",
        path="identity/music/authorization/",
        params=_music("region_code"),
        needs="there is no post, or no country is known",
        read=_music_answer("country codes"),
        refused=Finding(
            "country codes are not taken for places",
            "the client asks by location id; where neither is taken, music is left to TikTok's review",
        ),
    ),
)
