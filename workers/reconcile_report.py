"""What `reconcile` found and did, as JSON and as a picture for people."""

from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from sparkads.contracts.base import Contract

SHOWN_AT_MOST = 20
"""Workflows that a person is shown by name; `--json` has them all."""


class NotRunning(Contract):
    """A workflow that did not run."""

    workflow_id: str
    run_id: str | None = None
    """of the run that was started; None: nothing was started"""
    note: str = ""


@dataclass
class Kind:
    """What became of the workflows of one kind."""

    name: str
    running: int = 0
    not_running: list[NotRunning] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """what a person has to do something about"""

    @property
    def started(self) -> int:
        """How many were started."""
        return sum(one.run_id is not None for one in self.not_running)

    @property
    def would_start(self) -> int:
        """How many were found and left alone."""
        return len(self.not_running) - self.started

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "running": self.running,
            "started": self.started,
            "would_start": self.would_start,
            "problems": self.problems,
            "not_running": [one.model_dump() for one in self.not_running],
        }


@dataclass
class Report:
    """What was found and done."""

    dry_run: bool
    business_centers: Kind = field(default_factory=lambda: Kind("Business Centers"))
    access_requests: Kind = field(default_factory=lambda: Kind("access requests"))
    authorizations: Kind = field(default_factory=lambda: Kind("authorizations"))
    releases: Kind = field(default_factory=lambda: Kind("releases"))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All kinds, in the order in which they are shown."""
        return self.business_centers, self.access_requests, self.authorizations, self.releases

    @property
    def all_run(self) -> bool:
        """Whether nothing is left to be started. A release does not count: nothing but a person starts one again."""
        return not any(kind.would_start for kind in self.kinds)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"dry_run": self.dry_run} | {kind.name.lower().replace(" ", "_"): kind.document() for kind in self.kinds}


def picture(report: Report) -> Table:
    """Lay out what was found and done."""
    table = Table(title="Compared with the record", title_justify="left")
    for column in ("", "running", "would start" if report.dry_run else "started", "problems"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in report.kinds:
        found = kind.would_start if report.dry_run else kind.started
        shown = "" if kind is report.releases else str(found)
        table.add_row(kind.name, str(kind.running), shown, str(len(kind.problems)))
    return table


def details(report: Report) -> list[Text]:
    """The workflows that did not run, as many as a person reads, and the problems."""
    lines = []
    for kind in report.kinds:
        word = "would start" if report.dry_run else "started"
        shown = kind.not_running[:SHOWN_AT_MOST]
        lines += [Text(f"{word} {one.workflow_id}" + (f" ({one.note})" if one.note else "")) for one in shown]
        if len(kind.not_running) > SHOWN_AT_MOST:
            lines.append(Text(f"{word} {len(kind.not_running) - SHOWN_AT_MOST} more {kind.name}"))
    return lines + [Text(problem, style="yellow") for kind in report.kinds for problem in kind.problems]
