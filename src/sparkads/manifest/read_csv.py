"""CSV as spreadsheets export it: UTF-8 with or without BOM; comma, semicolon or tab; quoted newlines; empty edges."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sparkads.manifest.columns import COLUMNS, FOR_ALL, FOR_TERRITORIES, MAX_ROWS, OPTIONAL, PROBLEMS, normal
from sparkads.manifest.rows import Problem
from sparkads.manifest.sheet import (
    FOR_EVERY_TERRITORY,
    Cells,
    Sheet,
    cleaned,
    fallback_problems,
    of_file,
    unknown,
)

_DELIMITERS = ",;\t"
_MOST_COLUMNS = 1_000
"""In a header: more is no manifest, and none of them need be named."""
_TERRITORY = re.compile(r"[A-Z]{2}")


class _Table(NamedTuple):
    """A CSV by rows. `broken`: what keeps the rest from being read."""

    header: list[str]
    header_line: int
    rows: list[tuple[int, list[str]]]
    broken: Problem | None


def read_csv(text: str, fallbacks: Sheet) -> Sheet:
    """
    The rows of a manifest.

    Args:
        text: the file's content.
        fallbacks: what stands in the sheet of territories; its columns need not be in this one.
    """
    table = _table(text)
    problems = [
        *_header_problems(table),
        *(
            of_file(table.header_line, "is missing", f"add it: {meaning}", column=column)
            for column, meaning in COLUMNS.items()
            if column not in table.header and column not in OPTIONAL and column not in fallbacks.offered()
        ),
    ]
    if problems:
        return Sheet(problems=[*fallbacks.problems, *problems])
    rows, problems = _rows(table)
    return Sheet(
        rows=rows,
        defaults=fallbacks.defaults,
        territories=fallbacks.territories,
        problems=[*fallbacks.problems, *problems],
        columns=table.header,
    )


def read_territories(text: str) -> Sheet:
    """A sheet of territories: a row for each, whose cells its rows fall back on; `*` is the fallback for all."""
    table = _table(text)
    problems = [one.model_copy(update={"column": f"territories.{one.column}"}) for one in _header_problems(table)]
    if "territory" not in table.header:
        problems.append(
            of_file(table.header_line, "is missing", "add it: two letters, or *", column="territories.territory")
        )
    if problems:
        return Sheet(problems=problems)
    rows, problems = _rows(table)
    territories: dict[str, Cells] = {}
    for row in rows:
        problems += row.problems
        code = row.values.get("territory", "")
        others = {column: text for column, text in row.values.items() if column != "territory"}
        if code != FOR_EVERY_TERRITORY and not _TERRITORY.fullmatch(code):
            problem = "is no territory", "write two capital letters, like NZ, or *"
        elif code in territories:
            problem = f"stands in row {territories[code].line} too", "keep one of them"
        else:
            territories[code] = Cells(row.line, others, within=f"territories.{code}")
            known = FOR_ALL if code == FOR_EVERY_TERRITORY else FOR_TERRITORIES
            problems += fallback_problems(territories[code], known)
            continue
        problems.append(of_file(row.line, *problem, column="territories.territory", read=code))
    defaults = territories.pop(FOR_EVERY_TERRITORY, None)
    return Sheet(defaults=defaults, territories=territories, problems=problems)


def _table(text: str) -> _Table:
    delimiter, skipped = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    table = _Table([], 1, [], None)
    line = 1
    try:
        for cells in reader:
            # A record may span lines: a quoted caption with a newline. Its line is where it begins.
            began, line = line, reader.line_num + 1
            if began <= skipped or not any(cell.strip() for cell in cells):
                continue
            if not table.header:
                table = table._replace(header=_header(cells), header_line=began)
                continue
            table.rows.append((began, cells))
            if len(table.rows) > MAX_ROWS:  # one more than is taken: enough to say so
                break
    except csv.Error as error:
        broken = of_file(reader.line_num, f"is no valid CSV: {error}", "look for a stray quote in or above this row")
        return table._replace(broken=broken)
    return table


def _delimiter(text: str) -> tuple[str, int]:
    """What separates cells, and how many lines stand before the table: Excel may write `sep=;`."""
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        declared = re.fullmatch(rf"\"?sep=([{_DELIMITERS}])\"?", line.strip('\n "') or "", re.IGNORECASE)
        if declared:
            return declared[1], number
        if line.strip(f"{_DELIMITERS} \n"):
            return max(_DELIMITERS, key=line.count), 0
    return ",", 0


def _header(cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:  # columns that were emptied and not deleted
        names.pop()
    return [normal(name) or name for name in names]


def _header_problems(table: _Table) -> Iterator[Problem]:
    if len(table.header) > _MOST_COLUMNS:
        yield of_file(table.header_line, f"has {len(table.header):,} columns", "name the manifest, and no other file")
        return
    for name, times in Counter(table.header).items():
        if name != PROBLEMS and name not in COLUMNS:
            yield unknown(name, table.header_line)
        elif times > 1:
            yield of_file(table.header_line, "stands there twice", "keep one of them", column=name)
    if table.broken is not None and not table.header:
        yield table.broken


def _rows(table: _Table) -> tuple[list[Cells], list[Problem]]:
    rows = []
    width = len(table.header)
    for line, cells in table.rows:
        values = {
            column: value
            for column, cell in zip(table.header, cells, strict=False)
            if column != PROBLEMS and (value := cleaned(column, cell))
        }
        beyond = []
        if any(cell.strip() for cell in cells[width:]):
            problem = f"has {len(cells)} cells, the header {width}"
            beyond.append(of_file(line, problem, "quote text that has a comma in it", column="row"))
        rows.append(Cells(line, values, problems=beyond))
    return rows, [table.broken] if table.broken else []
