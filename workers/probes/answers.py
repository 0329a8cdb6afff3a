"""What has been answered so far, and what it makes of the next questions: whose posts, which ad account."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import SecretStr

from tiktok import TikTokError

Json = dict[str, Any]

MADE_UP_ID: Final = "7000000000000000007"
"""An id that no post or ad has, of the length that they have."""


@dataclass(frozen=True)
class Said:
    """What TikTok said to one question.

    Attributes:
        params: What was asked with.
        asked_at: When the call started.
        data: `data` of the answer; empty if there was none.
        error: Why there was none.
    """

    params: Mapping[str, Any]
    asked_at: datetime
    data: Json = field(default_factory=dict)
    error: TikTokError | None = None

    def rows(self, name: str = "list") -> list[Json]:
        """The objects in a list of the answer; what is no object is passed over."""
        listed = self.data.get(name)
        return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []

    @property
    def total(self) -> int | None:
        """How many there are on all pages, if TikTok says so."""
        page = self.data.get("page_info")
        number = page.get("total_number") if isinstance(page, dict) else None
        return number if isinstance(number, int) else None


@dataclass(frozen=True)
class App:
    """The developer app that the token was authorized for."""

    app_id: str
    secret: SecretStr


@dataclass
class Answers:
    """All that was answered, by the name of the probe.

    Attributes:
        bc_id: The Business Center that is asked about.
        app: The developer app, if it is set.
        now: When the probing began.
    """

    bc_id: str
    app: App | None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    by_probe: dict[str, list[Said]] = field(default_factory=dict)

    def answered(self, probe: str) -> list[Said]:
        """The answers of a probe that were no refusals."""
        return [said for said in self.by_probe.get(probe, ()) if said.error is None]

    def rows(self, probe: str, name: str = "list") -> list[Json]:
        """The rows of a listing."""
        return [row for said in self.answered(probe) for row in said.rows(name)]

    @property
    def tiktok_accounts(self) -> list[str]:
        """Asset ids of the TikTok accounts of the Business Center."""
        return _ids(self.rows("tiktok_accounts"), "asset_id")

    @property
    def ad_accounts(self) -> list[str]:
        """Every ad account that was met; those with a link to one of the TikTok accounts first."""
        found = _ids(self.rows("links"), "advertiser_id")
        for probe, name in (
            ("ad_accounts", "asset_id"),
            ("partner_ad_accounts", "asset_id"),
            ("ad_accounts_of_token", "advertiser_id"),
        ):
            found += _ids(self.rows(probe), name)
        return list(dict.fromkeys(found))

    @property
    def ad_account(self) -> str | None:
        """The ad account that further questions are about."""
        return next(iter(self.ad_accounts), None)

    @property
    def identity(self) -> Json | None:
        """An identity of this Business Center in that ad account, one with posts to pull if there is any."""
        listed = self.rows("identities", "identity_list") or self.rows("identities_without_bc", "identity_list")
        ours = [one for one in listed if one.get("identity_id") and one.get("identity_authorized_bc_id") == self.bc_id]
        return next((one for one in ours if one.get("can_pull_video") is not False), next(iter(ours), None))

    @property
    def identity_params(self) -> Json | None:
        """What every question about that identity holds."""
        if self.identity is None:
            return None
        return {
            "advertiser_id": self.ad_account,
            "identity_id": str(self.identity["identity_id"]),
            "identity_type": "BC_AUTH_TT",
            "identity_authorized_bc_id": self.bc_id,
        }

    @property
    def post(self) -> str | None:
        """A video post of that identity."""
        return next(iter(_ids(self.rows("posts", "video_list"), "item_id")), None)

    @property
    def photo_post(self) -> str | None:
        """A photo post of that identity."""
        return next(iter(_ids(self.rows("photo_posts", "video_list"), "item_id")), None)

    @property
    def place(self) -> Json | None:
        """A country that ads can be shown in."""
        return next((one for one in self.rows("countries", "region_info") if one.get("location_id")), None)

    @property
    def video(self) -> Json | None:
        """The oldest video that was listed: one that is transcoded for long."""
        listed = [one for one in self.rows("videos") if one.get("video_id")]
        return min(listed, key=lambda one: str(one.get("create_time") or "~"), default=None)

    @property
    def cover(self) -> str | None:
        """A cover that TikTok proposes for it."""
        return next(iter(_ids(self.rows("covers"), "id")), None)

    def ads_by_status(self) -> dict[str, str]:
        """One ad for each status that was met."""
        return {
            str(ad.get("secondary_status")): str(ad["ad_id"]) for ad in reversed(self.rows("ads")) if ad.get("ad_id")
        }


@dataclass(frozen=True)
class Finding:
    """What an answer means.

    Attributes:
        means: In plain words.
        note: What the product does about it by itself, or what a person has to do; empty: neither.
        answered: What came, in a few words; empty: TikTok's own words say it.
        settings: Which settings follow, by variable.
    """

    means: str
    note: str = ""
    answered: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One question, or one asked of a few.

    Attributes:
        name: For the record and other probes; stays the same.
        asks: What is asked, in plain words.
        path: The endpoint.
        params: What to ask with, made of what is known by then: one for each call; none: can't be asked.
        read: What the answers mean that were no refusals; not called if there are none.
        refused: What it means if TikTok refuses every call.
        verb: GET, or POST where TikTok wants that for a read.
        needs: What is missing if it can't be asked.
    """

    name: str
    asks: str
    path: str
    params: Callable[[Answers], Sequence[Json]]
    read: Callable[[Answers, Sequence[Said]], Finding]
    refused: Finding
    verb: str = "GET"
    needs: str = ""


def _ids(rows: Sequence[Json], name: str) -> list[str]:
    return list(_each_id(rows, name))


def _each_id(rows: Sequence[Json], name: str) -> Iterator[str]:
    for row in rows:
        if row.get(name):
            yield str(row[name])
