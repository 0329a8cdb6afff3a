"""How TikTok counts captions, and what check says of them; names that we make are within TikTok's limits."""

from pathlib import Path

import pytest
from manifest_sheets import PUSH, places, read, sheet

from activities.tokens import ad_name
from sparkads import captions
from store.publishing import ad_group_name
from tests import small_media

TIKTOK_NAME = 512
"""The most that a name of a campaign, ad group or ad may count (TikTok campaign, adgroup and ad create)."""


@pytest.mark.parametrize(
    ("caption", "count"),
    [
        ("a" * 100, 100),
        ("é" * 100, 100),
        ("新" * 50, 100),
        ("カタカナ", 8),
        ("한국어", 6),
        ("\uff26\uff35\uff2c\uff2c", 8),
        ("\uff76\uff85", 2),
        ("नया गाना", 8),
        ("Out now 新曲。", 14),
    ],
)
def test_wide_characters_count_twice(caption: str, count: int) -> None:
    assert captions.counted(caption) == count
    assert captions.problems(caption) == ()


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("", "is empty"),
        ("a" * 101, "counts 101 characters"),
        ("新" * 51, "counts 102 characters, because Chinese, Japanese and Korean ones count twice"),
        ("가" * 50 + "!", "counts 101 characters, because Chinese, Japanese and Korean ones count twice"),
        ("Out now 🎵", "has an emoji"),
        ("Out now ❤️", "has an emoji"),
        ("1️⃣", "has an emoji"),
        ("🇳🇿", "has an emoji"),
    ],
)
def test_check_names_the_row_and_the_caption(tmp_path: Path, caption: str, problem: str) -> None:
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    found = read(tmp_path, sheet([PUSH, PUSH | {"row_id": "b", "account": "@b.b", "caption": caption}])).problems
    assert places(found) == [(3, "caption")]
    assert found[0].problem == problem
    assert found[0].advice


def test_what_tiktok_may_not_take_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    rows = [
        PUSH,
        PUSH | {"row_id": "b", "account": "@b.b", "territory": "AU", "caption": "#new by @artist"},
        PUSH | {"row_id": "c", "account": "@c.c", "territory": "US", "caption": "new {music}"},
    ]
    manifest = read(tmp_path, sheet(rows))
    assert manifest.problems == ()
    assert [(one.row, one.column, one.problem) for one in manifest.warnings] == [
        (3, "caption", "in 2 rows: has @ # { }")
    ]


def test_names_stay_within_tiktoks_limit_for_any_row_and_campaign(tmp_path: Path) -> None:
    longest = "x" * 64
    (tmp_path / "teaser.mp4").write_bytes(small_media.video())
    for row_id, allowed in ((longest, True), (longest + "x", False), ("新", False), ("🎵", False), ("é", False)):
        manifest = read(tmp_path, sheet([PUSH | {"row_id": row_id}]))
        assert places(manifest.problems) == ([] if allowed else [(2, "row_id")])
    for name in (ad_name(longest, "0" * 32), ad_group_name(longest, wave=10_000, number=10_000)):
        assert name.isascii()
        assert captions.counted(name) <= TIKTOK_NAME
