"""
TikTok Spark Ads through Business Center as a durable pipeline: Request → Approve → Share → Promote.

This package is what a back-end service installs: the vocabulary, the messages, the typed client `SparkAds` and the
`sparkads` command. The workers that do the work are run from the project's checkout or image.
"""

from sparkads.client import SparkAds
from sparkads.contracts.authorization import AdAccountLink, EndAuthorization, MemberGrant, Share, Unshare
from sparkads.contracts.base import BlobRef
from sparkads.contracts.business_center import CancelRequest, Decision, RequestAccess, ScanReport
from sparkads.contracts.release import AdTemplate, Command, ReleaseInput, RetryTargets, Selection, TargetState
from sparkads.contracts.takedown import Takedown
from sparkads.errors import Refusal, SparkAdsError, Unreachable
from sparkads.files import Files
from sparkads.roles import AdAccountRole, BcRole, Permission
from sparkads.scopes import NewVideos, Scope

__all__ = [
    "AdAccountLink",
    "AdAccountRole",
    "AdTemplate",
    "ApprovalStage",
    "Approve",
    "BcRole",
    "BlobRef",
    "CancelRequest",
    "Command",
    "Decision",
    "EndAuthorization",
    "Files",
    "HealthGate",
    "LatePolicy",
    "MemberGrant",
    "NewVideos",
    "Permission",
    "Proceed",
    "Refusal",
    "ReleaseInput",
    "RequestAccess",
    "Retime",
    "RetryTargets",
    "ScanReport",
    "Scope",
    "Selection",
    "Share",
    "SparkAds",
    "SparkAdsError",
    "Takedown",
    "TargetState",
    "Unreachable",
    "Unshare",
]
