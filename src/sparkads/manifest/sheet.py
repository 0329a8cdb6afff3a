"""A manifest as text in cells: what a CSV and a YAML have in common before anything in it is judged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sparkads.manifest.columns import COLUMNS, nearest
from sparkads.manifest.rows import Problem

FOR_EVERY_TERRITORY = "*"
"""Stands in place of a territory in a sheet of territories: the fallback for all rows."""

_DIRT = dict.fromkeys(
    (0xFEFF, 0x2060, 0x00AD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), ""
) | dict.fromkeys((0x00A0, 0x2007, 0x202F), " ")
"""Zero-width and direction marks, and non-breaking spaces."""

_TERMINAL_LINE = 80


@dataclass(frozen=True, slots=True)
class Cells:
    """
    Cells by column that stand together. Empty ones are left out.

    Attributes:
        line: of the file, where they begin.
        values: what stands in them.
        lines: of those cells that stand on lines of their own.
        problems: what keeps them from being read as they were meant.
        within: what they belong to, if they are a fallback.
    """

    line: int
    values: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    within: str = ""

    def line_of(self, column: str) -> int:
        """Where a column's cell stands."""
        return self.lines.get(column, self.line)


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    What was read of a manifest.

    Attributes:
        rows: in order.
        defaults: what rows fall back on that neither they nor their territory fill.
        territories: by code, what rows of a territory fall back on.
        problems: what keeps the file, or parts of it, from being read; those of rows are with the rows.
        columns: that a CSV's header names; none for a YAML, whose rows name their own.
    """

    rows: Sequence[Cells] = ()
    defaults: Cells | None = None
    territories: Mapping[str, Cells] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    columns: Sequence[str] | None = None

    def offered(self) -> frozenset[str]:
        """Columns that a fallback fills for some row at least."""
        sources = [*self.territories.values(), *([self.defaults] if self.defaults else [])]
        return frozenset(column for source in sources for column in source.values)


def cleaned(column: str, text: str) -> str:
    """
    A cell without what a spreadsheet or a browser leaves in it: blanks around it, invisible and non-breaking letters.

    Within a caption they have a meaning in some languages, and in the name of a file they are part of it.
    """
    if text.isascii():
        return text.strip()
    if column in {"caption", "video", "cover"}:
        return text.strip().strip("\ufeff\u200b\u2060").strip()
    return text.translate(_DIRT).strip()


def unknown(column: str, line: int, *, within: str = "") -> Problem:
    """A column that no manifest has."""
    name = f"{within}.{column}" if within else column
    return Problem(
        row=line,
        column=_short(name) or "(empty)",
        read="",
        problem="is no column of a manifest",
        advice=nearest(column),
    )


def fallback_problems(cells: Cells, known: frozenset[str]) -> Iterator[Problem]:
    """Columns of a fallback that do not exist, or that a fallback does not fill."""
    for column in cells.values:
        if column not in COLUMNS:
            yield unknown(column, cells.line_of(column), within=cells.within)
        elif column not in known:
            yield of_file(
                cells.line_of(column),
                "is said in each row and has no fallback",
                "write it in the rows",
                column=f"{cells.within}.{column}",
            )


def of_file(line: int, problem: str, advice: str, *, column: str = "file", read: str = "") -> Problem:
    """A mistake that is no row's."""
    return Problem(row=line, column=_short(column) or "(empty)", read=_short(read), problem=problem, advice=advice)


def _short(text: str) -> str:
    return text if len(text) <= _TERMINAL_LINE else text[: _TERMINAL_LINE - 1] + "…"
