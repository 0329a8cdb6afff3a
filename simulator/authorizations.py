"""Consent: authorization URLs, what owners decide with them, links to ad accounts, and how an authorization ends."""

import secrets
from dataclasses import dataclass
from typing import Literal

from simulator.delivery import cut_off
from simulator.entities import Account, AdAccount, Authorization, BusinessCenter, ConsentCode
from simulator.ids import identity_id
from simulator.state import World

Outcome = Literal[
    "approved",
    "declined",
    "app_outdated",
    "code_expired",
    "already_authorized",
    "bc_full",
    "nothing_selected",
]
AppVersion = Literal["current", "outdated"]


@dataclass(frozen=True, slots=True)
class Grants:
    """What an owner ticked. `ads_only` narrows `videos` to posts that show through ads only."""

    posts: bool = True
    videos: bool = True
    live: bool = False
    ads_only: bool = False


def issue_code(world: World, center: BusinessCenter, *, is_ads_only_mode: bool, now: float) -> ConsentCode:
    """A fresh authorization URL; earlier ones stay valid until their own time is over."""
    code = ConsentCode(
        opaque=secrets.token_urlsafe(24),
        bc_id=center.bc_id,
        is_ads_only_mode=is_ads_only_mode,
        created_at=now,
        expires_at=now + world.delays.qr_seconds,
    )
    world.codes[code.opaque] = code
    return code


def code_url(world: World, code: ConsentCode) -> str:
    """The address an owner opens in the app."""
    return f"{world.public_url}/consent/{code.opaque}"


def is_expired(world: World, code: ConsentCode, now: float) -> bool:
    """Whether the URL can no longer be used."""
    return (
        code.bc_id not in world.centers or now >= code.expires_at or (world.config.qr_single_use and code.approvals > 0)
    )


def approve(
    world: World,
    account: Account,
    center: BusinessCenter,
    grants: Grants,
    *,
    now: float,
    code: ConsentCode | None = None,
    app_version: AppVersion = "current",
) -> Outcome:
    """The owner approves. An account that already stands keeps standing, with the permissions ticked last."""
    if app_version == "outdated":
        return "app_outdated"
    if code is not None and is_expired(world, code, now):
        return "code_expired"
    if not (grants.posts or grants.videos or grants.live):
        return "nothing_selected"
    standing = account.authorizations.get(center.bc_id)
    if standing is not None:
        standing.posts, standing.videos = grants.posts, grants.videos
        standing.live, standing.ads_only = grants.live, grants.ads_only
        return "already_authorized"
    if len(center.held) >= center.account_cap:
        return "bc_full"
    authorization = Authorization(
        bc_id=center.bc_id,
        account=account,
        identity_id=identity_id(account.asset_id, center.bc_id),
        posts=grants.posts,
        videos=grants.videos,
        live=grants.live,
        ads_only=grants.ads_only,
        approved_at=now,
    )
    account.authorizations[center.bc_id] = authorization
    center.held[account.asset_id] = authorization
    if code is not None:
        code.approvals += 1

    def appear(due: float) -> None:
        if not authorization.ended:
            authorization.listed_at = due

    world.schedule.at(now + world.delays.scan_seconds, appear)
    return "approved"


def end(world: World, authorization: Authorization, *, by: Literal["owner", "admin"], now: float) -> None:
    """The owner or a Business Center admin ends it: links and grants go, running ads stop, posts stay."""
    authorization.ended = True
    authorization.account.authorizations.pop(authorization.bc_id, None)
    world.centers[authorization.bc_id].held.pop(authorization.account.asset_id, None)
    authorization.member_roles.clear()
    for advertiser_id in list(authorization.links):
        _drop_link(world, authorization, advertiser_id)
    status = "AD_STATUS_CREATOR_AUTHORIZATION_REVOKED" if by == "owner" else "AD_STATUS_ASSET_AUTHORIZATION_LOST"
    for ad in list(authorization.ads.values()):
        cut_off(ad, status, now)


def link(world: World, authorization: Authorization, advertiser: AdAccount, now: float) -> None:
    """Let an ad account use the TikTok account; repeating it changes nothing."""
    if advertiser.advertiser_id in authorization.links:
        return
    authorization.links[advertiser.advertiser_id] = None

    def appear(due: float) -> None:
        if authorization.links.get(advertiser.advertiser_id, due) is None:
            authorization.links[advertiser.advertiser_id] = due
            advertiser.identities[authorization.identity_id] = authorization

    world.schedule.at(now + world.delays.link_seconds, appear)


def unlink(world: World, authorization: Authorization, advertiser: AdAccount, now: float) -> None:
    """Take the TikTok account from an ad account; its ads there stop."""
    _drop_link(world, authorization, advertiser.advertiser_id)
    for ad in [ad for ad in authorization.ads.values() if ad.advertiser is advertiser]:
        cut_off(ad, "AD_STATUS_ASSET_AUTHORIZATION_LOST", now)


def _drop_link(world: World, authorization: Authorization, advertiser_id: str) -> None:
    authorization.links.pop(advertiser_id, None)
    advertiser = world.ad_accounts.get(advertiser_id)
    if advertiser is not None and advertiser.identities.get(authorization.identity_id) is authorization:
        del advertiser.identities[authorization.identity_id]
