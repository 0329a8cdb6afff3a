"""What can happen to a Business Center, one dataclass each, and how hypothesis draws a history of it."""

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st

from sparkads.contracts.business_center import Decision
from sparkads.roles import Permission

OWNERS = 5
"""TikTok accounts that can be asked, and may scan unasked."""


class Person(StrEnum):
    """Somebody who commands, or is given something."""

    ADA = "ada"
    """an admin for good: she settles accounts at the end"""
    VIC = "vic"
    """an admin at first"""
    OTTO = "otto"
    STAN = "stan"
    STRANGER = "stranger"


@dataclass(frozen=True)
class Request:
    """Ask these owners for access; without any, an open invitation."""

    actor: Person
    owners: tuple[int, ...]


@dataclass(frozen=True)
class CancelRequest:
    """Take a request back: an owner's, or the newest open invitation."""

    actor: Person
    owner: int | None


@dataclass(frozen=True)
class Approve:
    """The owner scans and approves, asked or not; again, with another scope."""

    owner: int
    posts: bool
    videos: bool
    live: bool


@dataclass(frozen=True)
class Revoke:
    """The owner takes the consent back, if there is one."""

    owner: int


@dataclass(frozen=True)
class Rename:
    """The owner takes another handle."""

    owner: int


@dataclass(frozen=True)
class Report:
    """Somebody says that an owner scanned, which may be false."""

    actor: Person
    owner: int
    decision: Decision


@dataclass(frozen=True)
class Give:
    """Share an account with a member, and with the ad account."""

    actor: Person
    owner: int
    member: Person
    permissions: tuple[Permission, ...]
    ad_account: bool
    for_a_year: bool


@dataclass(frozen=True)
class Take:
    """Unshare an account from a member, and from the ad account."""

    actor: Person
    owner: int
    member: Person
    ad_account: bool


@dataclass(frozen=True)
class Repeat:
    """Send an earlier command again, under its own id."""

    which: int


@dataclass(frozen=True)
class End:
    """An admin ends an authorization."""

    actor: Person
    owner: int


@dataclass(frozen=True)
class ChangeRole:
    """Somebody's role is changed in Business Center; None: they are removed."""

    member: Person
    role: str | None


@dataclass(frozen=True)
class ByHand:
    """Somebody gives or takes in Business Center itself, and nobody tells us."""

    owner: int
    member: Person
    roles: tuple[str, ...]
    """none: it is taken"""


@dataclass(frozen=True)
class LinkByHand:
    """Somebody links an account to the ad account in Business Center itself, or unlinks it."""

    owner: int
    is_linked: bool


@dataclass(frozen=True)
class Garbage:
    """A signal that nobody can read: to an account's authorization, or to the Business Center."""

    owner: int | None
    signal: str


@dataclass(frozen=True)
class Look:
    """Somebody says that something has changed, and two sweeps pass."""


@dataclass(frozen=True)
class Restart:
    """The worker process is restarted; or killed, and started again."""

    is_killed: bool


Step = (
    Request
    | CancelRequest
    | Approve
    | Revoke
    | Rename
    | Report
    | Give
    | Take
    | Repeat
    | End
    | ChangeRole
    | ByHand
    | LinkByHand
    | Garbage
    | Look
    | Restart
)


@dataclass(frozen=True)
class AtOnce:
    """Several things happen side by side, and the worker may be killed among them, after so many milliseconds."""

    steps: tuple[Step, ...]
    killed_after: int | None


History = list[Step | AtOnce]

_admins = st.sampled_from([Person.ADA] * 8 + [Person.VIC] * 2)
_anybody = st.sampled_from([Person.ADA, Person.ADA, Person.VIC, Person.OTTO, Person.STRANGER])
_people = st.sampled_from([Person.OTTO, Person.STAN, Person.VIC, Person.ADA, Person.STRANGER])
_changing = st.sampled_from([Person.VIC, Person.OTTO, Person.STAN])
# The first of them is in the middle of everything.
_owners = st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 3, 4])
_permissions = st.sampled_from([(Permission.SPARK,), (Permission.SPARK, Permission.LIVE), (Permission.LIVE,)])
_decisions = st.sampled_from([Decision.APPROVED, Decision.APPROVED, *Decision])


def _weighted(*choices: tuple[int, st.SearchStrategy[Step]]) -> st.SearchStrategy[Step]:
    return st.sampled_from([one for weight, one in choices for _ in range(weight)]).flatmap(lambda one: one)


_commands = _weighted(
    (3, st.builds(Request, _admins, st.lists(_owners, max_size=3, unique=True).map(tuple))),
    (1, st.builds(Request, _anybody, st.tuples(_owners))),
    (2, st.builds(CancelRequest, _anybody, st.none() | _owners)),
    (5, st.builds(Approve, _owners, st.just(value=True), st.booleans(), st.booleans())),
    (1, st.builds(Approve, _owners, st.booleans(), st.booleans(), st.just(value=True))),
    (2, st.builds(Revoke, _owners)),
    (1, st.builds(Rename, _owners)),
    (3, st.builds(Report, _people, _owners, _decisions)),
    (12, st.builds(Give, _admins, _owners, _people, _permissions, st.booleans(), st.booleans())),
    (1, st.builds(Give, _anybody, _owners, _people, _permissions, st.booleans(), st.booleans())),
    (4, st.builds(Take, _admins, _owners, _people, st.booleans())),
    (3, st.builds(Repeat, st.integers(0, 9))),
    (2, st.builds(End, _anybody, _owners)),
    (2, st.builds(ByHand, _owners, _people, st.sampled_from([(), ("POST",), ("POST", "LIVE")]))),
    (1, st.builds(LinkByHand, _owners, st.booleans())),
    (2, st.builds(Garbage, st.none() | _owners, st.sampled_from(["scan", "look", "cancel_request", "cancel", "lost"]))),
)
_between = _weighted(
    (5, st.just(Look())),
    (2, st.builds(ChangeRole, _changing, st.sampled_from(["ADMIN", "STANDARD", None]))),
    (1, st.builds(Restart, st.booleans())),
)
# A kill costs seconds, so there are not many.
_killed_after = st.sampled_from([None] * 9 + [0, 50, 150])
_at_once = st.builds(AtOnce, st.lists(_commands, min_size=2, max_size=6).map(tuple), _killed_after)


def histories(longest: int) -> st.SearchStrategy[History]:
    """Histories that shrink to the few steps that matter, and looks between them."""
    step = st.one_of(_between, _commands, _commands, _commands, _at_once)
    return st.lists(step, min_size=longest // 2, max_size=longest)
