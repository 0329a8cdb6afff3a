"""
Publishing once: the intents that make a repeat impossible.

An intent is written before the call that it stands for. `intended` means not called; `called` means that the answer is
not known yet. A unique index keeps a target from ever having two intents that are open or have succeeded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store import audit
from store.database import Connection, Database
from store.publishing import CANDIDATE, Candidate, set_state


class Intent(Contract):
    """One open intent and where its evidence would be found."""

    token: str
    row_id: str
    advertiser_id: str
    adgroup_id: str
    called_at: datetime | None
    contradicted: bool
    """TikTok said that it made the ad, and does not list it"""


class UnknownTarget(Contract):
    """A target whose outcome is unknown, with the intent that a verdict would decide."""

    token: str
    advertiser_id: str
    adgroup_id: str
    identity_id: str | None
    """of its account in the ad account, also after the link has ended"""
    wave: int
    shard: int


class Stray(Contract):
    """An ad that carries the token of an intent which was decided without it."""

    token: str
    row_id: str
    ad_id: str
    has_another: bool
    """whether its target has an ad, or may be getting one"""
    withdrawn: bool
    """whether its target was taken down"""


class Submitted(Contract):
    """An ad whose review is not decided."""

    row_id: str
    advertiser_id: str
    adgroup_id: str
    ad_id: str
    known_seconds: float
    """since it is on record, by the database's clock"""
    approved_seconds: float | None = None
    """since TikTok was first seen to have approved it; None: it was not"""


_LINE = 400
"""Characters within which the last ad of an audit line begins: no ad then ends beyond the 500 that a line may have."""


class Page(Contract):
    """Ready rows that one call may make ads of: of one ad group, in the order of the manifest."""

    ad_group: int
    row_ids: tuple[str, ...]


_PREPARED = """targets t JOIN ad_groups g ON g.id = t.ad_group AND g.adgroup_id IS NOT NULL
    WHERE t.campaign_id = $1 AND t.wave = $2 AND t.shard = $3 AND t.state = 'ready'"""


async def ready_pages(db: Database, campaign_id: str, wave: int, shard: int, size: int) -> list[Page]:
    """
    The ready targets of a shard, up to `size` to a page, ad group after ad group. Nothing is claimed by it.

    None whose ad group TikTok has not made yet: what an ad needs is brought along beside the waves that are due.
    """
    rows = await db.fetch(
        f"""SELECT ad_group, array_agg(row_id ORDER BY row_number) AS row_ids FROM {_PREPARED}
            GROUP BY ad_group ORDER BY ad_group""",
        campaign_id,
        wave,
        shard,
    )
    return [
        Page(ad_group=row["ad_group"], row_ids=row["row_ids"][first : first + size])
        for row in rows
        for first in range(0, len(row["row_ids"]), size)
    ]


async def ready_rows(db: Database, campaign_id: str, wave: int, shard: int) -> int:
    """How many targets of a shard `ready_pages` would give."""
    count: int = await db.fetchval(f"SELECT count(*) FROM {_PREPARED}", campaign_id, wave, shard)
    return count


_CLAIM = (  # constants only: every value is a parameter
    """
    WITH batch AS (
        SELECT t.row_id, one.token, g.adgroup_id FROM unnest($5::text[], $6::text[]) AS one (row_id, token)
        JOIN targets t ON t.campaign_id = $1 AND t.row_id = one.row_id JOIN campaigns c ON c.campaign_id = $1
        JOIN ad_groups g ON g.id = t.ad_group AND g.adgroup_id IS NOT NULL
        WHERE t.wave = $2 AND t.shard = $3 AND t.ad_group = $4 AND t.state = 'ready'
          AND t.due_at <= clock_timestamp() AND NOT c.paused AND NOT c.cancelled AND c.approved
          AND t.tier <= c.open_tier FOR UPDATE OF t SKIP LOCKED),
    intended AS (
        INSERT INTO intents (token, campaign_id, row_id, batch, adgroup_id, state)
        SELECT token, $1, row_id, $7, adgroup_id, 'intended' FROM batch),
    submitting AS (
        UPDATE targets t SET state = 'submitting', reason = '' FROM batch
        WHERE t.campaign_id = $1 AND t.row_id = batch.row_id)
    """
    + CANDIDATE
    + "JOIN batch USING (row_id) WHERE t.campaign_id = $1 ORDER BY t.row_number"
)


