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
    authorization_id: str | None = Field(default=None, description="on record already, when it is rebuilt from there")
    authorized_at: AwareDatetime | None = Field(default=None, description="set once, kept from run to run")
    undecodable: int = 0
    last_undecodable: ShortText = ""
    unclear: dict[str, str] = Field(
        default_factory=dict, description="by `ad account <id>`, what a person has to decide about its identity"
    )


class MemberGrant(Contract):
    """One member and what they may run on the account (R11)."""

    user_id: TikTokId
    permissions: tuple[Permission, ...] = (Permission.SPARK,)
    until: AwareDatetime | None = Field(
        default=None, description="when it removes itself; None: an end that was set before stays, else never"
    )


class AdAccountLink(Contract):
    """
    One ad account to link the TikTok account to, and the role that the members get on it, if any (R11).

    A TikTok account cannot be shared with a partner by API: the partner shares its ad account with us, by hand, and we
    link the TikTok account to it (domain decision 4). `partner_id` makes that a step that waits for them.
    """

    advertiser_id: TikTokId
    member_role: AdAccountRole | None = Field(
        default=None, description="None: roles on the ad account stay as they are"
    )
    partner_id: TikTokId | None = Field(default=None, description="the partner Business Center that it belongs to")
    identity_id: str | None = Field(
        default=None, max_length=100, description="which identity it is; asked of a person where names are ambiguous"
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
    """a definite no; repeating it changes nothing"""
    WAITING = "waiting"
    """for the partner's people; it goes on by itself when they have done their part"""
    UNCLEAR = "unclear"
    """linked, and a person has to say which identity it is"""
    FAILED = "failed"
    """not done, because TikTok did not answer; repeat the command"""


NOT_DONE = frozenset({PairOutcome.REFUSED, PairOutcome.UNCLEAR, PairOutcome.FAILED})
"""Outcomes that somebody has to do something about."""


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
        """The pairs that did not go through, and will not by themselves."""
        return tuple(pair for pair in self.pairs if pair.outcome in NOT_DONE)


class EndAuthorization(Contract):
    """Signal `cancel`: a BC admin ends the authorization (R10)."""

    actor: TikTokId
    reason: ShortText = ""


class AccountLost(Contract):
    """Signal `lost`: the sweep no longer finds the account; checked again before it counts."""

    seen_at: AwareDatetime


class PartnerShared(Contract):
    """Signal `partner_shared`, from the sweep: a partner now shares ad accounts that this account waits for."""

    advertiser_ids: tuple[TikTokId, ...] = Field(max_length=200)


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
    waiting_for: str = Field(default="", description="who has to do what next; empty: nobody")
    next_grant_ends: AwareDatetime | None = None
