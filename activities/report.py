"""The report of a release campaign, as it stands: one HTML file that needs no network, a CSV and a JSON."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

from temporalio import activity

from activities.campaigns import known_campaign
from activities.report_content import ReleaseReport
from activities.report_csv import as_csv
from activities.report_page import as_html
from sparkads.contracts.base import Contract
from sparkads.contracts.release import ReportFiles
from sparkads.files import Files
from store import api_calls, audit, credentials, known_names, releases, reports
from store.database import Pool


class AskForReport(Contract):
    """One release campaign."""

    campaign_id: str


class ReportActivities:
    """Needs the store and the object store."""

    def __init__(self, db: Pool, files: Files) -> None:
        """Share the process's connections."""
        self._db = db
        self._files = files

    @activity.defn
    async def write_report(self, ask: AskForReport) -> ReportFiles:
        """Read everything once, and put the three files into the object store."""
        report = await self._read(ask.campaign_id)
        # 10,000 rows take a second or two to write, in which the worker's other activities go on.
        html = await asyncio.to_thread(as_html, report)
        return ReportFiles(
            html=await self._files.put(html.encode(), "text/html"),
            csv=await self._files.put(as_csv(report).encode(), "text/csv"),
            json_file=await self._files.put(report.model_dump_json(indent=2).encode(), "application/json"),
        )

    async def _read(self, campaign_id: str) -> ReleaseReport:
        campaign = await known_campaign(self._db, campaign_id)
        rows = await releases.report_rows(self._db, campaign_id)
        trail = await audit.of_campaign(self._db, campaign_id)
        approvals = await reports.approvals_said(self._db, campaign_id)
        ids = {
            campaign.started_by,
            campaign.operator,
            *(row.advertiser_id for row in rows),
            *(line.actor for line in trail),
            *(said.actor for said in approvals),
        }
        return ReleaseReport(
            campaign_id=campaign.campaign_id,
            business_center=await credentials.business_center_name(self._db, campaign.bc_id),
            started_by=campaign.started_by,
            operator=campaign.operator,
            started_at=campaign.started_at,
            written_at=datetime.now(UTC),
            counts=dict(Counter(row.state for row in rows)),
            rows=tuple(rows),
            accounts=tuple(await reports.account_stages(self._db, campaign_id)),
            approved=campaign.approved,
            plan_hash=campaign.plan_hash,
            approvals=tuple(approvals),
            calls=tuple(await api_calls.of_campaign(self._db, campaign_id)),
            names=await known_names.get(self._db, ids),
            trail=tuple(trail),
        )
