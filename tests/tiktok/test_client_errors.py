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
    LimitReached,
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


CODES: tuple[tuple[tuple[int, ...], str, type[TikTokError]], ...] = (
    ((40000, 40002), "invalid parameters; a rule of business", InvalidRequest),
    ((40001, 40003), "no permission; forbidden", NoPermission),
    ((40006, 40051), "version incompatible or invalid", InvalidRequest),
    ((40007,), "the object does not exist", NotFound),
    ((40008, 40117, 40400), "not implemented, verb not allowed, no such route", WrongRoute),
    ((40009, 40014), "not in the sandbox", InvalidRequest),
    ((40013,), "no such ad account in the sandbox", NotFound),
    ((40010,), "wrong host", InvalidRequest),
    ((40011,), "too many ids", InvalidRequest),
    ((40012,), "nothing to update", InvalidRequest),
    ((40050,), "the same request_id within 10 seconds", DuplicateRequest),
    ((40052,), "the material exists", Conflict),
    ((40053,), "invalid video id", InvalidRequest),
    ((40061, 40062, 40063), "size of a batch, personal data not hashed, name of a partner", InvalidRequest),
    ((40064, 40065), "blocked, or a restriction of targeting", InvalidRequest),
    ((40101, 40102, 40103, 40104, 40105), "app and secret, token expired, refresh token, none, revoked", AuthError),
    ((40106, 40107, 40108, 40109), "token of another user, refresh token, grant type, not deciphered", AuthError),
    ((40110, 40112, 40113), "auth code spent, password, app blocked or another's", AuthError),
    ((40114, 40115, 40116), "logged out, timestamp, signature", AuthError),
    ((40118, 40119), "not on the list of allowed apps, other company", NoPermission),
    ((40120,), "the TikTok user is not logged in", AuthError),
    ((40121, 40122), "no creator, or not in this country", NoPermission),
    ((40124, 40125), "developer without profile or permission", NoPermission),
    ((40126, 40127, 40128, 40129), "brand safety", InvalidRequest),
    ((40130,), "the TikTok user did not grant the scope", NoPermission),
    ((40131,), "the TikTok user's authorization failed", AuthError),
    ((40200,), "an asynchronous task failed", InvalidRequest),
    ((40201,), "an asynchronous task is not ready", NotReady),
    ((40202,), "two writes at once", Conflict),
    ((40300, 40302), "the ad account is missing or deleted", NotFound),
    ((40301,), "the ad account does not fit", InvalidRequest),
    ((40309,), "a login is required", AuthError),
    ((40502,), "no room for more ads", LimitReached),
    ((40700,), "a value that a service does not take", InvalidRequest),
    ((40900,), "MD5 of a file does not fit", InvalidRequest),
    ((40901,), "the video is still transcoding", NotReady),
    ((40902, 40903, 40913), "a URL or an image that can't be fetched", FetchFailed),
    ((40904, 40906, 40907, 40908, 40909), "image illegal, empty, too large, of a type", InvalidRequest),
    ((40910, 40912, 40914, 40915), "image expired, unavailable, invalid, out of its specification", InvalidRequest),
    ((40905,), "the image does not exist", NotFound),
    ((40911,), "the name of a file is taken", DuplicateName),
    ((40916,), "what the video shows is not allowed", InvalidRequest),
    ((41000,), "calls from this country are banned", NoPermission),
    ((41001, 41002, 41013), "the interface or its fields are switched off", InvalidRequest),
    ((49999,), "no code that is known", InvalidRequest),
)
"""TikTok's codes, their meaning, and what may be concluded, whether it was a read or a write."""


@pytest.mark.parametrize(
    ("code", "expected"), [(code, expected) for codes, _, expected in CODES for code in codes], ids=str
)
def test_a_code_means_the_same_for_reads_and_writes(code: int, expected: type[TikTokError]) -> None:
    assert type(named(code, write=True)) is expected
    assert type(named(code, write=False)) is expected


@pytest.mark.parametrize(
    "code", [50000, 50002, 51000, 51010, 51021, 51039, 51060, 51067, 51099, 51305, 52000, 52204, 60001, 60000, -1, 7]
)
def test_after_a_server_error_a_write_is_unknown_and_a_read_may_be_repeated(code: int) -> None:
    assert type(named(code, write=True)) is UnknownOutcome
    assert type(named(code, write=False)) is ServerFault


