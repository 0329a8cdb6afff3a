"""The report of a release campaign, as it stands: one HTML file that needs no network, a CSV and a JSON."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from temporalio import activity

from activities.campaigns import known_campaign
from sparkads.contracts.base import Contract
from sparkads.contracts.release import ReportFiles, TargetState
from sparkads.files import Files
from store import audit, credentials, releases
from store.audit import AuditLine
from store.database import Pool
from store.releases import ReportRow


class AskForReport(Contract):
    """One release campaign."""

    campaign_id: str


class ReleaseReport(Contract):
    """What a report says, in all its forms."""

    campaign_id: str
    business_center: str
    started_by: str
    operator: str
    started_at: datetime
    written_at: datetime
    counts: dict[TargetState, int]
    rows: tuple[ReportRow, ...]
    trail: tuple[AuditLine, ...]


class ReportActivities:
    """Needs the store and the object store."""

    def __init__(self, db: Pool, files: Files) -> None:
        """Share the process's connections."""
        self._db = db
        self._files = files

    @activity.defn
    async def write_report(self, ask: AskForReport) -> ReportFiles:
        """Read everything once, and put the three files into the object store."""
        campaign = await known_campaign(self._db, ask.campaign_id)
        rows = await releases.report_rows(self._db, ask.campaign_id)
        report = ReleaseReport(
            campaign_id=campaign.campaign_id,
            business_center=await credentials.business_center_name(self._db, campaign.bc_id),
            started_by=campaign.started_by,
            operator=campaign.operator,
            started_at=campaign.started_at,
            written_at=datetime.now(UTC),
            counts=dict(Counter(row.state for row in rows)),
            rows=tuple(rows),
            trail=tuple(await audit.of_campaign(self._db, ask.campaign_id)),
        )
        return ReportFiles(
            html=await self._files.put(as_html(report).encode(), "text/html"),
            csv=await self._files.put(as_csv(report).encode(), "text/csv"),
            json_file=await self._files.put(report.model_dump_json(indent=2).encode(), "application/json"),
        )


def as_csv(report: ReleaseReport) -> str:
    """One line for each target, with the columns of `ReportRow`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(ReportRow.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.model_dump(mode="json") for row in report.rows)
    return out.getvalue()


def as_html(report: ReleaseReport) -> str:
    """One page with a picture of the release."""
    environment = Environment(
        loader=PackageLoader("activities"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html.j2").render(report=report)
