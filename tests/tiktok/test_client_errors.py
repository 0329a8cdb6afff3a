"""Codes and words of TikTok become errors that say what may be concluded."""

import pickle

import pytest

from tiktok import (
    AuthError,
    Conflict,
    DuplicateName,
    DuplicateRequest,
    FetchFailed,
    IdentityLost,
    InvalidRequest,
    Level,
    NoPermission,
    NotFound,
    NotReady,
    ServerFault,
    Throttled,
    TikTokError,
    UnknownOutcome,
    WrongRoute,
)
from tiktok.errors import from_code


def named(code: int, message: str = "", *, write: bool = True) -> TikTokError:
    return from_code(code, message, request_id="r1", path="ad/create/", write=write)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (40000, InvalidRequest),
        (40001, NoPermission),
        (40002, InvalidRequest),
        (40007, NotFound),
        (40008, WrongRoute),
        (40011, InvalidRequest),
        (40050, DuplicateRequest),
        (40101, AuthError),
        (40102, AuthError),
        (40104, AuthError),
        (40105, AuthError),
        (40110, AuthError),
        (40113, AuthError),
        (40117, WrongRoute),
        (40118, NoPermission),
        (40125, NoPermission),
        (40201, NotReady),
        (40202, Conflict),
        (40300, NotFound),
        (40400, WrongRoute),
        (40700, InvalidRequest),
        (40900, InvalidRequest),
        (40901, NotReady),
        (40902, FetchFailed),
        (40911, DuplicateName),
        (49999, InvalidRequest),
    ],
)
def test_a_code_means_the_same_for_reads_and_writes(code: int, expected: type[TikTokError]) -> None:
    assert type(named(code, write=True)) is expected
    assert type(named(code, write=False)) is expected


@pytest.mark.parametrize("code", [50000, 50002, 51010, 51060, 51305, 52204, 60001, -1, 7])
def test_after_a_server_error_a_write_is_unknown_and_a_read_may_be_repeated(code: int) -> None:
    assert type(named(code, write=True)) is UnknownOutcome
    assert type(named(code, write=False)) is ServerFault


@pytest.mark.parametrize(
    ("code", "level"),
    [(40016, Level.APP), (40100, Level.APP), (40133, Level.ADVERTISER), (40132, Level.VALUE)],
)
def test_throttling_tells_whose_limit_it_was(code: int, level: Level) -> None:
    error = named(code)
    assert isinstance(error, Throttled)
    assert error.level is level
    assert error.retry_after >= 1


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (
            40002,
            "You no longer have access to the TikTok account used in this ad. To continue editing, select a new one.",
            IdentityLost,
        ),
        (40002, "You don't have permission to the asset(7300000000000000001)", NoPermission),
        (40002, "The advertiser 12 doesn't exist or has been deleted.", NotFound),
        (40002, "Missing required field(s): ad_name.", InvalidRequest),
        (40002, "Invalid value of 'pixel_code': related asset ID is missing", InvalidRequest),
        (40002, "Campaign name already exists. Please try another one.", DuplicateName),
        (40002, "Duplicate ad group name.", DuplicateName),
        (40000, "The app_id is inconsistent with the token's app information", AuthError),
    ],
)
def test_words_decide_where_the_code_says_too_little(code: int, message: str, expected: type[TikTokError]) -> None:
    assert type(named(code, message)) is expected


def test_the_text_is_one_bounded_line_with_all_that_support_asks_for() -> None:
    error = named(40002, "first\nsecond\x00\t" + "x" * 2000)
    text = str(error)
    assert text.startswith("TikTok 40002: first second xxx")
    assert text.endswith("[ad/create/, request r1]")
    assert "\n" not in text
    assert len(error.message) == 500


def test_an_error_survives_pickling() -> None:
    error = named(40133, "slow down")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(copy) == str(error)
    assert copy.level is Level.ADVERTISER
