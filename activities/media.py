"""
Videos and covers brought to TikTok before the first ad is made.

Each is uploaded once per ad account and content: its name is made from its content, so an upload whose answer was lost
is found again. A file that TikTok will not take refuses every row that uses it, in TikTok's own words; one that is
missing, or that TikTok does not answer about, lets its rows wait. Rows of other files go on.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, TypeVar

from activities.believing import believed
from activities.failures import DEFINITE_NO
from activities.lost_answers import found_or_made, made_once
from activities.members import current_run
from activities.together import each_to_its_end
from activities.waits import Waiting, waiting_for
from sparkads.contracts.base import BlobRef
from sparkads.files import FileDamaged, Files
from sparkads.manifest.media import like
from store import audit, media
from store.database import Pool
from store.media import CoverOfVideo, FileNeeded, Kind, Transcoding
from store.releases import Campaign
from tiktok import (
    Cover,
    DuplicateName,
    FileType,
    Image,
    InvalidRequest,
    NoPermission,
    NotFound,
    NotReady,
    TikTokClient,
    TikTokError,
    UnknownOutcome,
    Video,
)

UPLOADS_AT_ONCE = 8
"""In one process: each holds a copy of its file on disk and one connection to the store."""
UPLOADS_AN_AD_ACCOUNT = 2
"""Of one ad account: one that is slow leaves room for others."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""
Seconds between looks at videos that TikTok still transcodes.

After the last one the rows of other videos go on without them, and pay for it with ad groups of their own.
"""

TRANSCODING_LIMIT = timedelta(minutes=30)
"""How long TikTok may transcode a video before its rows are refused: hours would pass their instants in silence."""

SAID_OF_THE_CALLER = (NoPermission, NotFound)
"""Refusals of an upload that say nothing of the file: others count at once, as a file is not sent twice for nothing."""

_MD5_MISMATCH: Final = 40900

T = TypeVar("T")


class FileWaits(NamedTuple):
    """Ready rows that have all of these files can't go on for now, and why."""

    hashes: tuple[str, ...]
    waiting: Waiting


