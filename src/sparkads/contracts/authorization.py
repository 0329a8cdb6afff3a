"""Messages of `AuthorizationWorkflow`: sharing one authorized account, and its end."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import Contract, Name, ShortText, TikTokId
from sparkads.roles import AdAccountRole, Permission


class AuthorizationStage(StrEnum):
    """States of an authorization (domain decision 3). No timer leads out of `active` (R10)."""

    ACTIVE = "active"
    REVOKED_BY_OWNER = "revoked_by_owner"
    REMOVED_BY_ADMIN = "removed_by_admin"


class AuthorizationInput(Contract):
    """Start of an authorization; made by `BusinessCenterWorkflow` when TikTok first lists the account."""

    bc_id: TikTokId
    asset_id: TikTokId
    request_name: Name | None = Field(default=None, description="the access request that the scan answers")
    authorized_at: AwareDatetime | None = Field(default=None, description="set once, kept from run to run")
    undecodable: int = 0
    last_undecodable: ShortText = ""


class MemberGrant(Contract):
    """One member and what they may run on the account (R11)."""

    user_id: TikTokId
    permissions: tuple[Permission, ...] = (Permission.SPARK,)


class AdAccountLink(Contract):
    """One ad account to link the TikTok account to, and the role that the members get on it, if any (R11)."""

    advertiser_id: TikTokId
    member_role: AdAccountRole | None = Field(
        default=None, description="None: roles on the ad account stay as they are"
    )


class Share(Contract):
    """Update `share`: give members the use of the account, on ad accounts (R3, R11)."""

    actor: TikTokId
    members: tuple[MemberGrant, ...] = Field(default=(), max_length=200)
    ad_accounts: tuple[AdAccountLink, ...] = Field(default=(), max_length=200)


class Unshare(Contract):
    """Update `unshare`: take the use of the account back."""

    actor: TikTokId
    members: tuple[TikTokId, ...] = Field(default=(), max_length=200)
    ad_accounts: tuple[TikTokId, ...] = Field(default=(), max_length=200)
    reason: ShortText = ""


class PairOutcome(StrEnum):
    """What became of one member or ad account."""

    DONE = "done"
    ALREADY = "already"
    REFUSED = "refused"


class SharedPair(Contract):
    """One member or ad account of a command, and what became of it."""

    subject: str = Field(description="`member <id>` or `ad account <id>`")
    outcome: PairOutcome
    reason: ShortText = ""


class ShareResult(Contract):
    """Answer to `share` and `unshare`: an outcome per pair."""

    pairs: tuple[SharedPair, ...]

    @property
    def refused(self) -> tuple[SharedPair, ...]:
        """The pairs that did not go through."""
        return tuple(pair for pair in self.pairs if pair.outcome is PairOutcome.REFUSED)


class EndAuthorization(Contract):
    """Signal `cancel`: a BC admin ends the authorization (R10)."""

    actor: TikTokId
    reason: ShortText = ""


class AccountLost(Contract):
    """Signal `lost`: the sweep no longer finds the account; checked again before it counts."""

    seen_at: AwareDatetime


class AuthorizationResult(Contract):
    """How an authorization ended, and what that did (R15)."""

    stage: AuthorizationStage
    reason: ShortText = ""
    grants_ended: int = 0
    links_removed: int = 0
    targets_frozen: int = 0
    ads_stopped: int = 0


class AuthorizationStatus(Contract):
    """Answer to query `status`."""

    bc_id: TikTokId
    asset_id: TikTokId
    stage: AuthorizationStage
    since: AwareDatetime | None
    members: tuple[str, ...]
    ad_accounts: tuple[str, ...]
    undecodable_signals: int = 0
    last_undecodable: str = ""
    last_error: str = ""
