"""Who has still to agree to a release: approved is not released, and not approved is never released."""

from collections.abc import Mapping, Sequence

from sparkads.contracts.release import ApprovalStage, Verdict

NAMED = 10
"""Approvers that are named."""


def missing_approvals(stages: Sequence[ApprovalStage], given: Mapping[str, Mapping[str, Verdict]]) -> tuple[str, ...]:
    """
    A line for each stage that has not agreed: too few of its approvers, or one of them is against it.

    Args:
        stages: who has to agree.
        given: by stage and approver, what was said of the plan as it is now.
    """
    missing = []
    for stage in stages:
        said = given.get(stage.name, {})
        yes = sum(said.get(one) is Verdict.APPROVE for one in stage.approvers)
        no = [one for one in stage.approvers if said.get(one) is Verdict.REJECT]
        if yes < stage.quorum or no:
            rejected = f", rejected by {', '.join(no)}" if no else ""
            missing.append(f"{stage.name}: {yes} of {stage.quorum}{rejected} ({', '.join(stage.approvers[:NAMED])})")
    return tuple(missing)
