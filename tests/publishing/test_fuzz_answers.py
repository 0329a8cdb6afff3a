"""A few seeds of answers made odd; `make fuzz-answers` runs hundreds. And that the judge finds what is wrong."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fuzz import alterations
from fuzz.alterations import Alteration, Odd, What
from fuzz.codes import CODES
from fuzz.outcome import Outcome
from fuzz.place import place
from fuzz.proxy import Call, Hit
from fuzz.runner import outcomes
from fuzz.verdict import READS_A_MINUTE, Evidence, Invariant, busiest_minute, violations
from fuzz.world import ROWS, Touched
from sparkads.contracts.release import TargetState

SEEDS = (14, 18, 21, 38, 30)
"""Four releases and a Business Center: odd fields, a missing list, a limit, a definite no; all of them at once."""


@pytest.mark.timeout(120)
async def test_what_is_odd_harms_nothing_else() -> None:
    # R1, R5, R7, R13
    async with place() as there:
        found = [outcome async for outcome in outcomes(there, SEEDS, parallel=len(SEEDS))]

    assert {one.seed: one.violations for one in found} == dict.fromkeys(SEEDS, ())
    assert all(one.hits for one in found)
    _would_be_noticed(next(one for one in found if one.evidence is not None and one.seed == SEEDS[0]))


def _would_be_noticed(outcome: Outcome) -> None:
    """A judge who never finds anything would be none: each of these has to be found in the same evidence."""
    assert outcome.evidence is not None
    unharmed = replace(outcome.evidence, touched=Touched(), touched_by=[Touched() for _ in outcome.evidence.touched_by])
    harmed = replace(outcome.evidence, touched=_ALL, touched_by=[_ALL for _ in outcome.evidence.touched_by])
    known = {*violations(unharmed), *violations(harmed)}
    for doctor, invariant in (
        (_task_failed, Invariant.NO_FAILURE),
        (_row_late, Invariant.PUNCTUAL),
        (_row_early, Invariant.EMBARGO),
        (_row_blocked, Invariant.PUBLISHED),
        (_ad_twice, Invariant.ONCE),
        (_group_twice, Invariant.ONCE),
        (_post_twice, Invariant.ONCE),
        (_ad_gone, Invariant.ONCE),
        (_called_for_ever, Invariant.BOUNDED),
        (_never_ended, Invariant.GOES_ON),
        (_unanswered, Invariant.ANSWERS),
    ):
        assert invariant in {one.invariant for one in {*violations(doctor(unharmed))} - known}, doctor.__name__
    for doctor, invariant in (
        (_silent_end, Invariant.SAYS_WHY),
        (_silent_wait, Invariant.SAYS_WHY),
        (_other_words, Invariant.SAYS_WHY),
        (_changed_its_end, Invariant.GOES_ON),
        (_ended_by_what_passes, Invariant.GOES_ON),
    ):
        assert invariant in {one.invariant for one in {*violations(doctor(harmed))} - known}, doctor.__name__


_ALL = Touched(frozenset({(None, None)}))


def _state(change: Callable[[dict[str, Any]], None], evidence: Evidence) -> Evidence:
    state = copy.deepcopy(dict(evidence.state))
    change(state)
    return replace(evidence, state=state)


def _ad(evidence: Evidence) -> dict[str, Any]:
    return dict(evidence.ads[ROWS[0].row_id][0])


def _task_failed(evidence: Evidence) -> Evidence:
    return replace(evidence, failures=["bc/1: a workflow task failed: KeyError"])


def _row_late(evidence: Evidence) -> Evidence:
    return replace(evidence, instant=evidence.instant - timedelta(minutes=1))


def _row_early(evidence: Evidence) -> Evidence:
    def change(state: dict[str, Any]) -> None:
        for ad in state["ads"]:
            ad["created_at"] = "2020-01-01T00:00:00.000000+00:00"

    return _state(change, evidence)


def _row_blocked(evidence: Evidence) -> Evidence:
    return _end(evidence, TargetState.BLOCKED, "R5: operator lacks a key")


def _ad_twice(evidence: Evidence) -> Evidence:
    ad = _ad(evidence) | {"ad_id": "1", "ad_name": f"{ROWS[0].row_id} another"}
    return _state(lambda state: state["ads"].append(ad), evidence)


def _group_twice(evidence: Evidence) -> Evidence:
    group = dict(evidence.ours("adgroups")[0]) | {"adgroup_id": "1"}
    return _state(lambda state: state["adgroups"].append(group), evidence)


def _post_twice(evidence: Evidence) -> Evidence:
    ad_id = _ad(evidence)["ad_id"]

    def change(state: dict[str, Any]) -> None:
        posts = next(one["posts"] for one in state["accounts"] if any(post["ad_id"] == ad_id for post in one["posts"]))
        posts.append(next(post for post in posts if post["ad_id"] == ad_id) | {"item_id": "1"})

    return _state(change, evidence)


def _ad_gone(evidence: Evidence) -> Evidence:
    ad_id = _ad(evidence)["ad_id"]
    return _state(lambda state: state.update(ads=[one for one in state["ads"] if one["ad_id"] != ad_id]), evidence)


def _called_for_ever(evidence: Evidence) -> Evidence:
    again = [Call(evidence.stopped, "ad/get/", "GET", frozenset(), "71")] * int(READS_A_MINUTE + 1)
    return replace(evidence, calls=[*evidence.calls, *again])


def _never_ended(evidence: Evidence) -> Evidence:
    return replace(evidence, has_ended=False)


def _unanswered(evidence: Evidence) -> Evidence:
    return replace(evidence, unanswered=["report: no answer within 30 s"])


def _end(evidence: Evidence, state: TargetState, reason: str) -> Evidence:
    rows = [row.model_copy(update={"state": state, "reason": reason}) for row in evidence.record]
    return replace(evidence, record=rows, at_stop=rows)


def _by(evidence: Evidence, alteration: Alteration) -> Evidence:
    """As if this alone had been altered, all the time."""
    call = Call(0.0, "ad/create/", "POST", frozenset(), "71")
    hit = Hit(0.0, call, 0, "", in_entry=False, is_more=False, beside=frozenset())
    return replace(evidence, alterations=[alteration], touched_by=[_ALL], hits=[hit])


_REFUSAL = Alteration(What.CODE, "ad/create/", "", code=CODES[-1], message="advertiser does not grant you")


def _silent_end(evidence: Evidence) -> Evidence:
    return _end(_by(evidence, _REFUSAL), TargetState.REFUSED, "")


def _silent_wait(evidence: Evidence) -> Evidence:
    rows = [row.model_copy(update={"state": TargetState.READY, "reason": ""}) for row in evidence.record]
    return replace(_by(evidence, _REFUSAL), at_stop=rows, said="")


def _other_words(evidence: Evidence) -> Evidence:
    return _end(_by(evidence, _REFUSAL), TargetState.REFUSED, "something went wrong")


def _changed_its_end(evidence: Evidence) -> Evidence:
    before = _end(evidence, TargetState.REFUSED, "TikTok 40001: no").at_stop
    return replace(_by(evidence, _REFUSAL), at_stop=before)


def _ended_by_what_passes(evidence: Evidence) -> Evidence:
    return _end(_by(evidence, Alteration(What.EMPTY, "ad/create/", "")), TargetState.REFUSED, "an empty answer")


def test_a_seed_can_be_run_again() -> None:
    assert [alterations.of_release(seed) for seed in range(50)] == [alterations.of_release(seed) for seed in range(50)]
    assert [alterations.of_business_center(1)] != [alterations.of_business_center(2)]


def test_hundreds_of_seeds_alter_everything_that_there_is() -> None:
    drawn = [one for seed in range(400) for one in alterations.of_release(seed)]
    odd = [one for seed in range(100) for one in alterations.of_business_center(seed)]

    assert {one.what for one in drawn} == set(What)
    assert {one.endpoint for one in drawn} > {*alterations.OF_AD_ACCOUNTS, *alterations.OF_BUSINESS_CENTERS}
    assert {one.times for one in drawn} == {1, 3, None}
    assert {one.endpoint for one in odd} == set(alterations.LISTINGS)
    assert {one.what for one in odd} == set(alterations.ENTRIES)


def listing() -> dict[str, Any]:
    names = ("first", "second", "third")
    entries = [{"asset_id": f"{7}{number:012}", "asset_name": name} for number, name in enumerate(names)]
    return {"code": 0, "data": {"list": entries, "page_info": {"total_page": 1}}}


@pytest.mark.parametrize("draw", ["a", "b", "c", "d"])
@pytest.mark.parametrize("what", [What.NULL, What.LEFT_OUT, What.OTHER_TYPE, What.ODD_ENTRY])
def test_one_entry_is_odd_and_always_the_same(what: What, draw: str) -> None:
    odd = Odd(Alteration(what, "bc/asset/get/", draw, one_entry=True))
    changed = []
    for _ in range(8):
        answer = listing()
        odd.alter(answer)
        changed.append([old != new for old, new in zip(listing()["data"]["list"], answer["data"]["list"], strict=True)])

    struck = [one for one in changed if any(one)]
    assert struck
    assert all(one == struck[0] for one in struck)
    assert sum(struck[0]) == 1


def test_an_alteration_that_finds_nothing_alters_nothing() -> None:
    odd = Odd(Alteration(What.ENUM, "bc/asset/get/", "a", one_entry=True))
    answer = listing()

    assert odd.alter(answer) is None
    assert answer == listing()


def test_the_busiest_minute_is_counted_wherever_it_begins() -> None:
    assert busiest_minute([0, 50, 70, 80, 100, 140]) == 4
