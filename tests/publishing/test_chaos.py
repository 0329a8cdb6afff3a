"""A release under misfortune, at small size: `make chaos` is the same at full size."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chaos import misfortunes, world
from chaos.misfortunes import Storm, What
from chaos.runner import Outcome, run
from chaos.verdict import Evidence, unexplained, violations
from chaos.world import Owner
from sparkads.contracts.release import TargetState

STORM = Storm(seconds=60, owners=10, workers=2, kills=6, restarts=2)
"""Two restarts of each server: the first falls into the first half, before the rows are done."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
async def test_each_target_is_published_once_whatever_happens(seed: int) -> None:
    # R1, R5, R7, R13, R15: each row has the outcome that its owner's doings ask for.
    drawn = world.draw(seed, targets=120, accounts=12, soonest=world.sharing_takes(12) + 10)
    assert set(drawn.owners.values()) == set(Owner)

    outcome = await run(drawn, STORM, lambda *_: None, patience=100)

    assert outcome.violations == []
    assert outcome.unexplained == {}
    assert set(outcome.happened) == set(What)
    _would_be_noticed(outcome)


def _would_be_noticed(outcome: Outcome) -> None:
    """A judge who never finds anything would be none: each of these has to be found in the same evidence."""
    for doctor in (
        _ad_twice,
        _ad_gone,
        _ad_of_nobody,
        _ad_of_a_silent_owner,
        _ad_on_another_account,
        _ad_too_early,
        _ad_stopped,
        _group_without_record,
        _group_twice,
        _campaign_without_record,
        _video_twice,
        _post_twice,
        _row_left_open,
        _row_gone,
        _chain_broken,
    ):
        assert violations(doctor(outcome.evidence)), doctor.__name__
    assert not _storm_elsewhere(outcome.evidence).is_meaningful
    assert unexplained(replace(outcome.evidence, trail=outcome.evidence.trail[:-20]))
    assert unexplained(replace(outcome.evidence, trail=[]))[TargetState.PUBLISHED]


def _state(change: Callable[[dict[str, Any]], None], evidence: Evidence) -> Evidence:
    state = copy.deepcopy(dict(evidence.state))
    change(state)
    return replace(evidence, state=state)


def _live(state: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(ad for ad in state["ads"] if ad["secondary_status"] == "AD_STATUS_DELIVERY_OK")
    return found


def _ad_twice(evidence: Evidence) -> Evidence:
    def change(state: dict[str, Any]) -> None:
        ad = _live(state)
        state["ads"].append(ad | {"ad_id": "1", "ad_name": ad["ad_name"].split(" ")[0] + " another"})

    return _state(change, evidence)


def _ad_gone(evidence: Evidence) -> Evidence:
    return _state(lambda state: state["ads"].remove(_live(state)), evidence)


def _ad_of_nobody(evidence: Evidence) -> Evidence:
    return _state(lambda state: state["ads"].append(_live(state) | {"ad_id": "1", "ad_name": "somebody's"}), evidence)


def _ad_of_a_silent_owner(evidence: Evidence) -> Evidence:
    row = next(row for row in evidence.world.rows if row.owner is Owner.SILENT)
    ad = {"ad_id": "1", "ad_name": f"{row.row_id} token", "handle": row.handle}
    return _state(lambda state: state["ads"].append(_live(state) | ad), evidence)


def _ad_on_another_account(evidence: Evidence) -> Evidence:
    return _state(lambda state: _live(state).update(handle="somebody"), evidence)


def _ad_too_early(evidence: Evidence) -> Evidence:
    return _state(lambda state: _live(state).update(created_at="2020-01-01T00:00:00.000000+00:00"), evidence)


def _storm_elsewhere(evidence: Evidence) -> Evidence:
    first, last = evidence.storm
    return replace(evidence, storm=(first - timedelta(hours=1), last - timedelta(hours=1)))


def _ad_stopped(evidence: Evidence) -> Evidence:
    return _state(lambda state: _live(state).update(secondary_status="AD_STATUS_DISABLE"), evidence)


def _group_without_record(evidence: Evidence) -> Evidence:
    return _state(lambda state: state["adgroups"].append(state["adgroups"][0] | {"adgroup_id": "1"}), evidence)


def _group_twice(evidence: Evidence) -> Evidence:
    twin = evidence.state["adgroups"][0] | {"adgroup_id": "1"}
    recorded = replace(evidence, ad_groups={**evidence.ad_groups, "1": 1})
    return _state(lambda state: state["adgroups"].append(twin), recorded)


def _campaign_without_record(evidence: Evidence) -> Evidence:
    other = evidence.state["campaigns"][0] | {"campaign_id": "1", "campaign_name": "other"}
    return _state(lambda state: state["campaigns"].append(other), evidence)


def _video_twice(evidence: Evidence) -> Evidence:
    twin = evidence.state["videos"][0] | {"video_id": "1", "file_name": "other.mp4"}
    return _state(lambda state: state["videos"].append(twin), evidence)


def _post_twice(evidence: Evidence) -> Evidence:
    def change(state: dict[str, Any]) -> None:
        ad_id = _live(state)["ad_id"]
        posts = next(one["posts"] for one in state["accounts"] if any(post["ad_id"] == ad_id for post in one["posts"]))
        posts.append(next(post for post in posts if post["ad_id"] == ad_id) | {"item_id": "1"})

    return _state(change, evidence)


def _row_left_open(evidence: Evidence) -> Evidence:
    first = evidence.record[0].model_copy(update={"state": TargetState.UNKNOWN})
    return replace(evidence, record=[first, *evidence.record[1:]])


def _row_gone(evidence: Evidence) -> Evidence:
    return replace(evidence, record=evidence.record[1:])


def _chain_broken(evidence: Evidence) -> Evidence:
    return replace(evidence, chain_flaw="line 3 was altered")


def test_a_seed_can_be_run_again() -> None:
    def everything(seed: int) -> tuple[Any, ...]:
        drawn = world.draw(seed, targets=300, accounts=30, soonest=10)
        return drawn, misfortunes.draw(drawn, misfortunes.storm_for(300)), misfortunes.fault_plan(seed)

    assert everything(7) == everything(7)
    assert all(mine != other for mine, other in zip(everything(7), everything(8), strict=True))


def test_misfortunes_fall_into_their_storm() -> None:
    drawn = world.draw(3, targets=2000, accounts=200, soonest=10)
    storm = misfortunes.storm_for(2000)
    falling = misfortunes.draw(drawn, storm)

    assert falling == sorted(falling, key=lambda one: one.at)
    assert all(0 <= one.at <= storm.seconds for one in falling)
    kills = [one for one in falling if one.what is What.WORKER_KILLED]
    assert storm.seconds / len(kills) <= 6
    assert {one.worker for one in kills} == set(range(storm.workers))
    assert sorted(one.handle for one in falling if one.handle) == sorted(drawn.handles(Owner.LATE, Owner.REVOKES))
