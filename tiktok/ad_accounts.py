"""Ad accounts: what state they are in, in which currency they pay, and which places they can reach."""

from collections.abc import Iterable, Sequence
from typing import Final

from tiktok.connection import Call, Caller, Rows, chunks
from tiktok.errors import InvalidRequest
from tiktok.wire import Received

ACCOUNTS_IN_CALL: Final = 100
"""How many ids one call takes is not documented; operators send 100. If it is refused, it is halved."""

PLACES_IN_CALL: Final = 1000


class AdAccount(Received):
    """An ad account.

    Attributes:
        status: See tiktok/statuses.py, `account_status`.
        currency: ISO 4217; decides the least budget and whether it has decimals (sparkads/budgets.py).
        timezone: With the sign of POSIX: `Etc/GMT+8` is eight hours behind UTC.
        display_timezone: The zone to show, and to count budget days in, e.g. `America/Los_Angeles`.
        balance: What is left to spend, in its currency. An account that its Business Center pays for may show 0 and
            deliver.
        ads_only_mode: Whether pushed posts can only be shown in ads.
    """

    advertiser_id: str
    name: str = ""
    status: str = ""
    currency: str = ""
    timezone: str = ""
    display_timezone: str = ""
    country: str = ""
    balance: float | None = None
    owner_bc_id: str | None = None
    rejection_reason: str = ""
    ads_only_mode: bool | None = None


class _PlaceStatus(Received):
    status: str = ""
    reason: str = ""


class _PlaceGeo(Received):
    geo_id: str = ""


class Place(Received):
    """A place that ads can be shown in, or not: `status_info.status` is ENABLED or DISABLED."""

    name: str = ""
    geo: _PlaceGeo = _PlaceGeo()
    status_info: _PlaceStatus = _PlaceStatus()


class AdAccounts:
    """Endpoints under `advertiser/`, and the places that an ad account can reach."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def info(self, advertiser_ids: Iterable[str]) -> Rows[AdAccount]:
        """Several ad accounts, 100 a call, halved if TikTok finds that too many.

        Raises:
            NoPermission: The token does not open one of them: ask for each alone to see which.
            NotFound: One of them does not exist, or is deleted.
        """
        found: Rows[AdAccount] = Rows()
        for ids in chunks(advertiser_ids, ACCOUNTS_IN_CALL):
            found.add(await self._info(ids))
        return found

    async def _info(self, ids: Sequence[str]) -> Rows[AdAccount]:
        try:
            answer = await self._caller.get("advertiser/info/", {"advertiser_ids": ids})
        except InvalidRequest:
            if len(ids) == 1:
                raise
            middle = (len(ids) + 1) // 2
            found = await self._info(ids[:middle])
            found.add(await self._info(ids[middle:]))
            return found
        return answer.rows("list", AdAccount)

    async def places(
        self, advertiser_id: str, location_ids: Iterable[str], *, objective_type: str, promotion_type: str
    ) -> Rows[Place]:
        """What TikTok says of these location ids for an objective."""
        found: Rows[Place] = Rows()
        for ids in chunks(location_ids, PLACES_IN_CALL):
            body = {
                "advertiser_id": advertiser_id,
                "targeting_ids": ids,
                "objective_type": objective_type,
                "promotion_type": promotion_type,
                "placements": ["PLACEMENT_TIKTOK"],
            }
            # Sent by POST, and only read.
            call = Call(verb="POST", path="tool/targeting/info/", write=False, body=body)
            found.add((await self._caller.call(call)).rows("targeting_tag_list", Place))
        return found
