"""The review's look at posts, as TikTok may answer: what is said of them (R13), and what is not concluded."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from access_record import own_name, share

from sparkads.contracts.authorization import AdAccountLink
from sparkads.contracts.base import BlobRef
from sparkads.contracts.drift import AskDrift
from sparkads.contracts.release import TargetState
from sparkads.manifest import ManifestRow, Mode
from store import releases
from store.database import Pool
from store.releases import Campaign
from tests.conftest import Label, post_of
from tests.odd_answers import Envelope, OddAnswers

POSTS = "identity/video/info/"
VIDEO = BlobRef(sha256="0" * 64, size=1, media_type="video/mp4")


def row(label: Label, row_id: str, account: str, mode: Mode, **more: Any) -> ManifestRow:
    return ManifestRow(
        row_id=row_id,
        mode=mode,
        account=account,
        ad_account=label.ad_account,
        territory="NZ",
        location_id="2186224",
        time_zone="Etc/UTC",
        release_at=None,
        landing_url="https://example.com",
        call_to_action="LISTEN_NOW",
        daily_budget=Decimal(50),
        **more,
    )


async def recorded(label: Label, db: Pool, *rows: ManifestRow) -> str:
    """A campaign whose targets are on record, and that nobody runs."""
    campaign_id = f"posts-{label.bc_id[-5:]}"
    campaign = Campaign(
        campaign_id=campaign_id,
        bc_id=label.bc_id,
        started_by=label.admin,
        operator=label.operator,
        manifest_sha256="0" * 64,
        started_at=datetime.now(UTC),
        paused=False,
        cancelled=False,
    )
    async with db.acquire() as connection, connection.transaction():
        assert await releases.create(connection, campaign, rows)
    return campaign_id


async def linked(label: Label) -> tuple[str, str]:
    handle = own_name(label, "kiri")
    (asset_id,) = await label.authorized(handle)
    await share(label, asset_id, ad_accounts=(AdAccountLink(advertiser_id=label.ad_account),))
    return handle, asset_id


async def compare(label: Label) -> list[str]:
    report = await label.spark.check_drift(label.bc_id, AskDrift(actor=label.admin))
    return [f"{one.subject}: {one.found}" for one in report.differences]


def post(item_id: str, **more: Any) -> Envelope:
    return {"code": 0, "data": {"video_details": [{"item_id": item_id, "text": "hi", **more}]}}


NO_LIST: Envelope = {"code": 0, "data": {}}
NONE: Envelope = {"code": 0, "data": {"video_details": [], "page_info": {"total_number": 0}}}
UNREADABLE: Envelope = {"code": 0, "data": {"video_details": [{"item_id": None}]}}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("as it is", ""),
        ({"auth_info": None, "status": "ITEM_STATUS_HESITATE_RECOMMEND"}, ""),
        ({"status": "STATUS_ONLY_FRIEND_SEE"}, "is not public: TikTok may refuse it, or make it public"),
        ({"status": "A_NEW_STATUS"}, ""),
        ({"status": [], "video_info": "?"}, ""),
        (NONE, "does not exist any more"),
        (NO_LIST, ""),
        (UNREADABLE, ""),
    ],
    ids=["real", "nothing of ads", "friends only", "new status", "other types", "gone", "no list", "unreadable"],
)
async def test_of_a_post_is_said_what_tiktok_says(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool, answer: Any, reason: str
) -> None:
    handle, asset_id = await linked(odd_label)
    item_id = post_of(handle)
    campaign_id = await recorded(odd_label, odd_db, row(odd_label, "one", handle, Mode.PULL, post_id=item_id))
    if isinstance(answer, dict):
        odd_answers.answer(POSTS, answer if "code" in answer else post(item_id, **answer))

    differences = await compare(odd_label)

    target = await odd_db.fetchrow("SELECT state, reason FROM targets WHERE campaign_id = $1", campaign_id)
    assert target is not None
    assert target["state"] == "waiting"
    assert (reason in target["reason"]) if reason else target["reason"] == ""
    subject = f"posts of account {asset_id} in ad account {odd_label.ad_account}: "
    if answer in (NO_LIST, UNREADABLE):
        (left_out,) = differences
        assert left_out.startswith(subject)
    elif isinstance(answer, dict) and answer.get("status") == "A_NEW_STATUS":
        assert differences == [f"post {item_id} of account {asset_id}: its status A_NEW_STATUS is not known here"]
    else:
        assert differences == []


async def test_a_post_that_tiktok_named_late_is_recorded(
    odd_label: Label, odd_answers: OddAnswers, odd_db: Pool
) -> None:
    handle, _ = await linked(odd_label)
    rows = [
        row(odd_label, row_id, handle, Mode.PUSH, video=VIDEO, visibility="profile", caption="x")
        for row_id in ("late", "never", "old")
    ]
    campaign_id = await recorded(odd_label, odd_db, *rows)
    await odd_db.execute(
        """UPDATE targets SET state = $2, ad_id = 'ad-' || row_id,
               confirmed_at = now() - CASE WHEN row_id = 'old' THEN interval '8 days' ELSE interval '1 day' END
           WHERE campaign_id = $1""",
        campaign_id,
        TargetState.PUBLISHED,
    )
    ads = [{"ad_id": "ad-late", "tiktok_item_id": "7499"}, {"ad_id": "ad-never", "tiktok_item_id": None}]
    odd_answers.answer("ad/get/", {"code": 0, "data": {"list": ads, "page_info": {"total_page": 1}}})

    assert await compare(odd_label) == []
    assert await compare(odd_label) == []

    found = await odd_db.fetch("SELECT row_id, item_id FROM targets WHERE campaign_id = $1", campaign_id)
    assert {one["row_id"]: one["item_id"] for one in found} == {"late": "7499", "never": None, "old": None}
    asked = [call.query["filtering"] for call in odd_answers.calls if call.path == "ad/get/"]
    assert asked
    assert not any("ad-old" in one for one in asked)
    lines = await odd_db.fetch(
        "SELECT subject, reason FROM audit WHERE bc_id = $1 AND action = 'post found'", odd_label.bc_id
    )
    assert [(line["subject"], line["reason"]) for line in lines] == [
        ("row late", f"campaign {campaign_id}: ad ad-late shows post 7499")
    ]
