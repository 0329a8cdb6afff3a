"""Identities of an ad account."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.entities import AdAccount, Authorization, CustomIdentity
from simulator.envelope import LOST_ACCOUNT, parameter_error
from simulator.fields import Body, Filter, Id, IdentityType, Query, page_info
from simulator.routes import Call, Data, Routes

routes = Routes()


class IdentityFilter(Filter):
    """Filtering is for identities of type CUSTOMIZED_USER alone."""

    keyword: str | None = None


class IdentityGet(Query):
    """GET /identity/get/: 1 to 100 rows, 20 by default."""

    advertiser_id: Id
    identity_type: IdentityType | None = None
    identity_authorized_bc_id: Id | None = None
    filtering: IdentityFilter | None = None
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=20, ge=1, le=100)


@routes.get("/identity/get/", IdentityGet)
def identity_get(call: Call, query: IdentityGet) -> Data:
    """Identities of an ad account. Page numbers are all zero unless type and Business Center are given."""
    advertiser, config = call.advertiser(query.advertiser_id), call.world.config
    bc_id = query.identity_authorized_bc_id
    if query.filtering is not None and query.identity_type != "CUSTOMIZED_USER":
        raise parameter_error("Invalid value of 'filtering': it is supported for CUSTOMIZED_USER only.")
    without_bc = query.identity_type == "BC_AUTH_TT" and bc_id is None
    if without_bc and config.identity_without_bc == "refuse":
        raise parameter_error("Missing required field(s): identity_authorized_bc_id.")
    rows: list[dict[str, Any]] = []
    if query.identity_type in {None, "BC_AUTH_TT"} and not (without_bc and config.identity_without_bc == "empty"):
        rows += [_identity(call, one) for one in advertiser.identities.values() if bc_id in {None, one.bc_id}]
    if query.identity_type in {None, "CUSTOMIZED_USER"}:
        keyword = ((query.filtering and query.filtering.keyword) or "").casefold()
        rows += [
            _custom_identity(one)
            for one in advertiser.custom_identities.values()
            if keyword in one.display_name.casefold()
        ]
    data = paged(rows, query.page, query.page_size, lambda row: row, key="identity_list")
    if query.identity_type is None or without_bc or config.identity_page_info == "zeros":
        data["page_info"] = dict.fromkeys(page_info(1, 1, 0), 0)
    return data


def _custom_identity(identity: CustomIdentity) -> dict[str, Any]:
    return {
        "identity_id": identity.identity_id,
        "identity_type": "CUSTOMIZED_USER",
        "identity_authorized_bc_id": None,
        "display_name": identity.display_name,
        "profile_image": identity.image_uri or "",
    }


class IdentityCreate(Body):
    """POST /identity/create/."""

    advertiser_id: Id
    display_name: str = Field(min_length=1, max_length=100)
    image_uri: str | None = None


@routes.post("/identity/create/", IdentityCreate)
def identity_create(call: Call, body: IdentityCreate) -> Data:
    """Make up an identity. It is no TikTok account, so no Spark Ad can use it."""
    advertiser = call.working_advertiser(body.advertiser_id)
    identity = CustomIdentity(call.world.ids.long("71"), body.display_name, body.image_uri)
    advertiser.custom_identities[identity.identity_id] = identity
    return {"identity_id": identity.identity_id}


class IdentityDelete(Body):
    """POST /identity/delete/."""

    advertiser_id: Id
    identity_id: Id
    identity_type: Literal["CUSTOMIZED_USER"]


@routes.post("/identity/delete/", IdentityDelete)
def identity_delete(call: Call, body: IdentityDelete) -> Data:
    """Delete a made-up identity."""
    identities = call.advertiser(body.advertiser_id).custom_identities
    if identities.pop(body.identity_id, None) is None:
        raise parameter_error(f"Invalid value of 'identity_id': the identity {body.identity_id} does not exist")
    return {}


def _identity(call: Call, authorization: Authorization) -> dict[str, Any]:
    account = authorization.account
    return {
        "identity_id": authorization.identity_id,
        "identity_type": "BC_AUTH_TT",
        "identity_authorized_bc_id": authorization.bc_id,
        "display_name": account.display_name,
        call.world.config.handle_field: account.handle,
        "profile_image": "",
        "available_status": available_status(authorization),
        "can_pull_video": authorization.posts,
        "can_push_video": authorization.videos,
        "can_use_live_ads": authorization.live,
        "can_manage_message": False,
        "ads_only_mode": authorization.ads_only,
        "is_gpppa": account.is_gpppa,
    }


def available_status(authorization: Authorization) -> str:
    """Whether an identity can be used, or why not."""
    if authorization.account.available_status is not None:
        return authorization.account.available_status
    if authorization.account.is_banned:
        return "NO_VALID_BIND_ACCOUNT"
    return "IS_PRIVATE_ACCOUNT" if authorization.account.is_private else "AVAILABLE"


class IdentityInfo(Query):
    """GET /identity/info/."""

    advertiser_id: Id
    identity_id: Id
    identity_type: IdentityType
    identity_authorized_bc_id: Id | None = None


@routes.get("/identity/info/", IdentityInfo)
def identity_info(call: Call, query: IdentityInfo) -> Data:
    """One identity."""
    row = _identity(
        call,
        find_identity(
            call.advertiser(query.advertiser_id),
            query.identity_id,
            query.identity_type,
            query.identity_authorized_bc_id,
        ),
    )
    row["profile_image_url"] = row.pop("profile_image")
    return {"identity_info": row}


def find_identity(advertiser: AdAccount, identity_id: str, identity_type: str, bc_id: str | None) -> Authorization:
    """The authorization behind an identity of an ad account.

    Raises:
        ApiError: 40002 with the text for a lost account, when it is not linked there or the Business Center is wrong.
    """
    authorization = advertiser.identities.get(identity_id)
    if identity_type == "BC_AUTH_TT" and bc_id is None:
        raise parameter_error("Missing required field(s): identity_authorized_bc_id.")
    if authorization is None or identity_type != "BC_AUTH_TT" or authorization.bc_id != bc_id:
        raise parameter_error(LOST_ACCOUNT)
    return authorization


class BindQuota(Query):
    """GET /asset/bind/quota/."""

    advertiser_id: Id
    asset_id: Id
    asset_type: Literal["IDENTITY"]


@routes.get("/asset/bind/quota/", BindQuota)
def bind_quota(call: Call, query: BindQuota) -> Data:
    """How many ads an identity has and may have."""
    authorization = call.advertiser(query.advertiser_id).identities.get(query.asset_id)
    if authorization is None:
        raise parameter_error(LOST_ACCOUNT)
    total, used = call.world.config.ads_per_identity, len(authorization.ads)
    return {"total_quota": total, "used_quota": used, "available_quota": max(0, total - used)}
