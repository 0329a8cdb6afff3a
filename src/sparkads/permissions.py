"""
What becomes of every command, whoever sends it, in every state of what it acts on.

`COMMANDS` is the declaration; `sparkads.roles` says who may. The page docs/who-may-do-what.md is written from both, and
every cell of it is tried on the real system (tests/lifecycle/test_every_cell.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, TypeAlias

from sparkads import names
from sparkads.errors import (
    AdminOnly,
    BusinessCenterUnknown,
    NotAMember,
    NotAnApprover,
    NothingOnRecord,
    OnlyItsPeople,
    OutcomeKnown,
    Refusal,
    RequestClosedAlready,
)
from sparkads.roles import Action, BcRole, may, sees_all_accounts


class Who(StrEnum):
    """Who sends a command."""

    ADMIN = "admin"
    STANDARD = "standard member"
    STARTER = "standard member who started the release"
    OPERATOR = "standard member who operates it"
    INVITED = "invited, has not accepted"
    STRANGER = "no member"
    LEFT = "started the release, and left"


ROLE_OF: Mapping[Who, BcRole | None] = MappingProxyType(
    {
        Who.ADMIN: BcRole.ADMIN,
        Who.STANDARD: BcRole.STANDARD,
        Who.STARTER: BcRole.STANDARD,
        Who.OPERATOR: BcRole.STANDARD,
        Who.INVITED: None,
        Who.STRANGER: None,
        Who.LEFT: None,
    }
)
"""Their role in the Business Center; an invitation that was not accepted makes nobody a member, nor did a past one."""

EVERYBODY = (Who.ADMIN, Who.STANDARD, Who.INVITED, Who.STRANGER)
_ITS_PEOPLE = (Who.STARTER, Who.OPERATOR)


class AccountState(StrEnum):
    """How a TikTok account and a Business Center stand to each other: the request first, the authorization after it."""

    UNKNOWN = "never requested"
    REQUESTED = "requested"
    DECLINED = "declined"
    TAKEN_BACK = "request taken back"
    TIMED_OUT = "request timed out"
    AUTHORIZED = "authorized"
    SHARED = "shared with a member"
    REVOKED = "revoked by its owner"
    REMOVED = "removed by an admin"


class CenterState(StrEnum):
    """Whether a Business Center's access token is stored."""

    CONNECTED = "connected"
    NEVER_CONNECTED = "never connected"


class ReleaseState(StrEnum):
    """How a release campaign stands."""

    NONE = "no such release"
    RUNNING = "under way"
    PAUSED = "paused"
    OVER = "over"


State: TypeAlias = AccountState | CenterState | ReleaseState


