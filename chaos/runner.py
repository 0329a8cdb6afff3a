"""One run: a stack, a release, the misfortunes of its seed, and what there is at the end."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import asyncpg
import av
from pydantic import SecretStr
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from chaos import misfortunes
from chaos.misfortunes import Misfortune, Storm, What
from chaos.verdict import Evidence, TrailLine, Violation, unexplained, violations
from chaos.world import ADMIN, BC, TOKEN, VIDEOS, Owner, World, consent_of, seed_of
from sparkads import ReleaseInput, RequestAccess, Scope, SparkAds
from sparkads.contracts.audit import AskAudit, AuditOperation
from sparkads.contracts.base import BlobRef
from sparkads.contracts.release import FINAL_STATES, TargetState
from sparkads.manifest import ReleaseBundle
from sparkads.names import authorization_id
from sparkads.scopes import NewVideos
from store import credentials, releases
from store.database import Pool
from workers.child_process import ChildDied
from workers.local import Stack, local_stack

CAMPAIGN = "chaos"

SETTINGS = {
    "SPARKADS_TIKTOK_TIER": "unlimited",
    "SPARKADS_SWEEP_FAST": "1",
    "SPARKADS_SWEEP_SLOW": "2",
    "SPARKADS_REVIEW_EVERY": "10",
    "SPARKADS_REVIEW_POLL_FAST": "1",
    "SPARKADS_REVIEW_POLL_SLOW": "3",
    "SPARKADS_SETTLE_WINDOW": "5",
    "SPARKADS_ACCESS_MAX_AGE": "5",
    "SPARKADS_GRACEFUL_SHUTDOWN": "1",
    "SPARKADS_LOG_LEVEL": "WARNING",
}
"""Real pauses, made short. The settle window is longer than the longest call of `misfortunes` may take."""

_LOOK = 0.5
"""Seconds between two looks at something that is awaited."""

_SERVERS = {What.POSTGRESQL_RESTARTED: "PostgreSQL", What.TEMPORAL_RESTARTED: "Temporal"}
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
"""How PostgreSQL shows that it is being restarted."""

Counts = dict[TargetState, int]
Watch = Callable[[Counts, str], None]
"""Told how many rows stand where, and of each misfortune."""


@dataclass(frozen=True)
class Outcome:
    """
    What came of a run.

    Attributes:
        seconds: from the first misfortune on, until nothing more was to happen.
        counts: rows by state.
        happened: misfortunes by kind.
        faults: calls to TikTok, and how many of them it refused as too frequent.
        violations: what does not hold.
        unexplained: row ids whose fate the audit trail does not tell, by state.
        evidence: what this was judged by.
    """

    seconds: float
    counts: Counts
    happened: dict[str, int]
    faults: dict[str, int]
    violations: list[Violation]
    unexplained: dict[TargetState, list[str]]
    evidence: Evidence = field(repr=False)

    @property
    def is_good(self) -> bool:
        """Whether everything holds, and was tried."""
        return not self.violations and not self.unexplained and self.evidence.is_meaningful


async def run(world: World, storm: Storm, watch: Watch, *, patience: float, data_dir: Path | None = None) -> Outcome:
    """
    Release a world's rows while the misfortunes of its seed happen, and judge what there is at the end.

    Args:
        world: what is wanted.
        storm: how much goes wrong.
        watch: told how it goes.
        patience: seconds after the storm until what has not ended counts as never ending.
        data_dir: where data and logs stay; None: nowhere.
    """
    async with (
        local_stack(data_dir, worker=False, durable=True, environment=SETTINGS) as stack,
        aiohttp.ClientSession() as http,
        asyncpg.create_pool(stack.database_url, min_size=0, max_size=4) as db,
    ):
        spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
        one = _Run(world, storm, watch, stack, http, db, spark)
        for _ in range(storm.workers):
            one.workers.append(await stack.add_worker())
        async with one.supervised():
            await one.prepare()
            await one.release()
            await one.suffer()
            await one.end(patience)
        return await one.judge()


@dataclass
class _Run:
    world: World
    storm: Storm
    watch: Watch
    stack: Stack
    http: aiohttp.ClientSession
    db: Pool
    spark: SparkAds
    workers: list[str] = field(default_factory=list)
    assets: dict[str, str] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    found: list[Violation] = field(default_factory=list)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    final: asyncio.Event = field(default_factory=asyncio.Event)
    storm_began: datetime = field(default_factory=lambda: datetime.now(UTC))
    storm_ended: datetime = field(default_factory=lambda: datetime.now(UTC))
    start: float = 0.0
    ended: float = 0.0

    async def prepare(self) -> None:
        """The world at the pretended TikTok, connected; whoever approves before the release has done so."""
        await self._control("POST", "seed", seed_of(self.world))
        await credentials.put(self.db, BC, "Chaos", SecretStr(TOKEN))
        before = self.world.handles(Owner.READY, Owner.POSTS_ONLY, Owner.ADS_ONLY, Owner.REVOKES)
        scope = Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE)
        command = RequestAccess(command_id="chaos", actor=ADMIN, scope=scope, handles=tuple(before))
        await self.spark.request_access(BC, command)
        for handle in before:
            await self._approve(handle)
        while len((await self.spark.list_accounts(BC, ADMIN)).accounts) < len(before):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(_LOOK)

    async def release(self) -> None:
        """Start it, and let the accounts that are there be shared; before anything is published, calls fail."""
        with TemporaryDirectory() as folder:
            videos = [await self._video(Path(folder) / f"{number}.mp4", number + 1) for number in range(VIDEOS)]
        self.started = datetime.now(UTC).replace(microsecond=0)
        rows = tuple(row.manifest_row(self.started, videos) for row in self.world.rows)
        bundle = await self.spark.files.put(ReleaseBundle(rows=rows).model_dump_json().encode(), "application/json")
        await self.spark.start_release(
            ReleaseInput(campaign_id=CAMPAIGN, bc_id=BC, actor=ADMIN, operator=ADMIN, manifest=bundle)
        )
        # Sharing takes the longest of all: begun earlier, the storm would be over before the first ad is made.
        missing = sum(row.owner in {Owner.LATE, Owner.SILENT} for row in self.world.rows)
        while (counts := await self._counts()).get(TargetState.WAITING, 0) > missing or not counts:
            self.watch(counts, "accounts are shared")
            await asyncio.sleep(_LOOK)
        await self._control("POST", "faults", misfortunes.fault_plan(self.world.seed))
        self.start, self.storm_began = time.monotonic(), datetime.now(UTC)

    async def suffer(self) -> None:
        """One misfortune after the other, at its time or as soon as the one before is over; then no more faults."""
        telling = asyncio.create_task(self._tell())
        try:
            for misfortune in misfortunes.draw(self.world, self.storm):
                if await self._is_final(self.start + misfortune.at):
                    break
                self.happened[misfortune.what] += 1
                self.watch({}, str(misfortune))
                await self._happen(misfortune)
            await self._is_final(self.start + self.storm.seconds)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        await self._control("POST", "faults", {"rules": []})
        self.storm_ended = datetime.now(UTC)

    async def _is_final(self, until: float) -> bool:
        """Wait until an instant; True as soon as every row is in a final state."""
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self.final.wait()
        except TimeoutError:
            return False
        return True

    async def end(self, patience: float) -> None:
        """Wait until the release is over, and the authorizations that were revoked have ended."""
        try:
            async with asyncio.timeout(patience):
                while not await self._released():
                    self.watch(await self._counts(), "the storm is over")
                    await asyncio.sleep(_LOOK)
                for handle in self.world.handles(Owner.REVOKES):
                    while not await self._has_ended(handle):  # noqa: ASYNC110 - another process's
                        await asyncio.sleep(_LOOK)
        except TimeoutError:
            status = await self.spark.release_status(CAMPAIGN)
            self.found.append(
                Violation("the release", f"its end within {patience:g} s of the storm's", status.model_dump_json())
            )
        self.ended = time.monotonic()
        self.watch(await self._counts(), "over")

    async def judge(self) -> Outcome:
        """Lay everything side by side."""
        answer = await self.spark.audit(BC, AskAudit(actor=ADMIN, operation=AuditOperation.VERIFY))
        broken = answer.verdict.broken if answer.verdict else None
        groups = await self.db.fetch(
            """SELECT adgroup_id, count(t.row_id) AS rows FROM ad_groups g LEFT JOIN targets t ON t.ad_group = g.id
               WHERE adgroup_id IS NOT NULL GROUP BY adgroup_id"""
        )
        campaigns = await self.db.fetch("SELECT tiktok_campaign_id FROM tiktok_campaigns")
        trail = await self.db.fetch("SELECT action, subject, reason FROM audit WHERE bc_id = $1 ORDER BY number", BC)
        evidence = Evidence(
            world=self.world,
            started=self.started,
            storm=(self.storm_began, self.storm_ended),
            record=await releases.report_rows(self.db, CAMPAIGN),
            ad_groups={row["adgroup_id"]: row["rows"] for row in groups},
            campaigns=frozenset(row["tiktok_campaign_id"] for row in campaigns),
            trail=[TrailLine(**row) for row in trail],
            chain_flaw=broken.text if broken else "",
            state=await self._control("GET", "state"),
        )
        calls = await self._control("GET", "calls")
        return Outcome(
            seconds=self.ended - self.start,
            counts=await self._counts(),
            happened=dict(self.happened),
            faults={"calls": calls["total"], "throttled": calls["throttled"]},
            violations=[*self.found, *violations(evidence)],
            unexplained=unexplained(evidence),
            evidence=evidence,
        )

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """A process that ends by itself is started again, as a supervisor would, and held against the run."""
        task = asyncio.create_task(self._supervise())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _supervise(self) -> None:
        while True:
            death = await self.stack.broken()
            self.found.append(Violation(death.name, "to outlive the trouble of others", str(death)))
            await self._start(death.name)

    async def _happen(self, misfortune: Misfortune) -> None:
        match misfortune.what:
            case What.WORKER_KILLED:
                name = self.workers[misfortune.worker]
                await self.stack.stop(name, kill=True)
                await self._start(name)
            case What.POSTGRESQL_RESTARTED | What.TEMPORAL_RESTARTED:
                name = _SERVERS[misfortune.what]
                await self.stack.stop(name, kill=misfortune.kill)
                await asyncio.sleep(misfortune.down)
                await self._start(name)
            case What.OWNER_APPROVES:
                await self._approve(misfortune.handle)
            case What.OWNER_REVOKES:
                await self._control("POST", f"owners/{misfortune.handle}/revoke", {"bc_id": BC})

    async def _start(self, name: str) -> None:
        """Start a process until it stays: a worker that ended by itself may be started while a server is away."""
        while True:
            try:
                await self.stack.start(name)
            except ChildDied:
                await asyncio.sleep(_LOOK)
            else:
                return

    async def _approve(self, handle: str) -> None:
        answer = await self._control("POST", f"owners/{handle}/approve", consent_of(self.world.owners[handle]))
        self.assets[handle] = str(answer["asset_id"])

    async def _tell(self) -> None:
        while True:
            with contextlib.suppress(*_AWAY):
                counts = await self._counts()
                self.watch(counts, "")
                if set(counts) <= FINAL_STATES:
                    self.final.set()
            await asyncio.sleep(_LOOK)

    async def _counts(self) -> Counts:
        return await releases.counts(self.db, CAMPAIGN)

    async def _released(self) -> bool:
        counts = await self._counts()
        return await self._is_closed(f"campaign/{CAMPAIGN}") and bool(counts) and set(counts) <= FINAL_STATES

    async def _has_ended(self, handle: str) -> bool:
        return await self._is_closed(authorization_id(BC, self.assets[handle]))

    async def _is_closed(self, workflow_id: str) -> bool:
        try:
            description = await self.spark.temporal.get_workflow_handle(workflow_id).describe()
        except RPCError:
            return False
        return description.status is not WorkflowExecutionStatus.RUNNING

    async def _video(self, path: Path, seconds: int) -> BlobRef:
        await asyncio.to_thread(_draw, path, seconds)
        return await self.spark.files.put_file(path, "video/mp4")

    async def _control(self, verb: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        async with self.http.request(verb, f"{self.stack.simulator_url}/control/{path}", json=body) as answer:
            answer.raise_for_status()
            answered: dict[str, Any] = await answer.json()
            return answered


def _draw(path: Path, seconds: int) -> None:
    """A grey upright video: no two lengths are the same file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 540, 960, "yuv420p"
        for _ in range(24 * seconds):
            container.mux(stream.encode(av.VideoFrame(540, 960, "yuv420p")))
        container.mux(stream.encode())
