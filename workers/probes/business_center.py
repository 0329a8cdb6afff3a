"""The token, the Business Center, its people, and what it holds."""

from collections.abc import Sequence
from typing import Final

from sparkads.policy import PROFILES
from tiktok.business_centers import MEMBERS_PAGE, PAGE
from workers.probes.answers import Answers, Finding, Probe, Said
from workers.probes.asking import (
    MOST,
    NOT_ALLOWED,
    always,
    comes,
    count,
    fixed,
    is_there,
    of_app,
    of_bc,
    page_of,
    rows_of,
)

_READ_WHATEVER = "the client does without"


def _token(_known: Answers, said: Sequence[Said]) -> Finding:
    data = said[0].data
    name = next((one for one in ("core_user_id", "id") if data.get(one) is not None), "no id")
    return Finding("the token works", answered=f"the user, known by {name}", note="the client asks for no user id here")


def _ad_accounts_of_token(_known: Answers, said: Sequence[Said]) -> Finding:
    number = len(rows_of(said))
    if number == 0:
        means = "the token belongs to this app, and its user opened no ad account to it"
        return Finding(means, answered="none", note="authorize the app again, and choose the ad accounts")
    return Finding("the token belongs to this app", answered=count(number, "ad account"))


def _centers(known: Answers, said: Sequence[Said]) -> Finding:
    for row in rows_of(said):
        info = row.get("bc_info")
        if isinstance(info, dict) and str(info.get("bc_id")) == known.bc_id:
            role, status = row.get("user_role"), info.get("status")
            answered = f"{role} of it, status {status}, name {comes([info], 'name')}"
            if role != "ADMIN":
                note = "connect again with the token of an admin"
                return Finding("TikTok will refuse most questions: they are for admins", answered=answered, note=note)
            if status != "ENABLE":
                return Finding("the Business Center can't work", answered=answered, note="see it in Business Center")
            return Finding("the token's user is its admin", answered=answered)
    means = "the token's user is not in this Business Center any more"
    return Finding(means, answered="not listed", note="connect again with the token of an admin")


def _members(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said)
    invited = [row for row in rows if row.get("relation_status") == "PENDING"]
    if not invited:
        means = "nobody is invited now, so how TikTok lists that is not seen: ask again when somebody is"
        return Finding(means, answered=count(len(rows), "member"), note=f"an id that is missing: {_READ_WHATEVER}")
    their_id = comes(invited, "user_id")
    answered = f"{count(len(rows), 'member')}, {len(invited)} invited: user_id {their_id}"
    means = "an invited member has an id" if their_id == "filled" else "an invited member has no id"
    return Finding(means, answered=answered, note=f"an id that is missing: {_READ_WHATEVER}")


def _tiktok_accounts(_known: Answers, said: Sequence[Said]) -> Finding:
    rows = rows_of(said)
    number = said[0].total or len(rows)
    answered = f"{count(number, 'TikTok account')}, tt_asset_handle {comes(rows, 'tt_asset_handle')}"
    join = (
        "accounts are told apart by their handles"
        if is_there(rows, "tt_asset_handle")
        else "accounts are told apart by name, or by what is new after a link, or by a person's word (--identity)"
    )
    smallest = PROFILES["seed-2023"].accounts_per_business_center
    if not rows:
        return Finding("there is none yet, so nothing is seen of how they are listed", answered=answered)
    if number > smallest:
        means = f"{join}; TikTok lets this Business Center hold more than {smallest}"
        return Finding(means, answered=answered, note="--policy tiktok-2026 with the first `sparkads access request`")
    return Finding(join, answered=answered, note="the client joins by handle, else by name")


def _ad_accounts(known: Answers, said: Sequence[Said]) -> Finding:
    number = said[0].total or len(rows_of(said))
    if number == 0 and "list" not in said[0].data:
        return Finding("an empty listing comes without its list", answered="no list", note="read as empty")
    return Finding(
        "these can be linked; a release needs one of them" if number else "there is none to link accounts to",
        answered=f"{count(number, 'ad account')} that the token's user can use",
        note="" if known.ad_account else "create or share an ad account in Business Center",
    )


def _partners(_known: Answers, said: Sequence[Said]) -> Finding:
    if "list" not in said[0].data:
        return Finding("an empty listing comes without its list", answered="no list", note="read as empty")
    return Finding("how many share or are shared with", answered=count(len(rows_of(said)), "partner"))


def _partner_ad_accounts(known: Answers, said: Sequence[Said]) -> Finding:
    own = {str(row.get("asset_id")) for row in known.rows("ad_accounts")}
    shared = {str(row.get("asset_id")) for row in rows_of(said)}
    answered = f"{count(len(shared), 'ad account')}, {len(shared - own)} of them in no other listing"
    means = "both listings together are what can be linked" if shared - own else "one listing has them all"
    return Finding(means, answered=answered, note="the product reads both")


def _links(_known: Answers, said: Sequence[Said]) -> Finding:
    number = len(rows_of(said))
    means = "identities can be looked at" if number else "no identity can be looked at before an account is linked"
    note = "" if number else "`sparkads accounts share BC ACCOUNT --ad-account ID`, then probe again"
    return Finding(means, answered=f"{count(number, 'link')} of {count(len(said), 'account')}", note=note)


