"""Commands without a pause do not keep a workflow from renewing itself, and lose nothing by it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from access_record import own_name, roles_at_tiktok, trail
from mortal_worker import MortalWorker, end_all

from sparkads import names
from sparkads.client import SparkAds
from sparkads.contracts.authorization import MemberGrant, PairOutcome, Share, Unshare
from sparkads.contracts.base import Contract
from sparkads.contracts.business_center import AccountList
from store.database import Pool
from tests.conftest import Label, Simulator, make_label, stop_sweeping, until

CLIENTS = 8
FURTHER_RUNS = 3


@pytest.fixture
async def label(simulator: Simulator, hasty: tuple[SparkAds, MortalWorker], db: Pool) -> AsyncIterator[Label]:
    yield await make_label(simulator, hasty[0], db)
    await end_all(hasty[0].temporal)
    await stop_sweeping()


async def under_traffic(
    label: Label, workflow_id: str, command: Callable[[int, int], Awaitable[Contract]]
) -> list[Contract]:
    """
    Send commands from several clients, each as soon as its last one is answered, until the workflow has renewed itself.

    `command(client, number)` sends one; a failure of any fails the test.
    """
    temporal = label.spark.temporal
    enough = asyncio.Event()

    async def client(own: int) -> list[Contract]:
        answers: list[Contract] = []
        while not enough.is_set():
            answers.append(await command(own, len(answers)))
        return answers

    async def runs() -> int:
        return (await temporal.count_workflows(f"WorkflowId = '{workflow_id}'")).count

    before = await runs()

    async def renewed() -> bool:
        return await runs() >= before + FURTHER_RUNS

    clients = asyncio.gather(*(client(own) for own in range(CLIENTS)))
    looking = asyncio.create_task(until(renewed, f"{FURTHER_RUNS} further runs under traffic", within=90))
    # Whichever fails first is what went wrong.
    await asyncio.wait({clients, looking}, return_when=asyncio.FIRST_COMPLETED)
    enough.set()
    if not looking.done():
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    answers = [answer for own in await clients for answer in own]
    await looking
    return answers


@pytest.mark.timeout(180)
async def test_a_business_center_renews_itself_between_questions(label: Label) -> None:
    # R4
    (asset_id,) = await label.authorized(own_name(label, "kiri"))

    async def ask(_client: int, _number: int) -> AccountList:
        return await label.spark.list_accounts(label.bc_id, label.admin)

    answers = await under_traffic(label, names.business_center_id(label.bc_id), ask)

    assert len(answers) > CLIENTS
    assert {line.asset_id for answer in answers if isinstance(answer, AccountList) for line in answer.accounts} == {
        asset_id
    }
    assert all(isinstance(answer, AccountList) and len(answer.accounts) == 1 for answer in answers)


@pytest.mark.timeout(180)
async def test_an_authorization_renews_itself_between_commands_and_does_each_once(label: Label, db: Pool) -> None:
    # R10, R11
    (asset_id,) = await label.authorized(own_name(label, "kiri"))
    people = (label.operator, label.standard, label.admin)
    spark = label.spark
    since = (await spark.authorization_status(label.bc_id, asset_id)).since
    done: Counter[str] = Counter()

    async def change(client: int, number: int) -> Contract:
        person, command_id = people[client % len(people)], f"client{client}-{number}"
        if number % 2:
            take = Unshare(actor=label.admin, members=(person,))
            answer = await spark.unshare(label.bc_id, asset_id, take, command_id=command_id)
        else:
            give = Share(actor=label.admin, members=(MemberGrant(user_id=person),))
            answer = await spark.share(label.bc_id, asset_id, give, command_id=command_id)
        (pair,) = answer.pairs
        if pair.outcome is PairOutcome.DONE:
            done["unshared" if number % 2 else "shared"] += 1
        return answer

    answers = await under_traffic(label, names.authorization_id(label.bc_id, asset_id), change)

    assert len(answers) > CLIENTS
    assert {len(await trail(db, label, action)) - done[action] for action in ("shared", "unshared")} == {0}
    standing = await roles_at_tiktok(label, asset_id)
    assert len(await trail(db, label, "shared")) - len(await trail(db, label, "unshared")) == len(standing)

    async def told() -> bool:
        # A fresh run has to read it first.
        status = await spark.authorization_status(label.bc_id, asset_id)
        return (status.since, set(status.members)) == (since, set(standing))

    await until(told, f"shared with {standing}, since {since}")
    assert await db.fetchval("SELECT count(*) FROM authorizations WHERE bc_id = $1", label.bc_id) == 1
