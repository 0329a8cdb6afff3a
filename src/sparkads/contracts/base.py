"""What all contracts share, and the few types that appear in most of them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class Contract(BaseModel):
    """
    A frozen message.

    Unknown fields are ignored, not refused: a message may come from a history written by a newer or older release.
    Fields added after the first release need a default, for the same reason.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


def _bare_handle(value: str) -> str:
    return value.strip().removeprefix("@").lower()


TikTokId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
"""An id given by TikTok: digits, kept as text."""

Handle = Annotated[
    str,
    AfterValidator(_bare_handle),
    StringConstraints(pattern=r"^\s*@?[A-Za-z0-9._]{2,24}\s*$"),
]
"""A TikTok account's handle; compared without `@`, in lower case. It may change: never an id."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""A name given by a person, fit for a workflow id."""

ShortText = Annotated[str, Field(max_length=500)]
"""Text of a person: a reason, a note. Bounded, because it enters histories."""


Territory = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""Two capital letters of ISO 3166: where an ad runs."""


class BlobRef(Contract):
    """A file in the object store, by content: `sha256/<hex>`."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: int = Field(ge=0, description="bytes")
    media_type: str = "application/octet-stream"

    @property
    def key(self) -> str:
        """The key in the object store."""
        return f"sha256/{self.sha256}"
