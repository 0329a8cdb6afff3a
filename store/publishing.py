"""
Publishing once: TikTok campaigns, ad groups, and the intents that make a repeat impossible.

An intent is written before the call that it stands for. `intended` means not called; `called` means that the answer is
not known yet. A unique index keeps a target from ever having two intents that are open or have succeeded.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store.database import Connection, Database


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
    adgroup_id: str | None = None
    video_id: str | None = None
    cover_id: str | None = None
    pull_item_id: str | None
    ad_format: str = "SINGLE_VIDEO"
    caption: str
    landing_url: str
    call_to_action: str


class Intent(Contract):
    """One open intent and where its evidence would be found."""

    token: str
    row_id: str
    advertiser_id: str
    adgroup_id: str
    called_at: datetime | None
    state: str


class AdGroup(Contract):
    """An ad group of ours; `adgroup_id` is None until TikTok has made it."""

    id: int
    advertiser_id: str
    location_id: str
    daily_budget: Decimal
    name: str
    starts_at: datetime
    adgroup_id: str | None


class Submitted(Contract):
    """An ad whose review is not decided."""

    row_id: str
    mode: str
    advertiser_id: str
    adgroup_id: str
    ad_id: str
    pull_item_id: str | None


_CANDIDATE = """
    SELECT t.row_id, t.mode, t.handle, a.asset_id, a.id IS NOT NULL AS authorized, t.advertiser_id,
           l.identity_id, coalesce(l.can_push, false) AS can_push, coalesce(l.can_pull, false) AS can_pull,
           coalesce(l.ads_only, false) AS ads_only, coalesce(l.problem, '') AS problem, t.visibility, t.due_at,
           g.adgroup_id, m.video_id, coalesce(i.image_id, m.cover_id) AS cover_id, t.pull_item_id, t.ad_format,
           t.caption, t.landing_url, t.call_to_action
    FROM targets t
    LEFT JOIN accounts ON accounts.bc_id = t.bc_id
        AND CASE WHEN t.asset_id IS NULL THEN accounts.handle = t.handle ELSE accounts.asset_id = t.asset_id END
    LEFT JOIN authorizations a ON a.bc_id = t.bc_id AND a.asset_id = accounts.asset_id AND a.stage = 'active'
    LEFT JOIN links l ON l.authorization_id = a.id AND l.advertiser_id = t.advertiser_id AND l.ended_at IS NULL
    LEFT JOIN ad_groups g ON g.id = t.ad_group
    LEFT JOIN media m ON m.advertiser_id = t.advertiser_id AND m.sha256 = t.video_sha256
    LEFT JOIN images i ON i.advertiser_id = t.advertiser_id AND i.sha256 = t.cover_sha256
