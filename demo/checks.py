"""
The demo's claims, checked against what exists at TikTok.

Three things are laid side by side: what the label wanted (the manifest), what the system says (the report), and what is
there (`GET /control/state`). Pure functions, so that a test can show each of them a world in which it has to fail.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sparkads.contracts.release import TargetState
from sparkads.manifest import ManifestRow, Mode, Visibility
from store.releases import ReportRow

ADS_ONLY = {"ON": Visibility.ADS_ONLY, "OFF": Visibility.PROFILE}
"""What TikTok's `dark_post_status` means."""

_ANY_TIME = datetime.min.replace(tzinfo=UTC)
"""When a row without a wall time may be published."""


@dataclass(frozen=True)
class Check:
    """A claim, and everything that speaks against it."""

    claim: str
    differences: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.differences


@dataclass(frozen=True)
class Evidence:
    """
    What is laid side by side.

    Attributes:
        bc_id: the label's Business Center.
        manifest: what the label wanted; `release_at` holds the planned wall times.
        report: what the system says became of it.
        state: what exists at TikTok.
        declined: handles whose owners declined.
        revoked: handles whose owners revoked before the release.
        code: the address that the QR code in the picture holds.
        video_md5: of the file that the pushes publish.
    """

    bc_id: str
    manifest: Sequence[ManifestRow]
    report: Sequence[ReportRow]
    state: Mapping[str, Any]
    declined: frozenset[str]
    revoked: frozenset[str]
    code: str = field(repr=False)
    video_md5: str

    def outcome_wanted(self, row: ManifestRow) -> TargetState:
        """What has to become of a row."""
        if row.account in self.declined:
            return TargetState.BLOCKED
        return TargetState.FROZEN if row.account in self.revoked else TargetState.PUBLISHED

    @property
    def to_publish(self) -> list[ManifestRow]:
        """The rows that have to be published."""
        return [row for row in self.manifest if self.outcome_wanted(row) is TargetState.PUBLISHED]

    @property
    def held_back(self) -> frozenset[str]:
        """The accounts that nothing may be published on."""
        return self.declined | self.revoked

    def ads_of(self, row_id: str) -> list[dict[str, Any]]:
        """The ads that carry a row's id: the first word of their name."""
        return [ad for ad in self.state["ads"] if _row_id(ad) == row_id]

    def ads_of_rows(self) -> Iterable[tuple[ManifestRow, dict[str, Any]]]:
        """Every ad with the row that it belongs to."""
        return ((row, ad) for row in self.manifest for ad in self.ads_of(row.row_id))

    def posts(self) -> Iterable[dict[str, Any]]:
        """Every post of every account."""
        return (post for account in self.state["accounts"] for post in account["posts"])


def check_all(evidence: Evidence) -> list[Check]:
    """Every claim, in the order of the story."""
    published = len(evidence.to_publish)
    withheld = len(evidence.manifest) - published
    claims: list[tuple[str, Callable[[Evidence], Iterable[str]]]] = [
        ("Every approval came through the one QR code that the picture holds (R8)", one_code),
        ("Nothing was promoted before its account was approved and shared (R1)", shared_first),
        ("Who declined or revoked is no longer in the Business Center, nor shared with anyone (R15)", nothing_left),
        ("The report tells the right outcome for every row", outcomes),
        (f"Each of the {published} published rows has exactly one ad, the one that the report names", one_ad_each),
        (f"None of the {withheld} rows held back has an ad, and no ad belongs to nobody", no_other_ads),
        ("Each ad runs on the right TikTok account, paid by the right ad account", right_accounts),
        ("Each pull uses its post; each push carries its caption", right_creatives),
        ("Each pushed post is seen where its row says: on the profile, or in ads only", right_visibility),
        ("Each push is one post on its artist's account, the one that the report names", one_post_each),
        ("No ad and no post existed before its planned instant", embargo),
        ("The video was uploaded once for each ad account, unchanged", one_upload_each),
    ]
    return [Check(claim, tuple(contradictions(evidence))) for claim, contradictions in claims]