async def claim(
    db: Database, campaign_id: str, wave: int, shard: int, ad_group: int, tokens: Mapping[str, str], *, batch: str
) -> list[Candidate]:
    """
    Write the intents of ready targets, `{row_id: token}`, as far as they may be submitted now.

    None of a campaign that is paused, cancelled or not approved, none of a tier whose turn has not come, none that has
    left the shard or the ad group, and none before its instant by the database's own clock: the embargo is a floor in
    the store, whatever a workflow, a retry or a signal may believe. What the store can't know of is for the caller to
    ask, before it calls for any of them: until then an intent lets nothing happen.

    Returns:
        The targets that are submitting now.

    Raises:
        UniqueViolationError: a target has a live intent.
    """
    rows = await db.fetch(_CLAIM, campaign_id, wave, shard, ad_group, list(tokens), list(tokens.values()), batch)
    return [Candidate(**row) for row in rows]


async def seconds_until_due(db: Database, campaign_id: str, wave: int, shard: int) -> float:
    """How long until the first ready target of a shard is due, by the database's own clock; at most 0 if one is."""
    seconds: float = await db.fetchval(
        """SELECT coalesce(extract(epoch FROM min(due_at) - clock_timestamp()), 0)::float8 FROM targets
           WHERE campaign_id = $1 AND wave = $2 AND shard = $3 AND state = 'ready'""",
        campaign_id,
        wave,
        shard,
    )
    return seconds


async def mark_called(db: Database, tokens: Sequence[str]) -> bool:
    """
    Claim the right to call for these intents, at the last moment before the call.

    False if any of them is not ours to call for any more, or if a gate has closed since the intent was written: the
    campaign was paused or cancelled, the row was taken down, its rights or an authorization have ended, or a link was
    removed.
    """
    status = await db.fetchval(
        """WITH mine AS (
               SELECT i.token FROM intents i
               JOIN targets t USING (campaign_id, row_id) JOIN campaigns c USING (campaign_id)
               JOIN authorizations a ON a.bc_id = t.bc_id AND a.asset_id = t.asset_id AND a.stage = 'active'
               JOIN links l ON l.authorization_id = a.id AND l.advertiser_id = t.advertiser_id AND l.ended_at IS NULL
               WHERE i.token = ANY($1) AND i.state = 'intended' AND NOT c.paused AND NOT c.cancelled AND c.approved
                 AND NOT t.withdrawn AND coalesce(clock_timestamp() < t.rights_until, true) FOR UPDATE OF i),
                called AS (UPDATE intents SET state = 'called', called_at = clock_timestamp()
                           WHERE token IN (SELECT token FROM mine)
                             AND (SELECT count(*) FROM mine) = cardinality($1::text[]) RETURNING 1)
           SELECT count(*) FROM called""",
        list(tokens),
    )
    return bool(status == len(tokens))


async def mark_not_called(db: Database, tokens: Sequence[str]) -> None:
    """The call was not made, or TikTok said that nothing happened: the intents may be called for again."""
    await db.execute(
        "UPDATE intents SET state = 'intended', called_at = NULL WHERE token = ANY($1) AND state = 'called'",
        list(tokens),
    )


async def mark_contradicted(db: Database, tokens: Sequence[str]) -> None:
    """TikTok said that it made these ads, and does not list them: that none is listed is no evidence for them."""
    await db.execute("UPDATE intents SET contradicted = true WHERE token = ANY($1)", list(tokens))


