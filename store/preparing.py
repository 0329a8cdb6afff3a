"""Targets that are ready and have no ad group yet: what is checked of them once, before their instant."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store.database import Connection, Database
from store.media import HAS_FILES


class Unplanned(Contract):
    """A ready target without an ad group, and the identity that it will use."""

    row_id: str
    handle: str
    advertiser_id: str
    identity_id: str | None
    """None: its account is no longer linked; the gate says so when the row is due"""
    pull_item_id: str | None
    named_adgroup_id: str | None
    """None: one is made, with the row's place and budget"""
    territory: str
    location_id: str
    daily_budget: Decimal
    visibility: str | None
    due_at: datetime
    rights_until: datetime | None


_UNPLANNED = """
    SELECT t.row_id, t.handle, t.advertiser_id, l.identity_id, t.pull_item_id, t.named_adgroup_id, t.territory,
           t.location_id, t.daily_budget, t.visibility, t.due_at, t.rights_until
    FROM targets t
    LEFT JOIN authorizations a ON a.bc_id = t.bc_id AND a.asset_id = t.asset_id AND a.stage = 'active'
    LEFT JOIN links l ON l.authorization_id = a.id AND l.advertiser_id = t.advertiser_id AND l.ended_at IS NULL
    WHERE t.campaign_id = $1 AND t.state = 'ready' AND t.ad_group IS NULL
"""


async def unplanned(db: Database, campaign_id: str, advertiser_id: str) -> list[Unplanned]:
    """Such targets of a campaign in one ad account, in the order of the manifest."""
    rows = await db.fetch(_UNPLANNED + "AND t.advertiser_id = $2 ORDER BY t.row_number", campaign_id, advertiser_id)
    return [Unplanned(**row) for row in rows]


async def videos_awaited(db: Database, campaign_id: str, advertiser_id: str) -> int:
    """
    Videos of such targets of a campaign in an ad account that TikTok still transcodes.

    Counted by the targets that were left out, not by what is not transcoded: another release may have seen since that a
    video is, and then nobody would come back for them.
    """
    count: int = await db.fetchval(
        """SELECT count(DISTINCT video_sha256) FROM targets
           WHERE campaign_id = $1 AND advertiser_id = $2 AND state = 'ready' AND ad_group IS NULL""",
        campaign_id,
        advertiser_id,
    )
    return count


_IS_PREPARED = "g.adgroup_id IS NOT NULL"

_OF_AD_ACCOUNT = """
    SELECT t.row_id FROM targets t LEFT JOIN ad_groups g ON g.id = t.ad_group
    WHERE t.campaign_id = $1 AND t.advertiser_id = $2 AND t.state = 'ready'
"""


async def unprepared(db: Database, campaign_id: str, advertiser_id: str) -> list[str]:
    """The ready targets of an ad account for which something has still to be made at TikTok."""
    rows = await db.fetch(
        _OF_AD_ACCOUNT + f"AND ({_IS_PREPARED}) IS NOT TRUE ORDER BY t.row_number", campaign_id, advertiser_id
    )
    return [row["row_id"] for row in rows]


async def prepared(db: Database, campaign_id: str, advertiser_id: str) -> list[str]:
    """The ready targets of an ad account that have all that they need, and that said they wait for something."""
    rows = await db.fetch(
        _OF_AD_ACCOUNT + f"AND {_IS_PREPARED} AND t.waits_for <> '' ORDER BY t.row_number", campaign_id, advertiser_id
    )
    return [row["row_id"] for row in rows]


async def to_prepare(db: Database, campaign_id: str) -> list[str]:
    """The ad accounts with ready targets for which something has still to be made."""
    rows = await db.fetch(
        f"""SELECT DISTINCT t.advertiser_id FROM targets t LEFT JOIN ad_groups g ON g.id = t.ad_group
            WHERE t.campaign_id = $1 AND t.state = 'ready' AND ({_IS_PREPARED}) IS NOT TRUE ORDER BY 1""",
        campaign_id,
    )
    return [row["advertiser_id"] for row in rows]


