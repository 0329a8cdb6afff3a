"""Where a listing ends, and how it says that it may have been cut short."""

import asyncio
import json
from typing import Any

import pytest
from answering_server import Server, body
from listings import LISTINGS, Entry, Listing, ad, post

from tiktok import AuthError, InvalidRequest, NoPermission, NotFound, ServerFault, TikTokClient

PAGED = [listing for listing in LISTINGS if listing.is_paged]
NAMES = {"ids": lambda listing: listing.name}


def ads(first: int, last: int) -> list[Entry]:
    return [ad(str(number)) for number in range(first, last)]


def page(entries: list[Entry], **info: Any) -> Entry:
    return {"list": entries, "page_info": info}


@pytest.mark.parametrize("listing", PAGED, **NAMES)
async def test_announced_pages_that_bring_nothing_new_end_and_say_so(
    server: Server, answered: TikTokClient, listing: Listing
) -> None:
    server.data(listing.data(listing.entries(3), total_number=3, total_page=10**9))
    found = await asyncio.wait_for(listing.ask(answered), 20)
    assert len(found) == 3
    assert len(server.seen) == 2, "a total that lies does not loop"
    (line,) = found.left_out
    assert "says nothing new" in line
    assert listing.name in line


@pytest.mark.parametrize("listing", PAGED, **NAMES)
async def test_announced_pages_that_are_empty_end_and_say_so(
    server: Server, answered: TikTokClient, listing: Listing
) -> None:
    info = {"total_number": 3, "total_page": 10**9}
    server.data(listing.data(listing.entries(3), **info), listing.data([], **info))
    found = await asyncio.wait_for(listing.ask(answered), 20)
    assert (len(found), found.is_complete, len(server.seen)) == (3, False, 2)


async def test_a_page_without_a_list_hides_no_page_after_it(server: Server, answered: TikTokClient) -> None:
    server.data(page(ads(0, 2), total_page=3), {"page_info": {"total_page": 3}}, page(ads(2, 4), total_page=3))
    found = await answered.ads.ads("1")
    assert not found.is_complete
    assert {one.ad_id for one in found} >= {"0", "1"}


async def test_pages_that_can_not_be_read_hide_none_after_them(server: Server, answered: TikTokClient) -> None:
    info = {"total_page": 3, "total_number": 6}
    odd = [{"ad_name": "a"}, {"ad_name": "b"}]
    server.data(page(odd, **info), page(odd, **info), page(ads(0, 2), **info))
    found = await answered.ads.ads("1")
    assert [one.ad_id for one in found] == ["0", "1"]
    assert len(found.left_out) == 4


async def test_urls_that_change_from_call_to_call_are_nothing_new(server: Server, answered: TikTokClient) -> None:
    # A full page and no numbers: there may be more, as long as what comes is not known.
    zeros = {"page": 0, "page_size": 0, "total_number": 0, "total_page": 0}
    pages = [
        [{"identity_id": str(one), "profile_image": f"https://a/{call}"} for one in range(100)] for call in range(3)
    ]
    server.data(*({"identity_list": entries, "page_info": zeros} for entries in pages))
    found = await answered.identities.list("1", "2")
    assert (len(found), found.is_complete, len(server.seen)) == (100, True, 2)


@pytest.mark.parametrize(
    ("info", "is_complete"),
    [
        ({"total_page": 1, "total_number": 3}, True),
        ({"total_page": 1}, True),
        ({"total_page": 0, "total_number": 0}, True),
        ({"total_page": "odd", "total_number": 3}, True),
        ({"total_number": 3}, True),
        ({"total_page": 1, "total_number": 4}, False),
        ({"total_page": None, "total_number": 4}, False),
        ({"total_page": "odd"}, False),
        ({}, False),
        (None, False),
        ("odd", False),
    ],
)
async def test_fewer_entries_than_tiktok_counts_or_no_count_is_no_complete_list(
    server: Server, answered: TikTokClient, info: object, *, is_complete: bool
) -> None:
    server.data({"list": ads(0, 3), "page_info": info})
    found = await answered.ads.ads("1")
    assert [one.ad_id for one in found] == ["0", "1", "2"]
    assert found.is_complete is is_complete


