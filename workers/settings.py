"""
Every setting of the application, and the only place that reads the environment.

Sources, later ones win: the defaults below; `temporal.toml` (for the connection to Temporal only); the environment:
`DATABASE_URL`, Temporal's own `TEMPORAL_*`, and `SPARKADS_` + the name of the field for all else. An empty variable
counts as not set. Wrong values are reported all at once, each with its variable.
"""

import difflib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, InstanceOf, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from rich.table import Table
from temporalio.envconfig import ClientConfigProfile

from tiktok import MARGIN

PREFIX = "SPARKADS_"
TEMPORAL = "TEMPORAL_ADDRESS / temporal.toml"
"""How a problem with Temporal's own configuration is named to the reader."""

_MASK = "********"
_DATABASE_SCHEMES = ("postgresql", "postgres")
_OBJECT_STORE_SCHEMES = ("file", "s3", "gs", "az", "abfs", "abfss", "memory")
_HIGHEST_PORT = 65_535

Seconds = Annotated[float, Field(allow_inf_nan=False)]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """One wrong value: the variable it came from, what was read (masked for secrets), what is wanted."""

    variable: str
    read: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.variable} is {self.read}: {self.wanted}"


class SettingsError(Exception):
    """The environment holds wrong values; `problems` has all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} wrong setting{'s' if len(problems) > 1 else ''}:{lines}")


def _local_objects() -> str:
    return (Path.cwd() / ".local" / "objects").as_uri()


def _temporal() -> ClientConfigProfile:
    profile = ClientConfigProfile.load()
    return replace(profile, address=profile.address or "localhost:7233", namespace=profile.namespace or "default")


class Settings(BaseSettings):
    """What a process of this application can be told. Durations are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    database_url: str = Field(
        "postgresql://localhost:5432/sparkads",
        validation_alias="DATABASE_URL",
        repr=False,
        description="PostgreSQL 14 or newer, as postgresql://user:password@host:port/name",
    )
    database_pool_size: int = Field(10, ge=1, le=500, description="connections this process may hold")
    temporal: InstanceOf[ClientConfigProfile] = Field(
        default_factory=_temporal,
        repr=False,
        description="how to reach Temporal, from TEMPORAL_* and temporal.toml",
    )
    object_store: str = Field(
        default_factory=_local_objects,
        repr=False,
        description="where files lie by content hash, as a URL: file, s3, gs, az",
    )

    tiktok_base_url: str = Field(
        "https://business-api.tiktok.com",
        description="TikTok's API for Business, or the simulator: scheme and host",
    )
    tiktok_tier: Literal["basic", "advanced", "premium", "ultimate", "unlimited"] = Field(
        "basic", description="rate-limit tier of the developer app; unlimited is for the simulator"
    )
    tiktok_advertiser_qps: int | None = Field(
        20, ge=1, description="calls a second to one endpoint for one ad account: seen in production, not documented"
    )
    tiktok_margin: Seconds = Field(
        MARGIN,
        ge=0,
        le=1,
        description="seconds by which rate-limit windows are kept longer than TikTok's: more on a slow machine or line",
    )
    tiktok_app_id: str | None = Field(None, min_length=1, description="developer app; needed to authorize new tokens")
    tiktok_app_secret: SecretStr | None = Field(None, min_length=1, description="its secret")
    authorization_verb: Literal["GET", "POST"] = Field(
        "GET", description="HTTP method by which TikTok accepts the call that makes an authorization QR code"
    )
    qr_lifetime: Seconds = Field(
        86_400, ge=60, le=30 * 86_400, description="seconds after which a QR code is made again"
    )

    qr_reusable: bool = Field(
        default=True,
        description="whether TikTok lets one code serve several owners; if not, each request gets its own",
    )

    sweep_fast: Seconds = Field(
        15, ge=0.05, le=3_600, description="seconds between two looks for accounts while someone is awaited"
    )
    sweep_slow: Seconds = Field(900, ge=0.05, le=86_400, description="seconds between two looks otherwise")
    review_every: Seconds = Field(
        900,
        ge=0.05,
        le=86_400,
        description="seconds between two looks at what can be done with authorized accounts: scopes, posts, partners",
    )
    drift_every: Seconds = Field(
        21_600,
        ge=0.05,
        le=7 * 86_400,
        description="seconds between two comparisons of every member's permissions with TikTok, a call for each member",
    )
    review_poll_fast: Seconds = Field(
        20, ge=0.05, le=3_600, description="seconds between two looks at ads that went into review a short while ago"
    )
    review_poll_slow: Seconds = Field(
        300, ge=0.05, le=86_400, description="seconds between two looks at ads that have been in review for long"
    )
    settle_window: Seconds = Field(
        120,
        ge=0.05,
        le=86_400,
        description="seconds for which the ad of an unknown outcome is looked for before it counts as not published",
    )
    post_named_within: Seconds = Field(
        600,
        ge=0.05,
        le=86_400,
        description="seconds that TikTok may take to name the post of a push that it has approved; then the row counts "
        "as published with its post unknown, and the post is looked for further",
    )
    ads_per_ad_account: int = Field(
        10_000, ge=1, description="Spark Ads that TikTok takes in one ad account, deleted ones not counted"
    )
    access_max_age: Seconds = Field(
        30, ge=0, le=3_600, description="seconds for which a check of someone's roles holds; 0 checks every time"
    )

    webhook_url: SecretStr | None = Field(
        None, repr=False, description="where notifications are POSTed as JSON; unset: they are logged only"
    )
    webhook_secret: SecretStr | None = Field(
        None, min_length=1, repr=False, description="key of the notifications' signature"
    )

    deployment_name: str = Field(
        "sparkads",
        pattern=r"^[A-Za-z0-9_-]{1,128}$",
        description="name of the worker deployment: letters, digits, '_' and '-' (Temporal refuses a dot)",
    )
    build_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._+-]{1,128}$",
        description="version of this build; setting it switches worker versioning on",
    )
    graceful_shutdown: Seconds = Field(
        30, ge=0, le=600, description="seconds that running activities get to finish after SIGTERM"
    )
    metrics_address: str | None = Field(None, description="host:port of the Prometheus endpoint; unset: none")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="lowest level logged")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments and the environment, nothing else: no .env file decides behind the operator's back."""
        return init_settings, env_settings

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        if urlsplit(value).scheme not in _DATABASE_SCHEMES:
            raise ValueError("a URL starting with postgresql:// is wanted")
        return value

    @field_validator("object_store")
    @classmethod
    def _is_object_store(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in _OBJECT_STORE_SCHEMES:
            raise ValueError(f"a URL is wanted, with one of these schemes: {', '.join(_OBJECT_STORE_SCHEMES)}")
        if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
            raise ValueError("a file URL with an absolute path is wanted, such as file:///var/lib/sparkads/objects")
        if parts.scheme not in {"file", "memory"} and not parts.netloc:
            raise ValueError(f"the bucket or container is missing: {parts.scheme}://NAME/prefix")
        return value

    @field_validator("tiktok_base_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("an http(s) URL without a path is wanted: the API's path is added")
        return value.rstrip("/")

    @field_validator("webhook_url")
    @classmethod
    def _is_receiver(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _has_host(value.get_secret_value()):
            raise ValueError("a URL starting with https:// or http:// and a host is wanted")
        return value

    @field_validator("metrics_address")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            host, _, port = value.rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) <= _HIGHEST_PORT:
                raise ValueError("host:port is wanted, such as 0.0.0.0:9464")
        return value

    # Looked at field by field rather than at the end, so that one report has these and every other problem.
    @field_validator("sweep_slow", "review_poll_slow")
    @classmethod
    def _slow_is_not_faster(cls, value: float, info: ValidationInfo) -> float:
        name = str(info.field_name).replace("slow", "fast")
        fast = info.data.get(name)
        if fast is not None and value < fast:
            raise ValueError(f"at least {PREFIX}{name.upper()} ({fast:g} s) is wanted")
        return value

    @field_validator("tiktok_app_secret")
    @classmethod
    def _comes_with_an_app(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        app = info.data.get("tiktok_app_id")
        if "tiktok_app_id" in info.data and (app is None) != (value is None):
            raise ValueError(f"{PREFIX}TIKTOK_APP_ID and {PREFIX}TIKTOK_APP_SECRET are wanted together or not at all")
        return value

    @property
    def temporal_address(self) -> str:
        """Host and port of Temporal."""
        return str(self.temporal.address)

    @property
    def namespace(self) -> str:
        """Temporal namespace."""
        return str(self.temporal.namespace)

    @property
    def database_address(self) -> str:
        """The database's URL without its password: fit for messages and logs."""
        return _without_password(self.database_url)

    def table(self) -> list[dict[str, Any]]:
        """
        List every setting with its variable, value and meaning.

        Secrets are masked, so that the answer may be printed.
        """
        rows = [
            {
                "variable": _variable(name),
                "value": _shown(name, getattr(self, name)),
                "default": name not in self.model_fields_set,
                "meaning": field.description,
            }
            for name, field in type(self).model_fields.items()
            if name != "temporal"
        ]
        connection: dict[str, Any] = {
            "TEMPORAL_ADDRESS": (self.temporal_address, "host:port of Temporal's frontend"),
            "TEMPORAL_NAMESPACE": (self.namespace, "namespace of all workflows"),
            "TEMPORAL_API_KEY": (_MASK if self.temporal.api_key else None, "key for Temporal Cloud"),
            "TEMPORAL_TLS": ("tls" in self.temporal.to_client_connect_config(), "whether the connection is encrypted"),
        }
        rows += [
            {"variable": name, "value": value, "default": name not in os.environ, "meaning": meaning}
            for name, (value, meaning) in connection.items()
        ]
        return rows


def load_settings() -> Settings:
    """
    Read the settings from the environment, and warn about `SPARKADS_` variables that mean nothing.

    Raises:
        SettingsError: with every wrong value at once.
    """
    for name, near in unknown_variables(os.environ):
        logger.warning("%s is not a setting%s", name, f"; did you mean {near}?" if near else "")
    problems: list[Problem] = []
    arguments: dict[str, Any] = {}
    try:
        arguments["temporal"] = _temporal()
    except (RuntimeError, ValueError, OSError) as error:
        problems.append(Problem(TEMPORAL, "not usable", _one_line(error)))
        arguments["temporal"] = ClientConfigProfile()
    try:
        settings = Settings(**arguments)
    except ValidationError as error:
        problems += [_problem(one["loc"][0], one["msg"]) for one in error.errors(include_url=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """Find variables with our prefix that are no setting, each with the name of the nearest setting, if one is near."""
    known = [_variable(name) for name in Settings.model_fields if name != "temporal"]
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return [(name, _nearest(name, known)) for name in unknown]


def inherited_environment() -> dict[str, str]:
    """
    Copy the environment for child processes of a local stack.

    Without what would lead them to another Temporal server than the stack's: a key or certificate for Temporal Cloud
    must never be sent to it, either.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}


def settings_table(settings: Settings) -> Table:
    """Lay the settings out for a terminal."""
    table = Table(title="Settings; dim ones have their default", title_justify="left")
    table.add_column("Variable", no_wrap=True)
    table.add_column("Value", overflow="fold")
    table.add_column("Meaning")
    for row in settings.table():
        value = "not set" if row["value"] is None else str(row["value"])
        table.add_row(row["variable"], value, row["meaning"], style="dim" if row["default"] else None)
    return table


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text quotes the URL
        return False


def _variable(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else PREFIX + field.upper()


def _shown(field: str, value: object) -> object:
    if isinstance(value, SecretStr):
        return _MASK
    return _without_password(str(value)) if field in {"database_url", "object_store"} else value


def _without_password(url: str) -> str:
    # By pattern, not by parsing: what is shown may be a URL that does not parse, with a password full of "/" and "@".
    masked = re.sub(r"(://[^:@/]*:).+@", rf"\g<1>{_MASK}@", url)
    # libpq and object stores also take credentials as query parameters.
    return re.sub(r"(?i)([?&][^=&]*(?:password|secret|key|token)[^=&]*=)[^&]*", rf"\g<1>{_MASK}", masked)


def _problem(location: str | int, message: str) -> Problem:
    name = str(location)
    field = next((field for field in Settings.model_fields if name in {field, _variable(field)}), None)
    variable = name if field is None else _variable(field)
    read = os.environ.get(variable)
    if read is None:
        shown = "not set"
    elif field is None or Settings.model_fields[field].annotation == SecretStr | None:
        shown = "set (not shown)"
    else:
        shown = json.dumps(_without_password(read), ensure_ascii=False)
    return Problem(variable, shown, message.removeprefix("Value error, ").replace("Input should be ", "wanted is "))


def _nearest(name: str, known: list[str]) -> str | None:
    # The prefix would make every name look near.
    by_tail = {one.removeprefix(PREFIX): one for one in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), by_tail, n=1)
    return by_tail[near[0]] if near else None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
