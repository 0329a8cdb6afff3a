"""Assets of a Business Center: TikTok accounts and ad accounts, who may use them, and the authorization URL."""

from typing import Any, Final, Literal

from pydantic import Field

from simulator.authorizations import code_url, end, issue_code, link, unlink
from simulator.endpoints.advertisers import shown_status
from simulator.endpoints.members import known_as, who
from simulator.endpoints.paging import paged
from simulator.entities import AdAccount, AdvertiserRole, Authorization, BusinessCenter, Member
from simulator.envelope import no_asset_permission, parameter_error
from simulator.fields import AssetType, Body, Filter, Id, Page50, Query, QueryBool
from simulator.members import find_member
from simulator.partners import roles_on, usable
from simulator.routes import Call, Data, Routes

routes = Routes()

AUTHORIZATION_PATH = "/bc/asset/account/authorization/"


class AuthorizationQuery(Query):
    """GET of the authorization URL."""

    bc_id: Id
    is_ads_only_mode: QueryBool = False


class AuthorizationBody(Body):
    """POST of the authorization URL."""

    bc_id: Id
    is_ads_only_mode: bool = False


@routes.get(AUTHORIZATION_PATH, AuthorizationQuery)
def authorization_get(call: Call, query: AuthorizationQuery) -> Data:
    """A fresh URL for owners to open in the app."""
    return _authorization_url(call, query.bc_id, is_ads_only_mode=query.is_ads_only_mode)


@routes.post(AUTHORIZATION_PATH, AuthorizationBody)
def authorization_post(call: Call, body: AuthorizationBody) -> Data:
    """The same by POST: public sources disagree about the method."""
    return _authorization_url(call, body.bc_id, is_ads_only_mode=body.is_ads_only_mode)


def _authorization_url(call: Call, bc_id: str, *, is_ads_only_mode: bool) -> Data:
    center = call.session.administered(bc_id)
    code = issue_code(call.world, center, is_ads_only_mode=is_ads_only_mode, now=call.now)
    return {"bc_auth_qr_code": code_url(call.world, code)}


class AdminFilter(Filter):
    """Filtering of all assets."""

    keyword: str | None = None
    relation_type: Literal["OWNER_BC", "OWNER_PARTNER", "OWNER_INDIVIDUAL"] | None = None
    relation_status: Literal["BOUND", "PENDING", "REJECTED", "UNBOUND"] | None = None
    advertiser_show_status: str | None = None


NO_RELATION: Final = {"relation_type": "OWNER_BC", "relation_status": None, "advertiser_status": None}
"""What is said of how a TikTok account belongs to a Business Center: next to nothing."""


class AdminGet(Page50):
    """GET /bc/asset/admin/get/."""

    bc_id: Id
    asset_type: AssetType
    filtering: AdminFilter = AdminFilter()


@routes.get("/bc/asset/admin/get/", AdminGet)
def admin_get(call: Call, query: AdminGet) -> Data:
    """All assets of a kind, for admins."""
    center = call.session.administered(query.bc_id)
    keyword = (query.filtering.keyword or "").casefold()
    if query.asset_type == "TT_ACCOUNT":
        held = [
            one
            for one in center.held.values()
            if one.listed_at is not None and keyword in one.account.display_name.casefold()
        ]
        return paged(
            held, query.page, query.page_size, lambda one: _account(call, one, _scope_roles(one)) | NO_RELATION
        )
    owned: list[AdAccount] = []
    if query.asset_type == "ADVERTISER":
        wanted = query.filtering
        owned = [
            one
            for one in center.ad_accounts.values()
            if not one.deleted
            and keyword in one.name.casefold()
            and wanted.relation_type in {None, "OWNER_BC"}
            and wanted.relation_status in {None, "BOUND"}
            and wanted.advertiser_show_status in {None, shown_status(one)}
        ]
    actor = call.session.actor(center)
    user_id = actor.user_id if actor else ""
    return paged(
        owned,
        query.page,
        query.page_size,
        lambda one: (
            _advertiser(one, one.roles.get(user_id))
            | {"relation_type": "OWNER_BC", "relation_status": "BOUND", "advertiser_status": one.status}
        ),
    )


