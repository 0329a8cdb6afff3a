"""Envelope, tokens, paths, verbs, wording of validation errors."""

from simulator_api import ADMIN, ADVERTISER, BC, FOREIGN_ADVERTISER, OTHER_BC, OTHER_TOKEN, TOKEN, Api


async def test_a_path_without_trailing_slash_is_404_in_plain_text(api: Api) -> None:
    for path in ("/open_api/v1.3/bc/get", "/open_api/v1.3/no/such/", "/open_api/v1.2/bc/get/"):
        async with api.session.get(api.url + path, headers=api.headers) as response:
            assert response.status == 404
            assert response.content_type == "text/plain"
            assert await response.text() == "404 page not found"


async def test_a_wrong_verb_is_http_405(api: Api) -> None:
    async with api.session.post(f"{api.url}/open_api/v1.3/bc/get/", headers=api.headers) as response:
        assert response.status == 405


async def test_every_answer_is_http_200_with_a_request_id_of_its_own(api: Api) -> None:
    seen = set()
    for token in (TOKEN, "wrong", None):
        async with api.session.get(f"{api.url}/open_api/v1.3/bc/get/", headers=api.as_token(token).headers) as response:
            body = await response.json()
            assert response.status == 200
            assert response.headers["X-TT-LOGID"] == body["request_id"]
            assert set(body) == {"code", "message", "request_id", "data"}
            assert body["request_id"].isdigit()
            seen.add(body["request_id"])
    assert len(seen) == 3


async def test_tokens(api: Api) -> None:
    missing = await api.as_token(None).get("/bc/get/")
    assert missing.code == 40104
    assert missing.message == "Access token is null, you should set it in http header with key Access-Token."
    assert (await api.as_token("wrong").get("/bc/get/")).code == 40105


async def test_what_belongs_to_others_is_40001(api: Api) -> None:
    other = await api.get("/campaign/get/", advertiser_id=FOREIGN_ADVERTISER)
    assert (other.code, other.message) == (40001, f"No permission to operate advertiser {FOREIGN_ADVERTISER}.")
    assert (await api.get("/bc/member/get/", bc_id=OTHER_BC)).code == 40001
    # Shared in by a partner: usable.
    assert (await api.as_token(OTHER_TOKEN).get("/campaign/get/", advertiser_id=ADVERTISER)).code == 40001
    shared = await api.as_token(OTHER_TOKEN).get("/campaign/get/", advertiser_id="7000000000000000012")
    assert shared.code == 0


async def test_missing_fields_are_named(api: Api) -> None:
    answer = await api.get("/bc/asset/admin/get/", bc_id=BC)
    assert (answer.code, answer.message) == (40002, "Missing required field(s): asset_type.")
    assert answer.data == {}


async def test_enums_are_strict_and_the_allowed_values_named(api: Api) -> None:
    answer = await api.get("/bc/asset/advertiser/assigned/", bc_id=BC, asset_id="1", asset_type="PIXEL")
    assert answer.code == 40002
    assert answer.message.endswith("correct is MANAGED_BUSINESS_ACCOUNT, TT_ACCOUNT")


async def test_query_arrays_and_objects_are_json(api: Api) -> None:
    plain = await api.get("/advertiser/info/", advertiser_ids=ADVERTISER)
    assert plain.code == 40002
    info = await api.get("/advertiser/info/", advertiser_ids=[ADVERTISER], fields=["name", "owner_bc_id"])
    (row,) = info.data["list"]
    assert row == {
        "advertiser_id": ADVERTISER,
        "name": "Releases",
        "owner_bc_id": BC,
        "advertiser_account_type": "AUCTION",
    }
    assert (await api.get("/campaign/get/", advertiser_id=ADVERTISER, filtering="{")).code == 40002


async def test_bodies_are_typed(api: Api) -> None:
    answer = await api.post("/bc/asset/account/authorization/", bc_id=BC, is_ads_only_mode="yes")
    assert answer.code == 40002
    assert "is_ads_only_mode" in answer.message
    assert (await api.get("/bc/asset/account/authorization/", bc_id=BC, is_ads_only_mode="1")).code == 40002
    url = f"{api.url}/open_api/v1.3/campaign/create/"
    async with api.session.post(url, data=b"[1]", headers=api.headers) as response:
        assert (await response.json())["code"] == 40002


