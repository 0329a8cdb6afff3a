"""Lists: which records, and which page of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from simulator.fields import page_info

T = TypeVar("T")


def paged(rows: Sequence[T], page: int, page_size: int, shape: Callable[[T], Any], key: str = "list") -> dict[str, Any]:
    """The rows of one page, shaped, with the page numbers. Only what is shown is shaped."""
    start = (page - 1) * page_size
    return {
        key: [shape(row) for row in rows[start : start + page_size]],
        "page_info": page_info(page, page_size, len(rows)),
    }


def chosen(records: dict[str, T], ids: Iterable[str] | None) -> Iterable[T]:
    """The named records, or all of them newest first."""
    if ids is None:
        return reversed(records.values())
    return (records[key] for key in dict.fromkeys(ids) if key in records)
