"""Ad accounts: what they are, what room and money they have, and which places they reach."""

from collections.abc import Sequence
from typing import Final

from tiktok.ad_accounts import ACCOUNTS_IN_CALL
from tiktok.business_centers import PAGE
from tiktok.statuses import Usable, account_status
from workers.probes.answers import Answers, Finding, Json, Probe, Said
from workers.probes.asking import MOST, NOT_ALLOWED, comes, count, is_there, of_ad_account, of_bc, rows_of, values


def _ad_account_facts(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said)
    statuses = {str(row["status"]) for row in rows if row.get("status")}
    strange = sorted(one for one in statuses if account_status(one).usable is Usable.UNKNOWN)
    unusable = [row for row in rows if account_status(str(row.get("status"))).usable is Usable.NO]
    there = [name for name in ("display_timezone", "owner_bc_id", "ads_only_mode") if is_there(rows, name)]
    asked = sum(len(one.params["advertiser_ids"]) for one in said)
    answered = (
        f"{len(rows)} of {count(asked, 'ad account')}; {values(rows, 'status')}; {values(rows, 'currency')}; "
        f"filled: {', '.join(there) or 'none of the newer fields'}"
    )
    if strange:
        means = f"statuses that tiktok/statuses.py lacks: {', '.join(strange)}"
        return Finding(means, answered=answered, note="they are shown to a person; report them to the project")
    if unusable:
        means = f"{count(len(unusable), 'ad account')} can't publish"
        return Finding(means, answered=answered, note="their rows are blocked by name")
    return Finding("status, currency and zone are known before a release", answered=answered)


def _balances(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said, "advertiser_account_list") or rows_of(said)
    together = any(row.get("payment_portfolio_id") for row in rows)
    answered = f"{count(len(rows), 'ad account')}, payment_portfolio_id {comes(rows, 'payment_portfolio_id')}"
    means = "sums are those of a portfolio that ad accounts share" if together else "each ad account has its own money"
    return Finding(means, answered=answered, note="a balance never blocks a row")


def _ad_group_room(_known: Answers, said: Sequence[Said]) -> Finding:
    room = []
    for one in said:
        total, used = one.data.get("total_adgroup_quota"), one.data.get("used_adgroup_quota")
        if isinstance(total, int) and isinstance(used, int):
            room.append(f"{used} of {total}")
    if not room:
        return Finding("no limit is known", answered="no numbers", note="the product takes it for no limit")
    note = "asked again before a release, which makes no more ad groups than fit"
    return Finding("active ad groups, used of allowed", answered="; ".join(room), note=note)


def _countries(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said, "region_info")
    answered = f"{len(rows)} countries, name {comes(rows, 'name')}"
    return Finding("where ads can be shown from this ad account", answered=answered, note="manifests take location ids")


def _places(known: Answers, said: Sequence[Said]) -> Finding:
    by_code = {
        str(row.get("country_code")): str(row.get("region_id"))
        for row in rows_of(said, "region_list")
        if row.get("region_level") == "COUNTRY"
    }
    same = [
        by_code[code] == str(row.get("location_id"))
        for row in known.rows("countries", "region_info")
        if (code := str(row.get("region_code"))) in by_code
    ]
    means = (
        "its region_id is the location_id of manifests"
        if same and all(same)
        else "its region_id is not the location_id of manifests"
        if same
        else "nothing to compare"
    )
    answered = f"{count(len(rows_of(said, 'region_list')), 'place')}, {sum(same)} of {len(same)} countries the same"
    return Finding(means, answered=answered, note="" if same and all(same) else "take ids from tool/region only")


def _place_check(known: Answers) -> Sequence[Json]:
    if known.place is None or known.ad_account is None:
        return []
    return [
        {
            "advertiser_id": known.ad_account,
            "targeting_ids": [str(known.place["location_id"])],
            "objective_type": "TRAFFIC",
            "promotion_type": "WEBSITE",
            "placements": ["PLACEMENT_TIKTOK"],
        }
    ]


def _place_answer(_known: Answers, said: Sequence[Said]) -> Finding:
    infos = [
        row["status_info"] for row in rows_of(said, "targeting_tag_list") if isinstance(row.get("status_info"), dict)
    ]
    means = "location ids can be checked before a release" if infos else "the check says nothing of the place"
    return Finding(means, answered=values(infos, "status"))


PROBES: Final[tuple[Probe, ...]] = (
    Probe(
        name="ad_account_facts",
        asks="what the ad accounts are",
        path="advertiser/info/",
        params=lambda known: [{"advertiser_ids": known.ad_accounts[:ACCOUNTS_IN_CALL]}] if known.ad_accounts else [],
        needs="there is no ad account",
        read=_ad_account_facts,
        refused=Finding(
            "so many at once are refused, or one of them is not open to the token",
            "the client halves the question until it is answered",
        ),
    ),
    Probe(
        name="balances",
        asks="what money they have",
        path="advertiser/balance/get/",
        params=of_bc(page=1, page_size=PAGE),
        read=_balances,
        refused=Finding("no right to see money", "the product does not need it"),
    ),
    Probe(
        name="ad_group_room",
        asks="how many active ad groups they may have",
        path="adgroup/quota/",
        params=lambda known: [{"advertiser_id": one} for one in known.ad_accounts[:MOST]],
        needs="there is no ad account",
        read=_ad_group_room,
        refused=Finding("no limit is known", "the product takes it for no limit"),
    ),
    Probe(
        name="countries",
        asks="where ads can be shown",
        path="tool/region/",
        params=of_ad_account(
            placements=["PLACEMENT_TIKTOK"],
            objective_type="TRAFFIC",
            promotion_type="WEBSITE",
            level_range="TO_COUNTRY",
            language="en",
        ),
        needs="there is no ad account",
        read=_countries,
        refused=Finding(NOT_ALLOWED, "take location ids from TikTok Ads Manager"),
    ),
    Probe(
        name="places",
        asks="how places are called",
        path="search/region/",
        params=of_ad_account(language="en"),
        needs="there is no ad account",
        read=_places,
        refused=Finding(NOT_ALLOWED, "take location ids from TikTok Ads Manager"),
    ),
    Probe(
        name="place_check",
        asks="whether a location id is good",
        verb="POST",
        path="tool/targeting/info/",
        params=_place_check,
        needs="no country is known",
        read=_place_answer,
        refused=Finding("location ids can't be checked before a release", "a wrong one is refused with its ad group"),
    ),
)
