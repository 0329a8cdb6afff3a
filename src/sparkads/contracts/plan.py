"""
Messages of `PlanReleaseWorkflow`: what a release would do, before it does anything.

The hash of a plan covers what it would do and to whom, not when somebody looked: planning again gives the same hash as
long as nothing has changed that matters.
"""

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from pydantic import AwareDatetime, Field

from sparkads.contracts.base import BlobRef, Contract, Handle, Name, TikTokId
from sparkads.contracts.release import ReleaseInput

SHOWN_CHANGES = 20
"""Differences that are named where a plan no longer holds."""


class Step(StrEnum):
    """The first of the three steps that a row has still to take (R1)."""

    REQUEST = "request"
    SHARE = "share"
    PROMOTE = "promote"


class PlannedRow(Contract):
    """What would become of one row."""

    row_id: Name
    mode: str
    account: Handle
    ad_account: TikTokId
    territory: str
    due_at: AwareDatetime | None = Field(description="null: now")
    local: str = Field(description="the same for a person: wall time, zone and UTC")
    step: Step
    waits_for: str = Field(description="whose turn it is; empty if nobody's")
    identity_id: str | None = Field(description="what it is published as; null until the account is linked")
    ad_group_id: TikTokId | None = Field(default=None, description="the row's own; null: one is made")
    blockers: tuple[str, ...] = Field(description="why it would not be published, each with its rule; all at once")
    risks: tuple[str, ...] = Field(description="what may turn out otherwise than somebody expects")


class PlannedBudget(Contract):
    """What an ad account would spend on a day at most, in its own currency, through ad groups that are made."""

    ad_account: TikTokId
    currency: str = Field(default="", description="ISO 4217; empty: TikTok does not say")
    ad_groups: int
    daily: Decimal = Field(description="the daily budgets, times `worst_day`")
    worst_day: Decimal = Field(default=Decimal(1), description="what TikTok may spend on one day, times a daily budget")
    ceiling: Decimal | None = Field(description="rows that would take it above this are blocked; null: none")


class PlanContent(Contract):
    """All that the hash covers: `sha256/<hash>` in the object store is this as JSON."""

    release: ReleaseInput
    invitations: tuple[Handle, ...] = Field(description="owners who would be asked")
    rows: tuple[PlannedRow, ...]
    budgets: tuple[PlannedBudget, ...]

    def as_bytes(self) -> bytes:
        """The one way in which it is written."""
        return self.model_dump_json().encode()

    @property
    def hash(self) -> str:
        """SHA-256 of what it is written as, hex."""
        return hashlib.sha256(self.as_bytes()).hexdigest()

    @property
    def blocked(self) -> int:
        """Rows that would not be published."""
        return sum(bool(row.blockers) for row in self.rows)

    def changes_since(self, before: "PlanContent") -> Iterator[str]:
        """What is different, a sentence for each row or setting."""
        for name in ReleaseInput.model_fields:
            old, new = getattr(before.release, name), getattr(self.release, name)
            if old != new:
                yield f"{name.replace('_', ' ')} was {_short(old)}, is {_short(new)}"
        known = {row.row_id: row for row in before.rows}
        for row in self.rows:
            earlier = known.pop(row.row_id, None)
            if earlier is None:
                yield f"row {row.row_id} is new"
            elif earlier != row:
                yield f"row {row.row_id}: {'; '.join(_row_changes(earlier, row))}"
        for row_id in known:
            yield f"row {row_id} is gone"


class Estimate(Contract):
    """What a plan would cost; no part of its hash, because others work in the same Business Center."""

    slots: int = Field(description="TikTok accounts that the Business Center may hold (R6)")
    slots_used: int
    slots_needed: int
    calls: dict[str, int] = Field(description="to TikTok, by what they are for; reviews are not among them")
    tier: str = Field(description="rate limits that the workers keep")
    prepare_seconds: float = Field(description="uploads, ad groups: what has to be done before the first instant")
    publish_seconds: float = Field(description="from the busiest instant until its last ad is made")


class Plan(Contract):
    """Answer of `PlanReleaseWorkflow`."""

    hash: str
    content: BlobRef
    rows: int
    blocked: int
    estimate: Estimate


def _short(value: object) -> str:
    if isinstance(value, BlobRef):
        return value.sha256[:12]
    return str(value)


def _row_changes(before: PlannedRow, now: PlannedRow) -> Iterator[str]:
    for blocker in now.blockers:
        if blocker not in before.blockers:
            yield f"would be blocked, {blocker}"
    for blocker in before.blockers:
        if blocker not in now.blockers:
            yield f"no longer blocked, {blocker}"
    if before.step is not now.step:
        yield f"next step was {before.step}, is {now.step}"
    for name in PlannedRow.model_fields:
        if name not in {"blockers", "step", "waits_for", "risks"} and getattr(before, name) != getattr(now, name):
            yield f"{name.replace('_', ' ')} was {getattr(before, name)}, is {getattr(now, name)}"
    if (before.waits_for, before.risks) != (now.waits_for, now.risks):
        yield f"waits for {now.waits_for or 'nobody'}{', risks: ' + '; '.join(now.risks) if now.risks else ''}"
