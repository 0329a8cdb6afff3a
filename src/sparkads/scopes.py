"""The scope of an access request (R7): what an owner is asked to allow."""

from enum import StrEnum

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
