"""What people see, with programs that are not ours: zbar reads the QR code, Chromium opens the pages."""

import os
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from activities.report_content import ReleaseReport
from activities.report_page import as_html
from sparkads.contracts.release import TargetState
from sparkads.scopes import NewVideos, Scope
from store.releases import ReportRow
from store.reports import AccountStages
from tests.conftest import Label, run_command

_PHONE = "--window-size=390,844"


async def _dom(address: str, profile: Path) -> str:
    """The page as Chromium has built it, at the width of a phone."""
    ran = await run_command(
        "chromium",
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        f"--user-data-dir={profile}",
        _PHONE,
        "--virtual-time-budget=5000",
        "--dump-dom",
        address,
    )
    assert ran.code == 0, ran.err
    return ran.out


async def test_a_phone_reads_the_code_and_opens_the_consent_page(
    label: Label, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # R7, R8: one code, and the page that it opens says who asks for what.
    await label.seed_accounts("kiri")
    answer = await label.request("kiri", scope=Scope(existing_posts=True, new_videos=NewVideos.ADS_ONLY))
    picture = tmp_path / "qr.png"
    picture.write_bytes(await label.spark.files.get(answer.qr.png))

    read = await run_command("zbarimg", "--quiet", "--raw", str(picture))

    url = (await label.spark.files.get(answer.qr.url)).decode()
    assert read.out.strip() == url
    async with http.get(url) as page:
        assert page.status == 200
    dom = await _dom(f"{url}?as=kiri", tmp_path / "profile")
    for shown in ("asks for", "@kiri", "Use existing posts", "Publish new videos", "Approve", "Decline"):
        assert shown in dom
    assert 'name="viewport"' in dom


async def test_chromium_shows_a_report_from_its_one_file(tmp_path: Path) -> None:
    moment = datetime(2027, 1, 15, tzinfo=UTC)
    row = ReportRow(
        row_number=1,
        row_id="row-1",
        mode="push",
        handle="kiri",
        advertiser_id="71",
        territory="NZ",
        time_zone="Pacific/Auckland",
        state=TargetState.BLOCKED,
        reason="R1: @kiri has not authorized the Business Center",
        wave=1,
        due_at=moment,
        submitted_at=None,
        confirmed_at=None,
        ad_id=None,
        item_id=None,
    )
    report = ReleaseReport(
        campaign_id="spring",
        business_center="Label",
        started_by="61",
        operator="62",
        started_at=moment,
        written_at=moment,
        counts={TargetState.BLOCKED: 1},
        rows=(row,),
        accounts=(
            AccountStages(
                handle="kiri",
                name=None,
                requested_at=None,
                request_state=None,
                answered_at=None,
                approved_at=None,
                ended_at=None,
                members=0,
                linked={},
                ad_accounts=1,
            ),
        ),
        approved=True,
        plan_hash=None,
        approvals=(),
        calls=(),
        names={},
        trail=(),
    )
    page = tmp_path / "report.html"
    page.write_text(as_html(report))

    dom = await _dom(page.as_uri(), tmp_path / "profile")

    for shown in ("spring", "row-1", "<svg", "R1: @kiri has not authorized"):
        assert shown in dom
