"""R14: the four uses, each end to end."""

import asyncio
from pathlib import Path

from releasing import pull, push, release

from sparkads.contracts.release import TargetState
from store.database import Pool
from tests.conftest import Label, make_label, post_of


async def test_a_brand_promotes_posts_of_its_own_account(label: Label, db: Pool, tmp_path: Path) -> None:
    # R14 (a): in-house, pull.
    await label.authorized("ourbrand")
    run = await release(label, db, tmp_path, [pull("own", "@ourbrand", label.ad_account, post_of("ourbrand"))])

    assert (await run.finished())["own"].state is TargetState.PUBLISHED


async def test_several_agencies_promote_posts_of_the_same_creators(label: Label, db: Pool, tmp_path: Path) -> None:
    # R14 (b), R6: an account may authorize any number of Business Centers, each with its own consent.
    agencies = [
        label,
        await make_label(label.simulator, label.spark, db),
        await make_label(label.simulator, label.spark, db),
    ]
    creators = ["creator.one", "creator.two"]
    for agency in agencies:
        await agency.authorized(*creators)
    runs = []
    for number, agency in enumerate(agencies):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = [pull(creator, f"@{creator}", agency.ad_account, post_of(creator)) for creator in creators]
        runs.append(await release(agency, db, folder, rows))

    finished = await asyncio.gather(*(run.finished() for run in runs))

    assert {row.state for rows in finished for row in rows.values()} == {TargetState.PUBLISHED}
    # One agency's end is not another's.
    await label.simulator.revoke("creator.one", agencies[0].bc_id)
    assert len(await agencies[1].accounts()) == 2


async def test_a_label_pushes_release_videos_to_its_artists(label: Label, db: Pool, tmp_path: Path) -> None:
    # R14 (c): push, a video of its own for each artist.
    artists = ["aria", "bodhi", "cleo"]
    await label.authorized(*artists)
    rows = [
        push(artist, f"@{artist}", label.ad_account, video=f"{artist}.mp4", caption=f"{artist} is out")
        for artist in artists
    ]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()

    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    assert len({row.item_id for row in done.values()}) == 3


async def test_headquarters_push_one_video_to_regional_accounts(label: Label, db: Pool, tmp_path: Path) -> None:
    # R14 (d): one video, uploaded once for each ad account, with a caption per region.
    regions = {"coffee.nz": "Kia ora", "coffee.de": "Guten Morgen", "coffee.jp": "Ohayo"}
    await label.authorized(*regions)
    rows = [
        push(account, f"@{account}", label.ad_account, caption=caption, visibility="ads_only")
        for account, caption in regions.items()
    ]
    run = await release(label, db, tmp_path, rows)

    done = await run.finished()

    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    world = await label.simulator.get("state")
    videos = [video for video in world["videos"] if video["advertiser_id"] == label.ad_account]
    assert len(videos) == 1
