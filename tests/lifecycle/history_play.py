"""Plays a history on the real stack and keeps a ledger of what was sent and answered."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import singledispatchmethod
from types import MappingProxyType

from access_record import by_hand
from history_steps import (
    OWNERS,
    Approve,
    AtOnce,
    ByHand,
    CancelRequest,
    ChangeRole,
    End,
    Garbage,
    Give,
    LinkByHand,
    Look,
    Person,
    Rename,
    Repeat,
    Report,
    Request,
    Restart,
    Revoke,
    Step,
    Take,
)
from mortal_worker import MortalWorker
from temporalio.service import RPCError

from sparkads import names
from sparkads.contracts.authorization import (
    AdAccountLink,
    EndAuthorization,
    MemberGrant,
    PairOutcome,
    Share,
    ShareResult,
    Unshare,
)
from sparkads.contracts.business_center import (
    BusinessCenterInput,
    BusinessCenterState,
    LookNow,
    PendingRequest,
    RequestAccess,
    RequestAccessResult,
    RequestOpened,
    ScanReport,
)
from sparkads.contracts.business_center import CancelRequest as CancelRequestSignal
from sparkads.errors import AdminOnly, AuthorizationEnded, NotAMember, NothingOnRecord
from sparkads.scopes import NewVideos, Scope
from store import authorizations
from store.database import Pool
from tests.conftest import Label, until

SLOTS = 200
TAKEN = 195
"""Slots taken from the start, so that the cap is near (R6)."""

_TO_CENTER = {names.SCAN, names.LOOK, names.CANCEL_REQUEST}
_GIVING = MappingProxyType({"member": "shared", "ad account": "linked"})
_TAKING = MappingProxyType({"member": "unshared", "ad account": "unlinked"})
"""What the trail calls the effects of a command, by the kind of what it is about."""

Answer = ShareResult | RequestAccessResult


@dataclass
class Command:
    """A command with an id of its own, and its first answer."""

    command_id: str
    actor: Person
    send: Callable[[], Awaitable[Answer]]
    authorization_id: str | None
    """to which it was sent; None: to the Business Center"""
    owner: int | None
    answer: Answer
    actions: Mapping[str, str] = field(default_factory=dict)
    """what the trail calls its effects, by the kind of what it is about"""


@dataclass(frozen=True)
class Sent:
    """A report of a scan; its text finds it again in the record."""

    text: str
    is_approval: bool
    owner: int
    at: datetime


@dataclass
class Ledger:
    """What was sent, and what was answered."""

    commands: list[Command] = field(default_factory=list)
    opened: Counter[str] = field(default_factory=Counter)
    """by name, requests that were answered with `opened`"""
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    """by action and subject of its line in the trail, effects that were answered with `done`"""
    perhaps: Counter[tuple[str, str]] = field(default_factory=Counter)
    """effects of which nobody can say who did them, or whether: a worker was killed, or an answer may be an old one"""
    reports: list[Sent] = field(default_factory=list)
    approvals: Counter[int] = field(default_factory=Counter)
    ends: Counter[int] = field(default_factory=Counter)
    cancels: int = 0
    garbage: int = 0
    uninvited: int = 0
    """approvals of owners who were not asked: they take slots that nobody could keep them from taking"""
    admins: set[str] = field(default_factory=set)
    """who has ever been one"""


class Center:
    """One Business Center and all that happens to it."""

    def __init__(self, label: Label, db: Pool, worker: MortalWorker) -> None:
        self.label = label
        self.db = db
        self.ledger = Ledger()
        self.assets: list[str] = []
        self._worker = worker
        self._numbers = 0
        self._user_ids = {
            Person.ADA: label.admin,
            Person.OTTO: label.operator,
            Person.STAN: label.standard,
            Person.VIC: f"64{label.bc_id[2:]}",
            Person.STRANGER: f"65{label.bc_id[2:]}",
        }
        self._roles: dict[Person, str | None] = {
            Person.ADA: "ADMIN",
            Person.VIC: "ADMIN",
            Person.OTTO: "STANDARD",
            Person.STAN: "STANDARD",
            Person.STRANGER: None,
        }
        self._handles = [f"a{number}x{label.bc_id[-5:]}" for number in range(OWNERS)]
        self._invitations: list[str] = []

    async def open(self) -> None:
        """Seed its world, start its workflow close to the cap, and let the first owner approve."""
        simulator = self.label.simulator
        seeded = await simulator.post("seed", {"accounts": [{"handle": handle} for handle in self._handles]})
        self.assets = [account["asset_id"] for account in seeded["accounts"]]
        await self._seed_member(Person.VIC, "ADMIN")
        self.ledger.admins |= {self._user_ids[Person.ADA], self._user_ids[Person.VIC]}
        taken = [f"taken{number}" for number in range(TAKEN)]
        pending = {name: PendingRequest(name=name, handle=name, scope=Scope()) for name in taken}
        await self.label.spark.temporal.start_workflow(
            names.BUSINESS_CENTER_WORKFLOW,
            BusinessCenterInput(bc_id=self.label.bc_id, state=BusinessCenterState(pending=pending)),
            id=names.business_center_id(self.label.bc_id),
            task_queue=names.TASK_QUEUE,
        )
        await self.play(Request(Person.ADA, (0,)))
        await self.play(Approve(0, posts=True, videos=True, live=False))
        await self.sweeps()

    async def sweeps(self, times: int = 2) -> None:
        """Let so many sweeps pass."""
        for _ in range(times):
            before = await self._last_sweep()

            async def swept(before: datetime | None = before) -> bool:
                return await self._last_sweep() != before

            await until(swept, "a further sweep", within=60)

    async def _last_sweep(self) -> datetime | None:
        return (await self.label.spark.business_center_status(self.label.bc_id)).last_sweep

    @singledispatchmethod
    async def play(self, step: Step | AtOnce) -> None:
        raise TypeError(step)

    # Request

    @play.register
    async def _(self, step: Request) -> None:
        number = self._number()
        command = RequestAccess(
            command_id=number,
            actor=self._user_ids[step.actor],
            handles=tuple(self._handles[owner] for owner in step.owners),
            scope=Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE),
        )

        async def send() -> RequestAccessResult:
            return await self.label.spark._update(
                names.business_center_id(self.label.bc_id), names.REQUEST_ACCESS, command, RequestAccessResult, number
            )

        answer = await self._answered(step.actor, None, send)
        if not isinstance(answer, RequestAccessResult):
            return
        self.ledger.commands.append(Command(number, step.actor, send, None, None, answer))
        opened = [line.name for line in answer.requests if line.outcome is RequestOpened.OPENED]
        self.ledger.opened.update(opened)
        self._invitations += [name for name in opened if name.startswith("open-")]

    @play.register
    async def _(self, step: CancelRequest) -> None:
        if step.owner is None and not self._invitations:
            return
        name = self._invitations[-1] if step.owner is None else self._handles[step.owner]
        self.ledger.cancels += 1
        await self.label.spark.cancel_request(
            self.label.bc_id, CancelRequestSignal(name=name, actor=self._user_ids[step.actor])
        )

    # What owners do

    @play.register
    async def _(self, step: Approve) -> None:
        asked = await self.db.fetchval(
            "SELECT count(*) FROM access_requests WHERE bc_id = $1 AND state = 'pending' AND handle = $2",
            self.label.bc_id,
            self._handles[step.owner],
        )
        choices = {"posts": step.posts, "videos": step.videos, "live": step.live}
        answer = await self.label.simulator.post(
            f"owners/{self._handles[step.owner]}/approve", {"bc_id": self.label.bc_id, **choices}
        )
        if answer["outcome"] == "approved":
            self.ledger.approvals[step.owner] += 1
            self.ledger.uninvited += not asked

    @play.register
    async def _(self, step: Revoke) -> None:
        url = f"{self.label.simulator.url}/control/owners/{self._handles[step.owner]}/revoke"
        async with self.label.simulator.http.post(url, json={"bc_id": self.label.bc_id}) as answer:
            assert answer.status in {200, 404}, "404: there is nothing to revoke"

    @play.register
    async def _(self, step: Rename) -> None:
        before = self._handles[step.owner]
        self._handles[step.owner] = f"{self._number()}a{step.owner}x{self.label.bc_id[-5:]}"
        await self.label.simulator.post(f"owners/{before}", {"handle": self._handles[step.owner]})

    @play.register
    async def _(self, step: Report) -> None:
        text = f"report {self._number()}"
        is_approval = step.decision.value == "approved"
        self.ledger.reports.append(Sent(text, is_approval, step.owner, datetime.now(UTC)))
        await self.label.spark.report_scan(
            self.label.bc_id,
            ScanReport(
                handle=self._handles[step.owner],
                decision=step.decision,
                reported_by=self._user_ids[step.actor],
                reason=text,
            ),
        )

    # Share

    @play.register
    async def _(self, step: Give) -> None:
        until_then = datetime.now(UTC) + timedelta(days=365) if step.for_a_year else None
        member = MemberGrant(user_id=self._user_ids[step.member], permissions=step.permissions, until=until_then)
        links = (AdAccountLink(advertiser_id=self.label.ad_account),) if step.ad_account else ()
        command = Share(actor=self._user_ids[step.actor], members=(member,), ad_accounts=links)
        number = self._number()

        async def send() -> ShareResult:
            return await self.label.spark.share(self.label.bc_id, self.assets[step.owner], command, command_id=number)

        await self._share(step.actor, step.owner, number, send, _GIVING)

    @play.register
    async def _(self, step: Take) -> None:
        links = (self.label.ad_account,) if step.ad_account else ()
        command = Unshare(actor=self._user_ids[step.actor], members=(self._user_ids[step.member],), ad_accounts=links)
        number = self._number()

        async def send() -> ShareResult:
            return await self.label.spark.unshare(self.label.bc_id, self.assets[step.owner], command, command_id=number)

        await self._share(step.actor, step.owner, number, send, _TAKING)

    async def _share(
        self,
        actor: Person,
        owner: int,
        number: str,
        send: Callable[[], Awaitable[ShareResult]],
        actions: Mapping[str, str],
    ) -> None:
        before, deaths = await self._authorization_id(owner), self._worker.deaths
        answer = await self._answered(actor, owner, send)
        if not isinstance(answer, ShareResult):
            return
        command = Command(number, actor, send, before, owner, answer, actions)
        if before is not None and before == await self._authorization_id(owner):
            self.ledger.commands.append(command)
        self._note_effects(command, answer, is_sure=deaths == self._worker.deaths)

    def _note_effects(self, command: Command, answer: ShareResult, *, is_sure: bool, is_new: bool = True) -> None:
        assert command.owner is not None
        for pair in answer.pairs:
            assert pair.outcome in {PairOutcome.DONE, PairOutcome.ALREADY, PairOutcome.REFUSED}, pair
            kind = pair.subject.rpartition(" ")[0]
            effect = (command.actions[kind], f"account {self.assets[command.owner]} · {pair.subject}")
            if pair.outcome is PairOutcome.DONE and is_new:
                self.ledger.done[effect] += 1
            elif not is_sure:
                self.ledger.perhaps[effect] += 1

    @play.register
    async def _(self, step: Repeat) -> None:
        if not self.ledger.commands:
            return
        command = self.ledger.commands[-1 - step.which % len(self.ledger.commands)]
        before, deaths = await self._authorization_id(command.owner), self._worker.deaths
        answer = await self._answered(command.actor, command.owner, command.send)
        after = await self._authorization_id(command.owner)
        if answer is None or command.authorization_id == before == after:
            assert answer in {None, command.answer}, f"{command.command_id} was answered anew"
        elif isinstance(answer, ShareResult):
            # Its authorization has ended, or is ending: on the next one it is a command like any other, but while the
            # cascade runs the one that ends still gives its first answer.
            is_next = before is not None and before == after
            self._note_effects(command, answer, is_sure=is_next and deaths == self._worker.deaths, is_new=is_next)

    async def _answered(self, actor: Person, owner: int | None, send: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """The answer to a command, or None if it was refused, as it had to be."""
        before = await self._authorization_id(owner)
        try:
            answer = await send()
        except (AdminOnly, NotAMember):
            assert self._roles[actor] != "ADMIN", f"{actor} is an admin"
            return None
        except AuthorizationEnded:
            return None
        except NothingOnRecord:
            stands = before is not None and before == await self._authorization_id(owner)
            assert not stands, f"{before} stands, and did not answer"
            return None
        assert self._roles[actor] == "ADMIN", f"{actor} is no admin and was obeyed"
        return answer

    async def _authorization_id(self, owner: int | None) -> str | None:
        if owner is None:
            return None
        async with self.db.acquire() as connection:
            return await authorizations.active_id(connection, self.label.bc_id, self.assets[owner])

    @play.register
    async def _(self, step: End) -> None:
        self.ledger.ends[step.owner] += 1
        command = EndAuthorization(actor=self._user_ids[step.actor], reason="enough")
        with contextlib.suppress(NothingOnRecord):
            await self.label.spark.end_authorization(self.label.bc_id, self.assets[step.owner], command)

    # What is done in Business Center itself

    @play.register
    async def _(self, step: ChangeRole) -> None:
        user_id, known = self._user_ids[step.member], self._roles[step.member]
        if step.role is None and known is not None:
            await self.label.simulator.post(f"members/{user_id}", {"bc_id": self.label.bc_id, "removed": True})
        elif step.role is not None:
            await self._seed_member(step.member, step.role)
        self._roles[step.member] = step.role
        if step.role == "ADMIN":
            self.ledger.admins.add(user_id)

    async def _seed_member(self, member: Person, role: str) -> None:
        one = {"user_id": self._user_ids[member], "user_name": member.title(), "user_role": role}
        center = {"bc_id": self.label.bc_id, "members": [one]}
        await self.label.simulator.post("seed", {"business_centers": [center]})

    @play.register
    async def _(self, step: ByHand) -> None:
        body = {"user_id": self._user_ids[step.member], "asset_id": self.assets[step.owner]}
        if step.roles:
            await self._by_hand("assign", **body, tt_account_roles=list(step.roles))
        else:
            await self._by_hand("unassign", **body)

    @play.register
    async def _(self, step: LinkByHand) -> None:
        path = "advertiser/assign" if step.is_linked else "advertiser/unassign"
        await self._by_hand(path, advertiser_id=self.label.ad_account, asset_id=self.assets[step.owner])

    async def _by_hand(self, path: str, **body: object) -> None:
        # TikTok refuses what is about nobody's account, or nobody: it is not for us to say when.
        with contextlib.suppress(AssertionError):
            await by_hand(self.label, path, **body)

    @play.register
    async def _(self, step: Garbage) -> None:
        temporal = self.label.spark.temporal
        if step.owner is None:
            center = temporal.get_workflow_handle(names.business_center_id(self.label.bc_id))
            await center.signal(step.signal if step.signal in _TO_CENTER else names.SCAN, 7)
            self.ledger.garbage += 1
        else:
            account = temporal.get_workflow_handle(names.authorization_id(self.label.bc_id, self.assets[step.owner]))
            with contextlib.suppress(RPCError):  # it may not stand
                await account.signal(names.LOST if step.signal == names.LOST else names.CANCEL, {"seen": [step.signal]})

    # Time and bad luck

    @play.register
    async def _(self, _step: Look) -> None:
        await self.label.spark.look(self.label.bc_id, LookNow(reported_by=self.label.admin))
        await self.sweeps()

    @play.register
    async def _(self, step: Restart) -> None:
        await self._worker.restart(signal.SIGKILL if step.is_killed else signal.SIGTERM)

    @play.register
    async def _(self, step: AtOnce) -> None:
        async def kill(after: int) -> None:
            await asyncio.sleep(after / 1000)
            await self._worker.restart(signal.SIGKILL)

        killing = [] if step.killed_after is None else [kill(step.killed_after)]
        await asyncio.gather(*(self.play(one) for one in step.steps), *killing)

    def _number(self) -> str:
        self._numbers += 1
        return f"h{self._numbers}"
