"""
The review: what can be done with the authorized accounts now, and where our record and TikTok differ.

TikTok is the truth about TikTok, so nothing is ever overwritten there: what somebody changed in Business Center by hand
is adopted into our record, or flagged where a person has to decide; both are told by name. A difference counts only if
it cannot be a command of ours that is under way: our record is read before TikTok and again after it.

Every ad account, partner and member is asked about by itself: one that TikTok does not answer, or answers slowly, is
left out by name and keeps no other waiting. Nothing is taken for gone because of an answer that can't be read in full.

Calls: one page of identities for every 100 accounts of an ad account with links, one listing for each partner that is
waited for, one page of 20 posts for each account that is pulled from, one of 100 ads for each ad account with videos
whose posts are not known. When permissions are compared as well, which is seldom: every ad account, and one listing of
assets for each member.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio import activity

from activities.failures import DEFINITE_NO
from activities.platform import Platform
from activities.review_findings import Findings
from activities.review_links import LinkReview
from activities.review_members import MemberReview
from activities.review_posts import PostReview
from activities.sharing import PartnerReady
from activities.together import each_to_its_end
from sparkads.contracts.base import Contract
from sparkads.contracts.drift import DriftReport
from store import authorizations, differences, sharing
from store.database import Pool
from store.sharing import PartnerStep

REPORTED_AT_MOST = 500
"""Differences in one answer, which travels through Temporal; the record has them all."""

SHOWN_AT_MOST = 20
"""Things left out that a Business Center's card and status name."""


class Review(Contract):
    """Review a Business Center; `permissions`: compare every member's, too, which costs a call for each of them."""

    bc_id: str
    permissions: bool


class Reviewed(Contract):
    """What a review found."""

    report: DriftReport
    partners_ready: tuple[PartnerReady, ...]
    """accounts that can be linked now, because partners have done their part"""
    campaigns: tuple[str, ...]
    """release campaigns with rows that wait for accounts whose sharing has changed"""
    left_out: tuple[str, ...] = ()
    """what could not be looked at this time, and why"""
    lasting: tuple[str, ...] = ()
    """of them, what could not be looked at before, either"""


class ReviewActivities:
    """Needs the store and TikTok."""

    def __init__(self, db: Pool, platform: Platform) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform

    @activity.defn
    async def review_accounts(self, review: Review) -> Reviewed:
        """
        Look at identities, posts, partners and, if asked to, at every member's permissions.

        Raises:
            ApplicationError: as of `tiktok_failures`, if TikTok has answered no question at all.
        """
        client = await self._platform.client(review.bc_id)
        findings = Findings(self._db, client, review.bc_id, everything=review.permissions)
        links = await sharing.active_links(self._db, review.bc_id)
        posts, members, partners = PostReview(findings), MemberReview(findings), _PartnerReview(findings)
        looks = [
            LinkReview(findings).compare(links),
            posts.look_at_pulled(links),
            posts.look_for_unknown(),
            partners.look(),
        ]
        await each_to_its_end(*looks, *([members.compare()] if review.permissions else []))
        lasting = await findings.conclude()
        standing = await differences.flagged(self._db, review.bc_id)
        told = findings.adopted + standing
        left_out = [f"{subject}: {why}" for subject, why in (findings.left_out | findings.not_understood).items()]
        return Reviewed(
            report=DriftReport(
                checked_at=datetime.now(UTC),
                accounts=len(await authorizations.active_accounts(self._db, review.bc_id)),
                links=len(links),
                grants=members.compared,
                differences=tuple(told[:REPORTED_AT_MOST]),
                more=max(0, len(told) - REPORTED_AT_MOST),
            ),
            partners_ready=partners.ready(),
            campaigns=tuple(sorted(findings.campaigns)),
            left_out=tuple(left_out[:SHOWN_AT_MOST]),
            lasting=lasting[:SHOWN_AT_MOST],
        )


class _PartnerReview:
    """Which of the ad accounts that accounts wait for are shared by their partners now."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._steps: Sequence[PartnerStep] = ()
        self._shared: dict[str, set[str]] = {}

    async def look(self) -> None:
        self._steps = await sharing.waiting_steps(self._findings.db, self._findings.bc_id)
        await each_to_its_end(*(self._look(partner_id) for partner_id in {step.partner_id for step in self._steps}))

    async def _look(self, partner_id: str) -> None:
        findings = self._findings
        try:
            assets = await findings.ask(
                f"partner {partner_id}",
                lambda: findings.client.business_centers.partner_assets(findings.bc_id, partner_id, shared="SHARED"),
                passing=DEFINITE_NO,
            )
        except DEFINITE_NO:
            return  # no partner yet
        self._shared[partner_id] = {asset.asset_id for asset in assets or ()}

    def ready(self) -> tuple[PartnerReady, ...]:
        ready: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for step in self._steps:
            if step.advertiser_id in self._shared.get(step.partner_id, ()):
                ready[step.authorization_id, step.asset_id].append(step.advertiser_id)
        return tuple(
            PartnerReady(
                bc_id=self._findings.bc_id,
                asset_id=asset_id,
                authorization_id=authorization_id,
                advertiser_ids=tuple(advertiser_ids),
            )
            for (authorization_id, asset_id), advertiser_ids in sorted(ready.items())
        )
