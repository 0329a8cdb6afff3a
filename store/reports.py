"""What a release's report reads beside its rows: how far each account came, and who agreed."""

import json
from datetime import datetime

from sparkads.contracts.base import Contract
from sparkads.contracts.release import Verdict
from store.database import Database


class AccountStages(Contract):
    """
    How far one TikTok account of a release came, from Request to Share.

    Attributes:
        handle: as the manifest has it.
        name: as TikTok shows it; None if it never was in the Business Center.
        requested_at: when its owner was asked last by name; None: never.
        request_state: what became of that.
        answered_at: when that request was closed.
        approved_at: when its last authorization began; None: it has had none.
        ended_at: when that authorization ended.
        members: people who may use it in ads.
        linked: since when by ad account, of those that the release uses it in.
        ad_accounts: how many the release uses it in.
    """

    handle: str
    name: str | None
    requested_at: datetime | None
    request_state: str | None
    answered_at: datetime | None
    approved_at: datetime | None
    ended_at: datetime | None
    members: int
    linked: dict[str, datetime]
    ad_accounts: int


class ApprovalSaid(Contract):
    """What one approver said last of one plan."""

    plan_hash: str
    stage: str
    actor: str
    verdict: Verdict
    reason: str
    at: datetime


async def account_stages(db: Database, campaign_id: str) -> list[AccountStages]:
    """The accounts of a release by handle."""
    rows = await db.fetch(
        """WITH used AS (
               SELECT bc_id, handle, max(asset_id) AS asset_id, array_agg(DISTINCT advertiser_id) AS ad_accounts
               FROM targets WHERE campaign_id = $1 GROUP BY bc_id, handle)
           SELECT used.handle, known.name, asked.opened_at AS requested_at, asked.state AS request_state,
                  asked.closed_at AS answered_at, held.since AS approved_at, held.ended_at,
                  (SELECT count(*) FROM grants
                   WHERE grants.authorization_id = held.id AND grants.ended_at IS NULL) AS members,
                  (SELECT coalesce(jsonb_object_agg(links.advertiser_id, links.linked_at), '{}') FROM links
                   WHERE links.authorization_id = held.id AND links.ended_at IS NULL
                     AND links.advertiser_id = ANY(used.ad_accounts)) AS linked,
                  cardinality(used.ad_accounts) AS ad_accounts
           FROM used
           LEFT JOIN LATERAL (
               SELECT accounts.asset_id, accounts.name FROM accounts
               LEFT JOIN authorizations a ON a.bc_id = accounts.bc_id AND a.asset_id = accounts.asset_id
                                         AND a.stage = 'active'
               WHERE accounts.bc_id = used.bc_id
                 AND CASE WHEN used.asset_id IS NULL THEN accounts.handle = used.handle
                          ELSE accounts.asset_id = used.asset_id END
               ORDER BY a.id IS NULL, accounts.last_seen DESC LIMIT 1) known ON true
           LEFT JOIN LATERAL (
               SELECT * FROM authorizations a WHERE a.bc_id = used.bc_id AND a.asset_id = known.asset_id
               ORDER BY a.since DESC LIMIT 1) held ON true
           LEFT JOIN LATERAL (
               SELECT * FROM access_requests r WHERE r.bc_id = used.bc_id AND r.handle = used.handle
               ORDER BY r.opened_at DESC LIMIT 1) asked ON true
           ORDER BY used.handle""",
        campaign_id,
    )
    return [AccountStages(**{**row, "linked": json.loads(row["linked"])}) for row in rows]


async def approvals_said(db: Database, campaign_id: str) -> list[ApprovalSaid]:
    """What approvers said of each plan of a release, oldest first."""
    rows = await db.fetch(
        """SELECT plan_hash, stage, actor, verdict, reason, at FROM approvals
           WHERE campaign_id = $1 ORDER BY at, stage, actor""",
        campaign_id,
    )
    return [ApprovalSaid(**row) for row in rows]
