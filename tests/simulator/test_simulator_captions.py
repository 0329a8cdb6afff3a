"""How long a caption is in TikTok's eyes."""

import pytest
from simulator_api import Api, push

from simulator.captions import width


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("out now", 7),
        ("été", 3),
        ("歌", 2),
        ("うた", 4),
        ("ｳﾀ", 2),  # half-width kana
        ("\uff21", 2),  # a full-width A
        ("노래", 4),
        ("गीत", 3),
        ("песня", 5),
    ],
)
def test_wide_characters_count_twice(text: str, length: int) -> None:
    assert width(text) == length


def test_korean_counts_once_by_the_other_reading() -> None:
    assert (width("노래 歌", 1), width("노래 歌", 2)) == (5, 7)


@pytest.mark.parametrize(
    ("caption", "code"),
    [
        ("歌" * 50, 0),
        ("歌" * 50 + "!", 40002),
        ("x" * 100, 0),
        ("x" * 101, 40002),
        ("go ⭐", 40002),
        ("go 👋🏽", 40002),
        ("1️⃣ song", 40002),
        ("¡Ya está! #nuevo @ann", 0),
    ],
)
async def test_captions_of_pushes(api: Api, caption: str, code: int) -> None:
    identity, group, media = await api.linked(), await api.adgroup(), await api.push_media()
    assert (await api.create(group, push(identity, media, ad_text=caption))).code == code


async def test_korean_captions_by_both_readings(api: Api) -> None:
    identity, group, media = await api.linked(), await api.adgroup(), await api.push_media()
    long = push(identity, media, ad_text="노래" * 30)
    assert (await api.create(group, long)).code == 40002
    await api.control("/config", hangul_width=1)
    assert (await api.create(group, long)).code == 0
