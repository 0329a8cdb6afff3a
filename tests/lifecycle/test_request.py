"""Request: who may ask, for what, how often, and how many."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from access_record import (
    authorization_ends,
    change_member,
    request_ends,
    request_id,
    request_states,
    scan_kept,
    skip,
    slots_become,
    slots_used,
    trail,
)

from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import AuthorizationStage
from sparkads.contracts.business_center import (
    BusinessCenterInput,
    BusinessCenterState,
    CancelRequest,
    Decision,
    PendingRequest,
    RequestAccess,
    RequestOpened,
    ScanOutcome,
    ScanReport,
)
from sparkads.errors import AdminOnly, BusinessCenterUnknown, NotAMember, UnknownPolicy
from sparkads.names import BUSINESS_CENTER_WORKFLOW, TASK_QUEUE, business_center_id
from sparkads.scopes import Scope
from store.database import Pool
from tests.conftest import Label, until


async def start_center(label: Label, start: BusinessCenterInput) -> None:
    await label.spark.temporal.start_workflow(
        BUSINESS_CENTER_WORKFLOW, start, id=business_center_id(label.bc_id), task_queue=TASK_QUEUE
    )


OPENED, CAP_REACHED = RequestOpened.OPENED, RequestOpened.CAP_REACHED


async def test_a_standard_member_may_not_ask_and_is_told_whom_to_ask(label: Label, db: Pool) -> None:
    # R2
    with pytest.raises(AdminOnly) as refusal:
        await label.request("kiri", actor=label.standard)

    text = str(refusal.value)
    assert text.startswith("R2:")
    assert f"Ada ({label.admin})" in text
    assert await trail(db, label, "refused") == [(label.standard, "request access to TikTok accounts", text)]
    assert await request_states(db, label) == {}


async def test_a_stranger_may_not_ask(label: Label, db: Pool) -> None:
    # R2
    with pytest.raises(NotAMember, match=r"R2: 6999 is no member .* Ada") as refusal:
        await label.request("kiri", actor="6999")

    assert await trail(db, label, "refused") == [("6999", "request access to TikTok accounts", str(refusal.value))]


async def test_an_invitation_that_was_not_accepted_makes_no_member(label: Label) -> None:
    # R2
    await change_member(label, label.standard, user_role="ADMIN", relation_status="PENDING")

    with pytest.raises(NotAMember):
        await label.request("kiri", actor=label.standard)


async def test_a_demoted_admin_may_not_ask_any_more_and_a_new_co_admin_may(label: Label) -> None:
    # R2: "someone who is not an admin can ask an admin to make them a co-admin".
    await label.request("kiri")
    await change_member(label, label.standard, user_role="ADMIN")
    await change_member(label, label.admin, user_role="STANDARD")

    with pytest.raises(AdminOnly, match="Stan"):
        await label.request("moana")
    answer = await label.request("moana", actor=label.standard)

    assert [line.outcome for line in answer.requests] == [OPENED]


async def test_a_business_center_that_was_never_connected_is_refused_by_name(label: Label) -> None:
    label.bc_id = label.bc_id.replace("73", "79", 1)

    with pytest.raises(BusinessCenterUnknown, match="python -m workers connect"):
        await label.request("kiri")


async def test_a_scan_of_an_unknown_business_center_does_not_make_it_spin(label: Label) -> None:
    label.bc_id = label.bc_id.replace("73", "79", 1)
    with pytest.raises(BusinessCenterUnknown):
        await label.request("kiri")
    handle = label.spark.temporal.get_workflow_handle(business_center_id(label.bc_id))

    async def failures() -> int:
        history = await handle.fetch_history()
        return sum(event.HasField("activity_task_failed_event_attributes") for event in history.events)

    async def first_sweep_failed() -> bool:
        return await failures() >= 2

    async def looked_again() -> bool:
        return await failures() >= 3

    # A scan that arrives before the first sweep is taken along by it.
    await until(first_sweep_failed, "the role check and the first sweep")
    await label.spark.report_scan(label.bc_id, ScanReport(handle="kiri"))
    await until(looked_again, "the sweep after the scan")
    status = await label.spark.business_center_status(label.bc_id)
    assert "is not connected" in status.last_error
    assert await failures() == 3


async def test_an_unknown_policy_is_refused_with_the_known_ones(label: Label) -> None:
    with pytest.raises(UnknownPolicy, match="seed-2023, tiktok-2026"):
        await label.spark.request_access(
            label.bc_id,
            RequestAccess(command_id="c", actor=label.admin, scope=Scope()),
            policy="tiktok-1999",
        )


async def test_a_second_command_for_the_same_handle_opens_nothing(label: Label, db: Pool) -> None:
    await label.seed_accounts("kiri")
    await label.request("kiri")

    again = await label.request("@KIRI", "moana")

    assert [(line.name, line.outcome) for line in again.requests] == [
        ("kiri", RequestOpened.ALREADY_OPEN),
        ("moana", OPENED),
    ]
    asset_id = await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    third = await label.request("kiri")
    assert [(line.outcome, line.asset_id) for line in third.requests] == [(RequestOpened.ALREADY_AUTHORIZED, asset_id)]


async def test_two_hundred_commands_at_once_stop_exactly_at_two_hundred(label: Label, db: Pool) -> None:
    # R6, policy seed-2023: 200 held or requested. Three are held, though nobody has counted them yet.
    held = [f"held{number}x{label.bc_id[-4:]}" for number in range(3)]
    await label.seed_accounts(*held)
    for handle in held:
        await label.simulator.approve(handle, label.bc_id)
    requested = {name: PendingRequest(name=name, handle=name, scope=Scope()) for name in map("r{}".format, range(187))}
    await start_center(label, BusinessCenterInput(bc_id=label.bc_id, state=BusinessCenterState(pending=requested)))

    answers = await asyncio.gather(*(label.request(f"artist{number}") for number in range(200)))

    lines = [line for answer in answers for line in answer.requests]
    opened = [line.name for line in lines if line.outcome is OPENED]
    assert (len(lines), len(opened)) == (200, 10)
    assert {line.outcome for line in lines if line.name not in opened} == {CAP_REACHED}
    assert {(max(answer.slots_used for answer in answers), answer.slots) for answer in answers} == {(200, 200)}
    # A slot that becomes free is given away again, once.
    await label.spark.cancel_request(label.bc_id, CancelRequest(name=opened[0], actor=label.admin))
    await slots_become(label, 199)
    late = await label.request("late0", "late1")
    assert [line.outcome for line in late.requests] == [OPENED, CAP_REACHED]


async def test_an_owner_who_has_just_answered_takes_one_slot_and_not_two(label: Label, db: Pool) -> None:
    # R6: the account is held before its request is closed.
    first, second = ([f"{name}{number}" for number in range(100)] for name in ("early", "later"))
    await label.seed_accounts(*first)
    await label.request(*first)
    for handle in first:
        await label.simulator.approve(handle, label.bc_id)

    async def all_held() -> bool:
        return (await label.spark.business_center_status(label.bc_id)).held == len(first)

    await until(all_held, "100 accounts held")
    answer = await label.request(*second)

    assert {line.outcome for line in answer.requests} == {OPENED}
    assert [line.outcome for line in (await label.request("onemore")).requests] == [RequestOpened.CAP_REACHED]


async def test_a_terminated_business_center_does_not_forget_who_was_asked(label: Label, db: Pool) -> None:
    # R6: their slots are taken, whoever starts it again.
    await label.seed_accounts("kiri")
    await label.request("kiri", "moana")
    await label.spark.temporal.get_workflow_handle(business_center_id(label.bc_id)).terminate("by mistake")

    again = await label.request("moana", "tama")

    assert [line.outcome for line in again.requests] == [RequestOpened.ALREADY_OPEN, OPENED]
    assert again.slots_used == 3
    await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)


async def test_the_policy_of_2026_has_eight_hundred_slots(label: Label) -> None:
    # R6 as the platform has it since: opt-in, by name.
    await start_center(label, BusinessCenterInput(bc_id=label.bc_id, policy="tiktok-2026"))

    assert (await label.request("kiri")).slots == 800


async def test_every_end_of_a_request_frees_its_slot(label: Label, db: Pool) -> None:
    # R6: declined, cancelled, timed out, revoked.
    await label.seed_accounts("approves", "refuses", "forgets", "regrets")
    await label.request("approves", "refuses", "regrets")
    await label.request("forgets", deadline=datetime.now(UTC) + timedelta(hours=1))
    assert await slots_used(label) == 4

    await label.spark.report_scan(
        label.bc_id,
        ScanReport(handle="refuses", decision=Decision.DECLINED, reported_by=label.standard, reason="not this time"),
    )
    await label.spark.cancel_request(label.bc_id, CancelRequest(name="regrets", actor=label.admin, reason="too early"))
    asset_id = await label.simulator.approve("approves", label.bc_id)
    await skip(label, request_id(label, "forgets"), timedelta(hours=1, seconds=1))

    for name, outcome in {
        "refuses": RequestOutcome.DECLINED,
        "regrets": RequestOutcome.CANCELLED,
        "forgets": RequestOutcome.TIMED_OUT,
        "approves": RequestOutcome.APPROVED,
    }.items():
        await request_ends(db, label, name, outcome)
    await slots_become(label, 1)
    assert await trail(db, label, "request declined") == [(label.standard, "refuses", "not this time")]
    assert await trail(db, label, "request cancelled") == [(label.admin, "regrets", "too early")]
    await label.simulator.revoke("approves", label.bc_id)
    await authorization_ends(db, label, asset_id, AuthorizationStage.REVOKED_BY_OWNER)
    await slots_become(label, 0)


async def test_only_an_admin_takes_a_request_back(label: Label, db: Pool) -> None:
    # R2
    await label.request("kiri")

    await label.spark.cancel_request(label.bc_id, CancelRequest(name="kiri", actor=label.standard))
    await until(lambda: trail(db, label, "refused"), "the refusal on record")
    assert await request_states(db, label) == {"kiri": "pending"}
    assert await slots_used(label) == 1

    await label.spark.cancel_request(label.bc_id, CancelRequest(name="kiri", actor=label.admin))
    await request_ends(db, label, "kiri", RequestOutcome.CANCELLED)


async def test_reminders_come_in_time_and_the_deadline_ends_the_request(label: Label, db: Pool) -> None:
    # Domain decision 3: a request may have a reminder and a deadline.
    await label.request("kiri", remind_every_hours=24, deadline=datetime.now(UTC) + timedelta(hours=60))
    await until(lambda: request_states(db, label), "the request on record")

    async def reminders() -> list[tuple[str, str, str]]:
        return await trail(db, label, "reminder 1 due") + await trail(db, label, "reminder 2 due")

    await skip(label, request_id(label, "kiri"), timedelta(hours=25))
    await until(reminders, "the first reminder")
    assert len(await reminders()) == 1
    assert (await label.spark.request_status(label.bc_id, "kiri")).reminders_sent == 1
    await skip(label, request_id(label, "kiri"), timedelta(hours=36))

    await request_ends(db, label, "kiri", RequestOutcome.TIMED_OUT)
    assert [line[1] for line in await reminders()] == ["kiri", "kiri"]
    assert await trail(db, label, "reminder 3 due") == []
    ((actor, subject, reason),) = await trail(db, label, "request timed out")
    assert (actor, subject) == ("sparkads", "kiri")
    assert reason.startswith("no answer before")


async def test_a_request_without_a_deadline_waits_for_ever(label: Label, db: Pool) -> None:
    await label.seed_accounts("kiri")
    await label.request("kiri")
    await until(lambda: request_states(db, label), "the request on record")

    await skip(label, request_id(label, "kiri"), timedelta(days=400))

    status = await label.spark.request_status(label.bc_id, "kiri")
    assert status.outcome is RequestOutcome.PENDING
    await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)


async def test_an_open_invitation_is_answered_by_whoever_has_the_code(label: Label, db: Pool) -> None:
    # R8: account-agnostic.
    await label.seed_accounts("moana")
    answer = await label.request()
    (line,) = answer.requests
    assert line.name.startswith("open-")
    assert line.handle is None

    await label.simulator.approve("moana", label.bc_id)

    await request_ends(db, label, line.name, RequestOutcome.APPROVED)
    await scan_kept(db, label, "moana", ScanOutcome.ACCEPTED)
