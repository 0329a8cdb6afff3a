"""
Ask the real TikTok what public sources disagree about, without changing anything there.

The URL behind a QR code: which verb gives it out, and whether it is the same twice. How long it lives and how many
owners it serves shows only when owners scan: SPARKADS_QR_LIFETIME and SPARKADS_QR_REUSABLE.
"""

from dataclasses import dataclass

from activities.platform import Platform
from store.database import Pool
from tiktok import TikTok


@dataclass(frozen=True)
class CodeFacts:
    """What TikTok does when it is asked for an authorization URL."""

    verbs: tuple[str, ...]
    same_url_twice: bool

    @property
    def settings(self) -> dict[str, str]:
        """The settings that fit."""
        return {"SPARKADS_AUTHORIZATION_VERB": self.verbs[0]} if self.verbs else {}


async def probe_code(db: Pool, tiktok: TikTok, bc_id: str) -> CodeFacts:
    """
    Ask for authorization URLs of a connected Business Center; they are thrown away.

    Raises:
        ApplicationError: BusinessCenterUnknown, if it was never connected.
        TikTokError: TikTok refuses or does not answer.
    """
    client = await Platform(db, tiktok).client(bc_id)
    verbs = await client.business_centers.authorization_verbs(bc_id)
    if not verbs:
        return CodeFacts(verbs=(), same_url_twice=False)
    first, second = [await client.business_centers.authorization_url(bc_id, ads_only=None) for _ in range(2)]
    return CodeFacts(verbs=verbs, same_url_twice=first.get_secret_value() == second.get_secret_value())
