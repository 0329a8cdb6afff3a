"""Messages of `ReleaseCampaignWorkflow` and `PublishShardWorkflow`."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from sparkads.budgets import WORST_DAY
from sparkads.contracts.base import BlobRef, Contract, Name, ShortText, Territory, TikTokId


class TargetState(StrEnum):
    """Where one row of a manifest stands."""

    WAITING = "waiting"
    """for the owner's approval, or to be shared"""
    READY = "ready"
    """both keys are there; it waits for its instant"""
    SUBMITTING = "submitting"
    """an intent to publish is open"""
    IN_REVIEW = "in_review"
    """the ad exists; TikTok has not decided yet"""
    PUBLISHED = "published"
    """approved by TikTok; its post is known, or looked for if TikTok has not named it"""
    REJECTED = "rejected"
    """by TikTok's review"""
    REFUSED = "refused"
    """TikTok refused to make the ad"""
    BLOCKED = "blocked"
    """by one of our rules"""
    FROZEN = "frozen"
    """the authorization ended before it was submitted (R15)"""
    STOPPED = "stopped"
    """its ad was live when the authorization ended (R15)"""
    UNKNOWN = "unknown"
    """an answer was lost and no evidence was found yet"""
    CANCELLED = "cancelled"
    """it was cancelled before it was submitted"""
    PAUSED = "paused"
    """a person holds this row back"""
    TAKEN_DOWN = "taken_down"
    """its ad was deleted, because a person said so"""


FINAL_STATES = frozenset(
    {
        TargetState.PUBLISHED,
        TargetState.REJECTED,
        TargetState.REFUSED,
        TargetState.BLOCKED,
        TargetState.FROZEN,
        TargetState.STOPPED,
        TargetState.CANCELLED,
        TargetState.TAKEN_DOWN,
    }
)
"""States that nothing but a person's new command leads out of."""

NOT_SUBMITTED = (TargetState.WAITING, TargetState.READY, TargetState.PAUSED)
"""States of rows of which nothing exists at TikTok yet."""


class DailyBudget(StrEnum):
    """How TikTok keeps the daily budget of an ad group."""

    DYNAMIC = "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"
    """over a week: on one day it may spend 125 %"""
    DAY = "BUDGET_MODE_DAY"
    """day by day"""


_KEPT_OVER_A_WEEK = frozenset({"TRAFFIC", "APP_PROMOTION", "WEB_CONVERSIONS", "LEAD_GENERATION"})
"""Objectives for which TikTok asks for a dynamic daily budget (adgroup/create; others need an allowlist for it)."""


class AdTemplate(Contract):
    """
    How a release's TikTok campaigns and ad groups are made; the words are TikTok's own.

    The default sends people to a landing page: what a release usually wants.
    """

    objective_type: str = "TRAFFIC"
    promotion_type: str = "WEBSITE"
    optimization_goal: str = "CLICK"
    billing_event: str = "CPC"
    pacing: str = "PACING_MODE_SMOOTH"
    ads_per_ad_group: int = Field(
        default=50, ge=1, le=1000, description="TikTok's help says 50; where it takes fewer, a further one is opened"
    )
    budget_mode: DailyBudget | None = Field(default=None, description="null: the one that TikTok asks for")

    @property
    def daily_budget_mode(self) -> DailyBudget:
        """How TikTok keeps daily budgets: as is said, or as it asks for with this objective."""
        if self.budget_mode is not None:
            return self.budget_mode
        return DailyBudget.DYNAMIC if self.objective_type in _KEPT_OVER_A_WEEK else DailyBudget.DAY

    @property
    def worst_day(self) -> Decimal:
        """What may be spent on one day, times the daily budget."""
        return WORST_DAY if self.daily_budget_mode is DailyBudget.DYNAMIC else Decimal(1)


class Selection(Contract):
    """Rows of a release: those that every list has which is not empty; all if all are empty."""

    rows: tuple[Name, ...] = Field(default=(), max_length=1000)
    territories: tuple[Territory, ...] = Field(default=(), max_length=300)
    waves: tuple[int, ...] = Field(default=(), max_length=1000)

    @property
    def is_all(self) -> bool:
        """Whether it is the whole release."""
        return not (self.rows or self.territories or self.waves)


class DailyCeiling(Contract):
    """
    What a release may spend on a day through one ad account, in its currency: rows beyond it are blocked.

    Daily budgets count as what TikTok may spend of them on one day: `AdTemplate.worst_day`.
    """

    ad_account: TikTokId
    amount: Decimal = Field(gt=0)


class HealthGate(Contract):
    """What stands between two tiers of a release."""

    hold_seconds: float = Field(default=900, ge=0, description="after a tier has gone out, before its health is judged")
    worst_share: float = Field(
        default=0.05, ge=0, le=1, description="of a tier's ads that may fail, be refused in review, or be unknown"
    )


