"""Requests, scans, authorizations, grants and links: the first three steps of the lifecycle on record."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import AuthorizationStage
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import BY_SWEEP, AccountLine, QrCode, ScanOutcome
from sparkads.contracts.release import TargetState
from sparkads.scopes import Scope
from store.database import Connection, Database


class ListedAccount(Contract):
    """One TikTok account as TikTok lists it in a Business Center. `handle` may be empty: TikTok does not promise it."""

    asset_id: str
    handle: str
    name: str


class Sweep(Contract):
    """What a sweep found."""

    held: int
    appeared: tuple[ListedAccount, ...]
    """listed by TikTok, and not authorized on record"""
    lost: tuple[str, ...]
    """asset ids: authorized on record, and no longer listed"""
    answered: tuple[str, ...]
    """names of requests that wait, though the account they wait for is authorized"""


class Identity(Contract):
    """How an account is used from one ad account."""

    identity_id: str
    can_push: bool
    can_pull: bool
    ads_only: bool


class LiveAd(Contract):
    """An ad of ours that may be running."""

    campaign_id: str
    row_id: str
    advertiser_id: str
    ad_id: str


class Ended(Contract):
    """What the end of an authorization did on record (R15)."""

    grants: int = 0
    links: int = 0
    targets_frozen: int = 0


async def qr_code(db: Database, bc_id: str, scope: str, *, issued_after: datetime) -> QrCode | None:
    """The code of a Business Center and scope, if one was issued after that time (R8)."""
    code = await db.fetchval(
        "SELECT code FROM qr_codes WHERE bc_id = $1 AND scope = $2 AND issued_at > $3", bc_id, scope, issued_after
    )
    return None if code is None else QrCode.model_validate_json(code)


async def put_qr_code(db: Database, bc_id: str, scope: str, code: QrCode) -> None:
    """Remember a code as the newest of its Business Center and scope."""
    await db.execute(
        """INSERT INTO qr_codes (bc_id, scope, code, issued_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (bc_id, scope) DO UPDATE SET code = $3, issued_at = $4""",
        bc_id,
        scope,
        code.model_dump_json(),
        code.issued_at,
    )


async def sweep(connection: Connection, bc_id: str, listed: Sequence[ListedAccount]) -> Sweep:
    """Take down what TikTok lists, and say what differs from our authorizations."""
    await connection.execute(
        """INSERT INTO accounts (bc_id, asset_id, handle, name)
           SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[])
           ON CONFLICT (bc_id, asset_id) DO UPDATE
           SET handle = CASE WHEN excluded.handle = '' THEN accounts.handle ELSE excluded.handle END,
               name = excluded.name, last_seen = now()""",
        bc_id,
        [account.asset_id for account in listed],
        [account.handle for account in listed],
        [account.name for account in listed],
    )
    active = {
        row["asset_id"]
        for row in await connection.fetch(
            "SELECT asset_id FROM authorizations WHERE bc_id = $1 AND stage = 'active'", bc_id
        )
    }
    answered = await connection.fetch(
        """SELECT DISTINCT r.name FROM access_requests r
           JOIN accounts ON accounts.bc_id = r.bc_id AND accounts.handle = r.handle
           JOIN authorizations a ON a.bc_id = r.bc_id AND a.asset_id = accounts.asset_id AND a.stage = 'active'
           WHERE r.bc_id = $1 AND r.state = 'pending' ORDER BY 1""",
        bc_id,
    )
    seen = {account.asset_id for account in listed}
    return Sweep(
        held=len(listed),
        appeared=tuple(account for account in listed if account.asset_id not in active),
        lost=tuple(sorted(active - seen)),
        answered=tuple(row["name"] for row in answered),
    )


async def open_request(
    connection: Connection,
    *,
    request_id: str,
    bc_id: str,
    name: str,
    handle: str | None,
    scope: str,
    requested_by: str,
    opened_at: datetime,
    deadline: datetime | None,
) -> bool:
    """
    Record an access request; False if this very request is on record already.

    A pending one of the same name belongs to a workflow that was terminated: two of that name never run at once.
    """
    await connection.execute(
        """UPDATE access_requests SET state = 'cancelled', closed_at = now(),
                                      reason = 'its workflow was terminated before an answer'
           WHERE bc_id = $1 AND name = $2 AND state = 'pending' AND id <> $3""",
        bc_id,
        name,
        request_id,
    )
    status = await connection.execute(
        """INSERT INTO access_requests
               (id, bc_id, name, handle, scope, state, requested_by, opened_at, deadline)
           VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8) ON CONFLICT (id) DO NOTHING""",
        request_id,
        bc_id,
        name,
        handle,
        scope,
        requested_by,
        opened_at,
        deadline,
    )
    return status == "INSERT 0 1"


async def close_request(
    connection: Connection, request_id: str, outcome: RequestOutcome, *, asset_id: str | None, reason: str
) -> bool:
    """Record how a request ended; False if it had ended before."""
    status = await connection.execute(
        """UPDATE access_requests SET state = $2, asset_id = $3, reason = $4, closed_at = now()
           WHERE id = $1 AND state = 'pending'""",
        request_id,
        outcome,
        asset_id,
        reason,
    )
    return status == "UPDATE 1"


async def last_request_state(db: Database, bc_id: str, handle: str) -> RequestOutcome | None:
    """How the newest request for a handle stands, or None if it was never asked for."""
    state = await db.fetchval(
        "SELECT state FROM access_requests WHERE bc_id = $1 AND handle = $2 ORDER BY opened_at DESC LIMIT 1",
        bc_id,
        handle,
    )
    return None if state is None else RequestOutcome(state)


async def record_scan(
    db: Database,
    *,
    bc_id: str,
    request_name: str | None,
    handle: str | None,
    asset_id: str | None,
    outcome: ScanOutcome,
    reported_by: str,
    detail: str = "",
) -> None:
    """Keep a scan, whatever became of it (R9)."""
    await db.execute(
        """INSERT INTO scans (bc_id, request_name, handle, asset_id, outcome, reported_by, detail)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        bc_id,
        request_name,
        handle,
        asset_id,
        outcome,
        reported_by,
        detail,
    )


