"""Plays a page of targets through the publishing activities as a shard does, without Temporal, under any bad luck."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.confirming import ConfirmingActivities
from activities.members import Members
from activities.platform import Platform
from activities.preparing import Prepare, PreparingActivities
from activities.publish import PublishActivities, PublishShard, ShardRef
from activities.room import RoomForAds
from activities.settling import SettlingActivities
from sparkads.contracts.base import BlobRef
from sparkads.contracts.release import AdTemplate, TargetState
from sparkads.manifest import ManifestRow, Mode, Visibility
from store import publishing, releases
from store.database import Pool
from tests.conftest import Label, post_of
from tiktok import TikTok

WINDOW = timedelta(seconds=0.6)
"""The settle window; an ad is listed in half of it, and a call is over in half of it."""
ROUNDS = 200
CREATE = "/ad/create/"


class Kind(StrEnum):
    """A target, by what has to become of it."""

    PUSH = "push"
    PULL = "pull"
    DENIED = "turned down by the review"
    TOO_LONG = "a caption that TikTok takes for too long"
    UNLINKED = "of an account that was unlinked behind our back"


ENDS = {
    Kind.PUSH: TargetState.PUBLISHED,
    Kind.PULL: TargetState.PUBLISHED,
    Kind.DENIED: TargetState.REJECTED,
    Kind.TOO_LONG: TargetState.REFUSED,
    Kind.UNLINKED: TargetState.REFUSED,
}
WITH_AN_AD = {Kind.PUSH, Kind.PULL, Kind.DENIED}
CAPTIONS = {Kind.DENIED: "this is banned", Kind.TOO_LONG: "\u6b4c" * 60}


@dataclass(frozen=True)
class Luck:
    """What befalls the calls of one page."""

    rules: tuple[dict[str, Any], ...] = ()
    listed_after: float = 0.0
    is_partial: bool = False
    crash_after: float | None = None
    pause_after: float | None = None

    @property
    def is_good(self) -> bool:
        return self == Luck()


@dataclass
class Played:
    """What there is at the end."""

    states: dict[str, TargetState]
    reasons: dict[str, str]
    running: Counter[str] = field(default_factory=Counter)
    open_intents: int = 0
    create_calls: int = 0


@dataclass
class Page:
    """One label with what it takes to publish."""

    label: Label
    db: Pool
    tiktok: TikTok
    video: BlobRef
    numbers: int = 0

    def __post_init__(self) -> None:
        platform = Platform(self.db, self.tiktok)
        people = Members(self.db, platform, max_age=timedelta(minutes=10))
        self._publish = PublishActivities(self.db, platform, people, settle_window=WINDOW)
        self._settling = SettlingActivities(self.db, platform, people, settle_window=WINDOW)
        self._confirming = ConfirmingActivities(
            self.db,
            platform,
            settle_window=WINDOW,
            post_named_within=WINDOW,
            review_fast=timedelta(0),
            review_slow=timedelta(0),
        )
        self._preparing = PreparingActivities(
            self.db, platform, self.label.spark.files, RoomForAds(self.db, ads_per_ad_account=10_000)
        )
        self._environment = ActivityEnvironment()
        self._environment.info = replace(
            self._environment.info, start_to_close_timeout=timedelta(minutes=3), workflow_id="campaign/page"
        )

    async def play(self, groups: list[list[Kind]], luck: Luck) -> Played:
        """Publish a page with its targets in ad groups, under this luck at first, until nothing is left to do."""
        self.numbers += 1
        campaign_id = f"page-{self.label.bc_id[-5:]}-{self.numbers}"
        shard = ShardRef(campaign_id=campaign_id, wave=1, shard=1)
        await self._load(campaign_id, groups)
        simulator = self.label.simulator
        await simulator.post("config", {"batch_partial": "partial_20001" if luck.is_partial else "refuse"})
        await simulator.post("clock", {"ad_list_seconds": luck.listed_after})
        calls = await self._create_calls()
        await simulator.post("faults", {"seed": self.numbers, "rules": list(luck.rules)})
        async with asyncio.TaskGroup() as around:
            if luck.pause_after is not None:
                around.create_task(self._pause(campaign_id, luck.pause_after))
            await self._until_done(shard, luck.crash_after)
        await simulator.post("faults", {"rules": []})
        await self._until_done(shard, None)
        while await self._try(lambda: self._environment.run(self._confirming.confirm_ads, shard), "open"):
            await asyncio.sleep(0.02)
        return await self._result(campaign_id, calls)

    async def _load(self, campaign_id: str, groups: list[list[Kind]]) -> None:
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        rows = [
            self._row(f"g{group}r{number}", kind, budget=50 + group, due=now)
            for group, kinds in enumerate(groups)
            for number, kind in enumerate(kinds)
        ]
        async with self.db.acquire() as connection, connection.transaction():
            await releases.create(
                connection,
                releases.Campaign(
                    campaign_id=campaign_id,
                    bc_id=self.label.bc_id,
                    started_by=self.label.admin,
                    operator=self.label.operator,
                    manifest_sha256="0" * 64,
                    started_at=datetime.now(UTC),
                    paused=False,
                    cancelled=False,
                ),
                rows,
            )
            for handle in ("stays", "unlinked"):
                waiting = await publishing.waiting_candidates(connection, campaign_id, handle)
                await publishing.set_ready(connection, campaign_id, waiting)
        prepare = Prepare(campaign_id=campaign_id, advertiser_id=self.label.ad_account, template=AdTemplate())
        await self._environment.run(self._preparing.prepare_ad_account, prepare)

    def _row(self, row_id: str, kind: Kind, *, budget: int, due: datetime) -> ManifestRow:
        is_pull = kind is Kind.PULL
        return ManifestRow(
            row_id=row_id,
            mode=Mode.PULL if is_pull else Mode.PUSH,
            account="unlinked" if kind is Kind.UNLINKED else "stays",
            ad_account=self.label.ad_account,
            territory="NZ",
            location_id="2186224",
            time_zone="Etc/UTC",
            release_at=due,
            visibility=None if is_pull else Visibility.ADS_ONLY,
            video=None if is_pull else self.video,
            post_id=post_of("stays") if is_pull else None,
            caption="" if is_pull else CAPTIONS.get(kind, "Out now"),
            landing_url="https://example.com/song",
            call_to_action="LISTEN_NOW",
            daily_budget=Decimal(budget),
        )

    async def _pause(self, campaign_id: str, after: float) -> None:
        await asyncio.sleep(after)
        await releases.set_flags(self.db, campaign_id, paused=True, cancelled=False)
        await asyncio.sleep(after)
        await releases.set_flags(self.db, campaign_id, paused=False, cancelled=False)

    async def _until_done(self, shard: ShardRef, crash_after: float | None) -> None:
        """As the shard's workflow does it."""
        for number in range(ROUNDS):
            while await self._try(lambda: self._environment.run(self._settling.settle_intents, shard), "open"):
                await asyncio.sleep(0.05)
            step = PublishShard(shard=shard, number=number)
            part = asyncio.create_task(self._environment.run(self._publish.publish_shard, step))
            if crash_after is not None and number == 0:
                await asyncio.sleep(crash_after)
                part.cancel()
            with contextlib.suppress(ApplicationError, asyncio.CancelledError):
                done = await part
                if not done.left and not done.unknown:
                    return
        raise AssertionError(f"not done after {ROUNDS} rounds")

    async def _try(self, attempt: Callable[[], Any], what: str) -> bool:
        """Whether something is left; an attempt that fails is made again."""
        try:
            return bool(getattr(await attempt(), what))
        except ApplicationError:
            return True

    async def _create_calls(self) -> int:
        paths = (await self.label.simulator.get("calls"))["paths"]
        return int(paths.get(CREATE, {"calls": 0})["calls"])

    async def _result(self, campaign_id: str, calls_before: int) -> Played:
        found = await releases.report_rows(self.db, campaign_id)
        open_intents: int = await self.db.fetchval(
            "SELECT count(*) FROM intents WHERE campaign_id = $1 AND state IN ('intended', 'called')", campaign_id
        )
        played = Played(
            {row.row_id: row.state for row in found},
            {row.row_id: row.reason for row in found},
            open_intents=open_intents,
            create_calls=await self._create_calls() - calls_before,
        )
        world = await self.label.simulator.get("state")
        ours = {one["adgroup_id"] for one in world["adgroups"] if f"sparkads {campaign_id} " in one["adgroup_name"]}
        for ad in world["ads"]:
            if ad["adgroup_id"] in ours and ad["operation_status"] == "ENABLE":
                played.running[ad["ad_name"].split(" ")[0]] += 1
        return played
