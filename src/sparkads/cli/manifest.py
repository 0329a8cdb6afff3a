"""`sparkads campaign template|schema|check`: a release's manifest before anything is started, and how it is given."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import RenderableType
from rich.text import Text

from sparkads import clock
from sparkads import manifest as manifests
from sparkads.cli import output
from sparkads.cli.options import AsJson, described
from sparkads.contracts.base import Contract
from sparkads.manifest import Manifest, Mode, Problem

ManifestFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The manifest, CSV or YAML; videos are looked for relative to it.")
]
TerritorySheet = Annotated[
    Path | None,
    typer.Option(
        "--territories", metavar="CSV", help="A second CSV: what rows of a territory fall back on; * is for all."
    ),
]
OnlyValid = Annotated[
    bool, typer.Option("--only-valid", help="Go on with the rows that have no mistake, and leave the others behind.")
]

app = typer.Typer(no_args_is_help=True)


class GivenManifest(NamedTuple):
    """A manifest as it was named on the command line."""

    file: Path
    territories: Path | None
    only_valid: bool

    def read(self) -> Manifest:
        """Read it; with `only_valid`, mistakes of single rows are none of the manifest any more."""
        manifest = manifests.read(self.file, territories=self.territories)
        return manifest.only_valid() if self.only_valid else manifest

    def leave_behind(self, manifest: Manifest) -> Path | None:
        """
        Write the rows that do not go on to a file beside the manifest, and say so.

        Raises:
            OSError: the file cannot be written.
        """
        if manifest.warnings:
            output.say(f"{_count(manifest.warnings, 'warning')}: sparkads campaign check {self.file}", style="yellow")
        if not manifest.rejects:
            return None
        # With the mark that lets Excel read it as UTF-8.
        path = self._kept(manifests.rejects_csv(manifest).encode("utf-8-sig"))
        output.say(f"{_count(manifest.rejects, 'row')} left behind, with the reasons: {path}", style="yellow")
        return path

    def _kept(self, content: bytes) -> Path:
        """The file with this content: somebody may be mending the rows of an earlier one."""
        names = (f"{self.file.stem}.rejects{'' if number == 1 else f'-{number}'}.csv" for number in count(1))
        paths = map(self.file.with_name, names)
        path = next(one for one in paths if not one.exists() or one.read_bytes() == content)
        path.write_bytes(content)
        return path


class InstantLine(Contract):
    """Rows of a manifest that are due together, in one territory."""

    due_at: datetime | None
    """None: now."""
    local: str
    territory: str
    pushes: int
    pulls: int


@app.command()
@described
def template(
    *, as_yaml: Annotated[bool, typer.Option("--yaml", help="As YAML, with comments.")] = False, as_json: AsJson = False
) -> None:
    """
    Print an example manifest, with one push and one pull.

    A CSV cannot carry comments: --yaml prints the same with each column explained.

    Examples:
      sparkads campaign template > midnight.csv
      sparkads campaign template --yaml > midnight.yaml
      sparkads campaign template --json
    """
    texts = {"csv": manifests.template(), "yaml": manifests.template_yaml()}
    shown = texts["yaml" if as_yaml else "csv"]
    output.answer({"columns": manifests.COLUMNS, **texts}, Text(shown.rstrip("\n")), as_json=as_json)


@app.command()
@described
def schema(*, as_json: AsJson = False) -> None:
    """
    Print the JSON Schema of a YAML manifest, for editors and for programs that write one.

    Examples:
      sparkads campaign schema > manifest.schema.json
      sparkads campaign schema --json
    """
    document = manifests.schema()
    output.answer(document, Text(json.dumps(document, indent=2)), as_json=as_json)


@app.command()
@described
def check(
    file: ManifestFile, *, territories: TerritorySheet = None, only_valid: OnlyValid = False, as_json: AsJson = False
) -> None:
    """
    Check a manifest without starting anything: every mistake and warning with its row and column, and a summary.

    Warnings need no change. With --only-valid the summary is of the rows that would go on without the others.

    Examples:
      sparkads campaign check midnight.csv
      sparkads campaign check midnight.csv --territories territories.csv
      sparkads campaign check midnight.yaml --only-valid
      sparkads campaign check midnight.csv --json
    """
    given = GivenManifest(file, territories, only_valid)
    manifest = given.read()
    mistakes = _all_problems(manifest) if only_valid else manifest.problems
    ok = not manifest.problems
    summary = _summary(manifest) if ok else []
    document: dict[str, object] = {
        "file": str(file),
        "ok": ok,
        "rows": len(manifest.rows),
        "rejected": len(manifest.rejects),
        "problems": mistakes,
        "warnings": manifest.warnings,
    }
    pictures: list[RenderableType] = []
    if mistakes:
        end = f"{_count(manifest.rejects, 'row')} would stay behind" if ok else "nothing was started"
        pictures.append(_table(f"{_count(mistakes, 'mistake')}; {end}", mistakes))
    if manifest.warnings:
        pictures.append(_table(_count(manifest.warnings, "warning"), manifest.warnings))
    if ok:
        document["summary"] = summary
        pictures += _summary_pictures(manifest, summary, mistakes)
    output.answer(document, *pictures, as_json=as_json)
    if not ok:
        raise typer.Exit(2)


def _all_problems(manifest: Manifest) -> tuple[Problem, ...]:
    """Those of rejected rows, too, each once."""
    of_rows = (problem for reject in manifest.rejects for problem in reject.problems)
    return tuple(sorted(dict.fromkeys((*manifest.problems, *of_rows)), key=lambda one: one.row))


def _table(title: str, problems: Sequence[Problem]) -> RenderableType:
    rows = [(one.row, one.column, one.read, one.problem, one.advice) for one in problems]
    return output.table(title, ("Row", "Column", "Read", "Problem", "What to do"), rows)


def _count(things: Sequence[object], name: str) -> str:
    return f"1 {name}" if len(things) == 1 else f"{len(things):,} {name}s"


def _summary(manifest: Manifest) -> list[InstantLine]:
    now = datetime.now(UTC)
    modes: dict[tuple[datetime | None, str, str], Counter[Mode]] = {}
    for row in manifest.rows:
        due = None if row.release_at is None else row.due_at(now)
        local = clock.NOW if due is None else clock.in_zone(due, row.time_zone)
        modes.setdefault((due, local, row.territory), Counter())[row.mode] += 1
    lines = [
        InstantLine(due_at=due, local=local, territory=territory, pushes=count[Mode.PUSH], pulls=count[Mode.PULL])
        for (due, local, territory), count in modes.items()
    ]
    return sorted(lines, key=lambda line: (line.due_at or now, line.territory, line.local))


def _summary_pictures(
    manifest: Manifest, summary: list[InstantLine], mistakes: Sequence[Problem]
) -> list[RenderableType]:
    rows = [(line.due_at or clock.NOW, line.local, line.territory, line.pushes, line.pulls) for line in summary]
    accounts, files = len({row.account for row in manifest.rows}), len(manifest.sources)
    found = "without the rows above" if mistakes else "no mistakes"
    return [
        output.table(_count(manifest.rows, "row"), ("Instant", "Local", "Territory", "Pushes", "Pulls"), rows),
        Text(f"{found}; TikTok accounts: {accounts}, files to upload: {files}"),
    ]
