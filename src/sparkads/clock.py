"""
The release clock: local wall times become instants.

The rule for clock changes, after RFC 5545: a wall time that the zone skips lies as far after the gap as it was written
after the gap's beginning (00:00 becomes 01:00 where the clock jumps from midnight to one); a wall time that occurs
twice is its first occurrence.
"""

import difflib
import re
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_WALL_TIME = re.compile(r"^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?$")

NOW = "now"
"""The one word in place of a wall time: as soon as everything else is ready."""


def parse_wall_time(text: str) -> datetime:
    """
    Read `YYYY-MM-DD HH:MM[:SS]`.

    Raises:
        ValueError: it is no such time, or says an offset: the zone stands in its own column.
    """
    match = _WALL_TIME.match(text.strip())
    if match is None:
        raise ValueError("write YYYY-MM-DD HH:MM, the wall time in the row's time_zone, or the word now")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone is applied by instant()


def instant(wall_time: datetime, zone: str) -> datetime:
    """The instant, in UTC, at which the clocks of `zone` (IANA) first show `wall_time`."""
    return wall_time.replace(tzinfo=_zone(zone), fold=0).astimezone(UTC)


def zone_problem(zone: str, *, nearest: bool = True) -> str | None:
    """Why `zone` is no IANA time zone; None if it is one. `nearest`: look for the name that was meant, 5 ms of work."""
    if zone in _zones():
        return None
    near = difflib.get_close_matches(zone, _zones(), n=1, cutoff=0.5) if nearest else []
    hint = f"did you mean {near[0]}?" if near else "write one like Pacific/Auckland"
    return f"no IANA time zone of that name; {hint}"


# ZoneInfo keeps eight by itself: rows of more zones than that would read a file each.
_zone = cache(ZoneInfo)


@cache
def _zones() -> frozenset[str]:
    # Not whatever the machine can open: `localtime` and `right/…` mean something else on the next one.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def in_zone(moment: datetime, zone: str) -> str:
    """A person's reading of an instant: local wall time, zone and UTC."""
    local = moment.astimezone(_zone(zone))
    return f"{local:%Y-%m-%d %H:%M:%S} {zone} ({moment.astimezone(UTC):%H:%M:%S} UTC)"
