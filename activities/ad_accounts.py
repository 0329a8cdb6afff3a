"""
Ad accounts, asked who they are before anything is made in them: state, currency, places, ad groups that rows name.

What TikTok says of one ad account stops its rows only; what it does not say is a risk, and stops none.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain

from activities.judging import Judged, Unanswered, answer
from activities.room import ASKED_AT_ONCE
from activities.together import each_to_its_end
from sparkads import budgets
from sparkads.contracts.release import AdTemplate, DailyCeiling
from sparkads.manifest import Visibility
from store.preparing import Unplanned
from tiktok import AdAccount, AdGroup, Place, StatusClass, TikTokClient, Usable, account_status, ad_group_status
from tiktok.ad_accounts import ACCOUNTS_IN_CALL

_SILENT = Unanswered(None, "its answer does not name it")

ENABLED, DISABLED = "ENABLED", "DISABLED"
"""Whether a place can be targeted (tiktok tool/targeting/info, status_info)."""


@dataclass
class JudgedAdAccounts(Judged):
    """
    The same of rows, by the ad accounts that pay for them.

    Attributes:
        currencies: of each ad account, ISO 4217, as far as TikTok says.
    """

    currencies: dict[str, str] = field(default_factory=dict)


async def judge_ad_accounts(client: TikTokClient, rows: Sequence[Unplanned]) -> JudgedAdAccounts:
    """
    Ask all ad accounts of these rows who they are, 100 a call, and judge each row by its own.

    Raises:
        TikTokError: what waiting mends.
    """
    by_ad_account = by_advertiser(rows)
    known = await _ask(client, list(by_ad_account))
    judged = JudgedAdAccounts()
    for advertiser_id, its_rows in by_ad_account.items():
        account = known[advertiser_id]
        if isinstance(account, Unanswered):
            judged.unanswered(f"ad account {advertiser_id}", account, [row.row_id for row in its_rows])
        else:
            _judge(judged, account, its_rows)
    return judged


def by_advertiser(rows: Iterable[Unplanned]) -> dict[str, list[Unplanned]]:
    """Rows by the ad account that pays for them, in their order."""
    found: defaultdict[str, list[Unplanned]] = defaultdict(list)
    for row in rows:
        found[row.advertiser_id].append(row)
    return dict(found)


async def _ask(client: TikTokClient, advertiser_ids: Sequence[str]) -> dict[str, AdAccount | Unanswered]:
    """
    What TikTok says of each.

    One that it does not show makes it refuse the question for all, so then each is asked alone.
    """
    known: dict[str, AdAccount | Unanswered] = {}
    slots = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask_alone(advertiser_id: str) -> None:
        async with slots:
            alone = await answer(client.ad_accounts.info([advertiser_id]))
        if isinstance(alone, Unanswered):
            known[advertiser_id] = alone
        else:
            known.update({one.advertiser_id: one for one in alone if one.advertiser_id == advertiser_id})

    for start in range(0, len(advertiser_ids), ACCOUNTS_IN_CALL):
        some = advertiser_ids[start : start + ACCOUNTS_IN_CALL]
        found = await answer(client.ad_accounts.info(some))
        if isinstance(found, Unanswered):
            known |= dict.fromkeys(some, found)
        else:
            known |= dict.fromkeys(some, _SILENT) | {one.advertiser_id: one for one in found}
        if len(some) > 1:
            await each_to_its_end(*(ask_alone(one) for one in some if isinstance(known[one], Unanswered)))
    return known


def _judge(judged: JudgedAdAccounts, account: AdAccount, rows: Sequence[Unplanned]) -> None:
    row_ids = [row.row_id for row in rows]
    name = f"ad account {account.advertiser_id}"
    _judge_status(judged, account, row_ids)
    if account.balance is not None and account.balance <= 0:
        shown = budgets.shown(Decimal(str(account.balance)), account.currency)
        judged.risks[f"{name} shows a balance of {shown}: add money, unless its Business Center pays for it"] += row_ids
    if account.ads_only_mode:
        on_profile = [row.row_id for row in rows if row.visibility == Visibility.PROFILE]
        if on_profile:
            judged.blocked[
                f"{name} takes new videos in ads only, so visibility profile is not possible; write ads_only, or take "
                "another ad account"
            ] += on_profile
    if account.currency:
        judged.currencies[account.advertiser_id] = account.currency
    for row in rows:
        if row.named_adgroup_id is not None:
            continue  # its budget is that of its own ad group
        problem = budgets.problem(row.daily_budget, account.currency)
        if problem is not None:
            amount = budgets.shown(row.daily_budget, account.currency)
            found = judged.blocked if problem.is_refused else judged.risks
            found[f"budget: a daily budget of {amount} {problem}"].append(row.row_id)


def _judge_status(judged: Judged, account: AdAccount, row_ids: Sequence[str]) -> None:
    name = f"ad account {account.advertiser_id}"
    if not account.status:
        judged.risks[f"TikTok does not say in which state {name} is"] += row_ids
        return
    status = account_status(account.status)
    if status.usable is Usable.YES:
        return
    why = f": {account.rejection_reason}" if account.rejection_reason else ""
    to_do = f"; {status.to_do}" if status.to_do else ""
    found = judged.blocked if status.usable is Usable.NO else judged.risks
    found[f"{name} {status.meaning} ({account.status}){why}{to_do}"] += row_ids


async def judge_places(
    client: TikTokClient, advertiser_id: str, rows: Iterable[Unplanned], template: AdTemplate
) -> Judged:
    """
    Ask once for all places of the ad groups that these rows of an ad account need.

    Raises:
        TikTokError: what waiting mends.
    """
    judged = Judged()
    at: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.named_adgroup_id is None:
            at[row.location_id].append(row.row_id)
    if not at:
        return judged
    places = await answer(
        client.ad_accounts.places(
            advertiser_id, at, objective_type=template.objective_type, promotion_type=template.promotion_type
        )
    )
    if isinstance(places, Unanswered):
        judged.unanswered(f"places in ad account {advertiser_id}", places, chain.from_iterable(at.values()))
        return judged
    known = {place.geo.geo_id: place for place in places}
    for location_id, row_ids in at.items():
        _judge_place(judged, advertiser_id, location_id, known.get(location_id), row_ids)
    return judged


def _judge_place(
    judged: Judged, advertiser_id: str, location_id: str, place: Place | None, row_ids: Sequence[str]
) -> None:
    shown = f"{location_id} ({place.name})" if place is not None and place.name else location_id
    if place is None or place.status_info.status not in {ENABLED, DISABLED}:
        judged.risks[f"TikTok does not say whether ads can be shown in place {shown}"] += row_ids
    elif place.status_info.status == DISABLED:
        why = f" ({place.status_info.reason})" if place.status_info.reason else ""
        judged.blocked[
            f"place {shown} can't be targeted from ad account {advertiser_id}{why}; correct location_id"
        ] += row_ids


async def judge_named_groups(client: TikTokClient, advertiser_id: str, rows: Iterable[Unplanned]) -> Judged:
    """
    Look for the ad groups that rows name.

    Raises:
        TikTokError: what waiting mends.
    """
    judged = Judged()
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.named_adgroup_id is not None:
            wanted[row.named_adgroup_id].append(row.row_id)
    if not wanted:
        return judged
    listed = await answer(client.ads.ad_groups(advertiser_id, ids=wanted))
    if isinstance(listed, Unanswered):
        judged.unanswered(f"ad groups of ad account {advertiser_id}", listed, chain.from_iterable(wanted.values()))
        return judged
    there = {one.adgroup_id: ad_group_status(one.secondary_status) for one in listed}
    missing = missing_ad_groups(advertiser_id, wanted, listed)
    for adgroup_id, row_ids in wanted.items():
        status = there.get(adgroup_id)
        if status is None and not listed.is_complete:
            judged.risks[f"ad group {adgroup_id} could not be looked up: TikTok's list could not be read"] += row_ids
        elif adgroup_id in missing:
            judged.blocked[missing[adgroup_id]] += row_ids
        elif status is not None and status.status_class not in _QUIET:
            to_do = f"; {status.to_do}" if status.to_do else ""
            judged.risks[f"ad group {adgroup_id} {status.meaning} ({status.value}){to_do}"] += row_ids
    return judged


def missing_ad_groups(advertiser_id: str, wanted: Iterable[str], listed: Iterable[AdGroup]) -> dict[str, str]:
    """Why ad groups can't be used that are not among those listed, or are listed as deleted."""
    # A campaign that is deleted takes its ad groups with it; their status says so.
    usable = {
        one.adgroup_id
        for one in listed
        if ad_group_status(one.secondary_status).status_class is not StatusClass.DELETED
    }
    return {
        adgroup_id: f"ad group {adgroup_id} is not in ad account {advertiser_id}, or is deleted"
        for adgroup_id in wanted
        if adgroup_id not in usable
    }


_QUIET = frozenset({StatusClass.DELIVERING, StatusClass.IN_REVIEW, StatusClass.SCHEDULED})
"""States of an ad group that need no word: its ads are shown, or will be."""


def daily_ceiling(ceilings: Iterable[DailyCeiling], advertiser_id: str) -> Decimal | None:
    """What an ad account may spend a day on a release; None: anything."""
    return next((one.amount for one in ceilings if one.ad_account == advertiser_id), None)


def beyond_ceiling(advertiser_id: str, ceiling: Decimal | None, *, worst_day: Decimal, currency: str = "") -> str:
    """Why a row is left out."""
    amount = "none" if ceiling is None else budgets.shown(ceiling, currency)
    of_a_day = "" if worst_day == 1 else f", on which TikTok may spend {worst_day:.0%} of each daily budget"
    return f"budget: ad account {advertiser_id} would spend more than its ceiling of {amount} on a day{of_a_day}"
