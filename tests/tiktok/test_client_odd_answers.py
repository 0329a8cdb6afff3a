"""Answers that are odd in one place, or damaged as a whole: what is known stays known, and nothing else is believed."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from answering_server import Answering, Server, body
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listings import LISTINGS, Entry, Listing, Path, changed, places_of, without

from tiktok import (
    BudgetMode,
    NewCampaign,
    NotFound,
    NotReady,
    PullCreative,
    ServerFault,
    TikTokClient,
    TikTokError,
    UnknownOutcome,
)

SEVERAL = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""The server and the client of a test serve all its examples: each says anew what is answered."""

ODD: tuple[Any, ...] = (
    *(0, 17, -1, 10**40, 1.5, 7.5e18, True, False, "", " ", "x", "\0", "9" * 5000, "2026-99-99 25:61:61"),
    *("0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", [], [None], ["a", {}], [[[]]], {}, {"a": {"b": None}}),
)
"""What may stand where something else should."""

_KINDS = ("null", "drop", "retype", "nest", "list")


@dataclass(frozen=True)
class Damage:
    """What is done to one place of one entry."""

    entry: int
    place: Path
    kind: str
    odd: Any

    def to(self, entry: Entry) -> Entry:
        if self.kind == "drop":
            return without(entry, self.place)
        return changed(
            entry,
            self.place,
            lambda value: {
                "null": None,
                "retype": self.odd,
                "nest": {"value": value},
                "list": [value],
            }[self.kind],
        )


def damages(listing: Listing) -> st.SearchStrategy[Damage]:
    return st.builds(
        Damage,
        entry=st.integers(0, 2),
        place=st.sampled_from(list(places_of(listing.entry("1")))),
        kind=st.sampled_from(_KINDS),
        odd=st.sampled_from(ODD),
    )


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.name)
@SEVERAL
@given(data=st.data())
async def test_one_odd_place_spoils_no_other(
    server: Server, answered: TikTokClient, listing: Listing, data: st.DataObject
) -> None:
    damage = data.draw(damages(listing))
    whole = listing.entries(3)
    server.data(listing.data(whole))
    clean = await listing.ask(answered)
    assert (len(clean), clean.is_complete) == (3, True)

    odd = [damage.to(entry) if number == damage.entry else entry for number, entry in enumerate(whole)]
    server.data(listing.data(odd))
    found = await listing.ask(answered)

    others = [row for number, row in enumerate(clean) if number != damage.entry]
    assert [row for row in found if row in others] == others
    assert len(found) + len(found.left_out) == 3, "the odd one is here, or it is named"
    known_by = listing.known_by
    if known_by is None or damage.place != known_by[: len(damage.place)]:
        assert found.is_complete, "only an id can cost an entry"
        _assert_changed_in_one_field(clean[damage.entry].model_dump(), found[damage.entry].model_dump())
    elif found.is_complete:
        was, now = whole[damage.entry], odd[damage.entry]
        assert str(_at(now, known_by)) != str(_at(was, known_by)) or damage.kind == "retype"
        assert isinstance(_at(now, known_by), str | int), "only a text or a whole number is an id"
        assert _at(now, known_by) != ""
    else:
        assert listing.name in found.left_out[0]
        assert "entry" in found.left_out[0]


def _assert_changed_in_one_field(was: dict[str, Any], now: dict[str, Any]) -> None:
    differing = [name for name, value in was.items() if now[name] != value]
    assert len(differing) <= 1
    # One branch of an entry may hold several fields of a row: bc_info.


def _at(entry: Any, place: Path) -> Any:
    for step in place:
        entry = entry[step]
    return entry


# Whole answers


def raw(content: bytes, status: int, content_type: str) -> Answering:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=content, status=status, headers={"Content-Type": content_type})

    return answer


def pull(name: str) -> PullCreative:
    return PullCreative(ad_name=name, identity_id="i", identity_authorized_bc_id="b", tiktok_item_id="7")


READS: dict[str, Callable[[TikTokClient], Awaitable[object]]] = {
    **{listing.name: listing.ask for listing in LISTINGS},
    "identity/info/": lambda client: client.identities.info("1", "i", "2"),
    "identity/video/info/": lambda client: client.identities.post("1", "i", "2", "7"),
    "identity/video/info/ of many": lambda client: client.identities.posts_by_id("1", "i", "2", ["7", "8"]),
    "asset/bind/quota/": lambda client: client.identities.quota("1", "i"),
    "adgroup/quota/": lambda client: client.ads.ad_group_quota("1"),
    "ad/review_info/": lambda client: client.ads.review_info("1", ["1"]),
    "file/name/check/": lambda client: client.files.name_is_taken("1", "clip.mp4", "VIDEO"),
    "file/video/ad/search/": lambda client: client.files.find_video("1", "clip.mp4", "ab"),
    "file/image/ad/search/": lambda client: client.files.find_image("1", "cover.png"),
    "count of campaigns": lambda client: client.ads.count_campaigns("1"),
    "count of ads": lambda client: client.ads.count_spark_ads("1"),
    "authorization": lambda client: client.business_centers.authorization_url("2", ads_only=None),
}
CAMPAIGN = NewCampaign(campaign_name="c", objective_type="REACH", budget_mode=BudgetMode.INFINITE)
WRITES: dict[str, Callable[[TikTokClient], Awaitable[object]]] = {
    "campaign/create/": lambda client: client.ads.create_campaign("1", CAMPAIGN),
    "ad/create/": lambda client: client.ads.create_ads("1", "5", [pull("a")]),
    "ad/status/update/": lambda client: client.ads.set_ad_status("1", ["1"], "DISABLE"),
    "bc/asset/advertiser/assign/": lambda client: client.business_centers.link("2", "8", "1"),
    "file/video/ad/upload/": lambda client: client.files.upload_video_by_url("1", "https://a", file_name="a.mp4"),
}

