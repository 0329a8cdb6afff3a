"""The commands of every workflow are those on record; what changes them is noticed, what does not is left alone."""

import difflib
from pathlib import Path

import pytest

from tests.guards.fingerprint import Module, committed, current

WHAT_TO_DO = """The commands of {name} have changed, and runs that started before would not replay:

{changes}

1. Put the change behind workflow.patched("what-changed"), or give the workflow a new version.
   A new handler alone breaks nothing.
2. Record histories of the new paths: python -m tests.guards.record --beside what-changed
3. Say that it is meant: python -m tests.guards.fingerprint --write"""

WORKFLOW = """
import asyncio
from datetime import timedelta
from temporalio import workflow
from activities.orders import Orders
from names import DONE

PAUSE = timedelta(seconds=1)

async def announce(target):
    await workflow.get_external_workflow_handle(target).signal(DONE)

@workflow.defn
class Order:
    @workflow.run
    async def run(self, order):
        # Paid first.
        receipt = await workflow.execute_activity_method(Orders.charge, order, summary="Charge")
        await self._ship(receipt)
        await workflow.wait_condition(lambda: self.arrived)
        await announce(order.customer)

    async def _ship(self, receipt):
        if receipt:
            await asyncio.gather(*(self._parcel(number) for number in receipt.parcels))

    async def _parcel(self, number):
        await workflow.execute_activity_method(Orders.ship, number, summary="Ship")
        await workflow.sleep(PAUSE)

    @workflow.signal(name="arrive")
    def arrive(self):
        self.arrived = True

    @workflow.query
    def status(self):
        return self.arrived
"""

CHARGE = "execute_activity_method Orders.charge"
SHIP = "execute_activity_method Orders.ship"


def _run(source: str) -> list[str]:
    return Module(source).workflows()["Order"]["run"]


def _lines(handlers: dict[str, list[str]]) -> list[str]:
    return [f"{handler}: {command}" for handler, commands in handlers.items() for command in commands or ["nothing"]]


@pytest.mark.parametrize("name", current())
def test_the_commands_of_a_workflow_are_those_on_record(name: str) -> None:
    was, now = committed().get(name, {}), current()[name]
    changes = "\n".join(difflib.unified_diff(_lines(was), _lines(now), "on record", "now", lineterm="", n=2))

    assert was == now, WHAT_TO_DO.format(name=name, changes=changes)


def test_no_workflow_that_is_on_record_has_gone() -> None:
    assert set(committed()) == set(current()), "runs of it may live for years: its code has to stay until none is left"


def test_commands_are_issued_by_workflow_modules_only() -> None:
    folder = Path(__file__).parents[2] / "workflows"
    for path in folder.glob("_*.py"):
        assert not list(Module(path.read_text()).calls()), f"{path.name}: the fingerprint would not see it"


def test_what_is_read() -> None:
    assert Module(WORKFLOW).workflows() == {"Order": {"run": [CHARGE, SHIP, "sleep", "signal DONE"], "arrive": []}}


@pytest.mark.parametrize(
    ("old", "new", "commands"),
    [
        pytest.param(
            "        await self._ship(receipt)",
            "        await workflow.sleep(5)\n        await self._ship(receipt)",
            [CHARGE, "sleep", SHIP, "sleep", "signal DONE"],
            id="another timer",
        ),
        pytest.param(
            "lambda: self.arrived)",
            "lambda: self.arrived, timeout=PAUSE)",
            [CHARGE, SHIP, "sleep", "wait_condition with timeout", "signal DONE"],
            id="a time-out of a wait",
        ),
        pytest.param(
            "        await self._ship(receipt)\n        await workflow.wait_condition(lambda: self.arrived)\n"
            "        await announce(order.customer)",
            "        await announce(order.customer)\n        await self._ship(receipt)",
            [CHARGE, "signal DONE", SHIP, "sleep"],
            id="another order of methods",
        ),
        pytest.param(
            "Orders.ship", "Orders.send", [CHARGE, "execute_activity_method Orders.send", "sleep", "signal DONE"]
        ),
        pytest.param(
            "        # Paid first.",
            '        workflow.patched("free")',
            ["patched 'free'", CHARGE, SHIP, "sleep", "signal DONE"],
            id="a patch",
        ),
        pytest.param("workflow.sleep(PAUSE)", "asyncio.sleep(1)", [CHARGE, SHIP, "sleep", "signal DONE"], id="asyncio"),
    ],
)
def test_a_change_of_commands_is_noticed(old: str, new: str, commands: list[str]) -> None:
    assert old in WORKFLOW

    assert _run(WORKFLOW.replace(old, new)) == commands


def test_swapped_activities_are_noticed() -> None:
    swapped = WORKFLOW.replace("Orders.ship", "?").replace("Orders.charge", "Orders.ship").replace("?", "Orders.charge")

    assert _run(swapped) == [SHIP, CHARGE, "sleep", "signal DONE"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Paid first.", "# What is not paid is not sent."),
        ("receipt", "bill"),
        ("target", "customer"),
        ("_parcel", "_one"),
        ("seconds=1", "seconds=2"),
        ("PAUSE", "BREATH"),
        ('summary="Ship"', 'summary="Send"'),
        ("from temporalio import workflow\n", "import temporalio.workflow as workflow\n"),
        ("await self._ship(receipt)\n", "await asyncio.create_task(self._ship(receipt))\n"),
    ],
)
def test_what_changes_no_command_changes_no_fingerprint(old: str, new: str) -> None:
    assert old in WORKFLOW

    assert _run(WORKFLOW.replace(old, new)) == _run(WORKFLOW)


def test_a_base_class_is_refused() -> None:
    with pytest.raises(ValueError, match="bases"):
        Module(WORKFLOW.replace("class Order:", "class Order(Base):")).workflows()
