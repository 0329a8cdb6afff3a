"""How rows are laid out in ad groups, against what any layout has to keep."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from store.ad_group_layout import Together, lay_out

DUE = datetime(2027, 1, 15, tzinfo=UTC)
KINDS = st.builds(
    Together,
    wave=st.integers(1, 2),
    due_at=st.just(DUE),
    location_id=st.sampled_from(["1", "2"]),
    daily_budget=st.sampled_from([Decimal(20), Decimal("50.5")]),
    rights_until=st.sampled_from([None, DUE]),
)


@given(
    kinds=st.lists(KINDS, max_size=40),
    capacity=st.integers(1, 7),
    ceiling=st.one_of(st.none(), st.integers(1, 400).map(Decimal)),
    spent=st.integers(0, 100).map(Decimal),
    worst_day=st.sampled_from([Decimal(1), Decimal("1.25")]),
)
def test_every_row_has_one_place_or_is_left_out_for_the_ceiling(
    kinds: list[Together], capacity: int, ceiling: Decimal | None, spent: Decimal, worst_day: Decimal
) -> None:
    rows = [(f"row{number}", of) for number, of in enumerate(kinds)]
    layout = lay_out(rows, capacity=capacity, ceiling=ceiling, worst_day=worst_day, spent=spent)

    placed = {row_id: page.of for page in layout.pages for row_id in page.row_ids}
    assert placed == {row_id: of for row_id, of in rows if row_id in placed}
    assert sorted([*placed, *layout.beyond]) == sorted(row_id for row_id, _ in rows)
    assert sum(len(page.row_ids) for page in layout.pages) == len(placed)
    assert all(1 <= len(page.row_ids) <= capacity for page in layout.pages)
    assert layout.daily == worst_day * (spent + sum(page.of.daily_budget for page in layout.pages))
    assert [page.of.wave for page in layout.pages] == sorted(page.of.wave for page in layout.pages)
    if ceiling is None:
        assert not layout.beyond
        fewest = sum(-(-kinds.count(kind) // capacity) for kind in set(kinds))
        assert len(layout.pages) == fewest
    else:
        assert layout.daily <= max(ceiling, spent * worst_day)
