"""What an operator learns from wrong settings, and what never leaves them."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from workers.settings import Settings, SettingsError, load_settings, settings_table


def problems() -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{len(caught.value.problems)} wrong setting")
    return {one.variable: str(one) for one in caught.value.problems}


def test_defaults_need_no_environment(clean_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_environment.chdir(tmp_path)
    settings = load_settings()
    assert settings.temporal_address == "localhost:7233"
    assert settings.namespace == "default"
    assert settings.object_store == f"file://{tmp_path}/.local/objects"
    assert settings.tiktok_tier == "basic"
    assert settings.build_id is None
    assert settings.webhook_url is None


def test_every_wrong_value_is_reported_at_once(clean_environment: pytest.MonkeyPatch) -> None:
    wrong = {
        "DATABASE_URL": "mysql://localhost/x",
        "SPARKADS_DATABASE_POOL_SIZE": "0",
        "SPARKADS_OBJECT_STORE": "s3:bucket",
        "SPARKADS_TIKTOK_BASE_URL": "https://business-api.tiktok.com/open_api/v1.3",
        "SPARKADS_TIKTOK_TIER": "gold",
        "SPARKADS_AUTHORIZATION_VERB": "PUT",
        "SPARKADS_QR_LIFETIME": "1 day",
        "SPARKADS_SWEEP_FAST": "nan",
        "SPARKADS_DEPLOYMENT_NAME": "spark.ads",
        "SPARKADS_METRICS_ADDRESS": ":9464",
        "SPARKADS_LOG_LEVEL": "chatty",
    }
    for name, value in wrong.items():
        clean_environment.setenv(name, value)
    clean_environment.setenv("TEMPORAL_PROFILE", "no-such-profile")
    found = problems()
    assert set(found) == {*wrong, "TEMPORAL_ADDRESS / temporal.toml"}
    for name, value in wrong.items():
        assert json.dumps(value) in found[name]
    assert "wanted" in found["SPARKADS_TIKTOK_TIER"]
    assert "'basic'" in found["SPARKADS_TIKTOK_TIER"]
    assert "no-such-profile" in found["TEMPORAL_ADDRESS / temporal.toml"]


def test_relations_are_reported_next_to_other_problems(clean_environment: pytest.MonkeyPatch) -> None:
    clean_environment.setenv("SPARKADS_SWEEP_FAST", "1000")
    clean_environment.setenv("SPARKADS_REVIEW_POLL_SLOW", "1")
    clean_environment.setenv("SPARKADS_TIKTOK_APP_ID", "7001")
    clean_environment.setenv("SPARKADS_LOG_LEVEL", "chatty")
    found = problems()
    assert "at least SPARKADS_SWEEP_FAST (1000 s)" in found["SPARKADS_SWEEP_SLOW"]
    assert "at least SPARKADS_REVIEW_POLL_FAST (20 s)" in found["SPARKADS_REVIEW_POLL_SLOW"]
    assert "together" in found["SPARKADS_TIKTOK_APP_SECRET"]
    assert "SPARKADS_LOG_LEVEL" in found


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:open-sesame@db/x",
        "mysql://me:open/sesame@db/x",
        "mysql://me:open@sesame@db/x",
        "mysql://db/x?password=open-sesame&sslmode=require",
        "mysql://[me:open-sesame@db/x",
    ],
)
def test_problems_keep_passwords_to_themselves(clean_environment: pytest.MonkeyPatch, url: str) -> None:
    clean_environment.setenv("DATABASE_URL", url)
    clean_environment.setenv("SPARKADS_TIKTOK_APP_SECRET", "open-sesame")
    found = problems()
    assert set(found) == {"DATABASE_URL", "SPARKADS_TIKTOK_APP_SECRET"}
    assert "sesame" not in "".join(found.values())


@pytest.mark.parametrize(
    "url",
    ["ftp://hooks/open-sesame", "https:///open-sesame", "https://me:open/sesame@hooks", "https://[open-sesame", "open"],
)
def test_a_wrong_webhook_is_named_and_not_shown(clean_environment: pytest.MonkeyPatch, url: str) -> None:
    clean_environment.setenv("SPARKADS_WEBHOOK_URL", url)
    assert problems() == {
        "SPARKADS_WEBHOOK_URL": "SPARKADS_WEBHOOK_URL is set (not shown): "
        "a URL starting with https:// or http:// and a host is wanted"
    }


def test_tables_and_reprs_keep_secrets_to_themselves(clean_environment: pytest.MonkeyPatch) -> None:
    clean_environment.setenv("DATABASE_URL", "postgresql://me:open-sesame@db:5433/x")
    clean_environment.setenv("SPARKADS_TIKTOK_APP_ID", "7001")
    clean_environment.setenv("SPARKADS_TIKTOK_APP_SECRET", "open-sesame")
    clean_environment.setenv("SPARKADS_OBJECT_STORE", "s3://bucket/prefix?secret_access_key=open-sesame")
    clean_environment.setenv("TEMPORAL_API_KEY", "open-sesame")
    clean_environment.setenv("SPARKADS_WEBHOOK_URL", "https://hooks.example/open-sesame")
    clean_environment.setenv("SPARKADS_WEBHOOK_SECRET", "open-sesame")
    settings = load_settings()
    rows = {row["variable"]: row["value"] for row in settings.table()}
    assert rows["DATABASE_URL"] == "postgresql://me:********@db:5433/x"
    assert rows["SPARKADS_TIKTOK_APP_SECRET"] == rows["TEMPORAL_API_KEY"] == "********"
    assert rows["SPARKADS_WEBHOOK_URL"] == rows["SPARKADS_WEBHOOK_SECRET"] == "********"
    assert rows["TEMPORAL_TLS"] is True
    table = settings_table(settings)
    shown = [str(cell) for column in table.columns for cell in column.cells]
    assert "SPARKADS_SWEEP_FAST" in shown
    for text in (repr(settings), str(rows), "".join(shown), settings.database_address):
        assert "sesame" not in text


def test_unknown_variables_are_named_with_the_nearest_setting(
    clean_environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clean_environment.setenv("SPARKADS_SWEP_FAST", "5")
    clean_environment.setenv("SPARKADS_DATABASE_URL", "postgresql://db/x")
    clean_environment.setenv("SPARKADS_XYZZY", "1")
    load_settings()
    assert "SPARKADS_SWEP_FAST is not a setting; did you mean SPARKADS_SWEEP_FAST?" in caplog.messages
    assert "SPARKADS_DATABASE_URL is not a setting; did you mean DATABASE_URL?" in caplog.messages
    assert "SPARKADS_XYZZY is not a setting" in caplog.messages


def test_an_empty_variable_is_not_set(clean_environment: pytest.MonkeyPatch) -> None:
    clean_environment.setenv("SPARKADS_BUILD_ID", "")
    clean_environment.setenv("DATABASE_URL", "")
    settings = load_settings()
    assert settings.build_id is None
    assert settings.database_url == "postgresql://localhost:5432/sparkads"


def test_temporal_is_configured_as_its_own_tools_are(clean_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profile = tmp_path / "temporal.toml"
    profile.write_text('[profile.default]\naddress = "temporal.example:7233"\nnamespace = "releases"\n')
    clean_environment.setenv("TEMPORAL_CONFIG_FILE", str(profile))
    clean_environment.setenv("TEMPORAL_NAMESPACE", "rehearsal")
    settings = load_settings()
    assert (settings.temporal_address, settings.namespace) == ("temporal.example:7233", "rehearsal")


def test_settings_do_not_change(clean_environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().__setattr__("sweep_fast", 1)


def test_arguments_win_over_the_environment(clean_environment: pytest.MonkeyPatch) -> None:
    clean_environment.setenv("SPARKADS_SWEEP_FAST", "5")
    assert Settings(sweep_fast=1).sweep_fast == 1
