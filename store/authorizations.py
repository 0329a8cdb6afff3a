"""Authorizations on record: what TikTok lists, who has authorized, how it ended, and what hung on it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sparkads.contracts.authorization import AuthorizationInput, AuthorizationStage
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import AccountLine
from sparkads.contracts.release import NOT_SUBMITTED, TargetState
from store.database import Connection, Database

_LIVE = [TargetState.IN_REVIEW, TargetState.PUBLISHED]
"""Targets whose ads may be running."""


class ListedAccount(Contract):
    """One TikTok account as TikTok lists it in a Business Center. `handle` may be empty: TikTok does not promise it."""

    asset_id: str
    handle: str
    name: str
    uses: tuple[str, ...] = ()
    """what its owner lets the Business Center do, in TikTok's words: POST, LIVE"""


class Sweep(Contract):
    """What a sweep found."""

    held: int
    appeared: tuple[ListedAccount, ...]
    """listed by TikTok, and not authorized on record"""
    lost: tuple[str, ...]
    """asset ids: authorized on record, and no longer listed"""
    answered: tuple[str, ...]
    """names of requests that wait, though the account they wait for is authorized"""


class Renamed(Contract):
    """An authorized account that TikTok lists under another handle: it is the same account (its id never changes)."""

    asset_id: str
    before: str
    handle: str


class Narrowed(Contract):
    """An authorized account whose owner has changed what the Business Center may do with it."""

    asset_id: str
    handle: str
    before: tuple[str, ...]
    uses: tuple[str, ...]


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
    campaigns: tuple[str, ...] = ()
    """whose targets they are"""


async def changes(
    connection: Connection, bc_id: str, listed: Sequence[ListedAccount]
) -> tuple[list[Renamed], list[Narrowed]]:
    """What differs between what TikTok lists and how we know its authorized accounts; ask before `sweep`."""
    known = {
        row["asset_id"]: row
        for row in await connection.fetch(
            """SELECT accounts.asset_id, handle, uses FROM accounts
               JOIN authorizations a ON a.bc_id = accounts.bc_id AND a.asset_id = accounts.asset_id
                                    AND a.stage = 'active'
               WHERE accounts.bc_id = $1""",
            bc_id,
        )
    }
    renamed, narrowed = [], []
    for account in listed:
        row = known.get(account.asset_id)
        if row is None:
            continue
        if account.handle and row["handle"] and account.handle != row["handle"]:
            renamed.append(Renamed(asset_id=account.asset_id, before=row["handle"], handle=account.handle))
        # Before the first sweep that noted them, nothing is known of an account's uses.
        if row["uses"] and account.uses and set(row["uses"]) != set(account.uses):
            narrowed.append(
                Narrowed(
                    asset_id=account.asset_id,
                    handle=account.handle or row["handle"],
                    before=tuple(row["uses"]),
                    uses=account.uses,
                )
            )
    return renamed, narrowed


async def rename(connection: Connection, bc_id: str, renamed: Renamed) -> int:
    """Let rows that wait for the old handle go on with the same account; returns how many."""
    status = await connection.execute(
        """UPDATE targets SET handle = $3, asset_id = coalesce(asset_id, $4)
           WHERE bc_id = $1 AND handle = $2 AND (asset_id IS NULL OR asset_id = $4) AND state = ANY($5)""",
        bc_id,
        renamed.before,
        renamed.handle,
        renamed.asset_id,
        list(NOT_SUBMITTED),
    )
    return _count(status)


