"""What people change in a release that is under way: tiers, instants, rows held back, approvals."""

from collections.abc import Sequence
from datetime import datetime

from sparkads.contracts.base import Contract
from sparkads.contracts.release import Approve, Selection, TargetState, Tier, Verdict
from store.database import Connection, Database
from store.releases import SHARD_SIZE
from store.selection import selected


class Chosen(Contract):
    """A row that a person has named."""

    row_id: str
    state: TargetState
    time_zone: str
    due_at: datetime
    asap: bool
    tier: int
    advertiser_id: str
    rights_from: datetime | None
    rights_until: datetime | None


async def choose(db: Database, campaign_id: str, only: Selection, *, lock: bool) -> list[Chosen]:
    """The rows of a selection in the order of the manifest; locked until the transaction ends, if wanted."""
    chosen = selected(only, first=2)
    rows = await db.fetch(
        f"""SELECT row_id, state, time_zone, due_at, asap, tier, advertiser_id, rights_from, rights_until
            FROM targets t
            WHERE campaign_id = $1 AND {chosen.sql} ORDER BY row_number {"FOR UPDATE" if lock else ""}""",
        campaign_id,
        *chosen.values,
    )
    return [Chosen(**row) for row in rows]


async def unknown_rows(db: Database, campaign_id: str, row_ids: Sequence[str]) -> list[str]:
    """Which of these ids no row has."""
    rows = await db.fetch(
        """SELECT one FROM unnest($2::text[]) AS one
           WHERE NOT EXISTS (SELECT 1 FROM targets WHERE campaign_id = $1 AND row_id = one)""",
        campaign_id,
        list(row_ids),
    )
    return [row["one"] for row in rows]


async def move(
    connection: Connection,
    campaign_id: str,
    only: Selection,
    *,
    before: Sequence[TargetState],
    after: TargetState,
    reason: str,
) -> list[str]:
    """Move the chosen rows that are in one of some states to another; returns them."""
    chosen = selected(only, first=2)
    rows = await connection.fetch(
        f"""WITH moved AS (
                UPDATE targets t SET state = $6, reason = $7
                WHERE campaign_id = $1 AND {chosen.sql} AND state = ANY($5) RETURNING row_id, row_number)
            SELECT row_id FROM moved ORDER BY row_number""",
        campaign_id,
        *chosen.values,
        list(before),
        after,
        reason[:500],
    )
    return [row["row_id"] for row in rows]


async def move_late(
    connection: Connection, campaign_id: str, only: Selection, *, late_before: datetime, after: TargetState, reason: str
) -> list[str]:
    """Move the chosen rows that are not submitted and were due before a moment; returns them."""
    chosen = selected(only, first=2)
    rows = await connection.fetch(
        f"""WITH moved AS (
                UPDATE targets t SET state = $5, reason = $6
                WHERE campaign_id = $1 AND {chosen.sql} AND state IN ('waiting', 'ready', 'paused') AND NOT asap
                  AND due_at < $7 RETURNING row_id, row_number)
            SELECT row_id FROM moved ORDER BY row_number""",
        campaign_id,
        *chosen.values,
        after,
        reason[:500],
        late_before,
    )
    return [row["row_id"] for row in rows]


async def retime(connection: Connection, campaign_id: str, moved: Sequence[tuple[Chosen, datetime, bool]]) -> None:
    """
    Give rows other instants, each `(row, instant, whether it is as soon as possible)`.

    They get waves of their own, and wait for their gates and an ad group again: that of the old instant is another's.
    """
    last: int = await connection.fetchval("SELECT max(wave) FROM targets WHERE campaign_id = $1", campaign_id)
    waves: dict[tuple[int, datetime], int] = {}
    for row, due_at, _ in sorted(moved, key=lambda one: (one[0].tier, one[1])):
        waves.setdefault((row.tier, due_at), last + len(waves) + 1)
    filled: dict[tuple[int, str], int] = {}
    shards: dict[tuple[int, str, int], int] = {}
    per_wave: dict[int, int] = {}
    records = []
    for row, due_at, asap in moved:
        wave = waves[row.tier, due_at]
        page = filled.get((wave, row.advertiser_id), 0) // SHARD_SIZE
        filled[wave, row.advertiser_id] = filled.get((wave, row.advertiser_id), 0) + 1
        if (wave, row.advertiser_id, page) not in shards:
            per_wave[wave] = per_wave.get(wave, 0) + 1
            shards[wave, row.advertiser_id, page] = per_wave[wave]
        records.append((row.row_id, due_at, asap, wave, shards[wave, row.advertiser_id, page]))
    await connection.execute(
        """UPDATE targets t SET due_at = one.due_at, asap = one.asap, wave = one.wave, shard = one.shard,
                  ad_group = NULL, state = CASE WHEN t.state = 'paused' THEN t.state ELSE 'waiting' END
           FROM unnest($2::text[], $3::timestamptz[], $4::boolean[], $5::integer[], $6::integer[])
                AS one (row_id, due_at, asap, wave, shard)
           WHERE t.campaign_id = $1 AND t.row_id = one.row_id""",
        campaign_id,
        *(list(column) for column in zip(*records, strict=True)),
    )


