"""The scope of an access request (R7): what an owner is asked to allow."""

from enum import StrEnum
from typing import Self

from sparkads.contracts.base import Contract


class NewVideos(StrEnum):
    """Whether new videos may be published, and where they are seen."""

    NO = "no"
    ADS_ONLY = "ads_only"
    ON_PROFILE = "on_profile"


class Scope(Contract):
    """Chosen before the QR code is made; one code serves every owner who is asked for the same scope (R7, R8)."""

    existing_posts: bool = True
    new_videos: NewVideos = NewVideos.NO
    live: bool = False

    @property
    def key(self) -> str:
        """A short stable name, used as a key in the store: `posts+videos:ads_only+live`."""
        parts = ["posts"] if self.existing_posts else []
        if self.new_videos is not NewVideos.NO:
            parts.append(f"videos:{self.new_videos.value}")
        if self.live:
            parts.append("live")
        return "+".join(parts) or "nothing"

    @classmethod
    def from_key(cls, key: str) -> Self:
        """The scope of a `key`."""
        parts = key.split("+")
        videos = next((part.removeprefix("videos:") for part in parts if part.startswith("videos:")), NewVideos.NO)
        return cls(existing_posts="posts" in parts, new_videos=NewVideos(videos), live="live" in parts)

    def shortfall(self, *, can_pull: bool, can_push: bool, ads_only: bool) -> tuple[str, ...]:
        """What was asked for and not granted, of what TikTok shows on an identity; it shows nothing about live."""
        missing = ["existing posts"] if self.existing_posts and not can_pull else []
        if self.new_videos is not NewVideos.NO and not can_push:
            missing.append("new videos")
        elif self.new_videos is NewVideos.ON_PROFILE and ads_only:
            missing.append("new videos on the profile")
        return tuple(missing)

    @property
    def sentence(self) -> str:
        """What the owner is asked for, in words."""
        parts = ["use existing posts in ads"] if self.existing_posts else []
        if self.new_videos is NewVideos.ADS_ONLY:
            parts.append("publish new videos that show through ads only")
        if self.new_videos is NewVideos.ON_PROFILE:
            parts.append("publish new videos on the profile and in ads")
        if self.live:
            parts.append("promote live rooms")
        return ", ".join(parts) or "nothing"
