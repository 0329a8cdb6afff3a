"""Videos and covers in ad accounts: each is uploaded once per ad account and content, by one process at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

from sparkads.contracts.base import Contract
from sparkads.contracts.release import TargetState
from store.database import Connection, Database, Pool
from store.locks import alone

ASK_AGAIN = 1.0
"""Seconds until a file that somebody else uploads is asked for again."""


HAS_FILES = """
    (t.video_sha256 IS NULL OR EXISTS (
        SELECT FROM media m
        WHERE m.advertiser_id = t.advertiser_id AND m.sha256 = t.video_sha256 AND m.cover_id IS NOT NULL))
    AND (t.cover_sha256 IS NULL OR EXISTS (
        SELECT FROM images i WHERE i.advertiser_id = t.advertiser_id AND i.sha256 = t.cover_sha256))
"""
"""Whether an ad of target `t` could be made, as far as its files go: uploaded and transcoded."""


class Kind(StrEnum):
    """What a file is to an ad."""

    VIDEO = "video"
    COVER = "cover"


class _OneFile(Contract):
    """A file in an ad account."""

    advertiser_id: str
    sha256: str

    @property
    def hashes(self) -> tuple[str, ...]:
        """Of the files that a row has to have."""
        return (self.sha256,)


class FileNeeded(_OneFile):
    """A file that ready targets of an ad account need and that is not uploaded yet; `size` in bytes."""

    kind: Kind
    size: int


class Transcoding(_OneFile):
    """An uploaded video that TikTok has proposed no cover for yet."""

    video_id: str
    seconds: float
    """since it was uploaded"""
    width: int | None = None
    height: int | None = None


class CoverOfVideo(Contract):
    """A cover and a video that ready targets use together; width and height of each in pixels."""

    advertiser_id: str
    cover_sha256: str
    video_sha256: str
    cover: tuple[int, int]
    video: tuple[int, int]

    @property
    def hashes(self) -> tuple[str, ...]:
        """Of the files that a row has to have."""
        return (self.cover_sha256, self.video_sha256)


async def files_needed(db: Database, campaign_id: str, advertiser_id: str) -> list[FileNeeded]:
    """Videos and covers of ready targets that their ad account does not have yet, videos first."""
    rows = await db.fetch(
        """SELECT DISTINCT 'video' AS kind, t.advertiser_id, t.video_sha256 AS sha256, t.video_size AS size
           FROM targets t LEFT JOIN media m ON m.advertiser_id = t.advertiser_id AND m.sha256 = t.video_sha256
           WHERE t.campaign_id = $1 AND t.advertiser_id = $2 AND t.state = 'ready'
             AND t.video_sha256 IS NOT NULL AND m.video_id IS NULL
           UNION
           SELECT DISTINCT 'cover', t.advertiser_id, t.cover_sha256, t.cover_size
           FROM targets t LEFT JOIN images i ON i.advertiser_id = t.advertiser_id AND i.sha256 = t.cover_sha256
           WHERE t.campaign_id = $1 AND t.advertiser_id = $2 AND t.state = 'ready'
             AND t.cover_sha256 IS NOT NULL AND i.image_id IS NULL
           ORDER BY kind DESC, sha256""",
        campaign_id,
        advertiser_id,
    )
    return [FileNeeded(**row) for row in rows]


@asynccontextmanager
async def one_at_a_time(db: Pool, needed: FileNeeded) -> AsyncIterator["Connection | None"]:
    """
    The right to upload a file to an ad account, which nobody else has at the same time: no other worker, no release.

    Yields:
        The connection to record the upload with; None if somebody else has uploaded it in the meantime.
    """
    while True:
        # Whoever waits holds no connection: an upload takes minutes, and connections are few.
        async with alone(db, f"{needed.kind}/{needed.advertiser_id}/{needed.sha256}") as connection:
            if connection is not None:
                yield None if await _is_uploaded(connection, needed) else connection
                return
        await asyncio.sleep(ASK_AGAIN)


async def _is_uploaded(db: Database, needed: FileNeeded) -> bool:
    table = {Kind.VIDEO: "media", Kind.COVER: "images"}[needed.kind]
    query = f"SELECT EXISTS (SELECT FROM {table} WHERE advertiser_id = $1 AND sha256 = $2)"
    return bool(await db.fetchval(query, needed.advertiser_id, needed.sha256))


async def put_media(db: Database, file: FileNeeded, video_id: str, *, width: int | None, height: int | None) -> None:
    """Remember an uploaded video; its first cover follows."""
    await db.execute(
        """INSERT INTO media (advertiser_id, sha256, video_id, width, height) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING""",
        file.advertiser_id,
        file.sha256,
        video_id,
        width,
        height,
    )


async def put_image(db: Database, file: FileNeeded, image_id: str, *, width: int | None, height: int | None) -> None:
    """Remember an uploaded cover."""
    await db.execute(
        """INSERT INTO images (advertiser_id, sha256, image_id, width, height) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING""",
        file.advertiser_id,
        file.sha256,
        image_id,
        width,
        height,
    )


async def covers_with_videos(db: Database, campaign_id: str, advertiser_id: str) -> list[CoverOfVideo]:
    """The covers and videos that ready targets use together in an ad account, as far as TikTok has measured both."""
    rows = await db.fetch(
        """SELECT DISTINCT t.advertiser_id, t.cover_sha256, t.video_sha256,
                  i.width AS cover_width, i.height AS cover_height, m.width AS video_width, m.height AS video_height
           FROM targets t JOIN media m ON m.advertiser_id = t.advertiser_id AND m.sha256 = t.video_sha256
           JOIN images i ON i.advertiser_id = t.advertiser_id AND i.sha256 = t.cover_sha256
           WHERE t.campaign_id = $1 AND t.advertiser_id = $2 AND t.state = 'ready'
             AND i.width > 0 AND i.height > 0 AND m.width > 0 AND m.height > 0 ORDER BY 2, 3""",
        campaign_id,
        advertiser_id,
    )
    return [
        CoverOfVideo(
            advertiser_id=row["advertiser_id"],
            cover_sha256=row["cover_sha256"],
            video_sha256=row["video_sha256"],
            cover=(row["cover_width"], row["cover_height"]),
            video=(row["video_width"], row["video_height"]),
        )
        for row in rows
    ]


async def transcoding(db: Database, campaign_id: str, advertiser_id: str) -> list[Transcoding]:
    """Uploaded videos of ready targets of an ad account that have no first cover yet."""
    rows = await db.fetch(
        """SELECT DISTINCT m.advertiser_id, m.sha256, m.video_id, m.width, m.height,
                  extract(epoch FROM statement_timestamp() - m.uploaded_at)::float8 AS seconds
           FROM targets t JOIN media m ON m.advertiser_id = t.advertiser_id AND m.sha256 = t.video_sha256
           WHERE t.campaign_id = $1 AND t.advertiser_id = $2 AND t.state = 'ready' AND m.cover_id IS NULL
           ORDER BY m.sha256""",
        campaign_id,
        advertiser_id,
    )
    return [Transcoding(**row) for row in rows]


async def put_first_cover(db: Database, video: Transcoding, cover_id: str) -> None:
    """Remember the first cover that TikTok proposes: the video can be used in ads now."""
    await db.execute(
        "UPDATE media SET cover_id = $3 WHERE advertiser_id = $1 AND sha256 = $2",
        video.advertiser_id,
        video.sha256,
        cover_id,
    )


async def refuse_rows(
    connection: Connection, campaign_id: str, advertiser_id: str, hashes: Sequence[str], reason: str
) -> list[str]:
    """Refuse the ready targets that have all of these files, since TikTok will not take them; returns their row ids."""
    rows = await connection.fetch(
        """WITH refused AS (
               UPDATE targets SET state = $4, reason = $5
               WHERE campaign_id = $1 AND advertiser_id = $2 AND ARRAY[video_sha256, cover_sha256] @> $3::text[]
                 AND state = 'ready'
               RETURNING row_id, row_number)
           SELECT row_id FROM refused ORDER BY row_number""",
        campaign_id,
        advertiser_id,
        list(hashes),
        TargetState.REFUSED,
        reason[:500],
    )
    return [row["row_id"] for row in rows]


async def rows_with_files(db: Database, campaign_id: str, advertiser_id: str, hashes: Sequence[str]) -> list[str]:
    """The ready targets of an ad account that have all of these files."""
    rows = await db.fetch(
        """SELECT row_id FROM targets WHERE campaign_id = $1 AND advertiser_id = $2 AND state = 'ready'
             AND ARRAY[video_sha256, cover_sha256] @> $3::text[] ORDER BY row_number""",
        campaign_id,
        advertiser_id,
        list(hashes),
    )
    return [row["row_id"] for row in rows]