async def first_voice(connection: Connection, campaign_id: str, asked: str, actor: str, reason: str) -> str | None:
    """Who has asked for the same before; None if nobody has: this is remembered as the first time."""
    found: str | None = await connection.fetchval(
        "SELECT actor FROM retimings WHERE campaign_id = $1 AND asked = $2", campaign_id, asked
    )
    if found is None:
        await connection.execute(
            "INSERT INTO retimings (campaign_id, asked, actor, reason) VALUES ($1, $2, $3, $4)",
            campaign_id,
            asked,
            actor,
            reason,
        )
    return found


async def forget_voices(connection: Connection, campaign_id: str) -> None:
    """What was asked for was about other instants than there are now."""
    await connection.execute("DELETE FROM retimings WHERE campaign_id = $1", campaign_id)


async def tiers(db: Database, campaign_id: str) -> list[Tier]:
    """How far each tier is, the first to go first."""
    rows = await db.fetch(
        """SELECT tier AS number, count(*) AS targets,
                  count(*) FILTER (WHERE state IN ('ready', 'submitting')
                                      OR (state = 'waiting' AND NOT asap)) AS to_go,
                  count(*) FILTER (WHERE submitted) AS submitted,
                  count(*) FILTER (WHERE submitted AND state IN ('refused', 'rejected', 'unknown')) AS failed
           FROM (SELECT *, state IN ('in_review', 'published', 'refused', 'rejected', 'unknown', 'stopped')
                           AS submitted
                 FROM targets WHERE campaign_id = $1) AS target
           GROUP BY tier ORDER BY tier""",
        campaign_id,
    )
    return [Tier(**row) for row in rows]


async def open_tier(connection: Connection, campaign_id: str, number: int) -> bool:
    """Let a tier go; False if it may go already."""
    status = await connection.execute(
        "UPDATE campaigns SET open_tier = $2 WHERE campaign_id = $1 AND open_tier < $2", campaign_id, number
    )
    return status == "UPDATE 1"


async def put_approval(connection: Connection, campaign_id: str, said: Approve) -> bool:
    """Remember what an approver says; False if they have said so before."""
    status = await connection.execute(
        """INSERT INTO approvals AS known (campaign_id, plan_hash, stage, actor, verdict, reason)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (campaign_id, plan_hash, stage, actor) DO UPDATE SET verdict = $5, reason = $6, at = now()
           WHERE known.verdict <> $5""",
        campaign_id,
        said.plan_hash,
        said.stage,
        said.actor,
        said.verdict,
        said.reason,
    )
    return status == "INSERT 0 1"


async def approvals(db: Database, campaign_id: str, plan_hash: str) -> dict[str, dict[str, Verdict]]:
    """By stage and approver, what was said last of a plan."""
    rows = await db.fetch(
        "SELECT stage, actor, verdict FROM approvals WHERE campaign_id = $1 AND plan_hash = $2 ORDER BY at",
        campaign_id,
        plan_hash,
    )
    found: dict[str, dict[str, Verdict]] = {}
    for row in rows:
        found.setdefault(row["stage"], {})[row["actor"]] = Verdict(row["verdict"])
    return found


async def set_agreed(connection: Connection, campaign_id: str, plan_hash: str | None, *, approved: bool) -> None:
    """What the gate before each submission reads: whether everybody has agreed, and to what."""
    await connection.execute(
        "UPDATE campaigns SET plan_hash = $2, approved = $3 WHERE campaign_id = $1", campaign_id, plan_hash, approved
    )
