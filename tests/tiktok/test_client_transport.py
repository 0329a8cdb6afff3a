"""What the client makes of answers as they come over the wire: odd, broken, late, or none at all."""

import asyncio
import json
import socket
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from answering_server import TOKEN, Answering, Server, body, text
from pydantic import SecretStr, ValidationError

from tiktok import (
    AuthError,
    BudgetMode,
    InvalidRequest,
    NewAdGroup,
    NewCampaign,
    NotFound,
    PullCreative,
    PushCreative,
    ServerFault,
    Throttled,
    TikTok,
    TikTokClient,
    TikTokError,
    Timeouts,
    UnknownOutcome,
    Unreachable,
    WrongRoute,
)

SECRET = "secret-that-must-not-show"
CAMPAIGN = NewCampaign(campaign_name="c", objective_type="REACH", budget_mode=BudgetMode.INFINITE)


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def break_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"code": 0')
    assert request.transport is not None
    request.transport.close()
    return response


async def never(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
async def answered_app(server: Server) -> AsyncIterator[TikTok]:
    """One that does not wait long: some of the answers here never come."""
    async with TikTok(server.url, None, Timeouts(connect=2, read=0.3, upload=2)) as tiktok:
        yield tiktok


@pytest.mark.parametrize(
    "answer",
    [
        hang_up,
        break_off,
        never,
        text("<html>", 502, "text/html"),
        text("{", 200, "application/json"),
        text("", 200),
        text("[]", 200, "application/json"),
        body({"code": "0", "data": {}}),
        body({"message": "no code"}),
        body({"code": 50000, "message": "System error", "data": {}}),
        body({"code": 0, "message": "OK", "data": {}}, status=500),
        body({"code": 20001, "message": "partial", "data": {"list": []}}),
        text("late", 408),
    ],
)
async def test_what_may_have_happened_is_never_reported_as_failed(
    server: Server, answered: TikTokClient, answer: Answering
) -> None:
    server.answers = [answer]
    with pytest.raises(UnknownOutcome) as write:
        await answered.ads.create_campaign("1", CAMPAIGN, "1")
    with pytest.raises(ServerFault) as read:
        await answered.business_centers.list()
    assert "campaign/create/" in str(write.value)
    assert "bc/get/" in str(read.value)
    assert len(server.seen) == 2, "nothing is sent twice, not even a read"


async def test_an_error_in_the_body_counts_before_the_http_status(server: Server, answered: TikTokClient) -> None:
    server.answers = [body({"code": 40105, "message": "revoked", "request_id": "r"}, status=500)]
    with pytest.raises(AuthError):
        await answered.ads.create_campaign("1", CAMPAIGN, "1")


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, WrongRoute), (405, WrongRoute), (429, Throttled), (413, InvalidRequest), (302, UnknownOutcome)],
)
async def test_without_an_envelope_the_http_status_decides(
    server: Server, answered: TikTokClient, status: int, expected: type[TikTokError]
) -> None:
    server.answers = [text("404 page not found", status)]
    with pytest.raises(TikTokError, match="404 page not found") as caught:
        await answered.ads.create_campaign("1", CAMPAIGN, "1")
    assert type(caught.value) is expected


async def test_a_refused_connection_is_known_not_to_have_sent_anything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with TikTok(f"http://127.0.0.1:{port}", limiter=None) as tiktok:
        with pytest.raises(Unreachable, match=f"http://127.0.0.1:{port}") as caught:
            await tiktok.client(SecretStr(TOKEN)).ads.create_campaign("1", CAMPAIGN, "1")
    assert TOKEN not in repr(caught.value)


