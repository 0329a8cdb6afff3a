"""
What people change in a release that is under way: brake, instants, tiers, approvals.

Each command is checked, done and put on record in one transaction; the gates in the store read what it leaves there, so
that nothing depends on a workflow hearing of it in time.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.campaigns import known_campaign, require_its_people
from activities.members import Members, current_run
from sparkads import clock
from sparkads.approvals import missing_approvals
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.release import (
    NOT_SUBMITTED,
    ApprovalStage,
    Approve,
    Approved,
    Command,
    LatePolicy,
    OpenTier,
    Proceed,
    Retime,
    Retimed,
    Selection,
    TargetState,
    Verdict,
)
from sparkads.errors import ManifestInvalid, NotAnApprover, NothingOnRecord, PlanChanged, refused
from sparkads.roles import Action
from store import audit, commands, notifications, releases, steering
from store.database import Connection, Pool
from store.steering import Chosen

LATE_BY = timedelta(minutes=5)
"""How far past its instant a row is late: less is the time that everything takes."""

NAMED = 10
"""Rows that a refusal names."""


class Brake(Contract):
    """Who pulls the brake, and how the whole release stands afterwards."""

    campaign_id: str
    command: Command
    action: str
    paused: bool
    cancelled: bool
    late: LatePolicy = LatePolicy.PUBLISH


class NextTier(Contract):
    """Let the next tier go: on a person's word, or because the one before is healthy."""

    campaign_id: str
    by: Proceed | None
    why: str


class RetimeRows(Contract):
    """Other instants; `command_id` tells a repeat from a second voice."""

    campaign_id: str
    command: Retime
    command_id: str
    needs_approval: bool


class RecordApproval(Contract):
    """What an approver says, and who has to agree."""

    campaign_id: str
    command: Approve
    stages: tuple[ApprovalStage, ...]


class RemindApprovers(Contract):
    """Approvals that are missing."""

    campaign_id: str
    missing: tuple[str, ...]
    overdue: bool


