"""
Videos and covers brought to TikTok before the first ad is made.

Each is uploaded once per ad account and content: its name is made from its content, so an upload whose answer was lost
is found again. A file that TikTok will not take refuses every row that uses it, in TikTok's own words.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from activities.failures import tiktok_failures
from activities.lost_answers import found_or_made
from activities.members import current_run
from activities.together import each_to_its_end
from sparkads.contracts.base import BlobRef
from sparkads.errors import ManifestInvalid, TikTokRefused, refused
from sparkads.files import FileDamaged, Files
from sparkads.manifest.media import like
from store import audit, media
from store.database import Pool
from store.media import CoverOfVideo, FileNeeded, Kind, Transcoding
from store.releases import Campaign
from tiktok import Image, InvalidRequest, NotReady, TikTokClient, Video, WrongRoute

UPLOADS_AT_ONCE = 2
"""In one process: each holds a copy of its file on disk and one connection to the store."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""
Seconds between looks at videos that TikTok still transcodes.

After the last one the rows of other videos go on without them, and pay for it with ad groups of their own.
"""

TRANSCODING_LIMIT = timedelta(minutes=30)
"""How long TikTok may transcode a video before its rows are refused: hours would pass their instants in silence."""

_MD5_MISMATCH: Final = 40900

T = TypeVar("T")


class Uploads:
    """Brings the files of a release to its ad accounts."""

    def __init__(self, db: Pool, files: Files) -> None:
        """Share the process's connections."""
        self._db = db
        self._files = files
        self._slots = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def bring(self, client: TikTokClient, campaign: Campaign, advertiser_id: str) -> None:
        """Upload what ready rows of an ad account need, and wait a while for it; rows of useless files are refused."""
        needed = await media.files_needed(self._db, campaign.campaign_id, advertiser_id)
        await each_to_its_end(*(self._bring(client, campaign, one) for one in needed))
        await self._compare_shapes(campaign, advertiser_id)
        await self._wait_until_ready(client, campaign, advertiser_id)

    async def _compare_shapes(self, campaign: Campaign, advertiser_id: str) -> None:
        """TikTok refuses an ad whose cover is not of its video's shape, and its whole batch with it."""
        for pair in await media.covers_with_videos(self._db, campaign.campaign_id, advertiser_id):
            if not like(pair.cover, pair.video):
                shown = [f"{width} x {height}" for width, height in (pair.cover, pair.video)]
                reason = f"the cover is {shown[0]} pixels, the video {shown[1]}; TikTok wants the shape of the video"
                await self._refuse(campaign, Kind.COVER, pair, reason)

    async def _wait_until_ready(self, client: TikTokClient, campaign: Campaign, advertiser_id: str) -> None:
        for pause in (*PAUSES, None):
            videos = await media.transcoding(self._db, campaign.campaign_id, advertiser_id)
            ready = [await self._is_ready(client, campaign, video) for video in videos]
            if all(ready) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _bring(self, client: TikTokClient, campaign: Campaign, needed: FileNeeded) -> None:
        try:
            async with self._slots, media.one_at_a_time(self._db, needed) as connection:
                if connection is None:
                    return
                with tiktok_failures(passing=InvalidRequest):
                    if needed.kind is Kind.VIDEO:
                        video = await self._video(client, needed)
                        await media.put_media(
                            connection, needed, video.video_id, width=video.width, height=video.height
                        )
                    else:
                        image = await self._cover(client, needed)
                        await media.put_image(
                            connection, needed, image.image_id, width=image.width, height=image.height
                        )
        except FileDamaged as error:
            raise refused(ManifestInvalid(str(error))) from error
        except WrongRoute as error:
            raise refused(TikTokRefused(str(error))) from error
        except InvalidRequest as error:
            await self._refuse(campaign, needed.kind, needed, f"TikTok refused the {needed.kind}: {error}")

    async def _video(self, client: TikTokClient, needed: FileNeeded) -> Video:
        name = f"sparkads-{needed.sha256[:32]}.mp4"

        async def send(copy: Path, md5: str) -> Video:
            return await client.files.upload_video(needed.advertiser_id, copy, md5=md5, file_name=name)

        return await found_or_made(
            lambda: client.files.find_video(needed.advertiser_id, name),
            lambda: self._send(needed, send),
        )

    async def _cover(self, client: TikTokClient, needed: FileNeeded) -> Image:
        name = f"sparkads-cover-{needed.sha256[:32]}"

        async def send(copy: Path, md5: str) -> Image:
            return await client.files.upload_image(needed.advertiser_id, copy, md5=md5, file_name=name)

        return await found_or_made(
            lambda: client.files.find_image(needed.advertiser_id, name),
            lambda: self._send(needed, send),
        )

    async def _send(self, needed: FileNeeded, send: Callable[[Path, str], Awaitable[T]]) -> T:
        """Upload a copy with its MD5; once more from a fresh copy if TikTok received something else."""
        ref = BlobRef(sha256=needed.sha256, size=needed.size)
        with TemporaryDirectory(prefix="sparkads-") as folder:
            copy = Path(folder) / "copy"
            try:
                return await send(copy, await self._files.get_file(ref, copy))
            except InvalidRequest as error:
                if error.code != _MD5_MISMATCH:
                    raise
            return await send(copy, await self._files.get_file(ref, copy))

    async def _is_ready(self, client: TikTokClient, campaign: Campaign, video: Transcoding) -> bool:
        """Whether nothing more is to be waited for: the video has its first cover, or its rows are refused."""
        try:
            with tiktok_failures(passing=(InvalidRequest, NotReady)):
                covers = await client.files.suggest_covers(video.advertiser_id, video.video_id)
        except InvalidRequest as error:
            await self._refuse(campaign, Kind.VIDEO, video, f"TikTok refused the video: {error}")
            return True
        except NotReady:
            covers = []
        if covers:
            await media.put_first_cover(self._db, video, covers[0].id)
            return True
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
