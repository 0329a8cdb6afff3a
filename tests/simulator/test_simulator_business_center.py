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
    pull,
)

AGENT = "7200000000000000004"


async def assigned(api: Api, user_id: str, asset_type: str = "TT_ACCOUNT") -> list[dict[str, Any]]:
    answer = await api.get("/bc/asset/get/", bc_id=BC, asset_type=asset_type, filtering={"user_id": user_id})
    return list(answer.data["list"])


async def test_business_centers_and_members(api: Api) -> None:
    centers = await api.get("/bc/get/")
    (row,) = centers.data["list"]
    assert (row["bc_info"]["bc_id"], row["user_role"]) == (BC, "ADMIN")
    assert centers.data["page_info"] == {"page": 1, "page_size": 10, "total_number": 1, "total_page": 1}
    members = await api.get("/bc/member/get/", bc_id=BC, page_size=2, page=2)
    assert [one["relation_status"] for one in members.data["list"]] == ["PENDING"]
    assert members.data["page_info"] == {"page": 2, "page_size": 2, "total_number": 3, "total_page": 2}
    invited = await api.get("/bc/member/get/", bc_id=BC, filtering={"relation_status": "PENDING"})
    assert [(one["user_id"], one["user_name"]) for one in invited.data["list"]] == [(None, None)]


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


async def center_of(api: Api, bc_id: str) -> dict[str, Any]:
    return next(one for one in (await api.state())["business_centers"] if one["bc_id"] == bc_id)


async def seed_agent(api: Api) -> None:
    agent = {"user_id": AGENT, "user_name": "Dee", "user_email": "dee@agency.example"}
    await api.control("/seed", business_centers=[{"bc_id": OTHER_BC, "members": [agent]}])


async def test_roles_on_a_shared_ad_account_are_each_sides_own(api: Api) -> None:  # R5, R11
    await seed_agent(api)
    agency = api.as_token(OTHER_TOKEN)
    role = {"bc_id": OTHER_BC, "user_id": AGENT, "asset_type": "ADVERTISER", "asset_id": ADVERTISER}
    assert (await agency.post("/bc/asset/assign/", **role, advertiser_role="OPERATOR")).code == 40002
    shared = {"bc_id": OTHER_BC, "partner_id": BC, "ad_accounts": [ADVERTISER]}
    await api.control("/partners/share", **shared)
    assert (await agency.post("/bc/asset/assign/", **role, advertiser_role="OPERATOR")).code == 0

    wanted = {"bc_id": OTHER_BC, "asset_type": "ADVERTISER"}
    mine = await agency.get("/bc/asset/get/", **wanted, filtering={"user_id": AGENT})
    assert [(one["asset_id"], one["advertiser_role"]) for one in mine.data["list"]] == [(ADVERTISER, "OPERATOR")]
    everything = await agency.get("/bc/asset/admin/get/", **wanted)
    assert [one["asset_id"] for one in everything.data["list"]] == [FOREIGN_ADVERTISER], "only what it owns"
    theirs = await agency.get("/bc/asset/member/get/", **wanted, asset_id=ADVERTISER)
    assert [(one["user_name"], one["advertiser_role"]) for one in theirs.data["list"]] == [("Dee", "OPERATOR")]
    ours = await api.get("/bc/asset/member/get/", bc_id=BC, asset_type="ADVERTISER", asset_id=ADVERTISER)
    assert [(one["user_name"], one["advertiser_role"]) for one in ours.data["list"]] == [("Ada", "ADMIN")]
    center = await center_of(api, OTHER_BC)
    assert center["shared_ad_accounts"] == {SECOND_ADVERTISER: BC, ADVERTISER: BC}
    assert center["shared_ad_account_roles"][ADVERTISER] == {AGENT: "OPERATOR"}

    await api.control("/seed", business_centers=[{"bc_id": OTHER_BC, "partners": [{"bc_id": BC, "name": "Label"}]}])
    await api.control("/partners/share", **shared)
    assert await center_of(api, OTHER_BC) == center | {"partners": [{"bc_id": BC, "name": "Label"}]}
    await api.control(f"/members/{AGENT}", bc_id=OTHER_BC, removed=True)
    assert (await center_of(api, OTHER_BC))["shared_ad_account_roles"][ADVERTISER] == {}
    assert (await agency.post("/bc/asset/unassign/", **role)).code == 40002
    await api.control("/partners/unshare", **shared)
    assert (await center_of(api, OTHER_BC))["shared_ad_accounts"] == {SECOND_ADVERTISER: BC}


