"""The error codes that TikTok documents or was seen to answer, with what it says beside them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """
    One code.

    Attributes:
        number: `code` of the envelope.
        message: what TikTok says with it; `{advertiser}` is the ad account that was asked about.
        passes: whether it says that the same call may work later: it may hold a row up, and never end it.
    """

    number: int
    message: str
    passes: bool = False


_PASSING = {
    40016: "Too many requests. Please retry in some time.",
    40100: "Too many requests by this developer. Please retry in some time.",
    40132: "Requests with this field value are too frequent.",
    40133: (
        "Advertiser ({advertiser})'s QPS (21) reaches QPS limit 20 for current path, request is temporarily restricted."
    ),
    40201: "The task is not ready yet.",
    40202: "Write conflict, please try again.",
    41021: "Concurrent requests are limited.",
    50000: "Service error. Please try again later.",
    50002: "Processing error or timeout.",
    51010: "Internal service timed out.",
    51016: "Account service error.",
    51021: "Too many concurrent requests.",
    51039: "Authorization service error.",
    51045: "File service error.",
    51060: "Business Center service error.",
    51061: "Business manager service error.",
    51305: "Internal service error.",
    52000: "Storage error.",
    60001: "The system is under maintenance.",
    61000: "Requests made too frequently.",
}

_OTHERS = {
    20001: "Partial success.",
    40000: "Invalid params.",
    40001: "No permission to operate advertiser {advertiser}.",
    40002: "Invalid value of 'bc_id': related asset ID is missing",
    40003: "Forbidden.",
    40006: "The version is incompatible.",
    40007: "The object does not exist.",
    40008: "Not implemented.",
    40009: "Unsupported in sandbox.",
    40010: "Wrong host.",
    40011: "Too many ids.",
    40012: "Nothing to update.",
    40013: "The sandbox advertiser does not exist.",
    40014: "Feature not available in sandbox.",
    40050: "Duplicated request.",
    40051: "Invalid version.",
    40052: "The material exists already.",
    40053: "Invalid video id.",
    40061: "Batch size exceeded.",
    40062: "PII is not hashed.",
    40063: "Partner name is wrong.",
    40064: "Direct messages are blocked.",
    40065: "Targeting is restricted.",
    40101: "Authorization parameters are wrong.",
    40102: "Access token is expired.",
    40103: "Refresh token is expired.",
    40104: "Access token is null, you should set it in http header with key Access-Token.",
    40105: "Access token is incorrect or has been revoked.",
    40106: "Core user is invalid.",
    40107: "Refresh token is invalid.",
    40108: "Bad grant_type.",
    40109: "Decipher error.",
    40110: "The auth_code is canceled. Please re-authorize and try again with a new auth_code.",
    40112: "Password is wrong.",
    40113: "The app_id is inconsistent with the token's app information.",
    40114: "The advertiser has logged out.",
    40115: "The timestamp has expired.",
    40116: "The signature is invalid.",
    40117: "Method is not allowed.",
    40118: "The app or advertiser is not allowlisted.",
    40119: "Developer and advertiser do not belong to the same company.",
    40120: "The user is not logged in.",
    40121: "Not a creator.",
    40122: "The country is not supported.",
    40124: "The developer profile is missing.",
    40125: "The developer lacks permission.",
    40126: "Inventory filter is not available.",
    40128: "Inventory filter is required.",
    40130: "The scope is not authorized by the user.",
    40131: "User authorization failed.",
    40200: "Async task error.",
    40300: "The advertiser {advertiser} doesn't exist or has been deleted.",
    40301: "Advertiser mismatch.",
    40302: "The customer advertiser does not exist.",
    40309: "Login is required.",
    40400: "Route not found.",
    40502: "The ad limit is reached.",
    40700: "Internal service validation failed.",
    40900: "The file signature does not match.",
    40901: "The video is still transcoding.",
    40902: "Failed to fetch the URL.",
    40903: "The URL is unavailable.",
    40904: "The image is illegal.",
    40905: "The image does not exist.",
    40907: "The image is too large.",
    40911: "Duplicated material name.",
    40912: "Image is unavailable.",
    40913: "Failed to fetch the image.",
    40915: "The image does not meet the specification.",
    40916: "The video content is not allowed.",
    41000: "The country of this IP address is banned.",
    41001: "The interface is offline.",
    41002: "The fields are offline.",
    41013: "Site-to-video is offline.",
    51009: "The budget is below the minimum.",
    59999: "Something that no page names.",
    49999: "Something that no page names.",
}

_SENTENCES = (
    (40002, "Missing required field(s): adgroup_name."),
    (
        40002,
        "You no longer have access to the TikTok account used in this ad. To continue editing, select a new identity.",
    ),
    (40002, "You don't have permission to the asset({advertiser})"),
    (40002, "The advertiser {advertiser} doesn't exist or has been deleted."),
    (40002, "error unmarshaling parameter"),
    (40000, "Please use a valid item."),
    (40001, "advertiser does not grant you /adgroup/create/:POST permission"),
)
"""What stands beside codes with many meanings."""

CODES = (
    *(Code(number, message, passes=True) for number, message in _PASSING.items()),
    *(Code(number, message) for number, message in _OTHERS.items()),
    *(Code(number, message) for number, message in _SENTENCES),
)
