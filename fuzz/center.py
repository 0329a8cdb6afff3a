"""One seed's Business Center: swept, reviewed and shared while one entry of its listings, or a few, are odd."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from fuzz import alterations
from fuzz.commands import WITHIN, Said, answer_to
from fuzz.outcome import Outcome, calls_of, lines_of
from fuzz.place import SCOPE, Place
from fuzz.proxy import Line
from fuzz.verdict import Invariant, Violation, too_often
from fuzz.workflows_seen import Seen
from fuzz.world import LATE, World
from sparkads import RequestAccess
from sparkads.contracts.authorization import AdAccountLink, MemberGrant, PairOutcome, Share
from sparkads.contracts.business_center import AccountLine, LookNow
from sparkads.contracts.drift import AskDrift
from sparkads.contracts.people import AskPeople
from sparkads.scopes import Scope

OWNERS = ("one", "two", "three", "four", "five")
"""Have approved before anything is odd. The first two are shared then, too."""

ODD_FOR = 6.0
"""Seconds of sweeps and reviews before commands are given."""

RECOVERS_WITHIN = 75.0
"""Seconds after nothing is odd any more, within which everything is as it should be: as long as a failed activity may
wait before it is tried again."""

_LOOK = 0.5
_LOOK_AS_ADMIN = 2.0
"""Seconds between two commands: each has TikTok asked who gives it."""


async def run(world: World, place: Place) -> Outcome:
    """Run a Business Center while the alterations of a seed are at work, and judge what was answered."""
    return await _Run(world, place).run()


@dataclass
class _Run:
    world: World
    place: Place
    assets: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    found: list[Violation] = field(default_factory=list)

    async def run(self) -> Outcome:
        began = time.monotonic()
        drawn = alterations.of_business_center(self.world.seed)
        line = self.place.proxy.line(self.world.token, drawn, self.world.ad_accounts)
        seen = Seen(self.place.spark.temporal, self.world.bc_id, self.world.campaign_id)
        try:
            await self._prepare()
            line.start()
            await self._while_odd(line)
            line.stop()
            await self._afterwards()
            await self._look_back(line, seen)
            pending = await seen.pending() if self.found else []
        finally:
            line.stop()
            await seen.end()
        return Outcome(
            seed=self.world.seed,
            kind="center",
            alterations=tuple(str(one) for one in drawn),
            hits=lines_of(line, self.world),
            violations=tuple(self.found),
            pending=tuple(map(str, pending)),
            calls=calls_of(line),
            seconds=time.monotonic() - began,
        )

    async def _prepare(self) -> None:
        world, place = self.world, self.place
        await place.control("POST", "seed", world.seeding((*OWNERS, LATE), partner=True))
        await place.connect(world.bc_id, world.token)
        handles = tuple(map(world.handle, OWNERS))
        command = RequestAccess(command_id="before", actor=world.admin, scope=SCOPE, handles=handles)
        await place.spark.request_access(world.bc_id, command)
        for owner in OWNERS:
            await self._approve(owner)
        async with asyncio.timeout(60):
            while len(await self._accounts()) < len(OWNERS):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(_LOOK)
        for owner in OWNERS[:2]:
            await place.spark.share(world.bc_id, self.assets[owner], self._share(world.spares[0], world.ad_accounts[0]))

    async def _while_odd(self, line: Line) -> None:
        """Some sweeps and reviews, then commands; the Business Center goes on with both."""
        world, spark = self.world, self.place.spark
        began = datetime.now(UTC)
        await spark.look(world.bc_id, LookNow(reported_by=world.admin))
        await asyncio.sleep(ODD_FOR)
        drift = AskDrift(actor=world.admin)
        looks: dict[str, Callable[[], Awaitable[Any]]] = {
            "list_accounts": self._accounts,
            "check_drift": lambda: spark.check_drift(world.bc_id, drift),
            "list_people": lambda: spark.people(world.bc_id, AskPeople(actor=world.admin)),
            "list_people of one": lambda: spark.people(
                world.bc_id, AskPeople(actor=world.admin, member=world.spares[0])
            ),
        }
        said = dict(zip(looks, await asyncio.gather(*(answer_to(look) for look in looks.values())), strict=True))
        beside = frozenset(one for hit in line.hits for one in hit.beside)
        owner, member, ad_account = self._untouched(beside)
        said["share"] = await answer_to(
            lambda: spark.share(world.bc_id, self.assets[owner], self._share(member, ad_account))
        )
        said["request_access"] = await answer_to(self._invite)
        beside = frozenset(one for hit in line.hits for one in hit.beside)
        self._judge_answers(said, beside)
        if said["request_access"].answer is not None:
            await self._approve(LATE)
            await self._is_listed(LATE, beside, "approved while something is odd")
        self._judge_accounts(await answer_to(self._accounts), beside)
        status = await spark.business_center_status(world.bc_id)
        if status.last_sweep is None or status.last_sweep < began:
            found = f"none since {began}: {status.last_error}"
            self.found.append(Violation(Invariant.NOTHING_ELSE, "the sweep", found))

    def _judge_answers(self, said: dict[str, Said], beside: frozenset[str]) -> None:
        may_be_refused = self.world.admin in beside
        for command, one in said.items():
            if one.nothing or (one.refusal and not may_be_refused):
                self.found.append(Violation(Invariant.ANSWERS, command, one.nothing or one.refusal))
        shared = said["share"].answer
        if shared is not None and not may_be_refused:
            for pair in shared.pairs:
                if pair.outcome not in {PairOutcome.DONE, PairOutcome.ALREADY}:
                    found = f"{pair.subject}: {pair.outcome}: {pair.reason}"
                    self.found.append(Violation(Invariant.NOTHING_ELSE, "share", found))

    def _judge_accounts(self, said: Said, beside: frozenset[str]) -> None:
        if self.world.admin in beside:
            return  # whose role is not said has the least rights, and sees what is shared with them
        if said.answer is None:
            self.found.append(Violation(Invariant.ANSWERS, "list_accounts", said.nothing or said.refusal))
            return
        stages = {one.asset_id: one.stage for one in said.answer}
        for owner in OWNERS:
            # Not even the odd one's authorization ends: that it can't be read is no word of its owner.
            stage = stages.get(self.assets[owner], "not listed")
            if stage != "active":
                is_odd = "odd" if self._is_odd(owner, beside) else "not odd"
                self.found.append(Violation(Invariant.NOTHING_ELSE, f"account {owner} ({is_odd})", stage))

    async def _afterwards(self) -> None:
        """Nothing is odd any more: everybody is there, and the odd one can be shared."""
        world, spark = self.world, self.place.spark
        if LATE not in self.assets:
            await self._approve(LATE)
            invited = await answer_to(self._invite, RECOVERS_WITHIN)
            if invited.answer is None:
                found = invited.nothing or invited.refusal
                self.found.append(Violation(Invariant.GOES_ON, "request_access afterwards", found))
        await self._is_listed(LATE, frozenset(), "afterwards")
        self._judge_accounts(await answer_to(self._accounts, RECOVERS_WITHIN), frozenset())
        again = self._share(world.spares[1], world.ad_accounts[2])

        async def share(owner: str) -> Said:
            return await answer_to(lambda: spark.share(world.bc_id, self.assets[owner], again), RECOVERS_WITHIN)

        for owner, said in zip(OWNERS, await asyncio.gather(*map(share, OWNERS)), strict=True):
            pairs = [] if said.answer is None else said.answer.pairs
            wrong = [one for one in pairs if one.outcome not in {PairOutcome.DONE, PairOutcome.ALREADY}]
            if wrong or not pairs:
                found = said.nothing or said.refusal or f"{wrong[0].subject}: {wrong[0].reason}"
                self.found.append(Violation(Invariant.GOES_ON, f"share of {owner} afterwards", found))
        said = await answer_to(lambda: spark.check_drift(world.bc_id, AskDrift(actor=world.admin)), RECOVERS_WITHIN)
        if said.answer is None:
            self.found.append(Violation(Invariant.GOES_ON, "check_drift afterwards", said.nothing or said.refusal))

    async def _look_back(self, line: Line, seen: Seen) -> None:
        self.found += [Violation(Invariant.NO_FAILURE, *one.split(": ", 1)) for one in await seen.failures()]
        for execution in await seen.executions():
            is_authorization = execution.id.startswith("authorization/")
            if is_authorization and execution.status is WorkflowExecutionStatus.COMPLETED:
                self.found.append(Violation(Invariant.NOTHING_ELSE, execution.id, "has ended"))
        self.found += too_often(line.calls)
        wanted = {self.assets[owner] for owner in OWNERS}
        state = await self.place.control("GET", "state")
        (center,) = (one for one in state["business_centers"] if one["bc_id"] == self.world.bc_id)
        held = {one["asset_id"] for one in center["accounts"]}
        for asset_id in wanted - held:
            self.found.append(Violation(Invariant.NOTHING_ELSE, f"account {asset_id}", "was removed at TikTok"))
        for owner in OWNERS[:2]:
            linked = {one["advertiser_id"] for one in state["links"] if one["asset_id"] == self.assets[owner]}
            if self.world.ad_accounts[0] not in linked:
                self.found.append(Violation(Invariant.NOTHING_ELSE, f"link of {owner}", "was removed at TikTok"))
            on_record = await self.place.spark.authorization_status(self.world.bc_id, self.assets[owner])
            if self.world.spares[0] not in on_record.members or self.world.ad_accounts[0] not in on_record.ad_accounts:
                found = f"{on_record.members}, {on_record.ad_accounts}"
                self.found.append(Violation(Invariant.GOES_ON, f"who shares {owner}, on record", found))

    async def _approve(self, owner: str) -> None:
        asset_id, identity_id = await self.place.approve(self.world.handle(owner), self.world.bc_id)
        self.assets[owner] = asset_id
        self.owners |= {asset_id: owner, identity_id: owner}

    async def _accounts(self) -> tuple[AccountLine, ...]:
        return (await self.place.spark.list_accounts(self.world.bc_id, self.world.admin)).accounts

    async def _invite(self) -> Any:
        scope = Scope(existing_posts=True)
        command = RequestAccess(
            command_id="late", actor=self.world.admin, scope=scope, handles=(self.world.handle(LATE),)
        )
        return await self.place.spark.request_access(self.world.bc_id, command)

    async def _is_listed(self, owner: str, beside: frozenset[str], when: str) -> None:
        """Wait until an account is on record; one that is odd, or whose reader is, need not be."""
        try:
            async with asyncio.timeout(RECOVERS_WITHIN if when == "afterwards" else WITHIN):
                while True:
                    said = await answer_to(self._accounts)
                    if self.assets[owner] in {one.asset_id for one in said.answer or ()}:
                        return
                    if self.world.admin in beside:
                        return
                    await asyncio.sleep(_LOOK_AS_ADMIN)
        except TimeoutError:
            if not self._is_odd(owner, beside):
                self.found.append(Violation(Invariant.NOTHING_ELSE, f"account {owner}, {when}", "not on record"))

    def _is_odd(self, owner: str, beside: frozenset[str]) -> bool:
        return owner in {self.owners.get(one) for one in beside}

    def _untouched(self, beside: frozenset[str]) -> tuple[str, str, str]:
        """An account, a member and an ad account that nothing odd is said of."""
        owner = next(one for one in OWNERS[2:] if not self._is_odd(one, beside))
        member = next((one for one in self.world.spares if one not in beside), self.world.spares[0])
        ad_account = next((one for one in self.world.ad_accounts[1:] if one not in beside), self.world.ad_accounts[1])
        return owner, member, ad_account

    def _share(self, member: str, ad_account: str) -> Share:
        return Share(
            actor=self.world.admin,
            members=(MemberGrant(user_id=member),),
            ad_accounts=(AdAccountLink(advertiser_id=ad_account),),
        )