async def ad_in_shared_account(api: Api) -> str:
    """An ad of the agency, with an account that the agency holds, in the label's ad account; the asset id."""
    agency = api.as_token(OTHER_TOKEN)
    await api.control("/partners/share", bc_id=OTHER_BC, partner_id=BC, ad_accounts=[ADVERTISER])
    approval = await api.control(f"/owners/{HANDLE}/approve", bc_id=OTHER_BC)
    link = {"bc_id": OTHER_BC, "asset_id": approval["asset_id"], "advertiser_id": ADVERTISER}
    assert (await agency.post("/bc/asset/advertiser/assign/", **link)).code == 0
    identity = {
        "identity_type": "BC_AUTH_TT",
        "identity_id": approval["identity_id"],
        "identity_authorized_bc_id": OTHER_BC,
    }
    assert (await agency.create(await agency.adgroup("agency"), pull(identity))).code == 0
    own = await api.linked()
    assert (await api.create(await api.adgroup("label"), pull(own))).code == 0
    return str(approval["asset_id"])


async def statuses(api: Api) -> dict[str, str]:
    return {one["bc_id"]: one["secondary_status"] for one in (await api.state())["ads"]}


async def test_a_partner_takes_its_ad_account_back(api: Api) -> None:
    asset_id = await ad_in_shared_account(api)
    agency = api.as_token(OTHER_TOKEN)
    assert await statuses(api) == {OTHER_BC: "AD_STATUS_DELIVERY_OK", BC: "AD_STATUS_DELIVERY_OK"}
    back = {"bc_id": BC, "partner_id": OTHER_BC, "asset_type": "ADVERTISER"}
    foreign = await api.post("/bc/partner/asset/delete/", **back, asset_ids=[FOREIGN_ADVERTISER])
    assert foreign.message == f"You don't have permission to the asset({FOREIGN_ADVERTISER})"
    for _ in range(2):
        assert (await api.post("/bc/partner/asset/delete/", **back, asset_ids=[ADVERTISER])).code == 0
    assert await statuses(api) == {OTHER_BC: "AD_STATUS_ASSET_AUTHORIZATION_LOST", BC: "AD_STATUS_DELIVERY_OK"}
    assigned_to = {"bc_id": OTHER_BC, "asset_id": asset_id, "asset_type": "TT_ACCOUNT"}
    assert (await agency.get("/bc/asset/advertiser/assigned/", **assigned_to)).data["list"] == []
    assert (await agency.get("/campaign/get/", advertiser_id=ADVERTISER)).code == 40001
    link = {"bc_id": OTHER_BC, "asset_id": asset_id, "advertiser_id": ADVERTISER}
    assert (await agency.post("/bc/asset/advertiser/assign/", **link)).code == 40002
    shared = await agency.get(
        "/bc/partner/asset/get/", bc_id=OTHER_BC, partner_id=BC, asset_type="ADVERTISER", share_type="SHARED"
    )
    assert [one["asset_id"] for one in shared.data["list"]] == [SECOND_ADVERTISER]
    assert (await center_of(api, OTHER_BC))["accounts"], "the TikTok account itself stays authorized"


async def test_the_end_of_a_partnership_ends_all_that_is_shared(api: Api) -> None:
    await ad_in_shared_account(api)
    await api.post("/bc/partner/add/", bc_id=BC, partner_id=OTHER_BC, asset_ids=[ADVERTISER], asset_type="ADVERTISER")
    agency = api.as_token(OTHER_TOKEN)
    assert (await agency.post("/bc/partner/delete/", bc_id=OTHER_BC, partner_id=BC)).code == 0
    assert (await statuses(api))[OTHER_BC] == "AD_STATUS_ASSET_AUTHORIZATION_LOST"
    center = await center_of(api, OTHER_BC)
    assert (center["partners"], center["shared_ad_accounts"], center["shared_ad_account_roles"]) == ([], {}, {})
    assert (await center_of(api, BC))["partners"] == []
    again = await api.post("/bc/partner/delete/", bc_id=BC, partner_id=OTHER_BC)
    assert again.message == f"The partner {OTHER_BC} is not a partner of this Business Center."