class ApprovalStage(Contract):
    """People who have to agree before anything is published: the artist's team, rights, a territory."""

    name: Name
    approvers: tuple[TikTokId, ...] = Field(min_length=1, max_length=50)
    quorum: int = Field(default=1, ge=1, description="how many of them")

    @model_validator(mode="after")
    def _has_enough_approvers(self) -> Self:
        if self.quorum > len(set(self.approvers)):
            raise ValueError(f"stage {self.name} wants {self.quorum} of {len(set(self.approvers))} approvers")
        return self


class LatePolicy(StrEnum):
    """What becomes of a row whose instant has passed while the release, or the row, was paused."""

    PUBLISH = "publish"
    """now"""
    SKIP = "skip"
    """it is blocked, and may be tried again by a person"""
    ASK = "ask"
    """it stays paused, and waits for a person"""


class ReleaseInput(Contract):
    """Start of a release campaign: one manifest, all stages."""

    campaign_id: Name
    bc_id: TikTokId
    actor: TikTokId = Field(description="who starts it; invites and shares, so an admin where that is needed (R2, R3)")
    operator: TikTokId = Field(description="who runs the ads: needs both keys (R5)")
    manifest: BlobRef = Field(description="a release bundle, as made by `sparkads.manifest.bundle`")
    roster: tuple[TikTokId, ...] = Field(default=(), max_length=200, description="further members to share with")
    request_deadline: AwareDatetime | None = Field(default=None, description="of invitations sent by this release")
    template: AdTemplate = AdTemplate()
    daily_ceilings: tuple[DailyCeiling, ...] = Field(default=(), max_length=1000)
    plan_hash: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="of the plan that was agreed to: refused if it is another"
    )
    gate: HealthGate = HealthGate()
    late: LatePolicy = LatePolicy.PUBLISH
    approvals: tuple[ApprovalStage, ...] = Field(default=(), max_length=20)
    approval_deadline: AwareDatetime | None = Field(default=None, description="after it people are told at once")
    remind_approvers_every_hours: float = Field(default=24, gt=0)
    resumed: bool = Field(default=False, description="set by the workflow itself when it continues as new")
    resumed_paused: bool = False
    resumed_tier_out_at: AwareDatetime | None = None
    resumed_asked_at: AwareDatetime | None = None
    resumed_reminders: int = 0
    resumed_told_overdue: bool = False
    resumed_to_invite: bool = False
    resumed_retried_by: str = ""

    @field_validator("daily_ceilings")
    @classmethod
    def _has_one_ceiling_each(cls, ceilings: tuple[DailyCeiling, ...]) -> tuple[DailyCeiling, ...]:
        twice = [one for one, count in Counter(one.ad_account for one in ceilings).items() if count > 1]
        if twice:
            raise ValueError(f"ad account {twice[0]} has more than one ceiling")
        return ceilings


RELEASE_SETTINGS = tuple(
    name for name in ReleaseInput.model_fields if name != "plan_hash" and not name.startswith("resumed")
)
"""Fields in which two starts of the same release are the same."""


class Wave(Contract):
    """What is left to do of the targets of one instant."""

    number: int
    tier: int = 1
    due_at: AwareDatetime
    targets: int
    waiting: int = Field(description="targets that still wait for their account")
    shards: tuple[int, ...] = Field(description="numbers of the shards that have targets past waiting")


class Wait(Contract):
    """Rows that wait for the same thing, which is neither their instant nor TikTok's review."""

    reason: str = Field(description="what it is, and what to do")
    rows: int
    row_ids: tuple[str, ...] = Field(description="the first 10")
    since: AwareDatetime


class TerritoryProgress(Contract):
    """How far the rows of one territory are."""

    territory: Territory
    targets: int
    published: int
    failed: int = Field(description="will not be published, as it stands")
    next_due: AwareDatetime | None = Field(description="of those that are not submitted yet")


class Tier(Contract):
    """How far the rows of one tier are."""

    number: int
    targets: int
    to_go: int = Field(description="ready, or due later: not submitted yet")
    submitted: int
    failed: int = Field(description="of those submitted: refused by TikTok or in its review, or unknown")


class Command(Contract):
    """Signals `pause`, `resume`, `cancel`: who and why, and which rows; none named: the whole release."""

    actor: TikTokId
    reason: ShortText = ""
    only: Selection = Selection()
    late: LatePolicy | None = Field(default=None, description="resume: instead of the release's own policy")


class Proceed(Contract):
    """Update `proceed`: let the next tier go, whatever the health of the one before."""

    actor: TikTokId
    reason: ShortText = Field(min_length=1)


class OpenTier(Contract):
    """Answer to `proceed`: the highest tier that may go."""

    number: int


