"""Release campaigns and their targets."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import asyncpg

from sparkads.contracts.base import Contract
from sparkads.contracts.release import FINAL_STATES, NOT_SUBMITTED, TargetState, TerritoryProgress, Wave
from sparkads.manifest import ManifestRow
from store.database import Connection, Database

NAMED = 10
"""Rows that are named where there may be more."""

WAITS = "(t.waits_for <> '' AND t.state IN ('waiting', 'ready', 'in_review'))"
"""Whether target `t` waits for something that is neither its instant nor TikTok's review (store/waits.py)."""

SHARD_SIZE = 2_000
"""
Targets a shard holds at most. Its history does not grow with them, and each shard costs the server as much as another:
an execution, its tasks, its activities. One that is full is half a minute's work at the highest rate TikTok allows.
"""


class Campaign(Contract):
    """One release campaign on record."""

    campaign_id: str
    bc_id: str
    started_by: str
    operator: str
    manifest_sha256: str
    started_at: datetime
    paused: bool
    cancelled: bool
    open_tier: int = 1
    approved: bool = True
    plan_hash: str | None = None


class WaitingAccount(Contract):
    """An account that rows wait for, and how far it is."""

    handle: str
    asset_id: str | None
    """None: not authorized"""
    advertiser_ids: tuple[str, ...]
    needs_push: bool
    on_profile: bool
    needs_posts: bool
    last_due_at: datetime | None
    """of its rows with a wall time; None if one of them is due as soon as possible"""


class ReportRow(Contract):
    """One target in a report."""

    row_number: int
    row_id: str
    mode: str
    handle: str
    advertiser_id: str
    territory: str
    time_zone: str
    state: TargetState
    reason: str
    wave: int
    due_at: datetime
    submitted_at: datetime | None
    confirmed_at: datetime | None
    ad_id: str | None
    item_id: str | None
    waits: bool = False
    """whether `reason` is what it waits for, beside its instant or TikTok's review"""


