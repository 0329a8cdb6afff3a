"""
The search attributes by which a run is found in Temporal: the one list that registration and workflows read.

Keywords, never Text (Text splits ids into words), and ids, never handles or titles: PostgreSQL visibility keeps them in
clear, 255 characters each, at most ten Keywords and three of each other type per namespace.
"""

from datetime import datetime

from temporalio.common import SearchAttributeKey

PHASE = SearchAttributeKey.for_keyword("SparkPhase")
BUSINESS_CENTER = SearchAttributeKey.for_keyword("SparkBusinessCenter")
ACCOUNT = SearchAttributeKey.for_keyword("SparkAccount")
CAMPAIGN = SearchAttributeKey.for_keyword("SparkCampaign")
WAVE = SearchAttributeKey.for_keyword("SparkWave")
WAITING_ON = SearchAttributeKey.for_keyword("SparkWaitingOn")
RELEASE_AT: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("SparkReleaseAt")
ATTENTION = SearchAttributeKey.for_bool("SparkAttention")
PAUSED = SearchAttributeKey.for_bool("SparkPaused")
TARGETS = SearchAttributeKey.for_int("SparkTargets")
PUBLISHED = SearchAttributeKey.for_int("SparkPublished")
FAILED = SearchAttributeKey.for_int("SparkFailed")

ALL: tuple[SearchAttributeKey, ...] = (  # type: ignore[type-arg]  # keys of different value types in one list
    PHASE,
    BUSINESS_CENTER,
    ACCOUNT,
    CAMPAIGN,
    WAVE,
    WAITING_ON,
    RELEASE_AT,
    ATTENTION,
    PAUSED,
    TARGETS,
    PUBLISHED,
    FAILED,
)
