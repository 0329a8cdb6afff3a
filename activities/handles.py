"""Handles as TikTok writes them: with or without @, in any case, or as something that is no handle."""

from pydantic import TypeAdapter, ValidationError

from sparkads.contracts.base import Handle

_HANDLE: TypeAdapter[str] = TypeAdapter(Handle)


def bare_handle(said: str | None) -> str:
    """The handle as we compare it; empty if TikTok said none, or something that can't be one."""
    try:
        return _HANDLE.validate_python(said or "")
    except ValidationError:
        return ""