class Outcome(StrEnum):
    """What becomes of a command that is not refused."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    """allowed, and it is so already"""
    SHOWN = "shown"
    LEFT_OUT = "left out"
    """the command is answered, and its answer does not name the account"""
    KEPT = "kept"
    """put on record, and changes nothing else"""


Answer: TypeAlias = Outcome | type[Refusal]

_NOBODY_THERE: frozenset[Answer] = frozenset({NothingOnRecord, BusinessCenterUnknown, RequestClosedAlready})
"""Where nothing is, nobody is asked who they are: these answers are the same for everybody."""


@dataclass(frozen=True)
class Command:
    """
    A command, and what becomes of it if its sender may.

    Attributes:
        name: of the update or signal; as in `sparkads.names`.
        sent_to: the workflow type that takes it.
        kind: how it is sent.
        action: what it asks for; None: nobody has to be anybody, because TikTok is asked before it counts.
        states: the outcome in each state of what it acts on.
        about: tells two uses of one name apart.
        steers: of members who are no admins, only those whose release it is may send it.
    """

    name: str
    sent_to: str
    kind: Literal["update", "signal", "start"]
    action: Action | None
    states: Mapping[State, Answer]
    about: str = ""
    steers: bool = False

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return " ".join(filter(None, (self.sent_to.removesuffix("Workflow"), self.name, self.about)))

    @property
    def people(self) -> tuple[Who, ...]:
        """Whom it makes a difference for."""
        return tuple(Who) if self.steers else EVERYBODY

    def answer(self, who: Who, state: State) -> Answer:
        """What becomes of it: membership first, then the role, then the state."""
        for_whoever_may = self.states[state]
        if for_whoever_may in _NOBODY_THERE or self.action is None:
            return for_whoever_may
        role = ROLE_OF[who]
        if role is None:
            return NotAMember
        if not may(role, self.action):
            return AdminOnly
        if self.steers and role is not BcRole.ADMIN and who not in _ITS_PEOPLE:
            return OnlyItsPeople
        hidden = for_whoever_may is Outcome.SHOWN and state is not AccountState.SHARED and not sees_all_accounts(role)
        return Outcome.LEFT_OUT if hidden else for_whoever_may


def _where(
    *,
    unknown: Answer,
    requested: Answer,
    closed: Answer,
    authorized: Answer,
    shared: Answer,
    ended: Answer,
) -> Mapping[State, Answer]:
    return MappingProxyType(
        {
            AccountState.UNKNOWN: unknown,
            AccountState.REQUESTED: requested,
            AccountState.DECLINED: closed,
            AccountState.TAKEN_BACK: closed,
            AccountState.TIMED_OUT: closed,
            AccountState.AUTHORIZED: authorized,
            AccountState.SHARED: shared,
            AccountState.REVOKED: ended,
            AccountState.REMOVED: ended,
        }
    )


def _only_while_authorized(*, authorized: Answer, shared: Answer) -> Mapping[State, Answer]:
    # R1: nothing is there to share or to end before the owner approves, or after the end.
    return _where(
        unknown=NothingOnRecord,
        requested=NothingOnRecord,
        closed=NothingOnRecord,
        authorized=authorized,
        shared=shared,
        ended=NothingOnRecord,
    )


_KEPT = _where(
    unknown=Outcome.KEPT,
    requested=Outcome.KEPT,
    closed=Outcome.KEPT,
    authorized=Outcome.KEPT,
    shared=Outcome.KEPT,
    ended=Outcome.KEPT,
)

_CENTER: Mapping[State, Answer] = MappingProxyType(
    {CenterState.CONNECTED: Outcome.DONE, CenterState.NEVER_CONNECTED: BusinessCenterUnknown}
)


def _while_it_lasts(*, running: Answer, paused: Answer) -> Mapping[State, Answer]:
    return MappingProxyType(
        {
            ReleaseState.NONE: NothingOnRecord,
            ReleaseState.RUNNING: running,
            ReleaseState.PAUSED: paused,
            ReleaseState.OVER: NothingOnRecord,
        }
    )


_DONE, _NOTHING_TO_DO, _SHOWN = Outcome.DONE, Outcome.NOTHING_TO_DO, Outcome.SHOWN
_CENTERS, _AUTHORIZATIONS = names.BUSINESS_CENTER_WORKFLOW, names.AUTHORIZATION_WORKFLOW
_RELEASES = names.RELEASE_CAMPAIGN_WORKFLOW

COMMANDS: tuple[Command, ...] = (
    Command(
        names.REQUEST_ACCESS,
        _CENTERS,
        "update",
        Action.REQUEST_ACCESS,
        _where(
            unknown=_DONE,
            requested=_NOTHING_TO_DO,
            closed=_DONE,
            authorized=_NOTHING_TO_DO,
            shared=_NOTHING_TO_DO,
            ended=_DONE,
        ),
    ),
    Command(
        names.CANCEL_REQUEST,
        _CENTERS,
        "signal",
        Action.REQUEST_ACCESS,
        _where(
            unknown=NothingOnRecord,
            requested=_DONE,
            closed=RequestClosedAlready,
            authorized=RequestClosedAlready,
            shared=RequestClosedAlready,
            ended=RequestClosedAlready,
        ),
    ),
    Command(names.QR_CODE, _CENTERS, "update", Action.REQUEST_ACCESS, _CENTER),
    Command(
        names.SCAN,
        _CENTERS,
        "signal",
        Action.REPORT_SCAN,
        MappingProxyType({**_KEPT, AccountState.REQUESTED: _DONE}),
        about="declined",
    ),
    # R9: an approval counts once TikTok lists the account, whoever speaks of it; these are reported too early.
    Command(names.SCAN, _CENTERS, "signal", None, _KEPT, about="approved"),
    Command(names.LIST_SCANS, _CENTERS, "update", Action.SEE_SCANS, _CENTER),
    Command(
        names.LIST_ACCOUNTS,
        _CENTERS,
        "update",
        Action.SEE_ACCOUNTS,
        _where(
            unknown=Outcome.LEFT_OUT,
            requested=_SHOWN,
            closed=Outcome.LEFT_OUT,
            authorized=_SHOWN,
            shared=_SHOWN,
            ended=_SHOWN,
        ),
    ),
    Command(
        names.SHARE,
        _AUTHORIZATIONS,
        "update",
        Action.SHARE,
        _only_while_authorized(authorized=_DONE, shared=_NOTHING_TO_DO),
    ),
    Command(
        names.UNSHARE,
        _AUTHORIZATIONS,
        "update",
        Action.SHARE,
        _only_while_authorized(authorized=_NOTHING_TO_DO, shared=_DONE),
    ),
    Command(
        names.CANCEL,
        _AUTHORIZATIONS,
        "signal",
        Action.END_AUTHORIZATION,
        _only_while_authorized(authorized=_DONE, shared=_DONE),
    ),
    Command(names.LIST_PEOPLE, _CENTERS, "update", Action.SEE_PEOPLE, _CENTER),
    Command(names.CHECK_DRIFT, _CENTERS, "update", Action.CHECK_DRIFT, _CENTER),
    Command(names.AUDIT, _CENTERS, "update", Action.READ_AUDIT, _CENTER),
    Command(names.LIST_NOTIFICATIONS, _CENTERS, "update", Action.SEE_NOTIFICATIONS, _CENTER),
    Command(
        "start",
        names.PLAN_RELEASE_WORKFLOW,
        "start",
        Action.RUN_RELEASE,
        MappingProxyType({ReleaseState.NONE: _DONE}),
    ),
    Command("start", _RELEASES, "start", Action.RUN_RELEASE, MappingProxyType({ReleaseState.NONE: _DONE})),
    Command(
        names.PAUSE,
        _RELEASES,
        "signal",
        Action.RUN_RELEASE,
        _while_it_lasts(running=_DONE, paused=_NOTHING_TO_DO),
        steers=True,
    ),
    Command(
        names.RESUME,
        _RELEASES,
        "signal",
        Action.RUN_RELEASE,
        _while_it_lasts(running=_NOTHING_TO_DO, paused=_DONE),
        steers=True,
    ),
    Command(
        names.CANCEL, _RELEASES, "signal", Action.RUN_RELEASE, _while_it_lasts(running=_DONE, paused=_DONE), steers=True
    ),
    # The first of two admins who say so; what the second does: tests/publishing/test_retime.py.
    Command(
        names.RETIME,
        _RELEASES,
        "update",
        Action.LIFT_EMBARGO,
        _while_it_lasts(running=_DONE, paused=_DONE),
        about="earlier",
    ),
    Command(
        names.RETIME,
        _RELEASES,
        "update",
        Action.RUN_RELEASE,
        _while_it_lasts(running=_DONE, paused=_DONE),
        about="later",
        steers=True,
    ),
    # There is one tier in these releases; tests/publishing/test_tiers.py has more.
    Command(
        names.PROCEED,
        _RELEASES,
        "update",
        Action.RUN_RELEASE,
        _while_it_lasts(running=_NOTHING_TO_DO, paused=_NOTHING_TO_DO),
        steers=True,
    ),
    # Only its approvers may: these releases have none, tests/publishing/test_approvals.py has some.
    Command(
        names.APPROVE,
        _RELEASES,
        "update",
        Action.RUN_RELEASE,
        _while_it_lasts(running=NotAnApprover, paused=NotAnApprover),
    ),
    # None of the targets of these releases has an unknown outcome; tests/publishing/test_settle.py has one.
    Command(
        names.SETTLE_TARGET,
        _RELEASES,
        "update",
        Action.RUN_RELEASE,
        _while_it_lasts(running=OutcomeKnown, paused=OutcomeKnown),
        steers=True,
    ),
    # No row of these releases has failed, and those of the one that is over were cancelled with it;
    # tests/publishing/test_retry.py has others.
    Command(
        names.RETRY,
        _RELEASES,
        "update",
        Action.RUN_RELEASE,
        MappingProxyType(
            {**_while_it_lasts(running=_NOTHING_TO_DO, paused=_NOTHING_TO_DO), ReleaseState.OVER: _NOTHING_TO_DO}
        ),
        steers=True,
    ),
    Command(
        names.TAKEDOWN,
        names.TAKEDOWN_WORKFLOW,
        "start",
        Action.RUN_RELEASE,
        MappingProxyType({**_while_it_lasts(running=_DONE, paused=_DONE), ReleaseState.OVER: _DONE}),
        steers=True,
    ),
)
"""Every command of a person or a service."""

NEED_NO_RIGHT: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (_CENTERS, names.LOOK): "everything is looked at now; what counts is what TikTok says",
        (_CENTERS, names.REQUEST_CLOSED): "from an access request that has ended: its slot is free",
        (_AUTHORIZATIONS, names.LOST): "from the sweep; TikTok is asked before it counts",
        (_AUTHORIZATIONS, names.PARTNER_SHARED): "from the review; links only what an admin has asked for",
        (_RELEASES, names.ACCESS_CHANGED): "from requests and authorizations: the accounts are looked at again",
        (_RELEASES, names.ROWS_HELD): "from a shard or a takedown: where the release stands is read again",
        (_RELEASES, names.REPORT): "writes down what is on record",
    }
)
"""By workflow type and name, the messages that ask for nothing that needs a right, and what they bring about."""


@dataclass(frozen=True)
class Cell:
    """One command, by one kind of person, in one state."""

    command: Command
    who: Who
    state: State

    @property
    def answer(self) -> Answer:
        """What is declared to become of it."""
        return self.command.answer(self.who, self.state)


def cells() -> Iterator[Cell]:
    """Every cell, in the order of the declaration."""
    for command in COMMANDS:
        for state in command.states:
            for who in command.people:
                yield Cell(command, who, state)
