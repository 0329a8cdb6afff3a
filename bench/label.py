"""A record label in a running stack: one Business Center, its accounts, and the manifests that it brings."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final

from bench.manifests import Sheet, write_csv, write_videos
from bench.world import ADMIN, BC, Servers, center, token_of
from sparkads import MemberGrant, NewVideos, ReleaseInput, RequestAccess, Scope, Share, manifest
from sparkads.contracts.authorization import AdAccountLink
from sparkads.contracts.base import BlobRef
from sparkads.contracts.release import HealthGate
from store import credentials

AD_ACCOUNTS: Final = tuple(f"71{number:017}" for number in range(4))

# Nobody is waited for once the accounts have arrived: what is counted is what the release itself does.
SETTINGS: Final = MappingProxyType(
    {
        "SPARKADS_TIKTOK_TIER": "unlimited",
        "SPARKADS_SWEEP_FAST": "1",
        "SPARKADS_SWEEP_SLOW": "3600",
        "SPARKADS_REVIEW_EVERY": "3600",
        "SPARKADS_REVIEW_POLL_FAST": "1",
        "SPARKADS_LOG_LEVEL": "ERROR",
    }
)

_SHARES_AT_ONCE = 4


@dataclass(frozen=True)
class Label:
    """One label, as far as it has come."""

    running: Servers
    handles: Sequence[str]

    async def authorize(self, handles: Sequence[str]) -> list[str]:
        """Have owners approve, all at once; returns the ids of their accounts when all are authorized."""
        spark = self.running.spark
        scope = Scope(new_videos=NewVideos.ON_PROFILE)
        command = RequestAccess(command_id="bench", actor=ADMIN, scope=scope, handles=tuple(handles))
        await spark.request_access(BC, command)
        assets = []
        for handle in handles:
            answer = await self.running.control("POST", f"owners/{handle}/approve", {"bc_id": BC})
            assets.append(str(answer["asset_id"]))
        while (await spark.business_center_status(BC)).held < len(assets):
            await asyncio.sleep(0.2)
        # A request is closed by the authorization's own workflow, which then takes commands.
        while (await spark.business_center_status(BC)).pending:
            await asyncio.sleep(0.2)
        return assets

    async def share(self, assets: Sequence[str]) -> None:
        """Give the admin and all ad accounts the use of accounts."""
        slots = asyncio.Semaphore(_SHARES_AT_ONCE)
        command = Share(
            actor=ADMIN,
            members=(MemberGrant(user_id=ADMIN),),
            ad_accounts=tuple(AdAccountLink(advertiser_id=advertiser) for advertiser in AD_ACCOUNTS),
        )

        async def share_one(asset: str) -> None:
            async with slots:
                await self.running.spark.share(BC, asset, command)

        await asyncio.gather(*map(share_one, assets))

    async def bring(self, rows: int, release_at: str) -> BlobRef:
        """Check a manifest of so many rows, and put it and its files into the object store."""
        with TemporaryDirectory(prefix="sparkads-") as name:
            folder = Path(name)
            await asyncio.to_thread(_write, folder, Sheet(rows, self.handles, AD_ACCOUNTS, release_at))
            read = await asyncio.to_thread(manifest.read, folder / "release.csv")
            return await manifest.bundle(read, self.running.spark.files)

    def release(self, campaign_id: str, bundle: BlobRef) -> ReleaseInput:
        """What a release of it is started with: the second tier follows the first at once."""
        gate = HealthGate(hold_seconds=0)
        return ReleaseInput(campaign_id=campaign_id, bc_id=BC, actor=ADMIN, operator=ADMIN, manifest=bundle, gate=gate)


async def found(running: Servers, accounts: int) -> Label:
    """A label whose owners have not been asked yet."""
    handles = [f"artist{number}" for number in range(accounts)]
    await running.seed(centers=[center(BC, members=[ADMIN], ad_accounts=list(AD_ACCOUNTS))], handles=handles)
    await credentials.put(running.db, BC, "Bench", token_of(BC))
    return Label(running, handles)


def _write(folder: Path, sheet: Sheet) -> None:
    write_videos(folder)
    write_csv(folder / "release.csv", sheet.cells())
