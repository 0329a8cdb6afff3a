"""What a release would do, before it does anything: one look at everything, which changes nothing."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.planning import PlanningActivities
    from sparkads import names, search_attributes
    from sparkads.contracts.plan import Plan
    from sparkads.contracts.release import ReleaseInput
    from workflows import _calls, _card


@workflow.defn(name=names.PLAN_RELEASE_WORKFLOW)
class PlanReleaseWorkflow:
    """Id `plan/{campaign_id}/{hash of what was asked}`. Takes what a release is started with; answers with its plan."""

    @workflow.run
    async def run(self, release: ReleaseInput) -> Plan:
        """Look, keep the plan under its hash, and say how to apply it."""
        changed = _card.changed(
            search_attributes.PHASE.value_set("plan"),
            search_attributes.BUSINESS_CENTER.value_set(release.bc_id),
            search_attributes.CAMPAIGN.value_set(release.campaign_id),
        )
        if changed:
            workflow.upsert_search_attributes(changed)
        plan = await workflow.execute_activity_method(
            PlanningActivities.plan_release, release, summary="Read everything, change nothing", **_calls.ANSWER_LONG
        )
        _card.show(
            f"Plan of release {release.campaign_id}",
            {"rows": plan.rows, "would be blocked": plan.blocked, "hash": plan.hash},
            to_do=f"look at it, then apply it: sparkads campaign apply … --plan {plan.hash}",
        )
        return plan