_PUBLISHED = """
    WITH ads AS (SELECT token, ad_id, made_at::timestamptz
                 FROM unnest($1::text[], $2::text[], $3::text[]) AS one (token, ad_id, made_at)),
         decided AS (
             UPDATE intents i SET state = 'published', decided_at = now(), ad_id = ads.ad_id FROM ads
             WHERE i.token = ads.token AND i.decided_at IS NULL
             RETURNING i.token, i.campaign_id, i.row_id, ads.ad_id, ads.made_at),
         published AS (
             UPDATE targets t SET state = $4, reason = '', waits_for = '', waits_since = NULL, waits_told = false,
                    ad_id = d.ad_id, submitted_at = d.made_at FROM decided d
             WHERE t.campaign_id = d.campaign_id AND t.row_id = d.row_id RETURNING d.token, d.row_id, d.ad_id)
"""


def _of_ads(ads: Mapping[str, tuple[str, datetime]]) -> tuple[list[str], list[str], list[str], str]:
    """What `_PUBLISHED` takes. Instants as text: what an array of them is, each connection would first have to ask."""
    ad_ids, made_at = zip(*ads.values(), strict=True)
    return list(ads), list(ad_ids), [moment.isoformat() for moment in made_at], TargetState.IN_REVIEW


async def record_published(connection: Connection, ads: Mapping[str, tuple[str, datetime]]) -> list[str]:
    """Record ads that exist, `{token: (ad_id, created_at)}`; returns the tokens for which that is news."""
    if not ads:
        return []
    rows = await connection.fetch(_PUBLISHED + "SELECT token FROM published", *_of_ads(ads))
    return [row["token"] for row in rows]


async def record_made(
    db: Database, ads: Mapping[str, tuple[str, datetime]], *, bc_id: str, adgroup_id: str, run: audit.Run
) -> int:
    """
    Record ads that a call has made, as `record_published` does, with their lines in the audit trail.

    One statement: the trail of the Business Center, which all its releases wait for, is held while PostgreSQL works,
    and not until this process has come round to its commit.

    Returns:
        For how many that is news.
    """
    if not ads:
        return 0
    news: int = await db.fetchval(
        _PUBLISHED
        + """,
         told AS (SELECT row_id || ': ' || ad_id AS text, ad_id FROM published),
         placed AS (SELECT text, ad_id, sum(length(text) + 2) OVER (ORDER BY ad_id) - length(text) AS begins FROM told),
         lines AS (
             INSERT INTO audit (bc_id, actor, action, subject, reason, workflow_id, run_id)
             SELECT $5, $6, 'ads made', $7, string_agg(text, ', ' ORDER BY ad_id), $8, $9
             FROM placed GROUP BY begins / $10)
         SELECT count(*) FROM published""",
        *_of_ads(ads),
        bc_id,
        audit.SYSTEM,
        f"ad group {adgroup_id}",
        run.workflow_id,
        run.run_id,
        _LINE,
    )
    return news


async def record_refused(connection: Connection, token: str, reason: str) -> bool:
    """Record that TikTok refused one target, in its own words; False if something else was decided before."""
    return await _decide(connection, token, "refused", TargetState.REFUSED, reason)


async def record_barred(connection: Connection, token: str, state: TargetState, reason: str) -> bool:
    """Record that a gate bars a target that was not called for; False if something else was decided before."""
    return await _decide(connection, token, "absent", state, reason)


async def _decide(connection: Connection, token: str, decision: str, state: TargetState, reason: str) -> bool:
    row = await connection.fetchrow(
        """UPDATE intents SET state = $3, decided_at = now(), detail = $2
           WHERE token = $1 AND state IN ('intended', 'called') RETURNING campaign_id, row_id""",
        token,
        reason[:500],
        decision,
    )
    if row is not None:
        await set_state(connection, row["campaign_id"], [(row["row_id"], state, reason)])
    return row is not None


