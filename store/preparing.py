"""Targets that are ready and have no ad group yet: what is checked of them once, before their instant."""

from collections.abc import Mapping, Sequence

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store.database import Connection, Database


class Unplanned(Contract):
    """A ready target without an ad group, and the identity that it will use."""

    row_id: str
    handle: str
    advertiser_id: str
    identity_id: str | None
    """None: its account is no longer linked; the gate says so when the row is due"""
    pull_item_id: str | None
    named_adgroup_id: str | None


async def unplanned(db: Database, campaign_id: str, advertiser_id: str | None = None) -> list[Unplanned]:
    """All such targets of a campaign, or those of one ad account, in the order of the manifest."""
    rows = await db.fetch(
        """SELECT t.row_id, t.handle, t.advertiser_id, l.identity_id, t.pull_item_id, t.named_adgroup_id
           FROM targets t
           LEFT JOIN authorizations a ON a.bc_id = t.bc_id AND a.asset_id = t.asset_id AND a.stage = 'active'
           LEFT JOIN links l ON l.authorization_id = a.id AND l.advertiser_id = t.advertiser_id AND l.ended_at IS NULL
           WHERE t.campaign_id = $1 AND t.state = 'ready' AND t.ad_group IS NULL
             AND ($2::text IS NULL OR t.advertiser_id = $2) ORDER BY t.row_number""",
        campaign_id,
        advertiser_id,
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


async def set_ad_formats(connection: Connection, campaign_id: str, formats: Mapping[str, str]) -> None:
    """Keep the ad format that the post of each target asks for, `{row_id: format}`."""
    await connection.executemany(
        "UPDATE targets SET ad_format = $3 WHERE campaign_id = $1 AND row_id = $2",
        [(campaign_id, row_id, ad_format) for row_id, ad_format in formats.items()],
    )


async def ads_planned(db: Database, bc_id: str, advertiser_id: str, identity_id: str) -> int:
    """Targets, of any campaign, whose ads TikTok does not count yet and that have a place in an ad group."""
    count: int = await db.fetchval(
        """SELECT count(*) FROM targets t
           JOIN authorizations a ON a.bc_id = t.bc_id AND a.asset_id = t.asset_id AND a.stage = 'active'
           JOIN links l ON l.authorization_id = a.id AND l.advertiser_id = t.advertiser_id AND l.ended_at IS NULL
           WHERE t.bc_id = $1 AND t.advertiser_id = $2 AND l.identity_id = $3 AND t.ad_group IS NOT NULL
             AND t.state = ANY($4)""",
        bc_id,
        advertiser_id,
        identity_id,
        [TargetState.READY, TargetState.SUBMITTING, TargetState.UNKNOWN],
    )
    return count


async def use_named_group(connection: Connection, campaign_id: str, advertiser_id: str, adgroup_id: str) -> None:
    """Give the ready targets that name an ad group their place in it: TikTok has it already."""
    await connection.execute(
        """WITH known AS (
               INSERT INTO ad_groups
                   (campaign_id, advertiser_id, location_id, daily_budget, number, name, starts_at, adgroup_id)
               SELECT $1, $2, location_id, daily_budget, 0, 'named ' || $3::text, due_at, $3
               FROM targets
               WHERE campaign_id = $1 AND advertiser_id = $2 AND named_adgroup_id = $3 AND state = 'ready'
               ORDER BY row_number LIMIT 1
               ON CONFLICT (campaign_id, advertiser_id, name) DO UPDATE SET adgroup_id = excluded.adgroup_id
               RETURNING id)
           UPDATE targets SET ad_group = known.id FROM known
           WHERE campaign_id = $1 AND advertiser_id = $2 AND named_adgroup_id = $3 AND state = 'ready'
             AND ad_group IS NULL""",
        campaign_id,
        advertiser_id,
        adgroup_id,
    )
