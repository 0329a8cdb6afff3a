"""What a plan says of ad accounts: their state, currency, places and room, by row; and what TikTok does not answer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from releasing import bundle, pull, push, release

from sparkads.contracts.plan import PlanContent, PlannedRow
from sparkads.contracts.release import AdTemplate, DailyCeiling, ReleaseInput, TargetState
from store.database import Pool
from tests.conftest import Label, Simulator, post_of
from tests.odd_answers import OddAnswers, Plain, error

LATER = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d} 00:00"
JAPAN = {"location_id": "1861060", "territory": "JP", "time_zone": "Asia/Tokyo"}


@pytest.fixture
async def label(odd_label: Label) -> AsyncIterator[Label]:
    """A label with a second ad account: `other(label)`."""
    other_account = {
        "advertiser_id": other(odd_label),
        "name": "JP",
        "currency": "JPY",
        "timezone": "Asia/Tokyo",
        "roles": {odd_label.operator: "OPERATOR", odd_label.admin: "ADMIN"},
    }
    center = {"bc_id": odd_label.bc_id, "ad_accounts": [other_account]}
    await odd_label.simulator.post("seed", {"business_centers": [center]})
    await odd_label.authorized("kiri")
    yield odd_label
    await set_back(odd_label.simulator)


async def set_back(simulator: Simulator) -> None:
    config = {"closed_places": [], "campaigns_per_advertiser": 5000, "music_locations": "ids"}
    await simulator.post("config", config)


def other(label: Label) -> str:
    return label.ad_account.replace("71", "72", 1)


async def change(label: Label, advertiser_id: str, **what: Any) -> None:
    await label.simulator.post(f"advertisers/{advertiser_id}", what)


async def linked(label: Label, folder: Path) -> None:
    """Link the account to the ad account, as a release does, and wait for the end of it."""
    first = ReleaseInput(
        campaign_id=f"first-{label.bc_id[-5:]}",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, folder, [mine("first", label, release_at="now")]),
    )
    await label.spark.start_release(first)
    await label.spark.wait_for_release(first.campaign_id)


def mine(row_id: str, label: Label, **more: str) -> dict[str, str]:
    post_id = more.pop("post_id", post_of("kiri"))
    return pull(row_id, "@kiri", label.ad_account, post_id, **({"release_at": LATER} | more))


def theirs(row_id: str, label: Label, **more: str) -> dict[str, str]:
    return pull(
        row_id,
        "@kiri",
        other(label),
        post_of("kiri"),
        **({"release_at": LATER, "daily_budget": "3000"} | JAPAN | more),
    )


async def planned(label: Label, folder: Path, rows: list[dict[str, str]], **more: Any) -> PlanContent:
    wanted = ReleaseInput(
        campaign_id=f"plan-{label.bc_id[-5:]}",
        bc_id=label.bc_id,
        actor=label.admin,
        operator=label.operator,
        manifest=await bundle(label, folder, rows),
        **more,
    )
    return await label.spark.planned(await label.spark.plan_release(wanted))


async def rows_of(label: Label, folder: Path, rows: list[dict[str, str]], **more: Any) -> dict[str, PlannedRow]:
    return {row.row_id: row for row in (await planned(label, folder, rows, **more)).rows}


async def test_a_release_that_tiktok_has_nothing_against(label: Label, odd_answers: OddAnswers, tmp_path: Path) -> None:
    content = await planned(label, tmp_path, [mine("nz", label), theirs("jp", label)])
    assert {row.row_id: (row.blockers, row.risks) for row in content.rows} == {"nz": ((), ()), "jp": ((), ())}
    assert [(one.ad_account, one.currency) for one in content.budgets] == [
        (label.ad_account, "NZD"),
        (other(label), "JPY"),
    ]
    # All ad accounts in one call.
    assert odd_answers.count("advertiser/info/") == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("STATUS_LIMIT", "is suspended (STATUS_LIMIT); see TikTok Ads Manager, and appeal"),
        ("STATUS_DISABLE", "is closed (STATUS_DISABLE); take another ad account"),
        ("STATUS_CONFIRM_FAIL_END", "was not approved (STATUS_CONFIRM_FAIL_END); see TikTok Ads Manager"),
    ],
)
async def test_an_ad_account_that_can_do_nothing_blocks_its_own_rows(
    label: Label, tmp_path: Path, status: str, words: str
) -> None:
    await change(label, other(label), status=status)
    rows = await rows_of(label, tmp_path, [mine("nz", label), theirs("jp", label)])
    assert rows["nz"].blockers == ()
    (blocker,) = rows["jp"].blockers
    assert blocker.startswith(f"ad account {other(label)} {words}")


async def test_states_that_may_pass_are_risks(label: Label, odd_answers: OddAnswers, tmp_path: Path) -> None:
    await change(label, label.ad_account, status="STATUS_PENDING_CONFIRM", balance=0.0)
    odd_answers.change("advertiser/info/", lambda data: _set(data, other(label), status="STATUS_MOON_PHASE"))
    rows = await rows_of(label, tmp_path, [mine("nz", label), theirs("jp", label)])
    assert {row_id: row.blockers for row_id, row in rows.items()} == {"nz": (), "jp": ()}
    assert rows["nz"].risks == (
        (
            f"ad account {label.ad_account} is in review (STATUS_PENDING_CONFIRM); "
            "ads can be made, and may be shown only once TikTok has decided"
        ),
        f"ad account {label.ad_account} shows a balance of 0 NZD: add money, unless its Business Center pays for it",
    )
    assert "(STATUS_MOON_PHASE)" in rows["jp"].risks[0]


async def test_budgets_are_judged_by_the_currency_of_their_ad_account(label: Label, tmp_path: Path) -> None:
    rows = await rows_of(
        label,
        tmp_path,
        [
            mine("fine", label, daily_budget="50"),
            mine("least", label, daily_budget="20"),
            theirs("low", label, daily_budget="50"),
            theirs("decimals", label, daily_budget="2000.50"),
            theirs("yen", label, daily_budget="2001"),
        ],
    )
    assert {row_id for row_id, row in rows.items() if row.blockers} == {"low", "decimals"}
    assert rows["low"].blockers == (
        (
            "budget: a daily budget of 50 JPY is too low: TikTok takes 2,000 JPY a day for an ad group at least; "
            "write more than 2000"
        ),
    )
    assert "2,000.5 JPY has too many decimals for JPY" in rows["decimals"].blockers[0]
    assert {row_id for row_id, row in rows.items() if row.risks} == {"least"}


async def test_a_currency_that_is_not_known_is_a_risk(label: Label, tmp_path: Path) -> None:
    await change(label, label.ad_account, currency="XAF")
    rows = await rows_of(label, tmp_path, [mine("row", label)])
    assert rows["row"].blockers == ()
    assert "is in XAF" in rows["row"].risks[0]


async def test_new_videos_in_ads_only_rule_out_the_profile(label: Label, tmp_path: Path) -> None:
    await change(label, label.ad_account, ads_only_mode=True)
    rows = await rows_of(
        label,
        tmp_path,
        [
            push("profile", "@kiri", label.ad_account, release_at=LATER),
            push("ads", "@kiri", label.ad_account, release_at=LATER, visibility="ads_only", video="other.mp4"),
        ],
    )
    assert rows["profile"].blockers == (
        (
            f"ad account {label.ad_account} takes new videos in ads only, so visibility profile is not possible; "
            "write ads_only, or take another ad account"
        ),
    )
    assert rows["ads"].blockers == ()


async def test_what_tiktok_does_not_answer_is_a_risk_and_spoils_no_other(
    label: Label, odd_answers: OddAnswers, tmp_path: Path
) -> None:
    await change(label, other(label), deleted=True)
    rows = await rows_of(label, tmp_path, [mine("nz", label), theirs("jp", label)])
    assert (rows["nz"].blockers, rows["nz"].risks) == ((), ())
    assert all("TikTok" in risk for risk in rows["jp"].risks)
    assert rows["jp"].risks[0].startswith(f"ad account {other(label)} could not be asked: TikTok 40300: ")


ODD: tuple[Any, ...] = (
    Plain(),
    error(50002, "Service error"),
    Plain(status=200, text=""),
    Plain(status=200, text='{"code": 0, "message": "OK", "data": '),
    error(40201, "Task is not ready"),
    error(40202, "Write conflict"),
    error(40001, "No permission"),
    error(40002, "Something else"),
    {"code": 0, "data": {}},
    {"code": 0, "data": {"list": [None, {"name": "no id"}]}},
    {"code": 0, "data": {"list": [{"advertiser_id": 1, "currency": [], "balance": "much", "status": {}}]}},
)
"""What any question may be answered with one day."""

ASKED = (
    "asset/bind/quota/",  # in front: how much room an identity has is kept for a while
    "advertiser/info/",
    "adgroup/quota/",
    "tool/targeting/info/",
    "campaign/get/",
    "identity/music/authorization/",
    "identity/video/info/",
)


async def test_no_odd_answer_about_ad_accounts_fails_a_plan(
    label: Label, odd_answers: OddAnswers, tmp_path: Path
) -> None:
    await linked(label, tmp_path)
    rows = [mine("nz", label), theirs("jp", label)]
    for odd in ODD:
        odd_answers.clear()
        for path in ASKED:
            odd_answers.answer(path, odd)
        content = await planned(label, tmp_path, rows)
        assert [(row.blockers, bool(row.risks)) for row in content.rows] == [((), True), ((), True)], odd
        if odd in ODD[:2]:
            # Nothing that differs from call to call is in it: it would be another plan each time.
            assert (await planned(label, tmp_path, rows)).hash == content.hash


async def test_each_question_that_fails_is_named_at_the_rows_that_it_is_about(
    label: Label, odd_answers: OddAnswers, tmp_path: Path
) -> None:
    await linked(label, tmp_path)
    theirs_alone = f'["{other(label)}"]'
    for path in ASKED:
        odd_answers.clear()
        odd_answers.refuse(
            path,
            50002,
            f"failed at {path}",
            where=lambda call: call.advertiser_id != other(label) and call.query.get("advertiser_ids") != theirs_alone,
        )
        rows = await rows_of(label, tmp_path, [mine("nz", label), theirs("jp", label)])
        (risk,) = rows["nz"].risks
        assert risk.endswith(f"could not be asked: TikTok 50002: failed at {path}")
        assert (rows["nz"].blockers, rows["jp"]) == ((), rows["jp"].model_copy(update={"blockers": (), "risks": ()}))


async def test_a_photo_post_that_tiktok_fails_to_show_for_a_moment_becomes_a_carousel(
    label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    # R13
    slides = {"item_id": "7520000000000000012", "text": "slides", "type": "CAROUSEL"}
    await label.simulator.post("seed", {"accounts": [{"handle": "kiri", "posts": [slides]}]})
    odd_answers.answer("identity/video/info/", error(50002, "Service error"), times=3)
    rows = [mine("slides", label, post_id=slides["item_id"], release_at="now")]
    found = await (await release(label, odd_db, tmp_path, rows)).finished()
    assert (found["slides"].state, found["slides"].reason) == (TargetState.PUBLISHED, "")


async def test_an_ad_account_that_throttles_holds_up_no_plan(
    label: Label, odd_answers: OddAnswers, tmp_path: Path
) -> None:
    throttled = error(40133, "Advertiser's QPS reaches QPS limit 20 for current path")
    odd_answers.answer("tool/targeting/info/", throttled, where=lambda call: call.advertiser_id == other(label))
    rows = await rows_of(label, tmp_path, [mine("nz", label), theirs("jp", label)])
    assert (rows["nz"].blockers, rows["nz"].risks) == ((), ())
    assert rows["jp"].risks[0].startswith(f"ad account {other(label)} could not be asked: TikTok 40133")


async def test_ad_groups_beyond_the_quota_block_the_last_rows(label: Label, tmp_path: Path) -> None:
    await change(label, label.ad_account, adgroup_quota=2)
    budgets = {"one": "50", "two": "60", "again": "50", "three": "70"}
    content = await planned(
        label, tmp_path, [mine(row_id, label, daily_budget=budget) for row_id, budget in budgets.items()]
    )
    rows = {row.row_id: row for row in content.rows}
    assert {row_id for row_id, row in rows.items() if row.blockers} == {"three"}
    assert (
        rows["three"]
        .blockers[0]
        .startswith(
            f"TikTok allows 2 active ad groups in ad account {label.ad_account}; 0 are used, and 3 more are needed; "
            "switch off ad groups that are over"
        )
    )


async def test_rows_that_are_blocked_take_no_room_of_others(label: Label, tmp_path: Path) -> None:
    await change(label, label.ad_account, adgroup_quota=1)
    content = await planned(
        label, tmp_path, [mine("low", label, location_id="1"), mine("fine", label)], template=AdTemplate()
    )
    rows = {row.row_id: row for row in content.rows}
    assert rows["low"].blockers == (
        f"place 1 can't be targeted from ad account {label.ad_account} (OFFLINE); correct location_id",
    )
    assert rows["fine"].blockers == ()
    assert [(one.ad_groups, one.daily) for one in content.budgets] == [(1, 62.5)]


async def test_a_place_that_is_closed_blocks_its_rows_by_name(
    label: Label, odd_answers: OddAnswers, tmp_path: Path
) -> None:
    await label.simulator.post("config", {"closed_places": ["2186224"]})
    rows = await rows_of(label, tmp_path, [mine("nz", label), mine("nz-2", label), theirs("jp", label)])
    reason = (
        f"place 2186224 (New Zealand) can't be targeted from ad account {label.ad_account} (NOT_SUPPORTED); "
        "correct location_id"
    )
    assert {row_id: row.blockers for row_id, row in rows.items()} == {"nz": (reason,), "nz-2": (reason,), "jp": ()}
    assert odd_answers.count("tool/targeting/info/") == 2


async def test_an_ad_group_of_ones_own_is_looked_up_and_its_budget_and_place_are_not_judged(
    label: Label, tmp_path: Path
) -> None:
    rows = await rows_of(label, tmp_path, [mine("own", label, ad_group_id="17", daily_budget="1", location_id="1")])
    assert rows["own"].blockers == (f"ad group 17 is not in ad account {label.ad_account}, or is deleted",)
    assert rows["own"].risks == ()
    assert rows["own"].ad_group_id == "17"


async def test_a_ceiling_counts_what_tiktok_may_spend_on_one_day(label: Label, tmp_path: Path) -> None:
    ceiling = DailyCeiling.model_validate({"ad_account": label.ad_account, "amount": 120})
    rows = [mine("first", label, daily_budget="50"), mine("second", label, daily_budget="60")]
    dynamic = await planned(label, tmp_path, rows, daily_ceilings=(ceiling,))
    template = AdTemplate(objective_type="REACH", optimization_goal="REACH", billing_event="CPM")
    by_day = await planned(label, tmp_path, rows, daily_ceilings=(ceiling,), template=template)

    # 62.5 and 75, of which only one fits; 50 and 60 do.
    assert [len(row.blockers) for row in dynamic.rows] == [0, 1]
    assert dynamic.rows[1].blockers == (
        (
            f"budget: ad account {label.ad_account} would spend more than its ceiling of 120 NZD on a day, "
            "on which TikTok may spend 125% of each daily budget"
        ),
    )
    assert [len(row.blockers) for row in by_day.rows] == [0, 0]
    assert [one.daily for one in (*dynamic.budgets, *by_day.budgets)] == [62.5, 110]


async def test_what_is_planned_as_blocked_is_blocked_and_all_else_is_published(
    label: Label, odd_db: Pool, tmp_path: Path
) -> None:
    # The two ad groups that are first in the manifest are laid out last: by their places and budgets.
    await change(label, label.ad_account, adgroup_quota=2)
    rows = [
        mine("first", label, release_at="now", daily_budget="90"),
        mine("second", label, release_at="now", daily_budget="80"),
        mine("third", label, release_at="now", daily_budget="30"),
        mine("with-first", label, release_at="now", daily_budget="90"),
        theirs("low", label, release_at="now", daily_budget="1999"),
        theirs("yen", label, release_at="now", daily_budget="2001"),
    ]
    content = await planned(label, tmp_path, rows)
    blocked = {row.row_id for row in content.rows if row.blockers}
    assert blocked == {"third", "low"}

    found = await (await release(label, odd_db, tmp_path, rows)).finished()

    assert {row_id for row_id, row in found.items() if row.state is TargetState.BLOCKED} == blocked
    assert {row.state for row_id, row in found.items() if row_id not in blocked} == {TargetState.PUBLISHED}
    reasons = {row.row_id: row.blockers for row in content.rows}
    assert {row_id: (found[row_id].reason,) for row_id in blocked} == {row_id: reasons[row_id] for row_id in blocked}
    world = await label.simulator.get("state")
    assert all(group["operation_status"] == "ENABLE" for group in world["adgroups"])


async def test_posts_are_looked_at_as_tiktok_shows_them(label: Label, odd_answers: OddAnswers, tmp_path: Path) -> None:
    # R13
    posts = [
        {"item_id": "7520000000000000001", "text": "for all"},
        {"item_id": "7520000000000000002", "text": "slides", "type": "CAROUSEL"},
        {"item_id": "7520000000000000003", "text": "for friends", "status": "FRIENDS"},
        {
            "item_id": "7520000000000000004",
            "text": "a borrowed song",
            "music_authorized": False,
            "music": {"title": "Tide", "author": "Lumi"},
        },
    ]
    await linked(label, tmp_path)
    await label.simulator.post("seed", {"accounts": [{"handle": "kiri", "posts": posts}]})
    rows = await rows_of(
        label,
        tmp_path,
        [mine(f"row{number}", label, post_id=f"752000000000000000{number}") for number in range(1, 6)],
    )
    assert {row_id: row.blockers for row_id, row in rows.items()} == {
        "row1": (),
        "row2": (),
        "row3": (),
        "row4": (
            (
                "R13: post 7520000000000000004 has music that is not cleared for ads: Tide by Lumi; "
                "ask @kiri for a post with cleared music"
            ),
        ),
        "row5": (
            (
                "R13: post 7520000000000000005 is no post that @kiri shares; "
                "see its id, or ask @kiri whether it was deleted"
            ),
        ),
    }
    assert {row_id: row.risks for row_id, row in rows.items() if row.risks} == {
        "row3": (
            (
                "R13: post 7520000000000000003 is not public, and an ad may make it so; "
                "ask its owner, @kiri, to confirm that it may be used"
            ),
        )
    }


def _set(data: dict[str, Any], advertiser_id: str, **what: Any) -> None:
    for one in data["list"]:
        if one["advertiser_id"] == advertiser_id:
            one.update(what)
