"""Business Centers: members, assets, who may use which, and the link between TikTok accounts and ad accounts."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import SecretStr, model_validator

from tiktok.connection import Call, Caller, Rows
from tiktok.errors import WrongRoute
from tiktok.wire import Received

PAGE: Final = 50
MEMBERS_PAGE: Final = 20


class AssetType(StrEnum):
    """Kinds of assets of a Business Center that listings can be asked for."""

    ADVERTISER = "ADVERTISER"
    TT_ACCOUNT = "TT_ACCOUNT"
    MANAGED_BUSINESS_ACCOUNT = "MANAGED_BUSINESS_ACCOUNT"
    CATALOG = "CATALOG"
    LEAD = "LEAD"
    PIXEL = "PIXEL"
    STOREFRONT = "STOREFRONT"
    TIKTOK_SHOP = "TIKTOK_SHOP"


class UserRole(StrEnum):
    """What a member is in the Business Center."""

    ADMIN = "ADMIN"
    STANDARD = "STANDARD"


class RelationStatus(StrEnum):
    """How far a member's belonging has come; only a `BOUND` member can be given assets."""

    BOUND = "BOUND"
    PENDING = "PENDING"
    REJECTED = "REJECTED"
    UNBOUND = "UNBOUND"


class AccountRole(StrEnum):
    """What a member may use a TikTok account for. There is no role for pushing: the owner's grant decides that."""

    POST = "POST"
    LIVE = "LIVE"
    DIRECT_MESSAGE = "DIRECT_MESSAGE"


class AdvertiserRole(StrEnum):
    """What a member is on an ad account."""

    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
    ANALYST = "ANALYST"


class BusinessCenter(Received):
    """A Business Center that the token's user belongs to, and as what (`user_role`)."""

    bc_id: str
    name: str = ""
    company: str = ""
    currency: str = ""
    registered_area: str = ""
    status: str = ""
    timezone: str = ""
    type: str = ""
    user_role: str = ""

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("bc_info"), Mapping):
            return {**data["bc_info"], "user_role": data.get("user_role")}
        return data


class Member(Received):
    """A person in a Business Center. Who was invited and has not accepted is known by e-mail only, without an id."""

    user_id: str | None = None
    user_name: str = ""
    user_email: str = ""
    user_role: str = ""
    relation_status: str = ""


class Asset(Received):
    """Something a Business Center holds.

    `relation_type`, `relation_status` and `advertiser_status` come only from `all_assets`, and mean nothing for a
    TikTok account: that it is listed is all there is to know. Roles are those of the user the list was asked for.
    """

    asset_id: str
    asset_type: str = ""
    asset_name: str = ""
    owner_bc_name: str | None = None
    advertiser_account_type: str | None = None
    advertiser_role: str | None = None
    advertiser_status: str | None = None
    tt_account_roles: tuple[str, ...] = ()
    tt_asset_handle: str | None = None
    relation_type: str | None = None
    relation_status: str | None = None


class Partner(Received):
    """Another Business Center with which assets are shared, in one direction or both."""

    bc_id: str
    bc_name: str = ""


class AssetMember(Received):
    """A member with a role on an ad account; without an id where the invitation is not accepted yet."""

    user_id: str | None = None
    user_name: str = ""
    user_email: str = ""
    advertiser_role: str = ""


class LinkedAdvertiser(Received):
    """An ad account that a TikTok account is linked to."""

    advertiser_id: str
    advertiser_name: str = ""


class _AuthorizationUrl(Received):
    bc_auth_qr_code: SecretStr