class Retime(Contract):
    """
    Update `retime`: rows that are not submitted go out at another instant.

    Earlier than it was is the end of an embargo: it takes two admins who say the same.
    """

    actor: TikTokId
    reason: ShortText = Field(min_length=1)
    only: Selection = Selection()
    release_at: datetime | None = Field(description="wall time in each row's own zone; null: now")

    @field_validator("release_at")
    @classmethod
    def _is_a_wall_time(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is not None:
            raise ValueError("a wall time without an offset is wanted: each row has its own zone")
        return value


class Retimed(Contract):
    """Answer to `retime`."""

    rows: int = Field(description="rows with another instant")
    left_out: dict[TargetState, int] = Field(description="rows that were chosen and are past that, by state")
    waits_for: str = Field(default="", description="who has to say the same before anything is changed")
    plan_hash: str | None = Field(default=None, description="what has to be approved from now on")


class Verdict(StrEnum):
    """What an approver says."""

    APPROVE = "approve"
    REJECT = "reject"


class Approve(Contract):
    """Update `approve`: one of the approvers of a stage agrees to a plan, or does not."""

    actor: TikTokId
    stage: Name
    plan_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="what was looked at")
    verdict: Verdict = Verdict.APPROVE
    reason: ShortText = ""


class Approved(Contract):
    """Answer to `approve`: what is still missing."""

    missing: tuple[ShortText, ...]


class RetryTargets(Contract):
    """Update `retry`: what failed or was blocked goes through all gates again."""

    actor: TikTokId
    reason: ShortText = Field(min_length=1)
    only: Selection = Selection()


class LeftOut(Contract):
    """A row that a retry does not take."""

    row_id: str
    state: TargetState | None = Field(description="null: there is no such row")
    why: str


class TargetsRetried(Contract):
    """Answer to `retry`."""

    taken: int
    rows: tuple[str, ...] = Field(description="that go again, the first 100")
    left_out: int
    left_out_rows: tuple[LeftOut, ...] = Field(description="the first 100")


class SettleTarget(Contract):
    """Update `settle_target`: a person decides what became of a target whose outcome is unknown."""

    actor: TikTokId
    row_id: Name
    published_ad_id: TikTokId | None = Field(
        default=None, description="the ad that it became; null: it was not published, and may be published again"
    )
    because: ShortText = Field(min_length=1, description="how it is known")


class TargetSettled(Contract):
    """Answer to `settle_target`."""

    row_id: Name
    wave: int
    shard: int
    ad_id: TikTokId | None = Field(description="null: the target is ready again")


class RowsHeld(Contract):
    """Signal `rows_held` to a release: a shard has rows whose outcome only a person can decide."""

    rows: tuple[Name, ...] = Field(max_length=100, description="the first few")


class OutcomeSettled(Contract):
    """Signal `outcome_settled` to a shard: a person has decided an outcome that it waits for."""

    row_id: Name


class AccessChanged(Contract):
    """Signal `access_changed` to a release: an account that it waits for was authorized, or will not be."""


class ReleasePhase(StrEnum):
    """The stages of a release, in order (R1)."""

    LOADING = "loading"
    REQUEST = "request"
    SHARE = "share"
    APPROVE = "approve"
    PREPARE = "prepare"
    PROMOTE = "promote"
    REPORT = "report"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    """it ended through a fault or a refusal, with rows still to go; `attention` says how it goes on"""


class ReleaseStatus(Contract):
    """Answer to query `status`."""

    campaign_id: Name
    phase: ReleasePhase
    waiting_on: str
    since: AwareDatetime
    counts: dict[TargetState, int]
    waves: tuple[Wave, ...] = Field(description="waves that are not finished, the first 50")
    next_due: AwareDatetime | None
    paused: bool
    tiers: tuple[Tier, ...] = ()
    open_tier: int = Field(default=1, description="rows of higher tiers are held back")
    territories: tuple[TerritoryProgress, ...] = Field(default=(), description="the first 100")
    plan_hash: str | None = Field(default=None, description="what approvers have to agree to")
    missing_approvals: tuple[str, ...] = ()
    waits: tuple[Wait, ...] = Field(default=(), description="what rows wait for, the first 20 reasons")
    attention: str = Field(description="empty, or what a person has to look at")
    last_error: str
    undecodable_signals: int = 0


class ReportFiles(Contract):
    """A release's report, as files in the object store."""

    html: BlobRef
    csv: BlobRef
    json_file: BlobRef


class ReleaseResult(Contract):
    """How a release ended."""

    counts: dict[TargetState, int]
    report: ReportFiles


class AskReport(Contract):
    """Update `report`: the report as it stands now."""

    actor: TikTokId


class WriteReportInput(Contract):
    """Start of a report from the record alone: of a release whose own workflow does not run."""

    campaign_id: Name
    actor: TikTokId


class ShardInput(Contract):
    """Start of a shard: a page of targets of one ad account and one instant. The page itself is in Postgres."""

    campaign_id: Name
    bc_id: TikTokId
    wave: int
    shard: int
    due_at: AwareDatetime
    parts_done: int = 0
    batches_done: int = 0
    paused: bool = False


class ShardResult(Contract):
    """What became of a shard's targets."""

    counts: dict[TargetState, int]