class Uploads:
    """Brings the files of a release to its ad accounts."""

    def __init__(self, db: Pool, files: Files) -> None:
        """Share the process's connections."""
        self._db = db
        self._files = files
        self._slots = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._slots_of: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(UPLOADS_AN_AD_ACCOUNT)
        )

    async def bring(self, client: TikTokClient, campaign: Campaign, advertiser_id: str) -> list[FileWaits]:
        """
        Upload what ready rows of an ad account need, and wait a while for it; rows of useless files are refused.

        Returns:
            The files that can't be brought for now: they are missing, or TikTok does not answer. Others are brought.
        """
        needed = await media.files_needed(self._db, campaign.campaign_id, advertiser_id)
        waits: list[FileWaits] = []
        await each_to_its_end(*(self._bring(client, campaign, one, waits) for one in needed))
        await self._compare_shapes(campaign, advertiser_id)
        await self._wait_until_ready(client, campaign, advertiser_id, waits)
        return waits

    async def _compare_shapes(self, campaign: Campaign, advertiser_id: str) -> None:
        """TikTok refuses an ad whose cover is not of its video's shape, and its whole batch with it."""
        for pair in await media.covers_with_videos(self._db, campaign.campaign_id, advertiser_id):
            if not like(pair.cover, pair.video):
                shown = [f"{width} x {height}" for width, height in (pair.cover, pair.video)]
                reason = f"the cover is {shown[0]} pixels, the video {shown[1]}; TikTok wants the shape of the video"
                await self._refuse(campaign, Kind.COVER, pair, reason)

    async def _wait_until_ready(
        self, client: TikTokClient, campaign: Campaign, advertiser_id: str, waits: list[FileWaits]
    ) -> None:
        for pause in (*PAUSES, None):
            videos = await media.transcoding(self._db, campaign.campaign_id, advertiser_id)
            ready = [await self._is_ready(client, campaign, video, waits) for video in videos]
            if all(ready) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _bring(
        self, client: TikTokClient, campaign: Campaign, needed: FileNeeded, waits: list[FileWaits]
    ) -> None:
        try:
            # Its ad account's turn first: whoever waits for that must not keep a place that others could use.
            async with (
                self._slots_of[needed.advertiser_id],
                self._slots,
                media.one_at_a_time(self._db, needed) as connection,
            ):
                if connection is None:
                    return
                if needed.kind is Kind.VIDEO:
                    video = await believed(partial(self._video, client, needed), twice=SAID_OF_THE_CALLER)
                    await media.put_media(connection, needed, video.video_id, width=video.width, height=video.height)
                else:
                    image = await believed(partial(self._cover, client, needed), twice=SAID_OF_THE_CALLER)
                    await media.put_image(connection, needed, image.image_id, width=image.width, height=image.height)
        except FileDamaged as error:
            reason = f"the {needed.kind} can't be read: {error}. The row goes on when the file is there again"
            waits.append(FileWaits(needed.hashes, Waiting(reason)))
        except DEFINITE_NO as error:
            await self._refuse(campaign, needed.kind, needed, f"TikTok refused the {needed.kind}: {error}")
        except DuplicateName as error:
            reason = (
                f"{error.message}; delete the files whose names begin with sparkads-{needed.sha256[:32]} in the assets "
                f"of ad account {needed.advertiser_id}, then the row goes on"
            )
            waits.append(FileWaits(needed.hashes, Waiting(reason)))
        except TikTokError as error:
            waits.append(FileWaits(needed.hashes, waiting_for(error, needed.advertiser_id)))

    async def _video(self, client: TikTokClient, needed: FileNeeded) -> Video:
        """
        Uploaded under a name made from its content, or found there.

        Names are unique, and of several videos of one content TikTok lists one: an upload whose answer was lost may
        have taken the name and show nowhere. The video is given another name then, once, and never sent for nothing.

        Raises:
            DuplicateName: both names are taken, and no video of theirs is listed.
        """
        ad_account = needed.advertiser_id
        with TemporaryDirectory(prefix="sparkads-") as folder:
            copy = Path(folder) / "copy"
            md5 = await self._files.get_file(BlobRef(sha256=needed.sha256, size=needed.size), copy)
            lost: TikTokError = DuplicateName(
                "TikTok says that the video's names are taken, and lists it under neither"
            )
            for name in (f"sparkads-{needed.sha256[:32]}.mp4", f"sparkads-{needed.sha256[:32]}-again.mp4"):

                async def find(name: str = name) -> Video | None:
                    return await client.files.find_video(ad_account, name, md5)

                async def send(path: Path, signature: str, name: str = name) -> Video:
                    return await client.files.upload_video(ad_account, path, md5=signature, file_name=name)

                found = await find()
                if found is not None:
                    return found
                if await client.files.name_is_taken(ad_account, name, FileType.VIDEO):
                    continue
                try:
                    return await made_once(find, partial(self._send, needed, copy, md5, send))
                except (UnknownOutcome, DuplicateName) as error:
                    lost = error
            raise lost

    async def _cover(self, client: TikTokClient, needed: FileNeeded) -> Image:
        name = f"sparkads-cover-{needed.sha256[:32]}"
        with TemporaryDirectory(prefix="sparkads-") as folder:
            copy = Path(folder) / "copy"
            md5 = await self._files.get_file(BlobRef(sha256=needed.sha256, size=needed.size), copy)

            async def send(path: Path, signature: str) -> Image:
                return await client.files.upload_image(needed.advertiser_id, path, md5=signature, file_name=name)

            return await found_or_made(
                lambda: client.files.find_image(needed.advertiser_id, name),
                lambda: self._send(needed, copy, md5, send),
            )

    async def _send(self, needed: FileNeeded, copy: Path, md5: str, send: Callable[[Path, str], Awaitable[T]]) -> T:
        """Upload a copy with its MD5; once more from a fresh copy if TikTok received something else."""
        try:
            return await send(copy, md5)
        except InvalidRequest as error:
            if error.code != _MD5_MISMATCH:
                raise
        ref = BlobRef(sha256=needed.sha256, size=needed.size)
        return await send(copy, await self._files.get_file(ref, copy))

    async def _is_ready(
        self, client: TikTokClient, campaign: Campaign, video: Transcoding, waits: list[FileWaits]
    ) -> bool:
        """Whether nothing more is to be waited for here: the video has its first cover, or its rows can't go on."""
        try:
            covers = await believed(partial(client.files.suggest_covers, video.advertiser_id, video.video_id))
        except NotReady:
            return await self._is_late(campaign, video)
        except DEFINITE_NO as error:
            await self._refuse(campaign, Kind.VIDEO, video, f"TikTok refused the video: {error}")
            return True
        except TikTokError as error:
            waits.append(FileWaits(video.hashes, waiting_for(error, video.advertiser_id)))
            return True
        cover = next((one for one in covers if _has_shape_of(one, video)), None)
        if cover is None:
            reason = (
                "TikTok proposes no cover of the video's shape, and takes no other; put a cover of that shape beside it"
            )
            await self._refuse(campaign, Kind.VIDEO, video, reason)
        else:
            await media.put_first_cover(self._db, video, cover.id)
        return True

    async def _is_late(self, campaign: Campaign, video: Transcoding) -> bool:
        if video.seconds < TRANSCODING_LIMIT.total_seconds():
            return False
        minutes = TRANSCODING_LIMIT.total_seconds() / 60
        reason = f"TikTok has not prepared the video within {minutes:.0f} minutes; export it again and release the row"
        await self._refuse(campaign, Kind.VIDEO, video, reason)
        return True

    async def _refuse(
        self, campaign: Campaign, kind: Kind, file: FileNeeded | Transcoding | CoverOfVideo, reason: str
    ) -> None:
        async with self._db.acquire() as connection, connection.transaction():
            rows = await media.refuse_rows(connection, campaign.campaign_id, file.advertiser_id, file.hashes, reason)
            await audit.write_rows(
                connection,
                bc_id=campaign.bc_id,
                actor=audit.SYSTEM,
                action=f"{kind} refused",
                rows=rows,
                reason=reason,
                run=current_run(),
            )


def _has_shape_of(cover: Cover, video: Transcoding) -> bool:
    """Whether a proposed cover can be used; what TikTok has not measured is left to its own check."""
    if not (cover.width and cover.height and video.width and video.height):
        return True
    return like((cover.width, cover.height), (video.width, video.height))
