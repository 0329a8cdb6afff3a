"""What a row says once its empty cells are filled: its own cell, or else its territory's, or else that of all rows."""

from sparkads.manifest.columns import CARRIED_BY_PUSH
from sparkads.manifest.rows import Mode, Problem
from sparkads.manifest.sheet import Cells, Sheet
from sparkads.web_files import shown

_TERMINAL_LINE = 80


class Row:
    """
    One row while it is checked. `row["caption"]` is what counts for it; empty if nobody says it.

    Attributes:
        cells: what stands in the row itself.
        problems: found so far.
        warnings: found so far.
    """

    def __init__(self, cells: Cells, own: dict[str, str], fallback: dict[str, Cells]) -> None:
        self.cells = cells
        self.problems: list[Problem] = list(cells.problems)
        self.warnings: list[Problem] = []
        self._values = own
        self._fallback = fallback

    def __getitem__(self, column: str) -> str:
        return self._values.get(column, "")

    @property
    def line(self) -> int:
        """Of the file, where the row begins."""
        return self.cells.line

    def wrong(self, column: str, problem: str, advice: str) -> None:
        """Note a mistake in a column. One in a fallback is noted there, so that it is told once."""
        self.problems.append(self.told(column, problem, advice))

    def warn(self, column: str, problem: str, advice: str) -> None:
        """Note what should be known about a column."""
        self.warnings.append(self.told(column, problem, advice))

    def told(self, column: str, problem: str, advice: str) -> Problem:
        """What is to be said of a column: where it stands, and what stands there."""
        read = shown(self[column]) if column in {"video", "cover"} else self[column]
        read = read if len(read) <= _TERMINAL_LINE else read[: _TERMINAL_LINE - 1] + "…"
        source = self._fallback.get(column)
        line, name = (
            (self.cells.line_of(column), column)
            if source is None
            else (source.line_of(column), f"{source.within}.{column}")
        )
        return Problem(row=line, column=name, read=read, problem=problem, advice=advice)


class Filler:
    """Fills the rows of a sheet."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._merged: dict[str, dict[str, Cells]] = {}
        self.used: set[str] = set()

    def fill(self, cells: Cells) -> Row:
        """What a row says."""
        own = dict(cells.values)
        fallback = {column: source for column, source in self._fallback_of(own).items() if column not in own}
        mode = own.get("mode") or (fallback["mode"].values["mode"] if "mode" in fallback else "")
        if mode == Mode.PULL:
            for column in CARRIED_BY_PUSH:
                fallback.pop(column, None)
        own |= {column: source.values[column] for column, source in fallback.items()}
        return Row(cells, own, fallback)

    def _fallback_of(self, own: dict[str, str]) -> dict[str, Cells]:
        defaults = self._sheet.defaults
        territory = own.get("territory") or (defaults.values.get("territory", "") if defaults else "")
        self.used.add(territory)
        if territory not in self._sheet.territories:
            territory = ""
        if territory not in self._merged:
            sources = [defaults, self._sheet.territories.get(territory)]
            self._merged[territory] = {
                column: source for source in sources if source is not None for column in source.values
            }
        return self._merged[territory]
