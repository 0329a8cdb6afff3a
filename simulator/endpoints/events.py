"""What happened in a Business Center, and who is told of it: the change log, and subscriptions."""

from typing import Any, Literal

from pydantic import Field

from simulator.endpoints.paging import paged
from simulator.fields import Filter, Id, Page50, Query, page_info
from simulator.routes import Call, Data, Routes
from simulator.stamps import spaced

routes = Routes()


class ChangeFilter(Filter):
    """Filtering of the change log; dates are UTC."""

    start_date: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d$")
    end_date: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d$")
    activity_type: Literal["ALL", "USER", "ACCOUNT", "ASSET", "BUSINESS"] = "ALL"


class ChangelogGet(Page50):
    """GET /changelog/get/."""

    bc_id: Id
    filtering: ChangeFilter = ChangeFilter()


@routes.get("/changelog/get/", ChangelogGet)
def changelog(call: Call, query: ChangelogGet) -> Data:
    """TikTok accounts that joined, newest first; whether TikTok logs them is not documented."""
    center = call.session.administered(query.bc_id)
    wanted = query.filtering
    rows: list[dict[str, Any]] = [
        {
            "time": spaced(one.listed_at),
            "activity_type": "ASSET",
            "operator_id": "",
            "activity_log": f"TikTok account {one.account.display_name} was added",
        }
        for one in reversed(center.held.values())
        if one.listed_at is not None and wanted.activity_type in {"ALL", "ASSET"}
    ]
    rows = [row for row in rows if (wanted.start_date or "") <= row["time"][:10] <= (wanted.end_date or "9999-12-31")]
    return paged(rows, query.page, query.page_size, lambda row: row, key="changelog_list")


class SubscriptionGet(Query):
    """GET /subscription/get/."""

    app_id: Id
    secret: str
    subscribe_entity: str | None = None
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=10, ge=1, le=1000)


@routes.get("/subscription/get/", SubscriptionGet)
def subscriptions(_: Call, query: SubscriptionGet) -> Data:
    """Nobody has subscribed to anything."""
    return {"subscriptions": [], "page_info": page_info(query.page, query.page_size, 0)}
