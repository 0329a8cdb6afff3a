"""
What has to run according to the record.

The `hold_` functions keep a row as it is until the caller's transaction ends: whoever holds it, finds it open, and then
starts its workflow, knows that no other run has closed it in between.
"""

from collections.abc import Sequence

from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import PendingRequest
from sparkads.scopes import Scope
from store.database import Connection, Database


class KnownCenter(Contract):
    """A Business Center whose workflow has run before."""

    bc_id: str
    connected: bool
    """whether its access token is stored"""


class UnfinishedCampaign(Contract):
    """A release campaign that has not come to its end."""

    campaign_id: str
    bc_id: str
    targets: int
    left: int
    """targets that were not submitted, or whose outcome is not known yet"""


async def business_centers(db: Database) -> Sequence[KnownCenter]:
    """
    The Business Centers whose workflow has to run.

    What is here counts as evidence that it ran before, since nothing but its workflow, or one that it started, writes
    it: requests, authorizations, QR codes, accounts that a sweep found. A token alone is none: `connect` stores it.
    """
    rows = await db.fetch(
        """SELECT bc_id, credentials.bc_id IS NOT NULL AS connected
           FROM (SELECT bc_id FROM access_requests UNION SELECT bc_id FROM authorizations
                 UNION SELECT bc_id FROM qr_codes UNION SELECT bc_id FROM accounts) known
           LEFT JOIN credentials USING (bc_id)
           WHERE credentials.bc_id IS NOT NULL
              OR EXISTS (SELECT FROM access_requests r WHERE r.bc_id = known.bc_id AND r.state = 'pending')
              OR EXISTS (SELECT FROM authorizations a WHERE a.bc_id = known.bc_id AND a.stage = 'active')
           ORDER BY bc_id"""
    )
    return [KnownCenter(**row) for row in rows]


async def hold_pending(connection: Connection, bc_id: str) -> dict[str, PendingRequest]:
    """The open requests of a Business Center by name; none of them is closed before the transaction ends."""
    rows = await connection.fetch(
        """SELECT name, handle, scope FROM access_requests WHERE bc_id = $1 AND state = 'pending'
           ORDER BY opened_at, name FOR NO KEY UPDATE""",
        bc_id,
    )
    return {row["name"]: PendingRequest(**{**row, "scope": Scope.from_key(row["scope"])}) for row in rows}


async def hold_request(connection: Connection, request_id: str) -> bool:
    """Whether a request is open; if so, it is not closed before the transaction ends."""
    held = await connection.fetchval(
        "SELECT true FROM access_requests WHERE id = $1 AND state = 'pending' FOR NO KEY UPDATE", request_id
    )
    return held is not None


async def hold_authorization(connection: Connection, authorization_id: str) -> bool:
    """Whether an authorization stands; if so, it is not ended before the transaction ends."""
    held = await connection.fetchval(
        "SELECT true FROM authorizations WHERE id = $1 AND stage = 'active' FOR NO KEY UPDATE", authorization_id
    )
    return held is not None


async def unfinished_campaigns(db: Database, final: Sequence[str]) -> Sequence[UnfinishedCampaign]:
    """The release campaigns that are not finished; `final` are the states of targets with nothing left to do."""
    rows = await db.fetch(
        """SELECT campaign_id, campaigns.bc_id, count(targets) AS targets,
                  count(targets) FILTER (WHERE state <> ALL($1)) AS left
           FROM campaigns LEFT JOIN targets USING (campaign_id)
           WHERE finished_at IS NULL GROUP BY campaign_id ORDER BY campaign_id""",
        list(final),
    )
    return [UnfinishedCampaign(**row) for row in rows]
