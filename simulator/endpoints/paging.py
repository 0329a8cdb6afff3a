"""Lists: which records, which page of them, which of their fields."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from simulator.envelope import parameter_error
from simulator.fields import page_info

T = TypeVar("T")


def paged(rows: Sequence[T], page: int, page_size: int, shape: Callable[[T], Any], key: str = "list") -> dict[str, Any]:
    """The rows of one page, shaped, with the page numbers. Only what is shown is shaped."""
    start = (page - 1) * page_size
    return {
        key: [shape(row) for row in rows[start : start + page_size]],
        "page_info": page_info(page, page_size, len(rows)),
    }


def primary_matches(primary: str, secondary: str) -> bool:
    """Whether a campaign's or ad group's secondary status is among those a primary status selects.

    Raises:
        ApiError: 40002 for an unknown primary status.
    """
    deleted = secondary.endswith("_DELETE")
    disabled = secondary.endswith("_DISABLE")
    delivering = secondary.endswith(("_STATUS_ENABLE", "_DELIVERY_OK"))
    done = secondary.endswith("_DONE")
    selected = {
        "STATUS_ALL": True,
        "STATUS_NOT_DELETE": not deleted,
        "STATUS_DELETE": deleted,
        "STATUS_DISABLE": disabled,
        "STATUS_DELIVERY_OK": delivering,
        "STATUS_TIME_DONE": done,
        "STATUS_FROZEN": False,
        "STATUS_NOT_DELIVERY": not (deleted or disabled or delivering or done),
    }.get(primary)
    if selected is None:
        raise parameter_error(f"Invalid value of 'filtering.primary_status': {primary}")
    return selected


def chosen(records: dict[str, T], ids: Iterable[str] | None) -> Iterable[T]:
    """The named records, or all of them newest first."""
    if ids is None:
        return reversed(records.values())
    return (records[key] for key in dict.fromkeys(ids) if key in records)


def only(row: dict[str, Any], fields: list[str] | None) -> dict[str, Any]:
    """The wanted fields of a row; all without a wish."""
    return row if fields is None else {name: row[name] for name in fields if name in row}
