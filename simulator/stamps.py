"""Instants as the API writes them: `2026-11-22 14:00:00` or `2026-11-22T14:00:00Z`, UTC."""

from datetime import UTC, datetime


def spaced(at: float) -> str:
    """How most endpoints write a time."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def zulu(at: float) -> str:
    """How the file endpoints write a time."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def precise(at: float | None) -> str | None:
    """ISO 8601 with microseconds and offset, for the control API."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def parse_spaced(text: str) -> float:
    """Seconds since the epoch.

    Raises:
        ValueError: when the text has another form.
    """
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


def years_after(at: float, years: int) -> float:
    """The same day and time so many years later; 29 February becomes 1 March."""
    moment = datetime.fromtimestamp(at, UTC)
    try:
        return moment.replace(year=moment.year + years).timestamp()
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1).timestamp()
