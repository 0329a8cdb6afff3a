"""
YAML: `rows`, and beside them `defaults` and `territories` that rows fall back on.

Read event by event, and every value as the text that was written: 007 keeps its zeros, NO is Norway, and a date is
left to whoever knows its zone. What YAML can do beyond that (anchors, tags, nesting) has no place in a manifest and is
refused where it stands, so that no file can grow in memory.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final, cast

import yaml

from sparkads.manifest.columns import COLUMNS, FOR_ALL, FOR_TERRITORIES, MAX_ROWS
from sparkads.manifest.rows import Problem
from sparkads.manifest.sheet import Cells, Sheet, cleaned, fallback_problems, of_file, unknown
from sparkads.web_files import shown

SECTIONS: Final = {
    "defaults": "what rows fall back on that neither they nor their territory fill",
    "territories": "by code: what rows of a territory fall back on",
    "rows": "one for each post",
}

_LOADER: Final = cast("Any", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_EMPTY: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TERRITORY: Final = re.compile(r"[A-Z]{2}")
_LINE_END: Final = re.compile(r"\r\n?|\n")
_TEXT: Final = "tag:yaml.org,2002:str"


def read_yaml(text: str) -> Sheet:
    """The rows of a manifest, and what they fall back on."""
    reader = _Reader(text)
    try:
        return reader.sheet()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.problems.append(
            of_file(
                reader.line(mark.index if mark else None),
                f"is no valid YAML: {error.problem or error.context}",
                "look at this line and the one above",
            )
        )
    except yaml.reader.ReaderError as error:
        line = text.encode()[: max(0, error.position)].count(b"\n") + 1
        reader.problems.append(of_file(line, "has a character that YAML does not take", "delete it"))
    return reader.read()


class _Reader:
    """Walks through the events of one document."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._rows: list[Cells] = []
        self._defaults: Cells | None = None
        self._territories: dict[str, Cells] = {}
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_LOADER))
        self._line_ends = [one.end() for one in _LINE_END.finditer(text)]

    def read(self) -> Sheet:
        """What was read so far."""
        return Sheet(rows=self._rows, defaults=self._defaults, territories=self._territories, problems=self.problems)

    def line(self, index: int | None) -> int:
        """Of the file, as editors and CSV count; YAML takes three more characters for the end of a line."""
        return 1 if index is None else bisect_right(self._line_ends, index) + 1

    def sheet(self) -> Sheet:
        """
        Read all of it.

        Raises:
            yaml.YAMLError: it is no YAML.
        """
        next(self._events)
        root = next(self._events)
        if isinstance(root, yaml.DocumentStartEvent):
            root = next(self._events)
        if not isinstance(root, yaml.MappingStartEvent):
            self._say(root, "is no manifest", "begin with `rows:` and a list of rows below it")
            return self.read()
        seen = set()
        for name, value in self._pairs("file"):
            if name in seen:
                self._say(value, "stands there twice", "keep one of them", column=name)
                self._pass_over(value)
                continue
            seen.add(name)
            self._section(name, value)
        if "rows" not in seen:
            self.problems.append(of_file(1, "is missing", "add it: a list with a row for each post", column="rows"))
        next(self._events)
        more = next(self._events)
        if isinstance(more, yaml.DocumentStartEvent):
            self._say(more, "holds a second document", "delete the line ---, or make two files of it")
        return self.read()

    def _section(self, name: str, value: yaml.Event) -> None:
        match name:
            case "defaults":
                self._defaults = self._fallback("defaults", value, FOR_ALL)
            case "territories":
                self._read_territories(value)
            case "rows":
                self._read_rows(value)
            case _:
                self._say(value, "is no part of a manifest", f"known parts: {', '.join(SECTIONS)}", column=name)
                self._pass_over(value)

    def _read_territories(self, start: yaml.Event) -> None:
        if not self._is_mapping("territories", start, "write the codes below it, like NZ:"):
            return
        for code, value in self._pairs("territories"):
            name = f"territories.{code}"
            if not _TERRITORY.fullmatch(code):
                self._say(value, "is no territory", "write two capital letters, like NZ", column=name)
                self._pass_over(value)
            elif code in self._territories:
                self._say(value, f"stands in line {self._territories[code].line} too", "keep one of them", column=name)
                self._pass_over(value)
            else:
                self._territories[code] = self._fallback(name, value, FOR_TERRITORIES)

    def _fallback(self, name: str, value: yaml.Event, known: frozenset[str]) -> Cells:
        if not self._is_mapping(name, value, "write columns and values below it"):
            return Cells(self._line(value), {}, within=name)
        cells = self._cells(value, name)
        self.problems += [*cells.problems, *fallback_problems(cells, known)]
        return cells

    def _read_rows(self, start: yaml.Event) -> None:
        if not isinstance(start, yaml.SequenceStartEvent):
            if not _is_empty(start):
                self._say(start, "is no list", "write each row below it, beginning with -", column="rows")
            self._pass_over(start)
            return
        self._refuse_beyond_text(start, "rows")
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            if len(self._rows) > MAX_ROWS:  # one more than is taken: enough to say so
                self._pass_over(event)
            elif isinstance(event, yaml.MappingStartEvent):
                cells = self._cells(event, "")
                extra = [unknown(column, cells.line_of(column)) for column in cells.values if column not in COLUMNS]
                self._rows.append(Cells(cells.line, cells.values, cells.lines, problems=[*cells.problems, *extra]))
            else:
                problem = of_file(
                    self._line(event), "is no row", "write it as column: value", column="row", read=_read(event)
                )
                self._pass_over(event)
                self._rows.append(Cells(self._line(event), {}, problems=[problem]))

    def _cells(self, start: yaml.Event, within: str) -> Cells:
        """The columns and values of a mapping; its mistakes are with it, and not among the file's."""
        outer, self.problems = self.problems, []
        try:
            self._refuse_beyond_text(start, within or "row")
            values, lines = self._values(within)
            return Cells(self._line(start), values, lines, self.problems, within)
        finally:
            self.problems = outer

    def _values(self, within: str) -> tuple[dict[str, str], dict[str, int]]:
        values: dict[str, str] = {}
        lines: dict[str, int] = {}
        for column, value in self._pairs(within or "row"):
            name = f"{within}.{column}" if within else column
            if column in lines:
                self._say(value, f"stands in line {lines[column]} too", "keep one of them", column=name)
            lines[column] = self._line(value)
            if not isinstance(value, yaml.ScalarEvent):
                self._say(value, "is no single value", "write it on one line, or quote it", column=name)
            elif self._refuse_beyond_text(value, name) and (text := _text(column, value)):
                values[column] = text
            self._pass_over(value)
        return values, lines

    def _pairs(self, within: str) -> Iterator[tuple[str, yaml.Event]]:
        """Keys, and the event with which the value of each begins."""
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            if isinstance(key, yaml.ScalarEvent) and key.value != "<<":
                yield key.value.strip(), next(self._events)
                continue
            self._say(key, "is no name", "write a column's name, a colon and the value", column=within)
            self._pass_over(key)
            self._pass_over(next(self._events))

    def _is_mapping(self, name: str, event: yaml.Event, advice: str) -> bool:
        if isinstance(event, yaml.MappingStartEvent):
            self._refuse_beyond_text(event, name)
            return True
        if not _is_empty(event):
            self._say(event, "is no list of names and values", advice, column=name)
        self._pass_over(event)
        return False

    def _refuse_beyond_text(self, event: yaml.Event, name: str) -> bool:
        """Whether a value is plain text, or a plain list of it; says so if it is not."""
        if getattr(event, "anchor", None) is not None:
            self._say(
                event, "has an anchor", "delete &…; what repeats belongs into defaults or territories", column=name
            )
            return False
        if getattr(event, "tag", None) not in {None, _TEXT, "!"}:
            self._say(event, "has a tag", "delete !…; every value is read as it is written", column=name)
            return False
        return True

    def _pass_over(self, event: yaml.Event) -> None:
        """Skip the rest of a value, however deep it is."""
        depth = int(isinstance(event, yaml.CollectionStartEvent))
        while depth:
            event = next(self._events)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)

    def _line(self, event: yaml.Event) -> int:
        return self.line(event.start_mark.index if event.start_mark else None)

    def _say(self, event: yaml.Event, problem: str, advice: str, *, column: str = "file") -> None:
        self.problems.append(of_file(self._line(event), problem, advice, column=column[:80], read=_read(event)))


def _text(column: str, event: yaml.ScalarEvent) -> str:
    if _is_empty(event):
        return ""
    return cleaned(column, event.value)


def _is_empty(event: yaml.Event) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.style and event.value in _EMPTY


def _read(event: yaml.Event) -> str:
    match event:
        case yaml.ScalarEvent():
            return shown(str(event.value))  # an address may be signed
        case yaml.AliasEvent():
            return f"*{event.anchor}"
        case _:
            return ""
