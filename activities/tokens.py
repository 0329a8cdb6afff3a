"""The token in an ad's name: the only mark by which an ad is found again after a lost answer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from tiktok import Ad


def ad_name(row_id: str, token: str) -> str:
    """What an ad is called: its row for people, its token for us."""
    return f"{row_id} {token}"


def token_of(ad: Ad) -> str:
    """The token of an ad that has one of our names."""
    return ad.ad_name.rsplit(" ", 1)[-1]


def by_token(ads: Sequence[Ad], tokens: Collection[str]) -> dict[str, Ad]:
    """The ads that carry one of these tokens."""
    wanted = set(tokens)
    return {token: ad for ad in ads if (token := token_of(ad)) in wanted}


def made_ads(found: Mapping[str, Ad]) -> dict[str, tuple[str, datetime]]:
    """By token, ad id and instant of creation, as the record wants them."""
    return {token: (ad.ad_id, ad.create_time or datetime.now(UTC)) for token, ad in found.items()}
