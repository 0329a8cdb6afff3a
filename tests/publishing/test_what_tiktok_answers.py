"""What TikTok is known to answer, tried on whole releases: it harms what it was said of, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from releasing import Release, pull, push, release

from sparkads.contracts.release import RetryTargets, TargetState
from store.database import Pool
from tests.conftest import Label, post_of, until
from tests.odd_answers import Call, OddAnswers, Plain, error

LOST = (
    "You no longer have access to the TikTok account used in this ad. To continue editing, select a new identity and "
    "creative material or re-apply for access."
)


async def ad_accounts(label: Label, count: int) -> list[str]:
    """Further ad accounts of the Business Center, in which its operator may run ads."""
    numbers = [f"71{int(label.bc_id[2:]) + 500_000 * (number + 2):017}" for number in range(count)]
    seeds = [
        {
            "advertiser_id": number,
            "name": number,
            "currency": "EUR",
            "timezone": "Europe/Berlin",
            "roles": {label.operator: "OPERATOR", label.admin: "ADMIN"},
        }
        for number in numbers
    ]
    await label.simulator.post("seed", {"business_centers": [{"bc_id": label.bc_id, "ad_accounts": seeds}]})
    return numbers


def of(ad_account: str) -> Callable[[Call], bool]:
    """Calls about an ad account."""
    return lambda call: call.advertiser_id == ad_account


async def states(run: Release) -> dict[str, str]:
    return {row_id: row.state.value for row_id, row in (await run.rows()).items()}


async def attention(run: Release) -> str:
    return (await run.label.spark.release_status(run.campaign_id)).attention


async def test_a_definite_no_that_is_said_once_ends_nothing(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann", "bob")
    steps = ("campaign/get/", "adgroup/create/", "file/video/ad/upload/", "file/video/suggestcover/")
    for path in steps:
        odd_answers.answer(path, error(40001, "No permission to operate advertiser."), times=1)
    rows = [
        push("push", "@ann", odd_label.ad_account),
        pull("pull", "@bob", odd_label.ad_account, post_of("bob")),
    ]
    run = await release(odd_label, odd_db, tmp_path, rows)

    ended = await run.finished(90)

    assert {row_id: (row.state, row.reason) for row_id, row in ended.items()} == {
        "push": (TargetState.PUBLISHED, ""),
        "pull": (TargetState.PUBLISHED, ""),
    }
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"push": 1, "pull": 1}
    assert all(odd_answers.count(path) > 1 for path in steps)


async def test_a_definite_no_ends_the_rows_of_its_ad_account_and_no_other(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    refused = {
        "campaign/create/": (40002, "Your ad account has been suspended. Please contact customer service."),
        "adgroup/create/": (40001, "advertiser does not grant you /adgroup/create/:POST permission"),
        "adgroup/get/": (40001, "No permission to operate advertiser."),
        "file/video/ad/upload/": (40125, "developer lacks permission"),
        "campaign/get/": (40300, "The advertiser doesn't exist or has been deleted."),
        "ad/create/": (40001, "No permission to operate advertiser."),
    }
    bad = await ad_accounts(odd_label, len(refused))
    await odd_label.authorized("ann", "bob", *(f"row{number}" for number in range(len(bad))))
    for ad_account, (path, (code, words)) in zip(bad, refused.items(), strict=True):
        odd_answers.refuse(path, code, words, where=of(ad_account))
    rows = [
        push("good-push", "@ann", odd_label.ad_account),
        pull("good-pull", "@bob", odd_label.ad_account, post_of("bob")),
    ]
    rows += [push(f"row{number}", f"@row{number}", ad_account) for number, ad_account in enumerate(bad)]
    run = await release(odd_label, odd_db, tmp_path, rows)

    ended = await run.finished(60)

    assert {row_id for row_id, row in ended.items() if row.state is TargetState.PUBLISHED} == {"good-push", "good-pull"}
    for number, (path, (_, words)) in enumerate(refused.items()):
        row = ended[f"row{number}"]
        assert row.state is TargetState.REFUSED, (path, row)
        assert words in row.reason, path
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"good-push": 1, "good-pull": 1}


async def test_an_ad_account_that_does_not_answer_holds_up_no_other_and_goes_on_when_it_does(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    # R1: the latecomer approves while the ad account of others fails.
    await odd_label.authorized("ann", "bob", "cat")
    await odd_label.seed_accounts("late")
    (fails, slow) = await ad_accounts(odd_label, 2)
    odd_answers.answer("adgroup/create/", Plain(), where=of(fails))
    odd_answers.slow("campaign/create/", 25, where=of(slow))
    run = await release(
        odd_label,
        odd_db,
        tmp_path,
        [
            push("good", "@ann", odd_label.ad_account),
            push("fails", "@bob", fails),
            push("slow", "@cat", slow),
            pull("late", "@late", odd_label.ad_account, post_of("late")),
        ],
    )
    await run.row_reaches("good", TargetState.PUBLISHED)
    await odd_label.simulator.approve("late", odd_label.bc_id)
    await run.row_reaches("late", TargetState.PUBLISHED)

    async def says_why() -> bool:
        return f"TikTok fails on ad account {fails}" in (await run.rows())["fails"].reason

    await until(says_why, "the row says what it waits for")
    assert {(await states(run))[row_id] for row_id in ("fails", "slow")} == {"ready"}
    told = await until(lambda: attention(run), "the release says that rows wait")
    assert "1 rows wait (fails)" in told

    odd_answers.clear()
    ended = await run.finished(90)
    assert {row.state for row in ended.values()} == {TargetState.PUBLISHED}
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == dict.fromkeys(ended, 1)


async def test_a_token_that_was_revoked_is_told_on_the_release_that_waits_for_it(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    odd_answers.refuse("ad/create/", 40105, "Access token is incorrect or has been revoked.")
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])

    told = await until(lambda: attention(run), "the release says what it waits for")
    assert "python -m workers connect" in told
    assert (await run.rows())["row"].reason.startswith("TikTok rejects the access token")

    async def notice() -> str | None:
        return await odd_db.fetchval(
            "SELECT text FROM notifications WHERE bc_id = $1 AND subject = $2",
            odd_label.bc_id,
            f"campaign {run.campaign_id}",
        )

    assert "python -m workers connect" in await until(notice, "people are told")
    odd_answers.clear()
    assert (await run.finished(90))["row"].state is TargetState.PUBLISHED
    number: int = await odd_db.fetchval(
        "SELECT count(*) FROM notifications WHERE bc_id = $1 AND subject = $2",
        odd_label.bc_id,
        f"campaign {run.campaign_id}",
    )
    assert number == 1


async def test_an_ad_group_that_is_full_gets_a_further_one_beside_it(
    odd_label: Label, odd_db: Pool, tmp_path: Path
) -> None:
    handles = [f"one{number}" for number in range(8)]
    await odd_label.authorized(*handles)
    await odd_label.simulator.post("config", {"ads_per_adgroup": 3})
    try:
        rows = [pull(handle, f"@{handle}", odd_label.ad_account, post_of(handle)) for handle in handles]
        run = await release(odd_label, odd_db, tmp_path, rows)
        ended = await run.finished(60)
    finally:
        await odd_label.simulator.post("config", {"ads_per_adgroup": 50})
    assert {row.state for row in ended.values()} == {TargetState.PUBLISHED}
    ads = [ad for each in (await run.ads()).values() for ad in each]
    assert len(ads) == 8
    assert len({ad["adgroup_id"] for ad in ads}) >= 3


async def test_an_ad_that_was_refused_and_made_all_the_same_is_its_rows(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    left = [1]

    def lie(call: Call, envelope: dict[str, Any]) -> dict[str, Any]:
        if call.path != "ad/create/" or not left[0]:
            return envelope
        left[0] -= 1
        return error(40002, LOST)

    odd_answers.after.append(lie)
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])
    assert (await run.finished())["row"].state is TargetState.PUBLISHED
    assert len((await run.ads())["row"]) == 1


async def test_a_retry_looks_for_what_the_refused_call_has_made(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    refusals, unlisted = [1], [1]

    def lie(call: Call, envelope: dict[str, Any]) -> dict[str, Any]:
        if call.path == "ad/create/" and refusals[0]:
            refusals[0] -= 1
            return error(40002, LOST)
        if call.path == "ad/get/" and "adgroup_ids" in call.query.get("filtering", "") and unlisted[0]:
            unlisted[0] -= 1
            envelope["data"]["list"] = []
            envelope["data"]["page_info"] |= {"total_number": 0, "total_page": 0}
        return envelope

    odd_answers.after.append(lie)
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])
    assert (await run.finished())["row"].state is TargetState.REFUSED

    again = RetryTargets(actor=odd_label.admin, reason="again")
    retried = await odd_label.spark.retry(run.campaign_id, again)

    assert retried.taken == 0
    await run.row_reaches("row", TargetState.PUBLISHED)
    assert len((await run.ads())["row"]) == 1


async def test_a_retry_leaves_out_rows_of_which_it_cannot_know(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    odd_answers.refuse("ad/create/", 40002, LOST)
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])
    assert (await run.finished())["row"].state is TargetState.REFUSED
    odd_answers.clear()
    odd_answers.answer("ad/get/", Plain())

    again = RetryTargets(actor=odd_label.admin, reason="again")
    retried = await odd_label.spark.retry(run.campaign_id, again)

    assert retried.taken == 0
    assert "can't be asked now" in retried.left_out_rows[0].why
    assert (await run.rows())["row"].state is TargetState.REFUSED


async def test_a_video_that_tiktok_lists_under_another_name_is_found_by_its_content(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    left = [1]

    def odd(call: Call, envelope: dict[str, Any]) -> dict[str, Any]:
        if call.path == "file/video/ad/upload/" and left[0]:
            left[0] -= 1
            return error(50002, "Internal error")
        if call.path == "file/video/ad/search/":
            for video in envelope["data"]["list"]:
                video["file_name"] = "uploaded by hand.mp4"
        return envelope

    odd_answers.after.append(odd)
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])
    assert (await run.finished(60))["row"].state is TargetState.PUBLISHED
    assert odd_answers.count("file/video/ad/upload/") == 1


async def test_a_video_that_tiktok_lists_nowhere_is_given_another_name_once(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    left = [1]

    def odd(call: Call, envelope: dict[str, Any]) -> dict[str, Any]:
        if call.path == "file/video/ad/upload/" and left[0]:
            left[0] -= 1
            return error(50002, "Internal error")
        if call.path == "file/video/ad/search/":
            envelope["data"]["list"] = []
        return envelope

    odd_answers.after.append(odd)
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])
    assert (await run.finished(60))["row"].state is TargetState.PUBLISHED
    assert odd_answers.count("file/video/ad/upload/") == 2


async def test_an_ad_that_tiktok_lists_late_is_never_rejected(odd_label: Label, odd_db: Pool, tmp_path: Path) -> None:
    await odd_label.authorized("ann")
    await odd_label.simulator.post("clock", {"ad_list_seconds": 6})
    try:
        run = await release(odd_label, odd_db, tmp_path, [pull("row", "@ann", odd_label.ad_account, post_of("ann"))])
        told = await until(lambda: attention(run), "the release says that TikTok does not list the ad")
        assert "does not list it" in told
        assert (await run.rows())["row"].state is TargetState.IN_REVIEW
        assert (await run.finished(60))["row"].state is TargetState.PUBLISHED
    finally:
        await odd_label.simulator.post("clock", {"ad_list_seconds": 0})
    assert len((await run.ads())["row"]) == 1
    assert await attention(run) == ""


async def test_what_says_nothing_of_the_creative_is_tried_again(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann", "bob")
    first, second = await ad_accounts(odd_label, 2)
    odd_answers.answer("ad/create/", error(40202, "write conflict"), where=of(first), times=1)
    odd_answers.answer("ad/create/", error(40901, "the video is still transcoding"), where=of(second), times=1)
    run = await release(odd_label, odd_db, tmp_path, [push("one", "@ann", first), push("two", "@bob", second)])
    assert {row.state for row in (await run.finished(60)).values()} == {TargetState.PUBLISHED}
    assert {row_id: len(ads) for row_id, ads in (await run.ads()).items()} == {"one": 1, "two": 1}


async def test_the_other_mode_of_a_daily_budget_is_tried_where_tiktok_names_it(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    await odd_label.simulator.post("config", {"day_budget": "accept"})
    modes: list[str] = []

    async def wants_the_other(call: Call) -> dict[str, Any] | None:
        if call.path != "adgroup/create/":
            return None
        modes.append(call.body["budget_mode"])
        refuses = call.body["budget_mode"] == "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"
        return error(40002, "Invalid value of 'budget_mode': not supported for this objective") if refuses else None

    odd_answers.before.append(wants_the_other)
    try:
        run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])
        assert (await run.finished())["row"].state is TargetState.PUBLISHED
    finally:
        await odd_label.simulator.post("config", {"day_budget": "refuse"})
    assert modes == ["BUDGET_MODE_DYNAMIC_DAILY_BUDGET", "BUDGET_MODE_DAY"]


async def test_a_listing_that_can_be_read_only_in_part_is_no_evidence_that_nothing_was_made(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("ann")
    left, odd_for = [1], [True]

    def odd(call: Call, envelope: dict[str, Any]) -> dict[str, Any] | Plain:
        if call.path == "ad/create/" and left[0]:
            left[0] -= 1
            return Plain()
        if call.path == "ad/get/" and odd_for[0]:
            for ad in envelope["data"]["list"]:
                ad["ad_name"] = None
        return envelope

    odd_answers.after.append(odd)
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@ann", odd_label.ad_account)])
    await run.row_reaches("row", TargetState.UNKNOWN)
    # Twice the settle window: an ad that is not found by then counts as not made, if all could be read.
    seen = odd_answers.count("ad/get/")
    await until(lambda: _asked(odd_answers, seen + 6), "it was looked for", within=30)
    assert (await run.rows())["row"].state is TargetState.UNKNOWN
    odd_for[0] = False
    assert (await run.finished(60))["row"].state is TargetState.PUBLISHED
    assert len((await run.ads())["row"]) == 1


async def _asked(odd_answers: OddAnswers, times: int) -> bool:
    return odd_answers.count("ad/get/") >= times


async def test_a_push_whose_post_tiktok_does_not_name_is_published_and_its_post_looked_for(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, tmp_path: Path
) -> None:
    await odd_label.authorized("kiri")

    def say_no_post(data: dict[str, Any]) -> None:
        for ad in data["list"]:
            ad.pop("tiktok_item_id", None)

    odd_answers.change("ad/get/", say_no_post)
    run = await release(odd_label, odd_db, tmp_path, [push("row", "@kiri", odd_label.ad_account)])
    row = (await run.finished(60))["row"]
    assert (row.state, row.item_id) == (TargetState.PUBLISHED, None)
    assert "does not say which post it is" in row.reason
    notice = "SELECT text FROM notifications WHERE bc_id = $1 AND kind = 'attention'"
    assert "looked for further" in await odd_db.fetchval(notice, odd_label.bc_id)

    odd_answers.clear()

    async def named() -> str | None:
        return (await run.rows())["row"].item_id

    await until(named, "the review of the Business Center finds the post")
