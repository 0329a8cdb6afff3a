"""The Share step on record: grants of members, links to ad accounts, and the steps that partners have to do."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import BY_SWEEP, ScanOutcome
from sparkads.roles import Permission
from sparkads.scopes import Scope
from store import audit, requests
from store.database import Connection, Database

BY_HAND = "by hand in Business Center"
"""Who gave what TikTok lists and we never gave: nobody that we know."""


class Identity(Contract):
    """How an account is used from one ad account."""

    identity_id: str
    can_push: bool
    can_pull: bool
    ads_only: bool
    problem: str = ""
    """why TikTok lets nobody advertise with it now"""


class SharedWith(Contract):
    """Who may use an account now, and whom that waits for."""

    members: tuple[str, ...]
    ad_accounts: tuple[str, ...]
    waiting_for: str = ""
    next_end: datetime | None = None
    """when the first of its time-boxed grants removes itself"""


class Link(Contract):
    """A recorded link of an authorized account to an ad account."""

    authorization_id: str
    asset_id: str
    handle: str
    name: str
    advertiser_id: str
    identity: Identity


class Grant(Contract):
    """A recorded permission of a member on an authorized account."""

    authorization_id: str
    asset_id: str
    handle: str
    user_id: str
    permissions: tuple[Permission, ...]


class StepState(StrEnum):
    """How far a partner's part of sharing is."""

    WAITING = "waiting"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class PartnerStep(Contract):
    """A partner's people have to share their ad account with us, by hand, before the account can be linked to it."""

    authorization_id: str
    asset_id: str
    partner_id: str
    advertiser_id: str
    asked_by: str


async def put_grant(
    connection: Connection,
    authorization_id: str,
    user_id: str,
    permissions: Sequence[str],
    granted_by: str,
    until: datetime | None = None,
) -> None:
    """Record that a member may use the account, until a moment or for good."""
    await connection.execute(
        """INSERT INTO grants (authorization_id, user_id, permissions, granted_by, until) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (authorization_id, user_id) DO UPDATE
           SET permissions = $3, granted_by = $4, until = $5, granted_at = now(), ended_at = NULL""",
        authorization_id,
        user_id,
        list(permissions),
        granted_by,
        until,
    )


async def grant_until(db: Database, authorization_id: str, user_id: str) -> tuple[bool, datetime | None]:
    """Whether a grant is on record, and when it removes itself."""
    row = await db.fetchrow(
        "SELECT until FROM grants WHERE authorization_id = $1 AND user_id = $2 AND ended_at IS NULL",
        authorization_id,
        user_id,
    )
    return (False, None) if row is None else (True, row["until"])


async def end_grant(connection: Connection, authorization_id: str, user_id: str) -> bool:
    """Record that a member may no longer use the account; False if none was on record."""
    status = await connection.execute(
        "UPDATE grants SET ended_at = now() WHERE authorization_id = $1 AND user_id = $2 AND ended_at IS NULL",
        authorization_id,
        user_id,
    )
    return status == "UPDATE 1"


async def grants_due(db: Database, authorization_id: str, now: datetime) -> list[str]:
    """The members whose time-boxed grants are over."""
    rows = await db.fetch(
        "SELECT user_id FROM grants WHERE authorization_id = $1 AND ended_at IS NULL AND until <= $2 ORDER BY 1",
        authorization_id,
        now,
    )
    return [row["user_id"] for row in rows]


async def active_grants(db: Database, bc_id: str) -> list[Grant]:
    """All grants that stand, of authorizations that stand."""
    rows = await db.fetch(
        """SELECT authorization_id, a.asset_id, accounts.handle, user_id, permissions FROM grants
           JOIN authorizations a ON a.id = grants.authorization_id JOIN accounts USING (bc_id, asset_id)
           WHERE a.bc_id = $1 AND a.stage = 'active' AND grants.ended_at IS NULL ORDER BY asset_id, user_id""",
        bc_id,
    )
    return [Grant(**row) for row in rows]


