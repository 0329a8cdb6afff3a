"""Rows that a person takes down: marked first, so that nothing new goes out for them, then cleared of their ads."""

from collections.abc import Mapping, Sequence

from sparkads.contracts.base import Contract
from sparkads.contracts.release import NOT_SUBMITTED, Selection, TargetState
from sparkads.contracts.takedown import NAMED, OwnerPost, TakedownProgress
from store.database import Connection, Database
from store.selection import selected

NOT_KNOWN = [TargetState.SUBMITTING, TargetState.UNKNOWN]
WITH_AD = [TargetState.IN_REVIEW, TargetState.PUBLISHED, TargetState.REJECTED, TargetState.STOPPED]
"""Rows whose ads exist at TikTok, running or not."""


class GroupOfAds(Contract):
    """An ad group with ads to take down."""

    advertiser_id: str
    adgroup_id: str


class RowWithAd(Contract):
    """A row to take down and the ad that it is on record with."""

    row_id: str
    ad_id: str
    tokens: tuple[str, ...]
    """by which further ads of it would be found"""


async def withdraw(connection: Connection, campaign_id: str, selection: Selection, reason: str) -> list[str]:
    """
    Mark rows as wanted gone, and cancel those that were not submitted; returns the ones that are cancelled.

    The others keep their state until it is known, or until their ads are deleted. Rows that never got anywhere, because
    they were blocked, refused, frozen or cancelled, stay as they are.
    """
    chosen = selected(selection, first=6)
    rows = await connection.fetch(
        f"""UPDATE targets t SET withdrawn = true,
                state = CASE WHEN state = ANY($2) THEN $3 ELSE state END,
                reason = CASE WHEN state = ANY($2) THEN $4 ELSE reason END
            WHERE campaign_id = $1 AND (state = ANY($2) OR state = ANY($5)) AND {chosen.sql}
            RETURNING row_id, state""",
        campaign_id,
        list(NOT_SUBMITTED),
        TargetState.CANCELLED,
        reason[:500],
        NOT_KNOWN + WITH_AD,
        *chosen.values,
    )
    return sorted(row["row_id"] for row in rows if row["state"] == TargetState.CANCELLED)


async def groups_left(db: Database, campaign_id: str, selection: Selection, *, spending: bool) -> list[GroupOfAds]:
    """Ad groups with rows whose ads exist; `spending`: only those with rows whose ads were not switched off yet."""
    chosen = selected(selection, first=4)
    rows = await db.fetch(
        f"""SELECT DISTINCT t.advertiser_id, g.adgroup_id FROM targets t JOIN ad_groups g ON g.id = t.ad_group
            WHERE t.campaign_id = $1 AND t.withdrawn AND t.state = ANY($2)
              AND (NOT $3 OR t.spend_stopped_at IS NULL) AND {chosen.sql} ORDER BY 1, 2""",
        campaign_id,
        WITH_AD,
        spending,
        *chosen.values,
    )
    return [GroupOfAds(**row) for row in rows]


async def rows_of_group(
    db: Database, campaign_id: str, selection: Selection, group: GroupOfAds, *, spending: bool
) -> list[RowWithAd]:
    """The rows of an ad group that `groups_left` counted it for."""
    chosen = selected(selection, first=6)
    rows = await db.fetch(
        f"""SELECT t.row_id, t.ad_id,
                   (SELECT coalesce(array_agg(i.token), '{{}}') FROM intents i
                    WHERE i.campaign_id = t.campaign_id AND i.row_id = t.row_id) AS tokens
            FROM targets t JOIN ad_groups g ON g.id = t.ad_group
            WHERE t.campaign_id = $1 AND t.withdrawn AND t.state = ANY($2) AND g.adgroup_id = $3
              AND t.advertiser_id = $4 AND (NOT $5 OR t.spend_stopped_at IS NULL) AND {chosen.sql}
            ORDER BY t.row_number""",
        campaign_id,
        WITH_AD,
        group.adgroup_id,
        group.advertiser_id,
        spending,
        *chosen.values,
    )
    return [RowWithAd(**row) for row in rows]


