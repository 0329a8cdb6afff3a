"""Videos, their names, and the covers that are proposed for them."""

from collections.abc import Sequence
from typing import Final

from tiktok.files import COVERS, SEARCH_PAGE
from workers.probes.answers import Answers, Finding, Json, Probe, Said
from workers.probes.asking import count, of_ad_account, page_of, rows_of


def _videos(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said)
    md5s = [row["signature"] for row in rows if row.get("signature")]
    twice = len(md5s) - len(set(md5s))
    means = "several ids of one content are listed" if twice else "no content is listed twice"
    note = "a video is found by its name, else by its content"
    return Finding(means, answered=f"{count(len(rows), 'video')}, {twice} of content that others have", note=note)


def _by_part_of_name(known: Answers) -> Sequence[Json]:
    part = str((known.video or {}).get("file_name") or "")[:-1]
    if not part or known.ad_account is None:
        return []
    filtering = {"video_name": part}
    return [{"advertiser_id": known.ad_account, "filtering": filtering, "page": 1, "page_size": SEARCH_PAGE}]


def _video_by_name(known: Answers, said: Sequence[Said]) -> Finding:
    wanted = (known.video or {}).get("video_id")
    found = any(row.get("video_id") == wanted for row in rows_of(said))
    means = "the search by name takes a part for the whole" if found else "the search by name is exact"
    return Finding(means, answered="found" if found else "not found", note="the client compares names itself")


def _name_check(known: Answers, said: Sequence[Said]) -> Finding:
    data = said[0].data
    same = data.get("duplicate_material_id") == (known.video or {}).get("material_id")
    answered = f"duplicate {data.get('duplicate')}, material {'the same' if same else 'another or none'}"
    means = (
        "a name that is taken leads to its video" if data.get("duplicate") and same else "it does not name the video"
    )
    return Finding(means, answered=answered)


def _covers(known: Answers, said: Sequence[Said]) -> Finding:
    rows, video = rows_of(said), known.video or {}
    sizes = sorted({f"{row.get('width')}x{row.get('height')}" for row in rows})
    answered = (
        f"{len(rows)} of {COVERS}: {', '.join(sizes) or 'none'}; the video {video.get('width')}x{video.get('height')}"
    )
    means = "covers are proposed" if rows else "no cover is proposed, for a video that is transcoded for long"
    return Finding(means, answered=answered, note="the first one of the video's shape is taken")


PROBES: Final[tuple[Probe, ...]] = (
    Probe(
        name="videos",
        asks="the videos of an ad account, 100 a page",
        path="file/video/ad/search/",
        params=of_ad_account(page=1, page_size=SEARCH_PAGE),
        needs="there is no ad account",
        read=_videos,
        refused=Finding(
            "videos can't be found again after a lost answer", "the app needs the scope of videos and images"
        ),
    ),
    Probe(
        name="videos_1000",
        asks="whether 1,000 fit into a page",
        path="file/video/ad/search/",
        params=of_ad_account(page=1, page_size=1000),
        needs="there is no ad account",
        read=page_of(1000, SEARCH_PAGE),
        refused=Finding("a page holds fewer", f"the client asks for {SEARCH_PAGE} a page"),
    ),
    Probe(
        name="video_by_name",
        asks="whether a search by name is exact",
        path="file/video/ad/search/",
        params=_by_part_of_name,
        needs="there is no video",
        read=_video_by_name,
        refused=Finding("names can't be searched for", "a video is found by its material"),
    ),
    Probe(
        name="name_check",
        asks="what a name that is taken leads to",
        path="file/name/check/",
        params=lambda known: (
            []
            if known.video is None or not known.video.get("file_name")
            else [{"advertiser_id": known.ad_account, "file_name": str(known.video["file_name"]), "file_type": "VIDEO"}]
        ),
        needs="there is no video",
        read=_name_check,
        refused=Finding("names can't be checked", "an upload of unknown outcome can't be found"),
    ),
    Probe(
        name="covers",
        asks="which covers are proposed for a video",
        path="file/video/suggestcover/",
        params=lambda known: (
            []
            if known.video is None
            else [
                {"advertiser_id": known.ad_account, "video_id": str(known.video["video_id"]), "poster_number": COVERS}
            ]
        ),
        needs="there is no video",
        read=_covers,
        refused=Finding(
            "so it is said of a video whose covers are not there", "read as: not ready yet, if the words are TikTok's"
        ),
    ),
    Probe(
        name="cover_image",
        asks="whether such a cover is in the image library",
        path="file/image/ad/info/",
        params=lambda known: (
            [] if known.cover is None else [{"advertiser_id": known.ad_account, "image_ids": [known.cover]}]
        ),
        needs="there is no cover",
        read=lambda _known, said: Finding(
            "a proposed cover is in the library" if rows_of(said) else "a proposed cover is not in the library",
            answered=count(len(rows_of(said)), "image"),
            note="its id is used for the ad as it is",
        ),
        refused=Finding("a proposed cover is not in the library", "its id is used for the ad as it is"),
    ),
)
