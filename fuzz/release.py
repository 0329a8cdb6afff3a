"""One seed's release: nine rows over three ad accounts, published while answers are altered, and judged at the end."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fuzz import alterations
from fuzz.commands import answer_to
from fuzz.outcome import Outcome, calls_of, lines_of
from fuzz.place import SCOPE, Place
from fuzz.proxy import Hit, Line
from fuzz.verdict import ON_TIME, RECOVERS_WITHIN, Evidence, violations
from fuzz.workflows_seen import Pending, Seen
from fuzz.world import BUSY, LATE, READY, ROWS, Touched, World, owners_of
from sparkads import ReleaseInput, RequestAccess
from sparkads.contracts.release import FINAL_STATES, ReleaseStatus
from sparkads.errors import Refusal
from sparkads.manifest import ReleaseBundle
from sparkads.names import release_campaign_id
from store import releases
from store.releases import ReportRow

LEAD = 14.0
"""Seconds from the start of a release to the instant of its rows: enough to prepare them beside other seeds'."""

LATE_AFTER = 2.0
"""Seconds after the release's start at which the late owner approves."""

ALTERED_FOR = 20.0
"""Seconds after the instant for which alterations without a number go on: longer than a row may be late."""

_LOOK = 0.5


async def run(world: World, place: Place) -> Outcome:
    """Publish a release while the alterations of a seed are at work, and judge what there is at the end."""
    return await _Run(world, place).run()