"""


_LOCK_BATCH = (  # constants only: every value is a parameter
    """
    WITH batch AS (
        SELECT t.row_id FROM targets t JOIN campaigns c USING (campaign_id)
        WHERE t.campaign_id = $1 AND t.wave = $2 AND t.shard = $3 AND t.state = 'ready'
          AND t.due_at <= clock_timestamp() AND NOT c.paused AND NOT c.cancelled
          AND t.ad_group = (SELECT ad_group FROM targets
                            WHERE campaign_id = $1 AND wave = $2 AND shard = $3 AND state = 'ready'
                            ORDER BY ad_group LIMIT 1)
        ORDER BY t.row_number LIMIT $4 FOR UPDATE OF t SKIP LOCKED)
    """
    + _CANDIDATE
    + "WHERE t.campaign_id = $1 AND t.row_id IN (SELECT row_id FROM batch) ORDER BY t.row_number"
)


async def waiting_candidates(db: Database, campaign_id: str) -> list[Candidate]:
    """All waiting targets of a campaign with the facts that their gate needs."""
    rows = await db.fetch(
        _CANDIDATE + "WHERE t.campaign_id = $1 AND t.state = 'waiting' ORDER BY t.row_number", campaign_id
    )
    return [Candidate(**row) for row in rows]


async def set_ready(connection: Connection, campaign_id: str, ready: Sequence[Candidate]) -> None:
    """Both keys are there: the targets wait for their instant, bound to the account as it is now."""
    await connection.executemany(
        """UPDATE targets SET state = $3, asset_id = $4, reason = ''
           WHERE campaign_id = $1 AND row_id = $2 AND state = 'waiting'""",
        [(campaign_id, candidate.row_id, TargetState.READY, candidate.asset_id) for candidate in ready],
    )


async def block_waiting(connection: Connection, campaign_id: str, reasons: Sequence[tuple[str, str]]) -> None:
    """Block targets that still wait, each `(row_id, reason)`; one that was frozen in the meantime stays frozen."""
    await connection.executemany(
        "UPDATE targets SET state = $3, reason = $4 WHERE campaign_id = $1 AND row_id = $2 AND state = 'waiting'",
        [(campaign_id, row_id, TargetState.BLOCKED, reason[:500]) for row_id, reason in reasons],
    )


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


async def plan_ad_groups(connection: Connection, campaign_id: str, advertiser_id: str, capacity: int) -> None:
    """
    Lay the ready targets of an ad account out in ad groups: one place, one budget and one instant each.

    Names are made from what the group is for, so that a group which was made before an answer was lost is found again.
    """
    rows = await connection.fetch(
        """SELECT row_id, location_id, daily_budget, wave, due_at FROM targets
           WHERE campaign_id = $1 AND advertiser_id = $2 AND state = 'ready' AND ad_group IS NULL
           ORDER BY wave, location_id, daily_budget, row_number FOR UPDATE""",
        campaign_id,
        advertiser_id,
    )
    groups: dict[tuple[str, Decimal, int, datetime], list[str]] = {}
    for row in rows:
        key = (row["location_id"], row["daily_budget"], row["wave"], row["due_at"])
        groups.setdefault(key, []).append(row["row_id"])
    for (location_id, daily_budget, wave, due_at), row_ids in groups.items():
        for start in range(0, len(row_ids), capacity):
            number: int = await connection.fetchval(
                "SELECT count(*) + 1 FROM ad_groups WHERE campaign_id = $1 AND advertiser_id = $2",
                campaign_id,
                advertiser_id,
            )
            group_id = await connection.fetchval(
                """INSERT INTO ad_groups
                       (campaign_id, advertiser_id, location_id, daily_budget, number, name, starts_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id""",
                campaign_id,
                advertiser_id,
                location_id,
                daily_budget,
                number,
                f"sparkads {campaign_id} wave {wave} group {number}",
                due_at,
            )
            await connection.execute(
                "UPDATE targets SET ad_group = $3 WHERE campaign_id = $1 AND row_id = ANY($2)",
                campaign_id,
                row_ids[start : start + capacity],
                group_id,
            )


async def ad_groups_to_make(db: Database, campaign_id: str, advertiser_id: str) -> list[AdGroup]:
    """Planned ad groups that TikTok has not made yet."""
    rows = await db.fetch(
        """SELECT id, advertiser_id, location_id, daily_budget, name, starts_at, adgroup_id FROM ad_groups
           WHERE campaign_id = $1 AND advertiser_id = $2 AND adgroup_id IS NULL ORDER BY id""",
        campaign_id,
        advertiser_id,
    )
    return [AdGroup(**row) for row in rows]


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


async def lock_batch(connection: Connection, campaign_id: str, wave: int, shard: int, size: int) -> list[Candidate]:
    """
    Up to `size` ready targets of one ad group of a shard, locked until the transaction ends.

    None of a campaign that is paused or cancelled, and none before its instant by the database's own clock: the
    embargo is a floor in the store, whatever a workflow, a retry or a signal may believe.
    """
    rows = await connection.fetch(_LOCK_BATCH, campaign_id, wave, shard, size)
    return [Candidate(**row) for row in rows]


async def intend(connection: Connection, campaign_id: str, batch: str, tokens: dict[str, str]) -> None:
    """Write the intents of a batch, `{row_id: token}`. Raises UniqueViolationError if a target has a live one."""
    await connection.executemany(
        "INSERT INTO intents (token, campaign_id, row_id, batch, state) VALUES ($1, $2, $3, $4, 'intended')",
        [(token, campaign_id, row_id, batch) for row_id, token in tokens.items()],
    )
    await connection.execute(
        "UPDATE targets SET state = $3, reason = '' WHERE campaign_id = $1 AND row_id = ANY($2)",
        campaign_id,
        list(tokens),
        TargetState.SUBMITTING,
    )


async def mark_called(db: Database, tokens: Sequence[str]) -> bool:
    """Claim the right to call for these intents; False if any of them is not ours to call for any more."""
    status = await db.fetchval(
        """WITH mine AS (SELECT token FROM intents WHERE token = ANY($1) AND state = 'intended' FOR UPDATE),
                called AS (UPDATE intents SET state = 'called', called_at = clock_timestamp()
                           WHERE token IN (SELECT token FROM mine)
                             AND (SELECT count(*) FROM mine) = cardinality($1::text[]) RETURNING 1)
           SELECT count(*) FROM called""",
        list(tokens),
    )
    return bool(status == len(tokens))


async def mark_not_called(db: Database, tokens: Sequence[str]) -> None:
    """TikTok said that nothing happened: the intents may be called for again."""
    await db.execute(
        "UPDATE intents SET state = 'intended', called_at = NULL WHERE token = ANY($1) AND state = 'called'",
        list(tokens),
    )


async def record_published(connection: Connection, ads: dict[str, tuple[str, datetime]]) -> int:
    """Record ads that exist, `{token: (ad_id, created_at)}`; returns how many were news."""
    news = 0
    for token, (ad_id, created_at) in ads.items():
        row = await connection.fetchrow(
            """UPDATE intents SET state = 'published', decided_at = now(), ad_id = $2
               WHERE token = $1 AND state IN ('intended', 'called') RETURNING campaign_id, row_id""",
            token,
            ad_id,
        )
        if row is None:
            continue
        news += 1
        await connection.execute(
            """UPDATE targets SET state = $3, reason = '', ad_id = $4, submitted_at = $5
               WHERE campaign_id = $1 AND row_id = $2""",
            row["campaign_id"],
            row["row_id"],
            TargetState.IN_REVIEW,
            ad_id,
            created_at,
        )
    return news


async def record_refused(connection: Connection, token: str, reason: str) -> None:
    """Record that TikTok refused one target, in its own words."""
    row = await connection.fetchrow(
        """UPDATE intents SET state = 'refused', decided_at = now(), detail = $2
           WHERE token = $1 AND state IN ('intended', 'called') RETURNING campaign_id, row_id""",
        token,
        reason[:500],
    )
    if row is not None:
        await set_state(connection, row["campaign_id"], [(row["row_id"], TargetState.REFUSED, reason)])


async def record_absent(connection: Connection, tokens: Sequence[str], detail: str) -> None:
    """Nothing came of these intents, by evidence: their targets are ready again."""
    rows = await connection.fetch(
        """UPDATE intents SET state = 'absent', decided_at = now(), detail = $2
           WHERE token = ANY($1) AND state IN ('intended', 'called') RETURNING campaign_id, row_id""",
        list(tokens),
        detail,
    )
    for row in rows:
        await set_state(connection, row["campaign_id"], [(row["row_id"], TargetState.READY, "")])


async def mark_unknown(db: Database, campaign_id: str, row_ids: Sequence[str], reason: str) -> None:
    """The answer was lost and no evidence is found yet."""
    await db.execute(
        "UPDATE targets SET state = $3, reason = $4 WHERE campaign_id = $1 AND row_id = ANY($2) AND state = $5",
        campaign_id,
        list(row_ids),
        TargetState.UNKNOWN,
        reason,
        TargetState.SUBMITTING,
    )


async def open_intents(db: Database, campaign_id: str, wave: int, shard: int) -> list[Intent]:
    """Intents of a shard that are not decided."""
    rows = await db.fetch(
        """SELECT i.token, i.row_id, t.advertiser_id, g.adgroup_id, i.called_at, i.state
           FROM intents i JOIN targets t USING (campaign_id, row_id) JOIN ad_groups g ON g.id = t.ad_group
           WHERE i.campaign_id = $1 AND t.wave = $2 AND t.shard = $3 AND i.state IN ('intended', 'called')
           ORDER BY i.token""",
        campaign_id,
        wave,
        shard,
    )
    return [Intent(**row) for row in rows]


async def in_review(db: Database, campaign_id: str, wave: int, shard: int) -> list[Submitted]:
    """Ads of a shard whose review is not decided."""
    rows = await db.fetch(
        """SELECT t.row_id, t.mode, t.advertiser_id, g.adgroup_id, t.ad_id, t.pull_item_id
           FROM targets t JOIN ad_groups g ON g.id = t.ad_group
           WHERE t.campaign_id = $1 AND t.wave = $2 AND t.shard = $3 AND t.state = 'in_review' ORDER BY t.row_number""",
        campaign_id,
        wave,
        shard,
    )
    return [Submitted(**row) for row in rows]


async def confirm(
    connection: Connection, campaign_id: str, row_id: str, *, state: TargetState, item_id: str | None, reason: str
) -> bool:
    """Record what the review decided; False if something else decided before."""
    status = await connection.execute(
        """UPDATE targets SET state = $3, item_id = $4, reason = $5, confirmed_at = clock_timestamp()
           WHERE campaign_id = $1 AND row_id = $2 AND state = 'in_review'""",
        campaign_id,
        row_id,
        state,
        item_id,
        reason[:500],
    )
    return status == "UPDATE 1"