async def unseen_pulls(db: Database, campaign_id: str, advertiser_id: str, holds: timedelta) -> list[Unplanned]:
    """Such targets, in one ad account, that pull a post which was not looked at within `holds`."""
    rows = await db.fetch(
        _UNPLANNED
        + """AND t.advertiser_id = $2 AND t.pull_item_id IS NOT NULL
             AND coalesce(t.post_seen_at < now() - $3::interval, true) ORDER BY t.row_number""",
        campaign_id,
        advertiser_id,
        holds,
    )
    return [Unplanned(**row) for row in rows]


async def stop_ready(
    connection: Connection, campaign_id: str, row_ids: Sequence[str], state: TargetState, reason: str
) -> list[str]:
    """Move targets that are still ready; one that was frozen or cancelled in the meantime stays so. Returns which."""
    rows = await connection.fetch(
        """WITH stopped AS (
               UPDATE targets SET state = $3, reason = $4
               WHERE campaign_id = $1 AND row_id = ANY($2) AND state = 'ready' RETURNING row_id, row_number)
           SELECT row_id FROM stopped ORDER BY row_number""",
        campaign_id,
        list(row_ids),
        state,
        reason[:500],
    )
    return [row["row_id"] for row in rows]


async def posts_seen(
    connection: Connection, campaign_id: str, row_ids: Sequence[str], formats: Mapping[str, str]
) -> None:
    """Keep that the posts of these targets were looked at, and the ad format that each asks for, `{row_id: format}`."""
    await connection.executemany(
        "UPDATE targets SET ad_format = $3 WHERE campaign_id = $1 AND row_id = $2",
        [(campaign_id, row_id, ad_format) for row_id, ad_format in formats.items()],
    )
    await connection.execute(
        "UPDATE targets SET post_seen_at = now() WHERE campaign_id = $1 AND row_id = ANY($2)",
        campaign_id,
        list(row_ids),
    )


WITHOUT_AD = [TargetState.READY, TargetState.SUBMITTING, TargetState.UNKNOWN]
"""States in which a target may get an ad that TikTok did not count when it was asked."""


class Room(Contract):
    """What TikTok says of an identity's room for ads in an ad account, and what we have planned besides."""

    identity_id: str
    total: int
    used: int
    available: int
    planned: int
    """targets, of any campaign, that have a place in an ad group and whose ads are not in `used`"""


async def rooms(db: Database, bc_id: str, campaign_id: str, advertiser_id: str, holds: timedelta) -> dict[str, Room]:
    """What a campaign has asked of identities in an ad account within `holds`, by their id."""
    rows = await db.fetch(
        """SELECT r.identity_id, r.total, r.used, r.available, count(t.row_id) AS planned
           FROM rooms r
           LEFT JOIN links l ON l.identity_id = r.identity_id AND l.advertiser_id = r.advertiser_id
               AND l.ended_at IS NULL
           LEFT JOIN authorizations a ON a.id = l.authorization_id AND a.stage = 'active' AND a.bc_id = $1
           LEFT JOIN targets t ON t.bc_id = a.bc_id AND t.asset_id = a.asset_id AND t.advertiser_id = r.advertiser_id
               AND t.ad_group IS NOT NULL AND (t.state = ANY($5) OR EXISTS (
                   SELECT FROM intents i WHERE i.campaign_id = t.campaign_id AND i.row_id = t.row_id
                   AND i.state = 'published' AND i.decided_at >= r.asked_at))
           WHERE r.campaign_id = $2 AND r.advertiser_id = $3 AND r.asked_at > now() - $4::interval
           GROUP BY r.identity_id, r.total, r.used, r.available""",
        bc_id,
        campaign_id,
        advertiser_id,
        holds,
        WITHOUT_AD,
    )
    return {row["identity_id"]: Room(**row) for row in rows}


async def put_room(
    db: Database, campaign_id: str, advertiser_id: str, identity_id: str, *, total: int, used: int, available: int
) -> None:
    """Keep what TikTok says of an identity's room now."""
    await db.execute(
        """INSERT INTO rooms (campaign_id, advertiser_id, identity_id, total, used, available, asked_at)
           VALUES ($1, $2, $3, $4, $5, $6, now())
           ON CONFLICT (campaign_id, advertiser_id, identity_id) DO UPDATE
           SET total = excluded.total, used = excluded.used, available = excluded.available,
               asked_at = excluded.asked_at""",
        campaign_id,
        advertiser_id,
        identity_id,
        total,
        used,
        available,
    )


