"""A release campaign on record, and who may steer it; or a refusal by name."""

from activities.members import Members
from sparkads.errors import NothingOnRecord, OnlyItsPeople, refused
from sparkads.roles import Action, BcRole
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


async def require_its_people(people: Members, campaign: releases.Campaign, actor: str, action: str) -> None:
    """
    Let pass who steers a campaign: its starter, its operator or an admin (R5); refuse others by name, on the trail.

    Raises:
        ApplicationError: NotAMember or OnlyItsPeople.
    """
    who = await people.require(campaign.bc_id, actor, Action.RUN_RELEASE)
    if who.role is BcRole.ADMIN or actor in {campaign.started_by, campaign.operator}:
        return
    refusal = OnlyItsPeople(
        f"R5: {actor} may not {action.replace('_', ' ')} in campaign {campaign.campaign_id}; "
        f"ask {campaign.started_by}, {campaign.operator} or an admin: {', '.join(who.admins[:5])}"
    )
    await people.record_refusal(campaign.bc_id, actor, action, refusal)
    raise refused(refusal)
