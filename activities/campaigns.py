"""A release campaign on record, or a refusal by name."""

from sparkads.errors import NothingOnRecord, refused
from store import releases
from store.database import Pool


async def known_campaign(db: Pool, campaign_id: str) -> releases.Campaign:
    """
    The campaign on record.

    Raises:
        ApplicationError: NothingOnRecord.
    """
    campaign = await releases.get(db, campaign_id)
    if campaign is None:
        raise refused(NothingOnRecord(f"there is no campaign {campaign_id} on record"))
    return campaign
