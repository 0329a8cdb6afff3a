"""Messages of `BusinessCenterWorkflow`: requests, scans, the list of accounts."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import BlobRef, Contract, Handle, Name, ShortText, TikTokId
from sparkads.policy import DEFAULT_PROFILE
from sparkads.scopes import Scope


class Decision(StrEnum):
    """What an owner did with the consent page."""

    APPROVED = "approved"
    DECLINED = "declined"
    OUTDATED_APP = "outdated_app"
    """could not answer: the app has to be updated first"""
    EXPIRED_CODE = "expired_code"
    """could not answer: TikTok does not honour the code any more"""


BY_SWEEP = "sweep"
"""`reported_by` of what nobody reported: a sweep found the account."""


class ScanReport(Contract):
    """
    Signal `scan`: somebody says that an owner has scanned the code.

    An approval counts only once TikTok lists the account, whoever reports it. A refusal leaves no trace at TikTok, so
    it counts when a member of the Business Center reports it; an outdated app or an expired code leave none either, and
    the request goes on.
    """

    handle: Handle | None = None
    asset_id: TikTokId | None = None
    decision: Decision = Decision.APPROVED
    reported_by: str = Field(default="", max_length=100, description="user id of a member, for a refusal to count")
    reason: ShortText = ""


class LookNow(Contract):
    """Signal `look`: somebody says that something has changed at TikTok; everything is looked at now."""

    reported_by: str = Field(default="", max_length=100)
    reason: ShortText = ""


class PendingRequest(Contract):
    """One access request that still holds a slot of the cap."""

    name: Name
    handle: Handle | None
    scope: Scope


class BusinessCenterState(Contract):
    """What a Business Center remembers from run to run; the record itself is in Postgres."""

    pending: dict[str, PendingRequest] = Field(default_factory=dict)
    held: int = Field(default=0, description="TikTok accounts in the BC at the last sweep")
    undecodable: int = Field(default=0, description="signals that could not be read")
    last_undecodable: ShortText = ""
    last_sweep: AwareDatetime | None = None
    last_error: str = ""
    reports: tuple[ScanReport, ...] = Field(default=(), description="reported scans that no sweep has verified yet")
    last_review: AwareDatetime | None = None
    last_drift_check: AwareDatetime | None = None
    open_differences: int = 0
    unread: str = Field(default="", description="what of TikTok's list of accounts could not be read at the last sweep")
    left_out: tuple[str, ...] = Field(default=(), description="what the last review could not compare")
    lasting: tuple[str, ...] = Field(default=(), description="of them, what the one before could not, either")


class BusinessCenterInput(Contract):
    """Start of a Business Center's workflow. `{"bc_id": "…"}` is enough."""

    bc_id: TikTokId
    policy: str = DEFAULT_PROFILE
    state: BusinessCenterState = BusinessCenterState()


class RequestAccess(Contract):
    """
    Ask owners for access (R2, R6, R7).

    Without handles: an open invitation, which anyone who has the code may answer.
    """

    command_id: Name = Field(description="names an open invitation, so that a repeated command opens no second one")
    actor: TikTokId = Field(description="user id of the member who asks")
    scope: Scope
    handles: tuple[Handle, ...] = Field(default=(), max_length=800)
    deadline: AwareDatetime | None = Field(default=None, description="of the request; an authorization has none (R10)")
    remind_every_hours: float | None = Field(default=None, gt=0)


class QrCode(Contract):
    """
    The code of one Business Center and scope (R8), as files in the object store.

    The URL is in a file as well, because whoever has it can offer the Business Center's request to an owner.
    """

    png: BlobRef
    svg: BlobRef
    terminal: BlobRef
    url: BlobRef
    text: str = Field(description="who asks for what; stands beside the picture")
    issued_at: AwareDatetime


class RequestOpened(StrEnum):
    """What became of one handle in a command."""

    OPENED = "opened"
    ALREADY_OPEN = "already_open"
    ALREADY_AUTHORIZED = "already_authorized"
    CAP_REACHED = "cap_reached"


