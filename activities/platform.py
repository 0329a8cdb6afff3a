"""The connection to TikTok with the right token for each Business Center."""

from temporalio import activity

from sparkads import names
from sparkads.errors import BusinessCenterUnknown, refused
from store import credentials
from store.database import Pool
from tiktok import TikTok, TikTokClient


class Platform:
    """One connection for the whole process; tokens are read from the store at each use."""

    def __init__(self, db: Pool, tiktok: TikTok) -> None:
        """Share the process's pool and connection."""
        self._db = db
        self._tiktok = tiktok

    async def client(self, bc_id: str) -> TikTokClient:
        """
        A client that acts as the connected admin of a Business Center.

        Its calls stand in line before those of the fan-out of releases, if the activity is not part of that.

        Raises:
            ApplicationError: BusinessCenterUnknown, if it was never connected.
        """
        token = await credentials.token(self._db, bc_id)
        if token is None:
            raise refused(
                BusinessCenterUnknown(f"Business Center {bc_id} is not connected: run python -m workers connect")
            )
        is_bulk = activity.in_activity() and activity.info().task_queue == names.BULK_TASK_QUEUE
        return self._tiktok.client(token, urgent=not is_bulk)