async def active_asset(db: Database, bc_id: str, *, handle: str | None, asset_id: str | None) -> str | None:
    """The asset id of an account with an active authorization, found by its id or else by its handle."""
    found: str | None = await db.fetchval(
        """SELECT asset_id FROM authorizations JOIN accounts USING (bc_id, asset_id)
           WHERE bc_id = $1 AND stage = 'active' AND CASE WHEN $3::text IS NULL THEN handle = $2 ELSE asset_id = $3 END
           ORDER BY since DESC LIMIT 1""",
        bc_id,
        handle,
        asset_id,
    )
    return found


async def active_handles(db: Database, bc_id: str, handles: Sequence[str]) -> dict[str, str]:
    """By handle, the asset ids of those accounts that are authorized."""
    rows = await db.fetch(
        """SELECT handle, asset_id FROM authorizations JOIN accounts USING (bc_id, asset_id)
           WHERE bc_id = $1 AND stage = 'active' AND handle = ANY($2)""",
        bc_id,
        list(handles),
    )
    return {row["handle"]: row["asset_id"] for row in rows}


async def open_authorization(
    connection: Connection, *, authorization_id: str, bc_id: str, asset_id: str, request_name: str | None
) -> bool:
    """Record an authorization; False if it is on record already. Raises UniqueViolationError if another is active."""
    status = await connection.execute(
        """INSERT INTO authorizations (id, bc_id, asset_id, request_name, stage, since)
           VALUES ($1, $2, $3, $4, 'active', now()) ON CONFLICT (id) DO NOTHING""",
        authorization_id,
        bc_id,
        asset_id,
        request_name,
    )
    return status == "INSERT 0 1"


async def authorized_since(db: Database, authorization_id: str) -> datetime:
    """When an authorization began."""
    since: datetime = await db.fetchval("SELECT since FROM authorizations WHERE id = $1", authorization_id)
    return since


