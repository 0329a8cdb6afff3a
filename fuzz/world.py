"""What a seed's run is about: its own Business Center, people, ad accounts, TikTok accounts, and nine rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sparkads.contracts.base import BlobRef
from sparkads.manifest import ManifestRow, Mode, Visibility

READY, BUSY, LATE = "ready", "busy", "late"
"""The owners: two have approved before the release starts, one approves while it runs."""

CLOCK = {
    "scan_seconds": 0.0,
    "link_seconds": 0.0,
    "review_seconds": 0.3,
    "post_id_seconds": 0.2,
    "transcode_seconds": 0.3,
    "ad_list_seconds": 0.0,
}


@dataclass(frozen=True)
class Row:
    """One row. `ad_account`: its number; `is_now`: due as soon as possible, else at the release's instant."""

    row_id: str
    mode: Mode
    owner: str
    ad_account: int
    is_now: bool = False
    visibility: Visibility = Visibility.PROFILE
    with_cover: bool = False


def _rows() -> tuple[Row, ...]:
    pairs = [
        row
        for number, letter in enumerate("ABC")
        for row in (
            Row(f"{letter}1", Mode.PUSH, READY, number, with_cover=number == 1),
            Row(f"{letter}2", Mode.PULL, BUSY, number),
        )
    ]
    return (
        *pairs,
        Row("A3", Mode.PUSH, LATE, 0, is_now=True),
        Row("B3", Mode.PUSH, BUSY, 1, visibility=Visibility.ADS_ONLY),
        Row("C3", Mode.PULL, READY, 2),
    )


ROWS = _rows()


@dataclass(frozen=True)
class Material:
    """Files in the object store that all rows share."""

    video: BlobRef
    cover: BlobRef


@dataclass(frozen=True)
class World:
    """Everything of one seed, run for the first time or again; no two runs share an id."""

    seed: int
    again: int = 0

    def _id(self, prefix: int, last: int = 0) -> str:
        return f"{prefix}{self.number:012}{last:05}"

    @property
    def number(self) -> int:
        """Of the run."""
        return self.seed * 10 + self.again

    @cached_property
    def bc_id(self) -> str:
        """The Business Center."""
        return self._id(73)

    @cached_property
    def partner_id(self) -> str:
        """Another one, that shares an ad account with it."""
        return self._id(73, 1)

    @cached_property
    def token(self) -> str:
        """What its calls are made with."""
        return f"token-{self.number}"

    @cached_property
    def admin(self) -> str:
        """Starts the release."""
        return self._id(61)

    @cached_property
    def operator(self) -> str:
        """Runs its ads."""
        return self._id(62)

    @cached_property
    def spares(self) -> tuple[str, ...]:
        """Members that the release does without."""
        return self._id(63), self._id(63, 1)

    @cached_property
    def ad_accounts(self) -> tuple[str, ...]:
        """A, B and C."""
        return tuple(self._id(71, number) for number in range(3))

    @cached_property
    def partner_ad_account(self) -> str:
        """The partner's."""
        return self._id(71, 9)

    @cached_property
    def campaign_id(self) -> str:
        """The release's name."""
        return f"fuzz-{self.number}"

    def handle(self, owner: str) -> str:
        """The TikTok account of an owner."""
        return f"{owner}{self.number}"

    def post(self, owner: str) -> str:
        """The post of an owner that may be used in ads."""
        return self._id(74, (READY, BUSY, LATE).index(owner)) if owner in {READY, BUSY, LATE} else self._id(74, 9)

    def seeding(self, owners: Sequence[str], *, partner: bool = False) -> dict[str, Any]:
        """Body of POST /control/seed."""
        people = [(self.admin, "ADMIN"), (self.operator, "STANDARD"), *((one, "STANDARD") for one in self.spares)]
        roles = {self.admin: "ADMIN", self.operator: "OPERATOR"}
        center = {
            "bc_id": self.bc_id,
            "name": f"Label {self.number}",
            "access_token": self.token,
            "members": [
                {"user_id": one, "user_name": f"U{one[:2]}", "user_email": f"{one}@example.com", "user_role": role}
                for one, role in people
            ],
            "ad_accounts": [{"advertiser_id": one, "name": one, "roles": roles} for one in self.ad_accounts],
        }
        giver = {
            "bc_id": self.partner_id,
            "name": f"Partner {self.number}",
            "ad_accounts": [{"advertiser_id": self.partner_ad_account, "name": "shared"}],
        }
        if partner:
            shared = {"bc_id": self.partner_id, "name": "Partner", "shared_ad_accounts": [self.partner_ad_account]}
            center["partners"] = [shared]
        return {
            "business_centers": [giver, center] if partner else [center],
            "accounts": [
                {"handle": self.handle(owner), "posts": [{"item_id": self.post(owner)}] if owner in _WITH_POST else []}
                for owner in owners
            ],
        }

    def manifest_rows(self, instant: datetime, material: Material) -> tuple[ManifestRow, ...]:
        """The rows as the release is given them; `instant` in UTC, without fractions of a second."""
        return tuple(self._manifest_row(row, instant, material) for row in ROWS)

    def _manifest_row(self, row: Row, instant: datetime, material: Material) -> ManifestRow:
        is_push = row.mode is Mode.PUSH
        return ManifestRow(
            row_id=row.row_id,
            mode=row.mode,
            account=self.handle(row.owner),
            ad_account=self.ad_accounts[row.ad_account],
            territory="NZ",
            location_id="2186224",
            time_zone="Etc/UTC",
            release_at=None if row.is_now else instant.replace(tzinfo=None),
            visibility=row.visibility if is_push else None,
            video=material.video if is_push else None,
            cover=material.cover if row.with_cover else None,
            post_id=None if is_push else self.post(row.owner),
            caption="Out now" if is_push else "",
            landing_url="https://example.com/song",
            call_to_action="LISTEN_NOW",
            daily_budget=Decimal(50),
        )


_WITH_POST = {READY, BUSY, LATE}


@dataclass(frozen=True)
class Touched:
    """
    What may have been harmed: pairs of a TikTok account's owner and an ad account's number, None for any.

    A row outside of all of them must not notice.
    """

    pairs: frozenset[tuple[str | None, int | None]] = frozenset()

    def has(self, row: Row) -> bool:
        """Whether a row may notice."""
        return any(
            owner in {None, row.owner} and ad_account in {None, row.ad_account} for owner, ad_account in self.pairs
        )


def owners_of(world: World, assets: Mapping[str, str], identities: Mapping[str, str]) -> dict[str, str]:
    """
    Whose each id is that TikTok uses for an account: its asset, its identities, its post.

    Args:
        world: of the seed.
        assets: asset ids by owner.
        identities: owner by identity id.
    """
    posts = {world.post(owner): owner for owner in (READY, BUSY, LATE)}
    return {asset_id: owner for owner, asset_id in assets.items()} | dict(identities) | posts
