"""The whole world as JSON, for those who check what really happened. Access tokens and secrets stay out."""

from typing import Any

from simulator.authorizations import code_url
from simulator.entities import Account, Ad, AdAccount, Authorization, BusinessCenter, Post
from simulator.stamps import precise
from simulator.state import World
from simulator.statuses import ad_status, adgroup_status, campaign_status


def snapshot(world: World) -> dict[str, Any]:
    """Everything, with times in ISO 8601, UTC, microseconds."""
    now = world.settle()
    advertisers = list(world.ad_accounts.values())
    held = [one for center in world.centers.values() for one in center.held.values()]
    return {
        "now": precise(now),
        "config": world.config.model_dump(),
        "clock": world.delays.model_dump(),
        "business_centers": [_center(center) for center in world.centers.values()],
        "links": [_link(one, key, since) for one in held for key, since in one.links.items()],
        "member_grants": [
            {
                "bc_id": one.bc_id,
                "asset_id": one.account.asset_id,
                "handle": one.account.handle,
                "user_id": user_id,
                "tt_account_roles": roles,
            }
            for one in held
            for user_id, roles in one.member_roles.items()
        ],
        "accounts": [_account(account) for account in world.accounts.values()],
        "campaigns": [
            {
                "campaign_id": one.campaign_id,
                "campaign_name": one.name,
                "advertiser_id": advertiser.advertiser_id,
                "objective_type": one.fields["objective_type"],
                "operation_status": one.operation_status,
                "secondary_status": campaign_status(advertiser, one),
                "created_at": precise(one.created_at),
            }
            for advertiser in advertisers
            for one in advertiser.campaigns.values()
        ],
        "adgroups": [
            {
                "adgroup_id": one.adgroup_id,
                "adgroup_name": one.name,
                "advertiser_id": advertiser.advertiser_id,
                "campaign_id": one.campaign.campaign_id,
                "operation_status": one.operation_status,
                "secondary_status": adgroup_status(world, advertiser, one, now),
                "budget": one.fields.get("budget"),
                "starts_at": precise(one.starts_at),
                "ends_at": precise(one.ends_at),
                "ads": one.live_ads,
                "created_at": precise(one.created_at),
            }
            for advertiser in advertisers
            for one in advertiser.adgroups.values()
        ],
        "ads": [_ad(world, ad, now) for advertiser in advertisers for ad in advertiser.ads.values()],
        "videos": [video for advertiser in advertisers for video in _videos(advertiser)],
        "images": [image for advertiser in advertisers for image in _images(advertiser)],
        "authorization_urls": [
            {
                "url": code_url(world, code),
                "bc_id": code.bc_id,
                "is_ads_only_mode": code.is_ads_only_mode,
                "created_at": precise(code.created_at),
                "expires_at": precise(code.expires_at),
                "approvals": code.approvals,
            }
            for code in world.codes.values()
        ],
    }


def _center(center: BusinessCenter) -> dict[str, Any]:
    return {
        "bc_id": center.bc_id,
        "name": center.name,
        "account_cap": center.account_cap,
        "members": [
            {
                "user_id": one.user_id,
                "user_name": one.user_name,
                "user_email": one.user_email,
                "user_role": one.user_role,
                "relation_status": one.relation_status,
            }
            for one in center.members.values()
        ],
        "ad_accounts": [
            {
                "advertiser_id": one.advertiser_id,
                "name": one.name,
                "currency": one.currency,
                "timezone": one.timezone,
                "country": one.country,
                "status": one.status,
                "balance": one.balance,
                "adgroup_quota": one.adgroup_quota,
                "ads_only_mode": one.ads_only_mode,
                "deleted": one.deleted,
                "denied": sorted(one.denied),
                "roles": one.roles,
            }
            for one in center.ad_accounts.values()
        ],
        "partners": [{"bc_id": bc_id, "name": name} for bc_id, name in center.partners.items()],
        "shared_ad_accounts": center.shared_in,
        "shared_ad_account_roles": center.shared_roles,
        "accounts": [_held(one) for one in center.held.values()],
    }


def _held(authorization: Authorization) -> dict[str, Any]:
    return {
        "asset_id": authorization.account.asset_id,
        "handle": authorization.account.handle,
        "identity_id": authorization.identity_id,
        "posts": authorization.posts,
        "videos": authorization.videos,
        "live": authorization.live,
        "ads_only": authorization.ads_only,
        "approved_at": precise(authorization.approved_at),
        "listed_at": precise(authorization.listed_at),
    }


def _link(authorization: Authorization, advertiser_id: str, since: float | None) -> dict[str, Any]:
    return {
        "bc_id": authorization.bc_id,
        "asset_id": authorization.account.asset_id,
        "handle": authorization.account.handle,
        "advertiser_id": advertiser_id,
        "identity_id": authorization.identity_id,
        "listed_at": precise(since),
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "handle": account.handle,
        "asset_id": account.asset_id,
        "display_name": account.display_name,
        "time_zone": account.time_zone,
        "is_private": account.is_private,
        "is_gpppa": account.is_gpppa,
        "is_banned": account.is_banned,
        "authorized_bc_ids": list(account.authorizations),
        "posts": [_post(account, post) for post in account.posts.values()],
    }


def _post(account: Account, post: Post) -> dict[str, Any]:
    return {
        "item_id": post.item_id,
        "handle": account.handle,
        "text": post.text,
        "type": post.type,
        "status": post.status,
        "ad_authorized": post.ad_authorized,
        "music_authorized": post.music_authorized,
        "origin": post.origin,
        "ad_id": post.ad_id,
        "visible": post.visible,
        "published_at": precise(post.published_at),
        "deleted": post.deleted,
    }


def _ad(world: World, ad: Ad, now: float) -> dict[str, Any]:
    return {
        "ad_id": ad.ad_id,
        "ad_name": ad.name,
        "advertiser_id": ad.advertiser.advertiser_id,
        "campaign_id": ad.adgroup.campaign.campaign_id,
        "adgroup_id": ad.adgroup.adgroup_id,
        "bc_id": ad.authorization.bc_id,
        "identity_id": ad.authorization.identity_id,
        "handle": ad.account.handle,
        "mode": ad.mode,
        "caption": ad.caption,
        "video_id": ad.fields["video_id"],
        "dark_post_status": ad.fields.get("dark_post_status"),
        "operation_status": ad.operation_status,
        "secondary_status": ad_status(world, ad, now),
        "review": ad.review,
        "created_at": precise(ad.created_at),
        "enabled_at": precise(ad.enabled_at),
        "reviewed_at": precise(ad.reviewed_at),
        "tiktok_item_id": ad.tiktok_item_id,
    }


def _videos(advertiser: AdAccount) -> list[dict[str, Any]]:
    return [
        {
            "video_id": one.video_id,
            "advertiser_id": advertiser.advertiser_id,
            "file_name": one.file_name,
            "signature": one.signature,
            "size": one.size,
            "width": one.width,
            "height": one.height,
            "duration": one.duration,
            "created_at": precise(one.created_at),
            "ready_at": precise(one.ready_at),
        }
        for one in advertiser.videos.values()
    ]


def _images(advertiser: AdAccount) -> list[dict[str, Any]]:
    """Those that were uploaded: frames that were only proposed have no name."""
    return [
        {
            "image_id": one.image_id,
            "advertiser_id": advertiser.advertiser_id,
            "file_name": one.file_name,
            "signature": one.signature,
            "size": one.size,
        }
        for one in advertiser.images.values()
        if one.file_name
    ]