async def test_an_owner_changes_a_post(api: Api) -> None:
    identity = await api.linked()
    await api.control(f"/owners/{HANDLE}", post={"item_id": "7500000000000000001", "ad_authorized": False})
    refused = await api.create(await api.adgroup(), pull(identity))
    assert "is not authorized for ads" in refused.message
    await api.control(f"/owners/{HANDLE}", post={"item_id": "7500000000000000001", "status": "PRIVATE"})
    post = (await api.state())["accounts"][0]["posts"][0]
    assert (post["ad_authorized"], post["status"], post["deleted"]) == (False, "PRIVATE", False)
    await api.control(
        f"/owners/{HANDLE}",
        post={"item_id": "7500000000000000001", "ad_authorized": True},
        delete_post="7500000000000000002",
    )
    first, second = (await api.state())["accounts"][0]["posts"][:2]
    assert (first["ad_authorized"], first["status"], second["deleted"]) == (True, "PRIVATE", True)


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


async def test_an_invited_person_is_an_address_until_they_accept(api: Api) -> None:
    invitation = {"bc_id": BC, "emails": ["new@label.example"], "asset_type": "ADVERTISER", "asset_ids": [ADVERTISER]}
    for _ in range(2):
        assert (await api.post("/bc/member/invite/", **invitation, advertiser_role="OPERATOR")).code == 0
    members = await api.get("/bc/member/get/", bc_id=BC, filtering={"keyword": "new@"})
    assert members.data["list"] == [
        {
            "user_id": None,
            "user_name": None,
            "user_email": "n**w@label.example",
            "user_role": "STANDARD",
            "relation_status": "PENDING",
            "ext_user_role": {"finance_role": None},
        }
    ]
    by_address = {"bc_id": BC, "filtering": {"user_email": "new@label.example"}}
    offered = await api.get("/bc/asset/get/", **by_address, asset_type="ADVERTISER")
    assert [one["asset_id"] for one in offered.data["list"]] == [ADVERTISER]
    assert (await api.get("/bc/asset/get/", **by_address, asset_type="TT_ACCOUNT")).code == 40002
    people = await api.get("/bc/asset/member/get/", bc_id=BC, asset_type="ADVERTISER", asset_id=ADVERTISER)
    assert [(one["user_id"], one["advertiser_role"]) for one in people.data["list"]] == [
        (ADMIN, "ADMIN"),
        (None, "OPERATOR"),
    ]

    joined = await api.control("/members/accept", bc_id=BC, user_email="new@label.example", user_name="Nell")
    (row,) = (await api.get("/bc/member/get/", bc_id=BC, filtering={"keyword": "new@"})).data["list"]
    assert (row["user_id"], row["user_name"], row["relation_status"]) == (joined["user_id"], "Nell", "BOUND")
    assert [one["advertiser_role"] for one in await assigned(api, joined["user_id"], "ADVERTISER")] == ["OPERATOR"]
    assert (await api.get("/bc/asset/get/", **by_address, asset_type="ADVERTISER")).code == 40002, (
        "no longer by address"
    )


async def test_invitations_that_are_refused_or_taken_back(api: Api) -> None:
    invite = "/bc/member/invite/"
    assert (await api.post(invite, bc_id=BC, emails=["nonsense"])).code == 40002
    assert (await api.post(invite, bc_id=BC, emails=[f"a{n}@x.example" for n in range(51)])).code == 40002
    foreign = await api.post(invite, bc_id=BC, emails=["a@x.example"], asset_ids=[FOREIGN_ADVERTISER])
    assert foreign.code == 40002
    await api.post(invite, bc_id=BC, emails=["a@x.example", "bob@label.example"])
    assert len((await center_of(api, BC))["members"]) == 4, "Bob is a member already"
    assert (await api.post("/bc/member/delete/", bc_id=BC, user_id=PENDING)).code == 40002, "nobody knows that id"
    assert (await api.post("/bc/member/delete/", bc_id=BC)).code == 40002
    assert (await api.post("/bc/member/delete/", bc_id=BC, user_email="A@x.example")).code == 0
    assert (await api.post("/bc/member/delete/", bc_id=BC, user_id=MEMBER)).code == 0
    assert [one["user_name"] for one in (await center_of(api, BC))["members"]] == ["Ada", "Cy"]
    async with api.session.post(
        f"{api.url}/control/members/accept", json={"bc_id": BC, "user_email": "a@x.example"}
    ) as response:
        assert response.status == 404


