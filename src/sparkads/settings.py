"""
Settings of a client: where Temporal and the object store are, and who acts.

Read from the environment: Temporal's own `TEMPORAL_*` and `temporal.toml`, and `SPARKADS_` + the name of a field.
Workers have more settings, with the same prefix; what a client does not know it leaves alone.
"""

import os
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, InstanceOf, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from temporalio.envconfig import ClientConfigProfile

from sparkads.contracts.base import TikTokId
from sparkads.errors import SparkAdsError

PREFIX = "SPARKADS_"

_STORES = ("file", "s3", "gs", "az", "abfs", "abfss")
_HIDDEN = "********"


class WrongSettings(SparkAdsError):
    """
    The environment holds wrong values.

    Attributes:
        problems: one line for each of them, with its variable.
    """

    def __init__(self, problems: list[str]) -> None:
        """Compose a text of all of them."""
        super().__init__(f"{len(problems)} wrong setting{'s' if len(problems) > 1 else ''}: {'; '.join(problems)}")
        self.problems = problems


def _local_objects() -> str:
    return (Path.cwd() / ".local" / "objects").as_uri()


class ClientSettings(BaseSettings):
    """What a client can be told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    object_store: str = Field(
        default_factory=_local_objects,
        repr=False,
        description="where files lie by content hash; the same URL as the workers': file, s3, gs, az",
    )
    actor: TikTokId | None = Field(default=None, description="user id of the member who acts")
    temporal: InstanceOf[ClientConfigProfile] = Field(
        default_factory=ClientConfigProfile, repr=False, description="from TEMPORAL_* and temporal.toml"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments and the environment; no .env file decides behind a person's back."""
        return init_settings, env_settings

    @field_validator("object_store")
    @classmethod
    def _is_a_store(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in _STORES:
            raise ValueError(f"a URL is wanted, with one of these schemes: {', '.join(_STORES)}")
        if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
            raise ValueError("a file URL with an absolute path is wanted, such as file:///var/lib/sparkads/objects")
        if parts.scheme != "file" and not parts.netloc:
            raise ValueError(f"the bucket or container is missing: {parts.scheme}://NAME/prefix")
        return value

    @property
    def temporal_address(self) -> str:
        """Host and port of Temporal."""
        return str(self.temporal.address)


def load_settings() -> ClientSettings:
    """
    Read the environment.

    Raises:
        WrongSettings: with every wrong value at once.
    """
    problems = []
    profile = ClientConfigProfile()
    try:
        profile = ClientConfigProfile.load()
    except (RuntimeError, ValueError, OSError) as error:
        problems.append(f"TEMPORAL_* / temporal.toml: {' '.join(str(error).split())}")
    profile = replace(profile, address=profile.address or "localhost:7233", namespace=profile.namespace or "default")
    try:
        settings = ClientSettings(temporal=profile)
    except ValidationError as error:
        problems += [_problem(str(one["loc"][0]), one["msg"]) for one in error.errors(include_url=False)]
    if problems:
        raise WrongSettings(problems)
    return settings


def debugging() -> bool:
    """Whether a bug is shown with its traceback: SPARKADS_DEBUG=1, known even where no other setting can be read."""
    return os.environ.get("SPARKADS_DEBUG") == "1"


def without_secrets(url: str) -> str:
    """A URL that may be shown: neither a password nor keys in its query."""
    masked = re.sub(r"(://[^:@/]*:).*@", rf"\g<1>{_HIDDEN}@", url)
    return re.sub(r"(?i)([?&][^=&]*(?:password|secret|key|token|sig)[^=&]*=)[^&]*", rf"\g<1>{_HIDDEN}", masked)


def _problem(field: str, message: str) -> str:
    variable = PREFIX + field.removeprefix(PREFIX.lower()).upper()
    wanted = "the digits of a user id are wanted" if field == "actor" else message.removeprefix("Value error, ")
    return f"{variable} is {without_secrets(os.environ.get(variable, ''))!r}: {wanted}"