class AssetFilter(Filter):
    """Filtering by the person whose access is asked for."""

    user_id: Id | None = None
    user_email: str | None = None
    keyword: str | None = None


class AssetGet(Page50):
    """GET /bc/asset/get/."""

    bc_id: Id
    asset_type: AssetType
    filtering: AssetFilter = AssetFilter()


@routes.get("/bc/asset/get/", AssetGet)
def asset_get(call: Call, query: AssetGet) -> Data:
    """Assets given to one member, or to the token's user. An admin too is listed only with what was assigned."""
    center = call.session.center(query.bc_id)
    wanted = query.filtering
    member = call.session.actor(center)
    if wanted.user_id is not None:
        member = _joined(center, wanted.user_id)
    elif wanted.user_email is not None:
        if query.asset_type != "ADVERTISER":
            raise parameter_error("Invalid value of 'filtering.user_email': it is supported for ADVERTISER only")
        member = find_member(center, email=wanted.user_email)
        if member is not None and member.relation_status != "PENDING":
            raise parameter_error("Invalid value of 'filtering.user_email': it is supported for PENDING members only")
    if member is None:
        raise parameter_error("The user is not a member of this Business Center.")
    user_id, keyword = member.user_id, (wanted.keyword or "").casefold()
    if query.asset_type == "TT_ACCOUNT":
        granted = [
            one
            for one in center.held.values()
            if one.listed_at is not None
            and user_id in one.member_roles
            and keyword in one.account.display_name.casefold()
        ]
        return paged(granted, query.page, query.page_size, lambda one: _account(call, one, one.member_roles[user_id]))
    given: list[tuple[AdAccount, str]] = []
    if member.relation_status == "PENDING" and query.asset_type == "ADVERTISER":
        offered = member.roles_on_joining
        given = [(call.world.ad_accounts[key], role) for key, role in offered.items()]
    elif query.asset_type == "ADVERTISER":
        given = [
            (one, role)
            for one in usable(call.world, center)
            if keyword in one.name.casefold()
            and (role := (roles_on(center, one.advertiser_id) or {}).get(user_id)) is not None
        ]
    return paged(given, query.page, query.page_size, lambda one: _advertiser(*one))


def _joined(center: BusinessCenter, user_id: str) -> Member | None:
    """A member by id; one who is only invited has none that anybody knows."""
    member = center.members.get(user_id)
    return None if member is None or member.relation_status == "PENDING" else member


def _scope_roles(authorization: Authorization) -> list[str]:
    roles = ["POST"] if authorization.posts or authorization.videos else []
    return [*roles, "LIVE"] if authorization.live else roles


def _account(call: Call, authorization: Authorization, roles: list[str]) -> dict[str, Any]:
    account = authorization.account
    row = {
        "asset_type": "TT_ACCOUNT",
        "asset_id": account.asset_id,
        "asset_name": account.display_name,
        "owner_bc_name": None,
        "tt_account_roles": roles,
        "advertiser_account_type": None,
        "advertiser_role": None,
        "catalog_role": None,
        "store_role": None,
    }
    if call.world.config.show_handles:
        row["tt_asset_handle"] = account.handle
    return row


def _advertiser(advertiser: AdAccount, role: str | None) -> dict[str, Any]:
    return {
        "asset_type": "ADVERTISER",
        "asset_id": advertiser.advertiser_id,
        "asset_name": advertiser.name,
        "owner_bc_name": None,
        "tt_account_roles": None,
        "advertiser_account_type": "AUCTION",
        "advertiser_role": role,
        "catalog_role": None,
        "store_role": None,
    }


