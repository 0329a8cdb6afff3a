"""Identifiers in TikTok's shapes: strings of 16 or 19 digits that never repeat, not even after a reset."""

import time
from itertools import count
from uuid import UUID, uuid5

_IDENTITIES = UUID("0b7c1e3a-54c5-5d41-9d4f-2f1f3a6f7c11")


class Ids:
    """Generators by kind. They start from the time of day, so a restarted simulator continues with fresh ids."""

    def __init__(self) -> None:
        self._serial = count(int(time.time() * 1_000) % 10**12 * 1_000)

    def long(self, prefix: str) -> str:
        """19 digits, increasing: Business Centers, ad accounts, assets, users, posts."""
        return f"{prefix}{next(self._serial):0{19 - len(prefix)}d}"

    def short(self) -> str:
        """16 digits, increasing: campaigns, ad groups, ads."""
        return f"1{next(self._serial):015d}"


def identity_id(asset_id: str, bc_id: str) -> str:
    """The identity of an account as one Business Center holds it: a version 5 UUID, the same after a new approval."""
    return str(uuid5(_IDENTITIES, f"{asset_id}/{bc_id}"))


def digits(kind: str, value: str) -> str:
    """A stable number of 19 digits for an opaque string, as `core_user_id` and the like need."""
    return f"7{uuid5(_IDENTITIES, f'{kind}/{value}').int % 10**18:018d}"