class RequestLine(Contract):
    """One handle, or the open invitation, of a command."""

    name: Name
    handle: Handle | None
    outcome: RequestOpened
    asset_id: TikTokId | None = None
    qr: QrCode | None = Field(default=None, description="its own code, where TikTok lets a code serve one owner only")


class RequestAccessResult(Contract):
    """Answer to `request_access`."""

    qr: QrCode = Field(description="the code of all requests; where each has its own, that of the first")
    requests: tuple[RequestLine, ...]
    slots_used: int
    slots: int


class AskCode(Contract):
    """Update `qr_code`: the code of a scope, for whoever is under way; `renew` if TikTok stopped honouring it (R8)."""

    actor: TikTokId
    scope: Scope
    renew: bool = False


class CancelRequest(Contract):
    """Signal: take an access request back (R2)."""

    name: Name
    actor: TikTokId
    reason: ShortText = ""


class RequestClosed(Contract):
    """Signal from an access request to its Business Center: the slot is free, or taken by an authorization."""

    name: Name


class ScanOutcome(StrEnum):
    """Every kind of scan has one of these, recorded (R9)."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    LATE = "late"
    AFTER_CANCEL = "after_cancel"
    UNEXPECTED_ACCOUNT = "unexpected_account"
    SHORT_OF_SCOPE = "short_of_scope"
    OUTDATED_APP = "outdated_app"
    EXPIRED_CODE = "expired_code"
    DECLINED = "declined"
    UNVERIFIED = "unverified"


class ListScans(Contract):
    """Update `list_scans`: what became of every scan (R9)."""

    actor: TikTokId
    limit: int = Field(default=50, ge=1, le=500)


class ScanLine(Contract):
    """One scan on record."""

    at: AwareDatetime
    handle: str
    asset_id: str
    request_name: str
    outcome: ScanOutcome
    reported_by: str
    detail: str


class ScanList(Contract):
    """Answer to `list_scans`: the newest ones, oldest of them first."""

    scans: tuple[ScanLine, ...]


class BusinessCenterStatus(Contract):
    """Answer to query `status`. Names of accounts are in `list_accounts`, which knows who asks (R4)."""

    bc_id: TikTokId
    policy: str
    held: int
    pending: int
    slots: int
    waiting_for: tuple[Name, ...] = Field(description="names of the open requests, the first 20")
    undecodable_signals: int
    last_undecodable: str
    last_sweep: AwareDatetime | None
    next_sweep: AwareDatetime | None
    last_error: str
    last_drift_check: AwareDatetime | None = None
    open_differences: int = 0
    unread: str = Field(
        default="", description="what of TikTok's list of accounts can't be read; nobody counts as gone"
    )
    left_out: tuple[str, ...] = Field(default=(), description="what the last review could not compare, and why")


class ListAccounts(Contract):
    """Update `list_accounts` (R4)."""

    actor: TikTokId


class AccountLine(Contract):
    """One TikTok account of a Business Center, as its members see it."""

    asset_id: TikTokId
    handle: str
    name: str
    stage: str = Field(description="active | revoked_by_owner | removed_by_admin")
    since: AwareDatetime
    can_push: bool | None = Field(description="None until it was linked to an ad account")
    can_pull: bool | None
    ads_only: bool | None
    members: tuple[str, ...] = ()
    ad_accounts: tuple[str, ...] = ()
    scope_asked: str = Field(default="", description="of the request that it answers: `posts+videos:ads_only+live`")
    problem: str = Field(default="", description="why TikTok lets nobody advertise it now")
    waiting_for: str = Field(default="", description="who has to do what next; empty: nobody")


class AwaitedLine(Contract):
    """One open access request, as admins see it among the accounts."""

    name: Name
    handle: str | None
    scope: str
    since: AwareDatetime
    deadline: AwareDatetime | None
    reminders_sent: int = 0


class AccountList(Contract):
    """Answer to `list_accounts`: all for an admin, the assigned ones for a standard member (R4)."""

    accounts: tuple[AccountLine, ...]
    awaited: tuple[AwaitedLine, ...] = Field(default=(), description="open requests; for admins")