PROBES: Final[tuple[Probe, ...]] = (
    Probe(
        name="token",
        asks="who the token is",
        path="user/info/",
        params=always({}),
        read=_token,
        refused=Finding("the token may not ask who it is", "no other question needs this"),
    ),
    Probe(
        name="slash",
        asks="the same without the slash at the end of the path",
        path="user/info",
        params=always({}),
        read=fixed("the user", "this path works without its slash", "the client always sends it"),
        refused=Finding("paths need their slash", "the client always sends it"),
    ),
    Probe(
        name="ad_accounts_of_token",
        asks="which ad accounts the token opens",
        path="oauth2/advertiser/get/",
        params=of_app(),
        needs="SPARKADS_TIKTOK_APP_ID and SPARKADS_TIKTOK_APP_SECRET are not set",
        read=_ad_accounts_of_token,
        refused=Finding(
            "the token was authorized for another app, or the secret is another one's",
            settings={
                "SPARKADS_TIKTOK_APP_ID": "the id of the app that it was authorized for",
                "SPARKADS_TIKTOK_APP_SECRET": "that app's secret",
            },
        ),
    ),
    Probe(
        name="centers",
        asks="what the token's user is in the Business Center",
        path="bc/get/",
        params=always({"page": 1, "page_size": PAGE}),
        read=_centers,
        refused=Finding(NOT_ALLOWED, "the app needs the Business Center scope: add it, and authorize again"),
    ),
    Probe(
        name="empty_value",
        asks="whether an empty value counts as not sent",
        path="bc/get/",
        params=always({"bc_id": "", "page": 1, "page_size": PAGE}),
        read=fixed("answered", "an empty value counts as not sent", "the client leaves such values out"),
        refused=Finding("an empty value is refused", "the client leaves such values out"),
    ),
    Probe(
        name="members",
        asks="how members are listed, invited ones above all",
        path="bc/member/get/",
        params=of_bc(page=1, page_size=MEMBERS_PAGE),
        read=_members,
        refused=Finding(
            "members can't be listed, so nobody's role is known and every command is refused",
            "connect again with the token of an admin",
        ),
    ),
    Probe(
        name="members_page",
        asks="whether 50 members fit into a page",
        path="bc/member/get/",
        params=of_bc(page=1, page_size=50),
        read=page_of(50, MEMBERS_PAGE),
        refused=Finding("a page holds fewer", f"the client asks for {MEMBERS_PAGE} a page"),
    ),
    Probe(
        name="tiktok_accounts",
        asks="which TikTok accounts it holds",
        path="bc/asset/admin/get/",
        params=of_bc(asset_type="TT_ACCOUNT", page=1, page_size=PAGE),
        read=_tiktok_accounts,
        refused=Finding("scans can't be found", "connect again with the token of an admin"),
    ),
    Probe(
        name="ad_accounts",
        asks="which ad accounts it can use",
        path="bc/asset/get/",
        params=of_bc(asset_type="ADVERTISER", page=1, page_size=PAGE),
        read=_ad_accounts,
        refused=Finding(NOT_ALLOWED, "the app needs the Business Center scope: add it, and authorize again"),
    ),
    Probe(
        name="partners",
        asks="which partners it has",
        path="bc/partner/get/",
        params=of_bc(page=1, page_size=PAGE),
        read=_partners,
        refused=Finding(NOT_ALLOWED, "sharing through a partner (--partner) can't be read back"),
    ),
    Probe(
        name="partner_ad_accounts",
        asks="which ad accounts partners share with it",
        path="bc/partner/asset/get/",
        params=lambda known: [
            {
                "bc_id": known.bc_id,
                "partner_id": str(row["bc_id"]),
                "asset_type": "ADVERTISER",
                "share_type": "SHARED",
                "page": 1,
                "page_size": PAGE,
            }
            for row in known.rows("partners")
            if row.get("bc_id")
        ][:MOST],
        needs="there is no partner",
        read=_partner_ad_accounts,
        refused=Finding(NOT_ALLOWED, "sharing through a partner (--partner) can't be read back"),
    ),
    Probe(
        name="links",
        asks="which ad accounts TikTok accounts are linked to",
        path="bc/asset/advertiser/assigned/",
        params=lambda known: [
            {"bc_id": known.bc_id, "asset_id": one, "asset_type": "TT_ACCOUNT", "page": 1, "page_size": PAGE}
            for one in known.tiktok_accounts[:MOST]
        ],
        needs="it holds no TikTok account yet",
        read=_links,
        refused=Finding("links can't be read, so accounts can't be shared", "connect again with the token of an admin"),
    ),
    Probe(
        name="links_untyped",
        asks="whether the kind of asset has to be said",
        path="bc/asset/advertiser/assigned/",
        params=lambda known: [
            {"bc_id": known.bc_id, "asset_id": one, "page": 1, "page_size": PAGE} for one in known.tiktok_accounts[:1]
        ],
        needs="it holds no TikTok account yet",
        read=fixed(
            "answered", "the kind of asset is optional", "the client says it, here and when it links and unlinks"
        ),
        refused=Finding("the kind of asset has to be said", "the client says it, here and when it links and unlinks"),
    ),
)
