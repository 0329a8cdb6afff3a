"""Who is in a Business Center, and which partners share with it: read from TikTok, never invented."""

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import Contract, TikTokId


class AskPeople(Contract):
    """Update `list_people`; `member` asks for one person's ad accounts and TikTok accounts as well."""

    actor: TikTokId
    member: TikTokId | None = None


class Person(Contract):
    """A member of a Business Center."""

    user_id: str
    name: str
    role: str = Field(description="ADMIN | STANDARD")
    accounts: int = Field(description="TikTok accounts that our record says they may use")


class SharedAdAccount(Contract):
    """An ad account that a partner shares with the Business Center."""

    advertiser_id: str
    name: str


class Partner(Contract):
    """Another Business Center that shares ad accounts with this one."""

    bc_id: str
    name: str
    ad_accounts: tuple[SharedAdAccount, ...]


class MemberUse(Contract):
    """What one member may use, as TikTok says."""

    ad_accounts: dict[str, str] = Field(description="by ad account, the role on it")
    accounts: dict[str, tuple[str, ...]] = Field(description="by TikTok account (asset id), the permissions")


class People(Contract):
    """Answer to `list_people`."""

    read_at: AwareDatetime
    people: tuple[Person, ...]
    partners: tuple[Partner, ...]
    use: MemberUse | None = None
    left_out: tuple[str, ...] = Field(default=(), description="what TikTok did not answer, or could not be read")