async def end_authorization(
    connection: Connection, authorization_id: str, stage: AuthorizationStage, *, ended_by: str, reason: str
) -> Ended | None:
    """
    End an authorization and all that hangs on it, in the caller's transaction (R15).

    Its grants and links end, targets that were not submitted are frozen. None if it had ended before.
    """
    row = await connection.fetchrow(
        """UPDATE authorizations SET stage = $2, ended_at = now(), ended_by = $3, reason = $4
           WHERE id = $1 AND stage = 'active' RETURNING bc_id, asset_id""",
        authorization_id,
        stage,
        ended_by,
        reason,
    )
    if row is None:
        return None
    grants = await connection.execute(
        "UPDATE grants SET ended_at = now() WHERE authorization_id = $1 AND ended_at IS NULL", authorization_id
    )
    links = await connection.execute(
        "UPDATE links SET ended_at = now() WHERE authorization_id = $1 AND ended_at IS NULL", authorization_id
    )
    frozen = await connection.execute(
        """UPDATE targets SET state = $3, reason = $4
           FROM accounts
           WHERE accounts.bc_id = $1 AND accounts.asset_id = $2
             AND targets.bc_id = $1 AND (targets.asset_id = $2 OR targets.handle = accounts.handle)
             AND targets.state = ANY($5)""",
        row["bc_id"],
        row["asset_id"],
        TargetState.FROZEN,
        f"R15: the authorization ended ({stage.value.replace('_', ' ')}) before this row was submitted",
        [TargetState.WAITING, TargetState.READY],
    )
    return Ended(grants=_count(grants), links=_count(links), targets_frozen=_count(frozen))


async def live_ads(db: Database, bc_id: str, asset_id: str) -> list[LiveAd]:
    """Ads of ours on an account that may be running or in review."""
    rows = await db.fetch(
        """SELECT campaign_id, row_id, advertiser_id, ad_id FROM targets
           WHERE bc_id = $1 AND asset_id = $2 AND ad_id IS NOT NULL AND state = ANY($3)
           ORDER BY advertiser_id, ad_id""",
        bc_id,
        asset_id,
        [TargetState.IN_REVIEW, TargetState.PUBLISHED],
    )
    return [LiveAd(**row) for row in rows]


async def mark_stopped(db: Database, ads: Sequence[LiveAd], reason: str) -> None:
    """Flag the targets of ads that were stopped (R15)."""
    await db.executemany(
        "UPDATE targets SET state = $3, reason = $4 WHERE campaign_id = $1 AND row_id = $2",
        [(ad.campaign_id, ad.row_id, TargetState.STOPPED, reason) for ad in ads],
    )


async def put_grant(
    connection: Connection, authorization_id: str, user_id: str, permissions: Sequence[str], granted_by: str
) -> None:
    """Record that a member may use the account."""
    await connection.execute(
        """INSERT INTO grants (authorization_id, user_id, permissions, granted_by) VALUES ($1, $2, $3, $4)
           ON CONFLICT (authorization_id, user_id) DO UPDATE
           SET permissions = $3, granted_by = $4, granted_at = now(), ended_at = NULL""",
        authorization_id,
        user_id,
        list(permissions),
        granted_by,
    )


async def end_grant(connection: Connection, authorization_id: str, user_id: str) -> None:
    """Record that a member may no longer use the account."""
    await connection.execute(
        "UPDATE grants SET ended_at = now() WHERE authorization_id = $1 AND user_id = $2 AND ended_at IS NULL",
        authorization_id,
        user_id,
    )


async def put_link(
    connection: Connection, authorization_id: str, advertiser_id: str, identity: Identity, linked_by: str
) -> None:
    """Record that an ad account may use the TikTok account, under which identity and for what."""
    await connection.execute(
        """INSERT INTO links (authorization_id, advertiser_id, identity_id, can_push, can_pull, ads_only, linked_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (authorization_id, advertiser_id) DO UPDATE
           SET identity_id = $3, can_push = $4, can_pull = $5, ads_only = $6, linked_by = $7, linked_at = now(),
               ended_at = NULL""",
        authorization_id,
        advertiser_id,
        identity.identity_id,
        identity.can_push,
        identity.can_pull,
        identity.ads_only,
        linked_by,
    )


async def end_link(connection: Connection, authorization_id: str, advertiser_id: str) -> None:
    """Record that an ad account may no longer use the TikTok account."""
    await connection.execute(
        "UPDATE links SET ended_at = now() WHERE authorization_id = $1 AND advertiser_id = $2 AND ended_at IS NULL",
        authorization_id,
        advertiser_id,
    )