async def record_absent(connection: Connection, tokens: Sequence[str], detail: str) -> list[str]:
    """Nothing came of these intents, by evidence: their targets are ready again. Returns the tokens it is news for."""
    rows = await connection.fetch(
        """WITH decided AS (UPDATE intents SET state = 'absent', decided_at = now(), detail = $2
                            WHERE token = ANY($1) AND state IN ('intended', 'called')
                            RETURNING token, campaign_id, row_id)
           UPDATE targets t SET state = CASE WHEN c.cancelled OR t.withdrawn THEN $4 ELSE $3 END,
                                reason = CASE WHEN t.withdrawn THEN 'taken down before it was published'
                                              WHEN c.cancelled THEN 'cancelled before it was published' ELSE '' END
           FROM decided d JOIN campaigns c USING (campaign_id)
           WHERE t.campaign_id = d.campaign_id AND t.row_id = d.row_id RETURNING d.token""",
        list(tokens),
        detail[:500],
        TargetState.READY,
        TargetState.CANCELLED,
    )
    return [row["token"] for row in rows]


async def mark_unknown(db: Database, campaign_id: str, row_ids: Sequence[str], reason: str) -> None:
    """The answer was lost and no evidence is found yet."""
    await db.execute(
        "UPDATE targets SET state = $3, reason = $4 WHERE campaign_id = $1 AND row_id = ANY($2) AND state = ANY($5)",
        campaign_id,
        list(row_ids),
        TargetState.UNKNOWN,
        reason[:500],
        [TargetState.SUBMITTING, TargetState.UNKNOWN],
    )


async def open_intents(db: Database, campaign_id: str, wave: int, shard: int) -> list[Intent]:
    """Intents of a shard that are not decided."""
    rows = await db.fetch(
        """SELECT i.token, i.row_id, t.advertiser_id, coalesce(i.adgroup_id, g.adgroup_id) AS adgroup_id, i.called_at,
                  i.contradicted
           FROM intents i JOIN targets t USING (campaign_id, row_id) LEFT JOIN ad_groups g ON g.id = t.ad_group
           WHERE i.campaign_id = $1 AND t.wave = $2 AND t.shard = $3 AND i.state IN ('intended', 'called')
           ORDER BY i.token""",
        campaign_id,
        wave,
        shard,
    )
    return [Intent(**row) for row in rows]


async def unknown_target(db: Database, campaign_id: str, row_id: str) -> UnknownTarget | None:
    """A target whose outcome is unknown; None for every other."""
    row = await db.fetchrow(
        """SELECT i.token, t.advertiser_id, coalesce(i.adgroup_id, g.adgroup_id) AS adgroup_id, t.wave, t.shard,
                  (SELECT l.identity_id FROM links l JOIN authorizations a ON a.id = l.authorization_id
                   WHERE a.bc_id = t.bc_id AND a.asset_id = t.asset_id AND l.advertiser_id = t.advertiser_id
                   ORDER BY l.linked_at DESC LIMIT 1) AS identity_id
           FROM targets t JOIN intents i USING (campaign_id, row_id) LEFT JOIN ad_groups g ON g.id = t.ad_group
           WHERE t.campaign_id = $1 AND t.row_id = $2 AND t.state = $3 AND i.state = 'called'""",
        campaign_id,
        row_id,
        TargetState.UNKNOWN,
    )
    return None if row is None else UnknownTarget(**row)


async def row_of_ad(db: Database, adgroup_id: str, ad_id: str) -> str | None:
    """Which target an ad of an ad group at TikTok is on record for, as `campaign/row`."""
    found: str | None = await db.fetchval(
        """SELECT t.campaign_id || '/' || t.row_id FROM ad_groups g
           JOIN targets t ON t.campaign_id = g.campaign_id AND t.ad_group = g.id
           WHERE g.adgroup_id = $1 AND t.ad_id = $2""",
        adgroup_id,
        ad_id,
    )
    return found