@pytest.mark.parametrize("words", ["The budget is below the minimum.", "The amount is below the minimum.", ""])
def test_a_budget_that_is_too_low_is_refused_whatever_the_words(words: str) -> None:
    assert type(named(51009, words, write=True)) is InvalidRequest
    assert type(named(51009, words, write=False)) is ServerFault, "a read has no budget"


@pytest.mark.parametrize(
    ("code", "level"),
    [
        (40016, Level.APP),
        (40100, Level.APP),
        (61000, Level.APP),
        (40133, Level.ADVERTISER),
        (41021, Level.ADVERTISER),
        (40132, Level.VALUE),
    ],
)
@pytest.mark.parametrize("write", [True, False])
def test_throttling_tells_whose_limit_it_was(code: int, level: Level, *, write: bool) -> None:
    error = named(code, "the advertiser does not exist", write=write)
    assert isinstance(error, Throttled), "whatever the words"
    assert error.level is level
    assert error.retry_after >= 1


WORDS: tuple[tuple[tuple[int, ...], str, type[TikTokError]], ...] = (
    ((40002,), "Missing required field(s): ad_name.", InvalidRequest),
    (
        (40002,),
        (
            "You no longer have access to the TikTok account used in this ad. To continue editing, select a new "
            "identity and creative material or re-apply for access."
        ),
        IdentityLost,
    ),
    ((40002,), "You don't have permission to the asset(7300000000000000001)", NoPermission),
    ((40001,), "No permission to operate advertiser 7.", NoPermission),
    ((40001,), "advertiser does not grant you /ad/create/:POST permission", NoPermission),
    ((40001,), "Insufficient permissions", NoPermission),
    ((40002,), "Invalid ad_format: only photo posts can be delivered as carousel", InvalidRequest),
    ((40002,), "image size is not supported", InvalidRequest),
    ((40002,), "Unsupported image size", InvalidRequest),
    ((40002, 40300), "The advertiser 12 doesn't exist or has been deleted.", NotFound),
    ((40007,), "The ad 12 does not exist.", NotFound),
    ((40002,), "Invalid value of 'pixel_code': related asset ID is missing", InvalidRequest),
    ((40002,), "asset_type: correct is MANAGED_BUSINESS_ACCOUNT, TT_ACCOUNT", InvalidRequest),
    ((40000, 40001, 40002), "Insufficient permissions for some videos", NotReady),
    ((40000, 40002), "Please enter a valid item id", NotFound),
    ((40000,), "The item 75 is not a valid item of this identity.", NotFound),
    ((40000, 40002), "invalid items", InvalidRequest),
    ((40002,), "error unmarshaling parameter", InvalidRequest),
    ((40002,), "Campaign name already exists. Please try another one.", DuplicateName),
    ((40002,), "Duplicate ad group name.", DuplicateName),
    ((40002,), "Invalid value of 'adgroup_name': it is already in use", DuplicateName),
    ((40002,), "Ad group name is duplicated", DuplicateName),
    ((40110,), "The auth_code is canceled. Please re-authorize and try again with a new auth_code.", AuthError),
    ((40000, 40002, 40113), "The app_id is inconsistent with the token's app information", AuthError),
    ((40105,), "Access token is incorrect or has been revoked.", AuthError),
    ((40000, 40002), "You can create up to 50 ads in an ad group.", LimitReached),
    ((40002,), "The maximum number of ads in the adgroup is 50", LimitReached),
    ((40002,), "Ads in this ad group exceed the limit", LimitReached),
    ((40002,), "The ad group has too many targeted places", InvalidRequest),
    ((40002,), "Your ad account is suspended", InvalidRequest),
)
"""What TikTok says where its code says too little; a word counts for the catch-all codes only."""


@pytest.mark.parametrize(
    ("code", "message", "expected"), [(code, words, expected) for codes, words, expected in WORDS for code in codes]
)
@pytest.mark.parametrize("write", [True, False])
def test_words_decide_where_the_code_says_too_little(
    code: int, message: str, expected: type[TikTokError], *, write: bool
) -> None:
    assert type(named(code, message, write=write)) is expected


@pytest.mark.parametrize("code", [40400, 40700, 50000, 40105])
def test_words_change_no_code_that_is_plain(code: int) -> None:
    assert type(named(code, "Please enter a valid item id")) is type(named(code))


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
