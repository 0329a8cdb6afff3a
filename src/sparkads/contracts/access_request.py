"""Messages of `AccessRequestWorkflow`: one awaited account, or an open invitation."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import Contract, Handle, Name, ShortText, TikTokId
from sparkads.scopes import Scope


class RequestOutcome(StrEnum):
    """States of a request (domain decision 3)."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class AccessRequestInput(Contract):
    """Start of an access request; made by `BusinessCenterWorkflow`, which holds the cap."""

    bc_id: TikTokId
    name: Name
    handle: Handle | None
    scope: Scope
    requested_by: TikTokId
    opened_at: AwareDatetime
    deadline: AwareDatetime | None = None
    remind_every_hours: float | None = None
    reminders_sent: int = 0
    request_id: str | None = Field(default=None, description="on record already: it goes on, or is rebuilt from there")
    undecodable: int = 0
    last_undecodable: ShortText = ""
    last_scan: ShortText = ""


class CancelAccessRequest(Contract):
    """Signal `cancel`: an admin takes the request back."""

    actor: TikTokId
    reason: ShortText = ""


class AccessRequestResult(Contract):
    """How a request ended."""

    outcome: RequestOutcome
    asset_id: TikTokId | None = None
    reason: ShortText = ""


class AccessRequestStatus(Contract):
    """Answer to query `status`."""

    name: Name
    handle: str | None
    outcome: RequestOutcome
    waiting_since: AwareDatetime
    deadline: AwareDatetime | None
    reminders_sent: int
    undecodable_signals: int = 0
    last_undecodable: str = ""
    last_scan: str = Field(default="", description="outcome of the last scan that did not answer the request")
    last_error: str = Field(default="", description="why the last command was refused")