async def scope_asked(db: Database, authorization_id: str) -> Scope | None:
    """The scope of the request that an authorization answers, or None if it answers none."""
    key = await db.fetchval(
        """SELECT r.scope FROM authorizations a JOIN access_requests r ON r.bc_id = a.bc_id AND r.name = a.request_name
           WHERE a.id = $1 ORDER BY r.opened_at DESC LIMIT 1""",
        authorization_id,
    )
    return None if key is None else Scope.from_key(key)


async def record_short_scope(db: Database, authorization_id: str, detail: str) -> None:
    """Keep, once per authorization, that its scan granted less than was asked for (R9)."""
    await db.execute(
        """INSERT INTO scans (bc_id, request_name, handle, asset_id, outcome, reported_by, detail)
           SELECT a.bc_id, a.request_name, accounts.handle, a.asset_id, $2, $3, $4
           FROM authorizations a JOIN accounts USING (bc_id, asset_id)
           WHERE a.id = $1 AND NOT EXISTS (SELECT FROM scans s WHERE s.bc_id = a.bc_id AND s.asset_id = a.asset_id
                                           AND s.outcome = $2 AND s.at >= a.since)""",
        authorization_id,
        ScanOutcome.SHORT_OF_SCOPE,
        BY_SWEEP,
        detail,
    )


async def put_handle(db: Database, bc_id: str, asset_id: str, handle: str) -> None:
    """Remember an account's handle, learned from its identity."""
    await db.execute(
        "UPDATE accounts SET handle = $3 WHERE bc_id = $1 AND asset_id = $2 AND handle <> $3", bc_id, asset_id, handle
    )


async def account(db: Database, bc_id: str, asset_id: str) -> ListedAccount | None:
    """An account as the last sweep saw it."""
    row = await db.fetchrow(
        "SELECT asset_id, handle, name FROM accounts WHERE bc_id = $1 AND asset_id = $2", bc_id, asset_id
    )
    return None if row is None else ListedAccount(**row)


async def shared_with(db: Database, authorization_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The members and the ad accounts that may use the account now."""
    members = await db.fetch(
        "SELECT user_id FROM grants WHERE authorization_id = $1 AND ended_at IS NULL ORDER BY 1", authorization_id
    )
    ad_accounts = await db.fetch(
        "SELECT advertiser_id FROM links WHERE authorization_id = $1 AND ended_at IS NULL ORDER BY 1", authorization_id
    )
    return tuple(row[0] for row in members), tuple(row[0] for row in ad_accounts)


async def list_accounts(db: Database, bc_id: str, *, only: Sequence[str] | None) -> list[AccountLine]:
    """The accounts of a Business Center with their newest authorization; `only` these asset ids, or all (R4)."""
    rows = await db.fetch(
        """SELECT DISTINCT ON (a.asset_id)
               a.asset_id, accounts.handle, accounts.name, a.stage, a.since,
               link.can_push, link.can_pull, link.ads_only,
               (SELECT coalesce(json_agg(user_id ORDER BY user_id), '[]') FROM grants
                WHERE authorization_id = a.id AND ended_at IS NULL) AS members,
               (SELECT coalesce(json_agg(advertiser_id ORDER BY advertiser_id), '[]') FROM links
                WHERE authorization_id = a.id AND ended_at IS NULL) AS ad_accounts
           FROM authorizations a
           JOIN accounts USING (bc_id, asset_id)
           LEFT JOIN LATERAL (SELECT can_push, can_pull, ads_only FROM links
                              WHERE authorization_id = a.id ORDER BY linked_at DESC LIMIT 1) link ON true
           WHERE a.bc_id = $1 AND ($2::text[] IS NULL OR a.asset_id = ANY($2))
           ORDER BY a.asset_id, a.since DESC""",
        bc_id,
        None if only is None else list(only),
    )
    lines = [
        AccountLine(
            **{
                **row,
                "since": row["since"].astimezone(UTC),
                "members": json.loads(row["members"]),
                "ad_accounts": json.loads(row["ad_accounts"]),
            }
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: (line.handle, line.asset_id))


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