async def change_grant(connection: Connection, grant: Grant, permissions: Sequence[str]) -> bool:
    """Record that a grant is for something else than we recorded; False if it has changed or ended meanwhile."""
    status = await connection.execute(
        """UPDATE grants SET permissions = $3 WHERE authorization_id = $1 AND user_id = $2
           AND ended_at IS NULL AND permissions = $4""",
        grant.authorization_id,
        grant.user_id,
        list(permissions),
        list(grant.permissions),
    )
    return status == "UPDATE 1"


async def put_link(
    connection: Connection, authorization_id: str, advertiser_id: str, identity: Identity, linked_by: str
) -> None:
    """Record that an ad account may use the TikTok account, under which identity and for what."""
    await connection.execute(
        """INSERT INTO links
               (authorization_id, advertiser_id, identity_id, can_push, can_pull, ads_only, problem, linked_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (authorization_id, advertiser_id) DO UPDATE
           SET identity_id = $3, can_push = $4, can_pull = $5, ads_only = $6, problem = $7, linked_by = $8,
               linked_at = now(), ended_at = NULL""",
        authorization_id,
        advertiser_id,
        identity.identity_id,
        identity.can_push,
        identity.can_pull,
        identity.ads_only,
        identity.problem,
        linked_by,
    )


async def end_link(connection: Connection, authorization_id: str, advertiser_id: str) -> bool:
    """Record that an ad account may no longer use the TikTok account; False if no link was on record."""
    status = await connection.execute(
        "UPDATE links SET ended_at = now() WHERE authorization_id = $1 AND advertiser_id = $2 AND ended_at IS NULL",
        authorization_id,
        advertiser_id,
    )
    return status == "UPDATE 1"


async def update_link(connection: Connection, link: Link, identity: Identity) -> None:
    """Record what TikTok says now of an identity."""
    await connection.execute(
        """UPDATE links SET can_push = $3, can_pull = $4, ads_only = $5, problem = $6
           WHERE authorization_id = $1 AND advertiser_id = $2 AND ended_at IS NULL""",
        link.authorization_id,
        link.advertiser_id,
        identity.can_push,
        identity.can_pull,
        identity.ads_only,
        identity.problem,
    )


async def active_links(db: Database, bc_id: str) -> list[Link]:
    """All links that stand, of authorizations that stand."""
    rows = await db.fetch(
        """SELECT authorization_id, a.asset_id, accounts.handle, accounts.name, advertiser_id,
                  identity_id, can_push, can_pull, ads_only, links.problem
           FROM links JOIN authorizations a ON a.id = links.authorization_id JOIN accounts USING (bc_id, asset_id)
           WHERE a.bc_id = $1 AND a.stage = 'active' AND links.ended_at IS NULL ORDER BY advertiser_id, asset_id""",
        bc_id,
    )
    return [Link(**row, identity=Identity(**row)) for row in rows]


async def scope_asked(db: Database, authorization_id: str) -> Scope | None:
    """The scope of the request that an authorization answers, or None if it answers none."""
    key = await db.fetchval(
        """SELECT r.scope FROM authorizations a JOIN access_requests r ON r.bc_id = a.bc_id AND r.name = a.request_name
           WHERE a.id = $1 ORDER BY r.opened_at DESC LIMIT 1""",
        authorization_id,
    )
    return None if key is None else Scope.from_key(key)


async def record_short_scope(connection: Connection, authorization_id: str, detail: str, run: audit.Run) -> None:
    """Keep, once per authorization, that its scan granted less than was asked for (R9)."""
    row = await connection.fetchrow(
        """SELECT a.bc_id, a.request_name, accounts.handle, a.asset_id
           FROM authorizations a JOIN accounts USING (bc_id, asset_id)
           WHERE a.id = $1 AND NOT EXISTS (SELECT FROM scans s WHERE s.bc_id = a.bc_id AND s.asset_id = a.asset_id
                                           AND s.outcome = $2 AND s.at >= a.since)""",
        authorization_id,
        ScanOutcome.SHORT_OF_SCOPE,
    )
    if row is not None:
        await requests.record_scan(
            connection, **row, outcome=ScanOutcome.SHORT_OF_SCOPE, reported_by=BY_SWEEP, detail=detail, run=run
        )


