"""Members, assets, partners, and who may use what."""

from typing import Any

from simulator_api import (
    ADMIN,
    ADVERTISER,
    BC,
    FOREIGN_ADVERTISER,
    HANDLE,
    MEMBER,
    OTHER_BC,
    OTHER_TOKEN,
    PENDING,
    SECOND_ADVERTISER,
    Api,
)


async def assigned(api: Api, user_id: str, asset_type: str = "TT_ACCOUNT") -> list[dict[str, Any]]:
    answer = await api.get("/bc/asset/get/", bc_id=BC, asset_type=asset_type, filtering={"user_id": user_id})
    return list(answer.data["list"])


async def test_business_centers_and_members(api: Api) -> None:
    centers = await api.get("/bc/get/")
    (row,) = centers.data["list"]
    assert (row["bc_info"]["bc_id"], row["user_role"]) == (BC, "ADMIN")
    assert centers.data["page_info"] == {"page": 1, "page_size": 10, "total_number": 1, "total_page": 1}
    members = await api.get("/bc/member/get/", bc_id=BC, page_size=2, page=2)
    assert [one["user_name"] for one in members.data["list"]] == ["Cy"]
    assert members.data["page_info"] == {"page": 2, "page_size": 2, "total_number": 3, "total_page": 2}
    bound = await api.get("/bc/member/get/", bc_id=BC, filtering={"relation_status": "PENDING"})
    assert [one["user_id"] for one in bound.data["list"]] == [PENDING]


async def test_sharing_an_account_with_a_member(api: Api) -> None:  # R3, R4, R11
    asset_id = (await api.control(f"/owners/{HANDLE}/approve", bc_id=BC))["asset_id"]
    assert await assigned(api, MEMBER) == []
    grant = {"bc_id": BC, "user_id": MEMBER, "asset_type": "TT_ACCOUNT", "asset_id": asset_id}
    without_roles = await api.post("/bc/asset/assign/", **grant)
    assert without_roles.message == "Missing required field(s): tt_account_roles."
    assert (await api.post("/bc/asset/assign/", **grant, tt_account_roles=["VIDEO"])).code == 40002
    for _ in range(2):
        assert (await api.post("/bc/asset/assign/", **grant, tt_account_roles=["POST", "LIVE"])).code == 0
    assert [one["tt_account_roles"] for one in await assigned(api, MEMBER)] == [["POST", "LIVE"]]
    assert await assigned(api, ADMIN) == [], "an admin too needs a grant of their own"
    assert (await api.post("/bc/asset/unassign/", **grant)).code == 0
    assert await assigned(api, MEMBER) == []


async def test_only_bound_members_and_held_assets(api: Api) -> None:
    asset_id = (await api.control(f"/owners/{HANDLE}/approve", bc_id=BC))["asset_id"]
    grant = {"bc_id": BC, "asset_type": "TT_ACCOUNT", "tt_account_roles": ["POST"]}
    for user_id in (PENDING, "7299999999999999999"):
        assert (await api.post("/bc/asset/assign/", **grant, user_id=user_id, asset_id=asset_id)).code == 40002
    unknown = await api.post("/bc/asset/assign/", **grant, user_id=MEMBER, asset_id="7499999999999999999")
    assert unknown.message == "You don't have permission to the asset(7499999999999999999)"


async def test_roles_on_ad_accounts(api: Api) -> None:  # R5
    grant = {"bc_id": BC, "user_id": MEMBER, "asset_type": "ADVERTISER", "asset_id": ADVERTISER}
    assert (await api.post("/bc/asset/assign/", **grant, advertiser_role="OPERATOR")).code == 0
    (row,) = await assigned(api, MEMBER, "ADVERTISER")
    assert (row["asset_id"], row["advertiser_role"]) == (ADVERTISER, "OPERATOR")
    people = await api.get("/bc/asset/member/get/", bc_id=BC, asset_type="ADVERTISER", asset_id=ADVERTISER)
    assert {one["user_name"]: one["advertiser_role"] for one in people.data["list"]} == {
        "Ada": "ADMIN",
        "Bob": "OPERATOR",
    }
    refused = await api.get("/bc/asset/member/get/", bc_id=BC, asset_type="TT_ACCOUNT", asset_id="1")
    assert refused.message == "Invalid value of 'asset_type': correct is ADVERTISER, CATALOG, LEAD"