@dataclass
class _Run:
    world: World
    place: Place
    assets: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    instant: datetime = field(default_factory=lambda: datetime.now(UTC))
    approved: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def run(self) -> Outcome:
        began = time.monotonic()
        drawn = alterations.of_release(self.world.seed)
        line = self.place.proxy.line(self.world.token, drawn, self.world.ad_accounts)
        seen = Seen(self.place.spark.temporal, self.world.bc_id, self.world.campaign_id)
        try:
            await self._prepare()
            line.start()
            await self._release()
            await self._suffer(line, seen)
            evidence = await self._end(line, seen)
        finally:
            line.stop()
            await seen.end()
        return Outcome(
            seed=self.world.seed,
            kind="release",
            alterations=tuple(str(one) for one in drawn),
            hits=lines_of(line, self.world),
            violations=tuple(violations(evidence)),
            rows=tuple(_shown(one) for one in evidence.record),
            at_stop=tuple(_shown(one) for one in evidence.at_stop),
            said=evidence.said,
            pending=tuple(map(str, evidence.pending)),
            evidence=evidence,
            calls=calls_of(line),
            seconds=time.monotonic() - began,
        )

    async def _prepare(self) -> None:
        world, place = self.world, self.place
        await place.control("POST", "seed", world.seeding((READY, BUSY, LATE)))
        await place.connect(world.bc_id, world.token)
        handles = tuple(world.handle(owner) for owner in (READY, BUSY))
        command = RequestAccess(command_id="before", actor=world.admin, scope=SCOPE, handles=handles)
        await place.spark.request_access(world.bc_id, command)
        for owner in (READY, BUSY):
            await self._approve(owner)
        async with asyncio.timeout(60):
            while len((await place.spark.list_accounts(world.bc_id, world.admin)).accounts) < len(handles):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(_LOOK)

    async def _release(self) -> None:
        world, place = self.world, self.place
        self.instant = (datetime.now(UTC) + timedelta(seconds=LEAD + 1)).replace(microsecond=0)
        bundle = ReleaseBundle(rows=world.manifest_rows(self.instant, place.material))
        manifest = await place.spark.files.put(bundle.model_dump_json().encode(), "application/json")
        await place.spark.start_release(
            ReleaseInput(
                campaign_id=world.campaign_id,
                bc_id=world.bc_id,
                actor=world.admin,
                operator=world.operator,
                manifest=manifest,
            )
        )
        await asyncio.sleep(LATE_AFTER)
        await self._approve(LATE)
        self.approved = datetime.now(UTC)

    async def _suffer(self, line: Line, seen: Seen) -> None:
        """Until all that can be out is, and TikTok was not well for long enough."""
        over = self.instant + timedelta(seconds=ALTERED_FOR)
        goes_on = any(one.times is None for one in line.alterations)
        while (now := datetime.now(UTC)) < over + ON_TIME / 3:
            rows = await self._rows()
            has_ended = await seen.is_closed(release_campaign_id(self.world.campaign_id))
            if has_ended or (now > over and _untouched_are_out(rows, self._touched(line))):
                return
            if now > over and not goes_on:
                return
            await asyncio.sleep(_LOOK)

    async def _end(self, line: Line, seen: Seen) -> Evidence:
        """Everything that is known when the alterations stop, and when the release has ended."""
        at_stop, said = await self._rows(), await self._said(seen)
        line.stop()
        stopped = time.time()
        workflow_id = release_campaign_id(self.world.campaign_id)
        has_ended = False
        with suppress(TimeoutError):
            async with asyncio.timeout(RECOVERS_WITHIN):
                while not (has_ended := await seen.is_closed(workflow_id)):  # noqa: ASYNC110 - the worker's
                    await asyncio.sleep(_LOOK)
        pending: Sequence[Pending] = () if has_ended else await seen.pending()
        return Evidence(
            world=self.world,
            alterations=line.alterations,
            hits=line.hits,
            touched=self._touched(line),
            touched_by=[self._touched(line, number) for number in range(len(line.alterations))],
            instant=self.instant,
            approved=self.approved,
            stopped=stopped,
            at_stop=at_stop,
            said=said,
            record=await self._rows(),
            has_ended=has_ended,
            unanswered=await self._unanswered(),
            failures=await seen.failures(),
            pending=pending,
            calls=line.calls,
            state=await self.place.control("GET", "state"),
        )

    async def _unanswered(self) -> list[str]:
        """Commands to the release that are not answered, whatever became of it."""
        spark, campaign_id = self.place.spark, self.world.campaign_id
        asked = {
            "status": lambda: spark.release_status(campaign_id),
            "report": lambda: spark.report(campaign_id, self.world.admin),
        }
        said = {name: await answer_to(command) for name, command in asked.items()}
        return [f"{name}: {one.nothing or one.refusal}" for name, one in said.items() if one.answer is None]

    async def _approve(self, owner: str) -> None:
        asset_id, identity_id = await self.place.approve(self.world.handle(owner), self.world.bc_id)
        self.assets[owner] = asset_id
        self.identities[identity_id] = owner

    async def _rows(self) -> list[ReportRow]:
        return await releases.report_rows(self.place.db, self.world.campaign_id)

    async def _said(self, seen: Seen) -> str:
        """What the release says of what it waits for: status and cards, empty if it says nothing is wrong."""
        try:
            status: ReleaseStatus = await self.place.spark.release_status(self.world.campaign_id)
        except Refusal as refusal:
            return str(refusal)
        words = [status.attention, status.last_error]
        if "transcode" in status.waiting_on:
            words.append(status.waiting_on)
        for card in (await seen.cards()).values():
            words += [one for one in card.splitlines() if "last error:** " in one and not one.endswith(":** ")]
        return " | ".join(dict.fromkeys(word for word in words if word))

    def _touched(self, line: Line, number: int | None = None) -> Touched:
        """What may have been harmed, by all alterations or by one."""
        hits = [hit for hit in line.hits if number in {None, hit.number}]
        whose = owners_of(self.world, self.assets, self.identities)
        return Touched(frozenset(pair for hit in hits for pair in self._pairs(hit, whose)))

    def _pairs(self, hit: Hit, whose: dict[str, str]) -> list[tuple[str | None, int | None]]:
        accounts: list[int | None] = [
            number for number, one in enumerate(self.world.ad_accounts) if one in hit.call.about
        ]
        if hit.is_more and hit.call.verb == "GET":
            return []  # an entry of nulls can be said of nobody
        if hit.in_entry:
            return self._entry_pairs(hit, whose, accounts)
        owners = {whose[one] for one in hit.call.about if one in whose}
        if accounts:
            return [(None, one) for one in accounts]
        return [(owner, None) for owner in owners] or [(None, None)]

    def _entry_pairs(
        self, hit: Hit, whose: dict[str, str], accounts: list[int | None]
    ) -> list[tuple[str | None, int | None]]:
        """Of an entry of a list: what that entry is about, within what was asked."""
        world = self.world
        owners = {whose[one] for one in hit.beside if one in whose}
        beside = [number for number, one in enumerate(world.ad_accounts) if one in hit.beside]
        if hit.beside & {world.admin, world.operator}:
            return [(None, None)]
        if owners:
            return [(owner, one) for owner in owners for one in (accounts or beside or [None])]
        if beside:
            return [(None, one) for one in beside]
        if hit.beside & set(world.spares):
            return []
        asked = {whose[one] for one in hit.call.about if one in whose}
        return [(None, one) for one in accounts] or [(owner, None) for owner in asked] or [(None, None)]


def _untouched_are_out(rows: Sequence[ReportRow], touched: Touched) -> bool:
    states = {row.row_id: row.state for row in rows}
    return all(states.get(row.row_id) in FINAL_STATES for row in ROWS if not touched.has(row))


def _shown(row: ReportRow) -> str:
    late = "" if row.submitted_at is None else f", {(row.submitted_at - row.due_at).total_seconds():.1f} s after due"
    ad = f", ad {row.ad_id}" if row.ad_id else ""
    return f"{row.row_id} {row.mode} @{row.handle} in {row.advertiser_id}: {row.state}{late}{ad}: {row.reason}"