class AdAccountRoom(Contract):
    """How many Spark Ads TikTok lists of an ad account, and what we have planned besides."""

    used: int
    planned: int
    """targets, of any campaign, that have a place in an ad group and whose ads are not in `used`"""


async def ad_account_room(db: Database, campaign_id: str, advertiser_id: str, holds: timedelta) -> AdAccountRoom | None:
    """What a campaign has asked of an ad account within `holds`."""
    row = await db.fetchrow(
        """SELECT r.used, (
               SELECT count(*) FROM campaigns c JOIN targets t USING (campaign_id)
               WHERE (c.finished_at IS NULL OR c.finished_at >= r.asked_at)
                 AND t.advertiser_id = r.advertiser_id AND t.ad_group IS NOT NULL
                 AND (t.state = ANY($4) OR EXISTS (
                     SELECT FROM intents i WHERE i.campaign_id = t.campaign_id AND i.row_id = t.row_id
                     AND i.state = 'published' AND i.decided_at >= r.asked_at))) AS planned
           FROM ad_account_rooms r
           WHERE r.campaign_id = $1 AND r.advertiser_id = $2 AND r.asked_at > now() - $3::interval""",
        campaign_id,
        advertiser_id,
        holds,
        WITHOUT_AD,
    )
    return None if row is None else AdAccountRoom(**row)


async def put_ad_account_room(db: Database, campaign_id: str, advertiser_id: str, *, used: int) -> None:
    """Keep how many Spark Ads TikTok lists of an ad account now."""
    await db.execute(
        """INSERT INTO ad_account_rooms (campaign_id, advertiser_id, used, asked_at) VALUES ($1, $2, $3, now())
           ON CONFLICT (campaign_id, advertiser_id) DO UPDATE SET used = excluded.used, asked_at = excluded.asked_at""",
        campaign_id,
        advertiser_id,
        used,
    )


async def rows_of_group(db: Database, group_id: int) -> list[str]:
    """The ready targets that are laid out in an ad group of ours."""
    rows = await db.fetch(
        """SELECT t.row_id FROM ad_groups g JOIN targets t ON t.campaign_id = g.campaign_id AND t.ad_group = g.id
           WHERE g.id = $1 AND t.state = 'ready' ORDER BY t.row_number""",
        group_id,
    )
    return [row["row_id"] for row in rows]


async def forget_rooms(db: Database, campaign_id: str) -> None:
    """Remove what a campaign that is over has asked, and what plans of yesterday have."""
    for table in ("rooms", "ad_account_rooms"):
        await db.execute(
            f"DELETE FROM {table} WHERE campaign_id = $1 OR asked_at < now() - interval '1 day'", campaign_id
        )


async def use_named_group(connection: Connection, campaign_id: str, advertiser_id: str, adgroup_id: str) -> None:
    """Give the ready targets that name an ad group, and have their files, their place in it: TikTok has it already."""
    await connection.execute(
        f"""WITH known AS (
               INSERT INTO ad_groups
                   (campaign_id, advertiser_id, location_id, daily_budget, number, name, starts_at, adgroup_id)
               SELECT $1, $2, location_id, daily_budget, 0, 'named ' || $3::text, due_at, $3
               FROM targets
               WHERE campaign_id = $1 AND advertiser_id = $2 AND named_adgroup_id = $3 AND state = 'ready'
               ORDER BY row_number LIMIT 1
               ON CONFLICT (campaign_id, advertiser_id, name) DO UPDATE SET adgroup_id = excluded.adgroup_id
               RETURNING id)
           UPDATE targets t SET ad_group = known.id FROM known
           WHERE campaign_id = $1 AND advertiser_id = $2 AND named_adgroup_id = $3 AND state = 'ready'
             AND ad_group IS NULL AND {HAS_FILES}""",
        campaign_id,
        advertiser_id,
        adgroup_id,
    )
