"""Asset groups of a Business Center: ad accounts that members are given together."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.entities import AdvertiserRole, AssetGroup, BusinessCenter
from simulator.envelope import no_asset_permission, parameter_error
from simulator.fields import Body, Filter, Id, Page50
from simulator.partners import roles_on
from simulator.routes import Call, Data, Routes

routes = Routes()


class Asset(Body):
    """An ad account; nothing else can be in an asset group."""

    asset_id: Id
    asset_type: Literal["ADVERTISER"]


class AssetRoles(Body):
    """Roles by kind of asset."""

    ADVERTISER: AdvertiserRole


class GroupMember(Body):
    """Who gets the assets, as what."""

    member_id: Id
    asset_roles: AssetRoles


class GroupCreate(Body):
    """POST /bc/asset_group/create/: 1 to 200 ad accounts for 1 to 50 members."""

    bc_id: Id
    asset_group_name: str = Field(min_length=1)
    assets: list[Asset] = Field(min_length=1, max_length=200)
    members: list[GroupMember] = Field(min_length=1, max_length=50)


@routes.post("/bc/asset_group/create/", GroupCreate)
def create(call: Call, body: GroupCreate) -> Data:
    """Make a group; its members have the ad accounts at once."""
    center = call.session.administered(body.bc_id)
    _check(center, body.assets, body.members)
    group = AssetGroup(call.world.ids.long("76"), body.asset_group_name, [], {})
    center.asset_groups[group.asset_group_id] = group
    _add(center, group, body.assets, body.members)
    return {"asset_group_id": group.asset_group_id}


class GroupUpdate(Body):
    """POST /bc/asset_group/update/: the name, or assets or members added or removed."""

    bc_id: Id
    asset_group_id: Id
    update_entity: Literal["NAME", "ASSET", "MEMBER"]
    action: Literal["ADD", "DELETE"] | None = None
    asset_group_name: str | None = Field(default=None, min_length=1)
    assets: list[Asset] = Field(default_factory=list, max_length=200)
    members: list[GroupMember] = Field(default_factory=list, max_length=50)


@routes.post("/bc/asset_group/update/", GroupUpdate)
def update(call: Call, body: GroupUpdate) -> Data:
    """Change a group. Whoever is taken out, and whatever is, loses the roles that came with it."""
    center = call.session.administered(body.bc_id)
    group = _group(center, body.asset_group_id)
    if body.update_entity == "NAME":
        if body.asset_group_name is None:
            raise parameter_error("Missing required field(s): asset_group_name.")
        group.name = body.asset_group_name
        return {}
    if body.action is None:
        raise parameter_error("Missing required field(s): action.")
    wanted: list[Asset] | list[GroupMember] = body.assets if body.update_entity == "ASSET" else body.members
    if not wanted:
        raise parameter_error(f"Missing required field(s): {body.update_entity.lower()}s.")
    assets = body.assets if body.update_entity == "ASSET" else []
    members = body.members if body.update_entity == "MEMBER" else []
    if body.action == "ADD":
        _check(center, assets, members)
        _add(center, group, assets, members)
    else:
        _remove(center, group, [one.asset_id for one in assets], [one.member_id for one in members])
    return {}


class KeywordFilter(Filter):
    """Filtering by a part of the name."""

    keyword: str | None = None


class GroupList(Page50):
    """GET /bc/asset_group/list/."""

    bc_id: Id
    filtering: KeywordFilter = KeywordFilter()


@routes.get("/bc/asset_group/list/", GroupList)
def list_groups(call: Call, query: GroupList) -> Data:
    """Groups of a Business Center."""
    center = call.session.administered(query.bc_id)
    keyword = (query.filtering.keyword or "").casefold()
    rows = [one for one in center.asset_groups.values() if keyword in one.name.casefold()]
    return paged(
        rows,
        query.page,
        query.page_size,
        lambda one: {"asset_group_id": one.asset_group_id, "asset_group_name": one.name},
    )


class GroupGet(Page50):
    """GET /bc/asset_group/get/."""

    bc_id: Id
    asset_group_id: Id
    query_entity: Literal["ASSET", "MEMBER"]
    filtering: KeywordFilter = KeywordFilter()


@routes.get("/bc/asset_group/get/", GroupGet)
def get(call: Call, query: GroupGet) -> Data:
    """The ad accounts or the members of a group."""
    center = call.session.administered(query.bc_id)
    group = _group(center, query.asset_group_id)
    keyword = (query.filtering.keyword or "").casefold()
    rows: list[dict[str, Any]]
    if query.query_entity == "ASSET":
        found = [call.world.ad_accounts[key] for key in group.asset_ids]
        rows = [
            {"asset_id": one.advertiser_id, "asset_name": one.name, "asset_type": "ADVERTISER"}
            for one in found
            if keyword in one.name.casefold()
        ]
    else:
        people = [(center.members[key], roles) for key, roles in group.members.items()]
        rows = [
            {"member_id": one.user_id, "member_name": one.user_name, "asset_roles": roles}
            for one, roles in people
            if keyword in one.user_name.casefold()
        ]
    return paged(rows, query.page, query.page_size, lambda row: row)


class GroupDelete(Body):
    """POST /bc/asset_group/delete/."""

    bc_id: Id
    asset_group_ids: list[Id] = Field(min_length=1)


@routes.post("/bc/asset_group/delete/", GroupDelete)
def delete(call: Call, body: GroupDelete) -> Data:
    """Delete groups; their members lose the roles that came with them."""
    center = call.session.administered(body.bc_id)
    for group in [_group(center, key) for key in body.asset_group_ids]:
        _remove(center, group, [], list(group.members))
        del center.asset_groups[group.asset_group_id]
    return {}


def _group(center: BusinessCenter, asset_group_id: str) -> AssetGroup:
    group = center.asset_groups.get(asset_group_id)
    if group is None:
        raise parameter_error(f"Invalid value of 'asset_group_id': {asset_group_id} does not exist")
    return group


def _check(center: BusinessCenter, assets: list[Asset], members: list[GroupMember]) -> None:
    for asset in assets:
        if roles_on(center, asset.asset_id) is None:
            raise no_asset_permission(asset.asset_id)
    for one in members:
        member = center.members.get(one.member_id)
        if member is None or member.relation_status != "BOUND":
            raise parameter_error(f"The user {one.member_id} is not a member of this Business Center.")


def _add(center: BusinessCenter, group: AssetGroup, assets: list[Asset], members: list[GroupMember]) -> None:
    group.asset_ids = list(dict.fromkeys([*group.asset_ids, *(one.asset_id for one in assets)]))
    group.members.update({one.member_id: {"ADVERTISER": one.asset_roles.ADVERTISER} for one in members})
    for asset_id in group.asset_ids:
        roles = roles_on(center, asset_id)
        if roles is not None:
            roles.update({user_id: given["ADVERTISER"] for user_id, given in group.members.items()})


def _remove(center: BusinessCenter, group: AssetGroup, asset_ids: list[str], member_ids: list[str]) -> None:
    for asset_id in group.asset_ids:
        roles = roles_on(center, asset_id) or {}
        for user_id in group.members:
            if asset_id in asset_ids or user_id in member_ids:
                roles.pop(user_id, None)
    group.asset_ids = [key for key in group.asset_ids if key not in asset_ids]
    for user_id in member_ids:
        group.members.pop(user_id, None)