def _listed(center: BusinessCenter, asset_id: str) -> Authorization:
    authorization = center.held.get(asset_id)
    if authorization is None or authorization.listed_at is None:
        raise no_asset_permission(asset_id)
    return authorization


def _roles(center: BusinessCenter, advertiser_id: str) -> dict[str, AdvertiserRole]:
    roles = roles_on(center, advertiser_id)
    if roles is None:
        raise no_asset_permission(advertiser_id)
    return roles


class AssetAssign(Body):
    """POST /bc/asset/assign/: one person, one asset."""

    bc_id: Id
    user_id: Id
    asset_type: Literal[
        "ADVERTISER", "CATALOG", "LEAD", "MANAGED_BUSINESS_ACCOUNT", "PIXEL", "STOREFRONT", "TIKTOK_SHOP", "TT_ACCOUNT"
    ]
    asset_id: Id
    advertiser_role: Literal["ADMIN", "OPERATOR", "ANALYST"] | None = None
    tt_account_roles: list[Literal["POST", "LIVE", "DIRECT_MESSAGE"]] | None = None


@routes.post("/bc/asset/assign/", AssetAssign)
def asset_assign(call: Call, body: AssetAssign) -> Data:
    """Give a bound member the use of an asset; repeating it sets the roles again."""
    center = call.session.administered(body.bc_id)
    _require_bound(center, body.user_id)
    if body.asset_type == "TT_ACCOUNT":
        if not body.tt_account_roles:
            raise parameter_error("Missing required field(s): tt_account_roles.")
        authorization = _listed(center, body.asset_id)
        authorization.member_roles[body.user_id] = list(dict.fromkeys(body.tt_account_roles))
    elif body.asset_type == "ADVERTISER":
        if body.advertiser_role is None:
            raise parameter_error("Missing required field(s): advertiser_role.")
        _roles(center, body.asset_id)[body.user_id] = body.advertiser_role
    else:
        raise no_asset_permission(body.asset_id)
    return {}


def _require_bound(center: BusinessCenter, user_id: str) -> None:
    member = center.members.get(user_id)
    if member is None or member.relation_status != "BOUND":
        raise parameter_error(f"The user {user_id} is not a member of this Business Center.")


class AssetUnassign(Body):
    """POST /bc/asset/unassign/."""

    bc_id: Id
    user_id: Id
    asset_type: AssetType
    asset_id: Id


@routes.post("/bc/asset/unassign/", AssetUnassign)
def asset_unassign(call: Call, body: AssetUnassign) -> Data:
    """Take the use of an asset from a member; taking what was not given is no error."""
    center = call.session.administered(body.bc_id)
    if _joined(center, body.user_id) is None:
        raise parameter_error(f"The user {body.user_id} is not a member of this Business Center.")
    if body.asset_type == "TT_ACCOUNT":
        _listed(center, body.asset_id).member_roles.pop(body.user_id, None)
    elif body.asset_type == "ADVERTISER":
        _roles(center, body.asset_id).pop(body.user_id, None)
    else:
        raise no_asset_permission(body.asset_id)
    return {}


LinkableType = Literal["MANAGED_BUSINESS_ACCOUNT", "TT_ACCOUNT"]


class AdvertiserAssign(Body):
    """POST /bc/asset/advertiser/assign/."""

    bc_id: Id
    asset_id: Id
    advertiser_id: Id
    asset_type: LinkableType = "TT_ACCOUNT"


@routes.post("/bc/asset/advertiser/assign/", AdvertiserAssign)
def advertiser_assign(call: Call, body: AdvertiserAssign) -> Data:
    """Link a TikTok account to an ad account of the same Business Center, owned or shared in."""
    center = call.session.administered(body.bc_id)
    authorization = _linkable(center, body.asset_id, body.asset_type)
    link(call.world, authorization, _ad_account(call, center, body.advertiser_id), call.now)
    return {}