class SteeringActivities:
    """Needs the store and the role check."""

    def __init__(self, db: Pool, people: Members) -> None:
        """Share the process's connections."""
        self._db = db
        self._people = people

    @activity.defn
    async def set_brake(self, brake: Brake) -> None:
        """Pause, resume or cancel, if the actor may; from then on the store lets no batch through."""
        campaign = await known_campaign(self._db, brake.campaign_id)
        command = brake.command
        await require_its_people(self._people, campaign, command.actor, brake.action)
        await self._must_exist(campaign.campaign_id, command.only)
        async with self._db.acquire() as connection, connection.transaction():
            if command.only.is_all:
                await releases.set_flags(connection, brake.campaign_id, paused=brake.paused, cancelled=brake.cancelled)
            match brake.action:
                case "cancel":
                    await self._move(connection, campaign, command, NOT_SUBMITTED, TargetState.CANCELLED)
                case "pause" if not command.only.is_all:
                    before = (TargetState.WAITING, TargetState.READY)
                    await self._move(connection, campaign, command, before, TargetState.PAUSED)
                case "resume":
                    await self._move(connection, campaign, command, (TargetState.PAUSED,), TargetState.WAITING)
                    await self._treat_late(connection, campaign, command, command.late or brake.late)
            await audit.write(
                connection,
                bc_id=campaign.bc_id,
                actor=command.actor,
                action=f"release {brake.action}",
                subject=f"campaign {brake.campaign_id}{_of(command.only)}",
                reason=command.reason,
                run=current_run(),
            )

    async def _must_exist(self, campaign_id: str, only: Selection) -> None:
        missing = await steering.unknown_rows(self._db, campaign_id, only.rows)
        if missing:
            raise refused(NothingOnRecord(f"campaign {campaign_id} has no row {', '.join(missing[:NAMED])}"))

    async def _move(
        self,
        connection: Connection,
        campaign: releases.Campaign,
        command: Command,
        before: Sequence[TargetState],
        after: TargetState,
    ) -> None:
        reason = "" if after is TargetState.WAITING else f"{after}: {command.reason}"
        rows = await steering.move(
            connection, campaign.campaign_id, command.only, before=before, after=after, reason=reason
        )
        action = "targets resumed" if after is TargetState.WAITING else f"targets {after}"
        await self._tell_rows(connection, campaign, command.actor, action, rows, command.reason)

    async def _treat_late(
        self, connection: Connection, campaign: releases.Campaign, command: Command, policy: LatePolicy
    ) -> None:
        match policy:
            case LatePolicy.PUBLISH:
                return
            case LatePolicy.SKIP:
                after, reason = TargetState.BLOCKED, "its instant has passed during a pause, and late rows are skipped"
            case LatePolicy.ASK:
                after = TargetState.PAUSED
                reason = "its instant has passed during a pause: resume it with --late publish, or cancel it"
        rows = await steering.move_late(
            connection,
            campaign.campaign_id,
            command.only,
            late_before=datetime.now(UTC) - LATE_BY,
            after=after,
            reason=reason,
        )
        await self._tell_rows(connection, campaign, audit.SYSTEM, f"targets {after}", rows, reason)

    async def _tell_rows(
        self,
        connection: Connection,
        campaign: releases.Campaign,
        actor: str,
        action: str,
        rows: Sequence[str],
        reason: str,
    ) -> None:
        await audit.write_rows(
            connection,
            bc_id=campaign.bc_id,
            actor=actor,
            action=action,
            rows=rows,
            reason=reason,
            run=current_run(),
        )

    @activity.defn
    async def open_next_tier(self, following: NextTier) -> OpenTier:
        """Let the next tier go, and say which is the highest that may."""
        campaign = await known_campaign(self._db, following.campaign_id)
        if following.by is not None:
            await require_its_people(self._people, campaign, following.by.actor, "proceed")
        tiers = await steering.tiers(self._db, following.campaign_id)
        number = min((tier.number for tier in tiers if tier.number > campaign.open_tier), default=campaign.open_tier)
        async with self._db.acquire() as connection, connection.transaction():
            if await steering.open_tier(connection, following.campaign_id, number):
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=following.by.actor if following.by else audit.SYSTEM,
                    action="tier released",
                    subject=f"campaign {following.campaign_id}, tier {number}",
                    reason=following.by.reason if following.by else following.why,
                    run=current_run(),
                )
        return OpenTier(number=number)

    @activity.defn
    async def retime_rows(self, asked: RetimeRows) -> Retimed:
        """Give rows another instant; an earlier one only if a second admin says the same."""
        campaign, command = await known_campaign(self._db, asked.campaign_id), asked.command
        owner = f"campaign/{asked.campaign_id}"
        known = await commands.answer(self._db, owner, asked.command_id, Retimed)
        if known is not None:
            return known
        chosen = await steering.choose(self._db, asked.campaign_id, command.only, lock=False)
        ends_embargo = _is_earlier(_moved(chosen, command, datetime.now(UTC)))
        if ends_embargo:
            await self._people.require(campaign.bc_id, command.actor, Action.LIFT_EMBARGO)
        else:
            await require_its_people(self._people, campaign, command.actor, "retime")
        await self._must_exist(asked.campaign_id, command.only)
        async with self._db.acquire() as connection, connection.transaction():
            chosen = await steering.choose(connection, asked.campaign_id, command.only, lock=True)
            moved = _moved(chosen, command, datetime.now(UTC))
            if _is_earlier(moved) is not ends_embargo:
                raise ApplicationError("the release has changed meanwhile; once more", type="ChangedMeanwhile")
            left_out = Counter(row.state for row in chosen if row.state not in NOT_SUBMITTED)
            answer = Retimed(rows=len(moved), left_out=dict(left_out), plan_hash=campaign.plan_hash)
            if ends_embargo:
                waits_for = await self._second_voice(connection, campaign, command)
                if waits_for is not None:
                    return answer.model_copy(update={"rows": 0, "waits_for": waits_for})
            if moved:
                answer = answer.model_copy(update={"plan_hash": await self._retime(connection, campaign, asked, moved)})
            await commands.keep(connection, owner, asked.command_id, answer)
        return answer

    async def _second_voice(self, connection: Connection, campaign: releases.Campaign, command: Retime) -> str | None:
        """Whom an end of the embargo waits for; None if a second admin has said the same."""
        what = f"campaign {campaign.campaign_id}{_of(command.only)}, {_when(command)}"
        first = await steering.first_voice(
            connection, campaign.campaign_id, _digest(command), command.actor, command.reason
        )
        if first not in {None, command.actor}:
            return None
        if first is None:
            await audit.write(
                connection,
                bc_id=campaign.bc_id,
                actor=command.actor,
                action="earlier instant asked for",
                subject=what,
                reason=command.reason,
                run=current_run(),
            )
        return f"a second admin, who sends the same: {_when(command)} is before the embargo"

    async def _retime(
        self,
        connection: Connection,
        campaign: releases.Campaign,
        asked: RetimeRows,
        moved: Sequence[tuple[Chosen, datetime, bool]],
    ) -> str | None:
        command = asked.command
        await steering.retime(connection, campaign.campaign_id, moved)
        await steering.forget_voices(connection, campaign.campaign_id)
        plan_hash = campaign.plan_hash
        if plan_hash is not None:
            # What was agreed to was another instant.
            plan_hash = hashlib.sha256(f"{plan_hash}{_digest(command)}".encode()).hexdigest()
            await steering.set_agreed(connection, campaign.campaign_id, plan_hash, approved=not asked.needs_approval)
        rows = [row.row_id for row, _, _ in moved]
        await self._tell_rows(connection, campaign, command.actor, "targets retimed", rows, command.reason)
        await audit.write(
            connection,
            bc_id=campaign.bc_id,
            actor=command.actor,
            action="release retimed",
            subject=f"campaign {campaign.campaign_id}{_of(command.only)}, {_when(command)}",
            reason=command.reason,
            run=current_run(),
        )
        return plan_hash

    @activity.defn
    async def record_approval(self, asked: RecordApproval) -> Approved:
        """Take an approver's word for the plan as it is now; the last missing one lets the release go."""
        campaign, said = await known_campaign(self._db, asked.campaign_id), asked.command
        who = await self._people.require(campaign.bc_id, said.actor, Action.RUN_RELEASE)
        stage = next((one for one in asked.stages if one.name == said.stage), None)
        if stage is None or said.actor not in stage.approvers:
            names = ", ".join(f"{one.name} ({', '.join(one.approvers)})" for one in asked.stages) or "none"
            refusal = NotAnApprover(
                f"{said.actor} does not approve stage {said.stage} of campaign {asked.campaign_id}; stages: {names}; "
                f"ask them, or an admin: {', '.join(who.admins[:5])}"
            )
            await self._people.record_refusal(campaign.bc_id, said.actor, "approve", refusal)
            raise refused(refusal)
        if said.plan_hash != campaign.plan_hash:
            raise refused(
                PlanChanged(
                    f"plan {said.plan_hash[:12]} is not what campaign {asked.campaign_id} would do now; "
                    f"look at {campaign.plan_hash}, and approve that"
                )
            )
        async with self._db.acquire() as connection, connection.transaction():
            if await steering.put_approval(connection, asked.campaign_id, said):
                await audit.write(
                    connection,
                    bc_id=campaign.bc_id,
                    actor=said.actor,
                    action="plan approved" if said.verdict is Verdict.APPROVE else "plan rejected",
                    subject=f"campaign {asked.campaign_id}, stage {said.stage}, plan {said.plan_hash[:12]}",
                    reason=said.reason,
                    run=current_run(),
                )
            given = await steering.approvals(connection, asked.campaign_id, said.plan_hash)
            missing = missing_approvals(asked.stages, given)
            await steering.set_agreed(connection, asked.campaign_id, said.plan_hash, approved=not missing)
        return Approved(missing=missing)

    @activity.defn
    async def remind_approvers(self, reminder: RemindApprovers) -> None:
        """Tell people that approvals are missing."""
        campaign = await known_campaign(self._db, reminder.campaign_id)
        urgent = "The deadline has passed. " if reminder.overdue else ""
        async with self._db.acquire() as connection, connection.transaction():
            await notifications.put(
                connection,
                bc_id=campaign.bc_id,
                kind=NotificationKind.ATTENTION if reminder.overdue else NotificationKind.REMINDER,
                subject=f"campaign {reminder.campaign_id}",
                text=f"{urgent}Nothing of release {reminder.campaign_id} goes out before it is approved. Missing: "
                f"{'; '.join(reminder.missing)}. sparkads campaign approve {reminder.campaign_id} --stage … "
                f"--plan {campaign.plan_hash}",
                data={"campaign_id": reminder.campaign_id, "overdue": reminder.overdue},
                run=current_run(),
            )