async def mark_spend_stopped(connection: Connection, campaign_id: str, row_ids: Sequence[str]) -> list[str]:
    """The ads of these rows are switched off, or gone; returns the rows that it is news for."""
    rows = await connection.fetch(
        """UPDATE targets SET spend_stopped_at = clock_timestamp()
           WHERE campaign_id = $1 AND row_id = ANY($2) AND spend_stopped_at IS NULL RETURNING row_id""",
        campaign_id,
        list(row_ids),
    )
    return sorted(row["row_id"] for row in rows)


async def mark_taken_down(
    connection: Connection, campaign_id: str, deleted: Mapping[str, str | None], reason: str
) -> list[str]:
    """The ads of these rows are deleted, `{row_id: post, as far as there is one}`; returns the rows it is news for."""
    rows = await connection.fetch(
        """UPDATE targets t SET state = $4, reason = $5, item_id = coalesce(one.item_id, t.item_id),
                                spend_stopped_at = coalesce(spend_stopped_at, clock_timestamp())
           FROM unnest($2::text[], $3::text[]) AS one (row_id, item_id)
           WHERE t.campaign_id = $1 AND t.row_id = one.row_id AND t.state = ANY($6) RETURNING t.row_id""",
        campaign_id,
        list(deleted),
        list(deleted.values()),
        TargetState.TAKEN_DOWN,
        reason[:500],
        WITH_AD,
    )
    return sorted(row["row_id"] for row in rows)


async def progress(db: Database, campaign_id: str, selection: Selection) -> TakedownProgress:
    """Where the rows of a takedown stand."""
    chosen = selected(selection, first=2)
    rows = await db.fetch(
        f"""SELECT state, count(*) AS rows, count(spend_stopped_at) AS stopped FROM targets t
            WHERE campaign_id = $1 AND withdrawn AND {chosen.sql} GROUP BY state""",
        campaign_id,
        *chosen.values,
    )
    counts = {TargetState(row["state"]): row["rows"] for row in rows}
    posts = await owner_posts(db, campaign_id, selection)
    return TakedownProgress(
        counts=counts,
        spend_stopped=sum(row["stopped"] for row in rows),
        left=sum(counts.get(state, 0) for state in WITH_AD),
        not_yet_known=sum(counts.get(state, 0) for state in NOT_KNOWN),
        not_yet_known_rows=tuple(await _not_known(db, campaign_id, selection)),
        owner_removes=len(posts),
        owner_posts=tuple(posts[:NAMED]),
    )


async def _not_known(db: Database, campaign_id: str, selection: Selection) -> list[str]:
    chosen = selected(selection, first=4)
    rows = await db.fetch(
        f"""SELECT row_id FROM targets t WHERE campaign_id = $1 AND withdrawn AND state = ANY($2) AND {chosen.sql}
            ORDER BY row_number LIMIT $3""",
        campaign_id,
        NOT_KNOWN,
        NAMED,
        *chosen.values,
    )
    return [row["row_id"] for row in rows]


async def owner_posts(db: Database, campaign_id: str, selection: Selection) -> list[OwnerPost]:
    """The posts that pushes of rows taken down have put on profiles."""
    chosen = selected(selection, first=3)
    rows = await db.fetch(
        f"""SELECT t.row_id, coalesce(nullif(accounts.handle, ''), t.handle) AS handle, t.item_id FROM targets t
            LEFT JOIN accounts ON accounts.bc_id = t.bc_id AND accounts.asset_id = t.asset_id
            WHERE t.campaign_id = $1 AND t.withdrawn AND t.state = $2 AND t.mode = 'push' AND t.visibility = 'profile'
              AND t.item_id IS NOT NULL AND {chosen.sql} ORDER BY t.row_number""",
        campaign_id,
        TargetState.TAKEN_DOWN,
        *chosen.values,
    )
    return [OwnerPost(**row) for row in rows]