class AdvertiserUnassign(Body):
    """POST /bc/asset/advertiser/unassign/."""

    bc_id: Id
    asset_id: Id
    advertiser_id: Id
    asset_type: LinkableType


@routes.post("/bc/asset/advertiser/unassign/", AdvertiserUnassign)
def advertiser_unassign(call: Call, body: AdvertiserUnassign) -> Data:
    """Unlink; unlinking what is not linked is no error."""
    center = call.session.administered(body.bc_id)
    authorization = _linkable(center, body.asset_id, body.asset_type)
    unlink(call.world, authorization, _ad_account(call, center, body.advertiser_id), call.now)
    return {}


class AdvertiserAssigned(Page50):
    """GET /bc/asset/advertiser/assigned/."""

    bc_id: Id
    asset_id: Id
    asset_type: LinkableType


@routes.get("/bc/asset/advertiser/assigned/", AdvertiserAssigned)
def advertiser_assigned(call: Call, query: AdvertiserAssigned) -> Data:
    """Ad accounts a TikTok account is linked to."""
    center = call.session.administered(query.bc_id)
    authorization = _linkable(center, query.asset_id, query.asset_type)
    return paged(
        list(authorization.links),
        query.page,
        query.page_size,
        lambda key: {"advertiser_id": key, "advertiser_name": call.world.ad_accounts[key].name},
    )


def _linkable(center: BusinessCenter, asset_id: str, asset_type: str) -> Authorization:
    if asset_type != "TT_ACCOUNT":
        raise no_asset_permission(asset_id)
    return _listed(center, asset_id)


def _ad_account(call: Call, center: BusinessCenter, advertiser_id: str) -> AdAccount:
    if advertiser_id in center.ad_accounts or advertiser_id in center.shared_in:
        advertiser = call.world.ad_accounts[advertiser_id]
        if not advertiser.deleted:
            return advertiser
    raise no_asset_permission(advertiser_id)


class AdminDelete(Body):
    """POST /bc/asset/admin/delete/: exactly one asset."""

    bc_id: Id
    asset_ids: list[Id] = Field(min_length=1, max_length=1)
    asset_type: Literal["LEAD", "TT_ACCOUNT"]


@routes.post("/bc/asset/admin/delete/", AdminDelete)
def admin_delete(call: Call, body: AdminDelete) -> Data:
    """Remove a TikTok account from the Business Center; only a new consent brings it back."""
    center = call.session.administered(body.bc_id)
    if body.asset_type != "TT_ACCOUNT":
        raise no_asset_permission(body.asset_ids[0])
    end(call.world, _listed(center, body.asset_ids[0]), by="admin", now=call.now)
    return {}


class AssetMemberFilter(Filter):
    """Filtering of an asset's members."""

    keyword: str | None = Field(default=None, max_length=250)


class AssetMemberGet(Query):
    """GET /bc/asset/member/get/: TT_ACCOUNT is refused, and at most 20 rows a page."""

    bc_id: Id
    asset_type: Literal["ADVERTISER", "CATALOG", "LEAD"]
    asset_id: Id
    filtering: AssetMemberFilter = AssetMemberFilter()
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=10, ge=1, le=20)


@routes.get("/bc/asset/member/get/", AssetMemberGet)
def asset_member_get(call: Call, query: AssetMemberGet) -> Data:
    """Members with a role on an ad account, invited ones included."""
    center = call.session.administered(query.bc_id)
    if query.asset_type != "ADVERTISER":
        raise no_asset_permission(query.asset_id)
    keyword = (query.filtering.keyword or "").casefold()
    given = _roles(center, query.asset_id)
    rows = [
        (member, role)
        for member in center.members.values()
        if (role := given.get(member.user_id) or member.roles_on_joining.get(query.asset_id)) is not None
        and keyword in known_as(member)
    ]
    return paged(
        rows,
        query.page,
        query.page_size,
        lambda row: {
            **who(row[0]),
            "advertiser_role": row[1],
            "catalog_role": None,
        },
    )
