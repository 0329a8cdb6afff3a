"""Delivery of notifications to a real receiver, and who may read them."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web
from pydantic import JsonValue, SecretStr
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import notifications as delivery
from activities import webhook as webhooks
from activities.members import Members
from activities.notifications import Delivered, ListNotifications, NotificationActivities
from activities.platform import Platform
from activities.webhook import Webhook
from sparkads.contracts.notification import AskNotifications, Notification, NotificationKind, Notifications
from store import notifications
from store.audit import Run
from store.database import Pool
from tests.conftest import Label
from tiktok import TikTok
from workers.local import Stack

TOKEN = "open-sesame"
RUN = Run(workflow_id="bc/delivery-test", run_id="run")


@dataclass
class Receiver:
    """Takes POSTs; answers what `answers` says, then 204."""

    url: str = ""
    requests: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        self.arrived.set()
        await self.open.wait()
        status = self.answers.popleft() if self.answers else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status // 100 == 3 else {})

    @property
    def subjects(self) -> list[str]:
        return [json.loads(body)["subject"] for body in self.bodies]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    receiver.open.set()
    runner = web.ServerRunner(web.Server(receiver.take), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/{TOKEN}"
    yield receiver
    receiver.open.set()
    await runner.cleanup()


@pytest.fixture
async def members(stack: Stack, db: Pool) -> AsyncIterator[Members]:
    async with TikTok(stack.tiktok_base_url, limiter=None) as tiktok:
        yield Members(db, Platform(db, tiktok), max_age=timedelta(0))


@pytest.fixture
async def webhook(receiver: Receiver) -> AsyncIterator[Webhook]:
    async with Webhook(SecretStr(receiver.url), SecretStr("a key")) as webhook:
        yield webhook


@pytest.fixture
def told(db: Pool, members: Members, webhook: Webhook) -> NotificationActivities:
    return NotificationActivities(db, members, webhook)


async def put(db: Pool, bc_id: str, *subjects: str, text: str = "text", **data: JsonValue) -> None:
    async with db.acquire() as connection, connection.transaction():
        for subject in subjects:
            await notifications.put(
                connection,
                bc_id=bc_id,
                kind=NotificationKind.ATTENTION,
                subject=subject,
                text=text,
                data=data,
                run=RUN,
            )


async def deliver(activities: NotificationActivities, bc_id: str) -> Delivered:
    delivered: Delivered = await ActivityEnvironment().run(activities.deliver_notifications, bc_id)
    return delivered


async def test_a_receiver_can_tell_what_it_got_and_from_whom(
    told: NotificationActivities, receiver: Receiver, label: Label, db: Pool
) -> None:
    await put(db, label.bc_id, "@artist", "second", text="Kia ora,\nscan the code.", asset_id="74", waits=True)
    assert await deliver(told, label.bc_id) == Delivered(delivered=2, left=0)

    request, body = receiver.requests[0], receiver.bodies[0]
    (kept, _) = await notifications.newest(db, label.bc_id, kinds=(), limit=5)
    assert (request.method, request.content_type) == ("POST", "application/json")
    assert request.headers["X-Sparkads-Id"] == str(kept.id)
    signature = hmac.new(b"a key", body, hashlib.sha256).hexdigest()
    assert request.headers["X-Sparkads-Signature"] == f"sha256={signature}"
    assert Notification.model_validate_json(body) == kept
    assert json.loads(body) == {
        "id": kept.id,
        "bc_id": label.bc_id,
        "at": json.loads(kept.model_dump_json())["at"],
        "kind": "attention",
        "subject": "@artist",
        "text": "Kia ora,\nscan the code.",
        "data": {"asset_id": "74", "waits": True},
    }
    assert await deliver(told, label.bc_id) == Delivered(delivered=0, left=0)
    assert receiver.subjects == ["@artist", "second"]


async def test_without_a_secret_nothing_is_signed(receiver: Receiver, label: Label, db: Pool, members: Members) -> None:
    await put(db, label.bc_id, "plain")
    async with Webhook(SecretStr(receiver.url), None) as unsigned:
        await deliver(NotificationActivities(db, members, unsigned), label.bc_id)
    assert "X-Sparkads-Signature" not in receiver.requests[0].headers


async def test_a_refused_one_is_neither_lost_nor_overtaken(
    told: NotificationActivities, receiver: Receiver, label: Label, db: Pool
) -> None:
    await put(db, label.bc_id, "one", "two", "three")
    receiver.answers.extend([200, 500, 400])
    assert await deliver(told, label.bc_id) == Delivered(delivered=1, left=2, last_error="HTTP 500")
    assert await deliver(told, label.bc_id) == Delivered(delivered=0, left=2, last_error="HTTP 400")
    await put(db, label.bc_id, "four")
    assert await deliver(told, label.bc_id) == Delivered(delivered=3, left=0)
    assert receiver.subjects == ["one", "two", "two", "two", "three", "four"]
    assert len({request.headers["X-Sparkads-Id"] for request in receiver.requests}) == 4
    assert len(set(receiver.bodies)) == 4, "a repetition is the same, byte by byte"


async def test_business_centers_do_not_hold_each_other_up(
    told: NotificationActivities, receiver: Receiver, label: Label, db: Pool
) -> None:
    other = label.bc_id.replace("73", "79", 1)
    await put(db, label.bc_id, "mine")
    await put(db, other, "theirs")
    receiver.answers.append(503)
    assert (await deliver(told, label.bc_id)).left == 1
    assert await deliver(told, other) == Delivered(delivered=1, left=0)


async def test_a_receiver_that_is_down_costs_nothing_and_its_address_stays_secret(
    told: NotificationActivities,
    receiver: Receiver,
    label: Label,
    db: Pool,
    members: Members,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    await put(db, label.bc_id, "one", "two", text="first line\nsecond\x1b[2J line")
    for url in (f"http://127.0.0.1:1/{TOKEN}", f"http://:{TOKEN}@127.0.0.1:1/", f"http://127.0.0.1:1 /{TOKEN}"):
        async with Webhook(SecretStr(url), SecretStr(TOKEN)) as down:
            assert TOKEN not in f"{down!r}{vars(down)}"
            answer = await deliver(NotificationActivities(db, members, down), label.bc_id)
        assert (answer.delivered, answer.left) == (0, 2)
        assert answer.last_error.startswith("not reached (")
    kept = str(await db.fetch("SELECT * FROM notifications WHERE bc_id = $1", label.bc_id))
    assert TOKEN not in caplog.text + kept

    # Both are in the log at once, and only once, although the second has not been tried.
    lines = [line for line in caplog.messages if line.startswith("notification ")]
    assert [line.rpartition(", ")[2] for line in lines] == [
        "one: first line second [2J line",
        "two: first line second [2J line",
    ]
    assert (await deliver(told, label.bc_id)).delivered == 2
    assert receiver.subjects == ["one", "two"]


async def test_a_redirect_is_not_followed(
    told: NotificationActivities, receiver: Receiver, label: Label, db: Pool
) -> None:
    await put(db, label.bc_id, "one")
    receiver.answers.append(307)
    answer = await deliver(told, label.bc_id)
    assert answer == Delivered(delivered=0, left=1, last_error="HTTP 307; redirects are not followed")
    assert [request.path for request in receiver.requests] == [f"/hooks/{TOKEN}"]


async def test_a_silent_receiver_is_given_up(
    receiver: Receiver, label: Label, db: Pool, members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "POST_SECONDS", 0.2)
    await put(db, label.bc_id, "one", "two")
    receiver.open.clear()
    async with Webhook(SecretStr(receiver.url), None) as patient:
        answer = await deliver(NotificationActivities(db, members, patient), label.bc_id)
    assert answer == Delivered(delivered=0, left=2, last_error="no answer within 0.2 s")
    assert receiver.subjects == ["one"]


async def test_several_deliverers_send_each_once_and_in_order(
    receiver: Receiver, label: Label, db: Pool, members: Members
) -> None:
    subjects = [f"{number:02}" for number in range(30)]
    await put(db, label.bc_id, *subjects)
    async with Webhook(SecretStr(receiver.url), None) as one, Webhook(SecretStr(receiver.url), None) as two:
        workers = [NotificationActivities(db, members, webhook) for webhook in (one, two, one)]
        answers = await asyncio.gather(*(deliver(worker, label.bc_id) for worker in workers))
    assert sum(answer.delivered for answer in answers) == 30
    assert receiver.subjects == subjects


async def test_while_a_receiver_thinks_nothing_is_locked_and_nobody_else_sends(
    told: NotificationActivities, receiver: Receiver, label: Label, db: Pool
) -> None:
    await put(db, label.bc_id, "one", "two")
    receiver.open.clear()
    sending = asyncio.create_task(deliver(told, label.bc_id))
    await asyncio.wait_for(receiver.arrived.wait(), 10)
    async with db.acquire() as connection, connection.transaction():
        # Fails if the sender holds a lock.
        await connection.fetch("SELECT * FROM notifications WHERE bc_id = $1 FOR UPDATE NOWAIT", label.bc_id)
    assert await deliver(told, label.bc_id) == Delivered(delivered=0, left=2)
    receiver.open.set()
    assert await sending == Delivered(delivered=2, left=0)
    assert receiver.subjects == ["one", "two"]


async def test_a_long_list_is_left_for_the_next_call(
    told: NotificationActivities, receiver: Receiver, label: Label, db: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BUDGET_SECONDS", 0.0)
    await put(db, label.bc_id, "one")
    assert await deliver(told, label.bc_id) == Delivered(delivered=0, left=1)
    assert receiver.subjects == []


async def test_without_a_webhook_the_log_is_all(
    label: Label, db: Pool, members: Members, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await put(db, label.bc_id, "one", "two")
    told = NotificationActivities(db, members, None)
    assert await deliver(told, label.bc_id) == Delivered(delivered=2, left=0)
    assert await deliver(told, label.bc_id) == Delivered(delivered=0, left=0)
    assert [line.partition(", ")[2] for line in caplog.messages] == [
        f"Business Center {label.bc_id}, attention, {subject}: text" for subject in ("one", "two")
    ]


async def ask(told: NotificationActivities, label: Label, actor: str, **more: object) -> Notifications:
    question = ListNotifications(bc_id=label.bc_id, ask=AskNotifications.model_validate({"actor": actor, **more}))
    answer: Notifications = await ActivityEnvironment().run(told.list_notifications, question)
    return answer


async def test_admins_read_what_people_were_told(
    told: NotificationActivities, receiver: Receiver, label: Label, db: Pool
) -> None:
    # R2
    await put(db, label.bc_id, "one", "two", "three")
    receiver.answers.extend([200, 500])
    await deliver(told, label.bc_id)
    answer = await ask(told, label, label.admin, limit=2)
    assert [one.subject for one in answer.notifications] == ["two", "three"]
    assert (answer.undelivered, answer.last_error) == (2, "HTTP 500")
    assert (await ask(told, label, label.admin, kinds=["reminder"])).notifications == ()
    with pytest.raises(ApplicationError, match="R2: only a BC admin may read notifications") as refused:
        await ask(told, label, label.standard)
    assert refused.value.type == "AdminOnly"


async def test_an_answer_stays_small_enough_to_travel(told: NotificationActivities, label: Label, db: Pool) -> None:
    await put(db, label.bc_id, *map(str, range(200)), text="\N{SNOWMAN}" * 5_000)
    answer = await ask(told, label, label.admin, limit=200)
    assert len(answer.model_dump_json().encode()) < 512_000
    assert answer.notifications[-1].subject == "199"
    assert len(answer.notifications[0].text) == 4_000
