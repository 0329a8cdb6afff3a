"""The world of a run, drawn from its seed: owners and what they do, rows, and what has to become of each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from random import Random
from typing import Any

from sparkads.contracts.base import BlobRef
from sparkads.contracts.release import TargetState
from sparkads.manifest import ManifestRow, Mode, Visibility

BC = "7300000000000000001"
ADMIN = "6100000000000000001"
AD_ACCOUNTS = tuple(f"71{number:017}" for number in range(4))
TOKEN = "token-of-chaos"  # noqa: S105 - of the pretended TikTok
DENIED_WORD = "banned"
"""A caption with it is turned down by the simulator's review."""

VIDEOS = 2
FEWEST_ACCOUNTS = 6
MOST_ACCOUNTS = 200
"""R6."""

_DENIED = 0.05
_LATER = 0.6
_INSTANTS = (1.0, 1.2, 1.4, 1.6)
"""Of the rows that are due later, as multiples of the soonest: something is published all through the storm."""


class Owner(StrEnum):
    """What the owner of a TikTok account does."""

    READY = "ready"
    """has approved before the release starts"""
    LATE = "late"
    """approves while it runs"""
    SILENT = "silent"
    """never answers"""
    POSTS_ONLY = "posts_only"
    """has approved, but no new videos"""
    ADS_ONLY = "ads_only"
    """has approved new videos in ads, not on the profile"""
    REVOKES = "revokes"
    """has approved, and takes it back while the release runs"""


_SHARES = {Owner.LATE: 0.1, Owner.SILENT: 0.05, Owner.POSTS_ONLY: 0.05, Owner.ADS_ONLY: 0.05, Owner.REVOKES: 0.08}
"""Shares of the accounts, at least one each; the rest is ready."""


@dataclass(frozen=True)
class Row:
    """One push. `due` is in seconds after the release's start; None: as soon as possible."""

    row_id: str
    handle: str
    owner: Owner
    advertiser_id: str
    visibility: Visibility
    video: int
    caption: str
    due: float | None

    @property
    def is_denied(self) -> bool:
        """Whether the review turns it down."""
        return DENIED_WORD in self.caption

    def manifest_row(self, started: datetime, videos: Sequence[BlobRef]) -> ManifestRow:
        """As the release is given it; `started` without fractions of a second, in UTC."""
        return ManifestRow(
            row_id=self.row_id,
            mode=Mode.PUSH,
            account=self.handle,
            ad_account=self.advertiser_id,
            territory="NZ",
            location_id="2186224",
            time_zone="Etc/UTC",
            release_at=None if self.due is None else (started + timedelta(seconds=self.due)).replace(tzinfo=None),
            visibility=self.visibility,
            video=videos[self.video],
            caption=self.caption,
            landing_url="https://example.com/song",
            call_to_action="LISTEN_NOW",
            daily_budget=Decimal(50),
        )


@dataclass(frozen=True)
class Expected:
    """What has to be: the states that are right on record, and how many ads, of which status, at TikTok."""

    states: frozenset[TargetState]
    ads: int
    ad_status: str = ""

    def __str__(self) -> str:
        """In words."""
        states = " or ".join(sorted(self.states))
        return f"{states}, {self.ads} ads" + (f" ({self.ad_status})" if self.ads else "")


_NOTHING = Expected(frozenset({TargetState.BLOCKED}), 0)
_LIVE = Expected(frozenset({TargetState.PUBLISHED}), 1, "AD_STATUS_DELIVERY_OK")
_DENIED_AD = Expected(frozenset({TargetState.REJECTED}), 1, "AD_STATUS_AUDIT_DENY")


@dataclass(frozen=True)
class World:
    """Everything that the seed decides about a run but its misfortunes."""

    seed: int
    owners: Mapping[str, Owner]
    """By handle."""
    rows: tuple[Row, ...]

    @cached_property
    def row(self) -> dict[str, Row]:
        """Rows by id."""
        return {row.row_id: row for row in self.rows}

    def handles(self, *wanted: Owner) -> list[str]:
        """Handles of owners of these kinds."""
        return [handle for handle, owner in self.owners.items() if owner in wanted]


