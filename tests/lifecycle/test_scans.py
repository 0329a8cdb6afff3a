"""R9: every scan has a recorded outcome, and none is lost."""

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from access_record import (
    authorizations,
    request_ends,
    request_id,
    request_states,
    scan_kept,
    scans,
    settled,
    share,
    skip,
    trail,
)

from sparkads import names
from sparkads.contracts.access_request import RequestOutcome
from sparkads.contracts.authorization import AdAccountLink, PairOutcome
from sparkads.contracts.business_center import (
    AskCode,
    CancelRequest,
    Decision,
    ListScans,
    RequestAccessResult,
    ScanOutcome,
    ScanReport,
)
from sparkads.errors import AdminOnly
from sparkads.scopes import NewVideos, Scope
from store.database import Pool
from tests.conftest import Label, until


async def consent(
    http: aiohttp.ClientSession, label: Label, answer: RequestAccessResult, handle: str, **form: str
) -> str:
    """The owner opens the code's page and sends its form; returns the page that comes back."""
    url = (await label.spark.files.get(answer.qr.url)).decode()
    fields = {"handle": handle, "app_version": "current", "decision": "approve", "posts": "on", "videos": "on"} | form
    async with http.post(url, data=fields) as page:
        return await page.text()


async def test_a_scan_is_accepted_over_the_consent_page(label: Label, db: Pool, http: aiohttp.ClientSession) -> None:
    # R9, R1: nothing but the owner's own approval authorizes an account.
    await label.seed_accounts("kiri")
    answer = await label.request("kiri")
    assert await label.accounts() == ()

    assert "Access approved" in await consent(http, label, answer, "kiri")

    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    assert await scans(db, label) == [("kiri", ScanOutcome.ACCEPTED)]
    (line,) = await label.accounts()
    assert (line.handle, line.stage) == ("kiri", "active")
    assert await trail(db, label, "authorized") == [("owner of @kiri", f"account {line.asset_id}", "scan accepted")]


async def test_reports_and_the_sweep_make_one_authorization(label: Label, db: Pool) -> None:
    # R9: a duplicate is recorded and changes nothing.
    await label.seed_accounts("kiri")
    await label.request("kiri")
    report = ScanReport(handle="kiri", reported_by="the label")
    asset_id = await label.simulator.approve("kiri", label.bc_id)
    await asyncio.gather(*(label.spark.report_scan(label.bc_id, report) for _ in range(5)))
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    await label.simulator.approve("kiri", label.bc_id)

    await label.spark.report_scan(label.bc_id, report)

    await scan_kept(db, label, "kiri", ScanOutcome.DUPLICATE)
    assert await authorizations(db, label, asset_id) == ["active"]
    kept = await scans(db, label)
    assert kept.count(("kiri", ScanOutcome.ACCEPTED)) == 1
    assert set(kept) == {("kiri", ScanOutcome.ACCEPTED), ("kiri", ScanOutcome.DUPLICATE)}


async def test_a_hundred_scans_at_once_are_all_kept(label: Label, db: Pool) -> None:
    # R9: none is lost.
    await label.request("kiri")

    await asyncio.gather(
        *(label.spark.report_scan(label.bc_id, ScanReport(handle=f"artist{number}")) for number in range(100))
    )

    async def all_kept() -> bool:
        return len(await scans(db, label)) == 100

    await until(all_kept, "all scans kept")
    assert set(await scans(db, label)) == {(f"artist{number}", ScanOutcome.UNVERIFIED) for number in range(100)}


async def test_a_report_that_tiktok_does_not_confirm_is_unverified(label: Label, db: Pool) -> None:
    # R9, domain decision 5: a report is verified before it counts.
    await label.seed_accounts("kiri")
    await label.request("kiri")

    await label.spark.report_scan(label.bc_id, ScanReport(handle="kiri", reported_by="a hopeful manager"))

    await scan_kept(db, label, "kiri", ScanOutcome.UNVERIFIED)
    assert await request_states(db, label) == {"kiri": "pending"}
    assert await label.accounts() == ()


async def test_a_report_to_the_request_itself_is_verified_too(label: Label, db: Pool) -> None:
    # R9
    await label.seed_accounts("kiri")
    await label.request("kiri")
    request = label.spark.temporal.get_workflow_handle(request_id(label, "kiri"))

    await request.signal(names.SCAN, ScanReport(handle="kiri"))

    await scan_kept(db, label, "kiri", ScanOutcome.UNVERIFIED)
    assert (await label.spark.request_status(label.bc_id, "kiri")).outcome is RequestOutcome.PENDING


