"""What has to hold once everything that was set going has come to rest."""

import re
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import datetime
from typing import Any

from history_play import SLOTS, TAKEN, Center

from sparkads import names, search_attributes
from sparkads.contracts.audit import AskAudit, AuditOperation
from sparkads.contracts.authorization import AuthorizationStage
from sparkads.contracts.business_center import RequestAccessResult
from sparkads.contracts.drift import AskDrift
from tests.conftest import until

_PERMISSIONS = {"POST": "spark", "LIVE": "live"}
_SUBJECT = re.compile(r"account (?P<asset>\d+)(?: · (?P<kind>member|ad account) (?P<id>\d+)(?P<more>: .*)?)?")
_ADOPTED = re.compile(r".* · (?P<kind>member|ad account) (?P<id>\d+): recorded was '.*', TikTok says '(?P<found>.*)'")
_GIVES = {"shared", "linked"}
_TAKES = {"unshared", "unlinked", "grant ended by its time"}
_ENDS = {stage.replace("_", " ") for stage in AuthorizationStage if stage is not AuthorizationStage.ACTIVE}
_NOTHING = {"no permission", "not linked"}
_IDLE_WITHIN = 120.0
"""Seconds: the server gives up the workflow tasks of a killed worker after ten, twice where one is sticky."""


