"""Puts a manifest without mistakes, and the files that it names, into the object store, by content."""

from sparkads.contracts.base import BlobRef
from sparkads.files import Files
from sparkads.manifest.media import MAX_COVER_BYTES, MAX_VIDEO_BYTES
from sparkads.manifest.rows import Manifest, ReleaseBundle, Source
from sparkads.web_files import WebFile


async def bundle(manifest: Manifest, files: Files) -> BlobRef:
    """
    Put the videos, the covers and the rows into the object store and return the bundle's reference.

    Raises:
        ValueError: the manifest has problems, or no rows.
        WebFileUnreadable: an address no longer delivers what it did when the manifest was read.
    """
    if manifest.problems:
        raise ValueError("a manifest with problems cannot be released")
    videos = {
        source: await _put(files, source, MAX_VIDEO_BYTES, "video/mp4")
        for source in dict.fromkeys(manifest.videos.values())
    }
    covers = {
        source: await _put(files, source, MAX_COVER_BYTES, "application/octet-stream")
        for source in dict.fromkeys(manifest.covers.values())
    }
    rows = tuple(
        row.model_copy(
            update={
                "video": videos[manifest.videos[row.row_id]] if row.row_id in manifest.videos else None,
                "cover": covers[manifest.covers[row.row_id]] if row.row_id in manifest.covers else None,
            }
        )
        for row in manifest.rows
    )
    content = ReleaseBundle(rows=rows).model_dump_json().encode()
    return await files.put(content, "application/json")


async def _put(files: Files, source: Source, largest: int, media_type: str) -> BlobRef:
    if isinstance(source, WebFile):
        return await files.put_web_file(source, largest=largest, media_type=media_type)
    return await files.put_file(source, media_type)