async def test_scans_that_come_with_the_answer_are_kept(label: Label, db: Pool) -> None:
    # R9: the request is over with the first of them; the others are not lost with it.
    await label.request("kiri")
    request = label.spark.temporal.get_workflow_handle(request_id(label, "kiri"))
    reports = [
        ScanReport(handle="kiri", decision=Decision.DECLINED, reported_by=label.admin),
        ScanReport(handle="kiri", decision=Decision.DECLINED, reported_by=label.standard),
        ScanReport(handle="kiri", reported_by="the label"),
    ]

    await asyncio.gather(*(request.signal(names.SCAN, report) for report in reports))

    await request_ends(db, label, "kiri", RequestOutcome.DECLINED)

    async def all_kept() -> bool:
        return len(await scans(db, label)) >= 3

    await until(all_kept, "all scans kept")
    assert sorted(outcome for _, outcome in await scans(db, label)) == ["declined", "declined", "unverified"]


async def test_a_declined_scan_ends_the_request_with_its_reason(
    label: Label, db: Pool, http: aiohttp.ClientSession
) -> None:
    # R9: a refusal leaves no trace at TikTok, so it is reported.
    await label.seed_accounts("kiri")
    answer = await label.request("kiri")
    assert "Request declined" in await consent(http, label, answer, "kiri", decision="decline")

    await label.spark.report_scan(
        label.bc_id,
        ScanReport(handle="@Kiri", decision=Decision.DECLINED, reported_by=label.standard, reason="not my label"),
    )

    await request_ends(db, label, "kiri", RequestOutcome.DECLINED)
    assert await scans(db, label) == [("kiri", ScanOutcome.DECLINED)]
    assert await trail(db, label, "request declined") == [(label.standard, "kiri", "not my label")]


async def test_a_refusal_that_no_member_reports_is_kept_and_does_not_count(label: Label, db: Pool) -> None:
    # R9: it leaves no trace at TikTok, so it counts for as much as who says it.
    await label.request("kiri")
    answer = await label.request()
    invitation = answer.requests[0].name

    await label.spark.report_scan(
        label.bc_id, ScanReport(handle="kiri", decision=Decision.DECLINED, reported_by="6999")
    )
    await scan_kept(db, label, "kiri", ScanOutcome.UNVERIFIED)
    # Who declines an open invitation speaks for themselves: others have the code as well.
    await label.spark.report_scan(
        label.bc_id, ScanReport(decision=Decision.DECLINED, reported_by=label.standard, reason="wrong number")
    )
    await scan_kept(db, label, None, ScanOutcome.DECLINED)

    assert await request_states(db, label) == {"kiri": "pending", invitation: "pending"}
    assert [line[0] for line in await trail(db, label, "refused")] == ["6999"]


async def test_a_code_that_tiktok_stopped_honouring_is_made_anew_and_nobody_is_lost(label: Label, db: Pool) -> None:
    # R8, R9: who is under way with the old code is found whichever code brought them.
    await label.seed_accounts("kiri", "moana")
    old = (await label.request("kiri", "moana")).qr

    await label.spark.report_scan(
        label.bc_id, ScanReport(handle="kiri", decision=Decision.EXPIRED_CODE, reported_by=label.standard)
    )
    await scan_kept(db, label, "kiri", ScanOutcome.EXPIRED_CODE)

    scope = Scope(existing_posts=True, new_videos=NewVideos.ON_PROFILE)
    new = await label.spark.qr_code(label.bc_id, AskCode(actor=label.admin, scope=scope))
    assert new.url != old.url
    assert await label.spark.qr_code(label.bc_id, AskCode(actor=label.admin, scope=scope)) == new
    renewed = await label.spark.qr_code(label.bc_id, AskCode(actor=label.admin, scope=scope, renew=True))
    assert renewed.url not in {old.url, new.url}
    with pytest.raises(AdminOnly, match="R2"):
        await label.spark.qr_code(label.bc_id, AskCode(actor=label.standard, scope=scope, renew=True))
    assert await request_states(db, label) == {"kiri": "pending", "moana": "pending"}
    for code, handle in ((old, "moana"), (renewed, "kiri")):
        url = (await label.spark.files.get(code.url)).decode()
        await label.simulator.post(f"owners/{handle}/approve", {"url": url})
        await request_ends(db, label, handle, RequestOutcome.APPROVED)


