"""The address behind a QR code, and what else tells that an account came or went."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from tiktok import WrongRoute
from tiktok.business_centers import PAGE
from workers.probes.answers import Answers, Finding, Json, Probe, Said
from workers.probes.asking import NOT_ALLOWED, count, of_app, rows_of, values

WINDOW = timedelta(days=7)
_SWEEP = "the product looks for accounts by itself: SPARKADS_SWEEP_FAST, SPARKADS_SWEEP_SLOW"


def _qr_url(verb: str) -> Callable[[Answers, Sequence[Said]], Finding]:
    def read(_known: Answers, said: Sequence[Said]) -> Finding:
        urls = [str(one.data.get("bc_auth_qr_code") or "") for one in said]
        if not all(urls):
            return Finding("there is no address in the answer", answered="no address", note="report it to the project")
        again = "" if len(urls) == 1 else ", the same twice" if len(set(urls)) == 1 else ", another each time"
        return Finding(
            f"TikTok takes {verb}",
            answered=f"an address at {urlsplit(urls[0]).hostname or 'no host'}{again}",
            settings={"SPARKADS_AUTHORIZATION_VERB": verb},
            note="how long it lives, and for how many owners, shows when they scan: SPARKADS_QR_LIFETIME, "
            "SPARKADS_QR_REUSABLE",
        )

    return read


def _by_post(known: Answers) -> Sequence[Json]:
    asked = known.by_probe.get("qr_url", ())
    return [{"bc_id": known.bc_id}] if asked and all(isinstance(one.error, WrongRoute) for one in asked) else []


def _changes(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said, "changelog_list")
    kinds = values(rows, "activity_type")
    means = "see in the file whether a TikTok account that came or went is among them"
    return Finding(means, answered=f"{count(len(rows), 'entry', 'entries')}; {kinds}", note=_SWEEP)


def _dates(known: Answers, **more: Any) -> Json:
    return {
        **more,
        "start_date": (known.now - WINDOW).date().isoformat(),
        "end_date": known.now.date().isoformat(),
    }


PROBES: Final[tuple[Probe, ...]] = (
    Probe(
        name="qr_url",
        asks="the address behind a QR code, twice, by GET",
        path="bc/asset/account/authorization/",
        params=lambda known: [{"bc_id": known.bc_id}] * 2,
        read=_qr_url("GET"),
        refused=Finding(
            "no address by GET; if that is for the verb, the next question tries the other", "the client does so, too"
        ),
    ),
    Probe(
        name="qr_url_by_post",
        asks="the same by POST",
        verb="POST",
        path="bc/asset/account/authorization/",
        params=_by_post,
        needs="GET works, or is refused for another reason than the verb",
        read=_qr_url("POST"),
        refused=Finding(
            "TikTok gives it out by no verb", "connect again with the token of an admin; see the words of both refusals"
        ),
    ),
    Probe(
        name="subscriptions",
        asks="what the app is told by webhook",
        path="subscription/get/",
        params=of_app(page=1, page_size=PAGE),
        needs="SPARKADS_TIKTOK_APP_ID and SPARKADS_TIKTOK_APP_SECRET are not set",
        read=lambda _known, said: Finding(
            "no webhook is about TikTok accounts that come or go",
            answered=values(rows_of(said, "subscriptions"), "subscribe_entity"),
            note=_SWEEP,
        ),
        refused=Finding(NOT_ALLOWED, _SWEEP),
    ),
    Probe(
        name="changes",
        asks="the change log of the Business Center, 7 days",
        path="changelog/get/",
        params=lambda known: [
            {"bc_id": known.bc_id, "filtering": _dates(known, activity_type="ALL"), "page": 1, "page_size": PAGE}
        ],
        read=_changes,
        refused=Finding("the change log can't be read", _SWEEP),
    ),
)
