"""Messages of `ReleaseCampaignWorkflow` and `PublishShardWorkflow`."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import BlobRef, Contract, Name, ShortText, TikTokId


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
    """confirmed by TikTok, with its post"""
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
    ads_per_ad_group: int = Field(default=100, ge=1, le=1000)


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
    plan_hash: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="of the plan that was agreed to: refused if it is another"
    )
    resumed: bool = Field(default=False, description="set by the workflow itself when it continues as new")
    resumed_paused: bool = False


class Wave(Contract):
    """What is left to do of the targets of one instant."""

    number: int
    due_at: AwareDatetime
    targets: int
    waiting: int = Field(description="targets that still wait for their account")
    shards: tuple[int, ...] = Field(description="numbers of the shards that have targets past waiting")


class Command(Contract):
    """Signals `pause`, `resume`, `cancel`: who and why."""

    actor: TikTokId
    reason: ShortText = ""


class Selection(Contract):
    """Rows of a release: those that fit every part that is given; nothing given: all of them."""

    rows: tuple[Name, ...] = Field(default=(), max_length=1000, description="row_ids of the manifest")
    territories: tuple[str, ...] = Field(default=(), max_length=300, description="as the manifest spells them")
    waves: tuple[int, ...] = Field(default=(), max_length=1000, description="numbers of waves")


class RetryTargets(Contract):
    """Update `retry`: what failed or was blocked goes through all gates again."""

    actor: TikTokId
    reason: ShortText = Field(min_length=1)
    selection: Selection = Selection()


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
    PREPARE = "prepare"
    PROMOTE = "promote"
    REPORT = "report"
    DONE = "done"
    CANCELLED = "cancelled"


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
