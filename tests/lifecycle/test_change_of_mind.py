"""Owners change their minds, and their accounts: found within one review, or at once if somebody says so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from access_record import authorizations, own_name, share, told, trail

from sparkads import names
from sparkads.contracts.authorization import AdAccountLink
from sparkads.contracts.business_center import AccountLine, LookNow
from sparkads.contracts.notification import NotificationKind
from sparkads.contracts.release import TargetState
from store.database import Pool
from tests.conftest import Label, post_of, until
from tests.publishing.releasing import pull, push, release


async def ready(label: Label, name: str) -> tuple[str, str]:
    """A shared and linked account of its own; returns handle and asset id."""
    handle = own_name(label, name)
    (asset_id,) = await label.authorized(handle)
    await share(label, asset_id, label.operator, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))
    return handle, asset_id


async def line_of(label: Label, asset_id: str) -> AccountLine:
    return next(line for line in await label.accounts() if line.asset_id == asset_id)


async def look(label: Label) -> None:
    await label.spark.look(label.bc_id, LookNow(reported_by="the owner"))


async def test_a_new_handle_is_the_same_account(label: Label, db: Pool) -> None:
    before, asset_id = await ready(label, "before")
    after = own_name(label, "after")
    await label.simulator.post(f"owners/{before}", {"handle": after})

    async def renamed() -> bool:
        return (await line_of(label, asset_id)).handle == after

    await until(renamed, "the new handle")
    line = await line_of(label, asset_id)
    assert (line.members, line.ad_accounts, line.stage) == ((label.operator,), (label.ad_account,), "active")
    assert await authorizations(db, label, asset_id) == ["active"]
    assert await trail(db, label, "renamed") == [("owner", f"account {asset_id}", f"@{before} is now @{after}")]
    assert f"@{before} is now @{after} (account {asset_id})." in await told(label, NotificationKind.ACCOUNT_CHANGED)
    # Asking for the new handle asks nobody: it is authorized.
    answer = await label.request(after)
    assert answer.requests[0].asset_id == asset_id


async def test_a_private_account_waits_for_its_owner_and_comes_back(label: Label, db: Pool) -> None:
    handle, asset_id = await ready(label, "shy")
    await label.simulator.post(f"owners/{handle}", {"is_private": True})
    await look(label)

    async def known() -> bool:
        return "private" in (await line_of(label, asset_id)).problem

    await until(known, "it is private")
    line = await line_of(label, asset_id)
    assert line.waiting_for == "the owner: the account is private; its owner has to make it public"
    await label.simulator.post(f"owners/{handle}", {"is_private": False})
    await look(label)

    async def back() -> bool:
        return (await line_of(label, asset_id)).problem == ""

    await until(back, "it is public again")
    texts = [text for text in await told(label, NotificationKind.ACCOUNT_CHANGED) if handle in text]
    assert ["private" in text for text in texts] == [True, False]
    assert "can be advertised again" in texts[1]
    assert await authorizations(db, label, asset_id) == ["active"]


async def test_a_banned_account_is_told_and_its_rows_are_blocked_by_name(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    handle, asset_id = await ready(label, "banned")
    await label.simulator.post(f"owners/{handle}", {"is_banned": True})
    await look(label)

    async def known() -> bool:
        return "no longer sees a valid binding" in (await line_of(label, asset_id)).problem

    await until(known, "it is banned")
    (text,) = [text for text in await told(label, NotificationKind.ACCOUNT_CHANGED) if handle in text]
    assert text.startswith(f"@{handle} ({asset_id}) in ad account {label.ad_account}: TikTok no longer sees")


async def test_a_narrowed_scope_is_found_and_blocks_what_it_no_longer_allows(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    # R7, R15
    handle, asset_id = await ready(label, "narrow")
    assert (await line_of(label, asset_id)).can_push is True

    # The owner scans again and ticks less: the same account, no new authorization.
    await label.simulator.approve(handle, label.bc_id, videos=False)
    await look(label)

    async def narrowed() -> bool:
        return (await line_of(label, asset_id)).can_push is False

    await until(narrowed, "new videos are not allowed any more")
    assert (await line_of(label, asset_id)).can_pull is True
    (text,) = [text for text in await told(label, NotificationKind.ACCOUNT_CHANGED) if handle in text]
    assert "new videos is no longer allowed" in text
    assert await authorizations(db, label, asset_id) == ["active"]


async def test_a_scope_that_shrinks_before_the_account_is_linked_is_found_too(label: Label, db: Pool) -> None:
    # R7: TikTok lists an account with its uses, linked or not.
    handle = own_name(label, "unlinked")
    await label.seed_accounts(handle)
    await label.request(handle)
    await label.simulator.approve(handle, label.bc_id, live=True)

    async def on_record() -> bool:
        return any(line.handle == handle for line in await label.accounts())

    await until(on_record, "it is on record")
    await label.simulator.approve(handle, label.bc_id, live=False)

    async def found() -> bool:
        return bool(await trail(db, label, "scope changed"))

    await until(found, "the smaller scope")
    ((actor, _, reason),) = await trail(db, label, "scope changed")
    assert (actor, reason) == ("owner", f"the owner of @{handle} no longer allows live")


async def test_a_post_that_is_not_public_any_more_is_told_at_its_rows(label: Label, db: Pool, tmp_path: Path) -> None:
    # R13
    handle, _ = await ready(label, "poster")
    post = post_of(handle)
    run = await release(
        label,
        db,
        tmp_path,
        [pull("later", f"@{handle}", label.ad_account, post, release_at="2030-01-01 00:00:00")],
    )
    await run.row_reaches("later", TargetState.READY)
    made = "SELECT 1 FROM ad_groups WHERE campaign_id = $1 AND adgroup_id IS NOT NULL"
    await until(lambda: db.fetchval(made, run.campaign_id), "the row is prepared")  # its post was looked at before

    await label.simulator.post(f"owners/{handle}", {"post": {"item_id": post, "status": "AUTHOR_ONLY"}})
    await look(label)

    async def reason() -> str:
        rows = await run.rows()
        return rows["later"].reason

    await until(reason, "the row says so")
    assert (await reason()).startswith(f"R13: post {post} is not public: TikTok may refuse it, or make it public")
    assert (await run.rows())["later"].state is TargetState.READY  # said, and no reason to block it
    await label.simulator.post(f"owners/{handle}", {"post": {"item_id": post, "status": "PUBLIC"}})
    await look(label)

    async def fine() -> bool:
        return await reason() == ""

    await until(fine, "the post is public again")
    texts = [text for text in await told(label, NotificationKind.ACCOUNT_CHANGED) if post in text]
    assert len(texts) == 2


async def test_a_revocation_that_no_sweep_has_seen_freezes_at_the_moment_of_use(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    # R5, R15: the key is gone because the authorization is; the row says which of the two it was.
    handle, _ = await ready(label, "gone")
    due = (datetime.now(UTC) + timedelta(seconds=12)).strftime("%Y-%m-%d %H:%M:%S")
    row = push("due", f"@{handle}", label.ad_account, time_zone="Etc/UTC", release_at=due)
    run = await release(label, db, tmp_path, [row])
    await run.row_reaches("due", TargetState.READY)
    await label.spark.temporal.get_workflow_handle(names.business_center_id(label.bc_id)).terminate("nobody sweeps")

    await label.simulator.revoke(handle, label.bc_id)

    done = (await run.finished())["due"]
    assert done.state is TargetState.FROZEN
    assert done.reason == f"R15: TikTok no longer lists @{handle}; its authorization has ended"
    assert await run.ads() == {}