async def ask_partner(
    connection: Connection, authorization_id: str, partner_id: str, advertiser_id: str, asked_by: str
) -> bool:
    """Record that a partner is waited for; False if that is on record."""
    status = await connection.execute(
        """INSERT INTO partner_steps (authorization_id, partner_id, advertiser_id, state, asked_by)
           VALUES ($1, $2, $3, 'waiting', $4)
           ON CONFLICT (authorization_id, advertiser_id) DO UPDATE
           SET partner_id = $2, state = 'waiting', asked_by = $4, asked_at = now(), decided_at = NULL
           WHERE partner_steps.state <> 'waiting' OR partner_steps.partner_id <> $2""",
        authorization_id,
        partner_id,
        advertiser_id,
        asked_by,
    )
    return status == "INSERT 0 1"


async def decide_step(connection: Connection, authorization_id: str, advertiser_id: str, state: StepState) -> bool:
    """Record that a partner is no longer waited for; False if it was not."""
    status = await connection.execute(
        """UPDATE partner_steps SET state = $3, decided_at = now()
           WHERE authorization_id = $1 AND advertiser_id = $2 AND state = 'waiting'""",
        authorization_id,
        advertiser_id,
        state,
    )
    return status == "UPDATE 1"


async def waiting_steps(db: Database, bc_id: str) -> list[PartnerStep]:
    """What partners are waited for."""
    rows = await db.fetch(
        """SELECT authorization_id, a.asset_id, partner_id, advertiser_id, asked_by
           FROM partner_steps JOIN authorizations a ON a.id = authorization_id
           WHERE a.bc_id = $1 AND a.stage = 'active' AND state = 'waiting' ORDER BY partner_id, advertiser_id""",
        bc_id,
    )
    return [PartnerStep(**row) for row in rows]


async def shared_with(db: Database, authorization_id: str) -> SharedWith:
    """The members and the ad accounts that may use the account now."""
    members = await db.fetch(
        "SELECT user_id, until FROM grants WHERE authorization_id = $1 AND ended_at IS NULL ORDER BY 1",
        authorization_id,
    )
    ad_accounts = await db.fetch(
        "SELECT advertiser_id FROM links WHERE authorization_id = $1 AND ended_at IS NULL ORDER BY 1", authorization_id
    )
    steps = await db.fetch(
        """SELECT partner_id, advertiser_id FROM partner_steps
           WHERE authorization_id = $1 AND state = 'waiting' ORDER BY 1, 2""",
        authorization_id,
    )
    return SharedWith(
        members=tuple(row["user_id"] for row in members),
        ad_accounts=tuple(row["advertiser_id"] for row in ad_accounts),
        waiting_for=", ".join(
            f"partner {row['partner_id']} to share ad account {row['advertiser_id']}" for row in steps
        ),
        next_end=min((row["until"] for row in members if row["until"] is not None), default=None),
    )


async def begin(db: Database, authorization_id: str) -> None:
    """Record that a command changes who may use the account: until it is done, TikTok and our record may differ."""
    await db.execute("UPDATE authorizations SET sharing_since = now() WHERE id = $1", authorization_id)


async def finish(db: Database, authorization_id: str) -> None:
    """Record that the command is done."""
    await db.execute("UPDATE authorizations SET sharing_since = NULL WHERE id = $1", authorization_id)


async def underway(db: Database, bc_id: str) -> set[str]:
    """The authorizations that a command is changing; one that began long ago has died with its worker."""
    rows = await db.fetch(
        """SELECT id FROM authorizations
           WHERE bc_id = $1 AND stage = 'active' AND sharing_since > now() - interval '10 minutes'""",
        bc_id,
    )
    return {row["id"] for row in rows}
