"""Faults on demand, before and after the effect."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import ServerDisconnectedError
from simulator_api import ADVERTISER, Api, pull

from simulator.envelope import LOST_ACCOUNT
from simulator.faults import FaultPlan, Faults, Rule


async def ready(api: Api) -> tuple[str, dict[str, Any]]:
    return await api.adgroup(), pull(await api.linked())


async def raw(api: Api, path: str, body: dict[str, Any]) -> tuple[int, str]:
    async with api.session.post(f"{api.url}/open_api/v1.3{path}", json=body, headers=api.headers) as response:
        return response.status, await response.text()


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
async def test_a_code_instead_of_the_answer(api: Api, when: str, made: int) -> None:
    group, creative = await ready(api)
    await api.control("/faults", rules=[{"path": "/ad/create/", "kind": "code", "when": when, "times": 1}])
    assert (await api.create(group, creative)).code == 50002
    assert len(await api.ads()) == made
    assert (await api.create(group, creative)).code == 0


async def test_an_ad_is_made_though_the_account_is_said_to_be_lost(api: Api) -> None:
    group, creative = await ready(api)
    lost = {"path": "/ad/create/", "kind": "code", "code": 40002, "message": LOST_ACCOUNT, "when": "after", "times": 1}
    await api.control("/faults", rules=[lost])
    answer = await api.create(group, creative)
    assert (answer.code, answer.message) == (40002, LOST_ACCOUNT)
    assert [ad["secondary_status"] for ad in await api.ads()] == ["AD_STATUS_DELIVERY_OK"]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
async def test_a_dropped_connection(api: Api, when: str, made: int) -> None:
    group, creative = await ready(api)
    await api.control("/faults", rules=[{"path": "/ad/create/", "kind": "drop", "when": when, "times": 1}])
    with pytest.raises(ServerDisconnectedError):
        await api.create(group, creative)
    assert len(await api.ads()) == made
    assert (await api.create(group, creative)).code == 0


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
async def test_an_http_error(api: Api, when: str, made: int) -> None:
    group, creative = await ready(api)
    rule = {"path": "/ad/create/", "kind": "http", "status": 503, "when": when}
    await api.control("/faults", rules=[rule])
    body = {"advertiser_id": ADVERTISER, "adgroup_id": group, "creatives": [creative]}
    assert (await raw(api, "/ad/create/", body))[0] == 503
    assert len(await api.ads()) == made


async def test_throttling_has_no_effect_and_is_counted(api: Api) -> None:
    group, creative = await ready(api)
    await api.control("/faults", rules=[{"path": "/ad/create/", "kind": "throttle", "times": 2}])
    assert [(await api.create(group, creative)).code for _ in range(3)] == [40100, 40100, 0]
    assert len(await api.ads()) == 1
    counts = (await api.calls())["paths"]["/ad/create/"]
    assert (counts["calls"], counts["throttled"], counts["accepted"]) == (3, 2, 1)


async def test_a_delay_goes_with_another_fault(api: Api) -> None:
    rules = [{"kind": "delay", "seconds": 0.1}, {"path": "/bc/get/", "kind": "code", "code": 50000, "times": 1}]
    await api.control("/faults", rules=rules)
    started = time.monotonic()
    assert (await api.get("/bc/get/")).code == 50000
    assert (await api.get("/bc/get/")).code == 0
    assert time.monotonic() - started >= 0.2


async def test_delays_of_any_length_let_answers_overtake_one_another(api: Api) -> None:
    async def order(seed: int) -> list[int]:
        await api.control("/faults", seed=seed, rules=[{"path": "/bc/get/", "kind": "delay", "up_to": 0.3}])
        answered: list[int] = []

        async def call(number: int) -> None:
            await api.get("/bc/get/")
            answered.append(number)

        started = time.monotonic()
        await asyncio.gather(*(call(number) for number in range(12)))
        assert time.monotonic() - started < 3
        return answered

    assert await order(7) != list(range(12))


async def test_the_lengths_of_delays_repeat_with_their_seed() -> None:
    def lengths(seed: int) -> list[float]:
        faults = Faults(FaultPlan(seed=seed, rules=[Rule(kind="delay", up_to=0.5)]))
        return [rule.seconds for _ in range(50) for rule in faults.hit("/ad/get/")]

    assert lengths(7) == lengths(7) != lengths(8)
    assert all(0 <= seconds <= 0.5 for seconds in lengths(7))
    assert len(set(lengths(7))) == 50


async def test_shares_repeat_with_their_seed(api: Api) -> None:
    async def codes(seed: int) -> list[int]:
        await api.control("/faults", seed=seed, rules=[{"path": "/bc/get/", "kind": "code", "share": 0.3}])
        return [(await api.get("/bc/get/")).code for _ in range(60)]

    first, again, other = await codes(7), await codes(7), await codes(8)
    assert first == again != other
    assert 5 < first.count(50002) < 35


async def test_new_rules_replace_old_ones(api: Api) -> None:
    await api.control("/faults", rules=[{"kind": "code"}])
    await api.control("/faults", rules=[])
    answers = await asyncio.gather(*[api.get("/bc/get/") for _ in range(3)])
    assert {answer.code for answer in answers} == {0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", {"rules": [{"kind": "explode"}]}),
        ("/faults", {"rules": [{"kind": "code", "times": 1, "share": 0.5}]}),
        ("/faults", {"rules": [{"kind": "drop", "up_to": 0.5}]}),
        ("/clock", {"scan_seconds": -1}),
        ("/clock", {"lunch_seconds": 1}),
        ("/config", {"tier": "gold"}),
        ("/seed", {"business_centers": [{"bc_id": "1", "colour": "red"}]}),
        ("/seed", {"config": {"tier": "gold"}}),
        ("/owners/ann/approve", {}),
        ("/owners/ann", {"handle": "ben"}),
    ],
)
async def test_control_refuses_what_it_does_not_know(api: Api, path: str, body: dict[str, Any]) -> None:
    async with api.session.post(f"{api.url}/control{path}", json=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]


async def test_control_names_what_is_not_there(api: Api) -> None:
    for path, body in (
        ("/owners/nobody/approve", {"bc_id": "1"}),
        ("/owners/ann/approve", {"bc_id": "1"}),
        ("/owners/ann/revoke", {"bc_id": "1"}),
        ("/owners/ann", {"delete_post": "1"}),
        ("/members/1", {"bc_id": "7300000000000000001"}),
    ):
        async with api.session.post(f"{api.url}/control{path}", json=body) as response:
            assert response.status == 404
