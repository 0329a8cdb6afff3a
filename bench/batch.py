"""
The work itself, the same for all who do without the engine: batches of 20, an intent in Postgres for each target.

Needs Postgres and the client of TikTok alone, since DBOS and Celery run in a virtual environment of their own. What
drives these steps, and what is known after a crash, is each competitor's.
"""

import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from tiktok import PushCreative, TikTok, TikTokClient

BATCH = 20
"""Creatives that one ad/create call takes."""

LOOK_AGAIN = 1.0
"""Seconds between two looks at a review."""


@dataclass(frozen=True)
class Group:
    """An ad group with everything that its ads need."""

    advertiser_id: str
    adgroup_id: str
    video_id: str
    cover_id: str
    identity_ids: list[str]
    targets: int


@dataclass(frozen=True)
class Batch:
    """A part of an ad group: `size` targets from number `first` on. Small, since it travels through queues."""

    group: int
    first: int
    size: int


@dataclass(frozen=True)
class Work:
    """What a competitor is given, as a file."""

    table: str
    bc_id: str
    base_url: str
    token: str
    database_url: str
    dbos_url: str
    broker_url: str
    in_flight: int
    groups: list[Group]

    @classmethod
    def read(cls, path: str) -> "Work":
        """Of a file made by `write`."""
        parts = json.loads(Path(path).read_text())
        return cls(**parts | {"groups": [Group(**group) for group in parts["groups"]]})

    def write(self, path: Path) -> None:
        """For the competitor's process."""
        path.write_text(json.dumps(asdict(self)))

    @property
    def advertisers(self) -> list[str]:
        """The ad accounts."""
        return list(dict.fromkeys(group.advertiser_id for group in self.groups))

    @property
    def targets(self) -> int:
        """How many ads are to be made."""
        return sum(group.targets for group in self.groups)

    def batches(self) -> list[Batch]:
        """All batches, ad accounts in turn."""
        by_advertiser = {
            advertiser: [
                Batch(number, first, min(BATCH, group.targets - first))
                for number, group in enumerate(self.groups)
                if group.advertiser_id == advertiser
                for first in range(0, group.targets, BATCH)
            ]
            for advertiser in self.advertisers
        }
        rounds = range(max(map(len, by_advertiser.values())))
        return [batches[number] for number in rounds for batches in by_advertiser.values() if number < len(batches)]


class Publisher:
    """The steps of a batch: `intend`, `call`, `record`; and of an ad account, afterwards: `reviewed`."""

    def __init__(self, work: Work, db: "asyncpg.Pool[asyncpg.Record]", client: TikTokClient) -> None:
        self._work = work
        self._db = db
        self._client = client

    async def intend(self, batch: Batch) -> list[str]:
        """Write an intent for each target; returns their tokens."""
        tokens = [secrets.token_hex(8) for _ in range(batch.size)]
        await self._db.execute(
            f"INSERT INTO {self._work.table} SELECT token, $2, $3, 'called' FROM unnest($1::text[]) AS token",
            tokens,
            batch.group,
            batch.first,
        )
        return tokens

    async def call(self, batch: Batch, tokens: list[str]) -> dict[str, str]:
        """Make the ads; returns their ids by token."""
        group = self._work.groups[batch.group]
        created = await self._client.ads.create_ads(
            group.advertiser_id,
            group.adgroup_id,
            [
                PushCreative(
                    ad_name=f"{batch.first + number} {token}",
                    identity_id=group.identity_ids[(batch.first + number) % len(group.identity_ids)],
                    identity_authorized_bc_id=self._work.bc_id,
                    video_id=group.video_id,
                    image_ids=(group.cover_id,),
                    ad_text="Out now",
                    dark_post_status="ON",
                    call_to_action="LISTEN_NOW",
                    landing_page_url="https://example.com/song",
                )
                for number, token in enumerate(tokens)
            ],
        )
        return {ad.ad_name.split(" ")[1]: ad.ad_id for ad in created.ads}

    async def record(self, made: dict[str, str]) -> None:
        """Write down which ads exist."""
        await self._db.execute(
            f"""UPDATE {self._work.table} AS intents SET state = 'published', ad_id = made.ad_id
                FROM unnest($1::text[], $2::text[]) AS made (token, ad_id) WHERE intents.token = made.token""",
            list(made),
            list(made.values()),
        )

    async def reviewed(self, advertiser_id: str) -> bool:
        """Read the review of an ad account's ads and write it down; whether it is over, for all of them."""
        groups = [group.adgroup_id for group in self._work.groups if group.advertiser_id == advertiser_id]
        ads = await self._client.ads.ads(advertiser_id, adgroup_ids=groups)
        posted = [ad for ad in ads if ad.tiktok_item_id is not None]
        await self._db.execute(
            f"""UPDATE {self._work.table} AS intents SET state = 'confirmed', item_id = posted.item_id
                FROM unnest($1::text[], $2::text[]) AS posted (token, item_id) WHERE intents.token = posted.token""",
            [ad.ad_name.split(" ")[1] for ad in posted],
            [ad.tiktok_item_id for ad in posted],
        )
        return len(posted) == len(ads)

    async def recorded(self, *states: str) -> int:
        """How many targets are on record in one of these states."""
        found: int = await self._db.fetchval(f"SELECT count(*) FROM {self._work.table} WHERE state = ANY($1)", states)
        return found


@asynccontextmanager
async def publisher(work: Work) -> AsyncIterator[Publisher]:
    """Connections for as long as the context lasts."""
    async with (
        asyncpg.create_pool(work.database_url, min_size=1, max_size=work.in_flight) as db,
        TikTok(work.base_url, limiter=None) as tiktok,
    ):
        yield Publisher(work, db, tiktok.client(SecretStr(work.token)))


def say(**what: Any) -> None:
    """Tell whoever measures: a line of JSON."""
    print(json.dumps(what), flush=True)


def wait_for_word() -> None:
    """Until whoever measures has read the clocks."""
    sys.stdin.readline()
