"""Whatever TikTok refuses, loses or lists late, and whoever dies: each target has one ad, or none, as it has to be."""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from batch_play import CREATE, ENDS, WITH_AN_AD, Kind, Luck, Page
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st
from releasing import write_video

from sparkads.contracts.authorization import AdAccountLink, MemberGrant, Share
from sparkads.names import business_center_id
from sparkads.roles import BcRole
from store import members
from store.database import Pool
from store.members import MemberAccess
from tests.conftest import Label, Simulator
from tiktok import TikTok
from workers.local import Stack

FEW = 25
"""The same ones each time: new ones are looked for with the profile `long`."""
IS_LONG = settings.get_current_profile_name() == "long"
BATCH = 20

_kinds = st.sampled_from([Kind.PUSH] * 12 + [Kind.PULL] * 3 + [Kind.DENIED, Kind.TOO_LONG, Kind.UNLINKED])
_groups = st.lists(st.lists(_kinds, min_size=1, max_size=25), min_size=1, max_size=3)
_rules = st.one_of(
    st.builds(
        lambda path, when, times: {"path": path, "kind": "drop", "when": when, "times": times},
        st.sampled_from([CREATE, CREATE, "/ad/get/"]),
        st.sampled_from(["before", "after"]),
        st.integers(1, 3),
    ),
    st.builds(
        lambda path, when, code, times: {"path": path, "kind": "code", "code": code, "when": when, "times": times},
        st.sampled_from([CREATE, CREATE, "/ad/get/"]),
        st.sampled_from(["before", "after"]),
        st.sampled_from([50000, 50002]),
        st.integers(1, 2),
    ),
    st.just({"path": CREATE, "kind": "http", "status": 500, "when": "after", "times": 1}),
    st.just({"path": CREATE, "kind": "throttle", "code": 40100, "times": 1}),
    st.just({"path": CREATE, "kind": "delay", "when": "after", "seconds": 0.5, "times": 1}),
)
_lucks = st.builds(
    Luck,
    rules=st.lists(_rules, max_size=3).map(tuple),
    listed_after=st.sampled_from([0.0, 0.0, 0.2]),
    is_partial=st.booleans(),
    crash_after=st.sampled_from([None, None, 0.0, 0.01, 0.03, 0.06, 0.1]),
    pause_after=st.sampled_from([None, None, None, 0.01, 0.05]),
)


@pytest.fixture
async def page(label: Label, db: Pool, stack: Stack, tmp_path: Path) -> AsyncIterator[Page]:
    """Two accounts, of which one is unlinked from the ad account at TikTok, which nobody has told us."""
    assets = await label.authorized("stays", "unlinked")
    share = Share(
        actor=label.admin,
        members=(MemberGrant(user_id=label.operator),),
        ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),),
    )
    for asset in assets:
        await label.spark.share(label.bc_id, asset, share)
    url = f"{label.simulator.url}/open_api/v1.3/bc/asset/advertiser/unassign/"
    body = {"bc_id": label.bc_id, "asset_id": assets[1], "asset_type": "TT_ACCOUNT", "advertiser_id": label.ad_account}
    headers = {"Access-Token": f"token-{int(label.bc_id[2:])}"}
    async with label.simulator.http.post(url, json=body, headers=headers) as answer:
        assert (await answer.json())["code"] == 0
    # Nor is anybody to find out: the review would end the link on our record.
    await label.spark.temporal.get_workflow_handle(business_center_id(label.bc_id)).terminate("not needed any more")
    write_video(tmp_path / "video.mp4", 1)
    video = await label.spark.files.put_file(tmp_path / "video.mp4", "video/mp4")
    async with TikTok(stack.tiktok_base_url, limiter=None) as tiktok:
        yield Page(label, db, tiktok, video)


@pytest.fixture(autouse=True)
async def as_it_was(simulator: Simulator) -> AsyncIterator[None]:
    yield
    await simulator.post("config", {"batch_partial": "refuse"})
    await simulator.post("clock", {"ad_list_seconds": 0})


@pytest.mark.timeout(4000 if IS_LONG else 240)
async def test_any_batch(page: Page) -> None:
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=settings().max_examples if IS_LONG else FEW,
        deadline=None,
        derandomize=not IS_LONG,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, *((Phase.shrink,) if IS_LONG else ())],
        suppress_health_check=list(HealthCheck),
    )
    @given(groups=_groups, luck=_lucks)
    @example(groups=[[Kind.PUSH] * 45], luck=Luck())
    @example(groups=[[Kind.PUSH] * 19 + [Kind.TOO_LONG], [Kind.UNLINKED]], luck=Luck())
    @example(
        groups=[[Kind.PUSH] * 20], luck=Luck(rules=({"path": CREATE, "kind": "drop", "when": "after", "times": 1},))
    )
    def each_has_its_one_ad(groups: list[list[Kind]], luck: Luck) -> None:
        note(f"{groups} under {luck}")
        asyncio.run_coroutine_threadsafe(_hold(page, groups, luck), loop).result()

    await asyncio.to_thread(each_has_its_one_ad)


async def test_a_key_that_is_remembered_as_missing_is_asked_for_before_a_row_is_barred(page: Page) -> None:
    # R5: what is remembered may have been asked before the operator was given the account, and written down after it.
    label = page.label
    stale = MemberAccess(
        user_id=label.operator,
        role=BcRole.STANDARD,
        ad_accounts={},
        accounts={},
        admins=(),
        fetched_at=datetime.now(UTC),
    )
    await members.put(page.db, label.bc_id, stale)

    await _hold(page, [[Kind.PUSH] * 3], Luck())

    known = await members.get(page.db, label.bc_id, label.operator, not_before=stale.fetched_at)
    assert known is not None
    assert known.accounts


async def _hold(page: Page, groups: list[list[Kind]], luck: Luck) -> None:
    # R5, R13, R15
    played = await page.play(groups, luck)
    kinds = {f"g{group}r{number}": kind for group, some in enumerate(groups) for number, kind in enumerate(some)}

    assert played.states == {row_id: ENDS[kind] for row_id, kind in kinds.items()}, played.reasons
    assert dict(played.running) == {row_id: 1 for row_id, kind in kinds.items() if kind in WITH_AN_AD}
    assert played.open_intents == 0
    for row_id, kind in kinds.items():
        assert bool(played.reasons[row_id]) == (ENDS[kind] != "published")
    if luck.is_good and not {Kind.TOO_LONG, Kind.UNLINKED} & set(kinds.values()):
        assert played.create_calls == sum(math.ceil(len(some) / BATCH) for some in groups)
