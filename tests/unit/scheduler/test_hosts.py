"""The columns: every loop against a naive one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostmon._hosts import HostColumns

NUMBERS = st.integers(-(1 << 40), 1 << 40)


@given(
    st.lists(st.tuples(st.booleans(), NUMBERS, NUMBERS, st.integers(0, 7)), max_size=40),
    NUMBERS,
    st.integers(0, 7),
    st.sets(st.integers(0, 39)),
    st.sampled_from([-2.0, 1.0, 0.5]),
    st.integers(0, 100),
)
def test_narrowed_and_weighed_as_naively(
    rows: list[tuple[bool, int, int, int]],
    amount: int,
    bits: int,
    dropped: set[int],
    multiplier: float,
    first: int,
) -> None:
    columns = HostColumns(len(rows))
    for row, values in enumerate(rows):
        for name, value in zip(("ready", "a", "b", "bits"), values, strict=True):
            columns.put(row, name, value)
            assert columns.get(row, name) == value
    assert columns.begin() == sum(one[0] for one in rows)
    if rows:
        columns.at_least("a", amount)
        columns.has_bits("bits", bits)
        columns.prefer("b", multiplier)
    columns.without(row for row in dropped if row < len(rows))
    chosen = [
        n for n, one in enumerate(rows) if one[0] and one[1] >= amount and one[3] & bits == bits
    ]
    figures = [rows[n][2] for n in chosen]
    spread = max(figures) - min(figures) if figures else 0
    expected = {
        n: multiplier * (rows[n][2] - min(figures)) / spread if spread else 0.0
        for n in chosen if n not in dropped
    }  # fmt: skip
    assert columns.scored() == pytest.approx(expected)
    assert columns.left == len(expected)
    best = columns.best(first)
    if not expected:
        assert best == -1
    else:
        scores = columns.scored()
        assert scores[best] == max(scores.values())
        order = [(first + n) % len(rows) for n in range(len(rows))]
        equal = [n for n in order if n in scores and scores[n] == max(scores.values())]
        assert best == equal[0]


def test_rows_and_columns_are_bounded() -> None:
    columns = HostColumns(2)
    for call in (lambda: columns.put(2, "a", 1), lambda: columns.get(2, "a")):
        with pytest.raises(IndexError):
            call()
    columns.begin()
    with pytest.raises(IndexError):
        columns.without([5])
    for n in range(62):
        columns.number(f"c{n}")
    with pytest.raises(ValueError, match="there are 64"):
        columns.number("one too many")


def test_a_column_that_nobody_has_leaves_none() -> None:
    columns = HostColumns(1)
    columns.put(0, "ready", 1)
    columns.begin()
    columns.at_least("pages:1", 0)
    assert columns.left == 0
    assert "pages:1" not in columns