async def create(connection: Connection, campaign: Campaign, rows: Sequence[ManifestRow]) -> bool:
    """
    Record a campaign and its targets; False if it is on record already, with the same manifest.

    Waves are the rows of one tier and one instant, numbered in the order in which they go; shards within a wave hold up
    to SHARD_SIZE targets of one ad account, ad group after ad group.

    Raises:
        asyncpg.UniqueViolationError: the campaign id belongs to another manifest.
    """
    known = await get(connection, campaign.campaign_id)
    if known is not None:
        if known.manifest_sha256 != campaign.manifest_sha256:
            raise asyncpg.UniqueViolationError(campaign.campaign_id)
        return False
    await connection.execute(
        """INSERT INTO campaigns (campaign_id, bc_id, started_by, operator, manifest_sha256, started_at, open_tier,
                                  approved, plan_hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        campaign.campaign_id,
        campaign.bc_id,
        campaign.started_by,
        campaign.operator,
        campaign.manifest_sha256,
        campaign.started_at,
        min(row.tier for row in rows),
        campaign.approved,
        campaign.plan_hash,
    )
    due = {row.row_id: row.due_at(campaign.started_at) for row in rows}
    together = sorted({(row.tier, due[row.row_id]) for row in rows})
    wave_of = {one: number for number, one in enumerate(together, start=1)}
    filled: dict[tuple[int, str], int] = {}
    shards: dict[tuple[int, str, int], int] = {}
    per_wave: dict[int, int] = {}
    records = []
    # Filled in the order of ad groups: a call makes ads of one of them and for one shard, so neither cuts up the other.
    for number, row in sorted(enumerate(rows, start=1), key=lambda one: _ad_group(one[1])):
        wave = wave_of[row.tier, due[row.row_id]]
        page = filled.get((wave, row.ad_account), 0) // SHARD_SIZE
        filled[wave, row.ad_account] = filled.get((wave, row.ad_account), 0) + 1
        if (wave, row.ad_account, page) not in shards:
            per_wave[wave] = per_wave.get(wave, 0) + 1
            shards[wave, row.ad_account, page] = per_wave[wave]
        records.append(_record(campaign, number, row, due[row.row_id], wave, shards[wave, row.ad_account, page]))
    await connection.copy_records_to_table("targets", records=records, columns=_COLUMNS)
    return True


def _ad_group(row: ManifestRow) -> tuple[str, str, Decimal, str]:
    """What rows of one ad account, tier and instant have in common that share an ad group."""
    return row.ad_group_id or "", row.location_id, row.daily_budget, str(row.rights_until)


_COLUMNS = (
    "campaign_id row_number row_id mode bc_id handle advertiser_id territory location_id time_zone due_at asap "
    "visibility video_sha256 video_size cover_sha256 cover_size pull_item_id named_adgroup_id caption landing_url "
    "call_to_action daily_budget state tier wave shard rights_from rights_until"
).split()


def _record(
    campaign: Campaign, number: int, row: ManifestRow, due_at: datetime, wave: int, shard: int
) -> tuple[str | int | datetime | Decimal | None, ...]:
    return (
        campaign.campaign_id,
        number,
        row.row_id,
        row.mode,
        campaign.bc_id,
        row.account,
        row.ad_account,
        row.territory,
        row.location_id,
        row.time_zone,
        due_at,
        row.release_at is None,
        row.visibility,
        row.video.sha256 if row.video else None,
        row.video.size if row.video else None,
        row.cover.sha256 if row.cover else None,
        row.cover.size if row.cover else None,
        row.post_id,
        row.ad_group_id,
        row.caption,
        row.landing_url,
        row.call_to_action,
        row.daily_budget,
        TargetState.WAITING,
        row.tier,
        wave,
        shard,
        *row.rights(),
    )


async def count_for_plans(db: Database) -> None:
    """
    Let PostgreSQL look at the tables that a release joins now: by itself it would within a minute.

    Until then it expects them as they were before, and takes four times as much CPU to publish it.
    """
    await db.execute("ANALYZE targets, accounts, authorizations, links")


async def get(db: Database, campaign_id: str) -> Campaign | None:
    """A campaign on record."""
    row = await db.fetchrow("SELECT * FROM campaigns WHERE campaign_id = $1", campaign_id)
    return None if row is None else Campaign(**row)


async def counts(db: Database, campaign_id: str) -> dict[TargetState, int]:
    """How many targets stand where."""
    rows = await db.fetch("SELECT state, count(*) FROM targets WHERE campaign_id = $1 GROUP BY state", campaign_id)
    return {TargetState(row["state"]): row["count"] for row in rows}


async def state_of(db: Database, campaign_id: str, row_id: str) -> TargetState | None:
    """Where one target stands; None if there is none."""
    found = await db.fetchval("SELECT state FROM targets WHERE campaign_id = $1 AND row_id = $2", campaign_id, row_id)
    return None if found is None else TargetState(found)


async def unknown_rows(db: Database, campaign_id: str) -> list[str]:
    """The first targets whose outcome is unknown."""
    rows = await db.fetch(
        "SELECT row_id FROM targets WHERE campaign_id = $1 AND state = $2 ORDER BY row_number LIMIT $3",
        campaign_id,
        TargetState.UNKNOWN,
        NAMED,
    )
    return [row["row_id"] for row in rows]


async def shard_counts(db: Database, campaign_id: str, wave: int, shard: int) -> dict[TargetState, int]:
    """How many targets of a shard stand where."""
    rows = await db.fetch(
        "SELECT state, count(*) FROM targets WHERE campaign_id = $1 AND wave = $2 AND shard = $3 GROUP BY state",
        campaign_id,
        wave,
        shard,
    )
    return {TargetState(row["state"]): row["count"] for row in rows}


async def plan(db: Database, campaign_id: str) -> list[Wave]:
    """
    The waves that still have something to do, earliest first.

    Their shards are those with something to do now: not rows that wait, are held back, or have no ad group at TikTok.
    """
    rows = await db.fetch(
        """SELECT wave AS number, min(tier) AS tier, min(due_at) AS due_at, count(*) AS targets,
                  count(*) FILTER (WHERE state = 'waiting') AS waiting,
                  coalesce(array_agg(DISTINCT shard) FILTER (WHERE state NOT IN ('waiting', 'paused')
                      AND (state <> 'ready' OR g.adgroup_id IS NOT NULL)), '{}') AS shards
           FROM targets t LEFT JOIN ad_groups g ON g.id = t.ad_group
           WHERE t.campaign_id = $1 AND state <> ALL($2) GROUP BY wave ORDER BY min(due_at), wave""",
        campaign_id,
        list(FINAL_STATES),
    )
    return [Wave(**row) for row in rows]


async def territories(db: Database, campaign_id: str) -> list[TerritoryProgress]:
    """How far each territory is, those that are due first in front; the first 100."""
    rows = await db.fetch(
        """SELECT territory, count(*) AS targets, count(*) FILTER (WHERE state = 'published') AS published,
                  count(*) FILTER (WHERE state = ANY($2) AND state <> 'published') AS failed,
                  min(due_at) FILTER (WHERE state = ANY($3)) AS next_due
           FROM targets WHERE campaign_id = $1 GROUP BY territory ORDER BY min(due_at), territory LIMIT 100""",
        campaign_id,
        list(FINAL_STATES),
        list(NOT_SUBMITTED),
    )
    return [TerritoryProgress(**row) for row in rows]


async def waiting_accounts(db: Database, campaign_id: str) -> list[WaitingAccount]:
    """The accounts that rows still wait for: not authorized, or not shared yet."""
    rows = await db.fetch(
        """SELECT t.handle, max(a.asset_id) AS asset_id, array_agg(DISTINCT t.advertiser_id) AS advertiser_ids,
                  bool_or(t.mode = 'push') AS needs_push, bool_or(t.visibility = 'profile') AS on_profile,
                  bool_or(t.mode = 'pull') AS needs_posts,
                  CASE WHEN bool_or(t.asap) THEN NULL ELSE max(t.due_at) END AS last_due_at
           FROM targets t
           LEFT JOIN accounts ON accounts.bc_id = t.bc_id AND accounts.handle = t.handle
           LEFT JOIN authorizations a ON a.bc_id = t.bc_id AND a.asset_id = accounts.asset_id AND a.stage = 'active'
           WHERE t.campaign_id = $1 AND t.state = 'waiting' GROUP BY t.handle ORDER BY t.handle""",
        campaign_id,
    )
    return [
        WaitingAccount(
            handle=row["handle"],
            asset_id=row["asset_id"],
            advertiser_ids=tuple(row["advertiser_ids"]),
            needs_push=row["needs_push"],
            on_profile=bool(row["on_profile"]),
            needs_posts=row["needs_posts"],
            last_due_at=row["last_due_at"],
        )
        for row in rows
    ]


async def campaigns_waiting_for(db: Database, bc_id: str, handle: str) -> list[str]:
    """The campaigns with rows that wait for an account."""
    rows = await db.fetch(
        "SELECT DISTINCT campaign_id FROM targets WHERE bc_id = $1 AND handle = $2 AND state = 'waiting' ORDER BY 1",
        bc_id,
        handle,
    )
    return [row["campaign_id"] for row in rows]


async def pulled_posts(db: Database, bc_id: str, *, published: bool) -> dict[tuple[str, str], list[str]]:
    """By account and ad account, the posts that targets pull; of ads that exist only if `published` are wanted too."""
    states = list(NOT_SUBMITTED)
    if published:
        states += [TargetState.IN_REVIEW, TargetState.PUBLISHED]
    rows = await db.fetch(
        """SELECT a.asset_id, t.advertiser_id, array_agg(DISTINCT t.pull_item_id) AS posts
           FROM targets t JOIN accounts ON accounts.bc_id = t.bc_id
               AND CASE WHEN t.asset_id IS NULL THEN accounts.handle = t.handle ELSE accounts.asset_id = t.asset_id END
           JOIN authorizations a ON a.bc_id = t.bc_id AND a.asset_id = accounts.asset_id AND a.stage = 'active'
           WHERE t.bc_id = $1 AND t.mode = 'pull' AND t.state = ANY($2) GROUP BY 1, 2 ORDER BY 1, 2""",
        bc_id,
        states,
    )
    return {(row["asset_id"], row["advertiser_id"]): row["posts"] for row in rows}


async def note_post(db: Database, bc_id: str, item_id: str, reason: str) -> int:
    """Say at the targets of a post why it can't be used in ads, or that it can; returns for how many that is news."""
    status = await db.execute(
        """UPDATE targets SET reason = $3
           WHERE bc_id = $1 AND pull_item_id = $2 AND reason <> $3 AND state = ANY($4)
             AND ($3 <> '' OR starts_with(reason, 'R13: post '))""",
        bc_id,
        item_id,
        reason[:500],
        [*NOT_SUBMITTED, TargetState.IN_REVIEW, TargetState.PUBLISHED],
    )
    return int(status.rsplit(" ", 1)[-1])


async def block_account(
    connection: Connection, campaign_id: str, handle: str, reason: str, ad_account: str | None
) -> list[str]:
    """Block the waiting rows of an account, or only those that one ad account would pay for; returns them."""
    rows = await connection.fetch(
        """UPDATE targets SET state = $3, reason = $4 WHERE campaign_id = $1 AND handle = $2 AND state = 'waiting'
             AND ($5::text IS NULL OR advertiser_id = $5) RETURNING row_id""",
        campaign_id,
        handle,
        TargetState.BLOCKED,
        reason[:500],
        ad_account,
    )
    return [row["row_id"] for row in rows]


async def block_late(connection: Connection, campaign_id: str, reason: str, *, leave_out: Sequence[str]) -> list[str]:
    """Block the rows whose instant has come while they waited, but for those of some accounts; returns them."""
    rows = await connection.fetch(
        """UPDATE targets SET state = $2, reason = $3
           WHERE campaign_id = $1 AND state = 'waiting' AND NOT asap AND due_at <= clock_timestamp()
             AND handle <> ALL($4) RETURNING row_id""",
        campaign_id,
        TargetState.BLOCKED,
        reason,
        leave_out,
    )
    return [row["row_id"] for row in rows]


async def finish(connection: Connection, campaign_id: str) -> bool:
    """Record that nothing is left to do; False if that was known, or if a retry has brought rows back meanwhile."""
    status = await connection.execute(
        """UPDATE campaigns SET finished_at = now() WHERE campaign_id = $1 AND finished_at IS NULL
           AND NOT EXISTS (SELECT FROM targets t WHERE t.campaign_id = $1 AND t.state <> ALL($2))""",
        campaign_id,
        list(FINAL_STATES),
    )
    return status == "UPDATE 1"


async def set_flags(db: Database, campaign_id: str, *, paused: bool, cancelled: bool) -> None:
    """What the gate before each submission reads."""
    await db.execute(
        "UPDATE campaigns SET paused = $2, cancelled = $3 WHERE campaign_id = $1", campaign_id, paused, cancelled
    )


async def report_rows(db: Database, campaign_id: str) -> list[ReportRow]:
    """All targets in the order of the manifest."""
    rows = await db.fetch(
        f"""SELECT row_number, row_id, mode, handle, advertiser_id, territory, time_zone, state,
                   CASE WHEN {WAITS} THEN waits_for ELSE reason END AS reason, {WAITS} AS waits, wave, due_at,
                   submitted_at, confirmed_at, ad_id, coalesce(item_id, pull_item_id) AS item_id
            FROM targets t WHERE campaign_id = $1 ORDER BY row_number""",
        campaign_id,
    )
    return [ReportRow(**row) for row in rows]
