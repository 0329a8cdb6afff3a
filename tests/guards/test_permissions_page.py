"""The page about who may do what is the one that its declaration generates, and the declaration is complete."""

import importlib.util
from pathlib import Path
from types import ModuleType

from temporalio import workflow

from sparkads import names
from sparkads.permissions import COMMANDS, NEED_NO_RIGHT, AccountState, CenterState, ReleaseState
from sparkads.roles import RIGHTS, Action
from workers.worker import WORKFLOWS

DOCS = Path(__file__).parents[2] / "docs"

PASSED_ON = {names.ACCESS_REQUEST_WORKFLOW, names.PUBLISH_SHARD_WORKFLOW}
"""They are sent what came to a Business Center or to a release."""


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("who_may_do_what", DOCS / "who_may_do_what.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    script = _script()

    assert script.PAGE.read_text() == script.page(), "run .venv/bin/python docs/who_may_do_what.py"


def test_every_message_is_declared() -> None:
    declared = {(command.sent_to, command.name) for command in COMMANDS if command.kind != "start"} | set(NEED_NO_RIGHT)
    taken = {
        (definition.name, message)
        for kind in WORKFLOWS
        for definition in [workflow._Definition.must_from_class(kind)]
        for message in [*definition.signals, *definition.updates]
        if definition.name not in PASSED_ON
    }

    assert declared == taken


def test_every_action_and_every_state_is_declared() -> None:
    assert set(RIGHTS) == set(Action) == {command.action for command in COMMANDS} - {None}
    for command in COMMANDS:
        if command.kind != "start":
            assert set(command.states) in (set(AccountState), set(CenterState), set(ReleaseState)), command.key


def test_every_command_has_a_key_of_its_own() -> None:
    assert len({command.key for command in COMMANDS}) == len(COMMANDS)