async def test_a_full_page_without_numbers_is_followed(server: Server, answered: TikTokClient) -> None:
    server.data({"list": ads(0, 1000)}, {"list": ads(1000, 1001)})
    found = await answered.ads.ads("1")
    assert (len(found), found.is_complete) == (1001, False)


async def test_a_search_by_name_passes_over_no_entry_that_says_no_name(server: Server, answered: TikTokClient) -> None:
    info = {"total_page": 1, "total_number": 3}
    campaigns: list[Entry] = [{"campaign_id": "1", "campaign_name": "Release"}, {"campaign_id": "2"}]
    server.data(page([*campaigns, {"campaign_id": "3", "campaign_name": "Release 2"}], **info))
    found = await answered.ads.campaigns("1", name="Release")
    assert ([one.campaign_id for one in found], found.is_complete) == (["1"], False)
    groups: list[Entry] = [{"adgroup_id": "1", "adgroup_name": "Group"}, {"adgroup_id": "2", "adgroup_name": {}}]
    server.data(page([*groups, {"adgroup_id": "3", "adgroup_name": "Grou"}], **info))
    group = await answered.ads.ad_groups("1", name="Group")
    assert ([one.adgroup_id for one in group], group.is_complete) == (["1"], False)
    assert (await answered.ads.ad_groups("1")).is_complete, "who asks for no name misses none"


@pytest.mark.parametrize(
    ("has_more", "is_complete"), [(False, True), (None, False), ("odd", False), ({}, False), ("absent", False)]
)
async def test_posts_of_which_is_not_said_whether_there_are_more_may_be_cut_short(
    server: Server, answered: TikTokClient, has_more: object, *, is_complete: bool
) -> None:
    said = {} if has_more == "absent" else {"has_more": has_more}
    server.data({"video_list": [post("1")], "cursor": "5", **said})
    found = await answered.identities.posts("1", "i", "2")
    assert ([one.item_id for one in found], found.is_complete) == (["1"], is_complete)


@pytest.mark.parametrize("cursors", [["5", "5"], ["5", "6", "5"], [None], [""], [{}]])
async def test_a_cursor_that_does_not_move_on_ends(
    server: Server, answered: TikTokClient, cursors: list[object]
) -> None:
    server.data(*({"video_list": [post("1")], "cursor": cursor, "has_more": True} for cursor in cursors))
    with pytest.raises(ServerFault, match="cursor"):
        await answered.identities.posts("1", "i", "2")
    assert len(server.seen) == len(cursors)


# Counting


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (page([{"campaign_id": "1"}], total_number=4321), 4321),
        (page([], total_number=0, total_page=0), 0),
        (page([{"campaign_id": "1"}], total_number=0), None),
        (page([{"campaign_id": "1"}], total_number="odd"), None),
        ({"list": []}, None),
        ({}, None),
    ],
)
async def test_campaigns_are_counted_as_far_as_tiktok_does(
    server: Server, answered: TikTokClient, data: object, count: int | None
) -> None:
    server.data(data)
    assert await answered.ads.count_campaigns("1") == count
    assert server.seen[0].query["filtering"] == '{"primary_status":"STATUS_NOT_DELETE"}'
    assert len(server.seen) == 1


# Ad accounts


def accounts(*ids: int) -> Entry:
    return {"list": [{"advertiser_id": str(one), "status": "STATUS_ENABLE"} for one in ids]}


