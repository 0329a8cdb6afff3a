"""Ids and words are hidden, what TikTok's own words say can be read."""

from workers.masking import Masks


def test_names_addresses_and_ids_are_hidden() -> None:
    masked = Masks().data(
        {
            "display_name": "KIRI",
            "user_email": "kiri@example.com",
            "url": "https://v.example/1?sig=2",
            "asset_id": "7400000000000000001",
            "identity_id": "5f0c1d3e-7c7a-5b1e-9c58-1a2b3c4d5e6f",
            "ad_ids": [1850000000000001],
        }
    )
    assert masked == {
        "display_name": "word-1",
        "user_email": "mail-1",
        "url": "url-1",
        "asset_id": "id-1",
        "identity_id": "id-2",
        "ad_ids": ["id-3 (a number)"],
    }


def test_an_id_is_the_same_as_a_number_as_text_and_as_a_key() -> None:
    masked = Masks().data({"ad_id": "1850000000000001", "map": {"1850000000000001": {"ad_id": 1850000000000001}}})
    assert masked == {"ad_id": "id-1", "map": {"id-1": {"ad_id": "id-1 (a number)"}}}


def test_what_tells_how_tiktok_answers_can_be_read() -> None:
    said = {
        "secondary_status": "AD_STATUS_AUDIT",
        "timezone": "Etc/GMT+8",
        "create_time": "2026-11-22 14:00:00",
        "format": "mp4",
        "balance": 12.5,
        "spend": "0.25",
        "create_at": 1796069332,
        "auth_info": None,
        "is_approved": True,
        "text": "",
    }
    assert Masks().data(said) == said


def test_no_name_passes_for_a_word_of_tiktok() -> None:
    masked = Masks().data(
        {"status": "Kiri and the Band", "reason": "write to kiri@example.com", "type": "7400000000000000001"}
    )
    assert masked == {"status": "word-1", "reason": "word-2", "type": "id-1"}


def test_sentences_are_freed_of_what_is_known() -> None:
    masks = Masks()
    masks.data({"name": "Kiri Ltd", "advertiser_id": "7000000000000000011"})
    sentence = "Advertiser (7000000000000000011) of Kiri Ltd, see https://x.example/a or @kiri, kiri@example.com"
    assert masks.text(sentence) == "Advertiser (id-1) of word-1, see url-1 or word-2, mail-1"
