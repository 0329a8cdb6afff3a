"""What makes a creative a valid Spark Ad: pull of an existing post, or push of a new one."""

from typing import Final, Literal

from pydantic import Field

from simulator.captions import CAPTION_LENGTH, NAME_LENGTH, check_text
from simulator.endpoints.identities import available_status, find_identity
from simulator.endpoints.images import SLIDE_SIZES
from simulator.endpoints.posts import find_post
from simulator.entities import AdAccount, Authorization
from simulator.envelope import ApiError, parameter_error
from simulator.fields import Id, IdentityType, OpenBody, Switch
from simulator.routes import Call

RATIO_TOLERANCE: Final = 0.02
"""How far a cover's width to height may be from its video's, as a share."""
MOST_SLIDES: Final = 35


class Creative(OpenBody):
    """One creative of /ad/create/. Further documented fields are kept and echoed."""

    ad_name: str
    ad_format: Literal["SINGLE_VIDEO", "CAROUSEL_ADS"]
    identity_type: IdentityType
    identity_id: Id
    identity_authorized_bc_id: Id | None = None
    tiktok_item_id: Id | None = None
    video_id: Id | None = None
    image_ids: list[Id] | None = Field(default=None, max_length=MOST_SLIDES)
    ad_text: str | None = None
    call_to_action: str | None = None
    call_to_action_id: Id | None = None
    landing_page_url: str | None = None
    dark_post_status: Literal["ON", "OFF"] | None = None
    promotional_music_disabled: bool = True
    item_duet_status: Switch | None = None
    item_stitch_status: Switch | None = None
    operation_status: Switch = "ENABLE"


def check_creative(call: Call, advertiser: AdAccount, creative: Creative) -> Authorization:
    """The authorization a creative rests on.

    Raises:
        ApiError: mostly 40002; 40053 for an unknown video, 40905 for an unknown image, 40901 for one still transcoding.
    """
    check_text(call.world.config, "ad_name", creative.ad_name, NAME_LENGTH)
    if creative.identity_type == "CUSTOMIZED_USER":
        raise parameter_error("Invalid value of 'identity_type': CUSTOMIZED_USER is no longer supported")
    authorization = find_identity(
        advertiser, creative.identity_id, creative.identity_type, creative.identity_authorized_bc_id
    )
    account = authorization.account
    if account.is_gpppa:
        raise parameter_error("Accounts of governments, politicians and political parties cannot be used for ads.")
    status = available_status(authorization)
    if status != "AVAILABLE":
        raise parameter_error(f"The TikTok account cannot be used for ads: {status}.")
    if not (creative.call_to_action or creative.call_to_action_id):
        raise parameter_error("Missing required field(s): call_to_action.")
    if creative.tiktok_item_id is not None:
        _check_pull(call, authorization, creative, creative.tiktok_item_id)
    else:
        _check_push(call, advertiser, authorization, creative)
    return authorization


def _check_pull(call: Call, authorization: Authorization, creative: Creative, item_id: str) -> None:
    if creative.video_id is not None or creative.image_ids:
        raise parameter_error("Invalid value of 'tiktok_item_id': it cannot be combined with video_id or image_ids")
    if creative.dark_post_status is not None:
        raise parameter_error("Invalid value of 'dark_post_status': it is supported for Spark Ads Push only")
    post = find_post(authorization, item_id)
    if post is None:
        raise parameter_error(f"Invalid value of 'tiktok_item_id': the post {item_id} is not available")
    if not post.ad_authorized:
        raise parameter_error(f"Invalid value of 'tiktok_item_id': the post {item_id} is not authorized for ads")
    if post.status != "PUBLIC" and call.world.config.private_posts == "refuse":
        raise parameter_error(f"Invalid value of 'tiktok_item_id': the post {item_id} is not public")
    if creative.ad_format == "CAROUSEL_ADS" and post.type != "CAROUSEL":
        raise parameter_error("Invalid value of 'ad_format': only photo posts can be delivered as carousel")
    if creative.ad_format == "SINGLE_VIDEO" and post.type != "VIDEO":
        raise parameter_error("Invalid value of 'ad_format': a photo post can only be delivered as carousel")


def _check_push(call: Call, advertiser: AdAccount, authorization: Authorization, creative: Creative) -> None:
    if not authorization.videos:
        raise parameter_error("The TikTok account has not authorized new videos to be published.")
    if not creative.ad_text:
        raise parameter_error("Missing required field(s): ad_text.")
    check_text(call.world.config, "ad_text", creative.ad_text, CAPTION_LENGTH)
    if creative.dark_post_status == "OFF" and (authorization.ads_only or advertiser.ads_only_mode):
        raise parameter_error("Invalid value of 'dark_post_status': the TikTok account allows posts in ads only")
    if not creative.image_ids:
        raise parameter_error("Missing required field(s): image_ids.")
    if creative.ad_format == "CAROUSEL_ADS":
        _check_slides(advertiser, creative, creative.image_ids)
    else:
        _check_video(call, advertiser, creative, creative.image_ids)


def _check_slides(advertiser: AdAccount, creative: Creative, image_ids: list[str]) -> None:
    if creative.video_id is not None:
        raise parameter_error("Invalid value of 'video_id': a carousel has none")
    for image_id in image_ids:
        if _image_size(advertiser, image_id) not in SLIDE_SIZES:
            raise parameter_error(f"Invalid value of 'image_ids': image size is not supported ({image_id})")


def _check_video(call: Call, advertiser: AdAccount, creative: Creative, image_ids: list[str]) -> None:
    if creative.video_id is None:
        raise parameter_error("Missing required field(s): video_id.")
    if len(image_ids) != 1:
        raise parameter_error("Invalid value of 'image_ids': a video takes exactly one cover")
    video = advertiser.videos.get(creative.video_id)
    if video is None:
        raise ApiError(40053, f"The video {creative.video_id} is invalid.")
    if call.now < video.ready_at:
        raise ApiError(40901, "The video is still being transcoded. Please try again later.")
    width, height = _image_size(advertiser, image_ids[0])
    if abs(width * video.height - height * video.width) > RATIO_TOLERANCE * height * video.width:
        raise parameter_error("Unsupported image size")


def _image_size(advertiser: AdAccount, image_id: str) -> tuple[int, int]:
    image = advertiser.images.get(image_id)
    if image is None:
        raise ApiError(40905, f"The image {image_id} does not exist.")
    return image.width, image.height
