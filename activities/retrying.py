"""The activity of a retry: what failed or was blocked goes through all gates again, and nothing else does."""

from collections import defaultdict

from temporalio import activity

from activities.campaigns import known_campaign, require_its_people
from activities.members import Members, current_run
from activities.platform import Platform
from activities.settling import account_for_strays
from activities.tokens import is_evidence
from sparkads import names
from sparkads.contracts.base import Contract
from sparkads.contracts.release import LeftOut, RetryTargets, Selection, TargetsRetried, TargetState
from store import audit, commands, retries
from store.database import Pool
from store.releases import Campaign
from store.retries import CalledOnce, RowLeft
from tiktok import TikTokError

SHOWN = 100
"""Rows that an answer names of each kind; the trail names all that are taken."""

_WHY = {
    TargetState.WAITING: "it is still to go out",
    TargetState.READY: "it is still to go out",
    TargetState.SUBMITTING: "it is being submitted",
    TargetState.UNKNOWN: "its outcome is not known yet; see sparkads target settle",
    TargetState.IN_REVIEW: "its ad exists, and is in TikTok's review",
    TargetState.PUBLISHED: "it is published",
    TargetState.STOPPED: "its ad exists, and was stopped when the authorization ended",
    TargetState.CANCELLED: "it was cancelled",
    TargetState.TAKEN_DOWN: "it was taken down",
}
"""Why a row does not go again. Of the other states are rows whose ad may exist though the call for it was refused."""


class Retry(Contract):
    """What a person wants tried again; `command_id` tells a repeat of the command from another one."""

    campaign_id: str
    command_id: str
    command: RetryTargets


class RetryingActivities:
    """Needs the store, TikTok and the role check."""

    def __init__(self, db: Pool, platform: Platform, people: Members) -> None:
        """Share the process's connections."""
        self._db = db
        self._platform = platform
        self._people = people

    @activity.defn
    async def retry_targets(self, retry: Retry) -> TargetsRetried:
        """
        Let rows wait for their gates again; a repeat of the same command changes nothing.

        TikTok has refused ads that it made all the same. So every ad group in which a call was made for a row is looked
        through before: an ad that is there becomes its row's, and a row whose ad groups can't be read is left out.

        Raises:
            ApplicationError: NothingOnRecord, NotAMember or OnlyItsPeople.
        """
        command = retry.command
        campaign = await known_campaign(self._db, retry.campaign_id)
        await require_its_people(self._people, campaign, command.actor, names.RETRY)
        owner = names.release_campaign_id(retry.campaign_id)
        unread = {} if campaign.cancelled else await self._look_for_ads(campaign, command.only)
        async with self._db.acquire() as connection, connection.transaction():
            handled = await commands.answer(connection, owner, retry.command_id, TargetsRetried)
            if handled is not None:
                return handled
            taken: list[str] = []
            if not campaign.cancelled:
                taken = await retries.take(connection, retry.campaign_id, command.only, leave_out=list(unread))
            rest = await retries.left_out(connection, retry.campaign_id, command.only, taken)
            unknown = await retries.missing(connection, retry.campaign_id, command.only.rows)
            lines = [LeftOut(row_id=row_id, state=None, why="there is no such row") for row_id in unknown]
            lines += [
                LeftOut(
                    row_id=row.row_id,
                    state=row.state,
                    why=unread.get(row.row_id) or _why(row, cancelled=campaign.cancelled),
                )
                for row in rest
            ]
            answer = TargetsRetried(
                taken=len(taken), rows=tuple(taken[:SHOWN]), left_out=len(lines), left_out_rows=tuple(lines[:SHOWN])
            )
            await commands.keep(connection, owner, retry.command_id, answer)
            await audit.write_rows(
                connection,
                bc_id=campaign.bc_id,
                actor=command.actor,
                action="targets retried",
                rows=taken,
                reason=command.reason,
                run=current_run(),
            )
            await audit.write(
                connection,
                bc_id=campaign.bc_id,
                actor=command.actor,
                action=f"release {names.RETRY}",
                subject=f"campaign {retry.campaign_id}",
                reason=f"{len(taken)} rows: {command.reason}",
                run=current_run(),
            )
        return answer

    async def _look_for_ads(self, campaign: Campaign, only: Selection) -> dict[str, str]:
        """Adopt the ads that earlier calls made after all; by row, why it can't be known whether they did."""
        by_ad_account: defaultdict[str, list[CalledOnce]] = defaultdict(list)
        for one in await retries.called_once(self._db, campaign.campaign_id, only):
            by_ad_account[one.advertiser_id].append(one)
        unread: dict[str, str] = {}
        client = await self._platform.client(campaign.bc_id) if by_ad_account else None
        for advertiser_id, calls in by_ad_account.items():
            assert client is not None  # noqa: S101 - there is one where there is something to ask
            groups = sorted({one.adgroup_id for one in calls})
            try:
                ads = await client.ads.ads(advertiser_id, adgroup_ids=groups, include_deleted=True)
                await account_for_strays(self._db, client, campaign, advertiser_id, ads)
            except TikTokError as error:
                why = f"whether TikTok made its ad all the same can't be asked now: {error}; try it again later"
                unread |= dict.fromkeys((one.row_id for one in calls), why[:500])
                continue
            if not is_evidence(ads):
                why = "whether TikTok made its ad all the same can't be told: its list of ads can be read only in part"
                unread |= dict.fromkeys((one.row_id for one in calls), why)
        return unread


def _why(row: RowLeft, *, cancelled: bool) -> str:
    if cancelled and row.state in retries.RETRIED:
        return "the campaign was cancelled; release it in a new one"
    if row.state is TargetState.REJECTED:
        return f"its ad {row.ad_id} exists, and TikTok's review turned it down; change or appeal it in Ads Manager"
    return _WHY.get(row.state, "its ad may exist; look at what the row says")
