"""
What targets wait for that is neither their instant nor TikTok's review, and that people are told of.

A target that is at its end waits for nothing: whoever moves it there need not take this back.
"""

from collections.abc import Sequence
from datetime import timedelta

from sparkads.contracts.release import Wait
from store.database import Connection, Database
from store.releases import NAMED, WAITS

SHOWN = 20
"""Different reasons that are shown of one campaign, those of most rows first."""

_MAY_WAIT = "t.state IN ('waiting', 'ready', 'in_review')"


async def say(
    connection: Connection, campaign_id: str, reasons: Sequence[tuple[str, str]], *, patience: timedelta
) -> list[tuple[str, str]]:
    """
    Keep what targets wait for, each `(row_id, reason)`; returns those of which people have to be told now.

    People are told once of a wait, and only when it has lasted for `patience`: what passes by itself is no news.
    """
    if not reasons:
        return []
    row_ids, texts = zip(*reasons, strict=True)
    rows = await connection.fetch(
        f"""WITH before AS (
                SELECT t.row_id, one.reason, CASE WHEN t.waits_for = '' THEN clock_timestamp() ELSE t.waits_since END
                           AS since, t.waits_for <> '' AND t.waits_told AS told
                FROM targets t JOIN unnest($2::text[], $3::text[]) AS one (row_id, reason) USING (row_id)
                WHERE t.campaign_id = $1 AND {_MAY_WAIT} FOR UPDATE OF t)
            UPDATE targets t SET waits_for = b.reason, waits_since = b.since,
                   waits_told = b.told OR b.since <= clock_timestamp() - $4::interval
            FROM before b WHERE t.campaign_id = $1 AND t.row_id = b.row_id
              AND (t.waits_for <> b.reason OR NOT b.told)
            RETURNING t.row_id, t.waits_for, t.waits_told AND NOT b.told AS is_news, t.row_number""",
        campaign_id,
        row_ids,
        [text[:500] for text in texts],
        patience,
    )
    news = sorted((row for row in rows if row["is_news"]), key=lambda row: row["row_number"])
    return [(row["row_id"], row["waits_for"]) for row in news]


async def over(connection: Connection, campaign_id: str, row_ids: Sequence[str]) -> None:
    """These targets wait for nothing of the kind any more."""
    await connection.execute(
        """UPDATE targets SET waits_for = '', waits_since = NULL, waits_told = false
           WHERE campaign_id = $1 AND row_id = ANY($2) AND waits_for <> ''""",
        campaign_id,
        list(row_ids),
    )


async def of_campaign(db: Database, campaign_id: str) -> list[Wait]:
    """What the targets of a campaign wait for."""
    rows = await db.fetch(
        f"""SELECT t.waits_for AS reason, count(*) AS rows, min(t.waits_since) AS since,
                   (array_agg(t.row_id ORDER BY t.row_number))[1:{NAMED}] AS row_ids
            FROM targets t WHERE t.campaign_id = $1 AND {WAITS}
            GROUP BY t.waits_for ORDER BY count(*) DESC, 1 LIMIT {SHOWN}""",
        campaign_id,
    )
    return [Wait(**row) for row in rows]