def _moved(chosen: Sequence[Chosen], command: Retime, now: datetime) -> list[tuple[Chosen, datetime, bool]]:
    """The rows that get another instant; a wall time that is past for any of them is refused."""
    moved, past, outside = [], list[str](), list[str]()
    for row in chosen:
        if row.state not in NOT_SUBMITTED:
            continue
        due_at = now if command.release_at is None else clock.instant(command.release_at, row.time_zone)
        if due_at < now:
            past.append(f"row {row.row_id}: it was {clock.in_zone(due_at, row.time_zone)}")
        elif (row.rights_from and due_at < row.rights_from) or (row.rights_until and due_at >= row.rights_until):
            outside.append(f"row {row.row_id}: it would be {clock.in_zone(due_at, row.time_zone)}")
        elif due_at != row.due_at:
            moved.append((row, due_at, command.release_at is None))
    if past:
        raise refused(
            ManifestInvalid(f"{_when(command)} is in the past for {len(past)} rows; {'; '.join(past[:NAMED])}")
        )
    if outside:
        raise refused(
            ManifestInvalid(
                f"{_when(command)} is outside of the rights of {len(outside)} rows; {'; '.join(outside[:NAMED])}"
            )
        )
    return moved


def _is_earlier(moved: Sequence[tuple[Chosen, datetime, bool]]) -> bool:
    return any(due_at < row.due_at and not row.asap for row, due_at, _ in moved)


def _digest(command: Retime) -> str:
    """Two people say the same if they name the same rows and the same time."""
    what = command.model_dump_json(include={"only", "release_at"})
    return hashlib.sha256(what.encode()).hexdigest()


def _when(command: Retime) -> str:
    return clock.NOW if command.release_at is None else f"{command.release_at:%Y-%m-%d %H:%M:%S}"


def _of(only: Selection) -> str:
    parts = [
        f"rows {', '.join(only.rows[:NAMED])}{' …' if len(only.rows) > NAMED else ''}" if only.rows else "",
        f"territories {', '.join(only.territories)}" if only.territories else "",
        f"waves {', '.join(map(str, only.waves))}" if only.waves else "",
    ]
    named = ", ".join(part for part in parts if part)
    return f", {named}" if named else ""