async def strays(db: Database, ads: Mapping[str, str]) -> list[Stray]:
    """Which of these ads, `{token: ad_id}`, nobody counts on: their intents were decided without them."""
    rows = await db.fetch(
        """SELECT i.token, i.row_id, ads.ad_id,
                  EXISTS (SELECT FROM intents other WHERE other.campaign_id = i.campaign_id AND other.row_id = i.row_id
                          AND other.live) AS has_another, t.withdrawn
           FROM intents i JOIN unnest($1::text[], $2::text[]) AS ads (token, ad_id) USING (token)
           JOIN targets t USING (campaign_id, row_id)
           WHERE i.state IN ('absent', 'refused') ORDER BY i.token""",
        list(ads),
        list(ads.values()),
    )
    return [Stray(**row) for row in rows]


async def adopt(connection: Connection, token: str) -> bool:
    """Open a decided intent again, because its ad was found after all; False if its target has another by now."""
    status = await connection.execute(
        """UPDATE intents i SET state = 'called', decided_at = NULL
           WHERE token = $1 AND state IN ('absent', 'refused') AND NOT EXISTS (
               SELECT FROM intents other WHERE other.campaign_id = i.campaign_id AND other.row_id = i.row_id
                   AND other.live)""",
        token,
    )
    return status == "UPDATE 1"


async def in_review(db: Database, campaign_id: str, wave: int, shard: int) -> list[Submitted]:
    """Ads of a shard whose review is not decided."""
    rows = await db.fetch(
        """SELECT t.row_id, t.advertiser_id, g.adgroup_id, t.ad_id,
                  extract(epoch FROM clock_timestamp() - (
                      SELECT decided_at FROM intents i WHERE i.campaign_id = t.campaign_id AND i.row_id = t.row_id
                      AND i.state = 'published'))::float8 AS known_seconds,
                  extract(epoch FROM clock_timestamp() - t.approved_at)::float8 AS approved_seconds
           FROM targets t JOIN ad_groups g ON g.id = t.ad_group
           WHERE t.campaign_id = $1 AND t.wave = $2 AND t.shard = $3 AND t.state = $4 ORDER BY t.row_number""",
        campaign_id,
        wave,
        shard,
        TargetState.IN_REVIEW,
    )
    return [Submitted(**row) for row in rows]


async def note_approved(db: Database, campaign_id: str, row_ids: Sequence[str]) -> None:
    """Keep since when the ads of these targets are approved: their posts are awaited."""
    await db.execute(
        """UPDATE targets SET approved_at = clock_timestamp()
           WHERE campaign_id = $1 AND row_id = ANY($2) AND approved_at IS NULL""",
        campaign_id,
        list(row_ids),
    )


async def confirm(
    connection: Connection, campaign_id: str, decided: Sequence[tuple[str, TargetState, str | None, str]]
) -> list[str]:
    """Record what the review decided, each `(row_id, state, item_id, reason)`; returns the rows that it is news for."""
    if not decided:
        return []
    row_ids, states, item_ids, reasons = zip(*decided, strict=True)
    # Rows are in review for seconds, and PostgreSQL's idea of how many there are is older than that. It would take one
    # row for granted, and compare every row of the campaign with each of these: `coalesce` keeps it from guessing.
    rows = await connection.fetch(
        """UPDATE targets t SET state = one.state, item_id = one.item_id, reason = one.reason,
                                confirmed_at = clock_timestamp(), waits_for = '', waits_since = NULL
           FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS one (row_id, state, item_id, reason)
           WHERE t.campaign_id = $1 AND t.row_id = one.row_id AND coalesce(t.state = $6, false) RETURNING t.row_id""",
        campaign_id,
        row_ids,
        states,
        item_ids,
        [reason[:500] for reason in reasons],
        TargetState.IN_REVIEW,
    )
    return [row["row_id"] for row in rows]