async def test_page_sizes_have_caps(api: Api) -> None:
    for path, cap in (("/bc/get/", 50), ("/bc/member/get/", 20), ("/identity/get/", 100), ("/ad/get/", 1000)):
        scope = {"bc_id": BC} if path.startswith("/bc") else {"advertiser_id": ADVERTISER}
        assert (await api.get(path, page_size=cap, **scope)).code == 0
        assert (await api.get(path, page_size=cap + 1, **scope)).code == 40002


async def test_oauth(api: Api) -> None:
    anyone = api.as_token(None)
    app = {"app_id": "7100000000000000001", "secret": "app-secret"}
    assert (await anyone.post("/oauth2/access_token/", auth_code="code-1", **{**app, "secret": "x"})).code == 40101
    token = await anyone.post("/oauth2/access_token/", auth_code="code-1", **app)
    assert token.data["access_token"] == TOKEN
    assert ADVERTISER in token.data["advertiser_ids"]
    assert token.data["scope"]
    used = await anyone.post("/oauth2/access_token/", auth_code="code-1", **app)
    assert used.code == 40110
    mine = await api.get("/oauth2/advertiser/get/", **app)
    assert {"advertiser_id": ADVERTISER, "advertiser_name": "Releases"} in mine.data["list"]
    person = await api.get("/user/info/")
    assert (person.data["display_name"], person.data["email"]) == ("Ada", "a**a@label.example")


async def test_user_info_answers_without_its_slash_too(api: Api) -> None:
    for path in ("/user/info/", "/user/info"):
        assert (await api.get(path)).data["core_user_id"] == ADMIN
    await api.control("/config", user_id_field="id")
    person = await api.get("/user/info")
    assert (person.data["id"], "core_user_id" in person.data) == (int(ADMIN), False)


async def test_repeated_keys_are_no_array(api: Api) -> None:
    query = [("advertiser_ids", ADVERTISER), ("advertiser_ids", FOREIGN_ADVERTISER)]
    url = f"{api.url}/open_api/v1.3/advertiser/info/"
    async with api.session.get(url, params=query, headers=api.headers) as response:
        body = await response.json()
    assert (body["code"], body["message"]) == (40002, "error unmarshaling parameter")


async def test_empty_values_are_refused_or_left_out(api: Api) -> None:
    refused = await api.get("/bc/get/", bc_id="")
    assert (refused.code, refused.message) == (40002, "Invalid value of 'bc_id': it must not be empty")
    await api.control("/config", empty_values="ignore")
    assert len((await api.get("/bc/get/", bc_id="")).data["list"]) == 1
    missing = await api.get("/campaign/get/", advertiser_id="")
    assert missing.message == "Missing required field(s): advertiser_id."


async def test_unknown_fields_are_refused_with_the_allowed_ones(api: Api) -> None:
    for path, known in (
        ("/ad/get/", "tiktok_item_id"),
        ("/adgroup/get/", "location_ids"),
        ("/campaign/get/", "budget"),
    ):
        answer = await api.get(path, advertiser_id=ADVERTISER, fields=["nonsense"])
        assert answer.code == 40002
        assert answer.message.startswith("Invalid value of 'fields': nonsense; correct is ")
        assert known in answer.message
        assert (await api.get(path, advertiser_id=ADVERTISER, fields=[known])).code == 0


async def test_a_token_is_revoked(api: Api) -> None:
    app = {"app_id": "7100000000000000001", "secret": "app-secret"}
    assert (await api.post("/oauth2/revoke_token/", **app, access_token="other")).code == 40105
    revoked = await api.post("/oauth2/revoke_token/", **app, access_token=TOKEN)
    assert ADVERTISER in revoked.data["advertiser_ids"]
    assert (await api.get("/bc/get/")).code == 40105
    await api.control("/seed", business_centers=[{"bc_id": BC}])
    assert (await api.get("/bc/get/")).code == 0


async def test_nulls_are_dropped_from_business_centers_and_kept_for_members(api: Api) -> None:
    (center,) = (await api.get("/bc/get/")).data["list"]
    assert center["ext_user_role"] == {}
    members = await api.get("/bc/member/get/", bc_id=BC)
    assert members.data["list"][0]["ext_user_role"] == {"finance_role": None}
