"""Every claim of the demo can fail: each is shown a world in which it is not true."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from demo.checks import Check, Evidence, check_all
from sparkads.contracts.base import BlobRef
from sparkads.contracts.release import TargetState
from sparkads.manifest import ManifestRow, Mode, Visibility
from store.releases import ReportRow

BC = "7300"
DUE = datetime(2030, 1, 18, 0, 0, tzinfo=UTC)
CODE = "http://127.0.0.1:1/consent/opaque"
MD5 = "0" * 32
SONG = BlobRef(sha256="0" * 64, size=1)

State = dict[str, Any]
Damage = Callable[[State], object]


def row(row_id: str, account: str, **more: Any) -> ManifestRow:
    given: dict[str, Any] = {
        "row_id": row_id,
        "mode": Mode.PUSH,
        "account": account,
        "ad_account": "71",
        "territory": "GB",
        "location_id": "1",
        "time_zone": "UTC",
        "release_at": DUE.replace(tzinfo=None),
        "visibility": Visibility.PROFILE,
        "video": SONG,
        "caption": "out now",
        "landing_url": "https://example.com/song",
        "call_to_action": "LISTEN_NOW",
        "daily_budget": Decimal(50),
        **more,
    }
    return ManifestRow(**given)


MANIFEST = (
    row("push-1", "ann"),
    row("push-2", "ben", visibility=Visibility.ADS_ONLY),
    row("pull-1", "ann", mode=Mode.PULL, visibility=None, video=None, caption="", post_id="750"),
    row("no-1", "dee"),
    row("no-2", "rae"),
)


def at(seconds: float) -> str:
    return (DUE + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def ad(number: int, row_id: str, handle: str, item_id: str, **more: Any) -> State:
    return {
        "ad_id": f"18{number}",
        "ad_name": f"{row_id} token{number}",
        "advertiser_id": "71",
        "bc_id": BC,
        "handle": handle,
        "mode": "push",
        "caption": "out now",
        "dark_post_status": "OFF",
        "created_at": at(0.2),
        "tiktok_item_id": item_id,
        **more,
    }


def post(item_id: str, handle: str, ad_id: str | None, visible: str = "profile") -> State:
    return {
        "item_id": item_id,
        "handle": handle,
        "origin": "ad" if ad_id else "organic",
        "ad_id": ad_id,
        "visible": visible,
        "published_at": at(2 if ad_id else -1000),
        "deleted": False,
    }


def account(handle: str, *posts: State, authorized: bool = True) -> State:
    return {"handle": handle, "authorized_bc_ids": [BC] if authorized else [], "posts": list(posts)}


WORLD: State = {
    "authorization_urls": [{"url": CODE, "approvals": 3}],
    "links": [{"handle": handle, "advertiser_id": "71", "listed_at": at(-10)} for handle in ("ann", "ben")],
    "member_grants": [{"handle": handle, "user_id": "72"} for handle in ("ann", "ben")],
    "accounts": [
        account("ann", post("761", "ann", "181"), post("750", "ann", None)),
        account("ben", post("762", "ben", "182", "ads_only")),
        account("dee", authorized=False),
        account("rae", authorized=False),
    ],
    "ads": [
        ad(1, "push-1", "ann", "761"),
        ad(2, "push-2", "ben", "762", dark_post_status="ON"),
        ad(3, "pull-1", "ann", "750", mode="pull", caption="", dark_post_status=None),
    ],
    "videos": [{"video_id": "v1", "advertiser_id": "71", "signature": MD5}],
}


def line(number: int, planned: ManifestRow, state: TargetState, **more: Any) -> ReportRow:
    given: dict[str, Any] = {
        "row_number": number,
        "row_id": planned.row_id,
        "mode": planned.mode,
        "handle": planned.account,
        "advertiser_id": planned.ad_account,
        "territory": planned.territory,
        "time_zone": planned.time_zone,
        "state": state,
        "reason": "" if state is TargetState.PUBLISHED else "because",
        "wave": 1,
        "due_at": DUE,
        "submitted_at": None,
        "confirmed_at": None,
        "ad_id": None,
        "item_id": None,
        **more,
    }
    return ReportRow(**given)


REPORT = (
    line(1, MANIFEST[0], TargetState.PUBLISHED, ad_id="181", item_id="761"),
    line(2, MANIFEST[1], TargetState.PUBLISHED, ad_id="182", item_id="762"),
    line(3, MANIFEST[2], TargetState.PUBLISHED, ad_id="183", item_id="750"),
    line(4, MANIFEST[3], TargetState.BLOCKED),
    line(5, MANIFEST[4], TargetState.FROZEN),
)


def checked(state: State, report: tuple[ReportRow, ...] = REPORT) -> list[Check]:
    return check_all(
        Evidence(
            bc_id=BC,
            manifest=MANIFEST,
            report=report,
            state=state,
            declined=frozenset({"dee"}),
            revoked=frozenset({"rae"}),
            code=CODE,
            video_md5=MD5,
        )
    )


def against(checks: list[Check]) -> str:
    return "\n".join(difference for check in checks for difference in check.differences)


def test_a_true_story_holds() -> None:
    assert against(checked(WORLD)) == ""
    assert all(check.holds for check in checked(WORLD))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda world: world["ads"].append(ad(4, "push-1", "ann", "761")), "row push-1: 2 ads 181, 184"),
        (lambda world: world["ads"].pop(1), "row push-2: 0 ads"),
        (lambda world: world["ads"][0].update(ad_id="189"), "row push-1: its ad is 189, the report names 181"),
        (lambda world: world["ads"].append(ad(4, "no-1", "dee", "1")), "ad 184 of row no-1 on @dee should not exist"),
        (lambda world: world["ads"].append(ad(4, "no-2", "rae", "1")), "ad 184 of row no-2 on @rae should not exist"),
        (lambda world: world["ads"].append(ad(4, "else", "ann", "1")), "ad 184 of row else on @ann should not exist"),
        (lambda world: world["ads"][0].update(created_at=at(-0.001)), "row push-1: its ad existed 0.001 s before"),
        (
            lambda world: world["accounts"][1]["posts"][0].update(published_at=at(-3)),
            "row push-2: its post existed 3.000 s before",
        ),
        (lambda world: world["ads"][0].update(handle="ben"), "row push-1: on @ben, not @ann"),
        (lambda world: world["ads"][0].update(advertiser_id="79"), "row push-1: paid by 79, not 71"),
        (lambda world: world["ads"][0].update(bc_id="9"), "row push-1: through Business Center 9"),
        (lambda world: world["ads"][0].update(mode="pull"), "row push-1: a pull, not a push"),
        (lambda world: world["ads"][2].update(tiktok_item_id="7"), "row pull-1: uses post 7, not 750"),
        (lambda world: world["ads"][0].update(caption="out"), "row push-1: says 'out', not 'out now'"),
        (lambda world: world["ads"][1].update(dark_post_status="OFF"), "dark_post_status OFF, not as ads_only"),
        (
            lambda world: world["accounts"][1]["posts"][0].update(visible="profile"),
            "row push-2: seen profile, not ads_only",
        ),
        (lambda world: world["accounts"][0]["posts"].pop(0), "row push-1: 0 posts"),
        (
            lambda world: world["accounts"][0]["posts"].append(post("769", "ann", "181")),
            "row push-1: 2 posts",
        ),
        (
            lambda world: world["accounts"][0]["posts"].append(post("769", "ann", "199")),
            "3 posts were made, not 2",
        ),
        (lambda world: world["accounts"][0]["posts"][0].update(item_id="7"), "its post is 7, the ad names 761"),
        (lambda world: world["accounts"][0]["posts"][0].update(handle="ben"), "row push-1: posted on @ben, not @ann"),
        (lambda world: world["links"].pop(0), "row push-1: its ad was made"),
        (lambda world: world["links"][0].update(listed_at=at(5)), "row push-1: its ad was made"),
        (
            lambda world: world["links"].append({"handle": "rae", "advertiser_id": "71", "listed_at": at(-10)}),
            "@rae is still in links",
        ),
        (
            lambda world: world["member_grants"].append({"handle": "rae", "user_id": "72"}),
            "@rae is still in member grants",
        ),
        (lambda world: world["accounts"][2].update(authorized_bc_ids=[BC]), "@dee is still authorized"),
        (lambda world: world["authorization_urls"][0].update(approvals=2), "2 approvals came through it, not 3"),
        (lambda world: world["authorization_urls"][0].update(url="http://x"), "did not issue the address"),
        (
            lambda world: world["authorization_urls"].append({"url": "http://x", "approvals": 0}),
            "2 codes were issued, not 1",
        ),
        (
            lambda world: world["videos"].append({**world["videos"][0], "video_id": "v2"}),
            "ad account 71 has 2 videos",
        ),
        (lambda world: world["videos"][0].update(signature="1"), "video v1 is not the file"),
    ],
)
def test_what_is_not_so_at_tiktok_is_named(damage: Damage, said: str) -> None:
    world = deepcopy(WORLD)
    damage(world)
    assert said in against(checked(world))


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (REPORT[:-1], "the report's rows are not the manifest's"),
        ((*REPORT, REPORT[0]), "the report's rows are not the manifest's"),
        (
            (REPORT[0].model_copy(update={"state": TargetState.REJECTED, "reason": "review"}), *REPORT[1:]),
            "row push-1: rejected (review), not published",
        ),
        (
            (*REPORT[:-1], REPORT[-1].model_copy(update={"state": TargetState.BLOCKED})),
            "row no-2: blocked (because), not frozen",
        ),
        ((*REPORT[:-1], REPORT[-1].model_copy(update={"reason": ""})), "row no-2: frozen, and no reason is given"),
        ((REPORT[0].model_copy(update={"item_id": "7"}), *REPORT[1:]), "the ad names 761, the report 7"),
    ],
)
def test_what_the_report_gets_wrong_is_named(report: tuple[ReportRow, ...], said: str) -> None:
    assert said in against(checked(WORLD, report))


def test_the_address_of_the_code_is_never_shown() -> None:
    world = deepcopy(WORLD)
    world["authorization_urls"][0]["url"] = "http://127.0.0.1:1/consent/other"
    assert "consent" not in against(checked(world))
