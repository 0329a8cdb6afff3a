"""What an ad's state at TikTok means for its row: its end, or a wait that is told with what to do."""

from pathlib import Path

from releasing import Release, pull, release

from sparkads.contracts.release import ReleaseStatus, TargetState
from store.database import Pool
from tests.conftest import Label, post_of, until

WAITS = {
    "ADVERTISER_ACCOUNT_PUNISH": "penalised",
    "ADVERTISER_CONTRACT_PENDING": "sign the contract",
    "AD_STATUS_ADVERTISER_AUDIT": "the ad account is in review",
    "AD_STATUS_ADGROUP_INDUSTRY_QUALIFICATION_DENY": "a business document was refused",
    "AD_STATUS_BALANCE_EXCEED": "add money",
    "AD_STATUS_BUDGET_EXCEED": "raise the budget",
    "AD_STATUS_DISABLE": "switch it on",
    "AD_STATUS_CAMPAIGN_DISABLE": "its TikTok campaign is switched off",
    "AD_STATUS_AD_QUOTA_LIMIT": "too many active ad groups",
    "ADGROUP_STATUS_FROZEN": "ended by TikTok",
    "AD_STATUS_SOMETHING_OF_NEXT_YEAR": "look at it in TikTok Ads Manager",
}
"""States in which an ad exists and is not shown, with what its row has to say."""

IN_REVIEW = (
    "AD_STATUS_PARTIAL_AUDIT_NO_DELIVERY",
    "AD_STATUS_ADGROUP_PARTIAL_AUDIT_NO_DELIVERY",
    "AD_STATUS_AD_PRE_ONLINE",
)

ENDS = {
    "AD_STATUS_AUDIT_DENY": TargetState.REJECTED,
    "AD_STATUS_MUSIC_AUTHORIZATION_MISSING": TargetState.REJECTED,
    "AD_STATUS_ADGROUP_DELETE": TargetState.REJECTED,
    "AD_STATUS_ASSET_AUTHORIZATION_LOST": TargetState.STOPPED,
    "AD_STATUS_REVIEW_PARTIALLY_APPROVED": TargetState.PUBLISHED,
    "AD_STATUS_DONE": TargetState.PUBLISHED,
}


async def in_states(label: Label, db: Pool, folder: Path, values: list[str]) -> tuple[Release, dict[str, str]]:
    """A release with one row for each state of an ad; by row, that state. Every ad is in it before its first look."""
    rows = {f"row{number}": value for number, value in enumerate(values)}
    await label.authorized(*rows)
    await label.simulator.post("clock", {"review_seconds": 3600})
    run = await release(label, db, folder, [pull(row, f"@{row}", label.ad_account, post_of(row)) for row in rows])
    for row in rows:
        await run.row_reaches(row, TargetState.IN_REVIEW)
    for row, ads in (await run.ads()).items():
        await set_state(label, ads[0]["ad_id"], rows[row])
    return run, rows


async def set_state(label: Label, ad_id: str, value: str | None) -> None:
    await label.simulator.post(f"ads/{ad_id}", {"secondary_status": value})


async def test_an_ad_that_is_not_shown_keeps_its_row_waiting_with_what_to_do(
    label: Label, db: Pool, tmp_path: Path
) -> None:
    run, rows = await in_states(label, db, tmp_path, [*WAITS, *IN_REVIEW])

    async def all_say() -> bool:
        found = await run.rows()
        return all(found[row].reason for row, value in rows.items() if value in WAITS)

    await until(all_say, "each row says what it waits for")
    found = await run.rows()
    for row, value in rows.items():
        assert found[row].state is TargetState.IN_REVIEW
        if value in WAITS:
            assert value in found[row].reason
            assert WAITS[value] in found[row].reason
        else:
            assert found[row].reason == ""
    status = await until(lambda: _waits(run), "the release says so")
    assert sum(wait.rows for wait in status.waits) == len(WAITS)
    assert status.attention
    told = await db.fetch("SELECT text FROM notifications WHERE bc_id = $1 AND kind = 'attention'", label.bc_id)
    assert len(told) == len(WAITS)

    # What comes back is published; nothing was made again meanwhile.
    await label.simulator.post("clock", {"review_seconds": 0})
    for ads in (await run.ads()).values():
        await set_state(label, ads[0]["ad_id"], "AD_STATUS_DELIVERY_OK")
    done = await run.finished(60)
    assert {row.state for row in done.values()} == {TargetState.PUBLISHED}
    assert {len(ads) for ads in (await run.ads()).values()} == {1}
    assert (await label.spark.release_status(run.campaign_id)).attention == ""


async def _waits(run: Release) -> ReleaseStatus | None:
    status = await run.label.spark.release_status(run.campaign_id)
    return status if sum(wait.rows for wait in status.waits) == len(WAITS) else None


async def test_states_that_end_a_row(label: Label, db: Pool, tmp_path: Path) -> None:
    run, rows = await in_states(label, db, tmp_path, [*ENDS])
    done = await run.finished(60)
    await label.simulator.post("clock", {"review_seconds": 0})
    assert {value: done[row].state for row, value in rows.items()} == ENDS
    for row, value in rows.items():
        if ENDS[value] is not TargetState.PUBLISHED:
            assert value in done[row].reason
