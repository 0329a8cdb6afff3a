"""Answers as TikTok's pages and callers show them, in all that is null, absent or spelt otherwise."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from answering_server import Server, body
from listings import LISTINGS, Listing, post

from tiktok import (
    Airing,
    BudgetMode,
    InvalidRequest,
    ItemType,
    NewCampaign,
    NotReady,
    PostStatus,
    ServerFault,
    TikTokClient,
    UnknownOutcome,
)
from tiktok.files import LARGE_FILE

PAGED = [listing for listing in LISTINGS if listing.is_paged]
NAMES = {"ids": lambda listing: listing.name}
AIRING = Airing(("6252001",), ("US",), datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
ZEROS = {"page": 0, "page_size": 0, "total_number": 0, "total_page": 0}


# Lists


@pytest.mark.parametrize("listing", LISTINGS, **NAMES)
@pytest.mark.parametrize("ids", [int, str])
async def test_ids_are_text_however_they_are_written(
    server: Server, answered: TikTokClient, listing: Listing, ids: type
) -> None:
    entry = listing.entry(ids(7_400_000_000_000_000_001))  # type: ignore[arg-type]
    server.data(listing.data([entry]))
    (row,) = await listing.ask(answered)
    if listing.known_by is not None:
        assert next(iter(row.model_dump().values())) == "7400000000000000001"


@pytest.mark.parametrize("listing", LISTINGS, **NAMES)
async def test_of_an_entry_only_its_id_is_needed(server: Server, answered: TikTokClient, listing: Listing) -> None:
    def emptied(value: Any, path: tuple[str, ...] = ()) -> Any:
        if path == listing.known_by:
            return value
        if isinstance(value, dict) and path == (listing.known_by or ())[: len(path)]:
            return {name: emptied(part, (*path, name)) for name, part in value.items()}
        return None

    server.data(listing.data([emptied(listing.entry("74"))]))
    found = await listing.ask(answered)
    assert (len(found), found.is_complete) == (1, True)
    for empty in ("", [], {}, 0):
        odd = {name: empty for name in listing.entry("74") if name not in (listing.known_by or ())[:1]}
        kept = {name: part for name, part in listing.entry("74").items() if name not in odd}
        server.data(listing.data([{**odd, **kept}]))
        found = await listing.ask(answered)
        assert (len(found), found.is_complete) == (1, True)


@pytest.mark.parametrize("listing", LISTINGS, **NAMES)
@pytest.mark.parametrize("entry", [None, "x", 7, [], ["a"], True])
async def test_an_entry_that_is_none_is_named_and_spoils_no_other(
    server: Server, answered: TikTokClient, listing: Listing, entry: object
) -> None:
    first, third = listing.entries(2)
    server.data(listing.data([first, entry, third]))
    found = await listing.ask(answered)
    assert len(found) == 2
    (line,) = found.left_out
    assert line.startswith(f"{listing.name}: entry 2 of {listing.rows}: ")


@pytest.mark.parametrize("listing", [one for one in LISTINGS if one.known_by], **NAMES)
@pytest.mark.parametrize("value", [None, "", {"id": "7"}, ["7"], True, 7.5e18])
async def test_an_entry_without_its_id_is_named_and_its_values_are_not_shown(
    server: Server, answered: TikTokClient, listing: Listing, value: object
) -> None:
    assert listing.known_by is not None
    first, second = listing.entries(2)
    where = first
    for step in listing.known_by[:-1]:
        where = where[step]  # type: ignore[index]
    where[listing.known_by[-1]] = value  # type: ignore[index]
    where["secret"] = "must-not-show"
    server.data(listing.data([first, second]))
    found = await listing.ask(answered)
    assert len(found) == 1
    (line,) = found.left_out
    assert "entry 1" in line
    assert str(listing.known_by[-1]) in line
    assert "must-not-show" not in line


@pytest.mark.parametrize("listing", PAGED, **NAMES)
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"page_info": {"total_page": 1}},
        {"page_info": None},
        {"page_info": {"total_number": None}},
        {"page_info": {"total_number": 3, "total_page": 1}},
        {"page_info": "none"},
    ],
)
@pytest.mark.parametrize("listed", ["absent", None, "none", {}, 0])
async def test_a_list_that_is_not_there_is_no_empty_one(
    server: Server, answered: TikTokClient, listing: Listing, data: dict[str, Any], listed: object
) -> None:
    server.data(data if listed == "absent" else {**data, listing.rows: listed})
    found = await listing.ask(answered)
    assert found == []
    assert not found.is_complete
    assert any(listing.rows in line or "entries" in line for line in found.left_out)


@pytest.mark.parametrize("listing", PAGED, **NAMES)
@pytest.mark.parametrize("data", [{}, {"list": None, "identity_list": None}, {"list": [], "identity_list": []}])
async def test_a_list_that_tiktok_counts_as_empty_is_empty(
    server: Server, answered: TikTokClient, listing: Listing, data: dict[str, Any]
) -> None:
    server.data({**data, "page_info": {"page": 1, "page_size": 10, "total_number": 0, "total_page": 0}})
    found = await listing.ask(answered)
    assert (found, found.is_complete) == ([], True)


@pytest.mark.parametrize("listing", LISTINGS, **NAMES)
@pytest.mark.parametrize("envelope", [{"code": 0}, {"code": 0, "data": None}, {"code": 0, "message": "OK", "data": {}}])
async def test_no_data_is_no_evidence(
    server: Server, answered: TikTokClient, listing: Listing, envelope: dict[str, Any]
) -> None:
    server.answers = [body(envelope)]
    if listing.name == "file/video/suggestcover/":
        with pytest.raises(NotReady):
            await listing.ask(answered)
        return
    found = await listing.ask(answered)
    assert found == []
    assert not found.is_complete


async def test_an_invited_member_has_no_id(server: Server, answered: TikTokClient) -> None:
    finance = {"finance_role": None}
    invited = {"user_id": None, "user_name": None, "user_email": "c@x.com", "relation_status": "PENDING"}
    people = [
        {
            "user_id": None,
            "user_name": None,
            "user_email": "a**b@x.com",
            "user_role": "ADMIN",
            "ext_user_role": finance,
        },
        {**invited, "user_role": "STANDARD", "ext_user_role": finance},
        {"user_id": "72", "user_name": "Ada", "user_role": "ADMIN", "relation_status": "BOUND"},
    ]
    server.data({"list": people, "page_info": {"page": 1, "page_size": 20, "total_number": 3, "total_page": 1}})
    members = await answered.business_centers.members("2")
    assert members.is_complete
    assert [(one.user_id, one.user_role, one.relation_status) for one in members] == [
        (None, "ADMIN", ""),
        (None, "STANDARD", "PENDING"),
        ("72", "ADMIN", "BOUND"),
    ]


async def test_pages_full_of_invited_members_are_all_read(server: Server, answered: TikTokClient) -> None:
    # They are all alike, so that a page is no sign that it came before.
    invited = [{"user_id": None, "relation_status": "PENDING"} for _ in range(20)]
    info = {"total_number": 63, "total_page": 4}
    server.data(*({"list": some, "page_info": info} for some in (invited, invited, invited, invited[:3])))
    members = await answered.business_centers.members("2")
    assert (len(members), members.is_complete) == (63, True)


async def test_an_ad_of_an_odd_spelling(server: Server, answered: TikTokClient) -> None:
    entry = {"ad_id": 1, "ad_name": None, "tracking_pixel_id": 0, "image_ids": None, "tiktok_item_id": ""}
    server.data({"list": [{**entry, "video_id": "", "create_time": ""}], "page_info": {"page": 1, "total_page": 1}})
    (ad,) = await answered.ads.ads("1")
    # An empty text is no post: nobody may take the ad for published.
    assert (ad.ad_id, ad.tiktok_item_id, ad.video_id, ad.create_time) == ("1", None, None, None)


# Single answers


async def test_a_post_says_neither_its_type_nor_whether_ads_may_use_it(server: Server, answered: TikTokClient) -> None:
    official = post("75") | {"carousel_info": None}
    server.data({"video_detail": official, "video_details": []})
    one = await answered.identities.post("1", "i", "2", "75")
    assert (one.item_type, one.status, one.carousel_info) == (ItemType.VIDEO, PostStatus.PUBLIC, None)
    assert one.video_info is not None
    assert one.video_info.duration == 8.474
    photo = {"item_id": 76, "text": "", "status": None, "video_info": None, "anchor_list": [], "auth_info": {}}
    server.data({"video_detail": {**photo, "carousel_info": {"image_info": [], "music_info": {}}}})
    two = await answered.identities.post("1", "i", "2", "76", item_type="CAROUSEL")
    assert (two.item_id, two.item_type, two.text, two.status) == ("76", ItemType.CAROUSEL, "", "")
    assert two.carousel_info is not None
    assert two.carousel_info.image_info == ()
    assert [request.query["item_type"] for request in server.seen] == ["VIDEO", "CAROUSEL"]


@pytest.mark.parametrize(
    ("said", "is_refused", "not_cleared"),
    [
        ({"music_status": "WITHOUT_SONG_ID", "authorization_infos": []}, False, ()),
        ({"music_status": "WITHOUT_SONG_ID", "authorization_infos": None}, False, ()),
        (
            {"music_status": "WITH_FULL_AUTHORIZATION", "authorization_infos": [{"authorization_type": "AUTHORIZED"}]},
            False,
            (),
        ),
        (
            {
                "music_status": "AUTHORIZATION_MISSING",
                "authorization_infos": [
                    {"title": "A", "author": "B", "labels": [], "authorization_type": "NOT_AUTHORIZED"},
                    {"title": "C", "author": None, "authorization_type": "NOT_AUTHORIZED"},
                    {"title": "D", "author": "E", "authorization_type": "AUTHORIZED"},
                    {"title": None, "author": "F", "authorization_type": "NOT_AUTHORIZED"},
                ],
            },
            True,
            ("A by B", "C"),
        ),
        ({"music_status": "AUTHORIZATION_MISSING", "authorization_infos": []}, True, ()),
        ({"music_status": "AUTHORIZATION_MISSING", "authorization_infos": "odd"}, True, ()),
        ({"music_status": "OF_TOMORROW", "authorization_infos": [{"authorization_type": "NOT_AUTHORIZED"}]}, False, ()),
        ({"music_status": None}, False, ()),
    ],
)
async def test_music_has_three_answers_and_no_other_refuses(
    server: Server, answered: TikTokClient, said: dict[str, Any], *, is_refused: bool, not_cleared: tuple[str, ...]
) -> None:
    other = {"item_id": "9", "music_status": "AUTHORIZATION_MISSING"}
    server.data({"music_authorization": [other, {"item_id": "75", **said}]})
    music = await answered.identities.music("1", "i", "2", "75", AIRING)
    assert music.is_refused is is_refused
    if is_refused:
        assert music.not_cleared == not_cleared
    query = server.seen[0].query
    assert query["locations"] == '["6252001"]'
    assert (query["start_time"], query["end_time"]) == ("2026-12-01 00:00:00", "2026-12-31 00:00:00")


@pytest.mark.parametrize("data", [{}, {"music_authorization": None}, {"music_authorization": []}])
async def test_no_word_about_music_is_no_refusal(server: Server, answered: TikTokClient, data: object) -> None:
    server.data(data)
    music = await answered.identities.music("1", "i", "2", "75", AIRING)
    assert (music.music_status, music.is_refused) == ("", False)


async def test_a_quota_that_is_not_said_is_no_limit_that_is_known(server: Server, answered: TikTokClient) -> None:
    server.data({"total_quota": 10000, "used_quota": None, "available_quota": "many"})
    quota = await answered.identities.quota("1", "i")
    assert (quota.total_quota, quota.used_quota, quota.available_quota) == (10000, None, None)
    server.data({"total_adgroup_quota": 4980, "used_adgroup_quota": 20})
    assert (await answered.ads.ad_group_quota("1")).room == 4960
    server.data({"total_adgroup_quota": 20, "used_adgroup_quota": "23"})
    assert (await answered.ads.ad_group_quota("1")).room == 0
    for unsaid in ({}, {"total_adgroup_quota": 20}, {"used_adgroup_quota": 20}, {"total_adgroup_quota": {}}):
        server.data(unsaid)
        assert (await answered.ads.ad_group_quota("1")).room is None


async def test_reasons_of_a_review_are_read_ad_by_ad(server: Server, answered: TikTokClient) -> None:
    server.data(
        {
            "ad_review_map": {
                "1": {"ad_id": 1, "is_approved": True, "last_audit_time": 1596023135, "reject_info": None},
                "2": {"is_approved": False, "reject_info": [{"reasons": ["Music"], "suggestion": None}, "odd"]},
                "3": None,
                "4": "odd",
                "5": {"ad_id": 5, "reject_info": [{"reasons": ["Text"], "suggestion": 7, "content_info": {}}]},
            }
        }
    )
    reviews = await answered.ads.review_info("1", ["1", "2", "3", "4", "5"])
    assert set(reviews) == {"1", "2", "5"}
    assert (reviews["1"].is_approved, reviews["2"].is_approved) == (True, False)
    assert reviews["5"].reject_info[0].reasons == ("Text",)
    for nothing in (None, [], "none"):
        server.data({"ad_review_map": nothing})
        assert await answered.ads.review_info("1", ["1"]) == {}


@pytest.mark.parametrize("is_pascal", [True, False])
async def test_an_upload_in_pieces_reads_both_spellings(
    server: Server, answered: TikTokClient, tmp_path: Path, *, is_pascal: bool
) -> None:
    size, half = LARGE_FILE + 1, LARGE_FILE // 2
    file = tmp_path / "large.mp4"
    with file.open("wb") as large:
        large.truncate(size)
    started = {"upload_id": "u", "start_offset": 0, "end_offset": half}
    pascal = {"UploadId": "u", "FileName": "f", "StartOffset": 0, "EndOffset": half}
    start = (
        {"Code": 0, "Message": "OK", "RequestId": "r", "Data": pascal} if is_pascal else {"code": 0, "data": started}
    )
    pieces = [{"start_offset": half, "end_offset": size}, {"start_offset": size, "end_offset": size}]
    video = [{"video_id": "v", "file_name": "large.mp4", "fix_task_id": None, "flaw_types": None}]
    rest = [*pieces, {"file_id": "f"}, video]
    server.answers = [body(start), *(body({"code": 0, "data": data}) for data in rest)]
    uploaded = await answered.files.upload_video("1", file, md5="ab", file_name="large.mp4")
    assert uploaded.video_id == "v"
    asked = [request.path.split("v1.3/")[1] for request in server.seen]
    assert asked == [
        "file/start/upload/",
        "file/transfer/upload/",
        "file/transfer/upload/",
        "file/finish/upload/",
        "file/video/ad/upload/",
    ]
    assert b'"file_id": "f"' in server.bodies[-1]


async def test_a_refusal_in_pascal_case_is_one(server: Server, answered: TikTokClient, tmp_path: Path) -> None:
    file = tmp_path / "large.mp4"
    with file.open("wb") as large:
        large.truncate(LARGE_FILE + 1)
    server.answers = [body({"Code": 40002, "Message": "Invalid value of 'size'", "RequestId": "r1"})]
    with pytest.raises(InvalidRequest, match=r"Invalid value of 'size'.*request r1"):
        await answered.files.upload_video("1", file, md5="ab", file_name="large.mp4")


async def test_a_video_with_flaws_has_no_id(server: Server, answered: TikTokClient) -> None:
    server.data([{"fix_task_id": "t", "flaw_types": ["LOW_RESOLUTION", "ILLEGAL_VIDEO_SIZE"]}])
    with pytest.raises(InvalidRequest, match="LOW_RESOLUTION, ILLEGAL_VIDEO_SIZE"):
        await answered.files.upload_video_by_url("1", "https://a", file_name="a.mp4")
    for nothing in ([], {}, [{"video_id": None}], [{"flaw_types": "LOW"}]):
        server.data(nothing)
        with pytest.raises(UnknownOutcome):
            await answered.files.upload_video_by_url("1", "https://a", file_name="a.mp4")


async def test_an_image_may_lack_its_size_and_times(server: Server, answered: TikTokClient, tmp_path: Path) -> None:
    file = tmp_path / "cover.png"
    file.write_bytes(b"png")
    server.data({"image_id": "tos/x", "material_id": 7, "size": None, "is_carousel_usable": None})
    image = await answered.files.upload_image("1", file, md5="ab", file_name="cover.png")
    assert (image.image_id, image.material_id, image.size, image.create_time) == ("tos/x", "7", None, None)
    server.data({"image_id": ""})
    with pytest.raises(UnknownOutcome):
        await answered.files.upload_image("1", file, md5="ab", file_name="cover.png")


async def test_covers_come_late_or_not_readable(server: Server, answered: TikTokClient) -> None:
    for nothing in ({"list": []}, {"list": None}, {}):
        server.data(nothing)
        with pytest.raises(NotReady):
            await answered.files.suggest_covers("1", "v")
    # Covers there are: to wait for them as if there were none would end in a refusal of the video.
    server.data({"list": [{"url": "https://a"}, None]})
    with pytest.raises(ServerFault, match="no cover"):
        await answered.files.suggest_covers("1", "v")
    server.data({"list": [{"url": "https://a"}, {"id": "c", "width": None}]})
    covers = await answered.files.suggest_covers("1", "v")
    assert ([cover.id for cover in covers], covers.is_complete) == (["c"], False)


async def test_what_was_created_may_be_described_in_part(server: Server, answered: TikTokClient) -> None:
    campaign = NewCampaign(campaign_name="c", objective_type="REACH", budget_mode=BudgetMode.INFINITE)
    server.data({"campaign_id": 18, "budget": "odd", "create_time": "soon", "operation_status": None})
    created = await answered.ads.create_campaign("1", campaign)
    assert (created.campaign_id, created.budget, created.create_time) == ("18", None, None)
    server.data({"campaign_name": "c"})
    with pytest.raises(UnknownOutcome, match="campaign_id"):
        await answered.ads.create_campaign("1", campaign)


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-22 14:00:00", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("2026-11-22T14:00:00Z", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("2026-11-22T22:00:00+08:00", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        (1795356000, datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("2026-99-99 25:61:61", None),
        (10**40, None),
        ("", None),
        ({}, None),
    ],
)
async def test_instants_come_in_three_spellings_and_no_other_counts(
    server: Server, answered: TikTokClient, said: object, moment: datetime | None
) -> None:
    server.data({"list": [{"ad_id": "1", "create_time": said}], "page_info": {"total_page": 1}})
    (ad,) = await answered.ads.ads("1")
    assert ad.create_time == moment
