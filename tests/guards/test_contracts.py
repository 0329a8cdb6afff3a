"""A message of the release before can be read by this one."""

from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model

from tests.guards.contracts import breaks, committed, current, lock

WHAT_TO_DO = """{problems}

A message that is under way, or in a history that is replayed, could not be read, or would mean something else.
Add a field with a default instead, and leave the old one as it is. If the new type takes everything that the old one
took, or nothing of it has ever been released, say so: python -m tests.guards.contracts --write"""


def test_every_contract_still_reads_what_was_written() -> None:
    problems = breaks(committed(), current())

    assert not problems, WHAT_TO_DO.format(problems="\n".join(problems))


def test_the_record_of_contracts_is_up_to_date() -> None:
    assert committed() == current(), (
        "nothing breaks; put the new fields on record: python -m tests.guards.contracts --write"
    )


class State(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Fewer(StrEnum):
    OPEN = "open"


class Part(BaseModel):
    number: int


FIELDS: dict[str, Any] = {
    "id": (str, Field(max_length=9)),
    "part": (Part | None, None),
    "state": (State, State.OPEN),
    "parts": (tuple[Part, ...], Field(default_factory=tuple)),
}


def _order(**changes: Any) -> Any:
    fields = {name: shape for name, shape in (FIELDS | changes).items() if shape is not None}
    return lock({create_model("Order", __module__=__name__, **fields)})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"part": None}, "part is gone", id="removed"),
        pytest.param({"part": None, "piece": (Part | None, None)}, "part is gone", id="renamed"),
        pytest.param({"id": (int, ...)}, 'id was {"maxLength": 9, "type": "string"}', id="retyped"),
        pytest.param({"id": (str, Field(max_length=8))}, "id was", id="narrowed"),
        pytest.param({"note": (str, ...)}, "note is new and has no default", id="added without a default"),
        pytest.param({"part": (Part | None, ...)}, "part has lost its default", id="default removed"),
        pytest.param({"state": (State, State.CLOSED)}, "state had the default 'open'", id="another default"),
    ],
)
def test_what_breaks_a_message_is_noticed(changes: dict[str, Any], told: str) -> None:
    (problem,) = breaks(_order(), _order(**changes))

    assert told in problem


def test_a_lost_value_and_a_lost_model_are_noticed() -> None:
    was = _order()
    now = {"models": {}, "enums": {name: [one.value for one in Fewer] for name in was["enums"]}}

    assert breaks(was, now) == [
        f"{__name__}.Order is gone",
        f"{__name__}.Part is gone",
        f"{__name__}.State has lost closed",
    ]


def test_a_field_with_a_default_breaks_nothing_and_is_put_on_record() -> None:
    grown = _order(note=(str, ""))

    assert breaks(_order(), grown) == []
    assert grown != _order()


def test_messages_of_every_kind_are_on_record() -> None:
    models = committed()["models"]

    assert {
        "sparkads.contracts.release.ReleaseInput",
        "sparkads.contracts.base.BlobRef",
        "sparkads.scopes.Scope",
        "sparkads.manifest.rows.ManifestRow",
        "activities.publish.PublishShard",
        "activities.sweep.SweepAnswer",
        "store.authorizations.Sweep",
    } <= set(models)
