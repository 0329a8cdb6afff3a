"""Business Centers: the list, and partners."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.entities import BusinessCenter, Member
from simulator.envelope import no_asset_permission, parameter_error
from simulator.fields import AssetType, Body, Filter, Id, Page50
from simulator.partners import part, stop_sharing
from simulator.routes import Call, Data, Routes
from simulator.stamps import spaced

routes = Routes()


class BcGet(Page50):
    """GET /bc/get/."""

    bc_id: Id | None = None


@routes.get("/bc/get/", BcGet)
def bc_get(call: Call, query: BcGet) -> Data:
    """Business Centers of the token."""
    rows = []
    for bc_id in sorted(call.session.bc_ids):
        center = call.world.centers[bc_id]
        actor = call.session.actor(center)
        if actor is not None and query.bc_id in {None, bc_id}:
            rows.append((center, actor))
    return paged(rows, query.page, query.page_size, _center)


def _center(row: tuple[BusinessCenter, Member]) -> dict[str, Any]:
    center, actor = row
    return {
        "bc_info": {
            "bc_id": center.bc_id,
            "name": center.name,
            "company": center.name,
            "currency": "USD",
            "registered_area": "US",
            "status": "ENABLE",
            "timezone": "UTC",
            "type": "NORMAL",
            "create_time": spaced(center.created_at),
        },
        "user_role": actor.user_role,
        "ext_user_role": {},
    }


class PartnerFilter(Filter):
    """Filtering of partners."""

    name: str | None = None


class PartnerGet(Page50):
    """GET /bc/partner/get/."""

    bc_id: Id
    filtering: PartnerFilter = PartnerFilter()


@routes.get("/bc/partner/get/", PartnerGet)
def partner_get(call: Call, query: PartnerGet) -> Data:
    """Partners of a Business Center."""
    center = call.session.administered(query.bc_id)
    name = (query.filtering.name or "").casefold()
    rows = [(bc_id, bc_name) for bc_id, bc_name in center.partners.items() if name in bc_name.casefold()]
    return paged(rows, query.page, query.page_size, _partner)


def _partner(row: tuple[str, str]) -> dict[str, str]:
    return {"bc_id": row[0], "bc_name": row[1]}


class AssetPartnerGet(Page50):
    """GET /bc/asset/partner/get/."""

    bc_id: Id
    asset_type: AssetType
    asset_id: Id


@routes.get("/bc/asset/partner/get/", AssetPartnerGet)
def asset_partner_get(call: Call, query: AssetPartnerGet) -> Data:
    """Partners an asset is shared with. A TikTok account never is: only ad accounts can be shared."""
    center = call.session.administered(query.bc_id)
    if query.asset_type == "ADVERTISER":
        if query.asset_id not in center.ad_accounts:
            raise no_asset_permission(query.asset_id)
        rows = [
            (other.bc_id, other.name)
            for other in call.world.centers.values()
            if other.shared_in.get(query.asset_id) == center.bc_id
        ]
    else:
        rows = []
        if query.asset_type == "TT_ACCOUNT" and query.asset_id not in center.held:
            raise no_asset_permission(query.asset_id)
    return paged(rows, query.page, query.page_size, _partner)


class PartnerAssetGet(Page50):
    """GET /bc/partner/asset/get/."""

    bc_id: Id
    partner_id: Id
    asset_type: Literal["ADVERTISER", "CATALOG", "PIXEL", "TIKTOK_SHOP"]
    share_type: Literal["SHARED", "SHARING"]


@routes.get("/bc/partner/asset/get/", PartnerAssetGet)
def partner_asset_get(call: Call, query: PartnerAssetGet) -> Data:
    """Ad accounts a partner shares with us (SHARED) or we with them (SHARING)."""
    center = call.session.administered(query.bc_id)
    if query.partner_id not in center.partners:
        raise parameter_error(f"The partner {query.partner_id} is not a partner of this Business Center.")
    shared: list[str] = []
    if query.asset_type == "ADVERTISER":
        if query.share_type == "SHARED":
            shared = [
                key
                for key, partner in center.shared_in.items()
                if partner == query.partner_id and not call.world.ad_accounts[key].deleted
            ]
        else:
            other = call.world.centers.get(query.partner_id)
            shared = [key for key in center.ad_accounts if other is not None and key in other.shared_in]

    def row(advertiser_id: str) -> dict[str, Any]:
        advertiser = call.world.ad_accounts.get(advertiser_id)
        return {
            "asset_id": advertiser_id,
            "asset_name": advertiser.name if advertiser else advertiser_id,
            "asset_type": "ADVERTISER",
            "advertiser_role": "OPERATOR",
        }

    return paged(shared, query.page, query.page_size, row)


class PartnerAdd(Body):
    """POST /bc/partner/add/: ad accounts are the only thing that can be shared."""

    bc_id: Id
    partner_id: Id
    asset_type: Literal["ADVERTISER"]
    asset_ids: list[Id] = Field(min_length=1, max_length=50)
    advertiser_role: Literal["ADMIN", "OPERATOR", "ANALYST"] = "ANALYST"


@routes.post("/bc/partner/add/", PartnerAdd)
def partner_add(call: Call, body: PartnerAdd) -> Data:
    """Offer ad accounts to a partner. It answers OK at once; the partner has them after its own approval (control)."""
    center = call.session.administered(body.bc_id)
    for asset_id in body.asset_ids:
        if asset_id not in center.ad_accounts:
            raise no_asset_permission(asset_id)
    partner = call.world.centers.get(body.partner_id)
    if partner is None or partner is center:
        raise parameter_error(f"The partner {body.partner_id} does not exist.")
    partner.offers.update(dict.fromkeys(body.asset_ids, center.bc_id))
    return {}


class PartnerAssetDelete(Body):
    """POST /bc/partner/asset/delete/."""

    bc_id: Id
    partner_id: Id
    asset_type: Literal["ADVERTISER", "CATALOG"]
    asset_ids: list[Id] = Field(min_length=1)


@routes.post("/bc/partner/asset/delete/", PartnerAssetDelete)
def partner_asset_delete(call: Call, body: PartnerAssetDelete) -> Data:
    """Stop sharing ad accounts with a partner; what was not shared is no error."""
    center = call.session.administered(body.bc_id)
    for asset_id in body.asset_ids:
        if body.asset_type != "ADVERTISER" or asset_id not in center.ad_accounts:
            raise no_asset_permission(asset_id)
    partner = call.world.centers.get(body.partner_id)
    if partner is None:
        raise parameter_error(f"The partner {body.partner_id} does not exist.")
    stop_sharing(call.world, partner, center.bc_id, body.asset_ids, call.now)
    return {}


class PartnerDelete(Body):
    """POST /bc/partner/delete/."""

    bc_id: Id
    partner_id: Id


@routes.post("/bc/partner/delete/", PartnerDelete)
def partner_delete(call: Call, body: PartnerDelete) -> Data:
    """End a partnership, and with it all that either side shares."""
    center = call.session.administered(body.bc_id)
    if body.partner_id not in center.partners:
        raise parameter_error(f"The partner {body.partner_id} is not a partner of this Business Center.")
    part(call.world, center, body.partner_id, call.now)
    return {}