async def test_a_connection_that_takes_too_long_is_unreachable_and_shows_no_secret() -> None:
    async def fill(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        filling.append(writer)

    filling: list[asyncio.StreamWriter] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        await fill(port)
        async with TikTok(f"http://127.0.0.1:{port}", None, Timeouts(connect=0.2)) as tiktok:
            with pytest.raises(Unreachable, match="no connection in time") as caught:
                await tiktok.client(SecretStr(TOKEN)).oauth.advertisers("app", SecretStr(SECRET))
        for writer in filling:
            writer.close()
            await writer.wait_closed()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_an_unknown_host_is_unreachable() -> None:
    async with TikTok("http://host.invalid", limiter=None) as tiktok:
        with pytest.raises(Unreachable, match=r"host\.invalid"):
            await tiktok.client(SecretStr(TOKEN)).business_centers.list()


async def test_calls_need_an_open_connection_and_an_http_address() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await TikTok("http://host.invalid", limiter=None).client(SecretStr(TOKEN)).business_centers.list()
    with pytest.raises(ValueError, match="http"):
        TikTok("ftp://host.invalid", limiter=None)


async def test_a_token_repeated_by_tiktok_does_not_show(server: Server, answered: TikTokClient) -> None:
    server.answers = [body({"code": 40105, "message": f"Access token {TOKEN} is incorrect", "request_id": "r"})]
    with pytest.raises(AuthError, match=r"Access token \*\*\* is incorrect") as caught:
        await answered.business_centers.list()
    assert TOKEN not in repr(caught.value)
    server.answers = [text(f"no such thing: {TOKEN}", 404)]
    with pytest.raises(WrongRoute) as routed:
        await answered.business_centers.list()
    assert TOKEN not in str(routed.value)


async def test_secrets_in_a_misshapen_answer_do_not_show(server: Server, answered_app: TikTok) -> None:
    server.data({"access_token": {"inner": "very-secret"}})
    with pytest.raises(UnknownOutcome, match="access_token") as caught:
        await answered_app.oauth.exchange("app", SecretStr("app-secret"), SecretStr("the-code"))
    assert "very-secret" not in str(caught.value)
    server.answers = [body({"code": 40110, "message": "auth_code the-code of app-secret is canceled."})]
    with pytest.raises(AuthError, match=r"auth_code \*\*\* of \*\*\* is canceled"):
        await answered_app.oauth.exchange("app", SecretStr("app-secret"), SecretStr("the-code"))


async def test_numbers_as_ids_nulls_and_unknown_values_are_taken_as_they_come(
    server: Server, answered: TikTokClient
) -> None:
    server.data(
        {
            "list": [
                {
                    "ad_id": 1850000000000001,
                    "ad_name": None,
                    "video_id": None,
                    "image_ids": None,
                    "operation_status": "FROZEN_SOLID",
                    "secondary_status": "AD_STATUS_OF_TOMORROW",
                    "create_time": "2026-11-22 14:00:00",
                    "modify_time": "2020-06-10T07:39:14Z",
                    "field_of_tomorrow": {"a": 1},
                }
            ],
            "page_info": {"page": 1, "page_size": 1000, "total_number": 1, "total_page": 1},
        }
    )
    (ad,) = await answered.ads.ads("1")
    assert ad.ad_id == "1850000000000001"
    assert ad.ad_name == ""
    assert ad.image_ids == ()
    assert ad.secondary_status == "AD_STATUS_OF_TOMORROW"
    assert ad.create_time == datetime(2026, 11, 22, 14, tzinfo=UTC)
    assert ad.modify_time == datetime(2020, 6, 10, 7, 39, 14, tzinfo=UTC)
    with pytest.raises(ValidationError):
        ad.ad_id = "2"  # type: ignore[misc]


async def test_queries_are_encoded_as_tiktok_wants_them(server: Server, answered: TikTokClient) -> None:
    server.data({"list": []})
    await answered.ads.ads("1", adgroup_ids=["5", "6"], include_deleted=True)
    request = server.seen[0]
    assert request.path == "/open_api/v1.3/ad/get/"
    assert request.headers["Access-Token"] == TOKEN
    assert request.query["filtering"] == '{"adgroup_ids":["5","6"],"primary_status":"STATUS_ALL"}'
    assert request.query["page_size"] == "1000"
    server.data({"list": [], "duplicate": False})
    await answered.files.find_video("1", "ü+&#?=.mp4")
    assert json.loads(server.seen[1].query["filtering"]) == {"video_name": "ü+&#?=.mp4"}


async def test_ads_of_other_identities_are_no_spark_ads(server: Server, answered: TikTokClient) -> None:
    kinds = ["BC_AUTH_TT", "CUSTOMIZED_USER", "TT_USER", "AUTH_CODE", "TTS_TT", None, "BC_AUTH_TT"]
    ads = [{"ad_id": str(n), "identity_type": kind} for n, kind in enumerate(kinds)]
    first, second = ads[:6], ads[6:]
    pages = {"total_page": 2}
    server.data({"list": first, "page_info": pages}, {"list": second, "page_info": pages})
    assert await answered.ads.count_spark_ads("1") == 4
    assert [request.query["page"] for request in server.seen] == ["1", "2"]
    assert json.loads(server.seen[0].query["fields"]) == ["ad_id", "identity_type"]


async def test_page_info_of_zeros_is_one_page_unless_the_page_is_full(server: Server, answered: TikTokClient) -> None:
    zeros = {"page": 0, "page_size": 0, "total_number": 0, "total_page": 0}
    full = [{"identity_id": f"i{n}"} for n in range(101)]
    server.data({"identity_list": full[:3], "page_info": zeros})
    assert len(await answered.identities.list("1", "2")) == 3
    server.data({"identity_list": full[:100], "page_info": zeros}, {"identity_list": full[100:], "page_info": zeros})
    found = await answered.identities.list("1", "2")
    assert (len(found), found.is_complete) == (101, True)
    server.data({"identity_list": full[:100], "page_info": zeros})
    found = await answered.identities.list("1", "2")
    assert (len(found), found.is_complete) == (100, True), "the same page again is the end"


async def test_a_cursor_that_stands_still_is_an_error(server: Server, answered: TikTokClient) -> None:
    server.data({"video_list": [{"item_id": "7"}], "cursor": "5", "has_more": True})
    with pytest.raises(ServerFault, match="cursor"):
        await answered.identities.posts("1", "i", "2")


async def test_a_post_that_is_not_there_is_not_found(server: Server, answered: TikTokClient) -> None:
    server.data({"video_detail": None})
    with pytest.raises(NotFound, match="post 77"):
        await answered.identities.post("1", "i", "2", "77")


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize(
    "refusal", [text("404 page not found", 404), text("", 405), *(body({"code": c}) for c in (40117, 40400, 40008))]
)
async def test_the_other_verb_is_tried_once_and_remembered(
    server: Server, answered_app: TikTok, answered: TikTokClient, verb: str, refusal: Answering
) -> None:
    url = body({"code": 0, "data": {"bc_auth_qr_code": "https://secret.example/x"}})
    server.answers = [refusal, url]
    issued = await answered.business_centers.authorization_url(
        "9", ads_only=True, verb="GET" if verb == "GET" else "POST"
    )
    assert issued.get_secret_value() == "https://secret.example/x"
    assert "secret" not in repr(issued)
    await answered_app.client(SecretStr("other")).business_centers.authorization_url("9", ads_only=None)
    other = "POST" if verb == "GET" else "GET"
    assert [request.method for request in server.seen] == [verb, other, other]
    by_get, by_post = {"bc_id": "9", "is_ads_only_mode": "true"}, {"bc_id": "9", "is_ads_only_mode": True}
    sent = {
        request.method: (request, content) for request, content in zip(server.seen[:2], server.bodies[:2], strict=True)
    }
    assert dict(sent["GET"][0].query) == by_get
    assert json.loads(sent["POST"][1]) == by_post


async def test_no_verb_accepted_is_a_wrong_route(server: Server, answered: TikTokClient) -> None:
    server.answers = [text("404 page not found", 404)]
    with pytest.raises(WrongRoute):
        await answered.business_centers.authorization_url("9", ads_only=None)
    assert len(server.seen) == 2


async def test_fewer_ads_than_asked_for_are_a_partial_success(server: Server, answered: TikTokClient) -> None:
    creatives = [pull("a"), pull("b")]
    server.data({"ad_ids": ["1"], "creatives": [{"ad_id": "1", "ad_name": "a"}]})
    assert (await answered.ads.create_ads("1", "2", creatives)).partial
    server.answers = [body({"code": 20001, "data": {"ad_ids": ["1"], "creatives": [{"ad_id": "1", "ad_name": "a"}]}})]
    created = await answered.ads.create_ads("1", "2", creatives)
    assert created.partial
    assert [ad.ad_name for ad in created.ads] == ["a"]
    server.data({"ad_ids": ["1", "2"], "creatives": [{"ad_id": "1"}, {"ad_id": "2"}]})
    assert not (await answered.ads.create_ads("1", "2", creatives)).partial
    server.data({})
    with pytest.raises(UnknownOutcome):
        await answered.ads.create_ads("1", "2", creatives)


async def test_ads_are_created_1_to_20_a_call(answered: TikTokClient) -> None:
    for count in (0, 21):
        with pytest.raises(ValueError, match="1 to 20"):
            await answered.ads.create_ads("1", "2", [pull(str(n)) for n in range(count)])


async def test_a_filter_of_no_ids_selects_nothing(server: Server, answered: TikTokClient) -> None:
    assert await answered.ads.ads("1", ad_ids=[]) == []
    assert await answered.ads.review_info("1", []) == {}
    assert server.seen == []


async def test_nothing_to_update_is_as_good_as_updated(server: Server, answered: TikTokClient) -> None:
    server.answers = [body({"code": 40012, "message": "nothing to update"})]
    await answered.ads.set_ad_status("1", ["2"], "ENABLE")


def test_a_pull_creative_has_a_post_and_no_visibility() -> None:
    sent = pull("a").body()
    assert sent["tiktok_item_id"] == "7"
    assert {"video_id", "image_ids", "ad_text", "dark_post_status"}.isdisjoint(sent)
    with pytest.raises(ValidationError):
        PullCreative.model_validate({**sent, "dark_post_status": "ON"})


def test_a_push_creative_always_says_where_it_shows() -> None:
    said = {
        "ad_name": "n",
        "identity_id": "i",
        "identity_authorized_bc_id": "b",
        "video_id": "v",
        "image_ids": ["c"],
        "ad_text": "out now",
        "dark_post_status": "OFF",
    }
    sent = PushCreative.model_validate(said).body()
    assert sent["dark_post_status"] == "OFF"
    assert sent["image_ids"] == ["c"]
    for missing in ("video_id", "image_ids", "ad_text", "dark_post_status"):
        with pytest.raises(ValidationError):
            PushCreative.model_validate({name: value for name, value in said.items() if name != missing})
    for wrong in ({"image_ids": ["c", "d"]}, {"ad_text": "x" * 101}, {"tiktok_item_id": "7"}):
        with pytest.raises(ValidationError):
            PushCreative.model_validate({**said, **wrong})


def test_budgets_and_schedules_must_be_complete() -> None:
    with pytest.raises(ValidationError, match="budget is required"):
        NewCampaign(campaign_name="c", objective_type="REACH", budget_mode=BudgetMode.DAY)
    with pytest.raises(ValidationError, match="budget_mode is required"):
        NewCampaign(campaign_name="c", objective_type="REACH")
    group = {
        "campaign_id": "1",
        "adgroup_name": "g",
        "location_ids": ["2"],
        "schedule_type": "SCHEDULE_FROM_NOW",
        "schedule_start_time": "2026-11-22T15:00:00+01:00",
        "optimization_goal": "REACH",
        "billing_event": "CPM",
    }
    assert NewAdGroup.model_validate(group).body()["schedule_start_time"] == "2026-11-22 14:00:00"
    with pytest.raises(ValidationError, match="schedule_end_time is required"):
        NewAdGroup.model_validate({**group, "schedule_type": "SCHEDULE_START_END"})
    with pytest.raises(ValidationError, match="timezone"):
        NewAdGroup.model_validate({**group, "schedule_start_time": "2026-11-22T15:00:00"})


def pull(name: str) -> PullCreative:
    return PullCreative(ad_name=name, identity_id="i", identity_authorized_bc_id="b", tiktok_item_id="7")
