"""Rows that go through all gates again, because a person said so."""

from collections.abc import Sequence

from sparkads.contracts.base import Contract
from sparkads.contracts.release import Selection, TargetState
from store.database import Connection, Database
from store.selection import selected

RETRIED = [TargetState.REFUSED, TargetState.BLOCKED, TargetState.FROZEN]
"""Rows of which nothing exists at TikTok, and that wait for nobody."""


class CalledOnce(Contract):
    """A call for a row that counts as having made nothing, and where its ad would be found if it had."""

    row_id: str
    advertiser_id: str
    adgroup_id: str


class RowLeft(Contract):
    """A row of a selection that was not taken."""

    row_id: str
    state: TargetState
    ad_id: str | None


async def called_once(db: Database, campaign_id: str, selection: Selection) -> list[CalledOnce]:
    """Of the rows that may be tried again: every ad group in which a call was made for them."""
    chosen = selected(selection, first=3)
    rows = await db.fetch(
        f"""SELECT DISTINCT t.row_id, t.advertiser_id, i.adgroup_id
            FROM targets t JOIN intents i USING (campaign_id, row_id)
            WHERE campaign_id = $1 AND t.state = ANY($2) AND {chosen.sql} AND i.state IN ('refused', 'absent')
              AND i.adgroup_id IS NOT NULL ORDER BY 2, 3, 1""",
        campaign_id,
        RETRIED,
        *chosen.values,
    )
    return [CalledOnce(**row) for row in rows]


async def take(
    connection: Connection, campaign_id: str, selection: Selection, *, leave_out: Sequence[str] = ()
) -> list[str]:
    """
    Let what failed or was blocked wait for its gates again, as soon as possible where its instant is past.

    Its instant stays as it is, and with it the floor below which nothing goes out. Its account and its ad group are
    looked for anew. A row with an intent that may still come to an ad is never taken.
    """
    chosen = selected(selection, first=5)
    rows = await connection.fetch(
        f"""UPDATE targets t SET state = $2, reason = '', waits_for = '', waits_told = false, withdrawn = false,
                ad_group = NULL, asset_id = NULL, asap = asap OR due_at <= clock_timestamp(),
                handle = coalesce((SELECT a.handle FROM accounts a
                                   WHERE a.bc_id = t.bc_id AND a.asset_id = t.asset_id AND a.handle <> ''), t.handle)
            WHERE campaign_id = $1 AND state = ANY($3) AND row_id <> ALL($4) AND {chosen.sql}
              AND NOT EXISTS (SELECT FROM intents i WHERE i.campaign_id = t.campaign_id AND i.row_id = t.row_id
                              AND i.live)
            RETURNING row_id, row_number""",
        campaign_id,
        TargetState.WAITING,
        RETRIED,
        list(leave_out),
        *chosen.values,
    )
    if rows:
        await connection.execute("UPDATE campaigns SET finished_at = NULL WHERE campaign_id = $1", campaign_id)
    return [row["row_id"] for row in sorted(rows, key=lambda row: row["row_number"])]


async def left_out(db: Database, campaign_id: str, selection: Selection, taken: Sequence[str]) -> list[RowLeft]:
    """The rows of a selection that were not taken, in the order of the manifest."""
    chosen = selected(selection, first=3)
    rows = await db.fetch(
        f"""SELECT row_id, state, ad_id FROM targets t
            WHERE campaign_id = $1 AND row_id <> ALL($2) AND {chosen.sql} ORDER BY row_number""",
        campaign_id,
        list(taken),
        *chosen.values,
    )
    return [RowLeft(**row) for row in rows]


async def missing(db: Database, campaign_id: str, row_ids: Sequence[str]) -> list[str]:
    """Which of these rows a campaign does not have."""
    rows = await db.fetch(
        """SELECT row_id FROM unnest($2::text[]) WITH ORDINALITY AS one (row_id, place)
           WHERE NOT EXISTS (SELECT FROM targets t WHERE t.campaign_id = $1 AND t.row_id = one.row_id)
           ORDER BY place""",
        campaign_id,
        list(dict.fromkeys(row_ids)),
    )
    return [row["row_id"] for row in rows]
