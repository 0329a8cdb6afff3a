"""Cutting a list of records into the page asked for."""

from collections.abc import Callable, Sequence
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