class BusinessCenters:
    """Endpoints under `bc/`. Most need a token of a user who is `ADMIN` of the Business Center.

    Every method raises `tiktok.TikTokError`; writes raise `UnknownOutcome` where reads raise `ServerFault`.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def authorization_url(
        self, bc_id: str, *, ads_only: bool | None, verb: Literal["GET", "POST"] = "GET"
    ) -> SecretStr:
        """A new URL at which owners of TikTok accounts approve their use; show it as a QR code.

        Which verb the endpoint takes is not settled by public sources. Issuing a URL changes nothing, so if the verb
        is refused the other is tried once, and what worked is used from then on by every client of the same `TikTok`.
        How long the URL lives and how many owners it serves is not documented.

        Args:
            bc_id: The Business Center that asks.
            ads_only: Whether pushed posts may show in ads only; `None` to not say, and let the owner choose.
            verb: The verb to try first as long as none is known to work.
        """
        params = {"bc_id": bc_id, "is_ads_only_mode": ads_only}
        known = self._caller.connection.authorization_verb
        first = known or verb
        try:
            url = await self._authorization_url(first, params)
        except WrongRoute:
            first = "POST" if first == "GET" else "GET"
            url = await self._authorization_url(first, params)
        self._caller.connection.authorization_verb = first
        return url

    async def _authorization_url(self, verb: str, params: Mapping[str, Any]) -> SecretStr:
        path = "bc/asset/account/authorization/"
        call = (
            Call(verb=verb, path=path, write=False, params=params)
            if verb == "GET"
            else Call(verb=verb, path=path, write=False, body=params)
        )
        answer = await self._caller.call(call)
        return answer.parse(_AuthorizationUrl).bc_auth_qr_code

    async def members(self, bc_id: str) -> Rows[Member]:
        """All members, invited ones (`PENDING`) included."""
        return await self._caller.all_pages("bc/member/get/", {"bc_id": bc_id}, Member, page_size=MEMBERS_PAGE)

    async def all_assets(self, bc_id: str, asset_type: str) -> Rows[Asset]:
        """All assets of one type; for admins only. Ad accounts that partners share are found by `partner_assets`."""
        params = {"bc_id": bc_id, "asset_type": asset_type}
        return await self._caller.all_pages("bc/asset/admin/get/", params, Asset, page_size=PAGE)

    async def assets_of(self, bc_id: str, asset_type: str, user_id: str | None = None) -> Rows[Asset]:
        """Assets of one type that a member can use.

        Args:
            bc_id: The Business Center.
            asset_type: See `AssetType`.
            user_id: The member; the token's own user if `None`.
        """
        params = {
            "bc_id": bc_id,
            "asset_type": asset_type,
            "filtering": {"user_id": user_id} if user_id is not None else None,
        }
        return await self._caller.all_pages("bc/asset/get/", params, Asset, page_size=PAGE)

    async def asset_members(self, bc_id: str, advertiser_id: str) -> Rows[AssetMember]:
        """Members of this Business Center with a role on an ad account. TikTok lists no members of a TikTok account."""
        params = {"bc_id": bc_id, "asset_type": AssetType.ADVERTISER, "asset_id": advertiser_id}
        return await self._caller.all_pages("bc/asset/member/get/", params, AssetMember, page_size=MEMBERS_PAGE)

    async def partners(self, bc_id: str) -> Rows[Partner]:
        """All partners, whoever shares with whom."""
        return await self._caller.all_pages("bc/partner/get/", {"bc_id": bc_id}, Partner, page_size=PAGE)

    async def partner_assets(self, bc_id: str, partner_id: str, *, shared: Literal["SHARED", "SHARING"]) -> Rows[Asset]:
        """Ad accounts shared between this Business Center and a partner, one way.

        Args:
            bc_id: This Business Center.
            partner_id: The partner's id.
            shared: `SHARED` for what the partner shares with us, `SHARING` for what we share with it.
        """
        params = {"bc_id": bc_id, "partner_id": partner_id, "asset_type": AssetType.ADVERTISER, "share_type": shared}
        return await self._caller.all_pages("bc/partner/asset/get/", params, Asset, page_size=PAGE)

    async def asset_partners(self, bc_id: str, asset_type: str, asset_id: str) -> Rows[Partner]:
        """Partners with which an asset of ours is shared."""
        params = {"bc_id": bc_id, "asset_type": asset_type, "asset_id": asset_id}
        return await self._caller.all_pages("bc/asset/partner/get/", params, Partner, page_size=PAGE)

    async def assign(self, bc_id: str, user_id: str, *, account: str, roles: Iterable[str]) -> None:
        """Let a member use a TikTok account.

        Args:
            bc_id: The Business Center.
            user_id: A `BOUND` member.
            account: Asset id of the TikTok account.
            roles: All the uses the member shall have (`AccountRole`).
        """
        await self._caller.post(
            "bc/asset/assign/",
            {
                "bc_id": bc_id,
                "user_id": user_id,
                "asset_type": AssetType.TT_ACCOUNT,
                "asset_id": account,
                "tt_account_roles": [*roles],
            },
        )

    async def assign_ad_account(self, bc_id: str, user_id: str, advertiser_id: str, role: str) -> None:
        """Give a member a role (`AdvertiserRole`) on an ad account."""
        await self._caller.post(
            "bc/asset/assign/",
            {
                "bc_id": bc_id,
                "user_id": user_id,
                "asset_type": AssetType.ADVERTISER,
                "asset_id": advertiser_id,
                "advertiser_role": role,
            },
        )

    async def unassign(self, bc_id: str, user_id: str, asset_type: str, asset_id: str) -> None:
        """Take an asset from a member."""
        await self._caller.post(
            "bc/asset/unassign/",
            {"bc_id": bc_id, "user_id": user_id, "asset_type": asset_type, "asset_id": asset_id},
        )

    async def link(self, bc_id: str, asset_id: str, advertiser_id: str) -> None:
        """Link a TikTok account to an ad account of the same Business Center, owned or shared with it.

        From then on everyone with a role on the ad account can advertise with the TikTok account.
        """
        await self._caller.post("bc/asset/advertiser/assign/", _link(bc_id, asset_id, advertiser_id))

    async def unlink(self, bc_id: str, asset_id: str, advertiser_id: str) -> None:
        """Undo `link`; ads running with the TikTok account in that ad account stop."""
        await self._caller.post("bc/asset/advertiser/unassign/", _link(bc_id, asset_id, advertiser_id))

    async def linked_advertisers(self, bc_id: str, asset_id: str) -> Rows[LinkedAdvertiser]:
        """All ad accounts that a TikTok account is linked to."""
        params = {"bc_id": bc_id, "asset_id": asset_id, "asset_type": AssetType.TT_ACCOUNT}
        return await self._caller.all_pages("bc/asset/advertiser/assigned/", params, LinkedAdvertiser, page_size=PAGE)

    async def remove_account(self, bc_id: str, asset_id: str) -> None:
        """Give up the use of a TikTok account. Only its owner's new approval can bring it back."""
        await self._caller.post(
            "bc/asset/admin/delete/",
            {"bc_id": bc_id, "asset_ids": [asset_id], "asset_type": AssetType.TT_ACCOUNT},
        )

    async def list(self) -> Rows[BusinessCenter]:
        """All Business Centers of the token's user; none is a legal answer."""
        return await self._caller.all_pages("bc/get/", {}, BusinessCenter, page_size=PAGE)


def _link(bc_id: str, asset_id: str, advertiser_id: str) -> dict[str, str]:
    return {
        "bc_id": bc_id,
        "asset_id": asset_id,
        "advertiser_id": advertiser_id,
        "asset_type": AssetType.TT_ACCOUNT,
    }