async def test_admins_see_what_became_of_every_scan(label: Label, db: Pool) -> None:
    # R9: a place where a person sees it.
    await label.seed_accounts("kiri")
    await label.request("kiri", "moana")
    asset_id = await label.simulator.approve("kiri", label.bc_id)
    await scan_kept(db, label, "kiri", ScanOutcome.ACCEPTED)
    await label.spark.report_scan(
        label.bc_id, ScanReport(handle="moana", decision=Decision.OUTDATED_APP, reported_by=label.standard)
    )
    await scan_kept(db, label, "moana", ScanOutcome.OUTDATED_APP)

    listed = (await label.spark.list_scans(label.bc_id, ListScans(actor=label.admin))).scans

    assert [(scan.handle, scan.asset_id, scan.request_name, scan.outcome) for scan in listed] == [
        ("kiri", asset_id, "kiri", ScanOutcome.ACCEPTED),
        ("moana", "", "moana", ScanOutcome.OUTDATED_APP),
    ]
    with pytest.raises(AdminOnly):
        await label.spark.list_scans(label.bc_id, ListScans(actor=label.standard))


async def test_an_outdated_app_grants_nothing_and_the_request_goes_on(
    label: Label, db: Pool, http: aiohttp.ClientSession
) -> None:
    # R9
    await label.seed_accounts("kiri")
    answer = await label.request("kiri")
    assert "Update your app" in await consent(http, label, answer, "kiri", app_version="outdated")

    await label.spark.report_scan(
        label.bc_id, ScanReport(handle="kiri", decision=Decision.OUTDATED_APP, reported_by=label.standard)
    )

    await scan_kept(db, label, "kiri", ScanOutcome.OUTDATED_APP)
    assert await request_states(db, label) == {"kiri": "pending"}
    await consent(http, label, answer, "kiri")
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)


async def test_a_scan_after_the_deadline_is_late_and_the_consent_still_counts(label: Label, db: Pool) -> None:
    # R9
    await label.seed_accounts("kiri")
    await label.request("kiri", deadline=datetime.now(UTC) + timedelta(days=7))
    await until(lambda: request_states(db, label), "the request on record")
    await skip(label, request_id(label, "kiri"), timedelta(days=8))
    await request_ends(db, label, "kiri", RequestOutcome.TIMED_OUT)

    asset_id = await label.simulator.approve("kiri", label.bc_id)

    await scan_kept(db, label, "kiri", ScanOutcome.LATE)
    assert await request_states(db, label) == {"kiri": "timed_out"}
    assert await authorizations(db, label, asset_id) == ["active"]


async def test_a_scan_after_the_request_was_taken_back_is_recorded_as_such(label: Label, db: Pool) -> None:
    # R9
    await label.seed_accounts("kiri")
    await label.request("kiri")
    await label.spark.cancel_request(label.bc_id, CancelRequest(name="kiri", actor=label.admin))
    await request_ends(db, label, "kiri", RequestOutcome.CANCELLED)

    await label.simulator.approve("kiri", label.bc_id)

    await scan_kept(db, label, "kiri", ScanOutcome.AFTER_CANCEL)
    assert await request_states(db, label) == {"kiri": "cancelled"}


async def test_another_account_than_the_expected_one_leaves_the_request_open(label: Label, db: Pool) -> None:
    # R9: the owner was logged in to another account.
    await label.seed_accounts("kiri", "kiri.private")
    await label.request("kiri")

    await label.simulator.approve("kiri.private", label.bc_id)

    await scan_kept(db, label, "kiri.private", ScanOutcome.UNEXPECTED_ACCOUNT)
    assert await request_states(db, label) == {"kiri": "pending"}
    await label.simulator.approve("kiri", label.bc_id)
    await request_ends(db, label, "kiri", RequestOutcome.APPROVED)