_well_formed = json.dumps({"code": 0, "message": "OK", "request_id": "r", "data": {"list": []}}).encode()
_not_understood = st.one_of(
    st.tuples(st.sampled_from([b"", b"<html><body>504</body></html>", b"null", b"[]", b'"OK"', b"\xff\xfe"])),
    st.tuples(st.integers(1, len(_well_formed) - 1).map(lambda end: _well_formed[:end])),
    st.tuples(
        st.sampled_from(["0", None, 0.0, False, [], {}, "40001"]).map(
            lambda code: json.dumps({"code": code, "data": {"list": []}}).encode()
        )
    ),
).map(lambda one: one[0])


@SEVERAL
@given(
    content=_not_understood,
    status=st.sampled_from([200, 200, 302, 500, 502, 504]),
    content_type=st.sampled_from(["application/json", "text/html", "text/plain"]),
    read=st.sampled_from(sorted(READS)),
    write=st.sampled_from(sorted(WRITES)),
)
async def test_what_is_no_answer_leaves_a_write_unknown_and_a_read_to_be_repeated(
    server: Server, answered: TikTokClient, content: bytes, status: int, content_type: str, read: str, write: str
) -> None:
    server.answers = [raw(content, status, content_type)]
    with pytest.raises(ServerFault):
        await READS[read](answered)
    with pytest.raises(UnknownOutcome):
        await WRITES[write](answered)


_NOTHING_THERE: dict[str, tuple[type[TikTokError], ...]] = {
    "identity/video/info/": (NotFound,),
    "file/video/suggestcover/": (NotReady,),
}
"""Where an answer without anything in it is one: no such post, no cover yet."""

_json = st.recursive(
    st.sampled_from(ODD), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner)
)


@SEVERAL
@given(
    data=st.one_of(
        _json,
        st.fixed_dictionaries(
            {},
            optional={
                name: st.sampled_from([None, *ODD])
                for name in (
                    *("list", "identity_list", "video_list", "video_detail", "video_details", "identity_info"),
                    *("page_info", "cursor", "has_more", "duplicate", "duplicate_material_id", "ad_review_map"),
                    *("total_quota", "targeting_tag_list", "bc_auth_qr_code", "ad_ids", "creatives", "campaign_id"),
                )
            },
        ),
    ),
    name=st.sampled_from(sorted(READS | WRITES)),
)
async def test_whatever_data_holds_the_client_fails_by_its_own_errors_only(
    server: Server, answered: TikTokClient, data: object, name: str
) -> None:
    server.data(data)
    fault = UnknownOutcome if name in WRITES else ServerFault
    with suppress(fault, *_NOTHING_THERE.get(name, ())):
        await (READS | WRITES)[name](answered)
    assert server.seen


@pytest.mark.parametrize(
    "said", [{}, {"ad_ids": None}, {"ad_ids": {"1": 1}}, {"ad_ids": [{}], "creatives": [{"ad_name": "a"}]}]
)
@pytest.mark.parametrize("code", [0, 20001])
async def test_ads_of_which_no_list_can_be_read_are_an_unknown_outcome(
    server: Server, answered: TikTokClient, code: int, said: object
) -> None:
    # Nothing may be posted twice: they may have been made.
    server.answers = [body({"code": code, "message": "OK", "request_id": "r", "data": said})]
    with pytest.raises(UnknownOutcome, match="ad/create/"):
        await answered.ads.create_ads("1", "5", [pull("a"), pull("b")])


async def test_one_of_two_new_ads_that_can_not_be_read_is_not_missing(server: Server, answered: TikTokClient) -> None:
    both = [{"ad_id": "1", "ad_name": "a"}, {"ad_name": "b"}]
    server.data({"ad_ids": "odd", "creatives": both})
    with pytest.raises(UnknownOutcome):
        await answered.ads.create_ads("1", "5", [pull("a"), pull("b")])
    server.data({"ad_ids": ["1", "2"], "creatives": both})
    created = await answered.ads.create_ads("1", "5", [pull("a"), pull("b")])
    assert (created.ad_ids, [ad.ad_id for ad in created.ads], created.partial) == (("1", "2"), ["1"], False)
    server.answers = [body({"code": 20001, "message": "partly", "data": {"ad_ids": [], "creatives": []}})]
    created = await answered.ads.create_ads("1", "5", [pull("a"), pull("b")])
    assert (created.ad_ids, created.partial) == ((), True), "TikTok says plainly that it made none"
