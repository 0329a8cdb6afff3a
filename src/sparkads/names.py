"""
Every name that crosses a process boundary: task queues, workflow types, messages, workflow ids.

Nobody types one of these strings a second time. They are part of the public contract: a `temporal` command line or
a client in another language uses them as they stand here (docs/messages.md lists them with their JSON).
"""

TASK_QUEUE = "sparkads"
"""Workflows, and activities that a person may be waiting for."""

BULK_TASK_QUEUE = "sparkads-bulk"
"""Fan-out of releases: kept apart so that ten thousand posts never hold up a person's command."""

BUSINESS_CENTER_WORKFLOW = "BusinessCenterWorkflow"
ACCESS_REQUEST_WORKFLOW = "AccessRequestWorkflow"
AUTHORIZATION_WORKFLOW = "AuthorizationWorkflow"
RELEASE_CAMPAIGN_WORKFLOW = "ReleaseCampaignWorkflow"
PUBLISH_SHARD_WORKFLOW = "PublishShardWorkflow"
PLAN_RELEASE_WORKFLOW = "PlanReleaseWorkflow"
TAKEDOWN_WORKFLOW = "TakedownWorkflow"
WRITE_REPORT_WORKFLOW = "WriteReportWorkflow"

STATUS = "status"
"""Query of every workflow."""

REQUEST_ACCESS = "request_access"
LIST_ACCOUNTS = "list_accounts"
SCAN = "scan"
CANCEL_REQUEST = "cancel_request"
REQUEST_CLOSED = "request_closed"

QR_CODE = "qr_code"
LIST_SCANS = "list_scans"
LIST_PEOPLE = "list_people"
CHECK_DRIFT = "check_drift"
AUDIT = "audit"
LIST_NOTIFICATIONS = "list_notifications"
LOOK = "look"
"""Signal to a Business Center: something has changed at TikTok, look now."""

SHARE = "share"
UNSHARE = "unshare"
LOST = "lost"
"""Signal to an authorization: the sweep no longer finds the account in the Business Center."""

PARTNER_SHARED = "partner_shared"
"""Signal to an authorization: a partner shares an ad account that it waits for."""

ACCESS_CHANGED = "access_changed"
PAUSE = "pause"
RESUME = "resume"
CANCEL = "cancel"
REPORT = "report"
SETTLE_TARGET = "settle_target"
RETIME = "retime"
PROCEED = "proceed"
APPROVE = "approve"
RETRY = "retry"
TAKEDOWN = "takedown"
"""Not a message: what starting a takedown is called where it is refused."""

ROWS_HELD = "rows_held"
"""Signal from a shard to its campaign: rows wait for a person; from a takedown: where rows stand has changed."""

OUTCOME_SETTLED = "outcome_settled"
"""Signal from a campaign to its shard: a person has decided an outcome."""


def business_center_id(bc_id: str) -> str:
    """Workflow id of a Business Center."""
    return f"bc/{bc_id}"


def access_request_id(bc_id: str, name: str) -> str:
    """Workflow id of one access request; `name` is the request's name within its Business Center."""
    return f"request/{bc_id}/{name}"


def access_request_on_record(bc_id: str, name: str, first_run_id: str) -> str:
    """Id of one access request on record: of all that there were by this name, the one whose first run this is."""
    return f"{access_request_id(bc_id, name)}/{first_run_id}"


def authorization_id(bc_id: str, asset_id: str) -> str:
    """Workflow id of the authorization of one TikTok account for one Business Center."""
    return f"authorization/{bc_id}/{asset_id}"


def release_campaign_id(campaign_id: str) -> str:
    """Workflow id of a release campaign."""
    return f"campaign/{campaign_id}"


def plan_release_id(campaign_id: str, asked: str) -> str:
    """Workflow id of one look at what a release would do; `asked` is a hash of what was asked."""
    return f"plan/{campaign_id}/{asked[:12]}"


def write_report_id(campaign_id: str, name: str) -> str:
    """Workflow id of one report of a release campaign, written from the record; `name` tells it from others."""
    return f"report/{campaign_id}/{name}"


def publish_shard_id(campaign_id: str, wave: int, shard: int) -> str:
    """Workflow id of one shard of one wave of a release campaign."""
    return f"campaign/{campaign_id}/wave/{wave}/shard/{shard}"


def campaign_of(workflow_id: str) -> str | None:
    """The release campaign that a workflow works for by its id, if it does for one."""
    kind, _, rest = workflow_id.partition("/")
    return rest.partition("/")[0] if kind in {"campaign", "takedown"} else None


def takedown_id(campaign_id: str, name: str) -> str:
    """Workflow id of one takedown; `name` is the takedown's within its campaign."""
    return f"takedown/{campaign_id}/{name}"