def expected(row: Row, ads: Sequence[Mapping[str, Any]]) -> Expected:
    """
    What has to become of a row.

    Args:
        row: the row.
        ads: its ads at TikTok. Only where the owner revokes do they matter: nobody but TikTok knows which ads were made
            and reviewed before that.
    """
    match row.owner:
        case Owner.SILENT | Owner.POSTS_ONLY:
            return _NOTHING
        case Owner.ADS_ONLY if row.visibility is Visibility.PROFILE:
            return _NOTHING
        case Owner.REVOKES if not ads:
            return Expected(frozenset({TargetState.FROZEN, TargetState.REFUSED}), 0)
        case Owner.REVOKES:
            # A review that turned the ad down may have been read before the owner revoked, or never.
            states = {TargetState.STOPPED} | ({TargetState.REJECTED} if ads[0]["review"] == "DENIED" else set())
            return Expected(frozenset(states), 1, "AD_STATUS_CREATOR_AUTHORIZATION_REVOKED")
    return _DENIED_AD if row.is_denied else _LIVE


def sharing_takes(accounts: int) -> float:
    """Seconds, roughly, from a release's start until its accounts are shared: nothing should be due before."""
    return 3 + accounts * 0.3


def draw(seed: int, *, targets: int, accounts: int, soonest: float) -> World:
    """
    Draw the world of a seed.

    Args:
        seed: the same seed gives the same world.
        targets: rows, all of them pushes.
        accounts: TikTok accounts that they are spread over, FEWEST_ACCOUNTS to MOST_ACCOUNTS.
        soonest: seconds after the start at which the first rows with an instant are due.
    """
    random = Random(f"world/{seed}")  # noqa: S311 - repeatable on purpose
    kinds = [kind for kind, share in _SHARES.items() for _ in range(max(1, round(accounts * share)))]
    kinds += [Owner.READY] * (accounts - len(kinds))
    random.shuffle(kinds)
    owners = {f"chaos{number}": kind for number, kind in enumerate(kinds)}
    handles = list(owners)
    rows = tuple(_row(random, number, handles[number % accounts], owners, soonest) for number in range(targets))
    return World(seed, owners, rows)


def _row(random: Random, number: int, handle: str, owners: Mapping[str, Owner], soonest: float) -> Row:
    owner = owners[handle]
    later = soonest * random.choice(_INSTANTS) if random.random() < _LATER else None
    if owner is Owner.SILENT:
        later = soonest * _INSTANTS[-1]  # a row that is due as soon as possible would wait for its owner for ever
    elif owner is Owner.LATE:
        later = None  # and one with an instant would be blocked at it
    return Row(
        row_id=f"r{number:05}",
        handle=handle,
        owner=owner,
        advertiser_id=random.choice(AD_ACCOUNTS),
        visibility=random.choice(list(Visibility)),
        video=random.randrange(VIDEOS),
        caption=f"Out now {number}" + (f" {DENIED_WORD}" if random.random() < _DENIED else ""),
        due=later and float(round(later)),
    )


def seed_of(world: World) -> dict[str, Any]:
    """Body of POST /control/seed: a Business Center, its admin with all keys, four ad accounts, the TikTok accounts."""
    return {
        "tier": "unlimited",
        "clock": {
            "scan_seconds": 0.2,
            "link_seconds": 0.2,
            "review_seconds": 1.0,
            "post_id_seconds": 0.5,
            "ad_list_seconds": 1.0,
            "transcode_seconds": 0.5,
        },
        "business_centers": [
            {
                "bc_id": BC,
                "name": "Chaos",
                "access_token": TOKEN,
                "members": [
                    {"user_id": ADMIN, "user_name": "Ada", "user_email": "ada@example.com", "user_role": "ADMIN"}
                ],
                "ad_accounts": [
                    {
                        "advertiser_id": advertiser_id,
                        "name": advertiser_id,
                        "roles": {ADMIN: "ADMIN"},
                        "adgroup_quota": 1_000,
                    }
                    for advertiser_id in AD_ACCOUNTS
                ],
            }
        ],
        "accounts": [{"handle": handle, "display_name": handle, "time_zone": "Etc/UTC"} for handle in world.owners],
    }


def consent_of(owner: Owner) -> dict[str, Any]:
    """What the owner ticks on the consent page."""
    return {"bc_id": BC, "videos": owner is not Owner.POSTS_ONLY, "ads_only": owner is Owner.ADS_ONLY}
