"""A file of handles, as people have them: one a line, or the first column of a spreadsheet."""

import csv
import io
import re
from pathlib import Path

_HANDLE = re.compile(r"^@?[A-Za-z0-9._]{2,24}$")
_TITLES = {"handle", "handles", "account", "accounts", "username"}
"""Words in the first line that are the column's title; with an @ they are a handle."""


def read_handles(path: Path) -> tuple[list[str], list[str]]:
    """The handles of a file, and its mistakes, each with its line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        return [], [f"--from {path}: {error.strerror}"]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return [], [f"{path.name}, line {line}: is not UTF-8; save it as CSV UTF-8 or plain text"]
    first_line = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first_line.count))
    handles: list[str] = []
    problems: list[str] = []
    line = 1
    try:
        for cells in reader:
            handle = cells[0].strip() if cells else ""
            if not any(cell.strip() for cell in cells) or (line == 1 and handle.lower() in _TITLES):
                pass
            elif _HANDLE.match(handle):
                handles.append(handle)
            else:
                problems.append(f"{path.name}, line {line}: {handle!r} is no TikTok handle; write it like @artist")
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(f"{path.name}, line {reader.line_num}: is no valid CSV: {error}")
    if not handles and not problems:
        problems.append(f"{path.name}: has no handle in it")
    return handles, problems
