"""The scope of a request: its key, its words, and what a grant lacks of it."""

from itertools import product

import pytest

from sparkads.scopes import NewVideos, Scope

ALL = [
    Scope(existing_posts=posts, new_videos=videos, live=live)
    for posts, videos, live in product([True, False], NewVideos, [True, False])
]


@pytest.mark.parametrize("scope", ALL, ids=lambda scope: scope.key)
def test_every_scope_has_a_key_of_its_own_and_is_read_back_from_it(scope: Scope) -> None:
    # R7
    assert Scope.from_key(scope.key) == scope
    assert [other for other in ALL if other.key == scope.key] == [scope]
    assert [other for other in ALL if other.sentence == scope.sentence] == [scope]


def test_the_sentence_says_what_the_owner_is_asked_for() -> None:
    # R7
    assert Scope().sentence == "use existing posts in ads"
    everything = Scope(new_videos=NewVideos.ON_PROFILE, live=True)
    assert everything.sentence == (
        "use existing posts in ads, publish new videos on the profile and in ads, promote live rooms"
    )


@pytest.mark.parametrize(
    ("asked", "can_pull", "can_push", "ads_only", "missing"),
    [
        (NewVideos.NO, True, False, False, ()),
        (NewVideos.NO, False, True, False, ("existing posts",)),
        (NewVideos.ADS_ONLY, True, True, True, ()),
        (NewVideos.ADS_ONLY, True, False, True, ("new videos",)),
        (NewVideos.ON_PROFILE, True, True, False, ()),
        (NewVideos.ON_PROFILE, True, True, True, ("new videos on the profile",)),
        (NewVideos.ON_PROFILE, False, False, True, ("existing posts", "new videos")),
    ],
)
def test_what_a_grant_lacks_of_the_scope(
    asked: NewVideos, *, can_pull: bool, can_push: bool, ads_only: bool, missing: tuple[str, ...]
) -> None:
    # R7, R9
    assert Scope(new_videos=asked).shortfall(can_pull=can_pull, can_push=can_push, ads_only=ads_only) == missing
