"""R8, and what TikTok leaves open about it: one code for all owners, or one for each."""

from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.members import Members
from activities.platform import Platform
from activities.qr_codes import AskQrCodes, QrCodeActivities
from sparkads.files import Files
from sparkads.scopes import Scope
from store.database import Pool
from tests.conftest import Label
from tiktok import TikTok
from workers.local import Stack


async def ask(stack: Stack, db: Pool, label: Label, *names: str, reusable: bool, lifetime: float = 3600) -> list[str]:
    """The URLs behind the codes of requests."""
    files = Files(stack.object_store)
    async with TikTok(stack.tiktok_base_url, limiter=None) as tiktok:
        platform = Platform(db, tiktok)
        activities = QrCodeActivities(
            db,
            platform,
            Members(db, platform, max_age=timedelta(0)),
            files,
            lifetime=timedelta(seconds=lifetime),
            reusable=reusable,
            verb="GET",
        )
        question = AskQrCodes(bc_id=label.bc_id, actor=label.admin, scope=Scope(), request_names=names)
        codes = await ActivityEnvironment().run(activities.get_qr_codes, question)
    shown = [codes.by_request[name] for name in names] if codes.by_request else [codes.code]
    return [(await files.get(code.url)).decode() for code in shown]


async def test_one_code_serves_all_owners(stack: Stack, db: Pool, label: Label) -> None:
    # R8
    first = await ask(stack, db, label, "kiri", "moana", reusable=True)

    assert len(first) == 1
    assert await ask(stack, db, label, "tama", reusable=True) == first


async def test_where_a_code_serves_one_owner_each_request_has_its_own(stack: Stack, db: Pool, label: Label) -> None:
    kiri, moana = await ask(stack, db, label, "kiri", "moana", reusable=False)

    assert kiri != moana
    assert await ask(stack, db, label, "moana", "kiri", reusable=False) == [moana, kiri]


async def test_a_code_is_made_anew_when_its_lifetime_is_over(stack: Stack, db: Pool, label: Label) -> None:
    first = await ask(stack, db, label, reusable=True)

    assert await ask(stack, db, label, reusable=True, lifetime=0) != first
