"""The control API: what a test does in place of TikTok, of account owners and of bad luck. No token, JSON only."""

import json
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import from_json, to_json

from simulator.authorizations import AppVersion, Grants, Outcome, approve, end, is_expired
from simulator.config import Config, Delays
from simulator.entities import Account, AvailableStatus, BusinessCenter, ConsentCode, PostStatus, UserRole
from simulator.faults import FaultPlan, Faults
from simulator.members import accept, find_member, remove_member
from simulator.partners import share, stop_sharing
from simulator.seeding import AdAccountState, Seed, SeedError, apply_seed, rename_account
from simulator.simulation import Simulation
from simulator.snapshot import snapshot

M = TypeVar("M", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scan(_Body):
    """An owner who scanned a code (`url`), or whom a Business Center reached otherwise (`bc_id`)."""

    url: SecretStr | None = None
    bc_id: str | None = None
    posts: bool = True
    videos: bool = True
    live: bool = False
    ads_only: bool | None = None
    """None: as the URL says; without a URL, no."""
    app_version: AppVersion = "current"


class CenterOnly(_Body):
    """A Business Center."""

    bc_id: str


class PostChange(_Body):
    """What an owner, or TikTok, does to a post: the switch that lets it be advertised, and who may see it."""

    item_id: str
    ad_authorized: bool | None = None
    status: PostStatus | None = None


class OwnerChange(_Body):
    """What an owner, or TikTok, does to an account."""

    handle: str | None = Field(default=None, min_length=1, pattern=r"^[^@\s/]+$")
    display_name: str | None = Field(default=None, min_length=1)
    is_private: bool | None = None
    is_gpppa: bool | None = None
    is_banned: bool | None = None
    available_status: AvailableStatus | None = None
    """In place of what follows from the above; AVAILABLE takes it back."""
    post: PostChange | None = None
    delete_post: str | None = None


class MemberChange(_Body):
    """A member's new role, or their leaving."""

    bc_id: str
    user_role: UserRole | None = None
    relation_status: Literal["BOUND", "PENDING", "REJECTED", "UNBOUND"] | None = None
    removed: bool = False


class InvitationAccepted(_Body):
    """A person accepts an invitation to a Business Center, and so gets a name there."""

    bc_id: str
    user_email: str
    user_name: str | None = None


class ForcedStatus(_Body):
    """The `secondary_status` that an ad, an ad group or a campaign shows, documented or not; null ends it."""

    secondary_status: str | None = Field(pattern="^[A-Z][A-Z0-9_]*$")


class PartnerAccept(_Body):
    """The receiving Business Center accepts the ad accounts a partner offers."""

    bc_id: str
    partner_id: str


class PartnerAdAccounts(_Body):
    """Ad accounts that a partner lets the receiving Business Center use, or no longer does."""

    bc_id: str
    partner_id: str
    ad_accounts: list[str] = Field(min_length=1)


class Control:
    """Handlers of the control API."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._world = simulation.world

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [
            web.post("/control/reset", self.reset),
            web.post("/control/seed", self.seed),
            web.post("/control/owners/{handle}/approve", self.approve),
            web.post("/control/owners/{handle}/decline", self.decline),
            web.post("/control/owners/{handle}/revoke", self.revoke),
            web.post("/control/owners/{handle}", self.change_owner),
            web.post("/control/members/accept", self.accept_invitation),
            web.post("/control/members/{user_id}", self.change_member),
            web.post("/control/advertisers/{advertiser_id}", self.change_advertiser),
            web.post("/control/{kind:ads|adgroups|campaigns}/{id}", self.force_status),
            web.post("/control/partners/accept", self.accept_partner),
            web.post("/control/partners/share", self.share_with_partner),
            web.post("/control/partners/unshare", self.unshare_with_partner),
            web.post("/control/faults", self.faults),
            web.post("/control/clock", self.clock),
            web.post("/control/config", self.config),
            web.get("/control/state", self.state),
            web.get("/control/calls", self.calls),
        ]

    async def reset(self, _: web.Request) -> web.Response:
        """Empty everything."""
        self._simulation.reset()
        return _answer({})

    async def seed(self, request: web.Request) -> web.Response:
        """Add to the world."""
        try:
            return _answer(apply_seed(self._world, await _read(request, Seed)))
        except SeedError as error:
            raise _bad_request(str(error)) from None
        except ValidationError as error:
            raise _invalid(error) from None

    async def approve(self, request: web.Request) -> web.Response:
        """The owner approves; answers the outcome."""
        body = await _read(request, Scan)
        account, now = self._account(request), self._world.settle()
        center, code = self._target(body)
        ads_only = (code is not None and code.is_ads_only_mode) if body.ads_only is None else body.ads_only
        outcome = approve(
            self._world,
            account,
            center,
            Grants(body.posts, body.videos, body.live, ads_only),
            now=now,
            code=code,
            app_version=body.app_version,
        )
        return _answer(_outcome(outcome, account, center))

    async def decline(self, request: web.Request) -> web.Response:
        """The owner declines: nothing is to be seen through the API."""
        body = await _read(request, Scan)
        account = self._account(request)
        center, code = self._target(body)
        expired = code is not None and is_expired(self._world, code, self._world.settle())
        return _answer(_outcome("code_expired" if expired else "declined", account, center))

    async def revoke(self, request: web.Request) -> web.Response:
        """The owner takes the consent back."""
        body = await _read(request, CenterOnly)
        account, now = self._account(request), self._world.settle()
        authorization = account.authorizations.get(body.bc_id)
        if authorization is None:
            raise _not_found(f"@{account.handle} has not authorized Business Center {body.bc_id}")
        end(self._world, authorization, by="owner", now=now)
        return _answer({"outcome": "revoked", "asset_id": account.asset_id})

    async def change_owner(self, request: web.Request) -> web.Response:
        """Change an account: rename, make private, ban, change or delete a post."""
        body = await _read(request, OwnerChange)
        account = self._account(request)
        self._world.settle()
        for item_id in {body.delete_post, body.post and body.post.item_id} - {None}:
            if item_id not in account.posts:
                raise _not_found(f"@{account.handle} has no post {item_id}")
        if body.handle is not None:
            try:
                rename_account(self._world, account, body.handle)
            except SeedError as error:
                raise _bad_request(str(error)) from None
        for name in ("display_name", "is_private", "is_gpppa", "is_banned"):
            value = getattr(body, name)
            if value is not None:
                setattr(account, name, value)
        if body.available_status is not None:
            account.available_status = None if body.available_status == "AVAILABLE" else body.available_status
        if body.post is not None:
            post = account.posts[body.post.item_id]
            post.status = body.post.status or post.status
            post.ad_authorized = post.ad_authorized if body.post.ad_authorized is None else body.post.ad_authorized
        if body.delete_post is not None:
            account.posts[body.delete_post].deleted = True
        return _answer({"handle": account.handle, "asset_id": account.asset_id})

    async def change_member(self, request: web.Request) -> web.Response:
        """Change a member's role, or remove them."""
        body = await _read(request, MemberChange)
        center = self._center(body.bc_id)
        member = center.members.get(request.match_info["user_id"])
        if member is None:
            raise _not_found(f"{request.match_info['user_id']} is no member of Business Center {body.bc_id}")
        if body.removed:
            remove_member(center, member.user_id)
        else:
            member.user_role = body.user_role or member.user_role
            if body.relation_status == "BOUND" and member.relation_status == "PENDING":
                accept(center, member, None)
            member.relation_status = body.relation_status or member.relation_status
        return _answer({})

    async def accept_invitation(self, request: web.Request) -> web.Response:
        """An invited person joins; answers who they are."""
        body = await _read(request, InvitationAccepted)
        center = self._center(body.bc_id)
        member = find_member(center, email=body.user_email)
        if member is None or member.relation_status != "PENDING":
            raise _not_found(f"{body.user_email} is not invited to Business Center {body.bc_id}")
        accept(center, member, body.user_name)
        return _answer({"user_id": member.user_id, "user_name": member.user_name})

    async def change_advertiser(self, request: web.Request) -> web.Response:
        """Suspend, empty, disable or delete an ad account, or change what else is known of it."""
        body = await _read(request, AdAccountState)
        advertiser = self._world.ad_accounts.get(request.match_info["advertiser_id"])
        if advertiser is None:
            raise _not_found(f"no ad account {request.match_info['advertiser_id']}")
        self._world.settle()
        body.apply(advertiser)
        return _answer({"advertiser_id": advertiser.advertiser_id})

    async def force_status(self, request: web.Request) -> web.Response:
        """Let an ad, an ad group or a campaign show a status, until it is taken back."""
        body = await _read(request, ForcedStatus)
        kind, key = request.match_info["kind"], request.match_info["id"]
        found = next(
            (records[key] for one in self._world.ad_accounts.values() if key in (records := getattr(one, kind))), None
        )
        if found is None:
            raise _not_found(f"nothing has the id {key} among {kind}")
        found.forced, found.modified_at = body.secondary_status, self._world.settle()
        return _answer({})

    async def accept_partner(self, request: web.Request) -> web.Response:
        """Accept what a partner offered through the API."""
        body = await _read(request, PartnerAccept)
        center, partner = self._center(body.bc_id), self._center(body.partner_id)
        accepted = [key for key, giver in center.offers.items() if giver == partner.bc_id]
        if not accepted:
            raise _not_found(f"Business Center {body.partner_id} offers nothing to {body.bc_id}")
        share(center, partner, accepted)
        return _answer({"ad_accounts": accepted})

    async def share_with_partner(self, request: web.Request) -> web.Response:
        """The partner shares ad accounts with the receiving Business Center, by hand, and that accepts."""
        body = await _read(request, PartnerAdAccounts)
        center, partner = self._center(body.bc_id), self._center(body.partner_id)
        share(center, partner, self._of_partner(partner, body))
        return _answer({"ad_accounts": body.ad_accounts})

    async def unshare_with_partner(self, request: web.Request) -> web.Response:
        """The partner takes ad accounts back, by hand."""
        body = await _read(request, PartnerAdAccounts)
        center, partner = self._center(body.bc_id), self._center(body.partner_id)
        now = self._world.settle()
        stop_sharing(self._world, center, partner.bc_id, self._of_partner(partner, body), now)
        return _answer({"ad_accounts": body.ad_accounts})

    async def faults(self, request: web.Request) -> web.Response:
        """Replace all fault rules."""
        plan = await _read(request, FaultPlan)
        self._simulation.faults = Faults(plan)
        return _answer({"rules": len(plan.rules)})

    async def clock(self, request: web.Request) -> web.Response:
        """Set delays; those not named stay."""
        self._world.settle()
        self._world.delays = await _merge(request, self._world.delays, Delays)
        return _answer(self._world.delays.model_dump())

    async def config(self, request: web.Request) -> web.Response:
        """Set switches; those not named stay."""
        self._world.settle()
        self._world.config = await _merge(request, self._world.config, Config)
        return _answer(self._world.config.model_dump())

    async def state(self, _: web.Request) -> web.Response:
        """The world."""
        return _answer(snapshot(self._world))

    async def calls(self, _: web.Request) -> web.Response:
        """What was called how often."""
        return _answer(self._simulation.calls.report())

    def _account(self, request: web.Request) -> Account:
        handle = request.match_info["handle"].removeprefix("@")
        account = self._world.accounts.get(handle.casefold())
        if account is None:
            raise _not_found(f"no account @{handle}")
        return account

    def _center(self, bc_id: str) -> BusinessCenter:
        center = self._world.centers.get(bc_id)
        if center is None:
            raise _not_found(f"no Business Center {bc_id}")
        return center

    def _of_partner(self, partner: BusinessCenter, body: PartnerAdAccounts) -> list[str]:
        if partner.bc_id == body.bc_id:
            raise _bad_request("a Business Center is no partner of its own")
        for advertiser_id in body.ad_accounts:
            if advertiser_id not in partner.ad_accounts:
                raise _not_found(f"Business Center {partner.bc_id} has no ad account {advertiser_id}")
        return body.ad_accounts

    def _target(self, body: Scan) -> tuple[BusinessCenter, ConsentCode | None]:
        if (body.url is None) == (body.bc_id is None):
            raise _bad_request("give either url or bc_id")
        if body.url is None:
            return self._center(body.bc_id or ""), None
        code = self._world.codes.get(body.url.get_secret_value().rstrip("/").rpartition("/")[2])
        if code is None:
            raise _not_found("no such authorization URL")
        return self._center(code.bc_id), code


def _outcome(outcome: Outcome, account: Account, center: BusinessCenter) -> dict[str, Any]:
    standing = account.authorizations.get(center.bc_id)
    return {
        "outcome": outcome,
        "handle": account.handle,
        "bc_id": center.bc_id,
        "asset_id": account.asset_id,
        "identity_id": standing.identity_id if standing else None,
    }


async def _read(request: web.Request, model: type[M]) -> M:
    try:
        return model.model_validate(from_json(await request.read() or b"{}"))
    except ValidationError as error:
        raise _invalid(error) from None
    except ValueError:
        raise _bad_request("the body is not valid JSON") from None


async def _merge(request: web.Request, current: M, model: type[M]) -> M:
    try:
        changes = from_json(await request.read() or b"{}")
    except ValueError:
        raise _bad_request("the body is not valid JSON") from None
    if not isinstance(changes, dict):
        raise _bad_request("the body must be a JSON object")
    try:
        return model.model_validate(current.model_dump() | changes)
    except ValidationError as error:
        raise _invalid(error) from None


def _answer(data: Any) -> web.Response:
    return web.Response(body=to_json(data), content_type="application/json")


def _invalid(error: ValidationError) -> web.HTTPBadRequest:
    first = error.errors(include_url=False, include_input=False)[0]
    return _bad_request(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")


def _bad_request(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": text}), content_type="application/json")


def _not_found(text: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=json.dumps({"error": text}), content_type="application/json")
