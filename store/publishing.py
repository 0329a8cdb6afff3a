"""What is needed before ads can be made: which targets may be, and their TikTok campaigns and ad groups."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store.ad_group_layout import Together, lay_out
from store.database import Connection, Database
from store.media import HAS_FILES


class Candidate(Contract):
    """A target with all that its gate and its creative need."""

    row_id: str
    mode: str
    handle: str
    asset_id: str | None
    authorized: bool
    advertiser_id: str
    identity_id: str | None
    """None: not linked to the ad account"""
    can_push: bool = False
    can_pull: bool = False
    ads_only: bool = False
    problem: str = ""
    """why TikTok lets nobody advertise the account now"""
    visibility: str | None
    due_at: datetime
    has_rights: bool = True
    """at its instant, or now if that has passed"""
    adgroup_id: str | None = None
    video_id: str | None = None
    cover_id: str | None = None
    pull_item_id: str | None
    ad_format: str = "SINGLE_VIDEO"
    caption: str
    landing_url: str
    call_to_action: str


class AdGroup(Contract):
    """An ad group of ours; `adgroup_id` is None until TikTok has made it."""

    id: int
    advertiser_id: str
    location_id: str
    daily_budget: Decimal
    name: str
    starts_at: datetime
    ends_at: datetime | None
    adgroup_id: str | None


CANDIDATE = """
    SELECT t.row_id, t.mode, t.handle, a.asset_id, a.id IS NOT NULL AS authorized, t.advertiser_id,
           l.identity_id, coalesce(l.can_push, false) AS can_push, coalesce(l.can_pull, false) AS can_pull,
           coalesce(l.ads_only, false) AS ads_only, coalesce(l.problem, '') AS problem, t.visibility, t.due_at,
           coalesce(t.rights_from <= greatest(t.due_at, clock_timestamp()), true)
               AND coalesce(greatest(t.due_at, clock_timestamp()) < t.rights_until, true) AS has_rights,
           g.adgroup_id, m.video_id, coalesce(i.image_id, m.cover_id) AS cover_id, t.pull_item_id, t.ad_format,
           t.caption, t.landing_url, t.call_to_action
    FROM targets t
    LEFT JOIN authorizations a ON a.bc_id = t.bc_id AND a.stage = 'active' AND a.asset_id = coalesce(
        t.asset_id,
        (SELECT held.asset_id FROM accounts JOIN authorizations held USING (bc_id, asset_id)
         WHERE accounts.bc_id = t.bc_id AND accounts.handle = t.handle AND held.stage = 'active' LIMIT 1))
    LEFT JOIN links l ON l.authorization_id = a.id AND l.advertiser_id = t.advertiser_id AND l.ended_at IS NULL
    LEFT JOIN ad_groups g ON g.id = t.ad_group
    LEFT JOIN media m ON m.advertiser_id = t.advertiser_id AND m.sha256 = t.video_sha256
    LEFT JOIN images i ON i.advertiser_id = t.advertiser_id AND i.sha256 = t.cover_sha256
