"""The world: everything TikTok would know, and who may see it. Rules of change live in the modules by subject."""

import time
from dataclasses import dataclass, field

from simulator.config import Config, Delays
from simulator.entities import Account, AdAccount, App, BusinessCenter, ConsentCode, Member
from simulator.envelope import ApiError, no_advertiser_permission, no_such_advertiser
from simulator.ids import Ids
from simulator.schedule import Schedule

DEFAULT_APP = "7000000000000000001"
"""The developer app that tokens belong to when the seed names none."""


@dataclass(slots=True)
class World:
    """All state of one simulator."""

    public_url: str = ""
    """Base of the consent URLs, without a trailing slash."""
    config: Config = field(default_factory=Config)
    delays: Delays = field(default_factory=Delays)
    ids: Ids = field(default_factory=Ids)
    schedule: Schedule = field(default_factory=Schedule)
    apps: dict[str, App] = field(default_factory=dict)
    tokens: dict[str, "Session"] = field(default_factory=dict, repr=False)
    centers: dict[str, BusinessCenter] = field(default_factory=dict)
    ad_accounts: dict[str, AdAccount] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    """TikTok accounts by handle, in lower case."""
    codes: dict[str, ConsentCode] = field(default_factory=dict, repr=False)

    def reset(self) -> None:
        """Forget everything but the address and the id sequence."""
        self.config = Config()
        self.delays = Delays()
        self.schedule = Schedule()
        self.drop_uploads()
        for mapping in (self.apps, self.tokens, self.centers, self.ad_accounts, self.accounts, self.codes):
            mapping.clear()

    def drop_uploads(self) -> None:
        """Close, and so delete, the files that were sent in pieces."""
        for ad_account in self.ad_accounts.values():
            for upload in ad_account.uploads.values():
                upload.file.close()
            ad_account.uploads.clear()

    def settle(self) -> float:
        """Let everything due happen; answers the present instant."""
        now = time.time() + self.delays.ahead_seconds
        self.schedule.settle(now)
        return now


@dataclass(slots=True)
class Session:
    """What one access token may do: it acts in each of its Business Centers as that center's first admin."""

    world: World = field(repr=False)
    token: str = field(repr=False)
    app_id: str
    bc_ids: set[str] = field(default_factory=set)

    def actor(self, center: BusinessCenter) -> Member | None:
        """The member the token acts as: the first bound admin, else the first bound member."""
        bound = [member for member in center.members.values() if member.relation_status == "BOUND"]
        return next((member for member in bound if member.user_role == "ADMIN"), bound[0] if bound else None)

    def center(self, bc_id: str) -> BusinessCenter:
        """A Business Center of this token.

        Raises:
            ApiError: 40001 for any other.
        """
        center = self.world.centers.get(bc_id) if bc_id in self.bc_ids else None
        if center is None or self.actor(center) is None:
            raise ApiError(40001, f"No permission to operate Business Center {bc_id}.")
        return center

    def administered(self, bc_id: str) -> BusinessCenter:
        """A Business Center in which the token acts as an admin.

        Raises:
            ApiError: 40001 for any other.
        """
        center = self.center(bc_id)
        actor = self.actor(center)
        if actor is None or actor.user_role != "ADMIN":
            raise ApiError(40001, f"No permission to operate Business Center {bc_id}: the user is not an admin.")
        return center

    def advertisers(self) -> dict[str, AdAccount]:
        """Ad accounts of this token's Business Centers, owned or shared in."""
        found: dict[str, AdAccount] = {}
        for bc_id in self.bc_ids:
            center = self.world.centers[bc_id]
            found.update(center.ad_accounts)
            found.update(
                {key: self.world.ad_accounts[key] for key in center.shared_in if key in self.world.ad_accounts}
            )
        return {key: advertiser for key, advertiser in found.items() if not advertiser.deleted}

    def advertiser(self, advertiser_id: str) -> AdAccount:
        """An ad account this token may operate.

        Raises:
            ApiError: 40001 for any other, 40300 for one that was deleted.
        """
        advertiser = self.world.ad_accounts.get(advertiser_id)
        if advertiser is None or not (
            advertiser.bc_id in self.bc_ids
            or any(advertiser_id in self.world.centers[bc_id].shared_in for bc_id in self.bc_ids)
        ):
            raise no_advertiser_permission(advertiser_id)
        if advertiser.deleted:
            raise no_such_advertiser(advertiser_id)
        return advertiser