@pytest.mark.parametrize("code", [40011, 40002])
async def test_too_many_ad_accounts_are_halved(server: Server, answered: TikTokClient, code: int) -> None:
    refusal = body({"code": code, "message": "too many"})
    # 100 a call at most: 100 are refused, then come in two halves, and the last 50 in one.
    server.answers = [
        refusal,
        *(body({"code": 0, "data": accounts(*some)}) for some in (range(50), range(50, 100), range(100, 150))),
    ]
    found = await answered.ad_accounts.info(str(one) for one in range(150))
    assert [one.advertiser_id for one in found] == [str(one) for one in range(150)]
    asked = [len(request.query["advertiser_ids"].split(",")) for request in server.seen]
    assert asked == [100, 50, 50, 50]


async def test_one_ad_account_that_is_refused_alone_is_the_answer(server: Server, answered: TikTokClient) -> None:
    server.answers = [body({"code": 40002, "message": "no such id"})]
    with pytest.raises(InvalidRequest, match="no such id"):
        await answered.ad_accounts.info(["1", "2", "3"])
    assert [request.query["advertiser_ids"] for request in server.seen] == ['["1","2","3"]', '["1","2"]', '["1"]']
    for code, refusal in ((40001, NoPermission), (40300, NotFound), (40105, AuthError), (50000, ServerFault)):
        server.seen.clear()
        server.answers = [body({"code": code, "message": "no"})]
        with pytest.raises(refusal):
            await answered.ad_accounts.info(["1", "2"])
        assert len(server.seen) == 1, "what has nothing to do with their number is not asked in halves"


async def test_an_ad_account_is_known_by_its_id_and_says_what_it_says(server: Server, answered: TikTokClient) -> None:
    server.data(
        {
            "list": [
                {
                    "advertiser_id": 7,
                    "status": "STATUS_LIMIT",
                    "currency": "JPY",
                    "timezone": "Etc/GMT+8",
                    "display_timezone": "America/Los_Angeles",
                    "balance": 0,
                    "owner_bc_id": None,
                    "rejection_reason": "",
                    "email": None,
                    "ads_only_mode": "odd",
                },
                {"advertiser_id": "8", "balance": "much", "status": {}},
            ]
        }
    )
    first, second = await answered.ad_accounts.info(["7", "8"])
    assert (first.advertiser_id, first.status, first.currency, first.balance) == ("7", "STATUS_LIMIT", "JPY", 0)
    assert (first.display_timezone, first.owner_bc_id, first.ads_only_mode) == ("America/Los_Angeles", None, None)
    assert (second.status, second.balance, second.currency) == ("", None, "")


async def test_places_are_asked_for_a_thousand_a_call_and_only_read(server: Server, answered: TikTokClient) -> None:
    enabled = {"geo": {"geo_id": 6252001}, "name": "US", "status_info": {"status": "ENABLED"}}
    closed = {"geo": {"geo_id": "1"}, "name": None, "status_info": {"status": "DISABLED", "reason": "OFFLINE"}}
    server.data({"targeting_tag_list": [enabled, closed]}, {"targeting_tag_list": [{"geo": "odd", "status_info": 7}]})
    ids = [str(one) for one in range(1001)]
    places = await answered.ad_accounts.places("1", ids, objective_type="TRAFFIC", promotion_type="WEBSITE")
    assert [(one.geo.geo_id, one.status_info.status, one.status_info.reason) for one in places] == [
        ("6252001", "ENABLED", ""),
        ("1", "DISABLED", "OFFLINE"),
        ("", "", ""),
    ]
    sent = [json.loads(content) for content in server.bodies]
    assert [len(one["targeting_ids"]) for one in sent] == [1000, 1]
    assert (sent[0]["objective_type"], sent[0]["promotion_type"]) == ("TRAFFIC", "WEBSITE")
    assert sent[0]["placements"] == ["PLACEMENT_TIKTOK"]
    server.answers = [body({"code": 50000, "message": "System error"})]
    with pytest.raises(ServerFault):  # and no UnknownOutcome, though it goes by POST
        await answered.ad_accounts.places("1", ["1"], objective_type="TRAFFIC", promotion_type="WEBSITE")