"""


async def waiting_candidates(db: Database, campaign_id: str, handle: str) -> list[Candidate]:
    """The waiting targets of an account in a campaign, with the facts that their gate needs."""
    rows = await db.fetch(
        CANDIDATE + "WHERE t.campaign_id = $1 AND t.handle = $2 AND t.state = 'waiting' ORDER BY t.row_number",
        campaign_id,
        handle,
    )
    return [Candidate(**row) for row in rows]


async def set_ready(connection: Connection, campaign_id: str, ready: Sequence[Candidate]) -> None:
    """Both keys are there: the targets wait for their instant, bound to the account as it is now."""
    await connection.execute(
        """UPDATE targets t SET state = $4, asset_id = one.asset_id, reason = '', waits_for = '', waits_since = NULL,
                  waits_told = false
           FROM unnest($2::text[], $3::text[]) AS one (row_id, asset_id)
           WHERE t.campaign_id = $1 AND t.row_id = one.row_id AND t.state = 'waiting'""",
        campaign_id,
        [candidate.row_id for candidate in ready],
        [candidate.asset_id for candidate in ready],
        TargetState.READY,
    )


async def block_waiting(
    connection: Connection, campaign_id: str, reasons: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """
    Block targets that still wait, each `(row_id, reason)`; returns those that were.

    One that was frozen in the meantime stays frozen.
    """
    rows = await connection.fetch(
        """UPDATE targets t SET state = $4, reason = one.reason
           FROM unnest($2::text[], $3::text[]) AS one (row_id, reason)
           WHERE t.campaign_id = $1 AND t.row_id = one.row_id AND t.state = 'waiting' RETURNING t.row_id, t.reason""",
        campaign_id,
        [row_id for row_id, _ in reasons],
        [reason[:500] for _, reason in reasons],
        TargetState.BLOCKED,
    )
    return [(row["row_id"], row["reason"]) for row in rows]


async def set_state(connection: Connection, campaign_id: str, reasons: Sequence[tuple[str, TargetState, str]]) -> None:
    """Move targets, each `(row_id, state, reason)`."""
    await connection.executemany(
        "UPDATE targets SET state = $3, reason = $4 WHERE campaign_id = $1 AND row_id = $2",
        [(campaign_id, row_id, state, reason[:500]) for row_id, state, reason in reasons],
    )


async def ad_accounts(db: Database, campaign_id: str) -> list[str]:
    """The ad accounts that ready targets of a campaign pay with."""
    rows = await db.fetch(
        "SELECT DISTINCT advertiser_id FROM targets WHERE campaign_id = $1 AND state = 'ready' ORDER BY 1", campaign_id
    )
    return [row[0] for row in rows]


async def plan_ad_groups(
    connection: Connection,
    campaign_id: str,
    advertiser_id: str,
    *,
    capacity: int,
    ceiling: Decimal | None,
    worst_day: Decimal,
) -> list[str]:
    """
    Lay the ready targets of an ad account out in ad groups, but for those whose files are not ready there.

    Returns the rows that its ceiling leaves out.

    Names are made from what the group is for, so that a group which was made before an answer was lost is found again.
    """
    rows = await connection.fetch(
        f"""SELECT row_id, wave, due_at, location_id, daily_budget, rights_until FROM targets t
            WHERE campaign_id = $1 AND advertiser_id = $2 AND state = 'ready' AND ad_group IS NULL AND {HAS_FILES}
            ORDER BY row_number FOR UPDATE""",
        campaign_id,
        advertiser_id,
    )
    # An ad group that nothing is in, because its rows have got another instant, spends nothing.
    ((known, spent),) = await connection.fetch(
        """SELECT count(*), coalesce(sum(daily_budget) FILTER (
                      WHERE number > 0 AND EXISTS (SELECT FROM targets t WHERE t.ad_group = g.id)), 0)
           FROM ad_groups g WHERE campaign_id = $1 AND advertiser_id = $2""",
        campaign_id,
        advertiser_id,
    )
    layout = lay_out(
        ((row_id, Together(*together)) for row_id, *together in rows),
        capacity=capacity,
        ceiling=ceiling,
        worst_day=worst_day,
        spent=spent,
    )
    for number, (of, row_ids) in enumerate(layout.pages, start=known + 1):
        group_id = await connection.fetchval(
            """INSERT INTO ad_groups
                   (campaign_id, advertiser_id, location_id, daily_budget, number, name, starts_at, ends_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id""",
            campaign_id,
            advertiser_id,
            of.location_id,
            of.daily_budget,
            number,
            ad_group_name(campaign_id, wave=of.wave, number=number),
            of.due_at,
            of.rights_until,
        )
        await connection.execute(
            "UPDATE targets SET ad_group = $3 WHERE campaign_id = $1 AND row_id = ANY($2)",
            campaign_id,
            row_ids,
            group_id,
        )
    return layout.beyond


def ad_group_name(campaign_id: str, *, wave: int, number: int) -> str:
    """What an ad group of ours is called: 512 ASCII characters at most, as TikTok takes."""
    return f"sparkads {campaign_id} wave {wave} group {number}"


async def ad_groups_to_make(db: Database, campaign_id: str, advertiser_id: str) -> list[AdGroup]:
    """Planned ad groups that TikTok has not made yet and that ready targets wait for."""
    rows = await db.fetch(
        """SELECT id, advertiser_id, location_id, daily_budget, name, starts_at, ends_at, adgroup_id
           FROM ad_groups
           WHERE campaign_id = $1 AND advertiser_id = $2 AND adgroup_id IS NULL
             AND id IN (SELECT ad_group FROM targets WHERE campaign_id = $1 AND state = 'ready') ORDER BY id""",
        campaign_id,
        advertiser_id,
    )
    return [AdGroup(**row) for row in rows]


async def ad_groups_made(db: Database, campaign_id: str, advertiser_id: str) -> int:
    """How many ad groups of a campaign TikTok has made in an ad account, those that rows name not counted."""
    count: int = await db.fetchval(
        """SELECT count(*) FROM ad_groups
           WHERE campaign_id = $1 AND advertiser_id = $2 AND adgroup_id IS NOT NULL AND number > 0""",
        campaign_id,
        advertiser_id,
    )
    return count


async def leave_ad_group(connection: Connection, ad_group: int, row_ids: Sequence[str]) -> bool:
    """
    Take targets that are being submitted out of an ad group that TikTok takes no further ad in.

    False, and nothing is changed, if a person named it, or if none of our ads is in it: then it is not the ad group
    that is full.
    """
    has_ads = await connection.fetchval(
        """SELECT EXISTS (
               SELECT FROM ad_groups g JOIN targets t ON t.campaign_id = g.campaign_id AND t.ad_group = g.id
               WHERE g.id = $1 AND g.number > 0 AND t.ad_id IS NOT NULL)""",
        ad_group,
    )
    if not has_ads:
        return False
    await connection.execute(
        """UPDATE targets t SET ad_group = NULL FROM ad_groups g
           WHERE g.id = $1 AND t.campaign_id = g.campaign_id AND t.ad_group = g.id AND t.ad_id IS NULL
             AND (t.row_id = ANY($2) OR t.state = 'ready')""",
        ad_group,
        list(row_ids),
    )
    return True


async def put_ad_group(db: Database, group_id: int, adgroup_id: str) -> None:
    """Remember the ad group that TikTok made."""
    await db.execute("UPDATE ad_groups SET adgroup_id = $2 WHERE id = $1", group_id, adgroup_id)


async def tiktok_campaign(db: Database, campaign_id: str, advertiser_id: str) -> str | None:
    """TikTok's id of our campaign in an ad account, once it was made."""
    found: str | None = await db.fetchval(
        "SELECT tiktok_campaign_id FROM tiktok_campaigns WHERE campaign_id = $1 AND advertiser_id = $2",
        campaign_id,
        advertiser_id,
    )
    return found


async def put_tiktok_campaign(db: Database, campaign_id: str, advertiser_id: str, tiktok_campaign_id: str) -> None:
    """Remember the TikTok campaign that was made for an ad account."""
    await db.execute(
        """INSERT INTO tiktok_campaigns (campaign_id, advertiser_id, tiktok_campaign_id) VALUES ($1, $2, $3)
           ON CONFLICT DO NOTHING""",
        campaign_id,
        advertiser_id,
        tiktok_campaign_id,
    )
