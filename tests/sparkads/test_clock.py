"""The release clock: what a wall time means in zones that are not easy."""

from datetime import UTC, datetime

import pytest

from sparkads import clock


@pytest.mark.parametrize(
    ("zone", "wall_time", "utc"),
    [
        ("Pacific/Auckland", "2027-01-15 00:00", "2027-01-14 11:00"),
        ("America/New_York", "2027-01-15 00:00", "2027-01-15 05:00"),
        # Offsets that are no whole hours.
        ("Asia/Kathmandu", "2027-01-15 00:00", "2027-01-14 18:15"),
        ("Pacific/Chatham", "2027-01-15 00:00", "2027-01-14 10:15"),  # summer there: +13:45
        ("Pacific/Chatham", "2027-07-15 00:00", "2027-07-14 11:15"),
        ("Pacific/Kiritimati", "2027-01-15 00:00", "2027-01-14 10:00"),
        # Lord Howe moves its clocks by half an hour: 02:00 to 02:30 is skipped in October, repeated in April.
        ("Australia/Lord_Howe", "2026-10-04 01:59", "2026-10-03 15:29"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45"),  # shown as 02:45
        ("Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03 15:30"),
        ("Australia/Lord_Howe", "2027-04-04 01:45", "2027-04-03 14:45"),  # the first of two
        # Casablanca is at +01:00, and at +00:00 in Ramadan: the clock goes back when it begins.
        ("Africa/Casablanca", "2026-02-15 02:30", "2026-02-15 01:30"),  # the first of two
        ("Africa/Casablanca", "2026-03-01 00:00", "2026-03-01 00:00"),
        ("Africa/Casablanca", "2026-03-22 02:30", "2026-03-22 02:30"),  # skipped; shown as 03:30
        ("Africa/Casablanca", "2026-06-01 00:00", "2026-05-31 23:00"),
        # Midnight itself is skipped: the instant of a midnight release is an hour past the beginning of the gap.
        ("Africa/Cairo", "2026-04-24 00:00", "2026-04-23 22:00"),
        ("America/Santiago", "2026-09-06 00:00", "2026-09-06 04:00"),
        # And midnight happens twice, an hour apart.
        ("America/Havana", "2026-11-01 00:30", "2026-11-01 04:30"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:30"),
    ],
)
def test_the_instant_of_a_wall_time(zone: str, wall_time: str, utc: str) -> None:
    expected = datetime.strptime(utc, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert clock.instant(clock.parse_wall_time(wall_time), zone) == expected


@pytest.mark.parametrize(
    ("zone", "wall_time", "shown"),
    [
        ("Africa/Cairo", "2026-04-24 00:00", "2026-04-24 01:00:00"),
        ("America/Santiago", "2026-09-06 00:00", "2026-09-06 01:00:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-04 02:45:00"),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 03:30:00"),
    ],
)
def test_a_skipped_wall_time_lies_as_far_after_the_gap(zone: str, wall_time: str, shown: str) -> None:
    moment = clock.instant(clock.parse_wall_time(wall_time), zone)
    assert clock.in_zone(moment, zone).startswith(f"{shown} {zone} (")


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2027-01-15", "15.01.2027 00:00", "2027-1-5 0:00", "2027-01-15 00:00Z", "2027-02-30 00:00"),
        *("2027-01-15 24:00", "2027-01-15T00:00+13:00", "0000-01-01 00:00", "2027-01-15 00:00 Pacific/Auckland"),
    ],
)
def test_what_is_no_wall_time_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        clock.parse_wall_time(text)


def test_seconds_and_a_t_may_be_written() -> None:
    assert clock.parse_wall_time(" 2027-01-15T23:59:59 ") == datetime(2027, 1, 15, 23, 59, 59)  # noqa: DTZ001 - a wall time


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Pacific/Aukland", "did you mean Pacific/Auckland?"),
        ("NZST", "no IANA time zone"),
        ("", "no IANA time zone"),
        ("Europe", "no IANA time zone"),
        ("../../etc/passwd", "no IANA time zone"),
        ("Pacific/Auckland\0", "no IANA time zone"),
        ("x" * 5000, "write one like Pacific/Auckland"),
        ("\ud800", "no IANA time zone"),
    ],
)
def test_what_is_no_zone_says_so(zone: str, hint: str) -> None:
    assert hint in str(clock.zone_problem(zone))


def test_known_zones_have_no_problem() -> None:
    assert [clock.zone_problem(zone) for zone in ("UTC", "Asia/Kathmandu", "Pacific/Chatham")] == [None, None, None]
