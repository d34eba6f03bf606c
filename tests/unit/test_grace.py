"""What of the time for claims of a former run counts, and what does not."""

import pytest

from hostmon.grace import LOOK_S, SECOND, Grace


class Looked:
    """A grace of 1 s, looked at after so many seconds each time."""

    def __init__(self) -> None:
        self.now, self.may = SECOND, True
        self.grace = Grace(1.0, lambda: self.may, lambda: self.now)

    def after(self, seconds: float) -> float:
        self.now += int(seconds * SECOND)
        return self.grace.look()


@pytest.fixture
def looked() -> Looked:
    return Looked()


def test_it_runs_from_the_first_look_that_finds_it_may_be_granted(looked: Looked) -> None:
    looked.may = False
    assert [looked.after(60) for _ in range(3)] == [1.0] * 3
    looked.may = True
    assert looked.after(60) == 1.0
    assert looked.after(0.125) == 0.875


def test_it_stands_still_while_nothing_may_be_granted(looked: Looked) -> None:
    looked.after(0)
    assert looked.after(0.25) == 0.75
    looked.may = False
    assert looked.after(0.125) == 0.75
    assert looked.after(60) == 0.75
    looked.may = True
    assert looked.after(0.125) == 0.75
    assert [looked.after(0.25) for _ in range(4)] == [0.5, 0.25, 0, 0]
    looked.may = False
    assert looked.after(60) == 0


def test_a_look_that_fails_finds_that_nothing_may_be_granted(looked: Looked) -> None:
    looked.after(0)
    assert looked.after(0.25) == 0.75
    right = looked.grace._may_grant
    looked.grace._may_grant = lambda: bool(1 / 0)
    with pytest.raises(ZeroDivisionError):
        looked.after(0.125)
    looked.grace._may_grant = right
    assert [looked.after(0.125) for _ in range(2)] == [0.75, 0.625]


def test_what_nobody_looked_at_counts_little(looked: Looked) -> None:
    looked.after(0)
    assert looked.after(60) == 1.0 - LOOK_S