async def sweep(
    connection: Connection, bc_id: str, listed: Sequence[ListedAccount], *, is_complete: bool = True
) -> Sweep:
    """
    Take down what TikTok lists, and say what differs from our authorizations.

    Where the listing lacks something (`is_complete`), nobody is lost, and whoever is authorized counts as held (R6).
    """
    await connection.execute(
        """INSERT INTO accounts (bc_id, asset_id, handle, name, uses)
           SELECT $1, asset_id, handle, name, string_to_array(uses, ' ')
           FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS listed (asset_id, handle, name, uses)
           ON CONFLICT (bc_id, asset_id) DO UPDATE
           SET handle = CASE WHEN excluded.handle = '' THEN accounts.handle ELSE excluded.handle END,
               name = excluded.name, last_seen = now(),
               uses = CASE WHEN excluded.uses = '{}' THEN accounts.uses ELSE excluded.uses END""",
        bc_id,
        [account.asset_id for account in listed],
        [account.handle for account in listed],
        [account.name for account in listed],
        [" ".join(account.uses) for account in listed],
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
        held=len(seen) if is_complete else len(seen | active),
        appeared=tuple(account for account in listed if account.asset_id not in active),
        lost=tuple(sorted(active - seen)) if is_complete else (),
        answered=tuple(row["name"] for row in answered),
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


async def answered_requests(db: Database, bc_id: str, names: Sequence[str]) -> list[str]:
    """Which of these requests have been answered by an account that is authorized: by name, or by its handle."""
    rows = await db.fetch(
        """SELECT name FROM unnest($2::text[]) AS name
           WHERE EXISTS (SELECT 1 FROM authorizations a JOIN accounts USING (bc_id, asset_id)
                         WHERE a.bc_id = $1 AND a.stage = 'active'
                           AND (a.request_name = name OR accounts.handle = name))""",
        bc_id,
        list(names),
    )
    return [row["name"] for row in rows]


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


async def active_id(db: Database, bc_id: str, asset_id: str) -> str | None:
    """The id of the authorization of an account that stands, or None."""
    found: str | None = await db.fetchval(
        "SELECT id FROM authorizations WHERE bc_id = $1 AND asset_id = $2 AND stage = 'active'", bc_id, asset_id
    )
    return found


async def active_accounts(db: Database, bc_id: str) -> list[ListedAccount]:
    """The accounts whose authorizations stand."""
    rows = await db.fetch(
        """SELECT asset_id, handle, name, uses FROM authorizations JOIN accounts USING (bc_id, asset_id)
           WHERE bc_id = $1 AND stage = 'active' ORDER BY asset_id""",
        bc_id,
    )
    return [ListedAccount(**row) for row in rows]


async def has_active(db: Database, bc_id: str) -> bool:
    """Whether any account is authorized."""
    found: bool = await db.fetchval(
        "SELECT EXISTS (SELECT FROM authorizations WHERE bc_id = $1 AND stage = 'active')", bc_id
    )
    return found


async def active_starts(db: Database) -> list[AuthorizationInput]:
    """What the workflows of all active authorizations are started with, if they have to be started again."""
    rows = await db.fetch(
        """SELECT id AS authorization_id, bc_id, asset_id, request_name, since AS authorized_at FROM authorizations
           WHERE stage = 'active' ORDER BY bc_id, asset_id"""
    )
    return [AuthorizationInput(**row) for row in rows]


async def end_authorization(
    connection: Connection, authorization_id: str, stage: AuthorizationStage, *, ended_by: str, reason: str
) -> tuple[Ended, list[tuple[str, str]]] | None:
    """
    End an authorization and all that hangs on it, in the caller's transaction (R15).

    Its grants and links end, targets that were not submitted are frozen. None if it had ended before. With what was
    done come the frozen targets, each `(campaign_id, row_id)`.
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
    await connection.execute(
        """UPDATE partner_steps SET state = 'withdrawn', decided_at = now()
           WHERE authorization_id = $1 AND state = 'waiting'""",
        authorization_id,
    )
    frozen = await connection.fetch(
        """UPDATE targets SET state = $3, reason = $4
           FROM accounts
           WHERE accounts.bc_id = $1 AND accounts.asset_id = $2
             AND targets.bc_id = $1 AND (targets.asset_id = $2 OR targets.handle = accounts.handle)
             AND targets.state = ANY($5) RETURNING targets.campaign_id, targets.row_id""",
        row["bc_id"],
        row["asset_id"],
        TargetState.FROZEN,
        f"R15: the authorization ended ({stage.value.replace('_', ' ')}) before this row was submitted",
        list(NOT_SUBMITTED),
    )
    ended = Ended(
        grants=_count(grants),
        links=_count(links),
        targets_frozen=len(frozen),
        campaigns=tuple(sorted({row["campaign_id"] for row in frozen})),
    )
    return ended, [(row["campaign_id"], row["row_id"]) for row in frozen]


async def live_ads(db: Database, bc_id: str, asset_id: str) -> list[LiveAd]:
    """Ads of ours on an account that may be running or in review."""
    rows = await db.fetch(
        """SELECT campaign_id, row_id, advertiser_id, ad_id FROM targets
           WHERE bc_id = $1 AND asset_id = $2 AND ad_id IS NOT NULL AND state = ANY($3)
           ORDER BY advertiser_id, ad_id""",
        bc_id,
        asset_id,
        _LIVE,
    )
    return [LiveAd(**row) for row in rows]


async def mark_stopped(db: Database, ads: Sequence[LiveAd], reason: str) -> None:
    """Flag the targets of ads that were stopped (R15); one that was taken down meanwhile stays so."""
    await db.executemany(
        "UPDATE targets SET state = $3, reason = $4 WHERE campaign_id = $1 AND row_id = $2 AND state = ANY($5)",
        [(ad.campaign_id, ad.row_id, TargetState.STOPPED, reason, _LIVE) for ad in ads],
    )


async def set_problem(db: Database, bc_id: str, asset_id: str, problem: str) -> bool:
    """Remember why an account can't be advertised, or that it can; whether that is news."""
    status = await db.execute(
        "UPDATE accounts SET problem = $3 WHERE bc_id = $1 AND asset_id = $2 AND problem <> $3",
        bc_id,
        asset_id,
        problem[:500],
    )
    return status == "UPDATE 1"


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


async def list_accounts(db: Database, bc_id: str, *, only: Sequence[str] | None) -> list[AccountLine]:
    """The accounts of a Business Center with their newest authorization; `only` these asset ids, or all (R4)."""
    rows = await db.fetch(
        """SELECT DISTINCT ON (a.asset_id)
               a.asset_id, accounts.handle, accounts.name, a.stage, a.since,
               CASE WHEN a.stage = 'active' THEN accounts.problem ELSE '' END AS problem,
               coalesce((SELECT r.scope FROM access_requests r WHERE r.bc_id = a.bc_id AND r.name = a.request_name
                         ORDER BY r.opened_at DESC LIMIT 1), '') AS scope_asked,
               (SELECT coalesce(json_agg(json_build_array(partner_id, advertiser_id) ORDER BY 1), '[]')
                FROM partner_steps WHERE authorization_id = a.id AND state = 'waiting') AS partners,
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
    lines = []
    for row in rows:
        told = dict(row) | {
            "since": row["since"].astimezone(UTC),
            "members": json.loads(row["members"]),
            "ad_accounts": json.loads(row["ad_accounts"]),
        }
        if row["stage"] == AuthorizationStage.ACTIVE:
            told["waiting_for"] = waiting_for(
                row["problem"], json.loads(row["partners"]), told["members"], told["ad_accounts"]
            )
        lines.append(AccountLine(**told))
    return sorted(lines, key=lambda line: (line.handle, line.asset_id))


def waiting_for(
    problem: str, partners: Sequence[Sequence[str]], members: Sequence[str], ad_accounts: Sequence[str]
) -> str:
    """Who has to do what before an authorized account can be promoted; empty if nobody has to."""
    if problem:
        return f"the owner: {problem}"
    if partners:
        steps = ", ".join(f"partner {partner} to share ad account {ad_account}" for partner, ad_account in partners)
        return f"{steps} with this Business Center"
    missing = [] if members else ["give members permission"]
    if not ad_accounts:
        missing.append("link it to an ad account")
    return f"an admin to {' and '.join(missing)}" if missing else ""


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
