"""A video or a manifest that is not in the object store: what needs it waits, says so, and goes on once it is back."""

import hashlib
from pathlib import Path

import pytest
from releasing import Release, bundle, push

from sparkads.contracts.release import ReleaseInput, ReleasePhase, TargetState
from store.database import Pool
from tests.conftest import Label, until


@pytest.mark.parametrize("kind", ["video", "manifest"])
@pytest.mark.parametrize("how", ["missing", "damaged"])
async def test_a_file_that_is_missing_or_damaged_is_waited_for_by_its_rows_only(
    label: Label, db: Pool, tmp_path: Path, kind: str, how: str
) -> None:
    await label.authorized("ann", "bob")
    rows = [
        push("bad", "@ann", label.ad_account, video="odd.mp4"),
        push("good", "@bob", label.ad_account, video="even.mp4"),
    ]
    ref = await bundle(label, tmp_path, rows)
    content = (tmp_path / "odd.mp4").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest() if kind == "video" else ref.sha256
    file = in_store(label, sha256)
    kept = file.read_bytes()
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(b"x" * len(kept))
    asked = ReleaseInput(
        campaign_id=f"blob-{how}-{kind}-{label.bc_id[-4:]}",
        bc_id=label.bc_id,
        manifest=ref,
        actor=label.admin,
        operator=label.operator,
    )
    await label.spark.start_release(asked)
    run = Release(asked.campaign_id, label, db)

    if kind == "video":
        await run.row_reaches("good", TargetState.PUBLISHED)
        waits = await until(lambda: _attention(run), "the release says so")
        assert "1 rows wait (bad): the video can't be read" in waits
        assert (await run.rows())["bad"].state is TargetState.READY
    else:
        status = await label.spark.release_loaded(run.campaign_id)
        assert status.phase is ReleasePhase.LOADING
        assert "its manifest can't be read" in status.attention
    file.write_bytes(kept)
    done = await run.finished(60)
    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}


def in_store(label: Label, sha256: str) -> Path:
    """Where the object store keeps a file."""
    store = Path(label.spark.files.url.removeprefix("file://"))
    (file,) = [one for one in store.rglob("*") if one.is_file() and one.name.endswith(sha256[-40:])]
    return file


async def _attention(run: Release) -> str:
    return (await run.label.spark.release_status(run.campaign_id)).attention
