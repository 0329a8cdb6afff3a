"""The bulk queue takes turns between Business Centers: what a release does there says whose it is."""

import pytest

from sparkads import names
from tests.guards import histories


@pytest.mark.parametrize("workflow_type", [names.RELEASE_CAMPAIGN_WORKFLOW, names.PUBLISH_SHARD_WORKFLOW])
def test_the_fan_out_of_a_release_is_fair(workflow_type: str) -> None:
    scheduled = [
        event["activityTaskScheduledEventAttributes"]
        for path in histories.recorded()
        if path.parent.name == workflow_type
        for event in histories.events(path)
        if "activityTaskScheduledEventAttributes" in event
    ]
    bulk = [one for one in scheduled if one["taskQueue"]["name"] == names.BULK_TASK_QUEUE]

    assert bulk
    assert all(one["priority"]["fairnessKey"].startswith("73") for one in bulk)
