"""Authorization URLs, the consent page as a plain HTML form, and owners through the control API."""

import re

from simulator_api import ADVERTISER, BC, HANDLE, OTHER_BC, OTHER_TOKEN, Api


async def scan(api: Api, url: str, **fields: str) -> tuple[int, str, str]:
    """Post the form as a browser does; answers HTTP status, outcome and page."""
    form = {"handle": HANDLE, "app_version": "current", "posts": "on", "videos": "on", "decision": "approve", **fields}
    form = {name: value for name, value in form.items() if value}
    async with api.session.post(url, data=form) as response:
        page = await response.text()
        outcome = re.search(r'data-outcome="(\w+)"', page)
        return response.status, outcome[1] if outcome else "", page


async def assets(api: Api, bc_id: str = BC) -> list[dict[str, object]]:
    answer = await api.get("/bc/asset/admin/get/", bc_id=bc_id, asset_type="TT_ACCOUNT", page_size=50)
    return list(answer.data["list"])


async def test_the_page_says_who_asks_for_what(api: Api) -> None:
    url = await api.authorization_url()
    async with api.session.get(f"{url}?as={HANDLE}") as response:
        page = await response.text()
        assert response.status == 200
        assert response.content_type == "text/html"
    assert "Label &amp; Sons asks for access" in page
    assert '<option value="ann" selected>' in page
    assert "Shown on your profile and in ads" in page
    assert all(f'name="{name}"' in page for name in ("handle", "app_version", "posts", "videos", "live", "decision"))
    assert "http" not in page, "no external resources"
    async with api.session.get(await api.authorization_url(is_ads_only_mode=True)) as response:
        assert "Shown through ads only" in await response.text()


async def test_approval_makes_the_account_appear(api: Api) -> None:  # R8
    url = await api.authorization_url(is_ads_only_mode=True)
    assert await assets(api) == []
    status, outcome, page = await scan(api, url)
    assert (status, outcome) == (200, "approved")
    assert "Access approved" in page
    (asset,) = await assets(api)
    assert re.fullmatch(r"74\d{17}", str(asset["asset_id"]))
    assert (asset["asset_name"], asset["tt_asset_handle"], asset["owner_bc_name"]) == ("Ann Official", HANDLE, None)
    assert asset["tt_account_roles"] == ["POST"]
    # The same code serves another owner.
    assert (await scan(api, url, handle="ben"))[1] == "approved"
    assert len(await assets(api)) == 2


async def test_outcomes_that_grant_nothing(api: Api) -> None:  # R9
    url = await api.authorization_url()
    assert (await scan(api, url, decision="decline"))[1] == "declined"
    assert (await scan(api, url, app_version="outdated"))[1] == "app_outdated"
    assert (await scan(api, url, posts="", videos=""))[1] == "nothing_selected"
    assert (await scan(api, url, handle="nobody"))[0] == 400
    assert (await scan(api, f"{api.url}/consent/unknown"))[:2] == (404, "code_unknown")
    assert await assets(api) == []


async def test_an_expired_code_grants_nothing(api: Api) -> None:
    await api.control("/clock", qr_seconds=0.001)
    url = await api.authorization_url()
    await api.until(lambda state: state["authorization_urls"][0]["expires_at"] < state["now"])
    assert (await scan(api, url))[1] == "code_expired"
    assert (await api.control(f"/owners/{HANDLE}/approve", url=url))["outcome"] == "code_expired"
    assert (await api.control(f"/owners/{HANDLE}/decline", url=url))["outcome"] == "code_expired"
    async with api.session.get(url) as response:
        assert "This code has expired" in await response.text()
    assert await assets(api) == []


async def test_every_url_is_fresh_and_all_stay_valid(api: Api) -> None:
    first, second = await api.authorization_url(), await api.authorization_url()
    assert first != second
    assert first.startswith(f"{api.url}/consent/")
    assert (await scan(api, first))[1] == "approved"
    assert (await scan(api, second))[1] == "already_authorized"
    await api.control("/config", qr_single_use=True)
    assert (await scan(api, first, handle="ben"))[1] == "code_expired"


async def test_a_full_business_center_takes_no_more(api: Api) -> None:  # R6
    await api.control("/seed", business_centers=[{"bc_id": BC, "account_cap": 1}])
    url = await api.authorization_url()
    assert (await scan(api, url))[1] == "approved"
    assert (await scan(api, url, handle="ben"))[1] == "bc_full"
    # An account may authorize any number of Business Centers.
    assert (await api.control(f"/owners/{HANDLE}/approve", bc_id=OTHER_BC))["outcome"] == "approved"
    assert len(await assets(api.as_token(OTHER_TOKEN), OTHER_BC)) == 1


async def test_what_is_not_ticked_is_not_granted(api: Api) -> None:  # R7
    url = await api.authorization_url(is_ads_only_mode=True)
    assert (await scan(api, url, videos="", live="on"))[1] == "approved"
    (asset,) = await assets(api)
    await api.post("/bc/asset/advertiser/assign/", bc_id=BC, asset_id=asset["asset_id"], advertiser_id=ADVERTISER)
    answer = await api.get(
        "/identity/get/", advertiser_id=ADVERTISER, identity_type="BC_AUTH_TT", identity_authorized_bc_id=BC
    )
    (identity,) = answer.data["identity_list"]
    assert identity["can_pull_video"] is True
    assert identity["can_push_video"] is False
    assert identity["can_use_live_ads"] is True
    assert identity["ads_only_mode"] is True
    # A later scan widens the scope.
    assert (await scan(api, url))[1] == "already_authorized"
    answer = await api.get(
        "/identity/info/",
        advertiser_id=ADVERTISER,
        identity_type="BC_AUTH_TT",
        identity_id=identity["identity_id"],
        identity_authorized_bc_id=BC,
    )
    assert answer.data["identity_info"]["can_push_video"] is True


async def test_the_asset_appears_after_scan_seconds(api: Api) -> None:
    await api.control("/clock", scan_seconds=0.05)
    await api.control(f"/owners/{HANDLE}/approve", bc_id=BC)
    assert await assets(api) == []
    state = await api.until(lambda state: state["business_centers"][0]["accounts"][0]["listed_at"])
    assert len(await assets(api)) == 1
    held = state["business_centers"][0]["accounts"][0]
    assert held["approved_at"] < held["listed_at"]


async def test_either_verb_can_be_switched_off(api: Api) -> None:
    url = f"{api.url}/open_api/v1.3/bc/asset/account/authorization/"
    assert (await api.post("/bc/asset/account/authorization/", bc_id=BC)).code == 0
    await api.control("/config", authorization_verb="POST")
    async with api.session.get(url, params={"bc_id": BC}, headers=api.headers) as response:
        assert response.status == 405
    await api.control("/config", authorization_verb="GET")
    async with api.session.post(url, json={"bc_id": BC}, headers=api.headers) as response:
        assert response.status == 405


async def test_only_an_admin_gets_a_url(api: Api) -> None:  # R2
    await api.control("/members/7200000000000000001", bc_id=BC, user_role="STANDARD")
    assert (await api.get("/bc/asset/account/authorization/", bc_id=BC)).code == 40001
    assert (await api.get("/bc/asset/admin/get/", bc_id=BC, asset_type="TT_ACCOUNT")).code == 40001
    assert (await api.get("/bc/asset/get/", bc_id=BC, asset_type="TT_ACCOUNT")).code == 0
