"""A selection of a release's rows, as SQL reads it."""

from typing import NamedTuple

from sparkads.contracts.release import Selection


class Condition(NamedTuple):
    """A condition on `targets t`, and the values of its three parameters."""

    sql: str
    values: tuple[list[str], list[str], list[int]]


def selected(selection: Selection, *, first: int) -> Condition:
    """The rows of a selection; `first` is the number of the first of its parameters in the whole statement."""
    rows, territories, waves = (f"${number}" for number in range(first, first + 3))
    sql = (
        f"({rows}::text[] = '{{}}' OR t.row_id = ANY({rows}))"
        f" AND ({territories}::text[] = '{{}}' OR t.territory = ANY({territories}))"
        f" AND ({waves}::integer[] = '{{}}' OR t.wave = ANY({waves}))"
    )
    return Condition(sql, (list(selection.rows), list(selection.territories), list(selection.waves)))
