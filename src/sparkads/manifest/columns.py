"""The columns of a manifest: their names and meanings, what may be in them, and which a fallback may fill."""

import difflib
import unicodedata
from typing import Final

COLUMNS: dict[str, str] = {
    "row_id": "your own id of the row; stays the same when the row moves",
    "mode": "push (publish a video as a post) or pull (use an existing post)",
    "account": "handle of the TikTok account",
    "ad_account": "id of the ad account that pays",
    "territory": "two letters, ISO 3166: where the ad runs",
    "location_id": "TikTok's id of that place",
    "time_zone": "IANA name of the zone that release_at is in",
    "release_at": "local wall time YYYY-MM-DD HH:MM, or now",
    "visibility": "push: ads_only or profile. pull: empty",
    "video": "push: the file, relative to the manifest, or its https address. pull: empty",
    "post_id": "pull: id of the post. push: empty",
    "caption": "push: up to 100 characters, Chinese, Japanese and Korean ones count twice; no emoji. pull: empty",
    "landing_url": "https address that the ad leads to",
    "call_to_action": "TikTok's word, for example LISTEN_NOW",
    "daily_budget": "per ad group, in the ad account's currency: above 20, in some currencies far more",
    "cover": "may be left out. push: a jpg or png like the video; empty: TikTok's first frame",
    "ad_group_id": "may be left out. TikTok's id of an ad group to use; empty: one is made",
    "tier": "may be left out. 0 goes out first, as a canary, then 1, and so on; empty: 1",
    "rights_from": "may be left out. first day of the rights, YYYY-MM-DD, or a wall time; in the row's time_zone",
    "rights_until": "may be left out. last day of the rights, YYYY-MM-DD, or a wall time; in the row's time_zone",
}

OPTIONAL: Final = frozenset({"cover", "ad_group_id", "tier", "rights_from", "rights_until"})
"""Columns that a manifest need not have."""

PROBLEMS: Final = "problems"
"""The column that a file of rejected rows has beside theirs. It is not read, so that such a file can be mended."""

FOR_TERRITORIES: Final = frozenset(COLUMNS) - {"row_id", "account", "territory", "visibility", "post_id"}
"""Columns that a territory may fill where a row leaves them empty. A visibility is never guessed (decision 6)."""

FOR_ALL: Final = FOR_TERRITORIES | {"territory"}
"""Columns that the fallback for all rows may fill."""

CARRIED_BY_PUSH: Final = ("video", "cover", "caption", "visibility")
"""Columns that a pull leaves empty: its post has them already. A fallback does not fill them for it."""

CALLS_TO_ACTION: Final = frozenset(
    """APPLY_NOW BOOK_NOW CALL_NOW CHECK_AVAILABLILITY CONTACT_US DOWNLOAD_NOW EXPERIENCE_NOW GET_QUOTE GET_SHOWTIMES
    GET_TICKETS_NOW INSTALL_NOW INTERESTED LEARN_MORE LISTEN_NOW ORDER_NOW PLAY_GAME PREORDER_NOW READ_MORE SEND_MESSAGE
    SHOP_NOW SIGN_UP SUBSCRIBE VIEW_NOW VIEW_PROFILE VISIT_STORE WATCH_LIVE WATCH_NOW""".split()
)

MAX_URL = 2000
"""Characters of a landing page's address that a row may carry: more is a slip of the pen."""
MAX_ROWS = 10_000
MAX_TIER = 99

_ALSO_CALLED: Final = {
    "budget": "daily_budget",
    "canary": "tier",
    "country": "territory",
    "cta": "call_to_action",
    "handle": "account",
    "id": "row_id",
    "link": "landing_url",
    "release_date": "release_at",
    "rights_end": "rights_until",
    "rights_start": "rights_from",
    "rights_to": "rights_until",
    "text": "caption",
    "thumbnail": "cover",
    "url": "landing_url",
    "wave": "tier",
    "zone": "time_zone",
}
"""What other sheets call these columns: for a hint, never as a second name."""


def normal(name: str) -> str:
    """A column's name as it was meant: without the case, blanks, quotes and invisible letters of a spreadsheet."""
    letters = (letter for letter in name if unicodedata.category(letter) != "Cf")
    return "_".join("".join(one if one.isalnum() or one == "_" else " " for one in letters).lower().split())


def nearest(name: str) -> str:
    """What to do about a column that does not exist."""
    near = _ALSO_CALLED.get(name) or next(iter(difflib.get_close_matches(name, COLUMNS, n=1)), None)
    return f"did you mean {near}?" if near else f"known columns: {', '.join(COLUMNS)}"
