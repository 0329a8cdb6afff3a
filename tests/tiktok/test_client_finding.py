"""What is looked for by a name, a content or an id: found, not there, or not to be told."""

from typing import Any

import pytest
from aiohttp import web
from answering_server import Answering, Server, body
from listings import Entry, post

from tiktok import IdentityLost, ItemType, ServerFault, TikTokClient

NAME = "sparkads-1.mp4"
MD5 = "0123456789abcdef0123456789abcdef"
ALL_OF_IT = {"page": 1, "page_size": 100, "total_number": 1, "total_page": 1}


def answers(**by_endpoint: object) -> Answering:
    """An answer for each endpoint, by the last part of its path; what is said of a filter, by its name."""

    async def answer(request: web.Request) -> web.StreamResponse:
        endpoint = request.path.rstrip("/").rsplit("/", 1)[-1]
        filtering = request.query.get("filtering", "")
        key = next((name for name in by_endpoint if f'"{name}"' in filtering), endpoint)
        return web.json_response({"code": 0, "message": "OK", "request_id": "r", "data": by_endpoint[key]})

    return answer


def listed(*videos: Entry) -> Entry:
    return {"list": list(videos), "page_info": {**ALL_OF_IT, "total_number": len(videos)}}


def asked(server: Server) -> list[str]:
    return [request.path.split("v1.3/")[1] for request in server.seen]


# Videos


async def test_a_video_is_found_by_its_name(server: Server, answered: TikTokClient) -> None:
    longer = {"video_id": "1", "file_name": f"{NAME}.mp4"}
    server.answers = [answers(video_name=listed(longer, {"video_id": "2", "file_name": NAME}))]
    found = await answered.files.find_video("1", NAME, MD5)
    assert found is not None
    assert found.video_id == "2"
    assert len(server.seen) == 1


async def test_a_video_is_found_by_its_content_under_another_name(server: Server, answered: TikTokClient) -> None:
    # Of several videos of one content TikTok lists one.
    other = {"video_id": "3", "file_name": f"x-{NAME}", "signature": MD5.upper()}
    server.answers = [answers(video_name=listed({"video_id": "1", "file_name": "x"}, other))]
    found = await answered.files.find_video("1", NAME, MD5)
    assert found is not None
    assert found.video_id == "3"
    server.answers = [answers(video_name=listed(other), check={"duplicate": False})]
    assert await answered.files.find_video("1", NAME) is None, "of whose content nothing is known"


async def test_a_video_is_found_by_the_material_of_a_name_that_is_taken(server: Server, answered: TikTokClient) -> None:
    of_material = {"video_id": "4", "file_name": "other", "material_id": 77}
    server.answers = [
        answers(
            video_name=listed(),
            check={"duplicate": True, "duplicate_material_id": 77},
            material_ids=listed({"video_id": "5", "material_id": "78"}, of_material),
        )
    ]
    found = await answered.files.find_video("1", NAME, MD5)
    assert found is not None
    assert found.video_id == "4"
    assert server.seen[-1].query["filtering"] == '{"material_ids":["77"]}'


@pytest.mark.parametrize(
    ("check", "searches"),
    [
        ({"duplicate": True, "duplicate_material_id": "77"}, 2),
        ({"duplicate": True, "duplicate_material_id": None}, 1),
        ({"duplicate": True, "duplicate_material_id": {}}, 1),
        ({"duplicate": False, "duplicate_material_id": "77"}, 1),
    ],
)
async def test_a_name_that_is_taken_and_nowhere_listed_gives_no_video(
    server: Server, answered: TikTokClient, check: Entry, searches: int
) -> None:
    server.answers = [answers(video_name=listed(), check=check, material_ids=listed({"video_id": "5"}))]
    assert await answered.files.find_video("1", NAME, MD5) is None
    assert asked(server).count("file/video/ad/search/") == searches
    assert await answered.files.name_is_taken("1", NAME, "VIDEO") is check["duplicate"]


@pytest.mark.parametrize("check", [{}, {"duplicate": None}, {"duplicate": "perhaps"}, {"duplicate": [False]}])
async def test_a_name_of_which_nothing_is_said_is_not_free(
    server: Server, answered: TikTokClient, check: Entry
) -> None:
    server.answers = [answers(video_name=listed(), check=check)]
    for question in (
        answered.files.find_video("1", NAME, MD5),
        answered.files.name_is_taken("1", NAME, "VIDEO"),
        answered.files.find_image("1", NAME),
    ):
        with pytest.raises(ServerFault, match="duplicate"):
            await question


async def test_a_video_of_a_later_page_is_found_past_one_that_can_not_be_read(
    server: Server, answered: TikTokClient
) -> None:
    info = {"total_page": 2, "total_number": 3}
    first: list[Any] = [{"file_name": NAME}, {"video_id": "1", "file_name": {"a": 1}, "signature": 5}]
    server.data({"list": first, "page_info": info}, {"list": [{"video_id": "2", "file_name": NAME}], "page_info": info})
    found = await answered.files.find_video("1", NAME, MD5)
    assert found is not None
    assert found.video_id == "2"


# Posts