def one_code(evidence: Evidence) -> Iterable[str]:
    """The decoded address is one that TikTok issued, and everyone who approved did so there."""
    codes = evidence.state["authorization_urls"]
    ours = [code for code in codes if code["url"] == evidence.code]
    expected = len({row.account for row in evidence.manifest} - evidence.declined)
    if len(ours) != 1:
        yield "TikTok did not issue the address in the picture"
    elif ours[0]["approvals"] != expected:
        yield f"{ours[0]['approvals']} approvals came through it, not {expected}"
    if len(codes) > 1:
        yield f"{len(codes)} codes were issued, not 1"


def shared_first(evidence: Evidence) -> Iterable[str]:
    """Each ad is younger than the link of its account to its ad account."""
    linked = {(link["handle"], link["advertiser_id"]): link["listed_at"] for link in evidence.state["links"]}
    for row, ad in evidence.ads_of_rows():
        since = linked.get((ad["handle"], ad["advertiser_id"]))
        if since is None or _time(since) > _time(ad["created_at"]):
            yield f"row {row.row_id}: its ad was made {ad['created_at']}, the account shared {since or 'never'}"


def nothing_left(evidence: Evidence) -> Iterable[str]:
    """No authorization, no grant, no link of those who said no."""
    for account in evidence.state["accounts"]:
        if account["handle"] in evidence.held_back and evidence.bc_id in account["authorized_bc_ids"]:
            yield f"@{account['handle']} is still authorized"
    for what in ("member_grants", "links"):
        for one in evidence.state[what]:
            if one["handle"] in evidence.held_back:
                yield f"@{one['handle']} is still in {what.replace('_', ' ')}"


def outcomes(evidence: Evidence) -> Iterable[str]:
    """One line in the report for each row, with the state that has to be."""
    said = {row.row_id: row for row in evidence.report}
    if Counter(row.row_id for row in evidence.report) != Counter(row.row_id for row in evidence.manifest):
        yield "the report's rows are not the manifest's"
    for row in evidence.manifest:
        wanted, line = evidence.outcome_wanted(row), said.get(row.row_id)
        if line is not None and line.state is not wanted:
            yield f"row {row.row_id}: {line.state} ({line.reason or 'no reason given'}), not {wanted}"
        elif line is not None and wanted is not TargetState.PUBLISHED and not line.reason:
            yield f"row {row.row_id}: {line.state}, and no reason is given"


def one_ad_each(evidence: Evidence) -> Iterable[str]:
    """By the row's id in the ad's name; never two, never none."""
    named = {row.row_id: row.ad_id for row in evidence.report}
    for row in evidence.to_publish:
        ids = [ad["ad_id"] for ad in evidence.ads_of(row.row_id)]
        if len(ids) != 1:
            yield f"row {row.row_id}: {len(ids)} ads {', '.join(ids)}".rstrip()
        elif ids[0] != named.get(row.row_id):
            yield f"row {row.row_id}: its ad is {ids[0]}, the report names {named.get(row.row_id)}"


def no_other_ads(evidence: Evidence) -> Iterable[str]:
    """Every ad belongs to a row that was to be published."""
    wanted = {row.row_id for row in evidence.to_publish}
    for ad in evidence.state["ads"]:
        if _row_id(ad) not in wanted:
            yield f"ad {ad['ad_id']} of row {_row_id(ad)} on @{ad['handle']} should not exist"


def right_accounts(evidence: Evidence) -> Iterable[str]:
    """Handle, ad account, Business Center."""
    for row, ad in evidence.ads_of_rows():
        if ad["handle"] != row.account:
            yield f"row {row.row_id}: on @{ad['handle']}, not @{row.account}"
        if ad["advertiser_id"] != row.ad_account:
            yield f"row {row.row_id}: paid by {ad['advertiser_id']}, not {row.ad_account}"
        if ad["bc_id"] != evidence.bc_id:
            yield f"row {row.row_id}: through Business Center {ad['bc_id']}"


