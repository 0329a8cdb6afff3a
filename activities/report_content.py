"""What the report of a release says, in all its forms."""

from datetime import datetime

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store.api_calls import EndpointCalls
from store.audit import AuditLine
from store.releases import ReportRow
from store.reports import AccountStages, ApprovalSaid


class ReleaseReport(Contract):
    """
    A release campaign as it stands.

    Attributes:
        approved: whether every stage of approval has agreed to the plan in force; True where none was asked for.
        plan_hash: of the plan in force; None if nobody was asked to agree.
        approvals: what was said of this plan and of earlier ones, oldest first.
        calls: to TikTok for this release, but for those of workers that were killed in the middle of an activity.
        names: of people and ad accounts by id, as TikTok told them last.
    """

    campaign_id: str
    business_center: str
    started_by: str
    operator: str
    started_at: datetime
    written_at: datetime
    counts: dict[TargetState, int]
    rows: tuple[ReportRow, ...]
    accounts: tuple[AccountStages, ...]
    approved: bool
    plan_hash: str | None
    approvals: tuple[ApprovalSaid, ...]
    calls: tuple[EndpointCalls, ...]
    names: dict[str, str]
    trail: tuple[AuditLine, ...]
