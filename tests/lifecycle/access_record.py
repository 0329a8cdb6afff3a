"""What the record says of a Business Center: scans, the audit trail, requests, authorizations."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.testing import TimeSkipper, TimeSkippingConfig

from sparkads import names
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import (
    AdAccountLink,
    AuthorizationStage,
    EndAuthorization,
    MemberGrant,
    Share,
    ShareResult,
)
from sparkads.contracts.business_center import ScanOutcome
from sparkads.contracts.notification import AskNotifications, NotificationKind
from store.database import Pool
from tests.conftest import Label, until


async def scans(db: Pool, label: Label) -> list[tuple[str, str]]:
    """`(handle, outcome)` of every scan on record, oldest first."""
    rows = await db.fetch("SELECT handle, outcome FROM scans WHERE bc_id = $1 ORDER BY id", label.bc_id)
    return [(row["handle"], row["outcome"]) for row in rows]


async def scan_kept(db: Pool, label: Label, handle: str | None, outcome: ScanOutcome) -> None:
    async def look() -> bool:
        return (handle, outcome.value) in await scans(db, label)

    await until(look, f"a scan of {handle} kept as {outcome}; kept: {await scans(db, label)}")


async def trail(db: Pool, label: Label, action: str) -> list[tuple[str, str, str]]:
    """`(actor, subject, reason)` of the lines of one kind in the audit trail, oldest first."""
    rows = await db.fetch(
        "SELECT actor, subject, reason FROM audit WHERE bc_id = $1 AND action = $2 ORDER BY seq", label.bc_id, action
    )
    return [tuple(row) for row in rows]


async def request_states(db: Pool, label: Label) -> dict[str, str]:
    """By name, how the newest request of each name stands."""
    rows = await db.fetch("SELECT name, state FROM access_requests WHERE bc_id = $1 ORDER BY opened_at", label.bc_id)
    return {row["name"]: row["state"] for row in rows}


async def request_ends(db: Pool, label: Label, name: str, outcome: RequestOutcome) -> None:
    async def look() -> bool:
        return (await request_states(db, label)).get(name) == outcome

    await until(look, f"request {name} {outcome}")


async def authorizations(db: Pool, label: Label, asset_id: str) -> list[str]:
    """The stages of all authorizations of an account, oldest first."""
    rows = await db.fetch(
        "SELECT stage FROM authorizations WHERE bc_id = $1 AND asset_id = $2 ORDER BY since", label.bc_id, asset_id
    )
    return [row["stage"] for row in rows]


async def authorization_ends(db: Pool, label: Label, asset_id: str, stage: AuthorizationStage) -> None:
    async def look() -> bool:
        return (await authorizations(db, label, asset_id))[-1:] == [stage]

    await until(look, f"account {asset_id} {stage}")


async def slots_used(label: Label) -> int:
    status = await label.spark.business_center_status(label.bc_id)
    return status.held + status.pending


async def slots_become(label: Label, used: int) -> None:
    async def look() -> bool:
        return await slots_used(label) == used

    await until(look, f"{used} slots used")


async def held_at_tiktok(label: Label) -> list[str]:
    """The asset ids of accounts that TikTok itself has in the Business Center."""
    world = await label.simulator.get("state")
    (center,) = [one for one in world["business_centers"] if one["bc_id"] == label.bc_id]
    return [account["asset_id"] for account in center["accounts"]]


async def roles_at_tiktok(label: Label, asset_id: str) -> dict[str, list[str]]:
    """By member, what TikTok itself lets them do on an account."""
    world = await label.simulator.get("state")
    return {
        grant["user_id"]: grant["tt_account_roles"]
        for grant in world["member_grants"]
        if (grant["bc_id"], grant["asset_id"]) == (label.bc_id, asset_id)
    }


async def share(label: Label, asset_id: str, *members: str, ad_accounts: tuple[AdAccountLink, ...] = ()) -> ShareResult:
    command = Share(
        actor=label.admin, members=tuple(MemberGrant(user_id=member) for member in members), ad_accounts=ad_accounts
    )
    return await label.spark.share(label.bc_id, asset_id, command)


async def end(label: Label, asset_id: str, *, actor: str | None = None, reason: str = "") -> None:
    command = EndAuthorization(actor=actor or label.admin, reason=reason)
    await label.spark.end_authorization(label.bc_id, asset_id, command)


async def change_member(label: Label, user_id: str, **change: object) -> None:
    await label.simulator.post(f"members/{user_id}", {"bc_id": label.bc_id, **change})


async def skip(label: Label, workflow_id: str, duration: timedelta) -> None:
    """Let a workflow's own clock run ahead, to its end at most; its activities stay real."""
    skipper = TimeSkipper(label.spark.temporal, config=TimeSkippingConfig(enabled=False))
    await skipper.fast_forward(label.spark.temporal.get_workflow_handle(workflow_id), duration)


def request_id(label: Label, name: str) -> str:
    return names.access_request_id(label.bc_id, name)


async def settled(condition: Callable[[], Awaitable[bool]], label: Label) -> None:
    """Two further sweeps have passed, and the condition holds still."""
    for _ in range(2):
        before = (await label.spark.business_center_status(label.bc_id)).last_sweep

        async def swept(before: object = before) -> bool:
            return (await label.spark.business_center_status(label.bc_id)).last_sweep != before

        await until(swept, "a further sweep")
    assert await condition()


async def by_hand(label: Label, path: str, **body: object) -> None:
    """What somebody does in Business Center themselves: a call to TikTok that we know nothing of."""
    token = f"token-{int(label.bc_id[2:])}"
    url = f"{label.simulator.url}/open_api/v1.3/bc/asset/{path}/"
    payload = {"bc_id": label.bc_id, "asset_type": "TT_ACCOUNT", **body}
    async with label.simulator.http.post(url, json=payload, headers={"Access-Token": token}) as answer:
        told = await answer.json()
        assert told["code"] == 0, told


async def told(label: Label, kind: NotificationKind) -> list[str]:
    """The texts of the notifications of a kind, oldest first."""
    ask = AskNotifications(actor=label.admin, kinds=(kind,))
    return [one.text for one in (await label.spark.notifications(label.bc_id, ask)).notifications]


def own_name(label: Label, name: str) -> str:
    """A handle that no other test has: accounts belong to their owners, not to a Business Center."""
    return f"{name}{label.bc_id[-5:]}"
