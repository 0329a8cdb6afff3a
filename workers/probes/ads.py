"""Campaigns, ad groups, ads, and what the review says of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tiktok.business_centers import PAGE
from tiktok.statuses import Status, StatusClass, ad_group_status, ad_status, campaign_status
from workers.probes.answers import MADE_UP_ID, Answers, Finding, Json, Probe, Said
from workers.probes.asking import NOT_ALLOWED, comes, count, fixed, is_there, of_ad_account, rows_of, values

ADS_PAGE: Final = 1000
ADS_IN_AD_GROUP: Final = 50
_ALL = {"primary_status": "STATUS_ALL"}


def _known_statuses(what: str, meaning: Callable[[str], Status]) -> Callable[[Answers, Sequence[Said]], Finding]:
    def read(_known: Answers, said: Sequence[Said]) -> Finding:
        rows = rows_of(said)
        met = {str(row["secondary_status"]) for row in rows if row.get("secondary_status")}
        strange = sorted(value for value in met if meaning(value).source is None)
        answered = f"{count(said[0].total or len(rows), what)}; {', '.join(sorted(met)) or 'no status'}"
        if strange:
            means = f"statuses that tiktok/statuses.py lacks: {', '.join(strange)}"
            return Finding(means, "they are shown to a person; report them to the project", answered)
        return Finding("every status met is known" if met else "nothing to look at", answered=answered)

    return read


def _ad_groups(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said)
    from_now = [row for row in rows if row.get("schedule_type") == "SCHEDULE_FROM_NOW"]
    found = _known_statuses("ad group", ad_group_status)(_known, said)
    answered = f"{found.answered}; budgets {values(rows, 'budget_mode')}"
    if from_now:
        answered += f"; end of SCHEDULE_FROM_NOW {comes(from_now, 'schedule_end_time')}"
    note = "a daily budget is sent in the mode that the objective asks for; where that is refused, in the other"
    return replace(found, answered=answered, note=found.note or note)


def _ads(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said)
    pushed = [
        row
        for row in rows
        if row.get("video_id")
        and row.get("dark_post_status")
        and ad_status(str(row.get("secondary_status"))).status_class is StatusClass.DELIVERING
    ]
    groups = [row.get("adgroup_id") for row in rows]
    fullest = max((groups.count(one) for one in set(groups)), default=0)
    found = _known_statuses("ad", ad_status)(_known, said)
    answered = (
        f"{found.answered}; identities {values(rows, 'identity_type')}; fullest ad group {fullest}; "
        f"post of {count(len(pushed), 'approved push', 'approved pushes')} {comes(pushed, 'tiktok_item_id')}"
    )
    if found.note:
        return replace(found, answered=answered)
    if fullest > ADS_IN_AD_GROUP:
        means = f"an ad group holds more than the {ADS_IN_AD_GROUP} of TikTok's help"
        return Finding(means, "the product keeps to 50, and opens a further ad group where TikTok says full", answered)
    if pushed and not is_there(pushed, "tiktok_item_id"):
        means = "TikTok never names the post of an approved push"
        note = "the row is published with its post unknown after SPARKADS_POST_NAMED_WITHIN: it need not be long"
        return Finding(means, note, answered)
    return replace(found, answered=answered)


def _reviews(known: Answers) -> Sequence[Json]:
    ads = known.ads_by_status()
    wanted = [ads[f"AD_STATUS_{one}"] for one in ("AUDIT", "DELIVERY_OK", "AUDIT_DENY") if f"AD_STATUS_{one}" in ads]
    return [{"advertiser_id": known.ad_account, "ad_ids": wanted}] if wanted else []


def _review_answer(known: Answers, said: Sequence[Said]) -> Finding:
    of_ads = said[0].data.get("ad_review_map")
    reviews = of_ads if isinstance(of_ads, dict) else {}
    in_review = known.ads_by_status().get("AD_STATUS_AUDIT")
    one = reviews.get(in_review) if in_review else None
    answered = count(len(reviews), "review")
    note = "the product takes reasons from it, and the verdict from ad/get"
    if not isinstance(one, dict):
        return Finding("no ad in review to compare", answered=answered, note=note)
    means = "it calls an ad approved that is in review" if one.get("is_approved") else "it waits for the review"
    return Finding(means, answered=f"{answered}; is_approved {one.get('is_approved')} in review", note=note)


def _unknown_review(_known: Answers, said: Sequence[Said]) -> Finding:
    of_ads = said[0].data.get("ad_review_map", "absent")
    answered = "null" if of_ads is None else "an empty map" if of_ads == {} else str(type(of_ads).__name__)
    return Finding("an ad that is not there is no error", answered=answered, note="read as: no reasons")


def _report(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said)
    metrics = [row["metrics"] for row in rows if isinstance(row.get("metrics"), dict)]
    kinds = sorted({type(value).__name__ for one in metrics for value in one.values()})
    note = "the product reads no metrics"
    return Finding("how metrics come", answered=f"{count(len(rows), 'row')}; {', '.join(kinds) or 'none'}", note=note)


PROBES: Final[tuple[Probe, ...]] = (
    Probe(
        name="campaigns",
        asks="the campaigns, deleted ones included",
        path="campaign/get/",
        params=of_ad_account(filtering=_ALL, page=1, page_size=ADS_PAGE),
        needs="there is no ad account",
        read=_known_statuses("campaign", campaign_status),
        refused=Finding(NOT_ALLOWED, "nothing can be published"),
    ),
    Probe(
        name="ad_groups",
        asks="the ad groups",
        path="adgroup/get/",
        params=of_ad_account(filtering=_ALL, page=1, page_size=ADS_PAGE),
        needs="there is no ad account",
        read=_ad_groups,
        refused=Finding(NOT_ALLOWED, "nothing can be published"),
    ),
    Probe(
        name="ads",
        asks="the ads",
        path="ad/get/",
        params=of_ad_account(filtering=_ALL, page=1, page_size=ADS_PAGE),
        needs="there is no ad account",
        read=_ads,
        refused=Finding(NOT_ALLOWED, "nothing can be published"),
    ),
    Probe(
        name="ad_fields",
        asks="a field of ads that does not exist",
        path="ad/get/",
        params=of_ad_account(fields=["nonsense"], page=1, page_size=1),
        needs="there is no ad account",
        read=fixed("answered", "unknown fields are passed over", "the client asks for all fields"),
        refused=Finding("unknown fields are refused", "the client asks for all fields"),
    ),
    Probe(
        name="reviews",
        asks="what the review says of ads",
        path="ad/review_info/",
        params=_reviews,
        needs="there is no ad in review, delivered or refused",
        read=_review_answer,
        refused=Finding("reasons of a refusal can't be read", "a refused row says so without them"),
    ),
    Probe(
        name="unknown_review",
        asks="the same of an ad that does not exist",
        path="ad/review_info/",
        params=of_ad_account(ad_ids=[MADE_UP_ID]),
        needs="there is no ad account",
        read=_unknown_review,
        refused=Finding("so it is said that an ad does not exist"),
    ),
    Probe(
        name="report",
        asks="numbers of ads, of yesterday",
        path="report/integrated/get/",
        params=lambda known: (
            []
            if known.ad_account is None
            else [
                {
                    "advertiser_id": known.ad_account,
                    "report_type": "BASIC",
                    "data_level": "AUCTION_AD",
                    "dimensions": ["ad_id"],
                    "metrics": ["spend", "impressions"],
                    "start_date": (known.now - timedelta(days=1)).date().isoformat(),
                    "end_date": (known.now - timedelta(days=1)).date().isoformat(),
                    "page": 1,
                    "page_size": PAGE,
                }
            ]
        ),
        needs="there is no ad account",
        read=_report,
        refused=Finding(NOT_ALLOWED, "the product reads no metrics"),
    ),
)
