"""Ad accounts: who they are, in which state, and what money they have."""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.endpoints.row_fields import check_fields
from simulator.entities import AdAccount
from simulator.envelope import parameter_error
from simulator.fields import Filter, Id, Page50, Query
from simulator.partners import usable
from simulator.routes import Call, Data, Routes

routes = Routes()

MOST_ADVERTISERS: Final = 100
"""Ad accounts in one call; the page names no number, callers use this."""

INFO_FIELDS: Final = frozenset(
    """
    advertiser_id owner_bc_id status role rejection_reason name timezone display_timezone company
    company_name_editable industry address country advertiser_account_type currency contacter email cellphone_number
    telephone_number language license_no license_url license_province license_city description balance create_time
    promotion_area promotion_center_province promotion_center_city brand ads_only_mode can_use_custom_identity
    """.split()
)

SHOWN_AS: Final = {
    "STATUS_ENABLE": "SHOW_ACCOUNT_STATUS_APPROVED",
    "STATUS_CONFIRM_FAIL": "SHOW_ACCOUNT_STATUS_NOT_APPROVED",
    "STATUS_CONFIRM_FAIL_END": "SHOW_ACCOUNT_STATUS_NOT_APPROVED",
    "STATUS_CONFIRM_MODIFY_FAIL": "SHOW_ACCOUNT_STATUS_NOT_APPROVED",
    "STATUS_LIMIT": "SHOW_ACCOUNT_STATUS_PUNISHED",
    "STATUS_DISABLE": "SHOW_ACCOUNT_STATUS_PUNISHED",
}
"""Status as people see it; any other is in review."""


def shown_status(advertiser: AdAccount) -> str:
    """What Business Center shows for the status of an ad account."""
    return SHOWN_AS.get(advertiser.status, "SHOW_ACCOUNT_STATUS_IN_REVIEW")


def posix_zone(name: str, at: float) -> str:
    """A zone as its offset with the sign of POSIX, summer time aside: America/Los_Angeles is Etc/GMT+8.

    One whose offset is no whole number of hours keeps its name.
    """
    moment = datetime.fromtimestamp(at, ZoneInfo(name))
    offset = (moment.utcoffset() or timedelta()) - (moment.dst() or timedelta())
    hours = offset / timedelta(hours=1)
    if not hours.is_integer():
        return name
    return f"Etc/GMT{-hours:+.0f}" if hours else "Etc/GMT"


class AdvertiserInfo(Query):
    """GET /advertiser/info/."""

    advertiser_ids: list[Id] = Field(min_length=1, max_length=MOST_ADVERTISERS)
    fields: list[str] | None = None


@routes.get("/advertiser/info/", AdvertiserInfo)
def advertiser_info(call: Call, query: AdvertiserInfo) -> Data:
    """Details of ad accounts; nulls are kept. One that cannot be shown refuses them all."""
    check_fields(query.fields, INFO_FIELDS)
    if query.fields is not None and "company_name_editable" in query.fields and len(query.fields) > 1:
        raise parameter_error("Invalid value of 'fields': company_name_editable can only be asked for alone")
    rows = [_info(call, call.advertiser(key)) for key in query.advertiser_ids]
    if query.fields is not None:
        kept = {*query.fields, "advertiser_id", "advertiser_account_type"}
        rows = [{name: value for name, value in row.items() if name in kept} for row in rows]
    return {"list": rows}


def _info(call: Call, advertiser: AdAccount) -> dict[str, Any]:
    owner = call.world.centers[advertiser.bc_id]
    is_owners = advertiser.bc_id in call.session.bc_ids
    actor = call.session.actor(owner) if is_owners else None
    return dict.fromkeys(INFO_FIELDS - {"company_name_editable"}) | {
        "advertiser_id": advertiser.advertiser_id,
        "name": advertiser.name,
        "status": advertiser.status,
        "role": "ROLE_ADVERTISER",
        "company": owner.name,
        "currency": advertiser.currency,
        "timezone": posix_zone(advertiser.timezone, call.now),
        "display_timezone": advertiser.timezone,
        "country": advertiser.country,
        "balance": advertiser.balance,
        "owner_bc_id": advertiser.bc_id if actor is not None and actor.user_role == "ADMIN" else None,
        "rejection_reason": "",
        "language": "en",
        "advertiser_account_type": "AUCTION",
        "ads_only_mode": advertiser.ads_only_mode,
        "can_use_custom_identity": False,
        "create_time": int(advertiser.created_at),
    }


class BalanceFilter(Filter):
    """Filtering of balances."""

    keyword: str | None = None
    advertiser_status: list[str] | None = None


class BalanceGet(Page50):
    """GET /advertiser/balance/get/."""

    bc_id: Id
    child_bc_id: Id | None = None
    fields: list[str] | None = None
    filtering: BalanceFilter = BalanceFilter()


@routes.get("/advertiser/balance/get/", BalanceGet)
def advertiser_balance(call: Call, query: BalanceGet) -> Data:
    """What the ad accounts of a Business Center have left, owned or shared in."""
    center = call.session.administered(query.bc_id)
    keyword = (query.filtering.keyword or "").casefold()
    wanted = query.filtering.advertiser_status
    rows = [
        one
        for one in usable(call.world, center)
        if keyword in f"{one.name}\n{one.advertiser_id}".casefold() and (wanted is None or shown_status(one) in wanted)
    ]

    def row(advertiser: AdAccount) -> dict[str, Any]:
        return {
            "advertiser_id": advertiser.advertiser_id,
            "advertiser_name": advertiser.name,
            "advertiser_status": shown_status(advertiser),
            "advertiser_type": "AUCTION",
            "company": call.world.centers[advertiser.bc_id].name,
            "currency": advertiser.currency,
            "timezone": advertiser.timezone,
            "account_balance": advertiser.balance,
            "valid_account_balance": advertiser.balance,
            "frozen_balance": 0.0,
            "budget_mode": "UNLIMITED",
            "budget": None,
            "budget_remaining": None,
            "balance_reminder": False,
            "payment_portfolio_id": None,
            "create_time": int(advertiser.created_at),
        }

    data = paged(rows, query.page, query.page_size, row, key="advertiser_account_list")
    if len(rows) == 1:
        data["advertiser_account_list"][0]["transferable_amount"] = rows[0].balance
    return data
