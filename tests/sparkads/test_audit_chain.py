"""The hash chain of the trail, without a database: what is whole, and what is found."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sparkads.audit import ChainCheck, Head, Line, hash_of, start_of
from sparkads.contracts.audit import AuditVerdict, BrokenLine, Flaw

BC = "7300000000000000001"
TEXTS = ("at", "actor", "action", "subject", "reason", "workflow_id", "run_id")

any_text = st.text(max_size=20) | st.sampled_from(["", "0:,", "1:a,", "3:abc,0:,", "👩‍🎤", "a\nb", "\u2028", ":,:,"])
words = st.fixed_dictionaries(dict.fromkeys(TEXTS, any_text))


def chained(contents: Sequence[dict[str, str]], bc_id: str = BC) -> list[Line]:
    lines: list[Line] = []
    previous = start_of(bc_id)
    for number, content in enumerate(contents, start=1):
        line = Line(number=number, bc_id=bc_id, hash="", **content)
        previous = hash_of(previous, line)
        lines.append(line.model_copy(update={"hash": previous}))
    return lines


def some(count: int) -> list[Line]:
    return chained([dict.fromkeys(TEXTS, f"text {number}") for number in range(1, count + 1)])


def check(lines: Sequence[Line], **more: Any) -> AuditVerdict:
    chain = ChainCheck(BC, **more)
    for line in lines:
        chain.add(line)
    return chain.verdict()


def found(lines: Sequence[Line], **more: Any) -> BrokenLine:
    broken = check(lines, **more).broken
    assert broken is not None
    return broken


def test_the_hash_is_what_the_documentation_says() -> None:
    (line,) = chained([dict(zip(TEXTS, ("2027-01-15T05:00:00.000000Z", "6", "é", "", "a,b", "w", "r"), strict=True))])
    first = hashlib.sha256(b"sparkads audit trail of Business Center 7300000000000000001").hexdigest()
    told = f"64:{first},1:1,27:2027-01-15T05:00:00.000000Z,19:7300000000000000001,1:6,2:é,0:,3:a,b,1:w,1:r,"

    assert start_of(BC) == first
    assert line.hash == hashlib.sha256(told.encode()).hexdigest()


@given(st.lists(words, max_size=6))
def test_what_was_chained_is_whole(contents: list[dict[str, str]]) -> None:
    lines = chained(contents)
    head = lines[-1].hash if lines else start_of(BC)

    for end in (None, Head(len(lines), head)):
        for kept in (None, start_of(BC), *(line.hash for line in lines)):
            assert check(lines, head=end, kept_head=kept) == AuditVerdict(lines=len(lines), head=head)


@given(words, words)
def test_different_lines_have_different_hashes(one: dict[str, str], two: dict[str, str]) -> None:
    first, second = chained([one])[0], chained([two])[0]

    assert (first.hash == second.hash) is (one == two)


@given(words, st.sampled_from(TEXTS[:-1]), st.integers(min_value=0, max_value=20))
def test_text_that_moves_to_the_next_field_is_noticed(content: dict[str, str], field: str, place: int) -> None:
    after = TEXTS[TEXTS.index(field) + 1]
    moved = content | {field: content[field][:place], after: content[field][place:] + content[after]}

    assert (chained([content])[0].hash == chained([moved])[0].hash) is (content == moved)


@given(st.lists(words, min_size=1, max_size=6), st.data())
def test_the_first_line_that_was_altered_is_named(contents: list[dict[str, str]], data: st.DataObject) -> None:
    # Lines that say the same could as well have changed places.
    lines = chained([content | {"at": str(number)} for number, content in enumerate(contents)])
    places = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=1, unique=True))
    for place in places:
        field = data.draw(st.sampled_from(TEXTS))
        lines[place] = lines[place].model_copy(update={field: getattr(lines[place], field) + "!"})

    broken = found(lines)

    assert (broken.flaw, broken.number) == (Flaw.ALTERED, min(places) + 1)
    assert check(lines).lines == len(lines)
    assert check(lines).head == (lines[min(places) - 1].hash if min(places) else start_of(BC))


@given(st.integers(min_value=2, max_value=7), st.data())
def test_a_line_that_is_gone_is_named(count: int, data: st.DataObject) -> None:
    lines = some(count)
    place = data.draw(st.integers(0, count - 2))
    removed = lines.pop(place)

    broken = found(lines)

    assert (broken.flaw, broken.number) == (Flaw.MISSING, removed.number)


@given(st.integers(min_value=2, max_value=7), st.data())
def test_lines_in_another_order_are_told_from_lines_that_are_gone(count: int, data: st.DataObject) -> None:
    lines = some(count)
    first, second = sorted(data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
    lines[first], lines[second] = lines[second], lines[first]

    broken = found(lines)

    assert (broken.flaw, broken.number) == (Flaw.REORDERED, first + 1)
    # With each other's numbers as well, as two rows of a table would stand.
    renumbered = [line.model_copy(update={"number": number}) for number, line in enumerate(lines, start=1)]
    broken = found(renumbered)
    assert (broken.flaw, broken.number) == (Flaw.REORDERED, first + 1)


@given(st.integers(min_value=1, max_value=7), st.data())
def test_a_cut_off_tail_needs_a_head_to_be_noticed(count: int, data: st.DataObject) -> None:
    lines = some(count)
    end = Head(count, lines[-1].hash)
    left = lines[: data.draw(st.integers(0, count - 1))]

    assert check(left).broken is None
    assert (found(left, head=end).flaw, found(left, head=end).number) == (Flaw.CUT_OFF, len(left) + 1)
    assert (found(left, kept_head=end.hash).flaw, found(left, kept_head=end.hash).number) == (Flaw.REWRITTEN, None)


def test_a_line_twice_and_a_line_of_somebody_else_are_noticed() -> None:
    lines = some(3)
    foreign = chained([dict.fromkeys(TEXTS, f"text {number}") for number in range(1, 4)], "7")

    assert (found([lines[0], lines[0], *lines[1:]]).flaw, found(lines[:2] + lines).number) == (Flaw.REORDERED, 1)
    assert (found(foreign).flaw, found(foreign).number) == (Flaw.ALTERED, 1)
    assert found([*lines[:2], foreign[2]]).number == 3


def test_the_head_of_the_record_is_held_against_the_last_line() -> None:
    lines = some(3)

    assert (found(lines, head=Head(2, lines[1].hash)).flaw, found(lines, head=Head(2, lines[1].hash)).number) == (
        Flaw.ADDED,
        3,
    )
    assert (found(lines, head=Head(3, "0" * 64)).flaw, found(lines, head=Head(3, "0" * 64)).number) == (Flaw.ALTERED, 3)


def test_a_broken_line_says_what_stands_there_and_fits_a_message() -> None:
    lines = some(3)
    lines[1] = lines[1].model_copy(update=dict.fromkeys(TEXTS, "x" * 10_000))

    broken = found(lines)

    assert (len(broken.at), len(broken.actor), len(broken.action), len(broken.subject)) == (100, 100, 100, 500)
    assert broken.text == "line 2 was altered, or line 1 with its hash: its hash does not fit what it says"


@given(words, st.integers(), any_text)
def test_a_line_comes_back_from_an_export_as_it_went(content: dict[str, str], number: int, bc_id: str) -> None:
    line = Line(number=number, bc_id=bc_id, hash="0" * 64, **content)
    text = line.model_dump_json()

    assert "\n" not in text
    assert Line.model_validate_json(text.encode()) == line


@pytest.mark.parametrize(
    "change",
    [{"number": "1"}, {"number": 1.5}, {"number": True}, {"subject": None}, {"subject": 7}, {"more": "x"}],
    ids=str,
)
def test_a_line_of_another_shape_is_none(change: dict[str, object]) -> None:
    text = json.dumps(some(1)[0].model_dump() | change)

    with pytest.raises(ValidationError):
        Line.model_validate_json(text)
