"""
The story of one release, in its four stages: Request, Approve, Share, Promote.

The label's side speaks through `SparkAds`, as a back-end service would. The owners' side has nothing but the picture of
the code and the page that it opens.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import aiohttp
from pydantic import SecretStr

from activities.report_content import ReleaseReport
from demo import cast, midnights, phone
from demo.checks import Check, Evidence, check_all
from demo.histories import histories, secrets_in
from demo.pretended_tiktok import PretendedTikTok
from demo.screen import Screen, shown
from demo.video import write_video
from sparkads import manifest, names
from sparkads.client import SparkAds
from sparkads.contracts.authorization import AuthorizationResult
from sparkads.contracts.business_center import Decision, QrCode, RequestAccess, ScanReport
from sparkads.contracts.release import FINAL_STATES, ReleaseInput, ReleasePhase, ReportFiles, TargetState
from sparkads.errors import AdminOnly
from sparkads.manifest import Manifest, Mode
from sparkads.scopes import NewVideos, Scope
from store.releases import ReportRow
from workers.connect import connect_token
from workers.local import Stack
from workers.settings import Settings

SCOPE = Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE)
"""What every owner is asked for: the manifest has pulls, and pushes that show on profiles."""

UNTIL_FIRST_MIDNIGHT = timedelta(seconds=20)
"""From the start of the release to the first midnight: sharing and preparing take about 160 calls, and TikTok's basic
tier takes 10 a second. Should a machine be slower, posts go out later than planned, never earlier."""

STAGE_SECONDS = 60.0
"""How long any one thing is waited for before the demo says that it did not happen."""

LOOK = 0.2
"""Seconds between two looks at what is waited for."""

T = TypeVar("T")


class WentWrong(Exception):
    """Something that the story tells did not happen."""


@dataclass(frozen=True)
class Ending:
    """How the story ended: what `--json` prints."""

    rows: tuple[ReportRow, ...]
    checks: tuple[Check, ...]
    files: Mapping[str, str]
    calls: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        """Whether every claim holds."""
        return all(check.holds for check in self.checks)


async def tell(stack: Stack, screen: Screen, folder: Path) -> Ending:
    """
    Play the whole story on a running stack; files are left in `folder`.

    Raises:
        WentWrong: something that has to happen did not.
    """
    async with _label(stack, screen, folder) as label:
        code = await label.request()
        await label.approve(code)
        await label.share()
        files = await label.promote()
        return await label.compare(code, files)


@asynccontextmanager
async def _label(stack: Stack, screen: Screen, folder: Path) -> AsyncIterator["Label"]:
    example = manifest.read(midnights.EXAMPLE, now=midnights.before_everything())
    if example.problems:
        raise WentWrong(f"{midnights.EXAMPLE}: {example.problems[0]}")
    if stack.simulator_url is None:
        raise WentWrong("the demo needs the pretended TikTok")
    token = SecretStr(token_hex(20))
    async with aiohttp.ClientSession() as http:
        tiktok = PretendedTikTok(stack.simulator_url, http)
        await tiktok.seed(cast.seed(example.rows, token))
        settings = Settings(database_url=stack.database_url, tiktok_base_url=stack.tiktok_base_url)
        await connect_token(settings, token)
        spark = await SparkAds.connect(stack.temporal_address, object_store=stack.object_store)
        # Drawn while owners are asked and answer: it takes a second or two.
        drawing = asyncio.create_task(asyncio.to_thread(write_video, folder / "harbour-lights.mp4"))
        try:
            yield Label(spark, tiktok, http, screen, folder, token, example, drawing)
        finally:
            await asyncio.gather(drawing, return_exceptions=True)


class Label:
    """The label's evening."""

    def __init__(
        self,
        spark: SparkAds,
        tiktok: PretendedTikTok,
        http: aiohttp.ClientSession,
        screen: Screen,
        folder: Path,
        token: SecretStr,
        example: Manifest,
        drawing: asyncio.Task[Path],
    ) -> None:
        """Everything is connected; nobody has been asked yet."""
        self._spark = spark
        self._tiktok = tiktok
        self._http = http
        self._screen = screen
        self._folder = folder
        self._token = token
        self._drawing = drawing
        self._rows = example.rows
        self._campaign = "harbour-lights"
        self._assets: dict[str, str] = {}
        """TikTok's ids of the authorized accounts, by handle."""
        self._midnights: list[midnights.Midnight] = []

    # Request

    async def request(self) -> str:
        """An admin asks twelve owners at once; the address in the picture of the code is returned."""
        self._screen.stage("Request")
        handles = tuple(artist.handle for artist in cast.ARTISTS)
        command = RequestAccess(command_id="evening", actor=cast.OPERATOR.user_id, scope=SCOPE, handles=handles)
        try:
            await self._spark.request_access(cast.BC_ID, command)
        except AdminOnly as refusal:
            self._screen.say(f"{cast.OPERATOR.first_name}, a standard member, asks for access, and is refused:")
            self._screen.say(f"{type(refusal).__name__}: {refusal}", style="yellow")
        else:
            raise WentWrong("a standard member could request access (R2)")
        with self._screen.progress("Asked", len(handles)) as bar:
            answer = await self._spark.request_access(
                cast.BC_ID, command.model_copy(update={"actor": cast.ADMIN.user_id})
            )
            bar(len(answer.requests), f"{answer.slots_used} of {answer.slots} account slots are taken")
        self._screen.say(
            f"{cast.ADMIN.first_name}, the admin, asks for {len(handles)} accounts. One QR code serves all owners (R8):"
        )
        await self._show_code(answer.qr)
        return phone.scan(self._folder / "qr.png")

    async def _show_code(self, code: QrCode) -> None:
        png = await self._save("qr.png", await self._spark.files.get(code.png))
        await self._save("qr.svg", await self._spark.files.get(code.svg))
        self._screen.code((await self._spark.files.get(code.terminal)).decode())
        self._screen.say(code.text)
        self._screen.address("The code", f"{shown(png)} (and .svg)")

    # Approve

    async def approve(self, code: str) -> None:
        """Twelve owners answer on the page that the code opens; TikTok lists those who approved."""
        self._screen.stage("Approve")
        self._screen.say("Each owner scans the picture and answers on the page that opens; the page replies:")
        replies: Counter[str] = Counter()
        with self._screen.progress("Answered", len(cast.ARTISTS)) as bar:
            for number, artist in enumerate(cast.ARTISTS, start=1):
                button = "decline" if artist.handle == cast.DECLINES else "approve"
                replies[await phone.answer(self._http, code, artist.handle, button)] += 1
                bar(number, ", ".join(f"{reply}: {count}" for reply, count in replies.items()))
        approving = len(cast.ARTISTS) - 1
        with self._screen.progress("Found", approving) as bar:
            await self._until(lambda: self._found(bar, approving), f"{approving} accounts authorized")
        self._screen.say(
            f"TikTok sends no word of it: the {approving} approved accounts were found by looking into Business "
            "Center. They stay authorized until somebody ends it (R10)."
        )
        self._screen.say(f"@{cast.DECLINES} declined, which leaves no trace there: that request still holds its slot.")

    async def _found(self, bar: Callable[[int], None], wanted: int) -> bool:
        status = await self._spark.business_center_status(cast.BC_ID)
        bar(len(cast.ARTISTS) - status.pending)
        if status.pending > len(cast.ARTISTS) - wanted:
            return False
        accounts = (await self._spark.list_accounts(cast.BC_ID, cast.ADMIN.user_id)).accounts
        self._assets = {account.handle: account.asset_id for account in accounts if account.stage == "active"}
        return len(self._assets) == wanted

    # Share

    async def share(self) -> None:
        """The release starts: it shares what was approved. One owner says no, another changes their mind."""
        self._screen.stage("Share")
        await self._start_release()
        shared = asyncio.create_task(self._watch_sharing())
        try:
            await self._until(lambda: self._is_past(ReleasePhase.REQUEST), "the release has asked who is missing")
            await self._report_decline()
            await shared
        finally:
            shared.cancel()
            await asyncio.gather(shared, return_exceptions=True)
        self._screen.say(
            f"The operator, {cast.OPERATOR.first_name}, now has both keys that an ad needs (R5): permission on the "
            "TikTok account, and a role on the ad account that pays."
        )
        await self._until(lambda: self._is_past(ReleasePhase.SHARE), "the shared rows are through the gate")
        await self._revoke()
        await self._until(lambda: self._is_past(ReleasePhase.PREPARE), "videos and ad groups are made")
        await self._say_ready()

    async def _start_release(self) -> None:
        await self._drawing
        first = midnights.first_second_after(datetime.now(UTC) + UNTIL_FIRST_MIDNIGHT)
        self._midnights = midnights.staged_midnights(self._rows, first)
        working_copy = midnights.write_manifest(self._folder / "midnight-release.csv", self._midnights)
        checked = manifest.read(working_copy)
        if checked.problems:
            raise WentWrong(f"{working_copy}: {checked.problems[0]}")
        self._rows = checked.rows
        pushes = sum(row.mode is Mode.PUSH for row in self._rows)
        self._screen.say(
            f"The release: {len(self._rows)} rows, {pushes} new posts of one video and {len(self._rows) - pushes} ads "
            f"from existing posts, at midnight in {len(self._midnights)} zones. For this demo the "
            f"{_hours(self._midnights)} hours between Auckland's midnight and Los Angeles' are squeezed into "
            f"{midnights.SPAN.seconds} s:"
        )
        self._screen.midnights(self._midnights, Counter(row.time_zone for row in self._rows))
        await self._spark.start_release(
            ReleaseInput(
                campaign_id=self._campaign,
                bc_id=cast.BC_ID,
                actor=cast.ADMIN.user_id,
                operator=cast.OPERATOR.user_id,
                roster=(cast.ASSISTANT.user_id,),
                manifest=await manifest.bundle(checked, self._spark.files),
            )
        )

    async def _is_past(self, phase: ReleasePhase) -> bool:
        order = list(ReleasePhase)
        return order.index((await self._spark.release_status(self._campaign)).phase) > order.index(phase)

    async def _watch_sharing(self) -> None:
        with self._screen.progress("Shared", len(self._assets)) as bar:
            await self._until(lambda: self._all_shared(bar), "every account shared")

    async def _all_shared(self, bar: Callable[[int, str], None]) -> bool:
        standing = await asyncio.gather(
            *(self._spark.authorization_status(cast.BC_ID, asset_id) for asset_id in self._assets.values())
        )
        grants = sum(len(one.members) for one in standing)
        links = sum(len(one.ad_accounts) for one in standing)
        done = sum(bool(one.members and one.ad_accounts) for one in standing)
        bar(done, f"{grants} permissions for members, {links} links to ad accounts")
        return done == len(standing)

    async def _report_decline(self) -> None:
        before = await self._slots_used()
        report = ScanReport(
            handle=cast.DECLINES,
            decision=Decision.DECLINED,
            reported_by=cast.ADMIN.user_id,
            reason="told us that they would rather not",
        )
        await self._spark.report_scan(cast.BC_ID, report)
        await self._until(lambda: self._has_slots(before - 1), "the slot of who declined is free")
        rows = sum(row.account == cast.DECLINES for row in self._rows)
        self._screen.say(
            f"{cast.ADMIN.first_name} reports that @{cast.DECLINES} declined. The slot is free again "
            f"({before} → {before - 1} taken); {rows} rows are blocked, all others go on."
        )

    async def _slots_used(self) -> int:
        status = await self._spark.business_center_status(cast.BC_ID)
        return status.held + status.pending

    async def _has_slots(self, used: int) -> bool:
        return await self._slots_used() == used

    async def _revoke(self) -> None:
        workflow = names.authorization_id(cast.BC_ID, self._assets[cast.REVOKES])
        handle = self._spark.temporal.get_workflow_handle(workflow, result_type=AuthorizationResult)
        await self._tiktok.revoke(cast.REVOKES, cast.BC_ID)
        async with _patience("the revocation is noticed"):
            ended = await handle.result()
        self._screen.say(
            f"@{cast.REVOKES} takes the consent back in the TikTok app. Found by the next look at Business Center: "
            f"{ended.grants_ended} permissions and {ended.links_removed} link ended, {ended.targets_frozen} rows "
            f"frozen, {ended.ads_stopped} ads to stop; all others go on (R15)."
        )

    async def _say_ready(self) -> None:
        state = await self._tiktok.state()
        left = (self._midnights[0].staged - datetime.now(UTC)).total_seconds()
        made = f"{len(state['videos'])} uploads of the video and {len(state['adgroups'])} ad groups are made"
        if left > 0:
            self._screen.say(f"{made}, no ad and no post: the first midnight is {left:.0f} s away.")
        else:
            self._screen.say(f"{made}, {-left:.0f} s after the first midnight on this busy machine: posts go out late.")

    # Promote

    async def promote(self) -> ReportFiles:
        """Wave after wave goes out, each at its midnight; the report is written when nothing is left."""
        self._screen.stage("Promote")
        waiting = list(self._midnights)
        with self._screen.progress("Decided", len(self._rows)) as bar:
            ending = asyncio.create_task(self._spark.wait_for_release(self._campaign))
            try:
                while not ending.done():
                    waiting = self._strike(waiting)
                    counts = (await self._spark.release_status(self._campaign)).counts
                    bar(sum(counts.get(state, 0) for state in FINAL_STATES), _in_words(counts))
                    await asyncio.wait({ending}, timeout=LOOK)
                result = await ending
                bar(sum(result.counts.get(state, 0) for state in FINAL_STATES), _in_words(result.counts))
            finally:
                ending.cancel()
        return result.report

    def _strike(self, waiting: list[midnights.Midnight]) -> list[midnights.Midnight]:
        now = datetime.now(UTC)
        for one in waiting:
            if one.staged <= now:
                self._screen.say(f"{one.staged:%H:%M:%S} UTC  midnight in {cast.city(one.time_zone)}: {self._due(one)}")
        return [one for one in waiting if one.staged > now]

    def _due(self, one: midnights.Midnight) -> str:
        rows = [row for row in self._rows if row.time_zone == one.time_zone]
        held_back = sum(row.account in {cast.DECLINES, cast.REVOKES} for row in rows)
        return f"{len(rows) - held_back} go out" + (f", {held_back} are held back" if held_back else "")

    # What really happened

    async def compare(self, code: str, files: ReportFiles) -> Ending:
        """Lay the report beside what exists at TikTok, and say what differs."""
        report = ReleaseReport.model_validate_json(await self._spark.files.get(files.json_file))
        saved = {
            "report_html": await self._save("report.html", await self._spark.files.get(files.html)),
            "report_csv": await self._save("report.csv", await self._spark.files.get(files.csv)),
            "report_json": await self._save("report.json", await self._spark.files.get(files.json_file)),
            "qr_png": self._folder / "qr.png",
            "qr_svg": self._folder / "qr.svg",
            "manifest": self._folder / "midnight-release.csv",
            "video": self._folder / "harbour-lights.mp4",
        }
        evidence = Evidence(
            bc_id=cast.BC_ID,
            manifest=self._rows,
            report=report.rows,
            state=await self._tiktok.state(),
            declined=frozenset({cast.DECLINES}),
            revoked=frozenset({cast.REVOKES}),
            code=code,
            video_md5=hashlib.md5(saved["video"].read_bytes(), usedforsecurity=False).hexdigest(),
        )
        checks = [*check_all(evidence), await self._no_secrets_in_histories(code)]
        self._screen.heading("What became of each row")
        self._screen.rows(self._rows, report.rows)
        self._screen.heading("Is it true? Checked against what exists at the pretended TikTok")
        self._screen.checks(checks)
        calls = await self._tiktok.calls()
        self._screen.say(
            f"{calls['total']} calls to TikTok's API, at most {calls['peak_per_second']} in a second, "
            f"{calls['throttled']} refused for being too many."
        )
        return Ending(
            rows=report.rows,
            checks=tuple(checks),
            files={name: str(path) for name, path in saved.items()},
            calls=calls,
        )

    async def _no_secrets_in_histories(self, code: str) -> Check:
        secrets = {
            "the access token": self._token.get_secret_value(),
            "the address in the QR code": code.rstrip("/").rpartition("/")[2],
        }
        looked_at, found = 0, []
        async for history in histories(self._spark.temporal):
            looked_at += 1
            found += secrets_in(history, secrets)
        # One Business Center, one request for each artist, one authorization for each approval, one release.
        if looked_at < 1 + len(cast.ARTISTS) + len(self._assets) + 1:
            found.append(f"only {looked_at} histories were there to be looked at")
        return Check(f"None of the {looked_at} workflow histories holds the token or the code's address", tuple(found))

    async def _save(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        await asyncio.to_thread(path.write_bytes, data)
        return path

    async def _until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        async with _patience(what):
            while not await condition():  # noqa: ASYNC110 - conditions of other processes can only be polled
                await asyncio.sleep(LOOK)


@asynccontextmanager
async def _patience(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(STAGE_SECONDS):
            yield
    except TimeoutError:
        raise WentWrong(f"not within {STAGE_SECONDS:.0f} s: {what}") from None


def _hours(staged: list[midnights.Midnight]) -> int:
    return round((staged[-1].real - staged[0].real) / timedelta(hours=1))


def _in_words(counts: Mapping[TargetState, int]) -> str:
    return ", ".join(f"{counts[state]} {state.replace('_', ' ')}" for state in TargetState if counts.get(state))