async def test_a_report_about_another_account_does_not_answer_the_request(label: Label, db: Pool) -> None:
    # R9
    await label.request("kiri")
    request = label.spark.temporal.get_workflow_handle(request_id(label, "kiri"))

    await request.signal(names.SCAN, ScanReport(handle="moana", decision=Decision.DECLINED))

    await scan_kept(db, label, "moana", ScanOutcome.UNEXPECTED_ACCOUNT)
    status = await label.spark.request_status(label.bc_id, "kiri")
    assert (status.outcome, status.last_scan) == (RequestOutcome.PENDING, "unexpected_account")


async def test_a_display_name_that_looks_like_the_handle_answers_nothing(label: Label, db: Pool) -> None:
    # R9: anyone may call themselves anything.
    impostor = f"impostor{label.bc_id[-4:]}"
    await label.seed_accounts(impostor, display_name="Kiri")
    await label.request("kiri")

    await label.simulator.approve(impostor, label.bc_id)

    await scan_kept(db, label, impostor, ScanOutcome.UNEXPECTED_ACCOUNT)
    assert await scans(db, label) == [(impostor, ScanOutcome.UNEXPECTED_ACCOUNT)]
    assert await request_states(db, label) == {"kiri": "pending"}


async def test_a_scan_that_grants_less_than_was_asked_for_is_recorded_when_it_shows(label: Label, db: Pool) -> None:
    # R9, R7: TikTok shows what was granted on the identity of a linked account.
    await label.seed_accounts("kiri", "moana")
    await label.request("kiri", scope=Scope(new_videos=NewVideos.ON_PROFILE))
    await label.request("moana", scope=Scope(new_videos=NewVideos.ADS_ONLY))
    short = await label.simulator.approve("kiri", label.bc_id, videos=False)
    enough = await label.simulator.approve("moana", label.bc_id, ads_only=True)
    for handle in ("kiri", "moana"):
        await request_ends(db, label, handle, RequestOutcome.APPROVED)
    link = (AdAccountLink(advertiser_id=label.ad_account),)

    for asset_id in (short, short, enough):
        answer = await share(label, asset_id, ad_accounts=link)
        assert not [pair for pair in answer.pairs if pair.outcome is PairOutcome.REFUSED]

    assert [scan for scan in await scans(db, label) if scan[1] != ScanOutcome.ACCEPTED] == [
        ("kiri", ScanOutcome.SHORT_OF_SCOPE)
    ]
    lines = {line.handle: line for line in await label.accounts()}
    assert (lines["kiri"].can_push, lines["kiri"].can_pull) == (False, True)
    assert (lines["moana"].can_push, lines["moana"].ads_only) == (True, True)


async def test_where_tiktok_shows_no_handle_the_name_tells_who_scanned(label: Label, db: Pool) -> None:
    # R9: TikTok does not promise a handle in its list.
    handle = f"nameless{label.bc_id[-4:]}"
    await label.seed_accounts(handle, display_name=f"@{handle}")
    await label.request(handle)
    await label.simulator.post("config", {"show_handles": False})
    try:
        await label.simulator.approve(handle, label.bc_id)
        await request_ends(db, label, handle, RequestOutcome.APPROVED)
    finally:
        await label.simulator.post("config", {"show_handles": True})


async def test_a_request_is_answered_when_the_handle_shows_only_later(label: Label, db: Pool) -> None:
    # R9: the account is authorized before anyone can tell whose it is.
    handle = f"hidden{label.bc_id[-4:]}"
    await label.seed_accounts(handle, display_name="No name")
    await label.request(handle)
    await label.simulator.post("config", {"show_handles": False})
    try:
        asset_id = await label.simulator.approve(handle, label.bc_id)
        await until(lambda: authorizations(db, label, asset_id), "the account is on record")
        assert await request_states(db, label) == {handle: "pending"}
    finally:
        await label.simulator.post("config", {"show_handles": True})

    await request_ends(db, label, handle, RequestOutcome.APPROVED)


async def test_a_request_for_an_account_that_is_held_already_is_answered(label: Label, db: Pool) -> None:
    # R9: approved before the very first command of the Business Center.
    await label.seed_accounts("kiri")
    asset_id = await label.simulator.approve("kiri", label.bc_id)

    answer = await label.request("kiri")

    if answer.requests[0].asset_id is None:
        await request_ends(db, label, "kiri", RequestOutcome.APPROVED)
    await until(lambda: authorizations(db, label, asset_id), "the account is on record")

    async def one() -> bool:
        return await authorizations(db, label, asset_id) == ["active"]

    await settled(one, label)
    assert len(await scans(db, label)) == 1