def right_creatives(evidence: Evidence) -> Iterable[str]:
    """Mode, post, caption."""
    for row, ad in evidence.ads_of_rows():
        if ad["mode"] != row.mode:
            yield f"row {row.row_id}: a {ad['mode']}, not a {row.mode}"
        elif row.mode is Mode.PULL and ad["tiktok_item_id"] != row.post_id:
            yield f"row {row.row_id}: uses post {ad['tiktok_item_id']}, not {row.post_id}"
        elif row.mode is Mode.PUSH and ad["caption"] != row.caption:
            yield f"row {row.row_id}: says {ad['caption']!r}, not {row.caption!r}"


def right_visibility(evidence: Evidence) -> Iterable[str]:
    """What was asked of TikTok, and where the post is then seen."""
    seen = {post["ad_id"]: post["visible"] for post in evidence.posts() if post["ad_id"]}
    for row, ad in evidence.ads_of_rows():
        if row.mode is not Mode.PUSH:
            continue
        if ADS_ONLY.get(ad["dark_post_status"]) is not row.visibility:
            yield f"row {row.row_id}: asked for with dark_post_status {ad['dark_post_status']}, not as {row.visibility}"
        if seen.get(ad["ad_id"]) != row.visibility:
            yield f"row {row.row_id}: seen {seen.get(ad['ad_id'], 'nowhere')}, not {row.visibility}"


def one_post_each(evidence: Evidence) -> Iterable[str]:
    """The post that an ad made stands on the right account, once, under the id that the report and the ad name."""
    made = [post for post in evidence.posts() if post["origin"] == "ad" and not post["deleted"]]
    named = {row.row_id: row.item_id for row in evidence.report}
    pushes = [row for row in evidence.to_publish if row.mode is Mode.PUSH]
    for row in pushes:
        ads = {ad["ad_id"]: ad["tiktok_item_id"] for ad in evidence.ads_of(row.row_id)}
        posts = [post for post in made if post["ad_id"] in ads]
        if len(posts) != 1:
            yield f"row {row.row_id}: {len(posts)} posts"
            continue
        post = posts[0]
        if post["handle"] != row.account:
            yield f"row {row.row_id}: posted on @{post['handle']}, not @{row.account}"
        if not post["item_id"] == ads[post["ad_id"]] == named.get(row.row_id):
            yield (
                f"row {row.row_id}: its post is {post['item_id']}, "
                f"the ad names {ads[post['ad_id']]}, the report {named.get(row.row_id)}"
            )
    if len(made) > len(pushes):
        yield f"{len(made)} posts were made, not {len(pushes)}"


def embargo(evidence: Evidence) -> Iterable[str]:
    """By TikTok's clock, to the microsecond."""
    published = {post["ad_id"]: post["published_at"] for post in evidence.posts() if post["ad_id"]}
    for row, ad in evidence.ads_of_rows():
        due = row.due_at(_ANY_TIME)
        for what, at in (("ad", ad["created_at"]), ("post", published.get(ad["ad_id"]))):
            if at is not None and _time(at) < due:
                early = (due - _time(at)).total_seconds()
                yield f"row {row.row_id}: its {what} existed {early:.3f} s before {due:%H:%M:%S} UTC"


def one_upload_each(evidence: Evidence) -> Iterable[str]:
    """As many videos as ad accounts that push, each with the file's own checksum."""
    videos = Counter(video["advertiser_id"] for video in evidence.state["videos"])
    for advertiser_id in sorted({row.ad_account for row in evidence.to_publish if row.mode is Mode.PUSH}):
        if videos[advertiser_id] != 1:
            yield f"ad account {advertiser_id} has {videos[advertiser_id]} videos"
    for video in evidence.state["videos"]:
        if video["signature"] != evidence.video_md5:
            yield f"video {video['video_id']} is not the file"


def _row_id(ad: Mapping[str, Any]) -> str:
    return str(ad["ad_name"]).split(" ", 1)[0]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
