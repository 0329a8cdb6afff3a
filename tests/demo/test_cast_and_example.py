"""The example, the cast and the staged midnights fit together."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import av
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.client import WorkflowHistory

from demo import cast
from demo.histories import secrets_in
from demo.midnights import EXAMPLE, SPAN, before_everything, staged_midnights, write_manifest
from demo.video import HEIGHT, SECONDS, WIDTH, write_video
from sparkads import manifest
from sparkads.manifest import Mode, Visibility

READ = manifest.read(EXAMPLE, now=before_everything())


def test_the_example_has_no_mistake_and_is_played_by_the_cast() -> None:
    assert READ.problems == ()
    artists = {artist.handle: artist for artist in cast.ARTISTS}
    accounts = {one.advertiser_id: one for one in cast.AD_ACCOUNTS}
    assert {row.account for row in READ.rows} == set(artists)
    assert len({artist.time_zone for artist in cast.ARTISTS}) >= 6
    assert {row.visibility for row in READ.rows if row.mode is Mode.PUSH} == set(Visibility)
    for row in READ.rows:
        assert row.time_zone == artists[row.account].time_zone
        assert row.territory == accounts[row.ad_account].territory


def test_the_example_is_due_at_midnight_on_a_friday() -> None:
    for row in READ.rows:
        assert row.release_at is not None
        assert f"{row.release_at:%A %H:%M:%S}" == "Friday 00:00:00"


def test_the_pretended_tiktok_is_given_the_posts_that_are_pulled() -> None:
    world = cast.seed(READ.rows, SecretStr("t"))
    seeded = {(account["handle"], post["item_id"]) for account in world["accounts"] for post in account["posts"]}
    assert seeded == {(row.account, row.post_id) for row in READ.rows if row.mode is Mode.PULL}


def test_staged_midnights_keep_the_order_and_are_wall_times(tmp_path: Path) -> None:
    # An hour that two zones would write on different days.
    first = datetime(2031, 6, 30, 12, 30, 5, tzinfo=UTC)
    midnights = staged_midnights(READ.rows, first)
    assert [cast.city(one.time_zone) for one in midnights] == [
        "Auckland",
        "Tokyo",
        "Berlin",
        "London",
        "New York",
        "Los Angeles",
    ]
    assert midnights[0].staged == first
    assert midnights[-1].staged == first + SPAN
    assert [one.staged for one in midnights] == sorted({one.staged for one in midnights})
    assert midnights[-1].real - midnights[0].real == timedelta(hours=21)

    write_video(tmp_path / "harbour-lights.mp4")
    copy = manifest.read(write_manifest(tmp_path / "copy.csv", midnights), now=first)

    assert copy.problems == ()
    due = {one.time_zone: one.staged for one in midnights}
    for row, original in zip(copy.rows, READ.rows, strict=True):
        assert row.due_at(first) == due[row.time_zone]
        assert row.release_at == due[row.time_zone].astimezone(ZoneInfo(row.time_zone)).replace(tzinfo=None)
        assert row == original.model_copy(update={"release_at": row.release_at})


def test_the_video_is_small_upright_and_moves(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4")
    assert path.stat().st_size < 100_000
    assert (EXAMPLE.parent / "harbour-lights.mp4").stat().st_size < 100_000
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        pictures = {hashlib.sha256(bytes(frame.planes[0])).digest() for frame in container.decode(video=0)}
        assert (stream.width, stream.height) == (WIDTH, HEIGHT)
        assert stream.codec_context.name in {"h264", "mpeg4"}
        assert container.duration is not None
        assert abs(container.duration / 1_000_000 - SECONDS) < 0.1
    assert len(pictures) > 50


def test_a_secret_in_a_history_is_found_and_not_repeated() -> None:
    started = WorkflowExecutionStartedEventAttributes(input=Payloads(payloads=[Payload(data=b'{"token":"s3cret"}')]))
    history = WorkflowHistory("bc/1", [HistoryEvent(event_id=1, workflow_execution_started_event_attributes=started)])
    assert secrets_in(history, {"the token": "s3cret"}) == ["bc/1, event 1: the token"]
    assert secrets_in(history, {"the token": "other"}) == []
