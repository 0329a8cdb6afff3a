"""The token in an ad's name: the only mark by which an ad is found again after a lost answer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from tiktok import Ad, Rows, StatusClass, ad_status


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


def is_evidence(ads: Rows[Ad]) -> bool:
    """Whether an ad that is not among these does not exist: all that TikTok lists could be read, names included."""
    return ads.is_complete and all(ad.ad_name for ad in ads)


def is_deleted(ad: Ad) -> bool:
    """Whether an ad is gone, itself or with its ad group or campaign; listings that have to find everything show it."""
    return ad_status(ad.secondary_status).status_class is StatusClass.DELETED