class Posts:
    """Posts of an identity: photo posts are told to those only who ask for them."""

    def __init__(self, videos: list[str], photos: list[str], *, strict: bool = False) -> None:
        self.by_type = {"VIDEO": videos, "CAROUSEL": photos}
        self.strict = strict

    async def answer(self, request: web.Request) -> web.StreamResponse:
        wanted = [one.strip('" ') for one in request.query["item_ids"].strip("[]").split(",")]
        there = [one for one in wanted if one in self.by_type[request.query["item_type"]]]
        if self.strict and len(there) < len(wanted):
            return web.json_response({"code": 40000, "message": "Please enter a valid item id", "data": {}})
        return web.json_response({"code": 0, "message": "OK", "data": {"video_details": [post(one) for one in there]}})


@pytest.mark.parametrize("strict", [False, True])
async def test_posts_by_id_are_videos_photos_and_none(server: Server, answered: TikTokClient, *, strict: bool) -> None:
    # Whether one that is unknown makes TikTok refuse the whole question is not documented.
    server.answers = [Posts(["1", "2"], ["3"], strict=strict).answer]
    found = await answered.identities.posts_by_id("1", "i", "2", ["1", "3", "9", "2", "1"])
    assert {(one.item_id, one.item_type) for one in found} == {
        ("1", ItemType.VIDEO),
        ("2", ItemType.VIDEO),
        ("3", ItemType.CAROUSEL),
    }
    assert len(found) == 3
    assert found.is_complete


async def test_posts_by_id_are_asked_for_20_a_call(server: Server, answered: TikTokClient) -> None:
    ids = [str(number) for number in range(45)]
    server.answers = [Posts(ids, []).answer]
    assert len(await answered.identities.posts_by_id("1", "i", "2", ids)) == 45
    assert [len(request.query["item_ids"].split(",")) for request in server.seen] == [20, 20, 5]
    server.seen.clear()
    assert await answered.identities.posts_by_id("1", "i", "2", []) == []
    assert server.seen == []


async def test_a_post_that_can_not_be_read_is_no_deleted_one(server: Server, answered: TikTokClient) -> None:
    server.data({"video_details": [post("1"), {"text": "no id"}]}, {"video_details": []})
    found = await answered.identities.posts_by_id("1", "i", "2", ["1", "2"])
    assert ([one.item_id for one in found], found.is_complete) == (["1"], False)
    server.answers = [body({"code": 40002, "message": "You no longer have access to the TikTok account used"})]
    with pytest.raises(IdentityLost):
        await answered.identities.posts_by_id("1", "i", "2", ["1", "2"])


# Identities


def identities(*entries: Entry) -> Entry:
    zeros = {"page": 0, "page_size": 0, "total_number": 0, "total_page": 0}
    return {"identity_list": list(entries), "page_info": zeros}


def identity(one: str, bc_id: object, **more: object) -> Entry:
    return {"identity_id": one, "identity_type": "BC_AUTH_TT", "identity_authorized_bc_id": bc_id, **more}


async def test_no_identity_is_asked_for_once_more_without_the_business_center(
    server: Server, answered: TikTokClient
) -> None:
    server.data(identities(), identities(identity("a", "2"), identity("b", "3"), identity("c", 2)))
    found = await answered.identities.list("1", "2")
    assert [one.identity_id for one in found] == ["a", "c"], "another Business Center's are passed over"
    assert found.is_complete
    assert [request.query.get("identity_authorized_bc_id") for request in server.seen] == ["2", None]
    assert {request.query["identity_type"] for request in server.seen} == {"BC_AUTH_TT"}


async def test_an_identity_that_names_no_business_center_may_be_ours(server: Server, answered: TikTokClient) -> None:
    server.data(identities(), identities(identity("a", None), identity("b", {}), identity("c", "3")))
    found = await answered.identities.list("1", "2")
    assert (found, found.is_complete) == ([], False)


async def test_identities_that_are_listed_or_can_not_be_read_are_asked_for_once(
    server: Server, answered: TikTokClient
) -> None:
    server.data(identities(identity("a", None)))
    assert [one.identity_id for one in await answered.identities.list("1", "2")] == ["a"]
    server.data(identities({"display_name": "no id"}))
    found = await answered.identities.list("1", "2")
    assert (found, found.is_complete) == ([], False)
    assert len(server.seen) == 2


@pytest.mark.parametrize("code", [40002, 40001])
async def test_a_refusal_without_the_business_center_leaves_none(
    server: Server, answered: TikTokClient, code: int
) -> None:
    server.answers = [
        body({"code": 0, "data": identities()}),
        body({"code": code, "message": "Missing required field(s): identity_authorized_bc_id."}),
    ]
    found = await answered.identities.list("1", "2")
    assert (found, found.is_complete) == ([], True)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("said", "handle"),
    [
        ({"username": "shopone"}, "shopone"),
        ({"user_name": "shopone"}, "shopone"),
        ({"username": None, "user_name": "shopone"}, "shopone"),
        ({"username": "", "user_name": "shopone"}, "shopone"),
        ({"username": {"a": 1}}, None),
        ({}, None),
    ],
)
async def test_a_handle_has_two_names(server: Server, answered: TikTokClient, said: Entry, handle: str | None) -> None:
    server.data(identities(identity("a", "2", **said)))
    (one,) = await answered.identities.list("1", "2")
    assert one.username == handle


async def test_a_capability_that_is_not_mentioned_is_no_no(server: Server, answered: TikTokClient) -> None:
    server.data(identities(identity("a", "2", can_pull_video=None, can_push_video="odd", ads_only_mode=False)))
    (one,) = await answered.identities.list("1", "2")
    assert (one.can_pull_video, one.can_push_video, one.ads_only_mode, one.is_gpppa) == (None, None, False, None)
