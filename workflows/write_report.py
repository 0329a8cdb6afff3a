"""The report of a release whose own workflow can't write it: it has ended through a fault, or was terminated."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.report import AskForReport, ReportActivities
    from sparkads import names, search_attributes
    from sparkads.contracts.release import ReportFiles, WriteReportInput
    from workflows import _calls, _card


@workflow.defn(name=names.WRITE_REPORT_WORKFLOW)
class WriteReportWorkflow:
    """Id `report/{campaign_id}/{name}`. Reads the record, changes nothing, answers with the report's files."""

    @workflow.run
    async def run(self, ask: WriteReportInput) -> ReportFiles:
        """Write it as the rows stand now."""
        changed = _card.changed(search_attributes.CAMPAIGN.value_set(ask.campaign_id))
        if changed:
            workflow.upsert_search_attributes(changed)
        return await workflow.execute_activity_method(
            ReportActivities.write_report,
            AskForReport(campaign_id=ask.campaign_id),
            summary=f"Write the report for {ask.actor}",
            **_calls.ANSWER_LONG,
        )
