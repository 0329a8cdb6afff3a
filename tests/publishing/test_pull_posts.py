"""Posts and ad groups, looked at before the first ad is made."""

from pathlib import Path

import pytest
from releasing import calls_so_far, delete, pull, push, release

from sparkads.contracts.release import TargetState
from store.database import Pool
from tests.conftest import Label

POSTS = [
    {"item_id": "7520000000000000001", "text": "for all"},
    {"item_id": "7520000000000000002", "text": "slides", "type": "CAROUSEL"},
    {"item_id": "7520000000000000003", "text": "for friends", "status": "FRIENDS"},
    {"item_id": "7520000000000000004", "text": "for nobody", "status": "PRIVATE"},
    {"item_id": "7520000000000000005", "text": "not for ads", "ad_authorized": False},
    {
        "item_id": "7520000000000000006",
        "text": "a borrowed song",
        "music_authorized": False,
        "music": {"title": "Tide", "author": "Lumi"},
    },
]


def post(number: int) -> str:
    return f"752000000000000000{number}"


async def seed_posts(label: Label, handle: str) -> None:
    await label.simulator.post("seed", {"accounts": [{"handle": handle, "display_name": "K", "posts": POSTS}]})


async def test_posts_that_can_be_no_ads_block_their_rows_by_name(label: Label, db: Pool, tmp_path: Path) -> None:
    # R13: pull uses an existing ad-enabled post.
    await label.authorized("kiri")
    await seed_posts(label, "kiri")
    before = await calls_so_far(label)
    rows = [pull(f"row{number}", "@kiri", label.ad_account, post(number)) for number in range(1, 8)]
    rows += [pull("again", "@kiri", label.ad_account, post(1), territory="AU")]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()

    # Whether an owner allows a post in ads only making the ad tells; one that is not public may be used.
    published = {row_id for row_id, row in done.items() if row.state is TargetState.PUBLISHED}
    assert published == {"row1", "row2", "row3", "row4", "again"}
    assert done["row5"].state is TargetState.REFUSED
    blocked = {row_id: row.reason for row_id, row in done.items() if row.state is TargetState.BLOCKED}
    assert blocked == {
        "row6": (
            f"R13: post {post(6)} has music that is not cleared for ads: Tide by Lumi; "
            "ask @kiri for a post with cleared music"
        ),
        "row7": f"R13: post {post(7)} is no post that @kiri shares; see its id, or ask @kiri whether it was deleted",
    }
    ads = await run.ads()
    assert {row_id: len(found) for row_id, found in ads.items()} == dict.fromkeys(published, 1)
    after = await calls_so_far(label)
    # One for each post and place.
    music = "/identity/music/authorization/"
    assert after[music] - before.get(music, 0) == len(("row1", "row2", "row3", "row4", "row5", "row6", "again"))
    lines = await db.fetchval("SELECT count(*) FROM audit WHERE bc_id = $1 AND action = 'targets blocked'", label.bc_id)
    assert lines == len(blocked)


async def test_a_photo_post_becomes_a_carousel(label: Label, db: Pool, tmp_path: Path) -> None:
    # R13: the ad format is the post's.
    await label.authorized("kiri")
    await seed_posts(label, "kiri")
    run = await release(label, db, tmp_path, [pull("slides", "@kiri", label.ad_account, post(2))])

    row = (await run.finished())["slides"]

    assert row.state is TargetState.PUBLISHED
    assert row.item_id == post(2)


async def test_an_answer_about_music_that_is_refused_blocks_nothing(label: Label, db: Pool, tmp_path: Path) -> None:
    await label.authorized("kiri")
    await seed_posts(label, "kiri")
    refused = {"path": "/identity/music/authorization/", "kind": "code", "code": 40001, "message": "No permission."}
    await label.simulator.post("faults", {"rules": [refused]})
    run = await release(label, db, tmp_path, [pull("row", "@kiri", label.ad_account, post(1))])

    assert (await run.finished())["row"].state is TargetState.PUBLISHED


@pytest.mark.parametrize("taken", ["ids", "codes"])
async def test_music_is_asked_for_with_places_as_tiktok_takes_them(
    label: Label, db: Pool, tmp_path: Path, taken: str
) -> None:
    await label.authorized("kiri")
    await seed_posts(label, "kiri")
    await label.simulator.post("config", {"music_locations": taken})
    try:
        rows = [pull("fine", "@kiri", label.ad_account, post(1)), pull("song", "@kiri", label.ad_account, post(6))]
        done = await (await release(label, db, tmp_path, rows)).finished()
    finally:
        await label.simulator.post("config", {"music_locations": "ids"})
    assert (done["fine"].state, done["song"].state) == (TargetState.PUBLISHED, TargetState.BLOCKED)


@pytest.mark.parametrize("gone", ["unknown", "deleted", "with its campaign"])
async def test_a_row_may_name_its_ad_group(label: Label, db: Pool, tmp_path: Path, gone: str) -> None:
    await label.authorized("kiri")
    await seed_posts(label, "kiri")
    first = await release(label, db, tmp_path, [pull("row0", "@kiri", label.ad_account, post(1))])
    await first.finished()
    group = (await first.ads())["row0"][0]["adgroup_id"]
    missing = "1234567890123456789"
    if gone != "unknown":
        second = await release(label, db, tmp_path, [pull("row0", "@kiri", label.ad_account, post(1), territory="AU")])
        await second.finished()
        (ad,) = (await second.ads())["row0"]
        missing = ad["adgroup_id"]
        kind, key = ("adgroup", missing) if gone == "deleted" else ("campaign", ad["campaign_id"])
        await delete(label, kind, key)
    before = (await label.simulator.get("state"))["adgroups"]
    rows = [
        pull("there", "@kiri", label.ad_account, post(1), ad_group_id=group),
        push("pushed", "@kiri", label.ad_account, ad_group_id=group),
        pull("missing", "@kiri", label.ad_account, post(1), ad_group_id=missing),
    ]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()

    assert (done["there"].state, done["pushed"].state) == (TargetState.PUBLISHED, TargetState.PUBLISHED)
    assert done["missing"].state is TargetState.REFUSED
    assert done["missing"].reason == (f"ad group {missing} is not in ad account {label.ad_account}, or is deleted")
    state = await label.simulator.get("state")
    assert len(state["adgroups"]) == len(before)
    used = {ad["ad_name"].split(" ")[0] for ad in state["ads"] if ad["adgroup_id"] == group}
    assert used == {"row0", "there", "pushed"}