async def test_a_member_gets_another_role(api: Api) -> None:
    change = {"bc_id": BC, "user_id": MEMBER, "user_role": "ADMIN", "user_name": "Robert"}
    assert (await api.post("/bc/member/update/", **change)).code == 0
    (row,) = (await api.get("/bc/member/get/", bc_id=BC, filtering={"keyword": "robert"})).data["list"]
    assert row["user_role"] == "ADMIN"
    assert (await api.post("/bc/member/update/", **change | {"user_id": PENDING})).code == 40002


async def test_asset_groups_give_ad_accounts_to_members(api: Api) -> None:
    assets = [{"asset_id": key, "asset_type": "ADVERTISER"} for key in (ADVERTISER, SECOND_ADVERTISER)]
    members = [{"member_id": MEMBER, "asset_roles": {"ADVERTISER": "ANALYST"}}]
    body = {"bc_id": BC, "asset_group_name": "Both", "assets": assets, "members": members}
    group = {"bc_id": BC, "asset_group_id": (await api.post("/bc/asset_group/create/", **body)).data["asset_group_id"]}
    listed = await api.get("/bc/asset_group/list/", bc_id=BC, filtering={"keyword": "bo"})
    assert [one["asset_group_name"] for one in listed.data["list"]] == ["Both"]
    inside = await api.get("/bc/asset_group/get/", **group, query_entity="ASSET")
    assert [one["asset_id"] for one in inside.data["list"]] == [ADVERTISER, SECOND_ADVERTISER]
    people = await api.get("/bc/asset_group/get/", **group, query_entity="MEMBER")
    assert people.data["list"] == [
        {"member_id": MEMBER, "member_name": "Bob", "asset_roles": {"ADVERTISER": "ANALYST"}}
    ]
    assert len(await assigned(api, MEMBER, "ADVERTISER")) == 2
    out = {**group, "update_entity": "ASSET", "action": "DELETE", "assets": assets[:1]}
    assert (await api.post("/bc/asset_group/update/", **out)).code == 0
    assert [one["asset_id"] for one in await assigned(api, MEMBER, "ADVERTISER")] == [SECOND_ADVERTISER]
    renamed = {**group, "update_entity": "NAME", "asset_group_name": "One"}
    assert (await api.post("/bc/asset_group/update/", **renamed)).code == 0
    assert (await api.post("/bc/asset_group/delete/", bc_id=BC, asset_group_ids=[group["asset_group_id"]])).code == 0
    assert await assigned(api, MEMBER, "ADVERTISER") == []
    for wrong in (
        {"assets": [{"asset_id": FOREIGN_ADVERTISER, "asset_type": "ADVERTISER"}]},
        {"assets": [{"asset_id": ADVERTISER, "asset_type": "PIXEL"}]},
        {"members": [{"member_id": PENDING, "asset_roles": {"ADVERTISER": "ANALYST"}}]},
        {"members": []},
    ):
        assert (await api.post("/bc/asset_group/create/", **{**body, **wrong})).code == 40002


async def test_the_change_log_and_subscriptions(api: Api) -> None:
    await api.control(f"/owners/{HANDLE}/approve", bc_id=BC)
    log = await api.get("/changelog/get/", bc_id=BC, filtering={"activity_type": "ASSET"})
    assert [one["activity_log"] for one in log.data["changelog_list"]] == ["TikTok account Ann Official was added"]
    early = await api.get("/changelog/get/", bc_id=BC, filtering={"end_date": "2020-01-01"})
    assert early.data["changelog_list"] == []
    none = await api.get("/subscription/get/", app_id="1", secret="x")
    assert none.data["subscriptions"] == []