async def test_a_member_who_leaves_loses_everything(api: Api) -> None:
    asset_id = (await api.control(f"/owners/{HANDLE}/approve", bc_id=BC))["asset_id"]
    await api.post(
        "/bc/asset/assign/",
        bc_id=BC,
        user_id=MEMBER,
        asset_type="TT_ACCOUNT",
        asset_id=asset_id,
        tt_account_roles=["POST"],
    )
    assert len((await api.state())["member_grants"]) == 1
    await api.control(f"/members/{MEMBER}", bc_id=BC, removed=True)
    assert (await api.state())["member_grants"] == []


async def test_linking_needs_both_in_the_same_business_center(api: Api) -> None:
    asset_id = (await api.control(f"/owners/{HANDLE}/approve", bc_id=BC))["asset_id"]
    foreign = await api.post(
        "/bc/asset/advertiser/assign/", bc_id=BC, asset_id=asset_id, advertiser_id=FOREIGN_ADVERTISER
    )
    assert foreign.code == 40002
    for _ in range(2):
        answer = await api.post("/bc/asset/advertiser/assign/", bc_id=BC, asset_id=asset_id, advertiser_id=ADVERTISER)
        assert answer.code == 0
    linked = await api.get("/bc/asset/advertiser/assigned/", bc_id=BC, asset_id=asset_id, asset_type="TT_ACCOUNT")
    assert linked.data["list"] == [{"advertiser_id": ADVERTISER, "advertiser_name": "Releases"}]


async def test_a_partners_ad_account_carries_our_account(api: Api) -> None:  # R14
    agency = api.as_token(OTHER_TOKEN)
    asset_id = (await api.control(f"/owners/{HANDLE}/approve", bc_id=OTHER_BC))["asset_id"]
    shared = await agency.get(
        "/bc/partner/asset/get/", bc_id=OTHER_BC, partner_id=BC, asset_type="ADVERTISER", share_type="SHARED"
    )
    assert [one["asset_id"] for one in shared.data["list"]] == [SECOND_ADVERTISER]
    link = {"bc_id": OTHER_BC, "asset_id": asset_id, "advertiser_id": SECOND_ADVERTISER}
    assert (await agency.post("/bc/asset/advertiser/assign/", **link)).code == 0
    query = {"advertiser_id": SECOND_ADVERTISER, "identity_type": "BC_AUTH_TT"}
    right = await api.get("/identity/get/", **query, identity_authorized_bc_id=OTHER_BC)
    wrong = await api.get("/identity/get/", **query, identity_authorized_bc_id=BC)
    assert len(right.data["identity_list"]) == 1
    assert wrong.data["identity_list"] == []
    partners = await api.get("/bc/asset/partner/get/", bc_id=BC, asset_type="ADVERTISER", asset_id=SECOND_ADVERTISER)
    assert partners.data["list"] == [{"bc_id": OTHER_BC, "bc_name": "Agency"}]


async def test_a_partner_has_what_it_was_offered_after_accepting(api: Api) -> None:
    offer = {"bc_id": BC, "partner_id": OTHER_BC, "asset_ids": [ADVERTISER]}
    refused = await api.post("/bc/partner/add/", **offer, asset_type="TT_ACCOUNT")
    assert refused.message == "Invalid value of 'asset_type': correct is ADVERTISER"
    assert (await api.post("/bc/partner/add/", **offer, asset_type="ADVERTISER")).code == 0
    agency = api.as_token(OTHER_TOKEN)
    assert (await agency.get("/campaign/get/", advertiser_id=ADVERTISER)).code == 40001
    await api.control("/partners/accept", bc_id=OTHER_BC, partner_id=BC)
    assert (await agency.get("/campaign/get/", advertiser_id=ADVERTISER)).code == 0
    partners = await api.get("/bc/partner/get/", bc_id=BC)
    assert partners.data["list"] == [{"bc_id": OTHER_BC, "bc_name": "Agency"}]


async def test_seeding_again_updates(api: Api) -> None:
    await api.control(
        "/seed",
        business_centers=[
            {
                "bc_id": BC,
                "members": [{"user_id": MEMBER, "user_role": "ADMIN"}, {"user_id": PENDING, "removed": True}],
                "ad_accounts": [{"advertiser_id": ADVERTISER, "ads_only_mode": True}],
            }
        ],
        accounts=[{"handle": HANDLE, "is_private": True}],
    )
    state = await api.state()
    center = next(one for one in state["business_centers"] if one["bc_id"] == BC)
    assert {one["user_id"]: one["user_role"] for one in center["members"]} == {ADMIN: "ADMIN", MEMBER: "ADMIN"}
    assert center["ad_accounts"][0]["ads_only_mode"] is True
    assert center["ad_accounts"][0]["name"] == "Releases"
    assert state["accounts"][0]["is_private"] is True
    assert len(state["accounts"][0]["posts"]) == 5
