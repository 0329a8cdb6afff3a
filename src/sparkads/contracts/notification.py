"""
What people are told: the body of the webhook, and the update `list_notifications`.

A webhook is a POST of one `Notification` as JSON, in the order of `id` within a Business Center. Delivery is at least
once: `X-Sparkads-Id` is the same for every repetition. Where a secret is set, `X-Sparkads-Signature` is `sha256=` and
the hex HMAC-SHA256 of the body's bytes with that secret as the key. Any 2xx takes the notification off the list.
"""

from enum import StrEnum

from pydantic import AwareDatetime, Field, JsonValue

from sparkads.contracts.base import Contract, TikTokId


class NotificationKind(StrEnum):
    """What a notification is about."""

    REMINDER = "reminder"
    """an owner has not answered an access request yet; the text is made to be sent on to them"""
    AUTHORIZED = "authorized"
    """an owner has approved, and the account can be shared"""
    AUTHORIZATION_ENDED = "authorization_ended"
    """an owner or an admin has ended an authorization"""
    ACCOUNT_CHANGED = "account_changed"
    """a TikTok account has another handle, or has become private or unusable, or usable again"""
    GRANT_ENDED = "grant_ended"
    """a member's or a partner's permission has ended, by its date or with the authorization"""
    PARTNER_STEP = "partner_step"
    """somebody at a partner has something to do by hand, or has done it"""
    DRIFT = "drift"
    """our record and TikTok differ"""
    ATTENTION = "attention"
    """something waits for a person of ours"""


class Notification(Contract):
    """One thing that people are told: the JSON body of the webhook."""

    id: int
    bc_id: TikTokId
    at: AwareDatetime
    kind: NotificationKind
    subject: str = Field(description="what it is about, in a few words: `@artist`, the name of a campaign")
    text: str = Field(description="for people, complete in itself")
    data: dict[str, JsonValue] = Field(description="for programs: ids and states; which ones depends on the kind")


class AskNotifications(Contract):
    """Update `list_notifications`: what people were told; for admins."""

    actor: TikTokId
    limit: int = Field(default=50, ge=1, le=200)
    kinds: tuple[NotificationKind, ...] = Field(default=(), description="only these; empty: all")


class Notifications(Contract):
    """Answer to `list_notifications`: the newest ones, oldest of them first."""

    notifications: tuple[Notification, ...]
    undelivered: int = Field(description="of the whole Business Center: how many wait for the webhook")
    last_error: str = Field(default="", description="why the first of them could not be delivered")
