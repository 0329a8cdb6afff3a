"""
Who is in the story: a label, its people, its ad accounts, and its artists. All of them are made up.

What they release stands in examples/midnight-release.csv; nothing of it is repeated here.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import SecretStr

from sparkads.manifest import ManifestRow, Mode

LABEL = "Night Ferry Records"
BC_ID = "7300000000000000100"
SONG = "Harbour Lights"


class Person(NamedTuple):
    """A member of the label's Business Center."""

    user_id: str
    name: str
    role: str

    @property
    def first_name(self) -> str:
        """As the story calls them."""
        return self.name.split()[0]


ADMIN = Person("7200000000000000101", "Mara Lindqvist", "ADMIN")
OPERATOR = Person("7200000000000000102", "Theo Brandt", "STANDARD")
ASSISTANT = Person("7200000000000000103", "Ines Okafor", "STANDARD")
PEOPLE = (ADMIN, OPERATOR, ASSISTANT)


class AdAccount(NamedTuple):
    """Pays for the ads of one territory."""

    advertiser_id: str
    territory: str
    currency: str
    time_zone: str


AD_ACCOUNTS = (
    AdAccount("7100000000000000101", "NZ", "NZD", "Pacific/Auckland"),
    AdAccount("7100000000000000102", "JP", "JPY", "Asia/Tokyo"),
    AdAccount("7100000000000000103", "DE", "EUR", "Europe/Berlin"),
    AdAccount("7100000000000000104", "GB", "GBP", "Europe/London"),
    AdAccount("7100000000000000105", "US", "USD", "America/New_York"),
)


class Artist(NamedTuple):
    """The owner of a TikTok account."""

    handle: str
    name: str
    time_zone: str

    @property
    def city(self) -> str:
        """The place their time zone is named for."""
        return city(self.time_zone)


ARTISTS = (
    Artist("mele.tides", "Mele Tides", "Pacific/Auckland"),
    Artist("southern.hush", "Southern Hush", "Pacific/Auckland"),
    Artist("kawa.lanterns", "Kawa Lanterns", "Asia/Tokyo"),
    Artist("yuki.offbeat", "Yuki Offbeat", "Asia/Tokyo"),
    Artist("lena.nachtbus", "Lena Nachtbus", "Europe/Berlin"),
    Artist("kiez.kapelle", "Kiez Kapelle", "Europe/Berlin"),
    Artist("low.tide.club", "Low Tide Club", "Europe/London"),
    Artist("maisie.vale", "Maisie Vale", "Europe/London"),
    Artist("fern.avenue", "Fern Avenue", "America/New_York"),
    Artist("dez.monroe", "Dez Monroe", "America/New_York"),
    Artist("sol.canyon", "Sol Canyon", "America/Los_Angeles"),
    Artist("june.arcade", "June Arcade", "America/Los_Angeles"),
)

DECLINES = "dez.monroe"
"""This owner says no on the consent page."""

REVOKES = "june.arcade"
"""This owner says yes, and takes it back before the release."""

DELAYS = {"scan_seconds": 0.5, "transcode_seconds": 0.8, "review_seconds": 1.5, "post_id_seconds": 0.4}
"""How long the pretended TikTok takes for what takes minutes or hours at the real one."""


def city(time_zone: str) -> str:
    """The place a time zone is named for."""
    return time_zone.rsplit("/", 1)[-1].replace("_", " ")


def seed(rows: Iterable[ManifestRow], token: SecretStr) -> dict[str, Any]:
    """What the pretended TikTok starts with: the cast, and the posts that the manifest's pulls use."""
    posts: dict[str, list[dict[str, Any]]] = {artist.handle: [] for artist in ARTISTS}
    for row in rows:
        if row.mode is Mode.PULL:
            posts[row.account].append({"item_id": row.post_id, "text": f"{SONG}, first listen", "status": "PUBLIC"})
    return {
        "tier": "basic",
        "clock": DELAYS,
        "business_centers": [
            {
                "bc_id": BC_ID,
                "name": LABEL,
                "access_token": token.get_secret_value(),
                "members": [
                    {
                        "user_id": person.user_id,
                        "user_name": person.name,
                        "user_email": f"{person.first_name.lower()}@example.com",
                        "user_role": person.role,
                    }
                    for person in PEOPLE
                ],
                "ad_accounts": [
                    {
                        "advertiser_id": one.advertiser_id,
                        "name": f"{LABEL} {one.territory}",
                        "currency": one.currency,
                        "timezone": one.time_zone,
                        "roles": {ADMIN.user_id: "ADMIN", OPERATOR.user_id: "OPERATOR", ASSISTANT.user_id: "ANALYST"},
                    }
                    for one in AD_ACCOUNTS
                ],
            }
        ],
        "accounts": [
            {
                "handle": artist.handle,
                "display_name": artist.name,
                "time_zone": artist.time_zone,
                "posts": posts[artist.handle],
            }
            for artist in ARTISTS
        ],
    }
