"""Seeds: what a test or a demo starts with. Additive; seeding something again updates it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, field_validator

from simulator.config import Config, Delays, Tier
from simulator.entities import (
    Account,
    AdAccount,
    AdvertiserRole,
    AdvertiserStatus,
    App,
    BusinessCenter,
    Member,
    Music,
    Post,
    PostStatus,
    PostType,
    RelationStatus,
    UserRole,
)
from simulator.members import remove_member
from simulator.partners import share
from simulator.state import DEFAULT_APP, Session, World

DEFAULT_ACCOUNT_CAP = 200
"""TikTok accounts a Business Center may hold, as TikTok's product page of 2023 has it; 800 since."""


class SeedError(Exception):
    """A seed that contradicts the world."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MemberSeed(_Part):
    """A member; matched by id, else by address."""

    user_id: str | None = None
    user_name: str | None = None
    user_email: str | None = None
    user_role: UserRole | None = None
    relation_status: RelationStatus | None = None
    removed: bool = False


class AdAccountState(_Part):
    """What can change about an ad account."""

    name: str | None = None
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    timezone: str | None = None
    country: str | None = None
    status: AdvertiserStatus | None = None
    balance: float | None = None
    adgroup_quota: int | None = Field(default=None, ge=0)
    """Ad groups that may be active at once."""
    ads_only_mode: bool | None = None
    deleted: bool | None = None
    denied: set[str] | None = None
    """Paths for which the ad account gives nobody permission, as `/adgroup/create/`; replaces earlier ones."""

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                raise ValueError(f"no time zone {name}") from None
        return name

    def apply(self, advertiser: AdAccount) -> None:
        """Change an ad account; what is not given stays."""
        for name in AdAccountState.model_fields:
            value = getattr(self, name)
            if value is not None:
                setattr(advertiser, name, set(value) if name == "denied" else value)


class AdAccountSeed(AdAccountState):
    """An ad account; matched by id."""

    advertiser_id: str | None = None
    roles: dict[str, AdvertiserRole] | None = None


class PartnerSeed(_Part):
    """A partner, and the ad accounts it shares with this Business Center."""

    bc_id: str
    name: str
    shared_ad_accounts: list[str] = []


class CenterSeed(_Part):
    """A Business Center; matched by id. New without members, it gets an admin."""

    bc_id: str | None = None
    name: str | None = None
    access_token: SecretStr | None = None
    app_id: str | None = None
    account_cap: int | None = Field(default=None, ge=0)
    members: list[MemberSeed] = []
    ad_accounts: list[AdAccountSeed] = []
    partners: list[PartnerSeed] = []


class AppSeed(_Part):
    """A developer app. A token handed out for one of its codes belongs to it."""

    app_id: str
    secret: SecretStr
    auth_codes: dict[str, SecretStr] = {}


class MusicSeed(_Part):
    """The song of a post."""

    title: str
    author: str


class PostSeed(_Part):
    """An organic post; matched by id. Without a time it was published just now."""

    item_id: str | None = None
    text: str = ""
    status: PostStatus = "PUBLIC"
    ad_authorized: bool = True
    music: MusicSeed | None = MusicSeed(title="Original sound", author="Somebody")
    """None: no song that TikTok knows."""
    music_authorized: bool = True
    type: PostType = "VIDEO"
    published_at: AwareDatetime | None = None


class AccountSeed(_Part):
    """A TikTok account; matched by handle."""

    handle: str = Field(min_length=1, pattern=r"^[^@\s/]+$")
    display_name: str | None = None
    time_zone: str | None = None
    is_private: bool | None = None
    is_gpppa: bool | None = None
    is_banned: bool | None = None
    posts: list[PostSeed] = []


class Seed(_Part):
    """Body of POST /control/seed and content of a seed file."""

    tier: Tier | None = None
    config: dict[str, Any] = {}
    clock: dict[str, Any] = {}
    business_centers: list[CenterSeed] = []
    apps: list[AppSeed] = []
    accounts: list[AccountSeed] = []


def apply_seed(world: World, seed: Seed) -> dict[str, Any]:
    """Put a seed into the world; answers what it names, with ids.

    Raises:
        SeedError: when an id or a token already belongs to something else.
        pydantic.ValidationError: for unknown switches.
    """
    now = world.settle()
    if seed.config or seed.tier:
        world.config = Config(**world.config.model_dump() | seed.config | ({"tier": seed.tier} if seed.tier else {}))
    if seed.clock:
        world.delays = Delays(**world.delays.model_dump() | seed.clock)
    apps = [_app(world, one) for one in seed.apps]
    centers = [_center(world, one, now) for one in seed.business_centers]
    for center, one in zip(centers, seed.business_centers, strict=True):
        _partners(world, center, one.partners)
    for app in apps:
        for token in app.auth_codes.values():
            if token in world.tokens:
                world.tokens[token].app_id = app.app_id
    return {
        "business_centers": [_center_report(center) for center in centers],
        "apps": [{"app_id": app.app_id} for app in apps],
        "accounts": [_account_report(_account(world, one, now)) for one in seed.accounts],
    }


def _app(world: World, seed: AppSeed) -> App:
    app = world.apps.setdefault(seed.app_id, App(seed.app_id, ""))
    app.secret = seed.secret.get_secret_value()
    app.auth_codes.update({code: token.get_secret_value() for code, token in seed.auth_codes.items()})
    return app


def _center(world: World, seed: CenterSeed, now: float) -> BusinessCenter:
    bc_id = seed.bc_id or world.ids.long("73")
    center = world.centers.get(bc_id)
    is_new = center is None
    if center is None:
        center = BusinessCenter(
            bc_id=bc_id,
            name=seed.name or f"Business Center {bc_id}",
            access_token=seed.access_token.get_secret_value() if seed.access_token else f"token-{bc_id}",
            app_id=seed.app_id or next(iter(world.apps), DEFAULT_APP),
            account_cap=DEFAULT_ACCOUNT_CAP,
            created_at=now,
        )
        world.centers[bc_id] = center
    center.name = seed.name or center.name
    center.account_cap = center.account_cap if seed.account_cap is None else seed.account_cap
    if seed.access_token is not None and seed.access_token.get_secret_value() != center.access_token:
        _forget_token(world, center)
        center.access_token = seed.access_token.get_secret_value()
    session = world.tokens.setdefault(center.access_token, Session(world, center.access_token, center.app_id))
    session.bc_ids.add(bc_id)
    if seed.app_id is not None:
        center.app_id = session.app_id = seed.app_id
    for member in seed.members:
        _member(world, center, member)
    if is_new and not seed.members:
        _member(world, center, MemberSeed(user_name=f"Admin of {center.name}", user_role="ADMIN"))
    for advertiser in seed.ad_accounts:
        _ad_account(world, center, advertiser, now)
    return center


def _forget_token(world: World, center: BusinessCenter) -> None:
    session = world.tokens[center.access_token]
    session.bc_ids.discard(center.bc_id)
    if not session.bc_ids:
        del world.tokens[center.access_token]


def _member(world: World, center: BusinessCenter, seed: MemberSeed) -> None:
    known = center.members.get(seed.user_id or "")
    if known is None and seed.user_email is not None and seed.user_id is None:
        known = next((one for one in center.members.values() if one.user_email == seed.user_email), None)
    if seed.removed:
        if known is not None:
            remove_member(center, known.user_id)
        return
    if known is None:
        user_id = seed.user_id or world.ids.long("72")
        known = Member(user_id, seed.user_name or f"User {user_id}", seed.user_email or "", "STANDARD", "BOUND")
        center.members[user_id] = known
    known.user_name = seed.user_name or known.user_name
    known.user_email = seed.user_email or known.user_email
    known.user_role = seed.user_role or known.user_role
    known.relation_status = seed.relation_status or known.relation_status


def _ad_account(world: World, center: BusinessCenter, seed: AdAccountSeed, now: float) -> None:
    advertiser_id = seed.advertiser_id or world.ids.long("70")
    advertiser = world.ad_accounts.get(advertiser_id)
    if advertiser is None:
        advertiser = AdAccount(
            advertiser_id=advertiser_id,
            bc_id=center.bc_id,
            name=f"Ad account {advertiser_id}",
            currency="USD",
            timezone="UTC",
            ads_only_mode=False,
            created_at=now,
        )
        world.ad_accounts[advertiser_id] = advertiser
        center.ad_accounts[advertiser_id] = advertiser
    if advertiser.bc_id != center.bc_id:
        raise SeedError(f"ad account {advertiser_id} belongs to Business Center {advertiser.bc_id}")
    seed.apply(advertiser)
    if seed.roles is not None:
        advertiser.roles = dict(seed.roles)


def _partners(world: World, center: BusinessCenter, partners: Iterable[PartnerSeed]) -> None:
    for partner in partners:
        center.partners[partner.bc_id] = partner.name
        for advertiser_id in partner.shared_ad_accounts:
            advertiser = world.ad_accounts.get(advertiser_id)
            if advertiser is None or advertiser.bc_id != partner.bc_id:
                raise SeedError(f"ad account {advertiser_id} is none of Business Center {partner.bc_id}")
            share(center, world.centers[partner.bc_id], [advertiser_id])


def _account(world: World, seed: AccountSeed, now: float) -> Account:
    key = seed.handle.casefold()
    account = world.accounts.get(key)
    if account is None:
        account = Account(
            asset_id=world.ids.long("74"),
            handle=seed.handle,
            display_name=seed.display_name or seed.handle,
            time_zone="UTC",
        )
        world.accounts[key] = account
    account.display_name = seed.display_name or account.display_name
    account.time_zone = seed.time_zone or account.time_zone
    for name in ("is_private", "is_gpppa", "is_banned"):
        value = getattr(seed, name)
        if value is not None:
            setattr(account, name, value)
    for index, post in enumerate(seed.posts):
        # Seeded together, yet in a definite order: a cursor over times needs distinct ones.
        published_at = _seconds(post.published_at, now - len(seed.posts) + index)
        item_id = post.item_id or world.ids.long("75")
        known = account.posts.get(item_id)
        account.posts[item_id] = Post(
            item_id=item_id,
            text=post.text,
            status=post.status,
            ad_authorized=post.ad_authorized,
            music=None if post.music is None else Music(post.music.title, post.music.author),
            music_authorized=post.music_authorized,
            type=post.type,
            published_at=known.published_at if known and post.published_at is None else published_at,
        )
    return account


def _seconds(at: datetime | None, default: float) -> float:
    return default if at is None else at.timestamp()


def _center_report(center: BusinessCenter) -> dict[str, Any]:
    return {
        "bc_id": center.bc_id,
        "name": center.name,
        "access_token": center.access_token,
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
        "ad_accounts": [{"advertiser_id": one.advertiser_id, "name": one.name} for one in center.ad_accounts.values()],
    }


def _account_report(account: Account) -> dict[str, Any]:
    return {
        "handle": account.handle,
        "asset_id": account.asset_id,
        "display_name": account.display_name,
        "posts": [{"item_id": post.item_id, "text": post.text} for post in account.posts.values()],
    }


def rename_account(world: World, account: Account, handle: str) -> None:
    """The owner takes another handle.

    Raises:
        SeedError: when it is taken.
    """
    key = handle.casefold()
    if world.accounts.get(key, account) is not account:
        raise SeedError(f"the handle {handle} is taken")
    del world.accounts[account.handle.casefold()]
    account.handle = handle
    world.accounts[key] = account