class Settled:
    """A Business Center at rest."""

    def __init__(self, center: Center) -> None:
        self._center = center
        self._label = center.label
        self._db = center.db
        self._bc_id = center.label.bc_id
        self._running = f"{search_attributes.BUSINESS_CENTER.name} = '{self._bc_id}' AND ExecutionStatus = 'Running'"

    async def check(self) -> None:
        """Wait until everything has come to rest, compare with TikTok, and check all that has to hold."""
        await self._rest()
        report = await self._label.spark.check_drift(self._bc_id, AskDrift(actor=self._label.admin))
        assert report.more == 0
        await self._equals_tiktok()
        await self._requests_are_whole()
        await self._scans_are_whole()
        await self._trail_tells_it_all()
        await self._workflows_run()

    # Rest

    async def _rest(self) -> None:
        for _ in range(2):
            await self._center.sweeps()
            await until(self._idle, "only the Business Center at work", within=_IDLE_WITHIN)
        await until(self._accounts_agree, "the same accounts on record and at TikTok", within=_IDLE_WITHIN)

    async def _idle(self) -> bool:
        temporal = self._label.spark.temporal
        async for one in temporal.list_workflows(self._running):
            if one.id == names.business_center_id(self._bc_id):
                continue
            described = (await temporal.get_workflow_handle(one.id, run_id=one.run_id).describe()).raw_description
            if described.pending_activities or described.HasField("pending_workflow_task"):
                return False
        return True

    async def _accounts_agree(self) -> bool:
        recorded = await self._fetch("SELECT asset_id FROM authorizations WHERE bc_id = $1 AND stage = 'active'")
        return {row["asset_id"] for row in recorded} == set(await self._held())

    async def _held(self) -> dict[str, dict[str, Any]]:
        world = await self._label.simulator.get("state")
        (mine,) = [one for one in world["business_centers"] if one["bc_id"] == self._bc_id]
        return {one["asset_id"]: one for one in mine["accounts"]}

    async def _fetch(self, query: str) -> list[Any]:
        return list(await self._db.fetch(query, self._bc_id))

    # What has to hold

    async def _equals_tiktok(self) -> None:
        """Accounts, grants and links on record are those at TikTok (R1, R3, R15)."""
        world = await self._label.simulator.get("state")
        held = await self._held()
        grants = await self._fetch(
            """SELECT asset_id, user_id, permissions, stage FROM grants JOIN authorizations a ON a.id = authorization_id
               WHERE bc_id = $1 AND grants.ended_at IS NULL"""
        )
        assert {row["stage"] for row in grants} <= {"active"}, "R15: a grant without an authorization"
        assert {(row["asset_id"], row["user_id"]): set(row["permissions"]) for row in grants} == {
            (one["asset_id"], one["user_id"]): {_PERMISSIONS[role] for role in one["tt_account_roles"]}
            for one in world["member_grants"]
            if one["bc_id"] == self._bc_id
        }
        links = await self._fetch(
            """SELECT asset_id, advertiser_id, identity_id, can_pull, can_push, ads_only, stage
               FROM links JOIN authorizations a ON a.id = authorization_id
               WHERE bc_id = $1 AND links.ended_at IS NULL"""
        )
        assert {row["stage"] for row in links} <= {"active"}, "R15: a link without an authorization"
        assert {tuple(row)[:-1] for row in links} == {
            (
                one["asset_id"],
                one["advertiser_id"],
                one["identity_id"],
                *(held[one["asset_id"]][key] for key in ("posts", "videos", "ads_only")),
            )
            for one in world["links"]
            if one["bc_id"] == self._bc_id
        }
        accounts = await self._fetch(
            """SELECT asset_id, handle FROM authorizations JOIN accounts USING (bc_id, asset_id)
               WHERE bc_id = $1 AND stage = 'active'"""
        )
        assert {row["asset_id"]: row["handle"] for row in accounts} == {
            asset_id: one["handle"] for asset_id, one in held.items()
        }

    async def _requests_are_whole(self) -> None:
        """Each request that was answered with `opened` is on record, once; and the cap holds (R6)."""
        ledger = self._center.ledger
        rows = await self._fetch("SELECT name, state FROM access_requests WHERE bc_id = $1")
        assert Counter(row["name"] for row in rows) == ledger.opened
        asked = await self._fetch("SELECT 1 FROM audit WHERE bc_id = $1 AND action = 'access requested'")
        assert len(asked) == len(rows)
        told = await self._fetch("SELECT action FROM audit WHERE bc_id = $1 AND action LIKE 'request %'")
        ended = Counter(row["state"].replace("_", " ") for row in rows if row["state"] != "pending")
        assert Counter(row["action"].removeprefix("request ") for row in told) == ended
        assert ended["cancelled"] <= ledger.cancels
        status = await self._label.spark.business_center_status(self._bc_id)
        pending = sum(row["state"] == "pending" for row in rows)
        assert (status.held, status.pending) == (len(await self._held()), TAKEN + pending)
        assert status.undecodable_signals == ledger.garbage
        assert status.held + status.pending <= SLOTS + ledger.uninvited, "R6: the cap was passed"
        answers = [one.answer for one in ledger.commands if isinstance(one.answer, RequestAccessResult)]
        assert all(answer.slots == SLOTS for answer in answers)

    async def _scans_are_whole(self) -> None:
        """Every authorization has its scan; every report is kept once, or is that scan (R9)."""
        scans = await self._fetch("SELECT asset_id, outcome, reported_by, detail FROM scans WHERE bc_id = $1")
        authorized = await self._fetch("SELECT asset_id, since FROM authorizations WHERE bc_id = $1")
        by_asset = Counter(row["asset_id"] for row in authorized)
        assert Counter(row["asset_id"] for row in scans if row["detail"] == "found by the sweep") == by_asset
        approvals = {self._center.assets[owner]: times for owner, times in self._center.ledger.approvals.items()}
        assert by_asset <= Counter(approvals), "R1: an authorization that no owner gave"
        since: defaultdict[str, list[datetime]] = defaultdict(list)
        for row in authorized:
            since[row["asset_id"]].append(row["since"])
        kept = Counter(row["detail"] for row in scans)
        for report in self._center.ledger.reports:
            times = kept[report.text]
            came_with_account = any(moment > report.at for moment in since[self._center.assets[report.owner]])
            assert times == 1 or (times == 0 and report.is_approval and came_with_account), (
                f"{report}: kept {times} times"
            )

    async def _trail_tells_it_all(self) -> None:
        """The trail is whole, has one line for each effect, and read from its start it ends in what is on record."""
        ask = AskAudit(actor=self._label.admin, operation=AuditOperation.VERIFY)
        verdict = (await self._label.spark.audit(self._bc_id, ask)).verdict
        assert verdict is not None
        assert verdict.broken is None
        lines = await self._fetch("SELECT actor, action, subject, reason FROM audit WHERE bc_id = $1 ORDER BY number")
        assert verdict.lines == len(lines)
        shared: dict[str, set[tuple[str, str]]] = {}
        effects: Counter[tuple[str, str]] = Counter()
        ends: Counter[str] = Counter()
        for line in lines:
            about = _SUBJECT.fullmatch(line["subject"])
            if about is None:
                continue
            asset_id, action = about["asset"], line["action"]
            one = (about["kind"], about["id"])
            if action == "authorized":
                assert asset_id not in shared, "authorized while it stood"
                shared[asset_id] = set()
            elif action in _ENDS:
                del shared[asset_id]
                ends[action] += 1
            elif action in _GIVES:
                assert asset_id in shared, f"R1: {action} before it was authorized: {dict(line)}"
                assert line["actor"] in self._center.ledger.admins, "R3: only an admin"
                shared[asset_id].add(one)
                effects[action, f"account {asset_id} · {one[0]} {one[1]}"] += 1
            elif action in _TAKES:
                shared[asset_id].discard(one)
                effects[action, f"account {asset_id} · {one[0]} {one[1]}"] += 1
            elif action == "drift adopted":
                adopted = _ADOPTED.fullmatch(line["reason"])
                assert adopted, line["reason"]
                change = shared[asset_id].discard if adopted["found"] in _NOTHING else shared[asset_id].add
                change((adopted["kind"], adopted["id"]))
        done, perhaps = self._center.ledger.done, self._center.ledger.perhaps
        assert effects >= done, f"effects without a line: {done - effects}"
        assert effects - done <= perhaps, f"effects that nobody commanded: {effects - done - perhaps}"
        assert ends["removed by admin"] <= self._center.ledger.ends.total()
        stages = await self._fetch("SELECT stage FROM authorizations WHERE bc_id = $1 AND stage <> 'active'")
        assert ends == Counter(row["stage"].replace("_", " ") for row in stages)
        assert shared == await self._shared_on_record(), "the trail does not tell what is on record"

    async def _shared_on_record(self) -> dict[str, set[tuple[str, str]]]:
        shared: dict[str, set[tuple[str, str]]] = {}
        for row in await self._fetch("SELECT id, asset_id FROM authorizations WHERE bc_id = $1 AND stage = 'active'"):
            members = await self._db.fetch(
                "SELECT user_id FROM grants WHERE authorization_id = $1 AND ended_at IS NULL", row["id"]
            )
            links = await self._db.fetch(
                "SELECT advertiser_id FROM links WHERE authorization_id = $1 AND ended_at IS NULL", row["id"]
            )
            shared[row["asset_id"]] = {("member", one["user_id"]) for one in members} | {
                ("ad account", one["advertiser_id"]) for one in links
            }
        return shared

    async def _workflows_run(self) -> None:
        """One workflow runs for each authorization that stands and for each open request."""
        accounts = await self._fetch("SELECT asset_id FROM authorizations WHERE bc_id = $1 AND stage = 'active'")
        requests = await self._fetch("SELECT name FROM access_requests WHERE bc_id = $1 AND state = 'pending'")
        wanted = {
            names.business_center_id(self._bc_id),
            *(names.authorization_id(self._bc_id, row["asset_id"]) for row in accounts),
            *(names.access_request_id(self._bc_id, row["name"]) for row in requests),
        }
        running: set[str] = set()

        async def as_wanted() -> bool:
            # A list of workflows is a little behind them.
            running.clear()
            async for one in self._label.spark.temporal.list_workflows(self._running):
                running.add(one.id)
            return running == wanted

        with suppress(AssertionError):  # the next line says more
            await until(as_wanted, "the workflows that are wanted", within=_IDLE_WITHIN)
        assert running == wanted
